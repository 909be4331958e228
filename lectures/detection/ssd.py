"""SSD: every object in one pass, small ones from a fine map, large ones from a coarse map.

Deck "Fun Ways To Use ConvNets", slides "One-Shot Object Detection" (1, 4 and 5): YOLO and SSD in one pass; SSD takes
its features from VGG-16; "default bounding boxes (anchor boxes) facilitate training: just learn offsets from default
shapes/sizes"; predict "at multiple length scales". Deck "Localization, Object Detection, Segmentation", slide "Proposal
comparison": SSD looks at 8,000 to 26,000 boxes. Liu et al., "SSD: Single Shot MultiBox Detector" (2016).

On each of three maps a 3 x 3 convolution says, for each of four default boxes at each position, C + 1 scores (the last
is background) and 4 offsets. A default box is positive from IoU 0.5 with an object on, or if no other fits it better.
Most are background: of these only the hardest enter the loss, three for each positive. The loss is softmax plus smooth
L1, divided by the number of positives.

Ours is smaller: maps at strides 4, 8, 16 of a network trained from scratch instead of six from VGG-16 on, and 1,344
default boxes instead of 8,732; batch norm instead of normalising the finest map; no crops in the augmentation, which
the paper says are worth .09 of its mAP.
"""

from dataclasses import replace

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import anchor_figures, figures
from lectures.detection.foundation.backbone import centred
from lectures.detection.foundation.by_size import average_precision_by_size
from lectures.detection.foundation.cell_anchors import checked_anchors
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.detector import Detector
from lectures.detection.foundation.evaluation import judge, predictions
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.legal_targets import one_per_picture
from lectures.detection.foundation.pyramid import STRIDES, ScaledFeatures
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

SIZES = (8, 16, 32)  # pixels: s_k, the side of the default boxes of each map
POSITIVE = 0.5  # IoU of a default box with its object
NEGATIVES = 3  # to each positive


def default_shapes(sizes):
    """For each map four (width, height): s x s; a square between that and the next map's; a wide one; a high one.

    ValueError unless there are two sizes > 0 at least: the largest map continues the step between the last two.
    """
    if len(sizes) < 2 or not (np.isfinite(sizes).all() and np.min(sizes) > 0):
        raise ValueError(f"default_shapes: sizes are two numbers of pixels > 0 at least, got {list(sizes)}")
    shapes, after_last = [], sizes[-1] ** 2 / sizes[-2]  # the sizes, continued
    for size, larger in zip(sizes, [*sizes[1:], after_last]):
        squares = of_sizes([size, np.sqrt(size * larger)], [1])
        shapes.append(np.concatenate([squares, of_sizes([size], [2, 1 / 2])]))
    return shapes


class SSD(Detector):
    """Pictures (N, 3, H, W) to scores (N, K, C + 1) and offsets (N, K, 4) of the K default boxes of `anchors(H, W)`.

    `shapes` and `strides`: of the default boxes of each map. A map may be left out.
    """

    stride, confidence, nms = STRIDES[-1], 0.4, 0.45

    def __init__(self, classes, shapes=None, strides=STRIDES):
        super().__init__(classes)
        self.shapes, self.strides = default_shapes(SIZES) if shapes is None else shapes, strides
        if not set(strides) <= set(STRIDES) or len(self.shapes) != len(strides):
            raise ValueError(
                f"SSD: default boxes for each of some maps of strides {STRIDES}, got strides {tuple(strides)} "
                f"and shapes for {len(self.shapes)} map(s)"
            )
        for of_map in self.shapes:
            checked_anchors("SSD", of_map)
        self.features = ScaledFeatures()
        outputs = len(self.classes) + 1 + 4
        self.heads = nn.ModuleList(
            nn.Conv2d(self.features.channels, len(of_map) * outputs, 3, padding=1) for of_map in self.shapes
        )

    def forward(self, images):
        self.refuse_parts_of_cells(images)
        maps = dict(zip(STRIDES, self.features(centred(images))))
        n, outputs = len(images), len(self.classes) + 1 + 4
        said = [
            head(maps[stride]).permute(0, 2, 3, 1).reshape(n, -1, outputs)
            for head, stride in zip(self.heads, self.strides)
        ]
        said = pcn.cat(said, dim=1)
        return said[..., :-4], said[..., -4:]

    def anchors(self, height, width):
        """The default boxes (K, 4) of a picture, map after map."""
        return anchors_on_maps(self.shapes, self.strides, (height, width))

    def detect(self, images, confidence_threshold, nms_threshold):
        """Softmax, offsets to boxes, one box per object."""
        size = images.shape[2:]
        scores, offsets = self(pcn.tensor(images))
        chances, anchors = F.softmax(scores, dim=-1).data[..., :-1], self.anchors(*size)
        answers = (decode_anchors(*said, anchors, size, confidence_threshold) for said in zip(chances, offsets.data))
        return [suppress(*answer, nms_threshold) for answer in answers]


