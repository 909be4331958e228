"""Procedural faces: people that differ in fifteen numbers, each in many pictures that differ in everything else."""

from dataclasses import replace

import numpy as np

from .dataset import Dataset, check_index
from .face_painting import AGES, age_pose, draw_identity, draw_pose, paint_face
from .painted import SPLITS

NOISE = 0.04
UPRIGHT = {"angle": 0.0, "scale": 1.0, "shift": (0.0, 0.0)}


class Faces(Dataset):
    """`pictures` of each of `people` of a split ("train", "val", "test"): (image (3, size, size), person int64).

    Index = person * pictures + picture. No two splits, and no two seeds, share a person; a picture depends on nothing
    but split, seed, person and its own number (and on size and the two options). `aged` spreads ages from 20 to 90;
    `upright` leaves out rotation, scale and shift. A picture is drawn when first asked for and kept as uint8.
    """

    def __init__(self, people, pictures, split="train", size=32, aged=False, upright=False, seed=0):
        if split not in SPLITS:
            raise ValueError(f"Faces: no split {split!r}; there are {', '.join(SPLITS)}")
        given = (("people", people, 1), ("pictures", pictures, 1), ("size", size, 8), ("seed", seed, 0))
        for name, value, least in given:
            if not isinstance(value, int | np.integer) or isinstance(value, bool):
                raise TypeError(f"Faces: {name} must be an integer, got {value!r}")
            if not least <= value < 2**32:  # one word each, so that different seeds never share a generator
                raise ValueError(f"Faces: {name} must be in [{least}, 2**32), got {value}")
        self.people, self.pictures, self.split, self.size = int(people), int(pictures), split, int(size)
        self.aged, self.upright, self.seed = bool(aged), bool(upright), int(seed)
        self._drawn, self._known = {}, {}

    def __len__(self):
        return self.people * self.pictures

    def __getitem__(self, index):
        i = check_index(index, len(self), "Faces")
        return self._picture(i)[0] / np.float32(255), np.int64(i // self.pictures)

    @property
    def labels(self):
        """Who is on each picture: int64 (len(faces),)."""
        return np.arange(len(self)) // self.pictures

    def landmarks(self, index):
        """float32 (5, 2), (x, y) in pixels: left, right eye as seen, nose tip, left, right corner of the mouth."""
        return self._picture(check_index(index, len(self), "Faces"))[1].copy()

    def attributes(self, index):
        """{"smile": -1 to 1, "mouth_open": 0 to 1, "hat": bool, "glasses": bool}: what changes between pictures."""
        pose = self.pose(index)
        return {"smile": pose.smile, "mouth_open": pose.mouth_open, "hat": pose.hat, "glasses": pose.glasses}

    def age(self, index):
        """Years, 20 to 90. ValueError unless the faces are `aged`."""
        if not self.aged:
            raise ValueError("Faces: these faces have no age; make them with aged=True")
        return self._picture(check_index(index, len(self), "Faces"))[3]

    def pose(self, index):
        """The FacePose of a picture."""
        return self._picture(check_index(index, len(self), "Faces"))[2]

    def identity(self, person):
        """The FaceIdentity of a person."""
        person = check_index(person, self.people, "Faces")
        if person not in self._known:
            self._known[person] = draw_identity(self._generator(person))
        return self._known[person]

    def _generator(self, *what):
        return np.random.default_rng((SPLITS[self.split], self.seed, *what))

    def _picture(self, i):
        """(pixels uint8, landmarks, pose, years or None) of a picture, drawn at most once."""
        if i not in self._drawn:
            person, picture = divmod(i, self.pictures)
            rng = self._generator(person, picture + 1)
            pose, years = draw_pose(rng), None
            if self.aged:
                years = float(rng.uniform(*AGES))
                pose = age_pose(rng, pose, years)
            if self.upright:
                pose = replace(pose, **UPRIGHT)
            image, landmarks = paint_face(self.identity(person), pose, self.size)
            image += rng.standard_normal(image.shape, dtype=np.float32) * np.float32(NOISE)
            pixels = (np.clip(image, 0, 1, out=image) * 255 + 0.5).astype(np.uint8)
            self._drawn[i] = pixels, landmarks, pose, years
        return self._drawn[i]
