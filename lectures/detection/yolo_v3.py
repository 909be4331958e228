r"""YOLO v3: boxes from three maps, fine to coarse, so that small and large objects are both found.

Deck "Fun Ways To Use ConvNets", slide "One-Shot Object Detection" (5): "Default bounding boxes (anchor boxes) ->
facilitates training, just learn offsets from default shapes/sizes"; "Tweaks (in SSD and YOLOv3) to operate at
multiple length scales -> better performance when have mix of large and small objects".
Redmon & Farhadi, "YOLOv3: An Incremental Improvement" (2018).

The coarse map is enlarged and laid beside the finer one (the paper's route), three anchors per map, nine in all by
k-means on IoU, shared out by area: the smallest to the finest map. An object has one responsible anchor, the most
similar in shape among all nine that is still free; a box that overlaps an object by more than .5 without being
responsible is not punished. Objectness and classes are logistic: classes need not exclude each other.

Ours is smaller: strides 4, 8, 16 on 64 pixels instead of 8, 16, 32 on 416; 9 convolutions and a neck instead of 53
layers; square errors for t_x, t_y as in v2. The rival sees one scale, stride 8, with the same nine anchors, the same
steps and at least as many multiply-accumulates, spent on more convolutions there.
"""

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures, scale_figures
from lectures.detection.foundation.backbone import centred, conv_layer
from lectures.detection.foundation.by_size import average_precision_by_size
from lectures.detection.foundation.cell_anchors import (
    BOX,
    AnchorCells,
    checked_anchors,
    flatten_maps,
    iou_kmeans,
    yolo_loss,
)
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.detector import Detector
from lectures.detection.foundation.evaluation import evaluate, judge
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.pyramid import STRIDES, ScaledFeatures
from lectures.detection.foundation.threshold_demo import demonstrate
from lectures.macs import mega_macs
from lectures.report import Report
from pyconvnet import functional as F
from pyconvnet import nn

PER_SCALE = 3  # anchors in each cell of a map
ANCHORS = np.array(  # (w, h) in pixels: nine k-means of mixed-scale scenes
    [[8, 8], [12, 15], [17, 13], [19, 20], [22, 28], [29, 22], [30, 32], [32, 42], [42, 32]], np.float32
)
FORGIVEN = 0.5
WIDTH = 48  # channels of the neck
PRIOR = -4.0  # t_o to begin with: few of a thousand boxes hold an object


class YOLOv3(Detector):
    """Pictures (N, 3, H, W), H and W multiples of 16, to all boxes of all scales (N, M, 5 + C)."""

    stride, confidence, nms = STRIDES[-1], 0.3, 0.45

    def __init__(self, classes, anchors=ANCHORS):
        super().__init__(classes)
        self.anchors = share_out(anchors, len(STRIDES))
        outputs = PER_SCALE * (BOX + len(self.classes))
        self.features = ScaledFeatures()
        self.neck = EnlargeAndJoin(ScaledFeatures.channels, WIDTH, len(STRIDES))
        self.heads = nn.ModuleList(start_low(nn.Conv2d(WIDTH, outputs, 1), PER_SCALE) for _ in STRIDES)

    def forward(self, images):
        self.refuse_parts_of_cells(images)
        maps = self.neck(self.features(centred(images)))
        return flatten_maps([head(z) for head, z in zip(self.heads, maps)], PER_SCALE)

    def cells(self, size):
        """The cell anchors of pictures of `size` (H, W), in the order of the output."""
        return AnchorCells.lay_out(size, list(zip(STRIDES, self.anchors)))

    def loss(self, images, targets, rng=None):
        """Box, objectness and class loss of a batch."""
        return yolo_loss(self(images), self.cells(images.shape[2:]), targets, logistic_classes, FORGIVEN)

    def detect(self, images, confidence_threshold, nms_threshold):
        return [found[:3] for found in self.found_on(images, confidence_threshold, nms_threshold)]

    def found_on(self, images, confidence_threshold=confidence, nms_threshold=nms):
        """(boxes, scores, labels, scale) per picture: what is found, and on which map, 0 the finest."""
        cells, found = self.cells(images.shape[2:]), []
        with pcn.no_grad():
            output = self(pcn.tensor(images)).data
        for said in output:
            boxes, scores, labels, which = decode(said, cells, confidence_threshold)
            keep = pcn.ops.batched_nms(boxes, scores, labels, nms_threshold)
            found.append((boxes[keep], scores[keep], labels[keep], cells.scale[which[keep]]))
        return found


class SingleScale(YOLOv3):
    """The rival: all nine anchors in the cells of the middle map, and the neck's computation spent on that map."""

    stride = STRIDES[1]

    def __init__(self, classes, anchors=ANCHORS):
        Detector.__init__(self, classes)
        self.anchors = share_out(anchors, 1)
        per_cell, width = len(self.anchors[0]), ScaledFeatures.channels
        self.features = ScaledFeatures()
        self.features.coarser = self.features.coarser[:1]
        more = [*conv_layer(width, 96), *conv_layer(96, 96), *conv_layer(96, width)]
        self.more = nn.Sequential(*more)
        self.head = start_low(nn.Conv2d(width, per_cell * (BOX + len(self.classes)), 1), per_cell)

    def forward(self, images):
        self.refuse_parts_of_cells(images)
        middle = self.features(centred(images))[-1]
        return flatten_maps([self.head(self.more(middle))], len(self.anchors[0]))

    def cells(self, size):
        return AnchorCells.lay_out(size, [(self.stride, self.anchors[0])])


