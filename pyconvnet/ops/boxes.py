"""Boxes: area, overlap, conversion, clipping. xyxy in continuous pixels: a box from 0 to 10 is 10 wide.

Names and meaning are torchvision.ops'. Arrays give arrays, Tensors give Tensors through which gradients flow.
"""

from numbers import Real

import numpy as np

from ..autograd import Tensor, value
from ..primitives.elementwise import maximum, minimum, where
from ..primitives.shape import concatenate


def box_area(boxes, fmt="xyxy"):
    """(..., 4) boxes -> (...) areas (x2 - x1)(y2 - y1). ValueError unless the last axis has 4."""
    boxes = read_boxes("box_area", "boxes", boxes)
    _check_format("box_area", "fmt", fmt)
    return _area(boxes, fmt)


def box_iou(boxes1, boxes2, fmt="xyxy"):
    """Intersection over union (Jaccard index) of all pairs: (..., N, 4), (..., M, 4) -> (..., N, M).

    Two boxes without area give 0 / 0 = NaN. ValueError unless both are (..., n, 4).
    Deck "Localization, Object Detection, Segmentation", slide "Faster R-CNN" (7)."""
    intersection, union, _ = _pairs("box_iou", boxes1, boxes2, fmt)
    return _quotient(intersection, union)


def generalized_box_iou(boxes1, boxes2):
    """IoU - (H - union) / H of all pairs, H the area of the smallest box around both.

    (..., N, 4), (..., M, 4) -> (..., N, M). In (-1, 1]: unlike the IoU it has a slope where boxes do not
    touch (Rezatofighi et al. 2019)."""
    intersection, union, hull = _pairs("generalized_box_iou", boxes1, boxes2, "xyxy")
    return _quotient(intersection, union) - _quotient(hull - union, hull)


def box_convert(boxes, in_fmt, out_fmt):
    """(..., 4) boxes from one format to another: "xyxy" corners, "xywh" first corner and size, "cxcywh"
    centre and size (torchvision's rotated formats: NotImplementedError). Always a new array."""
    boxes = read_boxes("box_convert", "boxes", boxes)
    for argument, fmt in (("in_fmt", in_fmt), ("out_fmt", out_fmt)):
        _check_format("box_convert", argument, fmt)
    if in_fmt == out_fmt:
        return boxes + 0
    if "cxcywh" in (in_fmt, out_fmt) and boxes.dtype.kind != "f":
        boxes = _as_float32(boxes)  # the centre of integer corners lies on half pixels
    converted = _TO_XYXY[in_fmt](boxes)
    return converted if out_fmt == "xyxy" else _FROM_XYXY[out_fmt](converted)


def clip_boxes_to_image(boxes, size):
    """(..., 4) boxes cut to an image of size (height, width): x to [0, width], y to [0, height].

    A box wholly outside keeps no area. The gradient passes at the border, and is 0 beyond it."""
    boxes = read_boxes("clip_boxes_to_image", "boxes", boxes)
    size = tuple(np.ravel(size)) if isinstance(size, np.ndarray) else tuple(size) if isinstance(size, list) else size
    if not isinstance(size, tuple) or len(size) != 2 or not all(isinstance(s, Real) and s >= 0 for s in size):
        raise ValueError(f"clip_boxes_to_image: size must be (height, width) of the image, got {size!r}")
    height, width = size
    limit = np.array([width, height, width, height]).astype(boxes.dtype)
    boxes = where(value(boxes) < 0, 0, boxes)
    return where(value(boxes) > limit, limit, boxes)


def remove_small_boxes(boxes, min_size):
    """int64 indices of the boxes (n, 4) whose width and height are both at least min_size pixels."""
    values = value(read_boxes("remove_small_boxes", "boxes", boxes, ndim=2))
    if not isinstance(min_size, Real):
        raise TypeError(
            f"remove_small_boxes: min_size must be a number of pixels, got {type(min_size).__name__}"
        )
    keep = np.flatnonzero((values[:, 2:] - values[:, :2] >= min_size).all(axis=1)).astype(np.int64)
    return Tensor(keep) if isinstance(boxes, Tensor) else keep


