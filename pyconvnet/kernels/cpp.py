"""The compiled backend: allocates the result (but of matmul) and hands raw arrays to `_cpp` (cpp/bindings.cpp).

pybind11 lets misaligned arrays pass, hence `_raw`: C order, aligned. `_cpp` checks the shapes again.
"""

import numpy as np

from pyconvnet.kernels import _cpp

supported_isas = _cpp.supported_isas
active_isa = _cpp.active_isa
use_isa = _cpp.use_isa
set_num_threads = _cpp.set_num_threads
use_winograd = _cpp.use_winograd
winograd = _cpp.winograd


def _raw(x):
    return x if x.flags.carray else np.require(x, requirements=("C", "A"))


def _options(window):
    return window.stride, window.padding, window.dilation


def conv(x, w, k):
    """Direct correlation or Winograd, as cpp/isa/choose.cpp has it: cpp/isa/conv.cpp."""
    y = np.empty(k.y_shape, x.dtype)
    _cpp.conv(_raw(x), _raw(w), y, *_options(k.window), k.groups)
    return y


def conv_input(g, w, k):
    """One correlation for each residue of the output pixel modulo the stride, or Winograd: cpp/isa/conv_input.cpp."""
    dx = np.empty(k.x_shape, g.dtype)
    _cpp.conv_input(_raw(g), _raw(w), dx, *_options(k.window), k.groups)
    return dx


def conv_weight(g, x, k):
    """Lanes run over taps and channels, the sum over pixels, or Winograd: cpp/isa/conv_weight.cpp."""
    dw = np.empty(k.w_shape, g.dtype)
    _cpp.conv_weight(_raw(g), _raw(x), dw, *_options(k.window), k.groups)
    return dw


def matmul(a, b):
    """Register tiles over packed panels, strides as they are: cpp/isa/matmul.cpp."""
    c = _cpp.matmul(a, b)
    return c if c is not None else _cpp.matmul(_raw(a), _raw(b))


def im2col(x, k):
    """Columns as torch unfold has them."""
    cols = np.empty(k.cols_shape, x.dtype)
    _cpp.im2col(_raw(x), cols, k.window.kernel, *_options(k.window))
    return cols


def col2im(cols, k):
    """The transpose of im2col."""
    x = np.empty(k.x_shape, cols.dtype)
    _cpp.col2im(_raw(cols), x, k.window.kernel, *_options(k.window))
    return x


def max_pool(x, k):
    """Values and positions in one pass."""
    y, indices = np.empty(k.y_shape, x.dtype), np.empty(k.y_shape, np.int32)
    _cpp.max_pool(_raw(x), y, indices, k.window.kernel, k.window.stride, k.window.dilation)
    return y, indices


def max_pool_indices(x, k):
    """Index of the maximum in the H W plane."""
    indices = np.empty(k.y_shape, np.int64)
    _cpp.max_pool_indices(_raw(x), indices, k.window.kernel, *_options(k.window))
    return indices


def gather_planes(x, image, chosen):
    """A picture's plane after the other: cpp/isa/planes.cpp."""
    y = np.empty(chosen.shape, x.dtype)
    _cpp.gather_planes(_raw(x), _raw(image), _raw(chosen), y)
    return y


def scatter_planes(g, image, chosen, shape):
    """Added in the order of the rows, a channel by one thread."""
    x = np.empty(shape, g.dtype)
    _cpp.scatter_planes(_raw(g), _raw(image), _raw(chosen), x)
    return x


def roi_pool_indices(x, image, bins_y, bins_x, lowest):
    """A vector of channels over the pixels of a bin."""
    chosen = np.empty((len(image), x.shape[1], bins_y.shape[2], bins_x.shape[2]), np.int64)
    _cpp.roi_pool_indices(_raw(x), _raw(image), np.concatenate([*bins_y, *bins_x], axis=1), lowest, chosen)
    return chosen


_ONE_CATEGORY = np.empty(0, np.int64)


def nms(boxes, scores, iou_threshold, categories):
    """Each candidate against a vector of kept boxes at a time, those around it: cpp/isa/nms.cpp."""
    keep = np.empty(len(scores), np.int64)
    categories = _ONE_CATEGORY if categories is None else _raw(categories)
    kept = _cpp.nms(_raw(boxes), _raw(scores), categories, iou_threshold, keep)
    return keep[:kept].copy()


def segment_graph(nodes, edges, weights, k, min_size):
    """Radix sort and union-find: cpp/segment_graph.cpp."""
    labels = np.empty(nodes, np.int64)
    _cpp.segment_graph(_raw(edges), _raw(weights), k, min_size, labels)
    return labels


def merge_regions(sizes, boxes, colour, texture, pairs, image_size, weights):
    """A heap of the neighbouring pairs: cpp/merge_regions.cpp."""
    r = len(sizes)
    merges, similarities = np.empty((r - 1, 2), np.int64), np.empty(r - 1, np.float64)
    all_boxes = np.empty((2 * r - 1, 4), np.int64)
    regions = map(_raw, (sizes, boxes, colour, texture, pairs))
    m = _cpp.merge_regions(*regions, image_size, weights, merges, similarities, all_boxes)
    return merges[:m].copy(), similarities[:m].copy(), all_boxes[: r + m].copy()


def _like(x):
    return np.empty(x.shape, x.dtype)


def batch_norm_statistics(x):
    """Mean and biased variance, summed in float64."""
    mean, var = np.empty((2, x.shape[1]), x.dtype)
    _cpp.batch_norm_statistics(_raw(x), mean, var)
    return mean, var


def batch_norm(x, mean, rstd, weight, bias):
    """(x - mean) rstd weight + bias."""
    y = _like(x)
    _cpp.batch_norm(_raw(x), *map(_raw, (mean, rstd, weight, bias)), y)
    return y


def batch_norm_sums(g, x, mean, rstd):
    """Per channel: sum of g, and of g xhat, in float64."""
    sum_g, sum_gx = np.empty((2, x.shape[1]), x.dtype)
    _cpp.batch_norm_sums(*map(_raw, (g, x, mean, rstd)), sum_g, sum_gx)
    return sum_g, sum_gx


def batch_norm_input(g, x, mean, rstd, weight, sum_g, sum_gx):
    """weight rstd (g - sum_g / m - xhat sum_gx / m)."""
    dx = _like(x)
    _cpp.batch_norm_input(*map(_raw, (g, x, mean, rstd, weight, sum_g, sum_gx)), dx)
    return dx


def leaky_relu(x, slope):
    """x where x > 0 (or NaN), slope x elsewhere."""
    y = _like(x)
    _cpp.leaky_relu(_raw(x), slope, y)
    return y


def leaky_relu_grad(g, x, slope):
    """g where x > 0 (or NaN), slope g elsewhere."""
    dx = _like(g)
    _cpp.leaky_relu_grad(_raw(g), _raw(x), slope, dx)
    return dx
