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
    np.testing.assert_allclose(loss.data, expected_cross_entropy(w, ignore_index, reduction, smoothing), rtol=1e-12)
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
        loss = F.binary_cross_entropy_with_logits(pcn.tensor(x), t, reduction="none", pos_weight=pcn.tensor(2.0))
    np.testing.assert_allclose(loss.data, exact, rtol=1e-12, atol=1e-12)
    weighted = F.binary_cross_entropy_with_logits(pcn.tensor(x), t, weight=np.array([0, 0, 0, 2.0, 0]), reduction="sum")
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


def test_targets_to_ignore_are_never_looked_up():
    x = pcn.tensor(np.array([[0.0, 1.0], [3.0, -np.inf]]), requires_grad=True)
    F.nll_loss(x, [1, 7], ignore_index=7).backward()
    assert x.grad.tolist() == [[0, -1], [0, 0]]
    assert F.nll_loss(pcn.zeros(2, 0), [-100, -100], reduction="sum").item() == 0


def test_l1_smooth_l1_and_huber_loss():
    a, b = pcn.tensor(np.array([0.0, 0.25, 3.0, -3.0])), np.zeros(4)
    assert F.l1_loss(a, b, reduction="none").tolist() == [0, 0.25, 3, 3]
    assert F.smooth_l1_loss(a, b, beta=0.5, reduction="none").tolist() == [0, 0.0625, 2.75, 2.75]
    assert F.huber_loss(a, b, "none", 0.5).tolist() == [0, 0.03125, 1.375, 1.375]
    np.testing.assert_allclose(
        F.huber_loss(a, b, "none", 0.5).data, 0.5 * F.smooth_l1_loss(a, b, beta=0.5, reduction="none").data
    )
    assert F.smooth_l1_loss(a, b, beta=0).item() == F.l1_loss(a, b).item()
    assert F.l1_loss(a, b, weight=np.array([1.0, 1, 1, 0])).item() == pytest.approx(3.25 / 3)
    assert F.huber_loss(a, b, "sum", weight=np.array([0.0, 0, 1, 0])).item() == 2.5
    for f in (F.l1_loss, F.smooth_l1_loss, F.huber_loss):
        check_grads(f, np.array([0.1, 0.2, 3.0, -3.0]), np.array([0.0, 0.5, 0.1, 1.0]))


def test_binary_cross_entropy_equals_that_of_the_logits():
    x, t = rng.standard_normal((3, 4)), rng.random((3, 4))
    p = 1 / (1 + np.exp(-x))
    for options in ({}, {"weight": rng.random(4)}, {"reduction": "none"}):
        a, b = (
            f(pcn.tensor(v), t, **options)
            for f, v in ((F.binary_cross_entropy, p), (F.binary_cross_entropy_with_logits, x))
        )
        np.testing.assert_allclose(a.data, b.data, rtol=1e-12)
    check_grads(F.binary_cross_entropy, p, t)


def test_binary_cross_entropy_is_finite_where_the_logarithm_is_not():
    x = pcn.tensor(np.array([0.0, 1.0, 0.0, 1.0]), requires_grad=True)
    loss = F.binary_cross_entropy(x, np.array([0.0, 1.0, 1.0, 0.0]), reduction="none")
    assert loss.tolist() == [0, 0, 100, 100]
    assert pcn.grad(loss.sum(), x)[0].tolist() == [0, 0, -1e12, 1e12]
    small = F.binary_cross_entropy(pcn.tensor([1e-10, 1e-6]), np.zeros(2), reduction="none")
    np.testing.assert_allclose(small.data, [1e-10, 1e-6], rtol=1e-5)  # not 1 - x, rounded to 1


def test_multi_margin_loss():
    x, t = np.array([[0.1, 0.2, 0.8], [2.0, 0.0, 0.5]]), np.array([2, 0])
    losses = [(0.3 + 0.4) / 3, 0.0]
    assert F.multi_margin_loss(pcn.tensor(x), t, reduction="none").data == pytest.approx(losses)
    assert F.multi_margin_loss(pcn.tensor(x), t, p=2).item() == pytest.approx((0.09 + 0.16) / 6)
    assert F.multi_margin_loss(pcn.tensor(x), t, weight=[1.0, 1.0, 3.0]).item() == pytest.approx(0.35)
    assert F.multi_margin_loss(pcn.tensor(x[0]), np.array(2)).item() == pytest.approx(losses[0])
    check_grads(lambda x: F.multi_margin_loss(x, t, 2, 0.65, [1.0, 2.0, 3.0]), x)


