"""How well the outline of a mask is met. Cheng et al., "Boundary IoU" (2021)."""

from numbers import Real

import numpy as np

from .arrays import label_pairs


def boundary_iou(predictions, targets, dilation_ratio=0.02):
    """IoU of the inner borders of two masks: of their pixels at most d (in rows and columns) from outside the mask.

    Masks (H, W) of 0 and 1, or (n, H, W), or two lists: then the mean over pairs. d is dilation_ratio of the
    picture's diagonal, rounded, at least 1 pixel; the picture's edge is an outline. Two masks without pixels are
    NaN, and left out of a mean. ValueError, TypeError.
    """
    if not isinstance(dilation_ratio, Real) or not 0 <= dilation_ratio < float("inf"):
        raise ValueError(f"boundary_iou: dilation_ratio must be a number, at least 0, got {dilation_ratio!r}")
    values = []
    for prediction, target in label_pairs("boundary_iou", predictions, targets):
        if prediction.ndim not in (2, 3):
            raise ValueError(f"boundary_iou: masks must have shape (H, W) or (n, H, W), got {prediction.shape}")
        for name, mask in (("predictions", prediction), ("targets", target)):
            if not np.isin(mask, (0, 1)).all():
                raise ValueError(f"boundary_iou: {name} must be masks of 0 and 1, one class at a time")
        h, w = prediction.shape[-2:]
        distance = max(1, round(dilation_ratio * float(np.hypot(h, w))))
        borders = [_border(m.reshape(-1, h, w).astype(bool), distance) for m in (prediction, target)]
        for a, b in zip(*borders):
            union = np.sum(a | b)
            values.append(np.sum(a & b) / union if union else np.nan)
    known = [v for v in values if not np.isnan(v)]
    return float(np.mean(known)) if known else float("nan")


def _border(masks, distance):
    """The pixels of (n, H, W) masks from which a square of 2 * distance + 1 pixels reaches out of the mask."""
    n, h, w = masks.shape
    reach = min(distance, max(h, w))
    side = 2 * reach + 1
    sums = np.zeros((n, h + side, w + side), np.int64)  # integral image of the mask amid zeros
    padded = np.pad(masks, ((0, 0), (reach, reach), (reach, reach)))
    sums[:, 1:, 1:] = padded.cumsum(axis=1).cumsum(axis=2)
    inside = sums[:, side:, side:] - sums[:, :-side, side:] - sums[:, side:, :-side] + sums[:, :-side, :-side]
    return masks & (inside < side * side)
