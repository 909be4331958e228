"""Saliency: maps known by hand, the three tests of maps, a quick run."""

import json

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.fixed_network.network import FixedNetwork, Step
from lectures.insight import saliency
from pyconvnet import nn


class Linear(nn.Module):
    """Scores = W . pixels."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(pcn.tensor(weight))

    def forward(self, x):
        return x.reshape(len(x), -1) @ self.weight.T


def network_of(*steps, classes=2, channels=1, size=8):
    return FixedNetwork("toy", steps, [f"class {i}" for i in range(classes)], channels, size)


def convolution(weight, bias=0.0):
    layer = nn.Conv2d(weight.shape[1], len(weight), weight.shape[2:])
    layer.weight.data[...], layer.bias.data[...] = weight, bias
    return layer


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def toy():
    """Two convolutions, ReLUs, a mean: random weights."""
    pcn.manual_seed(0)
    a, b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 3, 3, padding=1)
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    steps = Step(a), Step(nn.ReLU(), "conv1"), Step(b), Step(nn.ReLU(), "conv2"), Step(head)
    return network_of(*steps, classes=3, channels=3)


# The maps


def test_the_gradient_of_a_linear_model_is_its_weights(rng):
    weight = rng.normal(size=(2, 3 * 6 * 6)).astype(np.float32)
    network = network_of(Step(Linear(weight)), channels=3)
    maps = saliency.gradient(network, rng.random((2, 3, 6, 6), np.float32), [1, 0])
    for found, row in zip(maps, weight[::-1]):
        np.testing.assert_allclose(found, np.abs(row.reshape(3, 6, 6)).max(0), rtol=1e-6)


def test_grad_cam_of_one_channel_is_its_map_times_the_slope(rng):
    """A convolution of 1 x 1 by 2, a ReLU, scores +3 and -3 times the mean: Grad-CAM is 3 / pixels times the map, 0."""
    doubled, head = convolution(np.full((1, 1, 1, 1), 2.0)), Linear(np.array([[3.0], [-3.0]], np.float32) / 64)

    class Sum(nn.Module):
        def forward(self, x):
            return head(x.sum((2, 3)))

    network = network_of(Step(doubled), Step(nn.ReLU(), "conv1"), Step(Sum()))
    images = rng.uniform(-1, 1, (2, 1, 8, 8)).astype(np.float32)
    maps = saliency.grad_cam(network, images, [0, 1])
    np.testing.assert_allclose(maps[0], 3 / 64 * np.maximum(2 * images[0, 0], 0), atol=1e-6)
    np.testing.assert_array_equal(maps[1], 0)


def test_grad_cam_weighs_a_map_by_its_mean_slope(rng):
    """A score that reads two places by 1 and 3: the map counts by their mean 2, at both places."""
    same, head = convolution(np.ones((1, 1, 1, 1))), Linear(np.array([[1.0, 3.0]], np.float32))
    flat = nn.Sequential(nn.Flatten(), head)
    network = network_of(Step(same), Step(nn.ReLU(), "conv1"), Step(flat), classes=1)
    images = rng.uniform(0.1, 1, (1, 1, 1, 2)).astype(np.float32)
    np.testing.assert_allclose(saliency.grad_cam(network, images, [0])[0], 2 * images[0, 0], rtol=1e-6)


def test_zeilers_rule_drops_negative_signals_and_the_gradient_does_not(rng):
    """One layer up with weights +1 and -1: only the positive one passes on the way down."""
    both = convolution(np.array([1.0, -1.0]).reshape(2, 1, 1, 1), 5.0)
    score = Linear(np.tile(np.array([[1.0], [-1.0]], np.float32), (1, 16)).reshape(1, 32))
    network = network_of(Step(both), Step(nn.ReLU(), "conv1"), Step(score), classes=1, size=4)
    images = rng.random((1, 1, 4, 4), np.float32)
    np.testing.assert_allclose(saliency.gradient(network, images, [0]), 2)  # 1 * 1 + (-1) * (-1)
    np.testing.assert_allclose(saliency.zeiler(network, images, [0]), 1)  # the second signal is -1: dropped


def test_where_all_signals_are_positive_zeilers_rule_is_the_gradient(rng):
    up = convolution(np.abs(rng.normal(size=(3, 1, 3, 3))), 0.1)
    head = Linear(np.abs(rng.normal(size=(2, 3 * 36))).astype(np.float32))
    network = network_of(Step(up), Step(nn.ReLU(), "conv1"), Step(head))
    images = rng.random((2, 1, 8, 8), np.float32)
    np.testing.assert_allclose(
        saliency.zeiler(network, images, [0, 1]), saliency.gradient(network, images, [0, 1]), rtol=1e-5
    )


def test_occlusion_is_brightest_over_the_only_pixels_that_count(rng):
    weight = np.zeros((2, 16, 16), np.float32)
    weight[0, 4:8, 8:12] = 1.0
    network = network_of(Step(Linear(weight.reshape(2, -1))), size=16)
    image = np.full((1, 1, 16, 16), 0.2, np.float32)
    image[0, 0, 4:8, 8:12] = 1.0
    found = saliency.occlusion(network, image, [0])[0]
    inside = np.zeros((16, 16), bool)
    inside[4:8, 8:12] = True
    assert inside.ravel()[found.argmax()] and found[0, 0] == 0 and saliency.mass_inside(found[None], inside[None]) > 0.3
    assert not saliency.occlusion(network, image, [1]).any()  # hiding it makes the other class more probable


@pytest.mark.parametrize("method", saliency.METHODS.values())
def test_a_map_has_the_size_of_the_picture_and_is_its_own(method, toy, rng):
    images = rng.random((3, 3, 12, 10), np.float32)
    maps = method(toy, images, [0, 1, 2])
    assert maps.shape == (3, 12, 10) and np.isfinite(maps).all() and maps.min() >= 0
    np.testing.assert_allclose(method(toy, images[1:2], [1])[0], maps[1], atol=1e-6)


# The tests of maps


def test_share_inside_a_mask():
    maps = np.stack([np.eye(4), np.ones((4, 4)), np.zeros((4, 4))])
    masks = np.zeros((3, 4, 4), bool)
    masks[:, :2, :2] = True
    np.testing.assert_allclose(saliency.mass_inside(maps, masks), [0.5, 0.25, 0.25])


def test_correlation_of_ranks(rng):
    a = rng.random((3, 5, 5))
    np.testing.assert_allclose(saliency.same_order(a, np.exp(a)), 1)
    np.testing.assert_allclose(saliency.same_order(a, -(a**3)), -1)
    np.testing.assert_array_equal(saliency.same_order(a, np.ones((3, 5, 5))), 0)
    ties = np.array([[[0.0, 0, 0, 1]]]), np.array([[[0.0, 0, 1, 1]]])  # mean ranks 1 1 1 3 and .5 .5 2.5 2.5
    np.testing.assert_allclose(saliency.same_order(*ties), 1 / np.sqrt(3))


def test_a_network_that_knows_nothing_is_not_silent(toy, rng):
    images = rng.random((2, 3, 12, 10), np.float32)
    for seed in range(4):
        shuffled = saliency.knowing_nothing(toy, images, [0, 1], seed)
        assert saliency.gradient(shuffled, images, [0, 1]).any(axis=(1, 2)).all()
        trained, now = (np.concatenate([p.data.ravel() for m in n.modules() for p in m.parameters()])
                        for n in (toy, shuffled))  # fmt: skip
        assert not np.array_equal(trained, now) and np.allclose(np.sort(trained), np.sort(now))


def test_a_grid_holds_four_classes_in_reading_order(rng):
    labels = np.arange(12) % 6
    images = np.broadcast_to(labels[:, None, None, None] / 10, (12, 1, 3, 5)).astype(np.float32)
    pictures, names = saliency.grids(images, labels, 4, seed=1)
    assert pictures.shape == (4, 1, 6, 10) and all(len(set(four)) == 4 for four in names)
    masks = saliency.quarters((6, 10))
    np.testing.assert_array_equal(masks.sum(0), 1)
    for picture, four in zip(pictures, names):
        for mask, label in zip(masks, four):
            np.testing.assert_allclose(picture[0][mask], label / 10, atol=1e-6)
    with pytest.raises(ValueError, match="four classes, got 3"):
        saliency.grids(images, labels % 3, 4)


def test_a_quick_run_leaves_result_and_pictures(tmp_path, capsys):
    assert main(["saliency", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "saliency" / "result.json").read_text())
    assert set(found["metrics"]["mass_inside"]) == set(found["baselines"]["mass_inside"]) == set(saliency.METHODS)
    assert found["extra"]["share_of_area"] < found["extra"]["share_of_the_middle"]
    for name in ("maps", "shuffled", "two_questions"):
        assert (tmp_path / "saliency" / f"{name}.png").stat().st_size > 5000
    assert "mass_inside zeiler" in capsys.readouterr().out
