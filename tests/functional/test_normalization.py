"""Group, instance, layer and local response norm against their definitions; how exact float32 stays; errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet.testing import check_grads


def some(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def standardised(x, axes, eps):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(2, 3), st.sampled_from([(), (2,), (2, 3)]))
def test_group_norm_standardises_groups_of_channels(n, groups, each, size):
    x = some((n, groups * each, *size))
    w, b = some(groups * each, 1), some(groups * each, 2)
    parts = x.reshape(n, groups, each, *size)
    y = standardised(parts, tuple(range(2, parts.ndim)), 1e-5).reshape(x.shape)
    y = y * w.reshape(-1, *[1] * len(size)) + b.reshape(-1, *[1] * len(size))
    np.testing.assert_allclose(F.group_norm(pcn.tensor(x), groups, pcn.tensor(w), pcn.tensor(b)).data, y, rtol=1e-9)


def test_the_norms_are_each_others_special_cases():
    x = pcn.tensor(some((3, 4, 2, 5)))
    np.testing.assert_allclose(F.instance_norm(x).data, F.group_norm(x, 4).data)
    np.testing.assert_allclose(F.layer_norm(x, (4, 2, 5)).data, F.group_norm(x, 1).data)
    np.testing.assert_allclose(F.layer_norm(x, 5).data, standardised(x.data, 3, 1e-5), rtol=1e-9)
    one = x[:1]
    np.testing.assert_allclose(F.instance_norm(one).data, F.batch_norm(one, None, None, training=True).data)


def test_instance_norm_moves_its_statistics_towards_the_average_over_the_batch():
    x, mean, var = some((3, 2, 5)), pcn.tensor(np.full(2, 5.0)), pcn.tensor(np.full(2, 7.0))
    F.instance_norm(pcn.tensor(x), mean, var, momentum=0.25)
    np.testing.assert_allclose(mean.data, 0.75 * 5 + 0.25 * x.mean((0, 2)))
    np.testing.assert_allclose(var.data, 0.75 * 7 + 0.25 * x.var(2, ddof=1).mean(0))
    y = F.instance_norm(pcn.tensor(x), mean, var, use_input_stats=False)
    np.testing.assert_allclose(y.data, (x - mean.data[:, None]) / np.sqrt(var.data[:, None] + 1e-5))


@given(st.integers(1, 7), st.integers(1, 5))
def test_local_response_norm_divides_by_the_neighbouring_channels(size, c):
    x, y = some((2, c, 3)), np.zeros((2, c, 3))
    for i in range(c):
        near = x[:, max(0, i - size // 2) : i + (size - 1) // 2 + 1]
        y[:, i] = x[:, i] / (2 + 0.5 * (near**2).sum(1) / size) ** 0.75
    np.testing.assert_allclose(F.local_response_norm(pcn.tensor(x), size, 0.5, 0.75, 2.0).data, y)


def test_a_local_response_norm_wider_than_there_are_channels_costs_no_more():
    x = pcn.tensor(some((1, 2, 3)))
    a, b = F.local_response_norm(x, 10**9, alpha=1e9), F.local_response_norm(x, 5, alpha=5)
    np.testing.assert_allclose(a.data, b.data)


w, b = some(4, 1), some(4, 2)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, w, b: F.group_norm(x, 2, w, b, 0.1),
        lambda x, w, b: F.instance_norm(x, None, None, w, b, eps=0.1),
        lambda x, w, b: F.instance_norm(x, pcn.tensor(some(4, 3)), pcn.ones(4, dtype=float), w, b, False),
        lambda x, w, b: F.layer_norm(x.permute(0, 2, 1), 4, w, b, 0.1),
        lambda x, w, b: F.local_response_norm(x, 3, 0.5) * w.sum() + b.sum(),
    ],
)
def test_gradients_of_order_one_and_two(f):
    check_grads(f, some((2, 4, 3)), w, b)


def relative_error(y, exact):
    return np.abs(y.astype(np.float64) - exact).max() / np.abs(exact).max()


@pytest.mark.parametrize(("shape", "dim"), [((10**6,), 0), ((10**6, 2), 0), ((2, 10**6), 1)])
def test_sums_over_a_million_float32_are_exact_to_four_roundings(shape, dim):
    x = (some(shape) + 3).astype(np.float32)
    wide, t = x.astype(np.float64), pcn.tensor(x)
    assert relative_error(t.sum(dim).data, wide.sum(dim)) < 2.5e-7
    assert relative_error(t.mean(dim).data, wide.mean(dim)) < 2.5e-7
    assert relative_error(t.var(dim).data, wide.var(dim, ddof=1)) < 2.5e-7
    assert relative_error(t.norm(2, dim).data, np.linalg.norm(wide, axis=dim)) < 2.5e-7
    assert relative_error(F.mse_loss(t, t * 0, reduction="mean").data, (wide**2).mean()) < 2.5e-7


def test_norms_of_a_million_float32_with_a_large_mean():
    x = (some((2, 10**6)) + 100).astype(np.float32)
    exact = standardised(x.astype(np.float64), 1, 1e-5)
    bound = 100 * 2**-24 / 4  # the mean is rounded to a float32 near 100; the values go to 4.8
    assert relative_error(F.layer_norm(pcn.tensor(x), 10**6).data, exact) < bound
    assert relative_error(F.group_norm(pcn.tensor(x.reshape(2, 10, 10**5)), 1).data.reshape(2, -1), exact) < bound
    y = F.batch_norm(pcn.tensor(np.ascontiguousarray(x.T)), None, None, training=True)
    assert relative_error(y.data.T, exact) < bound


def test_nothing_to_normalise_stays_nothing():
    for shape in ((0, 4, 3), (2, 4, 0)):
        x, mean = pcn.zeros(*shape), pcn.zeros(4)
        assert F.group_norm(x, 2).shape == F.instance_norm(x, mean, pcn.ones(4)).shape == shape
        assert F.batch_norm(x, mean, pcn.ones(4), training=True).shape == F.local_response_norm(x, 2).shape == shape
        assert F.layer_norm(x, shape[2]).shape == shape and not mean.data.any()
    assert F.layer_norm(pcn.tensor([[3.0]]), 1).tolist() == [[0]]


x = pcn.zeros(2, 4, 3)


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: F.group_norm(x, 3), ValueError, r"4 channels \(axis 1 of \(2, 4, 3\)\) do not divide by num_groups 3"),
        (lambda: F.group_norm(x, 0), ValueError, "num_groups 0"),
        (lambda: F.group_norm(pcn.zeros(1, 2), 2), ValueError, "more than one value per group"),
        (lambda: F.group_norm(x[0, 0], 1), ValueError, r"\[N, C, ...\], got shape \(3,\)"),
        (lambda: F.instance_norm(x[..., :1]), ValueError, "more than one value per channel and picture"),
        (lambda: F.instance_norm(x, use_input_stats=False), ValueError, "without use_input_stats it needs"),
        (lambda: F.instance_norm(x, pcn.zeros(4)), ValueError, "both running_mean and running_var"),
        (lambda: F.batch_norm(x, pcn.zeros(4), None, training=True), ValueError, "both running_mean and running_var"),
        (lambda: F.batch_norm(x, None, None, training=True, eps=0), ValueError, "eps must be positive, got 0"),
        (lambda: F.batch_norm(x, None, None, training=True, momentum=None), TypeError, "momentum must be a number"),
        (
            lambda: F.layer_norm(x, (4,)),
            ValueError,
            r"last axes of input \(2, 4, 3\) should be normalized_shape \(4,\)",
        ),
        (lambda: F.layer_norm(x, ()), ValueError, "normalized_shape"),
        (lambda: F.layer_norm(x, 3, pcn.zeros(4)), ValueError, r"weight has shape \(4,\), expected normalized_shape"),
        (lambda: F.layer_norm(x, 3, pcn.zeros(3).double()), TypeError, "input is float32 but weight is float64"),
        (lambda: F.local_response_norm(x[0], 3), ValueError, r"\[N, C, L, ...\], got shape \(4, 3\)"),
        (lambda: F.local_response_norm(x, 0), ValueError, "size must be 1 channel or more, got 0"),
        (lambda: F.local_response_norm(x, 1.5), TypeError, "size must be a whole number, got 1.5"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()
