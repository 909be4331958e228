"""RoI-align: bilinear samples of a region, averaged per bin, without rounding. He et al., "Mask R-CNN" (2017)."""

from numbers import Integral

import numpy as np

from .. import primitives as P
from ..autograd import value
from .regions import read_regions

MOST_SAMPLES = 1024


def roi_align(input, boxes, output_size, spatial_scale=1.0, sampling_ratio=-1, aligned=False):
    """Mean of bilinear samples in every bin of every region: input (N, C, H, W) -> (K, C, height, width).

    boxes and spatial_scale as in roi_pool. sampling_ratio samples per bin and axis, or if <= 0 as many as a bin is
    long, rounded up. aligned: pixel i has its centre at i + 0.5 (otherwise at i, and regions are at least 1 x 1).
    As torchvision: a sample off the map by more than a pixel counts 0, nearer ones take the border's value.
    Linear in input, no gradient to the boxes. ValueError, TypeError, IndexError.
    """
    input, regions = read_regions("roi_align", input, boxes, output_size, spatial_scale)
    if not isinstance(sampling_ratio, Integral):
        raise TypeError(f"roi_align: sampling_ratio must be a whole number, got {type(sampling_ratio).__name__}")
    if sampling_ratio > MOST_SAMPLES:
        raise ValueError(f"roi_align: sampling_ratio must be at most {MOST_SAMPLES}, got {sampling_ratio}")
    rows, columns = (_weights(regions, axis, input.shape[2 + axis], sampling_ratio, aligned) for axis in (0, 1))
    finite = np.isfinite(value(input))
    if finite.all():
        return _weighted_sums(input, rows, columns, regions.image)
    met = _weighted_sums(P.where(finite, input, input.dtype.type(0)), rows, columns, regions.image)
    return met + _not_finite(value(input), rows, columns, regions.image)


def _weights(regions, axis, size, sampling_ratio, aligned):
    """The part of every pixel row (axis 0) or column (axis 1) in the mean of every bin: (K, bins, size).

    A bilinear weight is the product of one for the row and one for the column; so the axes come apart.
    """
    bins, dtype = regions.size[axis], regions.corners.dtype
    start, end = (regions.corners[:, i] - dtype.type(0.5 if aligned else 0) for i in ((1, 3), (0, 2))[axis])
    length = end - start if aligned else np.maximum(end - start, dtype.type(1))
    step = length / dtype.type(bins)
    samples = np.full(len(step), sampling_ratio) if sampling_ratio > 0 else np.ceil(step)
    samples = np.maximum(samples, 0).astype(np.int64)  # a reversed region has none

    region, number = _samples_on_the_map(start, step, samples, bins, size)
    one, per_bin = step[region], samples[region]
    bin, within = number // np.maximum(per_bin, 1), (number % np.maximum(per_bin, 1)).astype(dtype)
    at = start[region] + bin.astype(dtype) * one + (within + dtype.type(0.5)) * one / per_bin.astype(dtype)
    on_map = (at >= -1) & (at <= size)
    at = np.clip(at, 0, size - 1)
    low = np.minimum(at.astype(np.int64), max(size - 2, 0))
    high = np.minimum(low + 1, size - 1)
    share = np.where(on_map, 1 / np.maximum(per_bin, 1), 0)
    cell = (region * bins + bin) * size
    weights = np.bincount(
        np.concatenate([cell + low, cell + high]),
        np.concatenate([(1 - (at - low)) * share, (at - low) * share]),
        len(start) * bins * size,
    )
    return weights.astype(dtype).reshape(len(start), bins, size)


def _samples_on_the_map(start, step, samples, bins, size):
    """(region, number) of every sample that may lie on the map, the samples of a region numbered through its bins:
    however large the region, there are no more of them than the map has room for."""
    with np.errstate(divide="ignore", invalid="ignore"):
        spacing = step.astype(np.float64) / samples
        ends = np.stack([(-2 - start) / spacing - 0.5, (size + 1 - start) / spacing - 0.5])
    ends = np.where(np.isnan(ends) | (spacing == 0), [[-np.inf], [np.inf]], np.sort(ends, axis=0))
    total = bins * samples
    first = np.clip(np.floor(ends[0]), 0, total).astype(np.int64)
    count = np.clip(np.ceil(ends[1]) + 1, first, total).astype(np.int64) - first
    region = np.repeat(np.arange(len(start)), count)
    number = np.arange(len(region)) + np.repeat(first - (np.cumsum(count) - count), count)
    return region, number


def _weighted_sums(input, rows, columns, image):
    """sum_{y,x} rows[k,i,y] columns[k,j,x] input[image[k],c,y,x] -> (K, C, height, width): two matrix products per
    image, for all its regions at once. Regions are dealt to slots, as many per image as the fullest has."""
    (n, c, h, w), k, (bins_h, bins_w) = input.shape, len(image), (rows.shape[1], columns.shape[1])
    order = np.argsort(image, kind="stable")
    counts = np.bincount(image, minlength=n)
    slots = int(counts.max(initial=0))
    place = np.empty(k, np.int64)  # of each region: image * slots + slot
    place[order] = np.arange(k) + (np.arange(n) * slots - (np.cumsum(counts) - counts))[image[order]]
    row_slots, column_slots = (np.zeros((n * slots, *a.shape[1:]), a.dtype) for a in (rows, columns))
    row_slots[place], column_slots[place] = rows, columns

    across = np.ascontiguousarray(column_slots.reshape(n, slots * bins_w, w).transpose(0, 2, 1))
    z = P.matmul(P.reshape(input, shape=(n, c * h, w)), across)
    z = P.permute(P.reshape(z, shape=(n, c, h, slots, bins_w)), dims=(0, 3, 2, 1, 4))
    y = P.matmul(row_slots, P.reshape(z, shape=(n * slots, h, c * bins_w)))
    y = P.permute(P.reshape(y, shape=(n * slots, bins_h, c, bins_w)), dims=(0, 2, 1, 3))
    if k == n * slots and (place == np.arange(k)).all():
        return y
    bins = np.arange(c * bins_h * bins_w).reshape(c, bins_h, bins_w)
    return P.gather(y, positions=place[:, None, None, None] * bins.size + bins, shape=y.shape)


def _not_finite(x, rows, columns, image):
    """What NaN and infinities add to the bins that touch them, and 0 elsewhere: in a sum of products with weights
    0 they would reach every bin."""
    touched = [
        _weighted_sums(kind.astype(x.dtype), (rows > 0).astype(x.dtype), (columns > 0).astype(x.dtype), image) > 0
        for kind in (np.isnan(x), x == np.inf, x == -np.inf)
    ]
    nan, above, below = touched
    return np.select([nan | (above & below), above, below], [np.nan, np.inf, -np.inf], 0.0).astype(x.dtype)
