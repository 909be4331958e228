"""Shapes, axes, parts and joins, composed of reshape, permute, expand, concatenate and index."""

import math
import operator

import numpy as np

from .. import primitives as P
from ..autograd import Tensor
from .promotion import needs_tensor, promoted


def sizes(op, shape):
    """(2, 3), or ((2, 3),), as a tuple of ints: what a function that takes sizes one by one or together was given."""
    shape = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    try:
        shape = tuple(operator.index(n) for n in shape)
    except TypeError:
        raise TypeError(f"{op}: sizes must be whole numbers, got {tuple(shape)}") from None
    if math.prod(n for n in shape if n > 0) >= 2**60:
        raise ValueError(f"{op}: a tensor of shape {shape} has more values than can be counted")
    return shape


def reshape(x, *shape):
    """The same values under another shape; one size may be -1."""
    shape = sizes("reshape", shape)
    if shape and min(shape) < -1:
        raise ValueError(f"reshape: sizes must be whole numbers, zero or more, or one -1, got {shape}")
    size, known = math.prod(x.shape), math.prod(n for n in shape if n != -1)
    fits = known == size if -1 not in shape else shape.count(-1) == 1 and known and size % known == 0
    if not fits:
        raise ValueError(f"reshape: {size} values of shape {x.shape} do not fit shape {shape}")
    return P.reshape(x, shape=tuple(size // known if n == -1 else n for n in shape))


def view(x, *shape):
    """reshape, under its older name; the values are shared where their order in memory allows."""
    if len(shape) == 1 and isinstance(shape[0], (str, type, np.dtype)):
        raise NotImplementedError("view: reading the same bytes as another dtype is not offered; to(dtype) converts")
    return reshape(x, *shape)


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
    several = dim if isinstance(dim, (tuple, list)) else (dim,)
    dims = range(x.ndim) if dim is None else [_axis("squeeze", x, d) for d in several]
    return P.reshape(x, shape=tuple(n for i, n in enumerate(x.shape) if not (i in dims and n == 1)))


def unsqueeze(x, dim):
    """A new axis of size 1 at `dim`."""
    (dim,) = sizes("unsqueeze", (dim,))
    d = dim + x.ndim + 1 if dim < 0 else dim
    if not 0 <= d <= x.ndim:
        raise IndexError(f"unsqueeze: dim {dim} is out of range for a tensor of rank {x.ndim}")
    return P.reshape(x, shape=(*x.shape[:d], 1, *x.shape[d:]))


def expand(x, *shape):
    """Axes of size 1 repeated to `shape`; -1 keeps an axis."""
    shape = sizes("expand", shape)
    lead = len(shape) - x.ndim
    full = tuple(x.shape[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(shape))
    if lead < 0 or any(n < 0 for n in full) or any(m not in (1, n) for m, n in zip(x.shape, full[lead:])):
        raise ValueError(f"expand: a tensor of shape {x.shape} cannot be expanded to {shape}")
    return P.expand_to(x, shape=full)


def repeat(x, *repeats):
    """Copies side by side: repeats[i] of them along axis i; more numbers than axes put new axes in front."""
    repeats = sizes("repeat", repeats)
    lead = len(repeats) - x.ndim
    if lead < 0 or any(n < 0 for n in repeats):
        raise ValueError(f"repeat: needs a count, 0 or more, for each axis of {x.shape}, got {repeats}")
    shape = (1,) * lead + x.shape
    sizes("repeat", [n * m for n, m in zip(repeats, shape)])
    apart = P.reshape(x, shape=tuple(n for m in shape for n in (1, m)))
    apart = P.expand_to(apart, shape=tuple(n for pair in zip(repeats, shape) for n in pair))
    return P.reshape(apart, shape=tuple(n * m for n, m in zip(repeats, shape)))


def narrow(x, dim, start, end):
    """x[start:end] along axis `dim`."""
    return P.index(x, key=(slice(None),) * dim + (slice(start, end),), shape=x.shape)


def split(x, split_size, dim=0):
    """A tuple of parts along `dim`, each of `split_size` (the last one may be smaller), or of the sizes in a list."""
    d = _own_axis("split", x, dim)
    n = x.shape[d]
    if isinstance(split_size, (tuple, list)):
        parts = list(sizes("split", (split_size,)))
    else:
        (step,) = sizes("split", (split_size,))
        if step < 0 or (step == 0 and n > 0):
            raise ValueError(f"split: parts of size {step} do not make up the {n} along dim {dim} of {x.shape}")
        parts = [min(step, n - i) for i in range(0, n, step)] if n else [0]
    if sum(parts) != n or any(k < 0 for k in parts):
        raise ValueError(f"split: sizes {parts} do not make up the {n} along dim {dim} of {x.shape}")
    ends = np.cumsum(parts).tolist()
    return tuple(narrow(x, d, end - k, end) for k, end in zip(parts, ends))


def chunk(x, chunks, dim=0):
    """At most `chunks` parts of equal size (the last one may be smaller) along `dim`."""
    d = _own_axis("chunk", x, dim)
    (chunks,) = sizes("chunk", (chunks,))
    if chunks < 1:
        raise ValueError(f"chunk: chunks must be 1 or more, got {chunks}")
    n = x.shape[d]
    return split(x, -(-n // chunks), d) if n else split(x, [0] * chunks, d)


def unbind(x, dim=0):
    """The tuple of slices along `dim`, which is dropped."""
    d = _own_axis("unbind", x, dim)
    return tuple(P.index(x, key=(slice(None),) * d + (i,), shape=x.shape) for i in range(x.shape[d]))


def flip(x, *dims):
    """The order along each of `dims` reversed."""
    dims = dims[0] if len(dims) == 1 and isinstance(dims[0], (tuple, list)) else dims
    reverse = [_axis("flip", x, d) for d in dims]
    if len(set(reverse)) < len(reverse):
        raise ValueError(f"flip: dims {tuple(dims)} name an axis of {x.shape} twice")
    key = tuple(slice(None, None, -1) if i in reverse else slice(None) for i in range(x.ndim))
    return P.index(x, key=key, shape=x.shape)


def roll(x, shifts, dims=None):
    """Values moved `shifts` places along `dims`, round the end to the start; as if flat where `dims` is None."""
    shifts = sizes("roll", (shifts,))
    if dims is None and len(shifts) == 1:
        return reshape(roll(reshape(x, -1), shifts, 0), x.shape) if x.data.size else x
    dims = dims if isinstance(dims, (tuple, list)) else () if dims is None else (dims,)
    if len(shifts) != len(dims) or not shifts:
        raise ValueError(f"roll: needs as many shifts as dims, got {shifts} and {tuple(dims)}")
    for shift, dim in zip(shifts, dims):
        d = _own_axis("roll", x, dim)
        cut = -shift % x.shape[d] if x.shape[d] else 0
        x = P.concatenate(narrow(x, d, cut, None), narrow(x, d, 0, cut), dim=d)
    return x


def cat(tensors, dim=0):
    """Join along an existing axis. Tensors of shape (0,) are left out among others, as PyTorch does."""
    tensors = _several("cat", tensors)
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
    tensors = _several("stack", tensors)
    for i, t in enumerate(tensors):
        if t.shape != tensors[0].shape:
            raise ValueError(f"stack: tensor {i} has shape {t.shape}, tensor 0 has {tensors[0].shape}")
    return cat([unsqueeze(t, dim) for t in tensors], dim)


def _several(op, tensors):
    if not isinstance(tensors, (tuple, list)):
        raise TypeError(f"{op}: needs a list or tuple of tensors, got {type(tensors).__name__}")
    if not tensors:
        raise ValueError(f"{op}: needs at least one tensor")
    for i, t in enumerate(tensors):
        needs_tensor(op, f"tensor {i}", t)
    return list(tensors)


def clone(x):
    """A copy with a history: gradients flow through it to x."""
    y = P.reshape(x, shape=x.shape)
    return Tensor(y.data.copy(), y.requires_grad, y.node)


def _axis(op, x, d):
    n = max(x.ndim, 1)
    try:
        d = operator.index(d)
    except TypeError:
        raise TypeError(f"{op}: dim must be an int, got {d!r}") from None
    if not -n <= d < n:
        raise IndexError(f"{op}: dim {d} is out of range for a tensor of rank {x.ndim} and shape {x.shape}")
    return d % n


def _own_axis(op, x, d):
    if x.ndim == 0:
        raise IndexError(f"{op}: a single number (a tensor of rank 0) has no axis {d}")
    return _axis(op, x, d)
