"""The matrix product of the last two axes, the others broadcast."""

import numpy as np

from ..autograd import primitive
from ..kernels import backend
from .elementwise import unbroadcast
from .quiet import quiet
from .shape import permute


def _transposed(x):
    """x with its last two axes swapped"""
    return permute(x, dims=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


@primitive
def matmul(x, y):
    """z[.., i, j] = sum_k x[.., i, k] y[.., k, j], both of rank 2 or more; the axes before broadcast"""
    # Straight to the backend: shapes are checked where a product is asked for, and small ones are all overhead.
    floats = x.dtype is y.dtype and x.dtype.char in "fd" and x.dtype.isnative
    return quiet.run(backend.current.matmul if floats else np.matmul, x, y)


matmul.gradients(
    lambda g, _, x, y: unbroadcast(matmul(g, _transposed(y)), x),
    lambda g, _, x, y: unbroadcast(matmul(_transposed(x), g), y),
)
