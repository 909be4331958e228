"""R-CNN minus R: the same regions in every picture, learning one batch by heart, the arms of the quick run."""

import json

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection.fast_rcnn import unmoved
from lectures.detection.proposing.constant_proposals import kmeans_boxes
from lectures.detection.rcnn_minus_r import RCNNMinusR

CLASSES = ("circle", "square", "triangle")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))


def test_one_batch_is_learned_by_heart():
    scenes = pcn.data.ShapeScenes(60, "train", 0)
    boxes = kmeans_boxes(np.concatenate([target[0] for _, target in scenes]), 100)
    pcn.manual_seed(0)
    model = RCNNMinusR(CLASSES, boxes)
    images, targets = np.stack([scenes[i][0] for i in range(4)]), [scenes[i][1] for i in range(4)]
    optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.99))
    for step in range(150):
        parts = model.loss(pcn.tensor(images), targets, np.random.default_rng(step))
        optimizer.zero_grad()
        (parts["class"] + parts["box"]).backward()
        optimizer.step()
    moved = pcn.metrics.detection_average_precision(model.predict(images, 0.02), targets, 0.75)["map"]
    stayed = pcn.metrics.detection_average_precision(unmoved(model, images), targets, 0.75)["map"]
    assert moved > 0.7 > 0.5 > stayed, "regression recovers the alignment that constant boxes lack"


def test_training_pictures_are_offered_the_same_boxes_however_they_are_mirrored(monkeypatch):
    from lectures.detection import rcnn_minus_r

    offered = []
    monkeypatch.setattr(rcnn_minus_r, "head_loss", lambda *a: offered.append(a[3]))
    boxes = np.array([[1, 2, 30, 20], [5, 5, 9, 60]], np.float32)
    RCNNMinusR(CLASSES, boxes).loss(pcn.tensor(np.zeros((2, 3, 64, 64), np.float32)), [(None, None)] * 2, None)
    assert len(offered[0]) == 2
    for proposals in offered[0]:
        np.testing.assert_array_equal(proposals, boxes)


def test_no_box_at_all_finds_nothing():
    model = RCNNMinusR(CLASSES, np.zeros((0, 4)))
    ((boxes, scores, labels),) = model.predict(np.zeros((1, 3, 64, 64), np.float32), 0.0)
    assert boxes.shape == (0, 4) and scores.shape == labels.shape == (0,)


def test_pictures_without_objects_cost_no_box():
    model = RCNNMinusR(CLASSES, [[1, 2, 30, 20]])
    nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    parts = model.loss(pcn.tensor(np.zeros((2, 3, 64, 64), np.float32)), [nothing] * 2, np.random.default_rng(0))
    assert parts["box"].item() == 0.0


def test_quick_run_leaves_every_arm(tmp_path):
    assert main(["rcnn_minus_r", "--quick", "--out", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "rcnn_minus_r" / "result.json").read_text())
    arms = {f"{arm}{how}" for arm in ("kmeans", "random", "fast_rcnn") for how in ("", "_without_regression")}
    assert set(result["variants"]) == arms
    assert result["metrics"]["map50"] == result["variants"]["kmeans"]["map50"]
    curve = result["extra"]["number_of_boxes"]
    counts = sorted(map(int, curve))
    recalls = [curve[str(k)]["recall_kmeans"] for k in counts]
    assert recalls == sorted(recalls) and all(curve[str(k)]["recall_random"] < 1 for k in counts)
    assert {"gap_to_fast_rcnn", "gap_without_regression"} <= set(result["extra"])
    for name in ("detections", "loss", "number_of_boxes", "constant_boxes", "moves", "suppression"):
        assert (tmp_path / "rcnn_minus_r" / f"{name}.png").stat().st_size > 5000


def test_the_boxes_travel_with_the_weights():
    boxes = np.array([[0, 0, 8, 8], [4, 4, 20, 24]], np.float32)
    told, other = RCNNMinusR(("a",), boxes, (32, 32)), RCNNMinusR(("a",), boxes[::-1], (16, 16))
    other.load_state_dict(told.state_dict())
    picture = np.zeros((3, 32, 32), np.float32)
    np.testing.assert_array_equal(other.propose(picture), boxes)
    with pytest.raises(RuntimeError, match=r"propose\.boxes"):
        RCNNMinusR(("a",), boxes[:1], (32, 32)).load_state_dict(told.state_dict())
