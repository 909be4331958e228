"""A network held fixed: what it computes, what it refuses, how it is kept, and where its pictures come from."""

from argparse import Namespace
from functools import partial

import numpy as np
import pytest

pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures import claims
from lectures.__main__ import main
from lectures.cache import fingerprint
from lectures.fixed_network import procedural
from lectures.fixed_network.held import held_network
from lectures.fixed_network.network import LOGITS, FixedNetwork, Prepared, Step
from lectures.fixed_network.pictures import photographs
from lectures.fixed_network.procedural import DigitNet, TextureNet, TextureNetwork, digit_network, texture_network
from lectures.report import Report
from pyconvnet import nn

RNG = np.random.default_rng(0)
PICTURES = RNG.random((3, 3, 64, 64)).astype(np.float32)


def options(**changed):
    return Namespace(**{"seed": 0, "quick": True, "data": None, "weights": None, "resume": False} | changed)


@pytest.fixture(scope="module")
def network():
    pcn.manual_seed(0)
    return TextureNetwork(TextureNet(), "untrained")


def test_layers_are_named_from_input_to_output_with_their_strides(network):
    assert network.layers == ("conv1", "conv2", "conv3", "conv4")
    assert network.strides == {"conv1": 1, "conv2": 2, "conv3": 4, "conv4": 8}
    found = network.features(PICTURES, network.layers)
    assert [found[name].shape[1:] for name in network.layers] == [(16, 64, 64), (32, 32, 32), (64, 16, 16), (64, 8, 8)]
    assert (network.classes, network.channels, network.size) == (pcn.data.TexturedShapes.classes, 3, 64)


def test_features_are_those_of_the_plain_forward_pass(network):
    pcn.manual_seed(0)
    net = TextureNet().eval()
    x = (PICTURES - 0.5) / 0.25
    for i, convolution in enumerate(net.convolutions):
        x = convolution(pcn.tensor(x) if i == 0 else pcn.functional.max_pool2d(x, 2)).relu()
        np.testing.assert_allclose(network.features(PICTURES, f"conv{i + 1}")[f"conv{i + 1}"].data, x.data, rtol=1e-5)
    shape, texture = net(pcn.tensor(PICTURES))
    found = network.features(PICTURES, ("conv2", LOGITS))
    np.testing.assert_array_equal(found[LOGITS].data, network.logits(PICTURES).data)
    np.testing.assert_allclose(found[LOGITS].data, shape.data, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(network.texture_logits(PICTURES).data, texture.data, rtol=1e-5, atol=1e-6)


def test_nothing_is_computed_beyond_the_last_layer_asked_for():
    class Forbidden(nn.Module):
        def forward(self, x):
            raise AssertionError("computed")

    chain = [Step(Prepared((0.0,))), Step(nn.ReLU(), "first"), Step(nn.ReLU(), "second"), Step(Forbidden())]
    net = FixedNetwork("chain", chain, ("a",), 1, 4)
    assert set(net.features(np.ones((1, 1, 4, 4), np.float32), ("second", "first"))) == {"first", "second"}


def test_the_gradient_reaches_the_picture_and_no_weight(network):
    x = pcn.tensor(PICTURES[:1], requires_grad=True)
    found = network.features(x, ("conv4", LOGITS))
    (slope,) = pcn.grad(found[LOGITS].softmax(1)[0, 1], x, create_graph=True)
    (again,) = pcn.grad((slope**2).sum(), x)
    assert slope.shape == again.shape == x.shape and np.abs(slope.data).max() > 0
    assert not any(p.requires_grad for module in network.modules() for p in module.parameters())
    assert not any(module.training for module in network.modules())
    assert not network.logits(PICTURES).requires_grad


def test_predict_in_batches_is_one_by_one(network, monkeypatch):
    labels, scores = network.predict(PICTURES)
    assert labels.dtype == np.int64 and scores.shape == (3, 4)
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)
    monkeypatch.setattr("lectures.fixed_network.network.AT_ONCE", 1)
    one, by_one = network.predict(list(PICTURES))
    np.testing.assert_array_equal(one, labels)
    np.testing.assert_allclose(by_one, scores, rtol=1e-4)
    assert network.predict(PICTURES[:0])[1].shape == (0, 4) and network.predict_textures(PICTURES)[1].shape == (3, 6)


