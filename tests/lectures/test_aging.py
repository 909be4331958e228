"""Deep ageing: the space of faces, the minimisation, who judges, the run. What reads the faces: test_face_reader."""

import json
from argparse import Namespace
from unittest.mock import MagicMock

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.faces import aging as lecture
from lectures.faces.foundation import face_reader
from lectures.faces.foundation.face_reader import FaceReader
from lectures.faces.foundation.linear_fit import linear_fit
from lectures.report import Report
from lectures.training import load_weights
from pyconvnet.testing import check_grads


@pytest.fixture(scope="module")
def faces():
    return pcn.data.Faces(12, 4, aged=True, upright=True)


@pytest.fixture(scope="module")
def images(faces):
    return face_reader.pictures_of(faces)


@pytest.fixture(scope="module")
def quick_run(tmp_path_factory):
    """The folder that `python -m lectures aging --quick` leaves behind."""
    out = tmp_path_factory.mktemp("out")
    assert main(["aging", "--quick", "--out", str(out)]) == 0
    return out / "aging"


@pytest.fixture
def reader():
    pcn.manual_seed(0)
    return FaceReader(lecture.TASKS).eval()


# What must be beaten


def test_the_age_must_beat_a_plane_through_all_pixels(faces, images, reader, tmp_path):
    report, unseen = Report("aging", tmp_path), pcn.data.Faces(10, 4, "test", aged=True, upright=True)
    lecture.judge_reading(report, reader, faces, unseen)
    told = linear_fit(images, [faces.age(i) for i in range(48)])(face_reader.pictures_of(unseen))
    expected = np.mean([abs(told[i] - unseen.age(i)) for i in range(40)])
    assert report.baselines["mae"]["age"] == pytest.approx(expected, rel=1e-4)


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


def test_the_judge_is_another_network_taught_with_other_people(quick_run, tmp_path, monkeypatch):
    first, judge = FaceReader(lecture.TASKS), FaceReader(lecture.TASKS)
    for reader, stage in ((first, "first"), (judge, "judge")):
        load_weights(reader, quick_run / f"checkpoint-{stage}-quick.safetensors")
    for name, v in first.state_dict().items():
        if v.data.ndim > 1:
            assert not np.allclose(v.data, judge.state_dict()[name].data, atol=1e-3)
    learned = []
    monkeypatch.setattr(lecture, "learn_to_read", lambda reader, images, *rest: learned.append(images))
    lecture.prepared(Namespace(seed=0, quick=True, data=None), Report("aging", tmp_path))
    assert len(learned) == 2 and (np.abs(learned[0] - learned[1]).mean((1, 2, 3)) > 0.01).all()


def test_the_second_network_judges_not_the_one_that_was_asked(quick_run):
    found = json.loads((quick_run / "result.json").read_text())
    metrics, baselines, variants = (found[part] for part in ("metrics", "baselines", "variants"))
    assert metrics["mae"]["aged"] == variants["PCA(p)"]["second"] != variants["PCA(p)"]["asked"]
    assert metrics["mae"]["and back"] == variants["PCA(p), and back"]["second"] != variants["PCA(p), and back"]["asked"]
    assert baselines["mae"]["aged"] == variants["pixels"]["second"] != variants["pixels"]["asked"]


@pytest.mark.parametrize("asked, judge", [(30.0, 70.0), (70.0, 30.0)])
def test_who_says_what_is_not_mixed_up(asked, judge, faces, images, tmp_path, monkeypatch):
    """Two networks that always say one age: how far each is off is known."""

    class Says(FaceReader):
        def __init__(self, age):
            super().__init__(lecture.TASKS)
            self.output.weight.data[:] = 0
            self.output.bias.data[:] = face_reader.truths(faces, lecture.TASKS)[0]
            self.output.bias.data[0] = (age - face_reader.MIDDLE_AGE) / face_reader.YEARS

    monkeypatch.setattr(lecture, "aging_figures", MagicMock())
    report, options = Report("aging", tmp_path), Namespace(quick=True)
    report.metrics["mae"], report.baselines["mae"] = {}, {}
    faces = pcn.data.Faces(40, 4, "test", aged=True, upright=True)
    lecture.change(options, report, Says(asked), Says(judge), lecture.FaceSpace(images, 5), faces)

    def off(age, ages):
        return pytest.approx(np.mean([abs(age - own) for own in ages]), abs=1e-3)

    goals = [lecture.YOUNG] * 4 + [lecture.OLD] * 4
    own = [faces.age(i) for i in lecture.bareheaded(faces, 75, 90, 4) + lecture.bareheaded(faces, 20, 35, 4)]
    assert report.metrics["mae"] == {"aged": off(judge, goals), "and back": off(judge, own)}
    assert report.baselines["mae"] == {"aged": off(judge, goals), "and back": off(judge, own)}
    for arm in ("PCA(p)", "pixels", "nothing done"):
        assert report.variants[arm]["asked"] == off(asked, goals)
        assert report.variants[arm]["second"] == off(judge, goals)
    assert report.variants["PCA(p), and back"]["asked"] == off(asked, own)
    assert report.extra["mae_of_second_network_on_pca"] == off(judge, own)


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
    from matplotlib import pyplot

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
