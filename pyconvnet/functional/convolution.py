"""Convolution and its transpose, and the linear layer."""

from .. import primitives as P
from ..autograd import value
from ..kernels import geometry


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """y[n,o,i,j] = bias[o] + sum_{c,u,v} weight[o,c,u,v] input[n,c, i*s + u*d - p, j*s + v*d - p]

    input [N, C, H, W], weight [O, C/groups, kh, kw], bias [O]; stride, padding, dilation an int or a pair (rows,
    columns). y [N, O, H', W'] with H' = (H + 2p - d(kh - 1) - 1) // s + 1. ValueError for shapes that do not fit.
    """
    w = geometry.conv_geometry("conv2d", input.shape, weight.shape, stride, padding, dilation, groups).window
    y = P.conv(
        input, weight, input_size=w.input, kernel_size=w.kernel, stride=w.stride, padding=w.padding,
        dilation=w.dilation, groups=groups,
    )  # fmt: skip
    return y if bias is None else y + P.reshape(_bias("conv2d", bias, weight.shape[0]), shape=(1, -1, 1, 1))


def linear(input, weight, bias=None):
    """y = input weight^T + bias; input [..., in], weight [out, in], bias [out]."""
    if len(weight.shape) != 2 or input.ndim < 1 or input.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"linear: input has {input.shape[-1] if input.ndim else 'no'} features (last axis of {input.shape}) but "
            f"weight {weight.shape} expects {weight.shape[-1]}: was the input flattened?"
        )
    rows = P.reshape(input, shape=(-1 if value(input).size else 0, weight.shape[1]))
    y = P.matmul(rows, P.permute(weight, dims=(1, 0)))
    y = y if bias is None else y + _bias("linear", bias, weight.shape[0])
    return P.reshape(y, shape=(*input.shape[:-1], weight.shape[0]))


def _bias(op, bias, channels):
    if bias.shape != (channels,):
        raise ValueError(f"{op}: bias has shape {bias.shape}, expected ({channels},): one number per output channel")
    return bias
