"""The sliding window: where windows lie, what they are labelled, its face, HoG and SVM beside it, a quick run."""

import json

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")
pytest.importorskip("skimage")
pytest.importorskip("sklearn")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import sliding_window
from lectures.detection.foundation.suppression import CANDIDATES, above
from lectures.detection.regions import hog_svm, window_labels
from lectures.detection.regions.warping import warp
from lectures.detection.regions.window_labels import NEGATIVE, PARTIAL, POSITIVE
from lectures.detection.regions.windows import (
    CONTEXT,
    FACTOR,
    SMALLEST,
    STRIDE,
    WINDOW,
    all_windows,
    level,
    positions,
    resized,
    window_boxes,
    window_shapes,
)
from lectures.detection.sliding_window import SCENE_SHAPES, SlidingWindow

CLASSES = ("circle", "square", "triangle")
NOTHING = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)


@pytest.fixture(autouse=True)
def _private_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))


def iou(p, q):
    inter = max(min(p[2], q[2]) - max(p[0], q[0]), 0) * max(min(p[3], q[3]) - max(p[1], q[1]), 0)
    return inter / ((p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - inter)


@pytest.mark.parametrize("picture", [(64, 64), (48, 75), (160, 208), (7, 30), (1, 1)])
@pytest.mark.parametrize("shape", [(12, 15), (20, 20), (50, 9)])
def test_windows_reach_over_the_whole_picture(picture, shape):
    boxes = window_boxes(picture, shape)
    assert (boxes[0, 0, :2] == 0).all()
    assert boxes[-1, -1, 2] >= picture[1] - 1e-9 and boxes[-1, -1, 3] >= picture[0] - 1e-9
    for axis, new in zip((1, 0), resized(picture, shape)):
        starts = [k * STRIDE * picture[1 - axis] / new for k in range(positions(new))]
        along = boxes[:, 0, 1] if axis else boxes[0, :, 0]
        np.testing.assert_allclose(along, starts)
    if min(picture) > 40:  # shapes are rounded by less than a pixel of the resized picture
        np.testing.assert_allclose(boxes[0, 0, 2:], shape, rtol=0.03)


@pytest.mark.parametrize("picture", [(64, 64), (40, 61), (9, 13)])
def test_a_warped_window_is_a_part_of_the_resized_picture(picture):
    image = np.random.default_rng(0).random((3, *picture), np.float32)
    for shape in ((12, 15), (20, 20), (31, 24)):
        whole, boxes = level(image, shape), window_boxes(picture, shape)
        rows, columns = boxes.shape[:2]
        assert whole.shape == (3, STRIDE * (rows - 1) + WINDOW, STRIDE * (columns - 1) + WINDOW)
        cut = warp(image, boxes.reshape(-1, 4), WINDOW, CONTEXT).reshape(rows, columns, 3, WINDOW, WINDOW)
        for i in range(rows):
            for j in range(columns):
                part = whole[:, STRIDE * i : STRIDE * i + WINDOW, STRIDE * j : STRIDE * j + WINDOW]
                np.testing.assert_allclose(cut[i, j], part, atol=1e-5)


def test_scenes_have_a_window_for_every_object():
    windows = all_windows((64, 64), SCENE_SHAPES)
    scenes = pcn.data.ShapeScenes(100, "val")
    best = np.concatenate([pcn.ops.box_iou(windows, boxes).max(0) for _, (boxes, _) in scenes])
    assert (best >= 0.5).all() and best.mean() > 0.7


def test_shapes_come_from_the_boxes():
    sizes = np.geomspace(8, 60, 200)
    boxes = np.stack([np.zeros(200), np.zeros(200), sizes * 2, sizes / 2], axis=1)
    shapes = window_shapes(boxes)
    assert shapes.shape[1] == 2 and (np.diff(shapes.prod(1)[::3]) > 0).all()
    np.testing.assert_allclose(shapes[:, 0] / shapes[:, 1], 4)
    ratio = sizes[:, None] / np.sqrt(shapes.prod(1))
    assert np.quantile(np.maximum(ratio, 1 / ratio).min(1), 0.9) < FACTOR**0.5
    np.testing.assert_allclose(window_shapes([[0, 0, 1, 1]]), SMALLEST)  # a box smaller than any window
    np.testing.assert_allclose(window_shapes([[0, 0, 30, 20]] * 5), [[30, 20]] * 3)
    with pytest.raises(ValueError, match="no training box has an area"):
        window_shapes(np.array([[3, 3, 3, 9]]))
    with pytest.raises(ValueError, match="no training box has an area"):
        window_shapes(np.zeros((0, 4)))


@pytest.mark.parametrize("seed", range(5))
def test_windows_are_labelled_as_in_loops(seed):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 40, (3, 2))
    truth, names = np.concatenate([corner, corner + rng.uniform(8, 24, (3, 2))], axis=1), rng.permutation(3)
    boxes = all_windows((64, 64), SCENE_SHAPES)[::7]
    overlap, label = window_labels.label_windows(boxes, truth, names, 3)
    for k, box in enumerate(boxes):
        each = [iou(box, t) for t in truth]
        assert overlap[k] == pytest.approx(max(each), abs=1e-6)
        assert label[k] == (names[int(np.argmax(each))] if max(each) >= POSITIVE else 3)


