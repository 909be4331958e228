"""ROC curve, area, equal error rate and TAR @ FAR against their definitions, with ties; mistakes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet.metrics import equal_error_rate, roc_auc, roc_curve, true_accept_rate


@st.composite
def scored_labels(draw):
    """Few distinct scores, so that many tie; both labels occur."""
    n = draw(st.integers(2, 12))
    labels = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(lambda l: 0 < sum(l) < len(l)))
    scores = draw(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, -3.0, np.inf, -np.inf]), min_size=n, max_size=n))
    return np.array(scores), np.array(labels)


@given(scored_labels())
def test_curve_is_counted_threshold_by_threshold(case):
    scores, labels = case
    fpr, tpr, thresholds = roc_curve(scores, labels)
    assert fpr[0] == tpr[0] == 0 and thresholds[0] == np.inf
    assert fpr[-1] == tpr[-1] == 1 and len(thresholds) == len(set(scores)) + 1
    for f, t, threshold in list(zip(fpr, tpr, thresholds))[1:]:
        assert f == np.mean(scores[labels == 0] >= threshold) and t == np.mean(scores[labels == 1] >= threshold)
    assert (thresholds[2:] < thresholds[1:-1]).all()


@given(scored_labels())
def test_area_is_the_chance_that_a_positive_scores_higher(case):
    scores, labels = case
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[labels == 1] for n in scores[labels == 0]]
    assert roc_auc(scores, labels) == sum(pairs) / len(pairs)
    fpr, tpr, _ = roc_curve(scores, labels)
    assert roc_auc(scores, labels) == pytest.approx(np.trapezoid(tpr, fpr))
    assert roc_auc(-scores, labels) == pytest.approx(1 - roc_auc(scores, labels))
    order = np.unique(scores, return_inverse=True)[1]
    assert roc_auc(order, labels.astype(bool)) == roc_auc(scores, labels)


@given(scored_labels(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]))
def test_error_rates_read_off_the_curve(case, rate):
    scores, labels = case
    fpr, tpr, _ = roc_curve(scores, labels)
    assert true_accept_rate(scores, labels, rate) == max(t for f, t in zip(fpr, tpr) if f <= rate)
    eer = equal_error_rate(scores, labels)
    along = np.linspace(0, 1, 5001)
    f = np.interp(along * (len(fpr) - 1), np.arange(len(fpr)), fpr)
    t = np.interp(along * (len(fpr) - 1), np.arange(len(fpr)), tpr)
    nearest = np.abs(f + t - 1).argmin()
    assert eer == pytest.approx((f[nearest] + 1 - t[nearest]) / 2, abs=0.01)
    assert 1 - equal_error_rate(-scores, labels) == pytest.approx(eer)


def test_values_by_hand():
    scores, labels = [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]
    fpr, tpr, thresholds = roc_curve(pcn.tensor(scores, dtype="float64"), pcn.tensor(labels))
    assert fpr.tolist() == [0, 0, 0.5, 0.5, 1] and tpr.tolist() == [0, 0.5, 0.5, 1, 1]
    assert thresholds.tolist() == [np.inf, 0.8, 0.4, 0.35, 0.1]
    assert roc_auc(scores, labels) == 0.75 and equal_error_rate(scores, labels) == 0.5
    assert true_accept_rate(scores, labels, 0) == 0.5 and true_accept_rate(scores, labels, 0.5) == 1
    assert roc_auc([1, 1, 1], [0, 1, 1]) == equal_error_rate([1, 1, 1], [0, 1, 1]) == 0.5
    assert roc_auc([1, 2], [0, 1]) == 1 and equal_error_rate([1, 2], [0, 1]) == 0
    assert roc_auc([2, 1], [0, 1]) == 0 and equal_error_rate([2, 1], [0, 1]) == 1
    assert true_accept_rate([2, 1], [0, 1]) == 0


@pytest.mark.parametrize("metric", [roc_curve, roc_auc, equal_error_rate, true_accept_rate])
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([0.5, 0.1], [1, 1]), ValueError, "there is no negative among 2 labels"),
        (([0.5, 0.1], [0, 0]), ValueError, "there is no positive among 2 labels"),
        (([], []), ValueError, "there is no positive among 0 labels"),
        (([0, 1], [0.5, 0.1]), ValueError, "labels must be 0 or 1, got 0.5: are scores and labels in this order"),
        (([0.5, np.nan], [0, 1]), ValueError, r"scores\[1\] is NaN: it cannot be ranked"),
        (([0.5], [0, 1]), ValueError, r"two vectors of one length, got \(1,\) and \(2,\)"),
        (([[0.5, 0.1]], [[0, 1]]), ValueError, "two vectors"),
        ((["a", "b"], [0, 1]), TypeError, "scores must be numbers"),
        (([[1], [1, 2]], [0, 1]), ValueError, "rows of different lengths"),
        (([1, 2], np.array([0, 1j])), TypeError, "labels must be numbers, got dtype complex128"),
    ],
)
def test_mistakes_get_words(metric, arguments, error, words):
    with pytest.raises(error, match=f"{metric.__name__}: .*{words}"):
        metric(*arguments)


def test_a_false_accept_rate_is_a_rate():
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\], got 2"):
        true_accept_rate([1, 2], [0, 1], 2)
    with pytest.raises(TypeError, match="must be a number"):
        true_accept_rate([1, 2], [0, 1], "1%")
