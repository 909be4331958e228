"""Normalisation layers: mean 0 and variance 1 over some of the axes, then a learned scale and shift.

Which axes: per channel over batch and pixels (batch norm), per picture and channel (instance norm), per picture and
group of channels (group norm), per entry over its features (layer norm).
"""

import math

import numpy as np

from .. import kernels
from .. import primitives as P
from ..autograd import value
from .arguments import flag, floats, given, number, whole


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    """weight * (x - mean) / sqrt(var + eps) + bias, per channel (axis 1).

    Training: mean and biased variance of this batch; running_mean and running_var (the latter with the
    unbiased variance) move by `momentum` towards them, in place. Otherwise the running ones. Ioffe & Szegedy
    (2015).
    """
    _per_channel("batch_norm", input, running_mean, running_var, weight, bias)
    number("batch_norm", eps=eps, momentum=momentum)
    flag("batch_norm", training=training)
    if eps < 0 or (training and eps == 0):
        raise ValueError(f"batch_norm: eps must be positive, got {eps}")
    if not training:
        if running_mean is None:
            raise ValueError("batch_norm: outside training it needs running_mean and running_var")
        return _with_statistics(input, running_mean, running_var, weight, bias, eps)
    x = value(input)
    if not x.size:
        return _affine(input, weight, bias)
    m = x.size // x.shape[1]
    if m < 2:
        raise ValueError(f"batch_norm: training needs more than one value per channel, input has shape {x.shape}")
    weight = np.ones(x.shape[1], x.dtype) if weight is None else weight
    bias = np.zeros(x.shape[1], x.dtype) if bias is None else bias
    mean, var = kernels.batch_norm_statistics(x)
    _move(running_mean, mean, momentum)
    _move(running_var, var * (m / (m - 1)), momentum)
    return P.batch_norm(input, weight, bias, mean=mean, rstd=_rstd(var, eps), eps=eps)


