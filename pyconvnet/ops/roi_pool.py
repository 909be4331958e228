"""RoI pooling: the largest value in each bin of a region. Girshick, "Fast R-CNN" (2015)."""

import numpy as np

from .. import kernels
from .. import primitives as P
from ..autograd import value
from .regions import read_regions

LOWEST = float(np.finfo(np.float32).min)


def roi_pool(input, boxes, output_size, spatial_scale=1.0):
    """Max-pool every region into output_size bins: input (N, C, H, W) -> (K, C, height, width).

    boxes (K, 5) rows (image, x1, y1, x2, y2), or a list of (L, 4), one per image; spatial_scale takes them to
    pixels of input. As torchvision: corners are rounded (halves away from 0) and inclusive, a reversed region
    becomes one pixel, bins overlap where they do not divide evenly, an empty bin is 0; NaN is passed over.
    The gradient goes to the first of equal values; none to the boxes. ValueError, TypeError, IndexError.
    Deck "Localization, Object Detection, Segmentation", slides "Faster R-CNN" (2) and "Fast R-CNN" (2).
    """
    input, regions = read_regions("roi_pool", input, boxes, output_size, spatial_scale)
    bins_y, bins_x = (_bins(regions, axis, input.shape[2 + axis]) for axis in (0, 1))
    with kernels.pooled():
        chosen = kernels.roi_pool_indices(value(input), regions.image, bins_y, bins_x, LOWEST)
    if not chosen.size or chosen.min() >= 0:
        return P.gather_planes(input, image=regions.image, chosen=chosen, shape=input.shape)
    y = P.gather_planes(input, image=regions.image, chosen=np.maximum(chosen, 0), shape=input.shape)
    empty = (bins_y[0] >= bins_y[1])[:, None, :, None] | (bins_x[0] >= bins_x[1])[:, None, None, :]
    return P.where(chosen >= 0, y, np.where(empty, 0, LOWEST).astype(input.dtype))


def _bins(regions, axis, size):
    """First and last + 1 pixel of every bin along one axis: (2, K, bins)."""
    bins = regions.size[axis]
    start, end = (_round(regions.corners[:, i]) for i in ((1, 3), (0, 2))[axis])
    length = np.maximum(end - start + 1, 1)
    step = (length.astype(regions.corners.dtype) / bins).astype(regions.corners.dtype)[:, None]
    number = np.arange(bins + 1).astype(step.dtype)
    first = np.floor(number[:-1] * step).astype(np.int64) + start[:, None]
    last = np.ceil(number[1:] * step).astype(np.int64) + start[:, None]
    return np.clip(np.stack([first, last]), 0, size)


def _round(x):
    """To the nearest whole number, halves away from zero (NumPy rounds them to even)."""
    whole = np.trunc(x)
    return (whole + np.where(np.abs(x - whole) >= 0.5, np.sign(x), 0)).astype(np.int64)
