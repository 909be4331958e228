"""Picking values by position: keys, masks and indices are arrays that carry no gradient, the values picked do."""

from collections import namedtuple

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value
from ..primitives.quiet import quiet
from .promotion import misfit, needs_tensor, number, promoted, result_dtype

ValuesAndIndices = namedtuple("ValuesAndIndices", "values indices")  # what max(dim), sort and topk return


def getitem(x, key):
    """x[key] with NumPy's keys: ints, slices, None, ellipsis, boolean and integer arrays or Tensors."""
    key = tuple(value(k) for k in key) if isinstance(key, tuple) else value(key)
    try:
        return P.index(x, key=key, shape=x.shape)
    except (IndexError, OverflowError) as error:
        raise IndexError(f"indexing a tensor of shape {x.shape}: {error}") from None


def where(condition, input=None, other=None):
    """input where the condition holds, else other, elementwise; the condition alone: where it holds, as indices."""
    if input is None and other is None:
        return tuple(map(Tensor, np.nonzero(np.atleast_1d(value(condition)))))
    c = _mask("where", condition)
    input, other = number(input), number(other)
    _broadcast("where", c, input, other)
    dtype = result_dtype(input, other)
    try:
        x, y = (v if isinstance(v, Tensor) else np.asarray(v, dtype) for v in promoted(input, other))
    except OverflowError as error:
        raise misfit("where", input, other) from error
    return P.where(condition if isinstance(condition, Tensor) else c, x, y)


def masked_fill(x, mask, value):
    """`value` (one number) where the mask holds, else x."""
    if isinstance(value, Tensor) and value.ndim:
        raise ValueError(f"masked_fill: value must be a single number, got a tensor of shape {value.shape}")
    m = _mask("masked_fill", mask)
    _broadcast("masked_fill", m, x)
    if isinstance(value, Tensor):
        return P.where(m, value if value.dtype == x.dtype else P.cast(value, dtype=x.dtype), x)
    try:
        fill = quiet.run(np.asarray(number(value)).astype, x.dtype)
    except OverflowError as error:
        raise misfit("masked_fill", x, value) from error
    return P.where(m, fill, x)


def tril(input, diagonal=0):
    """The lower triangle of the last two axes (up to and including `diagonal`), 0 above it."""
    return _triangle("tril", input, diagonal, upper=False)


def triu(input, diagonal=0):
    """The upper triangle of the last two axes (from `diagonal` on), 0 below it."""
    return _triangle("triu", input, diagonal, upper=True)


def _triangle(op, x, diagonal, upper):
    needs_tensor(op, "input", x)
    if x.ndim < 2:
        raise ValueError(f"{op}: needs a matrix or a batch of them, got shape {x.shape}")
    if not isinstance(diagonal, (int, np.integer)):
        raise TypeError(f"{op}: diagonal must be an int, got {diagonal!r}")
    below = np.tri(*x.shape[-2:], k=diagonal - upper, dtype=bool)
    return P.where(~below if upper else below, x, np.zeros((), x.dtype))


def gather(x, dim, index):
    """y[i][j][k] = x[index[i][j][k]][j][k] (dim = 0; alike for the others); index has the rank of x."""
    dim, i = _index("gather", x, dim, index)
    for d, (n, limit) in enumerate(zip(i.shape, x.shape)):
        if d != dim and n > limit and i.size:
            raise ValueError(
                f"gather: index {i.shape} reaches beyond the tensor {x.shape} along axis {d}; "
                f"it may be longer only along dim {dim}"
            )
    return P.gather(x, positions=flat_positions(x.shape, dim, i), shape=x.shape)


def scatter_add(x, dim, index, src):
    """x with src[i][j][k] added at [index[i][j][k]][j][k] (dim = 0; alike for the others); a place may get several."""
    dim, i = _index("scatter_add", x, dim, index)
    if not isinstance(src, (Tensor, np.ndarray)) or src.dtype != x.dtype:
        raise TypeError(
            f"scatter_add: src must be a tensor of dtype {x.dtype} like the one added to, "
            f"got {getattr(src, 'dtype', type(src).__name__)}"
        )
    if src.ndim != i.ndim and x.ndim:
        raise ValueError(f"scatter_add: index {i.shape} and src {src.shape} must have the same rank")
    for d, n in enumerate(i.shape):
        if (n > (*src.shape, 1)[d] or (d != dim and n > x.shape[d])) and i.size:
            raise ValueError(
                f"scatter_add: index {i.shape} reaches beyond src {src.shape} or the tensor {x.shape} along axis {d}"
            )
    if not i.size:
        return x + 0 if x.dtype.kind == "f" else x
    part = P.index(src, key=tuple(slice(n) for n in i.shape), shape=src.shape) if src.ndim else src
    part = part if part.shape == i.shape else P.reshape(part, shape=i.shape)
    positions = flat_positions(x.shape, dim, i)
    if x.dtype.kind == "f":
        return x + P.scatter(part, positions=positions, shape=x.shape)
    total = value(x).copy()
    np.add.at(total.reshape(-1), positions, value(part))
    return Tensor(total)


