"""Reading and checking what a detector found and what it should have found, image by image."""

from typing import NamedTuple

import numpy as np

from .arrays import numbers


class Detections(NamedTuple):
    """What the detector found in one image."""

    boxes: np.ndarray  # float64 (n, 4), xyxy
    scores: np.ndarray  # float64 (n,)
    labels: np.ndarray  # int64 (n,)


class Objects(NamedTuple):
    """What there is to find in one image; `flag` is Pascal's `difficult` or COCO's `iscrowd`."""

    boxes: np.ndarray  # float64 (m, 4), xyxy
    labels: np.ndarray  # int64 (m,)
    flag: np.ndarray  # bool (m,)


def read_annotations(caller, detections, ground_truths, flag):
    """Checks both lists and returns (list of Detections, list of Objects), one of each per image.

    TypeError for what is not a list of tuples of numbers, ValueError for wrong shapes, lengths or values.
    """
    for name, images in (("detections", detections), ("ground_truths", ground_truths)):
        if not isinstance(images, (list, tuple)):
            got = type(images).__name__
            raise TypeError(f"{caller}: {name} must be a list with one tuple per image, got {got}")
    found = [_read_detections(f"{caller}: detections[{i}]", d) for i, d in enumerate(detections)]
    there = [_read_objects(f"{caller}: ground_truths[{i}]", g, flag) for i, g in enumerate(ground_truths)]
    if len(detections) != len(ground_truths):
        raise ValueError(
            f"{caller}: {len(detections)} images in detections but {len(ground_truths)} in ground_truths;"
            " an image without detections is an empty tuple of boxes, scores and labels, not left out"
        )
    return found, there


def _read_detections(where, image):
    boxes, scores, labels = _unpack(where, image, ("boxes", "scores", "labels"), optional=0)
    boxes = _read_boxes(where, boxes)
    scores = numbers(f"{where} scores", scores).astype(np.float64)
    if scores.shape != (len(boxes),):
        raise ValueError(
            f"{where} has {len(boxes)} boxes but scores of shape {scores.shape}: one score per box"
        )
    if np.isnan(scores).any():
        raise ValueError(f"{where} scores[{np.isnan(scores).argmax()}] is NaN: it cannot be ranked")
    return Detections(boxes, scores, _read_labels(where, labels, len(boxes)))


def _read_objects(where, image, flag):
    boxes, labels, flags = _unpack(where, image, ("boxes", "labels", flag), optional=1)
    boxes = _read_boxes(where, boxes)
    reversed_ = (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    if reversed_.any():
        i = int(reversed_.argmax())
        raise ValueError(
            f"{where} boxes[{i}] = {boxes[i].tolist()} has x2 < x1 or y2 < y1:"
            " are the boxes (x, y, width, height) instead of (x1, y1, x2, y2)?"
        )
    labels = _read_labels(where, labels, len(boxes))
    return Objects(boxes, labels, _read_flags(f"{where} {flag}", flags, len(boxes)))


def _unpack(where, image, names, optional):
    expected = "(" + ", ".join(names) + ")"
    if optional:
        expected = "(" + ", ".join(names[:-1]) + ") or " + expected
    if not isinstance(image, (list, tuple)):
        raise TypeError(
            f"{where} must be a tuple {expected}, got {type(image).__name__}:"
            " is this one image without the list around it?"
        )
    if not len(names) - optional <= len(image) <= len(names):
        raise ValueError(f"{where} must be a tuple {expected}, got {len(image)} items")
    return tuple(image) + (None,) * (len(names) - len(image))


def _read_boxes(where, boxes):
    boxes = numbers(f"{where} boxes", boxes).astype(np.float64)
    if boxes.shape == (0,):
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{where} boxes must have shape (n, 4), xyxy in pixels, got {boxes.shape}")
    bad = ~np.isfinite(boxes).all(axis=1)
    if bad.any():
        i = int(bad.argmax())
        raise ValueError(f"{where} boxes[{i}] = {boxes[i].tolist()} is not finite: did the training diverge?")
    return boxes


def _read_labels(where, labels, count):
    labels = numbers(f"{where} labels", labels)
    if labels.shape != (count,):
        raise ValueError(f"{where} has {count} boxes but labels of shape {labels.shape}: one label per box")
    if labels.size and labels.dtype.kind not in "iu":
        raise TypeError(f"{where} labels must be integers (class indices from 0), got dtype {labels.dtype}")
    if labels.size and labels.min() < 0:
        raise ValueError(f"{where} labels[{labels.argmin()}] is {labels.min()}: labels count from 0")
    return labels.astype(np.int64)


def _read_flags(where, flags, count):
    if flags is None:
        return np.zeros(count, bool)
    flags = numbers(where, flags)
    if flags.shape != (count,):
        raise ValueError(f"{where} must hold one flag per box: shape ({count},), got {flags.shape}")
    if flags.size and (flags.dtype.kind not in "biu" or not np.isin(flags, (0, 1)).all()):
        raise ValueError(f"{where} must be booleans (or 0 and 1), got dtype {flags.dtype}")
    return flags.astype(bool)
