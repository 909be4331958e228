"""Loss functions, with PyTorch's `reduction`: "mean", "sum" or "none". Settings behind the targets are
keywords."""

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value
from .activations import log_softmax
from .reductions import mean, sum


def mse_loss(input, target, *, reduction="mean", weight=None):
    """weight (input - target)^2; the mean is weighted."""
    target = _target("mse_loss", input, target)
    d = input - target
    if weight is None:
        return _reduced("mse_loss", d * d, reduction)
    weight = _target("mse_loss", input, weight, "weight")
    loss = _reduced("mse_loss", d * d * weight, "sum" if reduction == "mean" else reduction)
    return loss / weight.sum() if reduction == "mean" else loss


def binary_cross_entropy_with_logits(input, target, weight=None, *, reduction="mean", pos_weight=None):
    """-[pos_weight t log s(x) + (1 - t) log(1 - s(x))] with s the sigmoid, as a softplus of the logit x:
    stable."""
    target = _target("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        loss = P.softplus(input) - input * target
    else:
        loss = P.softplus(-input) * (target * pos_weight) + P.softplus(input) * (1 - target)
    return _reduced("binary_cross_entropy_with_logits", loss if weight is None else loss * weight, reduction)


def nll_loss(input, target, weight=None, *, ignore_index=-100, reduction="mean"):
    """-weight[t] input[n, t], t = target[n]; entries with t = ignore_index count nothing, the mean is
    weighted too.

    input [N, C], [N, C, d1, ...] or [C] log-probabilities; target [N], [N, d1, ...] or [] classes from 0.
    """
    t = np.asarray(value(target))
    classes = input.shape[1 if input.ndim > 1 else 0] if input.ndim else 0
    if not input.ndim or t.shape != input.shape[:1] * (input.ndim > 1) + input.shape[2:]:
        raise ValueError(
            f"nll_loss: input {input.shape} should be (N, C, ...) and target {t.shape} should be (N, ...)"
        )
    if t.dtype.kind not in "iu":
        raise TypeError(f"nll_loss: target must hold integer classes, got {t.dtype}")
    counted = t.reshape(-1) != ignore_index
    rows, t_counted = _rows(input), np.where(counted, t.reshape(-1), 0)
    low, high = (t_counted.min(), t_counted.max()) if t.size else (0, 0)
    if t.size and not (low >= 0 and high < classes):
        raise IndexError(
            f"nll_loss: target has class {high if high >= classes else low}, but input "
            f" has {classes} classes (0 to {classes - 1}): do the labels count from 1?"
        )
    loss = -P.index(rows, key=(np.arange(t.size), t_counted), shape=rows.shape)
    weights = _class_weights("nll_loss", weight, classes, rows.dtype)[t_counted] * counted
    if weight is not None or not counted.all():
        loss = P.where(counted, loss * weights, 0.0)
    if reduction == "mean":
        return sum(loss) * _reciprocal(weights.sum())
    return _reduced("nll_loss", P.reshape(loss, shape=t.shape), reduction)


def cross_entropy(input, target, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """-sum_c q[c] weight[c] log softmax(input)[c] over the class axis, q the target distribution.

    input [N, C], [N, C, d1, ...] or [C] logits. target: classes from 0 without the class axis (q is 1
    there), or probabilities in the shape of input. label_smoothing e mixes q with the uniform: (1 - e) q + e
    / C.
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must lie in [0, 1], got {label_smoothing}")
    axis = 1 if input.ndim > 1 else 0
    log_p, t = log_softmax(input, axis), np.asarray(value(target))
    along = tuple(-1 if i == axis else 1 for i in range(input.ndim))
    weights = _class_weights("cross_entropy", weight, input.shape[axis], input.dtype)
    if t.shape == input.shape and t.dtype.kind == "f":
        q = target * (1 - label_smoothing) + label_smoothing / input.shape[axis]
        loss = -sum(log_p * q * weights.reshape(along), axis)
        if reduction == "mean":
            return sum(loss) * _reciprocal(value(loss).size)
        return _reduced("cross_entropy", loss, reduction)
    loss = nll_loss(log_p, t, weight, ignore_index=ignore_index, reduction=reduction)
    if not label_smoothing:
        return loss
    counted = t != ignore_index
    uniform = P.where(counted, -sum(log_p * weights.reshape(along), axis), 0.0)
    if reduction == "mean":
        uniform = sum(uniform) * _reciprocal((weights[np.where(counted, t, 0)] * counted).sum())
    else:
        uniform = _reduced("cross_entropy", uniform, reduction)
    return loss * (1 - label_smoothing) + uniform * (label_smoothing / input.shape[axis])


def _rows(x):
    """[N, C, d1, ...] as one row of C per entry of the target."""
    if x.ndim > 2:
        x = P.permute(x, dims=(0, *range(2, x.ndim), 1))
    return P.reshape(x, shape=(int(np.prod(x.shape[:-1])), x.shape[-1]))


def _class_weights(op, weight, classes, dtype):
    weights = np.ones(classes) if weight is None else np.asarray(value(weight))
    if weights.shape != (classes,):
        raise ValueError(
            f"{op}: weight has shape {weights.shape}, expected ({classes},): one number per class"
        )
    return weights.astype(dtype)


def _reciprocal(count):
    """The factor of a mean; of nothing it is NaN, as in PyTorch."""
    return 1 / float(count) if count else float("nan")


def _target(op, input, target, name="target"):
    """The target (or weight), in the shape of the input; bool and integer ones as floats."""
    t = np.asarray(value(target))
    if input.shape != t.shape:
        raise ValueError(f"{op}: input has shape {input.shape} but {name} has {t.shape}")
    return t.astype(input.dtype) if t.dtype.kind != "f" else target if isinstance(target, Tensor) else t


def _reduced(op, loss, reduction):
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{op}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    return loss if reduction == "none" else mean(loss) if reduction == "mean" else sum(loss)
