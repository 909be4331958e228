"""Gradient checks by directional derivatives: exact enough to trust, cheap at any size."""

import numpy as np

from ..autograd import Tensor, grad, value


def check_grads(f, *args, order=2, eps=1e-6, tolerance=1e-6, seed=0):
    """Check the gradients of f, of order 1 up to `order`, at the float64 arrays `args`; AssertionError shows the miss.

    Order 1 compares (L(a + eps v) - L(a - eps v)) / 2 eps with <grad L, v>, for L = <f(a), random r> and a random
    direction v; order k + 1 does the same for <grad L, random u>. Stay eps away from kinks. Returns the number of
    comparisons made.
    """
    rng = np.random.default_rng(seed)
    arrays = [np.array(value(a), dtype=np.float64) for a in args]
    weights = rng.standard_normal(np.shape(value(f(*[Tensor(a) for a in arrays]))))

    def loss(*tensors):
        y = f(*tensors)
        return (y * weights).sum()

    for level in range(1, order + 1):
        _compare(loss, arrays, level, eps, tolerance * 30 ** (level - 1), rng)
        loss = _directional(loss, [rng.standard_normal(a.shape) for a in arrays])
    return order


def _compare(loss, arrays, level, eps, tolerance, rng):
    directions = [rng.standard_normal(a.shape) for a in arrays]
    ahead, behind = (
        loss(*[Tensor(a + s * eps * v, requires_grad=level > 1) for a, v in zip(arrays, directions)]).item()
        for s in (1, -1)
    )
    numeric = (ahead - behind) / (2 * eps)
    tensors = [Tensor(a, requires_grad=True) for a in arrays]
    y = loss(*tensors)
    analytic = sum(float((g.data * v).sum()) for g, v in zip(_gradients(y, tensors, False), directions))
    scale = max(1.0, abs(numeric), abs(analytic))
    if not abs(numeric - analytic) <= tolerance * scale:
        raise AssertionError(
            f"order {level}: the difference quotient along a random direction is {numeric:.9g}, "
            f"the gradient rules give {analytic:.9g} (tolerance {tolerance:g}, arguments of shape "
            f"{', '.join(str(a.shape) for a in arrays)})"
        )


def _directional(loss, directions):
    """<grad loss, directions> as a function of the same arguments."""

    def derivative(*tensors):
        total = Tensor(np.zeros(()))
        for g, u in zip(_gradients(loss(*tensors), tensors, True), directions):
            total = total + (g * u).sum()
        return total

    return derivative


def _gradients(y, tensors, create_graph):
    """Gradients, with zeros where y does not depend on an argument (a linear f at order 2)."""
    if not y.requires_grad:
        return [Tensor(np.zeros(t.shape)) for t in tensors]
    found = grad(y, tensors, create_graph=create_graph, allow_unused=True)
    return [Tensor(np.zeros(t.shape)) if g is None else g for g, t in zip(found, tensors)]
