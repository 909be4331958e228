"""The one stream of random numbers: initial weights, `randn`, `rand` and dropout draw from it."""

import numpy as np

_generator = np.random.default_rng()


def manual_seed(seed):
    """Start the stream anew: the same seed, the same numbers. TypeError, ValueError unless a whole number >= 0."""
    global _generator
    if isinstance(seed, bool) or not hasattr(seed, "__index__"):
        raise TypeError(f"manual_seed: the seed must be a whole number, got {seed!r}")
    if int(seed.__index__()) < 0:
        raise ValueError(f"manual_seed: the seed must not be negative, got {seed}")
    _generator = np.random.default_rng(int(seed.__index__()))


def generator():
    """The NumPy generator that `manual_seed` starts."""
    return _generator
