"""Neural style: Gram matrices and their laws, both decks' weights, who judges, autocorrelation, the run."""

import json
import os
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_style_network import TOTAL, small, torus, whole

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.fixed_network.likeness import correlation
from lectures.report import Report
from lectures.style import style as lecture
from lectures.style.foundation import judging, recipes
from lectures.style.foundation.objective import Objective, Settings, paint
from lectures.style.foundation.pictures import Pairs
from lectures.style.style_naive import positions
from pyconvnet.testing import check_grads

SETTINGS = Settings(style_layers=("conv1", "conv2"), content_layers=("conv2",), alpha=0.3, tv=0.0)
ALL = Settings(style_layers=("conv1", "conv2", "conv3"), content_layers=("conv3",), tv=0.0)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def drawn(rng, count=2, side=16):
    return rng.random((count, 3, side, side), dtype=np.float32)


# Gram matrices


def test_gram_by_loops(rng):
    responses = rng.normal(size=(2, 3, 4, 5))
    found = lecture.gram(pcn.tensor(responses)).data
    for n in range(2):
        for a in range(3):
            for b in range(3):
                dot = sum(responses[n, a, y, x] * responses[n, b, y, x] for y in range(4) for x in range(5))
                assert found[n, a, b] == pytest.approx(dot / (3 * 4 * 5))


def test_gram_has_gradients_of_every_order(rng):
    check_grads(lecture.gram, rng.normal(size=(2, 3, 2, 3)), order=2)


def test_where_a_response_stands_does_not_matter(rng):
    responses = rng.integers(-4, 5, (1, 6, 4, 4)).astype(np.float32)
    shuffled = responses.reshape(1, 6, 16)[:, :, rng.permutation(16)].reshape(1, 6, 4, 4)
    np.testing.assert_array_equal(lecture.gram(pcn.tensor(responses)).data, lecture.gram(pcn.tensor(shuffled)).data)


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_on_a_torus_a_moved_picture_has_the_same_style_exactly_and_another_layout(rng, pooling):
    """Sums of whole numbers (or sixteenths of them), so == and no tolerance."""
    network, images, styles = torus(rng), whole(rng), whole(rng)
    settings = replace(ALL, pooling=pooling)
    by_gram, by_position = (Objective(network, styles, styles, settings, d) for d in (lecture.gram, positions))
    before, before_there = by_gram.measured(images)[0], by_position.measured(images)[0]
    for shift in ((TOTAL, 0), (0, TOTAL), (-TOTAL, 2 * TOTAL), (3 * TOTAL, TOTAL)):
        moved = np.roll(images, shift, (2, 3))
        assert (by_gram.measured(moved)[0] == before).all() and (before > 0.001).all()
        assert (by_position.measured(moved)[0] != before_there).all()
    unit = {"max": 1, "average": 1 / 16}[pooling]  # of conv3: all its responses are multiples of it
    last = by_gram.network.features(images, ("conv3",))["conv3"].data.astype(np.float64)
    assert (last**2).sum((2, 3)).max() / unit**2 < 2**24, "else float32 would round"


def test_a_shift_that_is_no_multiple_of_the_stride_may_change_the_style(rng):
    network, images, styles = torus(rng), whole(rng), whole(rng)
    objective = Objective(network, styles, styles, replace(ALL, pooling="max"), lecture.gram)
    before, moved = (objective.measured(x)[0] for x in (images, np.roll(images, 1, 3)))
    assert (before != moved).any()
    first = Objective(network, styles, styles, replace(ALL, style_layers=("conv1",)), lecture.gram)
    assert (first.measured(images)[0] == first.measured(np.roll(images, 1, 3))[0]).all(), "conv1 has stride 1"


def test_styles_of_any_size_and_one_for_all(rng):
    network, contents, style = small(), drawn(rng, 3), drawn(rng, 1, 24)
    one = Objective(network, contents, style, SETTINGS, lecture.gram).measured(contents)[0]
    each = Objective(network, contents, np.repeat(style, 3, 0), SETTINGS, lecture.gram).measured(contents)[0]
    np.testing.assert_allclose(one, each, rtol=1e-5)


# Two decks, one minimum


