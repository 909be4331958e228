"""Arrays as the backends want them: of one native float dtype."""

import numpy as np


def ready(x):
    """Whether x is an array of a native float dtype, as nearly always."""
    return type(x) is np.ndarray and x.dtype in FLOATS


FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def floats(op, **arrays):
    """The arguments as arrays of one native float dtype."""
    result = [np.asarray(a) for a in arrays.values()]
    first = result[0].dtype
    for i, (name, a) in enumerate(zip(arrays, result, strict=True)):
        if a.dtype not in FLOATS:
            if a.dtype.newbyteorder("=") not in FLOATS:
                raise TypeError(f"{op}: {name} has dtype {a.dtype}, expected float32 or float64")
            result[i] = a = a.astype(a.dtype.newbyteorder("="))
        if i and a.dtype != result[0].dtype:
            raise TypeError(
                f"{op}: {next(iter(arrays))} is {first} but {name} is {a.dtype}: convert one of them"
            )
    return result
