"""YOLO v1: five terms against naive loops, assignment, both heads, two-stage training, a quick run."""

import json
from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import yolo_v1
from lectures.detection.foundation.datasets import detection_data
from lectures.report import Report
from pyconvnet.testing import check_grads

CLASSES = ("circle", "square", "triangle")
NOTHING = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)


def random_case(seed, n=3, cells=4, boxes=2, classes=3, most=6, stride=8):
    rng = np.random.default_rng(seed)
    side = cells * stride
    output = rng.normal(0.4, 0.3, (n, cells, cells, 5 * boxes + classes))
    targets = []
    for _ in range(n):
        k = rng.integers(0, most + 1)
        corner, size = rng.uniform(0, side - 4, (k, 2)), rng.uniform(2, side, (k, 2))
        xyxy = np.concatenate([corner, np.minimum(corner + size, side)], 1).astype(np.float32)
        targets.append((xyxy, rng.integers(0, classes, k)))
    return output, targets


def naive_iou(p, q):
    width, height = min(p[2], q[2]) - max(p[0], q[0]), min(p[3], q[3]) - max(p[1], q[1])
    both = max(width, 0) * max(height, 0)
    union = (p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - both
    return both / union if union > 0 else 0.0


def naive_terms(output, targets, B=2, stride=8):
    """The slide, one cell, one box, one number at a time; its sums without the one too many."""
    n, S, T, _ = output.shape
    place = size = confidence = empty = classes = 0.0
    for picture, (xyxy, labels) in enumerate(targets):
        owner = {}
        for box, label in zip(xyxy.astype(float), labels):
            x, y = (box[0] + box[2]) / 2 / stride, (box[1] + box[3]) / 2 / stride
            owner.setdefault((min(int(y), S - 1), min(int(x), T - 1)), (box, label, x, y))
        for i in range(S):
            for j in range(T):
                said = [output[picture, i, j, 5 * b : 5 * b + 5] for b in range(B)]
                responsible = None
                if (i, j) in owner:
                    box, label, x, y = owner[i, j]
                    overlap = []
                    for bx, by, rw, rh, _ in said:
                        cx, cy, w, h = (j + bx) * stride, (i + by) * stride, rw**2 * stride * T, rh**2 * stride * S
                        overlap.append(naive_iou((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), box))
                    responsible = overlap.index(max(overlap))
                    b = said[responsible]
                    w, h = (box[2] - box[0]) / (stride * T), (box[3] - box[1]) / (stride * S)
                    place += 5 * ((x - j - b[0]) ** 2 + (y - i - b[1]) ** 2)
                    size += 5 * ((np.sqrt(w) - b[2]) ** 2 + (np.sqrt(h) - b[3]) ** 2)
                    confidence += (max(overlap) - b[4]) ** 2
                    for c, p in enumerate(output[picture, i, j, 5 * B :]):
                        classes += ((c == label) - p) ** 2
                for b in range(B):
                    empty += 0.5 * said[b][4] ** 2 * (b != responsible)
    return {name: v / n for name, v in zip(yolo_v1.TERMS, (place, size, confidence, empty, classes))}


def terms(output, targets, boxes=2, stride=8):
    responsible = yolo_v1.assign(output, targets, boxes, stride)
    return {name: t.item() for name, t in yolo_v1.five_terms(pcn.tensor(output), responsible, boxes).items()}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("boxes", "stride"), [(2, 8), (1, 16), (3, 8)])
def test_the_five_terms_are_the_slide_in_loops(seed, boxes, stride):
    output, targets = random_case(seed, boxes=boxes, stride=stride)
    assert terms(output, targets, boxes, stride) == pytest.approx(naive_terms(output, targets, boxes, stride), rel=1e-5)


def test_the_terms_have_right_gradients():
    output, targets = random_case(1, n=2, cells=2)
    responsible = yolo_v1.assign(output, targets)  # fixed: the IoU is a number, through which no gradient flows
    check_grads(lambda z: sum(yolo_v1.five_terms(z, responsible).values(), pcn.tensor(0.0)), output)


