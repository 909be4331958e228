"""Weights from files into models: every format, checkpoints, prefixes; what does not fit is told in one error."""

import numpy as np
import pytest

import pyconvnet as pcn
from pyconvnet import models
from pyconvnet.models.caffe_squeezenet import FIRES


@pytest.fixture
def net():
    pcn.manual_seed(3)
    return models.resnet20()


def arrays(net, prefix="", drop=""):
    return {prefix + k: t.data for k, t in net.state_dict().items() if not drop or drop not in k}


def same(net, state):
    return all((t.data == state[k]).all() for k, t in net.state_dict().items())


def test_safetensors_and_npz(net, tmp_path):
    pcn.io.save(net.state_dict(), tmp_path / "net.safetensors")
    np.savez(tmp_path / "net.npz", **arrays(net))
    for file in ("net.safetensors", "net.npz"):
        assert same(models.resnet20(weights=str(tmp_path / file), progress=False), arrays(net))


def test_a_checkpoint_of_several_gpus_without_counts(net, tmp_path):
    old = arrays(net, "module.", drop="num_batches_tracked")
    pcn.io.save({"epoch": 7, "state_dict": old, "best_prec1": 91.7}, tmp_path / "net.safetensors")
    assert same(models.resnet20(weights=tmp_path / "net.safetensors"), arrays(net))
    read = models.read_weights(tmp_path / "net.safetensors")
    assert list(read) == [k.removeprefix("module.") for k in old]


def test_half_precision_is_taken(net, tmp_path):
    np.savez(tmp_path / "net.npz", **{k: a.astype(np.float16) if a.dtype == np.float32 else a
                                      for k, a in arrays(net).items()})  # fmt: skip
    loaded = models.resnet20(weights=tmp_path / "net.npz")
    assert loaded.conv1.weight.dtype == np.float32
    np.testing.assert_allclose(loaded.conv1.weight.data, net.conv1.weight.data, rtol=1e-3)


def test_vgg_draws_no_weights_that_a_file_overwrites(monkeypatch):
    monkeypatch.setattr(models.vgg, "load_weights", lambda model, weights, name: model)
    monkeypatch.setattr(models.vgg, "VGG", lambda features, init_weights=True, **_: init_weights)
    assert models.vgg.vgg16() is True and models.vgg.vgg16(weights="a.pth") is False


@pytest.mark.parametrize(
    ("weights", "error", "words"),
    [
        ("DEFAULT", ValueError, "nothing is downloaded"),
        ("IMAGENET1K_V1", ValueError, "nothing is downloaded"),
        (True, ValueError, "local file .* got True"),
        ("https://download.pytorch.org/models/resnet18-f37072fd.pth", ValueError, "fetch https"),
        ("nowhere.pth", FileNotFoundError, "no file nowhere.pth"),
        ("net.onnx", ValueError, r"pcn\.onnx\.load"),
        ("net.h5", ValueError, r"ending \.h5 is unknown; known are \.pth"),
        ("net", ValueError, "ending that is missing"),
    ],
)
def test_no_file_of_weights(weights, error, words):
    with pytest.raises(error, match=words):
        models.resnet20(weights=weights)


def test_weights_of_another_network(net, tmp_path):
    path = tmp_path / "net.safetensors"
    pcn.io.save(net.state_dict(), path)
    with pytest.raises(ValueError, match=r"lenet: the weights do not fit: .*missing: fc1\.weight"):
        models.lenet(weights=path)
    with pytest.raises(ValueError, match=r"Not one name is the same"):
        models.squeezenet1_1(weights=path, num_classes=2)
    with pytest.raises(ValueError, match=r"shape of linear\.weight.*trained for 10 classes\? Then say num_classes=10"):
        models.resnet20(weights=path, num_classes=7)
    wrong = arrays(net) | {"layer1.0.conv1.weight": np.zeros((16, 16, 5, 5))}
    with pytest.raises(ValueError, match=r"shape of layer1\.0\.conv1\.weight: given \(16, 16, 5, 5\)(?!.*num_classes)"):
        models.load_weights(net, wrong)
    with pytest.raises(ValueError, match=r"no weights.*found: epoch, lr"):
        models.load_weights(net, {"epoch": 3, "lr": 0.1})
    with pytest.raises(ValueError, match="no weights"):
        models.load_weights(net, {})


def test_a_misfit_changes_nothing(net):
    before = {k: a.copy() for k, a in arrays(net).items()}
    with pytest.raises(ValueError, match="do not fit"):
        models.load_weights(net, {k: a + 1 for k, a in before.items() if k != "linear.bias"})
    assert same(net, before)


def test_names_of_caffe(tmp_path):
    pcn.manual_seed(0)
    net = models.caffe_squeezenet().eval()
    assert net.classifier[1].padding == (1, 1)
    back = {place: number for number, place in FIRES.items()}
    parts = {"squeeze": "conv1x1_1", "expand1x1": "conv1x1_2", "expand3x3": "conv3x3_2"}

    def caffe(name):
        room, place, *inside, kind = name.split(".")
        if room == "classifier":
            return f"conv_final.{kind}"
        return f"fire{back[int(place)]}/{parts[inside[0]]}.{kind}" if inside else f"conv1.{kind}"

    state = {caffe(k): a for k, a in arrays(net).items()}
    assert "fire2/conv1x1_1.weight" in state and "fire9/conv3x3_2.bias" in state
    np.savez(tmp_path / "net.npz", **state)
    loaded = models.caffe_squeezenet(tmp_path / "net.npz").eval()
    assert same(loaded, arrays(net))
    assert same(models.caffe_squeezenet(arrays(net)), arrays(net))  # our own names are taken too
    with pytest.raises(ValueError, match=r"Layers of a Caffe file\? See caffe_squeezenet"):
        models.squeezenet1_0(weights=tmp_path / "net.npz")
