"""Faster R-CNN: one network proposes regions and says what is in them, on features that are computed once.

Deck "Computer Vision - Lecture 16", slides "Region Proposal Networks (RPN)" (Faster R-CNN = Fast R-CNN + RPN), "Faster
R-CNN" (one network, four losses, joint training) and "Faster R-CNN (based on ResNets)"; deck "Deep Convolutional Neural
Networks II", slide "Faster R-CNN": simple alternating optimisation of RPN and Fast R-CNN; deck "Fun Ways To Use
ConvNets", slide "One-Shot Object Detection" (1); deck "Localization, Object Detection, Segmentation", slides "Object
Detection" (3, in part: two stages), "Faster R-CNN" and "Faster R-CNN NMS". Ren et al., "Faster R-CNN" (2015).

The backbone's features go to the region proposal network (proposing/rpn.py) and, pooled in each proposal, to the head
of Fast R-CNN (regions/region_head.py). `trained` minimises the sum of the four losses. The proposals enter the head as
numbers: no gradient flows through their corners ("approximate joint training" in the paper). `alternating` takes the
paper's four steps instead. Ours is smaller: four convolutions instead of 13, at stride 4, trained from scratch; 100
proposals instead of 300.
"""

import time
from dataclasses import replace

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures, rpn_figures
from lectures.detection.foundation.backbone import centred, plain_backbone, residual_backbone
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.detector import Detector
from lectures.detection.foundation.evaluation import enter_variant, judge, predictions
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.suppression import suppress
from lectures.detection.foundation.threshold_demo import demonstrate
from lectures.detection.proposing import rpn
from lectures.detection.proposing.carried_proposals import proposal_recall
from lectures.detection.proposing.rpn import (
    SHAPES,
    STRIDE,
    ProposalNetwork,
    RegionProposalNetwork,
    anchor_shapes,
    rpn_loss,
)
from lectures.detection.regions.region_head import RegionHead, decode_regions, head_loss, pool_regions

PROPOSALS = 100  # regions of a picture that are looked at


class FasterRCNN(Detector):
    """Backbone, region proposal network, region head.

    Deck "Computer Vision - Lecture 16", slide "Faster R-CNN".
    """

    stride, confidence, nms = STRIDE, 0.5, 0.45

    def __init__(self, classes, shapes=SHAPES, backbone=plain_backbone):
        super().__init__(classes)
        self.features = backbone(STRIDE)
        self.rpn = RegionProposalNetwork(64, shapes)
        self.head = RegionHead(len(self.classes))

    def forward(self, images):
        """Features (N, 64, H / 4, W / 4) of pictures (N, 3, H, W)."""
        if images.ndim != 4 or any(side == 0 or side % STRIDE for side in images.shape[2:]):
            raise ValueError(
                f"FasterRCNN: pictures are (N, 3, H, W) with H and W multiples of STRIDE = {STRIDE}, "
                f"got {tuple(images.shape)}"
            )
        return self.features(centred(images))

    def detect(self, images, confidence_threshold, nms_threshold):
        """Propose regions, classify and move each, keep one box per object."""
        features = self(pcn.tensor(images))
        regions = [boxes for boxes, _ in self.rpn.propose(features, PROPOSALS)]
        return self.classify(features, regions, confidence_threshold, nms_threshold)

    def classify(self, features, regions, confidence_threshold, nms_threshold):
        """The second stage, on regions (n, 4) of each picture: (boxes, scores, labels) per picture."""
        scores, offsets = self.head(pool_regions(features, regions, STRIDE, self.head.bins))
        ends, size = np.cumsum([len(boxes) for boxes in regions])[:-1], [STRIDE * side for side in features.shape[2:]]
        answers = zip(np.split(scores.data, ends), np.split(offsets.data, ends), regions)
        return [suppress(*decode_regions(*answer, size, confidence_threshold), nms_threshold) for answer in answers]


