"""Sum and its transpose, expand: the pair behind every reduction and every broadcast."""

import numpy as np

from ..autograd import primitive


@primitive
def sum_to(x, *, shape):
    """Sum x down to `shape`: over its leading extra axes, and over those where `shape` has 1."""
    lead = np.ndim(x) - len(shape)
    ones = tuple(lead + i for i, n in enumerate(shape) if n == 1 and x.shape[lead + i] != 1)
    return np.add.reduce(x, axis=tuple(range(lead)) + ones, keepdims=True).reshape(shape)


@primitive
def expand_to(x, *, shape):
    """Broadcast x to `shape`, as NumPy does (a view: nothing is copied)."""
    return np.broadcast_to(x, shape)


sum_to.gradients(lambda g, y, x, *, shape: expand_to(g, shape=x.shape))
expand_to.gradients(lambda g, y, x, *, shape: sum_to(g, shape=x.shape))