def hard_negatives(cost, label, rng=None):
    """(N, K) True for the negatives that are trained: in each picture the costliest, NEGATIVES to each positive.

    cost (N, K): what each box would add to the loss as background; label (N, K): 1 positive, 0 negative.
    """
    cost = np.where(label == 0, cost, -np.inf)
    rank = np.argsort(np.argsort(-cost, axis=1, kind="stable"), axis=1)  # 0 for the costliest, 1 for the next ...
    return (label == 0) & (rank < NEGATIVES * (label == 1).sum(1, keepdims=True))


def all_negatives(cost, label, rng=None):
    """Every negative is trained."""
    return label == 0


def random_negatives(cost, label, rng):
    """As many negatives as `hard_negatives`, whichever they are."""
    return hard_negatives(rng.random(cost.shape), label)


def multibox_loss(scores, offsets, anchors, targets, mine=hard_negatives, rng=None):
    """Softmax of the positives and the mined negatives, smooth L1 of the positives; each over the number of positives.

    scores (N, K, C + 1), offsets (N, K, 4); without any positive both are exactly 0.
    """
    one_per_picture("multibox_loss", targets, len(scores))
    told = anchor_targets(anchors, targets, scores.shape[-1] - 1, POSITIVE, POSITIVE)
    classes = np.full(told.label.shape, scores.shape[-1] - 1)  # the background
    classes[told.picture, told.anchor] = told.classes
    cost = F.cross_entropy(scores.reshape(-1, scores.shape[-1]), classes.reshape(-1), reduction="none")
    cost = cost.reshape(classes.shape)
    counted = (told.label == 1) | mine(cost.data, told.label, rng)
    said = offsets[told.picture, told.anchor]
    smooth = F.smooth_l1_loss(said, told.goal.astype(said.dtype), reduction="sum")
    count = max(len(told.picture), 1)
    losses = {"class": cost[np.nonzero(counted)].sum() / count, "box": smooth / count}
    return losses | {"objects": told.objects, "objects without positive anchor": told.missed}


SCENES = Settings(steps=1200, batch=16, lr=3e-3, quick=12)
PHOTOGRAPHS = Settings(steps=900, batch=4, lr=2e-3, quick=6)
SHORT = 400  # steps of the variants of mining, which are compared with each other


def trained(options, report, data, one_map=False, mine=hard_negatives, steps=None, stage="", settings=None):
    """A detector that has learned from `data.train`, and its Training. `one_map`: all its default boxes at stride 8."""
    pcn.manual_seed(options.seed)
    shapes, strides = default_shapes(SIZES if options.data is None else typical_sizes(data, len(SIZES))), STRIDES
    if one_map:
        shapes, strides = [np.concatenate(shapes)], STRIDES[1:2]
    model = SSD(data.classes, shapes, strides)

    def loss_of(model, images, targets, rng):
        return multibox_loss(*model(images), model.anchors(*images.shape[2:]), targets, mine, rng)

    settings = settings or (SCENES if options.data is None else PHOTOGRAPHS)
    settings = replace(settings, steps=steps or settings.steps)
    return model, learn(model, loss_of, data, settings, options, report, stage)


