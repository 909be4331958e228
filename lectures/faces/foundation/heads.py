"""Faces cut out of scenes: with them landmarks and embedding learn from the same small, noisy faces that they get."""

from typing import NamedTuple

import numpy as np

from lectures.faces.foundation.alignment import box_maps, cut_out
from lectures.faces.foundation.recogniser import SIZE

JITTER = 0.06  # of the sides of a box: so far off a detector's boxes may be


class Heads(NamedTuple):
    """Faces (n, 3, SIZE, SIZE), their landmarks (n, 5, 2) in pixels, and who they are (n,)."""

    images: np.ndarray
    landmarks: np.ndarray
    people: np.ndarray


def heads_of(scenes, seed=0, jitter=JITTER):
    """The Heads in FaceScenes, cut out along boxes that are moved and scaled a little, as a detector's would be."""
    images, landmarks, people = [], [], []
    for i in range(len(scenes)):
        image, (boxes, _) = scenes[i]
        if not len(boxes):
            continue
        rng = np.random.default_rng((seed, i))
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        maps = box_maps(boxes + sides * rng.uniform(-jitter, jitter, boxes.shape), SIZE)
        back = np.linalg.inv(maps[..., :2])
        images.append(cut_out(image, maps, SIZE))
        landmarks.append((scenes.landmarks(i) - maps[:, None, :, 2]) @ np.swapaxes(back, -1, -2))
        people.append(scenes.people(i))
    if not images:
        raise ValueError("heads_of: there is no face in these scenes")
    return Heads(np.concatenate(images), np.concatenate(landmarks).astype(np.float32), np.concatenate(people))
