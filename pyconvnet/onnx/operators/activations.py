"""Activations: Relu-6 to 14, LeakyRelu-6, 16, PRelu-9, 16, Elu-6, 22, Sigmoid-6, 13, Tanh-6, 13, Clip-6 to 13,
Softmax and LogSoftmax-1, 11, 13.
"""

import math

import numpy as np

from ... import functional as F
from ...autograd import value
from ...functional.indexing import where
from .table import operator


@operator("Relu")
def relu(node):
    """Relu: max(x, 0)."""
    return F.relu


@operator("LeakyRelu")
def leaky_relu(node):
    """LeakyRelu: alpha x below 0."""
    alpha = node.attribute("alpha", 0.01)
    return lambda x: F.leaky_relu(x, alpha)


@operator("PRelu")
def prelu(node):
    """PRelu: slope x below 0, the slope broadcast against x."""

    def compute(x, slope):
        positive = value(x) > 0
        if np.broadcast_shapes(slope.shape, x.shape) != x.shape:
            raise ValueError(f"the slope {slope.shape} must not be larger than the input {x.shape}")
        return where(positive, x, slope * where(positive, 0.0, x))  # nothing infinite reaches the slope's gradient

    return compute


@operator("Elu")
def elu(node):
    """Elu: alpha (e^x - 1) below 0."""
    alpha = node.attribute("alpha", 1.0)
    return lambda x: F.elu(x, alpha)


@operator("Sigmoid")
def sigmoid(node):
    """Sigmoid: 1 / (1 + e^-x)."""
    return F.sigmoid


@operator("Tanh")
def tanh(node):
    """Tanh."""
    return F.tanh


@operator("Clip")
def clip(node):
    """Clip: no less than min and no more than max, attributes before version 11, then inputs that may be left out."""
    low, high = (node.attribute(name) for name in ("min", "max")) if node.version < 11 else (None, None)

    def compute(x, least=low, most=high):
        return x if least is None and most is None else x.clamp(least, most)

    return compute


@operator("Softmax")
def softmax(node):
    """Softmax along one axis; before version 13 over all axes from that one on."""
    return _along_axis(node, F.softmax)


@operator("LogSoftmax")
def log_softmax(node):
    """LogSoftmax, over the same axes as Softmax."""
    return _along_axis(node, F.log_softmax)


def _along_axis(node, normalise):
    axis = node.attribute("axis", -1 if node.version >= 13 else 1)
    if node.version >= 13:
        return lambda x: normalise(x, axis)

    def compute(x):
        if not -x.ndim <= axis <= x.ndim:
            raise IndexError(f"axis {axis} is out of range for {x.shape}")
        first = axis % x.ndim if axis < 0 else axis
        rows, columns = math.prod(x.shape[:first]), math.prod(x.shape[first:])
        return normalise(x.reshape(rows, columns), 1).reshape(x.shape)

    return compute
