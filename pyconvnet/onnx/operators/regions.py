"""Regions and boxes: MaxRoiPool-1, 22, RoiAlign-10, 16, 22, NonMaxSuppression-10, 11, with pyconvnet.ops."""

import numpy as np

from ... import ops
from ...autograd import Tensor, value
from ...functional.shapes import cat
from .table import operator


@operator("MaxRoiPool")
def max_roi_pool(node):
    """MaxRoiPool: rois [K, 5], image index first, is ops.roi_pool."""
    size, scale = node.at_least("pooled_shape", None, 1), node.attribute("spatial_scale", 1.0)
    if len(size) != 2:
        raise ValueError(f"{node}: attribute pooled_shape must be (height, width), got {size}")
    return lambda x, rois: ops.roi_pool(x, rois, size, scale)


@operator("RoiAlign")
def roi_align(node):
    """RoiAlign: half_pixel is `aligned`; before version 16 there was only output_half_pixel."""
    modes = ("half_pixel", "output_half_pixel")
    default = modes[node.version < 16]
    aligned = node.choice("coordinate_transformation_mode", default, *modes) == "half_pixel"
    node.choice("mode", "avg", "avg")
    size = node.at_least("output_height", 1, 1), node.at_least("output_width", 1, 1)
    samples, scale = node.at_least("sampling_ratio", 0, 0), node.attribute("spatial_scale", 1.0)

    def compute(x, rois, image):
        if rois.ndim != 2 or rois.shape[1] != 4 or image.shape != rois.shape[:1]:
            raise ValueError(f"rois must be [K, 4] and batch_indices [K], got {rois.shape} and {image.shape}")
        return ops.roi_align(x, cat([image.to(x.dtype).unsqueeze(1), rois], 1), size, scale, samples, aligned)

    return compute


@operator("NonMaxSuppression")
def non_max_suppression(node):
    """NonMaxSuppression: boxes [N, B, 4], scores [N, C, B] -> rows (image, class, box), best first.

    A score has to be above score_threshold, as in the reference implementation.
    """
    centred = node.choice("center_point_box", 0, 0, 1)

    def compute(boxes, scores, most=None, iou_threshold=None, score_threshold=None):
        if boxes.ndim != 3 or scores.ndim != 3 or boxes.shape[::2] != (scores.shape[0], 4) or (
            boxes.shape[1] != scores.shape[2]
        ):
            raise ValueError(f"boxes must be [N, B, 4] and scores [N, C, B], got {boxes.shape} and {scores.shape}")
        most, iou = (_number(x, 0) for x in (most, iou_threshold))
        corners, ranked, found = _corners(value(boxes), centred), value(scores), []
        for image, label in np.ndindex(ranked.shape[:2]):
            own = ranked[image, label]
            able = np.arange(len(own)) if score_threshold is None else np.flatnonzero(own > _number(score_threshold, 0))
            kept = able[ops.nms(corners[image][able], own[able], iou)[: max(int(most), 0)]]
            found.append(np.stack([np.full(len(kept), image), np.full(len(kept), label), kept], 1))
        return Tensor(np.concatenate([np.zeros((0, 3), np.int64), *found]).astype(np.int64))

    return compute


def _number(x, default):
    return default if x is None or not value(x).size else value(x).reshape(-1)[0].item()


def _corners(boxes, centred):
    """xyxy of (x, y, width, height) around centres, or of (y, x, y, x) of any two opposite corners."""
    a, b = boxes[..., :2], boxes[..., 2:]
    low, high = (a - b / 2, a + b / 2) if centred else (np.minimum(a, b), np.maximum(a, b))
    return np.concatenate([low, high], -1)
