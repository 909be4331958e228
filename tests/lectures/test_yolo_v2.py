"""YOLO v2: cost and assignment against naive loops, anchors by k-means, crowds, a quick run."""

import json

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import yolo_v2
from lectures.detection.drawing import yolo_figures
from lectures.detection.foundation.cell_anchors import iou_kmeans, shape_iou, yolo_loss
from pyconvnet import nn
from pyconvnet.testing import check_grads

CLASSES = ("circle", "square", "triangle")
ANCHORS = ((6, 6), (10, 20), (20, 10))
NOTHING = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
COSTS = ("box", "objectness", "class")


def case(seed, n=2, rows=3, columns=4, most=5):
    """(model, cells, output (N, M, 5 + C), targets) on pictures of 24 x 32 pixels."""
    rng = np.random.default_rng(seed)
    model = yolo_v2.YoloV2(CLASSES, ANCHORS)
    output = rng.normal(0, 0.7, (n, rows * columns * 3, 8))
    targets = []
    for _ in range(n):
        k = rng.integers(0, most + 1)
        corner, size = rng.uniform(0, (24, 16), (k, 2)), rng.uniform(3, 12, (k, 2))
        xyxy = np.concatenate([corner, np.minimum(corner + size, (32, 24))], 1).astype(np.float32)
        targets.append((xyxy, rng.integers(0, 3, k)))
    return model, model.cells((8 * rows, 8 * columns)), output, targets


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