def test_kl_div():
    p, q = np.array([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5]]), np.array([[0.25, 0.5, 0.25], [0.25, 0.25, 0.5]])
    expected = 0.5 * np.log(2)
    with np.errstate(divide="ignore"):
        log_q, log_p = np.log(q), np.log(p)
    assert F.kl_div(pcn.tensor(log_q), p, reduction="sum").item() == pytest.approx(expected)
    assert F.kl_div(pcn.tensor(log_q), p, reduction="batchmean").item() == pytest.approx(expected / 2)
    assert F.kl_div(pcn.tensor(log_q), p).item() == pytest.approx(expected / 6)
    assert F.kl_div(pcn.tensor(log_p), p, reduction="sum").item() == 0  # 0 log 0 is 0 on both sides
    assert F.kl_div(pcn.tensor(log_q[1]), log_p[1] + 1, reduction="sum", log_target=True).item() == pytest.approx(np.e)
    check_grads(F.kl_div, log_q, q)
    check_grads(lambda x, t: F.kl_div(x, t, reduction="batchmean", log_target=True), log_q, log_q + 0.1)


def test_losses_that_compare():
    x, y = pcn.tensor([0.5, 3.0, 0.25]), np.array([1, -1, -1])
    assert F.hinge_embedding_loss(x, y, reduction="none").tolist() == [0.5, 0, 0.75]
    assert F.margin_ranking_loss(x, x * 0, np.array([1, 1, -1]), 1.0, reduction="none").tolist() == [0.5, 0, 1.25]
    anchor, near, far = pcn.tensor([[0.0, 0.0]]), pcn.tensor([[0.0, 3.0]]), pcn.tensor([[0.0, 5.0]])
    assert F.triplet_margin_loss(anchor, near, far, eps=0.0).item() == 0
    assert F.triplet_margin_loss(anchor, near, far, 4, eps=0.0).item() == 2
    assert F.triplet_margin_loss(anchor, near, far, 4, eps=0.0, swap=True).item() == 5  # far is 2 away from near
    a, b, c = rng.standard_normal((3, 4, 2))
    check_grads(lambda *t: F.triplet_margin_loss(*t, swap=True), a, b, c)
    check_grads(lambda s, t: F.margin_ranking_loss(s, t, np.array([1, -1]), 0.5), a[0], b[0])
    check_grads(lambda s: F.hinge_embedding_loss(s, np.array([1, -1])), a[0])


def test_a_triplet_of_equal_points_has_a_finite_gradient():
    x = pcn.tensor(np.zeros((2, 3)), requires_grad=True)
    assert np.isfinite(pcn.grad(F.triplet_margin_loss(x, x * 1, x * 1, eps=0.0), x)[0].data).all()


@pytest.mark.parametrize("former", list(itertools.product([None, True, False], repeat=2)))
def test_the_former_way_to_say_reduction(former):
    size_average, reduce = former
    words = "none" if reduce is False else "sum" if size_average is False else "mean"
    a, b = pcn.tensor([1.0, 2.0]), np.zeros(2, np.float32)
    np.testing.assert_array_equal(F.mse_loss(a, b, *former).data, F.mse_loss(a, b, reduction=words).data)


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
        (lambda: F.cross_entropy(x, x, ignore_index=1), ValueError, "ignore_index 1 has no meaning with probabilities"),
        (lambda: F.cross_entropy(pcn.tensor([[1, 2]]), [0]), TypeError, "input is int64"),
        (lambda: F.cross_entropy(pcn.tensor(1.0), 0), ValueError, "single number"),
        (lambda: F.binary_cross_entropy(x + 2, x), ValueError, r"input must hold probabilities.*are these logits\?"),
        (lambda: F.binary_cross_entropy(x, x - 1), ValueError, "target must hold probabilities"),
        (lambda: F.binary_cross_entropy(x, x, pcn.ones(2)), ValueError, "do not broadcast"),
        (lambda: F.binary_cross_entropy(x, x, pcn.ones(4, 2, 3)), ValueError, r"weight \(4, 2, 3\) does not broadcast"),
        (lambda: F.smooth_l1_loss(x, x, beta=-1), ValueError, "beta must not be negative, got -1"),
        (lambda: F.huber_loss(x, x, delta=0), ValueError, "delta must be positive, got 0"),
        (lambda: F.mse_loss(x, x, weight=pcn.ones(3)), ValueError, "but weight has"),
        (lambda: F.l1_loss(x, np.array([["a"] * 3] * 2)), TypeError, "target must hold numbers"),
        (lambda: F.mse_loss(np.zeros(2, np.float16), np.zeros(2)), TypeError, "input is float16"),
        (lambda: F.multi_margin_loss(x, [0, 3]), IndexError, "class 3"),
        (lambda: F.multi_margin_loss(x, [0, 1], p=3), ValueError, "p must be 1 or 2, got 3"),
        (lambda: F.multi_margin_loss(pcn.zeros(1, 2, 3), [[0, 1, 1]]), ValueError, r"\[N, C\] or \[C\]"),
        (lambda: F.kl_div(x, pcn.zeros(2)), ValueError, "do not broadcast"),
        (lambda: F.triplet_margin_loss(x, x, x, margin=0), ValueError, "margin must be positive"),
        (lambda: F.triplet_margin_loss(x, x[0], x), ValueError, "the same rank"),
        (lambda: F.margin_ranking_loss(x, x, pcn.ones(3)), ValueError, "the same rank"),
        (lambda: F.hinge_embedding_loss(x, pcn.ones(2)), ValueError, "do not broadcast"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()
