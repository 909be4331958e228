"""pyconvnet: a ConvNet framework to learn from. `import pyconvnet as pcn`; the names are PyTorch's."""

from . import data, functional, io, kernels, methods, metrics, models, nn, onnx, ops, optim, testing, viz
from .autograd import Tensor, grad
from .config import show_config
from .creation import (
    arange,
    bool_,
    eye,
    float32,
    float64,
    full,
    full_like,
    int64,
    linspace,
    ones,
    ones_like,
    rand,
    randn,
    tensor,
    zeros,
    zeros_like,
)
from .functional.einsum import einsum
from .functional.elementwise import maximum, minimum
from .functional.indexing import tril, triu, where
from .functional.shapes import cat, stack
from .grad_mode import no_grad
from .kernels import get_num_threads, set_num_threads
from .random import manual_seed

__version__ = "0.1.0"
