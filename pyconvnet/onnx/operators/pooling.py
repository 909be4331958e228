"""Pooling: MaxPool-8 to 22, AveragePool-7 to 22, Global{Average, Max, Lp}Pool-1, 22.

The window is laid out here, ceil_mode and uneven pads and all, and the input padded so that a plain pool has exactly
these windows.
"""

import math

import numpy as np

from ... import functional as F
from ...autograd import Tensor, value
from .sliding import Sliding, as_pictures, not_mostly_padding
from .table import operator


@operator("MaxPool", outputs=2)
def max_pool(node):
    """MaxPool, and the positions of the largest values in the whole flattened input (storage_order 0 or 1)."""
    sliding, count = _sliding(node)
    by_columns, positions = node.attribute("storage_order", 0), any(node.outputs[1:])

    def compute(x):
        windows = sliding.over(x)
        outputs = [count(w) for w in windows]
        windows, (pictures,) = as_pictures(windows, x)
        pictures = pictures if x.dtype.kind == "f" else pictures.to(np.float64)
        padded = _padded(pictures, windows, [1, *outputs][-2:], -math.inf)
        shape = (*x.shape[:2], *outputs)
        y = F.max_pool2d(
            padded, tuple(w.kernel for w in windows), tuple(w.stride for w in windows), 0,
            tuple(w.dilation for w in windows), return_indices=positions,
        )  # fmt: skip
        if not positions:
            return y.reshape(shape).to(x.dtype)
        y, at = y
        rows, columns = np.divmod(value(at), padded.shape[3])
        rows, columns = rows - windows[0].before, columns - windows[1].before
        n, c, h, w = pictures.shape
        planes = np.arange(n * c).reshape(n, c, 1, 1) * (h * w)
        flat = planes + (columns * h + rows if by_columns else rows * w + columns)
        return y.reshape(shape).to(x.dtype), Tensor(flat.reshape(shape))

    return compute


@operator("AveragePool")
def average_pool(node):
    """AveragePool: the sum over a window divided by the pixels it meets, or with count_include_pad by those of the
    padding too; what hangs over the padding never counts.
    """
    sliding, count = _sliding(node)
    include_pad = node.attribute("count_include_pad", 0)

    def compute(x):
        windows = sliding.over(x)
        outputs = [count(w) for w in windows]
        windows, (pictures,) = as_pictures(windows, x)
        outputs = [1, *outputs][-2:]
        padded = _padded(pictures, windows, outputs, 0.0)
        n, c = pictures.shape[:2]
        ones = Tensor(np.ones((1, 1, *(w.kernel for w in windows)), x.dtype))
        sums = F.conv2d(
            padded.reshape(n * c, 1, *padded.shape[2:]), ones, stride=tuple(w.stride for w in windows),
            dilation=tuple(w.dilation for w in windows),
        )  # fmt: skip
        rows, columns = (_met(w, out, include_pad) for w, out in zip(windows, outputs))
        y = sums / Tensor((rows[:, None] * columns).astype(x.dtype))
        return y.reshape(*x.shape[:2], *outputs[4 - x.ndim :])

    return compute


@operator("GlobalAveragePool")
def global_average_pool(node):
    """GlobalAveragePool: the mean over all axes but the first two."""
    return lambda x: x.mean(_spatial(x), keepdim=True)


@operator("GlobalMaxPool")
def global_max_pool(node):
    """GlobalMaxPool: the largest value over all axes but the first two."""
    return lambda x: x.amax(_spatial(x), keepdim=True)


@operator("GlobalLpPool")
def global_lp_pool(node):
    """GlobalLpPool-2, 22: (sum |x|^p)^(1/p) over all axes but the first two."""
    p = node.at_least("p", 2, 1)
    return lambda x: x.norm(p, _spatial(x), keepdim=True)


def _spatial(x):
    if x.ndim < 3:
        raise ValueError(f"needs an input [N, C, ...] with spatial axes, got shape {x.shape}")
    return tuple(range(2, x.ndim))


def _sliding(node):
    """(the window, the function that counts its positions along an axis)."""
    sliding, ceil_mode = Sliding(node), node.attribute("ceil_mode", 0)
    dilations = sliding.dilations or (1,) * len(sliding.kernel)
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, sliding.kernel)]
    if any(pad >= r for pad, r in zip(sliding.pads or (), reach * 2)):
        raise node.unsupported("pads", sliding.pads, f"padding smaller than the window, {reach}")

    def count(w):
        room = w.size + w.before + w.after - w.reach
        if room < 0:
            raise ValueError(f"the window of {w.reach} pixels is larger than the {w.size} + {w.before} + {w.after} of "
                             "input and padding")  # fmt: skip
        if not ceil_mode or sliding.auto_pad != "NOTSET":
            return room // w.stride + 1
        windows = -(-room // w.stride) + 1
        return windows - ((windows - 1) * w.stride >= w.size + w.before)  # none starts in the padding at the end

    return sliding, count


def _padded(x, windows, outputs, fill):
    """x padded just as far as the windows reach."""
    amounts, shape = [], list(x.shape)
    for axis, w, out in ((3, windows[1], outputs[1]), (2, windows[0], outputs[0])):
        amounts += [w.before, max((out - 1) * w.stride + w.reach - w.size - w.before, 0)]
        shape[axis] += sum(amounts[-2:])
    not_mostly_padding(shape, x.shape, (*x.shape[:2], *outputs))
    return F.pad(x, tuple(amounts), value=fill) if any(amounts) else x


def _met(w, outputs, include_pad):
    """How many pixels along an axis each window counts."""
    taps = np.arange(outputs)[:, None] * w.stride + np.arange(w.kernel) * w.dilation - w.before
    first, last = (-w.before, w.size + w.after) if include_pad else (0, w.size)
    return np.maximum(((taps >= first) & (taps < last)).sum(1), 1)
