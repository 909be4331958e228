"""Landmarks of faces: mirrored, turned, lit, in folders of photographs, and those that no face has."""

import json
import os
from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from lectures.__main__ import main
from lectures.faces.foundation import alignment, landmark_data
from lectures.faces.foundation.reading_errors import normalised_error
from pyconvnet.data import Faces


def options(**changed):
    return Namespace(**{"data": None, "seed": 0, "quick": True, "skip_bad": False, "resume": False} | changed)


def result(folder):
    return json.loads((folder / "face_alignment" / "result.json").read_text())


def test_a_mirrored_face_has_mirrored_landmarks():
    """The left eye as seen stays left; what is dark stays under its landmark."""
    images, landmarks = landmark_data.pictures_and_landmarks(Faces(30, 1))
    varied, moved = landmark_data.mirror(images, landmarks, np.random.default_rng(0))
    changed = (varied != images).any((1, 2, 3))
    assert 5 < changed.sum() < 25
    upright = (landmarks[:, 0, 0] < landmarks[:, 1, 0]) & (landmarks[:, 3, 0] < landmarks[:, 4, 0])
    assert upright.all() and (moved[:, 0, 0] < moved[:, 1, 0]).all() and (moved[:, 3, 0] < moved[:, 4, 0]).all()
    np.testing.assert_array_equal(moved[~changed], landmarks[~changed])
    np.testing.assert_allclose(moved[changed, 2, 0], 32 - landmarks[changed, 2, 0], rtol=1e-5)


def test_turned_photographs_keep_landmarks_on_what_they_mark():
    """Bright dots at the landmarks: after turning, scaling and shifting they are where the landmarks say."""
    large = landmark_data.LARGER * 32
    landmarks = np.tile(alignment.STANDARD_FACE * large / 2 + large / 4, (6, 1, 1)).astype(np.float32)
    y, x = np.mgrid[:large, :large] + 0.5
    dots = [np.exp(-((x - px) ** 2 + (y - py) ** 2) / 18).astype(np.float32) for px, py in landmarks[0]]
    images = np.broadcast_to(np.max(dots, 0), (6, 3, large, large)).copy()
    varied, moved = landmark_data.turn_scale_shift(images, landmarks, np.random.default_rng(1))
    assert varied.shape == (6, 3, 32, 32)
    for image, points in zip(varied, moved):
        background = np.median(image)
        assert all(image[:, int(py), int(px)].mean() > background + 0.4 for px, py in points)


def test_light_changes_for_all_colours_alike_and_a_little_for_each():
    large = landmark_data.LARGER * 32
    images, landmarks = np.full((60, 3, large, large), 0.5, np.float32), np.zeros((60, 5, 2), np.float32)
    varied, _ = landmark_data.turn_scale_shift(images, landmarks, np.random.default_rng(0))
    light = varied.mean((2, 3)) - 0.5
    assert np.ptp(light, 1).max() < 0.1 + 1e-4, "colours part by at most twice .05"
    assert np.abs(light.mean(1)).max() > 0.08 and np.ptp(light, 1).min() > 0


def test_a_head_turned_aside_is_not_small_but_errors_are_counted_by_its_eyes():
    aside = alignment.STANDARD_FACE * 100
    aside[:2, 0] = 49, 51
    assert landmark_data.eye_distance(aside) == pytest.approx(2)
    assert landmark_data.head_size(aside) == pytest.approx(14), "half of 70 - 42"
    front = alignment.STANDARD_FACE[None] * 100
    assert landmark_data.head_size(front) == pytest.approx(30)
    off = np.stack([aside, front[0]])
    assert normalised_error(off + (3, 4), off) == pytest.approx((5 / 2 + 5 / 30) / 2)
    image = np.zeros((3, 100, 100), np.float32)
    there = landmark_data.around_the_face(image, aside, "a.png")[1]
    assert np.ptp(there[:, 1]) == pytest.approx(28 * landmark_data.LARGER * 32 * 0.32 / (2 * 14), rel=1e-4)


