"""SSD: default boxes, mining and loss against loops over single boxes; its face and its runs."""

import json
import os
from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import ssd
from lectures.detection.drawing import anchor_figures, figures
from lectures.detection.foundation.by_size import average_precision_by_size
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.proposing import anchors as on_maps
from lectures.report import Report
from pyconvnet.testing import check_grads

CLASSES = ("circle", "square", "triangle")
NONE = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)


def random_targets(seed, n=3, most=4, side=32):
    """Pictures with 0 to `most` objects of 3 pixels to half the picture."""
    rng = np.random.default_rng(seed)
    targets = []
    for _ in range(n):
        count = rng.integers(0, most + 1)
        size = rng.uniform(3, side / 2, (count, 2))
        corner = rng.uniform(0, side - size)
        targets.append((np.concatenate([corner, corner + size], 1).astype(np.float32), rng.integers(0, 3, count)))
    return targets


def default_boxes(side=32):
    return on_maps.anchors_on_maps(ssd.default_shapes(ssd.SIZES), ssd.STRIDES, (side, side))


def naive_assignment(boxes, truth, positive, negative):
    """(label, object it stands for or None) of every box, one box and one object at a time.

    An object inside of two boxes of one area overlaps them alike, but for rounding: so the IoU is that of the package.
    """
    table = pcn.ops.box_iou(boxes, truth).tolist()
    found = []
    for row in table:
        most = max(row, default=0.0)
        label = 1 if most >= positive else 0 if most < negative else -1
        stands_for = row.index(most) if row and label == 1 else None
        for k, v in enumerate(row):
            if v > 0 and v == max(other[k] for other in table):
                label, stands_for = 1, k
        found.append((label, stands_for))
    return found


def naive_loss(scores, offsets, boxes, targets):
    """Softmax over positives and the 3 : 1 hardest negatives of each picture, smooth L1 of the positives."""
    cross_entropy = smooth = 0.0
    positives = 0
    for picture, (truth, labels) in enumerate(targets):
        background, many = [], 0
        for a, (label, k) in enumerate(naive_assignment(boxes, truth, 0.5, 0.5)):
            logits = scores[picture, a]
            costs = np.log(np.exp(logits).sum()) - logits
            if label == 0:
                background.append(costs[-1])
                continue
            many += 1
            cross_entropy += costs[labels[k]]
            ax, ay, aw, ah = (boxes[a, :2] + boxes[a, 2:]).tolist() + (boxes[a, 2:] - boxes[a, :2]).tolist()
            tx, ty, tw, th = (truth[k, :2] + truth[k, 2:]).tolist() + (truth[k, 2:] - truth[k, :2]).tolist()
            goal = (tx - ax) / 2 / aw / 0.1, (ty - ay) / 2 / ah / 0.1, np.log(tw / aw) / 0.2, np.log(th / ah) / 0.2
            for said, wanted in zip(offsets[picture, a], goal):
                distance = abs(said - wanted)
                smooth += 0.5 * distance**2 if distance < 1 else distance - 0.5
        cross_entropy += sum(sorted(background, reverse=True)[: 3 * many])
        positives += many
    return cross_entropy / max(positives, 1), smooth / max(positives, 1)


def test_default_boxes_have_the_places_and_shapes_of_the_paper():
    boxes = default_boxes(64)
    assert boxes.shape == (4 * (16 * 16 + 8 * 8 + 4 * 4), 4) == (1344, 4)
    sides, centre = boxes[:, 2:] - boxes[:, :2], (boxes[:, 2:] + boxes[:, :2]) / 2
    root2 = 2**0.5
    shapes = [(8, 8), (8 * root2, 8 * root2), (8 * root2, 8 / root2), (8 / root2, 8 * root2)]
    np.testing.assert_allclose(sides[:4], shapes, rtol=1e-5)
    np.testing.assert_allclose(sides[-4:], 4 * np.array(shapes), rtol=1e-5)
    np.testing.assert_allclose(centre[4 * 17], (6, 6))  # row 1, column 1 of the finest map
    np.testing.assert_allclose(centre[-1], (56, 56))


