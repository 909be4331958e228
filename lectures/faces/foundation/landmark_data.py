"""Faces with five landmarks to learn from and to be judged on: painted ones, or photographs from --data faces:DIR."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lectures.faces.foundation.alignment import cut_out
from pyconvnet.data import Faces, LandmarkFolder, seeded_splits

SIZE = 32  # pixels, the side of a face
MIRRORED = [1, 0, 2, 4, 3]  # which landmark a mirror makes of each: left and right are as seen
LARGER = 3  # photographs are kept so many times as large, to be turned and scaled when they are needed
# Of the 68 landmarks of the iBUG scheme: the six around each eye, the tip of the nose, the corners of the mouth.
OF_68 = (slice(36, 42), slice(42, 48), slice(30, 31), slice(48, 49), slice(54, 55))


@dataclass(frozen=True)
class LandmarkData:
    """Faces (n, 3, SIZE', SIZE') and landmarks (n, 5, 2) in pixels, to learn from and unseen ones.

    `vary(images, landmarks, rng)` makes a batch of training faces of SIZE pixels of them; the unseen ones have it.
    """

    images: np.ndarray
    landmarks: np.ndarray
    unseen: np.ndarray
    unseen_landmarks: np.ndarray
    vary: Callable


def landmark_data(options, people, pictures):
    """What `options` (seed, quick, data, skip_bad) ask for; `people` and `pictures` of each are of painted faces.

    Photographs: a folder with one CSV table of 5 or 68 landmarks (iBUG) per picture. ValueError, FileNotFoundError.
    """
    if options.data is None:
        train, test = Faces(people, pictures, "train", seed=options.seed), Faces(60, 6, "test", seed=options.seed)
        return LandmarkData(*pictures_and_landmarks(train), *pictures_and_landmarks(test), mirror)
    kind, _, place = options.data.partition(":")
    if kind != "faces" or not place:
        raise ValueError(f"--data {options.data}: face_alignment takes faces:DIR, pictures and a .csv table")
    faces = photographed_faces(LandmarkFolder(place, options.skip_bad), options.skip_bad)
    if len(faces) < 4:
        raise ValueError(f"--data {options.data}: {len(faces)} faces are too few to be split, 4 at least")
    images, landmarks = (np.stack(part) for part in zip(*faces))
    parts = seeded_splits(range(len(faces)), options.seed)
    train, test = parts["trainval"], parts["test"]
    unseen = turn_scale_shift(images[test], landmarks[test], np.random.default_rng(options.seed))
    return LandmarkData(images[train], landmarks[train], *unseen, turn_scale_shift)


def photographed_faces(folder, skip_bad=False):
    """[(face, its landmarks)] of a LandmarkFolder, as `around_the_face` has them; what is left out is printed."""
    faces, skipped = [], list(folder.skipped)
    for (image, points), name in zip(folder, folder.names):
        landmarks = five_of(points.astype(np.float64), name)
        try:
            faces.append(around_the_face(image, landmarks, name))
        except ValueError as defect:
            if not skip_bad:
                raise
            skipped.append(str(defect))
    for defect in skipped:
        print(f"left out: {defect}")
    return faces


def pictures_and_landmarks(faces):
    """(images (n, 3, H, W), landmarks (n, 5, 2)) of painted Faces."""
    return np.stack([image for image, _ in faces]), np.stack([faces.landmarks(i) for i in range(len(faces))])


def mirror(images, landmarks, rng):
    """Half of the faces mirrored left and right, with their landmarks."""
    chosen = rng.random(len(images)) < 0.5
    images, landmarks = images.copy(), landmarks.copy()
    images[chosen] = images[chosen][..., ::-1]
    landmarks[chosen] = landmarks[chosen][:, MIRRORED] * (-1, 1) + (images.shape[-1], 0)
    return images, landmarks.astype(np.float32)


def turn_scale_shift(images, landmarks, rng, turn=0.436, scale=0.2, shift=0.08):
    """Faces of SIZE pixels out of larger pictures, as different as painted ones: mirrored, turned, scaled, shifted."""
    images, landmarks = mirror(images, landmarks, rng)
    n, middle = len(images), np.array([SIZE / 2, SIZE / 2])
    angle, size = rng.uniform(-turn, turn, n), LARGER * np.exp(rng.uniform(-scale, scale, n)) / 2
    c, s = size * np.cos(angle), size * np.sin(angle)
    back = np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)  # from the pixels of a face to the picture
    corner = images.shape[-1] / 2 + rng.uniform(-shift, shift, (n, 2)) * images.shape[-1] / 2 - back @ middle
    maps = np.concatenate([back, corner[..., None]], -1)
    there = (landmarks - corner[:, None]) @ np.swapaxes(np.linalg.inv(back), -1, -2)
    lit = rng.uniform(-0.1, 0.1, (n, 1, 1, 1)) + rng.uniform(-0.05, 0.05, (n, 3, 1, 1))
    return np.clip(cut_out(images, maps, SIZE) + lit, 0, 1).astype(np.float32), there.astype(np.float32)


def five_of(points, name):
    """The five landmarks (5, 2) of 5, or of the 68 of the iBUG scheme. ValueError for any other number."""
    if len(points) == 5:
        return points
    if len(points) != 68:
        raise ValueError(f"{name}: {len(points)} landmarks; expected 5 (eyes, nose, mouth) or 68 (iBUG)")
    return np.stack([points[some].mean(0) for some in OF_68])


def around_the_face(image, landmarks, name):
    """(the middle of a photograph, twice the size of the face, at LARGER * SIZE pixels; its landmarks there).

    ValueError naming the picture where they cannot be a face's: one eye on the other, no room, beside the picture.
    """
    sides, middle = image.shape[:0:-1], landmarks.mean(0)  # (W, H), (x, y)
    between, large = eye_distance(landmarks), head_size(landmarks)
    if between < 1 or large > min(sides) or (middle < 0).any() or (middle > sides).any():
        raise ValueError(
            f"{name}: these landmarks are no face's: eyes {between:.3g} pixels apart, the middle of all at "
            f"({middle[0]:.3g}, {middle[1]:.3g}), in a picture of {sides[0]} x {sides[1]} pixels"
        )
    small = max(1, int(large * 6 / (LARGER * SIZE)))  # smoothed before it shrinks
    width, height = (side - side % small for side in sides)
    image = image[:3, :height, :width].reshape(3, height // small, small, width // small, small).mean((2, 4))
    landmarks = landmarks / small
    # In an upright face of side 1 the eyes are about .32 apart, and the middle of the five landmarks is at (.5, .55).
    side = 2 * head_size(landmarks) / 0.32
    corner = landmarks.mean(0) - (0.5 * side, (0.5 + 0.025) * side)
    step = side / (LARGER * SIZE)
    maps = np.concatenate([step * np.eye(2), corner[:, None]], 1)[None]
    face = cut_out(image[None].astype(np.float32), maps, LARGER * SIZE)[0]
    return face, ((landmarks - corner) / step).astype(np.float32)


def eye_distance(landmarks):
    """Between the centres of the two eyes, (...,), of landmarks (..., 5, 2): what errors are measured in."""
    return np.linalg.norm(landmarks[..., 1, :] - landmarks[..., 0, :], axis=-1)


def head_size(landmarks):
    """How far apart the eyes would be, seen from the front: a head turned aside is not taken for a small one.

    At least half the distance from the middle of the eyes to that of the mouth.
    """
    height = np.linalg.norm(landmarks[..., :2, :].mean(-2) - landmarks[..., 3:, :].mean(-2), axis=-1)
    return np.maximum(eye_distance(landmarks), height / 2)
