"""Two kinds of mistakes of a score, at every threshold: the ROC curve and what is read off it."""

from numbers import Real

import numpy as np

from .arrays import numbers


def roc_curve(scores, labels):
    """(fpr, tpr, thresholds) of "positive where score >= threshold": the share of negatives and of positives taken.

    scores (n,), labels (n,) of 0 and 1 (or booleans). Thresholds are the distinct scores, falling, with inf before
    them: ties enter together, and no point is dropped. Fawcett (2006). ValueError without a positive or a negative.
    """
    thresholds, false, true = _counts("roc_curve", scores, labels)
    return false / false[-1], true / true[-1], thresholds


def roc_auc(scores, labels):
    """Area under the ROC curve: the chance that a positive scores above a negative, a tie counting half.

    scores (n,), labels (n,) of 0 and 1. Exact up to the last division. Hanley & McNeil (1982).
    """
    _, false, true = _counts("roc_auc", scores, labels)
    doubled = sum(int(w) * int(h) for w, h in zip(np.diff(false), true[1:] + true[:-1]))
    return doubled / (2 * int(false[-1]) * int(true[-1]))


def equal_error_rate(scores, labels):
    """The rate at which as many negatives are accepted as positives are rejected: fpr = 1 - tpr.

    scores (n,) of pairs, higher for the same identity; labels (n,) 1 where it is the same. Between two thresholds
    the ROC curve is a straight line, and the rate is where it meets the diagonal.
    """
    _, false, true = _counts("equal_error_rate", scores, labels)
    fpr, fnr = false / false[-1], 1 - true / true[-1]
    after = int(np.argmax(fpr >= fnr))  # at the first threshold nothing is accepted: fpr = 0 < 1 = fnr
    gap, next_gap = fnr[after - 1] - fpr[after - 1], fpr[after] - fnr[after]
    return float(fpr[after - 1] + (fpr[after] - fpr[after - 1]) * gap / (gap + next_gap))


def true_accept_rate(scores, labels, false_accept_rate=1e-3):
    """The largest share of positives accepted at a threshold that accepts at most this share of the negatives.

    scores (n,), labels (n,) of 0 and 1. No interpolation: the threshold exists, and pairs that tie are accepted
    together. TAR @ FAR, Klare et al., "IJB-A" (2015).
    """
    if not isinstance(false_accept_rate, Real):
        got = type(false_accept_rate).__name__
        raise TypeError(f"true_accept_rate: false_accept_rate must be a number in [0, 1], got {got}")
    if not 0 <= false_accept_rate <= 1:
        raise ValueError(f"true_accept_rate: false_accept_rate must lie in [0, 1], got {false_accept_rate}")
    _, false, true = _counts("true_accept_rate", scores, labels)
    return float(true[false / false[-1] <= false_accept_rate][-1] / true[-1])


def _counts(caller, scores, labels):
    """Thresholds, inf first, and how many negatives and positives reach each."""
    scores, labels = numbers(f"{caller}: scores", scores), numbers(f"{caller}: labels", labels)
    if scores.ndim != 1 or labels.shape != scores.shape:
        raise ValueError(
            f"{caller}: scores and labels must be two vectors of one length, got {scores.shape} and {labels.shape}"
        )
    if not np.isin(labels, (0, 1)).all():
        wrong = labels[~np.isin(labels, (0, 1))][0]
        raise ValueError(f"{caller}: labels must be 0 or 1, got {wrong}: are scores and labels in this order?")
    if np.isnan(scores).any():
        raise ValueError(f"{caller}: scores[{np.isnan(scores).argmax()}] is NaN: it cannot be ranked")
    positive = labels.astype(bool)
    if positive.all() or not positive.any():
        missing = "negative" if len(positive) and positive.all() else "positive"
        raise ValueError(f"{caller}: there is no {missing} among {len(labels)} labels, so its rate is undefined")
    distinct, group = np.unique(scores, return_inverse=True)
    falling = [np.bincount(group[kind], minlength=len(distinct))[::-1] for kind in (~positive, positive)]
    false, true = (np.concatenate([[0], np.cumsum(count)]) for count in falling)
    return np.concatenate([[np.inf], distinct[::-1].astype(np.float64)]), false, true