@pytest.mark.parametrize("seed", range(5))
def test_targets_are_those_of_a_loop_over_boxes_and_objects(seed):
    targets, boxes = random_targets(seed), default_boxes()
    told = on_maps.anchor_targets(boxes, targets, 3, 0.5, 0.4)
    rows = iter(zip(told.picture, told.anchor, told.classes, told.goal))
    for picture, (truth, labels) in enumerate(targets):
        expected = naive_assignment(boxes, truth, 0.5, 0.4)
        assert told.label[picture].tolist() == [label for label, _ in expected]
        for a in (a for a, (label, _) in enumerate(expected) if label == 1):
            at, anchor, name, goal = next(rows)
            assert (at, anchor) == (picture, a)
            reached = pcn.ops.decode_boxes(goal, boxes[a], on_maps.WEIGHTS)
            fits = [k for k in range(len(truth)) if np.abs(reached - truth[k]).max() < 1e-3]
            assert fits and labels[fits[0]] == name
    assert next(rows, None) is None
    assert told.objects == sum(len(truth) for truth, _ in targets) and told.missed == 0


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_is_that_of_loops(seed):
    targets, boxes, rng = random_targets(seed), default_boxes(), np.random.default_rng(seed)
    scores, offsets = rng.normal(size=(3, len(boxes), 4)), rng.normal(size=(3, len(boxes), 4))
    found = ssd.multibox_loss(pcn.tensor(scores), pcn.tensor(offsets), boxes, targets)
    expected = naive_loss(scores, offsets, boxes, targets)
    assert (found["class"].item(), found["box"].item()) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_mining_takes_the_costliest_three_for_each_positive(seed):
    rng = np.random.default_rng(seed)
    cost, label = rng.random((4, 60)), rng.choice([0, 0, 0, 0, 0, 0, 0, 1, -1], (4, 60))
    label[3, label[3] == 1] = 0  # a picture without positives
    label[2, :30] = 1  # one with more positives than a third of its negatives
    chosen = ssd.hard_negatives(cost, label)
    for of_picture, costs, labels in zip(chosen, cost, label):
        negatives = sorted((i for i in range(60) if labels[i] == 0), key=lambda i: -costs[i])
        assert set(np.flatnonzero(of_picture)) == set(negatives[: 3 * (labels == 1).sum()])
    some = ssd.random_negatives(cost, label, rng)
    assert (some.sum(1) == chosen.sum(1)).all() and not some[label != 0].any()
    np.testing.assert_array_equal(ssd.all_negatives(cost, label), label == 0)


def test_no_positive_costs_exactly_nothing():
    boxes = default_boxes()
    scores = pcn.tensor(np.ones((2, len(boxes), 4), np.float32), requires_grad=True)
    offsets = pcn.tensor(np.ones((2, len(boxes), 4), np.float32), requires_grad=True)
    losses = ssd.multibox_loss(scores, offsets, boxes, [NONE, NONE])
    assert losses["class"].item() == losses["box"].item() == 0
    assert losses["objects"] == losses["objects without positive anchor"] == 0
    (losses["class"] + losses["box"]).backward()
    assert not scores.grad.data.any() and not offsets.grad.data.any()


def test_targets_of_photographs_have_a_third_item():
    boxes, targets = default_boxes(), random_targets(3)
    plain = on_maps.anchor_targets(boxes, targets, 3, 0.5, 0.5)
    flagged = on_maps.anchor_targets(boxes, [(*t, np.zeros(len(t[1]), bool)) for t in targets], 3, 0.5, 0.5)
    for one, other in zip(plain, flagged):
        np.testing.assert_array_equal(one, other)


def test_the_loss_has_right_gradients():
    shapes = [[(8, 8)], [(20, 20)]]
    boxes = on_maps.anchors_on_maps(shapes, (8, 16), (16, 16))
    rng = np.random.default_rng(0)
    scores, offsets = rng.normal(size=(2, len(boxes), 3)), rng.normal(size=(2, len(boxes), 4))
    targets = [(np.array([[1, 2, 9, 11], [3, 4, 15, 16]], np.float32), np.array([0, 1])), NONE]

    def loss(scores, offsets):
        losses = ssd.multibox_loss(scores, offsets, boxes, targets)
        return losses["class"] + losses["box"]

    check_grads(loss, scores, offsets)


def test_extreme_answers_stay_finite():
    boxes, targets = default_boxes(), random_targets(1)
    for size in (1e4, -1e4, 1e30):
        scores = pcn.tensor(np.full((3, len(boxes), 4), size, np.float32), requires_grad=True)
        offsets = pcn.tensor(np.full((3, len(boxes), 4), size, np.float32), requires_grad=True)
        losses = ssd.multibox_loss(scores * pcn.tensor(np.float32([1, -1, 1, -1])), offsets, boxes, targets)
        (losses["class"] + losses["box"]).backward()
        assert np.isfinite(losses["class"].item()) and np.isfinite(scores.grad.data).all()
        assert np.isfinite(offsets.grad.data).all()
    found = on_maps.decode_anchors(np.ones((3, 2)), np.float32([[0, 0, 1e9, 1e9], [np.nan] * 4, [0] * 4]),
                                   np.float32([[0, 0, 8, 8]] * 3), (16, 16), 0.5)  # fmt: skip
    assert len(found[0]) == 4 and np.isfinite(found[0]).all() and found[0].max() <= 16