def test_a_third_shows_objects_and_a_third_parts_of_them():
    overlap = np.concatenate([np.linspace(0, 1, 400), np.zeros(400)])
    chosen = window_labels.draw_windows(overlap, 15, np.random.default_rng(0))
    drawn = overlap[chosen]
    assert len(set(chosen)) == 15 and not ((drawn >= NEGATIVE) & (drawn < POSITIVE)).any()
    assert (drawn >= POSITIVE).sum() == 5 and ((drawn >= PARTIAL) & (drawn < NEGATIVE)).sum() == 5


@pytest.mark.parametrize("overlap", [np.zeros(20), np.full(20, 0.55), np.full(20, 0.9), np.full(1, 0.3)])
def test_some_window_is_always_drawn(overlap):
    chosen = window_labels.draw_windows(overlap, 6, np.random.default_rng(0))
    assert 1 <= len(chosen) <= 6 and len(set(chosen)) == len(chosen)


def test_a_picture_without_objects_is_all_background():
    model = SlidingWindow(CLASSES)
    images = np.random.default_rng(0).random((2, 3, 64, 64), np.float32)
    windows, labels = sliding_window.window_batch(model, images, [NOTHING, NOTHING], np.random.default_rng(0))
    assert windows.shape == (len(labels), 3, WINDOW, WINDOW) and len(labels) and (labels == 3).all()
    loss = sliding_window.window_loss(model, pcn.tensor(images), [NOTHING, NOTHING], np.random.default_rng(0))
    assert np.isfinite(loss.item())


def test_the_loss_is_the_mean_cross_entropy_in_loops():
    model = SlidingWindow(CLASSES).eval()
    scenes = pcn.data.ShapeScenes(2, "train")
    images, targets = pcn.data.default_collate([scenes[0], scenes[1]])
    windows, labels = sliding_window.window_batch(model, images, targets, np.random.default_rng(3))
    assert {3} < set(labels.tolist())
    costs = []
    for window, label in zip(windows, labels):
        z = model.classifier(pcn.tensor(window[None])).data[0].astype(float)
        costs.append(np.log(np.exp(z).sum()) - z[label])
    loss = sliding_window.window_loss(model, pcn.tensor(images), targets, np.random.default_rng(3))
    assert loss.item() == pytest.approx(np.mean(costs), rel=1e-4)