def joint_loss(model, images, targets, rng):
    """The four losses of one pass: objectness and offsets of anchors, classes and offsets of regions.

    Deck "Computer Vision - Lecture 16", slide "Faster R-CNN": "one network, four losses".
    """
    features = model(images)
    objectness, offsets = model.rpn(features)
    anchors, size = model.rpn.anchors(*features.shape[2:]), images.shape[2:]
    four = rpn_loss(objectness, offsets, anchors, targets, rng)
    # .data: the head must not move the proposals so as to make its own task easier
    proposed = rpn.proposals(objectness.data, offsets.data, anchors, size, PROPOSALS)
    return four | region_loss(model, features, [boxes for boxes, _ in proposed], targets, rng)


def region_loss(model, features, proposals, targets, rng):
    """The two losses of Fast R-CNN on given proposals, which the objects' own boxes join."""
    losses = head_loss(model.head, features, STRIDE, proposals, targets, rng)
    return {f"head {name}": loss for name, loss in losses.items()}


SCENES = Settings(steps=1200, batch=16, lr=3e-3, quick=6)
PHOTOGRAPHS = Settings(steps=900, batch=4, lr=2e-3, quick=6)
SHARES = (0.25, 0.9, 0.25, 0.4)  # of those steps, for each of the four: RPN, Fast R-CNN, RPN on shared features, head


def settings_for(options, share=1.0, settings=None):
    """`settings`, or else SCENES or PHOTOGRAPHS, with a share of their steps."""
    settings = settings or (SCENES if options.data is None else PHOTOGRAPHS)
    return replace(settings, steps=round(share * settings.steps))


def trained(options, report, data, backbone=plain_backbone, stage="", settings=None):
    """A detector that has learned all four losses at once, and its Training."""
    pcn.manual_seed(options.seed)
    model = FasterRCNN(data.classes, anchor_shapes(options, data), backbone)
    settings = settings_for(options, 1.0, settings)
    return model, learn(model, joint_loss, data, settings, options, report, stage)


def alternating(options, report, data, settings=None):
    """A detector that has learned in the four steps of the paper (3.2), and the Training of each.

    Deck "Deep Convolutional Neural Networks II", slide "Faster R-CNN".
    1. A region proposal network with a backbone of its own. 2. Fast R-CNN, also with its own, on the proposals of
    step 1. 3. A proposal network on the backbone of step 2, which no longer learns. 4. The head on those proposals.
    By SHARES they take 1.8 times as many updates as joint training.
    """
    pcn.manual_seed(options.seed)
    shapes = anchor_shapes(options, data)
    proposer, model = ProposalNetwork(shapes), FasterRCNN(data.classes, shapes)

    def fast(model, images, targets, rng):
        return region_loss(model, model(images), proposer.propose_all(images, PROPOSALS), targets, rng)

    def shared_rpn(model, images, targets, rng):
        features = frozen_features(model, images)
        return rpn_loss(*model.rpn(features), model.rpn.anchors(*features.shape[2:]), targets, rng)

    def shared_head(model, images, targets, rng):
        features = frozen_features(model, images)
        model.rpn.eval()
        proposed = [boxes for boxes, _ in model.rpn.propose(features, PROPOSALS)]
        return region_loss(model, features, proposed, targets, rng)

    steps = (
        ("1-rpn", proposer, ProposalNetwork.loss, (proposer,)),
        ("2-fast", model, fast, (model.features, model.head)),
        ("3-shared-rpn", model, shared_rpn, (model.rpn,)),
        ("4-shared-head", model, shared_head, (model.head,)),
    )
    trainings = []
    for share, (stage, network, loss, learners) in zip(SHARES, steps):
        parameters = [p for part in learners for p in part.parameters()]
        own = settings_for(options, share, settings)
        trainings.append(learn(network, loss, data, own, options, report, stage, parameters))
    return model, trainings


def frozen_features(model, images):
    """Features that no longer learn: without gradient, and batch norm keeps to what it has seen."""
    model.features.eval()
    with pcn.no_grad():
        return model(images)


