"""Layers: the function with weights of its own, PyTorch's initial spread, batch norm's bookkeeping, bad
input."""

import math

import numpy as np
import pytest

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet import nn
from pyconvnet.nn import init


def test_conv2d_is_the_function():
    layer = nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=1, dilation=(1, 2), groups=2)
    x = pcn.randn(2, 4, 7, 8)
    np.testing.assert_array_equal(layer(x).data, F.conv2d(x, layer.weight, layer.bias, (2, 1), 1, (1, 2), 2).data)
    assert layer.weight.shape == (6, 2, 3, 2) and layer.stride == (2, 1) and layer.padding == (1, 1)
    assert nn.Conv2d(3, 2, 5, padding="same")(pcn.ones(1, 3, 6, 6)).shape == (1, 2, 6, 6)


def test_stateless_layers_are_the_functions():
    x = pcn.randn(2, 3, 6, 6)
    for layer, y in (
        (nn.ReLU(), F.relu(x)),
        (nn.LeakyReLU(0.3), F.leaky_relu(x, 0.3)),
        (nn.Sigmoid(), F.sigmoid(x)),
        (nn.Tanh(), F.tanh(x)),
        (nn.MaxPool2d(3, 2, 1), F.max_pool2d(x, 3, 2, 1)),
        (nn.MaxPool2d(2, ceil_mode=True), F.max_pool2d(x, 2, ceil_mode=True)),
        (nn.Flatten(), x.reshape(2, -1)),
        (nn.Flatten(0, 1), x.reshape(6, 6, 6)),
    ):
        np.testing.assert_array_equal(layer(x).data, y.data)
        assert not list(layer.parameters())
    assert len(nn.MaxPool2d(2, return_indices=True)(x)) == 2


@pytest.mark.parametrize(("layer", "fan_in"), [(nn.Conv2d(8, 64, 5, groups=2), 100), (nn.Linear(100, 64), 100)])
def test_initial_weights_and_biases_are_uniform_within_one_over_root_fan_in(layer, fan_in):
    bound = 1 / math.sqrt(fan_in)
    for p in layer.parameters():
        assert p.dtype == np.float32 and np.abs(p.data).max() <= bound
    assert layer.weight.data.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert abs(layer.weight.data.mean()) < bound / 20 and layer.bias.data.std() > bound / 4


def test_init_fills_in_place_with_the_stated_spread():
    w = pcn.zeros(200, 50, 2, 2)
    assert init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu") is w
    assert w.data.std() == pytest.approx(math.sqrt(2 / 800), rel=0.02)
    init.kaiming_uniform_(w, a=math.sqrt(5))
    assert np.abs(w.data).max() == pytest.approx(1 / math.sqrt(200), rel=0.01)
    assert init.normal_(w, 3, 0.5).data.mean() == pytest.approx(3, abs=0.02)
    assert init.uniform_(w, 2, 4).data.min() >= 2 and init.constant_(w, 7).data.max() == 7
    assert init.zeros_(w).data.max() == 0 and init.ones_(w).data.min() == 1
    assert init.calculate_gain("tanh") == 5 / 3 and init.calculate_gain("leaky_relu", 1) == 1
    with pytest.raises(ValueError, match="rank 2"):
        init.kaiming_normal_(pcn.zeros(3))
    with pytest.raises(ValueError, match="unknown nonlinearity 'swish'"):
        init.calculate_gain("swish")


def test_init_that_keeps_signals_as_they_are():
    x = pcn.randn(2, 6, 5, 5)
    conv = nn.Conv2d(6, 6, 3, padding=1, groups=2, bias=False)
    init.dirac_(conv.weight, groups=2)
    np.testing.assert_allclose(conv(x).data, x.data, rtol=1e-6)
    linear = nn.Linear(5, 5, bias=False)
    init.eye_(linear.weight)
    np.testing.assert_allclose(linear(x).data, x.data, rtol=1e-6)
    for shape in ((3, 8), (8, 3), (4, 2, 3)):
        w = init.orthogonal_(pcn.zeros(*shape), gain=2).data.reshape(shape[0], -1)
        gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
        np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-5)


def test_init_within_bounds_and_from_a_generator():
    w = init.trunc_normal_(pcn.zeros(100, 100), 1.0, 2.0, 0.0, 1.5)
    assert w.data.min() >= 0 and w.data.max() <= 1.5 and abs(w.data.mean() - 0.77) < 0.02
    assert init.trunc_normal_(pcn.zeros(99), a=5, b=9).data.min() >= 5
    a, b = (init.xavier_normal_(pcn.zeros(3, 3), generator=np.random.default_rng(1)).tolist() for _ in range(2))
    assert a == b
    zeros = (init.sparse_(pcn.zeros(10, 4), 0.25).data == 0).sum(0)
    assert (zeros == 3).all()  # ceil(2.5) of each column


def test_dropout_identity_and_embedding_layers():
    x = pcn.ones(50, 50)
    layer = nn.Dropout(0.5)
    assert 0.3 < layer(x).mean().item() / 2 < 0.7 and layer.eval()(x) is x
    assert nn.Identity(3, a=1)(x) is x
    table = nn.Embedding(5, 2, padding_idx=-2)
    assert not table(pcn.tensor([3])).data.any() and table.padding_idx == 3
    table(pcn.tensor([3, 1])).sum().backward()
    assert table.weight.grad.data[:, 0].tolist() == [0, 1, 0, 0, 0]
    assert not nn.Embedding.from_pretrained(np.eye(3)).weight.requires_grad