def naive_iou(p, q):
    width, height = min(p[2], q[2]) - max(p[0], q[0]), min(p[3], q[3]) - max(p[1], q[1])
    both = max(width, 0) * max(height, 0)
    return both / ((p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - both)


def naive_box(t, row, column, anchor):
    """b_x = c_x + 8 sigmoid(t_x), b_w = p_w exp(t_w), one number at a time."""
    x, y = 8 * (column + sigmoid(t[0])), 8 * (row + sigmoid(t[1]))
    w, h = anchor[0] * np.exp(t[2]), anchor[1] * np.exp(t[3])
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def naive_costs(output, targets, columns=4):
    """One picture, object, cell and anchor at a time. Anchors come as first, second, third of each cell."""
    box = objectness = classes = 0.0
    for said, (xyxy, labels) in zip(output, targets):
        owner = {}
        for k, object_ in enumerate(xyxy.astype(float)):
            w, h = object_[2] - object_[0], object_[3] - object_[1]
            column, row = int((object_[0] + object_[2]) / 16), int((object_[1] + object_[3]) / 16)
            fit = [min(w, a) * min(h, b) / (w * h + a * b - min(w, a) * min(h, b)) for a, b in ANCHORS]
            for a in sorted(range(3), key=lambda a: -fit[a]):
                index = (row * columns + column) * 3 + a
                if index not in owner:
                    owner[index] = k
                    t, (pw, ph) = said[index], ANCHORS[a]
                    x, y = (object_[0] + object_[2]) / 16 - column, (object_[1] + object_[3]) / 16 - row
                    box += 2 * ((sigmoid(t[0]) - x) ** 2 + (sigmoid(t[1]) - y) ** 2)
                    box += 2 * ((t[2] - np.log(w / pw)) ** 2 + (t[3] - np.log(h / ph)) ** 2)
                    classes += np.log(np.exp(t[5:]).sum()) - t[5 + labels[k]]
                    break
        for index, t in enumerate(said):
            mine = naive_box(t, index // 3 // columns, index // 3 % columns, ANCHORS[index % 3])
            if index in owner:
                objectness -= np.log(sigmoid(t[4]))
            elif max((naive_iou(mine, other) for other in xyxy.astype(float)), default=0) <= 0.6:
                objectness -= np.log(1 - sigmoid(t[4]))
    return {name: v / len(targets) for name, v in zip(COSTS, (box, objectness, classes))}


def costs(output, cells, targets):
    found = yolo_loss(pcn.tensor(output), cells, targets, yolo_v2.class_loss)
    return {name: found[name].item() for name in COSTS}


@pytest.mark.parametrize("seed", range(6))
def test_the_cost_is_the_formulas_in_loops(seed):
    _, cells, output, targets = case(seed)
    assert costs(output, cells, targets) == pytest.approx(naive_costs(output, targets), rel=1e-5, abs=1e-9)


def test_the_cost_has_right_gradients():
    _, cells, output, targets = case(1)

    def whole(z):
        found = yolo_loss(z, cells, targets, yolo_v2.class_loss, forgiven=2)  # nothing is forgiven: no kink
        return found["box"] + found["objectness"] + found["class"]

    check_grads(whole, output)


def test_a_picture_without_objects_costs_objectness_only():
    _, cells, output, _ = case(2)
    found = costs(output, cells, [NOTHING] * 2)
    assert found["objectness"] > 0 and found["box"] == found["class"] == 0


def test_a_crowd_with_more_objects_than_anchors():
    _, cells, output, _ = case(3, n=1)
    corner = np.random.default_rng(0).uniform(0, (26, 18), (200, 2))
    crowd = np.concatenate([corner, corner + 6], 1).astype(np.float32), np.zeros(200, np.int64)
    who = cells.assign([crowd], 3)
    assert len(who.index) == len(set(who.index.tolist())) <= 36
    found = yolo_loss(pcn.tensor(output), cells, [crowd], yolo_v2.class_loss)
    assert found["objects"] == 200 and found["objects without positive anchor"] == 200 - len(who.index)


@pytest.mark.parametrize("t", [-1e4, 1e4, 0.0])
def test_boxes_of_no_size_and_of_any_size_are_no_nan(t):
    _, cells, output, targets = case(4)
    output[..., 2:4] = t
    z = pcn.tensor(output, requires_grad=True)
    found = yolo_loss(z, cells, targets, yolo_v2.class_loss)
    (found["box"] + found["objectness"] + found["class"]).backward()
    assert np.isfinite(z.grad.data).all()
    assert all(np.isfinite(part).all() for part in yolo_v2.decode(output[0], cells, (24, 32), 0.0))


@pytest.mark.parametrize("seed", range(4))
def test_decoding_the_targets_gives_the_objects_back(seed):
    _, cells, output, targets = case(seed)
    who = cells.assign(targets, 3)
    output[..., 4] = -30
    place = np.clip(who.goal[:, :2].astype(np.float64), 1e-9, 1 - 1e-9)
    output[who.picture, who.index, :2] = np.log(place / (1 - place))
    output[who.picture, who.index, 2:4] = who.goal[:, 2:]
    output[who.picture, who.index, 4] = 30
    output[who.picture, who.index, 5:] = 30 * (who.label[:, None] == np.arange(3))
    for t, (boxes, labels) in zip(output, targets):
        found, scores, names = yolo_v2.decode(t, cells, (24, 32), 0.5)
        order, expected = np.lexsort(found.round(2).T), np.lexsort(boxes.round(2).T)
        np.testing.assert_allclose(found[order], boxes[expected], atol=1e-3)
        np.testing.assert_array_equal(names[order], labels[expected])
        np.testing.assert_allclose(scores, 1)


def test_classes_share_one_softmax():
    """Scores of 1, 0 and -1 are .665, .245 and .09 of the objectness: together it; sigmoids would be .73, .5, .27."""
    _, cells, output, _ = case(0)
    t = np.full_like(output[0], -30)
    t[7, 4:] = 1, 1, 0, -1
    _, scores, labels = yolo_v2.decode(t, cells, (24, 32), 1e-6)
    shares = np.exp([1, 0, -1]) / np.exp([1, 0, -1]).sum()
    assert labels.tolist() == [0, 1, 2]
    np.testing.assert_allclose(scores, sigmoid(1) * shares)


def test_anchors_by_kmeans_fit_better_than_any_other_choice():
    data = pcn.data.ShapeScenes(60, "train", 0, "crowded104")
    sides = np.concatenate([t[0][:, 2:] - t[0][:, :2] for _, t in data])
    found = iou_kmeans(sides, 3)
    fit = shape_iou(sides, found).max(1).mean()
    others = [yolo_v2.HAND_MADE, *(yolo_v2.random_anchors(seed) for seed in range(20))]
    assert fit > max(shape_iou(sides, np.array(other, np.float32)).max(1).mean() for other in others)
    assert fit > shape_iou(sides, iou_kmeans(sides, 1)).max(1).mean() + 0.05


def test_without_batch_norm_the_weights_are_the_same():
    with_norm = yolo_v2.YoloV2(CLASSES).features
    plain = yolo_v2.without_batch_norm(with_norm)
    assert not [layer for layer in plain if isinstance(layer, nn.BatchNorm2d)]
    convolutions = [[layer for layer in layers if isinstance(layer, nn.Conv2d)] for layers in (with_norm, plain)]
    for one, other in zip(*convolutions, strict=True):
        np.testing.assert_array_equal(one.weight.data, other.weight.data)
        assert one.bias is None and not other.bias.data.any()
    assert plain(pcn.zeros((1, 3, 16, 24))).shape == (1, 64, 2, 3)


@pytest.mark.parametrize("anchors", [(), (3, 4), ((3, 4, 5),), ((3, 0),), ((np.nan, 2),), ((np.inf, 2),)])
def test_impossible_anchors_are_refused(anchors):
    with pytest.raises(ValueError, match=r"anchors are \(w, h\) > 0 in pixels"):
        yolo_v2.YoloV2(CLASSES, anchors)


def test_pictures_of_parts_of_cells_are_refused():
    with pytest.raises(ValueError, match=r"stride 8 .* got \(1, 3, 64, 60\)"):
        yolo_v2.YoloV2(CLASSES)(pcn.zeros((1, 3, 64, 60)))


def test_predict_takes_pictures_of_any_size():
    pictures = [np.random.default_rng(k).random((3, 50 + 20 * k, 64), np.float32) for k in range(2)]
    for picture, (boxes, scores, labels) in zip(pictures, yolo_v2.YoloV2(CLASSES).predict(pictures, 0.001)):
        assert boxes.shape == (len(scores), 4) and labels.shape == scores.shape
        assert (boxes >= 0).all() and (boxes <= [64, picture.shape[1]] * 2).all() and (np.diff(scores) <= 0).all()


def test_shrunk_pictures_keep_their_objects():
    data = yolo_v2.DetectionData(*(pcn.data.ShapeScenes(3, s, 0, "crowded104") for s in ("train", "test")), None)
    pytest.importorskip("PIL")
    small = yolo_v2.shrunk(data, 52)
    image, (boxes, labels) = small.test[2]
    assert image.shape == (3, 52, 52) and small.classes == data.classes
    np.testing.assert_allclose(boxes * 2, data.test[2][1][0], atol=1e-4)
    np.testing.assert_array_equal(labels, data.test[2][1][1])


def test_the_model_overfits_one_batch():
    pcn.manual_seed(0)
    scenes = pcn.data.ShapeScenes(3, "train", 0, "crowded104")
    images, targets = pcn.data.default_collate([scenes[i] for i in range(3)])
    model = yolo_v2.YoloV2(scenes.classes)
    optimizer, losses = pcn.optim.Adam(model.parameters(), lr=3e-3), []
    for _ in range(60):
        found = yolo_v2.loss_of(model, pcn.tensor(images), targets, None)
        loss = found["box"] + found["objectness"] + found["class"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.15 * losses[0]


def test_the_steps_say_which_share_of_the_objects_the_busiest_anchor_has():
    assert yolo_figures.busiest({"busiest_anchor": 0.344}) == "34% of the objects to one anchor"
    assert yolo_figures.busiest({"map50": 0.5}) == ""


def test_anchors_beyond_the_boxes_do_not_squeeze_the_others():
    axes = pytest.importorskip("matplotlib.figure").Figure().subplots()
    sides = np.array([[10, 20], [30, 12]], np.float32)
    yolo_figures.draw_shapes(axes, {"k-means": sides, "random": np.array([[90, 60]])}, sides)
    assert axes.get_xlim() == pytest.approx((-18, 18)) and "larger than any box: random 90 x 60" in axes.get_title()


def test_a_quick_run_leaves_result_and_pictures(tmp_path, capsys):
    assert main(["yolo_v2", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "yolo_v2" / "result.json").read_text())
    assert set(found["metrics"]) == {"map50", "ap50", "recall", "map50_95"} and "map50" in found["baselines"]
    assert len(found["variants"]) == 8 and np.shape(found["extra"]["anchors"]) == (3, 2)
    for name in ("detections", "loss", "precision_recall", "anchors", "steps"):
        assert (tmp_path / "yolo_v2" / f"{name}.png").stat().st_size > 5000
    assert "v2, 3 anchors by k-means" in capsys.readouterr().out
