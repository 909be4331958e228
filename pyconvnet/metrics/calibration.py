"""Whether a classifier is as often right as it says."""

from numbers import Integral

import numpy as np

from .arrays import numbers


def expected_calibration_error(probabilities, targets, bins=15):
    """sum_b (n_b / n) |accuracy_b - mean confidence_b| over equal bins of the confidence: 0 if it keeps its word.

    probabilities (n, C) of each class and targets (n,) classes from 0: the confidence is that of the most probable
    class (the first among equals). Or confidences (n,) and targets (n,) booleans: was it right? Bins are (low, high],
    the first with 0; NaN for n = 0. Naeini et al. (2015); Guo et al. (2017). ValueError, TypeError.
    """
    caller = "expected_calibration_error"
    p, t = numbers(f"{caller}: probabilities", probabilities), numbers(f"{caller}: targets", targets)
    if p.ndim not in (1, 2) or t.shape != p.shape[:1]:
        raise ValueError(
            f"{caller}: probabilities must have shape (n, C) or (n,) and targets (n,), got {p.shape} and {t.shape}"
        )
    if not isinstance(bins, Integral) or not 1 <= bins <= 2**20:
        raise ValueError(f"{caller}: bins must be a whole number from 1 to 2**20, got {bins!r}")
    if not ((p >= 0) & (p <= 1 + 1e-6)).all():
        raise ValueError(f"{caller}: probabilities must lie in [0, 1]: are these logits?")
    if not len(p):
        return float("nan")
    if p.ndim == 1:
        if not np.isin(t, (0, 1)).all():
            raise ValueError(f"{caller}: beside confidences (n,), targets must be booleans: was it right?")
        confidence, right = p, t.astype(bool)
    else:
        if t.dtype.kind not in "iu" or p.shape[1] == 0 or t.min() < 0 or t.max() >= p.shape[1]:
            raise ValueError(f"{caller}: targets must be classes from 0 to {p.shape[1] - 1}")
        confidence, right = p.max(axis=1), p.argmax(axis=1) == t
    confidence = np.minimum(confidence.astype(np.float64), 1)
    index = np.maximum(np.searchsorted(np.linspace(0, 1, int(bins) + 1), confidence, side="left") - 1, 0)
    gaps = np.bincount(index, right - confidence, minlength=int(bins))
    return float(np.abs(gaps).sum() / len(p))
