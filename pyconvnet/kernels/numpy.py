"""The same functions with whole arrays: a convolution is im2col and a matrix product.

A loop over the kh kw taps of the kernel copies one shifted picture each, which NumPy does at memory speed.
Columns are made for a few images at a time, so that they stay near the cache. Arguments are already checked.
"""

import math

import numpy as np

from pyconvnet.kernels.numpy_planes import gather_planes, roi_pool_indices, scatter_planes
from pyconvnet.kernels.numpy_regions import merge_regions, segment_graph

COLUMN_ELEMENTS = 2**20  # columns of so many elements at a time: 4 MB in float32


def _pad(x, window, value=0):
    """x inside a frame of `value`, large enough for the last window (ceil_mode may read past the padding)."""
    (h, w), (ph, pw) = window.input, window.padding
    reach = [
        (o - 1) * s + (k - 1) * d + 1
        for o, s, k, d in zip(window.output, window.stride, window.kernel, window.dilation, strict=True)
    ]
    if (ph, pw) == (0, 0) and reach[0] <= h and reach[1] <= w:
        return x
    padded = np.full((*x.shape[:-2], max(h + 2 * ph, reach[0]), max(w + 2 * pw, reach[1])), value, x.dtype)
    padded[..., ph : ph + h, pw : pw + w] = x
    return padded


def _taps(window):
    """For each tap (i, j) of the kernel the slices of the padded plane that lie under it."""
    (kh, kw), (sh, sw), (dh, dw), (ho, wo) = window.kernel, window.stride, window.dilation, window.output
    for i in range(kh):
        for j in range(kw):
            rows = slice(i * dh, i * dh + (ho - 1) * sh + 1, sh)
            yield i, j, rows, slice(j * dw, j * dw + (wo - 1) * sw + 1, sw)


def _fill(cols, x, window):
    """cols [N, C, kh, kw, Ho, Wo] (a view of any memory order) = the pixels of x under each tap."""
    padded = _pad(x, window)
    for i, j, rows, columns in _taps(window):
        cols[:, :, i, j] = padded[..., rows, columns]


def _fold(cols, window):
    """Sum of [N, C, kh, kw, Ho, Wo] back into [N, C, H, W]."""
    (h, w), (ph, pw) = window.input, window.padding
    x = np.zeros((*cols.shape[:2], h + 2 * ph, w + 2 * pw), cols.dtype)
    for i, j, rows, columns in _taps(window):
        x[..., rows, columns] += cols[:, :, i, j]
    return np.ascontiguousarray(x[..., ph : ph + h, pw : pw + w])


# For the matrix product the columns of several images lie side by side, [groups, C/groups kh kw, N Ho Wo]:
# one large product is faster than a small one for each image.


