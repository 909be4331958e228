"""How many boxes each family looks at: the slide's list, from the papers' configurations, and ours beside it."""

import numpy as np

import pyconvnet as pcn
from lectures.course import LOCALISATION
from lectures.detection import retinanet, ssd, yolo_v1, yolo_v2
from lectures.detection.fast_rcnn import PROPOSALS
from lectures.detection.faster_rcnn import PROPOSALS as PROPOSALS_OF_FASTER
from lectures.detection.rcnn import PROPOSALS as PROPOSALS_OF_RCNN
from lectures.detection.regions.windows import all_windows
from lectures.detection.sliding_window import SCENE_SHAPES
from lectures.verdict import Claim

CLASSES, SCENE = ("circle", "square", "triangle"), (64, 64)
ABOUT = 1.2  # "~1k" is from 1000 / 1.2 to 1000 * 1.2

SLIDE = {  # the fewest and the most that the slide's words allow
    "YOLO v1": (98, 98),
    "YOLO v2": (1000 / ABOUT, 1000 * ABOUT),
    "OverFeat": (1000 / ABOUT, 2000 * ABOUT),
    "SSD": (8000 / ABOUT, 26000 * ABOUT),
    "RetinaNet": (100_000 / ABOUT, 100_000 * ABOUT),
}
REGIONS = dict.fromkeys(("R-CNN", "Fast R-CNN", "Faster R-CNN"), (1000, 2000))


def on_maps(maps, per_cell):
    """Boxes of maps (rows, columns) with so many at each position, one number for all or one for each map."""
    return int(np.sum([r * c * k for (r, c), k in zip(maps, np.broadcast_to(per_cell, len(maps)))]))


def overfeat_locations():
    """Locations of OverFeat's six scales (its table 5): the classifier's 5 x 5 windows on maps pooled at 3 x 3 offsets.

    A side of 245 pixels has 17 cells of 12 pixels before the pooling, which leaves a third of them.
    """
    scales = (245, 245), (281, 317), (317, 389), (389, 461), (425, 497), (461, 569)
    return on_maps([[3 * ((17 + (side - 245) // 12) // 3 - 4) for side in scale] for scale in scales], 1)


def papers():
    """{family: numbers of boxes by the papers' configurations}."""
    ssd300 = on_maps([(n, n) for n in (38, 19, 10, 5, 3, 1)], (4, 6, 6, 6, 4, 4))
    ssd512 = on_maps([(n, n) for n in (64, 32, 16, 8, 4, 2, 1)], (4, 6, 6, 6, 6, 4, 4))
    levels = [(-(-600 // s), -(-1000 // s)) for s in (8, 16, 32, 64, 128)]  # pictures of 600 x 1000 pixels
    return {
        "YOLO v1": [on_maps([(7, 7)], 2)],
        "YOLO v2": [on_maps([(13, 13)], 5)],
        "OverFeat": [overfeat_locations()],
        "SSD": [ssd300, ssd512],
        "RetinaNet": [on_maps(levels, 9)],
    }


def ours():
    """{family: boxes of a scene in our lectures}, asked of the systems themselves."""
    picture = pcn.zeros((1, 3, *SCENE))
    cells = yolo_v1.YoloV1(CLASSES).eval()(picture).shape[1:3]
    return {
        "YOLO v1": int(np.prod(cells)) * yolo_v1.BOXES,
        "YOLO v2": len(yolo_v2.YoloV2(CLASSES).cells(SCENE).corner),
        "OverFeat": len(all_windows(SCENE, SCENE_SHAPES)),
        "SSD": len(ssd.SSD(CLASSES).anchors(*SCENE)),
        "RetinaNet": len(retinanet.RetinaNet(CLASSES).anchors(*SCENE)),
    }


def measure_counts(options, report):
    """Families whose number of boxes follows from maps and shapes."""
    return share_inside(SLIDE, papers(), ours())


def measure_regions(options, report):
    """Families whose number of regions is a setting: the papers' when they test."""
    papers = {"R-CNN": [2000], "Fast R-CNN": [2000], "Faster R-CNN": [300]}  # Faster R-CNN trains on 2000
    ours = {"R-CNN": PROPOSALS_OF_RCNN, "Fast R-CNN": PROPOSALS, "Faster R-CNN": PROPOSALS_OF_FASTER}
    return share_inside(REGIONS, papers, ours)


def share_inside(slide, papers, ours):
    """{"effect": the share of the families all of whose counts lie in the slide's range, and what was compared}."""
    inside = [low <= min(papers[name]) and max(papers[name]) <= high for name, (low, high) in slide.items()]
    return {"effect": float(np.mean(inside)), "papers": papers, "slide": slide, "ours": ours}


def draw_counts(ax, runs):
    """The slide's ranges as bars, the papers' counts and ours as dots."""
    run = runs[0]
    names = list(run["slide"])
    for y, name in enumerate(reversed(names)):
        low, high = run["slide"][name]
        ax.plot([low / 1.03, high * 1.03], [y, y], color="tab:green", alpha=0.35, linewidth=14, solid_capstyle="butt")
        for count in run["papers"][name]:
            ax.plot(count, y, "ko", markersize=5)
        said = ", ".join(f"{count:,}".replace(",", " ") for count in run["papers"][name])
        ax.annotate(said, (max(run["papers"][name]), y), (0, 11), textcoords="offset points", fontsize=9, ha="center")
        ax.plot(run["ours"][name], y, "D", color="tab:orange", markersize=6)
        own = f"{run['ours'][name]:,}".replace(",", " ")
        place = {"xytext": (0, -16), "textcoords": "offset points"}
        ax.annotate(own, (run["ours"][name], y), **place, fontsize=8, ha="center", color="tab:orange")
    ax.plot([], [], "ko", markersize=5, label="the papers' configurations")
    ax.plot([], [], "D", color="tab:orange", label="ours, 64 x 64 pixels")
    ax.plot([], [], color="tab:green", alpha=0.35, linewidth=8, label="what the slide says")
    ax.set_yticks(range(len(names)), names[::-1])
    ax.set(xscale="log", xlabel="boxes per picture", ylim=(-1.6, len(names) - 0.3), xlim=(50, 400_000))
    ax.legend(loc="lower right", fontsize=8, ncols=2)


CLAIMS = (
    Claim(
        number="3a", title="From 98 boxes a picture to 100k",
        says="YOLOv1: 98 boxes, YOLOv2: ~1k, OverFeat: ~1-2k, SSD: ~8-26k, RetinaNet: ~100k",
        deck=LOCALISATION, slide="Proposal comparison",
        effect="share of the families whose papers' configuration has as many boxes as the slide says",
        measure=measure_counts, draw=draw_counts, above=0.999, exact=True,
    ),
    Claim(
        number="3b", title="R-CNN, Fast and Faster R-CNN look at 1k-2k regions",
        says="R-CNN/Fast R-CNN/Faster R-CNN: 1k-2k",
        deck=LOCALISATION, slide="Proposal comparison",
        effect="share of the three whose paper tests with as many regions as the slide says",
        measure=measure_regions, draw=draw_counts, above=0.999, exact=True,
        because="Faster R-CNN's paper tests with 300 regions: 2000 are what it trains on",
    ),
)  # fmt: skip
