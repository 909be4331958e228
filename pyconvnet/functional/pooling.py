"""Pooling: one value for every window. The largest: choose positions on the values, then gather them. The mean: a
convolution with ones, or where the windows differ a mix of rows and of columns. Every order of derivative exists.
"""

import math

import numpy as np

from .. import kernels
from .. import primitives as P
from ..autograd import Tensor, value
from ..kernels import geometry
from .arguments import flag, given, whole
from .padding import pad
from .pictures import as_batch, fits, not_empty, per_axis
from .resampling import mix


def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """max_pool2d of rows: input [N, C, L] or [C, L]; settings a number each, positions along L."""
    x, unbatched = as_batch("max_pool1d", input, "channels", "length")
    x = P.reshape(x, shape=(*x.shape[:2], 1, x.shape[2]))
    settings = {"kernel_size": kernel_size, "stride": kernel_size if stride is None else stride}
    settings |= {"padding": padding, "dilation": dilation}
    rows = [
        (across, *per_axis("max_pool1d", name, settings[name], 1, across))
        for name, across in (("kernel_size", 1), ("stride", 1), ("padding", 0), ("dilation", 1))
    ]
    results = _max_pool("max_pool1d", x, *rows, ceil_mode, return_indices)
    along = [unbatched(P.reshape(y, shape=(*y.shape[:2], y.shape[3]))) for y in results]
    return tuple(along) if return_indices else along[0]


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest value of each window (the first of equal ones, a NaN before all); stride defaults to kernel_size.

    input [N, C, H, W] or [C, H, W]; sizes an int or a pair. The gradient goes to the chosen value; a window wholly
    in the padding is -inf and has none. ceil_mode keeps a last window that hangs over the edge. With return_indices
    also the chosen positions y * W + x, int64. Slide "Recap: Pooling Layers".
    """
    x, unbatched = as_batch("max_pool2d", input, "channels", "height", "width")
    stride = kernel_size if stride is None else stride
    results = _max_pool("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    results = tuple(map(unbatched, results))
    return results if return_indices else results[0]


def _max_pool(op, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices):
    flag(op, ceil_mode=ceil_mode, return_indices=return_indices)
    w = geometry.pool_geometry(op, x.shape, kernel_size, stride, padding, dilation, ceil_mode).window
    if w.padding == (0, 0) and not (ceil_mode or return_indices) and math.prod(w.input) < 2**31:
        with kernels.pooled():  # every window meets pixels: one pass finds values and positions
            y, chosen = kernels.max_pool(value(x), kernel_size, stride, dilation)
        return (P.gather_planes(x, image=np.arange(len(y)), chosen=chosen, shape=x.shape, found=y),)
    with kernels.pooled():
        chosen = kernels.max_pool_indices(value(x), kernel_size, stride, padding, dilation, ceil_mode)
    return _gathered(x, chosen)


def _gathered(x, chosen):
    """(the values of x [N, C, H, W] at the positions chosen in their planes, -inf for position -1; the positions)."""
    n, _, h, w = x.shape
    met = None if not chosen.size or chosen.min() >= 0 else chosen >= 0
    positions = chosen if met is None else np.maximum(chosen, 0)
    if h * w < 2**31:  # the tape keeps them
        with kernels.pooled():
            positions = positions.astype(np.int32)
    y = P.gather_planes(x, image=np.arange(n), chosen=positions, shape=x.shape)
    return y if met is None else P.where(met, y, -np.inf), Tensor(chosen)


def avg_pool2d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """The mean of each window: its sum over its size, or over the pixels it meets without count_include_pad, or over
    divisor_override.

    input [N, C, H, W] or [C, H, W]; sizes an int or a pair, stride defaults to kernel_size. ceil_mode keeps a last
    window that hangs over the edge; what hangs over the padding never counts.
    """
    op = "avg_pool2d"
    x, unbatched = as_batch(op, input, "channels", "height", "width")
    flag(op, ceil_mode=ceil_mode, count_include_pad=count_include_pad)
    whole(op, **given(divisor_override=divisor_override))
    if divisor_override is not None and not 0 < abs(divisor_override) < 2**63:
        raise ValueError(f"{op}: divisor_override must not be 0 (nor beyond 64 bits), got {divisor_override}")
    w = geometry.pool_geometry(op, x.shape, kernel_size, stride, padding, 1, ceil_mode).window
    n, c = x.shape[:2]
    over = [max(0, (o - 1) * s + k - i - 2 * p) for o, s, k, i, p in
            zip(w.output, w.stride, w.kernel, w.input, w.padding)]  # fmt: skip
    x = pad(x, (0, over[1], 0, over[0])) if any(over) else x
    sums = P.conv(
        P.reshape(x, shape=(n * c, 1, *x.shape[2:])), np.ones((1, 1, *w.kernel), x.dtype), input_size=x.shape[2:],
        kernel_size=w.kernel, stride=w.stride, padding=w.padding, dilation=(1, 1), groups=1,
    )  # fmt: skip
    if divisor_override is None:
        rows, columns = (_counts(w, axis, count_include_pad) for axis in (0, 1))
        divisor = (rows[:, None] * columns).astype(x.dtype)
        divisor = divisor.flat[0] if (divisor == divisor.flat[0]).all() else divisor
    else:
        divisor = x.dtype.type(divisor_override)
    return unbatched(P.div(P.reshape(sums, shape=(n, c, *w.output)), divisor))


def _counts(w, axis, include_pad):
    """How many rows (columns) the windows along the axis count."""
    first = np.arange(w.output[axis]) * w.stride[axis] - w.padding[axis]
    edge = w.padding[axis] if include_pad else 0
    last = np.minimum(first + w.kernel[axis], w.input[axis] + edge)
    return np.maximum(last - np.maximum(first, -edge), 1)


def adaptive_avg_pool2d(input, output_size):
    """The mean of window i of n: pixels floor(i H / n) up to ceil((i + 1) H / n), for rows and columns.

    input [N, C, H, W] or [C, H, W]; output_size an int or a pair, None keeps the size of that axis.
    """
    x, size, unbatched = _adaptive("adaptive_avg_pool2d", input, output_size)
    for axis in (2, 3):
        taps, real = _windows(x.shape[axis], size[axis - 2])
        # A shorter window names its last pixel again: the two halves of its weight keep inf and NaN to the window.
        named = np.where(taps == taps[:, -1:], (taps == taps[:, -1:]).sum(1, keepdims=True), 1)
        x = mix(x, axis, taps, 1 / (real.sum(1, keepdims=True) * named))
    return unbatched(x)


def adaptive_max_pool2d(input, output_size, return_indices=False):
    """The largest value of each of the windows of adaptive_avg_pool2d; ties, NaN and positions as in max_pool2d."""
    flag("adaptive_max_pool2d", return_indices=return_indices)
    x, size, unbatched = _adaptive("adaptive_max_pool2d", input, output_size)
    (rows, _), (columns, _) = (_windows(n, m) for n, m in zip(x.shape[2:], size))
    # The largest of every row of a window, then the largest of those: the first of equal ones still comes first.
    best, column = _largest(value(x), columns, 3)
    _, row = _largest(best, rows, 2)
    chosen = row * x.shape[3] + np.take_along_axis(column, row, 2)
    results = tuple(map(unbatched, _gathered(x, chosen)))
    return results if return_indices else results[0]


def _largest(x, windows, axis):
    """(largest value, its position along the axis) for windows [out, t] along an axis of the array x."""
    along = (-1,) + (1,) * (x.ndim - 1 - axis)
    best = np.take(x, windows[:, 0], axis)
    at = np.broadcast_to(windows[:, 0].reshape(along), best.shape)
    for tap in windows.T[1:]:
        v = np.take(x, tap, axis)
        better = (v > best) | np.isnan(v)
        best, at = np.where(better, v, best), np.where(better, tap.reshape(along), at)
    return best, at


def _adaptive(op, input, output_size):
    x, unbatched = as_batch(op, input, "channels", "height", "width")
    not_empty(op, x)
    size = per_axis(op, "output_size", output_size, 2, 0, kept=x.shape[2:])
    fits(op, (*x.shape[:2], *size), x.dtype)
    return x, size, unbatched


def _windows(n, out):
    """The pixels of each of `out` windows over n, [out, t], the last named again to fill up; which of them are real."""
    i = np.arange(out)
    first, last = i * n // max(out, 1), -(-(i + 1) * n // max(out, 1))
    longest = int((last - first).max(initial=1))
    taps = first[:, None] + np.arange(longest)
    return np.minimum(taps, last[:, None] - 1), taps < last[:, None]
