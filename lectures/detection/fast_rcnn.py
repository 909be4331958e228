r"""Fast R-CNN: run the ConvNet once per picture, not once per region; label and box in one loss.

Decks "Fun Ways To Use ConvNets" (slide "Object Detection: Region Proposals" (2)), "Deep Convolutional Neural Networks
II" ("Fast R-CNN", idea 2: "multi-task loss: classification + bounding box offset"), "Computer Vision - Lecture 16"
("Fast R-CNN", "Fast R-CNN Training") and "Localization, Object Detection, Segmentation" ("Fast R-CNN", "Fast R-CNN vs
R-CNN"): 1. some method proposes regions of interest; 2. the whole picture goes through a ConvNet; 3. each region is
projected onto the feature map; 4. max-pooled to a constant size; 5. flattened, and fully connected layers estimate
label and bounding box. Girshick, "Fast R-CNN" (2015). The loss reaches the ConvNet through the pooled regions.

What the slides leave open: a region is positive from IoU 0.5, 32 are drawn per picture, a quarter of them positive;
offsets are predicted for each class and divided by (.1, .1, .2, .2). Ours is smaller: at most 200 proposals where the
paper had 2000, stride 4, 4 x 4 bins where VGG's were 7 x 7, one hidden layer before the two heads, trained from
scratch. The paper's negatives overlap an object by at least 0.1; ours need not, as background is easy to come by.
"""

import time
from functools import partial

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures, region_figures
from lectures.detection.foundation.backbone import centred, plain_backbone
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.detector import Detector, pad_to_multiple
from lectures.detection.foundation.evaluation import LENIENT, enter_variant, judge
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.suppression import suppress
from lectures.detection.proposing.carried_proposals import (
    KeptProposals,
    proposal_recall,
    split_proposals,
    with_proposals,
)
from lectures.detection.proposing.constant_proposals import random_boxes
from lectures.detection.proposing.proposal_cache import cached_proposals
from lectures.detection.proposing.selective_search import selective_search
from lectures.detection.regions.feature_sharing import share_against_recompute
from lectures.detection.regions.region_head import RegionHead, decode_regions, head_loss, pool_regions
from lectures.kept_network import code_of, keep_network, load_kept_network
from lectures.macs import counted_macs

STRIDE = 4  # pixels per cell of the feature map
PROPOSALS, PROPOSALS_PHOTOGRAPHS = 200, 1000  # at most, per picture: photographs are larger and fuller
TIMED = 50  # pictures
CODE = code_of(__file__)


class FastRCNN(Detector):
    """Pictures and a proposal source to boxes; `align` pools by RoI-align instead of RoI pooling.

    Slide "Object Detection: Region Proposals" (2). Deck "Localization, Object Detection, Segmentation", slide "Fast
    R-CNN" (1).
    """

    stride, confidence, nms = STRIDE, 0.3, 0.3
    padded = False  # proposals are searched on the picture itself

    def __init__(self, classes, propose=selective_search, align=False):
        super().__init__(classes)
        self.propose, self.align = propose, align
        self.regress = True  # False: answer with the regions as they were proposed
        self.features = plain_backbone(STRIDE)
        self.head = RegionHead(len(self.classes))

    def forward(self, images, regions):
        """Scores (K, C + 1) and offsets (K, C, 4) of all regions, a list of boxes (n, 4) per picture."""
        features = self.features(centred(images))
        return self.head(pool_regions(features, regions, STRIDE, self.head.bins, self.align))

    def detect(self, images, confidence_threshold, nms_threshold):
        """Propose, look at every region, move it, keep one per object."""
        regions = [self.propose(image) for image in images]
        scores, offsets = self(pcn.tensor(pad_to_multiple(images, STRIDE)), regions)
        size = images.shape[2:]
        return self.answers(scores.data, offsets.data, regions, size, confidence_threshold, nms_threshold)

    def answers(self, scores, offsets, regions, size, confidence_threshold, nms_threshold):
        """What the head said about all regions, by picture of `size` (H, W): one (boxes, scores, labels) each."""
        ends = np.cumsum([len(r) for r in regions])[:-1]
        offsets = offsets if self.regress else np.zeros_like(offsets)
        parts = zip(np.split(scores, ends), np.split(offsets, ends), regions)
        return [suppress(*decode_regions(*part, size, confidence_threshold), nms_threshold) for part in parts]

    def loss(self, images, targets, rng):
        """The multi-task loss of a batch whose targets carry their proposals.

        Deck "Deep Convolutional Neural Networks II", slide "Fast R-CNN".
        """
        targets, proposals = split_proposals(targets)
        features = self.features(centred(images))
        return head_loss(self.head, features, STRIDE, proposals, targets, rng, self.align)