def test_a_picture_without_objects_costs_confidence_only():
    output, _ = random_case(2)
    found = terms(output, [NOTHING] * 3)
    assert found.pop("confidence, no object") > 0
    assert set(found.values()) == {0.0}


def test_a_crowd_with_more_objects_than_cells():
    output, _ = random_case(3, n=1, cells=2)
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 12, (40, 2))
    target = np.concatenate([corner, corner + 4], 1).astype(np.float32), rng.integers(0, 3, 40)
    found = yolo_v1.assign(output, [target])
    assert len(found.object) == 4 and len(set(zip(found.row, found.column))) == 4
    for k, row, column in zip(found.object, found.row, found.column):  # the first object of each cell
        cells = (target[0][:, :2] + 2) // 8
        assert k == np.flatnonzero((cells == (column, row)).all(1))[0]
    model = yolo_v1.YoloV1(CLASSES)
    noted = yolo_v1.detection_terms(model, pcn.tensor(output), [target])
    assert (noted["objects"], noted["objects in a taken cell"]) == (40, 36)


@pytest.mark.parametrize("root", [0.0, -0.5, 1e-20])
def test_boxes_of_no_size_or_of_negative_roots_are_no_nan(root):
    output, targets = random_case(4)
    output[..., [2, 3, 7, 8]] = root
    z = pcn.tensor(output, requires_grad=True)
    loss = sum(yolo_v1.five_terms(z, yolo_v1.assign(output, targets)).values(), pcn.tensor(0.0))
    loss.backward()
    assert np.isfinite(loss.item()) and np.isfinite(z.grad.data).all()
    point = [(np.array([[5, 5, 5, 5]], np.float32), np.array([0]))] * 3  # an object without an area
    assert np.isfinite(list(terms(output, point).values())).all()
    assert all(np.isfinite(part).all() for part in yolo_v1.decode(output[0], 2, 8, 0.0))


@pytest.mark.parametrize("seed", range(4))
def test_decoding_the_targets_gives_the_objects_back(seed):
    output, targets = random_case(seed, most=3)
    found = yolo_v1.assign(output, targets)
    output[..., [4, 9]] = 0
    at = output[found.picture, found.row, found.column]
    for k, box in enumerate(found.box):
        at[k, 5 * box : 5 * box + 5] = [*found.truth[k, :4], 1]
        at[k, 10:] = np.arange(3) == found.label[k]
    output[found.picture, found.row, found.column] = at
    for picture, (boxes, labels) in enumerate(targets):
        said, scores, names = yolo_v1.decode(output[picture], 2, 8, 0.5)
        answered = found.object[found.picture == picture]
        order, expected = np.lexsort(said.T), answered[np.lexsort(boxes[answered].T)]
        np.testing.assert_allclose(said[order], boxes[expected], atol=1e-4)
        np.testing.assert_array_equal(names[order], labels[expected])
        np.testing.assert_allclose(scores, 1)


def test_a_score_is_confidence_times_probability():
    z = np.zeros((1, 1, 13))
    z[0, 0] = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 2.0, 0.8, -0.3, 0.1]  # C_2 = 2 and p < 0 are cut
    _, scores, labels = yolo_v1.decode(z, 2, 8, 0.3)
    np.testing.assert_allclose(sorted(scores), [0.4, 0.8])
    assert set(labels) == {0}


@pytest.mark.parametrize(
    ("boxes", "labels", "words"),
    [
        ([[30, 2, 50, 8]], [0], r"picture 1, object 0: the centre \(40, 5\) .* 32 pixels wide and 32 high"),
        ([[2, 2, 6, 8], [2, 2, np.nan, 8]], [0, 0], "picture 1, object 1: its box .* is not finite"),
        ([[2, 2, 6, 8]], [3], "picture 1, object 0: label 3"),
    ],
)
def test_impossible_objects_are_refused(boxes, labels, words):
    output, _ = random_case(0, n=2)
    with pytest.raises(ValueError, match=words):
        yolo_v1.assign(output, [NOTHING, (np.array(boxes, np.float32), np.array(labels))])
    with pytest.raises(ValueError, match=r"got 1 target\(s\) for 2"):
        yolo_v1.assign(output, [NOTHING])


