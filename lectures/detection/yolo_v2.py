r"""YOLO v2: the same pass over the picture with batch norm, a finer grid, and anchor boxes found by k-means.

Deck "Deep Convolutional Neural Networks II", slide "YOLOv2, YOLO 9000": "Several technical improvements: Batch
normalization, Higher resolution input image (448x448), Finer output grid (13x13), Anchor boxes (found by K-means)".
Deck "Fun Ways To Use ConvNets", slide "One-Shot Object Detection" (5): "Default bounding boxes (anchor boxes)
facilitates training, just learn offsets from default shapes/sizes". Redmon & Farhadi, "YOLO9000: Better, Faster,
Stronger" (2017).

Each of a cell's A anchors has its own class scores, so that a cell can answer for A objects, of different kinds:
x = c_x + stride sigmoid(t_x), w = p_w exp(t_w), objectness sigmoid(t_o), softmax over the classes. The distance of
k-means is 1 - IoU of boxes with a common centre. Decoding, assignment and cost stand in
`foundation/cell_anchors.py`; they are those of v3, too: the objectness is told 1, not the IoU as in the paper.

Ours is smaller: crowds of ten objects in pictures of 104 pixels, which are 13 x 13 cells of 8; 7 convolutions, 3
anchors instead of 5, no pass-through layer, one size of pictures. The lecture trains every step from v1 to v2 for 300
steps ("variants"). So early, anchors that fit are behind anchors that do not: k-means gives each anchor a third of the
objects to learn from, with class scores of its own; of badly chosen anchors one answers for nearly all objects.
"""

import numpy as np

import pyconvnet as pcn
from lectures.detection import yolo_v1
from lectures.detection.drawing import figures, yolo_figures
from lectures.detection.foundation.backbone import centred, conv_layer, plain_backbone
from lectures.detection.foundation.cell_anchors import (
    BOX,
    AnchorCells,
    checked_anchors,
    flatten_maps,
    iou_kmeans,
    shape_iou,
    yolo_loss,
)
from lectures.detection.foundation.datasets import DetectionData, detection_data
from lectures.detection.foundation.detector import Detector
from lectures.detection.foundation.evaluation import average_precisions, judge
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.suppression import suppress
from lectures.detection.foundation.threshold_demo import demonstrate
from pyconvnet import functional as F
from pyconvnet import nn
from pyconvnet.data import ArrayDetection

STRIDE = 8  # pixels per cell
ANCHORS = 3
HAND_MADE = ((11, 22), (16, 16), (22, 11))  # (w, h): what one would choose: one size, upright, square and lying


class YoloV2(Detector):
    """Pictures [N, 3, 8S, 8T] in [0, 1] to [N, S T A, 5 + C]: t_x t_y t_w t_h t_o and C class scores of each anchor.

    anchors: (w, h) in pixels of the A default boxes of each cell. Slide "YOLOv2, YOLO 9000".
    """

    stride, confidence, nms = STRIDE, 0.3, 0.45

    def __init__(self, classes, anchors=HAND_MADE, batch_norm=True):
        super().__init__(classes)
        anchors = checked_anchors("YoloV2", anchors)
        self.register_buffer("anchors", pcn.tensor(anchors))
        self.features = nn.Sequential(*plain_backbone(STRIDE), *conv_layer(64, 64))
        if not batch_norm:
            self.features = without_batch_norm(self.features)
        self.head = nn.Conv2d(64, len(anchors) * (BOX + len(self.classes)), 1)
        self.head.weight.data *= 0.2
        self.head.bias.data.reshape(len(anchors), -1)[:, :BOX] = (0, 0, 0, 0, -4)  # the anchor itself; rarely an object

    def forward(self, images):
        self.refuse_parts_of_cells(images)
        return flatten_maps([self.head(self.features(centred(images)))], len(self.anchors))

    def cells(self, size):
        """Where the anchors of a picture of `size` (H, W) lie."""
        return AnchorCells.lay_out(size, [(STRIDE, self.anchors.data)])

    def detect(self, images, confidence_threshold, nms_threshold):
        """Decode every anchor, and keep one box per object."""
        output, size = self(pcn.tensor(images)).data, images.shape[2:]
        cells = self.cells(size)
        return [suppress(*decode(t, cells, size, confidence_threshold), nms_threshold) for t in output]


def without_batch_norm(layers):
    """The same convolutions, each with a bias instead of batch norm."""
    plain = []
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            conv = nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding)
            conv.weight.data[:] = layer.weight.data
            conv.bias.data[:] = 0
            plain.append(conv)
        elif not isinstance(layer, nn.BatchNorm2d):
            plain.append(layer)
    return nn.Sequential(*plain)


def decode(t, cells, size, confidence_threshold):
    """Every box and class of one picture's output [S T A, 5 + C] with Pr(object) Pr(class) above the threshold.

    (boxes xyxy in pixels, cut at the border, scores, labels), in no order.
    """
    boxes = pcn.ops.clip_boxes_to_image(cells.decode(t), size)
    score = F.sigmoid(t[:, 4:5]) * F.softmax(t[:, BOX:], dim=1)
    which, label = np.nonzero(score > confidence_threshold)
    return boxes[which], score[which, label], label


