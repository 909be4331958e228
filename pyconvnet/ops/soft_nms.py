"""Soft non-maximum suppression: of boxes that overlap much, keep all, with lower scores. Bodla et al. (2017)."""

from numbers import Real

import numpy as np

from ..autograd import Tensor
from .boxes import box_iou
from .nms import read_suppression


def soft_nms(boxes, scores, iou_threshold=0.3, sigma=0.5, score_threshold=0.001, method="gaussian"):
    """(int64 indices of the boxes (n, 4) kept, their new scores), best first; equal ones in input order.

    Take the best box left, lower the scores of the others by their IoU with it, repeat: "linear" s (1 - IoU) where
    IoU > iou_threshold, "gaussian" s exp(-IoU^2 / sigma). Boxes whose score falls below score_threshold are
    dropped. scores (n,), not negative. No gradient flows. ValueError, TypeError.
    """
    values, left, threshold = read_suppression("soft_nms", boxes, scores, iou_threshold)
    for name, number in (("sigma", sigma), ("score_threshold", score_threshold)):
        if not isinstance(number, Real) or np.isnan(number):
            raise ValueError(f"soft_nms: {name} must be a number, got {number!r}")
    if sigma <= 0:
        raise ValueError(f"soft_nms: sigma must be positive, got {sigma}")
    if not isinstance(method, str) or method not in ("linear", "gaussian"):
        raise ValueError(f"soft_nms: method must be 'linear' or 'gaussian', got {method!r}")
    if (left < 0).any():
        raise ValueError(f"soft_nms: scores[{(left < 0).argmax()}] is negative: are these logits?")
    kept, kept_scores, left = [], [], left.copy()
    index = np.arange(len(left))
    while len(index):
        best = left.argmax()
        if left[best] < score_threshold:
            break
        kept.append(index[best])
        kept_scores.append(left[best])
        iou = np.nan_to_num(box_iou(values[best : best + 1], values)[0])
        decay = np.where(iou > threshold, 1 - iou, 1) if method == "linear" else np.exp(-(iou**2) / sigma)
        others = np.arange(len(index)) != best
        index, values, left = index[others], values[others], (left * decay)[others]
    result = np.array(kept, np.int64), np.array(kept_scores, left.dtype)
    return tuple(map(Tensor, result)) if isinstance(boxes, Tensor) or isinstance(scores, Tensor) else result
