"""What R-CNN and SPP-net share: three objectives, one after the other, on the features of proposed regions.

Deck "Computer Vision - Lecture 16", slide "Problems with R-CNN": "ad hoc training objectives": fine-tune the network
with a softmax classifier (log loss), train post-hoc linear SVMs (hinge loss), train post-hoc bounding-box regressors
(squared loss). Each objective calls other regions positive: IoU >= 0.5 for the softmax, only the objects' own boxes for
the SVMs (negative: IoU < 0.3 with every object of the class), IoU > 0.6 for the regressors.
"""

import time
from dataclasses import dataclass

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.detector import Detector, pad_to_multiple
from lectures.detection.foundation.matching import overlaps
from lectures.detection.foundation.suppression import suppress
from lectures.detection.proposing.carried_proposals import read_proposals, split_proposals
from lectures.detection.regions import box_regression, linear_svm
from lectures.detection.regions.region_head import region_targets
from pyconvnet import functional as F
from pyconvnet import nn

SVM_NEGATIVE = 0.3  # IoU with every object of the class
HARD = -1.0  # a negative with a higher score lies inside the margin: the SVM wants to know it
NORM = 20.0  # the mean length that features are rescaled to, so that a price means the same for every network
SVM_PRICE, POSITIVE_WEIGHT = 2.0, 2.0  # c is SVM_PRICE / objects of the class; for those themselves twice that
REGIONS, POSITIVE_SHARE = 16, 0.25  # drawn per picture for the log loss
STEEPNESS = 2.0  # sigmoid(2 f): .12 and .88 at the edges of the margin, f = -1 and 1


class PostHocDetector(Detector):
    """Regions to scores by linear SVMs, to boxes by linear regressors, on features that a ConvNet learned before.

    A system defines `pooled(images, regions)`: x_pool5 (K, length) of all regions, a list of boxes (n, 4) per picture.
    `classifier` ("svm" or "softmax") and `regress` choose what `predict` uses. Scores of SVMs are sigmoid(2 f(x)): no
    probabilities, but 0.5 is the border, and thresholds mean what they do elsewhere.
    """

    confidence, nms = 0.5, 0.3
    padded = False  # proposals are searched on the picture itself
    classifier, regress = "svm", True

    def __init__(self, classes, propose, length, hidden=96):
        super().__init__(classes)
        self.propose = propose
        count = len(self.classes)
        self.fc = nn.Sequential(nn.Linear(length, hidden), nn.ReLU())
        nn.init.kaiming_normal_(self.fc[0].weight, nonlinearity="relu")
        self.score = nn.Linear(hidden, count + 1)  # classes and, last, background
        self.register_buffer("svm_weight", pcn.zeros((count, hidden)))
        self.register_buffer("svm_bias", pcn.full((count,), linear_svm.NEVER))
        self.register_buffer("box_weight", pcn.zeros((count, length + 1, 4)))

    def pooled(self, images, regions):
        """x_pool5 (K, length) of regions, a list of boxes (n, 4) per picture of images (N, 3, H, W)."""
        raise NotImplementedError(f"{type(self).__name__} must define pooled(images, regions)")

    def forward(self, images, regions):
        """Scores (K, C + 1) before the softmax, background last: what the log loss is about."""
        return self.score(self.fc(self.pooled(images, regions)))

    def look(self, image, boxes):
        """(x_pool5, x_fc7) of boxes (n, 4) in one picture (3, H, W), as arrays."""
        was_training = self.training
        self.eval()
        with pcn.no_grad():
            pooled = self.pooled(pcn.tensor(pad_to_multiple(image[None], self.stride)), [boxes])
            hidden = self.fc(pooled)
        self.train(was_training)
        return pooled.data, hidden.data

    def detect(self, images, confidence_threshold, nms_threshold):
        """Propose, look at every region, classify, move, keep one per object."""
        found = []
        for image in images:
            boxes = read_proposals(self.propose(image))
            answers = self.answers(boxes, *self.look(image, boxes), confidence_threshold)
            found.append(suppress(*answers, nms_threshold))
        return found

    def answers(self, boxes, pooled, hidden, confidence_threshold):
        """(boxes, scores, labels) of every region and class above the threshold, before suppression."""
        scores = self.scores(hidden)
        region, label = np.nonzero(scores > confidence_threshold)
        moved = boxes[region]
        if self.regress:
            for k in np.unique(label):
                of_class = label == k
                offsets = box_regression.predict(self.box_weight.data[k], pooled[region[of_class]])
                moved[of_class] = pcn.ops.decode_boxes(offsets, boxes[region[of_class]])
        return moved, scores[region, label], label

    def scores(self, hidden):
        """Scores (n, C) in [0, 1] from x_fc7 (n, d)."""
        if self.classifier == "softmax":
            return F.softmax(self.score(pcn.tensor(hidden)), -1).data[:, :-1]
        return F.sigmoid(STEEPNESS * (hidden @ self.svm_weight.data.T + self.svm_bias.data))


def log_loss(model, images, targets, rng):
    """Objective 1: cross-entropy of C classes and background, on regions drawn in every picture of the batch."""
    regions, labels = draw_regions(model, targets, rng)
    return classification_loss(model(images, regions), labels)


def draw_regions(model, targets, rng):
    """(list of boxes per picture, labels of all of them): targets carry their proposals; background is label C.

    A quarter of the regions positive (IoU >= 0.5), the objects' own boxes among them.
    """
    targets, proposals = split_proposals(targets)
    count = len(model.classes)
    drawn = [region_targets(p, t, count, rng, REGIONS, POSITIVE_SHARE) for p, t in zip(proposals, targets)]
    return [d.regions for d in drawn], np.concatenate([d.labels for d in drawn])


