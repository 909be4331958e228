"""Part of the NumPy backend: values picked out of planes, and the winners of the bins of regions."""

import numpy as np


def _positions(shape, image, chosen):
    """Into the flat array of `shape`. ValueError outside of the planes: NumPy would take the neighbour's pixel."""
    _, c, h, w = shape
    if chosen.size and not (chosen.min() >= 0 and chosen.max() < h * w and image.min() >= 0 and image.max() < shape[0]):
        raise ValueError("pyconvnet kernels: a position lies outside of its plane")
    return (image[:, None] * c + np.arange(c))[..., None, None] * (h * w) + chosen


def gather_planes(x, image, chosen):
    """One take."""
    return np.take(x.reshape(-1), _positions(x.shape, image, chosen))


def scatter_planes(g, image, chosen, shape):
    """One bincount, which adds in float64."""
    size = int(np.prod(shape))
    sums = np.bincount(_positions(shape, image, chosen).reshape(-1), g.reshape(-1), size)
    return sums.astype(g.dtype, copy=False).reshape(shape)


def roi_pool_indices(x, image, bins_y, bins_x, lowest):
    """Pixels are ranked once, the largest first and equal ones in their order: a bin's winner has the lowest rank, and
    the lowest rank of any rectangle is that of four overlapping ones whose sides are powers of two."""
    order, rank = _ranked(x, lowest)
    first, empty = _lowest(rank, image, bins_y, bins_x)
    first, empty = np.moveaxis(first, -1, 1), empty[:, None]
    planes = image[:, None] * x.shape[1] + np.arange(x.shape[1])
    chosen = order.reshape(-1).take(planes[..., None, None] * order.shape[-1] + first)
    return np.where(empty, -1, chosen)


def _lowest(rank, image, bins_y, bins_x):
    """The lowest rank (N, H, W, C) in every bin: (R, height, width, C), 0 in an empty bin; and which bins are empty."""
    (y1, y2), (x1, x2) = bins_y, bins_x
    lowest = np.zeros((len(image), y1.shape[1], x1.shape[1], rank.shape[3]), rank.dtype)
    rows, columns = _power_of_two_below(y2 - y1), _power_of_two_below(x2 - x1)
    for height in np.unique(rows[rows > 0]):
        tall = _running(rank, height, axis=1)
        for width in np.unique(columns[columns > 0]):
            block = _running(tall, width, axis=2)
            k, i, j = np.nonzero((rows == height)[:, :, None] & (columns == width)[:, None, :])
            if len(k):
                h, w = block.shape[1:3]
                first = image[k] * h
                top, bottom = (first + y1[k, i]) * w, (first + y2[k, i] - height) * w
                left, right = x1[k, j], x2[k, j] - width
                corners = top + left, top + right, bottom + left, bottom + right
                pixels = block.reshape(len(block) * h * w, block.shape[3])
                of_bin = pixels.take(corners[0], axis=0)
                for at in corners[1:]:
                    np.minimum(of_bin, pixels.take(at, axis=0), out=of_bin)
                lowest[k, i, j] = of_bin
    return lowest, (rows == 0)[:, :, None] | (columns == 0)[:, None, :]


def _ranked(x, lowest):
    """Per plane: the positions from the largest value to the smallest, (N, C, H*W), -1 for those that no bin takes;
    and the rank of each pixel, (N, H, W, C)."""
    n, c, h, w = x.shape
    flat = x.reshape(n, c, h * w)
    order = np.argsort(-flat, axis=-1, kind="stable")  # NaN comes last
    rank = np.empty(order.shape, np.int32)
    np.put_along_axis(rank, order, np.arange(h * w, dtype=np.int32), axis=-1)
    unfit = ~(flat > lowest)
    if unfit.any():
        order = np.where(np.take_along_axis(unfit, order, -1), -1, order)
    return order, np.ascontiguousarray(rank.reshape(n, c, h, w).transpose(0, 2, 3, 1))


def _power_of_two_below(n):
    """The largest power of two that is at most n; 0 for n below 1."""
    return np.where(n > 0, 1 << np.frexp(np.maximum(n, 1).astype(np.float64))[1].astype(np.int64) - 1, 0)


def _running(values, length, axis):
    """The lowest of `length` values, a power of two, from each place on along one axis."""
    step = 1
    while step < length:
        before, after = ([slice(None)] * values.ndim for _ in range(2))
        before[axis], after[axis] = slice(None, -step), slice(step, None)
        values = np.minimum(values[tuple(before)], values[tuple(after)])
        step *= 2
    return values
