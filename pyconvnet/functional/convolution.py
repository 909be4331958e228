"""Convolution, its transpose, and the columns that both can be computed with."""

from .. import primitives as P
from ..kernels import geometry
from .arguments import floats, given
from .padding import pad
from .pictures import as_batch


def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """y[n,o,i] = bias[o] + sum_{c,u} weight[o,c,u] input[n,c, i*s + u*d - p]

    input [N, C, L] or [C, L], weight [O, C/groups, k]: conv2d of pictures with one row, and its settings.
    """
    x, unbatched = as_batch("conv1d", input, "channels", "length")
    floats("conv1d", input=input, weight=weight)
    if weight.ndim != 3:
        raise ValueError(f"conv1d: weight must be [out channels, in channels / groups, length], got {weight.shape}")
    x, w = (P.reshape(t, shape=(*t.shape[:2], 1, t.shape[2])) for t in (x, weight))
    padding = padding if isinstance(padding, str) else _one_row("padding", padding, 0)
    y = _conv("conv1d", x, w, bias, _one_row("stride", stride, 1), padding, _one_row("dilation", dilation, 1), groups)
    return unbatched(P.reshape(y, shape=(*y.shape[:2], y.shape[3])))


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """y[n,o,i,j] = bias[o] + sum_{c,u,v} weight[o,c,u,v] input[n,c, i*s + u*d - p, j*s + v*d - p]

    input [N, C, H, W] or [C, H, W], weight [O, C/groups, kh, kw], bias [O]; stride, padding, dilation an int
    or a pair (rows, columns); padding "valid" is 0, "same" (stride 1) keeps H and W. y [N, O, H', W'] with
    H' = (H + 2p - d(kh - 1) - 1) // s + 1. ValueError for shapes that do not fit. Slide "Recap: Convolution Layers".
    """
    x, unbatched = as_batch("conv2d", input, "channels", "height", "width")
    return unbatched(_conv("conv2d", x, weight, bias, stride, padding, dilation, groups))


