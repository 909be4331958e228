"""The networks: parameters as published, scores of the right shape, gradients, initial weights, settings refused."""

import numpy as np
import pytest

import pyconvnet as pcn
from pyconvnet import models, nn

COUNTS = {
    "lenet": 61_706, "alexnet": 61_100_840, "vgg16": 138_357_544, "vgg19": 143_667_240, "squeezenet1_0": 1_248_424,
    "squeezenet1_1": 1_235_496, "resnet18": 11_689_512, "resnet20": 269_722, "resnet34": 21_797_672,
    "resnet50": 25_557_032,
}  # fmt: skip
NAMES = {  # some of torchvision's, with their shapes; and how many a state has
    "alexnet": (16, {"features.0.weight": (64, 3, 11, 11), "features.10.bias": (256,),
                     "classifier.1.weight": (4096, 9216), "classifier.6.bias": (1000,)}),
    "vgg16": (32, {"features.0.weight": (64, 3, 3, 3), "features.28.weight": (512, 512, 3, 3),
                   "classifier.0.weight": (4096, 25088), "classifier.6.weight": (1000, 4096)}),
    "vgg19": (38, {"features.34.weight": (512, 512, 3, 3), "classifier.3.bias": (4096,)}),
    "squeezenet1_0": (52, {"features.0.weight": (96, 3, 7, 7), "features.3.squeeze.weight": (16, 96, 1, 1),
                           "features.12.expand3x3.weight": (256, 64, 3, 3), "classifier.1.weight": (1000, 512, 1, 1)}),
    "squeezenet1_1": (52, {"features.0.weight": (64, 3, 3, 3), "features.6.squeeze.weight": (32, 128, 1, 1),
                           "features.12.expand1x1.bias": (256,)}),
    "resnet18": (122, {"conv1.weight": (64, 3, 7, 7), "layer2.0.downsample.0.weight": (128, 64, 1, 1),
                       "layer2.0.downsample.1.running_var": (128,), "layer4.1.bn2.num_batches_tracked": (),
                       "fc.weight": (1000, 512)}),
    "resnet34": (218, {"layer3.5.conv2.weight": (256, 256, 3, 3)}),
    "resnet50": (320, {"layer1.0.conv3.weight": (256, 64, 1, 1), "layer1.0.downsample.0.weight": (256, 64, 1, 1),
                       "layer4.2.conv2.weight": (512, 512, 3, 3), "fc.weight": (1000, 2048)}),
    "resnet20": (19 * 6 + 2, {"conv1.weight": (16, 3, 3, 3), "layer1.0.conv1.weight": (16, 16, 3, 3),
                              "layer3.2.bn2.running_mean": (64,), "linear.weight": (10, 64)}),
    "lenet": (10, {"conv1.weight": (6, 1, 5, 5), "fc1.weight": (120, 400)}),
}  # fmt: skip


@pytest.fixture
def nothing_drawn(monkeypatch):
    """No initial weights: memory that is never touched costs nothing, and VGG has 140 million of them."""
    for name in ("uniform_", "normal_", "zeros_"):
        monkeypatch.setattr(nn.init, name, lambda tensor, *_, **__: tensor)


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_and_names_are_the_published_ones(name, nothing_drawn):
    net = getattr(models, name)()
    assert sum(p.numel() for p in net.parameters()) == COUNTS[name]
    count, some = NAMES[name]
    state = net.state_dict()
    assert len(state) == count
    assert {k: state[k].shape for k in some} == some


def test_the_order_of_the_names_is_torchvisions():
    block = list(models.resnet18(num_classes=2).state_dict())
    assert block[:7] == ["conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var",
                         "bn1.num_batches_tracked", "layer1.0.conv1.weight"]  # fmt: skip
    assert block[-2:] == ["fc.weight", "fc.bias"]
    fire = list(models.squeezenet1_1(num_classes=2).state_dict())
    assert fire[2:8] == [f"features.3.{part}.{p}" for part in ("squeeze", "expand1x1", "expand3x3")
                         for p in ("weight", "bias")]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "side"),
    [("lenet", 28), ("lenet", 32), ("squeezenet1_0", 35), ("squeezenet1_1", 35), ("resnet18", 33), ("resnet20", 32)],
)
def test_scores_and_gradients(name, side):
    pcn.manual_seed(0)
    net = getattr(models, name)(num_classes=5)
    x = pcn.tensor(np.random.default_rng(0).random((2, 1 if name == "lenet" else 3, side, side), np.float32))
    scores = net(x)
    assert scores.shape == (2, 5) and scores.dtype == np.float32 and np.isfinite(scores.data).all()
    pcn.functional.cross_entropy(scores, np.array([0, 4])).backward()
    assert all(p.grad is not None and np.isfinite(p.grad.data).all() for p in net.parameters())


