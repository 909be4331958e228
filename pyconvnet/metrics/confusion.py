"""Which class is taken for which, and how well the regions of each class are met."""

from numbers import Integral

import numpy as np

from .arrays import class_count, label_pairs


def confusion_matrix(predictions, targets, num_classes=None):
    """int64 (C, C): entry [i, j] counts how often class i was taken for class j: rows truth, columns prediction.

    predictions, targets: integer labels from 0, two arrays of one shape or two lists of such. C is num_classes, or
    one more than the largest label. ValueError, TypeError.
    """
    return _matrix("confusion_matrix", predictions, targets, num_classes, None)


def mean_iou(predictions, targets, num_classes=None, ignore_index=None):
    """Mean over classes of TP / (TP + FP + FN), counted over all pixels of all images together.

    predictions, targets: integer labels from 0, two arrays (..., H, W) or two lists of such. Pixels whose target is
    ignore_index do not count; a class that occurs in neither is left out; NaN where none is left. Everingham et al.,
    "Pascal VOC" (2010); Long et al., "FCN" (2015). ValueError, TypeError.
    """
    matrix = _matrix("mean_iou", predictions, targets, num_classes, ignore_index)
    hit = np.diagonal(matrix)
    union = matrix.sum(axis=0) + matrix.sum(axis=1) - hit
    seen = union > 0
    return float(np.mean(hit[seen] / union[seen])) if seen.any() else float("nan")


def _matrix(caller, predictions, targets, num_classes, ignore_index):
    pairs = label_pairs(caller, predictions, targets)
    truth = np.concatenate([t.ravel() for _, t in pairs]).astype(np.int64)
    taken = np.concatenate([p.ravel() for p, _ in pairs]).astype(np.int64)
    if ignore_index is not None and not isinstance(ignore_index, Integral):
        raise TypeError(f"{caller}: ignore_index must be a whole number, got {ignore_index!r}")
    if ignore_index is not None:
        truth, taken = truth[truth != ignore_index], taken[truth != ignore_index]
    for name, labels in (("predictions", taken), ("targets", truth)):
        if labels.size and labels.min() < 0:
            raise ValueError(f"{caller}: {name} has label {labels.min()}: labels count from 0 (ignore_index?)")
    largest = int(max(truth.max(initial=-1), taken.max(initial=-1)))
    classes = class_count(caller, num_classes, largest)
    if classes > 2**15:
        raise ValueError(f"{caller}: {classes} classes make a matrix too large: is there a stray label {largest}?")
    return np.bincount(truth * classes + taken, minlength=classes**2).reshape(classes, classes)
