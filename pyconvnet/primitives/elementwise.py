"""Elementwise primitives, with broadcasting: the gradient of a broadcast argument is summed back to its shape."""

import numpy as np

from .. import kernels
from ..autograd import primitive, value
from .reduce import sum_to

quiet = np.errstate(all="ignore")  # log(0) is -inf and 0 / 0 is NaN without a warning, as in PyTorch


def unbroadcast(g, x):
    """The part of the cotangent g that belongs to x, which was broadcast to g's shape."""
    shape = getattr(x, "shape", ())  # a Python number has none
    return g if g.shape == shape else sum_to(g, shape=shape)


@primitive
def add(x, y):
    """x + y"""
    return np.add(x, y)


add.gradients(
    lambda g, z, x, y: unbroadcast(g, x),
    lambda g, z, x, y: unbroadcast(g, y),
)


@primitive
def sub(x, y):
    """x - y"""
    return np.subtract(x, y)


sub.gradients(
    lambda g, z, x, y: unbroadcast(g, x),
    lambda g, z, x, y: unbroadcast(-g, y),
)


@primitive
def mul(x, y):
    """x y"""
    return np.multiply(x, y)


mul.gradients(
    lambda g, z, x, y: unbroadcast(g * y, x),
    lambda g, z, x, y: unbroadcast(g * x, y),
)


@primitive
@quiet
def div(x, y):
    """x / y"""
    return np.true_divide(x, y)


div.gradients(
    lambda g, z, x, y: unbroadcast(g / y, x),
    lambda g, z, x, y: unbroadcast(-g * z / y, y),
)


@primitive
def neg(x):
    """-x"""
    return np.negative(x)


neg.gradients(lambda g, y, x: -g)


@primitive
@quiet
def power(x, y):
    """x ** y"""
    return np.square(x) if type(y) is int and y == 2 else np.power(x, y)


power.gradients(
    lambda g, z, x, y: unbroadcast(g * where(value(y) == 0, 0.0, y * power(x, y - 1)), x),
    lambda g, z, x, y: unbroadcast(g * where((value(x) == 0) & (value(y) >= 0), 0.0, z * log(x)), y),
)


@primitive
@quiet
def exp(x):
    """e ** x"""
    return np.exp(x)


exp.gradients(lambda g, y, x: g * y)


@primitive
@quiet
def log(x):
    """Natural logarithm."""
    return np.log(x)


log.gradients(lambda g, y, x: g / x)


@primitive
@quiet
def sqrt(x):
    """Square root."""
    return np.sqrt(x)


sqrt.gradients(lambda g, y, x: g / (2 * y))


@primitive
def tanh(x):
    """Hyperbolic tangent."""
    return np.tanh(x)


tanh.gradients(lambda g, y, x: g * (1 - y * y))


@primitive
def sigmoid(x):
    """1 / (1 + e ** -x), without overflow: e is only ever raised to -|x|."""
    e = np.exp(-np.abs(x))
    return np.where(np.signbit(x), e, 1).astype(e.dtype, copy=False) / (1 + e)


sigmoid.gradients(lambda g, y, x: g * y * (1 - y))


@primitive
def softplus(x):
    """log(1 + e ** x), the smooth relu and the logistic loss, without overflow."""
    return np.logaddexp(x, np.zeros((), np.asarray(x).dtype))


softplus.gradients(lambda g, y, x: g * sigmoid(x))


@primitive
def abs(x):
    """|x|; the gradient at the kink is 0."""
    return np.abs(x)


abs.gradients(lambda g, y, x: g * np.sign(value(x)))


@primitive
def where(condition, x, y):
    """x where the condition holds, else y. A selection, not a product: 0 * inf never happens."""
    return np.where(condition, x, y)


where.gradients(
    None,
    lambda g, z, c, x, y: unbroadcast(where(c, g, 0.0), x),
    lambda g, z, c, x, y: unbroadcast(where(c, 0.0, g), y),
)


@primitive
def maximum(x, y):
    """The larger of x and y; equal ones share the gradient."""
    return np.maximum(x, y)


maximum.gradients(
    lambda g, z, x, y: unbroadcast(g * _share(value(x), value(y)), x),
    lambda g, z, x, y: unbroadcast(g * _share(value(y), value(x)), y),
)


@primitive
def minimum(x, y):
    """The smaller of x and y; equal ones share the gradient."""
    return np.minimum(x, y)


minimum.gradients(
    lambda g, z, x, y: unbroadcast(g * _share(value(y), value(x)), x),
    lambda g, z, x, y: unbroadcast(g * _share(value(x), value(y)), y),
)


def _share(x, y):
    """1 where x > y, 1/2 where they are equal, else 0."""
    dtype = np.result_type(x, y)
    return ((x > y) + 0.5 * (x == y)).astype(dtype)


@primitive
def leaky_relu(x, *, slope):
    """x where x > 0, else slope * x; slope 0 is relu. The gradient at the kink is the slope."""
    return kernels.leaky_relu(x, slope)


@primitive
def leaky_relu_grad(g, x, *, slope):
    """g where x > 0, else slope * g: linear in g and its own transpose; piecewise constant in x."""
    return kernels.leaky_relu_grad(g, x, slope)


leaky_relu.gradients(lambda g, y, x, *, slope: leaky_relu_grad(g, x, slope=slope))
leaky_relu_grad.gradients(lambda u, y, g, x, *, slope: leaky_relu_grad(u, x, slope=slope), None)


@primitive
def cast(x, *, dtype):
    """The same values in another floating-point (or, without a gradient, integer) dtype."""
    return np.asarray(x).astype(dtype)


cast.gradients(lambda g, y, x, *, dtype: cast(g, dtype=x.dtype))
