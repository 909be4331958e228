"""Functions near their corners, products with zeros, running sums, norms and deviations at 0; no warnings anywhere."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet.testing import check_grads

inf, nan = np.inf, np.nan
seeds = st.integers(0, 999)


def gradient(f, x):
    x = pcn.tensor(np.array(x, np.float64), requires_grad=True)
    y = f(x)
    return pcn.grad(y, x, np.ones(y.shape))[0].tolist()


def test_log1p_and_expm1_are_exact_near_zero():
    x = np.array([1e-300, -1e-20, 1e-9, 0.5])
    np.testing.assert_allclose(pcn.tensor(x).log1p().data, [math.log1p(v) for v in x], rtol=1e-15)
    np.testing.assert_allclose(pcn.tensor(x).expm1().data, [math.expm1(v) for v in x], rtol=1e-15)
    assert gradient(lambda x: x.expm1(), [-50.0]) == [math.exp(-50)]  # e^x, not the rounded value plus 1


@pytest.mark.parametrize("name", ["log1p", "expm1", "rsqrt", "reciprocal", "sin", "cos", "std", "prod"])
def test_gradients_of_order_one_to_three(name):
    check_grads(lambda x: getattr(x, name)(), np.random.default_rng(0).uniform(0.5, 2, (2, 3)), order=3, tolerance=1e-5)


def test_rsqrt_and_reciprocal_far_out():
    assert pcn.tensor([0.0, inf, 4.0]).rsqrt().tolist() == [inf, 0, 0.5]
    assert pcn.tensor([2, 0]).reciprocal().tolist() == [0.5, inf]


def test_steps_round_as_named_and_have_gradient_zero():
    x = [-2.5, -0.5, 0.5, 1.5, 2.6]
    t = pcn.tensor(x)
    assert t.floor().tolist() == [-3, -1, 0, 1, 2] and t.round().tolist() == [-2, 0, 0, 2, 3]
    assert t.sign().tolist() == [-1, -1, 1, 1, 1] and pcn.tensor([nan, -0.0]).sign().tolist() == [0, 0]
    np.testing.assert_allclose(pcn.tensor([0.123, 45.678]).round(decimals=1).data, [0.1, 45.7], rtol=1e-6)
    for f in (lambda x: x.floor(), lambda x: x.round(), lambda x: x.sign(), lambda x: x.norm(0)):
        assert gradient(f, x) == [0] * 5
    assert pcn.tensor([1, -2]).sign().tolist() == [1, -1] and pcn.tensor([3]).floor().dtype == np.int64


def test_maximum_promotes_and_nobody_loses_to_nan():
    assert pcn.maximum(pcn.tensor([1, 2]), pcn.tensor(1.5)).dtype == np.float32
    x, y = (pcn.tensor([nan, inf, 1.0], requires_grad=True) for _ in range(2))
    pcn.grad(pcn.minimum(x, y), x, np.ones(3, np.float32))
    assert pcn.grad(pcn.maximum(x, y.detach()), x, np.array([1, inf, 1], np.float32))[0].tolist() == [1, inf, 0.5]


def test_clamp_with_nan_for_a_bound_is_nan():
    assert np.isnan(pcn.ones(2).clamp(min=nan).data).all() and np.isnan(pcn.tensor([nan]).clamp(0, 1).data).all()


@given(seeds, st.integers(0, 9))
def test_prod_is_numpys_with_right_gradients_where_there_are_zeros(seed, n):
    x = np.random.default_rng(seed).integers(-2, 3, (n, 2)).astype(float)
    np.testing.assert_array_equal(pcn.tensor(x).prod(0).data, x.prod(0))
    assert pcn.tensor(x).prod().item() == x.prod()
    t = pcn.tensor(x, requires_grad=True)
    (g,) = pcn.grad(t.prod(0).sum(), t, create_graph=True)
    others = [[np.delete(x[:, j], i).prod() for j in range(2)] for i in range(n)]
    np.testing.assert_array_equal(g.data, np.reshape(others, (n, 2)))
    if n > 1:
        (h,) = pcn.grad(g[0, 0], t)  # d/dx_i of the product of all but the first
        expected = [np.delete(x[:, 0], [0, i]).prod() for i in range(1, n)]
        np.testing.assert_array_equal(h.data, np.array([[0, *expected], [0] * n]).T)


@given(seeds, st.integers(-2, 1))
def test_cumsum_is_numpys_and_loses_no_digits(seed, dim):
    x = np.random.default_rng(seed).standard_normal((3, 4))
    np.testing.assert_allclose(pcn.tensor(x).cumsum(dim).data, x.cumsum(dim))
    check_grads(lambda x: x.cumsum(dim) ** 2, x)
    tenth = np.full(100_000, 0.1, np.float32)
    assert pcn.tensor(tenth).cumsum(0).data[-1] == np.float32(tenth.astype(np.float64).sum())
    assert pcn.tensor([True, True]).cumsum(0).tolist() == [1, 2]


@given(
    seeds, st.sampled_from([0.5, 1, 1.5, 2, 3, 7, -1, -2, inf, -inf]), st.sampled_from([0, 1, (0, 1), None]),
    st.booleans(),
)  # fmt: skip
def test_norm_is_numpys(seed, p, dim, keepdim):
    x = np.random.default_rng(seed).uniform(0.5, 2, (3, 4)) * np.where(np.arange(4) % 2, 1, -1)
    size = np.abs(x)
    reduce = {inf: size.max, -inf: size.min}.get(p, lambda **along: (size**p).sum(**along) ** (1 / p))
    expected = reduce(axis=dim, keepdims=keepdim)
    np.testing.assert_allclose(pcn.tensor(x).norm(p, dim, keepdim).data, expected)
    check_grads(lambda x: x.norm(p, dim, keepdim), x, tolerance=1e-5)


def test_norms_and_deviations_have_gradient_zero_where_they_are_zero():
    for p in (0.5, 1, 1.5, 2, 3, inf, "fro"):
        assert gradient(lambda x, p=p: x.norm(p), [0.0, 0.0]) == [0, 0]
    assert gradient(lambda x: x.norm(-1), [0.0, 2.0]) == [0, 0]
    assert gradient(lambda x: x.std(), [3.0, 3.0, 3.0]) == [0, 0, 0]
    assert gradient(lambda x: pcn.grad(x.norm(), x, create_graph=True)[0].sum(), [0.0, 0.0]) == [0, 0]


def test_old_and_new_ways_to_ask_for_a_variance():
    x = pcn.tensor([[1.0, 3.0], [2.0, 6.0]])
    assert x.var(1).tolist() == [2, 8] and x.var(1, False).tolist() == x.var(1, correction=0).tolist() == [1, 4]
    assert x.var(False).item() == x.var(unbiased=False).item() == x.data.var()
    assert x.std(1, keepdim=True, correction=0).tolist() == [[1], [2]]


@pytest.mark.parametrize("shape", [(100_000, 3), (3, 50_000, 2), (2000, 64)])
def test_sums_of_float32_keep_their_digits(shape):
    x = np.random.default_rng(0).random(shape).astype(np.float32)
    exact = x.astype(np.float64).sum(0)
    np.testing.assert_allclose(pcn.tensor(x).sum(0).data, exact, rtol=2e-7)


def test_what_is_not_finite_comes_without_a_warning():
    big = pcn.tensor(np.array([3e38, inf, -inf, nan, 0.0], np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f in (lambda x: x + x, lambda x: x - x, lambda x: x * x, lambda x: x / x, lambda x: x**3, lambda x: x.sum(),
                  lambda x: x.sin(), lambda x: x.cos(), lambda x: x.log1p(), lambda x: x.expm1(), lambda x: x @ x,
                  lambda x: x.cumsum(0), lambda x: x.var(), lambda x: x.norm(), lambda x: x.prod(), lambda x: x.rsqrt(),
                  lambda x: x.round(decimals=2), lambda x: x.double().float(), lambda x: (x.double() * 1e300).float(),
                  lambda x: x.sigmoid(), lambda x: x.to("int64"), lambda x: pcn.einsum("i,j->", x, x)):  # fmt: skip
            f(big)


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda x: x.norm("nuc"), NotImplementedError, "nuclear"),
        (lambda x: x.norm("two"), ValueError, "p must be a number"),
        (lambda x: pcn.tensor([1, 2]).norm(), TypeError, "floating-point"),
        (lambda x: pcn.zeros(0).norm(inf), IndexError, "no values"),
        (lambda x: pcn.zeros(0).norm(-1), IndexError, "norm of nothing"),
        (lambda x: pcn.zeros(1, 2, 3).norm("fro", (0, 1, 2)), ValueError, "one or two axes"),
        (lambda x: x.cumsum(2), IndexError, "dim 2"),
        (lambda x: x.prod((0, 1)), TypeError, "dim must be an int"),
        (lambda x: x.sum("a"), TypeError, "dim must be an int or a tuple of ints, got 'a'"),
        (lambda x: x.var(correction="a"), TypeError, "correction must be a number"),
        (lambda x: x.round(decimals=0.5), ValueError, "whole number of places"),
        (lambda x: pcn.maximum(1.0, x), TypeError, "input must be a Tensor"),
        (lambda x: pcn.maximum(x, pcn.ones(4)), ValueError, r"maximum: shapes \(2, 3\) and \(4,\) do not broadcast"),
        (lambda x: x.pow("2"), TypeError, "exponent"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake(pcn.ones(2, 3))
