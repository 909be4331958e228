"""OverFeat: equal to its crops, box regression against loops, merging, quick run."""

import json

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")
pytest.importorskip("skimage")
pytest.importorskip("sklearn")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import overfeat
from lectures.detection.foundation.backbone import centred, plain_backbone
from lectures.detection.foundation.suppression import MERGED, merge
from lectures.detection.overfeat import REGRESSED, WEIGHTS, OverFeat
from lectures.detection.regions.warping import warp
from lectures.detection.regions.windows import CONTEXT, STRIDE, WINDOW, all_windows, level
from lectures.detection.sliding_window import SCENE_SHAPES, SlidingWindow

CLASSES = ("circle", "square", "triangle")
NOTHING = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)


@pytest.fixture(autouse=True)
def _private_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))


def warmed_up(classes=CLASSES, shapes=SCENE_SHAPES, seed=0):
    """A SlidingWindow whose batch norm has seen pictures, and whose answers differ from place to place."""
    pcn.manual_seed(seed)
    model = SlidingWindow(classes, shapes)
    windows = np.random.default_rng(seed).random((64, 3, WINDOW, WINDOW), np.float32)
    for _ in range(20):
        model.classifier(pcn.tensor(windows))
    for layer in (model.classifier.dense, model.classifier.classify):
        layer.weight.data *= 3
    return model.eval()


@pytest.mark.parametrize("size", [(64, 64), (37, 90), (10, 12)])
def test_one_pass_says_what_the_crops_say(size):
    windows = warmed_up(shapes=[(12, 15), (20, 20), (33, 25)])
    image = np.random.default_rng(1).random((3, *size), np.float32)
    with pcn.no_grad():
        at_once, offsets = OverFeat.of(windows).dense_answers(image)
        boxes = all_windows(size, windows.shapes.data)
        one_by_one = windows.probabilities(image, boxes)
    assert at_once.shape == (len(boxes), 4) and offsets.shape == (len(boxes), 4)
    assert at_once.std(0).max() > 0.01
    np.testing.assert_allclose(at_once, one_by_one, atol=1e-5)


def test_it_detects_what_the_sliding_window_detects():
    windows = warmed_up()
    twin = OverFeat.of(windows)
    twin.regress = twin.merge = False
    images = [pcn.data.ShapeScenes(2, "val")[i][0] for i in range(2)]
    for (boxes, scores, labels), (b, s, l) in zip(twin.predict(images, 0.3), windows.predict(images, 0.3)):
        assert len(boxes) == len(b) > 0
        np.testing.assert_allclose(scores, s, atol=1e-5)
        np.testing.assert_allclose(boxes, b, atol=1e-3)
        np.testing.assert_array_equal(labels, l)


def test_padding_would_break_the_identity():
    windows = warmed_up()
    image = pcn.data.ShapeScenes(1, "val")[0][0]
    whole = level(image, SCENE_SHAPES[1])
    window = whole[:, 2 * STRIDE : 2 * STRIDE + WINDOW, 3 * STRIDE : 3 * STRIDE + WINDOW]
    for padded, equal in ((False, True), (True, False)):
        network = plain_backbone(4, padded=padded).eval()
        network.load_state_dict(windows.classifier.features.state_dict())
        with pcn.no_grad():
            alone = network(centred(pcn.tensor(window[None]))).data[0]
            within = network(centred(pcn.tensor(whole[None]))).data[0][:, 2:, 3:][:, : alone.shape[1], : alone.shape[2]]
        assert np.allclose(alone, within, atol=1e-5) == equal


@pytest.mark.parametrize("seed", range(4))
def test_the_offsets_to_learn_are_those_of_the_loops(seed):
    rng = np.random.default_rng(seed)
    model = OverFeat(CLASSES)
    corner = rng.uniform(0, 40, (3, 2))
    truth = np.concatenate([corner, corner + rng.uniform(10, 24, (3, 2))], axis=1).astype(np.float32)
    image = rng.random((3, 64, 64), np.float32)
    windows, offsets = overfeat.regression_batch(model, image[None], [(truth, np.arange(3))], np.random.default_rng(7))
    boxes = all_windows((64, 64), model.shapes.data)
    overlap = pcn.ops.box_iou(boxes, truth)
    near = np.flatnonzero(overlap.max(1) >= REGRESSED)
    chosen = np.random.default_rng(7).permutation(near)[: overfeat.WINDOWS]
    assert len(windows) == len(chosen) > 0
    for k, window, offset in zip(chosen, windows, offsets):
        x1, y1, x2, y2 = boxes[k]
        a1, b1, a2, b2 = truth[overlap[k].argmax()].astype(float)
        expected = [(a1 + a2 - x1 - x2) / 2 / (x2 - x1), (b1 + b2 - y1 - y2) / 2 / (y2 - y1)]
        expected += [np.log((a2 - a1) / (x2 - x1)), np.log((b2 - b1) / (y2 - y1))]
        np.testing.assert_allclose(offset, np.array(expected) * WEIGHTS, atol=1e-4)
        np.testing.assert_array_equal(window, warp(image, boxes[k : k + 1], WINDOW, CONTEXT)[0])


