"""The seeded split of a data set that comes without one."""

import numpy as np


def seeded_splits(names, seed=0):
    """{split: names}: permuted with `seed`, a fifth is "test", a fifth "val", the rest "train".

    "trainval" is the union of "train" and "val", "all" is every name; each keeps the order of `names`.
    """
    fifth = max(1, round(len(names) / 5))
    order = np.random.default_rng((seed, len(names))).permutation(len(names))
    test, val, train = (sorted(part.tolist()) for part in np.split(order, [fifth, 2 * fifth]))
    parts = {"train": train, "val": val, "trainval": sorted(train + val), "test": test}
    return {split: [names[i] for i in part] for split, part in parts.items()} | {"all": list(names)}


def print_seeded_split(cause, split, splits, seed):
    """Say which pictures the seed chose: a split that nobody can repeat is no split."""
    sizes = ", ".join(f"{name} {len(splits[name])}" for name in ("train", "val", "test"))
    shown, more = ", ".join(str(name) for name in splits[split][:12]), len(splits[split]) - 12
    ending = f" and {more} more" if more > 0 else ""
    print(f"{cause}; split by seed {seed} ({sizes}); {split}: {shown}{ending}")
