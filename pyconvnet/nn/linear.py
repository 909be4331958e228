"""Layers that mix features, and the one that does nothing."""

import math

import numpy as np

from .. import functional as F
from . import init
from .module import Module, Parameter, new_dtype


class Linear(Module):
    """`F.linear` with its own weight [out, in] and bias [out]."""

    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        dtype = new_dtype("Linear", device, dtype)
        self.weight = Parameter(np.empty((out_features, in_features), dtype))
        self.register_parameter("bias", Parameter(np.empty(out_features, dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new weights, uniform within 1 / sqrt(in_features)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input):
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Identity(Module):
    """The input itself, whatever the arguments: keeps a place."""

    def __init__(self, *args, **kwargs):
        super().__init__()

    def forward(self, input):
        return input