def _chunks(k):
    """Slices of the batch whose columns together have about COLUMN_ELEMENTS elements."""
    (n, c, *_), (kh, kw), (ho, wo) = k.x_shape, k.window.kernel, k.window.output
    step = max(1, COLUMN_ELEMENTS // (c * kh * kw * ho * wo))
    return [slice(i, min(n, i + step)) for i in range(0, n, step)]


def _columns(x, k):
    memory = np.empty((x.shape[1], *k.window.kernel, len(x), *k.window.output), x.dtype)
    _fill(memory.transpose(3, 0, 1, 2, 4, 5), x, k.window)
    return memory.reshape(k.groups, -1, len(x) * math.prod(k.window.output))


def _matrix(w, k):
    return w.reshape(k.groups, k.w_shape[0] // k.groups, -1)


def _rows(y, k):
    """y [N, F, Ho, Wo] as [groups, F/groups, N Ho Wo]."""
    return y.swapaxes(0, 1).reshape(k.groups, k.w_shape[0] // k.groups, -1)


def conv(x, w, k):
    """y = W cols(x)."""
    y = np.empty(k.y_shape, x.dtype)
    for part in _chunks(k):
        product = np.matmul(_matrix(w, k), _columns(x[part], k))
        y[part] = product.reshape(k.y_shape[1], -1, *k.window.output).swapaxes(0, 1)
    return y


def conv_input(g, w, k):
    """dx = fold(W^T g)."""
    dx = np.empty(k.x_shape, g.dtype)
    for part in _chunks(k):
        cols = np.matmul(_matrix(w, k).swapaxes(-1, -2), _rows(g[part], k))
        cols = cols.reshape(k.x_shape[1], *k.window.kernel, -1, *k.window.output)
        dx[part] = _fold(cols.transpose(3, 0, 1, 2, 4, 5), k.window)
    return dx


def conv_weight(g, x, k):
    """dW = g cols(x)^T."""
    dw = np.zeros(k.w_shape, g.dtype)
    for part in _chunks(k):
        _matrix(dw, k)[...] += np.matmul(_rows(g[part], k), _columns(x[part], k).swapaxes(-1, -2))
    return dw


def matmul(a, b):
    """NumPy's own, by BLAS."""
    return np.matmul(a, b)


def im2col(x, k):
    """cols[n, (c, i, j), (oy, ox)]."""
    cols = np.empty((*x.shape[:2], *k.window.kernel, *k.window.output), x.dtype)
    _fill(cols, x, k.window)
    return cols.reshape(k.cols_shape)


def col2im(cols, k):
    """The transpose of im2col."""
    return _fold(cols.reshape(*k.x_shape[:2], *k.window.kernel, *k.window.output), k.window)


def max_pool(x, k):
    """The values at max_pool_indices, and these."""
    indices = max_pool_indices(x, k)
    return gather_planes(x, np.arange(len(x)), indices), indices.astype(np.int32)


def max_pool_indices(x, k):
    """A running maximum over the taps; > keeps the first, NaN always takes over, padding (index -1) never."""
    h, w = k.window.input
    padded = _pad(x, k.window)
    where = _pad(np.arange(h * w).reshape(h, w), k.window, -1)
    best = np.zeros(k.y_shape, x.dtype)
    indices = np.full(k.y_shape, -1, np.int64)
    for _, _, rows, columns in _taps(k.window):
        value, index = padded[..., rows, columns], where[rows, columns]
        better = (index >= 0) & ((value > best) | np.isnan(value) | (indices < 0))
        np.copyto(best, value, where=better)
        np.copyto(indices, index, where=better)
    return indices


def nms(boxes, scores, iou_threshold, categories):
    """One row of IoUs per kept box."""
    # A stable sort of the reversed scores, read backwards: descending, ties in input order, NaN first.
    left = len(scores) - 1 - np.argsort(scores[::-1], kind="stable")[::-1]
    top_left, bottom_right = boxes[:, :2], boxes[:, 2:]
    keep = []
    with np.errstate(all="ignore"):
        areas = np.prod(bottom_right - top_left, axis=1)
        while len(left):
            best, left = left[0], left[1:]
            keep.append(best)
            size = np.minimum(bottom_right[best], bottom_right[left]) - np.maximum(
                top_left[best], top_left[left]
            )
            intersection = np.prod(np.maximum(size, 0), axis=1)
            iou = intersection / (areas[best] + areas[left] - intersection)
            stays = ~(iou > iou_threshold)
            if categories is not None:
                stays |= categories[left] != categories[best]
            left = left[stays]
    return np.array(keep, np.int64)


def _per_channel(v, x):
    """v [C] shaped to broadcast along axis 1 of x."""
    return v.reshape(1, -1, *[1] * (x.ndim - 2))


def _all_but_channels(x):
    return (0, *range(2, x.ndim))


def batch_norm_statistics(x):
    """Mean and biased variance per channel, summed in float64."""
    axes = _all_but_channels(x)
    mean = x.mean(axis=axes, dtype=np.float64)
    var = np.square(x - _per_channel(mean, x)).mean(axis=axes)
    return mean.astype(x.dtype), var.astype(x.dtype)


def batch_norm(x, mean, rstd, weight, bias):
    """y = (x - mean) rstd weight + bias."""
    y = x - _per_channel(mean, x)
    y *= _per_channel(rstd * weight, x)
    y += _per_channel(bias, x)
    return y


def batch_norm_sums(g, x, mean, rstd):
    """Per channel: sum of g, and of g xhat, in float64."""
    axes = _all_but_channels(x)
    xhat = (x - _per_channel(mean.astype(np.float64), x)) * _per_channel(rstd, x)
    return g.sum(axis=axes, dtype=np.float64).astype(x.dtype), (g * xhat).sum(axis=axes).astype(x.dtype)


def batch_norm_input(g, x, mean, rstd, weight, sum_g, sum_gx):
    """dx = weight rstd (g - sum_g / m - xhat sum_gx / m)."""
    m = x.dtype.type(x.size // x.shape[1])
    dx = x - _per_channel(mean, x)
    dx *= _per_channel(-rstd * sum_gx / m, x)
    dx += g
    dx -= _per_channel(sum_g / m, x)
    dx *= _per_channel(weight * rstd, x)
    return dx


def leaky_relu(x, slope):
    """x <= 0 is false for NaN, which therefore passes."""
    return np.where(x <= 0, x * x.dtype.type(slope) if slope else x.dtype.type(0), x)


def leaky_relu_grad(g, x, slope):
    """g or slope g, chosen by the sign of x."""
    return np.where(x <= 0, g * g.dtype.type(slope) if slope else g.dtype.type(0), g)
