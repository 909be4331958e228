"""Non-max suppression: how many answers an object gets with and without it, and the slide's 9000 boxes to 100."""

from dataclasses import replace

import numpy as np

import pyconvnet as pcn
from lectures.course import FUN_WAYS, LOCALISATION
from lectures.detection import yolo
from lectures.detection.foundation.datasets import without_difficult
from lectures.detection.foundation.matching import overlaps
from lectures.detection.proposals import recall_at
from lectures.detection.proposing import rpn
from lectures.evidence.arms import kept_arm
from lectures.evidence.short_trainings import proposer, scenes, seen
from lectures.kept_network import code_of
from lectures.verdict import Claim

ONE_SHOT = replace(yolo.SCENES, steps=600, quick=2)
IOUS = (0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0)  # at 1 nothing is suppressed
ANCHORS, KEPT, NMS = 9000, 100, 0.5  # the slide's
ROWS = 4  # scenes in a row and in a column of a picture: 64 x 64 positions, 12,288 anchors
MOSAICS = 12


def one_shot(options, report):
    """YOLO in its simplest form."""
    data = scenes(options.seed, options.quick)

    def train():
        return yolo.trained(options, report, data, ONE_SHOT)[0]

    identity = (*code_of(yolo.__file__), "claims", options.seed, options.quick, ONE_SHOT)
    return kept_arm(yolo.OneShotDetector(data.classes), train, *identity)


def account(detections, truths):
    """{"precision", "recall", "answers"}: of all boxes those that find an object (IoU .5, right label) first; of all
    objects those found; boxes that say each of these objects. The surest box of an object finds it, others repeat it.
    """
    boxes_said = found = said = objects = 0
    for (boxes, _, labels), (truth, names, *_) in zip(detections, truths):  # best first
        right = (overlaps(boxes, truth) >= 0.5) & (labels[:, None] == names)
        answers = right.sum(0)
        boxes_said, objects = boxes_said + len(boxes), objects + len(truth)
        found, said = found + int((answers > 0).sum()), said + int(answers.sum())
    return {"precision": found / max(boxes_said, 1), "recall": found / max(objects, 1), "answers": said / max(found, 1)}


def measure_sweep(options, report):
    """Precision at the detector's own confidence, with its own suppression and without any; and for every IoU."""
    model = one_shot(options, report)
    images, truths = seen(scenes(options.seed, options.quick))
    sweep = [account(model.predict(images, nms_threshold=iou), truths) for iou in IOUS]
    return {"effect": sweep[IOUS.index(model.nms)]["precision"] - sweep[-1]["precision"], "sweep": sweep}


def draw_sweep(ax, runs):
    """Precision and recall against the IoU; on the right axis the answers that an object gets."""
    right = ax.twinx()
    lines = (ax, "precision", "tab:blue"), (ax, "recall", "tab:green"), (right, "answers", "tab:red")
    for own, what, colour in lines:
        curves = np.array([[point[what] for point in run["sweep"]] for run in runs])
        own.plot(IOUS, curves.mean(0), "o-", color=colour, label=what, markersize=4)
        own.plot(IOUS, curves.T, color=colour, linewidth=0.6, alpha=0.6)
    ax.axvline(yolo.NMS, color="0.6", linestyle=":")
    ax.set(xlabel="a box goes if its IoU with a surer one exceeds (1: none goes)", ylabel="precision, recall")
    ax.set_ylim(0, 1)
    right.set_ylabel("boxes for an object that is found", color="tab:red")
    right.set_ylim(0, None)
    ax.legend(fontsize=9, loc="lower left")


def mosaics(data, count):
    """(pictures of ROWS x ROWS test scenes each, the boxes (n, 4) of their objects)."""
    pictures, objects, (height, width) = [], [], data.size
    for first in range(0, count * ROWS**2, ROWS**2):
        picture, boxes = np.zeros((3, ROWS * height, ROWS * width), np.float32), []
        for k in range(ROWS**2):
            top, left = k // ROWS * height, k % ROWS * width
            image, target = data.test[(first + k) % len(data.test)]
            picture[:, top : top + height, left : left + width] = image
            boxes.append(without_difficult(target)[0] + np.array([left, top, left, top], np.float32))
        pictures.append(picture)
        objects.append(np.concatenate(boxes))
    return np.stack(pictures), objects


def measure_literal(options, report):
    """Recall of 100 boxes of the 9000 surest anchors: those that the slide's algorithm leaves, and the 100 surest."""
    network, data = proposer(options, report), scenes(options.seed, options.quick)
    pictures, objects = mosaics(data, 1 if options.quick else MOSAICS)
    surest, kept = [], []
    for picture in pictures:
        with pcn.no_grad():
            logits, offsets, anchors = network(pcn.tensor(picture[None]))
        boxes, scores = rpn.decode(logits.data[0], offsets.data[0], anchors, picture.shape[1:], most=ANCHORS)
        surest.append(boxes)
        kept.append(rpn.suppressed(boxes, scores, NMS, KEPT)[0])
    counts = (10, 25, 50, KEPT)
    recall = {"surest": recall_at(surest, objects, counts), "kept": recall_at(kept, objects, counts)}
    said = {
        "entered": float(np.mean([len(boxes) for boxes in surest])),
        "objects": float(np.mean([len(boxes) for boxes in objects])),
        "counts": counts,
    }
    curves = {name: list(of.values()) for name, of in recall.items()}
    return {"effect": recall["kept"][KEPT] - recall["surest"][KEPT], **said, **curves}


def draw_literal(ax, runs):
    """Recall against the number of boxes, with and without suppression."""
    counts = runs[0]["counts"]
    for name, label in (("kept", "after suppression at IoU .5"), ("surest", "the surest, whatever overlaps")):
        curves = np.array([run[name] for run in runs])
        (line,) = ax.plot(counts, curves.mean(0), "o-", label=label)
        ax.plot(counts, curves.T, color=line.get_color(), linewidth=0.6, alpha=0.6)
    entered, objects = (np.mean([run[what] for run in runs]) for what in ("entered", "objects"))
    ax.set(xlabel=f"boxes of a picture, of {entered:.0f} that enter", ylabel="share of objects reached, IoU .5")
    ax.set(ylim=(0, 1.03))
    ax.legend(fontsize=9, title=f"{objects:.0f} objects in a picture")


CLAIMS = (
    Claim(
        number="15a", title="Suppression removes repeated answers",
        says="several grid cells may propose boxes for the same object: keep just the box with highest confidence",
        deck=FUN_WAYS, slide="One-Shot Object Detection",
        effect="precision with suppression at IoU .45 less that without",
        measure=measure_sweep, draw=draw_sweep, above=0,
    ),
    Claim(
        number="15b", title="9000 anchors to 100 proposals by suppression",
        says="input: 9000 anchor boxes; remove those with IoU > 0.5; output: 100 anchor boxes as region proposals",
        deck=LOCALISATION, slide="Faster R-CNN NMS",
        effect="recall of the 100 boxes that suppression leaves less that of the 100 surest",
        measure=measure_literal, draw=draw_literal, above=0,
    ),
)  # fmt: skip
