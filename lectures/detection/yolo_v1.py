r"""YOLO v1: one class vector per cell, confidences that are overlaps, and a cost of five weighted terms.

Deck "Localization, Object Detection, Segmentation", slides "YOLO": for each cell of S x S predict B boxes and
confidence scores C (5 B values) and classes c; final detections: C_j prob(c) > threshold; the cost `five_terms`. Deck
"Fun Ways To Use ConvNets", slide "One-Shot Object Detection" (4): "uses same class vector for all boxes in a grid cell
so B (4 + 1) + C output"; "training is two-stage": a ConvNet trained for classification with a temporary output layer
(pooling plus FC), then layers for detection, "holding ConvNet parameters fixed". Deck "Deep Convolutional Neural
Networks II", slide "YOLO". Redmon et al. (2016).

The slide's sums run from 0 to S^2 and from 0 to B, one too far each: here every cell and box counts once. It gives no
numbers for lambda: 5 and .5 are the paper's. The network says the *roots* of w and h (as darknet's does): of a w < 0
that it might say itself the root is NaN. The truth of a confidence is the IoU that the box has with its object just
now, a number through which no gradient flows.

Ours is smaller: 7 convolutions instead of 24, 8 x 8 cells. The default head is convolutional: the paper's two fully
connected layers learn nothing about a cell from its neighbours, and a minute is too short to learn 64 cells one by
one (variant "fully connected head"). The deck freezes the pretrained layers, the paper tunes them: both are variants.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures, yolo_figures
from lectures.detection.foundation.backbone import centred, conv_layer, plain_backbone
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.detector import Detector, pad_to_multiple
from lectures.detection.foundation.evaluation import average_precisions, judge
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.legal_targets import all_objects, one_per_picture
from lectures.detection.foundation.matching import pairwise_overlap
from lectures.detection.foundation.pretraining import fixed_features, in_two_stages
from lectures.detection.foundation.root_boxes import CONFIDENCE, ROOT_H, ROOT_W, X, Y, boxes_in_pixels, boxes_of_cells
from lectures.detection.foundation.suppression import suppress
from lectures.detection.foundation.threshold_demo import demonstrate
from pyconvnet import nn

COORD, NOOBJ = 5.0, 0.5  # lambda_coord, lambda_noobj
BOXES = 2  # B
HIDDEN = 256  # of the fully connected head; 4096 in the paper
TERMS = ("place", "size", "confidence, object", "confidence, no object", "class")


class YoloV1(Detector):
    """Pictures [N, 3, H, W] in [0, 1] to [N, S, T, 5 B + C]: B boxes, then one class vector, in each of S x T cells.

    head: "convolutional" takes pictures of any size (multiples of `stride`, 8 or 16); "fully connected" only those of
    S x T = `cells` cells. Deck "Deep Convolutional Neural Networks II", slide "YOLO".
    """

    confidence, nms = 0.2, 0.45

    def __init__(self, classes, boxes=BOXES, head="convolutional", stride=8, cells=(8, 8)):
        super().__init__(classes)
        if stride not in (8, 16) or boxes < 1:
            raise ValueError(f"YoloV1: stride is 8 or 16, boxes 1 or more, got stride {stride}, boxes {boxes}")
        self.boxes, self.stride, self.cells = boxes, stride, cells
        self.features = plain_backbone(8)
        if stride == 16:
            self.features = nn.Sequential(self.features, nn.MaxPool2d(2), *conv_layer(64, 64))
        outputs = 5 * boxes + len(self.classes)
        if head == "convolutional":
            self.output = nn.Sequential(*conv_layer(64, 64), nn.Conv2d(64, outputs, 1))
        elif head == "fully connected":
            rows, columns = cells
            hidden = nn.Linear(64 * rows * columns, HIDDEN), nn.LeakyReLU(0.1)
            last = nn.Linear(HIDDEN, outputs * rows * columns)
            self.output = nn.Sequential(nn.Flatten(), *hidden, last)
        else:
            raise ValueError(f"YoloV1: head must be 'convolutional' or 'fully connected', got {head!r}")
        self.head = head
        self.start_output()

    def start_output(self):
        """Start from mid-cell boxes of B sizes, every class alike, and confidences near 0: few cells hold an object."""
        last = [layer for layer in self.output if isinstance(layer, nn.Conv2d | nn.Linear)][-1]
        last.weight.data *= 0.2
        bias = last.bias.data.reshape(5 * self.boxes + len(self.classes), -1)
        box = bias[: 5 * self.boxes].reshape(self.boxes, 5, -1)
        box[:, [X, Y]] = 0.5
        box[:, [ROOT_W, ROOT_H]] = np.sqrt(np.linspace(0.13, 0.31, self.boxes))[:, None, None]
        box[:, CONFIDENCE] = 0.02
        bias[5 * self.boxes :] = 1 / len(self.classes)

    def forward(self, images):
        self.refuse_parts_of_cells(images)
        size = tuple(self.stride * side for side in self.cells)
        if self.head == "fully connected" and tuple(images.shape[2:]) != size:
            said = f"{size[0]} x {size[1]} pixels, got {images.shape[2]} x {images.shape[3]}"
            raise ValueError(f"YoloV1: the fully connected head has weights for every place of pictures of {said}")
        return self.grid(self.features(centred(images)))

    def grid(self, features):
        """Features [N, 64, S, T] of the ConvNet to the output [N, S, T, 5 B + C]."""
        n, _, rows, columns = features.shape
        return self.output(features).reshape(n, -1, rows, columns).permute(0, 2, 3, 1)

    def detect(self, images, confidence_threshold, nms_threshold):
        """Decode every cell's boxes, and keep one per object."""
        output = self(pcn.tensor(images)).data
        return [suppress(*decode(z, self.boxes, self.stride, confidence_threshold), nms_threshold) for z in output]


