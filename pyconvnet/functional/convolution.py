"""Convolution and its transpose, and the linear layer."""

import math

from .. import primitives as P
from ..kernels import geometry


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """y[n,o,i,j] = bias[o] + sum_{c,u,v} weight[o,c,u,v] input[n,c, i*s + u*d - p, j*s + v*d - p]

    input [N, C, H, W] or [C, H, W], weight [O, C/groups, kh, kw], bias [O]; stride, padding, dilation an int
    or a pair (rows, columns); padding "valid" is 0, "same" (stride 1) keeps H and W. y [N, O, H', W'] with
    H' = (H + 2p - d(kh - 1) - 1) // s + 1. ValueError for shapes that do not fit.
    """
    if input.ndim == 3:
        y = conv2d(P.reshape(input, shape=(1, *input.shape)), weight, bias, stride, padding, dilation, groups)
        return P.reshape(y, shape=y.shape[1:])
    if isinstance(padding, str):
        padding, crop = _named_padding(padding, weight.shape[2:], stride, dilation)
    else:
        crop = ()
    w = geometry.conv_geometry("conv2d", input.shape, weight.shape, stride, padding, dilation, groups).window
    y = P.conv(
        input, weight, input_size=w.input, kernel_size=w.kernel, stride=w.stride, padding=w.padding,
        dilation=w.dilation, groups=groups,
    )  # fmt: skip
    if any(crop):
        y = P.index(y, key=(..., slice(crop[0], None), slice(crop[1], None)), shape=y.shape)
    return (
        y
        if bias is None
        else y + P.reshape(_bias("conv2d", input, bias, weight.shape[0]), shape=(1, -1, 1, 1))
    )


def _named_padding(name, kernel, stride, dilation):
    """(padding, first rows and columns to drop): an even kernel would need one row less before than after."""
    if name == "valid":
        return 0, (0, 0)
    if name != "same":
        raise ValueError(f"conv2d: padding must be numbers, 'valid' or 'same', got {name!r}")
    if geometry.pair("conv2d", "stride", stride, 1) != (1, 1):
        raise ValueError(f"conv2d: padding 'same' needs stride 1, got {stride}")
    total = [d * (k - 1) for d, k in zip(geometry.pair("conv2d", "dilation", dilation, 1), kernel)]
    return tuple((t + 1) // 2 for t in total), tuple(t % 2 for t in total)


def linear(input, weight, bias=None):
    """y = input weight^T + bias; input [..., in], weight [out, in] or [in], bias [out] or []."""
    if not len(weight.shape):
        raise ValueError("linear: weight must be [out, in] or [in], got a single number")
    if input.ndim < 1 or len(weight.shape) > 2 or input.shape[-1] != weight.shape[-1]:
        raise ValueError(
            f"linear: input has {input.shape[-1] if input.ndim else 'no'} features "
            f"(last axis of {input.shape}) but "
            f"weight {weight.shape} expects {weight.shape[-1]}: was the input flattened?"
        )
    _same_dtype("linear", input, "weight", weight)
    out = weight.shape[:-1]
    rows = P.reshape(input, shape=(math.prod(input.shape[:-1]), weight.shape[-1]))
    matrix = P.reshape(weight, shape=(math.prod(out), weight.shape[-1]))
    y = P.reshape(P.matmul(rows, P.permute(matrix, dims=(1, 0))), shape=(*input.shape[:-1], *out))
    return y if bias is None else y + _bias("linear", input, bias, *out)


def _bias(op, input, bias, *channels):
    if bias.shape != channels:
        raise ValueError(
            f"{op}: bias has shape {bias.shape}, expected {channels}: one number per output channel"
        )
    _same_dtype(op, input, "bias", bias)
    return bias


def _same_dtype(op, input, name, x):
    if x.dtype != input.dtype:
        raise TypeError(f"{op}: input is {input.dtype} but {name} is {x.dtype}: convert one of them")
