"""The illness of embeddings: all faces at one point. It is quiet, for the loss then stands still at its margin."""

import warnings

import numpy as np

LEAST = 0.005  # mean standard deviation of a number of the embedding; healthy ones of 64 numbers are near 1 / 8


def collapsed(vectors):
    """Whether embeddings (n, D) of length 1, of several faces, are all the same, or nearly."""
    return len(vectors) > 1 and float(np.std(vectors, axis=0).mean()) < LEAST


def warn_if_collapsed(vectors):
    """A RuntimeWarning that names the illness and its remedies, where the embeddings have collapsed."""
    if collapsed(vectors):
        spread = float(np.std(vectors, axis=0).mean())
        warnings.warn(
            f"the embedding has collapsed: all {len(vectors)} faces lie at one point (spread {spread:.1g}), so the "
            "triplet loss stays at its margin. The hardest triplets pull everything together before anything is "
            "learned: begin with all or semi-hard triplets, lower the learning rate, keep the vectors at length 1",
            RuntimeWarning,
            stacklevel=2,
        )