def test_five_of_sixty_eight():
    points = np.arange(136, dtype=np.float32).reshape(68, 2)
    five = landmark_data.five_of(points, "a.png")
    np.testing.assert_array_equal(five[:, 0], [77, 89, 60, 96, 108])
    assert landmark_data.five_of(five, "a.png") is five
    with pytest.raises(ValueError, match=r"a\.png: 4 landmarks; expected 5 .* or 68"):
        landmark_data.five_of(points[:4], "a.png")


def write_landmarks(root, count=6):
    image = pytest.importorskip("PIL.Image")
    root.mkdir()
    lines = ["image," + ",".join(f"{k}x,{k}y" for k in range(5))]
    faces = Faces(count, 1, size=60)
    for i, (face, _) in enumerate(faces):
        image.fromarray((face.transpose(1, 2, 0) * 255).astype(np.uint8)).save(root / f"{i}.png")
        lines.append(f"{i}.png," + ",".join(f"{v:.2f}" for v in faces.landmarks(i).ravel()))
    (root / "landmarks.csv").write_text("\n".join(lines))


def test_a_folder_of_photographs_with_landmarks(tmp_path):
    write_landmarks(tmp_path / "faces")
    assert main(["face_alignment", "--quick", "--data", f"faces:{tmp_path / 'faces'}", "--out", str(tmp_path)]) == 0
    assert set(result(tmp_path)["metrics"]) == {"nme"} and result(tmp_path)["metrics"]["nme"] > 0


NO_FACES = {
    "one place": "0,0,0,0,0,0,0,0,0,0",
    "one eye": "30,20,30,20,30,30,25,40,35,40",
    "far": "1e6,1e6,1e6,1e6,9,9,9,9,9,9",
    "beside": "70,90,90,90,80,95,75,99,85,99",
    "large": "-90,20,150,20,30,30,-50,40,110,40",
    "farthest": "3e38,3e38,1e38,1e38,1e30,1e30,1,1,2,2",
}


@pytest.mark.parametrize("points", NO_FACES.values(), ids=NO_FACES)
@pytest.mark.filterwarnings("error")
def test_landmarks_that_are_no_face_are_named_or_left_out(tmp_path, capsys, points):
    root = tmp_path / "faces"
    write_landmarks(root)
    lines = (root / "landmarks.csv").read_text().splitlines()
    (root / "landmarks.csv").write_text("\n".join([*lines[:3], "2.png," + points, *lines[4:]]))
    with pytest.raises(ValueError, match=r"^2\.png: these landmarks are no face's: eyes .* 60 x 60 pixels"):
        landmark_data.landmark_data(options(data=f"faces:{root}"), 0, 0)
    data = landmark_data.landmark_data(options(data=f"faces:{root}", skip_bad=True), 0, 0)
    assert len(data.images) + len(data.unseen) == 5 and np.isfinite(data.landmarks).all()
    assert capsys.readouterr().out.startswith("left out: 2.png: these landmarks")


@pytest.mark.parametrize("count", [2])
def test_too_few_photographs(tmp_path, capsys, count):
    write_landmarks(tmp_path / "faces", count)
    assert main(["face_alignment", "--quick", "--data", f"faces:{tmp_path / 'faces'}", "--out", str(tmp_path)]) == 2
    assert "2 faces are too few" in capsys.readouterr().err
    assert main(["face_alignment", "--quick", "--data", "voc:x", "--out", str(tmp_path)]) == 2
    assert "takes faces:DIR" in capsys.readouterr().err


def test_photographs_of_landmarks_are_cut_around_the_face():
    root = os.environ.get("PYCONVNET_DATA")
    if not root:
        pytest.skip("PYCONVNET_DATA is not set: no real pictures here")
    data = landmark_data.landmark_data(options(data=f"faces:{root}/faces/landmarks69"), 0, 0)
    assert len(data.images) + len(data.unseen) == 69 and data.unseen.shape[1:] == (3, 32, 32)
    inside = (data.unseen_landmarks > 0) & (data.unseen_landmarks < 32)
    assert inside.mean() > 0.97
