"""Procedural faces: repeatable in any order, people never shared between splits, landmarks where they were painted."""

from dataclasses import fields, replace

import numpy as np
import pytest

import pyconvnet as pcn
from pyconvnet.data import FaceIdentity, FacePose, Faces, age_pose, draw_identity, draw_pose, lay_face, paint_face
from pyconvnet.data.face_painting import RANGES


def test_a_sample_is_an_rgb_picture_and_a_person():
    faces = Faces(3, 4)
    assert faces.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert len(faces) == 12 and [int(faces[i][1]) for i in range(12)] == faces.labels.tolist()
    image, person = faces[-1]
    assert image.shape == (3, 32, 32) and image.dtype == np.float32 and person.dtype == np.int64
    assert 0 <= image.min() < image.max() <= 1
    assert faces.landmarks(5).shape == (5, 2) and faces.landmarks(5).dtype == np.float32


def test_a_picture_depends_on_nothing_but_its_numbers():
    forwards, backwards = Faces(3, 4, seed=2), Faces(5, 4, seed=2)
    pictures = {i: backwards[i][0] for i in reversed(range(20))}
    assert all((forwards[i][0] == pictures[i]).all() for i in range(12))
    more = Faces(3, 7, seed=2)
    np.testing.assert_array_equal(more[1 * 7 + 2][0], forwards[1 * 4 + 2][0])
    np.testing.assert_allclose(Faces(2, 1, size=64, seed=2).landmarks(1), 2 * more.landmarks(7), rtol=1e-5)


def test_what_is_handed_out_can_be_changed_without_harm():
    faces = Faces(1, 1)
    before = faces[0][0].copy(), faces.landmarks(0).copy()
    faces[0][0][:] = 0
    faces.landmarks(0)[:] = 0
    np.testing.assert_array_equal(faces[0][0], before[0])
    np.testing.assert_array_equal(faces.landmarks(0), before[1])


def test_no_two_splits_and_no_two_seeds_share_a_person():
    people = [Faces(50, 1, split, seed=seed).identity(k)
              for split in ("train", "val", "test") for seed in (0, 1) for k in range(50)]  # fmt: skip
    assert len(set(people)) == len(people) == 300


def test_pictures_of_a_person_share_the_identity_and_nothing_else():
    faces = Faces(2, 30)
    poses = [faces.pose(i) for i in range(60)]
    assert len({pose.angle for pose in poses}) == 60
    assert max(abs(pose.angle) for pose in poses) <= np.deg2rad(25) and faces.identity(0) != faces.identity(1)
    hats = [faces.attributes(i)["hat"] for i in range(60)]
    assert 0 < sum(hats) < 30
    assert set(faces.attributes(0)) == {"smile", "mouth_open", "hat", "glasses"}


def test_landmarks_lie_on_what_was_painted():
    identity = FaceIdentity(skin=0.85, eye=0.0, eye_size=0.12)
    for angle, shift in ((0.0, (0.0, 0.0)), (0.4, (0.1, -0.1)), (-0.4, (-0.2, 0.2))):
        image, landmarks = paint_face(identity, FacePose(angle=angle, shift=shift, mouth_open=0.6), 96)
        grey = image.mean(0)
        for x, y in landmarks[:2]:
            assert grey[int(y), int(x)] < 0.1
        inside = landmarks[3:] * 0.85 + landmarks[3:].mean(0) * 0.15  # a little inside the corners of the mouth
        for x, y in inside:
            assert image[0, int(y), int(x)] > 2 * image[1, int(y), int(x)]


def test_left_is_left_as_seen_and_up_is_up():
    faces = Faces(20, 2)
    for i in range(40):
        left_eye, right_eye, nose, left_mouth, right_mouth = faces.landmarks(i)
        assert left_eye[0] < right_eye[0] and left_mouth[0] < right_mouth[0]
        assert max(left_eye[1], right_eye[1]) < nose[1] + 6 and nose[1] < max(left_mouth[1], right_mouth[1])


def test_turning_the_face_turns_the_landmarks():
    straight = paint_face(FaceIdentity(), FacePose(), 64)[1].astype(float) - 32
    turned = paint_face(FaceIdentity(), FacePose(angle=0.3, scale=1.1), 64)[1].astype(float) - 32
    c, s = np.cos(0.3), np.sin(0.3)
    np.testing.assert_allclose(turned, 1.1 * straight @ np.array([[c, s], [-s, c]]), atol=1e-4)


def test_a_smile_lifts_the_corners_of_the_mouth():
    up, down = (paint_face(FaceIdentity(), FacePose(smile=smile))[1] for smile in (1, -1))
    assert (up[3:, 1] < down[3:, 1]).all() and (up[:3] == down[:3]).all()


