r"""OverFeat: the sliding window as one convolution, with a box for every window.

Decks "Localization, Object Detection, Segmentation (Labwork 7)", slides "Proposal comparison" (OverFeat) and
"Convolutionize" ("slide the network with an input of (224, 224) over a large image; output of varying spatial size;
change Dense to convolution"), and "Computer Vision - Lecture 16", "CNNs vs. FCNs": fully convolutional networks perform
"a sliding-window classification, producing a heatmap of output scores for each class". Sermanet et al., "OverFeat:
Integrated Recognition, Localization and Detection using Convolutional Networks" (2014).

The ConvNet is that of sliding_window.py with its weights. A dense layer on (C, 2, 2) features *is* a 2 x 2 convolution;
so the network runs on the whole picture, resized once per size and shape of window, and says in one pass what it said
of each crop: the same to rounding, if no convolution pads ("valid"). Neighbouring windows share nearly all of their
work. Then, as in the paper, the features are frozen and a regressor of the box is learned for every location; boxes
that agree are merged instead of discarded.
Ours is smaller: one box per window for all classes; and boxes are merged into the surest one of them, weighed by their
scores, where the paper merges the closest pair again and again and adds up scores.
"""

import time

import numpy as np

import pyconvnet as pcn
from lectures.detection import sliding_window
from lectures.detection.drawing import figures
from lectures.detection.foundation.backbone import centred, plain_backbone
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.detector import Detector
from lectures.detection.foundation.evaluation import LENIENT, enter_variant, judge
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.matching import overlaps
from lectures.detection.foundation.suppression import above, merge, suppress
from lectures.detection.regions.warping import warp
from lectures.detection.regions.windows import CONTEXT, WINDOW, all_windows, level
from lectures.detection.sliding_window import SCENE_SHAPES
from lectures.macs import counted_macs
from pyconvnet import functional as F
from pyconvnet import nn
from pyconvnet.ops import decode_boxes, encode_boxes

REGRESSED = 0.5  # IoU with an object from which on a window learns to reach its box
WINDOWS = 8  # of each training picture
WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # of dx, dy, dw, dh: all of about unit spread


class OverFeat(Detector):
    """A window classifier as a convolution, at the windows' `shapes` (width, height), and a regressor of boxes."""

    stride, confidence, nms = 1, 0.8, 0.3

    def __init__(self, classes, shapes=SCENE_SHAPES, hidden=64):
        super().__init__(classes)
        self.register_buffer("shapes", pcn.tensor(np.asarray(shapes, np.float64)))
        self.features = plain_backbone(stride=4, padded=False)
        self.dense = nn.Conv2d(64, hidden, 2)
        self.classify = nn.Conv2d(hidden, len(self.classes) + 1, 1)
        self.box = nn.Sequential(nn.Conv2d(64, hidden, 2), nn.ReLU(), nn.Conv2d(hidden, 4, 1))
        self.box[2].weight.data *= 0.1  # start from the windows themselves
        self.regress, self.merge = True, True

    @classmethod
    def of(cls, windows):
        """The convolutional twin of a trained SlidingWindow: the same numbers reshaped. Slide "Convolutionize"."""
        model, classifier = cls(windows.classes, windows.shapes.data), windows.classifier
        model.features.load_state_dict(classifier.features.state_dict())
        for conv, linear in ((model.dense, classifier.dense), (model.classify, classifier.classify)):
            conv.weight.data[...] = linear.weight.data.reshape(conv.weight.shape)
            conv.bias.data[...] = linear.bias.data
        return model.eval()

    def forward(self, images):
        """(logits (N, classes + 1, rows, columns), offsets (N, 4, rows, columns)), one location per window.

        Slide "CNNs vs. FCNs": a map of scores, whatever the size of the pictures.
        """
        z = self.features(centred(images))
        return self.classify(F.relu(self.dense(z))), self.box(z)

    def train(self, mode=True):
        """Only the regressor learns: batch norm stays as it was when the windows were learned."""
        super().train(mode)
        self.features.eval()
        return self

    def detect(self, images, confidence_threshold, nms_threshold):
        """Every size and shape of window in one pass each, threshold, merge."""
        windows = all_windows(images.shape[2:], self.shapes.data)
        found = []
        for image in images:
            probabilities, offsets = self.dense_answers(image)
            boxes = self.moved(windows, offsets) if self.regress else windows
            candidates = above(boxes, probabilities, confidence_threshold)
            found.append(merge(*candidates, nms_threshold) if self.merge else suppress(*candidates, nms_threshold))
        return found

    def moved(self, windows, offsets):
        """The boxes that the windows (n, 4) say their objects have."""
        return decode_boxes(offsets, windows, WEIGHTS)

    def dense_answers(self, image):
        """(probabilities (n, classes + 1), offsets (n, 4)) for `all_windows` of one picture (3, H, W)."""
        answers = [self(pcn.tensor(level(image, shape)[None])) for shape in self.shapes.data]
        logits, offsets = ([flat(part.data[0]) for part in parts] for parts in zip(*answers))
        return F.softmax(np.concatenate(logits), dim=1), np.concatenate(offsets)


def flat(map):
    """(channels, rows, columns) to (rows * columns, channels)."""
    return map.reshape(len(map), -1).T