SCENES = Settings(steps=1400, batch=16, lr=2e-3, quick=10)
PHOTOGRAPHS = Settings(steps=1000, batch=4, lr=1e-3, quick=6)


def trained(options, report, data, propose=selective_search, align=False, stage="", settings=None):
    """A detector that has learned from `data.train`, whose targets carry proposals, and its Training."""
    pcn.manual_seed(options.seed)
    model = FastRCNN(data.classes, propose, align)
    settings = settings or (SCENES if options.data is None else PHOTOGRAPHS)
    return model, learn(model, FastRCNN.loss, data, settings, options, report, stage)


def run(options, report):
    """The lecture: propose, train, judge on unseen pictures, compare poolings, measure, draw."""
    data = detection_data(options)
    search, learning, proposals = proposed(options, data)
    propose = KeptProposals(search)
    model, training = trained(options, report, learning, propose)
    keep_network(model, *identity(options, learning))
    detections, truths = judge(model, data, report)
    enter_variant(report, "roi_pool", detections, truths)
    unseen = [image for image, _ in data.test]
    enter_variant(report, "without_regression", unmoved(model, unseen), truths)
    compare_with_align(report, learning, propose, unseen, truths, options)
    report.extra["proposal_seconds_for_training"] = proposals.seconds
    report.extra["recall_of_proposals"] = proposal_recall([propose(image) for image in unseen], truths)
    report.extra["proposals_per_image"] = float(np.mean([len(propose(image)) for image in unseen]))
    report.extra.update(parts_of_time(model, unseen[:TIMED], search))
    report.extra["sharing"] = share_against_recompute(model.features, unseen[0], random_boxes(data.size, PROPOSALS))
    figures.loss_curve(report, training.losses, per="region")
    figures.detections(report, data.test, model)
    figures.precision_recall(report, detections, truths, data.classes)
    region_figures.bins(report, model, *data.test[0])
    region_figures.labelled_proposals(report, data, propose)
    region_figures.before_and_after_suppression(report, model, data.test)


def proposed(options, data):
    """(search, data whose training targets carry its proposals, these proposals)."""
    most = PROPOSALS if options.data is None else PROPOSALS_PHOTOGRAPHS
    proposals = cached_proposals(data.train, selective_search, max_boxes=most)
    return partial(selective_search, max_boxes=most), with_proposals(data, proposals), proposals


def reference(options, report, data):
    """The lecture's detector for other lectures to compare with: kept from an earlier run, or else trained now."""
    search, learning, _ = proposed(options, data)
    model = FastRCNN(data.classes, search)
    if not load_kept_network(model, *identity(options, learning)):
        model, _ = trained(options, report, learning, search, stage="fast-rcnn")
        keep_network(model, *identity(options, learning))
    return model.eval()


def identity(options, learning):
    """What the trained network depends on: code, options, and the pictures' targets with their proposals."""
    targets = (part for _, target in learning.train for part in target)
    return *CODE, options.seed, options.quick, options.data, getattr(options, "pictures", None), *targets


def unmoved(model, images):
    """What the detector finds if regions stay where they were proposed: its classes without its box regression."""
    model.regress = False
    try:
        return model.predict(images, LENIENT)
    finally:
        model.regress = True


def compare_with_align(report, learning, propose, unseen, truths, options):
    """Variant: the same training with RoI-align in place of RoI pooling. Its time is not the lecture's."""
    before = report.train_seconds
    model, training = trained(options, report, learning, propose, align=True, stage="align")
    report.train_seconds = before
    enter_variant(report, "roi_align", model.predict(unseen, LENIENT), truths, train_seconds=training.seconds)


def parts_of_time(model, images, propose):
    """Where the time of a picture goes: {"ms_by_part", "share_of_proposals", "mmacs_per_image", "gmacs_per_second"}.

    MACs are those of the ConvNet and of the head on all regions; per second of these two parts.
    """
    clock, spent = time.perf_counter(), {}

    def note(part):
        nonlocal clock
        now = time.perf_counter()
        spent[part], clock = 1000 * (now - clock) / len(images), now

    with pcn.no_grad(), counted_macs(model) as macs:
        regions = [propose(image) for image in images]
        note("proposals")
        features = model.features(centred(pcn.tensor(np.stack(images))))
        note("convnet")
        scores, offsets = model.head(pool_regions(features, regions, STRIDE, model.head.bins, model.align))
        note("regions")
        model.answers(scores.data, offsets.data, regions, images[0].shape[1:], LENIENT, model.nms)
        note("suppression")
    mmacs = macs.total / len(images) / 1e6
    return {
        "ms_by_part": spent,
        "share_of_proposals": spent["proposals"] / sum(spent.values()),
        "mmacs_per_image": mmacs,
        "gmacs_per_second": mmacs / (spent["convnet"] + spent["regions"]),
    }
