"""Procedural scenes with several faces among ovals that have no eyes: what a face detector has to tell apart."""

from dataclasses import replace

import numpy as np

from .face_painting import draw_pose, lay_face
from .faces import NOISE, Faces
from .painted import Painted
from .painting import Ellipse, paint, rectangle
from .scenes import background, iou

APART = 0.05  # the most that the boxes of any two faces or ovals overlap (IoU): every face stays visible


class FaceScenes(Painted):
    """`count` scenes of `size` pixels with 0 to `most` faces: (image (3, size, size), (boxes, labels)), labels all 0.

    A box is the bounds of a head without its hat, `side` pixels (a range; the root of its area) large. Up to three
    ovals of skin, some with hair or a mouth and none with eyes, are not labelled: `oval_boxes(i)`. The faces are those
    of `people` people, the same as in `Faces(people, ..., split, seed=seed)`: so no two splits share a person.
    `ovals` = False leaves them out. ValueError, TypeError; scenes do not depend on which were drawn before.
    """

    classes = ("face",)

    def __init__(self, count, split="train", size=64, seed=0, most=3, side=(14, 32), people=400, ovals=True):
        super().__init__(count, split, seed, size=(size, 16), most=(most, 0))
        if np.shape(side) != (2,) or not 8 <= side[0] <= side[1] <= size / 2:
            raise ValueError(f"FaceScenes: side must be a range within 8 to {size / 2:g} pixels, got {side!r}")
        self.side, self.ovals = (float(side[0]), float(side[1])), bool(ovals)
        self.faces = Faces(people, 1, split, seed=seed)
        if most > people:
            raise ValueError(f"FaceScenes: {most} different faces in a scene need as many people, got {people}")

    def __getitem__(self, index):
        pixels, boxes, *_ = self.drawn(index)
        return pixels / np.float32(255), (boxes.copy(), np.zeros(len(boxes), np.int64))

    def landmarks(self, index):
        """float32 (n, 5, 2), (x, y) in pixels, of the n faces in the order of their boxes."""
        return self.drawn(index)[2].copy()

    def people(self, index):
        """int64 (n,): who the n faces are."""
        return self.drawn(index)[3].copy()

    def oval_boxes(self, index):
        """float32 (m, 4): the bounds of the ovals, which are no faces."""
        return self.drawn(index)[4].copy()

    def words(self, i):
        """Size, faces and people count, too."""
        return i, self.size, self.most, self.faces.people

    def draw(self, rng):
        """(pixels uint8, boxes, landmarks, people, boxes of the ovals)."""
        canvas = background(rng, self.size)
        wanted, ovals = int(rng.integers(0, self.most + 1)), int(rng.integers(0, 4))
        who = rng.choice(self.faces.people, wanted, replace=False)
        heads = []  # (person or None, where it is painted, box as four floats); none overlaps another
        for person in [*who.tolist(), *[None] * (ovals * self.ovals)]:
            for _ in range(30):
                where, box = self._place(rng, person)
                if all(iou(box, other) <= APART for *_, other in heads):
                    heads.append((person, where, box))
                    break
        heads.sort(key=lambda head: head[2][1] - head[2][3])  # the highest first: they are painted behind the others
        found, ovals = [], []
        for person, where, box in heads:
            if person is None:
                paint_oval(rng, canvas, where)
                ovals.append(box)
            else:
                landmarks, box = lay_face(canvas, self.faces.identity(person), *where)
                found.append((box, landmarks, person))
        canvas += rng.standard_normal(canvas.shape, dtype=np.float32) * np.float32(NOISE)
        pixels = (np.clip(canvas, 0, 1, out=canvas) * 255 + 0.5).astype(np.uint8)
        boxes = np.array([box for box, *_ in found], np.float32).reshape(-1, 4)
        landmarks = np.array([points for _, points, _ in found], np.float32).reshape(-1, 5, 2)
        who = np.array([person for *_, person in found], np.int64)
        return pixels, boxes, landmarks, who, np.array(ovals, np.float32).reshape(-1, 4)

    def _place(self, rng, person):
        """A head of random size at a random place inside the picture: (the arguments that paint it, its box)."""
        pose = replace(draw_pose(rng), scale=1.0, shift=(0.0, 0.0))
        if person is None:
            stretch = float(np.sqrt(rng.uniform(0.68, 0.95)))
            w, h = Ellipse(0, 0, stretch, 1 / stretch, pose.angle).box[2:]
        else:
            nowhere = np.empty((3, 0, 0), np.float32)
            w, h = lay_face(nowhere, self.faces.identity(person), pose, 0, 0, 1)[1][2:].tolist()
        unit = rng.uniform(*self.side) / (2 * np.sqrt(w * h))  # w, h are half the sides of the box for unit = 1
        w, h = w * unit, h * unit
        x, y = rng.uniform(w, self.size - w), rng.uniform(h, self.size - h)
        where = (pose, x, y, unit) if person is not None else (x, y, stretch * unit, unit / stretch, pose.angle)
        return where, (x - w, y - h, x + w, y + h)


def paint_oval(rng, canvas, where):
    """A head without a face over the canvas, in place: skin, perhaps hair above, perhaps a mouth, but no eyes.

    where: (x, y, half the width, half the height, angle) in pixels and radians.
    """
    x, y, a, b, angle = where
    down = np.array((-np.sin(angle), np.cos(angle))) * b
    skin = np.array((1.12, 0.97, 0.85)) * rng.uniform(0.55, 0.85)  # the tones that faces have
    hair = np.array((1.15, 0.98, 0.8)) * rng.uniform(0.05, 0.45)
    with_hair, with_mouth = rng.random(2) < 0.5
    paint(canvas, Ellipse(x, y, a, b, angle), hair if with_hair else skin)
    if with_hair:
        paint(canvas, Ellipse(*((x, y) + 0.22 * down), 0.96 * a, 0.77 * b, angle), skin)
    if with_mouth:
        paint(canvas, rectangle(*((x, y) + 0.5 * down), 0.35 * a, 0.06 * b, angle), (0.5, 0.17, 0.18))
