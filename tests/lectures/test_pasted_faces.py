"""Portraits pasted into scenes: whose, where, how large; and folders that do not fit."""

import os
from argparse import Namespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")
pytest.importorskip("PIL")

from face_folder import write_people
from PIL import Image

from lectures.faces import face_detection
from lectures.faces.foundation.pasted_faces import PastedFaces, paste, shuffled
from pyconvnet.data import FaceScenes


def options(**changed):
    return Namespace(**{"data": None, "seed": 0, "quick": True, "skip_bad": False, "resume": False} | changed)


def test_pasted_faces_keep_boxes_and_people_apart(tmp_path):
    write_people(tmp_path, 5, 3)
    train, test = (PastedFaces(8, tmp_path, split) for split in ("train", "test"))
    assert not set(train.portraits.labels[train.usable]) & set(test.portraits.labels[test.usable])
    for i, (image, (boxes, labels)) in enumerate(train):
        np.testing.assert_array_equal(boxes, FaceScenes(8)[i][1][0])
        np.testing.assert_array_equal(train.oval_boxes(i), FaceScenes(8).oval_boxes(i))
        assert image.shape == (3, 64, 64) and 0 <= image.min() <= image.max() <= 1 and len(labels) == len(boxes)
        assert (image == image[:1]).all(), "grey"
    with pytest.raises(IndexError):
        train[8]
    np.testing.assert_array_equal(train[1][0], PastedFaces(8, tmp_path)[1][0])


def test_portraits_that_show_no_face_are_named_or_left_out(tmp_path, capsys):
    write_people(tmp_path, 5, 3)
    Image.new("RGB", (5, 4)).save(tmp_path / "s1" / "tiny.png")
    with pytest.raises(ValueError, match=r"tiny\.png: no side may be below 16 pixels"):
        PastedFaces(3, tmp_path)
    (tmp_path / "s2" / "bad.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"bad\.png: unreadable"):
        PastedFaces(3, tmp_path)
    scenes = PastedFaces(3, tmp_path, skip_bad=True)
    assert len(scenes.skipped) == 2 and len(scenes.portraits) == 16
    assert all(min(scenes.portraits[i][0].shape[1:]) >= 16 for i in scenes.usable)
    both = face_detection.face_data(options(data=f"images:x,faces:{tmp_path}", skip_bad=True))
    assert len(both.train.usable) + len(both.test.usable) == 15
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 and "bad.png" in said[0] and "tiny.png" in said[1], "each once"
    with pytest.raises(ValueError, match=r"bad\.png"):
        face_detection.face_data(options(data=f"images:x,faces:{tmp_path}"))


def test_nobody_is_left_among_tiny_portraits(tmp_path):
    write_people(tmp_path, 3, 1)
    for file in tmp_path.rglob("*.png"):
        Image.new("RGB", (40, 15)).save(file)
    with pytest.raises(ValueError, match="holds 0 person"):
        PastedFaces(3, tmp_path, skip_bad=True)


@pytest.mark.parametrize("shape", [(400, 16), (16, 400), (16, 16)])
def test_a_thin_portrait_is_pasted_all_the_same(shape):
    image, rng = np.full((1, 64, 64), 0.5, np.float32), np.random.default_rng(0)
    paste(rng, image, np.ones((1, *shape), np.float32), [20, 20, 34, 34])
    assert np.isfinite(image).all() and (image != 0.5).any()
    assert shuffled(rng, np.ones((1, *shape)), 8).shape[1:] == tuple(side // 8 * 8 for side in shape)


def test_a_portrait_is_pasted_with_its_head_in_the_box():
    image, portrait = np.full((1, 64, 64), 0.5, np.float32), np.zeros((1, 100, 80), np.float32)
    portrait[:, 7:93] = 0.9  # the head
    paste(np.random.default_rng(3), image, portrait, [20, 10, 40, 35])
    changed = np.argwhere(np.abs(image[0] - 0.5) > 0.02)
    assert changed.min(0).tolist() >= [4, 14] and (changed.max(0) <= [41, 46]).all()
    assert (image[0, 15:30, 25:35] > 0.6).all()


@given(st.integers(1, 9), st.integers(9, 40), st.integers(9, 40))
def test_shuffled_pieces_are_all_there(pieces, height, width):
    portrait = np.random.default_rng(0).random((1, height, width))
    mixed = shuffled(np.random.default_rng(1), portrait, pieces)
    kept = portrait[:, : height // pieces * pieces, : width // pieces * pieces]
    assert mixed.shape == kept.shape
    np.testing.assert_array_equal(np.sort(mixed.ravel()), np.sort(kept.ravel()))


def test_one_person_cannot_be_learned_from_and_judged_on(tmp_path):
    write_people(tmp_path, people=1)
    with pytest.raises(ValueError, match="holds 1 person; two are needed"):
        PastedFaces(3, tmp_path)


def test_real_faces_are_pasted():
    root = os.environ.get("PYCONVNET_DATA")
    if not root:
        pytest.skip("PYCONVNET_DATA is not set: no real pictures here")
    scenes = PastedFaces(4, f"{root}/faces/orl")
    assert len(np.unique(scenes.portraits.labels[scenes.usable])) == 32
    assert all(0 <= image.min() <= image.max() <= 1 for image, _ in scenes)
