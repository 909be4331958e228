"""Training pictures of two kinds: with boxes whose labels may be coarse, and with names but no box (NaN boxes)."""

import numpy as np

from pyconvnet.data import Dataset


def is_name_only(target):
    """Whether a target (boxes, labels) holds names without boxes: a box of NaN says that nobody knows where."""
    return len(target[0]) > 0 and bool(np.isnan(target[0]).all())


class BoxesOrNames(Dataset):
    """`boxed` pictures, then `named` ones; labels become nodes of the LabelTree `tree`, by the names of the classes.

    An object in a boxed picture whose class is in `coarse` keeps its box but only its parent's name; objects of named
    pictures lose their boxes.
    """

    def __init__(self, tree, boxed, coarse=(), named=None):
        self.classes, self.boxed, self.named = tuple(tree.names), boxed, named
        nodes = [tree.index(name) for name in boxed.classes]
        self._boxed_nodes = np.array([tree.parent[k] if tree.names[k] in coarse else k for k in nodes])
        self._named_nodes = np.array([tree.index(name) for name in named.classes] if named is not None else [], int)
        if (self._boxed_nodes < 0).any():
            raise ValueError(f"BoxesOrNames: {coarse} are children of the root: without their name nothing is left")

    def __len__(self):
        return len(self.boxed) + (0 if self.named is None else len(self.named))

    def __getitem__(self, i):
        if not 0 <= i < len(self):
            raise IndexError(f"BoxesOrNames: index {i} is out of range for {len(self)} pictures")
        if i < len(self.boxed):
            image, (boxes, labels) = self.boxed[i]
            return image, (boxes, self._boxed_nodes[labels])
        image, (boxes, labels) = self.named[i - len(self.boxed)]
        return image, (np.full_like(boxes, np.nan), self._named_nodes[labels])