def test_averaged_has_the_same_weights_and_no_maxima(network):
    mean = network.averaged()
    assert not any(isinstance(module, nn.MaxPool2d) for module in mean.modules())
    assert sum(isinstance(module, nn.MaxPool2d) for module in network.modules()) == 3
    first, second = (n.features(PICTURES, ("conv1", "conv2")) for n in (network, mean))
    np.testing.assert_array_equal(first["conv1"].data, second["conv1"].data)
    assert np.abs(first["conv2"].data - second["conv2"].data).max() > 1e-3
    assert mean.texture_logits(PICTURES).shape == (3, 6) and mean.strides == network.strides


def test_randomised_shuffles_each_array_and_leaves_the_network_alone(network):
    before, other = network.logits(PICTURES).data, network.randomised(1)
    for mine, theirs in zip(network.modules(), other.modules()):
        for p, q in zip(mine.parameters(), theirs.parameters()):
            np.testing.assert_array_equal(np.sort(p.data.ravel()), np.sort(q.data.ravel()))
    assert np.abs(other.logits(PICTURES).data - before).max() > 1e-3
    np.testing.assert_array_equal(network.logits(PICTURES).data, before)
    np.testing.assert_array_equal(network.randomised(1).logits(PICTURES).data, other.logits(PICTURES).data)


def test_pictures_are_prepared_as_asked():
    x = RNG.random((1, 3, 2, 2)).astype(np.float32)
    caffe = Prepared((104, 117, 123), scale=255, bgr=True)(pcn.tensor(x)).data
    expected = x[:, ::-1] * 255 - np.array([104, 117, 123]).reshape(1, 3, 1, 1)
    np.testing.assert_allclose(caffe, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(Prepared((0.5,) * 3, 0.25)(pcn.tensor(x)).data, (x - 0.5) * 4, rtol=1e-5)


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        (PICTURES[0], ValueError, r"must be \[N, 3, H, W\].*one picture is images\[None\]"),
        (PICTURES[:, :1], ValueError, "got .3, 1, 64, 64"),
        ((PICTURES * 255).astype(np.uint8), TypeError, "floats in .0, 1.*an array of uint8: divide by 255"),
        (pcn.tensor((PICTURES * 255).astype(np.int64)), TypeError, "a Tensor of int64"),
        (PICTURES * 255, ValueError, r"floats in .0, 1., got .* to 25\d: divide by 255"),
        (np.where(PICTURES > 0.9, np.float32("nan"), PICTURES), ValueError, "NaN or infinite"),
        (pcn.tensor(PICTURES) * np.inf, ValueError, "NaN or infinite"),
    ],
)
def test_what_is_no_batch_of_pictures_is_said_in_words(network, images, error, words):
    with pytest.raises(error, match=f"untrained: .*{words}"):
        network.logits(images)


def test_an_unknown_layer_is_said_in_words(network):
    with pytest.raises(ValueError, match=r"untrained has no layer 'conv9'; it has conv1, .*, and logits"):
        network.features(PICTURES, ("conv1", "conv9"))


