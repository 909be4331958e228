"""One array function per kernel, three interchangeable backends: naive (the definition), numpy, cpp.

NumPy arrays in, new C-ordered arrays out; float32 or float64, one of them per call (regions of pictures are counts,
int64). Each function checks its arguments, with words, and hands them to the backend that `use` selected.
"""

from pyconvnet.kernels import backend, geometry
from pyconvnet.kernels.arguments import floats as _floats
from pyconvnet.kernels.arguments import ready as _ready
from pyconvnet.kernels.backend import (
    active,
    active_isa,
    available,
    get_num_threads,
    set_num_threads,
    supported_isas,
    use,
    use_winograd,
    winograd,
)
from pyconvnet.kernels.memory import pool_usage, pooled, set_pool_limit
from pyconvnet.kernels.planes import gather_planes, max_pool, roi_pool_indices, scatter_planes
from pyconvnet.kernels.products import matmul
from pyconvnet.kernels.regions import merge_regions, segment_graph
from pyconvnet.kernels.suppression import nms

__all__ = [
    "active",
    "active_isa",
    "available",
    "batch_norm",
    "batch_norm_input",
    "batch_norm_statistics",
    "batch_norm_sums",
    "col2im",
    "conv",
    "conv_input",
    "conv_weight",
    "gather_planes",
    "get_num_threads",
    "im2col",
    "leaky_relu",
    "leaky_relu_grad",
    "matmul",
    "max_pool",
    "max_pool_indices",
    "merge_regions",
    "nms",
    "pool_usage",
    "pooled",
    "roi_pool_indices",
    "scatter_planes",
    "segment_graph",
    "set_num_threads",
    "set_pool_limit",
    "supported_isas",
    "use",
    "use_winograd",
    "winograd",
]


def conv(x, w, stride=1, padding=0, dilation=1, groups=1):
    """y[n, f, oy, ox] = sum over c, i, j of x[n, c, oy s - p + i d, ox s - p + j d] w[f, c, i, j].

    x [N, C, H, W], w [F, C / groups, kh, kw] -> [N, F, Ho, Wo]. The trilinear form <g, conv(x, w)> has three
    partial derivatives: conv, conv_input and conv_weight.
    """
    x, w = _floats("conv", x=x, w=w)
    return backend.current.conv(
        x, w, geometry.conv_geometry("conv", x.shape, w.shape, stride, padding, dilation, groups)
    )


def conv_input(g, w, input_size, stride=1, padding=0, dilation=1, groups=1):
    """Gradient in x of <g, conv(x, w)>, for x of size input_size = (H, W): the transposed convolution.

    g [N, F, Ho, Wo], w [F, C / groups, kh, kw] -> [N, C, H, W].
    """
    g, w = _floats("conv_input", g=g, w=w)
    k = geometry.conv_input_geometry(
        "conv_input", g.shape, w.shape, input_size, stride, padding, dilation, groups
    )
    return backend.current.conv_input(g, w, k)


def conv_weight(g, x, kernel_size, stride=1, padding=0, dilation=1, groups=1):
    """Gradient in w of <g, conv(x, w)>, for w of kernel_size = (kh, kw).

    g [N, F, Ho, Wo], x [N, C, H, W] -> [F, C / groups, kh, kw].
    """
    g, x = _floats("conv_weight", g=g, x=x)
    k = geometry.conv_weight_geometry(
        "conv_weight", g.shape, x.shape, kernel_size, stride, padding, dilation, groups
    )
    return backend.current.conv_weight(g, x, k)


def im2col(x, kernel_size, stride=1, padding=0, dilation=1):
    """cols[n, (c, i, j), (oy, ox)] = x[n, c, oy s - p + i d, ox s - p + j d], 0 in the padding.

    x [N, C, H, W] -> [N, C kh kw, Ho Wo], laid out as torch.nn.functional.unfold has it.
    """
    (x,) = _floats("im2col", x=x)
    return backend.current.im2col(
        x, geometry.im2col_geometry("im2col", x.shape, kernel_size, stride, padding, dilation)
    )


def col2im(cols, input_size, kernel_size, stride=1, padding=0, dilation=1):
    """The transpose of im2col: adds every column entry to its pixel of an image of input_size = (H, W).

    cols [N, C kh kw, Ho Wo] -> [N, C, H, W].
    """
    (cols,) = _floats("col2im", cols=cols)
    k = geometry.col2im_geometry("col2im", cols.shape, input_size, kernel_size, stride, padding, dilation)
    return backend.current.col2im(cols, k)


