"""Sorting: the order is chosen on the values, then the values are gathered, so that gradients follow them home."""

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value
from .indexing import ValuesAndIndices, axis, flat_positions


def sort(x, dim=-1, descending=False, stable=False):
    """(values, indices) in ascending order along `dim`; NaN counts as the largest, equal values keep their order."""
    return _picked(x, axis("sort", x, dim), _order("sort", x, dim, descending))


def argsort(x, dim=-1, descending=False, stable=False):
    """The indices that sort x along `dim`."""
    return Tensor(_order("argsort", x, dim, descending))


def topk(x, k, dim=None, largest=True, sorted=True):
    """(values, indices) of the k largest (or smallest) along `dim` (the last axis if None), best first."""
    dim = axis("topk", x, -1 if dim is None else dim)
    length = (*x.shape, 1)[dim]
    if not isinstance(k, (int, np.integer)) or not 0 <= k <= length:
        raise ValueError(f"topk: k must be a whole number from 0 to {length}, the size of dim {dim}, got {k!r}")
    order = _order("topk", x, dim, largest)
    return _picked(x, dim, order[(slice(None),) * dim + (slice(k),)] if x.ndim else order)


def _order(op, x, dim, descending):
    dim, v = axis(op, x, dim), value(x)
    if not x.ndim:
        return np.zeros((), np.int64)
    if not descending:
        return np.argsort(v, axis=dim, kind="stable")
    # backwards from both sides: the last of equal values in the reversed array is the first in x
    order = np.flip(np.argsort(np.flip(v, dim), axis=dim, kind="stable"), dim)
    return v.shape[dim] - 1 - order


def _picked(x, dim, order):
    values = P.gather(x, positions=flat_positions(x.shape, dim, order), shape=x.shape)
    return ValuesAndIndices(values, Tensor(order))
