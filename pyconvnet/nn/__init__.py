"""Layers and models, as torch.nn."""

import sys

from .. import functional
from . import init
from .layers import BatchNorm2d, Conv2d, Linear
from .module import Module, ModuleList, Parameter, Sequential
from .stateless import Flatten, LeakyReLU, MaxPool2d, ReLU, Sigmoid, Tanh

__all__ = [
    "BatchNorm2d", "Conv2d", "Flatten", "LeakyReLU", "Linear", "MaxPool2d", "Module", "ModuleList",
    "Parameter", "ReLU", "Sequential", "Sigmoid", "Tanh", "functional", "init",
]  # fmt: skip

sys.modules[__name__ + ".functional"] = functional  # so that `import pyconvnet.nn.functional as F` works too
