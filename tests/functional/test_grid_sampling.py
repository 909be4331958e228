"""grid_sample and affine_grid: places, padding, gradients to the picture and to the grid, errors."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet.testing import check_grads

t = pcn.zeros
PADDINGS = ("zeros", "border", "reflection")
FLAGS = [(p, a) for p in PADDINGS for a in (False, True)]


def to_grid(pixels, sizes, align_corners):
    """Pixel coordinates (row, column, ..) as a grid takes them: last axis first, in [-1, 1]."""
    pixels = np.asarray(pixels, float)[..., ::-1]
    n = np.array(sizes[::-1])
    return pixels * 2 / np.maximum(n - 1, 1) - 1 if align_corners else (pixels * 2 + 1) / n - 1


def pixel(plane, at, padding):
    """The pixel at whole coordinates, with what lies around the picture."""
    inside = []
    for i, n in zip(at, plane.shape):
        if padding == "zeros" and not 0 <= i < n:
            return 0.0
        inside.append(min(max(i, 0), n - 1))
    return plane[tuple(inside)]


@settings(max_examples=40)
@given(st.sampled_from([2, 3]), st.booleans(), st.sampled_from(["zeros", "border"]), st.integers(0, 99))
def test_bilinear_is_the_mean_of_the_corners(axes, align, padding, seed):
    rng = np.random.default_rng(seed)
    sizes = tuple(rng.integers(2, 5, axes))
    x, at = rng.standard_normal((1, 1, *sizes)), rng.uniform(-1.5, 5, (6, axes))
    grid = to_grid(at, sizes, align).reshape(1, 6, *[1] * (axes - 1), axes)
    y = F.grid_sample(pcn.tensor(x), pcn.tensor(grid), padding_mode=padding, align_corners=align).data.ravel()
    for value, place in zip(y, at):
        place = np.clip(place, 0, np.array(sizes) - 1) if padding == "border" else place
        low, expected = np.floor(place).astype(int), 0
        for corner in itertools.product((0, 1), repeat=axes):
            weight = np.prod([1 - abs(p - (i + c)) for p, i, c in zip(place, low, corner)])
            expected += weight * pixel(x[0, 0], low + corner, padding)
        np.testing.assert_allclose(value, expected, atol=1e-12)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize(("padding", "align"), FLAGS)
def test_at_the_pixels_it_is_the_pixels(mode, padding, align):
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    places = np.stack(np.meshgrid(range(4), range(5), indexing="ij"), -1)
    grid = np.broadcast_to(to_grid(places, (4, 5), align), (2, 4, 5, 2))
    y = F.grid_sample(pcn.tensor(x), pcn.tensor(grid), mode, padding, align)
    np.testing.assert_allclose(y.data, x, atol=1e-12)


@pytest.mark.parametrize("align", [False, True])
def test_around_the_picture(align):
    x = np.arange(1.0, 5).reshape(1, 1, 1, 4)
    places = np.stack([np.zeros(9), np.arange(-3, 6) - 0.0], -1)
    grid = pcn.tensor(to_grid(places, (1, 4), align).reshape(1, 1, 9, 2))
    rows = {
        p: F.grid_sample(pcn.tensor(x), grid, "nearest", p, align).data.ravel().tolist() for p in PADDINGS
    }
    assert rows["zeros"] == [0, 0, 0, 1, 2, 3, 4, 0, 0] and rows["border"] == [1, 1, 1, 1, 2, 3, 4, 4, 4]
    assert rows["reflection"] == ([4, 3, 2, 1, 2, 3, 4, 3, 2] if align else [3, 2, 1, 1, 2, 3, 4, 4, 3])


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize(("padding", "align"), FLAGS)
def test_gradients_to_the_picture_and_to_the_grid(mode, padding, align):
    rng = np.random.default_rng(3)
    x, grid = rng.standard_normal((2, 2, 3, 4)), rng.uniform(-1.6, 1.6, (2, 3, 3, 2))
    if mode == "nearest":
        check_grads(lambda x: F.grid_sample(x * x, pcn.tensor(grid), mode, padding, align), x)
    else:
        check_grads(lambda x, g: F.grid_sample(x, g, mode, padding, align), x, grid)


@pytest.mark.parametrize(("padding", "align"), FLAGS)
def test_gradients_with_depth(padding, align):
    rng = np.random.default_rng(3)
    x, grid = rng.standard_normal((1, 2, 2, 3, 2)), rng.uniform(-1.3, 1.3, (1, 2, 1, 3, 3))
    check_grads(lambda x, g: F.grid_sample(x, g, "bilinear", padding, align), x, grid)


def test_the_picture_may_be_fixed_and_the_grid_learned():
    x, theta = np.random.default_rng(0).standard_normal((1, 1, 5, 5)), np.array([[[0.7, 0.1, 0.2], [-0.1, 0.8, 0.1]]])
    check_grads(lambda th: F.grid_sample(x, F.affine_grid(th, (1, 1, 3, 4)), align_corners=False), theta)


def test_places_that_are_no_numbers():
    """NaN and infinity give NaN, or with a padding that puts places inside some pixel; far away is 0."""
    x = pcn.tensor(np.arange(1.0, 13).reshape(1, 1, 3, 4))
    grid = pcn.tensor(np.array([[[np.nan, 0], [np.inf, 0], [1e20, 0], [0, -1e300]]]).reshape(1, 1, 4, 2))
    zeros = F.grid_sample(x, grid).data.ravel()
    assert np.isnan(zeros[:2]).all() and (zeros[2:] == 0).all()
    assert F.grid_sample(x, grid, padding_mode="border").data.ravel().tolist() == [5, 8, 8, 2.5]
    assert np.isfinite(F.grid_sample(x, grid, padding_mode="reflection").data).all()
    assert F.grid_sample(x, grid, "nearest").tolist() == [[[[0, 0, 0, 0]]]]


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize(("padding", "align"), FLAGS)
def test_nan_is_read_as_minus_one_or_gives_nan(axes, mode, padding, align):
    if mode == "bicubic" and axes == 3:
        return  # not offered
    rng = np.random.default_rng(0)
    x, at = rng.standard_normal((1, 2, *(4, 3, 5)[:axes])), rng.uniform(-1, 1, (1, 6, *[1] * (axes - 1), axes))
    hole = rng.random(at.shape) < 0.4
    grids = [pcn.tensor(np.where(hole, v, at), requires_grad=True) for v in (np.nan, -1)]
    y, same = (F.grid_sample(pcn.tensor(x), g, mode, padding, align) for g in grids)
    if padding != "zeros" and mode != "bicubic":
        np.testing.assert_allclose(y.data, same.data, atol=1e-12)
        if mode == "bilinear":
            y.sum().backward()
            assert (grids[0].grad.data[hole] == 0).all() and np.isfinite(grids[0].grad.data).all()
        return
    touched = np.broadcast_to(hole.any(-1)[:, None], y.shape)
    missing = y.data == 0 if mode == "nearest" else np.isnan(y.data)
    np.testing.assert_array_equal(missing, touched)


def test_what_is_not_finite_stays_out_of_what_does_not_touch_it():
    x = np.ones((1, 1, 4, 4))
    x[0, 0, 0, 0] = np.nan
    grid = to_grid([[1.5, 1.5], [2, 2], [-1, -1], [0.5, 0.5]], (4, 4), True).reshape(1, 1, 4, 2)
    y = F.grid_sample(pcn.tensor(x), pcn.tensor(grid), align_corners=True).data.ravel()
    assert (y[:2] == 1).all() and np.isnan(y[3])


def test_the_identity_map_gives_the_picture_back():
    x = pcn.tensor(np.random.default_rng(0).standard_normal((2, 3, 5, 4)))
    identity = pcn.tensor(np.broadcast_to(np.eye(2, 3), (2, 2, 3)))
    for align in (False, True):
        grid = F.affine_grid(identity, (2, 3, 5, 4), align)
        assert grid.shape == (2, 5, 4, 2)
        assert (np.abs(grid.data).max() == 1) == align
        np.testing.assert_allclose(F.grid_sample(x, grid, align_corners=align).data, x.data, atol=1e-12)
    volume = F.affine_grid(pcn.tensor(np.eye(3, 4)[None]), (1, 1, 2, 3, 4), True).data
    assert volume.shape == (1, 2, 3, 4, 3) and volume[0, 0, 0, :, 0].tolist() == np.linspace(-1, 1, 4).tolist()
    assert (volume[0, 1, ..., 2] == 1).all()  # z is the first axis, and comes last


def test_an_empty_batch_stays_one():
    assert F.grid_sample(t(0, 2, 3, 3), t(0, 4, 5, 2)).shape == (0, 2, 4, 5)
    assert F.grid_sample(t(1, 2, 3, 3), t(1, 0, 5, 2)).shape == (1, 2, 0, 5)


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: F.grid_sample(t(1, 2, 3, 3), t(1, 4, 5, 3)), ValueError, r"grid \[N, H', W', 2\].*got input"),
        (lambda: F.grid_sample(t(2, 2, 3, 3), t(1, 4, 5, 2)), ValueError, "got input .* and grid"),
        (lambda: F.grid_sample(t(2, 3, 3), t(2, 4, 2)), ValueError, "input must be .N, C, H, W"),
        (lambda: F.grid_sample(t(1, 2, 0, 3), t(1, 4, 5, 2)), ValueError, "axis 2 of input .* is empty"),
        (lambda: F.grid_sample(t(1, 2, 3, 3), t(1, 4, 5, 2, dtype="float64")), TypeError, "grid is float64"),
        (lambda: F.grid_sample(t(1, 2, 3, 3), t(1, 4, 5, 2), "cubic"), NotImplementedError, "'cubic' is not offered"),
        (lambda: F.grid_sample(t(1, 2, 3, 3), t(1, 4, 5, 2), padding_mode="wrap"), NotImplementedError, "padding_mode"),
        (lambda: F.grid_sample(t(1, 2, 3, 3, 3), t(1, 4, 5, 5, 3), "bicubic"), NotImplementedError, "for pictures"),
        (lambda: F.affine_grid(t(1, 3, 4), (1, 1, 2, 2)), ValueError, r"must have shape \(1, 2, 3\), got \(1, 3, 4\)"),
        (lambda: F.affine_grid(t(1, 2, 3), (1, 1, 2)), ValueError, r"size must be \(N, C, H, W\)"),
        (lambda: F.affine_grid(t(1, 2, 3), (1, 1, 0, 2)), ValueError, "size must be positive, got 0"),
        (lambda: F.affine_grid(t(1, 2, 3), (1, 1, 2**30, 2**30)), ValueError, "too large for any memory"),
        (lambda: F.affine_grid(t(1, 2, 3, dtype="int64"), (1, 1, 2, 2)), TypeError, "theta is int64"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()
