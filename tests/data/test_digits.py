"""Procedural digits: repeatable in any order, splits apart, light strokes on a dark ground, several handwritings."""

import numpy as np
import pytest

from pyconvnet.data import Digits
from pyconvnet.data.digit_strokes import FONTS


def test_a_sample_is_a_grey_picture_and_a_digit():
    data = Digits(60, seed=3)
    images, digits = data.arrays()
    assert len(data) == 60 and images.shape == (60, 1, 28, 28) and images.dtype == np.float32
    assert digits.dtype == np.int64 and set(digits) == set(range(10)) and data.classes == tuple("0123456789")
    image, digit = data[-1]
    np.testing.assert_array_equal(image, images[-1])
    assert digit == digits[-1] and digit.dtype == np.int64 and 0 <= image.min() < image.max() <= 1


def test_a_picture_depends_on_nothing_but_its_numbers():
    few, many = Digits(4, "val", 1), Digits(9, "val", 1)
    pictures = {i: many[i][0] for i in reversed(range(9))}
    assert all((few[i][0] == pictures[i]).all() for i in range(4))
    few[0][0][:] = 0
    np.testing.assert_array_equal(few[0][0], pictures[0])


def test_no_two_splits_and_no_two_seeds_share_a_picture():
    pictures = [Digits(20, split, seed)[i][0].tobytes()
                for split in ("train", "val", "test") for seed in (0, 1) for i in range(20)]  # fmt: skip
    assert len(set(pictures)) == 120


@pytest.mark.parametrize("font", FONTS)
def test_every_handwriting_has_ten_digits_that_lie_inside(font):
    assert len(FONTS[font]) == 10
    for strokes in FONTS[font]:
        for stroke in strokes:
            assert stroke.ndim == 2 and stroke.shape[1] == 2 and len(stroke) >= 2 and abs(stroke).max() <= 1.2


@pytest.mark.parametrize("font", FONTS)
def test_strokes_are_light_and_mostly_within_the_picture(font):
    images, _ = Digits(80, "test", fonts=font).arrays()
    assert np.median(images) < 0.2 and images.max((1, 2, 3)).min() > 0.7
    border = np.concatenate([images[..., 0], images[..., -1], images[..., 0, :], images[..., -1, :]], -1)
    assert (border > 0.7).mean() < 0.01


def test_digits_of_one_kind_are_more_alike_than_others():
    images, digits = Digits(600, "train").arrays()
    means = np.stack([images[digits == d].mean(0).ravel() for d in range(10)])
    test, truth = Digits(300, "test").arrays()
    nearest = ((test.reshape(300, 1, -1) - means) ** 2).sum(-1).argmin(1)
    assert (nearest == truth).mean() > 0.5


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"split": "all"}, ValueError, "no split 'all'"),
        ({"fonts": ("round", "gothic")}, ValueError, "fonts must be some of round, straight, lamps, serif"),
        ({"fonts": ()}, ValueError, "fonts must be some of"),
        ({"count": -1}, ValueError, "count must be in"),
        ({"count": "3"}, TypeError, "count must be an integer"),
        ({"size": 4}, ValueError, "size must be in"),
    ],
)
def test_what_is_no_data_set_is_said_in_words(given, error, words):
    with pytest.raises(error, match=f"Digits: {words}"):
        Digits(**{"count": 3} | given)


def test_an_index_out_of_range_an_empty_set_and_another_size():
    with pytest.raises(IndexError, match="index 3 is out of range for 3"):
        Digits(3)[3]
    images, digits = Digits(0).arrays()
    assert images.shape == (0, 1, 28, 28) and digits.shape == (0,)
    large, small = Digits(2, "test", size=56), Digits(2, "test")
    assert large[0][0].shape == (1, 56, 56) and large[1][1] == small[1][1]
