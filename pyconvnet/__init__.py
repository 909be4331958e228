"""pyconvnet: a ConvNet framework to learn from. `import pyconvnet as pcn`; the names are PyTorch's."""

from . import data, functional, io, kernels, methods, metrics, nn, ops, optim, testing, viz
from .autograd import Tensor, grad, no_grad
from .config import show_config
from .creation import (
    arange,
    bool_,
    float32,
    float64,
    full,
    int64,
    manual_seed,
    ones,
    ones_like,
    rand,
    randn,
    tensor,
    zeros,
    zeros_like,
)
from .functional.shapes import cat, stack
from .kernels import get_num_threads, set_num_threads
from .primitives import maximum, minimum, where

__version__ = "0.1.0"
