"""Deep ageing: the reader and its numbers, the space of faces, the minimisation, the run."""

import json

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.faces import aging as lecture
from lectures.faces.foundation import face_reader
from lectures.faces.foundation.face_reader import FaceReader
from pyconvnet.testing import check_grads


@pytest.fixture(scope="module")
def faces():
    return pcn.data.Faces(12, 4, aged=True, upright=True)


@pytest.fixture(scope="module")
def images(faces):
    return face_reader.pictures_of(faces)


@pytest.fixture
def reader():
    pcn.manual_seed(0)
    return FaceReader(lecture.TASKS).eval()


# What the network reads


def test_the_numbers_are_the_truth_and_back(faces, reader):
    S = face_reader.truths(faces, lecture.TASKS)
    assert S.shape == (48, 15) and S.dtype == np.float32 and S.std(0).max() < 1.5
    for i in range(len(faces)):
        assert face_reader.years(S, reader.parts)[i] == pytest.approx(faces.age(i), abs=1e-4)
        np.testing.assert_allclose(face_reader.places(S, reader.parts)[i], faces.landmarks(i), atol=1e-4)
        smile, mouth, hat, glasses = S[i, reader.parts["attributes"]]
        said = faces.attributes(i)
        assert (hat > 0, glasses > 0) == (said["hat"], said["glasses"])
        assert (smile, mouth) == pytest.approx((said["smile"], 2 * said["mouth_open"] - 1), abs=1e-6)


def test_the_cost_is_a_square_error_in_loops():
    rng = np.random.default_rng(0)
    output, S = rng.normal(size=(5, 15)), rng.normal(size=(5, 15))
    expected = sum((output[i, k] - S[i, k]) ** 2 for i in range(5) for k in range(15)) / 5
    assert face_reader.square_error(pcn.tensor(output), S).item() == pytest.approx(expected)


def test_what_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match=r"no task \['gender'\]; there are age, attributes, landmarks"):
        FaceReader(("age", "gender"))
    with pytest.raises(ValueError, match="tasks is empty"):
        FaceReader(())
    with pytest.raises(ValueError, match=r"\(N, 3, 32, 32\), got \(1, 3, 64, 64\)"):
        FaceReader(("age",))(pcn.zeros((1, 3, 64, 64)))
    with pytest.raises(ValueError, match="no age; make them with aged=True"):
        face_reader.truths(pcn.data.Faces(1, 1), ("age",))


def test_the_reader_overfits_one_batch(faces, images):
    pcn.manual_seed(0)
    reader, S = FaceReader(lecture.TASKS), face_reader.truths(faces, lecture.TASKS)[:16]
    optimizer, losses = pcn.optim.Adam(reader.parameters(), lr=3e-3), []
    for _ in range(80):
        loss = face_reader.square_error(reader(pcn.tensor(images[:16])), pcn.tensor(S))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.03 * losses[0]


def test_nme_is_in_distances_between_the_eyes():
    rng = np.random.default_rng(0)
    truth, found = rng.uniform(0, 32, (2, 7, 5, 2))
    expected = 0.0
    for t, f in zip(truth, found):
        for k in range(5):
            expected += np.hypot(*(t[k] - f[k])) / np.hypot(*(t[0] - t[1])) / 35
    assert lecture.normalised_error(found, truth) == pytest.approx(expected)


# The space of faces


def test_the_space_gives_its_faces_back(images):
    space = lecture.FaceSpace(images, 47)
    codes = space.code(images)
    within = (np.abs(codes) < lecture.BOUND).all(1)
    assert within.sum() > 20
    np.testing.assert_allclose(space.picture(codes[within]), images[within], atol=1e-4)
    assert space.explained == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(space.picture(np.zeros((1, 47), np.float32))[0], images.mean(0), atol=1e-5)
    p = np.random.default_rng(0).uniform(-2, 2, (3, 47)).astype(np.float32)
    np.testing.assert_allclose(space.code(space.picture(p)), p, atol=1e-2)
    assert 0 < lecture.FaceSpace(images, 5).explained < 0.95


def test_no_number_of_a_face_is_beyond_the_bound(images):
    space = lecture.FaceSpace(images, 10)
    assert np.abs(space.code(images * 100)).max() == lecture.BOUND


@pytest.mark.parametrize("components", [0, 48, 100])
def test_as_many_components_as_faces_are_refused(images, components):
    with pytest.raises(ValueError, match=f"components must be 1 to 47, fewer than faces, got {components}"):
        lecture.FaceSpace(images, components)


# min_p ||NN(PCA(p)) - S^t||^2


