"""Networks that several claims look at, each trained once: some hundred steps, far from their lectures' accuracy."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

from lectures.detection import fast_rcnn, rcnn_minus_r
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.evaluation import LENIENT
from lectures.detection.proposing import rpn
from lectures.detection.proposing.constant_proposals import kmeans_boxes
from lectures.evidence.arms import kept_arm
from lectures.kept_network import code_of
from pyconvnet.data import Subset
from pyconvnet.metrics import detection_average_precision

TRAIN, TEST = 3000, 300  # pictures
QUICK_TRAIN, QUICK_TEST = 4, 3
REGION_SETTINGS = replace(fast_rcnn.SCENES, steps=400, quick=2)  # Fast R-CNN and R-CNN minus R
PROPOSER_SETTINGS = replace(rpn.SCENES, quick=2)


@cache
def scenes(seed, quick, variant="shapes64"):
    """DetectionData of small pictures, drawn once for all claims."""
    options = SimpleNamespace(seed=seed, quick=quick, data=None)
    return shortened(detection_data(options, TRAIN, TEST, variant), quick)


def shortened(data, quick):
    """With --quick the first few pictures of each part."""
    if not quick:
        return data
    return replace(data, train=Subset(data.train, range(QUICK_TRAIN)), test=Subset(data.test, range(QUICK_TEST)))


def seen(data):
    """(pictures, targets) of the test part, as lists."""
    images, truths = zip(*data.test)
    return list(images), list(truths)


@cache
def searched(seed, quick):
    """(Selective Search, data whose training targets carry its proposals)."""
    options = SimpleNamespace(seed=seed, quick=quick, data=None)
    search, learning, _ = fast_rcnn.proposed(options, scenes(seed, quick))
    return search, learning


def fast(options, report):
    """Fast R-CNN on Selective Search's regions."""
    search, learning = searched(options.seed, options.quick)

    def train():
        return fast_rcnn.trained(options, report, learning, search, stage="fast", settings=REGION_SETTINGS)[0]

    identity = (*code_of(fast_rcnn.__file__), "claims", options.seed, options.quick, TRAIN, REGION_SETTINGS)
    return kept_arm(fast_rcnn.FastRCNN(learning.classes, search), train, *identity)


def minus_r(options, report):
    """The same network, as long, on the same k-means boxes for every picture."""
    data = scenes(options.seed, options.quick)
    boxes = kmeans_boxes(data.training_boxes(), rcnn_minus_r.BOXES, options.seed)

    def train():
        return rcnn_minus_r.trained(options, report, data, boxes, "minus-r", REGION_SETTINGS)[0]

    code = {*code_of(rcnn_minus_r.__file__), *code_of(fast_rcnn.__file__)}  # it is a Fast R-CNN
    identity = (*sorted(code), "claims", options.seed, options.quick, TRAIN, REGION_SETTINGS)
    return kept_arm(rcnn_minus_r.RCNNMinusR(data.classes, boxes, data.size), train, *identity)


def proposer(options, report):
    """A region proposal network."""
    data = scenes(options.seed, options.quick)

    def train():
        return rpn.trained(options, report, data, PROPOSER_SETTINGS)[0]

    identity = (*code_of(rpn.__file__), "claims' proposer", options.seed, options.quick, TRAIN, PROPOSER_SETTINGS)
    return kept_arm(rpn.ProposalNetwork(), train, *identity)


def precision_with_and_without(model, images, truths, ious=(0.5, 0.75)):
    """{"with", "without": {"map50", ...}}: average precision where regions are moved, and where they stay."""
    found = {"with": model.predict(images, LENIENT), "without": fast_rcnn.unmoved(model, images)}
    return {how: {f"map{100 * iou:.0f}": detection_average_precision(boxes, truths, iou)["map"] for iou in ious}
            for how, boxes in found.items()}  # fmt: skip
