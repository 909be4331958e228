"""What windows show, as a classifier learns it: an object, a part of one, or background."""

import numpy as np

from lectures.detection.foundation.matching import overlaps

POSITIVE, NEGATIVE, PARTIAL = 0.6, 0.5, 0.1  # IoU with an object


def label_windows(boxes, truth, names, background):
    """(IoU with the object overlapped most, its label from IoU POSITIVE on, else `background`), one per box."""
    if not len(truth):
        return np.zeros(len(boxes)), np.full(len(boxes), background)
    overlap = overlaps(boxes, truth)
    most = overlap.max(1)
    return most, np.where(most >= POSITIVE, names[overlap.argmax(1)], background)


def draw_windows(overlap, count, rng):
    """Indices of at most `count` windows: a third objects, a third with part of an object, then mere background."""
    third = -(-count // 3)
    positive = rng.permutation(np.flatnonzero(overlap >= POSITIVE))[:third]
    partial = rng.permutation(np.flatnonzero((overlap >= PARTIAL) & (overlap < NEGATIVE)))[:third]
    far = rng.permutation(np.flatnonzero(overlap < PARTIAL))[: count - len(positive) - len(partial)]
    chosen = np.concatenate([positive, partial, far])
    return chosen if len(chosen) else np.array([overlap.argmin()])  # all in between: one, as background