@pytest.mark.parametrize(
    ("box", "label", "words"),
    [
        ([1, 1, 9, 9], 3, r"label 3 is not in 0 \.\.\. 2"),
        ([1, 1, 9, 9], -1, "label -1"),
        ([1, np.nan, 9, 9], 0, r"its box \(1, nan, 9, 9\) is not finite"),
        ([1, 1, np.inf, 9], 0, r"its box \(1, 1, inf, 9\) is not finite"),
    ],
)
def test_impossible_objects_are_refused_by_picture_and_number(box, label, words):
    boxes, fine = default_boxes(), [4, 4, 20, 20]
    scores, offsets = (pcn.tensor(np.zeros((2, len(boxes), 4))) for _ in range(2))
    targets = [NONE, (np.array([fine, box], np.float32), np.array([0, label]))]
    with pytest.raises(ValueError, match="picture 1, object 1: " + words):
        ssd.multibox_loss(scores, offsets, boxes, targets)
    for wrong in ([], [NONE], [NONE] * 3):
        with pytest.raises(ValueError, match=rf"got {len(wrong)} target\(s\) for 2 picture\(s\)"):
            ssd.multibox_loss(scores, offsets, boxes, wrong)


def test_the_surest_answers_enter_suppression():
    rng, many = np.random.default_rng(0), on_maps.MOST + 100
    scores = rng.permutation(np.linspace(0.5, 0.9, 2 * many)).reshape(many, 2)
    boxes = np.tile(np.float32([0, 0, 8, 8]), (many, 1))
    _, kept, labels = on_maps.decode_anchors(scores, np.zeros((many, 4)), boxes, (16, 16), 0.1)
    np.testing.assert_array_equal(kept, np.sort(scores.ravel())[::-1][: on_maps.MOST])
    np.testing.assert_array_equal(labels, np.argsort(-scores.ravel())[: on_maps.MOST] % 2)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: ssd.SSD(CLASSES, strides=(4, 8, 32)), r"maps of strides \(4, 8, 16\), got strides \(4, 8, 32\)"),
        (lambda: ssd.SSD(CLASSES, strides=(8,)), r"strides \(8,\) and shapes for 3 map"),
        (lambda: ssd.SSD(CLASSES, [np.zeros((1, 2))] * 3), "SSD: anchors are .* > 0"),
        (lambda: ssd.default_shapes([8]), r"two numbers of pixels > 0 at least, got \[8\]"),
        (lambda: ssd.default_shapes([8, 0]), "two numbers of pixels > 0"),
        (lambda: ssd.default_shapes([8, np.inf]), "two numbers of pixels > 0"),
    ],
)
def test_default_boxes_that_there_cannot_be_are_refused(build, words):
    with pytest.raises(ValueError, match=words):
        build()


def test_figures_cope_with_empty_pictures(tmp_path):
    """Of the first pictures most or all are empty, or hold an object without an area."""
    scene = pcn.data.ShapeScenes(1, "test", 0, "mixed64")[0]
    empty = scene[0], NONE
    speck = scene[0], (np.array([[5, 5, 5, 5], [9, 9, 30, 30]], np.float32), np.array([0, 1]))
    model = ssd.SSD(CLASSES)
    for test in ([empty] * 19 + [scene], [empty] * 30 + [scene], [empty, speck], [empty]):
        chosen = figures.several_objects(test)[1][0]
        assert len(chosen) == max(len(target[0]) for _, target in test[:20])
        report = Report("ssd", tmp_path)
        anchor_figures.positives(report, model, test, ssd.POSITIVE, ssd.POSITIVE)
        ssd.mining_figure(report, model, test)
        assert len(report.figures) == 2


def test_a_picture_with_positive_boxes_on_every_map_is_drawn(tmp_path, monkeypatch):
    small, middle, large = [4, 4, 12, 12], [8, 8, 24, 24], [10, 10, 42, 42]
    pictures = [[small] * 3, [small, middle, large], [small, [2, 2, 62, 62]]]
    test = [(np.zeros((3, 64, 64), np.float32), (np.array(p, np.float32), np.zeros(len(p), int))) for p in pictures]
    drawn = []
    monkeypatch.setattr(anchor_figures, "draw_positives", lambda axes, model, image, target, *_: drawn.append(target))
    anchor_figures.positives(Report("ssd", tmp_path), ssd.SSD(CLASSES), test, ssd.POSITIVE, ssd.POSITIVE)
    assert drawn[0] is test[1][1]


