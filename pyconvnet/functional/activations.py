"""Activations: the nonlinearity after a layer, elementwise or over an axis."""

from .. import primitives as P
from ..autograd import value
from .reductions import logsumexp


def relu(x):
    """max(x, 0); the gradient at 0 is 0, relu(NaN) is NaN."""
    return P.leaky_relu(x, slope=0.0)


def leaky_relu(x, negative_slope=0.01):
    """x where x > 0, else negative_slope * x."""
    return P.leaky_relu(x, slope=float(negative_slope))


def sigmoid(x):
    """1 / (1 + e^-x)."""
    return P.sigmoid(x)


def tanh(x):
    """(e^x - e^-x) / (e^x + e^-x)."""
    return P.tanh(x)


def softplus(x, beta=1.0, threshold=20.0):
    """log(1 + e^(beta x)) / beta, and x itself where beta x > threshold."""
    return P.where(value(x) * beta > threshold, x, P.softplus(x * beta) / beta)


def softmax(x, dim):
    """e^x / sum e^x over `dim`."""
    return P.exp(log_softmax(x, dim))


def log_softmax(x, dim):
    """x - log sum e^x over `dim`."""
    return x - logsumexp(x, dim, keepdim=True)


