"""The kinds of objects that a scene may hold: name -> make(x, y, a, b, angle), a shape to paint with tight bounds."""

from dataclasses import dataclass
from math import atan2, cos, pi, sin

import numpy as np

from .painting import Ellipse, rectangle, triangle


@dataclass(frozen=True)
class HalfDisk:
    """The half u <= 0 of an ellipse with centre (x, y), semi-axes (a, b), turned by `angle`, in its own tight box."""

    x: float
    y: float
    a: float
    b: float
    angle: float = 0.0

    @property
    def box(self):
        """Tight bounds x1, y1, x2, y2: the two corners, and the ellipse's extreme points that lie on the half."""
        c, s = cos(self.angle), sin(self.angle)
        across, down = atan2(-self.b * s, self.a * c), atan2(self.b * c, self.a * s)
        extremes = [t + turn for t in (across, down) for turn in (0, pi)]
        on_outline = [-pi / 2, pi / 2, *(t for t in extremes if cos(t) < 0)]
        xs = [self.x + self.a * cos(t) * c - self.b * sin(t) * s for t in on_outline]
        ys = [self.y + self.a * cos(t) * s + self.b * sin(t) * c for t in on_outline]
        return min(xs), min(ys), max(xs), max(ys)

    def distance(self, x, y):
        """As of the ellipse, cut."""
        return Ellipse(self.x, self.y, self.a, self.b, self.angle, half=True).distance(x, y)


@dataclass(frozen=True)
class Ring:
    """What is left of an ellipse without the ellipse of HOLE times its axes."""

    x: float
    y: float
    a: float
    b: float
    angle: float = 0.0

    HOLE = 0.55

    @property
    def box(self):
        """Tight bounds x1, y1, x2, y2."""
        return Ellipse(self.x, self.y, self.a, self.b, self.angle).box

    def distance(self, x, y):
        """max(to the outline, - to the hole)."""
        outline = Ellipse(self.x, self.y, self.a, self.b, self.angle)
        hole = Ellipse(self.x, self.y, self.HOLE * self.a, self.HOLE * self.b, self.angle)
        return np.maximum(outline.distance(x, y), -hole.distance(x, y))


@dataclass(frozen=True)
class Cross:
    """Two bars through (x, y), 2 a and 2 b long and a third as wide, turned by `angle`."""

    x: float
    y: float
    a: float
    b: float
    angle: float = 0.0

    @property
    def bars(self):
        """The two rectangles."""
        return (
            rectangle(self.x, self.y, self.a, self.b / 3, self.angle),
            rectangle(self.x, self.y, self.a / 3, self.b, self.angle),
        )

    @property
    def box(self):
        """Tight bounds x1, y1, x2, y2."""
        x1, y1, x2, y2 = zip(*(bar.box for bar in self.bars), strict=True)
        return min(x1), min(y1), max(x2), max(y2)

    def distance(self, x, y):
        """To the nearer bar."""
        first, second = self.bars
        return np.minimum(first.distance(x, y), second.distance(x, y))


def stretched(make, ratio):
    """The same kind of shape, `ratio` times as long for its height."""
    root = ratio**0.5
    return lambda x, y, a, b, angle: make(x, y, a * root, b / root, angle)


# "circle" and "square" are as round and square as a scene's `aspect` lets them be.
KINDS = {
    "circle": Ellipse,
    "ellipse": stretched(Ellipse, 2),
    "ring": Ring,
    "half-disk": HalfDisk,
    "square": rectangle,
    "rectangle": stretched(rectangle, 2),
    "triangle": triangle,
    "cross": Cross,
}
