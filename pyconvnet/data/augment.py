"""Random changes of a picture that take its boxes along: f(image, target, rng) -> (image, target).

image float (3, H, W) in [0, 1]; target (boxes, labels, ...): every further array has one entry per box and
is filtered with the boxes. The result depends on the arguments and the generator's state alone; the inputs
stay unchanged.
"""

import numpy as np


def flip(image, target, horizontal=False, vertical=False, transpose=False):
    """Mirror left-right, then top-bottom, then swap x and y (which turns H x W into W x H)."""
    height, width = image.shape[1:]
    image = _flipped_pixels(image, horizontal, vertical, transpose)
    boxes = _flipped_boxes(target[0], height, width, horizontal, vertical, transpose)
    return np.ascontiguousarray(image), (boxes, *target[1:])


def random_flip(image, target, rng, horizontal=True, vertical=False, transpose=False):
    """Each of the flips that are switched on, with probability 1/2. `transpose` needs a square picture."""
    if transpose:
        _check_square("random_flip", image.shape)
    chosen = rng.random(3) < 0.5  # always three numbers, so that the options do not shift later draws
    return flip(image, target, *(chosen & (horizontal, vertical, transpose)).tolist())


def flip_batch(images, targets, rng, horizontal=True, vertical=False, transpose=False):
    """`random_flip` for a whole batch: images (N, 3, H, W), targets a list of N; decisions per picture."""
    if images.ndim != 4 or len(images) != len(targets):
        raise ValueError(
            f"flip_batch: expected images (N, 3, H, W) and N targets, "
            f"got shape {images.shape} and {len(targets)} targets"
        )
    if transpose:
        _check_square("flip_batch", images.shape)
    height, width = images.shape[2:]
    chosen = (rng.random((len(images), 3)) < 0.5) & (horizontal, vertical, transpose)
    flipped = np.empty_like(images)
    moved = []
    for k, (choice, target) in enumerate(zip(chosen.tolist(), targets, strict=True)):
        flipped[k] = _flipped_pixels(images[k], *choice)
        moved.append((_flipped_boxes(target[0], height, width, *choice), *target[1:]))
    return flipped, moved


def random_scale_shift(image, target, rng, scale=0.2, shift=0.15, aspect=0.08, min_area=0.35, fill=None):
    """Stretch by exp(U(-scale, scale)), x also by exp(U(-aspect, aspect)), move by up to `shift` of H and W.

    Linear interpolation; outside is `fill` (3,), by default the picture's mean colour. A box is cut at the
    border and dropped, with its label, when less than `min_area` of its area is left.
    """
    height, width = image.shape[1:]
    grow, stretch, right, down = rng.uniform(-1, 1, 4)
    sy = np.exp(scale * grow)
    sx = sy * np.exp(aspect * stretch)
    tx = shift * right * width + (1 - sx) * width / 2
    ty = shift * down * height + (1 - sy) * height / 2
    fill = image.mean((1, 2)) if fill is None else np.broadcast_to(fill, 3)
    fill = np.asarray(fill, image.dtype)[:, None, None]
    moved = resample(resample(image - fill, 1, sy, ty), 2, sx, tx) + fill

    boxes = np.asarray(target[0], np.float64) * (sx, sy, sx, sy) + (tx, ty, tx, ty)
    cut = boxes.clip(0, (width, height, width, height))
    whole, left = _areas(boxes), _areas(cut)
    keep = (left > 0) & (left >= min_area * whole)
    return moved, (cut[keep].astype(target[0].dtype), *(part[keep] for part in target[1:]))


def random_brightness_contrast(image, target, rng, brightness=0.1, contrast=0.2, tint=0.04):
    """c (x - mean) + mean + b + t, clipped to [0, 1].

    c = 1 + U(-contrast, contrast) and b = U(-brightness, brightness) for the picture, t = U(-tint, tint) for
    each of R, G, B. The target passes unchanged.
    """
    draws = rng.uniform(-1, 1, 5)
    mean = image.mean()
    gain = 1 + contrast * draws[0]
    offset = (1 - gain) * mean + brightness * draws[1] + tint * draws[2:]
    changed = image * image.dtype.type(gain) + offset.astype(image.dtype)[:, None, None]
    return np.clip(changed, 0, 1, out=changed), target


def resample(values, axis, scale, offset):
    """Values moved along one axis under x -> scale x + offset, read linearly between pixel centres; 0 outside.

    New pixel j is (1 - r) times the old one left of its place and r times the right one. (Gathers, not a product with
    an interpolation matrix: the threads of a BLAS lose more time waiting for a busy core than such small work takes.)
    """
    n = values.shape[axis]
    places = (np.arange(n) + 0.5 - offset) / scale - 0.5
    left = np.floor(places)
    moved = 0
    for pixel, weight in ((left, 1 - (places - left)), (left + 1, places - left)):
        weight = np.where((pixel >= 0) & (pixel < n), weight, 0).astype(values.dtype)
        nearest = pixel.clip(0, n - 1).astype(np.int64)
        moved = moved + np.take(values, nearest, axis) * weight.reshape((-1,) + (1,) * (values.ndim - 1 - axis))
    return moved


def _flipped_pixels(image, horizontal, vertical, transpose):
    image = image[:, :: -1 if vertical else 1, :: -1 if horizontal else 1]
    return image.transpose(0, 2, 1) if transpose else image


def _flipped_boxes(boxes, height, width, horizontal, vertical, transpose):
    x1, y1, x2, y2 = boxes.T
    if horizontal:
        x1, x2 = width - x2, width - x1
    if vertical:
        y1, y2 = height - y2, height - y1
    corners = (y1, x1, y2, x2) if transpose else (x1, y1, x2, y2)
    return np.stack(corners, axis=1)


def _areas(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _check_square(who, shape):
    if shape[-2] != shape[-1]:
        raise ValueError(f"{who}: transpose needs square pictures, got height {shape[-2]}, width {shape[-1]}")
