"""Sampling a picture at any places: a grid of coordinates in [-1, 1], and the grids of affine maps.

Jaderberg et al., "Spatial Transformer Networks" (2015).
"""

import itertools
import math
from functools import partial

import numpy as np

from .. import primitives as P
from ..autograd import value
from .arguments import flag, floats
from .pictures import fits, not_empty, per_axis

CUBIC = -0.75  # the slope that makes the kernel of Keys (1981) PyTorch's


@np.errstate(all="ignore")
def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """y[n, c, i, j] = input[n, c] at (x, y) = grid[n, i, j], where -1 and 1 are the picture's edges, or with
    align_corners the centres of its first and last pixels.

    input [N, C, H, W], grid [N, H', W', 2] -> [N, C, H', W']; also with a depth, grid [N, D', H', W', 3] of (x, y, z).
    "bilinear", "nearest", "bicubic" (not with depth); beyond the edge 0, the border pixel, or the mirror image.
    NaN is read as -1 by "border" and "reflection"; by "zeros" and by "bicubic" it gives NaN, with "nearest" 0.
    """
    op = "grid_sample"
    floats(op, input=input, grid=grid)
    if mode not in _TAPS:
        raise NotImplementedError(f"{op}: mode {mode!r} is not offered, only {', '.join(_TAPS)}")
    if padding_mode not in _KEPT_INSIDE:
        raise NotImplementedError(f"{op}: padding_mode {padding_mode!r} is not offered, only {', '.join(_KEPT_INSIDE)}")
    flag(op, align_corners=align_corners or False)
    axes = input.ndim - 2
    if axes not in (2, 3) or grid.ndim != input.ndim or grid.shape[-1] != axes or grid.shape[0] != input.shape[0]:
        raise ValueError(
            f"{op}: input must be [N, C, H, W] and grid [N, H', W', 2] (or input [N, C, D, H, W] and grid "
            f"[N, D', H', W', 3]), got input {input.shape} and grid {grid.shape}"
        )
    if mode == "bicubic" and axes == 3:
        raise NotImplementedError(f"{op}: 'bicubic' is for pictures [N, C, H, W], got input {input.shape}")
    not_empty(op, input, 2)
    taps = []
    for axis, size in enumerate(input.shape[2:]):
        u = P.index(grid, key=(..., axes - 1 - axis), shape=grid.shape)  # x comes first, and is the last axis
        u = (u + 1) * ((size - 1) / 2) if align_corners else ((u + 1) * size - 1) * 0.5
        kept_inside = partial(_KEPT_INSIDE[padding_mode], size=size, align_corners=align_corners)
        if mode == "bicubic":  # each tap by itself, and the place itself where it is
            taps.append([_on_map(kept_inside(at), size, weight) for at, weight in _cubic(u)])
        else:
            taps.append([_on_map(at, size, weight) for at, weight in _TAPS[mode](kept_inside(u))])
    return _weighted_sum(input, grid.shape[1:-1], taps)


def _weighted_sum(input, out, taps):
    """Over the corners (one tap per axis): input at the corner times the product of the weights."""
    n, c, *sizes = input.shape
    fits("grid_sample", (n, c, *out), input.dtype)
    planes = (np.arange(n * c) * math.prod(sizes)).reshape(n, c, *[1] * len(out))
    total = None
    for corner in itertools.product(*taps):
        at, inside, weight = 0, True, None
        for (index, on_map, w), size in zip(corner, sizes):
            at, inside = at * size + index, inside & on_map
            weight = w if weight is None else weight * w
        y = P.gather(input, positions=planes + at[:, None], shape=input.shape)
        y = y if inside.all() else P.where(inside[:, None], y, 0.0)
        y = y if weight is None else y * P.reshape(weight, shape=(n, 1, *out))
        total = y if total is None else total + y
    return total


# Taps of a coordinate u, in pixels: (whole position, weight) each


def _nearest(u):
    return [(np.rint(value(u)), None)]


def _linear(u):
    low, t = _split(u)
    return [(low, 1 - t), (low + 1, t)]


def _cubic(u):
    low, t = _split(u)
    return [(low - 1, _far(t + 1)), (low, _near(t)), (low + 1, _near(1 - t)), (low + 2, _far(2 - t))]


_TAPS = {"bilinear": _linear, "nearest": _nearest, "bicubic": _cubic}


def _split(u):
    low = np.floor(value(u))
    return low, u - low


def _near(d):
    """Weight of a pixel at distance d <= 1."""
    return ((CUBIC + 2) * d - (CUBIC + 3)) * d * d + 1


def _far(d):
    """Weight of a pixel at distance 1 <= d <= 2."""
    return ((d - 5) * d + 8) * d * CUBIC - 4 * CUBIC


def _on_map(at, size, weight):
    """(index, whether it is on the map, weight)."""
    on_map = (at >= 0) & (at <= size - 1)
    return np.where(on_map, at, 0).astype(np.int64), on_map, weight


def _clipped(u, size, align_corners):
    """Into [0, size - 1], NaN to 0; without a gradient outside and at the ends."""
    v = value(u)
    end = np.where(v >= size - 1, size - 1, 0).astype(v.dtype)
    return P.where((v > 0) & (v < size - 1), u, end)


def _reflected(u, size, align_corners):
    """Mirrored at the first and last pixel's centre (align_corners) or outer edge until it lies between; clipped."""
    low, span = (0, size - 1) if align_corners else (-0.5, size)
    if not span:
        return _clipped(u, size, align_corners)
    d = P.where(value(u) < low, low - u, u - low)
    flips = np.floor(value(d) / span)
    rest, odd = d - flips * span, flips % 2 == 1
    return _clipped(P.where(odd, span - rest, rest) + low, size, align_corners)


_KEPT_INSIDE = {"zeros": lambda u, size, align_corners: u, "border": _clipped, "reflection": _reflected}


def affine_grid(theta, size, align_corners=None):
    """grid[n, i, j] = theta[n] (x_j, y_i, 1): for every output pixel the place it comes from, for grid_sample.

    theta [N, 2, 3], size (N, C, H, W) -> [N, H, W, 2]; theta [N, 3, 4], size (N, C, D, H, W) -> [N, D, H, W, 3].
    """
    op = "affine_grid"
    floats(op, theta=theta)
    flag(op, align_corners=align_corners or False)
    if not isinstance(size, (tuple, list)) or len(size) not in (4, 5):
        raise ValueError(f"{op}: size must be (N, C, H, W) or (N, C, D, H, W), got {size!r}")
    n, _, *out = per_axis(op, "size", size, len(size))
    if theta.shape != (n, len(out), len(out) + 1):
        raise ValueError(
            f"{op}: for size {tuple(size)} theta must have shape {(n, len(out), len(out) + 1)}, got {theta.shape}"
        )
    fits(op, (n, *out, len(out)), theta.dtype)
    ends = [1.0 if align_corners else (k - 1) / k for k in out]
    places = [np.linspace(-end, end, k) if k > 1 else np.zeros(1) for end, k in zip(ends, out)]
    x_first = np.meshgrid(*places, indexing="ij")[::-1]
    base = np.stack([*x_first, np.ones(out)], -1).reshape(-1, len(out) + 1).astype(theta.dtype)
    return P.reshape(P.matmul(base, P.permute(theta, dims=(0, 2, 1))), shape=(n, *out, len(out)))
