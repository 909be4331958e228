"""elu, gelu, hardtanh and the error function: values to the last digits, kinks, gradients, what they refuse."""

import math

import numpy as np
import pytest

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet import primitives as P
from pyconvnet.testing import check_grads

inf = np.inf


def slopes(f, x):
    t = pcn.tensor(np.array(x, np.float64), requires_grad=True)
    return pcn.grad(f(t).sum(), t)[0].tolist()


def test_erf_is_good_to_four_units_in_the_last_place():
    x = np.concatenate([np.linspace(0, 7, 20001), 10.0 ** np.linspace(-300, 0, 300)])
    exact = np.array([math.erf(v) for v in x])
    assert np.abs(P.erf(x) - exact).max() < 5e-16
    assert np.abs(P.erf(x[1:]) / exact[1:] - 1).max() < 1e-15
    single = x[x > 1e-30].astype(np.float32)
    exact = np.array([math.erf(v) for v in single])
    assert P.erf(single).dtype == np.float32 and np.abs(P.erf(single) / exact - 1).max() < 4e-7
    np.testing.assert_array_equal(P.erf(-x), -P.erf(x))
    np.testing.assert_array_equal(P.erf(np.array([inf, -inf, np.nan, -0.0])), [1, -1, np.nan, -0.0])


def test_gelu_is_x_times_phi():
    x = np.linspace(-5, 5, 101)
    phi = np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in x])
    np.testing.assert_allclose(F.gelu(pcn.tensor(x)).data, x * phi, rtol=1e-9, atol=1e-16)
    assert np.abs(F.gelu(pcn.tensor(x), "tanh").data - x * phi).max() < 5e-4  # an approximation, but not the same
    assert np.abs(F.gelu(pcn.tensor(x), "tanh").data - x * phi).max() > 1e-4


def test_elu_joins_the_line_and_the_exponential():
    x = [-1000.0, -1.0, -1e-12, 0.0, 1e-12, 3.0, 1000.0]
    np.testing.assert_allclose(F.elu(pcn.tensor(np.array(x)), 2.0).data, [2 * math.expm1(v) if v < 0 else v for v in x])
    np.testing.assert_allclose(slopes(lambda t: F.elu(t, 2.0), x), [2 * math.exp(v) if v <= 0 else 1.0 for v in x])
    assert F.elu(pcn.tensor([inf, -inf])).tolist() == [inf, -1]


def test_hardtanh_has_no_slope_at_its_bounds():
    assert F.hardtanh(pcn.tensor([-inf, -2.0, 0.25, 2.0]), -1, 0.5).tolist() == [-1, -1, 0.25, 0.5]
    assert slopes(F.hardtanh, [-2, -1, -0.5, 1, 2]) == [0, 0, 1, 0, 0]
    assert np.isnan(F.hardtanh(pcn.tensor([np.nan])).data)


@pytest.mark.parametrize("f", [P.erf, F.gelu, lambda x: F.gelu(x, "tanh"), lambda x: F.elu(x, 0.7), F.hardtanh])
def test_gradients_of_order_one_and_two(f):
    x = np.random.default_rng(1).uniform(0.1, 0.9, (3, 4)) + np.array([-3, -1, 0, 2])
    check_grads(f, x)


def test_whole_numbers():
    whole = pcn.tensor([-2, 0, 3])
    assert F.relu(whole).tolist() == [0, 0, 3] and F.relu(whole).dtype == np.int64
    assert F.sigmoid(whole).dtype == F.tanh(whole).dtype == np.float32
    assert F.softmax(whole, 0, dtype="float64").data.sum() == pytest.approx(1)


def test_softmax_without_dim_takes_pytorchs():
    for shape, dim in (((3,), 0), ((2, 3), 1), ((2, 3, 2), 0), ((2, 3, 2, 2), 1)):
        x = pcn.randn(*shape)
        np.testing.assert_array_equal(F.softmax(x).data, F.softmax(x, dim).data)
    assert F.softmax(pcn.tensor(3.0), 0).item() == 1 and F.log_softmax(pcn.zeros(0, 3), 0).shape == (0, 3)


x = pcn.zeros(2, 3)


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: F.gelu(x, "erf"), ValueError, "approximate must be 'none' or 'tanh', got 'erf'"),
        (lambda: F.hardtanh(x, 2, 1), ValueError, "min_val 2 is larger than max_val 1"),
        (lambda: F.elu(pcn.tensor([1])), TypeError, "elu: input is int64, expected float32 or float64"),
        (lambda: F.softmax(pcn.tensor([1]), 0), TypeError, "softmax: input is int64"),
        (lambda: F.elu(x, "1"), TypeError, "alpha must be a number, got '1'"),
        (lambda: F.elu(x, inplace=True), NotImplementedError, "inplace"),
        (lambda: F.softplus(x, beta=0), ValueError, "beta"),
        (lambda: F.relu([1.0]), TypeError, r"input must be a Tensor, got list: make one with pcn.tensor"),
        (lambda: F.sigmoid(np.zeros(2, np.complex64)), TypeError, "complex64"),
        (lambda: F.tanh(np.zeros(2, np.float16)), TypeError, "float16"),
        (lambda: F.relu(np.array(["a"])), TypeError, "<U1"),
        (lambda: F.softmax(x, 2), IndexError, "softmax: dim 2 is out of range"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()
