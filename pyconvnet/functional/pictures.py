"""What the spatial functions ask of their input and settings: pictures, one or a batch; a number per axis."""

import math

import numpy as np

from .. import primitives as P
from ..kernels.geometry import MAX_ELEMENTS
from .arguments import floats, whole


def as_batch(op, input, *axes):
    """(input with a batch axis, the function that gives a result the rank of the input again)."""
    floats(op, input=input)
    if input.ndim == len(axes):
        return P.reshape(input, shape=(1, *input.shape)), lambda y: P.reshape(y, shape=y.shape[1:])
    if input.ndim != len(axes) + 1:
        layout = ", ".join(axes)
        raise ValueError(f"{op}: input must be [batch, {layout}] or [{layout}], got {input.ndim} axes: {input.shape}")
    return input, lambda y: y


def not_empty(op, input, first=1):
    """ValueError where an axis from `first` on has size 0; the batch may be empty."""
    if 0 in input.shape[first:]:
        raise ValueError(f"{op}: axis {input.shape.index(0, first)} of input {input.shape} is empty")


def per_axis(op, name, numbers, axes, least=1, kept=None):
    """A whole number for each of the axes, given once for all or one by one; None, if allowed, stands for `kept`."""
    one_by_one = isinstance(numbers, (tuple, list, np.ndarray)) and np.ndim(numbers) == 1
    numbers = tuple(numbers) if one_by_one else (numbers,) * axes
    if len(numbers) != axes:
        raise ValueError(f"{op}: {name} must be one whole number or {axes} of them, got {len(numbers)}: {numbers}")
    numbers = tuple(k if n is None else n for n, k in zip(numbers, kept)) if kept else numbers
    for n in numbers:
        whole(op, **{name: n})
        if n < least:
            raise ValueError(f"{op}: {name} must be {'positive' if least == 1 else f'{least} or more'}, got {n}")
    return tuple(int(n) for n in numbers)


def fits(op, shape, dtype):
    """ValueError or MemoryError for a result that no memory holds, before anything else is made."""
    if math.prod(shape) >= MAX_ELEMENTS or max(shape, default=0) >= MAX_ELEMENTS:
        raise ValueError(f"{op}: the result would have shape {tuple(shape)}: too large for any memory")
    np.empty(shape, dtype)  # asks for the memory, does not touch it
