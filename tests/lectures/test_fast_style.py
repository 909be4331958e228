"""The feed-forward painter: paddings by their definition, the published weights, what it learns, the run."""

import json
import os
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from toy_style_network import small

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.report import Report
from lectures.style import fast_style as lecture
from lectures.style.foundation import judging, transformation_network
from lectures.style.foundation.objective import Objective, Settings
from lectures.style.foundation.transformation_network import (
    Layer,
    TransformationNetwork,
    Up,
    load_published,
    same_padding,
)

SETTINGS = Settings(style_layers=("conv1", "conv2"), content_layers=("conv2",), alpha=0.1, tv=0.1)


@pytest.fixture
def rng():
    return np.random.default_rng(2)


@pytest.fixture
def network():
    pcn.manual_seed(0)
    return TransformationNetwork((2, 3, 4), blocks=1, kernel=5)


# The architecture


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "zeros"),
    [(8, 3, 2, (0, 1)), (7, 3, 2, (1, 1)), (8, 9, 1, (4, 4)), (5, 3, 1, (1, 1)), (4, 2, 1, (0, 1)), (9, 1, 3, (0, 0))],
)
def test_same_padding(size, kernel, stride, zeros):
    assert same_padding(size, kernel, stride) == zeros
    assert (size + sum(zeros) - kernel) // stride + 1 == -(-size // stride)


def test_a_strided_layer_starts_at_the_first_pixel_of_an_even_picture(rng):
    """The odd zero stands at the end, so position (i, j) sees the pixels from (2 i, 2 j) on."""
    layer, x = Layer(1, 1, 3, 2, relu=False), rng.normal(size=(1, 1, 6, 8)).astype(np.float32)
    weight = layer.conv.weight.data[0, 0]
    padded = np.pad(x[0, 0], ((0, 1), (0, 1)))
    plain = np.array([[(padded[i : i + 3, j : j + 3] * weight).sum() for j in range(0, 8, 2)] for i in range(0, 6, 2)])
    expected = (plain - plain.mean()) / np.sqrt(plain.var() + 1e-3)
    np.testing.assert_allclose(layer(pcn.tensor(x)).data[0, 0], expected, atol=1e-4)


def test_up_is_the_transpose_of_a_layer_before_its_norm(rng):
    """<conv(x), g> == <x, up(g)> with whole numbers."""
    up = Up(2, 3)
    up.conv.weight.data[...] = rng.integers(-2, 3, up.conv.weight.shape)
    x, g = (rng.integers(-3, 4, shape).astype(np.float32) for shape in ((1, 3, 8, 6), (1, 2, 4, 3)))
    down = pcn.functional.conv2d(pcn.functional.pad(pcn.tensor(x), (0, 1, 0, 1)), up.conv.weight, stride=2).data
    raised = up.conv(pcn.tensor(g)).data[:, :, :8, :6]
    assert (down * g).sum() == (x * raised).sum() != 0
    assert up(pcn.tensor(g)).shape == (1, 3, 8, 6)


def test_a_picture_keeps_its_size_and_its_own_contrast_does_not_matter(network, rng):
    images = rng.random((2, 3, 12, 16), dtype=np.float32)
    painted = network.paint(images)
    assert painted.shape == images.shape and 0 <= painted.min() <= painted.max() <= 1
    np.testing.assert_allclose(network.paint(0.5 * images), painted, atol=1e-3)  # instance norm: half is as much
    for k in range(2):
        np.testing.assert_allclose(network.paint(images[k : k + 1])[0], painted[k], atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 12, 12), (1, 3, 12, 14), (1, 1, 12, 12), (1, 3, 0, 4)])
def test_other_shapes_are_refused(network, shape):
    with pytest.raises(ValueError, match=r"\[N, 3, H, W\] with H and W multiples of 4"):
        network(pcn.zeros(shape))


# Published weights