def run(options, report):
    """The lecture: joint training, and on scenes the two variants; judge on unseen pictures, draw."""
    data = detection_data(options)
    model, training = trained(options, report, data)
    if options.data is None:  # photographs would take minutes more: call these two functions for them
        enter_alternating(options, report, data)
        enter_residual(options, report, data)
    detections, truths = judge(model, data, report)
    report.extra["map75"] = pcn.metrics.detection_average_precision(detections, truths, 0.75)["map"]
    quality_of_proposals(report, model, data.test)
    report.extra["ms_by_part"] = milliseconds(model, data.test)
    four_losses(report, training.parts)
    figures.detections(report, data.test, model)
    figures.precision_recall(report, detections, truths, data.classes)
    rpn_figures.all_of(report, model, data.test)


def enter_alternating(options, report, data):
    """Variant: the same network, trained in four steps."""
    model, trainings = alternating(options, report, data)
    enter_apart(report, "alternating", model, data.test, sum(t.seconds for t in trainings))


def enter_residual(options, report, data):
    """Variant: joint training with a residual backbone."""
    model, training = trained(options, report, data, residual_backbone, "residual")
    enter_apart(report, "residual", model, data.test, training.seconds)


def enter_apart(report, name, model, test, seconds):
    """The variant's average precisions and time, which is not the lecture's."""
    report.train_seconds -= seconds
    enter_variant(report, name, *predictions(model, test), train_seconds=seconds)


def quality_of_proposals(report, model, test, batch=50):
    """Enter which share of the objects the best 50 and 100 proposals of a picture reach."""
    images, truths = zip(*(test[i] for i in range(len(test))))
    regions = []
    with pcn.no_grad():
        for start in range(0, len(test), batch):
            features = model(pcn.tensor(np.stack(images[start : start + batch])))
            regions += [boxes for boxes, _ in model.rpn.propose(features, PROPOSALS)]
    for most in (50, 100):
        report.extra[f"recall_of_{most}_proposals"] = proposal_recall([boxes[:most] for boxes in regions], truths)
    report.extra["proposals_per_image"] = float(np.mean([len(boxes) for boxes in regions]))


def milliseconds(model, test, batch=50, rounds=3):
    """Where the time of a picture goes, ms: the ConvNet, the proposal network, its suppression, the regions."""
    images = np.stack([test[i][0] for i in range(min(batch, len(test)))])
    spent = []
    with pcn.no_grad():
        for _ in range(rounds):
            clock = [time.perf_counter()]
            features = model(pcn.tensor(images))
            clock.append(time.perf_counter())
            objectness, offsets = model.rpn(features)
            clock.append(time.perf_counter())
            anchors = model.rpn.anchors(*features.shape[2:])
            proposed = rpn.proposals(objectness.data, offsets.data, anchors, images.shape[2:], PROPOSALS)
            clock.append(time.perf_counter())
            model.classify(features, [boxes for boxes, _ in proposed], model.confidence, model.nms)
            clock.append(time.perf_counter())
            spent.append(np.diff(clock))
    fastest = 1000 * np.min(spent, axis=0) / len(images)
    return dict(zip(("convnet", "rpn", "nms", "regions"), fastest.tolist(), strict=True))


def four_losses(report, parts, window=25):
    """Figure: how each of the four losses falls (running means), and their sum, which is minimised."""
    names = "rpn objectness", "rpn box", "head class", "head box"
    curves = {name: np.array(parts[name]) for name in names}
    curves["sum"] = sum(curves.values())
    window = min(window, len(curves["sum"]))
    with report.figure("loss", size=(6.5, 4.2)) as axes:
        for name, curve in curves.items():
            mean = np.convolve(curve, np.ones(window) / window, mode="valid")
            axes[0, 0].plot(np.arange(window, len(curve) + 1), mean, "k-" if name == "sum" else "-", label=name)
        axes[0, 0].set(xlabel="step", ylabel=f"loss, mean of {window} steps", yscale="log")
        axes[0, 0].legend(ncols=2)


def demo(options, report):
    """Sliders for the two thresholds on the trained detector (trained first if there is no checkpoint)."""
    return demonstrate(trained, options, report, detection_data(options))
