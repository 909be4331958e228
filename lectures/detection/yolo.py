r"""The one-shot detector: every object of a picture in one pass of a ConvNet.

Deck "Fun Ways To Use ConvNets", slides "One-Shot Object Detection" (1 to 3, 5): S x S cells, B boxes in each; box i is
x, y, h, w (centre inside the cell; height and width may be larger), a vector c of C class confidences and an
indicator o whether it holds an object, so the output is S x S x B(4 + C + 1). The cell that holds an object's
centre is responsible: objectness target O = +1 there, -1 elsewhere, with the logistic cost; square error for
x, y, h, w, c there only; summed over all objects. Then a threshold on the confidence and non-max suppression.
Redmon et al., "You Only Look Once" (2016), in the simpler form of the deck. Deck "Localization, Object Detection,
Segmentation", slide "Object Detection" (3, in part: a single stage).

What the slides leave open: x, y are in cells from the cell's corner, h, w in fractions of the picture, c is one-hot;
of a cell's B boxes the one that overlaps the object most is responsible (if it is not taken); the confidence in
class k is sigmoid(o) clip(c_k, 0, 1). Ours is smaller: 6 convolutions instead of 24, trained from scratch.
Late in training the loss may rise again while mAP still improves: a cell's two boxes fit an object equally well, so
which one is responsible is a tie, and the share of objects that goes to box 0 drifts. The cost of o moves with that
share, whatever the optimiser does.
"""

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures
from lectures.detection.foundation.backbone import centred, plain_backbone
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.detector import Detector
from lectures.detection.foundation.evaluation import judge
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.legal_targets import all_objects, one_per_picture
from lectures.detection.foundation.suppression import suppress
from lectures.detection.foundation.threshold_demo import demonstrate
from pyconvnet import functional as F
from pyconvnet import nn

STRIDE = 8  # pixels per cell
BOXES = 2  # B
CONFIDENCE = 0.2  # low, because each of a cell's boxes is the responsible one only half of the time
NMS = 0.45
X, Y, H, W = range(4)  # a box is (x, y, h, w, c_1 ... c_C, o), in the order of the slide


class OneShotDetector(Detector):
    """Pictures [N, 3, 8S, 8T] in [0, 1] to boxes [N, S, T, B, 4 + C + 1]. Slide "One-Shot Object Detection" (2)."""

    stride, confidence, nms = STRIDE, CONFIDENCE, NMS

    def __init__(self, classes, boxes=BOXES):
        super().__init__(classes)
        self.boxes = boxes
        self.features = plain_backbone(STRIDE)
        self.head = nn.Conv2d(64, boxes * (4 + len(self.classes) + 1), 1)
        self.start_head()

    def start_head(self):
        """Start from plausible boxes: mid-cell, of B sizes, every class alike, and rarely an object.

        Learning begins .03 mAP further on than from random boxes, because few cells hold an object.
        """
        self.head.weight.data *= 0.2
        bias = self.head.bias.data.reshape(self.boxes, -1)
        bias[:, [X, Y]] = 0.5
        bias[:, [H, W]] = np.linspace(0.13, 0.31, self.boxes)[:, None]
        bias[:, 4:-1] = 1 / len(self.classes)
        bias[:, -1] = -2.0

    def forward(self, images):
        self.refuse_parts_of_cells(images)
        z = self.head(self.features(centred(images)))
        n, _, rows, columns = z.shape
        return z.reshape(n, self.boxes, -1, rows, columns).permute(0, 3, 4, 1, 2)

    def loss(self, images, targets, rng):
        """The cost on the slide, of a batch."""
        return literal_loss(self(images), targets)

    def detect(self, images, confidence_threshold, nms_threshold):
        """Decode every cell's boxes, and keep one per object."""
        output = self(pcn.tensor(images)).data
        return [suppress(*decode(grid, confidence_threshold), nms_threshold) for grid in output]


def literal_loss(output, targets):
    """The cost on the slide, summed over the objects of a picture, averaged over the pictures of the batch.

    Slide "One-Shot Object Detection" (3).
    output [N, S, T, B, 4 + C + 1], targets a list of N (boxes xyxy in pixels, labels). Returns a Tensor.
    """
    responsible, truth = assign(output.data, targets)  # one row per object: cell and box; X Y H W C
    O = np.full(output.shape[:-1], -1, output.dtype)  # O_j = -1: other cells, and the responsible cell's other box
    O[responsible] = 1  #                               O_i = +1: the responsible box of the responsible cell
    o = output[..., -1]
    b = output[responsible][:, :-1]  # x_i y_i h_i w_i c_i of the responsible boxes
    logistic = F.softplus(-O * o).sum()  # log(1 + e^{-O o}), over all boxes of all cells
    square_error = ((truth - b) ** 2).sum()  # (X - x)^2 + (Y - y)^2 + ... + |C - c|^2, responsible cells only
    return (logistic + square_error) / len(targets)


