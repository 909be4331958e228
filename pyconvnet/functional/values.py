"""Operators on the values alone, without a gradient: comparisons, masks and bits, division of whole numbers."""

import operator

import numpy as np

from ..autograd import Tensor, value
from ..grad_mode import mode
from ..primitives.quiet import quiet
from .promotion import misfit, promoted

OPERANDS = (int, float, Tensor, np.ndarray, np.generic)  # what an operator takes; the rest may know what to do itself


def _comparison(compare):
    def method(a, b):
        if not isinstance(b, OPERANDS):
            return NotImplemented
        try:
            return Tensor(quiet.run(compare, *map(value, promoted(a, b))))
        except (ValueError, OverflowError) as error:
            raise misfit(compare.__name__, a, b) from error

    return method


def _on_values(symbol, function, check):
    """An operator without a gradient, and its reflection; `check(symbol, a, b)` refuses the operands it is not for."""

    def apply(a, b):
        a, b = promoted(a, b)
        check(symbol, a, b)
        try:
            return Tensor(quiet.run(function, value(a), value(b)))
        except (ValueError, OverflowError) as error:
            raise misfit(symbol, a, b) from error

    def forward(a, b):
        return apply(a, b) if isinstance(b, OPERANDS) else NotImplemented

    def reflected(a, b):
        return apply(b, a) if isinstance(b, OPERANDS) else NotImplemented

    return forward, reflected


def _for_bits(symbol, *operands):
    if any(np.asarray(value(x)).dtype.kind == "f" for x in operands):
        right = "~(x > 0)" if symbol == "~" else f"(x > 0) {symbol} (x < 1)"
        raise TypeError(
            f"{symbol}: takes masks and whole numbers, not floating-point ones; comparisons need parentheses: {right}"
        )


def _for_division(symbol, x, y):
    if mode.recording and any(isinstance(a, Tensor) and a.requires_grad for a in (x, y)):
        raise NotImplementedError(
            f"{symbol}: has no gradient; detach() the tensor first, or write it with floor: "
            "(x / y).floor(), and x - y * (x / y).floor() for the rest"
        )
    kinds = {np.asarray(value(a)).dtype.kind for a in (x, y)}
    if kinds == {"b"}:
        raise TypeError(f"{symbol}: is not for two masks: convert one, e.g. with .long()")
    if "f" not in kinds and not np.all(value(y)):
        raise RuntimeError(f"{symbol}: a whole number cannot be divided by zero")


def invert(x):
    """not x for masks, -x - 1 (every bit turned) for whole numbers."""
    _for_bits("~", x)
    return Tensor(~x.data)


lt, le, gt, ge, eq, ne = map(
    _comparison, (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
)
and_, rand = _on_values("&", np.bitwise_and, _for_bits)
or_, ror = _on_values("|", np.bitwise_or, _for_bits)
xor, rxor = _on_values("^", np.bitwise_xor, _for_bits)
floordiv, rfloordiv = _on_values("//", np.floor_divide, _for_division)
mod, rmod = _on_values("%", np.remainder, _for_division)
