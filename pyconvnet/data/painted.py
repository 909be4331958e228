"""What all painted data share: splits that never meet, a random generator for each sample, samples drawn once."""

import numpy as np

from .dataset import Dataset, check_index

SPLITS = {"train": 0, "val": 1, "test": 2}


class Painted(Dataset):
    """`count` samples of a split ("train", "val", "test"), each from a generator seeded with split, seed and index.

    So a sample does not depend on which were drawn before, and no two splits share one. Subclasses define
    `draw(rng)`; `drawn(i)` is what it returned for sample i (pixels as uint8, for the memory). `counted` {name:
    (number, least)} are whole numbers that become attributes. ValueError, TypeError, and IndexError of `drawn`.
    """

    def __init__(self, count, split, seed, **counted):
        owner = type(self).__name__
        if split not in SPLITS:
            raise ValueError(f"{owner}: no split {split!r}; there are {', '.join(SPLITS)}")
        for name, (value, least) in {"count": (count, 0), "seed": (seed, 0), **counted}.items():
            if not isinstance(value, int | np.integer) or isinstance(value, bool):
                raise TypeError(f"{owner}: {name} must be an integer, got {value!r}")
            if not least <= value < 2**32:  # one word each, so that different seeds never share a generator
                raise ValueError(f"{owner}: {name} must be in [{least}, 2**32), got {value}")
            setattr(self, name, int(value))
        self.split, self._drawn = split, {}

    def __len__(self):
        return self.count

    def drawn(self, index):
        """What `draw` returned for sample `index`, drawn when first asked for."""
        i = check_index(index, len(self), type(self).__name__)
        if i not in self._drawn:
            self._drawn[i] = self.draw(self.generator(*self.words(i)))
        return self._drawn[i]

    def words(self, i):
        """The whole numbers, besides split and seed, that sample i depends on."""
        return (i,)

    def generator(self, *words):
        """A random generator of this split and seed, and of `words`."""
        return np.random.default_rng((SPLITS[self.split], self.seed, *words))

    def draw(self, rng):
        """A sample, from the numbers of `rng`."""
        raise NotImplementedError(f"{type(self).__name__} does not define draw(rng)")