@pytest.fixture
def folder(tmp_path, rng):
    """A folder as they are published, of the right shapes and random numbers."""
    network, manifest, k = TransformationNetwork(), {}, 0
    for layer in network.steps():
        weight = layer.conv.weight.data.transpose(2, 3, 1, 0)
        outputs = layer.norm.num_features
        for array in (weight, rng.normal(size=outputs), np.ones(outputs)):
            name = f"Variable_{k}" if k else "Variable"
            np.ascontiguousarray(array, "<f4").tofile(tmp_path / name)
            manifest[name], k = {"filename": name, "shape": list(array.shape)}, k + 1
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_a_published_folder_is_taken_up(folder):
    loaded = load_published(folder)
    numbers = [p.data for layer in loaded.steps() for p in (layer.conv.weight, layer.norm.bias, layer.norm.weight)]
    assert len(numbers) == 48 and not any(p.requires_grad for p in loaded.parameters())
    first = np.fromfile(folder / "Variable", "<f4").reshape(9, 9, 3, 32)
    np.testing.assert_array_equal(loaded.steps()[0].conv.weight.data, first.transpose(3, 2, 0, 1))
    up = np.fromfile(folder / "Variable_39", "<f4").reshape(3, 3, 64, 128)
    np.testing.assert_array_equal(loaded.steps()[13].conv.weight.data, up.transpose(3, 2, 0, 1))
    np.testing.assert_array_equal(loaded.steps()[1].norm.bias.data, np.fromfile(folder / "Variable_4", "<f4"))


def test_what_is_no_such_folder_is_refused_in_words(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere; take one of src/ckpts"):
        load_published(tmp_path / "nowhere")
    manifest = json.loads((folder / "manifest.json").read_text())

    def refused(words, **changes):
        (folder / "manifest.json").write_text(json.dumps({**manifest, **changes}))
        with pytest.raises((ValueError, OSError), match=words):
            load_published(folder)

    refused("holds 49 variables, expected 48", Variable_48={"filename": "Variable", "shape": [9, 9, 3, 32]})
    refused("Variable_1 has 128 bytes, expected 124", Variable_1={"filename": "Variable_1", "shape": [31]})
    refused(r"layer 1 .* shape \(2, 16\) where \(32,\)", Variable_1={"filename": "Variable_1", "shape": [2, 16]})
    refused("file names and small shapes", Variable_1={"filename": "../Variable_1", "shape": [32]})
    refused("file names and small shapes", Variable_1={"filename": "Variable_1", "shape": [2**40]})
    refused("file names and small shapes", Variable_1={"filename": "Variable_1", "shape": [-32]})
    refused("no manifest", Variable_1={"shape": [32]})
    refused("no manifest", Variable_x={"filename": "Variable", "shape": [32]})
    refused("gone", Variable_1={"filename": "gone", "shape": [32]})
    np.full(32, np.nan, "<f4").tofile(folder / "Variable_1")
    refused("not finite")
    (folder / "manifest.json").write_text("[1")
    with pytest.raises(ValueError, match="no manifest"):
        load_published(folder)
    (folder / "manifest.json").write_text("[1]")
    with pytest.raises(ValueError, match="no manifest"):
        load_published(folder)


def test_the_published_network_paints_the_published_picture():
    root = os.environ.get("PYCONVNET_DATA")
    if not root:
        pytest.skip("PYCONVNET_DATA is not set: no published network here")
    network = load_published(Path(root) / "weights" / "faststyle_udnie")
    with np.load(Path(root) / "expected" / "faststyle_udnie.npz", allow_pickle=False) as stored:
        x, y = stored["x"].astype(np.float32), stored["y"].transpose(2, 0, 1)
    with pcn.no_grad():
        painted = network(pcn.tensor(x.transpose(2, 0, 1)[None] / np.float32(255))).data[0] * 255
    assert np.abs(painted - y).max() <= 1e-4 * np.abs(y).max()


# Learning


def test_the_style_picture_and_the_pictures_it_is_judged_on():
    style = lecture.style_picture(0)
    data = pcn.data.TexturedShapes(200, "test", 0)
    number = data.textures.index(lecture.STYLE)
    assert any(np.array_equal(style, image) for image, (_, texture) in data if texture == number)
    pairs = lecture.unseen_pairs(0, style, count=8)
    assert len(pairs) == 8 and set(pairs.textures) == {number}
    _, _, textures = pcn.data.TexturedShapes(36, "test", 1).arrays()
    assert len(set(textures) - {number}) > 2 and not any(np.array_equal(style, image) for image in pairs.contents)
    with pytest.raises(ValueError, match="texture must be one of stripes"):
        lecture.style_picture(0, "velvet")


def test_the_loss_is_J_of_what_is_painted_beside_the_one_style(network, rng):
    contents, style = rng.random((3, 3, 16, 16), dtype=np.float32), rng.random((3, 16, 16), dtype=np.float32)
    with pcn.no_grad():
        painted = network(pcn.tensor(contents))
    objective = Objective(small(), contents, np.stack([style] * 3), SETTINGS, lecture.gram)
    found = lecture.painting_loss(small(), style, SETTINGS)(network, contents).item()
    assert found == pytest.approx(objective(painted).item() / 3, rel=1e-4)


def test_it_learns_one_batch_by_heart(network, rng):
    contents, style = rng.random((2, 3, 16, 16), dtype=np.float32), rng.random((3, 16, 16), dtype=np.float32)
    loss_of = lecture.painting_loss(small(), style, SETTINGS)
    optimizer, losses = pcn.optim.Adam(network.parameters(), lr=0.02), []
    for _ in range(40):
        loss = loss_of(network, contents)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.35 * losses[0]


def test_steps_to_the_same_J():
    assert lecture.steps_to([5.0, 3.0, 2.0, 1.0], 2.5) == 2 and lecture.steps_to([5.0, 3.0], 5.0) == 0
    assert lecture.steps_to([5.0, 3.0], 1.0) == 2


# The run


def test_a_quick_run_leaves_result_and_pictures(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))
    assert main(["fast_style", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "fast_style" / "result.json").read_text())
    metrics, baselines, variants = (found[part] for part in ("metrics", "baselines", "variants"))
    assert metrics["objective"] == variants["one pass"]["J"]
    assert baselines["objective"] == variants["content unchanged"]["J"] != metrics["objective"]
    easy = judging.trivial(lecture.unseen_pairs(0, lecture.style_picture(0), count=2))
    assert set(variants) == {"one pass", "descent", *easy}
    assert set(metrics["accuracy"]) == set(baselines["accuracy"]) == {"texture", "shape", "transferred"}
    assert baselines["accuracy"]["transferred"] == max(variants[name]["transferred"] for name in easy)
    for name in ("fast_style", "curves"):
        assert (tmp_path / "fast_style" / f"{name}.png").stat().st_size > 10_000


