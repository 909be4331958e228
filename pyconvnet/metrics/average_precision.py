"""Average precision of a detector by the rules of the Pascal VOC challenge (Everingham et al. 2010)."""

from numbers import Real

import numpy as np

from .annotations import read_annotations
from .matching import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE, areas, match_voc, overlaps


def detection_average_precision(detections, ground_truths, iou_threshold=0.5, method="area"):
    """Pascal-VOC AP. detections: per image (boxes (n, 4) xyxy, scores (n,), labels (n,)); ground_truths: per
    image (boxes, labels) or (boxes, labels, difficult). method "area": under the precision envelope;
    "11point": its mean at recall 0, .1, ..., 1. Continuous boxes (no +1); IoU >= threshold hits; difficult
    objects and what finds them are left out. Ranked by falling score; ties in image, then detection order.
    Returns {"map", "ap": {label: float}, "precision": {label: array}, "recall": {label: array}}, labels of
    both lists; NaN where there is nothing to find (`map` leaves those out). ValueError, TypeError in words.
    """
    caller = "detection_average_precision"
    if not isinstance(method, str) or method not in _METHODS:
        raise ValueError(f'{caller}: method must be "area" or "11point", got {method!r}')
    if not isinstance(iou_threshold, Real):
        got = type(iou_threshold).__name__
        raise TypeError(f"{caller}: iou_threshold must be a number in (0, 1], got {got}")
    if not 0 < iou_threshold <= 1:
        raise ValueError(f"{caller}: iou_threshold must lie in (0, 1], got {iou_threshold}")
    detections, ground_truths = read_annotations(caller, detections, ground_truths, flag="difficult")

    ap, precision, recall = {}, {}, {}
    for label in sorted({int(l) for image in (*detections, *ground_truths) for l in image.labels}):
        outcome, objects = _outcomes(detections, ground_truths, label, iou_threshold)
        precision[label], recall[label] = precision_recall(outcome, objects)
        ap[label] = _METHODS[method](precision[label], recall[label]) if objects else float("nan")
    countable = [value for value in ap.values() if not np.isnan(value)]
    mean = float(np.mean(countable)) if countable else float("nan")
    return {"map": mean, "ap": ap, "precision": precision, "recall": recall}


def precision_recall(outcome, objects):
    """Outcomes in ranking order -> precision TP / (TP + FP) and recall TP / objects after each detection.

    Ignored detections have no point on the curve. With no object to find the recall is NaN."""
    outcome = outcome[outcome != IGNORED]
    true = np.cumsum(outcome == TRUE_POSITIVE)
    false = np.cumsum(outcome == FALSE_POSITIVE)
    recall = true / objects if objects else np.full(len(true), np.nan)
    return true / (true + false), recall


def area_under_envelope(precision, recall):
    """Integral over recall of the envelope p(r) = max of the precision at recall >= r."""
    recall = np.concatenate([[0.0], recall])
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope))


def eleven_point(precision, recall):
    """Mean of the envelope at the recalls k / 10. (0.1 * k rounds up and would miss a recall of 3 / 5.)"""
    reached = recall[None, :] >= np.arange(11)[:, None] / 10
    return float(np.max(np.where(reached, precision, 0.0), axis=1, initial=0.0).mean())


_METHODS = {"area": area_under_envelope, "11point": eleven_point}


def _outcomes(detections, ground_truths, label, iou_threshold):
    """Outcome of every detection of one class in ranking order, and the number of objects that count."""
    scores, outcomes, objects = [], [], 0
    for found, there in zip(detections, ground_truths):
        mine, theirs = found.labels == label, there.labels == label
        order = np.argsort(-found.scores[mine], kind="stable")
        boxes, object_boxes = found.boxes[mine][order], there.boxes[theirs]
        iou = overlaps(boxes, object_boxes, areas(boxes), areas(object_boxes))
        scores.append(found.scores[mine][order])
        outcomes.append(match_voc(iou, there.flag[theirs], iou_threshold))
        objects += int(np.sum(~there.flag[theirs]))
    ranking = np.argsort(-np.concatenate(scores), kind="stable")
    return np.concatenate(outcomes)[ranking], objects
