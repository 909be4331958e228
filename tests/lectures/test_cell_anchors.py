"""Anchors of cells: k-means on IoU, decoding, matching and the loss, each against naive loops."""

import numpy as np
import pytest

import pyconvnet as pcn
from lectures.detection import yolo_v2, yolo_v3
from lectures.detection.foundation.cell_anchors import (
    BOX,
    BOX_WEIGHT,
    AnchorCells,
    flatten_maps,
    iou_kmeans,
    shape_iou,
    yolo_loss,
)
from lectures.detection.proposing.constant_proposals import kmeans_boxes
from pyconvnet.testing import check_grads

SCALES = [(8, np.array([[6, 9], [14, 8]], np.float32)), (16, np.array([[20, 18], [40, 30]], np.float32))]
SIZE = (32, 48)
CELLS = AnchorCells.lay_out(SIZE, SCALES)
M = 2 * (4 * 6 + 2 * 3)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def random_targets(seed, pictures=3, classes=3, most=5):
    rng = np.random.default_rng(seed)
    targets = []
    for _ in range(pictures):
        k = rng.integers(0, most + 1)
        centre, sides = rng.uniform(2, (46, 30), (k, 2)), rng.uniform(3, 40, (k, 2))
        boxes = np.concatenate([centre - sides / 2, centre + sides / 2], 1).astype(np.float32)
        targets.append((boxes, rng.integers(0, classes, k)))
    return targets