def test_layers_in_float64():
    x = pcn.randn(4, 3, 2, dtype="float64")
    for layer in (nn.Linear(2, 2, dtype="float64"), nn.BatchNorm1d(3, dtype=np.float64), nn.LayerNorm(2, dtype=float),
                  nn.GroupNorm(3, 3, dtype=float), nn.InstanceNorm1d(3, affine=True, dtype=float)):  # fmt: skip
        assert layer(x).dtype == np.float64
    with pytest.raises(NotImplementedError, match="device 'cuda' is not offered, only the CPU"):
        nn.Linear(2, 2, device="cuda")
    with pytest.raises(TypeError, match="int64 cannot be trained"):
        nn.Linear(2, 2, dtype="int64")


def test_loss_layers_keep_their_weights_as_state():
    w = pcn.tensor([1.0, 2.0])
    assert list(nn.CrossEntropyLoss(w).state_dict()) == ["weight"] and not nn.NLLLoss().state_dict()
    assert list(nn.BCEWithLogitsLoss(pos_weight=w).state_dict()) == ["pos_weight"]
    x, t = pcn.tensor([[0.0, 1.0]]), pcn.tensor([1])
    assert nn.CrossEntropyLoss(w)(x, t).item() == F.cross_entropy(x, t, w).item()


def test_batch_norm_layer_counts_and_averages():
    layer = nn.BatchNorm2d(2, momentum=None)
    batches = [pcn.randn(3, 2, 4, 4) * (i + 1) for i in range(3)]
    for x in batches:
        layer(x)
    assert layer.num_batches_tracked.item() == 3
    for statistic, f in (
        ("running_mean", lambda x: x.mean((0, 2, 3))),
        ("running_var", lambda x: x.var((0, 2, 3), ddof=1)),
    ):
        expected = np.mean([f(x.data) for x in batches], axis=0)  # momentum None: the plain average
        np.testing.assert_allclose(getattr(layer, statistic).data, expected, rtol=1e-4, atol=1e-6)


def test_batch_norm_without_statistics_or_weights():
    x = pcn.randn(4, 2, 3, 3)
    layer = nn.BatchNorm2d(2, affine=False, track_running_stats=False)
    assert not layer.state_dict()
    np.testing.assert_array_equal(layer.eval()(x).data, layer.train()(x).data)
    assert list(nn.BatchNorm2d(2, bias=False).state_dict())[:2] == ["weight", "running_mean"]


t = pcn.zeros


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: nn.Conv2d(3, 16, 3)(t(8, 1, 32, 32)), ValueError, "input has 1 channels.*expects 3"),
        (
            lambda: nn.Conv2d(3, 16, 3)(t(8, 32, 32, 3)),
            ValueError,
            r"32 channels \(axis 1 of .*is the input NHWC\?",
        ),
        (lambda: nn.Conv2d(3, 16, 7)(t(8, 3, 5, 5)), ValueError, "larger than the input of height 5"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "must divide by groups 2"),
        (lambda: nn.Conv2d(3, 4, 0), ValueError, "kernel_size must be positive"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), ValueError, "one of zeros, reflect.*'mirror'"),
        (lambda: nn.Conv2d(3, 4, 3)(t(1, 3, 5, 5, dtype="float64")), TypeError, "float64.*float32"),
        (lambda: nn.Linear(12, 2)(t(5, 3, 2, 2)), ValueError, "was the input flattened"),
        (lambda: nn.BatchNorm2d(3)(t(2, 3)), ValueError, r"\[N, C, H, W\], got shape \(2, 3\)"),
        (lambda: nn.BatchNorm2d(3)(t(2, 4, 2, 2)), ValueError, "4 channels"),
        (lambda: nn.BatchNorm2d(3)(t(1, 3, 1, 1)), ValueError, "more than one value per channel"),
        (lambda: nn.BatchNorm1d(3)(t(2, 3, 4, 5)), ValueError, r"\[N, C\] or \[N, C, L\], got shape \(2, 3, 4, 5\)"),
        (lambda: nn.InstanceNorm2d(3)(t(2, 3)), ValueError, r"InstanceNorm2d: expected \[N, C, H, W\] or \[C, H, W\]"),
        (lambda: nn.GroupNorm(2, 3), ValueError, "num_channels 3 does not divide by num_groups 2"),
        (lambda: nn.Dropout(2), ValueError, r"must lie in \[0, 1\], got 2"),
        (lambda: nn.Hardtanh(1, 1), ValueError, "min_val 1 must be smaller than max_val 1"),
        (lambda: nn.TripletMarginLoss(0), ValueError, "margin must be positive"),
        (lambda: nn.MultiMarginLoss(3), ValueError, "p must be 1 or 2"),
        (lambda: nn.Embedding(3, 2, 3), ValueError, "padding_idx 3 is outside the 3 rows"),
        (lambda: nn.Embedding(3, 2, max_norm=1.0), NotImplementedError, "max_norm is not offered"),
        (lambda: nn.Embedding.from_pretrained(t(3)), ValueError, r"\[number, dim\], got shape \(3,\)"),
        (lambda: init.dirac_(t(3, 3)), ValueError, "rank 3, 4 or 5"),
        (lambda: init.eye_(t(3)), ValueError, "needs a matrix"),
        (lambda: init.kaiming_normal_(t(3, 3), mode="in"), ValueError, "mode must be 'fan_in' or 'fan_out', got 'in'"),
        (lambda: init.trunc_normal_(t(3), a=20, b=30), ValueError, "holds nothing of a normal"),
        (lambda: init.normal_(t(3), generator=1), TypeError, "numpy.random.Generator, got int"),
        (lambda: nn.ReLU(inplace=True)(t(2)), NotImplementedError, "inplace"),
    ],
)
def test_bad_input_gets_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()
