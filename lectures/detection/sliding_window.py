r"""The sliding window: cut out every window of the picture, warp it, and let a ConvNet say what it shows.

Deck "Fun Ways To Use ConvNets", slide "Object Detection: Sliding Window": define a box, slide it across the picture,
"at each position pass contents of box into ConvNet to classify any object in box"; "need different sizes and shapes of
boxes and to scan across many positions", so it is "computationally expensive and very slow". Deck "Deep Convolutional
Neural Networks II", slide "Scanning window + CNN": crop, warp to a fixed size, run the CNN (Oquab et al., 2014). Deck
"Computer Vision - Lecture 16", "Before CNNs: dense multiscale sliding window (HoG, DPM)": see hog_svm.py.

What the slides leave open: the ConvNet has one more class, background. A window that overlaps an object by
IoU >= POSITIVE is of its class, one below NEGATIVE is background, those in between teach nothing. A third of the
training windows are backgrounds that show a part of an object, or every half of a thing would count as the thing. The
ConvNet also sees a little of what is around the box: without, 400 steps reach mAP .24 instead of .78. It pads no
convolution ("valid"): overfeat.py then slides it over the whole picture and gets the very same numbers.
Ours is smaller: windows of 32 x 32 pixels instead of 224 x 224, and sizes taken from the training boxes.
"""

import time
from dataclasses import replace

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures
from lectures.detection.foundation.backbone import centred, plain_backbone
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.detector import Detector
from lectures.detection.foundation.evaluation import judge
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.suppression import above, suppress
from lectures.detection.regions.warping import warp
from lectures.detection.regions.window_labels import draw_windows, label_windows
from lectures.detection.regions.windows import CONTEXT, WINDOW, all_windows, window_shapes
from lectures.kept_network import code_of, keep_network, load_kept_network
from lectures.macs import counted_macs
from pyconvnet import functional as F
from pyconvnet import nn

WINDOWS = 8  # of each training picture: few, as those of one picture are much alike
CODE = code_of(__file__)
AT_A_TIME = 512  # windows through the ConvNet
SCENE_SHAPES = [(s * a, s / a) for s in (12.6, 18.0, 25.8) for a in (0.91, 1.0, 1.1)]  # (width, height) in pixels


class WindowClassifier(nn.Module):
    """Warped windows (n, 3, 32, 32) to logits (n, classes + 1); the last class is the background."""

    def __init__(self, classes, hidden=64):
        super().__init__()
        self.features = plain_backbone(stride=4, padded=False)  # 32 x 32 pixels to 2 x 2
        self.dense = nn.Linear(64 * 2 * 2, hidden)
        self.classify = nn.Linear(hidden, classes + 1)

    def forward(self, windows):
        return self.classify(F.relu(self.dense(self.features(centred(windows)).flatten(1))))


class SlidingWindow(Detector):
    """Classifies windows of the given `shapes` (width, height) in pixels, wherever they may lie.

    Its threshold is high: it learned from windows a third of which showed an object, and here it is one in fifty.
    Slide "Scanning window + CNN".
    """

    stride, confidence, nms = 1, 0.8, 0.3

    def __init__(self, classes, shapes=SCENE_SHAPES):
        super().__init__(classes)
        self.register_buffer("shapes", pcn.tensor(np.asarray(shapes, np.float64)))
        self.classifier = WindowClassifier(len(self.classes))

    def detect(self, images, confidence_threshold, nms_threshold):
        """Crop, warp, classify, threshold, suppress."""
        boxes = all_windows(images.shape[2:], self.shapes.data)
        return [
            suppress(*above(boxes, self.probabilities(image, boxes), confidence_threshold), nms_threshold)
            for image in images
        ]

    def probabilities(self, image, boxes):
        """Softmax of what the ConvNet says about each box of one picture: (n, classes + 1)."""
        said = []
        for start in range(0, len(boxes), AT_A_TIME):
            windows = warp(image, boxes[start : start + AT_A_TIME], WINDOW, CONTEXT)
            said.append(F.softmax(self.classifier(pcn.tensor(windows)), dim=1).data)
        return np.concatenate(said)


