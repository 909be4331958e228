"""The COCO summary of a detector: AP over ten IoU thresholds, and by object size (Lin et al. 2014)."""

from collections.abc import Mapping

import numpy as np

from .annotations import read_annotations
from .matching import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE, areas, match_coco, overlaps

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = 100  # per image and class
AREA_RANGES = {"all": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}


def coco_summary(detections, ground_truths, area_ranges=None):
    """COCO AP at IoU .50:.95, 101 recall points. detections: per image (boxes (n, 4) xyxy, scores, labels);
    ground_truths: per image (boxes, labels) or (boxes, labels, iscrowd). Returns {"AP", "AP50", "AP75",
    "APs", "APm", "APl"}, NaN where there is nothing to find (pycocotools: -1). Ranked by falling score; ties
    in image, then detection order. An object's size is the area of its box (in COCO's files: of its mask).
    area_ranges (low, high) in square pixels, bounds included: [small, medium, large], [all, small, medium,
    large] or a dict of these names; default COCO's 32^2 and 96^2. ValueError, TypeError in words.
    """
    caller = "coco_summary"
    ranges = np.array(list(_read_area_ranges(caller, area_ranges).values()), np.float64)
    detections, ground_truths = read_annotations(caller, detections, ground_truths, flag="iscrowd")
    labels = sorted({int(l) for image in ground_truths for l in image.labels})
    # (classes, ranges, thresholds); a class never seen in the ground truth is undefined in every range.
    ap = np.array([_class_ap(detections, ground_truths, label, ranges) for label in labels])
    ap = ap.reshape(-1, len(ranges), len(IOU_THRESHOLDS))
    return {
        "AP": _mean(ap[:, 0]),
        "AP50": _mean(ap[:, 0, 0]),
        "AP75": _mean(ap[:, 0, 5]),
        "APs": _mean(ap[:, 1]),
        "APm": _mean(ap[:, 2]),
        "APl": _mean(ap[:, 3]),
    }


def _class_ap(detections, ground_truths, label, ranges):
    """AP of one class, (ranges, thresholds); NaN where no object of the range counts."""
    scores, outcomes, objects = [], [], np.zeros(len(ranges), int)
    for found, there in zip(detections, ground_truths):
        mine, theirs = found.labels == label, there.labels == label
        order = np.argsort(-found.scores[mine], kind="stable")[:MAX_DETECTIONS]
        boxes, area = _as_coco_stores(found.boxes[mine][order])
        object_boxes, object_area = _as_coco_stores(there.boxes[theirs])
        crowd = there.flag[theirs]
        ignored = _outside(object_area, ranges) | crowd
        iou = overlaps(boxes, object_boxes, area, object_area, crowd)
        outcome = match_coco(iou, ignored, crowd, IOU_THRESHOLDS)
        # A false alarm of another size is no mistake within this range.
        other_size = _outside(area, ranges)[:, None, :] & (outcome == FALSE_POSITIVE)
        outcomes.append(np.where(other_size, IGNORED, outcome))
        scores.append(found.scores[mine][order])
        objects += np.sum(~ignored, axis=1)
    ranking = np.argsort(-np.concatenate(scores), kind="stable")
    outcome = np.concatenate(outcomes, axis=-1)[..., ranking]
    return [
        [_interpolated_ap(o, count) if count else np.nan for o in by_threshold]
        for by_threshold, count in zip(outcome, objects)
    ]


def _interpolated_ap(outcome, objects):
    """Mean over 101 recalls r of the best precision at recall >= r; 0 where r is never reached."""
    true = np.cumsum(outcome == TRUE_POSITIVE)
    false = np.cumsum(outcome == FALSE_POSITIVE)
    precision = true / np.maximum(true + false, 1)  # the curve may start with ignored detections: 0 / 0
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return envelope[np.searchsorted(true / objects, RECALLS, side="left")].mean()


def _as_coco_stores(boxes):
    """Corners and areas. COCO keeps (x, y, w, h): rebuilding the far corner from them repeats its rounding,
    so that equal overlaps stay equal and thresholds are met alike."""
    size = boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([boxes[:, :2], boxes[:, :2] + size], axis=1), areas(boxes)


def _outside(area, ranges):
    return (area[None] < ranges[:, :1]) | (area[None] > ranges[:, 1:])


def _mean(values):
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float("nan")


def _read_area_ranges(caller, given):
    if given is None:
        return AREA_RANGES
    names = list(AREA_RANGES)
    if not isinstance(given, Mapping):
        try:
            given = list(given)
        except TypeError:
            got = type(given).__name__
            raise TypeError(f"{caller}: area_ranges must be a list or a dict of ranges, got {got}") from None
        if len(given) not in (3, 4):
            raise ValueError(
                f"{caller}: area_ranges must be [small, medium, large] or [all, small, medium, large],"
                f" each a pair (low, high) in square pixels, got {len(given)} items"
            )
        given = dict(zip(names[-len(given) :], given))
    unknown = [name for name in given if name not in AREA_RANGES]
    if unknown:
        raise ValueError(f"{caller}: area_ranges has no {unknown[0]!r}; its names are {', '.join(names)}")
    for name, pair in given.items():
        pair = np.asarray(pair)
        if pair.shape != (2,) or pair.dtype.kind not in "iuf" or not pair[0] <= pair[1]:
            raise ValueError(
                f"{caller}: area_ranges {name!r} must be a pair (low, high) in square pixels,"
                f" low <= high, got {given[name]!r}"
            )
    return {**AREA_RANGES, **given}
