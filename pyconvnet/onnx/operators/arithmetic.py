"""Arithmetic with broadcasting: Add, Sub, Mul, Div-7, 13, 14, Pow-7 to 15, Max and Min-8 to 13, Abs, Neg, Sqrt, Exp,
Log-6, 13. Whole numbers stay whole: sums wrap around, quotients are cut towards 0.
"""

from functools import partial, reduce

import numpy as np

from ...autograd import Tensor, value
from ...functional.elementwise import maximum, minimum
from .table import operator


@operator("Add")
def add(node):
    """Add: a + b."""
    return lambda a, b: a + _like(a, b)


@operator("Sub")
def sub(node):
    """Sub: a - b."""
    return lambda a, b: a - _like(a, b)


@operator("Mul")
def mul(node):
    """Mul: a b."""
    return lambda a, b: a * _like(a, b)


@operator("Div")
def div(node):
    """Div: a / b, of whole numbers without the rest."""

    def compute(a, b):
        if _like(a, b).dtype.kind == "f":
            return a / b
        a, b = value(a), value(b)
        if not np.all(b):
            raise ValueError("a whole number cannot be divided by zero")
        quotient = a // b
        return Tensor(np.asarray(quotient + ((quotient < 0) & (quotient * b != a)), a.dtype))

    return compute


@operator("Pow")
def power(node):
    """Pow: x^y in the type of x; a single constant exponent keeps its own, cheaper gradient rule."""

    def compute(x, y):
        if x.dtype.kind != "f":
            wide = value(x) if value(y).dtype.kind != "f" else value(x).astype(np.float64)
            return Tensor(np.asarray(np.power(wide, value(y))).astype(x.dtype))
        if value(y).size == 1 and y.ndim <= x.ndim and not y.requires_grad:
            exponent = value(y).item()
            return x ** (int(exponent) if float(exponent).is_integer() else exponent)
        return x ** y.to(x.dtype)

    return compute


@operator("Max")
def largest(node):
    """Max of any number of tensors; equal ones share the gradient."""
    return lambda *tensors: reduce(lambda a, b: maximum(a, _like(a, b)), tensors)


@operator("Min")
def smallest(node):
    """Min of any number of tensors; equal ones share the gradient."""
    return lambda *tensors: reduce(lambda a, b: minimum(a, _like(a, b)), tensors)


@operator("Abs")
def absolute(node):
    """Abs: |x|."""
    return Tensor.abs


@operator("Neg")
def neg(node):
    """Neg: -x."""
    return lambda x: -x


def _like(a, b):
    """b, of a's type: ONNX promotes nothing."""
    if a.dtype != b.dtype:
        raise TypeError(f"both must be of one type, got {a.dtype} and {b.dtype}: is a Cast missing?")
    return b


def _floating(x, function):
    if x.dtype.kind != "f":
        raise TypeError(f"needs floating-point numbers, got {x.dtype}")
    return function(x)


@operator("Sqrt")
def sqrt(node):
    """Sqrt."""
    return partial(_floating, function=Tensor.sqrt)


@operator("Exp")
def exp(node):
    """Exp."""
    return partial(_floating, function=Tensor.exp)


@operator("Log")
def log(node):
    """Log, the natural one."""
    return partial(_floating, function=Tensor.log)
