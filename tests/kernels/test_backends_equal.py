"""naive == numpy == cpp, on every instruction set. Sums of small whole numbers are exact: `==` it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconvnet import kernels
from pyconvnet.testing import strategies as cases

BACKENDS = [("numpy", None)] + [("cpp", isa) for isa in kernels.supported_isas()]
pytestmark = pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b[1] or b[0])
few = settings(max_examples=60, deadline=None)


def both(backend, function, *args):
    """The definition's answer and the backend's, as tuples of arrays."""
    name, isa = backend
    with kernels.use("naive"):
        expected = function(*args)
    with kernels.use(name, isa=isa):
        got = function(*args)
    return (expected, got) if isinstance(expected, tuple) else ((expected,), (got,))


def assert_equal(backend, function, *args):
    with kernels.use_winograd(False):
        _assert_equal(backend, function, *args)


def _assert_equal(backend, function, *args):
    for expected, got in zip(*both(backend, function, *args)):
        assert got.dtype == expected.dtype
        assert got.flags.c_contiguous and got.flags.writeable
        np.testing.assert_array_equal(got, expected, strict=True)


def assert_close(backend, function, *args):
    for expected, got in zip(*both(backend, function, *args)):
        ulps = 32 * np.finfo(expected.dtype).eps
        np.testing.assert_allclose(got, expected, rtol=ulps, atol=32 * ulps, strict=True)


@few
@given(case=cases.conv_cases(), data=st.data())
def test_convolution_triple(backend, case, data):
    g = data.draw(cases.integer_arrays(case.output_shape, case.x.dtype))
    assert_equal(backend, kernels.conv, case.x, case.w, *case.options)
    assert_equal(backend, kernels.conv_input, g, case.w, case.x.shape[2:], *case.options)
    assert_equal(backend, kernels.conv_weight, g, case.x, case.w.shape[2:], *case.options)


@few
@given(case=cases.conv_cases(dtype=np.float64, elements=cases.arrays), data=st.data())
def test_convolution_triple_of_fractions(backend, case, data):
    g = data.draw(cases.arrays(case.output_shape, case.x.dtype))
    assert_close(backend, kernels.conv, case.x, case.w, *case.options)
    assert_close(backend, kernels.conv_input, g, case.w, case.x.shape[2:], *case.options)
    assert_close(backend, kernels.conv_weight, g, case.x, case.w.shape[2:], *case.options)


@few
@given(case=cases.conv_cases())
def test_columns(backend, case):
    kernel, options = case.w.shape[2:], case.options[:3]
    assert_equal(backend, kernels.im2col, case.x, kernel, *options)
    columns = kernels.im2col(case.x, kernel, *options) + 1
    assert_equal(backend, kernels.col2im, columns, case.x.shape[2:], kernel, *options)


@few
@given(case=cases.pool_cases())
def test_max_pool_indices(backend, case):
    assert_equal(backend, kernels.max_pool_indices, case.x, *case.options)


@few
@given(st.tuples(st.integers(1, 3), st.integers(2, 40), st.integers(2, 70)), cases.dtypes(), st.data())
def test_max_pool_of_pairs(backend, shape, dtype, data):
    """2 x 2, stride 2 has a loop of its own."""
    x = data.draw(cases.special_arrays((1, *shape), dtype))
    with kernels.use("numpy"):
        expected = kernels.max_pool_indices(x, 2)
    with kernels.use(backend[0], isa=backend[1]):
        np.testing.assert_array_equal(kernels.max_pool_indices(x, 2), expected)
    assert_equal(backend, kernels.max_pool, x, 2)


@few
@given(case=cases.pool_cases())
def test_max_pool_without_padding(backend, case):
    kernel, stride, _, dilation, _ = case.options
    try:
        kernels.max_pool_indices(case.x, kernel, stride, 0, dilation)
    except ValueError:
        return  # does not fit without its padding
    assert_equal(backend, kernels.max_pool, case.x, kernel, stride, dilation)


@few
@given(case=cases.box_cases(max_boxes=12))
def test_nms(backend, case):
    assert_equal(backend, kernels.nms, case.boxes, case.scores, case.iou_threshold)


@few
@given(st.integers(0, 6), cases.dtypes(), st.sampled_from([-1.0, 0.0, 0.5]), st.data())
def test_nms_of_special_numbers(backend, n, dtype, threshold, data):
    boxes, scores = (data.draw(cases.special_arrays(shape, dtype)) for shape in ((n, 4), (n,)))
    assert_equal(backend, kernels.nms, boxes, scores, threshold)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nms_of_many_boxes(backend, dtype):
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 200, (400, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 50, (400, 2))], axis=1).astype(dtype)
    scores = rng.integers(0, 50, 400).astype(dtype)
    for threshold in (0.0, 0.3, 0.6, 1.0):
        assert_equal(backend, kernels.nms, boxes, scores, threshold)


channel_shapes = st.lists(st.integers(1, 3), min_size=2, max_size=4).map(tuple) | st.just((2, 3, 5, 17))


@few
@given(channel_shapes, cases.dtypes(), st.data())
def test_batch_norm(backend, shape, dtype, data):
    g, x = (data.draw(cases.arrays(shape, dtype)) for _ in range(2))
    mean, rstd, weight, bias, a, b = data.draw(cases.arrays((6, shape[1]), dtype))
    assert_close(backend, kernels.batch_norm_statistics, x)
    assert_close(backend, kernels.batch_norm_sums, g, x, mean, rstd)
    scale = max(1.0, float(np.abs(np.stack([mean, rstd, weight, bias, a, b])).max())) ** 3  # of a product
    for function, args in (
        (kernels.batch_norm, (x, mean, rstd, weight, bias)),
        (kernels.batch_norm_input, (g, x, mean, rstd, weight, a, b)),
    ):
        for expected, got in zip(*both(backend, function, *args)):
            assert np.abs(expected - got).max() <= 64 * scale * np.finfo(dtype).eps


def test_batch_norm_statistics_keep_their_digits_far_from_zero(backend):
    x = (1e4 + np.random.default_rng(0).standard_normal((4, 3, 9, 9))).astype(np.float32)
    with kernels.use(backend[0], isa=backend[1]):
        mean, var = kernels.batch_norm_statistics(x)
    np.testing.assert_allclose(mean, x.astype(np.float64).mean((0, 2, 3)), rtol=1e-7)
    np.testing.assert_allclose(var, x.astype(np.float64).var((0, 2, 3)), rtol=1e-6)


@few
@given(
    st.lists(st.integers(0, 20), max_size=3).map(tuple),
    cases.dtypes(),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.data(),
)
def test_leaky_relu(backend, shape, dtype, slope, data):
    g, x = (data.draw(cases.special_arrays(shape, dtype)) for _ in range(2))
    assert_equal(backend, kernels.leaky_relu, x, slope)
    assert_equal(backend, kernels.leaky_relu_grad, g, x, slope)


def test_relu_of_infinity_and_nan(backend):
    with kernels.use(backend[0], isa=backend[1]):
        y = kernels.leaky_relu(np.array([-np.inf, -1, 0, 2, np.inf, np.nan] * 7))
        dx = kernels.leaky_relu_grad(np.full(3, np.inf), np.array([-1.0, 0.0, 1.0]))
    np.testing.assert_array_equal(y, [0, 0, 0, 2, np.inf, np.nan] * 7)
    np.testing.assert_array_equal(dx, [0, 0, np.inf])


def test_depthwise_weight_gradient_reads_no_neighbour(backend):
    """An infinity that the first tap does not meet must not turn its gradient into NaN."""
    x, g = np.ones((1, 2, 1, 7), np.float32), np.ones((1, 2, 1, 5), np.float32)
    x[..., 5] = np.inf
    with kernels.use(backend[0], isa=backend[1]):
        dw = kernels.conv_weight(g, x, (1, 3), 1, 0, 1, 2)
    np.testing.assert_array_equal(dw[:, 0, 0], [[5, np.inf, np.inf]] * 2)


@pytest.mark.parametrize("width", [5, 16, 37])
def test_infinity_in_a_depthwise_convolution(backend, width):
    """It reaches the taps that meet it, and no other lane of the vector."""
    if backend[0] == "numpy":  # its products of matrices spread it over the groups of a picture
        return
    rng = np.random.default_rng(0)
    x, g = rng.integers(-3, 4, (2, 2, 3, 7, width)).astype(np.float32)
    w = rng.integers(1, 4, (3, 1, 3, 3)).astype(np.float32)
    x[0, 1, 3, width - 1] = x[1, 2, 0, 0] = g[1, 0, 3, 2] = np.inf
    for padding in (0, 1):
        trimmed = g if padding else np.ascontiguousarray(g[..., 1:-1, 1:-1])
        with np.errstate(invalid="ignore"):
            assert_equal(backend, kernels.conv, x, w, 1, padding, 1, 3)
            assert_equal(backend, kernels.conv_weight, trimmed, x, 3, 1, padding, 1, 3)


@pytest.mark.parametrize("groups", [1, 2])
def test_empty_batch(backend, groups):
    x, w = np.zeros((0, 2, 5, 5), np.float32), np.ones((2, 2 // groups, 3, 3), np.float32)
    with kernels.use(backend[0], isa=backend[1]):
        y = kernels.conv(x, w, 1, 0, 1, groups)
        assert y.shape == (0, 2, 3, 3)
        assert kernels.conv_input(y, w, (5, 5), 1, 0, 1, groups).shape == x.shape
        dw = kernels.conv_weight(y, x, (3, 3), 1, 0, 1, groups)
        assert kernels.im2col(x, 3).shape == (0, 18, 9)
        assert kernels.col2im(np.zeros((0, 18, 9)), 5, 3).shape == x.shape
        assert kernels.max_pool_indices(x, 2).shape == (0, 2, 2, 2)
        assert kernels.nms(np.zeros((0, 4)), np.zeros(0), 0.5).shape == (0,)
    np.testing.assert_array_equal(dw, np.zeros_like(w))
