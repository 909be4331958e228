"""From a sentence of the decks to a number, and from that number over seeds to one of three verdicts."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

HOLDS = "holds"
DOES_NOT_HOLD = "does not hold here"
TOO_NOISY = "too noisy to say"

# Student's t: 97.5 % of the distribution with 1, 2, ... 30 degrees of freedom lie below.
T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
Z_975 = 1.95996


@dataclass(frozen=True)
class Claim:
    """What a slide says, the number that would show it (`effect`, in words) and how that number is measured.

    `measure(options, report)` returns a dict with "effect" and whatever else the figure needs, JSON-able; the claim
    is that effect > `above`, fixed before anything is measured. `draw(ax, runs)` draws the dicts of all seeds on one
    Axes; beside it lectures/claims.py draws the effects, their interval and the threshold.
    `exact`: arithmetic, one run and no interval. `because`: why it does not hold, or not for sure, at this scale.
    """

    number: str
    title: str
    says: str
    deck: str
    slide: str
    effect: str
    measure: Callable
    draw: Callable
    above: float = 0.0
    seeds: int = 3
    exact: bool = False
    because: str = ""


def verdict(effects, above=0.0, exact=False):
    """(verdict, low, high): is effect > above, by the 95 % Student-t interval of the mean over seeds?

    mean ± t s / √n, with s the deviation (n - 1) and t of n - 1 degrees of freedom. It holds where the whole
    interval is above, does not hold here where all of it is below, and is too noisy to say where `above` lies within;
    so is a single seed, unless `exact`: then the interval is the number. ValueError for none or what is not finite.
    """
    effects = np.asarray(effects, np.float64).reshape(-1)
    if not effects.size:
        raise ValueError("verdict: no effect was measured; one number for each seed is needed")
    if not np.isfinite(effects).all():
        raise ValueError(f"verdict: effects must be finite, got {effects.tolist()}: was something divided by nothing?")
    if not math.isfinite(above):
        raise ValueError(f"verdict: above must be finite, got {above}")
    if exact:
        if np.ptp(effects) > 0:
            raise ValueError(f"verdict: an exact effect must not differ from seed to seed, got {effects.tolist()}")
        low = high = float(effects[0])
    elif effects.size == 1:
        return TOO_NOISY, -math.inf, math.inf
    else:
        half = student_t(effects.size - 1) * effects.std(ddof=1) / math.sqrt(effects.size)
        low, high = float(effects.mean() - half), float(effects.mean() + half)
    if low > above:
        return HOLDS, low, high
    return (DOES_NOT_HOLD if high < above or exact else TOO_NOISY), low, high


def student_t(degrees):
    """The t that 97.5 % of Student's distribution lie below; past 30 degrees of freedom z + (z³ + z) / 4n."""
    if degrees <= len(T_975):
        return T_975[degrees - 1]
    return Z_975 + (Z_975**3 + Z_975) / (4 * degrees)