def test_the_box_loss_is_smooth_l1_in_loops():
    model = OverFeat(CLASSES).eval()
    scenes = pcn.data.ShapeScenes(2, "train")
    images, targets = pcn.data.default_collate([scenes[0], scenes[1]])
    windows, wanted = overfeat.regression_batch(model, images, targets, np.random.default_rng(3))
    cost = 0.0
    for window, want in zip(windows, wanted):
        _, said = model(pcn.tensor(window[None]))
        for a, b in zip(said.data[0, :, 0, 0], want):
            d = abs(float(a) - float(b))
            cost += d * d / 2 if d < 1 else d - 0.5
    loss = overfeat.box_loss(model, pcn.tensor(images), targets, np.random.default_rng(3))
    assert loss.item() == pytest.approx(cost / len(windows), rel=1e-4)


@pytest.mark.parametrize("target", [NOTHING, (np.array([[5, 5, 5, 9]], np.float32), np.array([0])),
                                    (np.array([[5, 5, 6, 6]], np.float32), np.array([0]))])  # fmt: skip
def test_pictures_that_no_window_fits_cost_exactly_nothing(target):
    """No object, one without an area, one far smaller than the step from window to window."""
    model = OverFeat(CLASSES)
    loss = overfeat.box_loss(model, pcn.zeros((1, 3, 64, 64)), [target], np.random.default_rng(0))
    loss.backward()
    assert loss.item() == 0 and all((p.grad.data == 0).all() for p in model.box.parameters())


def test_only_the_regressor_learns_and_it_overfits_one_batch():
    windows = warmed_up()
    twin = OverFeat.of(windows)
    twin.train()
    before = {k: v.data.copy() for k, v in twin.state_dict().items() if not k.startswith("box")}
    scenes = pcn.data.ShapeScenes(2, "train")
    images, targets = pcn.data.default_collate([scenes[0], scenes[1]])
    optimizer, losses = pcn.optim.Adam(twin.box.parameters(), lr=1e-2), []
    for _ in range(60):
        loss = overfeat.box_loss(twin, pcn.tensor(images), targets, np.random.default_rng(0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.15 * losses[0]
    after = twin.state_dict()
    assert all((after[k].data == v).all() for k, v in before.items())


def test_merging_in_loops():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 20, (40, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(8, 12, (40, 2))], axis=1).astype(np.float32)
    scores, labels = rng.uniform(0.1, 1, 40).astype(np.float32), rng.integers(0, 2, 40)
    merged, kept_scores, kept_labels = merge(boxes, scores, labels, 0.3)
    keep = pcn.ops.batched_nms(boxes, scores, labels, 0.3)
    np.testing.assert_array_equal(kept_scores, scores[keep])
    np.testing.assert_array_equal(kept_labels, labels[keep])
    overlap = pcn.ops.box_iou(boxes, boxes)
    for k, box in zip(keep, merged):
        agree = [j for j in range(40) if labels[j] == labels[k] and overlap[k, j] > MERGED]
        np.testing.assert_allclose(box, np.average(boxes[agree], axis=0, weights=scores[agree]), atol=1e-4)


def test_merging_nothing_and_boxes_without_an_area():
    nothing = merge(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), 0.3)
    assert [part.shape for part in nothing] == [(0, 4), (0,), (0,)]
    flat = np.array([[3, 3, 3, 3]], np.float32)
    boxes, _, _ = merge(flat, np.array([0.5], np.float32), np.array([0]), 0.3)
    np.testing.assert_array_equal(boxes, flat)


def test_a_quick_run_leaves_result_and_pictures(tmp_path):
    """Trains the windows itself, as nobody has kept them; a second run finds them."""
    seconds = []
    for out in ("first", "second"):
        assert main(["overfeat", "--quick", "--out", str(tmp_path / out)]) == 0
        found = json.loads((tmp_path / out / "overfeat" / "result.json").read_text())
        seconds.append(found["train_seconds"])
        assert found["extra"]["largest_difference_from_crops"] < 1e-5 and found["extra"]["times_fewer_macs"] > 10
        assert found["extra"]["times_faster"] > 1
        assert {"sliding_window", "merged_without_regression", "one_size_only"} <= set(found["variants"])
        for name in ("dense_maps", "padding", "regression", "loss", "detections"):
            assert (tmp_path / out / "overfeat" / f"{name}.png").stat().st_size > 5000
    assert len(list((tmp_path / "cache" / "networks").glob("*.safetensors"))) == 1