def test_a_network_that_says_what_the_loss_asks_for_finds_the_objects():
    targets, boxes = random_targets(2, most=2), default_boxes()
    told = on_maps.anchor_targets(boxes, targets, 3, 0.5, 0.5)
    offsets, scores = np.zeros((3, len(boxes), 4), np.float32), np.zeros((3, len(boxes), 3), np.float32)
    offsets[told.picture, told.anchor] = told.goal
    scores[told.picture, told.anchor, told.classes] = 1
    for (truth, labels), said, moved in zip(targets, scores, offsets):
        found = ssd.suppress(*on_maps.decode_anchors(said, moved, boxes, (32, 32), 0.5), 0.9)
        order, expected = np.lexsort(found[0].T), np.lexsort(truth.T)
        np.testing.assert_allclose(found[0][order], truth[expected], atol=1e-3)
        np.testing.assert_array_equal(found[2][order], labels[expected])


def test_average_precision_by_size_asks_only_for_objects_of_that_size():
    truth = np.array([[0, 0, 8, 8], [10, 10, 30, 30], [0, 20, 40, 60]], np.float32), np.array([0, 0, 0])
    found = truth[0][[1, 2]], np.array([0.9, 0.8]), np.array([0, 0])
    assert list(average_precision_by_size([found], [truth]).values()) == pytest.approx([0, 1, 1], abs=1e-6)


def test_pictures_of_parts_of_cells_are_refused_and_predict_pads_them():
    model = ssd.SSD(CLASSES)
    with pytest.raises(ValueError, match=r"multiples of its stride 16 .* got \(1, 3, 64, 56\)"):
        model(pcn.zeros((1, 3, 64, 56)))
    images = [np.random.default_rng(0).random((3, *size), np.float32) for size in ((64, 56), (33, 80))]
    for (boxes, scores, labels), (_, h, w) in zip(model.predict(images, 0.01), (i.shape for i in images)):
        assert boxes.shape == (len(scores), 4) and labels.shape == scores.shape and (np.diff(scores) <= 0).all()
        assert (boxes <= (w, h, w, h)).all() and set(labels.tolist()) <= {0, 1, 2}


def test_answers_come_in_the_order_of_the_default_boxes():
    """A bias for one shape of one map shows at its boxes alone."""
    model = ssd.SSD(CLASSES).eval()
    for head in model.heads:
        head.weight.data[:] = 0
        head.bias.data[:] = 0
    model.heads[1].bias.data.reshape(4, 8)[2, 0] = 7  # the wide boxes of stride 8, first class
    scores, offsets = model(pcn.zeros((1, 3, 32, 32)))
    lit = np.argwhere(scores.data[0] != 0)
    sides = np.diff(model.anchors(32, 32).reshape(-1, 2, 2), axis=1)[:, 0]
    assert len(lit) == 16 and (lit[:, 1] == 0).all() and not offsets.data.any()
    np.testing.assert_allclose(sides[lit[:, 0]], np.broadcast_to((16 * 2**0.5, 16 / 2**0.5), (16, 2)), rtol=1e-5)


def test_the_model_overfits_one_batch():
    pcn.manual_seed(0)
    scenes = pcn.data.ShapeScenes(4, "train", 0, "mixed64")
    images, targets = pcn.data.default_collate([scenes[i] for i in range(4)])
    model = ssd.SSD(scenes.classes)
    optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        parts = ssd.multibox_loss(*model(pcn.tensor(images)), model.anchors(64, 64), targets)
        loss = parts["class"] + parts["box"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def test_a_quick_run_leaves_result_and_pictures(tmp_path):
    assert main(["ssd", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "ssd" / "result.json").read_text())
    assert 0 <= found["metrics"]["map50"] <= 1 and set(found["baselines"]["ap50"]) == set(CLASSES)
    assert "one map, stride 8" in found["variants"] and "ap50 < 12 px" in found["extra"]
    pictures = {path.stem for path in (tmp_path / "ssd").glob("*.png")}
    assert pictures == {"loss", "detections", "precision_recall", "default_boxes", "hard_negatives"}


def test_real_blood_cells_get_default_boxes_of_their_sizes():
    root = os.environ.get("PYCONVNET_DATA")
    if not root:
        pytest.skip("PYCONVNET_DATA is not set: no real pictures here")
    options = Namespace(data=f"voc:{root}/detect/bccd", seed=0, quick=True, skip_bad=False)
    with pytest.warns(UserWarning, match="zero area"):
        data = detection_data(options)
    small, middle, large = on_maps.typical_sizes(data, 3)
    assert 8 < small < 22 < middle < 48 < large < 90, "platelets, red cells, white cells"
