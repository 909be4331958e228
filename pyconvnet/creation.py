"""Making tensors: from data, of constants, at random."""

import numpy as np

from .autograd import Tensor, value

float32, float64, int64, bool_ = (np.dtype(n) for n in ("float32", "float64", "int64", "bool"))


def tensor(data, dtype=None, requires_grad=False):
    """A Tensor with a copy of `data`: arrays keep their dtype, Python floats become float32, Python ints
    int64.

    TypeError for what is not a number (objects, strings), and for float16 and complex, which the engine
    leaves out.
    """
    data = value(data)
    try:
        array = np.array(data)
    except ValueError as error:
        raise ValueError(f"tensor: the data is not a regular array ({error})") from None
    if dtype is None and array.dtype == np.float64 and not isinstance(data, (np.ndarray, np.generic)):
        dtype = float32
    array = array.astype(dtype or array.dtype.newbyteorder("="), order="C", copy=False)
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8 or array.dtype == np.float16:
        raise TypeError(
            f"tensor: dtype {array.dtype} is not supported: use float32, float64, an integer type or bool"
        )
    return Tensor(array, requires_grad)


def zeros(*size, dtype=float32, requires_grad=False):
    """All 0."""
    return Tensor(np.zeros(_size(size), dtype or float32), requires_grad)


def ones(*size, dtype=float32, requires_grad=False):
    """All 1."""
    return Tensor(np.ones(_size(size), dtype or float32), requires_grad)


def full(size, fill_value, dtype=None, requires_grad=False):
    """All `fill_value`; the dtype is that of `tensor(fill_value)`."""
    return Tensor(
        np.full(_size((size,)), value(fill_value), dtype or tensor(fill_value).dtype), requires_grad
    )


def arange(start, end=None, step=1, dtype=None, requires_grad=False):
    """start, start + step, ... below end. ValueError where step leads away from end."""
    start, end = (0, start) if end is None else (start, end)
    if step == 0 or (end - start) / step < 0:
        raise ValueError(f"arange: no steps of {step} lead from {start} to {end}")
    dtype = dtype or (int64 if all(isinstance(v, (int, np.integer)) for v in (start, end, step)) else float32)
    return Tensor(np.arange(start, end, step).astype(dtype), requires_grad)


def zeros_like(input, dtype=None, requires_grad=False):
    """All 0, shaped like `input`."""
    return Tensor(np.zeros_like(value(input), dtype, order="C"), requires_grad)


def ones_like(input, dtype=None, requires_grad=False):
    """All 1, shaped like `input`."""
    return Tensor(np.ones_like(value(input), dtype, order="C"), requires_grad)


def manual_seed(seed):
    """Start the random stream of `randn`, `rand` and the initial weights anew."""
    global _generator
    _generator = np.random.default_rng(seed)


_generator = np.random.default_rng()


def generator():
    """The NumPy generator that `manual_seed` starts."""
    return _generator


def randn(*size, dtype=float32, requires_grad=False):
    """Standard normal values."""
    return Tensor(_generator.standard_normal(_size(size), dtype or float32), requires_grad)


def rand(*size, dtype=float32, requires_grad=False):
    """Uniform values in [0, 1)."""
    return Tensor(_generator.random(_size(size), dtype or float32), requires_grad)


def _size(size):
    size = size[0] if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    if any(n < 0 for n in size):
        raise ValueError(f"a size cannot be negative: {tuple(size)}")
    return tuple(size)
