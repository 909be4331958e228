"""Running sums and products along an axis."""

import math

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value
from .indexing import axis
from .promotion import supported, to
from .shapes import narrow


def cumsum(x, dim, dtype=None):
    """y[i] = x[0] + ... + x[i] along `dim`; `dtype` converts x first. Integers and booleans add up as int64."""
    d = axis("cumsum", x, dim)
    x = x if dtype is None else to(x, dtype)
    if value(x).dtype.kind != "f":
        return Tensor(np.cumsum(value(x), axis=d, dtype=dtype or np.int64).reshape(x.shape))
    return P.cumsum(x, dim=d) if x.ndim else P.reshape(x, shape=())


def prod(x, dim=None, keepdim=False, dtype=None):
    """Product over `dim` (of all values if None), 1 of nothing; `dtype` converts x first.

    Halves are multiplied until one value is left: no division, so every order of gradient is right where x is 0.
    """
    d = 0 if dim is None else axis("prod", x, dim)
    x = x if dtype is None else to(x, dtype)
    if value(x).dtype.kind != "f":
        dtype = np.int64 if dtype is None else supported("prod", dtype)
        along = None if dim is None or not x.ndim else d
        return Tensor(value(x).prod(axis=along, keepdims=keepdim and dim is not None, dtype=dtype))
    if dim is None:
        x = P.reshape(x, shape=(math.prod(x.shape),))
    elif not x.ndim:
        return P.reshape(x, shape=())
    kept = tuple(1 if i == d else n for i, n in enumerate(x.shape))
    y = _product(x, d) if x.shape[d] else P.sum_to(x, shape=kept) + 1
    return y if keepdim and dim is not None else P.reshape(y, shape=(*kept[:d], *kept[d + 1 :]))


def _product(y, d):
    odd = None
    while (n := y.shape[d]) > 1:
        half = n // 2
        if n % 2:
            last = narrow(y, d, n - 1, n)
            odd = last if odd is None else P.mul(odd, last)
        y = P.mul(narrow(y, d, 0, half), narrow(y, d, half, 2 * half))
    return y if odd is None else P.mul(y, odd)