def read_boxes(op, argument, boxes, ndim=None):
    """Boxes as a Tensor or array of at least 32 bits, which hold an area. ValueError, TypeError."""
    boxes = read_numbers(op, argument, boxes)
    kind = boxes.dtype.kind
    if boxes.ndim == 0 or boxes.shape[-1] != 4 or (ndim and boxes.ndim != ndim):
        expected = "(n, 4)" if ndim == 2 else "(..., 4)"
        hint = ": one box is an array of one row, [[x1, y1, x2, y2]]" if boxes.shape == (4,) else ""
        raise ValueError(f"{op}: {argument} must have shape {expected}, got {tuple(boxes.shape)}{hint}")
    if kind == "f":
        return boxes if isinstance(boxes, Tensor) or boxes.dtype.itemsize >= 4 else boxes.astype(np.float32)
    wide = value(boxes).astype(np.int64)
    return Tensor(wide) if isinstance(boxes, Tensor) else wide


def read_numbers(op, argument, given, kinds="iuf"):
    """A Tensor as it is, anything else as an array, of numbers. ValueError, TypeError."""
    if not isinstance(given, Tensor):
        try:
            given = np.asarray(given)
        except ValueError as error:
            raise ValueError(f"{op}: {argument} is not an array: rows of different lengths?") from error
    if given.dtype.kind not in kinds:
        raise TypeError(f"{op}: {argument} must be numbers, got dtype {given.dtype}")
    return given


def _pairs(op, boxes1, boxes2, fmt):
    """Intersection, union and area of the common hull of every pair, each (..., N, M)."""
    boxes1, boxes2 = read_boxes(op, "boxes1", boxes1), read_boxes(op, "boxes2", boxes2)
    for argument, boxes in (("boxes1", boxes1), ("boxes2", boxes2)):
        if boxes.ndim < 2:
            raise ValueError(
                f"{op}: {argument} must have shape (..., n, 4), got {tuple(boxes.shape)}:"
                " one box is an array of one row, [[x1, y1, x2, y2]]"
            )
    if boxes1.shape[:-2] != boxes2.shape[:-2]:
        raise ValueError(
            f"{op}: boxes1 {tuple(boxes1.shape)} and boxes2 {tuple(boxes2.shape)} must have equal axes"
            " before the last two"
        )
    _check_format(op, "fmt", fmt)
    area1, area2 = _area(boxes1, fmt), _area(boxes2, fmt)
    boxes1, boxes2 = _TO_XYXY[fmt](boxes1)[..., :, None, :], _TO_XYXY[fmt](boxes2)[..., None, :, :]
    low, high = maximum(boxes1[..., :2], boxes2[..., :2]), minimum(boxes1[..., 2:], boxes2[..., 2:])
    intersection = _rectangle(high - low)
    low, high = minimum(boxes1[..., :2], boxes2[..., :2]), maximum(boxes1[..., 2:], boxes2[..., 2:])
    return intersection, area1[..., :, None] + area2[..., None, :] - intersection, _rectangle(high - low)


def _rectangle(size):
    """Width times height, at least 0. A selection: like clamp it passes the gradient where boxes touch."""
    size = where(value(size) < 0, 0, size)
    return size[..., 0] * size[..., 1]


def _area(boxes, fmt):
    size = boxes[..., 2:] - boxes[..., :2] if fmt == "xyxy" else boxes[..., 2:]
    return size[..., 0] * size[..., 1]


def _quotient(a, b):
    """a / b in floating point, NaN for 0 / 0 without a warning."""
    if a.dtype.kind != "f":
        a, b = _as_float32(a), _as_float32(b)
    with np.errstate(divide="ignore", invalid="ignore"):
        return a / b


def _as_float32(x):
    wide = value(x).astype(np.float32)
    return Tensor(wide) if isinstance(x, Tensor) else wide


def _check_format(op, argument, fmt):
    if not isinstance(fmt, str):
        raise TypeError(f"{op}: {argument} must be one of {_FORMATS}, got {type(fmt).__name__}")
    if fmt in ("xywhr", "cxcywhr", "xyxyxyxy"):
        raise NotImplementedError(f"{op}: {argument}={fmt!r}: rotated boxes are not offered, only {_FORMATS}")
    if fmt not in _TO_XYXY:
        raise ValueError(f"{op}: {argument} must be one of {_FORMATS}, got {fmt!r}")


_FORMATS = "'xyxy', 'xywh', 'cxcywh'"
_TO_XYXY = {
    "xyxy": lambda b: b,
    "xywh": lambda b: concatenate(b[..., :2], b[..., :2] + b[..., 2:], dim=-1),
    "cxcywh": lambda b: concatenate(b[..., :2] - b[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2, dim=-1),
}
_FROM_XYXY = {
    "xywh": lambda b: concatenate(b[..., :2], b[..., 2:] - b[..., :2], dim=-1),
    "cxcywh": lambda b: concatenate((b[..., :2] + b[..., 2:]) / 2, b[..., 2:] - b[..., :2], dim=-1),
}
