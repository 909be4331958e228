"""Anchor boxes of grid cells, as YOLO v2, YOLO9000 and YOLO v3 place, decode and match them, and their common loss.

A cell with its corner at (c_x, c_y) pixels and an anchor of p_w x p_h pixels say t_x, t_y, t_w, t_h, t_o and C
class scores: b_x = c_x + stride sigmoid(t_x), b_w = p_w exp(t_w), and sigmoid(t_o) is the probability of an object.
Redmon & Farhadi, "YOLO9000: Better, Faster, Stronger" (2017), 2; "YOLOv3" (2018), 2.1 to 2.3.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.legal_targets import all_objects, one_per_picture
from lectures.detection.foundation.matching import overlaps
from pyconvnet import functional as F

BOX = 5  # numbers in front of the class scores: t_x t_y t_w t_h t_o
LARGEST = 8.0  # of |t_w|, |t_h| when a box is decoded: exp(8) times an anchor is larger than any picture
FORGIVEN = 0.6  # IoU with an object from which a box that does not answer for it is not punished (v3: .5)
# Darknet weighs a box by 2 - w h, sides in fractions of the picture, so that small ones count most. Ours is constant.
BOX_WEIGHT = 2.0
SMALLEST = 1.0  # pixels: smaller sides are learned as this, since log(0 / p_w) would outweigh all else


def checked_anchors(who, anchors):
    """Anchors as float32 (A, 2); ValueError unless they are (w, h), finite and positive, at least one."""
    anchors = np.asarray(anchors, np.float32)
    if anchors.ndim != 2 or anchors.shape[1] != 2 or not len(anchors):
        raise ValueError(f"{who}: anchors are (w, h) > 0 in pixels, (A, 2), got shape {anchors.shape}")
    if not (np.isfinite(anchors) & (anchors > 0)).all():
        raise ValueError(f"{who}: anchors are (w, h) > 0 in pixels, and finite, got {anchors.tolist()}")
    return anchors


def shape_iou(sides, anchors):
    """IoU of boxes (n, 2) and anchors (a, 2), both (w, h), laid upon each other with one centre: (n, a)."""
    both = np.minimum(sides[:, None], anchors).prod(-1)
    return both / np.maximum(sides.prod(-1)[:, None] + anchors.prod(-1) - both, 1e-12)


def iou_kmeans(sides, count, seed=0, rounds=100):
    """The (w, h) of `count` anchors, smallest area first: k-means of boxes' sides (n, 2) under 1 - IoU.

    Distances by IoU treat small and large boxes alike; centres are means, as in Lloyd's algorithm. ValueError without
    any box of positive sides, or for sides that are not finite.
    """
    sides = np.asarray(sides, np.float64).reshape(-1, 2)
    if not np.isfinite(sides).all():
        which = np.flatnonzero(~np.isfinite(sides).all(1))[0]
        raise ValueError(f"iou_kmeans: the sides (w, h) of box {which} are not finite: {sides[which].tolist()}")
    sides = sides[(sides > 0).all(1)]
    if not len(sides) or count < 1:
        raise ValueError(f"iou_kmeans: {count} anchors of {len(sides)} boxes with positive sides; both at least 1")
    different = np.unique(sides, axis=0)
    rng = np.random.default_rng(seed)
    centres = different[rng.choice(len(different), min(count, len(different)), replace=False)]
    nearest = None
    for _ in range(rounds):
        before, nearest = nearest, shape_iou(sides, centres).argmax(1)
        if before is not None and (before == nearest).all():
            break
        centres = np.array([sides[nearest == k].mean(0) if (nearest == k).any() else c for k, c in enumerate(centres)])
    return centres[np.argsort(centres.prod(1), kind="stable")].astype(np.float32)


class Responsible(NamedTuple):
    """Which cell anchor answers for which object: arrays with one entry per object that has one."""

    picture: np.ndarray
    index: np.ndarray  # into the M cell anchors
    goal: np.ndarray  # (n, 4): what sigmoid(t_x), sigmoid(t_y), t_w, t_h should be
    label: np.ndarray
    objects: int
    missed: int  # objects whose cells were all taken


@dataclass(frozen=True)
class AnchorCells:
    """All M cell anchors of a picture, of all scales, in one list ordered by (scale, row, column, anchor)."""

    corner: np.ndarray  # (M, 2): of the cell, in pixels
    stride: np.ndarray  # (M, 1): the side of the cell
    anchor: np.ndarray  # (M, 2): (w, h)
    scales: tuple  # (stride, rows, columns, anchors (A, 2)) of each

    @classmethod
    def lay_out(cls, size, scales):
        """For pictures of `size` (H, W) and a list of (stride, anchors (A, 2)), which divides H and W."""
        corners, strides, anchors, kept = [], [], [], []
        for stride, shapes in scales:
            if any(side % stride for side in size):
                raise ValueError(f"AnchorCells: a picture of {tuple(size)} pixels is no whole number of cells {stride}")
            rows, columns = (side // stride for side in size)
            y, x = np.mgrid[:rows, :columns] * np.float32(stride)
            corner = np.stack([x, y], -1).reshape(-1, 1, 2)
            corners.append(np.broadcast_to(corner, (rows * columns, len(shapes), 2)).reshape(-1, 2))
            anchors.append(np.tile(np.asarray(shapes, np.float32), (rows * columns, 1)))
            strides.append(np.full((len(corners[-1]), 1), stride, np.float32))
            kept.append((stride, rows, columns, np.asarray(shapes, np.float32)))
        return cls(*map(np.concatenate, (corners, strides, anchors)), tuple(kept))

    @property
    def size(self):
        """(H, W) of the picture."""
        stride, rows, columns, _ = self.scales[0]
        return stride * rows, stride * columns

    @property
    def scale(self):
        """(M,): which scale each belongs to, 0 the first."""
        counts = [rows * columns * len(shapes) for _, rows, columns, shapes in self.scales]
        return np.repeat(np.arange(len(counts)), counts)

    def decode(self, t):
        """Boxes xyxy in pixels (..., M, 4) of what the network says, an array t (..., M, at least 4)."""
        centre = self.corner + self.stride * F.sigmoid(t[..., :2])
        half = self.anchor * np.exp(np.clip(np.nan_to_num(t[..., 2:4]), -LARGEST, LARGEST)) / 2
        return np.concatenate([centre - half, centre + half], axis=-1)

    def assign(self, targets, classes):
        """Of the anchors in the cells with an object's centre, the one of the most similar shape that is still free.

        All scales compete, so each object has one anchor. Objects of one target come first come, first served; one
        without a free anchor is `missed`. targets: a list of (boxes xyxy, labels). ValueError, naming picture and
        object, for a centre outside and for a label not in 0 ... classes - 1.
        """
        picture, boxes, labels = all_objects("assign", targets, classes, self.size)
        centre, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, np.maximum(boxes[:, 2:] - boxes[:, :2], SMALLEST)
        candidates, similar = self._candidates(centre, sides)
        best_first = np.take_along_axis(candidates, np.argsort(-similar, axis=1, kind="stable"), axis=1)
        taken, index = set(), np.full(len(boxes), -1)
        for i, (of, anchors) in enumerate(zip(picture.tolist(), best_first.tolist())):
            index[i] = next((k for k in anchors if (of, k) not in taken), -1)
            taken.add((of, int(index[i])))
        answered = index >= 0
        picture, index, labels, at = picture[answered], index[answered], labels[answered], answered
        place = (centre[at] - self.corner[index]) / self.stride[index]
        goal = np.concatenate([place, np.log(sides[at] / self.anchor[index])], axis=1)
        return Responsible(picture, index, goal.astype(np.float32), labels, len(boxes), int((~answered).sum()))

    def _candidates(self, centre, sides):
        """Per object its cells' anchors (n, sum A), and how similar they are in shape."""
        candidates, similar, first = [], [], 0
        for stride, rows, columns, shapes in self.scales:
            column, row = np.minimum(centre // stride, (columns - 1, rows - 1)).astype(np.int64).T
            start = first + (row * columns + column) * len(shapes)
            candidates.append(start[:, None] + np.arange(len(shapes)))
            similar.append(shape_iou(sides, shapes))
            first += rows * columns * len(shapes)
        return np.concatenate(candidates, axis=1), np.concatenate(similar, axis=1)


def flatten_maps(maps, anchors):
    """Maps [(N, A (5 + C), rows, columns)] of all scales, A = `anchors` per cell, as one Tensor (N, M, 5 + C)."""
    flat = []
    for z in maps:
        n, channels, rows, columns = z.shape
        z = z.reshape(n, anchors, channels // anchors, rows, columns).permute(0, 3, 4, 1, 2)
        flat.append(z.reshape(n, rows * columns * anchors, channels // anchors))
    return flat[0] if len(flat) == 1 else pcn.cat(flat, dim=1)


def yolo_loss(output, cells, targets, class_loss, forgiven=FORGIVEN):
    """Box, objectness and class loss, each summed over a picture and averaged over the pictures of the batch.

    output: Tensor (N, M, 5 + C). `class_loss(scores (n, C), labels)` is the sum over n objects. Without an object the
    box and the class loss are exactly 0. Boxes that overlap an object by `forgiven` without being responsible count
    neither as an object nor as none. ValueError unless there is one target per picture.
    """
    one_per_picture("yolo_loss", targets, len(output))
    who, count = cells.assign(targets, output.shape[-1] - BOX), max(len(targets), 1)
    t = output[who.picture, who.index]
    place, size = F.sigmoid(t[:, :2]), t[:, 2:4]
    box = ((place - who.goal[:, :2]) ** 2).sum() + ((size - who.goal[:, 2:]) ** 2).sum()
    counted, truth = objectness_targets(output.data, cells, targets, who, forgiven)
    logistic = F.binary_cross_entropy_with_logits(output[..., 4], truth, weight=counted, reduction="sum")
    return {
        "box": box * (BOX_WEIGHT / count),
        "objectness": logistic / count,
        "class": class_loss(t[:, BOX:], who.label) / count,
        "objects": who.objects,
        "objects without positive anchor": who.missed,
    }


def objectness_targets(output, cells, targets, who, forgiven=FORGIVEN):
    """(which boxes count, which should hold an object): arrays (N, M) of 0 and 1."""
    counted, truth = np.ones(output.shape[:2], output.dtype), np.zeros(output.shape[:2], output.dtype)
    for picture, (said, (boxes, *_)) in enumerate(zip(cells.decode(output), targets)):
        if len(boxes):
            counted[picture, overlaps(said, boxes.astype(said.dtype)).max(1) > forgiven] = 0
    counted[who.picture, who.index] = truth[who.picture, who.index] = 1
    return counted, truth
