"""Pictures with boxes from arrays: what is read, and every mistake in words."""

import numpy as np
import pytest

import pyconvnet as pcn
from pyconvnet.data import ArrayDetection

IMAGE = np.linspace(0, 1, 3 * 8 * 10).reshape(3, 8, 10)
BOX = [[1, 2, 5, 6.5]]
NAN = float("nan")


def test_arrays_lists_tensors_and_bytes_are_samples():
    for images in ([IMAGE, IMAGE], np.stack([IMAGE, IMAGE]), pcn.tensor(np.stack([IMAGE, IMAGE]))):
        dataset = ArrayDetection(images, [BOX, []], [[1], []], ["a", "b"])
        image, (boxes, labels) = dataset[0]
        assert len(dataset) == 2 and dataset.classes == ("a", "b")
        assert image.dtype == np.float32 and np.array_equal(image, IMAGE.astype(np.float32))
        assert boxes.dtype == np.float32 and boxes.tolist() == BOX
        assert labels.dtype == np.int64 and labels.tolist() == [1]
        assert dataset[1][1][0].shape == (0, 4) and dataset[1][1][1].shape == (0,)
    pixels = np.full((3, 4, 5), 51, np.uint8)
    assert np.allclose(ArrayDetection([pixels], [[]], [[]], ["a"])[0][0], 0.2)


def test_samples_are_copies():
    source = IMAGE.copy()
    dataset = ArrayDetection([source], [BOX], [[0]], ["a"])
    source[:] = 0
    dataset[0][0][:] = 0
    dataset[0][1][0][:] = 0
    assert dataset[0][0].any() and dataset[0][1][0].tolist() == BOX


def test_resizing_and_clipping():
    pytest.importorskip("PIL.Image")
    dataset = ArrayDetection([IMAGE, IMAGE[:, :4, :5]], [[[0, 1, 10.5, 8]], []], [[0], []], ["a"], size=(4, 5))
    assert np.allclose(dataset[0][0], IMAGE.reshape(3, 4, 2, 5, 2).mean((2, 4)), atol=1e-6)
    assert dataset[0][1][0].tolist() == [[0, 0.5, 5, 4]] and np.array_equal(dataset[1][0], IMAGE[:, :4, :5].astype("f"))


MISTAKES = {
    "lengths": (([IMAGE], [BOX, BOX], [[0]]), ValueError, "got 1 images, 2 boxes, 1 labels"),
    "none": (([], [], []), ValueError, "images is empty"),
    "generator": (((i for i in [IMAGE]), [BOX], [[0]]), TypeError, "images must hold one array per image, got gen"),
    "HWC": (([IMAGE.transpose(1, 2, 0)], [BOX], [[0]]), ValueError, r"got \(8, 10, 3\): is it HWC"),
    "grey": (([IMAGE[:1]], [BOX], [[0]]), ValueError, r"image 0 must be RGB \(3, H, W\), got \(1, 8, 10\)"),
    "no area": (([IMAGE[:, :0]], [[]], [[]]), ValueError, r"got \(3, 0, 10\)"),
    "0..255": (([IMAGE * 255], [BOX], [[0]]), ValueError, r"floats in \[0, 1\], got 0 to 255: 0..255\? divide by 255"),
    "NaN": (([IMAGE * NAN], [BOX], [[0]]), ValueError, r"floats in \[0, 1\], got nan"),
    "text": ((["a.png"], [BOX], [[0]]), TypeError, "image 0 must hold numbers, got <U5"),
    "ragged": (([IMAGE], [[[1, 2], [3]]], [[0]]), ValueError, "boxes of image 0 is no array"),
    "one box": (([IMAGE], [[1, 2, 3, 4]], [[0]]), ValueError, r"boxes of image 0 must be \(n, 4\).*got \(4,\)"),
    "box NaN": (([IMAGE], [[[1, NAN, 3, 4]]], [[0]]), ValueError, "image 0, box 0 .*: not four finite numbers"),
    "xywh": (([IMAGE], [[[5, 5, 4, 3]]], [[0]]), ValueError, "image 0, box 0 .*: x2 must be above x1 .*, height"),
    "flat": (([IMAGE], [[[5, 5, 5, 6]]], [[0]]), ValueError, "image 0, box 0 .*: x2 must be above x1"),
    "outside": (([IMAGE], [BOX + [[1, 2, 12, 6]]], [[0, 0]]), ValueError, r"image 0, box 1 .*: outside .*width 10"),
    "label count": (([IMAGE], [BOX], [[0, 1]]), ValueError, r"1 box\(es\), so labels must be \(1,\), got \(2,\)"),
    "label 2": (([IMAGE], [BOX], [[2]]), ValueError, r"label 2 of image 0 is none of 0..1 .*\(labels count from 0"),
    "label -1": (([IMAGE], [BOX], [[-1]]), ValueError, "label -1 of image 0 is none of 0..1"),
    "label .5": (([IMAGE], [BOX], [[0.5]]), ValueError, "labels of image 0 must be integers"),
    "label name": (([IMAGE], [BOX], [["a"]]), TypeError, "labels of image 0 must hold numbers, got <U1"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named(mistake):
    arguments, error, message = MISTAKES[mistake]
    with pytest.raises(error, match=message):
        ArrayDetection(*arguments, ["a", "b"])


@pytest.mark.parametrize(("classes", "error"), [("ab", TypeError), ([], ValueError), (2, ValueError)])
def test_classes_are_names(classes, error):
    with pytest.raises(error, match="classes"):
        ArrayDetection([IMAGE], [BOX], [[0]], classes)
