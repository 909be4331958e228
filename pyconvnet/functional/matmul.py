"""The matrix product for every rank: vectors count as matrices of one row or one column."""

import numpy as np

from .. import primitives as P
from ..autograd import Tensor
from .shapes import squeeze, unsqueeze


def matmul(x, other):
    """Matrix product of the last two axes; a vector counts as one row (left) or one column (right)."""
    if not (isinstance(x, (Tensor, np.ndarray)) and isinstance(other, (Tensor, np.ndarray))):
        return NotImplemented
    if x.dtype != other.dtype:
        raise TypeError(f"matmul: the first is {x.dtype} but the second is {other.dtype}: convert one of them")
    if x.ndim == 0 or other.ndim == 0:
        raise ValueError(f"matmul: {x.shape} @ {other.shape}: a single number is no matrix; multiply with *")
    a, b = x if x.ndim > 1 else unsqueeze(x, 0), other if other.ndim > 1 else unsqueeze(other, 1)
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(
            f"matmul: {x.shape} @ {other.shape}: the last axis of the first must equal "
            f"the {'only' if other.ndim == 1 else 'last but one'} of the second"
        )
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ValueError(
            f"matmul: {x.shape} @ {other.shape}: the axes before the last two do not broadcast against each other"
        ) from None
    z = P.matmul(a, b)
    z = z if other.ndim > 1 else squeeze(z, -1)
    return z if x.ndim > 1 else squeeze(z, -2 if other.ndim > 1 else -1)
