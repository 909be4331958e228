"""Reductions over axes, with PyTorch's `dim` and `keepdim`. All of them are sums underneath."""

import math

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value


def axes(op, ndim, dim):
    """`dim` (int, tuple; None or () for all) as a sorted tuple of axes of an array of that rank."""
    dims = (
        (dim,)
        if isinstance(dim, (int, np.integer))
        else tuple(range(ndim) if dim is None else dim) or range(ndim)
    )
    for d in dims:
        if not -max(ndim, 1) <= d < max(ndim, 1):
            raise IndexError(f"{op}: dim {d} is out of range for a tensor of rank {ndim}")
    axes = sorted(d % ndim for d in dims) if ndim else []
    if len(set(axes)) < len(axes):
        raise ValueError(f"{op}: dim {tuple(dims)} names an axis of a tensor of rank {ndim} twice")
    return tuple(axes)


def _kept(x, dims):
    return tuple(1 if i in dims else n for i, n in enumerate(x.shape))


def _dropped(x, dims):
    return tuple(n for i, n in enumerate(x.shape) if i not in dims)


def sum(x, dim=None, keepdim=False, dtype=None):
    """Sum over `dim` (all axes if None); `dtype` converts x first. Integers and booleans add up as int64."""
    dims = axes("sum", x.ndim, dim)
    x = x if dtype is None else P.cast(x, dtype=np.dtype(dtype))
    if value(x).dtype.kind != "f":
        return Tensor(value(x).sum(axis=dims, keepdims=keepdim, dtype=dtype or np.int64))
    y = P.sum_to(x, shape=_kept(x, dims))
    return y if keepdim else P.reshape(y, shape=_dropped(x, dims))


def mean(x, dim=None, keepdim=False, dtype=None):
    """Mean over `dim` (all axes if None), NaN of nothing; `dtype` converts x first."""
    dims = axes("mean", x.ndim, dim)
    x = x if dtype is None else P.cast(x, dtype=np.dtype(dtype))
    if value(x).dtype.kind != "f":
        raise TypeError(
            f"mean: needs a floating-point tensor, this one is {value(x).dtype}; convert it with .float()"
        )
    return sum(x, dim, keepdim) * _reciprocal(_count(x, dims))


def var(x, dim=None, correction=1, keepdim=False):
    """Variance over `dim`: sum (x - mean)^2 / max(count - correction, 0)."""
    dims = axes("var", x.ndim, dim)
    centred = x - mean(x, dim, keepdim=True)
    total, divisor = sum(centred * centred, dim, keepdim), max(_count(x, dims) - correction, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return total / divisor


def amax(x, dim=None, keepdim=False):
    """Largest value over `dim`; equal ones share the gradient."""
    return _extreme("amax", np.max, x, dim, keepdim)


def amin(x, dim=None, keepdim=False):
    """Smallest value over `dim`; equal ones share the gradient."""
    return _extreme("amin", np.min, x, dim, keepdim)


def _extreme(op, pick, x, dim, keepdim):
    v, dims = value(x), axes(op, x.ndim, dim)
    if not _count(x, dims):
        raise IndexError(f"{op}: no values along {dims} of a tensor of shape {x.shape}")
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
    return _position("argmax", np.argmax, x, dim, keepdim)


def argmin(x, dim=None, keepdim=False):
    """Position of the smallest value (the first of equal ones); in the flattened tensor if `dim` is None."""
    return _position("argmin", np.argmin, x, dim, keepdim)


def any(x, dim=None, keepdim=False):
    """Whether at least one value over `dim` (all axes if None) is not 0."""
    return Tensor(value(x).astype(bool).any(axis=axes("any", x.ndim, dim), keepdims=keepdim))


def all(x, dim=None, keepdim=False):
    """Whether no value over `dim` (all axes if None) is 0."""
    return Tensor(value(x).astype(bool).all(axis=axes("all", x.ndim, dim), keepdims=keepdim))


def _position(op, pick, x, dim, keepdim):
    v = value(x)
    if dim is not None:
        (dim,) = axes(op, max(x.ndim, 1), int(dim))
    if (v.size if dim is None else v.shape[dim] if x.ndim else 1) == 0:
        raise IndexError(f"{op}: there is no position to name in a tensor of shape {x.shape}")
    return Tensor(pick(v, axis=dim if x.ndim else None, keepdims=keepdim))


def _reciprocal(count):
    return 1 / count if count else float("nan")


def _count(x, dims):
    return math.prod(x.shape[d] for d in dims)
