"""Pooling: choose positions on the values, then gather them, so that every order of derivative exists."""

import numpy as np

from .. import kernels
from .. import primitives as P
from ..autograd import Tensor, value


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    """The largest value of each window (the first of equal ones, a NaN before all); stride defaults to
    kernel_size.

    input [N, C, H, W] or [C, H, W]; sizes an int or a pair. The gradient goes to the chosen value; a window
    wholly in the padding is -inf and has none. With return_indices also the chosen positions y * W + x,
    int64.
    """
    x = value(input) if input.ndim != 3 else value(input)[None]
    stride = kernel_size if stride is None else stride
    chosen = kernels.max_pool_indices(x, kernel_size, stride, padding, dilation, ceil_mode)
    n, c, h, w = x.shape
    planes = np.arange(n * c).reshape(n, c, 1, 1) * (h * w)
    positions = np.maximum(chosen, 0) + planes
    if input.ndim == 3:
        chosen, positions = chosen[0], positions[0]
    y = P.gather(input, positions=positions, shape=input.shape)
    if chosen.size and chosen.min() < 0:
        y = P.where(chosen >= 0, y, -np.inf)
    return (y, Tensor(chosen)) if return_indices else y
