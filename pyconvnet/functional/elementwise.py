"""Functions of each value by itself, beyond the primitives."""

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value
from ..primitives.quiet import quiet
from .promotion import misfit, needs_tensor, promoted


def maximum(input, other):
    """The larger of the two, elementwise; equal ones share the gradient, NaN wins."""
    return _larger("maximum", P.maximum, input, other)


def minimum(input, other):
    """The smaller of the two, elementwise; equal ones share the gradient, NaN wins."""
    return _larger("minimum", P.minimum, input, other)


def _larger(op, p, input, other):
    needs_tensor(op, "input", input)
    try:
        return p(*promoted(input, other))
    except (ValueError, OverflowError) as error:
        raise misfit(op, input, other) from error


def clamp(x, min=None, max=None):
    """min where x < min, max where x > max; the gradient passes at the bounds, a bound that is NaN gives NaN."""
    if min is None and max is None:
        raise ValueError("clamp: needs min, max or both")
    given = x
    x, *bounds = promoted(x, *(b for b in (min, max) if b is not None))
    min, max = bounds if len(bounds) == 2 else (bounds[0], None) if max is None else (None, bounds[0])
    try:
        x = x if min is None else P.where(_beyond(np.less, x, min), min, x)
        return x if max is None else P.where(_beyond(np.greater, x, max), max, x)
    except (ValueError, OverflowError) as error:
        raise misfit("clamp", given, max if min is None else min) from error


def _beyond(compare, x, bound):
    bound = value(bound)
    return quiet.run(compare, value(x), bound) | (bound != bound)


def rsqrt(x):
    """1 / sqrt(x)."""
    (x,) = promoted(x, floating=True)
    return P.div(1.0, P.sqrt(x))


def reciprocal(x):
    """1 / x."""
    (x,) = promoted(x, floating=True)
    return P.div(1.0, x)


def floor(x):
    """The largest whole number not above x; gradient 0."""
    return _flat(x, np.floor(value(x)))


def round(x, decimals=0):
    """The nearest whole number (or multiple of 10^-decimals), the even one of two equally near; gradient 0."""
    if not isinstance(decimals, (int, np.integer)) or not -300 < decimals < 300:
        raise ValueError(f"round: decimals must be a whole number of places, got {decimals!r}")
    return _flat(x, quiet.run(np.round, value(x), decimals))


def sign(x):
    """-1, 0 or 1, and 0 for NaN; gradient 0."""
    v = value(x)
    return _flat(x, (v > 0).astype(v.dtype) - (v < 0).astype(v.dtype))


def _flat(x, y):
    """The step function y of x: x gets a gradient, zeros, as in PyTorch."""
    if x.dtype.kind != "f":
        return Tensor(value(x) if y.dtype != x.dtype else y)
    return P.where(True, y, x)