def test_the_wide_ones_compute_too(nothing_drawn, monkeypatch):
    def fill(tensor, *_, **__):
        tensor.data[...] = 0
        return tensor

    for name in ("uniform_", "normal_"):
        monkeypatch.setattr(nn.init, name, fill)
    x = pcn.tensor(np.ones((1, 3, 65, 65), np.float32))
    for net in (models.resnet50(num_classes=3), models.resnet34(num_classes=3)):
        assert net.eval()(x).shape == (1, 3)
    assert models.alexnet().features(x).shape == (1, 256, 1, 1)
    assert models.vgg16(init_weights=False).features(x).shape == (1, 512, 2, 2)


def test_initial_weights_follow_the_fan():
    pcn.manual_seed(0)
    net = models.resnet18(zero_init_residual=True)
    w = net.layer3[0].conv2.weight.data
    assert w.std() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.02)
    assert (net.layer1[1].bn2.weight.data == 0).all() and (net.layer1[1].bn1.weight.data == 1).all()
    squeeze = models.squeezenet1_0()
    assert squeeze.classifier[1].weight.data.std() == pytest.approx(0.01, rel=0.02)
    assert (squeeze.features[0].bias.data == 0).all()
    assert models.resnet20().linear.weight.data.std() == pytest.approx((2 / 64) ** 0.5, rel=0.1)


def test_a_shortcut_without_parameters_subsamples_and_adds_empty_channels():
    block = models.resnet20().layer2[0].eval()
    block.bn2.weight.data[...] = 0  # nothing but the shortcut is left
    x = np.random.default_rng(0).random((1, 16, 8, 8)).astype(np.float32)
    y = block(pcn.tensor(x)).data
    np.testing.assert_array_equal(y[:, 8:24], x[:, :, ::2, ::2])
    assert not y[:, :8].any() and not y[:, 24:].any()


def test_dilation_in_place_of_stride_keeps_the_size():
    dilate = [False, True, True]
    net = models.ResNet(models.Bottleneck, (1, 1, 2, 1), 2, False, 2, 8, replace_stride_with_dilation=dilate)
    assert net.layer3[1].conv2.dilation == (2, 2) and net.layer4[0].conv2.dilation == (2, 2)
    x = pcn.tensor(np.ones((2, 3, 64, 64), np.float32))
    assert net.layer4(net.layer3(net.layer2(net.layer1(net.maxpool(net.conv1(x)))))).shape == (2, 2048, 8, 8)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: models.alexnet("file.pth"), TypeError, "positional"),
        (lambda: models.resnet20(num_classes=0), ValueError, "num_classes must be positive"),
        (lambda: models.resnet20(num_classes=2.5), TypeError, "num_classes must be a whole number"),
        (lambda: models.resnet18(groups=2), ValueError, "groups=1"),
        (lambda: models.resnet18(replace_stride_with_dilation=[False, False, True]), NotImplementedError, "resnet50"),
        (lambda: models.resnet18(replace_stride_with_dilation=True), ValueError, "three booleans"),
        (lambda: models.squeezenet1_0(dropout=2), ValueError, "probability"),
        (lambda: models.SqueezeNet("1_2"), ValueError, "'1_0' or '1_1'"),
        (lambda: models.lenet()(pcn.zeros(1, 1, 30, 30)), ValueError, r"28, 28\], got shape \(1, 1, 30, 30\)"),
        (lambda: models.resnet20()(pcn.zeros(1, 1, 32, 32)), ValueError, "1 channel"),
        (lambda: models.squeezenet1_1()(pcn.zeros(1, 3, 4, 4)), ValueError, "pool"),
    ],
)
def test_settings_that_do_not_fit(make, error, words, nothing_drawn):
    with pytest.raises(error, match=words):
        make()