def class_loss(scores, labels):
    """Cross-entropy, summed over the objects."""
    return F.cross_entropy(scores, pcn.tensor(labels), reduction="sum")


def loss_of(model, images, targets, rng):
    """The function that the training loop minimises."""
    return yolo_loss(model(images), model.cells(images.shape[2:]), targets, class_loss)


def sides_of(data, most=1000):
    """(w, h) in pixels of the boxes of the first training pictures."""
    boxes = data.training_boxes(most)
    return boxes[:, 2:] - boxes[:, :2]


SCENES = Settings(steps=1000, batch=16, lr=3e-3, quick=8)
PHOTOGRAPHS = Settings(steps=1500, batch=8, lr=2e-3, quick=8)


def trained(options, report, data, settings=None, stage="", anchors=None, batch_norm=True):
    """A detector that has learned from `data.train`, and its Training. Without `anchors`, those of k-means."""
    pcn.manual_seed(options.seed)
    anchors = iou_kmeans(sides_of(data), ANCHORS, options.seed) if anchors is None else anchors
    model = YoloV2(data.classes, anchors, batch_norm)
    settings = settings or (SCENES if options.data is None else PHOTOGRAPHS)
    return model, learn(model, loss_of, data, settings, options, report, stage)


def run(options, report):
    """The lecture: train, judge on unseen pictures, draw; then each step from v1 to here."""
    data = crowds(options)
    model, training = trained(options, report, data)
    detections, truths = judge(model, data, report)
    report.extra["anchors"] = [[round(float(side), 1) for side in anchor] for anchor in model.anchors.data]
    figures.loss_curve(report, training.losses)
    figures.detections(report, data.test, model, 4)
    figures.precision_recall(report, detections, truths, data.classes)
    yolo_figures.anchors(report, sides_of(data), model.anchors.data, HAND_MADE, random_anchors(options.seed))
    if options.data is None:
        compare(options, report, data)


def crowds(options):
    """Scenes of ten objects in 104 x 104 pixels, or what --data names."""
    return detection_data(options, train_count=4000, test_count=300, variant="crowded104")


def random_anchors(seed, count=ANCHORS, largest=104):
    """Sides drawn evenly, up to the picture's."""
    return np.random.default_rng((seed, 1)).uniform(4, largest, (count, 2)).astype(np.float32)


VARIANT = Settings(steps=300, batch=16, lr=3e-3, quick=2)  # a third of the lecture: who learns fast


def compare(options, report, data):
    """Every step from v1 to v2, and v2 with other anchors or without batch norm: "variants", and a figure.

    The 7 x 7 cells of v1 see pictures shrunk to 56 pixels, then all 104 (with grey, 112) at 16 pixels per cell.
    """
    seconds, found = report.train_seconds, {}

    def enter(name, train, data, unanswered, **kind):
        """Train one of them; no_cell is the share of the training objects that nothing answers for."""
        stage = name.replace(",", "").replace(" ", "-")
        model, training = train(options, report, data, VARIANT, stage, **kind)
        lost = sum(training.parts[unanswered]) / max(sum(training.parts["objects"]), 1)
        found[name] = average_precisions(model, data.test) | {"no_cell": lost}
        return model

    def old(name, data, **kind):
        enter(name, yolo_v1.trained, data, "objects in a taken cell", **kind)

    def new(name, **kind):
        """busiest_anchor is the share of the objects that one anchor of a cell answers for."""
        anchors = enter(name, trained, data, "objects without positive anchor", **kind).anchors.data
        shares = np.bincount(shape_iou(sides_of(data), anchors).argmax(1)) / len(sides_of(data))
        found[name]["busiest_anchor"] = float(shares.max())

    old("v1, 7 x 7 cells, 56 pixels", shrunk(data, 56))
    old("v1, 7 x 7 cells, 104 pixels", data, stride=16)
    old("v1, 13 x 13 cells", data)
    new("v2, one anchor", anchors=iou_kmeans(sides_of(data), 1, options.seed))
    new("v2, 3 anchors by k-means")
    new("v2, 3 hand-made anchors", anchors=HAND_MADE)
    new("v2, 3 random anchors", anchors=random_anchors(options.seed))
    new("v2, k-means, no batch norm", batch_norm=False)
    report.variants.update(found)
    report.extra.update(variants_train_seconds=report.train_seconds - seconds, variants_steps=VARIANT.steps)
    report.train_seconds = seconds
    yolo_figures.ladder(report, found)


def shrunk(data, side):
    """The same pictures and boxes in side x side pixels."""

    def small(pictures):
        images, targets = zip(*(pictures[i] for i in range(len(pictures))))
        return ArrayDetection(list(images), *zip(*targets), pictures.classes, (side, side))

    return DetectionData(small(data.train), small(data.test), data.augment)


def demo(options, report):
    """Sliders for the two thresholds on the trained detector (trained first if there is no checkpoint)."""
    return demonstrate(trained, options, report, crowds(options))
