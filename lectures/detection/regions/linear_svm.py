"""Linear support vector machines in the primal: f(x) = w.x + b with a wide margin between two classes.

J(w, b) = |w|^2 / 2 + (b / BIAS_SCALE)^2 / 2 + c sum_i h(y_i f(x_i)), with h the hinge max(0, 1 - t), its corner rounded
between 1 - ROUNDING and 1 + ROUNDING: then J has a second derivative almost everywhere, and Newton's method finds the
minimum to the last digit in some twenty steps. Chapelle, "Training a support vector machine in the primal" (2007). The
rounding adds at most c ROUNDING / 4 per sample.

Ours rather than scikit-learn's LinearSVC: it is forty lines that a student can read, needs no other package, gives the
same result on every machine, and starts from an earlier solution, which a pass of hard negatives wants.
"""

from typing import NamedTuple

import numpy as np

ROUNDING = 0.1
BIAS_SCALE = 10.0  # the bias is the weight of a feature that is always 10: hardly regularised, as in R-CNN's code


class LinearSVM(NamedTuple):
    """f(x) = weight . x + bias."""

    weight: np.ndarray  # (d,)
    bias: float

    def scores(self, features):
        """f of every row of features (n, d)."""
        return features @ self.weight + self.bias


NEVER = -10.0  # the score of everything where nothing was ever positive: far below any margin


def fit_svm(features, labels, c=0.1, start=None, tolerance=1e-8, most_steps=200):
    """The LinearSVM that minimises J for features (n, d) and labels (n,), +1 or -1; `start` is one to begin from.

    c, the price of a sample inside the margin, is one number or one for each sample (then c_i h(...) is summed).
    Stops when the gradient has shrunk to `tolerance` of what it is for w = 0. Without a positive sample the answer is
    NEVER, whatever x. ValueError for other labels, shapes that do not fit, NaN.
    """
    features, labels = _read(features, labels, c)
    if not (labels > 0).any():
        return LinearSVM(np.zeros(features.shape[1]), NEVER)
    x = np.concatenate([features, np.full((len(features), 1), BIAS_SCALE)], axis=1)
    w = np.zeros(x.shape[1]) if start is None else np.append(start.weight, start.bias / BIAS_SCALE)
    _, at_zero, _ = objective(np.zeros_like(w), x, labels, c)
    for _ in range(most_steps):
        value, gradient, curvature = objective(w, x, labels, c)
        if np.linalg.norm(gradient) <= tolerance * np.linalg.norm(at_zero):
            break
        bent = curvature > 0  # the samples in the rounded corner; all others are linear
        hessian = np.eye(len(w)) + x[bent].T @ (curvature[bent, None] * x[bent])
        step = -np.linalg.solve(hessian, gradient)
        length = 1.0
        while objective(w + length * step, x, labels, c)[0] > value + 1e-4 * length * gradient @ step:
            length /= 2
            if length < 1e-12:  # rounding errors are all that is left
                return LinearSVM(w[:-1], w[-1] * BIAS_SCALE)
        w = w + length * step
    return LinearSVM(w[:-1], w[-1] * BIAS_SCALE)


def objective(w, x, labels, c):
    """J, its gradient (d + 1,) and the second derivative of each sample's hinge, for w = (weight, bias / BIAS_SCALE).

    x (n, d + 1) has BIAS_SCALE as its last column.
    """
    hinge, slope, curvature = rounded_hinge(labels * (x @ w))
    return w @ w / 2 + (c * hinge).sum(), w + x.T @ (c * labels * slope), c * curvature


def rounded_hinge(t):
    """max(0, 1 - t) with a parabola in place of its corner; first and second derivative."""
    short = 1 + ROUNDING - t
    inside = np.abs(1 - t) <= ROUNDING
    hinge = np.where(inside, short**2 / (4 * ROUNDING), np.maximum(0, 1 - t))
    slope = np.where(inside, -short / (2 * ROUNDING), -(t < 1).astype(t.dtype))
    return hinge, slope, inside / (2 * ROUNDING)


def _read(features, labels, c):
    features, labels = np.asarray(features, np.float64), np.asarray(labels, np.float64)
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise ValueError(f"fit_svm: features (n, d) with labels (n,), got {features.shape} and {labels.shape}")
    if not np.isin(labels, (-1, 1)).all():
        raise ValueError(f"fit_svm: labels are +1 and -1, got {sorted(set(labels.tolist()) - {-1.0, 1.0})[:3]}")
    if not np.isfinite(features).all():
        raise ValueError(f"fit_svm: sample {int(np.argwhere(~np.isfinite(features))[0, 0])} holds NaN or infinity")
    if not np.all(np.asarray(c) > 0):
        raise ValueError(f"fit_svm: c, the price of a sample inside the margin, must be positive, got {c!r}")
    return features, labels
