"""How many keypoints are found, and how far off they are."""

from numbers import Real

import numpy as np

from .arrays import numbers


def pck(predictions, targets, scale, alpha=0.2, visible=None):
    """Percentage of correct keypoints, as a share: those within alpha * scale of the truth, of all visible ones.

    predictions, targets (..., K, 2) in pixels; scale: the size that counts as 1 (torso, head, box), a number or one
    per picture, of shape (...); visible (..., K) booleans, default all. A NaN prediction is wrong; NaN where nothing
    is visible. Yang & Ramanan (2013); with the head as scale PCKh, Andriluka et al. (2014). ValueError, TypeError.
    Slide "Example Results: Human Pose Estimation" (in part).
    """
    predictions, targets, scale = _read("pck", predictions, targets, scale)
    if not isinstance(alpha, Real) or not alpha >= 0:
        raise ValueError(f"pck: alpha must be a number, at least 0, got {alpha!r}")
    seen = np.ones(targets.shape[:-1], bool) if visible is None else numbers("pck: visible", visible)
    if seen.shape != targets.shape[:-1] or not np.isin(seen, (0, 1)).all():
        raise ValueError(f"pck: visible must be booleans of shape {targets.shape[:-1]}, got shape {seen.shape}")
    seen = seen.astype(bool)
    if not np.isfinite(targets[seen]).all():
        raise ValueError("pck: a visible target is not finite; mark what is not annotated as not visible")
    with np.errstate(all="ignore"):
        offset = predictions.astype(np.float64) - targets
        found = np.hypot(offset[..., 0], offset[..., 1]) <= alpha * scale[..., None]
    return float(found[seen].mean()) if seen.any() else float("nan")


def normalized_mean_error(predictions, targets, scale):
    """Mean distance of keypoints from the truth, each in units of its picture's scale.

    predictions, targets (..., K, 2) in pixels; scale: what counts as 1, for faces the distance between the eyes: a
    number or one per picture, of shape (...). NaN for no keypoint at all. Sagonas et al., "300 Faces in-the-Wild"
    (2013). ValueError, TypeError.
    """
    predictions, targets, scale = _read("normalized_mean_error", predictions, targets, scale)
    if not np.isfinite(targets).all():
        raise ValueError("normalized_mean_error: a target is not finite; leave out what is not annotated")
    offset = predictions.astype(np.float64) - targets
    distance = np.hypot(offset[..., 0], offset[..., 1]) / scale[..., None]
    return float(distance.mean()) if distance.size else float("nan")


def _read(caller, predictions, targets, scale):
    """Predictions and targets of one shape (..., K, 2), and positive scales."""
    predictions, targets = numbers(f"{caller}: predictions", predictions), numbers(f"{caller}: targets", targets)
    if predictions.shape != targets.shape or targets.ndim < 2 or targets.shape[-1] != 2:
        raise ValueError(
            f"{caller}: predictions and targets must both be (..., K, 2), got {predictions.shape} and {targets.shape}"
        )
    scale = numbers(f"{caller}: scale", scale)
    if scale.shape not in ((), targets.shape[:-2]):
        raise ValueError(f"{caller}: scale must be a number or of shape {targets.shape[:-2]}, got {scale.shape}")
    if not (scale > 0).all():
        raise ValueError(f"{caller}: scale must be positive everywhere: it is the size that distances are measured in")
    return predictions, targets, scale
