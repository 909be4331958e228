"""The slides' first idea of style: the objective, its laws, that it copies, the pictures, the run."""

import json
from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
from toy_style_network import TOTAL, small, torus, whole

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.style import style_naive as lecture
from lectures.style.foundation import pictures
from lectures.style.foundation.objective import Objective, Settings, measured, paint, start_of

SETTINGS = Settings(style_layers=("conv1", "conv2"), content_layers=("conv2",), alpha=0.3, tv=0.0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def drawn(rng, count=2, side=16):
    return rng.random((count, 3, side, side), dtype=np.float32)


# The objective


@pytest.mark.parametrize("relative", [True, False])
def test_both_terms_by_loops(rng, relative):
    network, images, contents, styles = small(), *(drawn(rng) for _ in range(3))
    settings = replace(SETTINGS, weights=(0.25, 2.0), relative=relative, pooling="max")
    style, content = Objective(network, contents, styles, settings, lecture.positions).terms(images)
    for n in range(2):
        own = (x[n : n + 1] for x in (images, styles, contents))
        found, of_style, of_content = (network.features(x, ("conv1", "conv2")) for x in own)

        def distance(a, b, layer):
            a, b = a[layer].data.astype(np.float64), b[layer].data.astype(np.float64)
            total = sum((p - q) ** 2 for p, q in zip(a.ravel(), b.ravel()))
            return total / sum(q * q for q in b.ravel()) if relative else total

        expected = 0.25 * distance(found, of_style, "conv1") + 2.0 * distance(found, of_style, "conv2")
        assert style.data[n] == pytest.approx(expected, rel=1e-4)
        assert content.data[n] == pytest.approx(distance(found, of_content, "conv2"), rel=1e-4)


def test_J_is_what_the_slide_says_summed_over_the_pictures(rng):
    network, images, contents, styles = small(), *(drawn(rng) for _ in range(3))
    objective = Objective(network, contents, styles, SETTINGS, lecture.positions)
    style, content = objective.measured(images)
    assert objective(pcn.tensor(images)).item() == pytest.approx(float((0.7 * style + 0.3 * content).sum()), rel=1e-5)
    rough = Objective(network, contents, styles, replace(SETTINGS, tv=2.0), lecture.positions)
    squares = (np.diff(images, axis=2) ** 2).sum() + (np.diff(images, axis=3) ** 2).sum()
    more = rough(pcn.tensor(images)).item() - objective(pcn.tensor(images)).item()
    assert more == pytest.approx(2.0 * squares / images[0].size, rel=1e-3)


def test_nothing_is_left_to_do_where_the_picture_is_both(rng):
    images = drawn(rng)
    style, content = Objective(small(), images, images, SETTINGS, lecture.positions).measured(images)
    assert not style.any() and not content.any()


def test_average_pooling_stands_where_the_settings_say_so(rng):
    network, images, contents, styles = small(), *(drawn(rng) for _ in range(3))
    for pooling, own in (("max", network), ("average", network.averaged())):
        objective = Objective(network, contents, styles, replace(SETTINGS, pooling=pooling), lecture.positions)
        expected = own.features(images, ("conv2",))["conv2"].data
        np.testing.assert_allclose(objective.responses(images, ("conv2",))["conv2"].data, expected, atol=1e-6)
    other = network.features(images, ("conv2",))["conv2"].data
    assert np.abs(other - expected).max() > 0.01, "else nothing is shown"


def test_a_mirrored_border_stands_around_the_picture(rng):
    images, seen = drawn(rng), []
    network = small()
    network.features = lambda x, layers: seen.append(x.data) or type(network).features(network, x, layers)
    Objective(network, images, images, replace(SETTINGS, border=3, pooling="max"), lecture.positions)
    np.testing.assert_array_equal(seen[0], np.pad(images, ((0, 0), (0, 0), (3, 3), (3, 3)), mode="reflect"))


def test_the_network_stays_as_it_is(rng):
    network = small()
    before = [p.data.copy() for module in network.modules() for p in module.parameters()]
    paint(network, drawn(rng), drawn(rng), replace(SETTINGS, steps=3), lecture.positions, bar=None)
    after = [p.data for module in network.modules() for p in module.parameters()]
    assert before and all(np.array_equal(a, b) for a, b in zip(before, after))


def test_each_picture_is_painted_as_if_it_were_alone(rng):
    network, contents, styles = small(), drawn(rng, 3), drawn(rng, 3)
    settings = replace(SETTINGS, steps=8, tv=0.5)
    together, curve = paint(network, contents, styles, settings, lecture.positions, bar=None)
    alone = [paint(network, contents[n : n + 1], styles[n : n + 1], settings, lecture.positions, bar=None)
             for n in range(3)]  # fmt: skip
    np.testing.assert_allclose(np.stack(together), np.stack([images[0] for images, _ in alone]), atol=2e-4)
    np.testing.assert_allclose(curve, np.mean([losses for _, losses in alone], 0), rtol=1e-3)


def test_pictures_of_several_sizes_are_painted_one_after_the_other(rng):
    contents, styles = [drawn(rng, 1, side)[0] for side in (12, 16)], [drawn(rng, 1, side)[0] for side in (12, 16)]
    painted, curve = paint(small(), contents, styles, replace(SETTINGS, steps=2), lecture.positions, bar=None)
    assert [image.shape for image in painted] == [(3, 12, 12), (3, 16, 16)] and len(curve) == 3
    style, content = measured(small(), painted, contents, styles, SETTINGS, lecture.positions)
    assert style.shape == content.shape == (2,)


def test_positions_of_pictures_of_two_sizes_cannot_be_compared(rng):
    objective = Objective(small(), drawn(rng, 1), drawn(rng, 1, 12), SETTINGS, lecture.positions)
    with pytest.raises(ValueError, match=r"layer conv1 .* pictures must be of one size"):
        objective(pcn.tensor(drawn(rng, 1)))


def test_where_it_starts(rng):
    contents = drawn(rng)
    np.testing.assert_array_equal(start_of(contents, SETTINGS), contents)
    noise = [start_of(contents, replace(SETTINGS, start="noise"), seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(noise[0], noise[1])
    assert np.abs(noise[0] - noise[2]).mean() > 0.05 and abs(noise[0].mean() - 0.5) < 0.02


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"alpha": 1.2}, "alpha must be 0"), ({"alpha": float("nan")}, "alpha must be 0"),
        ({"start": "style"}, "start must be one of content, noise"),
        ({"pooling": "avg"}, "pooling must be one of average"),
        ({"weights": (1.0,)}, "2 style layers need as many weights, got 1"),
        ({"style_layers": ()}, "at least one style layer"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense(change, words):
    with pytest.raises(ValueError, match=words):
        replace(SETTINGS, **change)


# It copies


def test_a_moved_picture_is_another_one_for_positions(rng):
    network, styles = torus(rng), whole(rng)
    objective = Objective(network, styles, styles, replace(SETTINGS, pooling="max"), lecture.positions)
    moved, _ = objective.measured(np.roll(styles, (TOTAL, TOTAL), (2, 3)))
    assert (moved > 0.1).all()


def test_positions_give_the_style_picture_back(rng):
    contents, styles, settings = drawn(rng), drawn(rng), replace(SETTINGS, start="noise", alpha=0.0, steps=150)
    copies, losses = paint(small(widths=(12, 12)), contents, styles, settings, lecture.positions, bar=None)
    assert losses[-1] < 0.1 * losses[0]
    assert lecture.correlation(copies, styles).min() > 0.8


def test_the_slides_settings_are_the_first_half_of_the_layers():
    four = replace(SETTINGS, style_layers=("a", "b", "c", "d"), weights=(1.0, 2.0, 3.0, 4.0), tv=1.0)
    naive = lecture.naive(four)
    assert naive.style_layers == ("a", "b") and naive.weights == () and naive.start == "noise" and naive.tv == 0


# The pictures


def test_painted_pairs_differ_in_shape_and_texture_and_no_style_serves_twice():
    pairs = pictures.painted_pairs(12, seed=3)
    images, shapes, textures = pcn.data.TexturedShapes(112, "test", 3).arrays()
    of_content = [next(k for k in range(112) if np.array_equal(images[k], image)) for image in pairs.contents]
    of_style = [next(k for k in range(112) if np.array_equal(images[k], image)) for image in pairs.styles]
    assert len({*of_content, *of_style}) == 24
    assert (shapes[of_content] == pairs.shapes).all() and (textures[of_style] == pairs.textures).all()
    assert (textures[of_content] != textures[of_style]).all() and (shapes[of_content] != shapes[of_style]).all()
    assert len(pairs.first(5)) == 5 and len(pairs.first(5).textures) == 5


@pytest.fixture
def gallery(tmp_path, rng):
    """A folder with content/ (two sizes) and style/ (one)."""
    image = pytest.importorskip("PIL.Image")
    sizes = {"content/a.png": (40, 32), "content/b.png": (80, 64), "style/s.png": (48, 48)}
    for name, (width, height) in sizes.items():
        path = tmp_path / "gallery" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(rng.integers(0, 256, (height, width, 3)).astype(np.uint8)).save(path)
    return tmp_path / "gallery"


def test_every_content_goes_with_every_style_of_a_folder(gallery):
    pairs = pictures.folder_pairs(f"images:{gallery}", longest=40)
    assert pairs.names == ["a in s", "b in s"] and pairs.textures is None
    assert [image.shape for image in pairs.contents] == [(3, 32, 40)] * 2
    assert [image.shape for image in pairs.styles] == [(3, 40, 40)] * 2
    cropped = pairs.of_one_size()
    assert {image.shape for image in (*cropped.contents, *cropped.styles)} == {(3, 32, 40)}
    np.testing.assert_array_equal(cropped.styles[0], pairs.styles[0][:, 4:36])


def test_a_folder_without_style_is_refused(gallery, tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder content and no folder style/"):
        pictures.folder_pairs(f"images:{tmp_path}")
    with pytest.raises(ValueError, match=r"style takes images:DIR"):
        pictures.folder_pairs("voc:somewhere")


def test_a_picture_that_is_too_small_is_named(gallery):
    with pytest.raises(ValueError, match=r"a.png is 20 x 16 pixels; at least 32 x 32 are needed"):
        pictures.folder_pairs(f"images:{gallery}", longest=20)


def test_styles_of_nothing_but_texture():
    images, textures = pictures.textures_alone(8, seed=1)
    assert images.shape == (8, 3, 64, 64) and images.dtype == np.float32 and 0 <= images.min() <= images.max() <= 1
    assert list(textures) == [0, 1, 2, 3, 4, 5, 0, 1] and not np.array_equal(images[0], images[6])
    np.testing.assert_array_equal(images, pictures.textures_alone(8, seed=1)[0])
    halves = np.abs(images[:, :, :32].mean((2, 3)) - images[:, :, 32:].mean((2, 3)))
    assert halves.max() < 0.06, "no part of it is lighter"


def test_a_network_that_knows_no_textures_needs_photographs():
    with pytest.raises(ValueError, match="small: with --weights give photographs, too"):
        pictures.pairs_of(Namespace(data=None, quick=True, seed=0, skip_bad=False), small())


def test_photographs_need_a_network_that_knows_them(gallery, tmp_path, capsys):
    arguments = ["style_naive", "--quick", "--data", f"images:{gallery}", "--out", str(tmp_path)]
    assert main(arguments) == 2
    assert "give --weights FILE" in capsys.readouterr().err


# The run


def test_a_quick_run_leaves_result_and_picture(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))
    assert main(["style_naive", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "style_naive" / "result.json").read_text())
    assert set(found["metrics"]["correlation"]) == set(found["baselines"]["correlation"])
    assert found["variants"]["alpha 0"]["correlation"] == found["metrics"]["correlation"]["with the style picture"]
    assert {"Gram, alpha 0", *(f"alpha {a:g}" for a in lecture.ALPHAS)} <= set(found["variants"])
    assert (tmp_path / "style_naive" / "copied.png").stat().st_size > 20_000
    assert "correlation" in capsys.readouterr().out
