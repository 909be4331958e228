"""The spatial layers are the functions; padding modes, initial weights, and what their constructors refuse."""

import math

import numpy as np
import pytest

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet import nn

picture, row, volume = pcn.randn(2, 4, 6, 7), pcn.randn(2, 4, 9), pcn.randn(2, 4, 3, 4, 5)


def same(a, b):
    np.testing.assert_array_equal(a.data, b.data)


def test_layers_without_weights_are_the_functions():
    for layer, x, y in (
        (nn.MaxPool1d(3, 2, 1), row, F.max_pool1d(row, 3, 2, 1)),
        (nn.MaxPool2d(3, 2, 1, ceil_mode=True), picture, F.max_pool2d(picture, 3, 2, 1, ceil_mode=True)),
        (nn.AvgPool2d(3, padding=1, count_include_pad=False), picture, F.avg_pool2d(picture, 3, 3, 1, False, False)),
        (nn.AdaptiveAvgPool2d((2, None)), picture, F.adaptive_avg_pool2d(picture, (2, None))),
        (nn.AdaptiveMaxPool2d(2), picture, F.adaptive_max_pool2d(picture, 2)),
        (nn.Upsample(scale_factor=2, mode="bilinear"), picture, F.interpolate(picture, None, 2, "bilinear")),
        (nn.Unfold(2, stride=2), picture, F.unfold(picture, 2, stride=2)),
        (nn.Fold((4, 4), 2), pcn.ones(1, 8, 9), F.fold(pcn.ones(1, 8, 9), (4, 4), 2)),
        (nn.PixelShuffle(2), picture, F.pixel_shuffle(picture, 2)),
        (nn.ConstantPad1d(1, 2.5), row, F.pad(row, (1, 1), value=2.5)),
        (nn.ZeroPad2d((1, -1, 0, 2)), picture, F.pad(picture, (1, -1, 0, 2))),
        (nn.ReflectionPad1d(2), row, F.pad(row, (2, 2), "reflect")),
        (nn.ReplicationPad3d(1), volume, F.pad(volume, (1,) * 6, "replicate")),
        (nn.CircularPad2d(1), picture, F.pad(picture, (1,) * 4, "circular")),
    ):  # fmt: skip
        same(layer(x), y)
        assert not layer.state_dict()
    assert len(nn.AdaptiveMaxPool2d(2, return_indices=True)(picture)) == 2


def test_conv1d_and_conv_transpose2d_are_the_functions():
    layer = nn.Conv1d(4, 6, 3, 2, 1, 2, groups=2)
    same(layer(row), F.conv1d(row, layer.weight, layer.bias, 2, 1, 2, 2))
    assert layer.kernel_size == (3,) and layer.weight.shape == (6, 2, 3)
    layer = nn.ConvTranspose2d(4, 6, (3, 2), 2, 1, 1, groups=2)
    same(layer(picture), F.conv_transpose2d(picture, layer.weight, layer.bias, 2, 1, 1, 2))
    assert layer.weight.shape == (4, 3, 3, 2) and layer.bias.shape == (6,)
    assert layer(picture, output_size=(12, 13)).shape == (2, 6, 12, 13)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [(1, 2), "same", "valid"])
def test_padding_modes_pad_before_the_convolution(mode, padding):
    layer = nn.Conv2d(4, 3, (2, 4), padding=padding, dilation=(2, 1), padding_mode=mode)
    amounts = {"same": (1, 2, 1, 1), "valid": (0, 0, 0, 0), (1, 2): (2, 2, 1, 1)}[padding]
    y = F.conv2d(F.pad(picture, amounts, mode), layer.weight, layer.bias, dilation=(2, 1))
    same(layer(picture), y)
    assert padding != "same" or y.shape[2:] == picture.shape[2:]
    line = nn.Conv1d(4, 3, 3, padding=1, padding_mode=mode)
    same(line(row), F.conv1d(F.pad(row, (1, 1), mode), line.weight, line.bias))


@pytest.mark.parametrize(
    ("layer", "fan_in"), [(nn.Conv1d(20, 300, 5), 100), (nn.ConvTranspose2d(60, 20, 3, groups=2), 90)]
)
def test_initial_weights_are_uniform_within_one_over_root_fan_in(layer, fan_in):
    bound = 1 / math.sqrt(fan_in)
    for p in layer.parameters():
        assert np.abs(p.data).max() <= bound
    assert layer.weight.data.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    before = layer.weight.data.copy()
    layer.reset_parameters()
    assert (layer.weight.data != before).any()


def test_layers_in_float64():
    assert nn.Conv2d(4, 2, 3, dtype="float64")(picture.double()).dtype == np.float64


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: nn.Conv1d(3, 4, 3, groups=2), ValueError, "Conv1d: in_channels 3 .* must divide by groups 2"),
        (lambda: nn.Conv2d(3, 4, (3, 3, 3)), ValueError, "kernel_size must be one whole number or 2 of them"),
        (lambda: nn.Conv2d(3, 0, 3), ValueError, "out_channels must be positive"),
        (lambda: nn.Conv2d(3, 4, 3, padding="full"), ValueError, "'valid' or 'same', got 'full'"),
        (lambda: nn.Conv2d(3, 4, 3, 2, padding="same"), ValueError, "'same' needs stride 1"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), ValueError, "padding_mode must be one of zeros, reflect"),
        (lambda: nn.Conv2d(3, 4, 3, device="cuda"), NotImplementedError, "'cuda' is not offered"),
        (lambda: nn.Conv2d(3.0, 4, 3), TypeError, "in_channels must be a whole number"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"), ValueError, "padding_mode 'zeros': it crops"),
        (lambda: nn.ConvTranspose2d(4, 4, 3, 2)(picture, output_size=(20, 20)), ValueError,
         r"output_size \(20, 20\) must lie between \(13, 15\) and \(14, 16\)"),
        (lambda: nn.ReflectionPad2d((1, 2)), ValueError, "padding must be one whole number or 4 of them, got 2"),
        (lambda: nn.ReflectionPad2d(6)(picture), ValueError, "only 5 pixels behind the border of axis 2"),
    ],
)  # fmt: skip
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()
