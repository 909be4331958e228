"""Normalisation layers."""

import numpy as np

from .. import kernels
from .. import primitives as P
from ..autograd import value


def batch_norm(
    input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    """weight * (x - mean) / sqrt(var + eps) + bias, per channel (axis 1).

    Training: mean and biased variance of this batch; running_mean and running_var (the latter with the
    unbiased variance) move by `momentum` towards them, in place. Otherwise the running ones. Ioffe & Szegedy
    (2015).
    """
    x = value(input)
    channels = x.shape[1] if x.ndim > 1 else None
    for name, t in {
        "running_mean": running_mean,
        "running_var": running_var,
        "weight": weight,
        "bias": bias,
    }.items():
        if t is not None and t.shape != (channels,):
            raise ValueError(
                f"batch_norm: input has {channels} channels (axis 1 of {x.shape}) "
                f"but {name} has shape {t.shape}"
            )
        if t is not None and t.dtype != x.dtype:
            raise TypeError(f"batch_norm: input is {x.dtype} but {name} is {t.dtype}: convert one of them")
    weight = np.ones(channels, x.dtype) if weight is None else weight
    bias = np.zeros(channels, x.dtype) if bias is None else bias
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: outside training it needs running_mean and running_var")
        scale = weight / np.sqrt(value(running_var) + x.dtype.type(eps))
        shift = bias - scale * value(running_mean)
        per_channel = (1, -1) + (1,) * (x.ndim - 2)
        return input * P.reshape(scale, shape=per_channel) + P.reshape(shift, shape=per_channel)
    m = x.size // channels if channels else 0
    if m < 2:
        raise ValueError(
            f"batch_norm: training needs more than one value per channel, input has shape {x.shape}"
        )
    mean, var = kernels.batch_norm_statistics(x)
    if running_mean is not None:
        running_mean.data += momentum * (mean - running_mean.data)
        running_var.data += momentum * (var * (m / (m - 1)) - running_var.data)
    return P.batch_norm(input, weight, bias, mean=mean, rstd=1 / np.sqrt(var + x.dtype.type(eps)), eps=eps)
