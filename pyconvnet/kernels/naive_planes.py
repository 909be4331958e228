"""Part of the naive backend: values picked out of planes, and the winners of the bins of regions, as loops."""

import numpy as np

from pyconvnet.kernels.numpy_planes import _positions  # refuses what lies outside


def gather_planes(x, image, chosen):
    """y[r, c, i, j] = x[image[r], c] at chosen[r, c, i, j]."""
    _positions(x.shape, image, chosen)
    y = np.empty(chosen.shape, x.dtype)
    for r, c, i, j in np.ndindex(chosen.shape):
        y[r, c, i, j] = x[image[r], c].reshape(-1)[chosen[r, c, i, j]]
    return y


def scatter_planes(g, image, chosen, shape):
    """x[image[r], c] at chosen[r, c, i, j] += g[r, c, i, j]."""
    _positions(shape, image, chosen)
    x = np.zeros(shape, g.dtype)
    for r, c, i, j in np.ndindex(chosen.shape):
        x[image[r], c].reshape(-1)[chosen[r, c, i, j]] += g[r, c, i, j]
    return x


def roi_pool_indices(x, image, bins_y, bins_x, lowest):
    """The first of the largest values of each bin."""
    chosen = np.full((len(image), x.shape[1], bins_y.shape[2], bins_x.shape[2]), -1)
    for r, c, i, j in np.ndindex(chosen.shape):
        best = lowest
        for y in range(bins_y[0, r, i], bins_y[1, r, i]):
            for at in range(bins_x[0, r, j], bins_x[1, r, j]):
                if x[image[r], c, y, at] > best:
                    best = x[image[r], c, y, at]
                    chosen[r, c, i, j] = y * x.shape[3] + at
    return chosen