def window_loss(model, images, targets, rng):
    """Cross entropy of some windows of each picture, mean over all of them."""
    windows, labels = window_batch(model, images.data, targets, rng)
    return F.cross_entropy(model.classifier(pcn.tensor(windows)), pcn.tensor(labels))


def window_batch(model, images, targets, rng):
    """(warped windows, labels) to learn from; label len(classes) is the background."""
    boxes, background = all_windows(images.shape[2:], model.shapes.data), len(model.classes)
    windows, labels = [], []
    for image, (truth, names) in zip(images, targets):
        overlap, label = label_windows(boxes, truth, names, background)
        chosen = draw_windows(overlap, WINDOWS, rng)
        windows.append(warp(image, boxes[chosen], WINDOW, CONTEXT))
        labels.append(label[chosen])
    return np.concatenate(windows), np.concatenate(labels)


SCENES = Settings(steps=800, batch=32, lr=1e-2, quick=12)
PHOTOGRAPHS = Settings(steps=800, batch=16, lr=5e-3, quick=8)
QUICK_PICTURES, PHOTOGRAPHS_JUDGED = 3, 40  # a scene has two thousand windows, a photograph twenty thousand


def trained(options, report, data, stage=""):
    """A detector that has learned from `data.train`, and its Training."""
    pcn.manual_seed(options.seed)
    model = SlidingWindow(data.classes, window_shapes(data.training_boxes(1000)))
    settings = SCENES if options.data is None else PHOTOGRAPHS
    return model, learn(model, window_loss, data, settings, options, report, stage)


def reference(options, report, data):
    """The lecture's detector for other lectures: kept from an earlier run, or else trained now."""
    model = SlidingWindow(data.classes, window_shapes(data.training_boxes(1000)))
    if not load_kept_network(model, *identity(options, data)):
        model, _ = trained(options, report, data, stage="sliding-window")
        keep_network(model, *identity(options, data))
    return model.eval()


def identity(options, data):
    """What the trained network depends on: code, options, and the training pictures, known by their boxes."""
    known = data.training_boxes(1000)
    asked = options.seed, options.quick, options.data, getattr(options, "pictures", None)
    return "sliding_window", *CODE, *asked, len(data.train), known


def fewer_to_judge(options, data, photographs=PHOTOGRAPHS_JUDGED):
    """The data with fewer test pictures: few for --quick, and of --data the first `photographs` (None: all)."""
    most = photographs if options.data else None
    if options.quick:
        most = 1 if options.data else QUICK_PICTURES
    return replace(data, test=pcn.data.Subset(data.test, range(len(data.test))[:most]))


def run(options, report):
    """The lecture: train, judge on unseen pictures beside HoG and linear SVMs, measure, draw."""
    from lectures.detection.drawing import window_figures  # first of all: do the packages that HoG needs exist?
    from lectures.detection.regions import hog_svm

    data = fewer_to_judge(options, detection_data(options))
    model, training = trained(options, report, data)
    keep_network(model, *identity(options, data))
    detections, truths = judge(model, data, report)
    measure(report, model, data.test[0][0])
    before_convnets = hog_svm.compare(options, report, data, model.shapes.data)
    figures.loss_curve(report, training.losses)
    figures.detections(report, data.test, model)
    figures.precision_recall(report, detections, truths, data.classes)
    window_figures.windows(report, model, data.test[0][0])
    window_figures.score_maps(report, model, data.test)
    window_figures.before_and_after_suppression(report, model, data.test)
    window_figures.hard_negatives(report, model, data.test)
    window_figures.histograms(report, before_convnets, data.test)


def measure(report, model, image):
    """Windows, multiply-accumulates and time for warping one picture."""
    boxes = all_windows(image.shape[1:], model.shapes.data)
    begin = time.perf_counter()
    warp(image, boxes, WINDOW, CONTEXT)
    warping = time.perf_counter() - begin
    with pcn.no_grad(), counted_macs(model) as macs:
        model.probabilities(image, boxes)
    report.extra.update(windows_per_image=len(boxes), macs_per_image=macs.total, ms_of_which_warping=1000 * warping)
