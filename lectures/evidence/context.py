"""YOLO sees the whole picture: a disc counts only where it stands on the ground, which a window cannot see."""

from functools import cache

import numpy as np

import pyconvnet as pcn
from lectures.course import DEEP_CNN_2
from lectures.detection import sliding_window, yolo
from lectures.detection.foundation.datasets import DetectionData
from lectures.detection.foundation.evaluation import predictions
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.matching import overlaps
from lectures.detection.regions.windows import window_shapes
from lectures.verdict import Claim
from pyconvnet.data import GroundScenes, flip_batch

ONE_PASS = Settings(steps=500, batch=32, lr=3e-3, quick=2)
WINDOWS = Settings(steps=300, batch=32, lr=1e-2, quick=2)
RECALL = 0.7  # both are compared where they find as many objects
TRAIN, TEST = 3000, 150


@cache
def ground_scenes(seed, quick):
    """Training and test pictures; mirrored, but never put on their head."""
    train, test = (32, 2) if quick else (TRAIN, TEST)
    return DetectionData(GroundScenes(train, "train", seed), GroundScenes(test, "test", seed), left_or_right)


def left_or_right(images, targets, rng):
    """Mirror: the ground stays below."""
    return flip_batch(images, targets, rng, horizontal=True)


def measure_context(options, report):
    """False alarms per picture of YOLO and of a window classifier, each so sure that it finds RECALL of the objects.

    On discs in the sky, which look like objects, and elsewhere. Recall is lower where one cannot reach it.
    """
    data, found = ground_scenes(options.seed, options.quick), {}
    pcn.manual_seed(options.seed)
    one_pass = yolo.OneShotDetector(data.classes)
    learn(one_pass, yolo.OneShotDetector.loss, data, ONE_PASS, options, report, "context-yolo")
    pcn.manual_seed(options.seed)
    windows = sliding_window.SlidingWindow(data.classes, window_shapes(data.training_boxes(), aspects=1))
    learn(windows, sliding_window.window_loss, data, WINDOWS, options, report, "context-windows")
    for name, model in (("window classifier", windows), ("YOLO", one_pass)):
        found[name] = predictions(model.eval(), data.test)
    recall = min(RECALL, *(reached(*answers) for answers in found.values()))
    sky, arms = [data.test.sky_boxes(i) for i in range(len(data.test))], {}
    for name, (detections, truths) in found.items():
        alarms, threshold = false_alarms(detections, truths, recall)
        on_sky = sum(int((overlaps(wrong, up).max(1, initial=0) >= 0.3).sum()) for wrong, up in zip(alarms, sky))
        total, count = sum(map(len, alarms)), len(truths)
        arms[name] = {"alarms": total / count, "in the sky": on_sky / count, "elsewhere": (total - on_sky) / count}
        arms[name]["map50"] = pcn.metrics.detection_average_precision(detections, truths)["map"]
        arms[name]["examples"] = [above(each, threshold).tolist() for each in detections[:EXAMPLES]]
    windowed, whole = arms.values()
    return {"effect": windowed["alarms"] - whole["alarms"], "recall": recall, "seed": options.seed, "arms": arms}


EXAMPLES = 2  # pictures in the figure


def hits(detections, truths, iou_threshold=0.5):
    """Of one class: (scores, is it a hit?, picture) of all detections, surest first; an object is hit once only."""
    score = np.concatenate([scores for _, scores, _ in detections])
    picture = np.repeat(np.arange(len(detections)), [len(scores) for _, scores, _ in detections])
    within = np.concatenate([np.arange(len(scores)) for _, scores, _ in detections]).astype(int)
    order = np.argsort(-score, kind="stable")
    overlap = [overlaps(boxes, truth[0]) for (boxes, *_), truth in zip(detections, truths)]
    hit, free = np.zeros(len(order), bool), [np.full(len(truth[0]), True) for truth in truths]
    for place, k in enumerate(order):
        of, near = picture[k], overlap[picture[k]][within[k]]
        if len(near) and near.max() >= iou_threshold and free[of][near.argmax()]:
            hit[place], free[of][near.argmax()] = True, False
    return score[order], hit, picture[order], within[order]


