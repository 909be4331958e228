"""Bounding box regressors: ridge regression from the features of a proposal to the object it should have framed.

Deck "Computer Vision - Lecture 16", slide "Bounding Box Regressors": (x* - x) / w = w_x^T x_pool5, and so on for y,
ln(w* / w) and ln(h* / h): pcn.ops.encode_boxes. Girshick et al., "Rich feature hierarchies" (2014), appendix C. The
paper also decorrelates the four targets; ridge regression is linear in its targets, so that changes nothing here.
"""

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.matching import overlaps

NEAR = 0.6  # IoU from which a proposal can learn: farther away there is no telling which object is meant
LAMBDAS = (1.0, 10.0, 100.0, 1e3, 1e4)  # the paper's 1000 was for 9216 features


def regression_pairs(boxes, truth, labels):
    """(which, offsets, classes) of the boxes (n, 4) with IoU > NEAR: what moves each onto the object it overlaps most.

    truth (m, 4), labels (m,); which (k,) are indices of boxes, offsets (k, 4) the slide's targets.
    """
    overlap = overlaps(boxes, truth)
    which = np.flatnonzero(overlap.max(1, initial=0) > NEAR)
    nearest = overlap[which].argmax(1) if len(which) else np.zeros(0, np.int64)
    return which, pcn.ops.encode_boxes(truth[nearest], boxes[which]), labels[nearest]


def fit_ridge(features, targets, lam):
    """W (d + 1, t) that minimises |[x, 1] W - targets|^2 + lam |W without its last row|^2, in closed form.

    W = (X^T X + lam I)^-1 X^T T = X^T (X X^T + lam I)^-1 T of centred features (n, d) and targets (n, t), whichever
    inverse is smaller; the last row is the intercept, not held small. Without samples W is 0: boxes stay put.
    """
    features, targets = np.asarray(features, np.float64), np.asarray(targets, np.float64)
    if not len(features):
        return np.zeros((features.shape[1] + 1, targets.shape[1]))
    centre, mean = features.mean(0), targets.mean(0)
    x, t = features - centre, targets - mean
    n, d = x.shape
    if n < d and lam > 0:
        w = x.T @ np.linalg.solve(x @ x.T + lam * np.eye(n), t)
    else:
        w = np.linalg.solve(x.T @ x + lam * np.eye(d), x.T @ t)
    return np.concatenate([w, (mean - centre @ w)[None]])


def fit_by_validation(features, targets, groups, lambdas=LAMBDAS):
    """(W, lam): ridge regression with the lambda that predicts best the fifth of the `groups` that is held back.

    groups (n,): the picture each sample is from; proposals of one picture are alike, so none may be on both sides.
    """
    pictures = np.unique(groups)
    held = np.isin(groups, pictures[::5])
    if held.all() or not held.any():
        return fit_ridge(features, targets, lambdas[-1]), lambdas[-1]
    errors = []
    for lam in lambdas:
        predicted = predict(fit_ridge(features[~held], targets[~held], lam), features[held])
        errors.append(((predicted - targets[held]) ** 2).sum())
    lam = lambdas[int(np.argmin(errors))]
    return fit_ridge(features, targets, lam), lam


def predict(W, features):
    """[x, 1] W for every row of features (n, d); W (..., d + 1, t)."""
    return features @ W[..., :-1, :] + W[..., -1, :]
