r"""SPP-net: the ConvNet once per picture, and a pyramid of bins makes every region equally long.

Deck "Deep Convolutional Neural Networks II": "Do not run the entire CNN for each ROI, but run the convolutional
(representation) part once for the entire image, and for each ROI pool the features and run the fully connected part";
"arbitrary size image => fixed-length representation, implemented by max-pooling operations, speeds testing up". He et
al., "Spatial Pyramid Pooling in Deep Convolutional Networks" (2014): the largest value in each of 4 x 4, 2 x 2 and
1 x 1 bins of every channel, 21 numbers per channel whatever the size.

As in the paper, the convolutional layers are trained by classification and then frozen: no gradient passes the pyramid
of a region. The fully connected layers are fine-tuned on regions of whole feature maps (log loss); linear SVMs and box
regressors follow, the same three objectives as R-CNN's (regions/post_hoc.py), on x_fc and on the pyramid.
Ours is smaller: the paper pretrains on ImageNet, pictures of one object each; ours classifies the patch that each cell
of the map sees, 27 x 27 pixels of the training scenes: which ninth of which kind of object is it? Levels 4, 2, 1
instead of 6, 3, 2, 1; one scale of the picture when tested.
"""

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures, post_hoc_figures
from lectures.detection.foundation.backbone import centred, plain_backbone
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.evaluation import judge
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.stopwatch import fastest
from lectures.detection.proposing.carried_proposals import KeptProposals, split_proposals, with_proposals
from lectures.detection.proposing.constant_proposals import random_boxes
from lectures.detection.proposing.proposal_cache import cached_proposals
from lectures.detection.rcnn import PICTURES, RCNN, search
from lectures.detection.regions.post_hoc import PostHocDetector, fit_post_hoc, log_loss
from lectures.detection.regions.post_hoc_costs import compare, cost, disk
from lectures.detection.regions.spatial_pyramid import LEVELS, STRIDE, region_pyramid
from lectures.macs import counted_macs
from pyconvnet import functional as F
from pyconvnet import nn

PARTS = 3  # an object is classified in PARTS x PARTS parts


class SPPNet(PostHocDetector):
    """The ConvNet sees a picture once; a region is the pyramid of its part of the feature map."""

    stride = STRIDE

    def __init__(self, classes, propose=search):
        super().__init__(classes, propose, length=64 * sum(n * n for n in LEVELS))
        self.features = plain_backbone(STRIDE)
        self.patch_score = nn.Conv2d(64, len(self.classes) * PARTS**2 + 1, 1)  # for the pretraining alone
        self.frozen = False

    def maps(self, images):
        """Feature maps (N, 64, H / 4, W / 4); without a gradient once the convolutional layers are frozen."""
        if not self.frozen:
            return self.features(centred(images))
        with pcn.no_grad():
            return self.features(centred(images))

    def pooled(self, images, regions):
        """The pyramids (K, 1344) of regions, a list of boxes (n, 4) per picture."""
        return region_pyramid(self.maps(images), regions)

    def freeze(self):
        """From now on the convolutional layers, batch norm's statistics too, stay as they are."""
        self.frozen = True
        return self.train(self.training)

    def train(self, mode=True):
        """As Module.train, but frozen layers stay in evaluation."""
        super().train(mode)
        self.features.train(mode and not self.frozen)
        return self


def patch_loss(model, images, targets, rng):
    """Classification for the convolutional layers: which part of which object is in the patch that a cell sees?"""
    targets, _ = split_proposals(targets)
    maps = model.maps(images)
    labels = patch_labels(targets, maps.shape[2:], len(model.classes))
    return {"patch loss": F.cross_entropy(model.patch_score(maps), labels)}


