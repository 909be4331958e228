"""Face detection: what is counted, photographs of any size; its runs."""

import ast
import inspect
import json
from argparse import Namespace
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")
pytest.importorskip("PIL")

from face_folder import write_people

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import ssd
from lectures.faces import face_detection
from pyconvnet.data import FaceScenes

NONE = np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)


def options(**changed):
    return Namespace(**{"data": None, "seed": 0, "quick": True, "skip_bad": False, "resume": False} | changed)


def test_presence_is_counted_by_picture():
    sure = np.zeros((1, 4), np.float32), np.array([0.9], np.float32), np.zeros(1, np.int64)
    unsure = sure[0], np.array([0.3], np.float32), sure[2]
    face, empty = (sure[0], sure[2]), (NONE[0], NONE[2])
    right, constant = face_detection.presence([sure, unsure, NONE, sure], [face, face, empty, empty], 0.4)
    assert (right, constant) == (0.5, 0.5)
    assert face_detection.presence([unsure], [empty], 0.4) == (1.0, 1.0)


def test_ovals_are_found_where_a_box_covers_them():
    scenes = FaceScenes(12)
    ovals = [scenes.oval_boxes(i) for i in range(12)]
    found = [(boxes, np.full(len(boxes), 0.9), np.zeros(len(boxes), int)) for boxes in ovals]
    assert face_detection.ovals_found(found, scenes, 0.5) == 1
    assert face_detection.ovals_found(found, scenes, 0.95) == 0
    faces = [(scenes[i][1][0], np.ones(len(scenes[i][1][0])), scenes[i][1][1]) for i in range(12)]
    assert face_detection.ovals_found(faces, scenes, 0.5) == 0
    assert np.isnan(face_detection.ovals_found(faces, FaceScenes(12, ovals=False), 0.5))


def test_mirrored_scenes_keep_up_and_down():
    images = np.arange(2 * 3 * 4 * 4, dtype=np.float32).reshape(2, 3, 4, 4)
    target = np.array([[0, 0, 1, 2]], np.float32), np.zeros(1, np.int64)
    varied, targets = face_detection.vary_faces(images, [target] * 2, np.random.default_rng(0))
    for image, before, (boxes, _) in zip(varied, images, targets):
        mirrored = boxes[0, 0] == 3
        np.testing.assert_array_equal(image, before[..., ::-1] if mirrored else before)
        assert boxes[0, 1::2].tolist() == [0, 2]


class Seeing:
    """Answers one box, the middle of the picture, if its height is one of those it knows."""

    confidence, nms = 0.4, 0.45

    def __init__(self, heights):
        self.heights, self.asked = heights, []

    def predict(self, images, confidence_threshold, nms_threshold):
        height, width = images[0].shape[1:]
        self.asked.append((height, width))
        box = np.array([[width / 4, height / 4, width * 3 / 4, height * 3 / 4]], np.float32)
        return [(box, np.array([0.9], np.float32), np.zeros(1, np.int64)) if height in self.heights else NONE]


def test_a_photograph_is_looked_at_in_halves_and_boxes_are_in_its_own_pixels():
    model = Seeing({100, 200, 401})
    image = np.random.default_rng(0).random((3, 401, 600), np.float32)
    boxes, scores, labels = face_detection.detect_at_all_sizes(model, image)
    assert model.asked == [(401, 600), (200, 300), (100, 150), (50, 75)]
    np.testing.assert_allclose(boxes, [[150, 100, 450, 300.75]], atol=1.01), "three answers, one object"
    assert len(scores) == len(labels) == 1
    assert len(face_detection.detect_at_all_sizes(Seeing(set()), image)[0]) == 0, "a picture without a face"


@pytest.mark.parametrize(
    ("data", "folders"),
    [
        (None, (None, None)),
        ("voc:x", (None, None)),
        ("images:a b", ("a b", None)),
        ("images:a,faces:b", ("a", "b")),
        ("images:a,b", ("a,b", None)),
        ("images:", (None, None)),
    ],
)
def test_which_folders_are_meant(data, folders):
    assert face_detection.photograph_folders(options(data=data)) == folders


def test_the_walk_through_mirrors_others_in_every_batch():
    """Its generator outlives the step: two batches get different numbers of it."""
    text = Path(inspect.getfile(face_detection)).parents[1] / "walkthroughs" / "face_detection.py"
    tree = ast.parse(text.read_text(encoding="utf-8"))
    (cost,) = (node for node in tree.body if getattr(node, "name", None) == "cost_of_batch")
    drawn, anything = [], MagicMock()
    anything.vary_faces = lambda images, targets, rng: drawn.append(rng.random()) or (images, targets)
    names = {"np": np, "pcn": anything, "face_detection": anything, "ssd": anything, "rng": np.random.default_rng(0)}
    exec(compile(ast.Module([cost], []), "walk-through", "exec"), names)
    for _ in range(2):
        names["cost_of_batch"](MagicMock(return_value=()), (None, None))
    assert drawn[0] != drawn[1]


def test_the_model_overfits_one_batch():
    pcn.manual_seed(0)
    scenes = FaceScenes(6)
    images, targets = pcn.data.default_collate([scenes[i] for i in range(6)])
    model = ssd.SSD(scenes.classes)
    optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        parts = ssd.multibox_loss(*model(pcn.tensor(images)), model.anchors(64, 64), targets)
        loss = parts["class"] + parts["box"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def result(folder):
    return json.loads((folder / "face_detection" / "result.json").read_text())


def test_a_quick_run_leaves_result_and_pictures(tmp_path):
    assert main(["face_detection", "--quick", "--out", str(tmp_path)]) == 0
    found = result(tmp_path)
    assert set(found["metrics"]) == {"map50", "ap50", "recall", "map50_95", "accuracy"}
    assert 0 < found["baselines"]["accuracy"] < 1 and "ap50" in found["baselines"]
    assert [name for name in found["variants"] if "without ovals" in name]
    pictures = {path.stem for path in (tmp_path / "face_detection").glob("*.png")}
    assert pictures == {"loss", "detections", "precision_recall", "ovals"}


def test_photographs_are_drawn_without_a_number_of_quality(tmp_path, capsys):
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "photos").mkdir()
    for i in range(2):
        pixels = np.random.default_rng(i).integers(0, 256, (120 + i, 200, 3), dtype=np.uint8)
        image.fromarray(pixels).save(tmp_path / "photos" / f"{i}.png")
    (tmp_path / "photos" / "bad.png").write_bytes(b"no picture")
    write_people(tmp_path / "people")
    for data in (f"images:{tmp_path / 'photos'}", f"images:{tmp_path / 'photos'},faces:{tmp_path / 'people'}"):
        assert main(["face_detection", "--quick", "--skip-bad", "--data", data, "--out", str(tmp_path / "out")]) == 0
        left_out = [line for line in capsys.readouterr().out.splitlines() if line.startswith("left out: ")]
        assert len(left_out) == 1 and "bad.png" in left_out[0]
        found = result(tmp_path / "out")
        assert set(found["extra"]["boxes_in_photographs"]) == {"0.png", "1.png"}
        assert (tmp_path / "out" / "face_detection" / "photographs_1.png").is_file()


@pytest.mark.parametrize(
    ("data", "words"),
    [("images:/nowhere", "no folder /nowhere"), ("faces:x", "voc:DIR"), ("images:/nowhere,faces:/no", "no folder /no")],
)
def test_mistakes_on_the_command_line_get_one_line(data, words, tmp_path, capsys):
    assert main(["face_detection", "--quick", "--data", data, "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert words in said and len([line for line in said.splitlines() if line.startswith("python -m")]) == 1
