"""Procedural scenes in which the place decides: a disc is an object only where it stands on the ground."""

import numpy as np

from .painted import Painted
from .painting import Ellipse, paint
from .scenes import contrasting_colour, iou

SIDE = (9.0, 16.0)  # pixels: diameters of the discs, the same below and above the horizon
CLEAR = 5.0  # pixels between a disc and the horizon: around a disc one colour only is seen


class GroundScenes(Painted):
    """`count` scenes of `size` pixels of the given split: (image (3, size, size), (boxes, labels)), labels all 0.

    The upper part is sky, the lower part ground, each of any colour. One to three discs stand on the ground: the
    objects. As many, of the same kind, float in the sky: `sky_boxes(i)`. A disc and what is next to it look the same
    on either side of the horizon, so that only the rest of the picture tells them apart. Scenes do not depend on which
    were drawn before; splits share none. ValueError for an unknown split, IndexError for an index out of range.
    """

    classes = ("disc on the ground",)

    def __init__(self, count, split="train", seed=0, size=64):
        super().__init__(count, split, seed, size=(size, 0))
        if size < 64:
            raise ValueError(f"GroundScenes: size must be at least 64 pixels, or discs do not fit in, got {size}")

    def __getitem__(self, index):
        pixels, boxes, *_ = self.drawn(index)
        return pixels / np.float32(255), (boxes.copy(), np.zeros(len(boxes), np.int64))

    def sky_boxes(self, index):
        """The boxes (n, 4) of the discs in the sky, which are no objects."""
        return self.drawn(index)[2].copy()

    def horizon(self, index):
        """The row, in pixels, where the ground begins."""
        return self.drawn(index)[3]

    def words(self, i):
        """The size counts, too."""
        return i, self.size

    def draw(self, rng):
        """(pixels uint8 (3, size, size), boxes on the ground, boxes in the sky, row of the horizon)."""
        return draw_ground_scene(rng, self.size)


def draw_ground_scene(rng, size):
    """(pixels uint8 (3, size, size), boxes on the ground, boxes in the sky, row of the horizon)."""
    horizon = int(size * rng.uniform(0.36, 0.64))
    sky = rng.random(3)
    ground = contrasting_colour(rng, sky[None], 0.25)
    canvas = np.empty((3, size, size), np.float32)
    canvas[:, :horizon], canvas[:, horizon:] = sky[:, None, None], ground[:, None, None]
    count, boxes = int(rng.integers(1, 3, endpoint=True)), {}
    for place, low, high, behind in (("ground", horizon + CLEAR, size, ground), ("sky", 0.0, horizon - CLEAR, sky)):
        boxes[place] = []
        while len(boxes[place]) < count:
            disc = free_disc(rng, size, low, high, boxes[place])
            if disc is None:  # no room left: begin this side again
                boxes[place] = []
                continue
            boxes[place].append(disc.box)
        for x1, y1, x2, y2 in boxes[place]:
            disc = Ellipse((x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / 2, (y2 - y1) / 2)
            paint(canvas, disc, contrasting_colour(rng, behind[None], 0.25))
    canvas += rng.standard_normal(canvas.shape, dtype=np.float32) * np.float32(0.05)
    np.clip(canvas, 0, 1, out=canvas)
    pixels = (canvas * 255 + 0.5).astype(np.uint8)
    ground_boxes, sky_boxes = (np.array(boxes[place], np.float32).reshape(-1, 4) for place in ("ground", "sky"))
    return pixels, ground_boxes, sky_boxes, horizon


def free_disc(rng, size, low, high, others, tries=50):
    """A disc between the rows `low` and `high` that touches none of the boxes `others`, or None."""
    for _ in range(tries):
        radius = min(rng.uniform(*SIDE), high - low) / 2
        x, y = rng.uniform(radius, size - radius), rng.uniform(low + radius, high - radius)
        disc = Ellipse(float(x), float(y), float(radius), float(radius))
        if all(iou(disc.box, other) == 0 for other in others):
            return disc
    return None
