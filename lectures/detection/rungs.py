"""The rungs of the ladder: how each detector is trained on the same pictures, what it looks at, where its time goes.

What the decks say of each stands here, too; their numbers come from other pictures and other machines.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import pyconvnet as pcn
from lectures.detection import (
    fast_rcnn,
    faster_rcnn,
    fixed_n,
    overfeat,
    rcnn,
    rcnn_minus_r,
    retinanet,
    sliding_window,
    spp_net,
    ssd,
    yolo,
    yolo9000,
    yolo_v1,
    yolo_v2,
    yolo_v3,
)
from lectures.detection.foundation.label_tree import LabelTree
from lectures.detection.foundation.weak_labels import BoxesOrNames
from lectures.detection.proposing.carried_proposals import KeptProposals, with_proposals
from lectures.detection.proposing.proposal_cache import cached_proposals
from lectures.detection.regions.windows import all_windows
from lectures.report import Report

SLOTS = 4  # of fixed_n: a scene has one to four objects
TREE = LabelTree({"round": ("circle",), "angular": ("square", "triangle")})
FIXED, WINDOWS, REGIONS, ONE_PASS = "fixed number", "windows", "regions", "one pass"


@dataclass(frozen=True)
class Rung:
    """A system: how it is trained, (options, report, data) -> (model, bytes kept between stages); how many boxes it
    looks at (model, image); the names of what proposes and what computes features, for `stopwatch`; the decks' words.
    """

    kind: str
    train: Callable
    boxes: Callable
    proposals: str | None = None
    features: str = "features"
    decks: str = ""


def one_stage(system):
    """The training of a system that keeps nothing."""
    return lambda options, report, data: (system.trained(options, report, data)[0], 0)


def train_fixed_n(options, report, data):
    """Where pictures may have more objects than slots, the largest count."""
    slots = SLOTS if options.data is None else fixed_n.usual_number(data.train)
    learned = replace(data, train=fixed_n.Largest(data.train, slots))
    return fixed_n.trained(options, report, learned, slots=slots)[0], 0


def train_overfeat(options, report, data):
    """Onto the windows that the ladder's sliding_window has learned: its checkpoint is there, or it learns now."""
    resuming = copy.copy(options)
    resuming.resume = True
    of_windows = Report("sliding_window", report.folder.parent, report.seed, report.data)
    windows, _ = sliding_window.trained(resuming, of_windows, data)
    report.train_seconds += of_windows.train_seconds
    return overfeat.trained(options, report, data, windows)[0], 0


def train_post_hoc(system):
    """R-CNN, SPP-net: they keep proposals, and features of regions for the SVMs and the regressors."""

    def train(options, report, data):
        model, _, features, _ = system.trained(options, report, data, KeptProposals(rcnn.search))
        return model, features.bytes + kept_proposals(report, data)[1]

    return train


def train_fast_rcnn(options, report, data):
    """On the regions that R-CNN gets."""
    proposals, kept = kept_proposals(report, data)
    learning, search = with_proposals(data, proposals), KeptProposals(rcnn.search)
    return fast_rcnn.trained(options, report, learning, search)[0], kept


def kept_proposals(report, data):
    """(the regions of the training pictures, their bytes); what the search took goes to the report."""
    proposals = cached_proposals(data.train, rcnn.search)
    report.extra["seconds_proposals"] = proposals.seconds
    return proposals, sum(boxes.nbytes for boxes in proposals)


def train_yolo9000(options, report, data):
    """With the box of every object, and the tree of our three kinds."""
    if options.data is not None:
        return yolo9000.trained(options, report, data)[0], 0
    return yolo9000.trained(options, report, replace(data, train=BoxesOrNames(TREE, data.train)), tree=TREE)[0], 0


def windows_of(model, image):
    return len(all_windows(image.shape[1:], model.shapes.data))


def proposed(model, image):
    return len(model.propose(image))


def proposed_by_rpn(model, image):
    with pcn.no_grad():
        return len(model.rpn.propose(model(pcn.tensor(image[None])), faster_rcnn.PROPOSALS)[0][0])


def boxes_of_cells(model, image):
    return model.boxes * image.shape[1] * image.shape[2] // model.stride**2


def cell_anchors(model, image):
    return len(model.cells(image.shape[1:]).corner)


def anchors(model, image):
    return len(model.anchors(*image.shape[1:]))


RUNGS = {
    "fixed_n": Rung(FIXED, train_fixed_n, lambda model, image: model.slots, decks='"how many?"'),
    "sliding_window": Rung(
        WINDOWS, one_stage(sliding_window), windows_of, features="probabilities", decks='"very slow"'
    ),
    "overfeat": Rung(WINDOWS, train_overfeat, windows_of, features="dense_answers", decks="1-2k boxes"),
    "rcnn": Rung(
        REGIONS, train_post_hoc(rcnn), proposed, "propose", "pooled", "2k boxes, 47 s/image, 3 days, 200 GB"
    ),
    "spp_net": Rung(REGIONS, train_post_hoc(spp_net), proposed, "propose", decks='"speeds testing up"'),
    "fast_rcnn": Rung(REGIONS, train_fast_rcnn, proposed, "propose", decks='"proposals still expensive"'),
    "rcnn_minus_r": Rung(REGIONS, one_stage(rcnn_minus_r), proposed, "propose", decks="3k boxes, mAP .53"),
    "faster_rcnn": Rung(
        REGIONS, one_stage(faster_rcnn), proposed_by_rpn, "rpn.propose", decks="1-2k boxes, mAP .732, 5 fps"
    ),
    "yolo": Rung(ONE_PASS, one_stage(yolo), boxes_of_cells),
    "yolo_v1": Rung(ONE_PASS, one_stage(yolo_v1), boxes_of_cells, decks="98 boxes, mAP .634, 45 fps; fast: .527, 150"),
    "yolo_v2": Rung(ONE_PASS, one_stage(yolo_v2), cell_anchors, decks="1k boxes"),
    "yolo9000": Rung(ONE_PASS, train_yolo9000, cell_anchors),
    "yolo_v3": Rung(ONE_PASS, one_stage(yolo_v3), cell_anchors),
    "ssd": Rung(ONE_PASS, one_stage(ssd), anchors, decks="8-26k boxes"),
    "retinanet": Rung(ONE_PASS, one_stage(retinanet), anchors, decks="100k boxes"),
}
DECKS_COLUMN = "decks (other data, other machine)"
ORDER = (  # slow to fast, as the decks tell it
    ("sliding_window",), ("rcnn",), ("spp_net", "fast_rcnn"), ("faster_rcnn",),
    ("yolo", "yolo_v1", "yolo_v2", "yolo9000", "yolo_v3", "ssd", "retinanet"),
)  # fmt: skip
