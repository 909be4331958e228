"""A face painted from numbers: fifteen that make the person, and those of the moment that the picture was taken.

Face coordinates (u, v): origin in the middle of the head, u to the right, v down, 1 is half the height of the picture
that the face fits in. Lengths of faces are in these units; landmarks and boxes are in continuous pixels.
"""

from dataclasses import dataclass, replace
from math import cos, exp, hypot, sin

import numpy as np

from .painting import Ellipse

HEAD = 0.95  # half the height of a head
MARGIN = 1.2  # a picture shows so much in every direction
LANDMARKS = ("left eye", "right eye", "nose tip", "left corner of the mouth", "right corner of the mouth")
AGES = (20.0, 90.0)  # years


@dataclass(frozen=True)
class FaceIdentity:
    """Who it is: the numbers that stay the same in every picture of a person. Tones in [0, 1], 0 is dark."""

    aspect: float = 0.82  # width of the head for its height
    eye_spacing: float = 0.38  # from the middle
    eye_height: float = -0.2
    eye_size: float = 0.085
    brow_slope: float = 0.0
    brow_thickness: float = 0.045
    brow_gap: float = 0.15  # from eye to brow
    nose_length: float = 0.25
    nose_width: float = 0.065
    mouth_width: float = 0.3  # half of it
    mouth_height: float = 0.5
    hairline: float = -0.55
    skin: float = 0.7
    hair: float = 0.25
    eye: float = 0.15


@dataclass(frozen=True)
class FacePose:
    """How it looks just now: place, light, expression, dress, and the traces of age (0 none, 1 many)."""

    angle: float = 0.0  # radians, clockwise on the screen
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    light: tuple[float, float] = (0.0, 0.0)  # how much lighter the head is at u = 1, at v = 1
    background: tuple[float, float, float] = (0.5, 0.5, 0.5)
    background_slope: tuple[float, float] = (0.0, 0.0)
    smile: float = 0.0  # -1 the corners of the mouth hang, 1 they are up
    mouth_open: float = 0.2  # 0 closed to 1
    hat: bool = False
    glasses: bool = False
    hat_colour: tuple[float, float, float] = (0.3, 0.35, 0.6)
    wrinkles: float = 0.0
    grey: float = 0.0
    brow_droop: float = 0.0
    jaw_droop: float = 0.0


RANGES = {
    "aspect": (0.68, 0.95), "eye_spacing": (0.26, 0.5), "eye_height": (-0.3, -0.1), "eye_size": (0.05, 0.12),
    "brow_slope": (-0.35, 0.35), "brow_thickness": (0.02, 0.07), "brow_gap": (0.1, 0.2), "nose_length": (0.15, 0.35),
    "nose_width": (0.03, 0.1), "mouth_width": (0.18, 0.42), "mouth_height": (0.4, 0.6), "hairline": (-0.75, -0.4),
    "skin": (0.55, 0.85), "hair": (0.05, 0.45), "eye": (0.0, 0.3),
}  # fmt: skip


def draw_identity(rng):
    """A random person: every number uniform in its range."""
    low, high = np.array(list(RANGES.values())).T
    return FaceIdentity(*rng.uniform(low, high).tolist())


def draw_pose(rng, hats=0.1, glasses=0.1):
    """A random moment: turned by up to 25 degrees, 20 % larger or smaller, shifted, lit from a side, moved mouth.

    `hats` and `glasses` are the shares of pictures with one.
    """
    return FacePose(
        angle=float(rng.uniform(-0.436, 0.436)),
        scale=exp(rng.uniform(-0.2, 0.2)),
        shift=tuple(rng.uniform(-0.2, 0.2, 2).tolist()),
        light=tuple(rng.uniform(-0.1, 0.1, 2).tolist()),
        background=tuple((rng.uniform(0.4, 0.6) + rng.uniform(-0.03, 0.03, 3)).tolist()),
        background_slope=tuple(rng.uniform(-0.1, 0.1, 2).tolist()),
        smile=float(rng.uniform(-1, 1)),
        mouth_open=float(rng.uniform()),
        hat=bool(rng.random() < hats),
        glasses=bool(rng.random() < glasses),
        hat_colour=tuple(rng.uniform(0.1, 0.9, 3).tolist()),
    )


