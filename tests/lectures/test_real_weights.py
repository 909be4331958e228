"""Weights of others: recognised by their arrays, layers under their usual names, and photographs as they want them."""

import os
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.fixed_network.held import held_network
from lectures.fixed_network.network import FixedNetwork, Prepared, Step
from lectures.fixed_network.pictures import photographs
from lectures.fixed_network.real_weights import real_network, recognised, stride_of
from lectures.report import Report
from pyconvnet import nn
from pyconvnet.io import save

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)
FIRST = {  # of some arrays the shapes are enough to tell which network they are
    "squeezenet1_0": {"features.0.weight": (96, 3, 7, 7)},
    "squeezenet1_1": {"features.0.weight": (64, 3, 3, 3), "features.3.squeeze.weight": (16, 64, 1, 1)},
    "alexnet": {"features.0.weight": (64, 3, 11, 11)},
    "vgg16": {"features.0.weight": (64, 3, 3, 3), "features.28.weight": (512, 512, 3, 3)},
    "vgg19": {"features.28.weight": (512, 512, 3, 3), "features.34.weight": (512, 512, 3, 3)},
    "resnet18": {"conv1.weight": (64, 3, 7, 7), "layer1.0.conv1.weight": (64, 64, 3, 3)},
    "resnet34": {"layer1.0.conv1.weight": (64, 64, 3, 3), "layer1.2.conv1.weight": (64, 64, 3, 3)},
    "resnet50": {"layer1.0.conv1.weight": (64, 64, 1, 1), "layer1.0.conv3.weight": (256, 64, 1, 1)},
    "resnet20": {"conv1.weight": (16, 3, 3, 3), "layer1.0.conv1.weight": (16, 16, 3, 3)},
    "caffe_squeezenet": {"conv1.weight": (96, 3, 7, 7), "fire2/conv1x1_1.weight": (16, 96, 1, 1)},
    None: {"layer.weight": (3, 3)},
}


def options(**changed):
    return Namespace(**{"seed": 0, "quick": True, "data": None, "weights": None, "resume": False} | changed)


@pytest.mark.parametrize("name", FIRST)
def test_a_file_is_recognised_by_its_arrays(name):
    assert recognised({array: np.zeros(shape) for array, shape in FIRST[name].items()}) == name


@pytest.mark.parametrize(("name", "size"), [("squeezenet1_1", 65), ("resnet20", 32)])
def test_it_computes_what_the_model_computes(tmp_path, name, size):
    pcn.manual_seed(1)
    model = getattr(pcn.models, name)().eval()
    save(model.state_dict(), tmp_path / "weights.safetensors")
    network = real_network(tmp_path / "weights.safetensors")
    images = RNG.random((2, 3, size, size)).astype(np.float32)
    mean, std = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    standard = (images - np.reshape(mean, (1, 3, 1, 1))) / np.reshape(std, (1, 3, 1, 1))
    expected = model(pcn.tensor(standard.astype(np.float32))).data
    np.testing.assert_allclose(network.logits(images).data, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    assert network.name == name and len(network.classes) == expected.shape[1]


@pytest.mark.parametrize(
    ("name", "layers", "strides"),
    [
        ("squeezenet1_1", ("conv1", "fire2", "fire3", "fire9", "conv10"), (2, 4, 4, 16, 16)),
        ("resnet20", ("conv1", "layer1.0", "layer2.0", "layer2.2", "layer3.2"), (1, 1, 2, 2, 4)),
    ],
)
def test_layers_have_their_usual_names_and_strides(tmp_path, name, layers, strides):
    save(getattr(pcn.models, name)().state_dict(), tmp_path / "w.safetensors")
    network = real_network(tmp_path / "w.safetensors")
    assert set(layers) <= set(network.layers) and tuple(network.strides[k] for k in layers) == strides
    side = 64
    found = network.features(RNG.random((1, 3, side, side)).astype(np.float32), network.layers)
    for layer in network.layers:
        assert found[layer].shape[2] == pytest.approx(side / network.strides[layer], abs=2), layer


def test_layers_of_a_vgg_are_counted_by_block(tmp_path, monkeypatch):
    class Small(nn.Module):
        """The beginning of a VGG, with 2 channels."""

        def __init__(self):
            super().__init__()
            block = (nn.Conv2d(2, 2, 3, padding=1), nn.ReLU()) * 2 + (nn.MaxPool2d(2),)
            self.features = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), *block[1:], *block)
            self.avgpool, self.classifier = nn.AdaptiveAvgPool2d(7), nn.Sequential(nn.Linear(98, 1000))

    monkeypatch.setattr(pcn.models, "vgg19", lambda weights: Small())
    save({name: np.zeros(shape, np.float32) for name, shape in FIRST["vgg19"].items()}, tmp_path / "w.safetensors")
    network = real_network(tmp_path / "w.safetensors")
    assert network.layers == ("relu1_1", "relu1_2", "relu2_1", "relu2_2")
    assert network.logits(RNG.random((1, 3, 32, 32)).astype(np.float32)).shape == (1, 1000)
    assert stride_of(nn.MaxPool2d(2)) == 2 and stride_of(nn.Conv2d(3, 2, 3, stride=2)) == 2


