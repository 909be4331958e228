"""Activations: the nonlinearity after a layer, elementwise or over an axis."""

import math

import numpy as np

from .. import primitives as P
from ..autograd import value
from .arguments import floats, not_inplace, number, tensors, whole
from .promotion import supported, to
from .reductions import axes, logsumexp


def relu(input, inplace=False):
    """max(x, 0); the gradient at 0 is 0, relu(NaN) is NaN. Slide "Recap: CNN Structure" (in part: step 2)."""
    not_inplace("relu", inplace)
    tensors("relu", input=input)
    if value(input).dtype.kind == "i":
        return P.maximum(input, 0)
    floats("relu", input=input)
    return P.leaky_relu(input, slope=0.0)


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """x where x > 0, else negative_slope * x (Maas et al. 2013)."""
    not_inplace("leaky_relu", inplace)
    floats("leaky_relu", input=input)
    number("leaky_relu", negative_slope=negative_slope)
    return P.leaky_relu(input, slope=float(negative_slope))


def elu(input, alpha=1.0, inplace=False):
    """x where x > 0, else alpha (e^x - 1); the gradient at 0 is alpha (Clevert et al. 2016)."""
    not_inplace("elu", inplace)
    floats("elu", input=input)
    number("elu", alpha=alpha)
    positive = value(input) > 0
    return P.where(positive, input, P.expm1(P.where(positive, 0.0, input)) * alpha)  # no e^x of a large x


def gelu(input, approximate="none"):
    """x Phi(x), Phi the normal distribution's; approximate "tanh": x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2.

    Hendrycks & Gimpel (2016).
    """
    floats("gelu", input=input)
    if not isinstance(approximate, str):
        raise TypeError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    if approximate == "none":
        return input * (1 + P.erf(input * math.sqrt(0.5))) * 0.5
    if approximate == "tanh":
        return input * (1 + P.tanh((input + input * input * input * 0.044715) * math.sqrt(2 / math.pi))) * 0.5
    raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")


def sigmoid(input):
    """1 / (1 + e^-x)."""
    return P.sigmoid(_floating("sigmoid", input))


def tanh(input):
    """(e^x - e^-x) / (e^x + e^-x)."""
    return P.tanh(_floating("tanh", input))


def softplus(input, beta=1.0, threshold=20.0):
    """log(1 + e^(beta x)) / beta, and x itself where beta x > threshold."""
    floats("softplus", input=input)
    number("softplus", beta=beta, threshold=threshold)
    if beta == 0:
        raise ValueError("softplus: beta must not be 0")
    return P.where(value(input) * beta > threshold, input, P.softplus(input * beta) / beta)


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """x within [min_val, max_val], else the nearer bound; unlike clamp the gradient at the bounds is 0."""
    not_inplace("hardtanh", inplace)
    number("hardtanh", min_val=min_val, max_val=max_val)
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val {min_val} is larger than max_val {max_val}")
    floats("hardtanh", input=input)
    x = value(input)
    return P.where(x <= min_val, float(min_val), P.where(x >= max_val, float(max_val), input))


def softmax(input, dim=None, *, dtype=None):
    """e^x / sum e^x over `dim`; `dtype` converts the input first. Without `dim`: axis 0 of rank 0, 1 and 3, else 1."""
    return P.exp(_log_softmax("softmax", input, dim, dtype))


def log_softmax(input, dim=None, *, dtype=None):
    """x - log sum e^x over `dim` (left out: as in softmax); `dtype` converts the input first."""
    return _log_softmax("log_softmax", input, dim, dtype)


def _log_softmax(op, input, dim, dtype):
    tensors(op, input=input)
    x = input if dtype is None else to(input, supported(op, dtype))
    floats(op, input=x)
    if dim is not None:
        whole(op, dim=dim)
    (dim,) = axes(op, max(x.ndim, 1), (0 if x.ndim in (0, 1, 3) else 1) if dim is None else dim)
    return x - logsumexp(x, dim, keepdim=True) if value(x).size else x


def _floating(op, input):
    """Whole numbers as float32, as all functions with values between the whole numbers take them."""
    tensors(op, input=input)
    if value(input).dtype.kind in "biu":
        return P.cast(input, dtype=np.dtype(np.float32))
    floats(op, input=input)
    return input
