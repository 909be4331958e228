"""YOLO v3: several maps, logistic classes, its face, its runs. Its boxes and loss: test_cell_anchors."""

import json
from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import yolo_v3
from lectures.detection.drawing import figures, scale_figures
from lectures.detection.foundation import threshold_demo
from lectures.detection.foundation.datasets import DetectionData
from lectures.detection.yolo_v3 import SingleScale, YOLOv3
from lectures.report import Report

CLASSES = ("circle", "square", "triangle")
both = pytest.mark.parametrize("architecture", [YOLOv3, SingleScale])


@both
def test_there_is_an_output_for_every_cell_anchor(architecture):
    pcn.manual_seed(0)
    model = architecture(CLASSES).eval()
    for height, width in ((64, 64), (32, 48)):
        output = model(pcn.zeros((2, 3, height, width)))
        cells = model.cells((height, width))
        assert output.shape == (2, len(cells.anchor), 5 + 3) and len(cells.scale) == len(cells.anchor)
        boxes = cells.decode(output.data)  # to begin with each is about its anchor, in the middle of its cell
        np.testing.assert_allclose(boxes[0, :, 2:] - boxes[0, :, :2], cells.anchor, rtol=1)


def test_an_object_is_learned_on_the_scale_of_its_size():
    model = YOLOv3(CLASSES)
    for side, scale in ((7, 0), (20, 1), (40, 2)):
        box = np.array([[32 - side / 2, 33 - side / 2, 32 + side / 2, 33 + side / 2]], np.float32)
        who = model.cells((64, 64)).assign([(box, np.array([1]))], 3)
        assert model.cells((64, 64)).scale[who.index].tolist() == [scale]


def test_the_neck_brings_what_is_coarse_to_the_fine_map():
    """The corner of the fine output hears of the far corner of the picture, which its own map cannot see."""
    pcn.manual_seed(0)
    model = YOLOv3(CLASSES).eval()
    pixels = pcn.tensor(np.random.default_rng(0).random((1, 3, 64, 64), np.float32), requires_grad=True)
    (with_neck,) = pcn.grad(model(pixels)[0, 0, 4], pixels)
    (alone,) = pcn.grad(model.features.first(pixels)[0, :, 0, 0].sum(), pixels)
    assert with_neck.data[..., 40:, 40:].any() and not alone.data[..., 40:, 40:].any()


@pytest.mark.parametrize(
    ("anchors", "words"),
    [
        (np.ones((8, 2)), "multiple of 3"),
        (np.ones((9, 3)), r"shape \(9, 3\)"),
        (np.zeros((9, 2)), "> 0 in pixels"),
        (np.full((9, 2), np.inf), "finite"),
        ([], r"shape \(0,\)"),
    ],
)
def test_anchors_must_be_shared_out(anchors, words):
    with pytest.raises(ValueError, match=words):
        YOLOv3(CLASSES, anchors)


def test_classes_do_not_exclude_each_other():
    sure = np.full((1, 3), 30.0)
    wrong = yolo_v3.logistic_classes(pcn.tensor(sure), np.array([0])).item()
    assert wrong == pytest.approx(60)  # two of the three are wrong, each on its own
    model = YOLOv3(CLASSES)
    said = np.full((len(model.cells((16, 16)).anchor), 8), -30.0)
    said[3, 4:] = 30, 30, -30, 30
    boxes, scores, labels, which = yolo_v3.decode(said, model.cells((16, 16)), 0.5)
    assert labels.tolist() == [0, 2] and which.tolist() == [3, 3] and len(boxes) == 2 and scores.min() > 0.99


@pytest.mark.parametrize(("overlap", "punished"), [(0.4, True), (0.55, False), (0.7, False)])
def test_a_box_that_overlaps_an_object_by_half_is_not_punished(overlap, punished):
    """v3 forgives from .5 on, v2 from .6: a box of IoU .55, not the responsible one, has no gradient here."""
    model = YOLOv3(CLASSES)
    cells = model.cells((64, 64))
    truth = np.array([[20, 20, 40, 40]], np.float32)
    (responsible,) = cells.assign([(truth, np.array([0]))], 3).index
    near = next(k for k in np.flatnonzero(cells.scale == 1) if (cells.corner[k] == 24).all() and k != responsible)
    said = np.zeros((1, len(cells.corner), 8))
    said[0, :, 2:4] = -8  # all others are specks, which overlap nothing
    centre, sides = cells.corner[near] + 4, np.array([20, 20]) * (1, overlap)
    said[0, near, :4] = 0, 0, *np.log(sides / cells.anchor[near])
    shifted = truth + np.tile(centre - 30, 2)  # so that both have one centre and the IoU is the quotient of heights
    assert cells.assign([(shifted, np.array([0]))], 3).index.tolist() != [near]
    model.forward = lambda images: said  # the loss sees what is said
    said = pcn.tensor(said, requires_grad=True)
    model.loss(pcn.zeros((1, 3, 64, 64)), [(shifted, np.array([0]))])["objectness"].backward()
    assert (said.grad.data[0, near, 4] > 0) == punished


@both
def test_pictures_of_parts_of_cells_are_refused(architecture):
    name, stride = architecture.__name__, architecture.stride
    with pytest.raises(ValueError, match=rf"{name}: .* stride {stride} .*\(1, 3, 60, 64\)"):
        architecture(CLASSES)(pcn.zeros((1, 3, 60, 64)))


