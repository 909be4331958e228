"""What functions say about arguments that do not fit."""

import numbers

import numpy as np

from ..autograd import Tensor, value

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def given(**arguments):
    """Those of the optional arguments that were not left out."""
    return {name: x for name, x in arguments.items() if x is not None}


def tensors(op, **arguments):
    """TypeError for an argument that is neither a Tensor nor an array."""
    for name, x in arguments.items():
        if not isinstance(x, (Tensor, np.ndarray)):
            raise TypeError(f"{op}: {name} must be a Tensor, got {type(x).__name__}: make one with pcn.tensor(...)")


def floats(op, **arguments):
    """TypeError unless all are float32 or all are float64: a layer computes in one dtype."""
    tensors(op, **arguments)
    for name, x in arguments.items():
        if x.dtype not in _FLOATS:
            raise TypeError(f"{op}: {name} is {x.dtype}, expected float32 or float64: convert it, e.g. with .float()")
    first, *others = arguments
    for name in others:
        if arguments[name].dtype != arguments[first].dtype:
            told = f"{first} is {arguments[first].dtype} but {name} is {arguments[name].dtype}"
            raise TypeError(f"{op}: {told}: convert one of them")


def number(op, **arguments):
    """TypeError for a setting that is no number."""
    for name, x in arguments.items():
        if isinstance(x, (bool, np.bool_)) or not isinstance(x, numbers.Real):
            raise TypeError(f"{op}: {name} must be a number, got {x!r}")


def whole(op, **arguments):
    """TypeError for a setting that is no whole number."""
    for name, x in arguments.items():
        if isinstance(x, (bool, np.bool_)) or not isinstance(x, numbers.Integral):
            raise TypeError(f"{op}: {name} must be a whole number, got {x!r}")


def flag(op, **arguments):
    """TypeError for a switch that is neither on nor off."""
    for name, x in arguments.items():
        if not isinstance(x, (bool, np.bool_, int)):
            raise TypeError(f"{op}: {name} must be True or False, got {x!r}")


def array(op, name, x):
    """The values of a Tensor, array or nested list; ValueError for a ragged one, TypeError for no numbers at all."""
    try:
        x = np.asarray(value(x))
    except ValueError:
        raise ValueError(f"{op}: {name} is not a regular array: its rows differ in length") from None
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{op}: {name} must hold numbers, got {x.dtype}")
    return x


def integers(op, name, x):
    """Indices, labels or masks as an integer array; TypeError for anything else."""
    x = array(op, name, x)
    if x.dtype.kind not in "iub" and x.size:
        raise TypeError(f"{op}: {name} must hold integers, got {x.dtype}")
    return x.astype(np.int64, copy=False)


def not_inplace(op, inplace):
    """No operation writes into its input."""
    flag(op, inplace=inplace)
    if inplace:
        raise NotImplementedError(f"{op}: inplace=True is not offered, no operation writes into its input")


def broadcast(op, **arguments):
    """The common shape; ValueError where there is none."""
    shapes = {name: tuple(x.shape) for name, x in arguments.items()}
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"{op}: the shapes do not broadcast: {told}") from None
