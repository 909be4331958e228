"""Reading the arguments of RoI pooling and RoI-align: a batch of feature maps, and regions in its images."""

from numbers import Integral, Real
from typing import NamedTuple

import numpy as np

from ..autograd import Tensor, value
from .boxes import read_numbers

LARGEST = 2**28  # values of a result: more is a slip, and would take gigabytes before it failed
FARTHEST = 2.0**30  # pixels: beyond it a whole number of the size of a pixel index would overflow


class Regions(NamedTuple):
    """K regions of interest on the feature maps."""

    image: np.ndarray  # int64 (K,): index into the batch
    corners: np.ndarray  # (K, 4): x1, y1, x2, y2 in feature-map pixels, in the maps' own dtype
    size: tuple[int, int]  # bins per region: height, width


def read_regions(op, input, boxes, output_size, spatial_scale):
    """The input and its Regions, checked. ValueError, TypeError, IndexError."""
    parts = boxes if isinstance(boxes, (list, tuple)) else [boxes]
    if not isinstance(input, Tensor):
        input = read_numbers(op, "input", input)
        input = Tensor(input) if any(isinstance(b, Tensor) for b in parts) else input
    if input.dtype not in (np.float32, np.float64):
        raise TypeError(f"{op}: input must be float32 or float64, got dtype {input.dtype}")
    if input.ndim != 4:
        raise ValueError(
            f"{op}: input must have shape (N, C, H, W), got {tuple(input.shape)}: one image is a batch of one"
        )
    if not isinstance(spatial_scale, Real) or not np.isfinite(spatial_scale):
        raise ValueError(f"{op}: spatial_scale must be a finite number, got {spatial_scale!r}")
    rois = _rows(op, boxes, input.dtype)
    _check_images(op, rois[:, 0], len(value(input)))
    with np.errstate(over="ignore"):
        corners = rois[:, 1:] * input.dtype.type(spatial_scale)
    bad = ~(np.abs(corners) <= FARTHEST).all(axis=1)
    if bad.any():
        i = int(bad.argmax())
        raise ValueError(
            f"{op}: region {i} = {rois[i, 1:].tolist()} is not finite or lies farther than 2**30 pixels away: "
            "did the training diverge?"
        )
    if len(rois) and 0 in input.shape[2:]:
        raise ValueError(f"{op}: input of shape {tuple(input.shape)} has no pixels to take a region from")
    size = _pair(op, output_size)
    if len(rois) * input.shape[1] * size[0] * size[1] > LARGEST or max(size) > LARGEST:
        raise ValueError(
            f"{op}: output_size {size} for {len(rois)} regions and {input.shape[1]} channels: more than 2**28 values: "
            "were rows and columns of the picture given instead of bins?"
        )
    return input, Regions(rois[:, 0].astype(np.int64), corners, size)


def _rows(op, boxes, dtype):
    """Regions as rows (image, x1, y1, x2, y2), from such rows or from a list with one (L, 4) array per image."""
    if isinstance(boxes, (list, tuple)):
        parts = [np.zeros((0, 5), dtype)]
        for i, one in enumerate(boxes):
            one = _numbers(op, f"boxes[{i}]", one, dtype)
            if one.shape == (0,):
                one = one.reshape(0, 4)
            if one.ndim != 2 or one.shape[1] != 4:
                raise ValueError(
                    f"{op}: boxes is a list, so boxes[{i}] must be the (L, 4) boxes of image {i}, got shape "
                    f"{one.shape}; rows (image, x1, y1, x2, y2) go into one array (K, 5)"
                )
            parts.append(np.concatenate([np.full((len(one), 1), i, dtype), one], axis=1))
        return np.concatenate(parts)
    boxes = _numbers(op, "boxes", boxes, dtype)
    if boxes.ndim != 2 or boxes.shape[1] != 5:
        raise ValueError(
            f"{op}: boxes must have shape (K, 5), rows (image, x1, y1, x2, y2), or be a list of (L, 4), one per "
            f"image; got shape {boxes.shape}"
        )
    return boxes


def _numbers(op, argument, boxes, dtype):
    """An array in the dtype of the input. Whole numbers and lists of numbers are converted, another float is not:
    as in any layer, it is a mistake to name."""
    given, boxes = boxes, value(read_numbers(op, argument, boxes))
    if boxes.dtype.kind == "f" and boxes.dtype != dtype and isinstance(given, (Tensor, np.ndarray)):
        raise TypeError(f"{op}: input is {dtype} but {argument} is {boxes.dtype}: convert one of them")
    return boxes.astype(dtype, copy=False)


def _check_images(op, image, batch):
    whole = np.isfinite(image) & (image == np.round(image))
    if not whole.all():
        i = int((~whole).argmax())
        raise ValueError(f"{op}: boxes[{i}] begins with {image[i]}, which is not the number of an image")
    outside = (image < 0) | (image >= batch)
    if outside.any():
        i = int(outside.argmax())
        raise IndexError(
            f"{op}: region {i} lies in image {int(image[i])}, but input has a batch of {batch} (0 to {batch - 1})"
        )


def _pair(op, size):
    pair = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(pair) == 1:
        pair = pair * 2
    if len(pair) != 2 or not all(isinstance(n, Integral) and not isinstance(n, bool) for n in pair):
        raise TypeError(f"{op}: output_size must be a whole number or a pair (height, width), got {size!r}")
    if min(pair) < 1:
        raise ValueError(f"{op}: output_size must be at least 1, got {size!r}")
    return int(pair[0]), int(pair[1])
