"""Keeping one large gradient from throwing the parameters far away."""

import math
from numbers import Real

import numpy as np

from ..autograd import Tensor


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scale the gradients, in place, so that their common norm (of all entries as one vector) is at most max_norm.

    Returns the norm before. The factor is min(1, max_norm / (norm + 1e-6)); norm_type is the p of the norm, inf for
    the largest absolute value. Pascanu et al. (2013). RuntimeError for a NaN or infinite norm if asked for.
    """
    try:
        parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    except TypeError:
        raise TypeError(f"clip_grad_norm_: parameters must be Tensors, got {type(parameters).__name__}") from None
    for p in parameters:
        if not isinstance(p, Tensor):
            raise TypeError(f"clip_grad_norm_: parameters must be Tensors, got {type(p).__name__}")
    for name, number in (("max_norm", max_norm), ("norm_type", norm_type)):
        infinite = name == "norm_type" and isinstance(number, str) and number in ("inf", "-inf")
        if not infinite and not isinstance(number, Real):
            raise TypeError(f"clip_grad_norm_: {name} must be a number, got {number!r}")
    grads = [p.grad.data for p in parameters if p.grad is not None]
    if not grads:
        return Tensor(np.zeros((), np.float32))
    with np.errstate(all="ignore"):
        norms = [np.linalg.norm(g.astype(np.float64).ravel(), float(norm_type)) if g.size else 0.0 for g in grads]
        total = np.linalg.norm(np.array(norms), float(norm_type))
        if error_if_nonfinite and not math.isfinite(total):
            raise RuntimeError(
                f"clip_grad_norm_: the norm of the gradients is {total}: it cannot be clipped; did the loss overflow?"
            )
        factor = np.minimum(max_norm / (total + 1e-6), 1.0)
        for g in grads:
            np.multiply(g, factor.astype(g.dtype), out=g)
    return Tensor(np.asarray(total, dtype=np.result_type(*grads)))