def classification_loss(scores, labels):
    """The mean log loss; 0 without a region."""
    return {"log loss": F.cross_entropy(scores, labels, reduction="sum") / max(len(labels), 1)}


@dataclass(frozen=True)
class RegionFeatures:
    """The features of all regions of the training pictures: R-CNN's cache on disk, "easily 200 GB"."""

    hidden: np.ndarray  # (n, d) x_fc7
    labels: np.ndarray  # (n, C): +1, -1, or 0 where the region says nothing about the class
    where: np.ndarray  # (n, 5): picture and box
    near: np.ndarray  # (m, length) x_pool5 of the regions close to an object
    offsets: np.ndarray  # (m, 4): to that object
    classes: np.ndarray  # (m,): its class
    pictures: np.ndarray  # (m,)

    @property
    def bytes(self):
        """Memory of the features that are kept."""
        return self.hidden.nbytes + self.near.nbytes


def region_features(model, dataset, proposals):
    """Look at every proposal, and every object's own box, of the pictures; proposals is a list with one (n, 4) each."""
    parts = []
    for i, regions in enumerate(proposals):
        image, (truth, labels, *difficult) = dataset[i]
        boxes = np.concatenate([truth, regions]).astype(np.float32)
        pooled, hidden = model.look(image, boxes)
        easy = ~difficult[0] if difficult else np.ones(len(truth), bool)  # difficult: nothing may be learned from it
        taught = svm_labels(boxes, truth, labels, easy, len(model.classes))
        which, offsets, classes = box_regression.regression_pairs(boxes, truth[easy], labels[easy])
        where = np.concatenate([np.full((len(boxes), 1), i), boxes], axis=1)
        parts.append((hidden, taught, where, pooled[which], offsets, classes, np.full(len(which), i)))
    return RegionFeatures(*(np.concatenate(column) for column in zip(*parts)))


def svm_labels(boxes, truth, labels, easy, classes):
    """What each box tells the SVM of each class: int (n, classes), 1, -1 or 0 (nothing).

    The first m boxes are the objects (truth (m, 4)) themselves: positive for their class where `easy`. Negative is a
    box whose IoU with every object of the class is below SVM_NEGATIVE. In between: nothing.
    """
    taught = np.zeros((len(boxes), classes), np.int64)
    overlap = overlaps(boxes, truth)
    for k in range(classes):
        taught[overlap[:, labels == k].max(1, initial=0) < SVM_NEGATIVE, k] = -1
    taught[np.flatnonzero(easy), labels[easy]] = 1
    return taught


def fit_svms(model, features, rng, price=SVM_PRICE):
    """Objective 2: one linear SVM per class, on the positives, as many random negatives, and a pass of hard ones.

    After the first fit every negative that scores above HARD joins the training set, then the SVM is fitted again.
    Returns per class {"first", "final": LinearSVM, "negatives", "hard": row numbers}, all of it for features / scale.
    Slide "Classification".
    """
    length = np.linalg.norm(features.hidden, axis=1).mean() if len(features.hidden) else 0.0
    scale = NORM / length if length > 0 else 1.0
    x, history = features.hidden * np.float32(scale), []
    for k, of_class in enumerate(features.labels.T):
        positive, negative = np.flatnonzero(of_class == 1), rng.permutation(np.flatnonzero(of_class == -1))
        chosen, others = np.split(negative, [max(len(positive), 10)])
        c = price / max(len(positive), 1)
        first = linear_svm.fit_svm(*_samples(x, positive, chosen, c))
        hard = others[first.scores(x[others]) > HARD]
        final = linear_svm.fit_svm(*_samples(x, positive, np.concatenate([chosen, hard]), c), start=first)
        model.svm_weight.data[k], model.svm_bias.data[k] = final.weight * scale, final.bias
        history.append({"first": first, "final": final, "negatives": chosen, "hard": hard, "scale": scale})
    return history


def _samples(x, positive, negative, c):
    labels = np.concatenate([np.ones(len(positive)), -np.ones(len(negative))])
    return np.concatenate([x[positive], x[negative]]), labels, np.where(labels > 0, POSITIVE_WEIGHT * c, c)


def fit_regressors(model, features):
    """Objective 3: per class a ridge regression from x_pool5 to the offsets; returns the lambda of each class.

    Slide "Bounding Box Regressors".
    """
    chosen = {}
    for k, name in enumerate(model.classes):
        mine = features.classes == k
        data = features.near[mine], features.offsets[mine], features.pictures[mine]
        model.box_weight.data[k], chosen[name] = box_regression.fit_by_validation(*data)
    return chosen


def fit_post_hoc(model, dataset, proposals, report, rng):
    """Objectives 2 and 3 on the pictures that `proposals` has boxes for; times go to the report.

    Returns (features, history of the SVMs).
    """
    begin = time.perf_counter()
    features = region_features(model, dataset, proposals)
    looked = time.perf_counter()
    history = fit_svms(model, features, rng)
    separated = time.perf_counter()
    chosen = fit_regressors(model, features)
    end = time.perf_counter()
    report.train_seconds += end - begin
    report.extra.update(
        seconds_features=looked - begin,
        seconds_hinge_loss=separated - looked,
        seconds_squared_loss=end - separated,
        svm_hard_negatives=sum(len(h["hard"]) for h in history),
        ridge_lambda=chosen,
    )
    return features, history