def test_the_model_overfits_one_batch():
    pcn.manual_seed(0)
    scenes = pcn.data.ShapeScenes(4, "train")
    model = SlidingWindow(CLASSES)
    images, targets = pcn.data.default_collate([scenes[i] for i in range(4)])
    windows, labels = sliding_window.window_batch(model, images, targets, np.random.default_rng(0))
    optimizer, losses = pcn.optim.Adam(model.parameters(), lr=5e-3), []
    for _ in range(40):
        loss = pcn.functional.cross_entropy(model.classifier(pcn.tensor(windows)), pcn.tensor(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]


@pytest.mark.parametrize("size", [(64, 64), (33, 50), (5, 6), (1, 1)])
def test_predict_gives_one_triple_per_picture_of_any_size(size):
    model = SlidingWindow(("a", "b"), [(20, 20), (30, 15)])
    image = np.random.default_rng(0).random((3, *size), np.float32)
    for boxes, scores, labels in model.predict([image, image[:, :1]], 0.05):
        assert boxes.shape == (len(scores), 4) and labels.shape == scores.shape and len(scores)
        assert (boxes >= 0).all() and (boxes[:, 2] <= size[1]).all() and (boxes[:, 3] <= size[0]).all()
        assert (np.diff(scores) <= 0).all() and set(labels) <= {0, 1}


def test_windows_that_are_unsure_are_left_out():
    model = SlidingWindow(("a",), [(20, 20)])
    (boxes, scores, labels) = model.predict(np.zeros((1, 3, 40, 40), np.float32), 1.0)[0]
    assert boxes.shape == (0, 4) and scores.shape == labels.shape == (0,)


@pytest.mark.parametrize("size", [(64, 64), (50, 40), (9, 9)])
def test_shared_blocks_are_the_hog_of_each_window(size):
    """Equal inside; the outermost gradients differ, because a window alone does not know its neighbours."""
    image = np.random.default_rng(0).random((3, *size), np.float32)
    shape = (20, 24)
    shared = hog_svm.blocks_of_windows(level(image, shape))
    boxes = window_boxes(size, shape).reshape(-1, 4)
    assert len(shared) == len(boxes)
    alone = np.stack([hog_svm.histogram(w) for w in warp(image, boxes, WINDOW, CONTEXT).clip(0, 1)])
    inner = np.zeros((7, 7, 36), bool)
    inner[1:-1, 1:-1] = True
    np.testing.assert_allclose(shared[:, inner.ravel()], alone[:, inner.ravel()], atol=2e-2)
    assert np.abs(shared - alone)[:, inner.ravel()].mean() < 1e-3


def test_no_more_than_the_surest_candidates_are_kept():
    p = np.random.default_rng(0).random((1500, 3))
    _, scores, labels = above(np.zeros((1500, 4)), p, 0.01)
    assert len(scores) == CANDIDATES and set(labels) == {0, 1}
    np.testing.assert_allclose(np.sort(scores), np.sort(p[:, :2].ravel())[-len(scores) :])


def test_a_class_without_a_sample_is_never_found():
    model = hog_svm.HogSVM(("seen", "unseen"), [(20, 20)])
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(60, model.weight.shape[1])).astype(np.float32)
    labels = np.where(samples[:, 0] > 0, 0, 2)
    model.fit(samples, labels)
    margins = model.margins(samples)
    assert ((margins[:, 0] > 0) == (labels == 0)).all() and (margins[:, 1] == -1).all()
    boxes, _, found = model.predict(rng.random((1, 3, 32, 32), np.float32), 0.3)[0]
    assert 1 not in found and boxes.shape[1] == 4


def test_a_quick_run_leaves_result_and_pictures(tmp_path, capsys):
    assert main(["sliding_window", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "sliding_window" / "result.json").read_text())
    assert set(found["metrics"]) == {"map50", "ap50", "recall", "map50_95"} and "map50" in found["baselines"]
    assert {"hog_svm", "hog_svm_before_hard_negatives"} <= set(found["variants"])
    assert 1500 < found["extra"]["windows_per_image"] < 3000 and found["extra"]["macs_per_image"] > 1e9
    for name in ("windows", "score_maps", "suppression", "hard_negatives", "hog", "loss", "detections"):
        assert (tmp_path / "sliding_window" / f"{name}.png").stat().st_size > 5000
    assert list((tmp_path / "cache" / "networks").glob("*.safetensors"))
    assert "windows per image" in capsys.readouterr().out


def write_voc(folder, count=12):
    """Light blocks on dark ground; the last training and the last test picture hold nothing."""
    image_module = pytest.importorskip("PIL.Image")
    for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    corners = "<xmin>21</xmin><ymin>11</ymin><xmax>44</xmax><ymax>30</ymax>"
    block = f"<object><name>block</name><bndbox>{corners}</bndbox></object>"
    for i in range(count):
        pixels = rng.integers(0, 60, (48, 64, 3), dtype=np.uint8)
        empty = i in (count // 2 - 1, count - 1)
        if not empty:
            pixels[10:30, 20:44] = 200
        image_module.fromarray(pixels).save(folder / "JPEGImages" / f"p{i}.png")
        (folder / "Annotations" / f"p{i}.xml").write_text(
            f"<annotation><filename>p{i}.png</filename><size><width>64</width><height>48</height><depth>3</depth></size>"
            f"{'' if empty else block}</annotation>"
        )
    for split, members in (("train", range(count // 2)), ("test", range(count // 2, count))):
        (folder / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"p{i}\n" for i in members))


def test_a_voc_folder_with_empty_pictures_runs_through_the_same_code(tmp_path, capsys):
    write_voc(tmp_path / "voc")
    for lecture in ("sliding_window", "overfeat"):
        arguments = [lecture, "--quick", "--data", f"voc:{tmp_path / 'voc'}", "--out", str(tmp_path)]
        assert main(arguments) == 0, capsys.readouterr().err
        found = json.loads((tmp_path / lecture / "result.json").read_text())
        assert list(found["metrics"]["ap50"]) == ["block"] and found["data"].startswith("voc:")


def test_a_folder_that_is_none_is_refused_in_words(tmp_path, capsys):
    assert main(["sliding_window", "--quick", "--data", "voc:/nowhere", "--out", str(tmp_path)]) == 2
    assert "/nowhere" in capsys.readouterr().err
