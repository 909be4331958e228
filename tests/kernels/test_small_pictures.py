"""Many small pictures: lanes are pictures (cpp/isa/correlate_images.cpp), with the bits of the way of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconvnet import kernels

pytestmark = pytest.mark.skipif("cpp" not in kernels.available(), reason="no compiled kernels")


@st.composite
def layers(draw):
    """x [n, c, h, w], w, stride, padding, dilation, groups: enough pictures to fill the lanes of every set."""
    groups = draw(st.sampled_from([1, 1, 2]))
    c, f = groups * draw(st.integers(1, 6)), groups * draw(st.integers(1, 20))
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    stride, dilation = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in range(2))
    padding = tuple(draw(st.integers(0, d * (k - 1))) for k, d in zip(kernel, dilation, strict=True))
    size = [
        draw(st.integers(max(1, d * (k - 1) + 1 - 2 * p), 11))
        for k, d, p in zip(kernel, dilation, padding, strict=True)
    ]
    n = draw(st.integers(12, 70))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x, w = rng.integers(-4, 5, (n, c, *size)), rng.integers(-4, 5, (f, c // groups, *kernel))
    return x, w, stride, padding, dilation, groups


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("isa", kernels.supported_isas())
@settings(max_examples=60)
@given(layer=layers())
def test_whole_numbers_come_out_exactly(isa, dtype, layer):
    x, w, *options = layer
    x, w = x.astype(dtype), w.astype(dtype)
    with kernels.use("numpy"):
        y = kernels.conv(x, w, *options)
        g = np.asarray(np.random.default_rng(0).integers(-4, 5, y.shape), dtype)
        dx = kernels.conv_input(g, w, x.shape[2:], *options)
    with kernels.use("cpp", isa=isa), kernels.use_winograd(False):
        np.testing.assert_array_equal(kernels.conv(x, w, *options), y)
        np.testing.assert_array_equal(kernels.conv_input(g, w, x.shape[2:], *options), dx)


@pytest.mark.parametrize("isa", kernels.supported_isas())
@pytest.mark.parametrize("shape", [(128, 96, 40, 4), (33, 30, 9, 7), (64, 8, 16, 12)])
def test_the_bits_are_those_of_few_pictures(isa, shape):
    """Two pictures alone go the way of rows; long sums (96 x 9 products) are cut at the same places."""
    n, c, f, size = shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, c, size, size), dtype=np.float32)
    w = rng.standard_normal((f, c, 3, 3), dtype=np.float32)
    with kernels.use("cpp", isa=isa), kernels.use_winograd(False):
        for stride in (1, 2):
            y = kernels.conv(x, w, stride, 1)
            for i in range(0, n - 1, 16):
                np.testing.assert_array_equal(kernels.conv(x[i : i + 1], w, stride, 1), y[i : i + 1])


@pytest.mark.parametrize("isa", kernels.supported_isas())
def test_one_picture_that_is_not_finite_spoils_no_other(isa):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 8, 5, 5), dtype=np.float32)
    w = rng.standard_normal((16, 8, 3, 3), dtype=np.float32)
    with kernels.use("cpp", isa=isa), kernels.use_winograd(False):
        clean = kernels.conv(x, w, 1, 1)
        x[17, 3, 2, 2] = np.nan
        y = kernels.conv(x, w, 1, 1)
    others = np.arange(40) != 17
    np.testing.assert_array_equal(y[others], clean[others])
    assert np.isnan(y[17]).any()
