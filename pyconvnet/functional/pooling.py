"""Pooling: choose positions on the values, then gather them, so that every order of derivative exists."""

import numpy as np

from .. import kernels
from .. import primitives as P
from ..autograd import value


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The largest value of each window (the first of equal ones, a NaN before all); stride defaults to kernel_size.

    input [N, C, H, W]; sizes an int or a pair. The gradient goes to the chosen value; a window wholly in the padding
    is -inf and has none.
    """
    x = value(input)
    stride = kernel_size if stride is None else stride
    chosen = kernels.max_pool_indices(x, kernel_size, stride, padding, dilation, ceil_mode)
    n, c, h, w = x.shape
    planes = np.arange(n * c).reshape(n, c, 1, 1) * (h * w)
    y = P.gather(input, positions=np.maximum(chosen, 0) + planes, shape=x.shape)
    return y if chosen.size == 0 or chosen.min() >= 0 else P.where(chosen >= 0, y, -np.inf)