def test_the_gradient_reaches_p(images, reader):
    space = lecture.FaceSpace(images, 4)
    weights = np.random.default_rng(0).normal(size=(4, 3))
    check_grads(lambda p: ((p * space.sigma.astype(np.float64)) @ weights - 0.3) ** 2, np.ones((2, 4)))
    p = pcn.tensor(space.code(images[:2]), requires_grad=True)
    ((reader(space.picture(p)) - 1) ** 2).sum().backward()
    assert p.grad.data.shape == (2, 4) and p.grad.data.any()


def test_every_row_is_minimised_on_its_own_and_within_bounds():
    def reader(x):
        return x * 2.0

    start = np.array([[0.5], [0.0], [-1.0]], np.float32)
    target = np.array([[1.0], [-4.0], [90.0]], np.float32)
    path = lecture.minimise(reader, lambda x: x, start, target, -3.0, 3.0, steps=400)
    assert len(path) == 401
    np.testing.assert_array_equal(path[0], start)
    np.testing.assert_allclose(path[-1], [[0.5], [-2.0], [3.0]], atol=1e-2)
    alone = lecture.minimise(reader, lambda x: x, start[1:2], target[1:2], -3.0, 3.0, steps=400)
    np.testing.assert_allclose(alone[-1], path[-1][1:2], atol=1e-6)


def test_the_target_is_what_the_network_says_but_for_the_age(images, reader):
    said, target = reader.read(images[:4]), lecture.target_for(reader, images[:4], 30.0)
    np.testing.assert_allclose(face_reader.years(target, reader.parts), 30, atol=1e-4)
    np.testing.assert_array_equal(np.delete(target, 0, axis=1), np.delete(said, 0, axis=1))
    ages = np.array([20.0, 40.0, 60.0, 90.0])
    np.testing.assert_allclose(
        face_reader.years(lecture.target_for(reader, images[:4], ages), reader.parts), ages, atol=1e-4
    )
    for wrong in (19.0, 91.0, np.nan, [30.0, 30.0, 30.0, 100.0]):
        with pytest.raises(ValueError, match="ages must be 20 to 90 years"):
            lecture.target_for(reader, images[:4], wrong)


def test_the_network_itself_stays_as_it_is(images, reader):
    space = lecture.FaceSpace(images, 10)
    before = {name: v.data.copy() for name, v in reader.state_dict().items()}
    p = space.code(images[:3])
    path = lecture.aged(reader, space, p, 80.0, steps=5)
    np.testing.assert_array_equal(path[0], p)
    assert np.abs(path[-1] - p).max() > 0.01
    for name, v in reader.state_dict().items():
        np.testing.assert_array_equal(v.data, before[name])
    pixels = lecture.pixels_aged(reader, images[:3], 80.0, steps=5)[-1]
    assert pixels.shape == (3, 3, 32, 32) and 0 <= pixels.min() <= pixels.max() <= 1


def test_bareheaded_faces_are_of_the_asked_age_and_of_many_people(faces):
    chosen = lecture.bareheaded(faces, 30, 80, 1000)
    fit = {i for i in range(len(faces)) if 30 <= faces.age(i) <= 80 and not faces.attributes(i)["hat"]}
    assert set(chosen) == fit and len(chosen) == len(fit)
    people = [i // faces.pictures for i in chosen]
    different = len(set(people))
    assert len(set(people[:different])) == different
    assert lecture.bareheaded(faces, 30, 80, 3) == chosen[:3]


def test_a_quick_run_leaves_result_and_pictures(tmp_path, capsys):
    assert main(["aging", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "aging" / "result.json").read_text())
    assert set(found["metrics"]) == {"mae", "nme", "accuracy"}
    assert set(found["metrics"]["mae"]) == set(found["baselines"]["mae"]) == {"age", "aged", "and back"}
    assert {"PCA(p)", "pixels"} <= set(found["variants"])
    for name in ("ages", "aged", "fooled", "components"):
        assert (tmp_path / "aging" / f"{name}.png").stat().st_size > 5000
    assert "mae aged" in capsys.readouterr().out
    assert main(["aging", "--quick", "--resume", "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "aging" / "result.json").read_text())["metrics"] == found["metrics"]
    assert capsys.readouterr().out.count("resumed") == 2


def test_the_demo_ages_a_face_when_the_slider_moves(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    from argparse import Namespace

    from matplotlib import pyplot

    from lectures.report import Report

    pyplot.switch_backend("agg")
    options = Namespace(seed=0, quick=True, data=None, resume=False)
    window = lecture.demo(options, Report("aging", tmp_path))
    told = []
    for age in (20, 90):
        window.age.set_val(age)
        told.append(window.told[0])
    assert told[1] > told[0] + 10
    window.turn()
    assert window.index == 1 and window.age.val == pytest.approx(window.own_ages[1])
    pyplot.close(window.figure)


def test_other_data_are_refused(tmp_path, capsys):
    assert main(["aging", "--quick", "--data", "faces:x", "--out", str(tmp_path)]) == 2
    assert "whose age is known" in capsys.readouterr().err