class EnlargeAndJoin(nn.Module):
    """Maps fine to coarse to as many of `width` channels: the coarser one, enlarged, is laid beside the finer one."""

    def __init__(self, channels, width, levels):
        super().__init__()
        self.join = nn.ModuleList()
        for level in range(levels):
            inputs = channels if level == levels - 1 else channels + width
            layers = [*conv_layer(inputs, width, kernel_size=1), *conv_layer(width, width)]
            self.join.append(nn.Sequential(*layers))

    def forward(self, maps):
        joined = [self.join[-1](maps[-1])]
        for z, layers in zip(maps[-2::-1], list(self.join)[-2::-1]):
            joined.insert(0, layers(pcn.cat([z, F.interpolate(joined[0], scale_factor=2)], dim=1)))
        return joined


def share_out(anchors, scales):
    """Anchors (A, 2) by area in as many equal parts as there are scales, the smallest first; ValueError if uneven."""
    anchors = checked_anchors("YOLOv3", anchors)
    if len(anchors) % scales:
        raise ValueError(f"YOLOv3: a multiple of {scales} anchors for {scales} maps expected, got {len(anchors)}")
    return np.split(anchors[np.argsort(anchors.prod(1), kind="stable")], scales)


def start_low(head, per_cell):
    """A head whose boxes begin as their anchors, mid-cell, and hardly ever as an object."""
    head.weight.data *= 0.2
    bias = head.bias.data.reshape(per_cell, -1)
    bias[:] = 0
    bias[:, BOX - 1] = PRIOR
    return head


def logistic_classes(scores, labels):
    """-log sigmoid(score) of the object's class and -log(1 - sigmoid) of each other one, summed: no softmax."""
    one_hot = (labels[:, None] == np.arange(scores.shape[1])).astype(scores.dtype)
    return F.binary_cross_entropy_with_logits(scores, one_hot, reduction="sum")


def decode(said, cells, confidence_threshold):
    """(boxes, scores, labels, which of the M cell anchors) of one picture (M, 5 + C), surer than the threshold."""
    confidence = F.sigmoid(said[:, BOX - 1 : BOX]) * F.sigmoid(said[:, BOX:])
    which, label = np.nonzero(confidence > confidence_threshold)
    return cells.decode(said)[which], confidence[which, label], label, which


SCENES = Settings(steps=2400, batch=16, lr=3e-3, quick=25)
PHOTOGRAPHS = Settings(steps=1500, batch=8, lr=2e-3, quick=25)


def anchors_of(data, most=1000):
    """As many anchors (w, h) as ANCHORS by k-means on IoU of training boxes; repeated where boxes are too alike."""
    boxes = data.training_boxes(most)
    centres = iou_kmeans(boxes[:, 2:] - boxes[:, :2], len(ANCHORS))
    return np.resize(centres, ANCHORS.shape)


def trained(options, report, data, architecture=YOLOv3, stage=""):
    """A detector with k-means anchors that has learned from `data.train`, and its Training."""
    pcn.manual_seed(options.seed)
    model = architecture(data.classes, anchors_of(data))
    settings = SCENES if options.data is None else PHOTOGRAPHS
    return model, learn(model, lambda model, *batch: model.loss(*batch), data, settings, options, report, stage)


def run(options, report):
    """The lecture: three scales and one, judged by the size of the objects."""
    data = detection_data(options, variant="mixed64")
    model, training = trained(options, report, data)
    detections, truths = judge(model, data, report)
    single, _ = trained(options, report, data, SingleScale, stage="single")
    alone = enter_rival(report, data, single)
    by_size = {"three scales": average_precision_by_size(detections, truths), "one scale": alone}
    report.variants["three scales"] = {"map50": report.metrics["map50"], **by_size["three scales"]}
    report.variants["three scales"]["MMACs"] = mega_macs(model, data.size)
    report.variants["one scale"]["MMACs"] = mega_macs(single, data.size)
    figures.loss_curve(report, training.losses)
    figures.detections(report, data.test, model)
    scale_figures.anchors_by_kmeans(report, data, model)
    scale_figures.found_by_scale(report, data.test, model)
    scale_figures.by_size(report, by_size)


def enter_rival(report, data, single):
    """The variant "one scale": its map50 and the AP by size, which is returned."""
    aside = Report(report.lecture, report.folder.parent, report.seed, report.data)
    detections, truths = evaluate(single, data.test, aside)
    by_size = average_precision_by_size(detections, truths)
    report.variants["one scale"] = {"map50": aside.metrics["map50"], **by_size}
    return by_size


def demo(options, report):
    """Sliders for the two thresholds on the trained detector (trained first if there is no checkpoint)."""
    return demonstrate(trained, options, report, detection_data(options, variant="mixed64"))
