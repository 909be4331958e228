"""Batch normalisation, fused: composed of elementwise primitives it takes a third of a training step.

The statistics of x are arrays computed beforehand (as max-pool's winners are), but the rules know that they depend
on x. Its first derivatives are fused as well; theirs are those of the composed twin below, which is also the oracle
of the tests.  Ioffe & Szegedy, "Batch Normalization" (2015).
"""

import threading
from weakref import ref

from .. import kernels
from ..autograd import Tensor, primitive, value
from ..grad_mode import mode
from .composed import composed_rule
from .elementwise import sqrt
from .quiet import quiet
from .reduce import sum_to
from .shape import reshape


class _Last(threading.local):
    """The sums that a rule found last: the three rules of a layer follow each other, and need the same two."""

    walk = g = x = mean = rstd = sums = None


_last = _Last()


def _sums(g, x, mean, rstd):
    """kernels.batch_norm_sums, once for all rules of a layer"""
    known = mode.walk is not None and _last.walk is mode.walk and _last.mean is mean and _last.rstd is rstd
    if known and _last.g() is g and _last.x() is x:
        return _last.sums
    sums = kernels.batch_norm_sums(g, x, mean, rstd)
    if mode.walk is not None:
        _last.walk, _last.g, _last.x, _last.mean, _last.rstd, _last.sums = mode.walk, ref(g), ref(x), mean, rstd, sums
    return sums


@primitive
def batch_norm(x, weight, bias, *, mean, rstd, eps):
    """weight * (x - mean) * rstd + bias per channel (axis 1); mean, rstd = 1/sqrt(var + eps) are x's own"""
    return quiet.run(kernels.batch_norm, x, mean, rstd, weight, bias)


@primitive
def batch_norm_input(g, x, weight, *, mean, rstd, eps):
    """weight * rstd * (g - E[g] - xhat * E[g xhat]), xhat = (x - mean) * rstd, E the mean per channel"""
    sum_g, sum_gx = _sums(g, x, mean, rstd)
    return kernels.batch_norm_input(g, x, mean, rstd, weight, sum_g, sum_gx)


@primitive
def batch_norm_weight(g, x, *, mean, rstd, eps):
    """the sum of g * xhat per channel, xhat = (x - mean) * rstd"""
    return _sums(g, x, mean, rstd)[1]


def _per_channel(v, x):
    """v, one value per channel of x, in a shape that broadcasts against x"""
    return reshape(v, shape=(1, -1) + (1,) * (x.ndim - 2))


def _channel_sum(x):
    """the sums of x per channel: over all axes but axis 1"""
    return sum_to(x, shape=(1, x.shape[1]) + (1,) * (x.ndim - 2))


def _bias_gradient(g, x, mean, rstd):
    """the sums of g per channel"""
    if isinstance(g, Tensor):
        return reshape(_channel_sum(g), shape=x.shape[1:2])
    return _sums(g, x, mean, rstd)[0]


def _standardised(x, eps):
    """(x - E[x]) / deviation, deviation = sqrt(Var[x] + eps), and m: E and Var are over the m values of each channel"""
    m = value(x).size // x.shape[1]
    centred = x - _channel_sum(x) / m
    deviation = sqrt(_channel_sum(centred * centred) / m + eps)
    return centred / deviation, deviation, m


def batch_norm_composed(x, weight, bias, *, eps, **_):
    """The same in elementwise primitives."""
    xhat, _deviation, _m = _standardised(x, eps)
    return _per_channel(weight, x) * xhat + _per_channel(bias, x)


def _input_composed(g, x, weight, *, eps, **_):
    xhat, deviation, m = _standardised(x, eps)
    return _per_channel(weight, x) / deviation * (g - _channel_sum(g) / m - xhat * _channel_sum(g * xhat) / m)


def _weight_composed(g, x, *, eps, **_):
    xhat, _deviation, _m = _standardised(x, eps)
    return reshape(_channel_sum(g * xhat), shape=(x.shape[1],))


batch_norm.gradients(
    lambda g, _, x, weight, bias, **s: batch_norm_input(g, x, weight, **s),
    lambda g, _, x, weight, bias, **s: batch_norm_weight(g, x, **s),
    lambda g, _, x, weight, bias, *, mean, rstd, eps: _bias_gradient(g, x, mean, rstd),
)
batch_norm_input.gradients(*(composed_rule(_input_composed, i) for i in range(3)))
batch_norm_weight.gradients(*(composed_rule(_weight_composed, i) for i in range(2)))
