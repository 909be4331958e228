"""Picking out of planes and winners of bins: three backends, every instruction set, any number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconvnet import kernels
from pyconvnet.testing import strategies as cases

BACKENDS = [("numpy", None)] + [("cpp", isa) for isa in kernels.supported_isas()]
few = settings(max_examples=60, deadline=None)
LOWEST = float(np.finfo(np.float32).min)


def agree(backend, function, *args):
    with kernels.use("naive"):
        expected = function(*args)
    with kernels.use(backend[0], isa=backend[1]):
        got = function(*args)
    np.testing.assert_array_equal(got, expected, strict=True)
    assert got.flags.c_contiguous and got.flags.writeable


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b[1] or b[0])
@few
@given(
    st.tuples(*[st.integers(1, 4)] * 4), st.tuples(*[st.integers(0, 3)] * 3), st.booleans(), cases.dtypes(), st.data()
)
def test_gather_and_scatter(backend, shape, picked, own_rows, dtype, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    n, c, h, w = shape
    image = np.arange(n) if own_rows else rng.integers(0, n, picked[0])
    chosen = rng.integers(0, h * w, (len(image), c, *picked[1:]), data.draw(st.sampled_from([np.int32, np.int64])))
    agree(backend, kernels.gather_planes, data.draw(cases.special_arrays(shape, dtype)), image, chosen)
    g = data.draw(cases.integer_arrays(chosen.shape, dtype))
    agree(backend, kernels.scatter_planes, g, image, chosen, shape)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b[1] or b[0])
@few
@given(st.tuples(st.integers(1, 3), st.sampled_from([1, 3, 17]), *[st.integers(1, 8)] * 2), cases.dtypes(), st.data())
def test_winners_of_bins(backend, shape, dtype, data):
    """Empty and reversed bins, ties, NaN, infinities."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    p = [0.1] * 2 + [0.05] * 2 + [0.2] * 3 + [0.1]
    x = rng.choice([-np.inf, np.nan, np.inf, LOWEST, 1, 2, 3, -0.0], shape, p=p)
    if whole := data.draw(st.booleans()):
        x = rng.standard_normal(shape)
    rows, bins_h, bins_w = rng.integers(0, 4, 3)
    image = rng.integers(0, shape[0], rows)
    bins_y, bins_x = (rng.integers(0, size + 1, (2, rows, b)) for size, b in ((shape[2], bins_h), (shape[3], bins_w)))
    if whole:
        bins_y, bins_x = np.sort(bins_y, axis=0), np.sort(bins_x, axis=0)
    agree(backend, kernels.roi_pool_indices, x.astype(dtype), image, bins_y, bins_x, LOWEST)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b[1] or b[0])
@pytest.mark.parametrize("side", [1, 3, 5, 7])
def test_the_winner_may_be_anywhere_in_its_bin(backend, side):
    x = np.eye(side * side, dtype=np.float32).reshape(1, -1, side, side)  # the largest of channel c is pixel c
    whole = np.array([[[0]], [[side]]])
    with kernels.use(backend[0], isa=backend[1]):
        chosen = kernels.roi_pool_indices(x, [0], whole, whole, LOWEST)
    np.testing.assert_array_equal(chosen.reshape(-1), np.arange(side * side))


@pytest.mark.parametrize("isa", kernels.supported_isas())
def test_the_same_bits_for_any_number_of_threads(isa):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 20, 40, 40), np.float32)
    image = rng.integers(0, 4, 60)
    bins = np.sort(rng.integers(0, 41, (2, 60, 5)), axis=0)
    before = kernels.get_num_threads()
    with kernels.use("cpp", isa=isa):
        try:
            results = []
            for threads in (1, 2, 3, 5):
                kernels.set_num_threads(threads)
                chosen = np.maximum(kernels.roi_pool_indices(x, image, bins, bins, LOWEST), 0)
                y = kernels.gather_planes(x, image, chosen)
                results.append((chosen, y, kernels.scatter_planes(y, image, chosen, x.shape)))
        finally:
            kernels.set_num_threads(before)
    assert all(a.tobytes() == b.tobytes() for one in results for a, b in zip(one, results[0]))


@pytest.mark.parametrize("backend", kernels.available())
def test_what_lies_outside_is_refused(backend):
    x = np.ones((2, 3, 4, 5), np.float32)
    image, chosen = np.array([0, 1]), np.zeros((2, 3, 1, 1), np.int64)
    with kernels.use(backend):
        for bad, wrong in ((-1, chosen.copy()), (20, chosen.astype(np.int32))):
            wrong[1, 2] = bad
            with pytest.raises(ValueError, match="a position lies outside of its plane"):
                kernels.gather_planes(x, image, wrong)
            with pytest.raises(ValueError, match="a position lies outside of its plane"):
                kernels.scatter_planes(np.ones(chosen.shape, np.float32), image, wrong, x.shape)
        with pytest.raises(ValueError, match="a position lies outside of its plane"):
            kernels.gather_planes(x, image + 1, chosen)
        with pytest.raises(ValueError, match=r"chosen \(2, 3, 1, 1\) does not fit 1 rows of pictures \(2, 3, 4, 5\)"):
            kernels.gather_planes(x, image[:1], chosen)
        with pytest.raises(TypeError, match=r"image must be int64 \[R\], chosen int64 or int32"):
            kernels.gather_planes(x, image, chosen.astype(np.int16))
        bins = np.zeros((2, 2, 1), np.int64)
        with pytest.raises(ValueError, match=r"bins_x must be in \[0, 5\], got 6 to 6"):
            kernels.roi_pool_indices(x, image, bins, bins + 6, LOWEST)
        with pytest.raises(ValueError, match=r"image must be in \[0, 2\), got 2 to 3"):
            kernels.roi_pool_indices(x, image + 2, bins, bins, LOWEST)
