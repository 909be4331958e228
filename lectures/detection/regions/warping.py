"""Cutting boxes out of a picture and warping each to one square size: what R-CNN and sliding windows classify."""

from numbers import Integral

import numpy as np

from lectures.detection.foundation.detector import GREY

AT_A_TIME = 256  # boxes: their samples then stay in the processor's cache


def warp(image, boxes, size, context=0):
    """The picture inside each box, stretched to size x size: image (3, H, W), boxes (n, 4) -> (n, 3, size, size).

    Deck "Localization, Object Detection, Segmentation", slide "R-CNN" (5): "resize region proposals to same size".
    Bilinear; output pixel i samples x1 + (i + 1/2) (x2 - x1) / size, without smoothing where that shrinks. `context`
    pixels on each side of the output show what is around the box. Outside of the picture all is grey.
    Girshick et al., "Rich feature hierarchies" (2014), appendix A. ValueError, TypeError in words.
    """
    image, boxes = _read(image, boxes, size, context)
    height, width = image.shape[1:]
    warped = np.empty((len(boxes), 3, size, size), np.float32)
    pixels = np.ascontiguousarray(image.transpose(1, 2, 0)).reshape(-1, 3)
    for start in range(0, len(boxes), AT_A_TIME):
        some = slice(start, start + AT_A_TIME)
        x1, y1, x2, y2 = boxes[some].T
        top, bottom, down, seen_y = _samples(y1, y2, size, context, height)
        left, right, across, seen_x = _samples(x1, x2, size, context, width)
        upper, lower = top[:, :, None] * width, bottom[:, :, None] * width
        left, right, across = left[:, None], right[:, None], across[:, None, :, None]
        above = _between(pixels[upper + left], pixels[upper + right], across)
        below = _between(pixels[lower + left], pixels[lower + right], across)
        cut = _between(above, below, down[:, :, None, None])
        cut[~(seen_y[:, :, None] & seen_x[:, None])] = GREY
        warped[some] = cut.transpose(0, 3, 1, 2)
    return warped


def _between(a, b, share):
    """(1 - share) a + share b, in b's memory."""
    b -= a
    b *= share
    b += a
    return b


def _samples(low, high, size, context, length):
    """Along one axis, where each box is sampled: pixels before and after (n, size), share of the latter, inside?"""
    step = (high - low) / (size - 2 * context)
    at = low[:, None] + (np.arange(size) + (0.5 - context)) * step[:, None]
    inside = (at >= 0) & (at <= length)
    at = np.clip(at - 0.5, 0, length - 1)  # pixel i has its centre at i + 1/2
    before = at.astype(np.int64)
    return before, np.minimum(before + 1, length - 1), (at - before).astype(np.float32), inside


def _read(image, boxes, size, context):
    image, boxes = np.asarray(image), np.asarray(boxes, np.float64)
    if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
        raise ValueError(f"warp: the image must be (3, H, W) with at least one pixel, got shape {image.shape}")
    if image.dtype.kind != "f":
        raise TypeError(f"warp: the image is {image.dtype}; expected float in [0, 1]: divide by 255?")
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"warp: boxes must be (n, 4), x1 y1 x2 y2, got shape {boxes.shape}")
    if not (isinstance(size, Integral) and isinstance(context, Integral)):
        raise TypeError(f"warp: size and context are whole numbers of pixels, got {size!r} and {context!r}")
    if context < 0 or size <= 2 * context:
        raise ValueError(f"warp: size {size} must be positive and leave room between two times context {context}")
    wrong = np.flatnonzero(~(np.isfinite(boxes).all(1) & (boxes[:, 2:] >= boxes[:, :2]).all(1)))
    if len(wrong):
        raise ValueError(
            f"warp: box {wrong[0]} is {boxes[wrong[0]].tolist()}; expected finite x1 <= x2, y1 <= y2: is it x, y, w, h?"
        )
    return image.astype(np.float32, copy=False), boxes
