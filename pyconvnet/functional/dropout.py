"""Dropout."""

from .. import primitives as P
from .. import random
from .arguments import flag, floats, not_inplace, number


def dropout(input, p=0.5, training=True, inplace=False):
    """Training: 0 with probability p, else x / (1 - p), so that the mean stays. Otherwise x. Srivastava et al. (2014).

    The draw comes from the stream of `pcn.manual_seed`.
    """
    not_inplace("dropout", inplace)
    floats("dropout", input=input)
    number("dropout", p=p)
    flag("dropout", training=training)
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p is a probability and must lie in [0, 1], got {p}")
    if not training or p == 0:
        return input
    keep = random.generator().random(input.shape) >= p
    return P.where(keep, input * (1 / (1 - p) if p < 1 else 0.0), 0.0)
