"""Procedural detection scenes: circles, squares and triangles before clutter, with exact boxes.

Scene i of (split, seed) is drawn from a random generator seeded with these numbers alone: it does not depend
on which scenes were drawn before, and no two splits share a generator. Boxes and labels are the same
everywhere; a pixel may differ by one level of 255 where two processors round a sine differently.
"""

from dataclasses import dataclass
from math import exp, log, pi, sqrt

import numpy as np

from .kinds import KINDS
from .painted import Painted
from .painting import Ellipse, paint, paint_blob, paint_outline, paint_shaded, rectangle, window

CLASSES = ("circle", "square", "triangle")
CLUTTER = ("line", "blob", "half-disk", "cross")
RENDERINGS = {"flat": paint, "shaded": paint_shaded, "outline": paint_outline}
CORNERS = np.array([[r, g, b] for r in (0, 1) for g in (0, 1) for b in (0, 1)], dtype=np.float64)


@dataclass(frozen=True)
class SceneVariant:
    """What a kind of scene holds. Pairs are inclusive ranges; lengths in pixels, colours in [0, 1]."""

    size: int = 64
    objects: tuple[int, int] = (1, 4)
    side: tuple[float, float] = (10, 32)  # square root of the area of an object's box
    aspect: tuple[float, float] = (0.6, 1.6)
    distractors: tuple[int, int] = (0, 3)
    max_iou: float = 0.15  # of any two boxes
    contrast: float = 0.25  # RMS over R, G, B between an object and what it is painted on
    noise: float = 0.05
    kinds: tuple[str, ...] = CLASSES  # names in KINDS: the classes
    clutter: tuple[str, ...] = CLUTTER  # what distractors are; none of them may be an object
    rendering: str = "flat"  # of objects and distractors, a name in RENDERINGS: the same scene, boxes and labels


# Eight kinds: a rectangle must not pass for a square, nor a distractor for an object.
EIGHT = SceneVariant(objects=(1, 3), side=(14, 32), aspect=(0.9, 1.1), kinds=tuple(KINDS), clutter=("line", "blob"))

SCENE_VARIANTS = {
    "shapes64": SceneVariant(),
    "crowded104": SceneVariant(size=104, objects=(10, 10)),
    "single48": SceneVariant(size=48, objects=(1, 1), side=(16, 40)),
    "mixed64": SceneVariant(side=(6, 40)),
    "tiny128": SceneVariant(size=128, side=(8, 24)),
    "eight64": EIGHT,
    "shaded64": SceneVariant(rendering="shaded"),
    "outline64": SceneVariant(rendering="outline"),
}


class ShapeScenes(Painted):
    """`count` scenes of the given split ("train", "val", "test"): (image (3, size, size), (boxes, labels)).

    `variant` is a name in SCENE_VARIANTS or a SceneVariant. Boxes are the tight bounds of the outlines.
    A scene is drawn when first asked for and kept as uint8 (12 kB for 64 x 64).
    """

    classes = CLASSES

    def __init__(self, count, split="train", seed=0, variant="shapes64"):
        if isinstance(variant, str):
            if variant not in SCENE_VARIANTS:
                known = ", ".join(SCENE_VARIANTS)
                raise ValueError(f"ShapeScenes: no variant {variant!r}; there are {known}")
            variant = SCENE_VARIANTS[variant]
        super().__init__(count, split, seed)
        self.classes, self.variant = variant.kinds, variant

    def __getitem__(self, index):
        pixels, boxes, labels = self.drawn(index)
        return pixels / np.float32(255), (boxes.copy(), labels.copy())

    def draw(self, rng):
        """(pixels uint8, boxes, labels)."""
        return draw_scene(rng, self.variant)


def draw_scene(rng, variant):
    """One scene: pixels uint8 (3, size, size), boxes float32 (n, 4), labels int64 (n,), largest object first.

    Large objects are painted first: a small one lying on a large one stays visible.
    """
    canvas, render = background(rng, variant.size), RENDERINGS[variant.rendering]
    placed = place_objects(rng, variant)
    for _ in range(rng.integers(*variant.distractors, endpoint=True)):
        paint_distractor(rng, canvas, variant.clutter, render)
    painted = []
    for _, shape, box in placed:
        rows, columns = window(box, variant.size)
        underneath = [canvas[:, rows, columns].mean((1, 2))]
        underneath += [colour for other, colour in painted if iou(box, other) > 0]
        colour = contrasting_colour(rng, np.array(underneath), variant.contrast)
        render(canvas, shape, colour)
        painted.append((box, colour))
    canvas += rng.standard_normal(canvas.shape, dtype=np.float32) * np.float32(variant.noise)
    np.clip(canvas, 0, 1, out=canvas)
    pixels = (canvas * 255 + 0.5).astype(np.uint8)
    boxes = np.array([box for _, _, box in placed], dtype=np.float32).reshape(-1, 4)
    return pixels, boxes, np.array([label for label, _, _ in placed], dtype=np.int64)