def run(options, report):
    """The lecture: train on scenes with objects of 6 to 40 pixels, judge by size, draw; and what each part gives."""
    data = detection_data(options, variant="mixed64")
    model, training = trained(options, report, data)
    detections, truths = judge(model, data, report)
    if options.data is None:
        report.extra.update(average_precision_by_size(detections, truths))
        compare(options, report, data)
    curves = {name: training.parts[name] for name in ("class", "box")}
    figures.loss_curve(report, {"sum": training.losses} | curves, per="positive box")
    figures.detections(report, data.test, model)
    figures.precision_recall(report, detections, truths, data.classes)
    anchor_figures.positives(report, model, data.test, POSITIVE, POSITIVE)
    mining_figure(report, model, data.test)


def compare(options, report, data):
    """Variants: one map alone, trained as long; and three ways to choose negatives, each trained SHORT steps."""
    variants = {
        "one map, stride 8": {"one_map": True},
        f"{SHORT} steps, hard negatives": {"steps": SHORT},
        f"{SHORT} steps, random negatives": {"steps": SHORT, "mine": random_negatives},
        f"{SHORT} steps, all negatives": {"steps": SHORT, "mine": all_negatives},
    }
    for name, setting in variants.items():
        stage = name.replace(",", "").replace(" ", "-")
        model, training = trained(options, report, data, stage=stage, **setting)
        report.train_seconds -= training.seconds  # the lecture's time is that of its own detector
        detections, truths = predictions(model, data.test)
        map50 = pcn.metrics.detection_average_precision(detections, truths)["map"]
        by_size = average_precision_by_size(detections, truths)
        report.variants[name] = {"map50": map50, **by_size, "train_seconds": training.seconds}


def mining_figure(report, model, test):
    """Figure: what every box costs as background, the negatives that mining chooses, and those chance would."""
    image, target = figures.several_objects(test)
    with report.figure("hard_negatives", 1, 3, size=(4.4, 4.4 * image.shape[1] / image.shape[2] + 0.4)) as axes:
        draw_mining(axes[0], model, image, target)


def draw_mining(axes, model, image, target):
    """Three axes: the cost of being called background, the hard negatives, as many random ones."""
    anchors = model.anchors(*image.shape[1:])
    was_training = model.training
    model.eval()
    with pcn.no_grad():
        scores, _ = model(pcn.tensor(image[None]))
    model.train(was_training)
    cost = -F.log_softmax(scores, dim=-1).data[..., -1]
    label = anchor_targets(anchors, [target], len(model.classes), POSITIVE, POSITIVE).label
    anchor_figures.cost_map(axes[0], image, anchors, np.where(label == 0, cost, 0)[0], target[0])
    axes[0].set_title("most that a negative here costs, -log p(background)", fontsize=9)
    for ax, mine, name in ((axes[1], hard_negatives, "costliest"), (axes[2], random_negatives, "random")):
        chosen = mine(cost, label, np.random.default_rng(0))[0]
        counts = f"{name} {chosen.sum()} negatives for {(label == 1).sum()} positives"
        each = f": cost {cost[0, chosen].mean():.2g} each" if chosen.any() else ""
        anchor_figures.outlined(ax, image, target[0], anchors[chosen], anchor_figures.BACKGROUND)
        ax.set_title(counts + each, fontsize=9)


def demo(options, report):
    """Sliders for the two thresholds on the trained detector (trained first if there is no checkpoint)."""
    return demonstrate(trained, options, report, detection_data(options, variant="mixed64"))
