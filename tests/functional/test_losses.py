"""Losses against their formulas in NumPy; gradients; weights, ignored entries, smoothing; errors."""

import itertools

import numpy as np
import pytest

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet.testing import check_grads

rng = np.random.default_rng(0)
logits, labels = rng.standard_normal((4, 3, 2)), np.array([[0, 2], [1, 1], [2, 0], [0, 0]])
class_weight = np.array([0.5, 1.0, 3.0])


def log_softmax(x):
    return x - np.log(np.exp(x).sum(1, keepdims=True))


def expected_cross_entropy(weight, ignore_index, reduction, smoothing):
    """Entry by entry."""
    log_p, losses, weights = log_softmax(logits), np.zeros(labels.shape), np.zeros(labels.shape)
    for n, d in itertools.product(range(4), range(2)):
        t = labels[n, d]
        if t != ignore_index:
            q = np.full(3, smoothing / 3)
            q[t] += 1 - smoothing
            losses[n, d] = -(q * weight * log_p[n, :, d]).sum()
            weights[n, d] = weight[t]
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / weights.sum()}[reduction]


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("ignore_index", [-100, 0])
@pytest.mark.parametrize("weight", [None, class_weight])
def test_cross_entropy(weight, ignore_index, reduction, smoothing):
    options = dict(weight=weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=smoothing)
    loss = F.cross_entropy(pcn.tensor(logits), pcn.tensor(labels), **options)
    w = np.ones(3) if weight is None else weight
    np.testing.assert_allclose(
        loss.data, expected_cross_entropy(w, ignore_index, reduction, smoothing), rtol=1e-12
    )
    check_grads(lambda x: F.cross_entropy(x, labels, **options), logits)


def test_cross_entropy_with_probabilities_agrees_with_classes():
    q = np.moveaxis(np.eye(3)[labels], -1, 1)
    for options in ({}, {"label_smoothing": 0.3}, {"reduction": "sum", "weight": class_weight}):
        a, b = (F.cross_entropy(pcn.tensor(logits), t, **options).item() for t in (q, labels))
        assert a == pytest.approx(b, rel=1e-12)
    check_grads(lambda x, q: F.cross_entropy(x, q), logits, np.abs(logits))


def test_cross_entropy_of_extreme_logits_and_of_nothing():
    assert F.cross_entropy(pcn.tensor([[1000.0, 0.0]]), [1]).item() == 1000
    assert F.cross_entropy(pcn.tensor([0.0, 0.0]), np.array(1)).item() == pytest.approx(np.log(2))
    assert np.isnan(F.cross_entropy(pcn.tensor([[1.0, 0.0]]), [0], ignore_index=0).item())
    assert F.cross_entropy(pcn.zeros(0, 3), np.zeros(0, int), reduction="sum").item() == 0


def test_binary_cross_entropy_with_logits():
    x, t = np.array([-800.0, -2.0, 0.0, 3.0, 800.0]), np.array([0.0, 1.0, 0.3, 0.0, 1.0])
    p = 1 / (1 + np.exp(-np.clip(x, -700, 700)))
    with np.errstate(all="ignore"):
        exact = np.nan_to_num(-2 * t * np.log(p) - (1 - t) * np.log(1 - p))
        loss = F.binary_cross_entropy_with_logits(
            pcn.tensor(x), t, reduction="none", pos_weight=pcn.tensor(2.0)
        )
    np.testing.assert_allclose(loss.data, exact, rtol=1e-12, atol=1e-12)
    weighted = F.binary_cross_entropy_with_logits(
        pcn.tensor(x), t, weight=np.array([0, 0, 0, 2.0, 0]), reduction="sum"
    )
    assert weighted.item() == pytest.approx(2 * np.log1p(np.exp(3.0)))
    for pos in (None, 2.0):
        check_grads(lambda x, t: F.binary_cross_entropy_with_logits(x, t, pos_weight=pos), x / 400, t)  # noqa: B023
    assert F.binary_cross_entropy_with_logits(pcn.zeros(2), np.array([True, False])).dtype == np.float32


def test_mse_loss():
    a, b = np.array([1.0, 2.0, 4.0]), np.array([0.0, 2.0, 1.0])
    assert F.mse_loss(pcn.tensor(a), b).item() == pytest.approx(10 / 3)
    assert F.mse_loss(pcn.tensor(a), b, reduction="none").tolist() == [1, 0, 9]
    assert F.mse_loss(pcn.tensor(a), b, weight=np.array([1.0, 1.0, 2.0])).item() == pytest.approx(19 / 4)
    check_grads(F.mse_loss, a, b)


x = pcn.zeros(2, 3)


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (
            lambda: F.cross_entropy(x, [0, 3]),
            IndexError,
            r"class 3.*3 classes \(0 to 2\): do the labels count from 1",
        ),
        (lambda: F.cross_entropy(x, [0, -1]), IndexError, "class -1"),
        (lambda: F.cross_entropy(x, [0, 1, 2]), ValueError, r"input \(2, 3\).*target \(3,\)"),
        (lambda: F.nll_loss(x, np.zeros(2)), TypeError, "integer classes, got float64"),
        (
            lambda: F.cross_entropy(x, [0, 1], weight=[1.0]),
            ValueError,
            r"weight has shape \(1,\), expected \(3,\)",
        ),
        (lambda: F.cross_entropy(x, [0, 1], label_smoothing=2), ValueError, "label_smoothing"),
        (
            lambda: F.cross_entropy(x, [0, 1], reduction="average"),
            ValueError,
            "'mean', 'sum' or 'none', got 'average'",
        ),
        (lambda: F.mse_loss(x, pcn.zeros(3)), ValueError, r"input has shape \(2, 3\) but target has \(3,\)"),
        (lambda: F.binary_cross_entropy_with_logits(x, pcn.zeros(2)), ValueError, "target has"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()