@pytest.mark.parametrize(("content", "style"), [(1.0, 3.0), (0.25, 0.75), (0.0, 2.0), (5.0, 0.0), (2.0, 62.0)])
def test_deck_b_is_a_multiple_of_deck_a(rng, content, style):
    network, contents, styles = small(), drawn(rng), drawn(rng)
    alpha = lecture.alpha_of(content, style)
    x = pcn.tensor(drawn(rng), requires_grad=True)
    objective = Objective(network, contents, styles, replace(SETTINGS, alpha=alpha), lecture.gram)
    L_style, L_content = (term.sum() for term in objective.terms(x))
    J_b, J_a = content * L_content + style * L_style, objective(x)
    assert J_b.item() == pytest.approx((content + style) * J_a.item(), rel=1e-5)
    (g_b,), (g_a,) = (pcn.grad(J, x) for J in (J_b, J_a))
    np.testing.assert_allclose(g_b.data, (content + style) * g_a.data, rtol=1e-3, atol=1e-6)


def test_the_axis_of_deck_a_is_the_ratio_of_deck_bs_weights():
    assert lecture.ratio(lecture.alpha_of(3.0, 5.0)) == pytest.approx(3 / 5)
    assert lecture.ratio(0.5) == 1 and lecture.ratio(0.0) == 0 and lecture.ratio(1.0) == np.inf
    for wrong in ((0.0, 0.0), (-1.0, 2.0), (float("nan"), 1.0)):
        with pytest.raises(ValueError, match="must not be negative, nor both 0"):
            lecture.alpha_of(*wrong)


# Descent


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_descent_makes_J_small(rng, optimizer):
    settings = replace(SETTINGS, optimizer=optimizer, steps=25, tv=0.01)
    painted, losses = paint(small(), drawn(rng), drawn(rng), settings, lecture.gram, bar=None)
    assert losses[-1] < 0.5 * losses[0] and len(losses) == 26
    assert np.min(painted) >= 0 and np.max(painted) <= 1


def test_content_alone_leaves_the_content(rng):
    contents = drawn(rng)
    settings = replace(SETTINGS, alpha=1.0, steps=3)
    painted, losses = paint(small(), contents, drawn(rng), settings, lecture.gram, bar=None)
    assert losses[0] == losses[-1] == 0
    np.testing.assert_array_equal(np.stack(painted), contents)


# Which layers


def network_with(*layers, textures=False):
    known = {"textures": ("a",)} if textures else {}
    return Namespace(layers=layers, **known)


def test_tried_settings_for_known_networks_and_early_layers_for_others():
    assert recipes.recipe(network_with("conv1", "conv2", "conv3", "conv4", textures=True)) is recipes.PAINTED
    squeezenet = network_with("conv1", *(f"fire{k}" for k in range(2, 10)), "conv10")
    assert recipes.recipe(squeezenet) is recipes.PHOTOGRAPHS
    vgg = [f"relu{b}_{k}" for b, many in enumerate((2, 2, 4, 4, 4), 1) for k in range(1, many + 1)]
    assert recipes.recipe(network_with(*vgg)) is recipes.OF_GATYS
    other = recipes.recipe(network_with(*(f"layer{k}" for k in range(10))))
    assert other.style_layers == ("layer0", "layer1", "layer2", "layer4", "layer5") or len(other.style_layers) == 5
    assert other.content_layers[0] in other.style_layers and other.optimizer == "lbfgs"
    assert recipes.recipe(network_with("a", "b")).style_layers == ("a", "b")


def test_the_judge_has_another_seed_and_both_saw_noise(monkeypatch, tmp_path):
    asked = []

    def stub(options, report, seed, noise):
        asked.append((seed, noise))
        return Namespace(name=f"net {seed}")

    monkeypatch.setattr(recipes, "texture_network", stub)
    options, report = Namespace(weights=None, data=None, seed=7), Report("style", tmp_path)
    network, judge = recipes.networks_of(options, report)
    assert asked == [(7, recipes.NOISE), (7 + recipes.JUDGE, recipes.NOISE)] and recipes.JUDGE > 100
    assert network.name == "net 7" and judge.name != network.name


# What became of a picture


