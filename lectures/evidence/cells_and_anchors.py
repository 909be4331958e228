"""More cells, and anchors found by k-means: what two of YOLO v2's improvements give in a crowd.

Ten objects in 104 x 104 pixels, 300 steps for every arm (`yolo_v2.VARIANT`), the same pictures in the same order.
"""

from functools import cache
from types import SimpleNamespace

import numpy as np

from lectures.course import DEEP_CNN_2
from lectures.detection import yolo_v1, yolo_v2
from lectures.detection.foundation.cell_anchors import iou_kmeans, shape_iou
from lectures.detection.foundation.evaluation import average_precisions
from lectures.evidence.arms import bars, fewer, kept_arm
from lectures.kept_network import code_of
from lectures.verdict import Claim

SETTINGS = yolo_v2.VARIANT
CODE = code_of(yolo_v2.__file__)


@cache
def crowds(seed, quick):
    """The pictures of all three claims, drawn once."""
    return fewer(yolo_v2.crowds(SimpleNamespace(seed=seed, quick=quick, data=None)), quick, 16, 6)


def measure_cells(options, report):
    """YOLO v1 on the same pictures with 7 x 7 cells of 16 pixels and 13 x 13 cells of 8; objects in a taken cell."""
    data, arms = crowds(options.seed, options.quick), {}
    for name, stride in (("7 x 7 cells", 16), ("13 x 13 cells", 8)):
        model, _ = yolo_v1.trained(options, report, data, SETTINGS, f"cells-{stride}", stride=stride)
        arms[name] = average_precisions(model, data.test) | {"collisions": collisions(data.test, stride)}
    coarse, fine = arms.values()
    return {"effect": fine["map50"] - coarse["map50"], "arms": arms}


def collisions(pictures, stride):
    """The share of the objects whose centre lies in a cell that holds the centre of an earlier one."""
    taken = objects = 0
    for _, (boxes, *_) in pictures:
        cells = ((boxes[:, :2] + boxes[:, 2:]) / 2 // stride).astype(int)
        objects += len(cells)
        taken += len(cells) - len(np.unique(cells, axis=0))
    return taken / max(objects, 1)


def measure_hand_made(options, report):
    """YOLO v2 with three anchors by k-means and with three chosen by hand; and with a single one, by k-means.

    The single one tells why: it has all objects to learn its class scores from, each of three only some.
    """
    one = iou_kmeans(yolo_v2.sides_of(crowds(options.seed, options.quick)), 1, options.seed)
    return compare_anchors(options, report, {"hand-made": yolo_v2.HAND_MADE, "one, k-means": one})


def measure_random(options, report):
    """YOLO v2 with three anchors by k-means and with three drawn at random."""
    return compare_anchors(options, report, {"random": yolo_v2.random_anchors(options.seed)})


def compare_anchors(options, report, rivals):
    """{"effect": AP that k-means gains over the first rival, "arms": {arm: AP, mean IoU with the objects, share of the
    objects that the busiest anchor of a cell is the best for}}."""
    data = crowds(options.seed, options.quick)
    sides, arms = yolo_v2.sides_of(data), {}
    for name, anchors in (rivals | {"k-means": iou_kmeans(sides, yolo_v2.ANCHORS, options.seed)}).items():
        anchors = np.asarray(anchors, np.float32)
        model, similar = anchor_arm(options, report, data, name, anchors), shape_iou(sides, anchors)
        busiest = np.bincount(similar.argmax(1)).max() / len(sides)
        fits = {"mean_iou": float(similar.max(1).mean()), "busiest_anchor": float(busiest)}
        arms[name] = average_precisions(model, data.test) | fits
    first = next(iter(rivals))
    return {"effect": arms["k-means"]["map50"] - arms[first]["map50"], "arms": arms}


def anchor_arm(options, report, data, name, anchors):
    """YOLO v2 with these anchors, trained once for all claims."""

    def train():
        stage = f"anchors-{name}".replace(", ", "-")
        return yolo_v2.trained(options, report, data, SETTINGS, stage, anchors)[0]

    identity = (*CODE, "anchors", options.seed, options.quick, SETTINGS, anchors)
    return kept_arm(yolo_v2.YoloV2(data.classes, anchors), train, *identity)


def draw_cells(ax, runs):
    """Average precision of both grids; below each the share of objects that share a cell."""
    bars(ax, runs, "mAP at IoU .5, unseen crowds")
    shares = {name: np.mean([run["arms"][name]["collisions"] for run in runs]) for name in runs[0]["arms"]}
    texts = [f"{name}\n{share:.1%} of objects in a taken cell" for name, share in shares.items()]
    ax.set_xticks(range(len(texts)), texts)


def draw_anchors(ax, runs):
    """Average precision; below each how well its anchors fit, and how unevenly they are used."""
    names, texts = list(runs[0]["arms"]), []
    bars(ax, runs, "mAP at IoU .5, unseen crowds", colours=["#999999"] * (len(names) - 1) + ["#0072B2"])
    for name in names:
        fit, busiest = (np.mean([run["arms"][name][key] for run in runs]) for key in ("mean_iou", "busiest_anchor"))
        texts.append(f"{name}\nIoU with objects {fit:.2f}\nbusiest anchor {busiest:.0%}")
    ax.set_xticks(range(len(texts)), texts, fontsize=9)


SLIDE = "YOLOv2, YOLO 9000"
CLAIMS = (
    Claim(
        number="9a",
        title="A finer grid finds more in a crowd",
        says="Finer output grid (13x13)",
        deck=DEEP_CNN_2,
        slide=SLIDE,
        effect="mAP at IoU .5 with 13 x 13 cells minus with 7 x 7, same pictures and steps",
        measure=measure_cells,
        draw=draw_cells,
    ),
    Claim(
        number="9b",
        title="Anchors by k-means beat anchors chosen by hand",
        says="Anchor boxes (found by K-means)",
        deck=DEEP_CNN_2,
        slide=SLIDE,
        effect="mAP at IoU .5 with three anchors by k-means minus with three hand-made ones, 300 steps",
        measure=measure_hand_made,
        draw=draw_anchors,
        because="an anchor learns its class scores only from objects it answers for: after 300 steps a single anchor "
        "by k-means, which answers for all, is ahead of three that share them",
    ),
    Claim(
        number="9c",
        title="Anchors by k-means beat random anchors",
        says="Anchor boxes (found by K-means)",
        deck=DEEP_CNN_2,
        slide=SLIDE,
        effect="mAP at IoU .5 with three anchors by k-means minus with three random ones, 300 steps",
        measure=measure_random,
        draw=draw_anchors,
        because="three k-means anchors share the objects evenly, and each learns from a third; of random anchors one "
        "answers for most, and learns its class scores sooner, though it fits worse",
    ),
)