def max_pool_indices(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Where each window has its maximum, as y W + x in the plane of its channel: int64 [N, C, Ho, Wo].

    The first maximum wins, but the last NaN before any number; -1 for a window that meets no pixel.
    """
    (x,) = _floats("max_pool_indices", x=x)
    k = geometry.pool_geometry("max_pool_indices", x.shape, kernel_size, stride, padding, dilation, ceil_mode)
    return backend.current.max_pool_indices(x, k)


def batch_norm_statistics(x):
    """(mean, biased variance) [C] over all axes of x [N, C, ...] but the channels', summed in float64."""
    (x,) = _floats("batch_norm_statistics", x=x)
    _per_channel("batch_norm_statistics", x)
    return backend.current.batch_norm_statistics(x)


def batch_norm(x, mean, rstd, weight, bias):
    """y = (x - mean_c) rstd_c weight_c + bias_c, x [N, C, ...], the rest [C]; rstd = 1 / sqrt(var + eps)."""
    x, mean, rstd, weight, bias = _floats("batch_norm", x=x, mean=mean, rstd=rstd, weight=weight, bias=bias)
    _per_channel("batch_norm", x, mean=mean, rstd=rstd, weight=weight, bias=bias)
    return backend.current.batch_norm(x, mean, rstd, weight, bias)


def batch_norm_sums(g, x, mean, rstd):
    """(sum g, sum g xhat) [C], xhat = (x - mean_c) rstd_c, in float64: the gradients of bias and weight."""
    g, x, mean, rstd = _floats("batch_norm_sums", g=g, x=x, mean=mean, rstd=rstd)
    _same_shape("batch_norm_sums", g, x)
    _per_channel("batch_norm_sums", x, mean=mean, rstd=rstd)
    return backend.current.batch_norm_sums(g, x, mean, rstd)


def batch_norm_input(g, x, mean, rstd, weight, sum_g, sum_gx):
    """dx = weight_c rstd_c (g - sum_g_c / m - xhat sum_gx_c / m), m the number of values in a channel."""
    op, rows = (
        "batch_norm_input",
        {"mean": mean, "rstd": rstd, "weight": weight, "sum_g": sum_g, "sum_gx": sum_gx},
    )
    g, x, *arrays = _floats(op, g=g, x=x, **rows)
    _same_shape(op, g, x)
    _per_channel(op, x, **dict(zip(rows, arrays, strict=True)))
    return backend.current.batch_norm_input(g, x, *arrays)


def leaky_relu(x, slope=0.0):
    """y = x where x > 0 (or NaN), slope x elsewhere. Slope 0 is relu: it selects 0, so -inf gives 0."""
    if not (_ready(x) and type(slope) is float):  # small activations: most of the time would go into checking
        (x,), slope = _floats("leaky_relu", x=x), _slope("leaky_relu", slope)
    return backend.current.leaky_relu(x, slope)


def leaky_relu_grad(g, x, slope=0.0):
    """dx = g where x > 0 (or NaN), slope g elsewhere (also at 0)."""
    if not (_ready(x) and _ready(g) and x.dtype is g.dtype and x.shape == g.shape and type(slope) is float):
        (g, x), slope = _floats("leaky_relu_grad", g=g, x=x), _slope("leaky_relu_grad", slope)
        _same_shape("leaky_relu_grad", g, x)
    return backend.current.leaky_relu_grad(g, x, slope)


def _per_channel(op, x, **vectors):
    if x.ndim < 2:
        raise ValueError(f"{op}: x must be [batch, channels, ...], got shape {x.shape}")
    if x.size == 0:
        raise ValueError(f"{op}: x {x.shape} holds no values to normalise")
    for name, v in vectors.items():
        if v.shape != x.shape[1:2]:
            raise ValueError(
                f"{op}: {name} must be [{x.shape[1]}], one number per channel (axis 1 of {x.shape}), "
                f"got shape {v.shape}"
            )


def _same_shape(op, g, x):
    if g.shape != x.shape:
        raise ValueError(f"{op}: g {g.shape} and x {x.shape} must have the same shape")


def _slope(op, slope):
    try:
        return float(slope)
    except (TypeError, ValueError):
        raise TypeError(f"{op}: slope must be a number, got {slope!r}") from None
