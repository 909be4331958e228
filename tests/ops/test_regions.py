"""RoI pooling and RoI-align against plain loops of torchvision's definition, their laws, gradients and errors."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet import ops
from pyconvnet.autograd import Tensor
from pyconvnet.testing import check_grads


def pool_by_loops(x, rois, size, scale):
    """The definition: corners rounded, inclusive, at least 1 x 1; the first largest value of each bin, else 0."""
    T, (ph, pw), (_, c, h, w) = x.dtype.type, size, x.shape
    y, winner = np.zeros((len(rois), c, ph, pw), x.dtype), np.full((len(rois), c, ph, pw), -1)
    away = lambda v: int(math.copysign(math.floor(abs(float(v)) + 0.5), v))
    for k, (image, *corners) in enumerate(rois):
        x1, y1, x2, y2 = (away(T(v) * T(scale)) for v in corners)
        bin_h, bin_w = (T(max(b - a + 1, 1)) / T(n) for a, b, n in ((y1, y2, ph), (x1, x2, pw)))
        for i in range(ph):
            for j in range(pw):
                top, bottom = math.floor(T(i) * bin_h) + y1, math.ceil(T(i + 1) * bin_h) + y1
                left, right = math.floor(T(j) * bin_w) + x1, math.ceil(T(j + 1) * bin_w) + x1
                top, bottom = (min(max(v, 0), h) for v in (top, bottom))
                left, right = (min(max(v, 0), w) for v in (left, right))
                empty = bottom <= top or right <= left
                for ch in range(c):
                    best, at = (T(0) if empty else T(np.finfo(np.float32).min)), -1
                    for v in range(top, bottom):
                        for u in range(left, right):
                            if x[int(image), ch, v, u] > best:
                                best, at = x[int(image), ch, v, u], v * w + u
                    y[k, ch, i, j], winner[k, ch, i, j] = best, at
    return y, winner


def align_by_loops(x, rois, size, scale, ratio, aligned):
    """The definition: the mean of bilinear samples, 0 for those outside [-1, height] x [-1, width]."""
    T, (ph, pw), (_, c, h, w) = x.dtype.type, size, x.shape
    y = np.zeros((len(rois), c, ph, pw), x.dtype)
    weight = np.zeros((*y.shape, *x.shape))
    for k, (image, *corners) in enumerate(rois):
        x1, y1, x2, y2 = (T(v) * T(scale) - T(0.5 if aligned else 0) for v in corners)
        roi_h, roi_w = (b - a if aligned else max(b - a, T(1)) for a, b in ((y1, y2), (x1, x2)))
        bin_h, bin_w = roi_h / T(ph), roi_w / T(pw)
        grid_h, grid_w = (ratio if ratio > 0 else math.ceil(v) for v in (bin_h, bin_w))
        count = max(grid_h * grid_w, 1)
        for i, j, a, b in np.ndindex(ph, pw, max(grid_h, 0), max(grid_w, 0)):
            v = y1 + T(i) * bin_h + (T(a) + T(0.5)) * bin_h / T(grid_h)
            u = x1 + T(j) * bin_w + (T(b) + T(0.5)) * bin_w / T(grid_w)
            if v < -1 or v > h or u < -1 or u > w:
                continue
            v, u = max(v, T(0)), max(u, T(0))
            top, left = min(int(v), h - 1), min(int(u), w - 1)
            bottom, right = min(top + 1, h - 1), min(left + 1, w - 1)
            down, along = (T(0) if top == h - 1 else v - top), (T(0) if left == w - 1 else u - left)
            for row, col, part in (
                (top, left, (1 - down) * (1 - along)), (top, right, (1 - down) * along),
                (bottom, left, down * (1 - along)), (bottom, right, down * along),
            ):  # fmt: skip
                for ch in range(c):
                    weight[k, ch, i, j, int(image), ch, row, col] += part / count
    np.einsum("kcijnxhw,nxhw->kcij", weight, x, out=y, casting="same_kind")
    return y, weight


@st.composite
def region_cases(draw):
    """input, rois (K, 5), output_size, spatial_scale: halves of pixels and any, inside and out, reversed, empty."""
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    n, c, h, w = (draw(st.integers(1, high)) for high in (3, 2, 7, 6))
    x = rng.standard_normal((n, c, h, w)) if draw(st.booleans()) else rng.integers(-2, 3, (n, c, h, w))
    k, scale = draw(st.integers(0, 5)), draw(st.sampled_from([1.0, 0.5, 2.0, 0.0625]))
    rois = np.concatenate([rng.integers(0, n, (k, 1)), rng.uniform(-3, 11, (k, 4))], axis=1)
    if draw(st.booleans()):
        rois[:, 3:] = rois[:, 1:3] + rng.uniform(0, 9, (k, 2))
    if draw(st.booleans()):
        rois = np.round(rois * 2) / 2
    rois[:, 1:] /= scale
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
    return x.astype(dtype), rois.astype(dtype), size, scale


@given(region_cases())
@settings(max_examples=150)
def test_roi_pool_is_the_loop(case):
    x, rois, size, scale = case
    y, winner = pool_by_loops(x, rois, size, scale)
    np.testing.assert_array_equal(ops.roi_pool(x, rois, size, scale), y)
    t, g = Tensor(x, requires_grad=True), np.arange(1.0, y.size + 1).reshape(y.shape).astype(x.dtype)
    expected = np.zeros_like(x)
    for k, c, i, j in np.ndindex(y.shape):
        if winner[k, c, i, j] >= 0:
            expected[int(rois[k, 0]), c].flat[winner[k, c, i, j]] += g[k, c, i, j]
    pooled = ops.roi_pool(t, rois, size, scale)
    np.testing.assert_array_equal(pooled.data, y)  # with the way back, and without, the same values
    (found,) = pcn.grad(pooled, t, pcn.tensor(g))
    np.testing.assert_allclose(found.data, expected, rtol=1e-6)


@given(region_cases(), st.sampled_from([-1, 0, 1, 2, 3]), st.booleans())
@settings(max_examples=150)
def test_roi_align_is_the_loop(case, ratio, aligned):
    x, rois, size, scale = case
    y, weight = align_by_loops(x, rois, size, scale, ratio, aligned)
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if x.dtype == np.float32 else {"rtol": 1e-10, "atol": 1e-12}
    found = ops.roi_align(x, rois, size, scale, ratio, aligned)
    assert found.dtype == x.dtype
    np.testing.assert_allclose(found, y, **tolerance)
    t, g = Tensor(x, requires_grad=True), np.cos(np.arange(y.size)).reshape(y.shape).astype(x.dtype)
    (gradient,) = pcn.grad(ops.roi_align(t, rois, size, scale, ratio, aligned), t, pcn.tensor(g))
    np.testing.assert_allclose(gradient.data, np.einsum("kcij,kcijnxhw->nxhw", g, weight), **tolerance)


@given(region_cases())
def test_a_list_of_boxes_is_the_rows_with_their_image(case):
    x, rois, size, scale = case
    rois = rois[np.argsort(rois[:, 0], kind="stable")]
    boxes = [rois[rois[:, 0] == i, 1:] for i in range(len(x))]
    for f in (ops.roi_pool, ops.roi_align):
        np.testing.assert_array_equal(f(x, boxes, size, scale), f(x, rois, size, scale))
        y = f(x, tuple(map(Tensor, boxes)), size, scale)
        assert isinstance(y, Tensor) and isinstance(f(Tensor(x), boxes, size, scale), Tensor)
        np.testing.assert_array_equal(y.data, f(x, rois, size, scale))


@given(region_cases(), st.integers(-1, 3), st.booleans())
def test_roi_align_of_a_constant_inside_the_image_is_that_constant(case, ratio, aligned):
    x, rois, size, _ = case
    h, w = x.shape[2:]
    rois = rois.copy()
    rois[:, 1:3] = np.minimum(np.abs(rois[:, 1:3]), [[(w - 1) / 2, (h - 1) / 2]])
    rois[:, 3:] = rois[:, 1:3] + np.clip(np.abs(rois[:, 3:] - rois[:, 1:3]), 0.25, [[w / 2, h / 2]])
    y = ops.roi_align(np.full_like(x, 3), rois, size, 1.0, ratio, aligned)
    np.testing.assert_allclose(y, 3, rtol=1e-5)


@given(st.integers(0, 10**6), st.integers(0, 4), st.integers(0, 4), st.booleans())
def test_both_move_with_the_picture(seed, down, along, aligned):
    rng = np.random.default_rng(seed)
    x, boxes = rng.standard_normal((1, 2, 6, 5)), rng.integers(4, 9, (3, 4)) / 4
    boxes[:, 2:] += boxes[:, :2]
    big = np.zeros((1, 2, 14, 13))
    big[:, :, 4:10, 4:9] = x
    moved = np.roll(big, (down, along), axis=(2, 3))
    near, far = ([boxes + np.tile([4 + a, 4 + d], 2)] for a, d in ((0, 0), (along, down)))
    np.testing.assert_array_equal(ops.roi_pool(moved, far, 3), ops.roi_pool(big, near, 3))
    align = [ops.roi_align(a, b, 3, 1.0, 2, aligned) for a, b in ((moved, far), (big, near))]
    np.testing.assert_allclose(*align, rtol=1e-9, atol=1e-12)


@given(region_cases())
def test_roi_align_and_its_gradient_are_adjoint_exactly(case):
    """Whole numbers, and corners on half pixels with two samples for each of two bins: every sum is exact."""
    x, rois, _, _ = case
    x, rois = np.round(x), np.round(rois / 4) * 4
    rois[:, 0] = np.minimum(rois[:, 0], len(x) - 1)
    rng = np.random.default_rng(len(rois))
    t = Tensor(x, requires_grad=True)
    y = ops.roi_align(t, rois, 2, 0.5, 2)
    g = rng.integers(-3, 4, y.shape).astype(x.dtype)
    (back,) = pcn.grad(y, t, pcn.tensor(g))
    assert (y.data * g).sum() == (x * back.data).sum()


@pytest.mark.parametrize("f", [ops.roi_pool, lambda *a: ops.roi_align(*a, 1.0, 2, True), ops.roi_align])
def test_gradients_of_every_order(f, checks):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 2, 6, 7))
    rois = np.array([[0, 0.5, 1, 4, 5.2], [1, -1, -1, 3, 9], [1, 5, 4, 2, 1], [0, 2, 2, 2, 2]])
    checks["roi"] += check_grads(lambda x: f(x * x * x, rois, (3, 2)), x, order=3)


def test_values_by_hand():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    assert ops.roi_pool(x, [[[0, 0, 3, 3]]], 2).tolist() == [[[[5, 7], [13, 15]]]]
    assert ops.roi_pool(x, [[[0, 0, 1.5, 1.49]]], 1).tolist() == [[[[6]]]]  # 1.5 rounds to 2, 1.49 to 1
    assert ops.roi_pool(x, [[[2.5, 2.5, 2.5, 2.5]]], 1).tolist() == [[[[15]]]]  # 2.5 to 3, not to the even 2
    assert ops.roi_pool(x, [[[3, 3, 0, 0]]], 1).tolist() == [[[[15]]]]  # reversed: the pixel it starts at
    assert ops.roi_pool(x, [[[9, 9, 12, 12]]], 1).tolist() == [[[[0]]]]
    assert ops.roi_align(x, [[[1, 1, 2, 2]]], 1, 1.0, 1).tolist() == [[[[7.5]]]]
    assert ops.roi_align(x, [[[1, 1, 2, 2]]], 1, 1.0, 1, True).tolist() == [[[[5]]]]  # a pixel is its own mean
    assert ops.roi_align(x, [[[1, 1, 1, 1]]], 1, 1.0, 1).tolist() == [[[[7.5]]]]  # at least 1 x 1
    assert ops.roi_align(x, [[[3, 3, 1, 1]]], 1, 1.0, -1, True).tolist() == [[[[0]]]]  # reversed: no samples
    assert ops.roi_align(x, [[[-3, -3, -2, -2]]], 1).tolist() == [[[[0]]]]


def test_equal_values_give_the_gradient_to_the_first():
    t = Tensor(np.ones((1, 1, 3, 3)), requires_grad=True)
    (g,) = pcn.grad(ops.roi_pool(t, [[[1, 1, 2, 2]]], 1).sum(), t)
    assert g.data[0, 0].tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_not_finite_pixels_stay_where_they_are():
    x = np.ones((1, 1, 8, 8))
    x[0, 0, 0, 0], x[0, 0, 0, 7], x[0, 0, 7, 7] = np.nan, np.inf, -np.inf
    boxes = [[[0, 0, 1, 1], [6, 0, 7, 1], [6, 6, 7, 7], [3, 3, 5, 5], [6, 0, 7, 7]]]
    y = ops.roi_align(x, boxes, 1, 1.0, 1)[:4, 0, 0, 0]
    np.testing.assert_array_equal(y, [np.nan, np.inf, -np.inf, 1])
    np.testing.assert_array_equal(ops.roi_align(x, boxes, 1)[4, 0, 0, 0], np.nan)
    assert ops.roi_pool(x, boxes, 1)[:, 0, 0, 0].tolist() == [1, np.inf, 1, 1, np.inf]
    nothing = np.full((1, 1, 2, 2), np.nan)
    assert ops.roi_pool(nothing, [[[0, 0, 1, 1]]], 1).tolist() == [[[[float(np.finfo(np.float32).min)]]]]


def test_no_regions_and_huge_ones():
    x = Tensor(np.ones((2, 3, 4, 4), np.float32), requires_grad=True)
    for f in (ops.roi_pool, ops.roi_align):
        for none in (np.zeros((0, 5), np.float32), [], [[], []], [np.zeros((0, 4))[:, :4].astype(np.float32)] * 2):
            y = f(x, none, (2, 1))
            assert y.shape == (0, 3, 2, 1) and y.dtype == np.float32
        y.sum().backward()
        assert f(x, [[[-1e8, -1e8, 1e8, 1e8]]], 2).shape == (1, 3, 2, 2)  # in bounded memory
    assert not x.grad.data.any()
    assert ops.roi_align(np.ones((1, 1, 1, 1)), [[[0, 0, 1, 1]]], 1).tolist() == [[[[1]]]]
    assert ops.roi_pool(np.ones((1, 0, 2, 2)), [[[0, 0, 1, 1]]], 2).shape == (1, 0, 2, 2)


X, ROI = np.ones((2, 1, 4, 4)), np.array([[0.0, 0, 0, 1, 1]])


@pytest.mark.parametrize("f", [ops.roi_pool, ops.roi_align])
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((X[0], ROI, 2), ValueError, "input must have shape (N, C, H, W), got (1, 4, 4)"),
        ((X.astype(int), ROI, 2), TypeError, "input must be float32 or float64, got dtype int64"),
        ((X, ROI[:, :4], 2), ValueError, "boxes must have shape (K, 5)"),
        ((X, ROI[0], 2), ValueError, "boxes must have shape (K, 5)"),
        ((X, [[0, 0, 0, 1, 1]], 2), ValueError, "must be the (L, 4) boxes of image 0, got shape (5,)"),
        ((X, ROI.astype(np.float32), 2), TypeError, "input is float64 but boxes is float32"),
        ((X, ROI + [[2, 0, 0, 0, 0]], 2), IndexError, "region 0 lies in image 2, but input has a batch of 2"),
        ((X, ROI - [[1, 0, 0, 0, 0]], 2), IndexError, "lies in image -1"),
        ((X, [ROI[:, 1:]] * 3, 2), IndexError, "lies in image 2"),
        ((X, ROI + [[0.5, 0, 0, 0, 0]], 2), ValueError, "is not the number of an image"),
        ((X, ROI * [[np.nan, 1, 1, 1, 1]], 2), ValueError, "is not the number of an image"),
        ((X, ROI * np.nan, 2), ValueError, "is not"),
        ((X, ROI + [[0, np.inf, 0, 0, 0]], 2), ValueError, "is not finite or lies farther than"),
        ((X, ROI * 1e12, 2), ValueError, "is not finite or lies farther than"),
        ((X, np.array([["a"] * 5]), 2), TypeError, "boxes must be numbers, got dtype <U1"),
        ((X, ROI, 0), ValueError, "output_size must be at least 1, got 0"),
        ((X, ROI, (1, 2, 3)), TypeError, "output_size must be a whole number or a pair"),
        ((X, ROI, 1.5), TypeError, "output_size must be a whole number or a pair"),
        ((X, ROI, 1, np.inf), ValueError, "spatial_scale must be a finite number"),
        ((X[:, :, :0], ROI, 1), ValueError, "has no pixels"),
    ],
)
def test_mistakes_get_words(f, arguments, error, words):
    with pytest.raises(error) as found:
        f(*arguments)
    assert words in str(found.value) and f.__name__ in str(found.value)


def test_mistakes_of_roi_align():
    with pytest.raises(TypeError, match="sampling_ratio must be a whole number, got float"):
        ops.roi_align(X, ROI, 1, 1.0, 2.0)
    with pytest.raises(ValueError, match="sampling_ratio must be at most 1024"):
        ops.roi_align(X, ROI, 1, 1.0, 10**9)


@pytest.mark.parametrize("function", [ops.roi_pool, ops.roi_align])
@pytest.mark.parametrize("size", [2**62, 2**31, 50_000, (1, 2**40)])
def test_a_result_too_large_for_any_use_is_refused_before_anything_is_allocated(function, size):
    with pytest.raises(ValueError, match="more than"):
        function(np.ones((1, 2, 4, 4)), np.array([[0, 0, 0, 2, 2.0]]), output_size=size)
