"""Losses of numbers against numbers. `reduction` is "mean", "sum" or "none", as in all losses.

size_average and reduce, in all signatures, are PyTorch's former way to say `reduction`.
"""

from .. import primitives as P
from ..autograd import value
from .arguments import number
from .loss_reduction import pair, reduced
from .reductions import sum


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """weight (input - target)^2; with a weight (shape of input) the mean is sum / sum of weights."""
    input, target = pair("mse_loss", input, target)
    d = input - target
    return _weighted("mse_loss", d * d, input, weight, reduction, size_average, reduce)


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """weight |input - target|, with gradient 0 at 0; with a weight the mean is sum / sum of weights."""
    input, target = pair("l1_loss", input, target)
    return _weighted("l1_loss", P.abs(input - target), input, weight, reduction, size_average, reduce)


def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """d^2 / (2 beta) where d = |input - target| < beta, else d - beta / 2; beta 0 is l1_loss. Girshick (2015)."""
    number("smooth_l1_loss", beta=beta)
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    if beta == 0:
        return l1_loss(input, target, size_average, reduce, reduction)
    input, target = pair("smooth_l1_loss", input, target)
    d = P.abs(input - target)
    loss = P.where(value(d) < beta, d * d * (0.5 / beta), d - 0.5 * beta)
    return reduced("smooth_l1_loss", loss, reduction, size_average, reduce)


def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """weight times d^2 / 2 where d = |input - target| <= delta, else delta (d - delta / 2). Huber (1964).

    The mean is the plain one, also with a weight (shape of input).
    """
    number("huber_loss", delta=delta)
    if delta <= 0:
        raise ValueError(f"huber_loss: delta must be positive, got {delta}")
    input, target = pair("huber_loss", input, target)
    d = P.abs(input - target)
    loss = P.where(value(d) <= delta, d * d * 0.5, (d - 0.5 * delta) * delta)
    if weight is not None:
        loss = loss * pair("huber_loss", input, weight, "weight")[1]
    return reduced("huber_loss", loss, reduction)


def _weighted(op, loss, input, weight, reduction, size_average, reduce):
    if weight is None:
        return reduced(op, loss, reduction, size_average, reduce)
    weight = pair(op, input, weight, "weight")[1]
    return reduced(op, loss * weight, reduction, size_average, reduce, total=sum(weight))
