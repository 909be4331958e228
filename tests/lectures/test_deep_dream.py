"""Deep Dream: octaves, the step, goals, the control, a quick run, the demo."""

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
from lectures.insight import deep_dream
from lectures.report import Report
from pyconvnet import nn


@pytest.fixture
def toy():
    """Two convolutions, a mean: three classes."""
    pcn.manual_seed(0)
    a, b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1)
    head = nn.Sequential(b, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return FixedNetwork("toy", (Step(a), Step(nn.ReLU(), "conv1"), Step(head)), "abc", 3, 32)


@pytest.fixture
def image():
    return np.random.default_rng(0).uniform(0.2, 0.8, (3, 50, 40)).astype(np.float32)


def test_octaves_grow_by_the_scale_and_end_at_the_picture():
    assert deep_dream.octave_sizes((320, 320)) == [(117, 117), (163, 163), (229, 229), (320, 320)]
    assert deep_dream.octave_sizes((50, 40), 4, 1.4) == [(36, 29), (50, 40)]  # the next would be below 24 pixels
    assert deep_dream.octave_sizes((10, 10)) == [(10, 10)]
    for octaves, scale in ((0, 1.4), (3, 1.0), (3, float("nan"))):
        with pytest.raises(ValueError, match="at least one octave, and a scale above 1"):
            deep_dream.octave_sizes((64, 64), octaves, scale)


def test_without_steps_the_picture_stays(toy, image):
    np.testing.assert_array_equal(deep_dream.dream(deep_dream.all_scores(toy), image, steps=0), image)


def test_a_dream_keeps_size_bounds_and_network_and_repeats(toy, image):
    goal, before = deep_dream.all_scores(toy), [p.data.copy() for m in toy.modules() for p in m.parameters()]
    a, b = (deep_dream.dream(goal, image, steps=3, step=0.1, seed=5) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert a.shape == image.shape and a.dtype == np.float32 and 0 <= a.min() <= a.max() <= 1
    assert np.abs(a - deep_dream.dream(goal, image, steps=3, step=0.1, seed=6)).max() > 0
    assert all((x == p.data).all() for x, p in zip(before, (p for m in toy.modules() for p in m.parameters())))


def test_a_step_is_the_gradient_over_its_mean_magnitude(image):
    slope = np.random.default_rng(1).normal(size=image.shape).astype(np.float32)
    found = deep_dream.ascend(lambda x: (x * slope).sum(), image, (0, 0), step=0.01)
    np.testing.assert_allclose(found - image, 0.01 * slope / np.abs(slope).mean(), atol=1e-6)
    np.testing.assert_array_equal(deep_dream.ascend(lambda x: (0 * x).sum(), image, (0, 0)), image)


def test_the_picture_is_rolled_before_a_step_and_back_after_it(image):
    slope = np.random.default_rng(1).normal(size=image.shape).astype(np.float32)
    found = deep_dream.ascend(lambda x: (x * slope).sum(), image, (3, -7), step=0.01)
    back = np.roll(slope, (-3, 7), (1, 2))
    np.testing.assert_allclose(found - image, 0.01 * back / np.abs(back).mean(), atol=1e-6)


def test_what_was_changed_in_a_small_octave_is_carried_on(image):
    """No step in the last octave can undo or repeat it: a goal that only small pictures have."""

    def goal(x):
        return (x if x.shape[2] < 50 else 0 * x).sum()

    found = deep_dream.dream(goal, image, steps=2, step=0.05, jitter=0)
    np.testing.assert_allclose(found, np.clip(image + 0.1, 0, 1), atol=1e-5)


def test_the_goals(toy, image):
    scores = toy.logits(image[None]).data[0]
    assert deep_dream.all_scores(toy)(image[None]).item() == pytest.approx(scores.sum(), rel=1e-5)
    x = toy.features(image[None], ["conv1"])["conv1"].data
    assert deep_dream.energy(toy, "conv1")(image[None]).item() == pytest.approx((x**2).sum() / 2, rel=1e-5)
    other = image[:, ::-1].copy() ** 2
    risen = toy.logits(other[None]).data[0] - scores
    soft = -np.log(np.exp(-risen.astype(np.float64)).sum())
    assert deep_dream.every_score(toy, image)(other[None]).item() == pytest.approx(soft, rel=1e-4)


@pytest.mark.parametrize("goal", [deep_dream.all_scores, lambda net: deep_dream.energy(net, "conv1")])
def test_goals_rise_and_the_prior_smooths(goal, toy, image):
    plain, smooth = (deep_dream.dream(goal(toy), image, steps=5, tv=tv) for tv in (0.0, 0.5))
    assert goal(toy)(plain[None]).item() > goal(toy)(image[None]).item()
    assert roughness(smooth[None])[0] < roughness(plain[None])[0]


def test_the_dream_stands_beside_noise_of_its_own_norm(toy, image, tmp_path):
    report, images = Report("deep_dream", tmp_path), np.stack([image, image[:, ::-1]])
    noise = np.clip(images + 0.1, 0, 1)
    deep_dream.compare(report, toy, images, {"all classes": images[::-1] * 0.9}, noise)
    scores = {name: float(toy.logits(x).data.mean()) for name, x in (("dream", images[::-1] * 0.9), ("noise", noise))}
    assert report.metrics["mean_score"] == pytest.approx(scores["dream"], rel=1e-4)
    assert report.baselines["mean_score"] == pytest.approx(scores["noise"], rel=1e-4)
    raised = toy.logits(noise).data > toy.logits(images).data
    assert report.variants["noise of the same norm"]["classes_raised"] == pytest.approx(raised.mean())


def test_a_quick_run_leaves_result_and_pictures(tmp_path, capsys):
    assert main(["deep_dream", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "deep_dream" / "result.json").read_text())
    assert set(found["metrics"]) == set(found["baselines"]) == {"mean_score"}
    arms = found["variants"]
    assert arms["all classes"]["rms_change"] == pytest.approx(arms["noise of the same norm"]["rms_change"], rel=1e-3)
    for name in ("dream", "layers", "strength", "prior"):
        assert (tmp_path / "deep_dream" / f"{name}.png").stat().st_size > 5000
    assert "mean_score" in capsys.readouterr().out


def test_the_demo_shows_another_dream_when_the_slider_moves(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    monkeypatch.setattr(deep_dream, "QUICK_PICTURES", 2)
    options = Namespace(seed=0, quick=True, data=None, weights=None, resume=False)
    window = deep_dream.demo(options, Report("deep_dream", tmp_path))
    told = []
    for strength in (0, 2):
        window.strength.set_val(strength)
        told.append(window.told)
    assert told[1] > told[0] and "2 steps an octave" in window.axes.get_title()
    window.turn()
    assert window.index == 1 and len(window.computed) == 2
    pyplot.close(window.figure)
