"""Judging a detector on unseen pictures: the numbers that every detection lecture reports."""

import time

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.baselines import constant_boxes
from lectures.detection.foundation.datasets import without_difficult
from lectures.pathologies import warn_if_same_box

LENIENT = 0.02  # the confidence threshold for average precision, which wants the whole curve


def judge(model, data, report):
    """`evaluate` on the unseen pictures, beside the baseline: the best constant boxes of the training pictures."""
    detections, truths = evaluate(model, data.test, report)
    warn_if_same_box(detections, truths)
    targets = [without_difficult(data.train[i][1]) for i in range(min(len(data.train), 1000))]
    constant = constant_boxes(targets, seed=report.seed)
    baseline = pcn.metrics.detection_average_precision([constant] * len(truths), truths)
    report.baselines.update(map50=baseline["map"], ap50={data.classes[k]: v for k, v in baseline["ap"].items()})
    return detections, truths


def evaluate(model, test, report, batch=50, confidence_threshold=LENIENT):
    """Predict every test picture and enter map50, ap50, recall and the time per picture in the report.

    Difficult objects (VOC) and crowds (COCO), the third item of a target, are ignored: neither missed nor wrong.
    The threshold is low because average precision wants the whole curve; recall is where the curve ends, so it
    is that of a very lenient detector. Returns (detections, truths).
    """
    detections, truths, seconds = [], [], 0.0
    for start in range(0, len(test), batch):
        samples = [test[i] for i in range(start, min(start + batch, len(test)))]
        images = np.stack([image for image, _ in samples])
        begin = time.perf_counter()
        detections += model.predict(images, confidence_threshold)
        seconds += time.perf_counter() - begin
        truths += [target for _, target in samples]
    result = pcn.metrics.detection_average_precision(detections, truths)
    names = test.classes
    there = [k for k, ap in result["ap"].items() if not np.isnan(ap)]  # classes with something to find
    reached = [result["recall"][k][-1] if len(result["recall"][k]) else 0.0 for k in there]
    report.metrics.update(
        map50=result["map"],
        ap50={names[k]: float(v) for k, v in result["ap"].items()},
        recall=float(np.mean(reached)) if reached else float("nan"),
        map50_95=pcn.metrics.coco_summary(detections, truths)["AP"],
    )
    report.extra.update(
        recall_at_confidence=confidence_threshold, ms_per_image=1000 * seconds / len(test), test_pictures=len(test)
    )
    return detections, truths


def predictions(model, test):
    """(detections, truths) of all pictures of `test`, as lenient as `evaluate`."""
    images, truths = zip(*(test[i] for i in range(len(test))))
    return model.predict(images, LENIENT), list(truths)


def enter_variant(report, name, detections, truths, **more):
    """A row in the table of variants: AP at IoU 0.5, and at 0.75, which asks for a better place; and `more`."""
    average_precision = pcn.metrics.detection_average_precision
    at = {f"map{round(100 * t)}": average_precision(detections, truths, t)["map"] for t in (0.5, 0.75)}
    report.variants[name] = {**at, **more}


def average_precisions(model, test):
    """{"map50", "map50_95"} of `model` on the pictures of `test`."""
    found, truths = predictions(model, test)
    strict = pcn.metrics.coco_summary(found, truths)["AP"]
    return {"map50": pcn.metrics.detection_average_precision(found, truths)["map"], "map50_95": strict}