def test_other_files_are_refused_in_words(tmp_path):
    save({"layer.weight": np.zeros((3, 3), np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"other.safetensors: the arrays \(layer.weight ...\) are those of no network"):
        real_network(tmp_path / "other.safetensors")
    half = {"conv1.weight": np.zeros((16, 3, 3, 3), np.float32), "layer1.0.conv1.weight": np.zeros((16, 16, 3, 3))}
    save(half, tmp_path / "half.safetensors")
    with pytest.raises(ValueError, match=r"half.safetensors: resnet20: the weights do not fit"):
        real_network(tmp_path / "half.safetensors")
    with pytest.raises(OSError):
        real_network(tmp_path / "missing.pth")


def test_the_name_of_the_weights_goes_to_the_result_and_their_pictures_are_photographs(tmp_path):
    save(pcn.models.resnet20().state_dict(), tmp_path / "resnet20.safetensors")
    report = Report("deep_dream", tmp_path)
    network = held_network(options(weights=tmp_path / "resnet20.safetensors"), report)
    assert report.extra == {"weights": "resnet20.safetensors", "network": "resnet20"}
    with pytest.raises(ValueError, match="resnet20 has learned from photographs: show it some with --data cifar:DIR"):
        photographs(options(), network)


def a_network(size, classes=("cat", "dog", "owl"), channels=3):
    return FixedNetwork("small", [Step(Prepared((0.0,))), Step(nn.ReLU(), "first")], classes, channels, size)


def write(path, height, width, colour):
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (width, height), colour).save(path)


def test_labels_come_from_the_list_of_synsets(tmp_path):
    write(tmp_path / "n02_dog.png", 30, 40, (255, 0, 0))
    write(tmp_path / "n01_cat_1.png", 40, 30, (0, 0, 255))
    write(tmp_path / "unknown.png", 40, 30, (0, 255, 0))
    (tmp_path / "synsets_sorted.txt").write_text("n01\nn02\nn03\n")
    (tmp_path / "names_sorted.txt").write_text("tabby\nbeagle\neagle_owl\n")
    shown = photographs(options(data=f"images:{tmp_path}"), a_network(16))
    assert shown.names == ("n01_cat_1", "n02_dog", "unknown") and shown.labels.tolist() == [0, 1, -1]
    assert shown.classes == ("tabby", "beagle", "eagle_owl") and len(shown.known()) == 2
    assert shown.images[1].shape == (3, 16, 16) and shown.images[1].dtype == np.float32
    np.testing.assert_array_equal(shown.images[1][:, 5, 5], [1, 0, 0])
    assert photographs(options(data=f"images:{tmp_path}"), a_network(16), size=24).images[0].shape == (3, 24, 24)
    grey = photographs(options(data=f"images:{tmp_path}"), a_network(16, channels=1), most=1)
    assert grey.images[0].shape == (1, 16, 16) and len(grey) == 1


def test_labels_come_from_folders_with_the_names_of_classes(tmp_path):
    for name in ("dog", "zebra", "cat", "cat"):
        write(tmp_path / name / f"{len(list(tmp_path.rglob('*.png')))}.png", 20, 20, (9, 9, 9))
    shown = photographs(options(data=f"images:{tmp_path}"), a_network(16))
    assert shown.names == ("cat_2", "dog_0", "zebra_1", "cat_3")  # two folders may have files of one name
    assert shown.labels.tolist() == [0, 1, -1, 0] and shown.classes == ("cat", "dog", "owl")


def test_large_networks_see_the_middle_of_256_pixels(tmp_path):
    picture = np.zeros((300, 512, 3), np.uint8)
    picture[:, 256:] = 255
    Image.fromarray(picture).save(tmp_path / "half.png")
    (image,) = photographs(options(data=f"images:{tmp_path}"), a_network(227)).images
    assert image.shape == (3, 227, 227) and image[0, 100, :110].max() == 0 and image[0, 100, 118:].min() == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [("voc:somewhere", "takes images:DIR"), ("images:", "takes images:DIR"), ("images:/no/such", "no such folder")],
)
def test_other_data_is_refused_in_words(data, words):
    with pytest.raises(ValueError, match=f"--data {data}.*{words}"):
        photographs(options(data=data), a_network(16))


