"""How far off what was read from a face is, and how much of a face changed besides what was meant to."""

import numpy as np

import pyconvnet as pcn
from lectures.faces.foundation.face_reader import places
from lectures.faces.foundation.landmark_data import eye_distance


def mean_distance(said, truth):
    """Mean of |said - truth|, in years."""
    return float(np.abs(said - truth).mean())


def normalised_error(found, landmarks):
    """NME: mean distance of landmarks (n, 5, 2), in distances between the eyes; `found` may be one guess for all."""
    found = np.broadcast_to(found, landmarks.shape)
    return pcn.metrics.normalized_mean_error(found, landmarks, eye_distance(landmarks))


def what_else_changed(judge, before, after):
    """RMS of the pixels, and by the judge's word landmarks (NME) and attributes (mean distance of their numbers)."""
    S, T = judge.read(before), judge.read(after)
    attributes = judge.parts["attributes"]
    return {
        "rms": float(np.sqrt(((after - before) ** 2).mean())),
        "nme": normalised_error(places(T, judge.parts), places(S, judge.parts)),
        "attributes": float(np.abs(T[:, attributes] - S[:, attributes]).mean()),
    }
