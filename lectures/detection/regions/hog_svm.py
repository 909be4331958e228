"""What slid over pictures before ConvNets: histograms of oriented gradients (HoG), and a linear SVM per class.

Deck "Computer Vision - Lecture 16", slide "Summary": "Before CNNs: dense multiscale sliding window (HoG, DPM)". Dalal
and Triggs, "Histograms of Oriented Gradients for Human Detection" (2005): in cells of 4 x 4 pixels, how strong edges of
each of nine directions are; cells in blocks of 2 x 2, each made of unit length; a window is the 7 x 7 blocks within.
Trained, then trained again with the false alarms that it raised on the training pictures ("hard negatives"). Features
by scikit-image, SVM by scikit-learn. DPM's movable parts are left out.

The windows are those of sliding_window.py. Their blocks lie on one grid, so each is computed once per resized picture
and shared by all windows that hold it: what OverFeat does for ConvNets was always done for HoG.
"""

import time

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from skimage.feature import hog
from sklearn.svm import LinearSVC

import pyconvnet as pcn
from lectures.detection.foundation.datasets import without_difficult
from lectures.detection.foundation.detector import Detector
from lectures.detection.foundation.suppression import above, suppress
from lectures.detection.regions.window_labels import NEGATIVE, draw_windows, label_windows
from lectures.detection.regions.windows import STRIDE, WINDOW, all_windows, level
from pyconvnet import functional as F

CELL, BLOCK, DIRECTIONS = STRIDE, 2, 9
BLOCKS = WINDOW // CELL - BLOCK + 1  # along a window
C = 0.01  # what a window on the wrong side of the margin costs
DRAWN = 16  # windows of each training picture
HARD = 10  # of each training picture, the false alarms to learn from
LENIENT = 0.25  # sigmoid of a margin of about -1.1: for average precision, which wants the whole curve
TRAINING_PICTURES, TEST_PICTURES = 300, 100  # HoG of all sizes and shapes of a picture takes long


class HogSVM(Detector):
    """Linear SVMs on the HoG of windows; the score of a class is sigmoid(margin)."""

    stride, confidence, nms = 1, 0.5, 0.3

    def __init__(self, classes, shapes):
        super().__init__(classes)
        self.shapes = np.asarray(shapes, np.float64)
        self.weight = np.zeros((len(self.classes), BLOCKS * BLOCKS * BLOCK * BLOCK * DIRECTIONS), np.float32)
        self.bias = np.full(len(self.classes), -1, np.float32)  # a class never seen is never found

    def fit(self, samples, labels):
        """One SVM per class, against all other windows: samples (n, d), labels (n,)."""
        for k in np.unique(labels[labels < len(self.classes)]):
            if (labels != k).any():
                svm = LinearSVC(C=C, random_state=0).fit(samples, np.where(labels == k, 1, -1))
                self.weight[k], self.bias[k] = svm.coef_[0], svm.intercept_[0]

    def detect(self, images, confidence_threshold, nms_threshold):
        """HoG, linear function, threshold, suppress."""
        boxes = all_windows(images.shape[2:], self.shapes)
        found = []
        for image in images:
            scores = F.sigmoid(self.margins(features(image, self.shapes)))
            scores = np.pad(scores, ((0, 0), (0, 1)))  # as `above` expects it, with a column for the background
            found.append(suppress(*above(boxes, scores, confidence_threshold), nms_threshold))
        return found

    def margins(self, samples):
        """w.x + b of every class, (n, classes)."""
        return samples @ self.weight.T + self.bias


def features(image, shapes):
    """The HoG of all windows of a picture, in the order of `all_windows`: float32 (n, 1764)."""
    return np.concatenate([blocks_of_windows(level(image, shape)) for shape in shapes])


def blocks_of_windows(picture):
    """The HoG of every window of a resized picture, (n, 1764); the blocks are computed once."""
    blocks = histogram(picture, feature_vector=False)
    windows = sliding_window_view(blocks, (BLOCKS, BLOCKS), axis=(0, 1))  # [row, column, in block ..., y, x]
    return np.moveaxis(windows, (-2, -1), (2, 3)).reshape(windows.shape[0] * windows.shape[1], -1)


def histogram(picture, **more):
    """scikit-image's HoG of (3, H, W), of whichever colour has the strongest gradient; gamma 1/2, blocks L2-Hys."""
    sizes = {"orientations": DIRECTIONS, "pixels_per_cell": (CELL, CELL), "cells_per_block": (BLOCK, BLOCK)}
    return hog(picture.clip(0, 1), **sizes, transform_sqrt=True, channel_axis=0, **more)


def trained(options, data, shapes):
    """(HogSVM without, with hard negatives, seconds)."""
    begin, rng = time.perf_counter(), np.random.default_rng(options.seed)
    count = 6 if options.quick else TRAINING_PICTURES
    pictures = [data.train[i] for i in range(min(count, len(data.train)))]
    plain, model, background = HogSVM(data.classes, shapes), HogSVM(data.classes, shapes), len(data.classes)
    samples, labels = [], []
    for image, target in pictures:
        x, overlap, label = windows_to_learn(image, target, shapes, background)
        chosen = draw_windows(overlap, DRAWN, rng)
        samples.append(x[chosen])
        labels.append(label[chosen])
    plain.fit(np.concatenate(samples), np.concatenate(labels))
    for image, target in pictures:
        x, overlap, _ = windows_to_learn(image, target, shapes, background)
        alarm = np.where(overlap < NEGATIVE, plain.margins(x).max(1), -np.inf)
        hardest = np.argsort(-alarm, kind="stable")[:HARD]
        hardest = hardest[alarm[hardest] > -1]  # inside the margin: the others cost nothing
        samples.append(x[hardest])
        labels.append(np.full(len(hardest), background))
    model.fit(np.concatenate(samples), np.concatenate(labels))
    return plain, model, time.perf_counter() - begin


def windows_to_learn(image, target, shapes, background):
    """(features of all windows, IoU with an object, label)."""
    truth, names = without_difficult(target)
    return features(image, shapes), *label_windows(all_windows(image.shape[1:], shapes), truth, names, background)


def compare(options, report, data, shapes):
    """Train, judge on the first TEST_PICTURES unseen pictures, and enter it as variants; the better HogSVM."""
    plain, model, seconds = trained(options, data, shapes)
    unseen = [data.test[i] for i in range(min(TEST_PICTURES, len(data.test)))]
    images, truths = [image for image, _ in unseen], [target for _, target in unseen]
    for name, detector in (("hog_svm_before_hard_negatives", plain), ("hog_svm", model)):
        begin = time.perf_counter()
        found = detector.predict(images, LENIENT)
        took = 1000 * (time.perf_counter() - begin) / len(images)
        map50 = pcn.metrics.detection_average_precision(found, truths)["map"]
        report.variants[name] = {"map50": map50, "test_pictures": len(images), "ms_per_image": took}
    report.variants["hog_svm"]["train_seconds"] = seconds
    report.extra.update(map50_of_hog_svm=report.variants["hog_svm"]["map50"], train_seconds_of_hog_svm=seconds)
    return model
