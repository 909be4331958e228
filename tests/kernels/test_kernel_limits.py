"""Counts that do not fit, and how far an option may go: words or the right numbers, never a crash."""

import numpy as np
import pytest

from pyconvnet import kernels

D, P = 2**32 - 1, 2**31 - 1  # a dilation and the padding that lets it fit


def ones(*shape):
    return np.ones(shape, np.float32)


CALLS = {
    "conv": lambda: kernels.conv(ones(1, 1, 2, 2), ones(1, 1, 2, 2), padding=P, dilation=D),
    "conv_input": lambda: kernels.conv_input(ones(1, 1, 1, 1), ones(1, 1, 2, 2), 2, padding=P, dilation=D),
    "conv_weight": lambda: kernels.conv_weight(ones(1, 1, 1, 1), ones(1, 1, 2, 2), 2, padding=P, dilation=D),
    "conv_weight, many channels": lambda: kernels.conv_weight(
        ones(1, 1, 1, 1), ones(1, 64, 2, 2), 2, padding=P, dilation=D
    ),
    "depthwise": lambda: kernels.conv(ones(1, 2, 2, 2), ones(2, 1, 2, 2), padding=P, dilation=D, groups=2),
    "im2col": lambda: kernels.im2col(ones(1, 1, 2, 2), 2, padding=P, dilation=D),
}


@pytest.mark.parametrize("backend", kernels.available())
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_padded_pictures_that_nobody_can_count(backend, call):
    with kernels.use(backend), pytest.raises(ValueError, match="too large"):
        call()


@pytest.mark.parametrize("power", [14, 20])
@pytest.mark.parametrize("backend", kernels.available())
def test_a_kernel_that_reaches_too_far(backend, power):
    """Two by two pixels, and gigabytes between the taps."""
    dilation, padding = 2 ** (power + 1) - 1, 2**power - 1
    with kernels.use(backend), pytest.raises(ValueError, match="GB of work memory: are dilation and padding"):
        kernels.conv(ones(1, 1, 2, 2), ones(1, 1, 2, 2), padding=padding, dilation=dilation)


def test_a_kernel_that_reaches_far():
    x, w = ones(1, 1, 2, 2), np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
    for backend in kernels.available():
        with kernels.use(backend):
            y = kernels.conv(x, w, padding=511, dilation=1023)
        np.testing.assert_array_equal(y, [[[[0]]]])


@pytest.mark.parametrize("stride", [6, 7, 2**30, 2**46])
def test_a_step_beyond_the_picture_is_a_step_beyond_the_picture(stride):
    rng = np.random.default_rng(0)
    x = rng.integers(-4, 5, (20, 3, 4, 4)).astype(np.float32)
    w = rng.integers(-4, 5, (5, 3, 3, 3)).astype(np.float32)
    g = rng.integers(-4, 5, (20, 5, 1, 1)).astype(np.float32)
    results = []
    for backend in kernels.available():
        with kernels.use(backend):
            y, dx = kernels.conv(x, w, stride, 1), kernels.conv_input(g, w, 4, stride, 1)
            results.append((y, dx, kernels.conv_weight(g, x, 3, stride, 1)))
    for result in results[1:]:
        for got, want in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("stride", [2**62, 2**100])
def test_a_step_beyond_all_numbers(stride):
    with pytest.raises(ValueError, match=r"stride .* is too large"):
        kernels.conv(ones(1, 1, 3, 3), ones(1, 1, 3, 3), stride=stride)


def test_rows_of_records_are_multiplied():
    """An axis of length 1 may have any stride."""
    a = np.zeros(1, [("a", "f4", (3,)), ("b", "u1")])["a"]
    a[:] = [[1, 2, 3]]
    np.testing.assert_array_equal(kernels.matmul(a, ones(3, 2)), [[6, 6]])


@pytest.mark.parametrize("dtype", ["float16", "int32", "complex64"])
@pytest.mark.parametrize("operation", ["gather_planes", "scatter_planes"])
def test_planes_of_other_dtypes_are_refused_in_every_backend(operation, dtype):
    x, zero = np.zeros((1, 1, 1, 1), dtype), np.zeros((1, 1, 1, 1), np.int64)
    more = ((1, 1, 1, 1),) if operation == "scatter_planes" else ()
    for backend in kernels.available():
        with kernels.use(backend), pytest.raises(TypeError, match=f"{operation}: . has dtype {dtype}"):
            getattr(kernels, operation)(x, np.zeros(1, np.int64), zero, *more)