def age_pose(rng, pose, years):
    """`pose` with the traces of so many years, 20 to 90: wrinkles, grey hair, drooping brow and jaw.

    Each grows with age, and is a matter of luck, too: one alone tells the age to about 8 years. ValueError.
    """
    if not AGES[0] <= years <= AGES[1]:
        raise ValueError(f"age_pose: years must be in [{AGES[0]:g}, {AGES[1]:g}], got {years!r}")
    t = (years - AGES[0]) / (AGES[1] - AGES[0])
    wrinkles, grey, brow, jaw = np.clip((t, 1.2 * t - 0.1, t, t) + rng.normal(0, 0.12, 4), 0, 1.2).tolist()
    return replace(pose, wrinkles=wrinkles, grey=min(grey, 1.0), brow_droop=brow, jaw_droop=jaw)


def paint_face(identity, pose, size=32):
    """(image float32 RGB (3, size, size) in [0, 1], landmarks float32 (5, 2)) of a face before a plain background.

    Landmarks are (x, y) in pixels, in the order of LANDMARKS, left and right as seen. No randomness, no noise.
    ValueError for a size below 8.
    """
    if size < 8:
        raise ValueError(f"paint_face: size must be at least 8 pixels, got {size}")
    across = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1) * MARGIN
    slope = pose.background_slope[0] * across + (pose.background_slope[1] * across)[:, None]
    canvas = np.asarray(pose.background, np.float32)[:, None, None] + slope
    landmarks, _ = lay_face(canvas, identity, pose, size / 2, size / 2, size / (2 * MARGIN))
    return np.clip(canvas, 0, 1, out=canvas), landmarks


def lay_face(canvas, identity, pose, x, y, unit):
    """Paint a face over a canvas (3, H, W), in place: where shift is (0, 0) its middle is (x, y), `unit` pixels are 1.

    Returns (landmarks (5, 2), box of the head (4,) x1 y1 x2 y2), both float32 in pixels, perhaps outside the canvas.
    """
    k = unit * pose.scale  # pixels in a unit of the face
    x, y = x + unit * pose.shift[0], y + unit * pose.shift[1]
    reach = 1.6 * k
    rows = slice(max(int(y - reach), 0), max(min(int(y + reach) + 1, canvas.shape[1]), 0))
    columns = slice(max(int(x - reach), 0), max(min(int(x + reach) + 1, canvas.shape[2]), 0))
    region = canvas[:, rows, columns]
    if region.size:
        across = (np.arange(columns.start, columns.stop, dtype=np.float32) + np.float32(0.5 - x)) / np.float32(k)
        down = ((np.arange(rows.start, rows.stop, dtype=np.float32) + np.float32(0.5 - y)) / np.float32(k))[:, None]
        c, s = np.float32(cos(pose.angle)), np.float32(sin(pose.angle))
        _paint(_Brush(region, k), across * c + down * s, down * c - across * s, identity, pose)
    c, s = cos(pose.angle), sin(pose.angle)
    turn = np.array([[c, s], [-s, c]])
    w, h = hypot(HEAD * identity.aspect * c, HEAD * s) * k, hypot(HEAD * identity.aspect * s, HEAD * c) * k
    landmarks = _landmarks(identity, pose) @ turn * k + (x, y)
    return landmarks.astype(np.float32), np.array([x - w, y - h, x + w, y + h], np.float32)


def _landmarks(p, pose):
    """The five points in face coordinates."""
    corner = p.mouth_height - 0.2 * pose.smile
    tip = p.eye_height + p.nose_length
    return np.array([[-p.eye_spacing, p.eye_height], [p.eye_spacing, p.eye_height], [0, tip],
                     [-p.mouth_width, corner], [p.mouth_width, corner]])  # fmt: skip


class _Brush:
    """Covers pixels of a region with colour, where a signed distance in face units is below 0."""

    def __init__(self, region, k):
        self.region, self.k = region, np.float32(-k)

    def cover(self, d):
        """How much of each pixel is inside; `d` is used up."""
        d *= self.k
        d += np.float32(0.5)
        return np.clip(d, 0, 1, out=d)

    def lay(self, alpha, colour):
        """Blend the colour (3,) over the region."""
        self.region += alpha * (np.array(colour, np.float32)[:, None, None] - self.region)