class Responsible(NamedTuple):
    """One entry per object that a cell answers for."""

    picture: np.ndarray
    row: np.ndarray
    column: np.ndarray
    box: np.ndarray  # of the cell's B, the one with the highest IoU
    truth: np.ndarray  # (n, 5): x, y, root of w, root of h, and that IoU
    label: np.ndarray
    object: np.ndarray  # its number in its picture; missing are those in a cell that answers for another one


def five_terms(output, responsible, boxes=BOXES):
    """The cost on the slide, averaged over the pictures: a dict of its five terms. output [N, S, T, 5 B + C].

    Deck "Localization, Object Detection, Segmentation", slide "YOLO" (3).
    Without an object four of the terms are exactly 0. Sums run over cells and boxes; 1_ij^obj picks the responsible
    boxes, 1_ij^noobj all others, 1_i^obj the cells with an object.
    """
    picture, row, column, box, truth, label, _ = responsible
    n, *cells, length = output.shape
    b = output[..., : 5 * boxes].reshape(n, *cells, boxes, 5)
    mine = b[picture, row, column, box]
    p = output[picture, row, column][:, 5 * boxes :]
    square = (mine - truth.astype(output.dtype)) ** 2
    one_hot = (label[:, None] == np.arange(length - 5 * boxes)).astype(output.dtype)
    noobj = np.ones((n, *cells, boxes), output.dtype)
    noobj[picture, row, column, box] = 0
    place, size = square[:, [X, Y]].sum(), square[:, [ROOT_W, ROOT_H]].sum()
    empty = (noobj * b[..., CONFIDENCE] ** 2).sum()  # the confidence should be 0
    terms = (COORD * place, COORD * size, square[:, CONFIDENCE].sum(), NOOBJ * empty, ((p - one_hot) ** 2).sum())
    return {name: term / max(n, 1) for name, term in zip(TERMS, terms)}


def assign(output, targets, boxes=BOXES, stride=8):
    """Which box of which cell answers for which object: Responsible. Arrays only; targets a list of (boxes, labels).

    The cell with the object's centre, if no earlier object of the picture has it; in it the box that overlaps the
    object most. ValueError for targets that no cell can answer for, naming picture and object.
    """
    n, rows, columns, length = output.shape
    one_per_picture("assign", targets, n)
    picture, truth, label = all_objects("assign", targets, length - 5 * boxes, (rows * stride, columns * stride))
    truth = truth.astype(np.float64)
    centre = (truth[:, :2] + truth[:, 2:]) / 2 / stride
    column, row = np.minimum(centre, (columns - 1, rows - 1)).astype(np.int64).T
    _, first = np.unique((picture * rows + row) * columns + column, return_index=True)
    first = np.sort(first)  # one class vector, one object: the cell's first one
    number = first - np.searchsorted(picture, picture[first])
    picture, row, column, label, truth, centre = (a[first] for a in (picture, row, column, label, truth, centre))

    overlap = pairwise_overlap(boxes_of_cells(output, picture, row, column, boxes, stride), truth[:, None])
    box = overlap.argmax(1) if len(overlap) else np.zeros(0, np.int64)
    sides = np.maximum(truth[:, 2:] - truth[:, :2], 0) / (stride * np.array([columns, rows]))
    place = centre - np.stack([column, row], axis=1)
    best = overlap[np.arange(len(box)), box]
    truth = np.concatenate([place, np.sqrt(sides), best[:, None]], axis=1)
    return Responsible(picture, row, column, box, truth, label, number)


