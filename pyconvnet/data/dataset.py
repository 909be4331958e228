"""What a data set is: a length, and a sample for each index."""

from operator import index as as_integer


class Dataset:
    """A finite collection of samples: `len(dataset)` and `dataset[i]` -> (image, target).

    Subclasses define `__len__` and `__getitem__`, and name their labels in `classes`.
    """

    classes: tuple[str, ...] = ()

    def __len__(self):
        raise NotImplementedError(f"{type(self).__name__} does not define __len__, the number of its samples")

    def __getitem__(self, index):
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__(index)")

    def __iter__(self):
        return (self[i] for i in range(len(self)))


class Subset(Dataset):
    """The samples of `dataset` at `indices`, in that order."""

    def __init__(self, dataset, indices):
        self.dataset = dataset
        self.indices = [check_index(i, len(dataset), "Subset") for i in indices]
        self.classes = getattr(dataset, "classes", ())

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        return self.dataset[self.indices[check_index(index, len(self), "Subset")]]


def check_index(index, length, owner):
    """`index` as an int in [0, length), negative ones counted from the end. IndexError, TypeError."""
    try:
        i = as_integer(index)
    except TypeError:
        raise TypeError(f"{owner}: an index is an integer, got {type(index).__name__}") from None
    if not -length <= i < length:
        raise IndexError(f"{owner}: index {i} is out of range for {length} samples")
    return i + length if i < 0 else i
