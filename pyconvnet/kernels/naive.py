"""The definitions, as a textbook writes them: one loop for each index of the formula.

Slow, and meant to be read: every other backend must give what these loops give. Arguments are already
checked; `k` is the geometry (geometry.py). Sums have the dtype of the arrays, batch norm's are float64.
"""

import itertools
import math

import numpy as np

from pyconvnet.kernels.naive_planes import gather_planes, roi_pool_indices, scatter_planes
from pyconvnet.kernels.naive_regions import merge_regions, segment_graph


def _inside(window, oy, ox, i, j):
    """The input pixel under tap (i, j) of the window at (oy, ox), or None where that is padding."""
    y = oy * window.stride[0] - window.padding[0] + i * window.dilation[0]
    x = ox * window.stride[1] - window.padding[1] + j * window.dilation[1]
    return (y, x) if 0 <= y < window.input[0] and 0 <= x < window.input[1] else None


def _conv_terms(k):
    """Indices (y, x, w) of all products in <g, conv(x, w)>: the functions below sum them in three ways."""
    (n_, f_, ho, wo), (_, c_, kh, kw) = k.y_shape, k.w_shape
    filters_per_group = f_ // k.groups
    for n, f, oy, ox in itertools.product(range(n_), range(f_), range(ho), range(wo)):
        for c, i, j in itertools.product(range(c_), range(kh), range(kw)):
            pixel = _inside(k.window, oy, ox, i, j)
            if pixel is not None:
                yield (n, f, oy, ox), (n, f // filters_per_group * c_ + c, *pixel), (f, c, i, j)


def conv(x, w, k):
    """y[n, f, oy, ox] = sum over c, i, j of x[n, c, oy s - p + i d, ox s - p + j d] w[f, c, i, j]."""
    y = np.zeros(k.y_shape, x.dtype)
    for at_y, at_x, at_w in _conv_terms(k):
        y[at_y] += x[at_x] * w[at_w]
    return y


def conv_input(g, w, k):
    """dx[n, c, y, x] = sum over f, oy s - p + i d = y, ox s - p + j d = x of g[n, f, oy, ox] w[f, c, i, j]"""
    dx = np.zeros(k.x_shape, g.dtype)
    for at_y, at_x, at_w in _conv_terms(k):
        dx[at_x] += g[at_y] * w[at_w]
    return dx


def conv_weight(g, x, k):
    """dw[f, c, i, j] = sum over n, oy, ox of g[n, f, oy, ox] x[n, c, oy s - p + i d, ox s - p + j d]."""
    dw = np.zeros(k.w_shape, g.dtype)
    for at_y, at_x, at_w in _conv_terms(k):
        dw[at_w] += g[at_y] * x[at_x]
    return dw


def matmul(a, b):
    """c[.., i, j] = sum_k a[.., i, k] b[.., k, j]."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = (np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (a, b))
    c = np.zeros((*batch, a.shape[-2], b.shape[-1]), a.dtype)
    for *at, i, j in np.ndindex(c.shape):
        for k in range(a.shape[-1]):
            c[*at, i, j] += a[*at, i, k] * b[*at, k, j]
    return c


def _column_terms(k):
    (n_, c_, _, _), (kh, kw), (ho, wo) = k.x_shape, k.window.kernel, k.window.output
    for n, c, i, j, oy, ox in itertools.product(*map(range, (n_, c_, kh, kw, ho, wo))):
        pixel = _inside(k.window, oy, ox, i, j)
        if pixel is not None:
            yield (n, (c * kh + i) * kw + j, oy * wo + ox), (n, c, *pixel)


def im2col(x, k):
    """cols[n, (c, i, j), (oy, ox)] = x[n, c, oy s - p + i d, ox s - p + j d], 0 in the padding."""
    cols = np.zeros(k.cols_shape, x.dtype)
    for at_cols, at_x in _column_terms(k):
        cols[at_cols] = x[at_x]
    return cols


def col2im(cols, k):
    """The transpose of im2col: every entry of cols is added to the pixel it was copied from."""
    x = np.zeros(k.x_shape, cols.dtype)
    for at_cols, at_x in _column_terms(k):
        x[at_x] += cols[at_cols]
    return x


def max_pool(x, k):
    """The values at max_pool_indices, and these."""
    indices = max_pool_indices(x, k)
    return gather_planes(x, np.arange(len(x)), indices), indices.astype(np.int32)


def max_pool_indices(x, k):
    """Where each window's maximum is, as y W + x; the first, the last NaN if any, -1 if all is padding."""
    (n_, c_, ho, wo), (kh, kw) = k.y_shape, k.window.kernel
    indices = np.full(k.y_shape, -1, np.int64)
    for n, c, oy, ox in itertools.product(*map(range, (n_, c_, ho, wo))):
        best = None
        for i, j in itertools.product(range(kh), range(kw)):
            pixel = _inside(k.window, oy, ox, i, j)
            if pixel is not None:
                value = x[n, c, *pixel]
                if best is None or value > best or math.isnan(value):
                    best = value
                    indices[n, c, oy, ox] = pixel[0] * k.window.input[1] + pixel[1]
    return indices


@np.errstate(all="ignore")  # boxes may hold infinities
def nms(boxes, scores, iou_threshold, categories):
    """Greedy: the best box left is kept, and all of its category with IoU > threshold are struck out."""
    left = sorted(range(len(scores)), key=lambda i: (0, 0) if math.isnan(scores[i]) else (1, -scores[i]))
    keep = []
    while left:
        best, *left = left
        keep.append(best)
        left = [
            i
            for i in left
            if (categories is not None and categories[i] != categories[best])
            or not _iou(boxes[best], boxes[i]) > iou_threshold
        ]
    return np.array(keep, np.int64)


def _iou(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    zero = a.dtype.type(0)
    intersection = max(zero, width) * max(zero, height)
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return intersection / (areas - intersection)  # 0 / 0, two boxes without area, is NaN: above no threshold


def _channels(x):
    """The values of each channel of x [N, C, ...], as Python floats (float64)."""
    return [[float(v) for v in x[:, c].reshape(-1)] for c in range(x.shape[1])]


def batch_norm_statistics(x):
    """mean_c = sum x / m and var_c = sum (x - mean_c)^2 / m over the m values of channel c."""
    means, variances = [], []
    for values in _channels(x):
        mean = math.fsum(values) / len(values)
        means.append(mean)
        variances.append(math.fsum((v - mean) ** 2 for v in values) / len(values))
    return np.array(means, x.dtype), np.array(variances, x.dtype)


def batch_norm(x, mean, rstd, weight, bias):
    """y = (x - mean_c) rstd_c weight_c + bias_c."""
    y = np.empty_like(x)
    for at in np.ndindex(x.shape):
        c = at[1]
        y[at] = (x[at] - mean[c]) * rstd[c] * weight[c] + bias[c]
    return y


def batch_norm_sums(g, x, mean, rstd):
    """Per channel: sum of g, and sum of g xhat with xhat = (x - mean_c) rstd_c."""
    sums = []
    for c, (gs, xs) in enumerate(zip(_channels(g), _channels(x), strict=True)):
        m, r = float(mean[c]), float(rstd[c])
        sums.append((math.fsum(gs), math.fsum(a * (b - m) * r for a, b in zip(gs, xs, strict=True))))
    sum_g, sum_gx = zip(*sums, strict=True)
    return np.array(sum_g, x.dtype), np.array(sum_gx, x.dtype)


def batch_norm_input(g, x, mean, rstd, weight, sum_g, sum_gx):
    """dx = weight_c rstd_c (g - sum_g_c / m - xhat sum_gx_c / m), m values in each channel."""
    dx = np.empty_like(x)
    m = x.dtype.type(x.size // x.shape[1])
    for at in np.ndindex(x.shape):
        c = at[1]
        xhat = (x[at] - mean[c]) * rstd[c]
        dx[at] = weight[c] * rstd[c] * (g[at] - sum_g[c] / m - xhat * sum_gx[c] / m)
    return dx


def leaky_relu(x, slope):
    """y = x where x > 0 (or NaN), slope x elsewhere; slope 0 selects 0, so that -inf gives 0."""
    y = np.empty_like(x)
    for at in np.ndindex(x.shape):
        y[at] = (slope * x[at] if slope else 0) if x[at] <= 0 else x[at]
    return y


def leaky_relu_grad(g, x, slope):
    """dx = g where x > 0 (or NaN), slope g elsewhere."""
    dx = np.empty_like(g)
    for at in np.ndindex(x.shape):
        dx[at] = (slope * g[at] if slope else 0) if x[at] <= 0 else g[at]
    return dx
