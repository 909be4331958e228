"""Procedural digits: strokes of a pen, light on dark, 28 x 28 grey pixels, as MNIST has them."""

from math import cos, pi, sin

import numpy as np

from .digit_strokes import FONTS
from .painted import Painted

NOISE = 0.04
TURN, SHEAR = 15 * pi / 180, 0.2  # at most
THICKNESS, BLUR = (1.4, 3.2), (1.0, 2.0)  # pixels: of the stroke, over which its edge fades


class Digits(Painted):
    """`count` digits of a split ("train", "val", "test"): (image (1, size, size) in [0, 1], digit int64).

    `fonts`: names in FONTS, of which each picture takes one; those left out are handwritings never seen. Picture i
    depends on (split, seed, i) and the fonts alone; it is drawn when first asked for and kept as uint8.
    """

    classes = tuple("0123456789")

    def __init__(self, count, split="train", seed=0, size=28, fonts=("round", "straight")):
        fonts = (fonts,) if isinstance(fonts, str) else tuple(fonts)
        if not fonts or set(fonts) - set(FONTS):
            raise ValueError(f"Digits: fonts must be some of {', '.join(FONTS)}, got {fonts}")
        super().__init__(count, split, seed, size=(size, 12))
        self.fonts = fonts

    def __getitem__(self, index):
        pixels, digit = self.drawn(index)
        return pixels / np.float32(255), np.int64(digit)

    def arrays(self):
        """All at once: (images float32 (n, 1, size, size), digits int64 (n,))."""
        drawn = [self.drawn(i) for i in range(self.count)]
        pixels, digits = zip(*drawn) if drawn else (np.zeros((0, 1, self.size, self.size)), ())
        return np.asarray(pixels) / np.float32(255), np.array(digits, np.int64)

    def draw(self, rng):
        """(pixels uint8 (1, size, size), digit)."""
        return draw_digit(rng, self.size, self.fonts)


def draw_digit(rng, size=28, fonts=("round", "straight")):
    """One digit: pixels uint8 (1, size, size), and which it is."""
    digit, font = int(rng.integers(10)), fonts[int(rng.integers(len(fonts)))]
    strokes = FONTS[font][digit]
    turn, shear = rng.uniform(-TURN, TURN), rng.uniform(-SHEAR, SHEAR)
    wide, high = rng.uniform(0.2, 0.31) * size, rng.uniform(0.31, 0.38) * size
    place = size / 2 + rng.uniform(-0.07, 0.07, 2) * size
    bend = rng.normal(0, 0.04, (4, 2))
    pen, fade = rng.uniform(*THICKNESS) * size / 28, rng.uniform(*BLUR) * size / 28
    canvas = np.zeros((size, size), np.float32)
    for _ in range(rng.integers(3)):  # clutter: short, faint strokes at the border
        at, along = rng.uniform(0, 2 * pi, 2)
        start = size / 2 * (1 + 0.95 * np.array([cos(at), sin(at)]))
        line = np.stack([start, start + rng.uniform(2, 5) * size / 28 * np.array([cos(along), sin(along)])])
        _ink(canvas, [line], pen, fade, rng.uniform(0.2, 0.6))
    turned = np.array([[cos(turn), -sin(turn)], [sin(turn), cos(turn)]]) @ np.array([[1, shear], [0, 1]])
    lines = [(_bent(stroke, bend) * (wide, high)) @ turned.T + place for stroke in strokes]
    _ink(canvas, lines, pen, fade, rng.uniform(0.75, 1))
    ground = rng.uniform(0, 0.12)
    canvas = ground + (1 - ground) * canvas + NOISE * rng.standard_normal((size, size))
    return (np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8)[None], digit


def _bent(points, bend):
    """Points (n, 2) in [-1, 1], moved a little by a smooth field, the same for all strokes of a digit."""
    x, y = points.T
    ways = np.stack([x * y, x * x - 0.5, y * y - 0.5, np.sin(pi * y)], 1)
    return points + ways @ bend


def _ink(canvas, lines, pen, fade, strength):
    """Lay polylines [(n, 2) pixels] over canvas (size, size), in place; strokes that cross do not add up."""
    starts, ends = (np.concatenate([line[part] for line in lines]) for part in (slice(None, -1), slice(1, None)))
    along = ends - starts
    centre = np.arange(len(canvas), dtype=np.float64) + 0.5
    dx, dy = centre - starts[:, :1], centre - starts[:, 1:]  # [segments, size]
    length = np.maximum((along**2).sum(1), 1e-9)[:, None, None]
    across, down = along[:, 0, None, None], along[:, 1, None, None]
    share = np.clip((dx[:, None] * across + dy[:, :, None] * down) / length, 0, 1)
    distance = (dx[:, None] - share * across) ** 2 + (dy[:, :, None] - share * down) ** 2
    covered = np.clip(0.5 + (pen / 2 - np.sqrt(distance.min(0))) / fade, 0, 1) * strength
    np.maximum(canvas, covered, out=canvas)
