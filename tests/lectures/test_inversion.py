"""Inversion: the cost, a layer that can be undone, what the prior does, who is compared with whom, a quick run."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.fixed_network.likeness import correlation
from lectures.fixed_network.network import FixedNetwork, Step
from lectures.fixed_network.prior import roughness, total_variation
from lectures.insight import inversion
from lectures.report import Report
from pyconvnet import nn


def toy(stride=1, channels=4, padding=1):
    """One convolution of random weights, a ReLU, a mean."""
    pcn.manual_seed(0)
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    steps = Step(nn.Conv2d(3, channels, 3, stride, padding)), Step(nn.ReLU(), "conv1", stride), Step(head)
    return FixedNetwork("toy", steps, [str(i) for i in range(channels)], 3, 12)


def undone():
    """A layer that can be undone: red, green and blue mixed by an orthogonal matrix, lifted over the ReLU."""
    mix = nn.Conv2d(3, 3, 1)
    mix.weight.data[...] = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0].reshape(3, 3, 1, 1)
    mix.bias.data[...] = 3
    return FixedNetwork("mix", (Step(mix), Step(nn.ReLU(), "conv1")), "abc", 3, 8)


@pytest.fixture
def images():
    return np.random.default_rng(1).random((2, 3, 12, 12), np.float32)


# The cost


def test_feature_error_is_the_slides_first_term_over_its_norm(images):
    other, expected = images[::-1], [((a - b) ** 2).sum() / (b**2).sum() for a, b in zip(images, images[::-1])]
    np.testing.assert_allclose(inversion.feature_error(images, other), expected, rtol=1e-6)
    np.testing.assert_allclose(inversion.feature_error(pcn.tensor(images), other).data, expected, rtol=1e-5)
    np.testing.assert_array_equal(inversion.feature_error(images, images), 0)
    np.testing.assert_allclose(inversion.feature_error(0 * images, images), 1)


@pytest.mark.parametrize("form, beta", [("exact", 2.0), ("exact", 1.0), ("literal", 1.0)])
def test_the_cost_is_both_terms(images, form, beta):
    network = toy()
    target = inversion.features(network, "conv1", images[::-1].copy())
    found = inversion.cost(network, "conv1", target, 0.3, beta, form)(pcn.tensor(images)).item()
    first = inversion.feature_error(inversion.features(network, "conv1", images), target).sum()
    second = total_variation(images, beta, form).data.sum() / (3 * 12 * 12 * (30 / 255) ** beta)
    assert found == pytest.approx(first + 0.3 * second, rel=1e-5)


def test_the_rate_falls_twice():
    rate = inversion.falling(2.0, 10)
    assert [rate(k) for k in range(10)] == pytest.approx([2] * 5 + [0.6] * 3 + [0.2] * 2)


def test_random_starts_differ_by_seed_only():
    a, b = inversion.random_start((2, 3, 8, 8), 0), inversion.random_start((2, 3, 8, 8), 1)
    np.testing.assert_array_equal(a, inversion.random_start((2, 3, 8, 8), 0))
    assert np.abs(a - b).mean() > 0.05 and 0 <= a.min() <= a.max() <= 1


# The minimum


def test_a_layer_that_can_be_undone_gives_the_picture_back(images):
    network, picture = undone(), images[:1, :, :8, :8]
    target = inversion.features(network, "conv1", picture)
    start = inversion.random_start(picture.shape, 0)
    found = inversion.invert(network, "conv1", target, start, weight=0.0, steps=150)
    np.testing.assert_allclose(found, picture, atol=0.01)


def test_the_prior_makes_pictures_smoother_at_nearly_the_same_error(images):
    network = toy(stride=2)  # 4 numbers for 12: much is forgotten
    target = inversion.features(network, "conv1", images)
    start = inversion.random_start(images.shape, 0)
    rough, smooth = (inversion.invert(network, "conv1", target, start, w, 120) for w in (0.0, 0.003))
    errors = [inversion.feature_error(inversion.features(network, "conv1", x), target).max() for x in (rough, smooth)]
    assert max(errors) < 0.05
    assert (roughness(smooth) < 0.9 * roughness(rough)).all()


def test_two_starts_end_alike_for_the_layer_and_not_alike(images):
    network = toy(stride=2)
    target = inversion.features(network, "conv1", images)
    starts = [inversion.random_start(images.shape, seed) for seed in (0, 1)]
    a, b = (inversion.invert(network, "conv1", target, start, 0.0, 120) for start in starts)
    for x in (a, b):
        assert inversion.feature_error(inversion.features(network, "conv1", x), target).max() < 0.02
    assert correlation(a, b).max() < 0.99 and correlation(a, a).min() == pytest.approx(1)


def test_the_network_stays_as_it_is(images):
    network = toy()
    before = [p.data.copy() for m in network.modules() for p in m.parameters()]
    inversion.invert(network, "conv1", inversion.features(network, "conv1", images), images[::-1].copy(), steps=3)
    after = [p for m in network.modules() for p in m.parameters()]
    assert all((a == b.data).all() and b.grad is None for a, b in zip(before, after))


# The run


def test_both_reconstructions_have_starts_of_their_own(images, monkeypatch):
    starts = []
    monkeypatch.setattr(inversion, "invert", lambda net, layer, target, start, weight, steps: starts.append(start))
    for seed in (0, 1):
        inversion.inverted(toy(), "conv1", images, seed)
    assert np.array_equal(starts[0], starts[2])  # with the prior and without it: the same
    for k, m in ((0, 1), (0, 3), (1, 3), (1, 4), (3, 4)):
        assert np.abs(starts[k] - starts[m]).mean() > 0.05


def test_which_layers_are_shown():
    names = [f"fire{i}" for i in range(9)]
    assert inversion.shown_layers(SimpleNamespace(layers=names)) == names[::2]
    assert inversion.shown_layers(SimpleNamespace(layers=[*names, "conv10"])) == names[::2]
    assert inversion.shown_layers(SimpleNamespace(layers=names[:4])) == names[:4]
    assert inversion.depths(names[:4]) == {"early": "fire1", "middle": "fire2", "deep": "fire3"}
    assert inversion.depths(names[::2]) == {"early": "fire2", "middle": "fire4", "deep": "fire8"}


def test_each_error_stands_beside_the_best_guess_of_its_own_layer(images, tmp_path):
    network, report = toy(), Report("inversion", tmp_path)
    same = {arm: images for arm in inversion.ARMS}
    inversion.compare(report, network, ["conv1"], images, others := images[::-1] ** 2, {"conv1": same}, 0)
    assert report.metrics["feature_error"] == {"early": 0, "middle": 0, "deep": 0}
    guesses = report.extra["baselines"]["conv1"]
    assert set(guesses) == {"a random start", "the mean picture", "another picture"}
    assert report.baselines["feature_error"]["deep"] == min(guesses.values()) > 0
    target = inversion.features(network, "conv1", images)
    mean = inversion.features(network, "conv1", np.repeat(others.mean(0, keepdims=True), 2, 0))
    assert guesses["the mean picture"] == pytest.approx(inversion.feature_error(mean, target).mean(), rel=1e-5)
    assert report.variants["conv1, TV prior"]["pixel_correlation"] == pytest.approx(1)
    assert report.extra["two_starts"]["conv1"] == {"feature_error": 0, "pixel_correlation": pytest.approx(1)}


def test_one_picture_alone_is_not_compared_with_itself(images):
    network = toy()
    assert set(inversion.baselines(network, "conv1", images, [])) == {"a random start"}
    guesses = inversion.baselines(network, "conv1", images[:1], [images[1]])
    assert min(guesses.values()) > 0 and guesses["another picture"] == guesses["the mean picture"]


def test_a_quick_run_leaves_result_and_pictures(tmp_path, capsys):
    assert main(["inversion", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "inversion" / "result.json").read_text())
    errors, guesses = (found[part]["feature_error"] for part in ("metrics", "baselines"))
    assert set(errors) == set(guesses) == {"early", "middle", "deep"}
    for name in ("reconstructions", "not_unique", "errors"):
        assert (tmp_path / "inversion" / f"{name}.png").stat().st_size > 5000
    assert "feature_error deep" in capsys.readouterr().out
