"""How alike two pictures are, pixel by pixel, and two sequences, in their order."""

import numpy as np


def correlation(images, others):
    """Pearson correlation of the pixels of pictures [N, ...] with others: [N]. 1: a copy; 0: one is constant."""
    a, b = (np.asarray(x, np.float64).reshape(len(x), -1) for x in (images, others))
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    scale = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.where(scale > 0, (a * b).sum(1) / np.where(scale > 0, scale, 1), 0.0)


def ranks(values):
    """Ranks from 1 of values, flat; equal ones have the mean of theirs."""
    _, place, counts = np.unique(np.ravel(values), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place.ravel()]


def spearman(x, y):
    """Rank correlation of two sequences: -1 where y falls whenever x rises. Ties get their mean rank; 0 if all tie."""
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"spearman: two sequences of one length from 2 are needed, got {len(x)} and {len(y)}")
    return float(correlation(ranks(x)[None], ranks(y)[None])[0])
