"""The region proposal network: anchors, assignment and losses against loops over single anchors; its proposals."""

import os
from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.learning import Settings
from lectures.detection.proposing import rpn
from lectures.detection.proposing.carried_proposals import proposal_recall
from lectures.report import Report

NONE = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)


def random_targets(seed, n=3, most=4, height=32, width=48):
    """Pictures with 0 to `most` objects of 3 pixels to half the picture."""
    rng = np.random.default_rng(seed)
    targets = []
    for _ in range(n):
        count = rng.integers(0, most + 1)
        side = rng.uniform(3, (width / 2, height / 2), (count, 2))
        corner = rng.uniform(0, (width, height) - side)
        boxes = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
        targets.append((boxes, rng.integers(0, 3, count)))
    return targets


def anchors_of(height=32, width=48, shapes=rpn.SHAPES):
    return rpn.RegionProposalNetwork(shapes=shapes).anchors(height // rpn.STRIDE, width // rpn.STRIDE)


def naive_iou(a, b):
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / union


def naive_labels(anchors, truth):
    """(label, objects it may stand for) of every anchor, one anchor and one object at a time."""
    table = [[naive_iou(a, t) for t in truth.astype(float)] for a in anchors.astype(float)]
    found = []
    for row in table:
        most = max(row, default=0.0)
        label = 1 if most >= 0.5 else 0 if most < 0.3 else -1
        stands_for = {k for k, v in enumerate(row) if v == most}
        for k, v in enumerate(row):
            if v > 0 and v >= max(other[k] for other in table) - 1e-6:
                stands_for, label = (stands_for | {k}) if label == 1 else {k}, 1
        found.append((label, stands_for))
    return found


def test_anchors_stand_at_the_middle_of_their_cells_one_shape_after_the_other():
    shapes = [(12, 12), (10, 30), (33, 7)]
    anchors = anchors_of(8, 20, shapes)
    expected = []
    for row in range(2):
        for column in range(5):
            x, y = 4 * column + 2, 4 * row + 2
            expected += [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for w, h in shapes]
    np.testing.assert_allclose(anchors, expected, rtol=1e-6)


def test_the_network_answers_in_the_order_of_the_anchors():
    """A bias for one shape, a weight for one column: both show at the anchors that they belong to."""
    pcn.manual_seed(0)
    network = rpn.RegionProposalNetwork(channels=2).eval()
    network.objectness.bias.data[:] = (0, 7, 0)
    network.offsets.bias.data[:] = np.arange(12)
    objectness, offsets = network(pcn.zeros((2, 2, 3, 5)))
    assert objectness.shape == (2, 45) and offsets.shape == (2, 45, 4)
    np.testing.assert_allclose(objectness.data.reshape(2, 15, 3), np.broadcast_to((0, 7, 0), (2, 15, 3)), atol=1e-6)
    np.testing.assert_allclose(offsets.data[0, :3], np.arange(12).reshape(3, 4), atol=1e-6)
    lit = np.zeros((1, 2, 3, 5), np.float32)
    lit[0, :, 2, 4] = 5
    changed = np.abs(network(pcn.tensor(lit))[0].data - objectness.data[:1]).reshape(3, 5, 3).max(-1)
    assert changed[2, 4] > 0 and changed[0, 0] == 0 and changed[:, :3].max() == 0


@pytest.mark.parametrize("seed", range(6))
def test_assignment_is_that_of_a_loop_over_anchors_and_objects(seed):
    targets, anchors = random_targets(seed), anchors_of()
    drawn = rpn.assign(anchors, targets, np.random.default_rng(seed))
    goals, missed = iter(drawn.goal), 0
    for picture, (truth, _) in enumerate(targets):
        labels = naive_labels(anchors, truth)
        mine = drawn.anchor[drawn.picture == picture]
        foreground = drawn.foreground[drawn.picture == picture]
        assert len(set(mine.tolist())) == len(mine) == min(64, sum(label >= 0 for label, _ in labels))
        assert foreground.sum() == min(32, sum(label == 1 for label, _ in labels))
        for anchor, is_object in zip(mine, foreground, strict=True):
            label, stands_for = labels[anchor]
            assert label == is_object
            if is_object:
                reached = pcn.ops.decode_boxes(next(goals), anchors[anchor], rpn.WEIGHTS)
                assert min(np.abs(reached - truth[k]).max() for k in stands_for) < 1e-3
        missed += len(set(range(len(truth))) - set().union(*(k for label, k in labels if label == 1), set()))
    assert next(goals, None) is None
    assert drawn.objects == sum(len(truth) for truth, _ in targets) and drawn.missed == missed


@pytest.mark.parametrize("seed", range(4))
def test_the_losses_are_those_of_a_loop_over_the_anchors_drawn(seed):
    targets, anchors = random_targets(seed), anchors_of()
    rng = np.random.default_rng(seed)
    objectness, offsets = rng.normal(size=(3, len(anchors))), rng.normal(size=(3, len(anchors), 4))
    found = rpn.rpn_loss(pcn.tensor(objectness), pcn.tensor(offsets), anchors, targets, np.random.default_rng(9))
    drawn = rpn.assign(anchors, targets, np.random.default_rng(9))
    logistic = box = 0.0
    goals = iter(drawn.goal)
    for picture, anchor, foreground in zip(drawn.picture, drawn.anchor, drawn.foreground):
        logistic += np.log1p(np.exp(-(2 * foreground - 1) * objectness[picture, anchor]))
        if foreground:
            for said, goal in zip(offsets[picture, anchor], next(goals)):
                distance = abs(said - goal)
                box += 0.5 * distance**2 if distance < 1 else distance - 0.5
    count = len(drawn.anchor)
    assert found["rpn objectness"].item() == pytest.approx(logistic / count)
    assert found["rpn box"].item() == pytest.approx(box / count, rel=1e-5)


def test_a_picture_without_object_has_exactly_no_box_loss():
    anchors = anchors_of()
    objectness = pcn.tensor(np.ones((2, len(anchors)), np.float32), requires_grad=True)
    offsets = pcn.tensor(np.ones((2, len(anchors), 4), np.float32), requires_grad=True)
    losses = rpn.rpn_loss(objectness, offsets, anchors, [NONE, NONE], np.random.default_rng(0))
    assert losses["rpn box"].item() == 0 and losses["objects"] == losses["objects without positive anchor"] == 0
    (losses["rpn objectness"] + losses["rpn box"]).backward()
    assert not offsets.grad.data.any() and (objectness.grad.data != 0).sum() == 2 * rpn.SAMPLED


def test_objects_that_no_anchor_stands_for_are_counted():
    flat = np.array([[4, 4, 4, 16]], np.float32), np.array([0])  # no area: it overlaps nothing
    triplets = np.array([[4, 4, 16, 16]] * 3, np.float32), np.array([0, 1, 2])  # an anchor stands for one object only
    drawn = rpn.assign(anchors_of(), [flat, triplets, NONE], np.random.default_rng(0))
    assert (drawn.objects, drawn.missed) == (4, 2)


def test_an_object_smaller_than_a_cell_has_its_anchor():
    speck = np.array([[21, 9, 22.5, 10]], np.float32)
    drawn = rpn.assign(anchors_of(), [(speck, np.array([0]))], np.random.default_rng(0))
    assert drawn.missed == 0 and drawn.foreground.sum() >= 1
    reached = pcn.ops.decode_boxes(drawn.goal, anchors_of()[drawn.anchor[drawn.foreground == 1]], rpn.WEIGHTS)
    np.testing.assert_allclose(reached, np.broadcast_to(speck, reached.shape), atol=1e-3)


def naive_slide(boxes, scores, most):
    """The algorithm on the slide, word by word."""
    left, output = list(range(len(boxes))), []
    while left and len(output) < most:
        a = max(left, key=lambda i: scores[i])
        output.append(a)
        left = [i for i in left if i != a and not naive_iou(boxes[i], boxes[a]) > 0.5]
    return output


@pytest.mark.parametrize("most", [3, 100])
def test_suppression_is_the_slides(most):
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 40, (150, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 25, (150, 2))], 1)
    scores = rng.permutation(150) / 150
    kept, sure = rpn.suppressed(boxes, scores, most=most)
    expected = naive_slide(boxes, scores, most)
    np.testing.assert_array_equal(kept, boxes[expected])
    np.testing.assert_array_equal(sure, scores[expected])


