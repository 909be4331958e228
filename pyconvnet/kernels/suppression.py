"""The door to non-maximum suppression."""

import math

import numpy as np

from pyconvnet.kernels import backend
from pyconvnet.kernels.arguments import floats


def nms(boxes, scores, iou_threshold, categories=None):
    """Greedy non-maximum suppression: int64 indices of boxes kept, best score first, ties in input order.

    boxes [n, 4] xyxy, scores [n]. A kept box strikes out those with IoU > iou_threshold, of its own category where
    categories, whole numbers [n], are given. IoU is computed in the dtype of the boxes; where it is NaN (two boxes
    without area, a NaN coordinate) it strikes out nothing. NaN scores come first.
    """
    boxes, scores = floats("nms", boxes=boxes, scores=scores)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"nms: boxes must be [n, 4] (x1, y1, x2, y2), got shape {boxes.shape}")
    if scores.shape != boxes.shape[:1]:
        raise ValueError(
            f"nms: scores must be [{len(boxes)}], one for each of the boxes {boxes.shape}, got {scores.shape}"
        )
    if categories is not None:
        categories = np.asarray(categories)
        if categories.shape != scores.shape:
            raise ValueError(f"nms: categories must be [{len(boxes)}], one for each box, got {categories.shape}")
        if categories.dtype.kind not in "iu" and categories.size:
            raise TypeError(f"nms: categories must be whole numbers, got dtype {categories.dtype}")
        _, categories = np.unique(categories, return_inverse=True)  # 0, 1, ... for the backend
    try:
        exact = float(iou_threshold)
    except (TypeError, ValueError):
        raise TypeError(f"nms: iou_threshold must be a number, got {iou_threshold!r}") from None
    if math.isnan(exact):
        raise ValueError("nms: iou_threshold is NaN")
    # iou > exact, iou of the dtype of the boxes, is iou > (the largest number of that dtype <= exact).
    with np.errstate(over="ignore"):
        threshold = boxes.dtype.type(exact)
    if float(threshold) > exact:
        threshold = np.nextafter(threshold, boxes.dtype.type(-np.inf))
    return backend.current.nms(boxes, scores, threshold, categories)
