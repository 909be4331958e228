"""Ridge regression: the plane through numbers of faces, and the least that a network must beat."""

import numpy as np


def linear_fit(x, y, held_back=1e-4):
    """The function v -> (v - mean x) w + mean y with the least square error on x [n, d] and y [n, ...].

    The square length of w counts, too, times `held_back` and the mean square distance of x from its mean: without it
    the plane would follow the noise. x may be pictures: they are made flat.
    """
    x, y = np.asarray(x, np.float64).reshape(len(x), -1), np.asarray(y, np.float64)
    middle, level = x.mean(0), y.mean(0)
    x, y = x - middle, y - level
    scale = max((x**2).sum(), 1e-12)  # faces that are all the same say nothing, and w = 0
    w = np.linalg.solve(x.T @ x + held_back * scale * np.eye(x.shape[1]), x.T @ y)
    return lambda v: (np.asarray(v).reshape(len(v), -1) - middle) @ w + level
