"""How far off a FaceReader is, and how much of a face changed besides what was meant to."""

import numpy as np

import pyconvnet as pcn
from lectures.faces.foundation.face_reader import places


def mean_distance(said, truth):
    """Mean of |said - truth|, in years."""
    return float(np.abs(said - truth).mean())


def normalised_error(found, landmarks):
    """NME: mean distance of landmarks [n, 5, 2], in distances between the eyes."""
    between = np.linalg.norm(landmarks[:, 0] - landmarks[:, 1], axis=-1)
    return pcn.metrics.normalized_mean_error(np.broadcast_to(found, landmarks.shape), landmarks, between)


def what_else_changed(judge, before, after):
    """RMS of the pixels, and by the judge's word landmarks (NME) and attributes (mean distance of their numbers)."""
    S, T = judge.read(before), judge.read(after)
    attributes = judge.parts["attributes"]
    return {
        "rms": float(np.sqrt(((after - before) ** 2).mean())),
        "nme": normalised_error(places(T, judge.parts), places(S, judge.parts)),
        "attributes": float(np.abs(T[:, attributes] - S[:, attributes]).mean()),
    }