def test_boxes_are_decoded_cut_and_never_tiny():
    anchors = np.array([[10, 10, 22, 22], [26, 10, 38, 22], [2, 2, 14, 14], [4, 4, 16, 16]], np.float32)
    offsets = np.zeros((4, 4), np.float32)
    offsets[0] = (10, 0, 5 * np.log(2), 0)  # a whole width to the right, twice as wide
    offsets[2, 2] = 5 * np.log(0.2)  # 2.4 pixels wide
    objectness = np.array([-1, 1, 3, np.nan], np.float32)
    boxes, scores = rpn.decode(objectness, offsets, anchors, (32, 32))
    np.testing.assert_allclose(boxes, [[26, 10, 32, 22], [16, 10, 32, 22]], atol=1e-4)
    np.testing.assert_allclose(scores, 1 / (1 + np.exp([-1, 1])), rtol=1e-5)


@pytest.mark.parametrize("size", [(64, 64), (4, 4), (5, 7), (1, 30)])
def test_proposals_lie_in_the_picture_best_first(size):
    pcn.manual_seed(0)
    network = rpn.ProposalNetwork()
    image = np.random.default_rng(0).random((3, *size), np.float32)
    boxes = network.propose(image)
    assert network.training and boxes.shape[1] == 4 and len(boxes) <= rpn.MOST
    assert boxes.min(initial=0) >= 0 and (boxes <= (size[1], size[0], size[1], size[0])).all()
    assert (boxes[:, 2:] - boxes[:, :2] >= rpn.MIN_SIZE).all(), "none in what was added to fill whole cells"
    assert len(network.propose(image, most=2)) <= 2
    # To rounding: how many pictures there are decides how a convolution is computed.
    np.testing.assert_allclose(network.propose_all([image, image])[1], boxes, rtol=1e-5, atol=1e-4)


