"""The door to matrix products."""

import numpy as np

from pyconvnet.kernels import backend
from pyconvnet.kernels.arguments import floats


def matmul(a, b):
    """c[.., i, j] = sum_k a[.., i, k] b[.., k, j]; a [..., m, k], b [..., k, n], the axes before broadcast."""
    a, b = floats("matmul", a=a, b=b)
    if a.ndim < 2 or b.ndim < 2:
        raise ValueError(f"matmul: a and b must be matrices, or stacks of them, got shapes {a.shape} and {b.shape}")
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"matmul: the last axis of a {a.shape} must equal the last but one of b {b.shape}")
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ValueError(f"matmul: the axes before the last two of {a.shape} and {b.shape} do not broadcast") from None
    return backend.current.matmul(a, b)
