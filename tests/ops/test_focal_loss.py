"""The focal loss against its formula and its limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet import ops
from pyconvnet.autograd import Tensor
from pyconvnet.testing import check_grads


@given(st.integers(0, 10**6), st.sampled_from([0, 0.5, 1, 2, 5.0]), st.sampled_from([0.25, -1, 0, 1]), st.booleans())
def test_is_the_formula(seed, gamma, alpha, hard):
    rng = np.random.default_rng(seed)
    x, t = rng.uniform(-5, 5, (3, 4)), rng.uniform(0, 1, (3, 4))
    t = np.round(t) if hard else t
    p = 1 / (1 + np.exp(-x))
    p_t, alpha_t = p * t + (1 - p) * (1 - t), alpha * t + (1 - alpha) * (1 - t)
    expected = -(t * np.log(p) + (1 - t) * np.log(1 - p)) * (1 - p_t) ** gamma * (alpha_t if alpha >= 0 else 1)
    for reduction, reduce in (("none", lambda v: v), ("mean", np.mean), ("sum", np.sum)):
        found = ops.sigmoid_focal_loss(x, t, alpha, gamma, reduction)
        np.testing.assert_allclose(found, reduce(expected), rtol=1e-9, atol=1e-14)
        tensor = ops.sigmoid_focal_loss(pcn.tensor(x), pcn.tensor(t), alpha, gamma, reduction)
        assert isinstance(tensor, Tensor)
        np.testing.assert_array_equal(tensor.data, found)
    if hard:
        np.testing.assert_array_equal(ops.sigmoid_focal_loss(x, t.astype(bool)), ops.sigmoid_focal_loss(x, t))


def test_gradients(checks):
    rng = np.random.default_rng(0)
    x, t = rng.standard_normal(6), rng.uniform(0.1, 0.9, 6)
    for gamma in (0, 0.5, 2):
        checks["ops"] += check_grads(lambda x: ops.sigmoid_focal_loss(x, np.round(t), gamma=gamma), x)  # noqa: B023
        checks["ops"] += check_grads(lambda x, t: ops.sigmoid_focal_loss(x, t, gamma=gamma), x, t)  # noqa: B023


@pytest.mark.parametrize("gamma", [0, 0.5, 2])
def test_finite_with_its_gradient_at_sure_answers(gamma):
    x = Tensor(np.array([1000.0, -1000, 1000, -1000]), requires_grad=True)
    loss = ops.sigmoid_focal_loss(x, np.array([1.0, 0, 0, 1]), 0.25, gamma)
    np.testing.assert_allclose(loss.data, [0, 0, 750, 250])
    loss.sum().backward()
    np.testing.assert_allclose(x.grad.data, [0, 0, 0.75, -0.25])


def test_gamma_zero_without_alpha_is_binary_cross_entropy_and_of_nothing_the_mean_is_nan():
    x, t = np.linspace(-3, 3, 7), np.arange(7) % 2.0
    expected = pcn.functional.binary_cross_entropy_with_logits(pcn.tensor(x), pcn.tensor(t), reduction="none")
    np.testing.assert_allclose(ops.sigmoid_focal_loss(x, t, -1, 0), expected.data, rtol=1e-12)
    assert ops.sigmoid_focal_loss(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3)
    assert np.isnan(ops.sigmoid_focal_loss(np.zeros(0), np.zeros(0), reduction="mean"))
    assert ops.sigmoid_focal_loss(np.zeros(0), np.zeros(0), reduction="sum") == 0


X = np.zeros(2)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((X, X[:1]), ValueError, r"inputs has shape \(2,\) but targets has \(1,\)"),
        ((X.astype(int), X), TypeError, "inputs must be float32 or float64 logits, got dtype int64"),
        ((X, X.astype(complex)), TypeError, "targets must be numbers, got dtype complex128"),
        ((X, X.astype(np.float32)), TypeError, "inputs is float64 but targets is float32"),
        ((X, X, "a"), TypeError, "alpha must be a number, got str"),
        ((X, X, 0.5, None), TypeError, "gamma must be a number"),
        ((X, X, 0.5, 2, "max"), ValueError, "reduction must be 'none', 'mean' or 'sum', got 'max'"),
    ],
)
def test_mistakes_get_words(arguments, error, words):
    with pytest.raises(error, match=words):
        ops.sigmoid_focal_loss(*arguments)
