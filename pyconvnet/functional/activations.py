"""Activations: the nonlinearity after a layer, elementwise or over an axis."""

from .. import primitives as P
from ..autograd import value
from .reductions import logsumexp


def relu(input, inplace=False):
    """max(x, 0); the gradient at 0 is 0, relu(NaN) is NaN."""
    _not_inplace("relu", inplace)
    return P.leaky_relu(input, slope=0.0)


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """x where x > 0, else negative_slope * x."""
    _not_inplace("leaky_relu", inplace)
    return P.leaky_relu(input, slope=float(negative_slope))


def sigmoid(input):
    """1 / (1 + e^-x)."""
    return P.sigmoid(input)


def tanh(input):
    """(e^x - e^-x) / (e^x + e^-x)."""
    return P.tanh(input)


def softplus(input, beta=1.0, threshold=20.0):
    """log(1 + e^(beta x)) / beta, and x itself where beta x > threshold."""
    return P.where(value(input) * beta > threshold, input, P.softplus(input * beta) / beta)


def softmax(input, dim, dtype=None):
    """e^x / sum e^x over `dim`; `dtype` converts the input first."""
    return P.exp(log_softmax(input, dim, dtype))


def log_softmax(input, dim, dtype=None):
    """x - log sum e^x over `dim`; `dtype` converts the input first."""
    x = input if dtype is None else P.cast(input, dtype=dtype)
    return x - logsumexp(x, dim, keepdim=True)


def _not_inplace(op, inplace):
    if inplace:
        raise NotImplementedError(
            f"{op}: inplace=True is not offered, no operation writes into its input: leave it out"
        )