@both
def test_predict_gives_one_triple_per_picture_of_any_size(architecture):
    model = architecture(CLASSES)
    pictures = [np.random.default_rng(0).random((3, *size), np.float32) for size in ((64, 64), (17, 50))]
    found = model.predict(pictures, 0.001)
    for image, (boxes, scores, labels) in zip(pictures, found):
        assert boxes.shape == (len(scores), 4) and labels.shape == scores.shape and len(boxes)
        assert boxes.min() >= 0 and (boxes[:, 2:] <= (image.shape[2], image.shape[1])).all()
        assert (np.diff(scores) <= 0).all()


def test_found_on_is_predict_with_scales():
    model = YOLOv3(CLASSES).eval()
    image = np.random.default_rng(0).random((1, 3, 64, 64), np.float32)
    boxes, scores, labels, scale = model.found_on(image, 0.005)[0]
    for mine, theirs in zip((boxes, scores, labels), model.predict(image, 0.005)[0]):
        np.testing.assert_allclose(np.clip(mine, 0, 64), theirs)
    assert set(scale.tolist()) <= {0, 1, 2}


@both
def test_the_model_overfits_one_batch(architecture):
    pcn.manual_seed(0)
    scenes = pcn.data.ShapeScenes(4, "train", 0, "mixed64")
    images, targets = pcn.data.default_collate([scenes[i] for i in range(4)])
    targets[0] = (targets[0][0][:0], targets[0][1][:0])  # a picture without an object is legal
    model = architecture(scenes.classes)
    optimizer = pcn.optim.Adam(model.parameters(), lr=5e-3)
    losses = []
    for _ in range(80):
        parts = model.loss(pcn.tensor(images), targets)
        loss = parts["box"] + parts["objectness"] + parts["class"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.06 * losses[0]


def test_few_kinds_of_boxes_still_make_nine_anchors():
    boxes = [np.array([[1, 1, 9, 9], [20, 20, 60, 40]], np.float32)] * 4
    images = np.zeros((4, 3, 64, 64), np.float32)
    data = DetectionData.from_arrays(list(images), boxes, [np.array([0, 1])] * 4, ("a", "b"))
    anchors = yolo_v3.anchors_of(data)
    assert anchors.shape == (9, 2) and len(np.unique(anchors, axis=0)) == 2
    YOLOv3(data.classes, anchors)


def test_objects_are_counted_by_size_and_scale():
    class Finds:
        def found_on(self, images):
            boxes = np.array([[0, 0, 8, 8], [20, 20, 60, 60], [0, 0, 8, 8]], np.float32)
            return [(boxes, np.array([0.9, 0.8, 0.7]), np.array([0, 1, 1]), np.array([0, 2, 1]))]

    truth = np.array([[0, 0, 8, 8], [20, 20, 60, 60], [40, 0, 47, 7]], np.float32)
    test = [(np.zeros((3, 64, 64), np.float32), (truth, np.array([0, 1, 0])))]
    objects, found = scale_figures.finders(test, Finds(), 3, 9)
    assert objects[0] == 2 and objects.sum() == 3
    assert found[0, 0] == 1 and found[2].sum() == 1 and found.sum() == 2


def test_a_quick_run_leaves_result_and_pictures(tmp_path):
    report = Report("yolo_v3", tmp_path)
    yolo_v3.run(Namespace(data=None, seed=0, quick=True, resume=False, skip_bad=False), report)
    report.finish()
    result = json.loads((tmp_path / "yolo_v3" / "result.json").read_text())
    assert set(result["metrics"]) == {"map50", "ap50", "recall", "map50_95"}
    assert set(result["variants"]) == {"three scales", "one scale"}
    assert {"map50", "ap50 < 12 px", "MMACs"} <= set(result["variants"]["one scale"])
    assert result["variants"]["one scale"]["MMACs"] >= result["variants"]["three scales"]["MMACs"]
    for name in ("loss", "detections", "anchors", "scales", "by_size"):
        assert (tmp_path / "yolo_v3" / f"{name}.png").stat().st_size > 5000


def test_the_demo_opens_on_the_trained_detector(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(yolo_v3, "SCENES", yolo_v3.Settings(steps=1, batch=2, lr=1e-3, quick=1))
    monkeypatch.setattr(threshold_demo.ThresholdDemo, "show", lambda self: opened.append(self))
    assert main(["yolo_v3", "--quick", "--demo", "--out", str(tmp_path)]) == 0
    assert isinstance(opened[0].model, YOLOv3) and len(opened[0].test) == 40


def test_the_picture_shown_is_one_in_which_every_scale_finds_something():
    class Finds:
        """Whatever is there, on the scale of its size."""

        def found_on(self, images):
            boxes = truths[int(images[0, 0, 0, 0])]
            scale = np.searchsorted([12, 24], boxes[:, 2] - boxes[:, 0])
            return [(boxes, np.ones(len(boxes)), np.zeros(len(boxes), np.int64), scale)]

    sides = ([30], [8, 30, 31], [8, 16, 30], [8, 9, 10])
    truths = [np.array([[0, 0, s, s] for s in some], np.float32) for some in sides]
    test = [(np.full((3, 64, 64), i, np.float32), (t, np.zeros(len(t), np.int64))) for i, t in enumerate(truths)]

    def scales_that_find(*sample):
        return scale_figures.finders([sample], Finds(), 3, 1)[1].any(1).sum()

    assert figures.several_objects(test, 60, scales_that_find)[0][0, 0, 0] == 2
    assert figures.several_objects(test)[0][0, 0, 0] == 1  # 30 : 8 comes before 16 : 8 and 10 : 8; ties: the first


def test_the_command_line_knows_it(tmp_path, capsys):
    assert main(["yolo_v3", "--quick", "--data", "voc:/nowhere", "--out", str(tmp_path)]) == 2
    assert "no folder" in capsys.readouterr().err
