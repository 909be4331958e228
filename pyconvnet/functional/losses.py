"""Loss functions, with PyTorch's `reduction`: "mean", "sum" or "none"."""

import numpy as np

from .. import primitives as P
from ..autograd import value
from .activations import log_softmax
from .reductions import mean, sum


def mse_loss(input, target, reduction="mean"):
    """(input - target)^2"""
    _same_shape("mse_loss", input, target)
    d = input - target
    return _reduced("mse_loss", d * d, reduction)


def binary_cross_entropy_with_logits(input, target, weight=None, reduction="mean", pos_weight=None):
    """-[pos_weight t log s(x) + (1 - t) log(1 - s(x))] with s the sigmoid, as a softplus of the logit x: stable."""
    _same_shape("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        loss = P.softplus(input) - input * target
    else:
        loss = P.softplus(-input) * (target * pos_weight) + P.softplus(input) * (1 - target)
    return _reduced("binary_cross_entropy_with_logits", loss if weight is None else loss * weight, reduction)


def nll_loss(input, target, reduction="mean"):
    """-input[n, target[n]]; input [N, C] log-probabilities, target [N] classes from 0."""
    t = np.asarray(value(target))
    if input.ndim != 2 or t.shape != input.shape[:1]:
        raise ValueError(f"nll_loss: input {input.shape} should be (N, C) and target {t.shape} should be (N,)")
    if t.dtype.kind not in "iu":
        raise TypeError(f"nll_loss: target must hold integer classes, got {t.dtype}")
    if t.size and not (0 <= t.min() and t.max() < input.shape[1]):
        raise IndexError(
            f"nll_loss: target has class {t.max() if t.max() >= input.shape[1] else t.min()}, but input has "
            f"{input.shape[1]} classes (0 to {input.shape[1] - 1}): do the labels count from 1?"
        )
    return _reduced("nll_loss", -P.index(input, key=(np.arange(len(t)), t), shape=input.shape), reduction)


def cross_entropy(input, target, reduction="mean"):
    """-log softmax(input)[target]; input [N, C] logits, target [N] classes from 0."""
    return nll_loss(log_softmax(input, 1), target, reduction)


def _same_shape(op, input, target):
    if input.shape != np.shape(value(target)):
        raise ValueError(f"{op}: input has shape {input.shape} but target has {np.shape(value(target))}")


def _reduced(op, loss, reduction):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{op}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    return loss if reduction == "none" else mean(loss) if reduction == "mean" else sum(loss)
