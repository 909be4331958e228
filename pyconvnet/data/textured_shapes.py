"""Procedural pictures of a shape on a texture: what is drawn (content), and how (style), chosen independently."""

from math import cos, pi, sin

import numpy as np

from .kinds import Cross
from .painted import Painted
from .painting import Ellipse, coverage, rectangle, triangle

SHAPES = ("circle", "square", "triangle", "cross")
# The last two are made of the same fine stripes, and differ only in how large the patches of one direction are.
TEXTURES = ("stripes", "diagonals", "checks", "dots", "small patches", "large patches")
CONTRAST, NOISE = 0.28, 0.03  # how much lighter a shape is and darker its ground; of the sensor


class TexturedShapes(Painted):
    """`count` pictures of a split ("train", "val", "test"): (image (3, size, size), (shape, texture)), both int64.

    `classes` are the shapes, `textures` the textures. The texture lies over all of the picture; the shape is always
    lighter. Picture i depends on (split, seed, i) alone; it is drawn when first asked for and kept as uint8.
    """

    classes, textures = SHAPES, TEXTURES

    def __init__(self, count, split="train", seed=0, size=64):
        super().__init__(count, split, seed, size=(size, 16))

    def __getitem__(self, index):
        pixels, shape, texture, _ = self.drawn(index)
        return pixels / np.float32(255), (np.int64(shape), np.int64(texture))

    def mask(self, index):
        """Where the shape is: bool (size, size)."""
        _, shape, _, place = self.drawn(index)
        return draw_shape(shape, place, self.size) >= 0.5

    def arrays(self):
        """All at once: (images float32 (n, 3, size, size), shapes int64 (n,), textures int64 (n,))."""
        drawn = [self.drawn(i)[:3] for i in range(self.count)]
        pixels, shapes, textures = zip(*drawn) if drawn else (np.zeros((0, 3, self.size, self.size)), (), ())
        return np.asarray(pixels) / np.float32(255), np.array(shapes, np.int64), np.array(textures, np.int64)

    def draw(self, rng):
        """(pixels uint8 (3, size, size), shape, texture, where the shape is)."""
        return draw_textured_shape(rng, self.size)


def draw_textured_shape(rng, size=64):
    """One picture: pixels uint8 (3, size, size), number of the shape, of the texture, place (x, y, radius, angle)."""
    shape, texture = int(rng.integers(len(SHAPES))), int(rng.integers(len(TEXTURES)))
    place = draw_place(rng, size)
    light = (CONTRAST + rng.uniform(-0.07, 0.07, (3, 1, 1))) * (2 * draw_shape(shape, place, size) - 1)
    relief = draw_texture(texture, rng, size) * rng.uniform(0.1, 0.17) * rng.uniform(0.6, 1.4, (3, 1, 1))
    canvas = rng.uniform(0.42, 0.58, (3, 1, 1)) + light + relief + NOISE * rng.standard_normal((3, size, size))
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8), shape, texture, place


def draw_place(rng, size):
    """Where a shape stands: (x, y, radius) in pixels, its angle in radians."""
    x, y = rng.uniform(0.375, 0.625, 2) * size
    return float(x), float(y), float(rng.uniform(0.22, 0.33) * size), float(rng.uniform(-0.3, 0.3))


def draw_shape(shape, place, size):
    """How much of each pixel the shape covers: float32 (size, size) in [0, 1]."""
    x, y, r, angle = place
    make, k = ((Ellipse, 1.0), (rectangle, 0.88), (triangle, 1.1), (Cross, 1.05))[shape]
    everywhere = slice(0, size)
    return coverage(make(x, y, k * r, k * r, angle), everywhere, everywhere)


def draw_texture(texture, rng, size=64):
    """A texture of about -1 to 1, float64 (size, size): its direction and phases are random, its frequency is not."""
    y, x = np.arange(size)[:, None] + 0.5, np.arange(size) + 0.5
    angle, (p, q, r) = rng.normal(0, 0.08), rng.uniform(0, 2 * pi, 3)

    def waves(turn, frequency, phase):
        return np.sin((x * cos(angle + turn) + y * sin(angle + turn)) * frequency + phase)

    name = TEXTURES[texture]
    if name == "stripes":
        return waves(0, 0.9, p)
    if name == "diagonals":
        return waves(pi / 4, 0.45, p)
    if name == "checks":
        return np.sign(waves(0, 0.7, p) * waves(pi / 2, 0.7, q))
    if name == "dots":
        return np.where(waves(0, 0.75, p) + waves(pi / 2, 0.75, q) > 1, 1.3, -0.7)
    side = 8 if name == "small patches" else 20  # pixels
    here = np.sin(x * pi / side + q) * np.sin(y * pi / side + r) > 0
    return np.where(here, waves(0, 1.2, p), waves(pi / 2, 1.2, p))