def test_photographs_are_painted_by_a_published_network(network, tmp_path, rng, monkeypatch):
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "photographs").mkdir()
    image.fromarray(rng.integers(0, 256, (34, 43, 3)).astype(np.uint8)).save(tmp_path / "photographs" / "a.png")
    monkeypatch.setattr(lecture, "load_published", lambda folder: network)
    options = Namespace(weights=Path("udnie"), data=f"images:{tmp_path / 'photographs'}", skip_bad=False)
    report = Report("fast_style", tmp_path)
    lecture.run(options, report)
    assert report.variants["a.png"]["pixels"] == "40 x 32" and report.extra["network"] == "udnie"
    assert (tmp_path / "fast_style" / "painted_1.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--data", "images:x"), "go together"), (("--weights", "x"), "go together"),
        (("--weights", "x", "--data", "voc:x"), "takes images:DIR"),
        (("--weights", "nowhere", "--data", "images:x"), "there is no folder nowhere"),
    ],
)  # fmt: skip
def test_half_of_what_it_needs_is_refused(arguments, words, tmp_path, capsys):
    assert main(["fast_style", *arguments, "--out", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err


def test_the_published_architecture_is_the_default():
    sizes = [layer.conv.weight.shape for layer in TransformationNetwork().steps()]
    assert len(sizes) == 16 and sizes[0] == (32, 3, 9, 9) and sizes[-1] == (3, 32, 9, 9)
    assert transformation_network.PUBLISHED == (32, 64, 128) and transformation_network.BLOCKS == 5
