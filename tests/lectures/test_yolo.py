"""The one-shot detector: its cost against naive loops, its face, its runs (quick, resumed, killed, demo, VOC)."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from voc_folder import write_voc

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import yolo
from lectures.detection.foundation.baselines import constant_boxes
from lectures.detection.foundation.datasets import detection_data, working_size
from lectures.detection.foundation.evaluation import evaluate
from lectures.detection.foundation.threshold_demo import ThresholdDemo
from lectures.report import Report
from pyconvnet.data import voc_splits
from pyconvnet.io import load_with_metadata
from pyconvnet.testing import check_grads

ROOT = Path(__file__).resolve().parents[2]
CLASSES = ("circle", "square", "triangle")


def random_case(seed, n=3, cells=4, boxes=2, classes=3, most=4):
    rng = np.random.default_rng(seed)
    side = cells * yolo.STRIDE
    output = rng.normal(0.3, 0.5, (n, cells, cells, boxes, 4 + classes + 1))
    targets = []
    for _ in range(n):
        k = rng.integers(0, most + 1)
        corner, size = rng.uniform(0, side - 4, (k, 2)), rng.uniform(2, side, (k, 2))
        xyxy = np.concatenate([corner, np.minimum(corner + size, side)], 1).astype(np.float32)
        targets.append((xyxy, rng.integers(0, classes, k)))
    return output, targets


def naive_loss(output, targets):
    """The slide, one cell, one box, one number at a time."""
    n, rows, columns, boxes, length = output.shape
    cost = 0.0
    for picture, (xyxy, labels) in enumerate(targets):
        indicator = -np.ones((rows, columns, boxes))
        for (x1, y1, x2, y2), label in zip(xyxy.astype(float), labels):
            x, y = (x1 + x2) / 2 / 8, (y1 + y2) / 2 / 8
            j, i = min(int(x), columns - 1), min(int(y), rows - 1)
            overlaps = []
            for b in range(boxes):
                bx, by, bh, bw = output[picture, i, j, b, :4]
                bw, bh = max(bw, 0) * 8 * columns, max(bh, 0) * 8 * rows
                bx, by = (bx + j) * 8, (by + i) * 8
                iw = min(x2, bx + bw / 2) - max(x1, bx - bw / 2)
                ih = min(y2, by + bh / 2) - max(y1, by - bh / 2)
                inter = max(iw, 0) * max(ih, 0)
                overlaps.append(inter / (bw * bh + (x2 - x1) * (y2 - y1) - inter))
            order = sorted(range(boxes), key=lambda b: (indicator[i, j, b] > 0, -overlaps[b]))
            b = order[0]
            indicator[i, j, b] = 1
            truth = [x - j, y - i, (y2 - y1) / 8 / rows, (x2 - x1) / 8 / columns]
            truth += [float(k == label) for k in range(length - 5)]
            for k in range(length - 1):
                cost += (truth[k] - output[picture, i, j, b, k]) ** 2
        for i in range(rows):
            for j in range(columns):
                for b in range(boxes):
                    cost += np.log1p(np.exp(-indicator[i, j, b] * output[picture, i, j, b, -1]))
    return cost / n


@pytest.mark.parametrize("seed", range(8))
def test_the_loss_is_the_slide_in_loops(seed):
    output, targets = random_case(seed)
    assert yolo.literal_loss(pcn.tensor(output), targets).item() == pytest.approx(naive_loss(output, targets), rel=1e-5)


def test_the_loss_has_right_gradients():
    output, targets = random_case(1, n=2, cells=2)
    check_grads(lambda z: yolo.literal_loss(z, targets), output)


def test_a_picture_without_objects_costs_objectness_only():
    output, _ = random_case(2)
    empty = [(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))] * len(output)
    index, truth = yolo.assign(output, empty)
    assert all(len(i) == 0 for i in index) and truth.shape == (0, 7)
    assert yolo.literal_loss(pcn.tensor(output), empty).item() == pytest.approx(naive_loss(output, empty))


def test_two_objects_in_one_cell_get_different_boxes():
    output = np.zeros((1, 2, 2, 2, 8))
    box = np.array([[2, 2, 6, 6], [1, 1, 7, 7]], np.float32)
    (_, row, column, b), _ = yolo.assign(output, [(box, np.array([0, 1]))])
    assert set(zip(row, column)) == {(0, 0)} and set(b) == {0, 1}


@pytest.mark.parametrize(
    ("box", "label", "words"),
    [
        ([40, 2, 60, 8], 0, r"picture 1, object 1: the centre \(50, 5\) .* outside the picture, 40 pixels wide and 16"),
        ([-30, 2, 6, 8], 0, r"picture 1, object 1: the centre \(-12, 5\)"),
        ([2, 12, 6, 24], 0, r"picture 1, object 1: the centre \(4, 18\)"),
        ([2, 2, np.nan, 8], 0, r"picture 1, object 1: its box \(2, 2, nan, 8\) is not finite"),
        ([2, 2, 6, 8], 3, r"picture 1, object 1: label 3 is not in 0 \.\.\. 2"),
        ([2, 2, 6, 8], -1, "picture 1, object 1: label -1"),
    ],
)
def test_impossible_objects_are_refused(box, label, words):
    output = np.zeros((2, 2, 5, 2, 8))
    fine = np.array([[1, 1, 5, 5], [30, 8, 50, 24]], np.float32)  # the second centre is the picture's corner
    possible = [(fine, np.array([0, 2])), (fine, np.array([2, 0]))]
    yolo.assign(output, possible)
    targets = [possible[0], (np.array([fine[0], box], np.float32), np.array([2, label]))]
    with pytest.raises(ValueError, match=words):
        yolo.literal_loss(pcn.tensor(output), targets)


def test_every_picture_needs_its_target():
    output, targets = random_case(0)
    for wrong in ([], targets[:2], targets + targets):
        with pytest.raises(ValueError, match=rf"got {len(wrong)} target\(s\) for 3 picture\(s\)"):
            yolo.literal_loss(pcn.tensor(output), wrong)
    with pytest.raises(ValueError, match="got 0"):
        yolo.assign(output[:0], [])


@pytest.mark.parametrize("size", [(64, 60), (60, 64), (4, 64)])
def test_pictures_of_parts_of_cells_are_refused(size):
    with pytest.raises(ValueError, match=rf"stride 8 .* got \(1, 3, {size[0]}, {size[1]}\)"):
        yolo.OneShotDetector(CLASSES)(pcn.zeros((1, 3, *size)))


def test_a_detector_of_nothing_is_refused():
    with pytest.raises(ValueError, match="classes is empty"):
        yolo.OneShotDetector(())


def test_boxes_are_cut_at_the_border_of_a_picture_that_is_not_square():
    grid = np.full((2, 5, 1, 6), -9.0)
    grid[1, 4, 0] = [0.5, 0.5, 4, 4, 1, 9]  # centre (36, 12); higher and wider than the picture
    grid[0, 0, 0] = [0.5, 0.5, 0.25, 0.5, 1, 9]  # centre (4, 4), 4 high, 20 wide
    boxes, _, _ = yolo.decode(grid, 0.5)
    np.testing.assert_allclose(boxes, [[0, 2, 14, 6], [0, 0, 40, 16]])


@pytest.mark.parametrize("seed", range(4))
def test_decoding_the_targets_gives_the_objects_back(seed):
    """A network that says exactly what the cost asks for is decoded to the ground truth."""
    output, targets = random_case(seed, most=2)
    output[..., -1] = -30
    index, truth = yolo.assign(output, targets)
    output[index] = np.concatenate([truth, np.full((len(truth), 1), 30.0)], axis=1)
    for grid, (boxes, labels) in zip(output, targets):
        found, _scores, names = yolo.decode(grid, 0.5)
        order, expected = np.lexsort(found.T), np.lexsort(boxes.T)
        np.testing.assert_allclose(found[order], boxes[expected], atol=1e-4)
        np.testing.assert_array_equal(names[order], labels[expected])


def test_predict_gives_one_triple_per_picture():
    model = yolo.OneShotDetector(CLASSES).eval()
    found = model.predict(pcn.tensor(np.random.default_rng(0).random((2, 3, 64, 64), np.float32)), 0.01)
    assert len(found) == 2
    for boxes, scores, labels in found:
        assert boxes.shape == (len(scores), 4) and labels.shape == scores.shape
        assert boxes.min(initial=0) >= 0 and boxes.max(initial=0) <= 64 and (np.diff(scores) <= 0).all()


def test_the_model_overfits_one_batch():
    pcn.manual_seed(0)
    scenes = pcn.data.ShapeScenes(4, "train", 0)
    images, targets = pcn.data.default_collate([scenes[i] for i in range(4)])
    model = yolo.OneShotDetector(scenes.classes)
    optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(80):
        loss = yolo.literal_loss(model(pcn.tensor(images)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.06 * losses[0]


class Answers:
    """A detector and its test pictures in one: says `found` whatever it is shown."""

    classes = ("a", "b", "c", "d")

    def __init__(self, found, truths):
        self.found, self.truths = found, truths

    def __len__(self):
        return len(self.truths)

    def __getitem__(self, i):
        return np.zeros((3, 8, 8), np.float32), self.truths[i]

    def predict(self, images, confidence_threshold):
        return [self.found] * len(images)


def test_recall_is_where_the_curve_ends(tmp_path):
    """Found: 3 of 4 a (and a false one, in the middle of the ranking), 1 of 2 b, no c, a d where there is none."""
    a = [[0, 0, 2, 2], [3, 0, 5, 2], [6, 0, 8, 2], [0, 3, 2, 5]]
    b, c, nowhere = [[3, 3, 5, 5], [6, 3, 8, 5]], [[0, 6, 2, 8]], [6, 6, 8, 8]
    truth = np.array(a + b + c, np.float32), np.array([0] * 4 + [1] * 2 + [2])
    boxes = np.array([a[0], nowhere, a[1], a[2], b[0], nowhere], np.float32)
    detector = Answers((boxes, np.linspace(0.9, 0.4, 6), np.array([0, 0, 0, 0, 1, 3])), [truth])
    report = Report("recall", tmp_path)
    evaluate(detector, detector, report, confidence_threshold=0.125)
    assert report.metrics["recall"] == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert "recall at confidence" in report.table() and report.extra["recall_at_confidence"] == 0.125


def test_constant_boxes_match_from_half_overlap_on():
    pictures = [[0, 0, 10, 10], [0, 0, 10, 5], [20, 20, 30, 30], [20, 20, 30, 24.9]]  # IoU .5, and .49
    targets = [(np.array([box], np.float32), np.array([1])) for box in pictures]
    boxes, scores, labels = constant_boxes(targets)
    np.testing.assert_allclose(scores, [1 / 2, 1 / 4, 1 / 4])
    assert set(labels) == {1}
    assert boxes[0].tolist() in pictures[:2] and sorted(boxes[1:].tolist()) == sorted(np.float32(pictures[2:]).tolist())


@pytest.mark.parametrize("pictures", [0, 2])
def test_constant_boxes_of_nothing_are_none(pictures):
    boxes, scores, labels = constant_boxes([(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))] * pictures)
    assert boxes.shape == (0, 4) and scores.shape == labels.shape == (0,)


def pictures_in(part):
    return {image.tobytes() for image, _ in part}


def test_scenes_are_judged_on_unseen_ones():
    data = detection_data(Namespace(data=None, seed=0, quick=True, skip_bad=False))
    assert (data.train.split, data.test.split) == ("train", "test")
    assert len(pictures_in(data.train)) == 64 and len(pictures_in(data.test)) == 40
    assert not pictures_in(data.train) & pictures_in(data.test)


def quick(tmp_path, *more):
    return main(["yolo", "--quick", "--out", str(tmp_path), *more])


def result(tmp_path):
    return json.loads((tmp_path / "yolo" / "result.json").read_text())


def test_a_quick_run_leaves_result_and_pictures(tmp_path, capsys):
    assert quick(tmp_path) == 0
    found = result(tmp_path)
    assert found["lecture"] == "yolo" and found["seed"] == 0 and found["data"] is None
    assert set(found["metrics"]) == {"map50", "ap50", "recall", "map50_95"}
    assert set(found["metrics"]["ap50"]) == set(CLASSES) and 0 <= found["baselines"]["map50"] <= 1
    assert found["train_seconds"] > 0 and found["config"]["backend"] in pcn.kernels.available()
    for name in ("detections", "loss", "objectness", "precision_recall"):
        assert (tmp_path / "yolo" / f"{name}.png").stat().st_size > 5000
    table = capsys.readouterr().out
    assert "map50" in table and "baseline" in table and "ms per image" in table


def test_killed_and_resumed_is_the_same_as_uninterrupted(tmp_path):
    """kill -9 in the middle, --resume: metrics and losses to the last bit."""
    assert quick(tmp_path / "whole") == 0
    checkpoint = tmp_path / "killed" / "yolo" / "checkpoint-quick.safetensors"
    command = [sys.executable, "-m", "lectures", "yolo", "--quick", "--out", str(tmp_path / "killed")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not checkpoint.is_file() and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()
    done = len(load_with_metadata(checkpoint)[0]["losses"].data)
    assert 0 < done < 60, "the run was not killed in the middle"
    assert not list(checkpoint.parent.glob("result.json"))
    assert quick(tmp_path / "killed", "--resume") == 0
    assert result(tmp_path / "killed")["metrics"] == result(tmp_path / "whole")["metrics"]
    checkpoints = [tmp_path / run / "yolo" / "checkpoint-quick.safetensors" for run in ("whole", "killed")]
    states = [load_with_metadata(path)[0] for path in checkpoints]
    for name, tensor in states[0].items():
        np.testing.assert_array_equal(tensor.data, states[1][name].data, err_msg=name)


def test_ctrl_c_stops_after_a_whole_step(tmp_path):
    command = [sys.executable, "-m", "lectures", "yolo", "--quick", "--out", str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    checkpoint = tmp_path / "yolo" / "checkpoint-quick.safetensors"
    while not checkpoint.is_file() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130 and "--resume" in said and "Traceback" not in said


def test_a_quick_try_leaves_the_detector_of_the_full_run_alone(tmp_path):
    (tmp_path / "yolo").mkdir()
    (tmp_path / "yolo" / "checkpoint.safetensors").write_bytes(b"a minute of training")
    assert quick(tmp_path) == 0
    assert (tmp_path / "yolo" / "checkpoint.safetensors").read_bytes() == b"a minute of training"


def test_a_checkpoint_of_other_settings_is_refused(tmp_path, capsys):
    assert quick(tmp_path) == 0
    assert quick(tmp_path, "--seed", "1", "--resume") == 2
    assert "other settings" in capsys.readouterr().err


def test_the_demo_trains_anew_after_a_run_with_other_settings(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MPLBACKEND", "agg")
    assert quick(tmp_path, "--seed", "1") == 0
    assert quick(tmp_path, "--demo") == 0
    assert "training anew" in capsys.readouterr().out
    assert quick(tmp_path, "--demo") == 0
    assert "resumed" in capsys.readouterr().out


def test_the_demo_redraws_when_a_slider_moves(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    scenes = pcn.data.ShapeScenes(3, "test", 0)
    window = ThresholdDemo(yolo.OneShotDetector(scenes.classes), scenes)
    assert (window.confidence.val, window.overlap.val) == (yolo.CONFIDENCE, yolo.NMS)
    shown = []
    for confidence in (0.01, 0.1, 0.9):
        window.confidence.set_val(confidence)
        shown.append(window.shown)
    assert shown[0] > shown[1] >= shown[2]
    window.confidence.set_val(0.01)
    window.overlap.set_val(1.0)
    everything = window.shown
    window.overlap.set_val(0.1)
    assert window.shown < everything
    window.turn()
    assert window.index == 1
    pyplot.close(window.figure)


def test_a_voc_folder_runs_through_the_same_code(tmp_path):
    write_voc(tmp_path / "voc")
    assert quick(tmp_path, "--data", f"voc:{tmp_path / 'voc'}") == 0
    assert result(tmp_path)["data"].startswith("voc:") and list(result(tmp_path)["metrics"]["ap50"]) == ["block"]


@pytest.mark.parametrize("files", [(), ("train", "val"), ("train", "val", "test"), ("trainval", "test")])
def test_a_voc_folder_is_judged_on_unseen_pictures(tmp_path, files):
    write_voc(tmp_path)
    listings = tmp_path / "ImageSets" / "Main"
    listings.mkdir(parents=True)
    for k, name in enumerate(files):
        (listings / f"{name}.txt").write_text("".join(f"p{i}\n" for i in range(4 * k, 4 * k + 4)))
    data = detection_data(Namespace(data=f"voc:{tmp_path}", seed=0, quick=True, skip_bad=False))
    assert data.test.split == ("val" if files == ("train", "val") else "test")
    assert data.test.ids == voc_splits(tmp_path)[0][data.test.split]
    assert not set(data.train.ids) & set(data.test.ids) and not pictures_in(data.train) & pictures_in(data.test)


@pytest.mark.parametrize(("part", "split"), [("training", "trainval"), ("training", "all"), ("test", "test")])
def test_a_part_without_objects_stops_the_run_before_training(tmp_path, capsys, part, split):
    write_voc(tmp_path / "voc")
    for name in voc_splits(tmp_path / "voc")[0][split]:
        path = tmp_path / "voc" / "Annotations" / f"{name}.xml"
        path.write_text(re.sub("<object>.*</object>", "", path.read_text()))
    assert quick(tmp_path, "--data", f"voc:{tmp_path / 'voc'}") == 2
    said = capsys.readouterr().err
    assert f"the {part} part" in said and "has no object" in said
    assert not list((tmp_path / "yolo").glob("checkpoint*"))


def test_fewer_training_pictures_than_the_batch(tmp_path):
    write_voc(tmp_path / "voc", count=4)
    assert quick(tmp_path, "--data", f"voc:{tmp_path / 'voc'}") == 0


def test_defects_stop_the_run_or_are_skipped(tmp_path, capsys):
    write_voc(tmp_path / "voc")
    for bad in sorted((tmp_path / "voc" / "Annotations").iterdir())[:1]:
        bad.write_text(bad.read_text().replace("<xmax>44<", "<xmax>4<"))
    assert quick(tmp_path, "--data", f"voc:{tmp_path / 'voc'}") == 2
    assert bad.name in capsys.readouterr().err
    assert quick(tmp_path, "--data", f"voc:{tmp_path / 'voc'}", "--skip-bad") == 0
    assert bad.name in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["yolo", "--data", "voc:/nowhere"], "no folder /nowhere"),
        (["yolo", "--data", "faces:x"], "voc:DIR"),
        (["yolo", "--seed", "-1"], "--seed"),
        (["yollo"], "no lecture named 'yollo'; there is: "),
    ],
)
def test_mistakes_on_the_command_line_get_one_line(arguments, words, tmp_path, capsys):
    assert main([*arguments, "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert words in said and len(said.strip().splitlines()) == 1


def test_the_listing_names_deck_slides_and_code(capsys):
    assert main([]) == 0
    listing = capsys.readouterr().out
    for part in ("Fun Ways To Use ConvNets", "yolo", "One-Shot Object Detection", "lectures/detection/yolo.py"):
        assert part in listing


def test_photographs_are_scaled_to_multiples_of_sixteen():
    assert working_size([(480, 640)]) == (160, 208)
    assert working_size([(640, 480)] * 3) == (208, 160)


def test_real_blood_cells_load_and_train(tmp_path):
    root = os.environ.get("PYCONVNET_DATA")
    if not root:
        pytest.skip("PYCONVNET_DATA is not set: no real pictures here")
    options = Namespace(data=f"voc:{root}/detect/bccd", seed=0, quick=True, skip_bad=False)
    with pytest.warns(UserWarning, match="zero area"):
        data = detection_data(options)
    assert data.classes == ("Platelets", "RBC", "WBC") and data.size == (160, 208)
    images, targets = pcn.data.default_collate([data.train[i] for i in range(4)])
    images, targets = data.augment(images, targets, np.random.default_rng(0))
    loss = yolo.literal_loss(yolo.OneShotDetector(data.classes)(pcn.tensor(images)), targets)
    assert np.isfinite(loss.item())
