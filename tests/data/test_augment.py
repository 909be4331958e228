"""Augmentations: boxes follow what they enclose, and the generator alone decides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconvnet.data import flip, flip_batch, random_brightness_contrast, random_flip, random_scale_shift
from pyconvnet.data.augment import resample

AUGMENTATIONS = [random_flip, random_scale_shift, random_brightness_contrast]


def marked(height, width, box):
    """A dark picture with a bright rectangle, and the target that says where: (image, target)."""
    image = np.zeros((3, height, width), np.float32)
    x1, y1, x2, y2 = box
    image[:, y1:y2, x1:x2] = 1
    return image, (np.array([box], np.float32), np.array([2]), np.array([True]))


def bounds(image):
    rows, columns = np.nonzero(image[0] > 0.5)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@st.composite
def cases(draw, square=False):
    height = draw(st.integers(4, 24))
    width = height if square else draw(st.integers(4, 24))
    x1, y1 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    x2, y2 = draw(st.integers(x1 + 1, width)), draw(st.integers(y1 + 1, height))
    return marked(height, width, (x1, y1, x2, y2))


@given(cases(), st.booleans(), st.booleans(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_flipped_boxes_enclose_the_flipped_marker(case, horizontal, vertical, transpose):
    image, target = flip(*case, horizontal, vertical, transpose)
    assert target[0].tolist() == [bounds(image)]
    assert image.flags.c_contiguous and target[0].dtype == np.float32


@given(cases(), st.booleans(), st.booleans())
@settings(max_examples=50, deadline=None)
def test_a_flip_twice_is_the_identity(case, horizontal, vertical):
    for options in ((horizontal, vertical, False), (False, False, True)):
        image, target = flip(*flip(*case, *options), *options)
        assert np.array_equal(image, case[0]) and np.array_equal(target[0], case[1][0])


@given(cases(square=True), st.integers(0, 999))
@settings(max_examples=50, deadline=None)
def test_a_flipped_batch_follows_its_markers(case, seed):
    images, targets = np.stack([case[0]] * 8), [case[1]] * 8
    flipped, moved = flip_batch(images, targets, np.random.default_rng(seed), vertical=True, transpose=True)
    for image, (boxes, labels, difficult) in zip(flipped, moved, strict=True):
        assert boxes.tolist() == [bounds(image)] and labels.tolist() == [2] and difficult.tolist() == [True]
    assert np.array_equal(images[0], case[0]), "the batch that was given stays as it was"


def test_random_flips_occur_equally_often():
    image, target = marked(8, 8, (0, 0, 3, 2))
    rng = np.random.default_rng(0)
    every = {"vertical": True, "transpose": True}
    seen = [tuple(random_flip(image, target, rng, **every)[1][0][0]) for _ in range(400)]
    counts = [seen.count(box) for box in set(seen)]
    assert len(counts) == 8 and min(counts) > 25


@given(st.integers(0, 9999))
@settings(max_examples=100, deadline=None)
def test_scaled_and_shifted_boxes_follow_their_marker(seed):
    image, target = marked(48, 64, (24, 18, 40, 30))
    moved, (boxes, labels, difficult) = random_scale_shift(image, target, np.random.default_rng(seed), fill=0)
    assert moved.shape == image.shape and moved.dtype == np.float32
    assert moved.min() >= 0 and moved.max() <= 1 + 1e-6
    assert boxes.shape == (1, 4) and labels.tolist() == [2] and difficult.tolist() == [True]
    assert np.abs(boxes[0] - bounds(moved)).max() <= 1
    area = (boxes[0, 2] - boxes[0, 0]) * (boxes[0, 3] - boxes[0, 1])
    assert moved[0].sum() == pytest.approx(area, rel=0.15)


@given(st.integers(0, 9999))
@settings(max_examples=100, deadline=None)
def test_boxes_cut_to_less_than_a_third_are_dropped_with_their_labels(seed):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 40, (12, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(4, 24, (12, 2))], 1).clip(0, 64).astype(np.float32)
    image, labels = np.zeros((3, 64, 64), np.float32), np.arange(12)
    same = lambda: np.random.default_rng(seed)
    _, (kept, kept_labels) = random_scale_shift(image, (boxes, labels), same(), shift=0.5)
    _, (every, every_label) = random_scale_shift(image, (boxes, labels), same(), shift=0.5, min_area=1e-6)
    assert kept.shape == (len(kept_labels), 4) and set(kept_labels) <= set(every_label)
    assert kept.dtype == np.float32 and (kept >= 0).all() and (kept <= 64).all()
    assert (kept[:, 2:] > kept[:, :2]).all()
    position = {label: box for label, box in zip(every_label.tolist(), every.tolist(), strict=True)}
    assert all(position[label] == box for label, box in zip(kept_labels.tolist(), kept.tolist(), strict=True))


def test_min_area_is_the_share_that_stays_inside():
    boxes = np.array([[0, 0, 10, 10], [20, 0, 30, 10]], np.float32)
    image = np.zeros((3, 40, 40), np.float32)

    class LeftBySixPixels:
        def uniform(self, low, high, size):
            return np.array([0.0, 0.0, -1.0, 0.0])

    shifted = lambda share: random_scale_shift(
        image, (boxes, np.arange(2)), LeftBySixPixels(), shift=0.15, min_area=share
    )[1]
    assert shifted(0.39)[0].tolist() == [[0, 0, 4, 10], [14, 0, 24, 10]]
    assert shifted(0.41)[1].tolist() == [1]


def test_outside_is_the_mean_colour():
    image = np.broadcast_to(np.array([0.2, 0.4, 0.6], np.float32)[:, None, None], (3, 20, 30))
    moved, _ = random_scale_shift(image, (np.zeros((0, 4), np.float32),), np.random.default_rng(1))
    assert np.abs(moved - image).max() < 1e-6


def test_interpolation_by_whole_pixels_is_a_shift_and_by_none_the_identity():
    assert np.array_equal(resample(np.eye(5), 0, 1, 0), np.eye(5))
    assert resample(np.arange(1.0, 6), 0, 1, 2).tolist() == [0, 0, 1, 2, 3]
    assert np.allclose(resample(np.ones(9), 0, 1.3, -1.35), 1)


@given(st.floats(0.7, 2.5), st.floats(-4, 4))
@settings(max_examples=50, deadline=None)
def test_interpolation_reads_a_ramp_at_the_right_places(scale, offset):
    centres = np.arange(12) + 0.5
    places = (centres - offset) / scale
    inside = (places >= 0.5) & (places <= 11.5)
    read = resample(centres, 0, scale, offset)
    assert np.allclose(read[inside], places[inside])


def test_brightness_and_contrast():
    image = np.random.default_rng(0).random((3, 16, 16), dtype=np.float32)
    target = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    changed, same = random_brightness_contrast(image, target, np.random.default_rng(0))
    assert same is target and changed.dtype == np.float32 and changed.shape == image.shape
    assert changed.min() >= 0 and changed.max() <= 1 and not np.allclose(changed, image)
    off, _ = random_brightness_contrast(image, target, np.random.default_rng(0), 0, 0, 0)
    assert np.allclose(off, image, atol=1e-6)


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_the_generator_decides_alone_and_inputs_stay(augmentation):
    image, target = marked(32, 32, (10, 8, 22, 20))
    image_before, boxes_before = image.copy(), target[0].copy()
    results = [augmentation(image, target, np.random.default_rng(seed)) for seed in (5, 5)]
    assert np.array_equal(results[0][0], results[1][0])
    assert np.array_equal(results[0][1][0], results[1][1][0])
    assert np.array_equal(image, image_before) and np.array_equal(target[0], boxes_before)


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_no_boxes_are_legal(augmentation):
    target = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, bool))
    for seed in range(5):
        _, changed = augmentation(np.zeros((3, 8, 8), np.float32), target, np.random.default_rng(seed))
        assert [part.shape for part in changed] == [(0, 4), (0,), (0,)]
        assert [part.dtype for part in changed] == [part.dtype for part in target]


def test_errors():
    rng, image = np.random.default_rng(0), np.zeros((3, 8, 9), np.float32)
    target = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="random_flip: transpose needs square pictures, got height 8, w"):
        random_flip(image, target, rng, transpose=True)
    with pytest.raises(ValueError, match="flip_batch: transpose needs square pictures"):
        flip_batch(image[None], [target], rng, transpose=True)
    with pytest.raises(ValueError, match=r"flip_batch: expected images \(N, 3, H, W\) and N targets"):
        flip_batch(image, [target], rng)
    with pytest.raises(ValueError, match=r"got shape .* and 2 targets"):
        flip_batch(image[None], [target] * 2, rng)