def test_every_number_of_identity_and_pose_shows():
    rng = np.random.default_rng(0)
    identity, pose = draw_identity(rng), FacePose(wrinkles=0.5, grey=0.4, brow_droop=0.4, jaw_droop=0.4, hat=False)
    image = paint_face(identity, pose, 48)[0]
    assert set(RANGES) == {field.name for field in fields(FaceIdentity)}
    for name, (low, high) in RANGES.items():
        value = getattr(identity, name)
        other = replace(identity, **{name: low if value > (low + high) / 2 else high})
        assert np.abs(paint_face(other, pose, 48)[0] - image).max() > 0.02, name
    changes = {"angle": 0.2, "scale": 1.1, "shift": (0.1, 0), "light": (0.1, 0), "background": (0.6, 0.5, 0.5),
               "background_slope": (0.1, 0), "smile": 1, "mouth_open": 1, "hat": True, "glasses": True,
               "wrinkles": 1, "grey": 1, "brow_droop": 1, "jaw_droop": 1}  # fmt: skip
    for name, value in changes.items():
        assert np.abs(paint_face(identity, replace(pose, **{name: value}), 48)[0] - image).max() > 0.02, name
    assert {*changes, "hat_colour"} == {field.name for field in fields(FacePose)}


def test_a_face_is_laid_into_a_scene_where_it_is_wanted():
    canvas = np.full((3, 60, 90), 0.5, np.float32)
    landmarks, box = lay_face(canvas, FaceIdentity(), FacePose(), 60, 25, 10)
    changed = np.argwhere(np.abs(canvas - 0.5).max(0) > 1e-3)
    (top, left), (bottom, right) = changed.min(0), changed.max(0) + 1
    np.testing.assert_allclose(box, (left, top, right, bottom), atol=1.01)
    np.testing.assert_allclose(box, (60 - 9.5 * 0.82, 15.5, 60 + 9.5 * 0.82, 34.5), rtol=1e-5)
    assert (landmarks > box[:2]).all() and (landmarks < box[2:]).all()


@pytest.mark.parametrize("place", [(-500, 20), (20, 500), (0, 0), (59, 59)])
def test_a_face_may_stick_out_of_the_scene(place):
    canvas = np.full((3, 60, 60), 0.5, np.float32)
    _, box = lay_face(canvas, FaceIdentity(), FacePose(), *place, 10)
    assert np.isfinite(canvas).all() and (np.abs(canvas - 0.5).max() > 0.1) == (max(map(abs, place)) < 100)
    assert box[2] > box[0]


def test_age_is_told_by_every_trace_and_surely_by_none():
    faces = Faces(200, 2, aged=True)
    years = np.array([faces.age(i) for i in range(400)])
    assert 20 <= years.min() < 30 and 80 < years.max() <= 90
    for name in ("wrinkles", "grey", "brow_droop", "jaw_droop"):
        trace = np.array([getattr(faces.pose(i), name) for i in range(400)])
        assert 0.8 < np.corrcoef(trace, years)[0, 1] < 0.97
    assert len({faces.age(0), faces.age(1)}) == 2  # a person is pictured at different ages


def test_upright_faces_stand_still():
    faces = Faces(4, 5, upright=True)
    poses = [faces.pose(i) for i in range(20)]
    assert {(pose.angle, pose.scale, pose.shift) for pose in poses} == {(0.0, 1.0, (0.0, 0.0))}
    assert np.ptp([faces.landmarks(i)[0] for i in range(5)], axis=0).max() == 0


def test_pixels_alone_hardly_tell_people_apart():
    faces = Faces(60, 6, "test")
    x = np.stack([faces[i][0].mean(0).ravel() for i in range(360)])
    x -= x.mean(1, keepdims=True)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    i, j = np.triu_indices(360, 1)
    assert 0.52 < pcn.metrics.roc_auc((x @ x.T)[i, j], faces.labels[i] == faces.labels[j]) < 0.68


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Faces(3, 4, "trian"), ValueError, "train, val, test"),
        (lambda: Faces(0, 4), ValueError, "people"),
        (lambda: Faces(3, 1.5), TypeError, "pictures"),
        (lambda: Faces(3, 4, size=4), ValueError, "size"),
        (lambda: Faces(3, 4)[12], IndexError, "out of range"),
        (lambda: Faces(3, 4).age(0), ValueError, "aged=True"),
        (lambda: Faces(3, 4).identity(3), IndexError, "out of range"),
        (lambda: paint_face(FaceIdentity(), FacePose(), 3), ValueError, "at least 8"),
        (lambda: age_pose(np.random.default_rng(0), FacePose(), 12), ValueError, r"\[20, 90\]"),
    ],
)
def test_mistakes_are_named(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_the_dial_of_hats_and_glasses():
    rng = np.random.default_rng(0)
    poses = [draw_pose(rng, hats=1, glasses=0) for _ in range(20)]
    assert all(pose.hat and not pose.glasses for pose in poses)
