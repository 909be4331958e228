"""How far to go along a direction: a step that fulfils the strong Wolfe conditions.

Nocedal & Wright, "Numerical Optimization" (2006), algorithms 3.5 (bracket) and 3.6 (zoom), in the form of minFunc,
which PyTorch follows too: the same steps, and the same counts of evaluations.
"""

from dataclasses import dataclass

import numpy as np

ARMIJO, CURVATURE = 1e-4, 0.9


@dataclass
class Point:
    """A trial step t: the loss there, the gradient, and the slope along the direction."""

    t: float
    loss: float
    gradient: np.ndarray
    slope: float


def strong_wolfe(evaluate, start, t, longest, tolerance_change, max_evaluations):
    """The Point to go to from `start` (t = 0), and the number of evaluations used.

    evaluate(t) -> Point. The conditions: loss(t) <= loss(0) + ARMIJO t slope(0), |slope(t)| <= CURVATURE |slope(0)|.
    `longest` is the largest entry of the direction: a bracket shorter than tolerance_change / longest is done.
    """
    point, before, evaluations, tried = evaluate(t), start, 1, 0
    bracket, met = None, False
    while tried < max_evaluations:
        if _too_high(point, start) or (tried > 1 and point.loss >= before.loss):
            bracket = [before, point]
            break
        if abs(point.slope) <= -CURVATURE * start.slope:
            bracket, met = [point], True
            break
        if point.slope >= 0:
            bracket = [before, point]
            break
        t = cubic_minimum(before, point, point.t + 0.01 * (point.t - before.t), point.t * 10)
        before, point = point, evaluate(t)
        evaluations, tried = evaluations + 1, tried + 1
    if bracket is None:
        bracket = [start, point]

    low, high = (0, 1) if bracket[0].loss <= bracket[-1].loss else (1, 0)
    stuck = False  # the last trial already lay close to an end
    while not met and tried < max_evaluations:
        ends = [p.t for p in bracket]
        if abs(ends[1] - ends[0]) * longest < tolerance_change:
            break
        t = cubic_minimum(*bracket, min(ends), max(ends))
        margin = 0.1 * (max(ends) - min(ends))
        if min(max(ends) - t, t - min(ends)) < margin:
            if stuck or t >= max(ends) or t <= min(ends):
                nearer_far_end = abs(t - max(ends)) < abs(t - min(ends))
                t = max(ends) - margin if nearer_far_end else min(ends) + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        point = evaluate(t)
        evaluations, tried = evaluations + 1, tried + 1
        if _too_high(point, start) or point.loss >= bracket[low].loss:
            bracket[high] = point
            low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
        else:
            if abs(point.slope) <= -CURVATURE * start.slope:
                met = True
            elif point.slope * (bracket[high].t - bracket[low].t) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = point
    return bracket[low], evaluations


def cubic_minimum(a, b, lowest, highest):
    """Where the cubic through both points, with their slopes, is least; within [lowest, highest].

    Their middle where the cubic has no minimum."""
    if a.t > b.t:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (lowest + highest) / 2
    d2 = np.sqrt(square)
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(t, lowest), highest)


def _too_high(point, start):
    return point.loss > start.loss + ARMIJO * point.t * start.slope
