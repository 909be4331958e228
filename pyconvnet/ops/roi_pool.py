"""RoI pooling: the largest value in each bin of a region. Girshick, "Fast R-CNN" (2015)."""

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value
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
    if isinstance(input, Tensor) and input.requires_grad:
        return _pool_with_gradient(input, regions)
    return _pool(input, regions)


def _pool_with_gradient(input, regions):
    """Choose the largest value of every bin, then gather: the gradient knows where each came from."""
    chosen, empty = _winners(value(input), regions)
    c, h, w = input.shape[1:]
    planes = (regions.image[:, None] * c + np.arange(c))[..., None, None] * (h * w)
    y = P.gather(input, positions=np.maximum(chosen, 0) + planes, shape=input.shape)
    if chosen.size and chosen.min() < 0:
        y = P.where(chosen >= 0, y, np.where(empty, 0, LOWEST).astype(input.dtype))
    return y


def _pool(input, regions):
    """The same values without the way back, which is most of the work: five times as fast."""
    x = value(input)
    x = np.where(x > LOWEST, x, x.dtype.type(LOWEST))  # NaN is passed over
    largest, _ = _best(np.ascontiguousarray(x.transpose(0, 2, 3, 1)), regions, np.maximum)
    y = np.ascontiguousarray(np.moveaxis(largest, -1, 1))
    return Tensor(y) if isinstance(input, Tensor) else y


def _winners(x, regions):
    """Position y * W + x of the largest value of every bin, (K, C, height, width), -1 where there is none; and
    which bins are empty, (K, 1, height, width).

    Pixels are ranked once, the largest first and equal ones in their order: the winner of a bin has the lowest
    rank.
    """
    order, rank = _ranked(x)
    lowest, empty = _best(rank, regions, np.minimum)
    lowest, empty = np.moveaxis(lowest, -1, 1), empty[:, None]
    planes = regions.image[:, None] * x.shape[1] + np.arange(x.shape[1])
    chosen = order.reshape(-1).take(planes[..., None, None] * order.shape[-1] + lowest)
    return np.where(empty, -1, chosen), empty


def _best(values, regions, better):
    """The `better` (np.minimum or np.maximum) of all values (N, H, W, C) in every bin: (K, height, width, C), 0 in an
    empty bin; and which bins are empty, (K, height, width).

    The best of any rectangle is the best of four overlapping ones whose sides are powers of two.
    """
    (y1, y2), (x1, x2) = (_bins(regions, axis, values.shape[1 + axis]) for axis in (0, 1))
    best = np.zeros((len(regions.image), *regions.size, values.shape[3]), values.dtype)
    rows, columns = _power_of_two_below(y2 - y1), _power_of_two_below(x2 - x1)
    for height in np.unique(rows[rows > 0]):
        tall = _running(better, values, height, axis=1)
        for width in np.unique(columns[columns > 0]):
            block = _running(better, tall, width, axis=2)
            k, i, j = np.nonzero((rows == height)[:, :, None] & (columns == width)[:, None, :])
            if len(k):
                h, w = block.shape[1:3]
                first = regions.image[k] * h
                top, bottom = (first + y1[k, i]) * w, (first + y2[k, i] - height) * w
                left, right = x1[k, j], x2[k, j] - width
                corners = top + left, top + right, bottom + left, bottom + right
                pixels = block.reshape(len(block) * h * w, block.shape[3])
                of_bin = pixels.take(corners[0], axis=0)
                for at in corners[1:]:
                    better(of_bin, pixels.take(at, axis=0), out=of_bin)
                best[k, i, j] = of_bin
    return best, (rows == 0)[:, :, None] | (columns == 0)[:, None, :]


def _bins(regions, axis, size):
    """First and last + 1 pixel of every bin along one axis, each (K, bins)."""
    bins = regions.size[axis]
    start, end = (_round(regions.corners[:, i]) for i in ((1, 3), (0, 2))[axis])
    length = np.maximum(end - start + 1, 1)
    step = (length.astype(regions.corners.dtype) / bins).astype(regions.corners.dtype)[:, None]
    number = np.arange(bins + 1).astype(step.dtype)
    first = np.floor(number[:-1] * step).astype(np.int64) + start[:, None]
    last = np.ceil(number[1:] * step).astype(np.int64) + start[:, None]
    return np.clip(first, 0, size), np.clip(last, 0, size)


def _round(x):
    """To the nearest whole number, halves away from zero (NumPy rounds them to even)."""
    whole = np.trunc(x)
    return (whole + np.where(np.abs(x - whole) >= 0.5, np.sign(x), 0)).astype(np.int64)


def _ranked(x):
    """Per plane: the positions from the largest value to the smallest, (N, C, H*W), -1 for those that no bin takes;
    and the rank of each pixel, (N, H, W, C)."""
    n, c, h, w = x.shape
    flat = x.reshape(n, c, h * w)
    order = np.argsort(-flat, axis=-1, kind="stable")  # NaN comes last
    rank = np.empty(order.shape, np.int32)
    np.put_along_axis(rank, order, np.arange(h * w, dtype=np.int32), axis=-1)
    unfit = ~(flat > LOWEST)
    if unfit.any():
        order = np.where(np.take_along_axis(unfit, order, -1), -1, order)
    return order, np.ascontiguousarray(rank.reshape(n, c, h, w).transpose(0, 2, 3, 1))


def _power_of_two_below(n):
    """The largest power of two that is at most n; 0 for n below 1."""
    return np.where(n > 0, 1 << np.frexp(np.maximum(n, 1).astype(np.float64))[1].astype(np.int64) - 1, 0)


def _running(better, values, length, axis):
    """The best of `length` values, a power of two, from each place on along one axis."""
    step = 1
    while step < length:
        before, after = ([slice(None)] * values.ndim for _ in range(2))
        before[axis], after[axis] = slice(None, -step), slice(step, None)
        values = better(values[tuple(before)], values[tuple(after)])
        step *= 2
    return values
