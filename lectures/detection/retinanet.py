"""RetinaNet: a detector in one pass on a feature pyramid, whose loss holds the background down.

Deck "Localization, Object Detection, Segmentation", slides "RetinaNet": single stage, a feature pyramid network, focal
loss to manage the imbalance ("too many background proposals, too few object proposals"); "Proposal comparison": about
100,000 boxes. Lin et al., "Focal Loss" (2017).

Two small ConvNets, the same on all levels of the pyramid, say for each anchor C logits and 4 offsets. An anchor is
positive from IoU 0.5 with an object on, negative below 0.4; an object's best anchor is positive, too, which is
torchvision's option (allow_low_quality_matches), not the paper's rule. None is sampled or mined:
-alpha (1 - p)^gamma log p for what is there, -(1 - alpha) p^gamma log(1 - p) for what is not, gamma = 2, alpha = .25,
summed over all anchors, and smooth L1, over the number of positives. All logits start at a bias with sigmoid = .01.

The slide's "greatly penalize negative classes" is the wrong way round: easy anchors, most of them negative, hardly
count. What loss and start are worth on our pictures is measured in `compare`: the prior helps either loss; focal loss
helps after a start at zero, but with the prior cross-entropy learns faster.

Ours is smaller: levels of strides 4, 8, 16 instead of 8 to 128, 48 kernels instead of 256, one hidden convolution
instead of four, 6 anchors instead of 9, 2 strides wide instead of 4: 2,016 of them. Trained from scratch.
"""

from functools import partial

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import anchor_figures, figures, pyramid_figures
from lectures.detection.foundation.backbone import centred
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.detector import Detector
from lectures.detection.foundation.evaluation import judge, predictions
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.legal_targets import one_per_picture
from lectures.detection.foundation.pyramid import STRIDES, FeaturePyramid, ScaledFeatures
from lectures.detection.foundation.suppression import suppress
from lectures.detection.foundation.threshold_demo import demonstrate
from lectures.detection.proposing.anchors import (
    anchor_targets,
    anchors_on_maps,
    decode_anchors,
    of_sizes,
    typical_sizes,
)
from pyconvnet import functional as F
from pyconvnet import nn

SIZES = (8, 16, 32)  # pixels: the smaller of each level's two sizes; the other is sqrt(2) times as large
RATIOS = (1 / 2, 1, 2)
WIDTH = 48  # channels of the pyramid
POSITIVE, NEGATIVE = 0.5, 0.4  # IoU with an object: positive from, negative below; between them ignored
PRIOR = 0.01  # pi: how likely an object is before anything is learned
ALPHA, GAMMA = 0.25, 2
ZERO_BIAS = 0.5  # the prior that a bias of zero means


class RetinaNet(Detector):
    """Pictures (N, 3, H, W) to logits (N, K, C) and offsets (N, K, 4) of the K anchors of `anchors(H, W)`."""

    stride, confidence, nms = STRIDES[-1], 0.4, 0.45
    strides = STRIDES

    def __init__(self, classes, sizes=SIZES, prior=PRIOR):
        super().__init__(classes)
        if len(sizes) != len(STRIDES) or not (np.isfinite(sizes).all() and np.min(sizes) > 0):
            raise ValueError(f"RetinaNet: sizes are {len(STRIDES)} numbers of pixels > 0, one a level, got {sizes}")
        if not 0 < prior < 1:
            raise ValueError(f"RetinaNet: prior is a probability between 0 and 1, got {prior}")
        self.shapes = [of_sizes([size, np.sqrt(2) * size], RATIOS) for size in sizes]
        self.features, self.pyramid = ScaledFeatures(), FeaturePyramid(width=WIDTH)
        per_position = len(self.shapes[0])
        self.class_subnet = subnet(per_position * len(self.classes))
        self.box_subnet = subnet(per_position * 4)
        self.class_subnet[-1].bias.data[:] = -np.log((1 - prior) / prior)

    def forward(self, images):
        self.refuse_parts_of_cells(images)
        levels = self.pyramid(self.features(centred(images)))
        return tuple(
            pcn.cat([net(level).permute(0, 2, 3, 1).reshape(len(images), -1, last) for level in levels], dim=1)
            for net, last in ((self.class_subnet, len(self.classes)), (self.box_subnet, 4))
        )

    def anchors(self, height, width):
        """The anchors (K, 4) of a picture, level after level."""
        return anchors_on_maps(self.shapes, self.strides, (height, width))

    def detect(self, images, confidence_threshold, nms_threshold):
        """Sigmoids, offsets to boxes, one box per object."""
        size = images.shape[2:]
        logits, offsets = self(pcn.tensor(images))
        chances, anchors = F.sigmoid(logits.data), self.anchors(*size)
        answers = (decode_anchors(*said, anchors, size, confidence_threshold) for said in zip(chances, offsets.data))
        return [suppress(*answer, nms_threshold) for answer in answers]


