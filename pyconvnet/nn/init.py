"""Initial weights, as torch.nn.init: each fills a tensor in place from the stream of `pcn.manual_seed`."""

import math

from .. import creation


def uniform_(tensor, a=0.0, b=1.0):
    """Uniform in [a, b)."""
    tensor.data[...] = creation.generator().uniform(a, b, tensor.shape)
    return tensor


def normal_(tensor, mean=0.0, std=1.0):
    """Normal."""
    tensor.data[...] = creation.generator().normal(mean, std, tensor.shape)
    return tensor


def constant_(tensor, val):
    """All `val`."""
    tensor.data[...] = val
    return tensor


def zeros_(tensor):
    """All 0."""
    return constant_(tensor, 0.0)


def ones_(tensor):
    """All 1."""
    return constant_(tensor, 1.0)


def calculate_gain(nonlinearity, param=None):
    """How much to widen the weights so that the nonlinearity keeps the variance (He et al. 2015)."""
    gains = {"linear": 1.0, "conv2d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2.0)}
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in gains:
        raise ValueError(
            f"calculate_gain: unknown nonlinearity {nonlinearity!r}; known: leaky_relu {' '.join(gains)}"
        )
    return gains[nonlinearity]


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu"):
    """Uniform with variance gain^2 / fan (He et al., "Delving Deep into Rectifiers", 2015)."""
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu"):
    """Normal with variance gain^2 / fan (He et al., "Delving Deep into Rectifiers", 2015)."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity))


def _kaiming_std(tensor, a, mode, nonlinearity):
    return calculate_gain(nonlinearity, a) / math.sqrt(fans(tensor)[("fan_in", "fan_out").index(mode)])


def fans(tensor):
    """(fan_in, fan_out) of a weight [out, in, ...]: the connections into and out of one unit."""
    if tensor.ndim < 2:
        raise ValueError(f"fan in and fan out need a weight of rank 2 or more, got shape {tensor.shape}")
    receptive = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive, tensor.shape[0] * receptive
