"""Reductions over axes, with PyTorch's `dim` and `keepdim`. All of them are sums underneath."""

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value


def axes(op, ndim, dim):
    """`dim` (None, int or tuple) as a sorted tuple of axes of an array of that rank."""
    dims = range(ndim) if dim is None else (dim,) if isinstance(dim, (int, np.integer)) else tuple(dim)
    for d in dims:
        if not -max(ndim, 1) <= d < max(ndim, 1):
            raise IndexError(f"{op}: dim {d} is out of range for a tensor of rank {ndim}")
    return tuple(sorted({d % ndim for d in dims})) if ndim else ()


def _kept(x, dims):
    return tuple(1 if i in dims else n for i, n in enumerate(x.shape))


def _dropped(x, dims):
    return tuple(n for i, n in enumerate(x.shape) if i not in dims)


def sum(x, dim=None, keepdim=False):
    """Sum over `dim` (all axes if None)."""
    dims = axes("sum", x.ndim, dim)
    if value(x).dtype.kind != "f":
        return Tensor(value(x).sum(axis=dims, keepdims=keepdim))
    y = P.sum_to(x, shape=_kept(x, dims))
    return y if keepdim else P.reshape(y, shape=_dropped(x, dims))


def mean(x, dim=None, keepdim=False):
    """Mean over `dim` (all axes if None)."""
    dims = axes("mean", x.ndim, dim)
    if value(x).dtype.kind != "f":
        raise TypeError(f"mean: needs a floating-point tensor, this one is {value(x).dtype}; convert it with .float()")
    return sum(x, dim, keepdim) / _count(x, dims)


def var(x, dim=None, correction=1, keepdim=False):
    """Variance over `dim`: sum (x - mean)^2 / (count - correction)."""
    dims = axes("var", x.ndim, dim)
    centred = x - mean(x, dim, keepdim=True)
    divisor = max(_count(x, dims) - correction, 0)
    return sum(centred * centred, dim, keepdim) * (1 / divisor if divisor else float("nan"))


def amax(x, dim=None, keepdim=False):
    """Largest value over `dim`; equal ones share the gradient."""
    return _extreme(x, np.max, axes("amax", x.ndim, dim), keepdim)


def amin(x, dim=None, keepdim=False):
    """Smallest value over `dim`; equal ones share the gradient."""
    return _extreme(x, np.min, axes("amin", x.ndim, dim), keepdim)


def _extreme(x, pick, dims, keepdim):
    v = value(x)
    best = pick(v, axis=dims, keepdims=True)
    winners = (v == best) | ((v != v) & (best != best))  # NaN wins, as in NumPy and PyTorch
    share = (winners / np.add.reduce(winners, axis=dims, keepdims=True)).astype(v.dtype)
    return sum(P.where(winners, x, 0.0) * share, dims, keepdim)


def logsumexp(x, dim, keepdim=False):
    """log sum e^x over `dim`, shifted by the largest x so that nothing overflows."""
    dims = axes("logsumexp", x.ndim, dim)
    top = np.max(value(x), axis=dims, keepdims=True)
    top = np.where(np.isfinite(top), top, 0).astype(top.dtype)
    y = P.log(sum(P.exp(x - top), dims, keepdim=True)) + top
    return y if keepdim else P.reshape(y, shape=_dropped(x, dims))


def argmax(x, dim=None, keepdim=False):
    """Position of the largest value (the first of equal ones); over the flattened tensor if `dim` is None."""
    return Tensor(np.argmax(value(x), axis=dim, keepdims=keepdim))


def argmin(x, dim=None, keepdim=False):
    """Position of the smallest value (the first of equal ones); over the flattened tensor if `dim` is None."""
    return Tensor(np.argmin(value(x), axis=dim, keepdims=keepdim))


def _count(x, dims):
    return int(np.prod([x.shape[d] for d in dims]))
