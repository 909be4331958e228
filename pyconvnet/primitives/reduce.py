"""Sum and its transpose, expand: the pair behind every reduction and every broadcast; and the running sum."""

import math

import numpy as np

from ..autograd import primitive
from .quiet import quiet
from .shape import index


@primitive
@quiet
def sum_to(x, *, shape):
    """y = sum of x over the leading axes that `shape` lacks and over those where it has 1"""
    lead = x.ndim - len(shape)
    axes = (*range(lead), *(lead + i for i, n in enumerate(shape) if n == 1 and x.shape[lead + i] != 1))
    wide = np.float64 if x.size > 256 and _sequential(x, axes) else None
    return np.add.reduce(x, axis=axes, dtype=wide, keepdims=True).reshape(shape).astype(x.dtype, copy=False)


def _sequential(x, axes):
    """Whether NumPy would add so many values one by one that float32 loses digits: it adds pairwise only along the last
    axes, where they lie next to each other in memory."""
    last = max((i for i in range(x.ndim) if i not in axes), default=-1)  # of the axes that stay
    pairwise = math.prod(x.shape[last + 1 :])
    return math.prod(x.shape[i] for i in axes) > 64 * pairwise


@primitive
def expand_to(x, *, shape):
    """y = x broadcast to `shape` (a view: nothing is copied)"""
    return np.broadcast_to(x, shape)


sum_to.gradients(lambda g, _, x, *, shape: expand_to(g, shape=x.shape))
expand_to.gradients(lambda g, _, x, *, shape: sum_to(g, shape=x.shape))


@primitive
@quiet
def cumsum(x, *, dim):
    """y_i = x_0 + ... + x_i along axis dim, added up in float64"""
    return np.cumsum(x, axis=dim, dtype=np.float64).astype(x.dtype, copy=False)


def _reversed(x, dim):
    """x backwards along axis dim"""
    return index(x, key=(slice(None),) * dim + (slice(None, None, -1),), shape=x.shape)


cumsum.gradients(lambda g, _, x, *, dim: _reversed(cumsum(_reversed(g, dim), dim=dim), dim))
