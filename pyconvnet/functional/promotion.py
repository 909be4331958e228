"""Which dtype an elementwise result has: PyTorch's rules, under which a mask or an index never widens float32.

Boolean < integer < floating. Tensors with axes decide; tensors of rank 0, and then Python numbers, only
count where they are of a higher kind. (NumPy would make int64 + float32 a float64.)
"""

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value

_supported = frozenset(np.dtype(kind) for kind in ("?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8"))
_KIND = {"b": 0, "i": 1, "u": 1, "f": 2}
_PYTHON = {bool: np.dtype(bool), int: np.dtype(np.int64), float: np.dtype(np.float32)}


def number(x):
    """A NumPy scalar as the Python number it stands for: x * np.sqrt(2) must not turn float32 into float64."""
    x = x.item() if isinstance(x, np.generic) else x
    if type(x) not in _PYTHON and not isinstance(x, (Tensor, np.ndarray)):
        raise TypeError(f"an operand must be a tensor, an array or a number, got {x!r:.60}")
    return x


def result_dtype(*operands):
    """The dtype of an elementwise result of Tensors, arrays and Python numbers."""
    result = None
    for room in (
        _dtypes(operands, True),
        _dtypes(operands, False),
        [_PYTHON[type(x)] for x in operands if type(x) in _PYTHON],
    ):
        kinds = [_KIND[d.kind] for d in room]
        best = max(kinds, default=-1)
        if best > (-1 if result is None else _KIND[result.kind]):
            result = np.result_type(*(d for d, kind in zip(room, kinds) if kind == best))
    return result


def promoted(*operands, floating=False):
    """The Tensors and arrays among the operands cast to the common dtype; their gradients come back in their own.

    With `floating` (division, exp, ...) whole numbers become float32.
    """
    operands = [number(x) for x in operands]
    dtype = result_dtype(*operands)
    dtype = _PYTHON[float] if floating and dtype.kind != "f" else dtype
    return [x if type(x) in _PYTHON or x.dtype == dtype else P.cast(x, dtype=dtype) for x in operands]


def supported(op, dtype):
    """`dtype`, however it was named, as a numpy.dtype in native byte order; TypeError if the engine leaves it out."""
    try:
        dtype = np.dtype(dtype).newbyteorder("=")
    except TypeError:
        raise TypeError(f"{op}: {dtype!r} does not name a dtype") from None
    if dtype not in _supported:
        raise TypeError(f"{op}: dtype {dtype} is not supported: use float32, float64, an integer type or bool")
    return dtype


def misfit(op, a, b):
    """The error of an operator that NumPy refused: shapes that do not fit, or a number too large."""
    shapes = np.shape(value(a)), np.shape(value(b))
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return ValueError(
            f"{op}: shapes {shapes[0]} and {shapes[1]} do not broadcast against each other: "
            "aligned at the last axis, sizes must be equal or 1"
        )
    dtypes = " and ".join(str(x.dtype) if hasattr(x, "dtype") else f"the number {x!s:.40}" for x in (a, b))
    return ValueError(f"{op} of {dtypes}: a number is too large for the dtype, or an integer power is negative")


def needs_tensor(op, name, x):
    """TypeError for an argument that is neither a Tensor nor an array."""
    if not isinstance(x, (Tensor, np.ndarray)):
        raise TypeError(f"{op}: {name} must be a Tensor, got {type(x).__name__}: make one with pcn.tensor(...)")


def to(x, dtype):
    """The same values in another dtype; the gradient comes back in this one."""
    dtype = supported("to", dtype)
    if dtype == x.dtype:
        return x
    return P.cast(x, dtype=dtype) if dtype.kind == "f" else P.cast(Tensor(value(x)), dtype=dtype)


def floating(op, x):
    """x, which must hold floating-point numbers: TypeError."""
    if value(x).dtype.kind != "f":
        raise TypeError(f"{op}: needs a floating-point tensor, this one is {x.dtype}; convert it with .float()")
    return x


def _dtypes(operands, with_axes):
    arrays = [x for x in operands if isinstance(x, (Tensor, np.ndarray)) and bool(x.ndim) == with_axes]
    return [supported("an operand", x.dtype) for x in arrays]
