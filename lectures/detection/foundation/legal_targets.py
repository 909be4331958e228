"""The objects of a batch in one list, and refused in words: what no cell, anchor or class can answer for."""

import numpy as np


def one_per_picture(who, targets, pictures):
    """ValueError unless there are as many targets as pictures."""
    if len(targets) != pictures:
        raise ValueError(f"{who}: one target per picture, got {len(targets)} target(s) for {pictures} picture(s)")


def all_objects(who, targets, classes, size=None):
    """(picture, boxes (n, 4), labels (n,)) of all objects of a list of (boxes xyxy, labels, ...), one after the other.

    ValueError, naming picture and object, for a label not in 0 ... classes - 1, for a box that is not finite, and,
    given the `size` (H, W) of the pictures, for a box with its centre outside.
    """
    for i, (boxes, labels, *_) in enumerate(targets):
        if np.shape(boxes) != (len(labels), 4):
            raise ValueError(f"{who}: picture {i} has {len(labels)} label(s) for boxes of shape {np.shape(boxes)}")
    picture = np.repeat(np.arange(len(targets)), [len(target[0]) for target in targets])
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *(target[0] for target in targets)])
    labels = np.concatenate([np.zeros(0, np.int64), *(target[1] for target in targets)])
    finite, known = np.isfinite(boxes).all(1), (labels >= 0) & (labels < classes)
    numbers = np.where(finite[:, None], boxes, 0)
    centre = (numbers[:, :2] + numbers[:, 2:]) / 2
    inside = finite if size is None else ((centre >= 0) & (centre <= size[::-1])).all(1)
    for i in np.flatnonzero(~(finite & known & inside)):
        where = f"{who}: picture {picture[i]}, object {i - np.searchsorted(picture, picture[i])}"
        if not known[i]:
            raise ValueError(f"{where}: label {labels[i]} is not in 0 ... {classes - 1}, the classes of the output")
        if not finite[i]:
            raise ValueError(f"{where}: its box ({', '.join(f'{v:g}' for v in boxes[i])}) is not finite")
        x, y = centre[i]
        shape = f"{size[1]} pixels wide and {size[0]} high"
        raise ValueError(f"{where}: the centre ({x:g}, {y:g}) of its box is outside the picture, {shape}")
    return picture, boxes, labels
