"""interpolate against the interpolation of one point at a time, its laws, both its ways; pixel_shuffle."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet.functional import resampling
from pyconvnet.testing import check_grads

MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}
t = pcn.zeros


def line(row, at):
    """The value of a row of pixels at a place between them; beyond the ends that of the end."""
    at = min(max(at, 0), len(row) - 1)
    low = min(int(at), len(row) - 2) if len(row) > 1 else 0
    return row[low] if len(row) == 1 else row[low] * (1 - (at - low)) + row[low + 1] * (at - low)


def place(i, n, out, scale, align_corners):
    if align_corners:
        return i * (n - 1) / (out - 1) if out > 1 else 0
    return (i + 0.5) / scale - 0.5


@given(st.integers(1, 6), st.integers(1, 12), st.booleans())
def test_linear_interpolation_of_a_row(n, out, align):
    x = np.random.default_rng(n).standard_normal(n)
    y = F.interpolate(pcn.tensor(x[None, None]), size=out, mode="linear", align_corners=align)
    np.testing.assert_allclose(y.data[0, 0], [line(x, place(i, n, out, out / n, align)) for i in range(out)])


@settings(max_examples=40)
@given(st.data(), st.sampled_from([2, 3]), st.booleans())
def test_more_axes_are_one_after_the_other(data, axes, align):
    size = data.draw(st.tuples(*[st.integers(1, 4)] * axes))
    out = data.draw(st.tuples(*[st.integers(1, 6)] * axes))
    x = np.random.default_rng(0).standard_normal((2, 3, *size))
    y = F.interpolate(pcn.tensor(x), out, mode=MODES[axes], align_corners=align)
    for axis, m in enumerate(out):
        places = [place(i, size[axis], m, m / size[axis], align) for i in range(m)]
        x = np.apply_along_axis(lambda row, places: [line(row, at) for at in places], 2 + axis, x, places)
    np.testing.assert_allclose(y.data, x, atol=1e-12)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.sampled_from([0.5, 1.0, 1.5, 2, 3.0]))
def test_nearest_takes_the_pixel_below(size, factor):
    if min(int(n * factor) for n in size) < 1:
        return
    x = np.arange(np.prod(size), dtype=float).reshape(1, 1, *size)
    y = F.interpolate(pcn.tensor(x), scale_factor=factor)
    assert y.shape[2:] == tuple(math.floor(n * factor) for n in size)
    for at in itertools.product(*map(range, y.shape[2:])):
        assert y.data[(0, 0, *at)] == x[(0, 0, *(min(int(i / factor), n - 1) for i, n in zip(at, size)))]


def test_the_factor_itself_places_the_pixels_unless_recomputed():
    x = pcn.tensor(np.arange(5.0)[None, None])
    given, recomputed = (
        F.interpolate(x, scale_factor=1.5, mode="linear", recompute_scale_factor=r).data[0, 0] for r in (None, True)
    )
    np.testing.assert_allclose(given[1], 1.5 / 1.5 - 0.5)
    np.testing.assert_allclose(recomputed[1], 1.5 * 5 / 7 - 0.5)


@settings(max_examples=30)
@given(st.tuples(st.integers(1, 5), st.integers(1, 5)), st.tuples(st.integers(1, 7), st.integers(1, 7)), st.booleans())
def test_gradients_and_exact_transposes(size, out, align):
    x = np.random.default_rng(0).integers(-3, 4, (1, 2, *size)).astype(float)
    check_grads(lambda x: F.interpolate(x * x, out), x)
    check_grads(lambda x: F.interpolate(x * x, out, mode="bilinear", align_corners=align), x)
    a = pcn.tensor(x, requires_grad=True)
    y = F.interpolate(a, out)
    g = np.random.default_rng(1).integers(-3, 4, y.shape).astype(float)
    assert (y.data * g).sum() == (x * pcn.grad(y, a, g)[0].data).sum()


@settings(max_examples=30)
@given(st.tuples(st.integers(1, 5), st.integers(1, 5)), st.tuples(st.integers(1, 7), st.integers(1, 7)))
def test_the_two_ways_to_mix_are_one(size, out):
    """As a matrix, and pixel by pixel where the matrix would be large."""
    x = np.random.default_rng(0).standard_normal((2, 2, *size))
    results = []
    for most in (2**21, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(resampling, "MATRIX_ELEMENTS", most)
            a = pcn.tensor(x, requires_grad=True)
            y = F.interpolate(a, out, mode="bilinear")
            results.append((y.data, pcn.grad((y * y).sum(), a)[0].data))
    for one, other in zip(*results):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_nan_and_infinity_stay_where_they_are():
    x = np.zeros((1, 1, 6, 6), np.float32)
    x[0, 0, 1, 1], x[0, 0, 4, 4] = np.nan, np.inf
    for options in ({"mode": "nearest"}, {"mode": "bilinear"}):
        y = F.interpolate(pcn.tensor(x), scale_factor=2, **options).data[0, 0]
        assert np.isnan(y[2:4, 2:4]).all() and (y[8:10, 8:10] == np.inf).all() and (y[:6, 6:] == 0).all()
    assert np.isinf(F.adaptive_avg_pool2d(pcn.tensor(x), 3).data[0, 0, 2, 2])


def test_a_constant_stays_one_and_the_same_size_changes_nothing():
    x = pcn.rand(2, 3, 5, 4)
    for options in ({"mode": "nearest"}, {"mode": "bilinear"}, {"mode": "bilinear", "align_corners": True}):
        np.testing.assert_array_equal(F.interpolate(x, (5, 4), **options).data, x.data)
        np.testing.assert_allclose(F.interpolate(pcn.ones(1, 1, 5, 4), (13, 3), **options).data, 1, rtol=1e-6)


@given(st.integers(1, 3), st.sampled_from([(), (2,), (2, 0)]))
def test_pixel_shuffle_makes_blocks_of_channels(r, lead):
    x = np.random.default_rng(0).standard_normal((*lead, 2 * r * r, 3, 2))
    y = F.pixel_shuffle(pcn.tensor(x), r).data
    assert y.shape == (*lead, 2, 3 * r, 2 * r)
    for c, i, j in np.ndindex(y.shape[len(lead) :]):
        np.testing.assert_array_equal(y[..., c, i, j], x[..., c * r * r + i % r * r + j % r, i // r, j // r])
    check_grads(lambda x: F.pixel_shuffle(x * x, r), x)


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: F.interpolate(t(1, 1, 4, 4)), ValueError, "give either size or scale_factor"),
        (lambda: F.interpolate(t(1, 1, 4, 4), 2, 2), ValueError, "give either size or scale_factor"),
        (lambda: F.interpolate(t(1, 1, 4, 4), 0), ValueError, "size must be positive, got 0"),
        (lambda: F.interpolate(t(1, 1, 4, 4), (2, 2, 2)), ValueError, "size must be one whole number or 2 of them"),
        (lambda: F.interpolate(t(1, 1, 4, 4), 2.0), TypeError, "size must be a whole number, got 2.0"),
        (lambda: F.interpolate(t(1, 1, 4, 4), scale_factor=0.1), ValueError, r"leaves no pixel of \(4, 4\)"),
        (lambda: F.interpolate(t(1, 1, 4, 4), scale_factor=-1), ValueError, "scale_factor must be positive"),
        (lambda: F.interpolate(t(1, 1, 4, 4), scale_factor=np.nan), ValueError, "scale_factor must be positive"),
        (lambda: F.interpolate(t(1, 1, 4, 4), scale_factor=(2, 2, 2)), ValueError, "3 numbers for 2 spatial axes"),
        (lambda: F.interpolate(t(1, 1, 4, 4), 2**40), ValueError, "too large for any memory"),
        (lambda: F.interpolate(t(1, 1, 4, 4), 2, recompute_scale_factor=True), ValueError, "no meaning with an"),
        (lambda: F.interpolate(t(1, 1, 4, 4), 2, align_corners=False), ValueError, "align_corners belongs to"),
        (lambda: F.interpolate(t(1, 4, 4), 2, mode="bilinear"), ValueError, "'bilinear' needs .* with 2 spatial axes"),
        (lambda: F.interpolate(t(4, 4), 2), ValueError, "with 1 to 3 spatial axes, got shape"),
        (lambda: F.interpolate(t(1, 1, 0, 4), 2), ValueError, "axis 2 of input .* is empty"),
        (lambda: F.interpolate(t(1, 1, 4, 4), 2, mode="bicubic"), NotImplementedError, "mode 'bicubic' is not offered"),
        (lambda: F.interpolate(t(1, 1, 4, 4), 2, mode="bilinear", antialias=True), NotImplementedError, "antialias"),
        (lambda: F.interpolate(pcn.tensor([[[1, 2]]]), 2), TypeError, "interpolate: input is int64"),
        (lambda: F.pixel_shuffle(t(3, 4, 4), 2), ValueError, r"3 channels \(axis -3 of .* do not divide by 2 x 2"),
        (lambda: F.pixel_shuffle(t(4, 4), 1), ValueError, "channels, height, width"),
        (lambda: F.pixel_shuffle(t(4, 4, 4), 0), ValueError, "upscale_factor must be positive, got 0"),
        (lambda: F.pixel_shuffle(t(4, 4, 4), 2.0), TypeError, "upscale_factor must be a whole number"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()