def subnet(outputs):
    """conv 3x3, leaky relu, conv 3x3: the same on every level. Without batch norm: the levels' averages differ."""
    first, last = nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.Conv2d(WIDTH, outputs, 3, padding=1)
    nn.init.kaiming_normal_(first.weight, nonlinearity="relu")
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias)
    return nn.Sequential(first, nn.LeakyReLU(0.1), last)


def cross_entropy(logits, truth):
    """-log p_t of every number, the loss that the focal loss is compared with."""
    return F.binary_cross_entropy_with_logits(logits, truth, reduction="none")


focal = partial(pcn.ops.sigmoid_focal_loss, alpha=ALPHA, gamma=GAMMA)


def retinanet_loss(logits, offsets, anchors, targets, class_loss=focal):
    """`class_loss` of all anchors that are not ignored, smooth L1 of the positive ones: sums over their number.

    logits (N, K, C), offsets (N, K, 4). Without an object the loss of the boxes is exactly 0.
    """
    one_per_picture("retinanet_loss", targets, len(logits))
    told = anchor_targets(anchors, targets, logits.shape[-1], POSITIVE, NEGATIVE)
    truth = np.zeros(logits.shape, logits.dtype)  # all zero: background
    truth[told.picture, told.anchor, told.classes] = 1
    counted = (told.label >= 0)[..., None].astype(logits.dtype)
    said = offsets[told.picture, told.anchor]
    smooth = F.smooth_l1_loss(said, told.goal.astype(said.dtype), reduction="sum")
    count = max(len(told.picture), 1)
    losses = {"class": (class_loss(logits, truth) * counted).sum() / count, "box": smooth / count}
    return losses | {"objects": told.objects, "objects without positive anchor": told.missed}


SCENES = Settings(steps=1400, batch=16, lr=3e-3, quick=8)
PHOTOGRAPHS = Settings(steps=900, batch=4, lr=2e-3, quick=4)
SHORT = {"shapes64": Settings(steps=300, batch=16, lr=3e-3, quick=4), "tiny128": Settings(400, 8, 3e-3, quick=2)}


def trained(options, report, data, class_loss=focal, prior=PRIOR, settings=None, stage=""):
    """A detector that has learned from `data.train`, and its Training."""
    pcn.manual_seed(options.seed)
    model = RetinaNet(data.classes, SIZES if options.data is None else typical_sizes(data, len(SIZES)), prior)

    def loss_of(model, images, targets, rng):
        return retinanet_loss(*model(images), model.anchors(*images.shape[2:]), targets, class_loss)

    settings = settings or (SCENES if options.data is None else PHOTOGRAPHS)
    return model, learn(model, loss_of, data, settings, options, report, stage)


def run(options, report):
    """The lecture: train, judge on unseen pictures, draw; the table of losses and starts."""
    data = detection_data(options)
    model, training = trained(options, report, data)
    detections, truths = judge(model, data, report)
    if options.data is None:
        compare(options, report, data)
    curves = {name: training.parts[name] for name in ("class", "box")}
    figures.loss_curve(report, {"sum": training.losses} | curves, per="positive anchor")
    figures.detections(report, data.test, model)
    figures.precision_recall(report, detections, truths, data.classes)
    anchor_figures.positives(report, model, data.test, POSITIVE, NEGATIVE, "anchors")
    pyramid_figures.levels(report, model, data.test)
    pyramid_figures.focal_weights(report, model, data.test)


def compare(options, report, data):
    """Variants: {cross-entropy, focal} x {prior, zero bias}, a short training each, on both kinds of scenes."""
    for scenes, settings in SHORT.items():
        if scenes != "shapes64":
            data = detection_data(options, train_count=2000, test_count=200, variant=scenes)
        report.extra[f"{scenes} negatives to a positive"] = imbalance(data)
        for loss, class_loss in (("cross-entropy", cross_entropy), ("focal", focal)):
            for start, prior in (("prior", PRIOR), ("zero bias", ZERO_BIAS)):
                name = f"{scenes}, {loss}, {start}"
                stage = name.replace(",", "").replace(" ", "-")
                model, training = trained(options, report, data, class_loss, prior, settings, stage)
                report.train_seconds -= training.seconds  # the lecture's time is that of its own detector
                detections, truths = predictions(model, data.test)
                map50 = pcn.metrics.detection_average_precision(detections, truths)["map"]
                first = training.parts["class"][0]
                report.variants[name] = {"map50": map50, "first_loss": first, "train_seconds": training.seconds}


def imbalance(data, count=100):
    """Negative anchors to a positive one, over some training pictures."""
    targets = [data.train[i][1] for i in range(min(count, len(data.train)))]
    anchors = RetinaNet(data.classes).anchors(*data.size)
    label = anchor_targets(anchors, targets, len(data.classes), POSITIVE, NEGATIVE).label
    return float((label == 0).sum() / (label == 1).sum())


def demo(options, report):
    """Sliders for the two thresholds on the trained detector (trained first if there is no checkpoint)."""
    return demonstrate(trained, options, report, detection_data(options))
