"""The error function, from which the normal distribution's Phi and so gelu are made. NumPy has none."""

import math

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

from ..autograd import primitive
from .elementwise import exp

# Below 1 its Taylor series.  From 1 to 6 (beyond, erf is 1 to double precision) erfc(x) e^(x^2) is smooth in
# t = 2 / (2 + x): a polynomial through its values at the Chebyshev nodes, which Python's own erfc supplies.
_SERIES = [2 / math.sqrt(math.pi) * (-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(19)]
_T = (2 / (2 + 6), 2 / (2 + 1))
_TAIL = (
    Chebyshev.interpolate(lambda t: [math.erfc(2 / s - 2) * math.exp((2 / s - 2) ** 2) for s in t], 18, domain=_T)
    .convert(kind=Polynomial, domain=_T, window=[-1, 1])
    .coef
)


@primitive
def erf(x):
    """2 / sqrt(pi) times the integral of e ** (-t^2) from 0 to x"""
    size = np.abs(x)
    near, far = np.minimum(size, 1), np.clip(size, 1, 6)
    t = (4 / (2 + far) - sum(_T)) / (_T[1] - _T[0])
    y = np.where(size < 1, near * _horner(_SERIES, near * near), 1 - np.exp(-far * far) * _horner(_TAIL, t))
    return np.copysign(y, x).astype(size.dtype, copy=False)


def _horner(coefficients, x):
    y = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        y *= x
        y += c
    return y


erf.gradients(lambda g, _, x: g * (2 / math.sqrt(math.pi) * exp(-x * x)))