def instance_norm(
    input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5
):
    """weight * (x - mean) / sqrt(var + eps) + bias, each picture's channels by themselves; input [N, C, L, ...].

    With running statistics: these move by `momentum` towards the averages over the batch; use_input_stats=False
    normalises with them instead. Ulyanov et al. (2016).
    """
    _per_channel("instance_norm", input, running_mean, running_var, weight, bias)
    number("instance_norm", eps=eps, momentum=momentum)
    flag("instance_norm", use_input_stats=use_input_stats)
    if not use_input_stats:
        if running_mean is None:
            raise ValueError("instance_norm: without use_input_stats it needs running_mean and running_var")
        return _with_statistics(input, running_mean, running_var, weight, bias, eps)
    n, c, m = input.shape[0], input.shape[1], math.prod(input.shape[2:])
    if m == 1:
        raise ValueError(f"instance_norm: needs more than one value per channel and picture, input has {input.shape}")
    y, mean, var = _standardised(input, n * c, eps)
    if value(input).size:
        _move(running_mean, mean.reshape(n, c).mean(0), momentum)
        _move(running_var, var.reshape(n, c).mean(0) * (m / (m - 1)), momentum)
    return _affine(y, weight, bias)


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """weight * (x - mean) / sqrt(var + eps) + bias, mean and var of each picture's groups of C / num_groups channels.

    input [N, C, ...], weight and bias [C]. Wu & He (2018).
    """
    _per_channel("group_norm", input, None, None, weight, bias)
    number("group_norm", eps=eps)
    whole("group_norm", num_groups=num_groups)
    n, c = input.shape[:2]
    if num_groups < 1 or c % num_groups:
        raise ValueError(f"group_norm: {c} channels (axis 1 of {input.shape}) do not divide by num_groups {num_groups}")
    if n * c // num_groups * math.prod(input.shape[2:]) == 1:
        raise ValueError(f"group_norm: needs more than one value per group, input has shape {input.shape}")
    return _affine(_standardised(input, n * num_groups, eps)[0], weight, bias)


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """weight * (x - mean) / sqrt(var + eps) + bias, mean and var over the last axes, of sizes normalized_shape.

    weight and bias have that shape too. Ba et al. (2016).
    """
    floats("layer_norm", input=input, **given(weight=weight, bias=bias))
    number("layer_norm", eps=eps)
    shape = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
    whole("layer_norm", **{f"normalized_shape[{i}]": n for i, n in enumerate(shape)})
    if not shape or input.shape[-len(shape) :] != shape:
        raise ValueError(f"layer_norm: the last axes of input {input.shape} should be normalized_shape {shape}")
    for name, x in (("weight", weight), ("bias", bias)):
        if x is not None and x.shape != shape:
            raise ValueError(f"layer_norm: {name} has shape {x.shape}, expected normalized_shape {shape}")
    y = _standardised(input, math.prod(input.shape[: input.ndim - len(shape)]), eps)[0]
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """x / (k + alpha * mean of x^2 over the `size` channels around)^beta; beyond the first and last channel counts 0.

    input [N, C, L, ...]. Krizhevsky et al. (2012), whose alpha is not divided by size.
    """
    floats("local_response_norm", input=input)
    number("local_response_norm", alpha=alpha, beta=beta, k=k)
    whole("local_response_norm", size=size)
    if input.ndim < 3:
        raise ValueError(f"local_response_norm: expected [N, C, L, ...], got shape {input.shape}")
    if size < 1:
        raise ValueError(f"local_response_norm: size must be 1 channel or more, got {size}")
    n, c, *rest = input.shape
    before = min(size // 2, c)  # further away there are only zeros
    after = min((size - 1) // 2, c)
    squares = P.embed(input * input, key=(slice(None), slice(before, before + c)), shape=(n, before + c + after, *rest))
    total = 0.0
    for first in range(before + after + 1):
        total = total + P.index(squares, key=(slice(None), slice(first, first + c)), shape=squares.shape)
    return input / P.power(total * (alpha / size) + k, float(beta))


def _standardised(input, rows, eps):
    """(x - mean) / sqrt(var + eps) in each of the `rows` equal parts of the input, and their means and variances.

    Batch norm of one picture whose channels are the rows.
    """
    x = value(input)
    if not x.size:
        return input, None, None
    parts = P.reshape(input, shape=(1, rows, x.size // rows))
    mean, var = kernels.batch_norm_statistics(value(parts))
    ones, zeros = np.ones(rows, x.dtype), np.zeros(rows, x.dtype)
    y = P.batch_norm(parts, ones, zeros, mean=mean, rstd=_rstd(var, eps), eps=eps)
    return P.reshape(y, shape=x.shape), mean, var


def _rstd(var, eps):
    return 1 / np.sqrt(var + var.dtype.type(eps))


def _with_statistics(input, mean, var, weight, bias, eps):
    """The same with a mean and variance of long ago: one multiplication, one addition."""
    scale = _rstd(value(var), eps) if weight is None else weight * _rstd(value(var), eps)
    shift = -scale * value(mean)
    return _affine(input, scale, shift if bias is None else bias + shift)


def _affine(x, weight, bias):
    """weight * x + bias, per channel."""
    per_channel = (1, -1) + (1,) * (x.ndim - 2)
    x = x if weight is None else x * P.reshape(weight, shape=per_channel)
    return x if bias is None else x + P.reshape(bias, shape=per_channel)


def _move(running, towards, momentum):
    if running is not None:
        array = value(running)
        array += (momentum * (towards - array)).astype(array.dtype, copy=False)


def _per_channel(op, input, running_mean, running_var, weight, bias):
    vectors = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    floats(op, input=input, **given(**vectors))
    if input.ndim < 2:
        raise ValueError(f"{op}: expected input [N, C, ...], got shape {input.shape}")
    if (running_mean is None) != (running_var is None):
        raise ValueError(f"{op}: give both running_mean and running_var, or neither")
    for name, x in vectors.items():
        if x is not None and x.shape != input.shape[1:2]:
            raise ValueError(
                f"{op}: input has {input.shape[1]} channels (axis 1 of {input.shape}) but {name} has shape {x.shape}"
            )