def reached(detections, truths):
    """The share of the objects that is found at all."""
    return float(hits(detections, truths)[1].sum() / max(sum(len(truth[0]) for truth in truths), 1))


def false_alarms(detections, truths, recall):
    """(boxes (n, 4) of the false alarms in each picture, the confidence) of a detector of one class that is just so
    lenient that it finds `recall` of the objects: what is as sure, and no hit (IoU .5, one per object)."""
    score, hit, picture, within = hits(detections, truths)
    wanted = recall * sum(len(truth[0]) for truth in truths) - 1e-9
    found = np.cumsum(hit)
    asked = int(np.searchsorted(found, wanted)) + 1 if wanted > 0 and len(found) and found[-1] >= wanted else 0
    wrong = [[] for _ in detections]
    for of, k in zip(picture[:asked][~hit[:asked]], within[:asked][~hit[:asked]]):
        wrong[of].append(detections[of][0][k])
    return [np.array(w, np.float32).reshape(-1, 4) for w in wrong], float(score[asked - 1]) if asked else np.inf


def above(detection, threshold):
    """The boxes that are at least so sure."""
    boxes, scores, _ = detection
    return boxes[scores >= threshold]


def draw_context(ax, runs):
    """False alarms per picture, on discs in the sky and elsewhere; beside them what both say about test pictures."""
    names, bottom = list(runs[0]["arms"]), np.zeros(2)
    parts = ("in the sky", "on discs in the sky", "#D55E00"), ("elsewhere", "elsewhere", "#999999")
    for part, label, colour in parts:
        height = np.array([np.mean([run["arms"][name][part] for run in runs]) for name in names])
        ax.bar((0, 1), height, 0.6, bottom=bottom, color=colour, label=label)
        bottom += height
    for k, name in enumerate(names):
        dots = [run["arms"][name]["alarms"] for run in runs]
        ax.plot([k] * len(dots), dots, "o", color="k", markersize=4, markerfacecolor="w")
    recall = np.mean([run["recall"] for run in runs])
    top = max(1.3 * max(run["arms"][name]["alarms"] for run in runs for name in names), 0.1)
    ax.set_xticks((0, 1), names)
    ax.set(ylabel=f"false alarms per picture where {recall:.0%} are found", xlim=(-0.5, 3.6), ylim=(0, top))
    ax.legend(frameon=False, loc="upper left", fontsize=8)
    ax.spines[["top", "right"]].set_visible(False)
    draw_examples(ax, runs[0], names)


def draw_examples(ax, run, names):
    """Inside the axes at the right: test pictures with the boxes of both detectors; horizon seen, sky discs wrong."""
    scenes = GroundScenes(EXAMPLES, "test", run["seed"])
    shown = min(EXAMPLES, *(len(run["arms"][name]["examples"]) for name in names))
    for row, name in enumerate(names):
        for column in range(shown):
            inset = ax.inset_axes((0.48 + 0.27 * column, 0.5 * (1 - row) + 0.01, 0.25, 0.4))
            boxes = np.array(run["arms"][name]["examples"][column], np.float32).reshape(-1, 4)
            pcn.viz.draw_boxes(scenes[column][0], boxes, color="w", linewidth=1.5, ax=inset)
            if column == 0:
                inset.set_title(f"{name} says", fontsize=8, loc="left", pad=2)


CLAIMS = (
    Claim(
        number="13",
        title="Where context decides, seeing all of it means fewer false alarms",
        says="Entire image is seen ..., contextual information is preserved (=> less false positives)",
        deck=DEEP_CNN_2,
        slide="YOLO properties",
        effect="false alarms per picture of a window classifier minus YOLO's, where both find 70 % of the objects",
        measure=measure_context,
        draw=draw_context,
    ),
)
