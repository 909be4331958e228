"""Elementwise primitives, with broadcasting: the gradient of a broadcast argument is summed back to its shape."""

import numpy as np

from ..autograd import primitive, value
from ..kernels import backend
from .quiet import quiet
from .reduce import sum_to


def unbroadcast(g, x):
    """The part of the cotangent g that belongs to x, which was broadcast to g's shape."""
    shape = getattr(x, "shape", ())  # a Python number has none
    return g if g.shape == shape else sum_to(g, shape=shape)


@primitive
def add(x, y):
    """x + y"""
    return quiet.run(np.add, x, y)


add.gradients(
    lambda g, _, x, y: unbroadcast(g, x),
    lambda g, _, x, y: unbroadcast(g, y),
)


@primitive
def sub(x, y):
    """x - y"""
    return quiet.run(np.subtract, x, y)


sub.gradients(
    lambda g, _, x, y: unbroadcast(g, x),
    lambda g, _, x, y: unbroadcast(-g, y),
)


@primitive
def mul(x, y):
    """x y"""
    return quiet.run(np.multiply, x, y)


mul.gradients(
    lambda g, _, x, y: unbroadcast(g * y, x),
    lambda g, _, x, y: unbroadcast(g * x, y),
)


@primitive
def div(x, y):
    """x / y"""
    return quiet.run(np.true_divide, x, y)


div.gradients(
    lambda g, _, x, y: unbroadcast(g / y, x),
    lambda g, z, x, y: unbroadcast(-g * z / y, y),
)


@primitive
def neg(x):
    """-x"""
    return np.negative(x)


neg.gradients(lambda g, _, x: -g)


@primitive
@quiet
def power(x, y):
    """x^y"""
    return np.square(x) if type(y) is int and y == 2 else np.power(x, y)


power.gradients(
    lambda g, _, x, y: unbroadcast(g * where(value(y) == 0, 0.0, y * power(x, y - 1)), x),
    lambda g, z, x, y: unbroadcast(g * where((value(x) == 0) & (value(y) >= 0), 0.0, z * log(x)), y),
)


@primitive
def exp(x):
    """e^x"""
    return quiet.run(np.exp, x)


exp.gradients(lambda g, y, x: g * y)


@primitive
def log(x):
    """log x"""
    return quiet.run(np.log, x)


log.gradients(lambda g, _, x: g / x)


@primitive
def sqrt(x):
    """sqrt x"""
    return quiet.run(np.sqrt, x)


sqrt.gradients(lambda g, y, x: g / (2 * y))


@primitive
def tanh(x):
    """tanh x"""
    return np.tanh(x)


tanh.gradients(lambda g, y, x: g * (1 - y * y))


@primitive
def expm1(x):
    """e^x - 1, exact near 0"""
    return quiet.run(np.expm1, x)


expm1.gradients(lambda g, _, x: g * exp(x))


@primitive
def log1p(x):
    """log(1 + x), exact near 0"""
    return quiet.run(np.log1p, x)


log1p.gradients(lambda g, _, x: g / (1 + x))


@primitive
def sin(x):
    """sin x"""
    return quiet.run(np.sin, x)


@primitive
def cos(x):
    """cos x"""
    return quiet.run(np.cos, x)


sin.gradients(lambda g, _, x: g * cos(x))
cos.gradients(lambda g, _, x: -g * sin(x))


@primitive
def sigmoid(x):
    """1 / (1 + e^-x)"""
    e = quiet.run(np.exp, -np.abs(x))  # only ever of -|x|: nothing overflows
    return np.where(np.signbit(x), e, 1).astype(e.dtype, copy=False) / (1 + e)


sigmoid.gradients(lambda g, y, x: g * y * (1 - y))


@primitive
def softplus(x):
    """log(1 + e^x), without overflow: the smooth relu, the logistic loss"""
    return np.logaddexp(x, np.zeros((), np.asarray(x).dtype))


softplus.gradients(lambda g, _, x: g * sigmoid(x))


@primitive
def abs(x):
    """|x|, with slope 0 at 0"""
    return np.abs(x)


abs.gradients(lambda g, _, x: g * np.sign(value(x)))


@primitive
def where(condition, x, y):
    """x where the condition holds, else y: a selection, not a product, so 0 * inf never happens"""
    return quiet.run(np.where, condition, x, y)


where.gradients(
    None,
    lambda g, _, condition, x, y: unbroadcast(where(condition, g, 0.0), x),
    lambda g, _, condition, x, y: unbroadcast(where(condition, 0.0, g), y),
)


@primitive
def maximum(x, y):
    """max(x, y); equal ones share the gradient"""
    return np.maximum(x, y)


maximum.gradients(
    lambda g, _, x, y: unbroadcast(_share(g, value(x) < value(y), value(x) == value(y)), x),
    lambda g, _, x, y: unbroadcast(_share(g, value(y) < value(x), value(x) == value(y)), y),
)


@primitive
def minimum(x, y):
    """min(x, y); equal ones share the gradient"""
    return np.minimum(x, y)


minimum.gradients(
    lambda g, _, x, y: unbroadcast(_share(g, value(x) > value(y), value(x) == value(y)), x),
    lambda g, _, x, y: unbroadcast(_share(g, value(y) > value(x), value(x) == value(y)), y),
)


def _share(g, lost, tied):
    """0 where lost, g / 2 where tied, else g (with a NaN nobody has lost)"""
    return where(lost, 0.0, where(tied, g * 0.5, g))


# straight to the backend: g and x are float arrays of one shape by construction, checking them again would cost a
# tenth of a small activation's time


@primitive
def leaky_relu(x, *, slope):
    """x where x > 0, else slope x (slope 0: relu); the derivative at 0 is the slope"""
    return quiet.run(backend.current.leaky_relu, x, slope)


@primitive
def leaky_relu_grad(g, x, *, slope):
    """g where x > 0, else slope g: its own transpose in g, piecewise constant in x"""
    return backend.current.leaky_relu_grad(g, x, slope)


leaky_relu.gradients(lambda g, _, x, *, slope: leaky_relu_grad(g, x, slope=slope))
leaky_relu_grad.gradients(lambda u, _, g, x, *, slope: leaky_relu_grad(u, x, slope=slope), None)


@primitive
def cast(x, *, dtype):
    """x in another dtype"""
    return quiet.run(np.asarray(x).astype, dtype)


cast.gradients(lambda g, _, x, *, dtype: cast(g, dtype=x.dtype))
