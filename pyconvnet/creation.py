"""Making tensors: from data, of constants, at random."""

import math

import numpy as np

from .autograd import Tensor, value
from .functional.promotion import needs_tensor, supported
from .functional.shapes import sizes
from .primitives.quiet import quiet
from .random import generator

float32, float64, int64, bool_ = (np.dtype(n) for n in ("float32", "float64", "int64", "bool"))


def tensor(data, dtype=None, requires_grad=False):
    """A Tensor with a copy of `data`: arrays keep their dtype, Python floats become float32, Python ints int64.

    TypeError for what is not a number (objects, strings), and for float16 and complex, which the engine leaves out.
    """
    data = value(data)
    try:
        array = np.array(data)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"tensor: the data is not a regular array ({error})") from None
    found = supported("tensor", array.dtype)  # also before a conversion: complex numbers would lose their second part
    if dtype is not None:
        found = supported("tensor", dtype)
    elif found == float64 and not _holds_arrays(data):
        found = float32
    return Tensor(quiet.run(array.astype, found, order="C", copy=False), requires_grad)


def _holds_arrays(data):
    """Whether the first of the values, however deep in lists, has a dtype of its own."""
    while isinstance(data, (list, tuple)) and data:
        data = data[0]
    return isinstance(data, (np.ndarray, np.generic, Tensor))


def zeros(*size, dtype=None, requires_grad=False, **options):
    """All 0. `size`: numbers or one tuple; float32 if no dtype is given."""
    return Tensor(np.zeros(*_size("zeros", size, options, dtype)), requires_grad)


def ones(*size, dtype=None, requires_grad=False, **options):
    """All 1. `size`: numbers or one tuple; float32 if no dtype is given."""
    return Tensor(np.ones(*_size("ones", size, options, dtype)), requires_grad)


def full(size, fill_value, dtype=None, requires_grad=False):
    """All `fill_value`; the dtype is that of `tensor(fill_value)`."""
    fill = tensor(fill_value, dtype)
    if fill.ndim:
        raise ValueError(f"full: fill_value must be a single number, got shape {fill.shape}")
    size, dtype = _size("full", (size,), {}, fill.dtype)
    return Tensor(np.full(size, fill.data), requires_grad)


def eye(n, m=None, dtype=None, requires_grad=False):
    """The identity matrix of n rows (and m columns): 1 on the diagonal, 0 elsewhere."""
    (n, m), dtype = _size("eye", (n, n if m is None else m), {}, dtype)
    return Tensor(np.eye(n, m, dtype=dtype), requires_grad)


def arange(start=0, end=None, step=1, dtype=None, requires_grad=False):
    """start, start + step, ... below end; `arange(end)` starts at 0. ValueError where step leads away from end."""
    start, end = (0, start) if end is None else (start, end)
    start, end, step = (_number("arange", v) for v in (start, end, step))
    if not math.isfinite(start) or not math.isfinite(end) or not math.isfinite(step):
        raise ValueError(f"arange: {start}, {end} and step {step} must be finite")
    whole = all(isinstance(v, int) for v in (start, end, step))
    dtype = supported("arange", dtype or (int64 if whole else float32))
    if dtype.kind != "f":
        start, end, step, whole = int(start), int(end), int(step), True
    if step == 0 or (end - start) * step < 0:
        raise ValueError(f"arange: no steps of {step} lead from {start} to {end}")
    if whole and max(abs(start), abs(end), abs(step)) >= 2**63:
        raise ValueError(f"arange: {start}, {end} and step {step} go beyond int64")
    count = -((start - end) // step) if whole else math.ceil((end - start) / step)
    _size("arange", (count,), {}, dtype)
    return Tensor((start + step * np.arange(count)).astype(dtype), requires_grad)


def linspace(start, end, steps, dtype=None, requires_grad=False):
    """`steps` values from start to end, both included, at equal distances; for a whole-number dtype cut towards 0."""
    start, end = (_number("linspace", v) for v in (start, end))
    (steps,), dtype = _size("linspace", (steps,), {}, dtype)
    i, step = np.arange(steps), (end - start) / max(steps - 1, 1)
    values = np.where(i < (steps + 1) // 2, start + step * i, end - step * (steps - 1 - i))  # exact at both ends
    return Tensor(quiet.run(values.astype, dtype), requires_grad)


def zeros_like(input, dtype=None, requires_grad=False):
    """All 0, shaped like `input`."""
    return full_like(input, 0, dtype, requires_grad)


def ones_like(input, dtype=None, requires_grad=False):
    """All 1, shaped like `input`."""
    return full_like(input, 1, dtype, requires_grad)


def full_like(input, fill_value, dtype=None, requires_grad=False):
    """All `fill_value`, with the shape and, if none is given, the dtype of `input`."""
    needs_tensor("full_like", "input", input)
    return full(input.shape, fill_value, input.dtype if dtype is None else dtype, requires_grad)


def randn(*size, dtype=None, requires_grad=False, **options):
    """Standard normal values. `size`: numbers or one tuple."""
    size, dtype = _size("randn", size, options, dtype, random=True)
    return Tensor(generator().standard_normal(size, dtype), requires_grad)


def rand(*size, dtype=None, requires_grad=False, **options):
    """Uniform values in [0, 1). `size`: numbers or one tuple."""
    size, dtype = _size("rand", size, options, dtype, random=True)
    return Tensor(generator().random(size, dtype), requires_grad)


def _size(op, size, options, dtype, random=False):
    """(shape, dtype) of what is to be made, checked; `size` may also come by its name."""
    if "size" in options and not size:
        size = (options.pop("size"),)
    if options:
        raise NotImplementedError(f"{op}: {', '.join(options)}: only size, dtype and requires_grad are offered")
    size = sizes(op, size)
    if any(n < 0 for n in size):
        raise ValueError(f"{op}: a size cannot be negative: {size}")
    dtype = float32 if dtype is None else supported(op, dtype)
    if random and dtype.kind != "f":
        raise TypeError(f"{op}: random values are floating-point numbers, not {dtype}")
    return size, dtype


def _number(op, v):
    """A Python number of a number, NumPy scalar or Tensor of one value."""
    v = value(v)
    v = v.item() if isinstance(v, (np.generic, np.ndarray)) and v.size == 1 else v
    if not isinstance(v, (int, float)):
        raise TypeError(f"{op}: needs numbers, got {v!r}")
    return int(v) if isinstance(v, bool) else v
