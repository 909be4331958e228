"""Cutting out and warping boxes: against the definition in loops, whole pictures, context, the world outside."""

import numpy as np
import pytest

from lectures.detection.foundation.detector import GREY
from lectures.detection.regions.warping import warp


def picture(height=11, width=17, seed=0):
    return np.random.default_rng(seed).random((3, height, width), np.float32)


def naive_warp(image, box, size, context):
    """One output pixel, one channel at a time."""
    _, height, width = image.shape
    x1, y1, x2, y2 = (float(v) for v in box)
    inner, out = size - 2 * context, np.full((3, size, size), GREY)
    for i in range(size):
        for j in range(size):
            y, x = y1 + (i - context + 0.5) * (y2 - y1) / inner, x1 + (j - context + 0.5) * (x2 - x1) / inner
            if not (0 <= y <= height and 0 <= x <= width):
                continue
            y, x = min(max(y - 0.5, 0), height - 1), min(max(x - 0.5, 0), width - 1)
            top, left = int(y), int(x)
            bottom, right, down, across = min(top + 1, height - 1), min(left + 1, width - 1), y - top, x - left
            for c in range(3):
                above = (1 - across) * image[c, top, left] + across * image[c, top, right]
                below = (1 - across) * image[c, bottom, left] + across * image[c, bottom, right]
                out[c, i, j] = (1 - down) * above + down * below
    return out


@pytest.mark.parametrize(("size", "context"), [(5, 0), (8, 1), (9, 3), (1, 0)])
def test_warping_is_the_definition_in_loops(size, context):
    image, rng = picture(), np.random.default_rng(1)
    corner = rng.uniform(-6, 14, (30, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0, 12, (30, 2))], axis=1)
    for box, cut in zip(boxes, warp(image, boxes, size, context)):
        np.testing.assert_allclose(cut, naive_warp(image, box, size, context), atol=1e-5)


def test_a_box_of_whole_pixels_at_its_own_size_is_cut_out_as_it_is():
    image = picture()
    np.testing.assert_array_equal(warp(image, [[4, 2, 9, 7]], 5)[0], image[:, 2:7, 4:9])
    np.testing.assert_array_equal(warp(image, [[4, 2, 9, 7]], 9, context=2)[0], image[:, 0:9, 2:11])


def test_outside_of_the_picture_all_is_grey():
    image = picture(4, 4)
    cut = warp(image, [[-2, -2, 6, 6], [50, 50, 60, 60], [-1e6, 0, -1e5, 4]], 8)
    np.testing.assert_array_equal(cut[0, :, 2:6, 2:6], image)
    cut[0, :, 2:6, 2:6] = GREY
    assert (cut == GREY).all()


def test_context_is_what_is_around_the_box():
    image = picture(40, 40)
    around = warp(image, [[7, 9, 19, 17]], 32, context=6)
    np.testing.assert_allclose(around[0, :, 6:26, 6:26], warp(image, [[7, 9, 19, 17]], 20)[0], atol=1e-6)


def test_many_boxes_are_the_boxes_one_by_one():
    image, corner = picture(30, 30), np.random.default_rng(2).uniform(0, 20, (600, 2))
    boxes = np.concatenate([corner, corner + 7], axis=1)
    together = warp(image, boxes, 6)
    assert together.dtype == np.float32
    for k in (0, 255, 256, 599):
        np.testing.assert_array_equal(together[k], warp(image, boxes[k : k + 1], 6)[0])


def test_no_boxes_and_boxes_without_an_area():
    image = picture()
    assert warp(image, np.zeros((0, 4)), 32).shape == (0, 3, 32, 32)
    point = warp(image, [[4.5, 2.5, 4.5, 2.5]], 3)[0]
    np.testing.assert_array_equal(point, np.broadcast_to(image[:, 2:3, 4:5], (3, 3, 3)))
    assert warp(picture(1, 1), [[0, 0, 1, 1]], 4).shape == (1, 3, 4, 4)


@pytest.mark.parametrize(
    ("image", "boxes", "size", "context", "error", "words"),
    [
        (picture()[0], [[0, 0, 1, 1]], 4, 0, ValueError, r"image must be \(3, H, W\) .* got shape \(11, 17\)"),
        (picture().transpose(1, 2, 0), [[0, 0, 1, 1]], 4, 0, ValueError, r"got shape \(11, 17, 3\)"),
        ((picture() * 255).astype(np.uint8), [[0, 0, 1, 1]], 4, 0, TypeError, "uint8.*divide by 255"),
        (picture(), [0, 0, 1, 1], 4, 0, ValueError, r"boxes must be \(n, 4\), .* got shape \(4,\)"),
        (picture(), [[0, 0, 1, 1], [5, 5, 2, 8]], 4, 0, ValueError, "box 1 is .*is it x, y, w, h"),
        (picture(), [[0, 0, np.nan, 1]], 4, 0, ValueError, "box 0 is .*finite"),
        (picture(), [[0, 0, 1, 1]], 4.5, 0, TypeError, "whole numbers of pixels, got 4.5"),
        (picture(), [[0, 0, 1, 1]], 0, 0, ValueError, "size 0 must be positive"),
        (picture(), [[0, 0, 1, 1]], 8, 4, ValueError, "leave room between two times context 4"),
        (picture(), [[0, 0, 1, 1]], 8, -1, ValueError, "context -1"),
    ],
)
def test_bad_input_is_refused_in_words(image, boxes, size, context, error, words):
    with pytest.raises(error, match=words):
        warp(image, boxes, size, context)