def test_autocorrelation_by_loops(rng):
    image = rng.random((2, 6, 7))
    found = judging.autocorrelation(image[None], 3)[0]
    centred = image - image.mean((1, 2), keepdims=True)
    for down in range(4):
        for across in range(-3, 4):
            pairs = [
                (centred[:, y, x] * centred[:, y + down, x + across]).sum()
                for y in range(6) for x in range(7) if y + down < 6 and 0 <= x + across < 7
            ]  # fmt: skip
            expected = np.mean(pairs) / (centred**2).sum(0).mean()
            assert found[down, 3 + across] == pytest.approx(expected, abs=1e-9)
    assert found[0, 3] == pytest.approx(1)
    with pytest.raises(ValueError, match="lags must be 1 to 5"):
        judging.autocorrelation(image[None], 6)


def test_coarse_error_sees_the_size_of_patches_and_not_where_they_stand():
    def board(side, shift=0):
        y, x = np.mgrid[0:64, 0:64]
        return np.repeat((((x + shift) // side + y // side) % 2).astype(float)[None, None], 3, 1)

    same, moved = judging.coarse_error(board(8), board(8)), judging.coarse_error(board(8, 4), board(8))
    other = judging.coarse_error(board(16), board(8))
    assert same == 0 and moved < 0.1 < 0.3 < other


def test_what_the_judge_sees_and_what_is_a_copy(rng):
    contents, styles = drawn(rng, 4), drawn(rng, 4)
    pairs = Pairs(contents, styles, list("abcd"), np.array([0, 0, 0, 0]), np.array([1, 2, 3, 0]))

    class Judge:
        def predict_textures(self, images):
            return np.array([1, 2, 3, 4]), None

        def predict(self, images):
            return np.array([0, 1, 0, 0]), None

    unlike = judging.judged(Judge(), drawn(rng, 4), pairs)
    assert (unlike["texture"], unlike["shape"], unlike["transferred"]) == (0.75, 0.75, 0.5)
    assert abs(unlike["copy"]) < 0.2
    copied = judging.judged(Judge(), 0.5 * styles + 0.2, pairs)
    assert copied["texture"] == 0.75 and copied["transferred"] == 0 and copied["copy"] == pytest.approx(1)
    assert judging.judged(None, None, pairs) == {}


def test_details_by_the_definition(rng):
    image, reach = rng.random((6, 7)), 3
    weights = np.exp(-0.5 * np.arange(-reach, reach + 1) ** 2.0)
    weights /= weights.sum()
    padded = np.pad(image, reach, mode="reflect")
    blurred = [
        [(np.outer(weights, weights) * padded[y : y + 7, x : x + 7]).sum() for x in range(7)] for y in range(6)
    ]
    np.testing.assert_allclose(judging.detail(image[None, None], sigma=1)[0, 0], image - blurred, atol=1e-9)
    np.testing.assert_allclose(judging.detail(np.full((1, 3, 16, 16), 0.4)), 0, atol=1e-9)


def test_what_takes_no_network(rng):
    contents, styles = 0.4 + 0.2 * drawn(rng), 0.4 + 0.2 * drawn(rng)
    found = judging.trivial(Pairs(list(contents), list(styles), ["a", "b"]))
    np.testing.assert_array_equal(found["content unchanged"], contents)
    np.testing.assert_array_equal(found["style picture itself"], styles)
    np.testing.assert_allclose(found["half of each"], (contents + styles) / 2, atol=1e-6)
    pasted = found["style's details pasted"]
    assert correlation(judging.detail(pasted), judging.detail(styles)).min() > 0.8
    blurred = contents - judging.detail(contents)
    assert np.abs(pasted - judging.detail(styles) - blurred).max() < 1e-5


# The run


@pytest.fixture(scope="module")
def quick_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYCONVNET_CACHE", str(out / "cache"))
        assert main(["style", "--quick", "--out", str(out)]) == 0
    return out / "style"


def test_a_quick_run_leaves_result_and_pictures(quick_run):
    found = json.loads((quick_run / "result.json").read_text())
    for name in ("accuracy", "correlation", "coarse_error", "spearman", "style_distance"):
        assert name in found["metrics"] and name in found["baselines"], name
    assert {"painted", "content unchanged", *(f"alpha {a:g}" for a in lecture.ALPHAS)} <= set(found["variants"])
    for name in ("style", "alpha", "alpha_distances", "layouts", "layers", "curves", "ways"):
        assert (quick_run / f"{name}.png").stat().st_size > 5000


def test_the_judge_judges_and_the_baseline_is_the_content_as_it_was(quick_run):
    found = json.loads((quick_run / "result.json").read_text())
    assert found["metrics"]["accuracy"]["texture"] == found["variants"]["painted"]["texture"]
    assert found["baselines"]["accuracy"]["texture"] == found["variants"]["content unchanged"]["texture"]
    assert found["baselines"]["accuracy"]["shape"] == found["variants"]["style picture itself"]["shape"]
    easy = ("content unchanged", "style picture itself", "half of each", "style's details pasted")
    best = max(found["variants"][name]["transferred"] for name in easy)
    assert found["baselines"]["accuracy"]["transferred"] == best
    assert found["metrics"]["accuracy"]["transferred"] == found["variants"]["painted"]["transferred"]
    assert set(found["extra"]["coarse_error"]) == {"noise", "first layer", "another texture"}
    assert found["baselines"]["coarse_error"]["several layers"] == min(found["extra"]["coarse_error"].values())
    assert found["extra"]["chance_of_texture"] == pytest.approx(1 / 6)
    assert len(found["extra"]["accuracy"]) == 3, "the network, its judge, and one that was taught without noise"


def test_the_slider_shows_the_nearest_alpha(rng, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    from matplotlib import pyplot

    from lectures.style.drawing.style_demo import AlphaDemo

    pyplot.switch_backend("agg")
    pairs = Pairs(list(drawn(rng)), list(drawn(rng, side=20)), ["a", "b"])
    painted = {alpha: list(drawn(rng)) for alpha in (0.01, 0.1, 0.5)}
    window = AlphaDemo(pairs, painted)
    for position, nearest in ((-2.0, 0), (-1.0, 1), (-0.1, 2)):
        window.weight.set_val(position)
        assert window.nearest == nearest and f"{list(painted)[nearest]:.3g}" in window.axes.get_title()
    window.turn()
    assert window.index == 1 and window.axes.get_title().startswith("b:")
    pyplot.close(window.figure)


def test_the_demo_paints_a_sweep_beforehand(rng, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    pairs = Pairs(list(drawn(rng, side=32)), list(drawn(rng, side=32)), ["a", "b"])
    monkeypatch.setattr(lecture, "networks_of", lambda options, report: (small(), None))
    monkeypatch.setattr(lecture, "pairs_of", lambda options, network: pairs)
    window = lecture.demo(Namespace(quick=True, seed=0), Report("style", tmp_path))
    pictures = []
    for position in (window.axis.min(), window.axis.max()):
        window.weight.set_val(position)
        pictures.append(np.asarray(window.axes.images[0].get_array()))
    assert np.abs(pictures[0] - pictures[1]).max() > 0.01 and len(window.alphas) == len(lecture.ALPHAS)
    pyplot.close(window.figure)


def test_photographs_take_the_same_way(rng, tmp_path, monkeypatch):
    """With a small network instead of a real one: pictures of any size, no judge, a figure of each pair."""
    image = pytest.importorskip("PIL.Image")
    for name in ("content/a.png", "style/s.png", "style/t.png"):
        path = tmp_path / "gallery" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(rng.integers(0, 256, (34, 48, 3)).astype(np.uint8)).save(path)
    monkeypatch.setattr(lecture, "networks_of", lambda options, report: (small(), None))
    assert main(["style", "--quick", "--data", f"images:{tmp_path / 'gallery'}", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "style" / "result.json").read_text())
    assert {"a in s", "a in t"} <= set(found["variants"]) and "accuracy" not in found["metrics"]
    for name in ("style_1", "style_2", "style", "alpha", "layers", "ways"):
        assert (tmp_path / "style" / f"{name}.png").is_file()


def test_real_features_give_a_photograph_the_style_of_a_painting():
    root = os.environ.get("PYCONVNET_DATA")
    if not root:
        pytest.skip("PYCONVNET_DATA is not set: no real weights here")
    from lectures.fixed_network.real_weights import real_network
    from lectures.style.foundation.pictures import folder_pairs

    network = real_network(Path(root) / "weights" / "squeezenet" / "squeezenet_v1.0_decoded.npz")
    pairs = folder_pairs(f"images:{root}/style", longest=96).first(1)
    settings = replace(recipes.recipe(network), steps=15)
    _, losses = paint(network, pairs.contents, pairs.styles, settings, lecture.gram, bar=None)
    assert settings.optimizer == "lbfgs" and losses[-1] < 0.1 * losses[0]
