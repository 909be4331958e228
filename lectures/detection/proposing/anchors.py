"""Anchors on several maps: where they stand, what each is told, and the boxes that their answers mean. Arrays only."""

from typing import NamedTuple

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.legal_targets import all_objects
from lectures.detection.foundation.matching import match
from lectures.detection.proposing.rpn import typical_shapes

WEIGHTS = (10, 10, 5, 5)  # SSD's variances .1 and .2: offsets times these have about unit size
MOST = 400  # answers of a picture that enter suppression, the surest


def anchors_on_maps(shapes, strides, size):
    """(K, 4) xyxy in pixels, map after map. shapes: for each map (A, 2) widths and heights; size (H, W) of the picture.

    On one map anchor (i columns + j) A + a is shape a at the centre of cell (i, j).
    """
    boxes = [np.zeros((0, 4))]
    for of_map, stride in zip(shapes, strides, strict=True):
        half = np.asarray(of_map, np.float64) / 2
        y, x = np.meshgrid(*(stride * (np.arange(side // stride) + 0.5) for side in size), indexing="ij")
        centre = np.stack([x, y], axis=-1)[:, :, None]
        boxes.append(np.concatenate([centre - half, centre + half], axis=-1).reshape(-1, 4))
    return np.concatenate(boxes).astype(np.float32)


def of_sizes(sizes, ratios):
    """(A, 2): widths and heights of the boxes of area size^2 and width / height = ratio, ratio after ratio."""
    return np.array([(s * np.sqrt(r), s / np.sqrt(r)) for r in ratios for s in sizes])


def typical_sizes(data, count):
    """`count` sides (roots of areas) that are typical of the training boxes, small to large.

    Some are repeated where there are fewer different boxes.
    """
    boxes = data.training_boxes()
    return np.sort(np.resize(np.sqrt(typical_shapes(boxes, count).prod(1)), count))


class AnchorTargets(NamedTuple):
    """What K anchors of N pictures are told; p of them are positive, picture by picture in the order of the anchors."""

    label: np.ndarray  # (N, K): 1 positive, 0 negative, -1 ignored
    picture: np.ndarray  # (p,)
    anchor: np.ndarray  # (p,)
    classes: np.ndarray  # (p,): the class of the object that a positive anchor stands for
    goal: np.ndarray  # (p, 4): the offsets that take it to this object, times WEIGHTS
    objects: int
    missed: int  # objects that no anchor stands for


def anchor_targets(anchors, targets, kinds, positive, negative):
    """AnchorTargets of a list of (boxes, labels, ...): `match` each; an object's best anchor is positive, too.

    ValueError, naming picture and object, for a label that is none of the `kinds` classes or a box that is not finite.
    """
    all_objects("anchor_targets", targets, kinds)
    labels, classes, goals = [], [np.zeros(0, np.int64)], [np.zeros((0, 4), np.float32)]
    objects = missed = 0
    for truth, names, *_ in targets:
        best, label = match(anchors, truth, positive, negative, best_of_each=True)
        chosen = np.flatnonzero(label == 1)
        stands_for = best[chosen]
        labels.append(label)
        objects += len(truth)
        missed += len(truth) - len(np.unique(stands_for))
        if len(chosen):
            classes.append(names[stands_for])
            goals.append(pcn.ops.encode_boxes(truth[stands_for], anchors[chosen], WEIGHTS))
    label = np.stack(labels) if labels else np.zeros((0, len(anchors)), np.int64)
    classes, goal = np.concatenate(classes), np.concatenate(goals)
    return AnchorTargets(label, *np.nonzero(label == 1), classes, goal, objects, missed)


def decode_anchors(scores, offsets, anchors, size, confidence_threshold):
    """(boxes cut at the border, scores, labels) of one picture, from scores (K, C) in [0, 1] and offsets (K, 4).

    Every anchor and class surer than the threshold, the MOST surest first. What is not finite is left out.
    """
    finite = np.isfinite(offsets).all(-1)
    anchor, label = np.nonzero((scores > confidence_threshold) & finite[:, None])
    surest = np.argsort(-scores[anchor, label], kind="stable")[:MOST]
    anchor, label = anchor[surest], label[surest]
    boxes = pcn.ops.decode_boxes(offsets[anchor], anchors[anchor], WEIGHTS)
    return pcn.ops.clip_boxes_to_image(boxes, size), scores[anchor, label], label
