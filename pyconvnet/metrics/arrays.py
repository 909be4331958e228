"""Reading arrays given to a metric: numbers, labels, pairs of equal shape."""

from numbers import Integral

import numpy as np


def numbers(what, values):
    """An array of booleans, integers or floats. ValueError, TypeError."""
    try:
        values = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{what} are not an array of numbers: rows of different lengths?") from error
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{what} must be numbers, got dtype {values.dtype}")
    return values


def label_pairs(caller, predictions, targets):
    """Two arrays of integer labels of one shape, or two lists of such, as a list of pairs."""
    given = []
    for name, arrays in (("predictions", predictions), ("targets", targets)):
        several = isinstance(arrays, (list, tuple)) and len(arrays) and np.ndim(arrays[0]) > 0
        arrays = [numbers(f"{caller}: {name}", a) for a in (arrays if several else [arrays])]
        for a in arrays:
            if a.size and a.dtype.kind not in "biu":
                raise TypeError(f"{caller}: {name} must be integer labels, got dtype {a.dtype}: take the argmax first?")
        given.append(arrays)
    if len(given[0]) != len(given[1]):
        raise ValueError(f"{caller}: {len(given[0])} arrays of predictions but {len(given[1])} of targets")
    pairs = list(zip(*given))
    for i, (p, t) in enumerate(pairs):
        if p.shape != t.shape:
            raise ValueError(f"{caller}: predictions {p.shape} and targets {t.shape} of image {i} differ in shape")
    return pairs


def class_count(caller, num_classes, largest):
    """How many classes there are: as said, or one more than the largest label."""
    if num_classes is None:
        return largest + 1
    if not isinstance(num_classes, Integral) or isinstance(num_classes, bool):
        raise TypeError(f"{caller}: num_classes must be a whole number, got {num_classes!r}")
    if num_classes < 1 or largest >= num_classes:
        raise ValueError(f"{caller}: num_classes is {num_classes}, but there is a label {largest}")
    return int(num_classes)
