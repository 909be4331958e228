"""Anti-aliased shapes painted by signed distance: d(p) < 0 inside, > 0 outside, in pixels.

A pixel whose centre has distance d is covered to clip(1/2 - d, 0, 1), exact for an edge parallel to the grid.
Coordinates are continuous: the pixel in row i, column j is the square [j, j+1] x [i, i+1] around its centre
(j + 1/2, i + 1/2).
"""

from dataclasses import dataclass
from math import ceil, cos, floor, hypot, sin

import numpy as np


@dataclass(frozen=True)
class Ellipse:
    """Centre (x, y), semi-axes (a, b), turned by `angle`; `half` keeps only its side with u <= 0."""

    x: float
    y: float
    a: float
    b: float
    angle: float = 0.0
    half: bool = False

    @property
    def box(self):
        """Tight bounds x1, y1, x2, y2 (of the whole ellipse)."""
        c, s = cos(self.angle), sin(self.angle)
        w, h = hypot(self.a * c, self.b * s), hypot(self.a * s, self.b * c)
        return self.x - w, self.y - h, self.x + w, self.y + h

    def distance(self, x, y):
        """To first order q (q - 1) / |grad|, with q = |(u/a, v/b)|: exact on the outline."""
        c, s, dx, dy = cos(self.angle), sin(self.angle), x - self.x, y - self.y
        u, v = dx * c + dy * s, dy * c - dx * s
        p, r = u * (1 / self.a), v * (1 / self.b)
        q = np.sqrt(p * p + r * r)
        p *= 1 / self.a
        r *= 1 / self.b
        d = q * (q - 1) / np.sqrt(p * p + r * r + 1e-12)
        return np.maximum(d, u) if self.half else d


@dataclass(frozen=True)
class Polygon:
    """A convex polygon; vertices ((x, y), ...) clockwise on the screen (y grows downwards)."""

    vertices: tuple[tuple[float, float], ...]

    @property
    def box(self):
        """Tight bounds x1, y1, x2, y2."""
        xs, ys = zip(*self.vertices, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    def distance(self, x, y):
        """max over edges of n . (p - v), n the outward normal; too small beyond a corner, see `paint`."""
        d = None
        for (px, py), (qx, qy) in zip(self.vertices, self.vertices[1:] + self.vertices[:1], strict=True):
            length = hypot(qx - px, qy - py)
            nx, ny = (qy - py) / length, (px - qx) / length
            edge = (x - px) * nx + (y - py) * ny
            d = edge if d is None else np.maximum(d, edge, out=d)
        return d


def rectangle(x, y, a, b, angle):
    """Centre (x, y), half sides (a, b), turned by `angle`."""
    return turned(((-1, -1), (1, -1), (1, 1), (-1, 1)), x, y, a, b, angle)


def triangle(x, y, a, b, angle):
    """An isosceles triangle 1.8 a wide and 1.8 b high around (x, y), turned by `angle`."""
    return turned(((0, -1), (0.9, 0.8), (-0.9, 0.8)), x, y, a, b, angle)


def turned(corners, x, y, a, b, angle):
    """The polygon `corners`, scaled by (a, b), turned by `angle`, moved to (x, y)."""
    c, s = cos(angle), sin(angle)
    return Polygon(tuple((x + a * u * c - b * v * s, y + a * u * s + b * v * c) for u, v in corners))


def window(box, size):
    """The slices (rows, columns) of the pixels that a box touches inside a size x size picture."""
    x1, y1, x2, y2 = box
    return slice(max(floor(y1), 0), min(ceil(y2), size)), slice(max(floor(x1), 0), min(ceil(x2), size))


def coverage(shape, rows, columns, inset=0.0):
    """How much of each pixel in the window the shape covers: float32 (rows, columns) in [0, 1].

    With `inset`, the part of the shape that is as many pixels away from its outline.
    """
    y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + np.float32(0.5)
    x = np.arange(columns.start, columns.stop, dtype=np.float32) + np.float32(0.5)
    d = shape.distance(x, y)
    np.subtract(np.float32(0.5 - inset), d, out=d)
    return np.clip(d, 0, 1, out=d)


def paint(canvas, shape, colour):
    """Lay `colour` (3,) over canvas (3, size, size), in place, where the shape is.

    Only pixels that the shape's box touches change: beyond a sharp corner the distance is underestimated.
    """
    rows, columns = window(shape.box, canvas.shape[1])
    if rows.start < rows.stop and columns.start < columns.stop:
        blend(canvas[:, rows, columns], colour, coverage(shape, rows, columns))


def paint_shaded(canvas, shape, colour, strength=0.4):
    """`paint`, lit from the upper left: there lighter, darker at the lower right, by up to `strength` of the colour."""
    x1, y1, x2, y2 = shape.box
    rows, columns = window(shape.box, canvas.shape[1])
    if rows.start < rows.stop and columns.start < columns.stop:
        y = (np.arange(rows.start, rows.stop) + 0.5 - (y1 + y2) / 2) / (y2 - y1)
        x = (np.arange(columns.start, columns.stop) + 0.5 - (x1 + x2) / 2) / (x2 - x1)
        light = 1 - strength * np.clip(y[:, None] + x, -1, 1)
        lit = np.clip(np.asarray(colour)[:, None, None] * light, 0, 1).astype(np.float32)
        region = canvas[:, rows, columns]
        region += coverage(shape, rows, columns) * (lit - region)


def paint_outline(canvas, shape, colour, width=1.5):
    """Only the outline of the shape, `width` pixels wide and within it, as drawn with a pen; in place."""
    rows, columns = window(shape.box, canvas.shape[1])
    if rows.start < rows.stop and columns.start < columns.stop:
        line = coverage(shape, rows, columns) - coverage(shape, rows, columns, inset=width)
        blend(canvas[:, rows, columns], colour, line)


def paint_blob(canvas, x, y, sigma, colour, opacity=0.7):
    """A soft Gaussian spot of the given standard deviation in pixels, in place."""
    reach = 3 * sigma
    rows, columns = window((x - reach, y - reach, x + reach, y + reach), canvas.shape[1])
    if rows.start < rows.stop and columns.start < columns.stop:
        gx = np.exp(-0.5 * ((np.arange(columns.start, columns.stop) + 0.5 - x) / sigma) ** 2)
        gy = np.exp(-0.5 * ((np.arange(rows.start, rows.stop) + 0.5 - y) / sigma) ** 2)
        blend(canvas[:, rows, columns], colour, (opacity * gy[:, None] * gx).astype(np.float32))


def blend(region, colour, alpha):
    """region += alpha (colour - region), in place."""
    region += alpha * (np.asarray(colour, np.float32)[:, None, None] - region)
