"""Losses of scores and probabilities against classes and distributions. Classes count from 0.

`reduction` is "mean", "sum" or "none"; size_average and reduce are PyTorch's former way to say it.
"""

import math

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value
from .activations import log_softmax
from .arguments import array, broadcast, floats, integers, number, tensors, whole
from .loss_reduction import pair, reduced
from .promotion import promoted
from .reductions import sum


def nll_loss(input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
    """-weight[t] input[n, t], t = target[n]; where t is ignore_index 0. The mean is sum / sum of the weights[t].

    input [N, C], [N, C, d1, ...] or [C] log-probabilities; target [N], [N, d1, ...] or [] classes.
    """
    return _nll("nll_loss", input, target, weight, ignore_index, reduction, size_average, reduce)


def cross_entropy(
    input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean", label_smoothing=0.0
):
    """-sum_c q[c] weight[c] log softmax(input)[c] over the class axis, q the target distribution.

    input [N, C], [N, C, d1, ...] or [C] logits. target: classes without the class axis (q is 1 there), or
    probabilities in the shape of input. label_smoothing e mixes q with the uniform: (1 - e) q + e / C.
    Deck "Fun Ways To Use ConvNets", slide "Summary" (in part): label smoothing.
    """
    number("cross_entropy", label_smoothing=label_smoothing)
    whole("cross_entropy", ignore_index=ignore_index)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must lie in [0, 1], got {label_smoothing}")
    floats("cross_entropy", input=input)
    axis, t = 1 if input.ndim > 1 else 0, array("cross_entropy", "target", target)
    if not input.ndim:
        raise ValueError("cross_entropy: input must be [N, C, ...] or [C], got a single number")
    options = {"reduction": reduction, "size_average": size_average, "reduce": reduce}
    log_p = log_softmax(input, axis)
    classes, along = input.shape[axis], tuple(-1 if i == axis else 1 for i in range(input.ndim))
    if t.shape == input.shape and t.dtype.kind == "f":
        if ignore_index >= 0:
            raise ValueError(f"cross_entropy: ignore_index {ignore_index} has no meaning with probabilities as target")
        _input, q = pair("cross_entropy", input, target)
        q = q * (1 - label_smoothing) + label_smoothing / classes
        weighted = log_p * q
        if weight is not None:
            weighted = weighted * _class_weights("cross_entropy", weight, classes, input.dtype).reshape(along)
        loss = -sum(weighted, axis)
        return reduced("cross_entropy", loss, **options)
    t = _classes("cross_entropy", input, target, ignore_index)
    loss = _nll("cross_entropy", log_p, t, weight, ignore_index, reduction, size_average, reduce)
    if not label_smoothing:
        return loss
    weights, counted = _class_weights("cross_entropy", weight, classes, input.dtype), t != ignore_index
    uniform = P.where(counted, -sum(log_p * weights.reshape(along), axis), 0.0)
    total = _total(weights[np.where(counted, t, 0)] * counted)
    uniform = reduced("cross_entropy", uniform, **options, total=total)
    return loss * (1 - label_smoothing) + uniform * (label_smoothing / classes)


def binary_cross_entropy(input, target, weight=None, size_average=None, reduce=None, reduction="mean"):
    """-weight [t log x + (1 - t) log(1 - x)] for probabilities x and t.

    As in PyTorch finite at x = 0 and 1: a logarithm is at least -100, the derivative (x - t) / max(x (1 - x), 1e-12).
    """
    op = "binary_cross_entropy"
    input, target = pair(op, input, target)
    for name, x in (("input", value(input)), ("target", value(target))):
        if not ((x >= 0) & (x <= 1)).all():
            raise ValueError(f"{op}: {name} must hold probabilities, in [0, 1]: are these logits?")
    x = value(input)
    inside = x * (1 - x) > 1e-12
    safe = P.where(inside, input, 0.5)
    loss = -(target * P.log(safe) + (1 - target) * P.log1p(-safe))
    if not inside.all():
        at_edge = target * -_log(x) + (1 - target) * -_log(1 - x) + (input - x) * ((x - value(target)) / 1e-12)
        loss = P.where(inside, loss, at_edge)
    return reduced(op, _weighed(op, loss, weight), reduction, size_average, reduce)


def binary_cross_entropy_with_logits(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None
):
    """-weight [pos_weight t log s(x) + (1 - t) log(1 - s(x))], s the sigmoid: as softplus of the logit x, stable."""
    op = "binary_cross_entropy_with_logits"
    input, target = pair(op, input, target)
    if pos_weight is None:
        loss = P.softplus(input) - input * target
    else:
        positive = _weighed(op, target, pos_weight, "pos_weight")
        loss = P.softplus(-input) * positive + P.softplus(input) * (1 - target)
    return reduced(op, _weighed(op, loss, weight), reduction, size_average, reduce)


def multi_margin_loss(input, target, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction="mean"):
    """sum over c != t of weight[t] max(0, margin - x[t] + x[c])^p / C, t = target[n], p 1 or 2.

    input [N, C] or [C] scores; target [N] or [] classes.
    """
    floats("multi_margin_loss", input=input)
    number("multi_margin_loss", p=p, margin=margin)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p must be 1 or 2, got {p}")
    if input.ndim not in (1, 2):
        raise ValueError(f"multi_margin_loss: expected input [N, C] or [C], got shape {input.shape}")
    t = _classes("multi_margin_loss", input, target, None)
    rows, at = _rows(input), (np.arange(t.size), t.reshape(-1))
    classes = rows.shape[1]
    own = P.reshape(P.index(rows, key=at, shape=rows.shape), shape=(-1, 1))
    others = np.ones(rows.shape, bool)
    others[at] = False
    miss = P.where(others, P.leaky_relu(rows - own + margin, slope=0.0), 0.0)
    loss = sum(miss if p == 1 else miss * miss, 1) * (1 / classes)
    if weight is not None:
        loss = loss * _class_weights("multi_margin_loss", weight, classes, rows.dtype)[at[1]]
    return reduced("multi_margin_loss", P.reshape(loss, shape=t.shape), reduction, size_average, reduce)


def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    """t (log t - input) for log-probabilities `input` and a distribution t = target (its log with log_target).

    0 log 0 is 0. The divergence itself is reduction "batchmean": sum / N; "mean" divides by the number of entries.
    """
    tensors("kl_div", input=input, target=target)
    input, target = promoted(input, target)
    floats("kl_div", input=input, target=target)
    broadcast("kl_div", input=input, target=target)
    if log_target:
        loss = P.exp(target) * (target - input)
    else:
        t, nothing = value(target), (value(target) == 0) & (value(input) == -math.inf)
        loss = target * (P.log(P.where(t == 0, 1.0, target)) - P.where(nothing, 0.0, input))
    if isinstance(reduction, str) and reduction == "batchmean" and size_average is None and reduce is None:
        return P.div(sum(loss), input.shape[0] if input.ndim else 1)
    return reduced("kl_div", loss, reduction, size_average, reduce)


def _nll(op, log_p, target, weight, ignore_index, reduction, size_average, reduce):
    floats(op, input=log_p)
    t = _classes(op, log_p, target, ignore_index)
    rows, flat = _rows(log_p), t.reshape(-1)
    at = np.flatnonzero(flat != ignore_index)
    loss = -P.index(rows, key=(at, flat[at]), shape=rows.shape)
    weights = np.ones(at.size, rows.dtype)
    if weight is not None:
        weights = _class_weights(op, weight, rows.shape[1], rows.dtype)[flat[at]]
        loss = loss * weights
    if at.size < t.size:
        loss = P.embed(loss, key=at, shape=flat.shape)
    return reduced(op, P.reshape(loss, shape=t.shape), reduction, size_average, reduce, _total(weights))


def _classes(op, input, target, ignore_index):
    """The target as integers, its shape checked against input [N, C, ...] or [C] and its values against C."""
    t = array(op, "target", target)
    if ignore_index is not None:
        whole(op, ignore_index=ignore_index)
    if not input.ndim or t.shape != input.shape[:1] * (input.ndim > 1) + input.shape[2:]:
        raise ValueError(f"{op}: input {input.shape} should be (N, C, ...) and target {t.shape} should be (N, ...)")
    if t.dtype.kind not in "iu" and t.size:
        raise TypeError(f"{op}: target must hold integer classes, got {t.dtype}")
    t, classes = integers(op, "target", t), input.shape[1 if input.ndim > 1 else 0]
    wrong = t[((t < 0) | (t >= classes)) & (t != ignore_index)]
    if wrong.size:
        raise IndexError(
            f"{op}: target has class {wrong.flat[0]}, but input {input.shape} has {classes} classes "
            f"(0 to {classes - 1}): do the labels count from 1?"
        )
    return t


def _rows(x):
    """[N, C, d1, ...] as one row of C per entry of the target."""
    if x.ndim > 2:
        x = P.permute(x, dims=(0, *range(2, x.ndim), 1))
    return P.reshape(x, shape=(math.prod(x.shape[:-1]), x.shape[-1]))


def _class_weights(op, weight, classes, dtype):
    weights = np.ones(classes) if weight is None else array(op, "weight", weight)
    if weights.shape != (classes,):
        raise ValueError(f"{op}: weight has shape {weights.shape}, expected ({classes},): one number per class")
    return weights.astype(dtype)


def _total(weights):
    """The divisor of a weighted mean; of nothing it is 0 / 0, NaN, as in PyTorch."""
    return float(np.add.reduce(weights, axis=None, dtype=np.float64))


def _log(x):
    """log x, but at least -100."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(x), -100)


def _weighed(op, loss, weight, name="weight"):
    """loss * weight, which must broadcast to the shape of the loss."""
    if weight is None:
        return loss
    values = array(op, name, weight)
    if broadcast(op, input=loss, **{name: values}) != loss.shape:
        raise ValueError(f"{op}: {name} {values.shape} does not broadcast to the input {loss.shape}")
    return loss * (weight if isinstance(weight, Tensor) else values)
