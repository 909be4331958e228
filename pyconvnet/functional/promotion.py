"""Which dtype an elementwise result has: PyTorch's rules, under which a mask or an index never widens
float32.

Boolean < integer < floating. Tensors with axes decide; tensors of rank 0, and then Python numbers, only
count where they are of a higher kind. (NumPy would make int64 + float32 a float64.)
"""

import numpy as np

from .. import primitives as P
from ..autograd import Tensor

_KIND = {"b": 0, "i": 1, "u": 1, "f": 2}
_PYTHON = {bool: np.dtype(bool), int: np.dtype(np.int64), float: np.dtype(np.float32)}


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
    """The Tensors and arrays among the operands cast to the common dtype; their gradients come back in their
    own.

    With `floating` (division, exp, ...) whole numbers become float32.
    """
    dtype = result_dtype(*operands)
    dtype = _PYTHON[float] if floating and dtype.kind != "f" else dtype
    return [x if type(x) in _PYTHON or x.dtype == dtype else P.cast(x, dtype=dtype) for x in operands]


def _dtypes(operands, with_axes):
    return [x.dtype for x in operands if isinstance(x, (Tensor, np.ndarray)) and bool(x.ndim) == with_axes]
