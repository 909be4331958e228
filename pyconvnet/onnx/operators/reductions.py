"""ReduceSum-1, 11, 13, ReduceMean-1 to 18, ReduceMax and ReduceMin-1 to 20: axes by attribute, later by input."""

import math

import numpy as np

from ...autograd import Tensor, value
from .shapes import whole
from .table import operator


@operator("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin")
def reduce(node):
    """The reduction over `axes`, or all of them where none are given, unless noop_with_empty_axes."""
    keep, given = bool(node.attribute("keepdims", 1)), node.attribute("axes")
    nothing = bool(node.attribute("noop_with_empty_axes", 0))
    over = {"ReduceSum": _sum, "ReduceMean": _mean, "ReduceMax": _largest, "ReduceMin": _smallest}[node.operator]

    def compute(x, axes=None):
        axes = tuple(whole(axes)) if axes is not None else given or ()
        if any(not -x.ndim <= a < x.ndim for a in axes):
            raise IndexError(f"axes {axes} are out of range for {x.shape}")
        axes = tuple(a % x.ndim for a in axes)
        if len(set(axes)) < len(axes):
            raise ValueError(f"axes {axes} name one of {x.shape} twice")
        if not axes and nothing:
            return x
        axes = axes or tuple(range(x.ndim))
        return over(x, axes, keep) if axes else x

    return compute


def _sum(x, axes, keep):
    return x.sum(axes, keep).to(x.dtype)


def _mean(x, axes, keep):
    return x.mean(axes, keep) if x.dtype.kind == "f" else x.to(np.float64).mean(axes, keep).to(x.dtype)


def _largest(x, axes, keep):
    return _extreme(x, axes, keep, "amax", np.max, -1)


def _smallest(x, axes, keep):
    return _extreme(x, axes, keep, "amin", np.min, 1)


def _extreme(x, axes, keep, method, pick, sign):
    """amax or amin; of nothing, the infinity or the end of the type's range that every value would replace."""
    if x.dtype.kind == "f" and math.prod(x.shape[a] for a in axes):
        return getattr(x, method)(axes, keep)
    if x.dtype.kind == "f":
        end = sign * math.inf
    elif x.dtype.kind == "b":
        end = sign > 0
    else:
        end = np.iinfo(x.dtype).max if sign > 0 else np.iinfo(x.dtype).min
    return Tensor(np.asarray(pick(value(x), axis=axes, keepdims=keep, initial=end), x.dtype))
