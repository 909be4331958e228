"""Batch norm: its two ways to normalise, running statistics, gradients against the composed twin, errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet.primitives import batch_norm_composed
from pyconvnet.testing import check_grads

shapes = st.tuples(st.integers(2, 4), st.integers(1, 3)).flatmap(
    lambda nc: st.sampled_from([nc, (*nc, 3), (*nc, 2, 3), (*nc, 2, 1, 2)])
)


def some(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def per_channel(v, x):
    return v.reshape(1, -1, *[1] * (x.ndim - 2))


@given(shapes, st.sampled_from([1e-5, 0.1]))
def test_training_normalises_with_the_biased_variance_of_the_batch(shape, eps):
    x, w, b = some(shape), some(shape[1], 1), some(shape[1], 2)
    axes = (0, *range(2, x.ndim))
    xhat = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
    y = F.batch_norm(pcn.tensor(x), None, None, pcn.tensor(w), pcn.tensor(b), training=True, eps=eps)
    np.testing.assert_allclose(y.data, per_channel(w, x) * xhat + per_channel(b, x), rtol=1e-9, atol=1e-12)


@given(shapes, st.sampled_from([0.1, 0.75, 1.0]))
def test_running_statistics_move_in_place_towards_the_mean_and_the_unbiased_variance(shape, momentum):
    x, axes = some(shape), (0, *range(2, len(shape)))
    mean, var = pcn.tensor(np.full(shape[1], 5.0)), pcn.tensor(np.full(shape[1], 7.0))
    kept = mean.data, var.data
    F.batch_norm(pcn.tensor(x), mean, var, training=True, momentum=momentum)
    np.testing.assert_allclose(kept[0], (1 - momentum) * 5 + momentum * x.mean(axes), rtol=1e-12)
    np.testing.assert_allclose(kept[1], (1 - momentum) * 7 + momentum * x.var(axes, ddof=1), rtol=1e-12)


@given(shapes)
def test_evaluation_uses_the_running_statistics_and_leaves_them(shape):
    x, m, v, w, b = some(shape), *(some(shape[1], i) for i in range(4))
    v = np.abs(v) + 0.1
    mean, var = pcn.tensor(m), pcn.tensor(v)
    y = F.batch_norm(pcn.tensor(x), mean, var, pcn.tensor(w), pcn.tensor(b))
    expected = per_channel(w, x) * (x - per_channel(m, x)) / np.sqrt(per_channel(v, x) + 1e-5) + per_channel(
        b, x
    )
    np.testing.assert_allclose(y.data, expected, rtol=1e-9, atol=1e-12)
    assert (mean.data == m).all() and (var.data == v).all()


@pytest.mark.parametrize("shape", [(3, 2), (2, 3, 2, 2)])
def test_gradients_of_order_one_and_two(shape):
    w, b = some(shape[1], 1), some(shape[1], 2)
    m, v = pcn.tensor(some(shape[1], 3)), pcn.tensor(np.abs(some(shape[1], 4)) + 0.5)
    check_grads(lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True, eps=0.1), some(shape), w, b)
    check_grads(lambda x, w, b: F.batch_norm(x, m, v, w, b), some(shape), w, b)


@given(shapes)
def test_fused_and_composed_have_the_same_first_and_second_gradients(shape):
    results = []
    for f in (
        lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True, eps=0.1),
        lambda x, w, b: batch_norm_composed(x, w, b, eps=0.1),
    ):
        args = [
            pcn.tensor(a, requires_grad=True) for a in (some(shape), some(shape[1], 1), some(shape[1], 2))
        ]
        y = f(*args)
        first = pcn.grad((y * y * some(shape, 5)).sum(), args, create_graph=True)
        second = pcn.grad(sum((g * some(g.shape, 6)).sum() for g in first), args)
        results.append([y, *first, *second])
    for fused, composed in zip(*results, strict=True):
        np.testing.assert_allclose(fused.data, composed.data, rtol=1e-8, atol=1e-10)


def test_a_large_mean_does_not_spoil_the_variance():
    x = (10_000 + some((64, 2))).astype(np.float32)
    y = F.batch_norm(pcn.tensor(x), None, None, training=True).data
    assert np.abs(y.mean(0)).max() < 1e-3 and np.abs(y.std(0) - 1).max() < 1e-3


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (
            lambda x: F.batch_norm(x, pcn.zeros(4), pcn.ones(4)),
            ValueError,
            r"3 channels \(axis 1 of \(2, 3, 2, 2\)\) but running_mean has shape \(4,\)",
        ),
        (lambda x: F.batch_norm(x, None, None), ValueError, "outside training it needs running_mean"),
        (
            lambda x: F.batch_norm(x[:1, :, :1, :1], None, None, training=True),
            ValueError,
            "more than one value per channel",
        ),
        (
            lambda x: F.batch_norm(x.double(), pcn.zeros(3), pcn.ones(3)),
            TypeError,
            "float64 but running_mean is float32",
        ),
        (
            lambda x: F.batch_norm(x, None, None, pcn.ones(2), training=True),
            ValueError,
            r"weight has shape \(2,\)",
        ),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake(pcn.ones(2, 3, 2, 2))


def test_layers_that_share_input_and_cotangent_have_gradients_of_their_own():
    """The rules of a layer share the sums that they need: with no other layer's, and no other walk's."""
    rng = np.random.default_rng(0)
    x = pcn.tensor(rng.standard_normal((4, 3, 5, 5)), requires_grad=True)
    parameters = [pcn.tensor(rng.standard_normal(3), requires_grad=True) for _ in range(4)]
    w1, b1, w2, b2 = parameters
    settings = {"running_mean": None, "running_var": None, "training": True}
    first = F.batch_norm(x, weight=w1, bias=b1, eps=1e-5, **settings)
    second = F.batch_norm(x, weight=w2, bias=b2, eps=2.0, **settings)
    y = first + second  # both get the very same cotangent
    g = rng.standard_normal(y.shape)
    for scale in (1, -3):
        g *= scale  # the same array, other numbers
        together = pcn.autograd.grad(y, [x, *parameters], g)
        apart = [pcn.autograd.grad(z, [x, *parameters], g.copy(), allow_unused=True) for z in (first, second)]
        for both, *each in zip(together, *apart):
            np.testing.assert_allclose(both.data, sum(e.data for e in each if e is not None), rtol=1e-12, atol=1e-12)
    before = [p.data for p in pcn.autograd.grad(first, [x, w1, b1], g)]
    g *= 2
    for once, twice in zip(before, pcn.autograd.grad(first, [x, w1, b1], g)):
        np.testing.assert_allclose(2 * once, twice.data, rtol=1e-12, atol=1e-12)
