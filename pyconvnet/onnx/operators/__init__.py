"""One table, operator -> builder: `build(node)` reads the attributes, once, and returns the function of the tensors.

The chapters cite the operator pages (onnx.ai/onnx/operators) by name and version: Softmax-13 is Softmax as of opset 13.
All tensors are Tensors; sizes and other whole numbers are Tensors of integers, which carry no gradient.
"""

from . import activations, arithmetic, convolution, linear, normalization, pooling, reductions, regions, resize, shapes
from .table import TABLE
