"""Pictures with boxes that are in memory already."""

from collections.abc import Iterable

import numpy as np

from .annotated import OVERHANG, checked_size
from .dataset import Dataset, check_index
from .pictures import resize_picture

WHO = "ArrayDetection"


class ArrayDetection(Dataset):
    """Samples (image (3, H, W), (boxes, labels)) of arrays: images (N, 3, H, W) or a list of (3, H, W), uint8 or
    floats in [0, 1]; per image boxes (n, 4) x1 y1 x2 y2 in pixels, labels (n,) from 0; n may be 0.

    `classes`: their names. `size` = (H, W) resizes pictures and boxes (needs Pillow). A box that sticks out of the
    picture by at most a pixel is clipped. ValueError, TypeError name the image and the box. All is copied.
    """

    def __init__(self, images, boxes, labels, classes, size=None):
        if isinstance(classes, str):
            raise TypeError(f"{WHO}: classes is a sequence of names, got the one name {classes!r}")
        self.classes = tuple(classes) if isinstance(classes, Iterable) else ()
        if not self.classes:
            raise ValueError(f"{WHO}: classes must be the names of at least one kind of object, got {classes!r}")
        lengths = {}
        for name, values in (("images", images), ("boxes", boxes), ("labels", labels)):
            try:
                lengths[name] = len(values)
            except TypeError:
                raise TypeError(
                    f"{WHO}: {name} must hold one array per image, got {type(values).__name__}"
                ) from None
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{n} {name}" for name, n in lengths.items())
            raise ValueError(f"{WHO}: every image needs its array of boxes and of labels, got {found}")
        if not lengths["images"]:
            raise ValueError(f"{WHO}: images is empty")
        self.size = checked_size(size, WHO)
        self._samples = [self._sample(*each) for each in zip(range(lengths["images"]), images, boxes, labels)]

    def __len__(self):
        return len(self._samples)

    def __getitem__(self, index):
        image, target = self._samples[check_index(index, len(self), WHO)]
        return image.copy(), tuple(part.copy() for part in target)

    def _sample(self, i, image, boxes, labels):
        image = _image(image, i)
        height, width = image.shape[1:]
        boxes = _boxes(boxes, i, height, width)
        labels = _labels(labels, i, len(boxes), self.classes)
        if self.size is not None and self.size != (height, width):
            image = resize_picture(image, self.size)
            boxes = boxes * np.tile([self.size[1] / width, self.size[0] / height], 2)
        return image, (boxes.astype(np.float32), labels)


def _array(values, name):
    """A NumPy array of real numbers (a Tensor's values, too)."""
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as problem:
        raise ValueError(f"{WHO}: {name} is no array ({problem})") from None
    if array.size and array.dtype.kind not in "uif":
        raise TypeError(f"{WHO}: {name} must hold numbers, got {array.dtype}")
    return array


def _image(values, i):
    image = _array(values, f"image {i}")
    if image.ndim != 3 or image.shape[0] != 3 or not image.size:
        cause = ": is it HWC? transpose(2, 0, 1)" if image.ndim == 3 and image.shape[-1] == 3 else ""
        raise ValueError(f"{WHO}: image {i} must be RGB (3, H, W), got {image.shape}{cause}")
    if image.dtype == np.uint8:
        return image / np.float32(255)
    low, high = image.min(), image.max()
    if not (low >= 0 and high <= 1):  # NaN, too
        cause = ": 0..255? divide by 255" if 1 < high <= 255 and low >= 0 else ""
        raise ValueError(f"{WHO}: image {i} must be uint8, or floats in [0, 1], got {low:g} to {high:g}{cause}")
    return image.astype(np.float32)


def _boxes(values, i, height, width):
    boxes = _array(values, f"boxes of image {i}").astype(np.float64)
    if boxes.shape == (0,):
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{WHO}: boxes of image {i} must be (n, 4), one row x1 y1 x2 y2 per object, got {boxes.shape}")
    for k, (x1, y1, x2, y2) in enumerate(boxes):
        where = f"{WHO}: image {i}, box {k} (x1 {x1:g}, y1 {y1:g}, x2 {x2:g}, y2 {y2:g})"
        if not np.isfinite(boxes[k]).all():
            raise ValueError(f"{where}: not four finite numbers")
        if min(x1, y1) < -OVERHANG or x2 > width + OVERHANG or y2 > height + OVERHANG:
            raise ValueError(f"{where}: outside of the picture (width {width}, height {height}), is it scaled?")
        clipped = np.clip(boxes[k], 0, [width, height, width, height]).astype(np.float32)
        if not (clipped[:2] < clipped[2:]).all():
            raise ValueError(f"{where}: x2 must be above x1 and y2 above y1: are the rows x, y, width, height?")
        boxes[k] = clipped
    return boxes


def _labels(values, i, count, classes):
    labels = _array(values, f"labels of image {i}")
    if labels.shape != (count,):
        raise ValueError(f"{WHO}: image {i} has {count} box(es), so labels must be ({count},), got {labels.shape}")
    if count and (labels != np.floor(labels)).any():
        raise ValueError(f"{WHO}: labels of image {i} must be integers, got {labels.tolist()}")
    wrong = labels[(labels < 0) | (labels >= len(classes))]
    if len(wrong):
        cause = " (labels count from 0, background has none)" if (wrong == len(classes)).all() else ""
        raise ValueError(
            f"{WHO}: label {wrong[0]:g} of image {i} is none of 0..{len(classes) - 1} for classes {classes}{cause}"
        )
    return labels.astype(np.int64)
