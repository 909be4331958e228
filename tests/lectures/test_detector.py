"""The face of every detector: what predict accepts, what it gives back, what it refuses; backbones and matching."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.detection.fast_rcnn import FastRCNN
from lectures.detection.foundation.backbone import plain_backbone, residual_backbone
from lectures.detection.foundation.detector import Detector
from lectures.detection.foundation.matching import IGNORED, match, sample
from lectures.detection.foundation.suppression import suppress
from lectures.detection.rcnn import RCNN
from lectures.detection.spp_net import SPPNet
from pyconvnet import nn


class Bright(Detector):
    """Says that every picture is an object, as sure as the picture is bright, and notes what it was shown."""

    stride = 8

    def __init__(self, classes=("thing",)):
        super().__init__(classes)
        self.norm, self.shown = nn.BatchNorm2d(3), []

    def detect(self, images, confidence_threshold, nms_threshold):
        self.shown.append((images.shape, confidence_threshold, nms_threshold, self.training))
        height, width = images.shape[2:]
        self.norm(pcn.tensor(images))
        return [
            (np.array([[0, 0, width, height]], np.float32), np.array([image.mean()]), np.array([0]))
            for image in images
        ]  # fmt: skip


def test_pictures_of_any_sizes_keep_their_order_and_their_bounds():
    sizes = ((8, 16), (9, 17), (9, 17), (1, 1))
    pictures = [np.full((3, *size), v, np.float32) for size, v in zip(sizes, (0.1, 0.5, 0.7, 0.9))]
    model = Bright()
    found = model.predict(pictures)
    assert [boxes.tolist() for boxes, _, _ in found] == [[[0, 0, p.shape[2], p.shape[1]]] for p in pictures]
    assert [shape for shape, *_ in model.shown] == [(1, 3, 8, 16), (2, 3, 16, 24), (1, 3, 8, 8)]
    assert found[0][1][0] == pytest.approx(0.1)


def test_an_array_a_tensor_and_a_list_are_answered_alike():
    images = np.random.default_rng(0).random((3, 3, 16, 8), np.float32)
    answers = [Bright().predict(given) for given in (images, pcn.tensor(images), list(images), images.astype(float))]
    for answer in answers[1:]:
        for mine, first in zip(answer, answers[0]):
            for a, b in zip(mine, first):
                np.testing.assert_array_equal(a, b)
    assert Bright().predict([]) == [] and Bright().predict(images[:0]) == []


def test_a_prediction_neither_learns_nor_changes_the_mode():
    model = Bright().train()
    before = model.norm.running_mean.data.copy()
    model.predict(np.ones((2, 3, 8, 8), np.float32))
    assert model.training and not model.shown[0][-1]
    np.testing.assert_array_equal(model.norm.running_mean.data, before)


def test_thresholds_are_the_detectors_own_unless_given():
    model, image = Bright(), np.ones((1, 3, 8, 8), np.float32)
    model.predict(image)
    model.predict(image, 0.0, nms_threshold=0.9)
    assert [call[1:3] for call in model.shown] == [(Bright.confidence, Bright.nms), (0.0, 0.9)]


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        (np.ones((3, 8, 8), np.float32), ValueError, r"images must be \(N, 3, H, W\) .* got shape \(3, 8, 8\)"),
        (np.ones((1, 8, 8, 3), np.float32), ValueError, r"picture 0 has shape \(8, 8, 3\).* is it H, W, 3"),
        ([np.ones((3, 8, 8), np.float32), np.ones((3, 0, 8), np.float32)], ValueError, "picture 1 .* one pixel"),
        (np.ones((1, 3, 8, 8), np.uint8), TypeError, "picture 0 is uint8.* divide by 255"),
        (np.full((1, 3, 8, 8), np.nan, np.float32), ValueError, "picture 0 holds NaN"),
        (np.full((1, 3, 8, 8), 200, np.float32), ValueError, r"picture 0 is in \[200, 200\].* divide by 255"),
    ],
)
def test_what_is_no_picture_is_refused(images, error, words):
    with pytest.raises(error, match=words):
        Bright().predict(images)


def test_a_detector_names_its_classes():
    with pytest.raises(ValueError, match="classes is empty"):
        Bright(())
    with pytest.raises(TypeError, match="got the one name 'cat'"):
        Bright("cat")


@pytest.mark.parametrize("backbone", [plain_backbone, residual_backbone])
@pytest.mark.parametrize("stride", [4, 8])
def test_backbones_divide_the_sides_by_their_stride(backbone, stride):
    assert backbone(stride)(pcn.zeros((1, 3, 24, 40))).shape == (1, 64, 24 // stride, 40 // stride)
    with pytest.raises(ValueError, match="stride must be 4 or 8, got 5"):
        backbone(5)


def test_suppression_is_per_class_and_may_stop_early():
    boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 4], [0, 0, 4, 4], [9, 9, 12, 12]], np.float32)
    scores, labels = np.array([0.5, 0.9, 0.7, 0.6]), np.array([0, 0, 1, 0])
    assert suppress(boxes, scores, labels, 0.5)[1].tolist() == [0.9, 0.7, 0.6]
    assert suppress(boxes, scores, labels, 0.5, most=1)[1].tolist() == [0.9]


def naive_match(boxes, truth, positive, negative, best_of_each):
    """One box and one object at a time."""
    iou = [[float(np.nan_to_num(pcn.ops.box_iou(b[None], t[None])[0, 0])) for t in truth] for b in boxes]
    best, label = [], []
    for row in iou:
        most = max(row, default=0.0)
        best.append(row.index(most) if row else 0)
        label.append(1 if row and most >= positive else 0 if most < negative else IGNORED)
    if best_of_each:
        for j in range(len(truth)):
            column = [row[j] for row in iou]
            for i, v in enumerate(column):
                if v == max(column) and v > 0:
                    best[i], label[i] = j, 1
    return best, label


corner = st.integers(0, 6)
some_boxes = st.lists(st.tuples(corner, corner, corner, corner), max_size=6).map(
    lambda rows: np.array([(x, y, x + w, y + h) for x, y, w, h in rows], np.float32).reshape(-1, 4)
)


@settings(deadline=None)
@given(some_boxes, some_boxes, st.sampled_from([(0.5, 0.5), (0.7, 0.3), (0.5, 0.3)]), st.booleans())
def test_matching_is_the_definition_in_loops(boxes, truth, thresholds, best_of_each):
    best, label = match(boxes, truth, *thresholds, best_of_each)
    assert (best.tolist(), label.tolist()) == naive_match(boxes, truth, *thresholds, best_of_each)


@settings(deadline=None)
@given(st.lists(st.sampled_from([1, 0, IGNORED]), max_size=30), st.integers(0, 20), st.sampled_from([0.25, 0.5]))
def test_samples_are_positives_up_to_their_share_and_negatives(label, count, share):
    label = np.array(label, np.int64)
    chosen = sample(label, count, share, np.random.default_rng(0))
    positives = (label[chosen] == 1).sum()
    assert len(set(chosen.tolist())) == len(chosen) and (label[chosen] != IGNORED).all()
    assert positives == min((label == 1).sum(), int(count * share))
    assert len(chosen) - positives == min((label == 0).sum(), count - positives)


def test_boxes_that_lie_in_the_padding_alone_are_no_answer():
    class Corners(Bright):
        def detect(self, images, confidence_threshold, nms_threshold):
            boxes = np.array([[0, 0, 4, 4], [9, 0, 16, 16], [0, 12, 16, 16], [6, 6, 16, 16]], np.float32)
            return [(boxes, np.linspace(0.9, 0.6, 4), np.arange(4))] * len(images)

    ((boxes, scores, labels),) = Corners().predict(np.ones((1, 3, 9, 9), np.float32))
    assert boxes.tolist() == [[0, 0, 4, 4], [6, 6, 9, 9]] and labels.tolist() == [0, 3] and len(scores) == 2


def test_a_source_of_proposals_sees_the_picture_and_not_its_padding():
    seen = []

    def propose(image):
        seen.append(image.shape)
        return np.array([[0, 0, 5, 5]], np.float32)

    for system in (FastRCNN, SPPNet, RCNN):
        system(("thing",), propose).predict(np.zeros((1, 3, 13, 11), np.float32), 0.0)
    assert seen == [(3, 13, 11)] * 3
