"""Values against the formulas, behaviour at kinks, infinities and NaN, and what is said about wrong axes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet.testing import check_grads
from pyconvnet.testing.strategies import arrays

inf, nan = np.inf, np.nan
points = np.array([-1000.0, -30.0, -2.0, -0.5, 0.0, 0.5, 2.0, 19.0, 21.0, 1000.0])


def gradient(f, *args):
    """Gradients of the sum of f at float64 arguments."""
    tensors = [pcn.tensor(np.array(a, np.float64), requires_grad=True) for a in args]
    y = f(*tensors)
    g = [g.tolist() for g in pcn.grad(y, tensors, np.ones(y.shape))]
    return g if len(g) > 1 else g[0]


def test_relu_and_abs_have_gradient_zero_at_zero_and_select():
    y = F.relu(pcn.tensor([-inf, -1.0, -0.0, 0.0, 2.0, inf, nan]))
    np.testing.assert_array_equal(y.data, [0, 0, 0, 0, 2, inf, nan])
    assert gradient(F.relu, [-inf, -1, 0, 2, inf]) == [0, 0, 0, 1, 1]
    assert gradient(abs, [-3, -0.0, 0.0, 5]) == [-1, 0, 0, 1]


def test_leaky_relu_has_its_slope_at_zero():
    assert F.leaky_relu(pcn.tensor([-4.0, 0.0, 4.0]), 0.25).tolist() == [-1, 0, 4]
    assert gradient(lambda x: F.leaky_relu(x, 0.25), [-4, 0, 4]) == [0.25, 0.25, 1]


def test_sigmoid_tanh_softplus_hold_far_out():
    exact = [1 / (1 + math.exp(-p)) if p > -700 else 0.0 for p in points]
    np.testing.assert_allclose(F.sigmoid(pcn.tensor(points)).data, exact, rtol=1e-14)
    np.testing.assert_allclose(F.tanh(pcn.tensor(points)).data, [math.tanh(p) for p in points], rtol=1e-14)
    exact = [math.log1p(math.exp(p)) if p < 20 else p for p in points]
    np.testing.assert_allclose(F.softplus(pcn.tensor(points)).data, exact, rtol=1e-14)
    np.testing.assert_allclose(
        gradient(F.softplus, points),
        [1 / (1 + math.exp(-p)) if -700 < p < 20 else float(p > 0) for p in points],
        rtol=1e-14,
    )
    assert F.softplus(pcn.tensor([1.0]), beta=4, threshold=3).item() == 1  # beyond the threshold: x itself


@pytest.mark.parametrize(
    "f",
    [
        F.sigmoid,
        F.tanh,
        F.softplus,
        F.relu,
        lambda x: F.leaky_relu(x, 0.3),
        lambda x: F.softmax(x, 0),
        lambda x: F.log_softmax(x, 1),
        lambda x: x.logsumexp(0),
        lambda x: x.var(1),
        lambda x: x.amax(0),
        lambda x: x.amin((0, 1)),
        lambda x: x.clamp(-1, 1.5),
        lambda x: (x * x + 1) ** 0.5,
    ],
)
def test_gradients_of_order_one_and_two(f):
    x = np.random.default_rng(1).uniform(-3, 3, (3, 4))
    check_grads(lambda x: f(x * x - 1.3), x)


@given(arrays((2, 3), bound=1000.0), st.sampled_from([0, 1, -1]))
def test_softmax_is_a_distribution_whatever_the_size_of_the_logits(x, dim):
    p = F.softmax(pcn.tensor(x), dim).data
    np.testing.assert_allclose(p.sum(dim), 1, rtol=1e-12)
    shifted = np.exp(x - x.max(dim, keepdims=True))
    np.testing.assert_allclose(p, shifted / shifted.sum(dim, keepdims=True), rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(np.exp(F.log_softmax(pcn.tensor(x), dim).data), p)


def test_softmax_of_masked_logits():
    assert F.softmax(pcn.tensor([-inf, 0.0, 0.0]), 0).tolist() == [0, 0.5, 0.5]
    assert gradient(lambda x: F.softmax(x, 0)[1], [-inf, 0, 0]) == [0, 0.25, -0.25]
    assert (
        pcn.tensor([-inf, 3.0]).logsumexp(0).item() == 3 and pcn.tensor([inf, 3.0]).logsumexp(0).item() == inf
    )


def test_ties_share_the_gradient():
    assert gradient(pcn.maximum, [1, 2, 3], [2, 2, 2]) == [[0, 0.5, 1], [1, 0.5, 0]]
    assert gradient(pcn.minimum, [1, 2, 3], [2, 2, 2]) == [[1, 0.5, 0], [0, 0.5, 1]]
    assert gradient(lambda x: x.amax(), [3, 1, 3, 3, 3]) == [0.25, 0, 0.25, 0.25, 0.25]
    assert gradient(lambda x: x.amin(1), [[1, 1], [0, 2]]) == [[0.5, 0.5], [1, 0]]
    assert np.isnan(pcn.maximum(pcn.tensor([nan]), pcn.tensor([1.0])).data) and np.isnan(
        pcn.tensor([1.0, nan]).amax().data
    )


def test_clamp_passes_the_gradient_at_its_bounds():
    assert gradient(lambda x: x.clamp(-1, 1), [-2, -1, 0, 1, 2]) == [0, 1, 1, 1, 0]
    assert gradient(lambda x, b: x.clamp(max=b), [0, 1, 2], [1, 1, 1]) == [[1, 1, 0], [0, 0, 1]]
    assert pcn.tensor([1.0, 5.0]).clamp(3, 2).tolist() == [2, 2]  # the upper bound has the last word
    assert pcn.tensor([1, 5]).clamp(0.5, 2.5).dtype == np.float32


@given(st.lists(st.integers(0, 3), min_size=0, max_size=3), st.booleans(), st.data())
def test_reductions_are_numpys(shape, keepdim, data):
    x = np.random.default_rng(0).standard_normal(shape)
    several = st.lists(st.integers(0, len(shape) - 1), unique=True, min_size=1).map(tuple)
    dim = data.draw(st.none() | several if shape else st.none())
    t, options = pcn.tensor(x), {"axis": dim, "keepdims": keepdim}
    np.testing.assert_allclose(t.sum(dim, keepdim).data, x.sum(**options))
    if x.size:
        np.testing.assert_allclose(t.mean(dim, keepdim).data, x.mean(**options))
        np.testing.assert_allclose(
            t.var(dim, correction=0, keepdim=keepdim).data, x.var(**options), atol=1e-15
        )
        np.testing.assert_allclose(t.amax(dim, keepdim).data, x.max(**options))
        np.testing.assert_allclose(t.amin(dim, keepdim).data, x.min(**options))
    np.testing.assert_array_equal((t > 0).any(dim, keepdim).data, (x > 0).any(**options))
    np.testing.assert_array_equal((t > 0).all(dim, keepdim).data, (x > 0).all(**options))


def test_reductions_of_little():
    assert np.isnan(pcn.zeros(0).mean().data) and np.isnan(pcn.tensor([1.0]).var().data)
    assert pcn.tensor([1.0, 2.0]).var(correction=2).item() == inf
    assert (
        pcn.tensor([True, True]).sum().tolist() == 2
        and pcn.tensor(np.ones(300, np.uint8)).sum().item() == 300
    )
    assert (
        pcn.ones(2, 3).sum(dim=()).shape == () and pcn.tensor([1, 2]).sum(dtype="float64").dtype == np.float64
    )
    assert (
        pcn.tensor([[1.0, 7.0], [9.0, 7.0]]).argmax(1).tolist() == [1, 0]
        and pcn.tensor([2.0, 2.0]).argmax().item() == 0
    )


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: pcn.ones(2, 3).sum(2), IndexError, "sum: dim 2 is out of range for a tensor of rank 2"),
        (lambda: pcn.ones(2, 3).sum((1, -1)), ValueError, "names an axis.*twice"),
        (lambda: pcn.ones(2, 3).argmax(5), IndexError, "argmax: dim 5"),
        (lambda: pcn.ones(2, 3).size(2), IndexError, "size: dim 2"),
        (lambda: pcn.tensor([1, 2]).mean(), TypeError, "floating-point.*int64"),
        (lambda: pcn.zeros(0).argmax(), IndexError, r"no position.*\(0,\)"),
        (lambda: pcn.zeros(2, 0).amax(1), IndexError, r"amax: no values along \(1,\)"),
        (lambda: F.relu(pcn.ones(2), inplace=True), NotImplementedError, "inplace"),
        (lambda: pcn.ones(2).clamp(), ValueError, "min, max"),
        (lambda: pcn.ones(2, 3).reshape(4, -1), ValueError, r"6 values of shape \(2, 3\).*\(4, -1\)"),
        (lambda: pcn.ones(2, 3).reshape(-2, -3), ValueError, "whole numbers"),
        (lambda: pcn.ones(2, 3).reshape(-1, -1), ValueError, "do not fit"),
        (lambda: pcn.ones(2, 3).permute(0, 0), ValueError, "each of the 2 axes"),
        (lambda: pcn.ones(2, 3).transpose(0, 2), IndexError, "dim 2"),
        (lambda: pcn.ones(2, 3).expand(2, 4), ValueError, "cannot be expanded"),
        (lambda: pcn.ones(2, 3).flatten(1, 0), ValueError, "comes after"),
        (lambda: pcn.ones(2, 3).unsqueeze(3), IndexError, "dim 3"),
        (lambda: pcn.cat([]), ValueError, "at least one"),
        (lambda: pcn.cat([pcn.tensor(1.0)]), ValueError, "stack"),
        (lambda: pcn.cat([pcn.ones(2, 3), pcn.ones(2, 4)]), ValueError, r"tensor 1 has shape \(2, 4\)"),
        (lambda: pcn.stack([pcn.ones(2), pcn.ones(3)]), ValueError, r"tensor 1 has shape \(3,\)"),
        (lambda: pcn.ones(2).to("complex64"), TypeError, "complex64"),
        (lambda: pcn.ones(2) @ [1.0, 2.0], TypeError, "list"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()


def test_a_result_of_mixed_dtypes_differentiates_back_into_each():
    x, w = pcn.ones(1, 1, 3, 3), pcn.tensor(np.ones((1, 1, 2, 2), np.float32), requires_grad=True)
    (F.conv2d(x, w) * pcn.tensor(np.full((1, 1, 2, 2), 2.0))).sum().backward()
    assert w.grad.dtype == np.float32 and w.grad.tolist() == [[[[8, 8], [8, 8]]]]
    assert (pcn.tensor([1, 2]) * pcn.tensor([0.5, 0.5])).dtype == np.float32
    assert pcn.ones(2, requires_grad=True).to("int64").requires_grad is False


def test_joins_promote_and_skip_empty_ones():
    assert pcn.cat([pcn.tensor([1]), pcn.tensor([0.5])]).dtype == np.float32
    assert pcn.cat([pcn.zeros(0), pcn.ones(2, 3), pcn.ones(1, 3)]).shape == (3, 3)
    assert gradient(lambda a, b: pcn.cat([a, b, a]) * np.arange(5.0), [1, 2], [3]) == [[3, 5], [2]]
    assert gradient(lambda a, b: pcn.stack([a, b], 1)[0] * np.array([2.0, 3.0]), [1, 2], [3, 4]) == [
        [2, 0],
        [3, 0],
    ]


@pytest.mark.parametrize("n", [1, 3, 7, 35])
@pytest.mark.parametrize("v", [0.7, 1e-45, -3.3, np.inf, -np.inf, np.nan])
def test_the_largest_of_equal_values_is_that_value_to_the_last_bit(n, v):
    x = np.full(n, v, np.float32)
    for t in (pcn.tensor(x), pcn.tensor(x, requires_grad=True)):
        for y in (t.max(), t.min(), t.amax(0), t.amin(0)):
            np.testing.assert_array_equal(y.data, x[0])
