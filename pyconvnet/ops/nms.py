"""Non-maximum suppression: of boxes that overlap much, keep the one with the best score.

It chooses, so no gradient flows: Tensors are read for their values, and the result is indices.
"""

from numbers import Real

import numpy as np

from .. import kernels
from ..autograd import Tensor, value
from .boxes import read_boxes, read_numbers


def nms(boxes, scores, iou_threshold):
    """int64 indices of the boxes (n, 4) xyxy kept, best score first, ties in input order.

    Greedy: take the best box left, drop every box whose IoU with it is > iou_threshold, repeat. scores (n,).
    ValueError on shapes that do not fit or NaN scores. Slide "Faster R-CNN NMS"."""
    values, ranked, threshold = read_suppression("nms", boxes, scores, iou_threshold)
    return _indices(kernels.nms(values, ranked, threshold), boxes, scores)


def batched_nms(boxes, scores, idxs, iou_threshold):
    """nms within each category: boxes (n, 4), scores (n,), idxs (n,) integer category of each box.

    Boxes of different categories never suppress each other. int64 indices, best score first.
    """
    values, ranked, threshold = read_suppression("batched_nms", boxes, scores, iou_threshold)
    category = value(read_numbers("batched_nms", "idxs", idxs))
    if category.shape != ranked.shape:
        raise ValueError(
            f"batched_nms: idxs must hold one category per box: shape {ranked.shape}, got {category.shape}"
        )
    if category.size and category.dtype.kind not in "iu":
        raise TypeError(f"batched_nms: idxs must be integers, got dtype {category.dtype}")
    return _indices(kernels.nms(values, ranked, threshold, category.astype(np.int64)), boxes, scores, idxs)


def read_suppression(op, boxes, scores, iou_threshold):
    """Boxes, scores and threshold as arrays of one float type and a number, checked."""
    values = value(read_boxes(op, "boxes", boxes, ndim=2))
    ranked = value(read_numbers(op, "scores", scores))
    if ranked.shape != values.shape[:1]:
        raise ValueError(
            f"{op}: scores must hold one number per box: shape {values.shape[:1]}, got {ranked.shape}"
        )
    if not isinstance(iou_threshold, Real):
        raise TypeError(f"{op}: iou_threshold must be a number, got {type(iou_threshold).__name__}")
    if np.isnan(ranked).any():
        raise ValueError(f"{op}: scores[{np.isnan(ranked).argmax()}] is NaN: it cannot be ranked")
    # Boxes and scores of one float type: the kernel compares like with like.
    dtype = np.result_type(values, ranked)
    dtype = dtype if dtype.kind == "f" and dtype.itemsize >= 4 else np.dtype(np.float64)
    return values.astype(dtype, copy=False), ranked.astype(dtype, copy=False), float(iou_threshold)


def _indices(keep, *inputs):
    keep = np.asarray(keep, np.int64)
    return Tensor(keep) if any(isinstance(x, Tensor) for x in inputs) else keep