def _paint(brush, u, v, p, pose):
    """All parts of the face, from back to front; u, v (H, W) are the pixels in face coordinates."""
    skin = np.array((1.12, 0.97, 0.85)) * p.skin
    hair = np.array((1.15, 0.98, 0.8)) * p.hair
    hair += pose.grey * (np.array((0.84, 0.84, 0.86)) - hair)
    side = np.abs(u)
    jaw = u / (1 + 0.28 * pose.jaw_droop * np.clip(v, 0, 0.7))  # the lower half of the head grows wider
    head = brush.cover(Ellipse(0, 0, HEAD * p.aspect, HEAD).distance(jaw, v))
    brush.lay(head, skin)
    brush.lay(head * brush.cover(v - (p.hairline + np.float32(0.15) * u * u)), hair)
    if pose.wrinkles > 0:
        _wrinkle(brush, u, v, side, p, pose, skin)

    slant = -0.35 * pose.brow_droop  # of the brow's outer end, downwards, and the whole brow comes lower
    brow = v - (p.eye_height - p.brow_gap + 0.05 * pose.brow_droop) - (p.brow_slope - slant) * (side - p.eye_spacing)
    eye = Ellipse(p.eye_spacing, p.eye_height, 1.5 * p.eye_size, p.eye_size)
    brush.lay(0.7 * brush.cover(eye.distance(side, v)), (0.93, 0.93, 0.95))
    iris = Ellipse(p.eye_spacing, p.eye_height, p.eye_size, 0.8 * p.eye_size)
    brush.lay(brush.cover(iris.distance(side, v)), np.array((0.75, 0.95, 1.3)) * p.eye)
    brow = np.maximum(np.abs(brow) - p.brow_thickness, np.abs(side - p.eye_spacing) - 0.15)
    brush.lay(brush.cover(brow), hair * 0.9)

    tip = p.eye_height + p.nose_length  # a wedge from between the eyes
    width = p.nose_width * np.clip(0.4 + 0.6 * (v - p.eye_height) / p.nose_length, 0.3, 1)
    nose = np.maximum(side - width, np.abs(v - (tip + p.eye_height + 0.04) / 2) - (p.nose_length - 0.04) / 2)
    brush.lay(brush.cover(nose), skin * 0.72)
    line = p.mouth_height - 0.2 * pose.smile * (u / p.mouth_width) ** 2
    mouth = np.maximum(np.abs(v - line) - (0.025 + 0.065 * pose.mouth_open), side - p.mouth_width)
    brush.lay(brush.cover(mouth), (0.5, 0.17, 0.18))
    if pose.glasses:
        radius = min(0.2, 0.8 * p.eye_spacing)
        rim = np.abs(Ellipse(p.eye_spacing, p.eye_height, radius, 0.85 * radius).distance(side, v)) - 0.025
        bridge = np.maximum(np.abs(v - p.eye_height) - 0.02, side - (p.eye_spacing - radius))
        brush.lay(brush.cover(np.minimum(rim, bridge)), (0.1, 0.1, 0.12))
    if pose.hat:
        crown = np.maximum(Ellipse(0, -0.45, 0.98 * p.aspect, 0.62).distance(u, v), v + 0.6)
        brim = np.maximum(np.abs(v + 0.6) - 0.06, side - 1.2 * p.aspect)
        brush.lay(brush.cover(np.minimum(crown, brim)), pose.hat_colour)
    brush.region += head * (np.float32(pose.light[0]) * u + np.float32(pose.light[1]) * v)


def _wrinkle(brush, u, v, side, p, pose, skin):
    """Lines on the forehead, bags under the eyes, folds from the nose to the mouth: darker skin."""
    top, brow = p.hairline, p.eye_height - p.brow_gap
    lines = [np.maximum(np.abs(v - (top + (brow - top) * share)) - 0.022, side - 0.42) for share in (0.45, 0.75)]
    bag = Ellipse(p.eye_spacing, p.eye_height + 0.03, 1.9 * p.eye_size, 1.9 * p.eye_size).distance(side, v)
    lines.append(np.maximum(np.abs(bag) - 0.02, p.eye_height + 0.06 - v))
    tip = p.eye_height + p.nose_length
    along = (v - tip) / (p.mouth_height + 0.1 - tip)
    fold = np.abs(side - (p.nose_width + 0.05 + (p.mouth_width + 0.06 - p.nose_width - 0.05) * along)) * 0.8
    lines.append(np.maximum(fold - 0.022, np.abs(along - 0.5) * (p.mouth_height + 0.1 - tip) - 0.1))
    for line in lines:
        brush.lay(min(0.75 * pose.wrinkles, 1.0) * brush.cover(line), skin * 0.55)
