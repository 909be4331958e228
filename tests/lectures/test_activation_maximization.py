"""Activation maximization: goals, the prior, who judges, receptive fields, quick runs."""

import json
from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.fixed_network.network import FixedNetwork, Step
from lectures.fixed_network.prior import roughness
from lectures.insight import activation_maximization as lecture
from lectures.report import Report
from pyconvnet import nn


@pytest.fixture
def toy():
    """Two convolutions with pooling between them, a mean: three classes."""
    pcn.manual_seed(0)
    a, b = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3))
    steps = Step(a), Step(nn.ReLU(), "conv1"), Step(nn.AvgPool2d(2), stride=2), Step(b), Step(nn.ReLU(), "conv2")
    return FixedNetwork("toy", (*steps, Step(head)), "abc", 1, 24)


def test_the_goals_are_of_each_pictures_own_class(toy):
    images = lecture.noise(4, toy, 0)
    scores, classes = toy.logits(images).data.astype(np.float64), [2, 0, 1, 2]
    expected = sum(row[c] for row, c in zip(scores, classes))
    assert lecture.scores(toy.logits, classes)(images).item() == pytest.approx(expected, rel=1e-5)
    sure = sum(row[c] - np.log(np.exp(row).sum()) for row, c in zip(scores, classes))
    assert lecture.certainty(toy.logits, classes)(images).item() == pytest.approx(sure, rel=1e-5)
    maps = toy.features(images, ["conv2"])["conv2"].data
    fired = sum(m[k, 6, 6] / u for m, k, u in zip(maps, [5, 0, 1, 1], (1, 2, 1, 4)))
    goal = lecture.neurons(toy, "conv2", [5, 0, 1, 1], np.array([1, 2, 1, 4], np.float32))
    assert goal(images).item() == pytest.approx(fired, rel=1e-5)


def test_the_score_rises_and_the_prior_smooths(toy):
    start, classes = lecture.noise(3, toy, 1), [0, 1, 2]
    goal = lecture.certainty(toy.logits, classes)
    plain, smooth = (lecture.maximise(goal, start, weight, steps=30) for weight in (0.0, 0.3))
    assert goal(plain).item() > goal(start).item()
    assert (roughness(smooth) < 0.5 * roughness(plain)).all()
    assert 0 <= plain.min() <= plain.max() <= 1


def test_jitter_rolls_the_pictures_that_the_network_sees_and_repeats(toy):
    seen, start = [], lecture.noise(1, toy, 0)

    def goal(images):
        seen.append(images.data.copy())
        return (images * 0).sum()

    lecture.maximise(goal, start, weight=0.0, shift=3, steps=6, seed=4)
    assert all(np.allclose(np.sort(x.ravel()), np.sort(start.ravel())) for x in seen)
    assert any(not np.array_equal(x, start) for x in seen)
    again, seen = seen, []
    lecture.maximise(goal, start, weight=0.0, shift=3, steps=6, seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(again, seen))


def test_starts_differ_by_seed(toy):
    a = lecture.noise(2, toy, 0)
    np.testing.assert_array_equal(a, lecture.noise(2, toy, 0))
    assert a.shape == (2, 1, 24, 24) and np.abs(a - lecture.noise(2, toy, 1)).mean() > 0.2


def test_what_a_neuron_sees_is_its_receptive_field(toy):
    top, left, bottom, right = lecture.field(toy, "conv1")
    assert (top, left, bottom, right) == (11, 11, 14, 14)  # 3 x 3 around pixel 12
    top, left, bottom, right = lecture.field(toy, "conv2")
    assert bottom - top == right - left == 8 and top <= 12 < bottom  # 3 cells of 2 x 2 pixels, one more on each side


def test_a_patch_beyond_the_picture_is_grey():
    image = np.ones((1, 8, 8), np.float32)
    np.testing.assert_array_equal(lecture.cut(image, (2, 2, 6, 6)), np.ones((1, 4, 4)))
    patch = lecture.cut(image, (2, 2, 6, 6), (-4, 0))
    np.testing.assert_array_equal(patch[0], [[0.5] * 4] * 2 + [[1.0] * 4] * 2)


def test_the_judge_judges_and_not_the_network_that_was_asked(toy, tmp_path):
    """Pictures all black: the network says class 0, the judge class 1."""

    class Says:
        name = "judge"

        def __init__(self, label):
            self.label = label

        def logits(self, images):
            return pcn.tensor(np.tile(np.eye(3, dtype=np.float32)[self.label], (len(images), 1)))

    report, right = Report("x", tmp_path), {arm: {} for arm in lecture.ARMS}
    network, judge = Says(0), Says(1)
    made, asked = np.zeros((4, 1, 24, 24), np.float32), np.array([0, 1, 1, 1])
    lecture.note(report, right, "TV prior", "class", made, asked, (network, judge), lambda n, x: n.logits(x))
    for arm in set(lecture.ARMS) - {"TV prior"}:
        right[arm]["class"] = np.array([False, False, True, False])
    lecture.conclude(report, right, judge)
    assert report.variants["class: TV prior"] == {"asked": 0.25, "judge": 0.75, "roughness": 0}
    assert report.metrics["accuracy"] == {"class": 0.75, "class, jitter": 0.25, "class, other goal": 0.25}
    assert report.baselines["accuracy"] == {"class": 0.25, "class, jitter": 0.25, "class, other goal": 0.25}
    assert report.extra["best_without_prior_of_any_arm"] == {"class": 0.25}
    assert report.extra["recognised_more_often_with_prior"] == 0.5
    assert report.extra["standard_error_of_that"] == pytest.approx(0.25)


def test_every_class_has_ten_starts_where_there_is_a_judge():
    options = Namespace(quick=False)
    asked = lecture.asked_classes(range(6), options, object())
    assert len(asked) == 60 and (np.bincount(asked) == lecture.STARTS).all()
    assert len(set(lecture.asked_classes(range(1000), options, None))) == lecture.SHOWN


def test_real_networks_without_a_second_one_have_no_judge(toy, tmp_path):
    options = Namespace(quick=True, seed=0, data="images:x", weights="x")
    assert lecture.second_network(options, Report("x", tmp_path), toy) is None
    report = Report("x", tmp_path)
    lecture.conclude(report, {}, None)
    assert "accuracy" not in report.metrics and report.extra["judge"].startswith("none")


def test_the_judge_of_painted_pictures_has_another_seed_and_learned_with_noise(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(lecture, "texture_network", lambda options, report, seed, noise: (seed, noise))
    options = Namespace(quick=True, seed=3, data=None, weights=None)
    assert lecture.second_network(options, Report("x", tmp_path), toy) == (1003, 0.25)


def test_a_quick_run_leaves_result_and_pictures(tmp_path, capsys):
    assert main(["activation_maximization", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "activation_maximization" / "result.json").read_text())
    assert set(found["metrics"]["accuracy"]) == set(found["baselines"]["accuracy"]) == {
        question + words for question in ("shape", "texture") for words in ("", ", jitter", ", other goal")
    }
    assert len(found["variants"]) == 2 * len(lecture.ARMS)
    for name in ("classes", "neurons"):
        assert (tmp_path / "activation_maximization" / f"{name}.png").stat().st_size > 5000
    assert "accuracy texture" in capsys.readouterr().out