def test_a_network_is_kept_by_code_seed_and_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(procedural, "TEXTURE_STEPS", 2)
    monkeypatch.setattr(procedural, "POOL", 40)
    monkeypatch.setattr(procedural, "UNSEEN", 20)
    told, report = options(quick=False), Report("style", tmp_path)
    first = texture_network(told, report, 3)
    assert set(report.extra["accuracy"]["textures, seed 3"]) == {"shape", "texture"}
    learn, seconds = procedural.learn_stage, report.train_seconds

    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(procedural, "learn_stage", refuse)
    again = texture_network(told, report, 3)
    np.testing.assert_array_equal(again.logits(PICTURES).data, first.logits(PICTURES).data)
    assert report.train_seconds == pytest.approx(2 * seconds, rel=1e-4) and again.name == "textures, seed 3"
    for other in ({"seed": 4}, {"seed": 3, "noise": 0.25}):
        with pytest.raises(AssertionError, match="trained again"):
            texture_network(told, report, **other)
    monkeypatch.setattr(procedural, "learn_stage", learn)
    judge = texture_network(told, report, 3, noise=0.25)
    assert judge.name == "textures, seed 3, noise 0.25"
    assert np.abs(judge.logits(PICTURES).data - first.logits(PICTURES).data).max() > 0


def test_a_quick_network_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))
    texture_network(options(), Report("style", tmp_path))
    assert not (tmp_path / "cache").exists()


def inverted(model, images, labels):
    """What digits are taught with in the next test."""
    assert images.shape[1:] == (1, 28, 28) and len(labels) == len(images) and isinstance(model, DigitNet)
    return 1 - images


def test_digits_learn_from_the_pictures_that_an_attack_returns(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))
    report = Report("adversarial", tmp_path)
    plain, attacked = digit_network(options(), report), digit_network(options(), report, adversarial=inverted)
    assert (plain.classes, plain.channels, plain.size, plain.layers) == (tuple("0123456789"), 1, 28, plain.layers[:3])
    digits = RNG.random((2, 1, 28, 28)).astype(np.float32)
    assert plain.logits(digits).shape == (2, 10)
    assert np.abs(plain.logits(digits).data - attacked.logits(digits).data).max() > 0
    assert set(report.extra["accuracy"]) == {"digits, seed 0", "digits, seed 0, taught with attacks"}


def brighter(model, images, labels, by=0.1):
    return images + by


def test_each_attack_has_a_network_of_its_own():
    attacks = None, inverted, brighter, partial(brighter, by=0.2), partial(brighter, by=0.3)
    marks = {fingerprint(*procedural.code_of(pcn.data.Digits, attack)) for attack in attacks}
    assert len(marks) == len(attacks)
    assert procedural.code_of(pcn.data.Digits, brighter) == procedural.code_of(pcn.data.Digits, brighter)


def test_a_lecture_holds_the_kind_it_asks_for(tmp_path):
    report = Report("fooling", tmp_path)
    assert held_network(options(seed=2), report, "digits").name == "digits, seed 2" == report.extra["network"]
    with pytest.raises(ValueError, match="kind must be one of texture, digits, got 'faces'"):
        held_network(options(), report, "faces")


def test_painted_pictures_are_those_of_the_network(network):
    shown = photographs(options(), network, most=5)
    images, shapes, _ = pcn.data.TexturedShapes(5, "test").arrays()
    np.testing.assert_array_equal(np.stack(shown.images), images)
    assert shown.labels.tolist() == shapes.tolist() and shown.classes == network.classes and len(shown.names) == 5
    assert len(photographs(options(), network)) == 40 and len(photographs(options(quick=False), network)) == 400
    assert photographs(options(), network, 2, size=96).images[0].shape == (3, 96, 96)


def test_lectures_that_train_their_own_network_refuse_weights(tmp_path, capsys):
    assert main(["aging", "--weights", "some.pth", "--out", str(tmp_path)]) == 2
    assert "the lecture aging trains its own network: leave --weights out" in capsys.readouterr().err


def test_a_claim_depends_on_the_topics_it_imports_and_on_those_they_import(tmp_path):
    own = tmp_path / "own.py"
    own.write_text("from lectures.verdict import Claim\nfrom lectures.fixed_network import procedural\n")
    assert claims.topics_of([own]) == {"fixed_network"}
    own.write_text("from lectures.faces import triplet\nimport numpy as np\n")
    assert claims.topics_of([own]) == {"faces", "detection"}
    own.write_text("import numpy as np\n")
    assert claims.topics_of([own]) == set()
