"""Arithmetic without warnings: log(0) is -inf, 0 / 0 and inf - inf are NaN, and nobody is told, as in PyTorch.

And its results in pooled memory (kernels/memory.py).
"""

import contextvars
import functools
import threading

import numpy as np

from ..kernels.memory import pool_arrays


class _Quiet(threading.local):
    """`quiet.run(f, x, ...)` is f(x, ...) silenced; `@quiet` a function that always is.

    NumPy keeps its floating-point settings (and who provides memory) in context variables: a context made once per
    thread, costs a tenth of a microsecond per call; entering `np.errstate` five times that.
    """

    def __init__(self):
        context = contextvars.Context()
        context.run(np.seterr, all="ignore")
        context.run(pool_arrays)
        self.run = context.run

    def __call__(self, function):
        @functools.wraps(function)
        def silenced(*args, **params):
            return self.run(function, *args, **params)

        return silenced


quiet = _Quiet()