def box_loss(model, images, targets, rng):
    """Smooth L1 between a window's offsets and those to its object, mean over windows with IoU >= REGRESSED.

    Exactly zero, and no gradient, where no window overlaps an object so much.
    """
    windows, wanted = regression_batch(model, images.data, targets, rng)
    if not len(windows):
        return sum((0 * part).sum() for part in model.box.parameters())
    with pcn.no_grad():
        z = model.features(centred(pcn.tensor(windows)))
    said = model.box(z).flatten(1)
    return F.smooth_l1_loss(said, pcn.tensor(wanted), reduction="sum") / len(windows)


def regression_batch(model, images, targets, rng):
    """(warped windows (n, 3, 32, 32), offsets to the object each overlaps most (n, 4)); n may be 0."""
    boxes = all_windows(images.shape[2:], model.shapes.data)
    windows, offsets = [np.zeros((0, 3, WINDOW, WINDOW), np.float32)], [np.zeros((0, 4), np.float32)]
    for image, (truth, _) in zip(images, targets):
        truth = truth[(truth[:, 2:] > truth[:, :2]).all(1)]  # a box without an area has no logarithm
        if not len(truth):
            continue
        overlap = overlaps(boxes, truth)
        chosen = rng.permutation(np.flatnonzero(overlap.max(1) >= REGRESSED))[:WINDOWS]
        windows.append(warp(image, boxes[chosen], WINDOW, CONTEXT))
        offsets.append(encode_boxes(truth[overlap[chosen].argmax(1)], boxes[chosen], WEIGHTS).astype(np.float32))
    return np.concatenate(windows), np.concatenate(offsets)


SCENES = Settings(steps=200, batch=32, lr=6e-3, quick=12)
PHOTOGRAPHS = Settings(steps=200, batch=16, lr=4e-3, quick=8)
TIMED = 10  # pictures in the comparison with crops


def trained(options, report, data, windows=None):
    """The twin of `windows` (default: those of the lecture sliding_window) that has learned boxes; its Training."""
    windows = windows or sliding_window.reference(options, report, data)
    pcn.manual_seed(options.seed)
    model = OverFeat.of(windows)
    settings = SCENES if options.data is None else PHOTOGRAPHS
    return model, learn(model, box_loss, data, settings, options, report, parameters=list(model.box.parameters()))


def run(options, report):
    """The lecture: convolutionize, check that nothing changed, learn boxes, judge, compare, draw."""
    from lectures.detection.drawing import window_figures

    data = sliding_window.fewer_to_judge(options, detection_data(options), photographs=None)
    windows = sliding_window.reference(options, report, data)
    model, training = trained(options, report, data, windows)
    detections, truths = judge(model, data, report)
    variants(report, model, data.test, truths)
    report.extra.update(compare(model, windows, [data.test[i][0] for i in range(min(TIMED, len(data.test)))]))
    print(f"largest difference from the crops' probabilities: {report.extra['largest_difference_from_crops']:.1e}")
    figures.loss_curve(report, training.losses)
    figures.detections(report, data.test, model)
    figures.precision_recall(report, detections, truths, data.classes)
    window_figures.dense_maps(report, model, data.test)
    window_figures.padding_breaks_the_identity(report, windows, data.test[0][0])
    window_figures.regressed_and_merged(report, model, data.test)


def variants(report, model, test, truths):
    """What each part is worth: map50 and map50_95 without it. Without regression and merging it is sliding_window."""
    shapes = model.shapes.data.reshape(-1, 3, 2)  # sizes, aspects, (width, height)
    settings = {
        "sliding_window": {"regress": False, "merge": False},
        "merged_without_regression": {"regress": False},
        "regressed_without_merging": {"merge": False},
        "squares_only": {"shapes": pcn.tensor(shapes[:, 1])},
        "one_size_only": {"shapes": pcn.tensor(shapes[len(shapes) // 2])},
    }
    images = [image for image, _ in test]
    for name, changed in settings.items():
        before = {key: getattr(model, key) for key in changed}
        for key, value in changed.items():
            setattr(model, key, value)
        found = model.predict(images, LENIENT)
        for key, value in before.items():
            setattr(model, key, value)
        enter_variant(report, name, found, truths)


def compare(model, windows, images):
    """The two ways to the same answer, on the same pictures: largest difference, multiply-accumulates, time.

    `times_fewer_macs` compares what both compute: the regressor, which crops have not, is left out of it.
    """
    boxes, difference = all_windows(images[0].shape[1:], windows.shapes.data), 0.0
    slow = fast = 0.0
    with (
        pcn.no_grad(), counted_macs(windows) as macs_slow, counted_macs(model) as macs_fast,
        counted_macs(model.box) as macs_box,
    ):  # fmt: skip
        for image in images:
            begin = time.perf_counter()
            one_by_one = windows.probabilities(image, boxes)
            slow += time.perf_counter() - begin
            begin = time.perf_counter()
            at_once, _ = model.dense_answers(image)
            fast += time.perf_counter() - begin
            difference = max(difference, float(np.abs(one_by_one - at_once).max()))
    return {
        "largest_difference_from_crops": difference,
        "windows_per_image": len(boxes),
        "macs_per_image": macs_fast.total // len(images),
        "macs_per_image_of_crops": macs_slow.total // len(images),
        "times_fewer_macs": macs_slow.total / (macs_fast.total - macs_box.total),
        "ms_of_windows_at_once": 1000 * fast / len(images),
        "ms_of_crops": 1000 * slow / len(images),
        "times_faster": slow / fast,
    }
