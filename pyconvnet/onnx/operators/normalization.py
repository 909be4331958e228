"""Norms as in inference: BatchNormalization-9, 14, 15, InstanceNormalization-6, 22, LRN-1, 13; Dropout-7 to 22."""

import numpy as np

from ... import functional as F
from ...autograd import Tensor
from ..node import Unsupported
from .table import operator


@operator("BatchNormalization")
def batch_normalization(node):
    """BatchNormalization with the statistics it was given; training_mode is not supported."""
    node.choice("training_mode", 0, 0)
    node.attribute("momentum")  # of training
    eps = node.attribute("epsilon", 1e-5)
    return lambda x, scale, b, mean, var: F.batch_norm(x, mean, var, scale, b, eps=eps)


@operator("InstanceNormalization")
def instance_normalization(node):
    """InstanceNormalization: each picture's channels by themselves."""
    eps = node.attribute("epsilon", 1e-5)

    def compute(x, scale, b):
        if x.ndim > 2 and np.prod(x.shape[2:]) == 1:  # a single value is its own mean
            return x * 0 + b.reshape(1, -1, *(1,) * (x.ndim - 2))
        return F.instance_norm(x, weight=scale, bias=b, eps=eps)

    return compute


@operator("LRN")
def local_response_normalization(node):
    """LRN: x / (bias + alpha / size * sum of x^2 over `size` channels)^beta.

    An even size has one more channel after than before; local_response_norm has it before: channels in reverse.
    """
    size = node.at_least("size", None, 1)
    alpha, beta, bias = node.attribute("alpha", 1e-4), node.attribute("beta", 0.75), node.attribute("bias", 1.0)

    def compute(x):
        if size % 2:
            return F.local_response_norm(x, size, alpha, beta, bias)
        return F.local_response_norm(x.flip(1), size, alpha, beta, bias).flip(1)

    return compute


@operator("Dropout", outputs=2)
def dropout(node):
    """Dropout as in inference: the input itself, and a mask of ones; a true training_mode is not supported."""
    node.attribute("ratio"), node.attribute("seed")
    training = node.constant(2)
    if training is not None and np.any(training):
        raise Unsupported(f"{node}: input training_mode is true; supported: false")
    return lambda x, *_: (x, Tensor(np.ones(x.shape, bool if node.version >= 10 else x.dtype)))
