"""Boxes as offsets from anchors or proposals, what a detector regresses; and the anchors of a feature map."""

import math
from numbers import Integral, Real

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value
from .boxes import read_boxes, read_numbers

LARGEST_GROWTH = math.log(1000 / 16)  # a 16-pixel anchor grows to at most 1000 pixels: exp stays finite


def encode_boxes(boxes, anchors, weights=(1.0, 1.0, 1.0, 1.0)):
    """Offsets (dx, dy, dw, dh) that take anchors (..., 4) to boxes (..., 4), both xyxy, times `weights`.

    dx = (x* - x) / w, dy = (y* - y) / h, dw = ln(w* / w), dh = ln(h* / h), of centres and sizes; * is the box.
    Leading axes broadcast. Girshick et al., "R-CNN" (2014), appendix C. ValueError for boxes without area.
    Slide "Bounding Box Regressors".
    """
    boxes, anchors = _read_float("encode_boxes", "boxes", boxes), _read_float("encode_boxes", "anchors", anchors)
    _check_broadcast("encode_boxes", "boxes", boxes, anchors)
    weights = _read_weights("encode_boxes", weights, np.result_type(boxes.dtype, anchors.dtype))
    for argument, given in (("boxes", boxes), ("anchors", anchors)):
        given = value(given)
        flat = ~(given[..., 2:] > given[..., :2]).all(axis=-1)
        if flat.any():
            where = np.argwhere(flat)[0].tolist()
            raise ValueError(
                f"encode_boxes: {argument}{where} = {given[tuple(where)].tolist()} has no area, so ln(w* / w) is "
                "not finite: leave it out (remove_small_boxes), or is it not xyxy?"
            )
    centre, size = _centre_and_size(boxes)
    from_centre, from_size = _centre_and_size(anchors)
    offsets = (centre - from_centre) / from_size
    return P.concatenate(offsets, P.log(size / from_size), dim=-1) * weights


def decode_boxes(deltas, anchors, weights=(1.0, 1.0, 1.0, 1.0), clip=LARGEST_GROWTH):
    """The boxes xyxy that offsets (..., 4) reach from anchors (..., 4): the inverse of encode_boxes.

    dw and dh beyond `clip` (default ln(1000 / 16); no gradient there) count as `clip`. Leading axes broadcast:
    (n, classes, 4) deltas take (n, 1, 4) anchors. Ren et al., "Faster R-CNN" (2015). ValueError, TypeError.
    """
    deltas = _read_float("decode_boxes", "deltas", deltas)
    anchors = _read_float("decode_boxes", "anchors", anchors)
    _check_broadcast("decode_boxes", "deltas", deltas, anchors)
    if not isinstance(clip, Real) or math.isnan(clip):
        raise ValueError(f"decode_boxes: clip must be a number, got {clip!r}")
    deltas = deltas / _read_weights("decode_boxes", weights, np.result_type(deltas.dtype, anchors.dtype))
    centre, size = _centre_and_size(anchors)
    growth = deltas[..., 2:]
    growth = P.where(value(growth) > clip, growth.dtype.type(clip), growth)
    centre, half = centre + deltas[..., :2] * size, P.exp(growth) * size / 2
    return P.concatenate(centre - half, centre + half, dim=-1)


def generate_anchors(sizes, aspect_ratios, stride, feature_size):
    """The anchors of a feature map: float32 (H * W * A, 4) xyxy in image pixels, A = ratios * sizes.

    Row (i * W + j) * A + a belongs to cell (i, j), centred at ((j + 0.5) * stride, (i + 0.5) * stride), and
    a = ratio index * len(sizes) + size index. An anchor has area size^2 and height / width = its aspect ratio.
    stride and feature_size (H, W): a number or a pair (vertical, horizontal). Ren et al. (2015). ValueError.
    Deck "Localization, Object Detection, Segmentation", slide "Faster R-CNN" (5).
    """
    sizes, ratios = (_positive(name, v) for name, v in (("sizes", sizes), ("aspect_ratios", aspect_ratios)))
    down, along = _positive("stride", stride, pair=True)
    h, w = feature_size if isinstance(feature_size, (tuple, list)) and len(feature_size) == 2 else [feature_size] * 2
    if not all(isinstance(n, Integral) and n >= 0 for n in (h, w)):
        raise ValueError(f"generate_anchors: feature_size must be whole numbers (H, W), got {feature_size!r}")
    wide = (sizes / np.sqrt(ratios)[:, None]).reshape(-1)
    high = (sizes * np.sqrt(ratios)[:, None]).reshape(-1)
    shape = np.stack([-wide, -high, wide, high], axis=-1) / 2
    y, x = np.meshgrid((np.arange(h) + 0.5) * down, (np.arange(w) + 0.5) * along, indexing="ij")
    centre = np.stack([x, y, x, y], axis=-1).reshape(-1, 1, 4)
    return (centre + shape).reshape(-1, 4).astype(np.float32)


def _centre_and_size(boxes):
    low, high = boxes[..., :2], boxes[..., 2:]
    return (low + high) / 2, high - low


def _read_float(op, argument, boxes):
    boxes = read_boxes(op, argument, boxes)
    if boxes.dtype.kind == "f":
        return boxes
    boxes = value(boxes).astype(np.float32) if not isinstance(boxes, Tensor) else boxes.to(np.float32)
    return boxes


def _read_weights(op, weights, dtype):
    array = value(read_numbers(op, "weights", weights))
    if array.shape != (4,) or not (np.isfinite(array) & (array > 0)).all():
        raise ValueError(f"{op}: weights must be four positive numbers, for dx, dy, dw, dh, got {weights!r}")
    return array.astype(dtype)


def _check_broadcast(op, argument, boxes, anchors):
    try:
        np.broadcast_shapes(boxes.shape, anchors.shape)
    except ValueError:
        raise ValueError(
            f"{op}: {argument} {tuple(boxes.shape)} and anchors {tuple(anchors.shape)} must broadcast: "
            "one anchor per row"
        ) from None


def _positive(name, given, pair=False):
    array = value(read_numbers("generate_anchors", name, given))
    expected = "a positive number or a pair of them" if pair else "positive numbers"
    if array.ndim > 1 or not (np.isfinite(array) & (array > 0)).all():
        raise ValueError(f"generate_anchors: {name} must be {expected}, got {given!r}")
    if pair and array.size not in (1, 2):
        raise ValueError(f"generate_anchors: {name} must be {expected}, got {given!r}")
    array = np.atleast_1d(array).astype(np.float64)
    return np.broadcast_to(array, (2,)) if pair else array