def index_select(x, dim, index):
    """The slices of x at the places in `index` (a vector), along `dim`."""
    dim, i = _index("index_select", x, dim, index, same_rank=False)
    if i.ndim > 1:
        raise IndexError(f"index_select: index must be a vector, got shape {i.shape}")
    if x.ndim == 0:
        if i.size != 1:
            raise IndexError(f"index_select: a single number has one place, index names {i.size}")
        return P.reshape(x, shape=())
    return P.index(x, key=(slice(None),) * dim + (i.reshape(-1),), shape=x.shape)


def take_along_dim(x, indices, dim=None):
    """gather, after x and indices are broadcast against each other along the other axes; flattened if `dim` is None."""
    if dim is None:
        return gather(P.reshape(x, shape=(-1,)), 0, np.asarray(value(indices)).reshape(-1))
    dim, i = _index("take_along_dim", x, dim, indices)
    others = [(*shape[:dim], 1, *shape[dim + 1 :]) for shape in (x.shape, i.shape)] if x.ndim else []
    try:
        common = np.broadcast_shapes(*others)
    except ValueError:
        raise ValueError(
            f"take_along_dim: indices {i.shape} do not broadcast against {x.shape} apart from dim {dim}"
        ) from None
    if not x.ndim:
        return gather(x, 0, i)
    x_shape, i_shape = ((*common[:dim], n, *common[dim + 1 :]) for n in (x.shape[dim], i.shape[dim]))
    x = x if x.shape == x_shape else P.expand_to(x, shape=x_shape)
    return gather(x, dim, np.broadcast_to(i, i_shape))


def flat_positions(shape, dim, index):
    """Where index[i][j].. points along `dim`, the other coordinates being i, j, .., in an array of `shape` if flat."""
    if not shape:
        return index
    strides = np.cumprod((1, *shape[:0:-1]))[::-1]
    positions = index * strides[dim]
    for d, n in enumerate(index.shape):
        if d != dim and n > 1:
            positions = positions + (np.arange(n) * strides[d]).reshape(-1, *(1,) * (index.ndim - 1 - d))
    return positions


def _index(op, x, dim, index, same_rank=True):
    """(axis, index as an int64 array), checked: whole numbers, from 0 up to the length of the axis."""
    dim, i = axis(op, x, dim), np.asarray(value(index))
    if i.dtype.kind not in "iu":
        raise TypeError(f"{op}: index must hold whole numbers, got {i.dtype}")
    length = x.shape[dim] if x.ndim else 1
    if i.size and not (i.min() >= 0 and i.max() < length):
        wrong = i.min() if i.min() < 0 else i.max()
        raise IndexError(f"{op}: index {wrong} is out of range for dim {dim} of a tensor of shape {x.shape}")
    if same_rank and max(i.ndim, 1) != max(x.ndim, 1) and (i.size or op != "gather"):
        raise ValueError(f"{op}: index {i.shape} must have the rank of the tensor {x.shape}")
    return dim, i.astype(np.int64, copy=False)


def axis(op, x, dim):
    """`dim`, counted from either end, as an axis of x (0 if x is a single number)."""
    rank = x.ndim or 1
    if not isinstance(dim, (int, np.integer)):
        raise TypeError(f"{op}: dim must be an int, got {dim!r}")
    if not -rank <= dim < rank:
        raise IndexError(f"{op}: dim {dim} is out of range for a tensor of rank {x.ndim}")
    return int(dim) % rank


def _mask(op, mask):
    m = np.asarray(value(mask))
    if m.dtype != bool:
        raise TypeError(f"{op}: the condition must be boolean, got {m.dtype}: compare first, e.g. x > 0")
    return m


def _broadcast(op, *operands):
    shapes = [np.shape(value(x)) for x in operands]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"{op}: shapes {', '.join(map(str, shapes))} do not broadcast against each other") from None
