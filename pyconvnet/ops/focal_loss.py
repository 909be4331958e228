"""The loss of a detector whose background outweighs its objects. Lin et al., "Focal Loss" (2017)."""

from numbers import Real

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value
from .boxes import read_numbers


def sigmoid_focal_loss(inputs, targets, alpha=0.25, gamma=2, reduction="none"):
    """alpha_t (1 - p_t)^gamma (-log p_t): binary cross-entropy that hardly counts what is already right.

    p = sigmoid(inputs) and p_t = p where targets is 1, 1 - p where it is 0; alpha_t likewise of alpha, or 1 where
    alpha < 0. inputs logits, targets of the same shape; reduction "none", "mean", "sum". ValueError, TypeError.
    Slides "RetinaNet" (2 and 3).
    """
    listed = not isinstance(targets, (Tensor, np.ndarray))
    inputs = read_numbers("sigmoid_focal_loss", "inputs", inputs)
    targets = read_numbers("sigmoid_focal_loss", "targets", targets, kinds="fiub")
    targets = targets.astype(inputs.dtype) if listed else targets
    if inputs.dtype not in (np.float32, np.float64):
        raise TypeError(f"sigmoid_focal_loss: inputs must be float32 or float64 logits, got dtype {inputs.dtype}")
    if inputs.shape != targets.shape:
        raise ValueError(
            f"sigmoid_focal_loss: inputs has shape {tuple(inputs.shape)} but targets has {tuple(targets.shape)}"
        )
    if targets.dtype.kind == "f" and targets.dtype != inputs.dtype:
        raise TypeError(
            f"sigmoid_focal_loss: inputs is {inputs.dtype} but targets is {targets.dtype}: convert one of them"
        )
    for name, number in (("alpha", alpha), ("gamma", gamma)):
        if not isinstance(number, Real):
            raise TypeError(f"sigmoid_focal_loss: {name} must be a number, got {type(number).__name__}")
    if not isinstance(reduction, str) or reduction not in ("none", "mean", "sum"):
        raise ValueError(f"sigmoid_focal_loss: reduction must be 'none', 'mean' or 'sum', got {reduction!r}")
    t = targets if targets.dtype.kind == "f" else value(targets).astype(inputs.dtype)
    loss = P.softplus(inputs) - inputs * t
    hard = value(t)
    if ((hard == 0) | (hard == 1)).all():
        # log(1 - p_t) as a softplus: stays finite, with its gradient, where p_t rounds to 1
        loss = loss * P.exp(-gamma * P.softplus(inputs * (2 * hard - 1)))
    else:
        loss = loss * P.power(P.sigmoid(inputs) * (1 - t) + P.sigmoid(-inputs) * t, gamma)
    if alpha >= 0:
        loss = (alpha * t + (1 - alpha) * (1 - t)) * loss
    if reduction == "none":
        return loss
    total, count = P.sum_to(loss, shape=()), value(loss).size
    return total if reduction == "sum" else total / count if count else total + np.nan
