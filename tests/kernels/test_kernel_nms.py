"""Suppression of many boxes: the grid of the compiled backend misses nothing, whatever the boxes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconvnet import kernels

ISAS = kernels.supported_isas()
THRESHOLDS = (0.05, 0.3, 0.5, 0.7, 0.999, 1.0)


def uniform(rng, n, place=200, size=(5, 40)):
    corner = rng.uniform(0, place, (n, 2))
    return np.concatenate([corner, corner + rng.uniform(*size, (n, 2))], axis=1)


def around_objects(rng, n):
    """As a detector proposes: crowds around a few objects."""
    objects = uniform(rng, 12)
    return np.sort((objects[rng.integers(0, 12, n)] + rng.normal(0, 3, (n, 4))).reshape(n, 2, 2), axis=1).reshape(n, 4)


def of_all_sizes(rng, n):
    return uniform(rng, n, 100) * np.exp(rng.uniform(-8, 4, (n, 1)))


def odd(rng, n):
    """Reversed, empty, tiny, huge and infinite boxes among the others, and NaN."""
    boxes = uniform(rng, n, 60)
    boxes[::7] = boxes[::7, [2, 1, 0, 3]]
    boxes[1::11, 2:] = boxes[1::11, :2]
    boxes[2::13] *= 1e-19  # areas that underflow in float32
    boxes[3::17] *= 1e19  # and overflow
    for k, special in enumerate((np.inf, -np.inf, np.nan)):
        boxes[k :: 41, rng.integers(0, 4)] = special
    return boxes


SCENES = {
    "uniform": uniform,
    "crowds": around_objects,
    "sizes": of_all_sizes,
    "odd": odd,
    "far from 0": lambda rng, n: uniform(rng, n) + 1e6,
    "one place": lambda rng, n: np.tile([[1.0, 2, 3, 4]], (n, 1)),
    "one row": lambda rng, n: uniform(rng, n) * [1, 0, 1, 0] + [0, 5, 0, 9],
    "whole numbers": lambda rng, n: np.round(uniform(rng, n, 30, (1, 9))),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_equals_the_rows_of_ious(scene, isa, dtype):
    rng = np.random.default_rng(0)
    boxes = SCENES[scene](rng, 900).astype(dtype)
    scores = rng.integers(0, 300, 900).astype(dtype)  # with ties
    scores[::97], scores[5::89], scores[6::89] = np.nan, np.inf, -np.inf
    categories = rng.integers(-1, 2, 900)
    for threshold in THRESHOLDS:
        for given_categories in (None, categories):
            with kernels.use("numpy"):
                expected = kernels.nms(boxes, scores, threshold, given_categories)
            with kernels.use("cpp", isa=isa):
                got = kernels.nms(boxes, scores, threshold, given_categories)
            np.testing.assert_array_equal(got, expected, strict=True)


@pytest.mark.skipif(not ISAS, reason="no compiled kernels")
def test_equals_the_rows_of_ious_at_ten_thousand():
    rng = np.random.default_rng(1)
    boxes = np.concatenate([uniform(rng, 6000, 1000), around_objects(rng, 4000)]).astype(np.float32)
    scores = rng.random(10000, np.float32)
    with kernels.use("numpy"):
        expected = kernels.nms(boxes, scores, 0.5)
    with kernels.use("cpp"):
        np.testing.assert_array_equal(kernels.nms(boxes, scores, 0.5), expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(THRESHOLDS), st.integers(-3, 3))
@pytest.mark.skipif(not ISAS, reason="no compiled kernels")
def test_boxes_on_a_coarse_grid_have_ious_at_the_threshold(seed, threshold, power):
    rng = np.random.default_rng(seed)
    boxes = (np.round(uniform(rng, 500, 12, (1, 6))) * 10.0**power).astype(np.float32)
    scores = rng.integers(0, 9, 500).astype(np.float32)
    with kernels.use("numpy"):
        expected = kernels.nms(boxes, scores, threshold)
    with kernels.use("cpp"):
        np.testing.assert_array_equal(kernels.nms(boxes, scores, threshold), expected)


@pytest.mark.parametrize("backend", kernels.available())
def test_categories_do_not_meet(backend):
    boxes, scores = np.array([[0, 0, 10, 10.0]] * 6), np.array([0.1, 0.5, 0.5, 0.9, np.nan, 0.2])
    with kernels.use(backend):
        assert kernels.nms(boxes, scores, 0.5, [7, 7, -2, -2, 0, 1]).tolist() == [4, 3, 1, 5]
        assert kernels.nms(boxes[:0], scores[:0], 0.5, []).tolist() == []
        with pytest.raises(ValueError, match=r"nms: categories must be \[6\], one for each box, got \(5,\)"):
            kernels.nms(boxes, scores, 0.5, [1] * 5)
        with pytest.raises(TypeError, match="nms: categories must be whole numbers, got dtype float64"):
            kernels.nms(boxes, scores, 0.5, scores)
