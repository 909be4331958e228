"""avg_pool2d, the adaptive pools and max_pool1d against loops from the definition; their gradients; their errors."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet.testing import check_grads
from pyconvnet.testing.strategies import pool_cases, special_arrays

t = pcn.zeros


def mean_of(plane, top, left, kernel, padding, include_pad, divisor):
    """One window; rows and columns beyond the padding do not exist."""
    rows, columns = (
        range(start, min(start + k, n + p)) for start, k, n, p in zip((top, left), kernel, plane.shape, padding)
    )
    met = [plane[i, j] for i in rows if 0 <= i < plane.shape[0] for j in columns if 0 <= j < plane.shape[1]]
    return sum(met) / (divisor or (len(rows) * len(columns) if include_pad else max(len(met), 1)))


@given(pool_cases(dtype=np.float64, elements=special_arrays), st.booleans(), st.sampled_from([None, 2, -3]))
def test_avg_pool2d_is_the_mean_of_the_window(case, include_pad, divisor):
    k, s, p = case.kernel_size, case.stride, case.padding
    x = np.pad(case.x, [(0, 0), (0, 0), *[(0, max(0, a - n)) for a, n in zip(k, case.x.shape[2:])]])
    y = F.avg_pool2d(pcn.tensor(x), k, s, p, case.ceil_mode, include_pad, divisor)
    with np.errstate(invalid="ignore"):
        for n, c, i, j in np.ndindex(y.shape):
            start = i * s[0] - p[0], j * s[1] - p[1]
            np.testing.assert_allclose(y.data[n, c, i, j], mean_of(x[n, c], *start, k, p, include_pad, divisor))
    for axis in (0, 1):
        span = x.shape[2 + axis] + 2 * p[axis] - k[axis]
        steps = math.ceil(span / s[axis]) if case.ceil_mode else span // s[axis]
        steps -= steps * s[axis] >= x.shape[2 + axis] + p[axis]
        assert y.shape[2 + axis] == steps + 1


@settings(max_examples=30)
@given(pool_cases(dtype=np.float64, max_side=4), st.booleans())
def test_gradients_of_avg_pool2d(case, include_pad):
    x = np.random.default_rng(0).standard_normal((*case.x.shape[:2], 4, 5))
    options = (case.kernel_size, case.stride, case.padding, case.ceil_mode, include_pad)
    check_grads(lambda x: F.avg_pool2d(x * x, *options), x)


sizes = st.integers(1, 7)


@given(st.tuples(sizes, sizes), st.tuples(sizes, sizes), st.integers(0, 99))
def test_adaptive_pools_take_windows_that_cover_the_axis(size, out, seed):
    rng = np.random.default_rng(seed)
    often = [0.0, 1.0, 2.0, -1.0] * 8
    x = rng.choice([*often, np.nan, np.inf, -np.inf], (2, 1, *size))
    mean = F.adaptive_avg_pool2d(pcn.tensor(x), out).data
    largest, at = (r.data for r in F.adaptive_max_pool2d(pcn.tensor(x), out, return_indices=True))
    for n, _, i, j in np.ndindex(mean.shape):
        (top, bottom), (left, right) = (
            (k * m // o, math.ceil((k + 1) * m / o)) for k, m, o in zip((i, j), size, out)
        )
        window = x[n, 0, top:bottom, left:right]
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(mean[n, 0, i, j], window.mean())
        nan = np.flatnonzero(np.isnan(window))
        first = nan[-1] if len(nan) else window.argmax()
        row, column = np.unravel_index(first, window.shape)
        assert at[n, 0, i, j] == (top + row) * size[1] + left + column
        np.testing.assert_array_equal(largest[n, 0, i, j], window[row, column])


def test_adaptive_pools_of_a_divisor_are_the_plain_ones():
    x = pcn.randn(2, 3, 6, 8)
    np.testing.assert_allclose(F.adaptive_avg_pool2d(x, (3, 2)).data, F.avg_pool2d(x, (2, 4)).data, atol=1e-6)
    np.testing.assert_array_equal(F.adaptive_max_pool2d(x, (3, 2)).data, F.max_pool2d(x, (2, 4)).data)
    np.testing.assert_allclose(F.adaptive_avg_pool2d(x, 1).data[..., 0, 0], x.data.mean((2, 3)), atol=1e-6)
    np.testing.assert_array_equal(F.adaptive_avg_pool2d(x, (None, 8)).data, x.data)
    assert F.adaptive_max_pool2d(x[0], (None, 2)).shape == (3, 6, 2)
    assert F.adaptive_avg_pool2d(t(0, 3, 4, 4), 2).shape == (0, 3, 2, 2)


def test_gradients_of_the_adaptive_pools():
    x = np.random.default_rng(0).permutation(70).astype(float).reshape(1, 2, 5, 7) / 10
    for out in (1, (2, 3), (7, 4), (9, 9)):
        check_grads(lambda x, out=out: F.adaptive_avg_pool2d(x * x, out), x)
        check_grads(lambda x, out=out: F.adaptive_max_pool2d(x * x, out), x)


@given(pool_cases(dtype=np.float64))
def test_max_pool1d_is_max_pool2d_of_one_row(case):
    k, s, p, d = case.kernel_size[1], case.stride[1], case.padding[1], case.dilation[1]
    row = case.x[:, :, :1]
    ours, at = F.max_pool1d(pcn.tensor(row[:, :, 0]), k, (s,), p, d, case.ceil_mode, return_indices=True)
    plane, positions = F.max_pool2d(pcn.tensor(row), (1, k), (1, s), (0, p), (1, d), case.ceil_mode, True)
    np.testing.assert_array_equal(ours.data, plane.data[:, :, 0])
    np.testing.assert_array_equal(at.data, positions.data[:, :, 0])
    np.testing.assert_array_equal(F.max_pool1d(pcn.tensor(row[0, :, 0]), k, s, p, d, case.ceil_mode).data, ours.data[0])


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: F.max_pool1d(t(4, 4, 4, 4), 2), ValueError, r"max_pool1d: input must be \[batch, channels, length\]"),
        (lambda: F.max_pool1d(t(4, 4), 2, padding=2), ValueError, "padding 2 is more than half"),
        (lambda: F.max_pool1d(t(4, 4), (2, 2)), ValueError, "kernel_size must be one whole number"),
        (lambda: F.avg_pool2d(t(1, 1, 4, 4), 5), ValueError, "avg_pool2d: kernel of height 5 is larger"),
        (lambda: F.avg_pool2d(t(1, 1, 4, 4), 2, 0), ValueError, "avg_pool2d: stride must be positive, got 0"),
        (lambda: F.avg_pool2d(t(1, 1, 4, 4), 2, padding=2), ValueError, "padding 2 is more than half"),
        (lambda: F.avg_pool2d(t(1, 1, 4, 4), 2, divisor_override=0), ValueError, "divisor_override must not be 0"),
        (lambda: F.avg_pool2d(t(1, 1, 4, 4), 2, divisor_override=1.5), TypeError, "divisor_override must be a whole"),
        (lambda: F.avg_pool2d(t(1, 1, 4, 4, dtype="int64"), 2), TypeError, "avg_pool2d: input is int64"),
        (lambda: F.adaptive_avg_pool2d(t(1, 1, 0, 4), 2), ValueError, "axis 2 of input .* is empty"),
        (lambda: F.adaptive_avg_pool2d(t(1, 1, 4, 4), -1), ValueError, "output_size must be 0 or more, got -1"),
        (lambda: F.adaptive_max_pool2d(t(1, 1, 4, 4), (1, 2, 3)), ValueError, "one whole number or 2 of them, got 3"),
        (lambda: F.adaptive_max_pool2d(t(1, 1, 4, 4), 2.0), TypeError, "output_size must be a whole number"),
        (lambda: F.adaptive_max_pool2d(t(1, 1, 4, 4), 2**31), ValueError, "too large for any memory"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()
