"""R-CNN: what enters the ConvNet, the whole pipeline on a few pictures learned by heart, its runs."""

import json

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import rcnn
from lectures.detection.proposing.carried_proposals import carry
from lectures.detection.regions import post_hoc
from lectures.detection.regions.warping import warp
from lectures.macs import counted_macs

CLASSES = ("circle", "square", "triangle")


def proposals(image):
    """A few boxes in every picture, quicker than a search."""
    return np.array([[0, 0, 20, 20], [10, 5, 40, 30], [30.5, 20, 63, 64], [3, 3, 7, 50]], np.float32)


def test_every_region_passes_the_convnet_alone():
    pcn.manual_seed(0)
    model = rcnn.RCNN(CLASSES, proposals)
    image = np.random.default_rng(0).random((3, 64, 64), np.float32)
    boxes = proposals(image)
    pooled, hidden = model.look(image, boxes)
    assert pooled.shape == (4, 1024) and hidden.shape == (4, 96)
    for box, expected in zip(boxes, pooled):
        np.testing.assert_allclose(model.look(image, box[None])[0][0], expected, rtol=1e-4, atol=1e-5)
    model.eval()
    with pcn.no_grad():
        crops = pcn.tensor((warp(image, boxes, 32, 2) - 0.5) * 4)
        np.testing.assert_allclose(model.features(crops).data, pooled, rtol=1e-4, atol=1e-5)


def test_work_grows_with_the_number_of_regions():
    model = rcnn.RCNN(CLASSES, proposals)
    image = np.zeros((3, 64, 64), np.float32)
    counts = []
    for boxes in (proposals(image)[:1], proposals(image)):
        with counted_macs(model) as macs:
            model.look(image, boxes)
        counts.append(macs.total)
    assert counts[1] == 4 * counts[0] > 0


def test_no_proposal_at_all_and_boxes_of_a_pixel_or_less():
    image = np.random.default_rng(1).random((3, 40, 24), np.float32)
    none = rcnn.RCNN(CLASSES, lambda picture: np.zeros((0, 4), np.float32))
    assert [part.shape for part in none.predict([image], 0.0)[0]] == [(0, 4), (0,), (0,)]
    tiny = rcnn.RCNN(CLASSES, lambda picture: np.array([[3, 3, 3.5, 3.2], [0, 0, 24, 40], [5, 5, 5, 5]], np.float32))
    boxes, _, _ = tiny.predict([image], 0.0)[0]
    assert np.isfinite(boxes).all() and (boxes >= 0).all() and (boxes <= (24, 40, 24, 40)).all()
    small = rcnn.RCNN(CLASSES).predict([np.zeros((3, 2, 3), np.float32)])  # smaller than what a cell sees
    assert len(small) == 1


def test_pictures_of_several_sizes_and_a_class_never_trained():
    model = rcnn.RCNN(CLASSES, proposals)
    found = model.predict([np.zeros((3, 64, 64), np.float32), np.zeros((3, 70, 65), np.float32)], 0.02)
    assert [len(boxes) for boxes, _, _ in found] == [0, 0]  # SVMs that were never fitted find nothing


def test_learns_six_pictures_by_heart():
    """The three objectives, one after the other, then every object is found where it is."""
    scenes = pcn.data.ShapeScenes(6, "train")
    pcn.manual_seed(0)
    model = rcnn.RCNN(CLASSES)
    rng = np.random.default_rng(0)
    known = {image.tobytes(): rcnn.search(image) for image, _ in scenes}
    model.propose = lambda image: known[image.tobytes()]
    images = pcn.tensor(np.stack([image for image, _ in scenes]))
    targets = [carry(target, model.propose(image)) for image, target in scenes]
    optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(50):
        loss = post_hoc.log_loss(model, images, targets, rng)["log loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    features = post_hoc.region_features(model, scenes, list(known.values()))
    post_hoc.fit_svms(model, features, rng)
    post_hoc.fit_regressors(model, features)
    detections = model.predict([image for image, _ in scenes], 0.1)
    assert pcn.metrics.detection_average_precision(detections, [target for _, target in scenes])["map"] > 0.9


def quick(folder, *options):
    return main(["rcnn", "--quick", "--out", str(folder), *options])


def test_a_quick_run_leaves_result_and_pictures(tmp_path, capsys):
    assert quick(tmp_path) == 0
    found = json.loads((tmp_path / "rcnn" / "result.json").read_text())
    assert set(found["metrics"]) == {"map50", "ap50", "recall", "map50_95"} and "map50" in found["baselines"]
    names = {"svm", "svm_without_box_regression", "softmax", "softmax_without_box_regression"}
    assert set(found["variants"]) == names and set(found["variants"]["svm"]) == {"map50", "map75"}
    extra = found["extra"]
    assert all(extra[f"seconds_{part}"] > 0 for part in ("log_loss", "hinge_loss", "squared_loss", "features"))
    assert extra["macs_per_image"] > 1e6 and extra["feature_bytes_kept"] > 0
    for name in ("detections", "regions_to_scores", "hard_negatives", "box_regression"):
        assert (tmp_path / "rcnn" / f"{name}.png").stat().st_size > 5000
    assert "seconds hinge loss" in capsys.readouterr().out


def write_coco(folder, count=8):
    """Pictures of one bright block each, the last without; one annotation of a crowd."""
    image_module = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    pictures, found = [], []
    for i in range(count):
        pixels = rng.integers(0, 60, (48, 64, 3), dtype=np.uint8)
        pixels[10:30, 20:44] = 200
        image_module.fromarray(pixels).save(folder / f"p{i}.png")
        pictures.append({"id": i + 1, "file_name": f"p{i}.png", "width": 64, "height": 48})
        crowd = int(i == 2)
        box = {"bbox": [20, 10, 24, 20], "area": 480, "iscrowd": crowd, "category_id": 1}
        found.append({"id": i + 1, "image_id": i + 1, **box})
    found.pop()
    content = {"images": pictures, "annotations": found, "categories": [{"id": 1, "name": "block"}]}
    (folder / "blocks.json").write_text(json.dumps(content))


def test_a_coco_file_runs_through_the_same_code(tmp_path):
    write_coco(tmp_path)
    assert quick(tmp_path, "--data", f"coco:{tmp_path / 'blocks.json'}") == 0
    found = json.loads((tmp_path / "rcnn" / "result.json").read_text())
    assert list(found["metrics"]["ap50"]) == ["block"]
