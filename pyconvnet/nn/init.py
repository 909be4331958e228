"""Initial weights, as torch.nn.init: each fills a tensor in place and returns it.

Random values come from the stream of `pcn.manual_seed`, or from the NumPy `generator` given.
"""

import math

import numpy as np

from .. import random
from ..autograd import value


def uniform_(tensor, a=0.0, b=1.0, generator=None):
    """Uniform in [a, b)."""
    return _filled(tensor, _stream(generator).uniform(a, b, tensor.shape))


def normal_(tensor, mean=0.0, std=1.0, generator=None):
    """Normal."""
    return _filled(tensor, _stream(generator).normal(mean, std, tensor.shape))


def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None):
    """Normal, cut off outside [a, b]: uniform proposals, each accepted with its density over that of the peak."""
    low, high = max(a, mean - 10 * std), min(b, mean + 10 * std)
    if not low < high:
        raise ValueError(f"trunc_normal_: [a, b] = [{a}, {b}] holds nothing of a normal with mean {mean} and std {std}")
    stream, peak = _stream(generator), min(max(mean, low), high)
    values = np.full(tensor.shape, np.inf)
    while (missing := np.isinf(values)).any():
        x = stream.uniform(low, high, missing.sum())
        density = np.exp(((peak - mean) ** 2 - (x - mean) ** 2) / (2 * std**2))
        values[missing] = np.where(stream.random(x.shape) < density, x, np.inf)
    return _filled(tensor, values)


def constant_(tensor, val):
    """All `val`."""
    return _filled(tensor, val)


def zeros_(tensor):
    """All 0."""
    return _filled(tensor, 0.0)


def ones_(tensor):
    """All 1."""
    return _filled(tensor, 1.0)


def eye_(tensor):
    """1 on the diagonal of a matrix, 0 elsewhere: a linear layer that changes nothing."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_: needs a matrix, got shape {tensor.shape}")
    return _filled(tensor, np.eye(*tensor.shape))


def dirac_(tensor, groups=1):
    """A convolution [out, in/groups, ...] that changes nothing: 1 in the middle of filter i at its channel i."""
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(f"dirac_: needs a weight of rank 3, 4 or 5, got shape {tensor.shape}")
    if groups < 1 or tensor.shape[0] % groups:
        raise ValueError(f"dirac_: {tensor.shape[0]} filters do not divide by groups {groups}")
    out = tensor.shape[0] // groups
    values = np.zeros(tensor.shape)
    for i in range(tensor.shape[0]):
        if i % out < tensor.shape[1]:
            values[(i, i % out, *(n // 2 for n in tensor.shape[2:]))] = 1
    return _filled(tensor, values)


def xavier_uniform_(tensor, gain=1.0, generator=None):
    """Uniform with variance 2 gain^2 / (fan_in + fan_out) (Glorot & Bengio 2010)."""
    bound = gain * math.sqrt(6 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor, gain=1.0, generator=None):
    """Normal with variance 2 gain^2 / (fan_in + fan_out) (Glorot & Bengio 2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))), generator)


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Uniform with variance gain^2 / fan (He et al., "Delving Deep into Rectifiers", 2015)."""
    bound = math.sqrt(3.0) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Normal with variance gain^2 / fan (He et al., "Delving Deep into Rectifiers", 2015)."""
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor, gain=1, generator=None):
    """gain times a random matrix [out, rest] of orthonormal rows (or columns, if fewer) (Saxe et al. 2014)."""
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: needs a weight of rank 2 or more, got shape {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    q, r = np.linalg.qr(_stream(generator).normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diagonal(r))  # so that all rotations are equally likely
    return _filled(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def sparse_(tensor, sparsity, std=0.01, generator=None):
    """Normal, but in each column of the matrix a share `sparsity` of the rows is 0 (Martens 2010)."""
    if tensor.ndim != 2:
        raise ValueError(f"sparse_: needs a matrix, got shape {tensor.shape}")
    stream = _stream(generator)
    values = stream.normal(0, std, tensor.shape)
    for column in values.T:
        column[stream.permutation(len(column))[: math.ceil(sparsity * len(column))]] = 0
    return _filled(tensor, values)


def calculate_gain(nonlinearity, param=None):
    """How much to widen the weights so that the nonlinearity keeps the variance (He et al. 2015)."""
    linear = ("linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
    gains = dict.fromkeys((*linear, "sigmoid"), 1.0) | {"tanh": 5 / 3, "relu": math.sqrt(2.0), "selu": 0.75}
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"calculate_gain: the slope of leaky_relu must be a number, got {param!r}")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in gains:
        raise ValueError(f"calculate_gain: unknown nonlinearity {nonlinearity!r}; known: leaky_relu {' '.join(gains)}")
    return gains[nonlinearity]


def fans(tensor):
    """(fan_in, fan_out) of a weight [out, in, ...]: the connections into and out of one unit."""
    if tensor.ndim < 2:
        raise ValueError(f"fan in and fan out need a weight of rank 2 or more, got shape {tensor.shape}")
    receptive = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive, tensor.shape[0] * receptive


def _kaiming_std(op, tensor, a, mode, nonlinearity):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"{op}: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    gain, fan = calculate_gain(nonlinearity, a), fans(tensor)[mode == "fan_out"]
    return gain / math.sqrt(fan) if fan else 0.0


def _stream(generator):
    if generator is None:
        return random.generator()
    if not isinstance(generator, np.random.Generator):
        raise TypeError(f"generator must be a numpy.random.Generator, got {type(generator).__name__}")
    return generator


def _filled(tensor, values):
    value(tensor)[...] = values
    return tensor
