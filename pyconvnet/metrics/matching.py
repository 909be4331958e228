"""Which detection found which object: the rules of Pascal VOC and of COCO, one image and one class."""

import numpy as np

TRUE_POSITIVE, FALSE_POSITIVE, IGNORED = 1, 0, -1


def areas(boxes):
    """(n, 4) xyxy -> (n,) areas in square pixels."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def overlaps(detected, objects, detected_area, object_area, crowd=None):
    """IoU of every detection with every object: boxes (n, 4) and (m, 4), areas (n,) and (m,) -> (n, m).

    0 where nothing intersects. For a `crowd` (bool (m,)) the union is replaced by the detection's own area:
    a box inside the crowd counts fully.
    """
    low = np.maximum(detected[:, None, :2], objects[None, :, :2])
    high = np.minimum(detected[:, None, 2:], objects[None, :, 2:])
    width, height = np.moveaxis(np.clip(high - low, 0, None), -1, 0)
    intersection = width * height
    union = detected_area[:, None] + object_area[None] - intersection
    if crowd is not None:
        union = np.where(crowd[None], detected_area[:, None], union)
    # Two boxes without area have IoU 0 / 0: they find nothing.
    return np.divide(intersection, union, out=np.zeros_like(intersection), where=intersection > 0)


def match_voc(iou, difficult, iou_threshold):
    """Pascal VOC: each detection, best score first, claims the object it overlaps most (first among equals).

    iou (n, m) with rows by falling score, difficult (m,) -> (n,) of TRUE_POSITIVE, FALSE_POSITIVE or IGNORED.
    IoU below the threshold, or an object claimed before: false positive. A difficult object: ignored.
    """
    outcome = np.full(len(iou), FALSE_POSITIVE)
    if iou.shape[1] == 0:
        return outcome
    claimed = np.zeros(iou.shape[1], bool)
    for detection, best in enumerate(iou.argmax(axis=1)):
        if iou[detection, best] < iou_threshold:
            continue
        if difficult[best]:
            outcome[detection] = IGNORED
        elif not claimed[best]:
            outcome[detection] = TRUE_POSITIVE
            claimed[best] = True
    return outcome


def match_coco(iou, ignored, crowd, iou_thresholds):
    """COCO: each detection, best score first, claims the free object it overlaps most (last among equals).

    iou (n, m) with rows by falling score, ignored (A, m) per area range, crowd (m,), iou_thresholds (T,) ->
    (A, T, n) of TRUE_POSITIVE, FALSE_POSITIVE or IGNORED. Objects that count go before ignored ones, however
    much more these overlap; a crowd can be claimed again and again.
    """
    n, m = iou.shape
    outcome = np.full((len(ignored), len(iou_thresholds), n), FALSE_POSITIVE)
    if m == 0:
        return outcome
    free = np.ones((len(ignored), len(iou_thresholds), m), bool)
    counts = ~ignored[:, None, :]
    enough = np.minimum(iou_thresholds, 1 - 1e-10)[:, None]  # IoU 1 less a rounding passes threshold 1
    for detection in range(n):
        candidate = free & (iou[detection] >= enough)
        regular = candidate & counts
        candidate = np.where(regular.any(axis=-1, keepdims=True), regular, candidate)
        value = np.where(candidate, iou[detection], -1.0)
        best = m - 1 - value[..., ::-1].argmax(axis=-1)[..., None]
        found = np.take_along_axis(candidate, best, -1)
        counted = np.take_along_axis(np.broadcast_to(counts, free.shape), best, -1)
        claims = np.where(counted, TRUE_POSITIVE, IGNORED)
        outcome[..., detection] = np.where(found, claims, FALSE_POSITIVE)[..., 0]
        still_free = ~found | crowd[best]
        np.put_along_axis(free, best, np.take_along_axis(free, best, -1) & still_free, -1)
    return outcome
