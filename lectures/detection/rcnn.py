r"""R-CNN, "Regions with CNN features": one ConvNet run for each of some 2000 regions of a picture.

Decks "Computer Vision - Lecture 16" ("Object Detection: R-CNN" to "Problems with R-CNN"), "Localization, Object
Detection, Segmentation (Labwork 7)" ("R-CNN"), "Deep Convolutional Neural Networks II" ("R-CNN") and "Fun Ways To Use
ConvNets" ("Object Detection: Region Proposals" (1), idea 1): (1) a picture, (2) extract region proposals, resize them
to one size, (3) features by a ConvNet, (4) an SVM f_c(x) = w_c^T x_fc7 says whether a region is a person, a horse, or
background. Box regressors move the region: (x* - x) / w = w_x^T x_pool5, ln(w* / w) = w_w^T x_pool5. Girshick et al.,
"Rich feature hierarchies" (2014).

What the slides leave open (the paper's choices, in regions/post_hoc.py, which SPP-net shares): which regions
are positive for which of the three objectives, one pass of hard negatives, lambda by validation, context around the
region, per-class NMS. Ours is smaller: crops of 32 x 32 instead of 227 x 227, about 120 proposals instead of 2000,
four convolutions learned from scratch where the paper fine-tunes AlexNet; all features fit in memory.
"""

from functools import partial

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures, post_hoc_figures
from lectures.detection.foundation.backbone import centred, plain_backbone
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.evaluation import judge
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.proposing.carried_proposals import KeptProposals, proposal_recall, with_proposals
from lectures.detection.proposing.proposal_cache import cached_proposals
from lectures.detection.proposing.selective_search import selective_search
from lectures.detection.regions.post_hoc import PostHocDetector, fit_post_hoc, log_loss
from lectures.detection.regions.post_hoc_costs import compare, cost, disk
from lectures.detection.regions.warping import warp
from pyconvnet import nn

SIZE, CONTEXT = 32, 2  # pixels: every region becomes SIZE x SIZE, with CONTEXT of its surroundings on each side
PROPOSALS = 200  # at most, per picture


# Selective Search's most promising boxes: two colour spaces, one k. No def: those of a data set are then kept on disk.
search = partial(selective_search, max_boxes=PROPOSALS, ks=(0.1,))


class RCNN(PostHocDetector):
    """Every region is cut out, warped to 32 x 32, and passed through the ConvNet by itself.

    Deck "Computer Vision - Lecture 16", slides "R-CNN Pipeline". Deck "Deep Convolutional Neural Networks II", slide
    "R-CNN". Deck "Fun Ways To Use ConvNets", slide "Object Detection: Region Proposals" (1).
    """

    stride = 1  # a picture need not be padded: only crops enter the ConvNet

    def __init__(self, classes, propose=search):
        super().__init__(classes, propose, length=64 * 4 * 4)
        self.features = nn.Sequential(plain_backbone(4), nn.MaxPool2d(2), nn.Flatten())

    def pooled(self, images, regions):
        """x_pool5 (K, 1024) of regions, a list of boxes (n, 4) per picture."""
        crops = [warp(image, boxes, SIZE, CONTEXT) for image, boxes in zip(images.data, regions, strict=True)]
        return self.features(centred(pcn.tensor(np.concatenate(crops))))


SCENES = Settings(steps=700, batch=8, lr=2e-3, quick=8)
PHOTOGRAPHS = Settings(steps=600, batch=4, lr=1e-3, quick=8)
PICTURES, SVM_PICTURES = 3000, 500  # of the training scenes: for the log loss, and for the two post-hoc objectives


def trained(options, report, data, propose=search, settings=None):
    """(detector, Training of its ConvNet, features, history of its SVMs): the three objectives, one by one."""
    pcn.manual_seed(options.seed)
    model = RCNN(data.classes, propose)
    proposals = cached_proposals(data.train, search)
    settings = settings or (SCENES if options.data is None else PHOTOGRAPHS)
    learned = [*model.features.parameters(), *model.fc.parameters(), *model.score.parameters()]
    training = learn(model, log_loss, with_proposals(data, proposals), settings, options, report, "log-loss", learned)
    report.extra.update(seconds_log_loss=training.seconds, seconds_proposals=proposals.seconds)
    rng, pictures = np.random.default_rng(options.seed), 16 if options.quick else SVM_PICTURES
    return model, training, *fit_post_hoc(model, data.train, proposals[:pictures], report, rng)


def run(options, report):
    """The lecture: propose, train three times, judge on unseen pictures, complain as the slide does, draw."""
    data = detection_data(options, train_count=PICTURES)
    propose = KeptProposals(search)
    model, training, features, history = trained(options, report, data, propose)
    detections, truths = judge(model, data, report)
    compare(model, data.test, report)
    report.extra.update(disk(model, features))
    report.extra["recall_of_proposals"] = proposal_recall([propose(image) for image, _ in data.test], truths)
    report.extra.update(cost(model, data.test[0][0], search))
    figures.loss_curve(report, training.losses, per="region")
    figures.detections(report, data.test, model)
    figures.precision_recall(report, detections, truths, data.classes)
    post_hoc_figures.regions_to_scores(report, model, data.test, lambda image, box: warp(image, box, SIZE, CONTEXT))
    post_hoc_figures.hard_negatives(report, data, features, history)
    post_hoc_figures.before_and_after_regression(report, model, data.test)