def assign(output, targets):
    """Which box answers for which object: index arrays (picture, row, column, box), and its truth (X, Y, H, W, C).

    The cell with the object's centre; in it the box with the best overlap among those still free. Arrays only.
    ValueError for targets that no cell can answer for, naming picture and object.
    """
    pictures, rows, columns, per_cell, length = output.shape
    one_per_picture("assign", targets, pictures)
    if not targets:
        raise ValueError("assign: got 0 targets; there must be a picture to learn from")
    picture, boxes, labels = all_objects("assign", targets, length - 5, (STRIDE * rows, STRIDE * columns))
    boxes = boxes.astype(output.dtype)
    centre, size = (boxes[:, :2] + boxes[:, 2:]) / 2 / STRIDE, boxes[:, 2:] - boxes[:, :2]
    column = np.minimum(centre[:, 0].astype(np.int64), columns - 1)
    row = np.minimum(centre[:, 1].astype(np.int64), rows - 1)

    candidates = boxes_in_pixels(output[picture, row, column, :, :4], row[:, None], column[:, None], rows, columns)
    overlap = pcn.ops.box_iou(candidates.reshape(-1, 4), boxes).reshape(len(boxes), per_cell, len(boxes))
    overlap = np.nan_to_num(np.einsum("ibi->ib", overlap))  # of every object with its own cell's boxes
    taken, responsible = set(), np.zeros(len(boxes), np.int64)
    for i, cell in enumerate(zip(picture.tolist(), row.tolist(), column.tolist())):
        best_first = np.argsort(-overlap[i], kind="stable").tolist()
        responsible[i] = next((k for k in best_first if (*cell, k) not in taken), best_first[0])
        taken.add((*cell, int(responsible[i])))

    truth = np.empty((len(boxes), length - 1), output.dtype)
    truth[:, X], truth[:, Y] = centre[:, 0] - column, centre[:, 1] - row
    truth[:, H], truth[:, W] = size[:, 1] / (STRIDE * rows), size[:, 0] / (STRIDE * columns)
    truth[:, 4:] = labels[:, None] == np.arange(length - 5)
    return (picture, row, column, responsible), truth


def boxes_in_pixels(xyhw, row, column, rows, columns):
    """(x, y, h, w) of boxes in cell (row, column) of a rows x columns grid as xyxy in pixels."""
    x, y = (column + xyhw[..., X]) * STRIDE, (row + xyhw[..., Y]) * STRIDE
    h, w = np.maximum(xyhw[..., H], 0) * (STRIDE * rows), np.maximum(xyhw[..., W], 0) * (STRIDE * columns)
    return np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=-1)


def decode(grid, confidence_threshold):
    """Every box and class of one picture's output [S, T, B, 4 + C + 1] with a confidence above the threshold.

    (boxes xyxy in pixels, cut at the border, scores, labels), in no order.
    """
    rows, columns = grid.shape[:2]
    row, column = np.mgrid[:rows, :columns][..., None]
    boxes = boxes_in_pixels(grid[..., :4], row, column, rows, columns)
    boxes = pcn.ops.clip_boxes_to_image(boxes.reshape(-1, 4), (rows * STRIDE, columns * STRIDE))
    confidence = objectness(grid)[..., None] * np.clip(grid[..., 4:-1], 0, 1)
    confidence = confidence.reshape(len(boxes), -1)
    which, label = np.nonzero(confidence > confidence_threshold)
    return boxes[which], confidence[which, label], label


def objectness(grid):
    """sigmoid(o): the probability that a box holds an object, from the logistic cost."""
    return F.sigmoid(grid[..., -1])


SCENES = Settings(steps=2000, batch=32, lr=3e-3)
PHOTOGRAPHS = Settings(steps=1500, batch=8, lr=2e-3)


def trained(options, report, data, settings=None):
    """A detector that has learned from `data.train`, and its Training."""
    pcn.manual_seed(options.seed)
    model = OneShotDetector(data.classes)
    settings = settings or (SCENES if options.data is None else PHOTOGRAPHS)
    return model, learn(model, OneShotDetector.loss, data, settings, options, report)


def run(options, report):
    """The lecture: train, judge on unseen pictures, draw."""
    data = detection_data(options)
    model, training = trained(options, report, data)
    detections, truths = judge(model, data, report)
    figures.loss_curve(report, training.losses)
    figures.detections(report, data.test, model)
    figures.precision_recall(report, detections, truths, data.classes)
    before_and_after_suppression(report, model, data.test)


def before_and_after_suppression(report, model, test):
    """Figure: objectness in every cell, the boxes above the threshold, and those that suppression keeps.

    On the picture, of the first 40, in which suppression strikes out most.
    """
    images = np.stack([test[i][0] for i in range(min(40, len(test)))])
    with pcn.no_grad():
        grids = model(pcn.tensor(images)).data
    before = [decode(grid, CONFIDENCE) for grid in grids]
    after = [suppress(*found, NMS) for found in before]
    i = int(np.argmax([len(b[0]) - len(a[0]) for b, a in zip(before, after)]))
    image, found, kept = images[i], before[i], after[i]
    with report.figure("objectness", 1, 3) as axes:
        figures.heat(axes[0, 0], image, objectness(grids[i]).max(-1), "objectness sigmoid(o) of each cell's surest box")
        pcn.viz.draw_boxes(image, *_drawn(found), classes=model.classes, ax=axes[0, 1])
        axes[0, 1].set_title(f"{len(found[0])} boxes above confidence {CONFIDENCE}")
        pcn.viz.draw_boxes(image, *_drawn(kept), classes=model.classes, ax=axes[0, 2])
        axes[0, 2].set_title(f"{len(kept[0])} after non-max suppression")


def _drawn(detections):
    boxes, scores, labels = detections
    return boxes, labels, scores


def demo(options, report):
    """Sliders for the two thresholds on the trained detector (trained first if there is no checkpoint)."""
    return demonstrate(trained, options, report, detection_data(options))