def test_heads_and_the_pictures_they_take():
    pictures = pcn.tensor(np.random.default_rng(0).random((2, 3, 64, 96), np.float32))
    assert yolo_v1.YoloV1(CLASSES)(pictures).shape == (2, 8, 12, 13)
    assert yolo_v1.YoloV1(CLASSES, boxes=3, stride=16)(pictures).shape == (2, 4, 6, 18)
    dense = yolo_v1.YoloV1(CLASSES, head="fully connected")
    assert dense(pictures[:, :, :, :64]).shape == (2, 8, 8, 13)
    with pytest.raises(ValueError, match="every place of pictures of 64 x 64 pixels, got 64 x 96"):
        dense(pictures)
    with pytest.raises(ValueError, match="head must be"):
        yolo_v1.YoloV1(CLASSES, head="dense")
    with pytest.raises(ValueError, match="multiples of its stride 8"):
        yolo_v1.YoloV1(CLASSES)(pictures[:, :, :60])


@pytest.mark.parametrize("kind", [{"stride": 4}, {"stride": 32}, {"boxes": 0}])
def test_grids_that_there_are_not_are_refused(kind):
    with pytest.raises(ValueError, match="YoloV1: stride is 8 or 16, boxes 1 or more"):
        yolo_v1.YoloV1(CLASSES, **kind)


def test_predict_takes_pictures_of_any_size():
    pictures = [np.random.default_rng(k).random((3, 50 + 20 * k, 64), np.float32) for k in range(2)]
    found = yolo_v1.YoloV1(CLASSES).predict(pictures, 0.001)
    for picture, (boxes, scores, labels) in zip(pictures, found):
        assert boxes.shape == (len(scores), 4) and labels.shape == scores.shape
        assert (boxes >= 0).all() and (boxes <= [64, picture.shape[1]] * 2).all() and (np.diff(scores) <= 0).all()


@pytest.mark.parametrize("head", ["convolutional", "fully connected"])
def test_the_model_overfits_one_batch(head):
    pcn.manual_seed(0)
    scenes = pcn.data.ShapeScenes(4, "train", 0)
    images, targets = pcn.data.default_collate([scenes[i] for i in range(4)])
    model = yolo_v1.YoloV1(scenes.classes, head=head)
    optimizer, losses = pcn.optim.Adam(model.parameters(), lr=2e-3), []
    for _ in range(120):
        found = yolo_v1.loss_of(model, pcn.tensor(images), targets, None)
        loss = sum((found[name] for name in yolo_v1.TERMS[1:]), found[yolo_v1.TERMS[0]])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def test_holding_the_convnet_fixed_changes_the_output_layers_only(tmp_path):
    options = Namespace(data=None, seed=0, quick=True, skip_bad=False, resume=False)
    data = detection_data(options)
    model = yolo_v1.YoloV1(data.classes)
    before = {name: value.data.copy() for name, value in model.state_dict().items()}
    settings = yolo_v1.Settings(steps=3, batch=4, lr=1e-3, quick=3)
    parameters = list(model.output.parameters())
    report = Report("yolo_v1", tmp_path)
    yolo_v1.learn(model, yolo_v1.frozen_loss, data, settings, options, report, "frozen", parameters)
    for name, value in model.state_dict().items():
        assert np.array_equal(before[name], value.data) == name.startswith("features."), name


def test_a_quick_run_leaves_result_and_pictures(tmp_path, capsys):
    assert main(["yolo_v1", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "yolo_v1" / "result.json").read_text())
    assert set(found["metrics"]) == {"map50", "ap50", "recall", "map50_95"} and "map50" in found["baselines"]
    assert list(found["variants"]) == [
        "convolutional head", "fully connected head", "two stages, ConvNet frozen", "two stages, ConvNet finetuned",
    ]  # fmt: skip
    for name in ("detections", "loss", "precision_recall", "five_terms", "responsibility", "heads"):
        assert (tmp_path / "yolo_v1" / f"{name}.png").stat().st_size > 5000
    assert "fully connected head" in capsys.readouterr().out