def patch_labels(targets, size, classes):
    """The label of every cell (N, H, W) of maps of `size`: class * 9 + row * 3 + column of the ninth of the object's
    box that the cell's centre lies in; 9 * classes (background) outside of all boxes. Small objects are in front."""
    height, width = size
    labels = np.full((len(targets), height, width), classes * PARTS**2)
    y, x = np.meshgrid((np.arange(height) + 0.5) * STRIDE, (np.arange(width) + 0.5) * STRIDE, indexing="ij")
    for of_picture, (boxes, kinds, *_) in zip(labels, targets):
        for k in np.argsort(-pcn.ops.box_area(boxes), kind="stable"):
            x1, y1, x2, y2 = boxes[k].astype(np.float64)
            inside = (x >= x1) & (x < x2) & (y >= y1) & (y < y2)
            row, column = (y[inside] - y1) * PARTS // (y2 - y1), (x[inside] - x1) * PARTS // (x2 - x1)
            of_picture[inside] = kinds[k] * PARTS**2 + row * PARTS + column
    return labels


SCENES = Settings(steps=1000, batch=16, lr=3e-3, quick=8), Settings(steps=600, batch=16, lr=2e-3, quick=8)
SVM_PICTURES = 1000  # of the training scenes, for the SVMs and the regressors: to look at a region costs little
PHOTOGRAPHS = Settings(steps=600, batch=4, lr=2e-3, quick=8), Settings(steps=400, batch=4, lr=1e-3, quick=8)


def trained(options, report, data, propose=search):
    """(detector, Trainings of its convolutional and fully connected layers, features, history of its SVMs)."""
    pcn.manual_seed(options.seed)
    model = SPPNet(data.classes, propose)
    proposals = cached_proposals(data.train, search)
    learning = with_proposals(data, proposals)
    classify, fine_tune = SCENES if options.data is None else PHOTOGRAPHS
    head = [*model.fc.parameters(), *model.score.parameters()]
    below = [*model.features.parameters(), *model.patch_score.parameters()]
    first = learn(model, patch_loss, learning, classify, options, report, "classification", below)
    second = learn(model.freeze(), log_loss, learning, fine_tune, options, report, "log-loss", head)
    report.extra.update(
        seconds_classification=first.seconds, seconds_log_loss=second.seconds, seconds_proposals=proposals.seconds
    )
    rng, pictures = np.random.default_rng(options.seed), 16 if options.quick else SVM_PICTURES
    return model, (first, second), *fit_post_hoc(model, data.train, proposals[:pictures], report, rng)


def run(options, report):
    """The lecture: propose, train, judge on unseen pictures, compare with R-CNN region for region, draw."""
    data = detection_data(options, train_count=PICTURES)
    model, trainings, features, history = trained(options, report, data, KeptProposals(search))
    detections, truths = judge(model, data, report)
    compare(model, data.test, report)
    report.extra.update(disk(model, features))
    image = data.test[0][0]
    against = against_rcnn(model, image)
    report.extra.update(cost(model, image, search))
    report.extra.update({name: v for name, v in against.items() if not isinstance(v, dict)}, same_regions=against)
    names = "classification of patches", "log loss of regions, convolutions frozen"
    figures.loss_curve(report, {name: training.losses for name, training in zip(names, trainings)})
    figures.detections(report, data.test, model)
    figures.precision_recall(report, detections, truths, data.classes)
    post_hoc_figures.pyramid(report, model, data.test)
    post_hoc_figures.hard_negatives(report, data, features, history)
    post_hoc_figures.before_and_after_regression(report, model, data.test)


def against_rcnn(model, image, count=200, repeats=10):
    """Milliseconds and multiply-accumulates of the features of the same regions, here and in an R-CNN of equal widths.

    From the picture and the boxes to x_fc; R-CNN's warping counts. Weights do not matter for either.
    """
    regions = random_boxes(image.shape[1:], count)
    costs = {}
    for name, system in (("spp_net", model), ("rcnn", RCNN(model.classes))):
        system.look(image, regions)
        with counted_macs(system) as macs:
            system.look(image, regions)
        seconds = fastest(lambda system=system: system.look(image, regions), repeats)
        costs[name] = {"ms": 1000 * seconds, "macs": macs.total}
    fewer, faster = (costs["rcnn"][unit] / costs["spp_net"][unit] for unit in ("macs", "ms"))
    return {"regions": len(regions), "times_fewer_macs": fewer, "times_faster": faster, **costs}