def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """y[n,o, i*s + u*d - p, ..] += weight[c,o,u,v] input[n,c,i,j]: the gradient of conv2d in its input, plus bias.

    input [N, C, H, W] or [C, H, W], weight [C, O/groups, kh, kw]. y [N, O, H', W'] with
    H' = (H - 1)s - 2p + d(kh - 1) + output_padding + 1; output_padding, less than stride or dilation, chooses among
    the sizes that conv2d takes to the same H. Slide "Convolutional - Deconvolutional" (1, in part).
    """
    op = "conv_transpose2d"
    x, unbatched = as_batch(op, input, "channels", "height", "width")
    floats(op, input=input, weight=weight, **given(bias=bias))
    _check_weight(op, x, weight)
    stride, dilation = geometry.pair(op, "stride", stride, 1), geometry.pair(op, "dilation", dilation, 1)
    padding = geometry.pair(op, "padding", padding, 0)
    output_padding = geometry.pair(op, "output_padding", output_padding, 0)
    if any(o >= max(s, d) for o, s, d in zip(output_padding, stride, dilation)):
        raise ValueError(
            f"{op}: output_padding {output_padding} must be smaller than stride {stride} or dilation {dilation}"
        )
    kernel = weight.shape[2:]
    extent = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(x.shape[2:], stride, dilation, kernel)]
    size = [e - 2 * p + o for e, p, o in zip(extent, padding, output_padding)]
    if min(size) < 1:
        raise ValueError(f"{op}: padding {padding} leaves nothing of the {extent[0]} x {extent[1]} pixels painted")
    ends = [(-p, o - p) for p, o in zip(padding, output_padding)]
    # Rows of output_padding >= stride get no paint, only the bias; conv2d would step over them once more.
    unpainted = any(o >= s for o, s in zip(output_padding, stride))
    size, padding = (extent, (0, 0)) if unpainted else (size, padding)
    w = geometry.conv_input_geometry(op, x.shape, weight.shape, size, stride, padding, dilation, groups).window
    y = P.conv_input(x, weight, **_settings(w), groups=groups)
    y = pad(y, (*ends[1], *ends[0])) if unpainted else y
    return unbatched(_plus_bias(op, y, bias))


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """Every window of the input as a column: [N, C, H, W] -> [N, C kh kw, L], L window positions; or without N."""
    x, unbatched = as_batch("unfold", input, "channels", "height", "width")
    w = geometry.im2col_geometry("unfold", x.shape, kernel_size, stride, padding, dilation).window
    return unbatched(P.im2col(x, **_settings(w)))


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Every column added back to its window: [N, C kh kw, L] -> [N, C, *output_size]; the transpose of unfold."""
    x, unbatched = as_batch("fold", input, "channels * kernel area", "positions")
    w = geometry.col2im_geometry("fold", x.shape, output_size, kernel_size, stride, padding, dilation).window
    return unbatched(P.col2im(x, **_settings(w)))


def _conv(op, x, weight, bias, stride, padding, dilation, groups):
    floats(op, input=x, weight=weight, **given(bias=bias))
    crop = (0, 0)
    if isinstance(padding, str):
        geometry.conv_geometry(op, x.shape, weight.shape, 1, weight.shape[2:], dilation, groups)
        padding, crop = _named_padding(op, padding, weight.shape[2:], stride, dilation)
    w = geometry.conv_geometry(op, x.shape, weight.shape, stride, padding, dilation, groups).window
    y = P.conv(x, weight, **_settings(w), groups=groups)
    if any(crop):
        y = P.index(y, key=(..., slice(crop[0], None), slice(crop[1], None)), shape=y.shape)
    return _plus_bias(op, y, bias)


def _settings(w):
    return {
        "input_size": w.input, "kernel_size": w.kernel, "stride": w.stride, "padding": w.padding,
        "dilation": w.dilation,
    }  # fmt: skip


def _one_row(name, setting, across):
    """The setting along the length, as (rows, columns)."""
    if isinstance(setting, (tuple, list)) and len(setting) == 1:
        (setting,) = setting
    elif isinstance(setting, (tuple, list)):
        raise ValueError(f"conv1d: {name} must be one number, got {len(setting)}: {setting}")
    return across, setting


def _named_padding(op, name, kernel, stride, dilation):
    """(padding, first rows and columns to drop): an even kernel would need one row less before than after."""
    if name == "valid":
        return 0, (0, 0)
    if name != "same":
        raise ValueError(f"{op}: padding must be numbers, 'valid' or 'same', got {name!r}")
    if geometry.pair(op, "stride", stride, 1) != (1, 1):
        raise ValueError(f"{op}: padding 'same' needs stride 1, got {stride}")
    total = [d * (k - 1) for d, k in zip(geometry.pair(op, "dilation", dilation, 1), kernel)]
    return tuple((t + 1) // 2 for t in total), tuple(t % 2 for t in total)


def _check_weight(op, x, weight):
    """That of the transposed convolution: what comes in is its axis 0."""
    if weight.ndim != 4 or 0 in weight.shape:
        raise ValueError(
            f"{op}: weight must be [in channels, out channels / groups, kernel height, kernel width], "
            f"none of them 0, got shape {weight.shape}"
        )
    if x.shape[1] != weight.shape[0]:
        raise ValueError(
            f"{op}: input has {x.shape[1]} channels (axis 1 of {x.shape}) but weight {weight.shape} expects "
            f"{weight.shape[0]}" + (": is the input NHWC?" if x.shape[3] == weight.shape[0] else "")
        )


def _plus_bias(op, y, bias):
    if bias is None:
        return y
    if bias.shape != y.shape[1:2]:
        raise ValueError(
            f"{op}: bias has shape {bias.shape}, expected {y.shape[1:2]}: one number per output channel"
        )
    return y + P.reshape(bias, shape=(1, -1, 1, 1))
