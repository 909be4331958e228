"""Reductions over axes, with PyTorch's `dim` and `keepdim`. All of them are sums underneath."""

import math
import operator

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value
from .elementwise import maximum, minimum
from .indexing import ValuesAndIndices, axis, gather
from .promotion import floating, promoted, to


def axes(op, ndim, dim):
    """`dim` (int, tuple; None or () for all) as a sorted tuple of axes of an array of that rank."""
    dims = dim if isinstance(dim, (tuple, list)) else () if dim is None else (dim,)
    try:
        dims = [operator.index(d) for d in dims] or range(ndim)
    except TypeError:
        raise TypeError(f"{op}: dim must be an int or a tuple of ints, got {dim!r}") from None
    rank = ndim or 1  # a single number may be reduced over "axis" 0
    for d in dims:
        if not -rank <= d < rank:
            raise IndexError(f"{op}: dim {d} is out of range for a tensor of rank {ndim}")
    axes = sorted(d % rank for d in dims)
    if len(set(axes)) < len(axes):
        raise ValueError(f"{op}: dim {tuple(dims)} names an axis of a tensor of rank {ndim} twice")
    return tuple(axes) if ndim else ()


def _kept(x, dims):
    return tuple(1 if i in dims else n for i, n in enumerate(x.shape))


def _dropped(x, dims):
    return tuple(n for i, n in enumerate(x.shape) if i not in dims)


def sum(x, dim=None, keepdim=False, dtype=None):
    """Sum over `dim` (all axes if None); `dtype` converts x first. Integers and booleans add up as int64."""
    dims = axes("sum", x.ndim, dim)
    x = x if dtype is None else to(x, dtype)
    if value(x).dtype.kind != "f":
        return Tensor(value(x).sum(axis=dims, keepdims=bool(keepdim), dtype=dtype or np.int64))
    y = P.sum_to(x, shape=_kept(x, dims))
    return y if keepdim or not dims else P.reshape(y, shape=_dropped(x, dims))


def mean(x, dim=None, keepdim=False, dtype=None):
    """Mean over `dim` (all axes if None), NaN of nothing; `dtype` converts x first."""
    dims = axes("mean", x.ndim, dim)
    x = floating("mean", x if dtype is None else to(x, dtype))
    return sum(x, dims, keepdim) * _reciprocal(_count(x, dims))


def var(x, dim=None, unbiased=None, keepdim=False, *, correction=1):
    """Variance over `dim`: sum (x - mean)^2 / max(count - correction, 0).

    `unbiased` is PyTorch's former way to say correction 1 (True) or 0 (False).
    """
    if isinstance(dim, bool):  # var(unbiased)
        dim, unbiased = None, dim
    if unbiased is not None:
        correction = int(bool(unbiased))
    correction = 1 if correction is None else correction
    if not isinstance(correction, (int, float)):
        raise TypeError(f"var: correction must be a number, got {correction!r}")
    dims = axes("var", x.ndim, dim)
    centred = floating("var", x) - mean(x, dims, keepdim=True)
    divisor = _count(x, dims) - correction
    return P.div(sum(centred * centred, dims, keepdim), divisor if divisor > 0 else 0)


def std(x, dim=None, unbiased=None, keepdim=False, *, correction=1):
    """Square root of the variance; where that is 0 the gradient is 0 too."""
    return root(var(x, dim, unbiased, keepdim, correction=correction))


def root(x):
    """Square root, with gradient 0 (not infinity) at 0: distances, norms and deviations have a corner there."""
    positive = value(x) != 0
    return P.where(positive, P.sqrt(P.where(positive, x, 1.0)), 0.0)


def max(x, dim=None, keepdim=False):
    """Largest value of all (equal ones share the gradient), or (values, indices) along `dim` (the first one takes it).

    With a second tensor in place of `dim`: the elementwise maximum.
    """
    if isinstance(dim, (Tensor, np.ndarray)):
        return maximum(x, dim)
    return _extreme("max", np.max, x, None, False) if dim is None else _chosen("max", np.argmax, x, dim, keepdim)


def min(x, dim=None, keepdim=False):
    """Smallest value of all (equal ones share the gradient), or (values, indices) along `dim` (the first one takes it).

    With a second tensor in place of `dim`: the elementwise minimum.
    """
    if isinstance(dim, (Tensor, np.ndarray)):
        return minimum(x, dim)
    return _extreme("min", np.min, x, None, False) if dim is None else _chosen("min", np.argmin, x, dim, keepdim)


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
    if v.dtype.kind != "f":
        return Tensor(best if keepdim else best.reshape(_dropped(x, dims)))
    winners = (v == best) | ((v != v) & (best != best))  # NaN wins, as in NumPy and PyTorch
    share = (winners / np.add.reduce(winners, axis=dims, keepdims=True)).astype(v.dtype)
    finite = np.where(np.isfinite(best), best, 0).astype(v.dtype)  # shares of x need not add up to x, of 0 they do
    y = sum(P.where(winners, x - finite, 0.0) * share, dims, keepdim=True) + finite
    return y if keepdim else P.reshape(y, shape=_dropped(x, dims))