def test_proposing_does_not_change_the_network():
    network = rpn.ProposalNetwork()
    before = {name: value.data.copy() for name, value in network.state_dict().items()}
    network.propose(np.random.default_rng(0).random((3, 64, 64), np.float32))
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(value.data, before[name], err_msg=name)


def test_typical_shapes_are_those_of_the_groups():
    rng = np.random.default_rng(0)
    groups = np.array([[8, 8], [30, 20], [60, 90]])
    sides = np.repeat(groups, (10, 300, 20), axis=0) * rng.uniform(0.9, 1.1, (330, 2))
    corner = rng.uniform(0, 100, (330, 2))
    boxes = np.concatenate([corner, corner + sides], 1).astype(np.float32)
    np.testing.assert_allclose(rpn.typical_shapes(boxes, 3), groups, rtol=0.05)
    np.testing.assert_allclose(rpn.typical_shapes(np.tile(boxes[:1], (5, 1)), 3), [sides[0]], rtol=1e-4)


def test_the_network_learns_a_few_pictures_by_heart(tmp_path):
    options = Namespace(data=None, seed=0, quick=True, skip_bad=False, resume=False)
    data = detection_data(options)
    few = pcn.data.ShapeScenes(8, "train", 0)
    data = type(data)(few, few, lambda images, targets, rng: (images, targets))
    settings = Settings(steps=60, batch=8, lr=3e-3, quick=60)
    network, training = rpn.trained(options, Report("rpn", tmp_path), data, settings)
    assert np.mean(training.losses[-5:]) < 0.35 * np.mean(training.losses[:5])
    found = network.propose_all([image for image, _ in few], most=20)
    assert proposal_recall(found, [target for _, target in few]) > 0.9
    assert not sum(training.parts["objects without positive anchor"]) and sum(training.parts["objects"])


def test_shapes_travel_with_the_weights():
    trained, other = rpn.ProposalNetwork([(5, 9), (30, 20)]), rpn.ProposalNetwork([(1, 1), (2, 2)])
    other.load_state_dict(trained.state_dict())
    np.testing.assert_array_equal(other.rpn.anchors(2, 2), trained.rpn.anchors(2, 2))


def test_real_blood_cells_get_anchors_of_their_sizes():
    root = os.environ.get("PYCONVNET_DATA")
    if not root:
        pytest.skip("PYCONVNET_DATA is not set: no real pictures here")
    options = Namespace(data=f"voc:{root}/detect/bccd", seed=0, quick=True, skip_bad=False)
    with pytest.warns(UserWarning, match="zero area"):
        data = detection_data(options)
    sides = rpn.anchor_shapes(options, data).prod(1) ** 0.5
    assert 8 < sides[0] < 22 < sides[1] < 48 < sides[2] < 90, "platelets, red cells, white cells"
    truths = [data.train[i][1] for i in range(len(data.train))]
    anchors = rpn.RegionProposalNetwork(shapes=rpn.anchor_shapes(options, data)).anchors(40, 52)
    drawn = rpn.assign(anchors, truths, np.random.default_rng(0))
    assert drawn.missed <= 0.01 * drawn.objects