def test_a_picture_that_cannot_be_read_is_named_or_left_out(tmp_path, capsys):
    write(tmp_path / "a.png", 20, 20, (9, 9, 9))
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"b.png: unreadable or truncated"):
        photographs(options(data=f"images:{tmp_path}"), a_network(16))
    shown = photographs(options(data=f"images:{tmp_path}", skip_bad=True), a_network(16))
    assert shown.names == ("a",) and "left out: " in capsys.readouterr().out


def test_cifar_pictures_stay_as_they_are_or_are_scaled(tmp_path):
    x, y = RNG.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8), np.arange(20) % 10
    np.savez(tmp_path / "cifar.npz", x=x, y=y)
    ten = tuple("0123456789")
    shown = photographs(options(data=f"cifar:{tmp_path / 'cifar.npz'}"), a_network(32, ten), most=15)
    assert shown.labels.tolist() == y[:15].tolist() and shown.classes[0] == "airplane"
    np.testing.assert_array_equal(shown.images[3], x[3].transpose(2, 0, 1) / np.float32(255))
    other = photographs(options(data=f"cifar:{tmp_path / 'cifar.npz'}"), a_network(28, channels=1))
    assert other.images[0].shape == (1, 28, 28) and set(other.labels) == {-1}


def test_an_empty_folder_is_said_in_words(tmp_path):
    with pytest.raises(ValueError, match="there is no picture"):
        photographs(options(data=f"images:{tmp_path}"), a_network(16))


@pytest.fixture
def real_data():
    if not (root := os.environ.get("PYCONVNET_DATA")):
        pytest.skip("PYCONVNET_DATA names no folder of real data")
    return Path(root)


def test_squeezenet_knows_31_of_40_photographs(real_data):
    network = real_network(real_data / "weights" / "squeezenet" / "squeezenet_v1.0_decoded.npz")
    shown = photographs(options(data=f"images:{real_data / 'imagenet40'}"), network)
    labels, _ = network.predict(shown.images)
    assert len(shown.known()) == 40 and (labels == shown.labels).sum() == 31
    assert shown.classes[0] == "tench" and network.strides["fire9"] == 16
    expected = np.load(real_data / "expected" / "squeezenet_deepcompression.npz")
    places = {name: i for i, name in enumerate(expected["files"].tolist())}
    both = [(i, places[f"{name}.JPEG"]) for i, name in enumerate(shown.names) if f"{name}.JPEG" in places]
    for i, k in both[:5]:
        reference = expected["logits_prepooled_mean"][k]
        error = np.abs(network.logits(shown.images[i][None]).data[0] - reference).max()
        assert error <= 1e-4 * np.abs(reference).max()


def test_resnet20_knows_cifar_pictures(real_data):
    network = real_network(real_data / "weights" / "resnet20_cifar10" / "resnet20-12fca82f.th")
    shown = photographs(options(data=f"images:{real_data / 'classify' / 'cifar10_jpg_test500'}"), network, most=100)
    assert (network.predict(shown.images)[0] == shown.labels).mean() > 0.7