def _chosen(op, pick, x, dim, keepdim):
    dim = axis(op, x, dim)
    indices = _position(op, pick, x, dim, keepdim=True)
    values = gather(x, dim, indices)
    if not keepdim and x.ndim:
        shape = _dropped(x, (dim,))
        values, indices = P.reshape(values, shape=shape), P.reshape(indices, shape=shape)
    return ValuesAndIndices(values, indices)


def logsumexp(x, dim, keepdim=False):
    """log sum e^x over `dim`, shifted by the largest x so that nothing overflows; -inf of nothing."""
    dims = axes("logsumexp", x.ndim, dim)
    (x,) = promoted(x, floating=True)
    top = np.max(value(x), axis=dims, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0).astype(top.dtype)
    y = P.log(sum(P.exp(x - top), dims, keepdim=True)) + top
    return y if keepdim or not dims else P.reshape(y, shape=_dropped(x, dims))


def norm(x, p="fro", dim=None, keepdim=False, dtype=None):
    """(sum |x|^p)^(1/p) over `dim`; "fro" is p = 2, inf and -inf the largest and smallest |x|, 0 counts the others.

    The gradient where the norm is 0 is 0. `dtype` converts x first.
    """
    if p == "nuc":
        raise NotImplementedError("norm: the nuclear norm is not offered: it needs singular values")
    dims = axes("norm", x.ndim, dim)
    if p in ("fro", None):
        if dim is not None and len(dims) > 2:
            raise ValueError(f"norm: the Frobenius norm goes over one or two axes, got dim={dim}; use p=2")
        p = 2
    if not isinstance(p, (int, float)):
        raise ValueError(f"norm: p must be a number, inf, -inf or 'fro', got {p!r}")
    x = floating("norm", x)
    x = x if dtype is None else floating("norm", to(x, dtype))
    if math.isinf(p):
        return _extreme("norm", np.max if p > 0 else np.min, P.abs(x), dims, keepdim)
    if p < 0 and not _count(x, dims):
        raise IndexError(f"norm: no values along {dims} of {x.shape}, and for p={p} there is no norm of nothing")
    if p == 0:
        return sum(P.where(True, (value(x) != 0).astype(x.dtype), x), dims, keepdim)  # a count: x gets zeros
    if p == 1:
        return sum(P.abs(x), dims, keepdim)
    if p == 2:
        return root(sum(x * x, dims, keepdim))
    total = sum(_power(P.abs(x), p), dims, keepdim)
    return _power(total, 1 / p)


def _power(x, p):
    """x^p, with gradient 0 where x is 0."""
    inside = value(x) != 0
    return P.where(inside, P.power(P.where(inside, x, 1.0), p), 0.0 if p > 0 else math.inf)


def argmax(x, dim=None, keepdim=False):
    """Position of the largest value (the first of equal ones); over the flattened tensor if `dim` is None."""
    return _position("argmax", np.argmax, x, dim, keepdim)


def argmin(x, dim=None, keepdim=False):
    """Position of the smallest value (the first of equal ones); in the flattened tensor if `dim` is None."""
    return _position("argmin", np.argmin, x, dim, keepdim)


def any(x, dim=None, keepdim=False):
    """Whether at least one value over `dim` (all axes if None) is not 0."""
    return Tensor(value(x).astype(bool).any(axis=axes("any", x.ndim, dim), keepdims=bool(keepdim)))


def all(x, dim=None, keepdim=False):
    """Whether no value over `dim` (all axes if None) is 0."""
    return Tensor(value(x).astype(bool).all(axis=axes("all", x.ndim, dim), keepdims=bool(keepdim)))


def _position(op, pick, x, dim, keepdim):
    v, along = value(x), None if dim is None else axis(op, x, dim)
    if (v.size if dim is None else (*v.shape, 1)[along]) == 0:
        raise IndexError(f"{op}: there is no position to name in a tensor of shape {x.shape}")
    return Tensor(pick(v, axis=along if x.ndim else None, keepdims=bool(keepdim)))


def _reciprocal(count):
    return 1 / count if count else float("nan")


def _count(x, dims):
    return math.prod(x.shape[d] for d in dims)
