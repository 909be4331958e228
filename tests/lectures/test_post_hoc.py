"""The three objectives that R-CNN and SPP-net share: labels in loops, mining, regressors, unusual training sets."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.detection.proposing.carried_proposals import carry
from lectures.detection.regions import linear_svm, post_hoc, post_hoc_costs
from lectures.detection.regions.warping import warp
from pyconvnet.data import Dataset

CLASSES = ("dark", "bright", "unseen")


class Halves(post_hoc.PostHocDetector):
    """Features of a region: how bright it and its surroundings are, and its four halves; enough for blocks on grey."""

    stride = 1

    def __init__(self, propose=lambda image: np.zeros((0, 4), np.float32), classes=CLASSES):
        super().__init__(classes, propose, length=6, hidden=12)
        self.fc[0].weight.data[:] = np.concatenate([np.eye(6), -np.eye(6)])
        self.fc[0].bias.data[:] = 0

    def pooled(self, images, regions):
        rows = [np.zeros((0, 6))]
        for image, boxes in zip(images.data, regions, strict=True):
            around = warp(image, boxes, 16, 4).mean(1) * 4 - 2
            inside = around[:, 4:-4, 4:-4]
            halves = inside[:, :4], inside[:, 4:], inside[:, :, :4], inside[:, :, 4:], inside, around
            rows.append(np.stack([half.mean((1, 2)) for half in halves], axis=1))
        return pcn.tensor(np.concatenate(rows).astype(np.float32))


class Blocks(Dataset):
    """A dark and a bright block on grey, 16 x 16; every third picture is empty."""

    classes = CLASSES

    def __init__(self, count=12, seed=0):
        self.count, self.seed = count, seed

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        rng = np.random.default_rng((self.seed, index))
        image = np.full((3, 16, 16), 0.5, np.float32)
        boxes = np.zeros((0, 4), np.float32)
        if index % 3:
            x, y = rng.integers(0, 3), rng.integers(0, 9)
            boxes = np.array([[x, y, x + 5, y + 6], [x + 8, y, x + 13, y + 6]], np.float32)
            for (x1, y1, x2, y2), colour in zip(boxes.astype(int), (0.1, 0.9)):
                image[:, y1:y2, x1:x2] = colour
        return image, (boxes, np.arange(len(boxes)))


def around(boxes, rng, count=12):
    """Jittered boxes of the objects and boxes of nothing."""
    near = np.repeat(boxes, 4, axis=0) + rng.uniform(-1, 1, (4 * len(boxes), 4))
    corner = rng.uniform(0, 8, (count, 2))
    far = np.concatenate([corner, corner + rng.uniform(2, 8, (count, 2))], axis=1)
    return np.concatenate([near, far]).clip(0, 16).astype(np.float32)


def fitted(dataset=None, proposals=None):
    dataset = Blocks() if dataset is None else dataset
    rng = np.random.default_rng(0)
    proposals = [around(dataset[i][1][0], rng) for i in range(len(dataset))] if proposals is None else proposals
    model, report = Halves(), SimpleNamespace(train_seconds=0.0, extra={})
    features, history = post_hoc.fit_post_hoc(model, dataset, proposals, report, rng)
    return model, report, features, history


def iou(a, b):
    inter = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter)


@pytest.mark.parametrize("seed", range(6))
def test_svm_labels_are_the_rule_in_loops(seed):
    rng = np.random.default_rng(seed)
    m = int(rng.integers(0, 4))
    corner = rng.uniform(0, 30, (m, 2))
    truth = np.concatenate([corner, corner + rng.uniform(5, 20, (m, 2))], 1)
    boxes = np.concatenate([truth, around(truth * 0.3, rng, 20) / 0.3])
    labels, easy = rng.integers(0, 3, m), rng.random(m) < 0.7
    expected = np.zeros((len(boxes), 3), int)
    for i, box in enumerate(boxes):
        for k in range(3):
            if all(iou(box, t) < 0.3 for t, label in zip(truth, labels) if label == k):
                expected[i, k] = -1
            if i < m and labels[i] == k and easy[i]:
                expected[i, k] = 1
    np.testing.assert_array_equal(post_hoc.svm_labels(boxes, truth, labels, easy, 3), expected)


def test_other_classes_objects_are_negatives_and_difficult_ones_say_nothing():
    truth = np.array([[0, 0, 9, 9], [20, 20, 29, 29.0]])
    taught = post_hoc.svm_labels(truth, truth, np.array([0, 1]), np.array([True, False]), 3)
    assert taught.tolist() == [[1, -1, -1], [-1, 0, -1]]


def test_the_log_loss_is_the_mean_of_minus_log_p():
    model, rng = Halves(), np.random.default_rng(3)
    model.score.weight.data[:] = rng.normal(size=model.score.weight.shape)
    dataset = Blocks(4)
    targets = [carry(dataset[i][1], around(dataset[i][1][0], rng)) for i in range(4)]
    images = pcn.tensor(np.stack([dataset[i][0] for i in range(4)]))
    regions, labels = post_hoc.draw_regions(model, targets, np.random.default_rng(5))
    scores = model(images, regions).data.astype(float)
    expected = -np.mean([s[k] - np.log(np.exp(s).sum()) for s, k in zip(scores, labels)])
    loss = post_hoc.log_loss(model, images, targets, np.random.default_rng(5))
    assert loss["log loss"].item() == pytest.approx(expected, rel=1e-5)
    for boxes, of_picture, (truth, truth_labels) in zip(
        regions, np.split(labels, np.cumsum([len(r) for r in regions])[:-1]), (dataset[i][1] for i in range(4))
    ):
        for box, label in zip(boxes, of_picture):
            over = [iou(box, t) for t in truth]
            assert label == (truth_labels[np.argmax(over)] if over and max(over) >= 0.5 else 3)


def test_blocks_are_found_where_they_are():
    model, *_ = fitted()
    test = Blocks(12, seed=1)
    rng = np.random.default_rng(2)
    known = {image.tobytes(): around(boxes, rng) for image, (boxes, _) in test}
    model.propose = lambda image: known[image.tobytes()]
    detections = model.predict([image for image, _ in test], 0.1)
    truths = [target for _, target in test]
    assert pcn.metrics.detection_average_precision(detections, truths)["map"] > 0.9
    assert not any((labels == 2).any() for _, _, labels in model.predict([i for i, _ in test], 0.05))


def test_regressors_bring_boxes_nearer():
    model, *_ = fitted()
    rng = np.random.default_rng(7)
    image, (truth, _) = Blocks(12, seed=4)[1]
    boxes = truth + rng.uniform(-0.8, 0.8, (2, 4)).astype(np.float32)
    pooled, _ = model.look(image, boxes)
    for k in range(2):
        offsets = post_hoc.box_regression.predict(model.box_weight.data[k], pooled[k : k + 1])
        moved = pcn.ops.decode_boxes(offsets, boxes[k : k + 1])[0]
        assert iou(moved, truth[k]) > iou(boxes[k], truth[k])


def test_hard_negatives_are_those_inside_the_margin_and_join_the_training():
    _, _, features, history = fitted()
    for svm, of_class in zip(history[:2], features.labels.T[:2]):
        x = features.hidden * svm["scale"]
        others = np.setdiff1d(np.flatnonzero(of_class == -1), svm["negatives"])
        expected = others[svm["first"].scores(x[others]) > post_hoc.HARD]
        assert set(svm["hard"]) == set(expected)


def test_a_class_never_seen_is_never_found_and_moves_nothing():
    model, _, _, history = fitted()
    assert (history[2]["final"].weight == 0).all() and history[2]["final"].bias == linear_svm.NEVER
    assert not model.box_weight.data[2].any()
    assert (model.scores(np.random.default_rng(0).normal(size=(9, 12)).astype(np.float32))[:, 2] < 0.2).all()


def test_without_any_proposal_the_objects_themselves_still_teach():
    nothing = [np.zeros((0, 4), np.float32)] * 12
    model, _, features, _ = fitted(proposals=nothing)
    assert len(features.hidden) == 16
    found = model.predict([Blocks()[1][0]])
    assert [part.shape for part in found[0]] == [(0, 4), (0,), (0,)]


def test_pictures_without_objects_alone_give_a_detector_that_finds_nothing():
    empty = [Blocks()[i] for i in (0, 3, 6)]
    model, report, features, _ = fitted(empty, [around(np.zeros((0, 4)), np.random.default_rng(1))] * 3)
    assert (features.labels == -1).all() and len(features.near) == 0
    model.propose = lambda image: np.array([[1, 1, 9, 9]], np.float32)
    assert len(model.predict([empty[0][0]])[0][0]) == 0
    assert report.extra["svm_hard_negatives"] == 0


def test_times_and_bytes_are_reported():
    model, report, features, _ = fitted()
    report.extra.update(post_hoc_costs.disk(model, features))
    assert report.train_seconds == pytest.approx(
        sum(report.extra[f"seconds_{part}"] for part in ("features", "hinge_loss", "squared_loss")), rel=1e-6
    )
    assert report.extra["feature_bytes_all"] == 4 * (6 + 12) * len(features.hidden)
    assert report.extra["feature_gigabytes_for_voc"] == pytest.approx(4e-9 * 18 * 5011 * 2000)
    assert 150 < report.extra["feature_gigabytes_for_voc_by_alexnet"] < 200  # the slide: "easily 200 GB"


def test_a_system_must_say_what_a_region_looks_like():
    model = post_hoc.PostHocDetector(("a",), None, 3)
    with pytest.raises(NotImplementedError, match="PostHocDetector must define pooled"):
        model(pcn.zeros((1, 3, 8, 8)), [np.zeros((0, 4))])


def test_a_source_of_something_else_than_boxes_is_refused():
    model = Halves(lambda image: np.zeros((3, 5)))
    with pytest.raises(ValueError, match=r"boxes \(n, 4\), got shape \(3, 5\)"):
        model.predict([np.zeros((3, 8, 8), np.float32)])