def naive_cells():
    """[(x, y of the corner, stride, w, h)] one after the other."""
    listed = []
    for stride, anchors in SCALES:
        for row in range(SIZE[0] // stride):
            for column in range(SIZE[1] // stride):
                listed += [(column * stride, row * stride, stride, *map(float, anchor)) for anchor in anchors]
    return listed


def naive_iou(p, q):
    w, h = min(p[2], q[2]) - max(p[0], q[0]), min(p[3], q[3]) - max(p[1], q[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - w * h)


def naive_box(cell, t):
    cx, cy, stride, w, h = cell
    x, y, w, h = cx + stride * sigmoid(t[0]), cy + stride * sigmoid(t[1]), w * np.exp(t[2]), h * np.exp(t[3])
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def naive_responsible(boxes):
    """For each object of a picture the number of its cell anchor, or None."""
    cells, taken, chosen = naive_cells(), set(), []
    for x1, y1, x2, y2 in boxes.astype(float):
        x, y, best = (x1 + x2) / 2, (y1 + y2) / 2, (0.0, None)
        for k, (cx, cy, stride, w, h) in enumerate(cells):
            if cx <= x < cx + stride and cy <= y < cy + stride and k not in taken:
                both = min(w, x2 - x1) * min(h, y2 - y1)
                iou = both / (w * h + (x2 - x1) * (y2 - y1) - both)
                best = max(best, (iou, k), key=lambda found: found[0])
        chosen.append(best[1])
        taken.add(best[1])
    return chosen


def naive_loss(output, targets, forgiven):
    box = objectness = kind = 0.0
    cells = naive_cells()
    for said, (boxes, labels) in zip(output, targets):
        chosen = naive_responsible(boxes)
        for k, (t, cell) in enumerate(zip(said, cells)):
            if k in chosen:
                i = chosen.index(k)
                x1, y1, x2, y2 = boxes[i].astype(float)
                cx, cy, stride, w, h = cell
                box += (sigmoid(t[0]) - ((x1 + x2) / 2 - cx) / stride) ** 2
                box += (sigmoid(t[1]) - ((y1 + y2) / 2 - cy) / stride) ** 2
                box += (t[2] - np.log((x2 - x1) / w)) ** 2 + (t[3] - np.log((y2 - y1) / h)) ** 2
                objectness -= np.log(sigmoid(t[4]))
                for c, score in enumerate(t[BOX:]):
                    kind -= np.log(sigmoid(score if c == labels[i] else -score))
            elif all(naive_iou(naive_box(cell, t), b) <= forgiven for b in boxes.astype(float)):
                objectness -= np.log(sigmoid(-t[4]))
    return BOX_WEIGHT * box / len(targets), objectness / len(targets), kind / len(targets)


@pytest.mark.parametrize("seed", range(6))
def test_the_loss_equals_naive_loops(seed):
    rng, targets = np.random.default_rng(seed), random_targets(seed)
    output = rng.normal(0, 0.4, (3, M, BOX + 3))
    losses = yolo_loss(pcn.tensor(output), CELLS, targets, yolo_v3.logistic_classes, 0.5)
    expected = naive_loss(output, targets, 0.5)
    for name, value in zip(("box", "objectness", "class"), expected):
        assert losses[name].item() == pytest.approx(value, rel=1e-4, abs=1e-9), name
    assert losses["objects"] == sum(len(t[0]) for t in targets)


@pytest.mark.parametrize("seed", range(6))
def test_the_responsible_anchors_are_those_of_naive_loops(seed):
    targets = random_targets(seed, most=9)
    who = CELLS.assign(targets, 3)
    expected = [(i, k) for i, (boxes, _) in enumerate(targets) for k in naive_responsible(boxes) if k is not None]
    assert list(zip(who.picture.tolist(), who.index.tolist())) == expected
    assert who.objects == who.missed + len(expected) == sum(len(boxes) for boxes, _ in targets)


def test_gradients_of_the_loss():
    targets = random_targets(1, pictures=2)
    output = np.random.default_rng(1).normal(0, 0.4, (2, M, BOX + 3))

    def total(z):
        losses = yolo_loss(z, CELLS, targets, yolo_v3.logistic_classes, 0.5)
        return losses["box"] + losses["objectness"] + losses["class"]

    check_grads(total, output, order=2)


def test_no_object_no_box_loss():
    targets = [(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))] * 2
    output = pcn.tensor(np.random.default_rng(0).normal(0, 3, (2, M, BOX + 3)), requires_grad=True)
    losses = yolo_loss(output, CELLS, targets, yolo_v3.logistic_classes)
    assert losses["box"].item() == losses["class"].item() == 0 and losses["objectness"].item() > 0
    sum(losses[name] for name in ("box", "class", "objectness")).backward()
    gradient = output.grad.data
    assert not gradient[..., :4].any() and not gradient[..., BOX:].any() and (gradient[..., 4] > 0).all()


def test_no_picture_no_loss():
    losses = yolo_loss(pcn.tensor(np.zeros((0, M, BOX + 3))), CELLS, [], yolo_v3.logistic_classes)
    assert [losses[name].item() for name in ("box", "class", "objectness")] == [0, 0, 0]


@pytest.mark.parametrize("extreme", [-1e30, -200, 200, 1e30])
def test_boxes_of_no_size_and_of_any_size_are_numbers(extreme):
    """t_w = -200 is a box of 0 pixels, 1e30 of infinitely many: decoded and in the loss it is finite all the same."""
    t = np.full((1, M, BOX + 3), 0.1, np.float32)
    t[..., 2:4] = extreme
    assert np.isfinite(CELLS.decode(t)).all()
    if abs(extreme) < 1e10:
        output = pcn.tensor(t, requires_grad=True)
        losses = yolo_loss(output, CELLS, random_targets(0, 1), yolo_v3.logistic_classes)
        sum(losses[name] for name in ("box", "class", "objectness")).backward()
        assert np.isfinite(output.grad.data).all()


def test_objects_of_no_size_are_learned_as_tiny_ones():
    targets = [(np.array([[5, 5, 5, 5], [9, 9, 9, 12]], np.float32), np.array([0, 1]))]
    losses = yolo_loss(pcn.tensor(np.zeros((1, M, BOX + 3))), CELLS, targets, yolo_v3.logistic_classes)
    assert all(np.isfinite(losses[name].item()) for name in ("box", "class", "objectness"))
    assert losses["box"].item() < 30  # of one pixel, that is: as log(0.001 / p_w) two would cost 600


@pytest.mark.parametrize("seed", range(4))
def test_decoding_the_goals_gives_the_objects_back(seed):
    targets = random_targets(seed)
    who = CELLS.assign(targets, 3)
    t = np.zeros((3, M, BOX), np.float64)
    place = np.clip(who.goal[:, :2], 1e-6, 1 - 1e-6)
    t[who.picture, who.index, :2] = np.log(place / (1 - place))
    t[who.picture, who.index, 2:4] = who.goal[:, 2:]
    expected = np.concatenate([boxes for boxes, _ in targets])
    assert who.missed == 0
    np.testing.assert_allclose(CELLS.decode(t)[who.picture, who.index], expected, atol=1e-3)


def test_more_objects_than_anchors_in_their_cells():
    boxes = np.tile(np.array([[2, 2, 6, 6]], np.float32), (9, 1))
    who = CELLS.assign([(boxes, np.zeros(9, np.int64))], 3)
    assert (who.objects, who.missed, len(np.unique(who.index))) == (9, 5, 4)


@pytest.mark.parametrize(
    ("box", "label", "words"),
    [
        ([40, 4, 60, 8], 0, r"the centre \(50, 6\) of its box is outside the picture, 48 pixels wide and 32 high"),
        ([-9, 0, 1, 4], 0, r"the centre \(-4, 2\)"),
        ([np.nan, 0, 4, 4], 0, r"its box \(nan, 0, 4, 4\) is not finite"),
        ([-np.inf, 0, np.inf, 4], 0, r"its box \(-inf, 0, inf, 4\) is not finite"),
        ([1, 1, 9, 9], 3, r"label 3 is not in 0 \.\.\. 2, the classes of the output"),
        ([1, 1, 9, 9], -1, "label -1"),
    ],
)
def test_impossible_objects_are_refused_by_picture_and_number(box, label, words):
    fine = np.array([[2, 2, 9, 9], [40, 24, 56, 40]], np.float32)  # the second centre is the corner itself: inside
    targets = [(fine, np.array([0, 2])), (np.array([fine[0], box], np.float32), np.array([0, label]))]
    output = pcn.tensor(np.zeros((2, M, BOX + 3)))
    for class_loss in (yolo_v2.class_loss, yolo_v3.logistic_classes):
        with pytest.raises(ValueError, match="picture 1, object 1: " + words):
            yolo_loss(output, CELLS, targets, class_loss)
    CELLS.assign(targets[:1], 3)
    with pytest.raises(ValueError, match="no whole number of cells"):
        AnchorCells.lay_out((30, 48), SCALES)


def test_every_picture_needs_its_target():
    output, targets = pcn.tensor(np.zeros((3, M, BOX + 3))), random_targets(0)
    for wrong in ([], targets[:2], targets * 2):
        with pytest.raises(ValueError, match=rf"got {len(wrong)} target\(s\) for 3 picture\(s\)"):
            yolo_loss(output, CELLS, wrong, yolo_v3.logistic_classes)
    with pytest.raises(ValueError, match="picture 1 has 2 label"):
        CELLS.assign([targets[0], (np.zeros((1, 4)), np.array([0, 1]))], 3)


def test_maps_are_flattened_in_the_order_of_the_cells():
    maps = []
    for stride, anchors in SCALES:
        rows, columns = SIZE[0] // stride, SIZE[1] // stride
        z = np.zeros((1, len(anchors), BOX, rows, columns))
        for row in range(rows):
            for column in range(columns):
                for k, anchor in enumerate(anchors):
                    z[0, k, :, row, column] = column * stride, row * stride, *anchor, stride
        maps.append(pcn.tensor(z.reshape(1, -1, rows, columns)))
    flat = flatten_maps(maps, 2).data[0]
    np.testing.assert_array_equal(flat, np.concatenate([CELLS.corner, CELLS.anchor, CELLS.stride], 1))
    assert np.bincount(CELLS.scale).tolist() == [48, 12]


def test_shape_iou_is_the_iou_of_boxes_with_one_centre():
    rng = np.random.default_rng(0)
    sides, anchors = rng.uniform(1, 30, (2, 7, 2))
    boxes = [np.concatenate([-s / 2, s / 2], 1) for s in (sides, anchors)]
    np.testing.assert_allclose(shape_iou(sides, anchors), pcn.ops.box_iou(*boxes), rtol=1e-6)


def test_kmeans_finds_the_groups_and_beats_one_box():
    rng = np.random.default_rng(0)
    centres = np.array([[8, 6], [20, 30], [50, 20]])
    sides = np.concatenate([c * rng.uniform(0.9, 1.1, (80, 2)) for c in centres])
    found = min((iou_kmeans(sides, 3, seed) for seed in range(5)), key=lambda a: -shape_iou(sides, a).max(1).mean())
    np.testing.assert_allclose(found, centres[np.argsort(centres.prod(1))], rtol=0.05)
    assert len(iou_kmeans(sides[:2], 5)) == 2
    with pytest.raises(ValueError, match="at least 1"):
        iou_kmeans(np.zeros((3, 2)), 2)
    with pytest.raises(ValueError, match=r"box 1 are not finite: \[inf, 2.0\]"):
        iou_kmeans([[1, 2], [np.inf, 2], [np.nan, 1]], 1)


def test_kmeans_on_iou_treats_small_and_large_boxes_alike():
    """In pixels 4 is near to 10 and 60 far from 100; as overlaps 4 x 4 of 10 x 10 is .16, 60 x 60 of 100 x 100 .36."""
    sides = np.repeat([[4, 4], [10, 10], [60, 60], [100, 100]], 20, axis=0)
    found = [iou_kmeans(sides, 3, seed) for seed in range(8)]
    best = max(found, key=lambda anchors: shape_iou(sides, anchors).max(1).mean())
    np.testing.assert_allclose(best, [[4, 4], [10, 10], [80, 80]])
    euclid = kmeans_boxes(np.pad(np.float32(sides), ((0, 0), (2, 0))), 3)[:, 2:]  # of boxes with the corner (0, 0)
    np.testing.assert_allclose(np.sort(euclid, axis=0), [[7, 7], [60, 60], [100, 100]])


@pytest.mark.parametrize("seed", range(4))
def test_an_anchor_is_the_mean_of_the_boxes_that_overlap_it_most(seed):
    sides = np.exp(np.random.default_rng(seed).uniform(1, 5, (300, 2)))
    anchors = iou_kmeans(sides, 4, seed)
    nearest = shape_iou(sides, anchors).argmax(1)
    np.testing.assert_allclose([sides[nearest == k].mean(0) for k in range(4)], anchors, rtol=1e-5)
