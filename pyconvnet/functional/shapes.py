"""Shapes, axes and joins, composed of reshape, permute, concatenate and index."""

import math

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value
from .promotion import promoted


def reshape(x, *shape):
    """The same values under another shape; one size may be -1."""
    shape = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    if not all(isinstance(n, (int, np.integer)) and n >= -1 for n in shape):
        raise ValueError(f"reshape: sizes must be whole numbers, zero or more, or one -1, got {tuple(shape)}")
    size, known = math.prod(x.shape), math.prod(n for n in shape if n != -1)
    fits = known == size if -1 not in shape else list(shape).count(-1) == 1 and known and size % known == 0
    if not fits:
        raise ValueError(f"reshape: {size} values of shape {x.shape} do not fit shape {tuple(shape)}")
    return P.reshape(x, shape=tuple(size // known if n == -1 else int(n) for n in shape))


def flatten(x, start_dim=0, end_dim=-1):
    """Axes start_dim to end_dim (inclusive) as one."""
    a, b = _axis("flatten", x, start_dim), _axis("flatten", x, end_dim)
    if x.ndim == 0:
        return reshape(x, 1)
    if b < a:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    return P.reshape(x, shape=(*x.shape[:a], math.prod(x.shape[a : b + 1]), *x.shape[b + 1 :]))


def permute(x, *dims):
    """Axes in another order: axis i of the result is axis dims[i] of x."""
    dims = dims[0] if len(dims) == 1 and isinstance(dims[0], (tuple, list)) else dims
    order = tuple(_axis("permute", x, d) for d in dims)
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(f"permute: {tuple(dims)} does not name each of the {x.ndim} axes of {x.shape} once")
    return P.permute(x, dims=order)


def transpose(x, dim0, dim1):
    """Swap two axes."""
    order = list(range(x.ndim))
    a, b = _axis("transpose", x, dim0), _axis("transpose", x, dim1)
    order[a], order[b] = b, a
    return P.permute(x, dims=tuple(order))


def squeeze(x, dim=None):
    """Drop axes of size 1: all of them, or only those in `dim`."""
    dims = range(x.ndim) if dim is None else [_axis("squeeze", x, d) for d in np.atleast_1d(dim)]
    return P.reshape(x, shape=tuple(n for i, n in enumerate(x.shape) if not (i in dims and n == 1)))


def unsqueeze(x, dim):
    """A new axis of size 1 at `dim`."""
    d = dim + x.ndim + 1 if dim < 0 else dim
    if not 0 <= d <= x.ndim:
        raise IndexError(f"unsqueeze: dim {dim} is out of range for a tensor of rank {x.ndim}")
    return P.reshape(x, shape=(*x.shape[:d], 1, *x.shape[d:]))


def expand(x, *shape):
    """Axes of size 1 repeated to `shape`; -1 keeps an axis."""
    shape = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    lead = len(shape) - x.ndim
    full = tuple(x.shape[i - lead] if n == -1 and i >= lead else int(n) for i, n in enumerate(shape))
    if lead < 0 or any(m not in (1, n) for m, n in zip(x.shape, full[max(lead, 0) :])):
        raise ValueError(f"expand: a tensor of shape {x.shape} cannot be expanded to {tuple(shape)}")
    return P.expand_to(x, shape=full)


def cat(tensors, dim=0):
    """Join along an existing axis. Tensors of shape (0,) are left out among others, as PyTorch does."""
    tensors = list(tensors)
    if not tensors:
        raise ValueError("cat: needs at least one tensor")
    if any(t.ndim == 0 for t in tensors):
        raise ValueError("cat: a tensor of rank 0 has no axis to join along; use stack")
    tensors = [t for t in tensors if t.shape != (0,)] or tensors[:1]
    d = _axis("cat", tensors[0], dim)
    for i, t in enumerate(tensors):
        rest, first = (s.shape[:d] + s.shape[d + 1 :] for s in (t, tensors[0]))
        if t.ndim != tensors[0].ndim or rest != first:
            raise ValueError(f"cat: tensor {i} has shape {t.shape}, tensor 0 has {tensors[0].shape}: "
                             f"they may differ along dim {dim} only")  # fmt: skip
    return P.concatenate(*promoted(*tensors), dim=d)


def stack(tensors, dim=0):
    """Join along a new axis."""
    tensors = list(tensors)
    for i, t in enumerate(tensors):
        if t.shape != tensors[0].shape:
            raise ValueError(f"stack: tensor {i} has shape {t.shape}, tensor 0 has {tensors[0].shape}")
    return cat([unsqueeze(t, dim) for t in tensors], dim)


def getitem(x, key):
    """x[key] with NumPy's keys: ints, slices, None, ellipsis, boolean and integer arrays or Tensors."""
    key = tuple(value(k) for k in key) if isinstance(key, tuple) else value(key)
    try:
        return P.index(x, key=key, shape=x.shape)
    except IndexError as error:
        raise IndexError(f"indexing a tensor of shape {x.shape}: {error}") from None


def clone(x):
    """A copy with a history: gradients flow through it to x."""
    y = P.reshape(x, shape=x.shape)
    return Tensor(y.data.copy(), y.requires_grad, y.node)


def _axis(op, x, d):
    n = max(x.ndim, 1)
    if not -n <= d < n:
        raise IndexError(f"{op}: dim {d} is out of range for a tensor of rank {x.ndim} and shape {x.shape}")
    return int(d) % n
