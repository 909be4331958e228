"""Gradient rules that need not be written: those of a function composed of primitives, from its own tape."""

from ..autograd import Tensor, grad, value
from ..grad_mode import recording


def composed_rule(f, i):
    """The gradient rule of argument i of `f`, a function composed of primitives, found on f's own tape.

    Gives a fused primitive the higher derivatives of its composed twin.
    """

    def rule(g, _, *args, **params):
        higher = any(isinstance(a, Tensor) for a in (g, *args))
        args = [
            a if isinstance(a, Tensor) and a.requires_grad else Tensor(value(a), requires_grad=j == i)
            for j, a in enumerate(args)
        ]
        with recording(True):
            (cotangent,) = grad(f(*args, **params), args[i], g, create_graph=higher)
        return cotangent if higher else cotangent.data

    return rule