def decode(z, boxes, stride, confidence_threshold):
    """Every box and class of one picture's output [S, T, 5 B + C] with C_j prob(c) > threshold.

    (boxes xyxy in pixels, cut at the border, scores, labels), in no order. Square errors bound neither C_j nor
    prob(c), so both are cut to [0, 1]. Deck "Localization, Object Detection, Segmentation", slide "YOLO" (1).
    """
    rows, columns = z.shape[:2]
    row, column = np.mgrid[:rows, :columns][..., None]
    b = z[..., : 5 * boxes].reshape(rows, columns, boxes, 5)
    xyxy = boxes_in_pixels(b, row, column, rows, columns, stride).reshape(-1, 4)
    xyxy = pcn.ops.clip_boxes_to_image(xyxy, (rows * stride, columns * stride))
    prob = np.clip(z[:, :, None, 5 * boxes :], 0, 1)
    score = (np.clip(b[..., CONFIDENCE:], 0, 1) * prob).reshape(len(xyxy), -1)
    which, label = np.nonzero(score > confidence_threshold)
    return xyxy[which], score[which, label], label


def loss_of(model, images, targets, rng):
    """The function that the training loop minimises."""
    return detection_terms(model, model(pcn.tensor(pad_to_multiple(images.data, model.stride))), targets)


def detection_terms(model, output, targets):
    """`five_terms`, and two numbers to note: the objects, and those in a cell that answers for another one."""
    responsible = assign(output.data, targets, model.boxes, model.stride)
    objects = sum(len(target[0]) for target in targets)
    noted = {"objects": objects, "objects in a taken cell": objects - len(responsible.object)}
    return five_terms(output, responsible, model.boxes) | noted


SCENES = Settings(steps=2000, batch=32, lr=2e-3, quick=30)
PHOTOGRAPHS = Settings(steps=1500, batch=8, lr=2e-3, quick=30)


def trained(options, report, data, settings=None, stage="", **kind):
    """A detector that has learned from `data.train`, and its Training. `kind` goes to YoloV1."""
    pcn.manual_seed(options.seed)
    model = YoloV1(data.classes, **kind)
    settings = settings or (SCENES if options.data is None else PHOTOGRAPHS)
    return model, learn(model, loss_of, data, settings, options, report, stage)


def run(options, report):
    """The lecture: train, judge on unseen pictures, draw; then the other heads and ways of training."""
    data = detection_data(options)
    model, training = trained(options, report, data)
    detections, truths = judge(model, data, report)
    figures.loss_curve(report, training.losses)
    figures.detections(report, data.test, model)
    figures.precision_recall(report, detections, truths, data.classes)
    yolo_figures.five_terms(report, {name: training.parts[name] for name in TERMS})
    image, target = figures.several_objects(data.test)
    yolo_figures.responsibility(report, image, target, *candidates(model, image, target), model.stride, data.classes)
    if options.data is None:
        compare(options, report, data)


def candidates(model, image, target):
    """What a figure of responsibility shows: Responsible, and the B boxes (n, B, 4) that each of its cells says."""
    with pcn.no_grad():
        output = model.eval()(pcn.tensor(pad_to_multiple(image[None], model.stride))).data
    found = assign(output, [target], model.boxes, model.stride)
    return found, boxes_of_cells(output, found.picture, found.row, found.column, model.boxes, model.stride)


EQUAL = Settings(steps=1000, batch=32, lr=2e-3, quick=6)  # in all, for each variant
STAGE = Settings(steps=500, batch=32, lr=2e-3, quick=3)  # of two


def compare(options, report, data):
    """Other heads and ways of training, each with the same number of steps: "variants", and a figure of the heads."""
    seconds, models, trainings = report.train_seconds, {}, {}
    for head in ("convolutional", "fully connected"):
        models[head], trainings[head] = trained(options, report, data, EQUAL, stage=head.replace(" ", "-"), head=head)
        report.variants[f"{head} head"] = average_precisions(models[head], data.test)
    heads = {head: training.parts["class"] for head, training in trainings.items()}
    yolo_figures.heads(report, models, heads, data.test, report.variants)
    # A classifier's pictures hold one object, a large one, so that a label will do: as those of ImageNet.
    losses, build = {"frozen": frozen_loss, "finetuned": loss_of}, partial(YoloV1, data.classes)
    for name, model in in_two_stages(build, losses, options, report, data, STAGE):
        report.variants[f"two stages, ConvNet {name}"] = average_precisions(model, data.test)
    report.extra.update(variants_train_seconds=report.train_seconds - seconds, variants_steps=EQUAL.steps)
    report.train_seconds = seconds


def frozen_loss(model, images, targets, rng):
    """`loss_of` "holding ConvNet parameters fixed"."""
    return detection_terms(model, model.grid(fixed_features(model, images)), targets)


def demo(options, report):
    """Sliders for the two thresholds on the trained detector (trained first if there is no checkpoint)."""
    return demonstrate(trained, options, report, detection_data(options))