def background(rng, size):
    """A linear gradient between two colours, a sine grating and 8 x 8 patches: float32 (3, size, size)."""
    first, last = rng.uniform(0.15, 0.85, (2, 3))
    direction, grating, phase = rng.uniform(0, 2 * pi, 3)
    strength, frequency, amplitude = rng.uniform((0.3, 0.15, 0), (1, 0.9, 0.08))
    along = np.arange(size) + 0.5 - size / 2

    def wave(angle, scale):
        x, y = along * (scale * np.cos(angle)), along * (scale * np.sin(angle))
        return (y[:, None] + x).astype(np.float32)

    patches = -(-size // 8)
    grey = rng.normal(0, 0.04, (patches, patches)).astype(np.float32).repeat(8, 0).repeat(8, 1)[:size, :size]
    grey = grey + np.float32(amplitude) * np.sin(wave(grating, frequency) + np.float32(phase))
    slope = ((last - first) * strength).astype(np.float32)[:, None, None]
    start = (first + (last - first) * strength / 2).astype(np.float32)[:, None, None]
    return slope * wave(direction, 0.7 / size) + start + grey


def place_objects(rng, variant):
    """[(label, shape, box)], largest box first, boxes inside the picture and pairwise IoU <= max_iou."""
    for _ in range(20):
        wanted = int(rng.integers(*variant.objects, endpoint=True))
        placed = []
        for _ in range(60 * wanted):
            if len(placed) == wanted:
                break
            candidate = random_object(rng, variant)
            if candidate and all(iou(candidate[2], box) <= variant.max_iou for _, _, box in placed):
                placed.append(candidate)
        if len(placed) == wanted:
            return sorted(placed, key=lambda p: -(p[2][2] - p[2][0]) * (p[2][3] - p[2][1]))
    raise ValueError(
        f"draw_scene: {variant.objects[0]} to {variant.objects[1]} objects of side {variant.side} with "
        f"pairwise IoU <= {variant.max_iou} do not fit into {variant.size} x {variant.size} pixels"
    )


def random_object(rng, variant):
    """(label, shape, box) anywhere inside the picture, or None when it is larger than the picture."""
    draw = rng.random(6).tolist()
    label = int(draw[0] * len(variant.kinds))
    side = variant.side[0] + (variant.side[1] - variant.side[0]) * draw[1]
    low, high = log(variant.aspect[0]), log(variant.aspect[1])
    stretch = exp((low + (high - low) * draw[2]) / 2)
    make, angle = KINDS[variant.kinds[label]], 2 * pi * draw[3]
    x1, y1, x2, y2 = make(0, 0, stretch, 1 / stretch, angle).box
    k = side / sqrt((x2 - x1) * (y2 - y1))
    left, top = (variant.size - k * (x2 - x1)) * draw[4], (variant.size - k * (y2 - y1)) * draw[5]
    if left < 0 or top < 0:
        return None
    shape = make(left - k * x1, top - k * y1, k * stretch, k / stretch, angle)
    return label, shape, shape.box


def paint_distractor(rng, canvas, clutter=CLUTTER, render=paint):
    """A line, a soft blob, a half-disk or a cross: never half a square or half a triangle, which are
    themselves a rectangle and a triangle, objects without a label."""
    size, colour = canvas.shape[1], rng.random(3)
    x, y = rng.uniform(4, size - 4, 2).tolist()
    length, angle, width = rng.uniform((8, 0, 0), (22, 2 * pi, 1)).tolist()
    kind = clutter[int(rng.integers(len(clutter)))]
    if kind == "line":
        paint(canvas, rectangle(x, y, length / 2, 0.6 + 0.5 * width, angle), colour)
    elif kind == "blob":
        paint_blob(canvas, x, y, length / 4, colour)
    elif kind == "half-disk":
        render(canvas, Ellipse(x, y, length / 2, length / 2 * (0.8 + 0.2 * width), angle, half=True), colour)
    else:
        for turn in (0, pi / 2):
            render(canvas, rectangle(x, y, length / 2, length / 10, angle + turn), colour)


def contrasting_colour(rng, others, contrast):
    """A random colour whose RMS distance from each of `others` (n, 3) is at least `contrast`.

    A ball of radius 1/4 holds at most one corner of the colour cube: with at most seven others one is free.
    """
    candidates = np.concatenate([rng.random((12, 3)), CORNERS])
    nearest = np.sqrt(((candidates[:, None] - others) ** 2).mean(2)).min(1)
    enough = nearest >= contrast
    return candidates[enough.argmax() if enough.any() else nearest.argmax()]


def iou(p, q):
    """Intersection over union of two boxes, each four floats."""
    width = min(p[2], q[2]) - max(p[0], q[0])
    height = min(p[3], q[3]) - max(p[1], q[1])
    if width <= 0 or height <= 0:
        return 0.0
    overlap = width * height
    return overlap / ((p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - overlap)
