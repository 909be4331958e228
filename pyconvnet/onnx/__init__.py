"""Networks from other frameworks: `pcn.onnx.load` reads an ONNX file as a Module that computes, and differentiates,
with this package's own functions. The `onnx` package (pip install 'pyconvnet[onnx]') is imported at the first load.
"""

from .module import GraphModule, load
from .node import Unsupported

__all__ = ["GraphModule", "Unsupported", "load"]
