"""Every layer with its options against torch.nn: repr, names and shapes of the state, and, given the same state, the
same output and parameter gradients in training and in evaluation. And the initial weights of torch.nn.init."""

from collections import Counter

import numpy as np
import pytest

import pyconvnet as pcn

torch = pytest.importorskip("torch")

image, rows, column = (2, 4, 3, 5), (3, 4), (2, 4, 6)
# name, arguments, keyword arguments, shape of the input
LAYERS = [
    *[(name, (), {}, image) for name in ("ReLU", "LeakyReLU", "ELU", "GELU", "Softplus", "Sigmoid", "Tanh")],
    *[(name, (), {}, image) for name in ("Hardtanh", "Softmax", "LogSoftmax", "Flatten", "Identity")],
    ("LeakyReLU", (0.3,), {}, image), ("ELU", (0.5,), {}, image), ("GELU", ("tanh",), {}, image),
    ("Softplus", (2.0, 1.5), {}, image), ("Hardtanh", (-0.5, 0.25), {}, image), ("Softmax", (-1,), {}, column),
    ("LogSoftmax", (), {"dim": 0}, column), ("Flatten", (0, 2), {}, image), ("Identity", (1,), {"x": 2}, image),
    ("Linear", (5, 3), {}, image), ("Linear", (4, 2), {"bias": False}, rows),
    ("BatchNorm1d", (4,), {}, rows), ("BatchNorm1d", (4, 1e-3, None), {}, column),
    ("BatchNorm1d", (4,), {"affine": False}, rows), ("BatchNorm2d", (4,), {}, image),
    ("BatchNorm2d", (4,), {"track_running_stats": False}, image), ("BatchNorm2d", (4, 1e-5, 0.5), {}, image),
    ("BatchNorm3d", (4,), {}, (2, 4, 2, 2, 3)), ("GroupNorm", (2, 4), {}, image), ("GroupNorm", (4, 4), {}, column),
    ("GroupNorm", (1, 4, 0.1, False), {}, image), ("InstanceNorm1d", (4,), {"affine": True}, column),
    ("InstanceNorm1d", (4,), {}, (4, 6)), ("InstanceNorm2d", (4,), {}, image), ("InstanceNorm2d", (4,), {}, image[1:]),
    ("InstanceNorm2d", (4,), {"track_running_stats": True, "affine": True}, image),
    ("InstanceNorm3d", (4,), {"momentum": 0.3, "track_running_stats": True}, (2, 4, 2, 2, 3)),
    ("LayerNorm", (5,), {}, image), ("LayerNorm", ((3, 5),), {"bias": False}, image),
    ("LayerNorm", ([4], 0.1, False), {}, rows), ("LocalResponseNorm", (3,), {}, image),
    ("LocalResponseNorm", (2, 0.1, 1.0, 2.0), {}, column), ("Dropout", (0.0,), {}, image),
    ("CosineSimilarity", (), {}, (rows, rows)), ("CosineSimilarity", (2, 0.5), {}, (column, column)),
    ("PairwiseDistance", (), {}, (rows, rows)), ("PairwiseDistance", (1, 0.1, True), {}, (rows, rows)),
    ("MSELoss", (), {}, (rows, rows)), ("L1Loss", (), {"reduction": "sum"}, (rows, rows)),
    ("SmoothL1Loss", (), {"beta": 0.5, "reduction": "none"}, (rows, rows)),
    ("HuberLoss", ("sum", 0.5), {}, (rows, rows)),
    ("KLDivLoss", (), {"log_target": True, "reduction": "batchmean"}, (rows, rows)),
    ("MSELoss", (False,), {}, (rows, rows)), ("TripletMarginLoss", (0.5, 1.0), {"swap": True}, (rows, rows, rows)),
]  # fmt: skip


def same(ours, theirs, what=""):
    np.testing.assert_allclose(np.asarray(ours.detach()), theirs.detach().numpy(), rtol=1e-9, atol=1e-9, err_msg=what)


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: f"{case[0]}{case[1] or ''}{case[2] or ''}")
@pytest.mark.filterwarnings("ignore")
def test_layers_are_pytorchs(case, peers):
    name, args, options, shape = case
    ours, theirs = getattr(pcn.nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)
    assert repr(ours) == repr(theirs)
    assert [(k, v.shape, v.dtype) for k, v in ours.state_dict().items()] == [
        (k, tuple(v.shape), v.numpy().dtype) for k, v in theirs.state_dict().items()
    ]
    assert [k for k, _ in ours.named_parameters()] == [k for k, _ in theirs.named_parameters()]
    assert [k for k, _ in ours.named_buffers()] == [k for k, _ in theirs.named_buffers()]
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    ours, theirs = ours.double(), theirs.double()
    rng = np.random.default_rng(0)
    for mode in (True, True, False):
        ours.train(mode), theirs.train(mode)
        inputs = [rng.standard_normal(s) for s in (shape if isinstance(shape[0], tuple) else (shape,))]
        y, z = ours(*map(pcn.tensor, inputs)), theirs(*map(torch.tensor, inputs))
        same(y, z)
        for (k, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            weights = rng.standard_normal(y.shape)
            g = pcn.grad((y * weights).sum(), p, retain_graph=True)[0]
            same(g, torch.autograd.grad((z * torch.tensor(weights)).sum(), q, retain_graph=True)[0], k)
        for (k, a), b in zip(ours.named_buffers(), theirs.buffers(), strict=True):
            same(a, b, k)
    count(peers, f"nn.{name}", 3, any(True for _ in ours.parameters()))


def count(peers, name, cases=1, first=False):
    peers.setdefault(name, Counter()).update(cases=cases, forward=cases, first=cases * first)


weight = np.array([0.5, 1.0, 2.0])
probabilities, logits = np.random.default_rng(1).uniform(0.1, 0.9, (4, 3)), np.random.default_rng(2).normal(size=(4, 3))
binary, classes = (probabilities > 0.5) * 1.0, np.array([0, 2, 1, 2])
signs = np.where(classes > 0, 1.0, -1.0)
LOSSES = {
    "BCELoss": ({"weight": weight}, (probabilities, binary)),
    "BCEWithLogitsLoss": ({"weight": weight, "pos_weight": weight, "reduction": "sum"}, (logits, binary)),
    "CrossEntropyLoss": ({"weight": weight, "ignore_index": 2, "label_smoothing": 0.1}, (logits, classes)),
    "NLLLoss": ({"weight": weight, "ignore_index": 2, "reduction": "none"}, (logits, classes)),
    "MultiMarginLoss": ({"p": 2, "margin": 0.5, "weight": weight}, (logits, classes)),
    "HingeEmbeddingLoss": ({"margin": 0.5}, (logits[:, 0], signs)),
    "MarginRankingLoss": ({"margin": 0.5}, (logits[:, 0], logits[:, 1], signs)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_with_weights_or_classes_are_pytorchs(name, peers):
    options, inputs = LOSSES[name]
    results = []
    for m in (pcn, torch):
        kept = {k: m.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        loss = getattr(m.nn, name)(**kept)
        results.append((loss(*map(m.tensor, inputs)), repr(loss), list(loss.state_dict()), loss.reduction))
    same(results[0][0], results[1][0])
    assert results[0][1:] == results[1][1:]
    count(peers, f"nn.{name}")


@pytest.mark.parametrize("options", [{}, {"padding_idx": -1}, {"padding_idx": 0}])
def test_embedding_is_pytorchs(options, peers):
    ours, theirs = pcn.nn.Embedding(4, 3, **options), torch.nn.Embedding(4, 3, **options)
    assert repr(ours) == repr(theirs) and ours.padding_idx == theirs.padding_idx
    if options:
        assert not ours.weight.data[ours.padding_idx].any()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    i = np.array([[0, 3, 3], [1, 0, 2]])
    y, z = ours(pcn.tensor(i)), theirs(torch.tensor(i))
    same(y, z)
    y.sum().backward(), z.sum().backward()
    same(ours.weight.grad, theirs.weight.grad)
    a, b = (m.nn.Embedding.from_pretrained(m.tensor(np.eye(3)), **options) for m in (pcn, torch))
    assert a.weight.requires_grad == b.weight.requires_grad and list(a.state_dict()) == list(b.state_dict())
    same(a(pcn.tensor([2])), b(torch.tensor([2])))
    count(peers, "nn.Embedding", first=True)


INITIALS = {
    "uniform_": [{}, {"a": -2.0, "b": 3.0}], "normal_": [{}, {"mean": 1.0, "std": 3.0}],
    "trunc_normal_": [{}, {"mean": 1.0, "std": 0.5, "a": 0.5, "b": 3.0}, {"std": 5.0}],
    "xavier_uniform_": [{}, {"gain": 2.0}], "xavier_normal_": [{}, {"gain": 2.0}],
    "kaiming_uniform_": [{}, {"a": 2.0, "mode": "fan_out"}, {"nonlinearity": "tanh"}],
    "kaiming_normal_": [{}, {"a": 2.0, "mode": "fan_out"}, {"nonlinearity": "relu"}],
    "orthogonal_": [{}, {"gain": 2.0}], "sparse_": [{"sparsity": 0.1}, {"sparsity": 0.71, "std": 1.0}],
}  # fmt: skip


@pytest.mark.parametrize("name", INITIALS)
def test_initial_weights_are_distributed_alike(name, peers):
    pcn.manual_seed(0), torch.manual_seed(0)
    for options in INITIALS[name]:
        for shape in [(300, 200)] if name == "sparse_" else [(300, 200), (100, 30, 5, 4)]:
            a, b = pcn.zeros(*shape), torch.zeros(*shape)
            assert getattr(pcn.nn.init, name)(a, **options) is a
            getattr(torch.nn.init, name)(b, **options)
            q = np.linspace(0.05, 0.95, 19)
            spread = b.numpy().std()
            difference = np.quantile(a.data, q) - np.quantile(b.numpy(), q)
            assert np.abs(difference).max() < 0.05 * spread, options
            count(peers, f"nn.init.{name}")


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("eye_", (3, 5), {}), ("dirac_", (4, 3, 3), {}), ("dirac_", (4, 2, 3, 2), {"groups": 2}),
        ("dirac_", (6, 2, 1, 3, 5), {"groups": 3}), ("constant_", (2, 3), {"val": 0.3}), ("ones_", (3,), {}),
        ("zeros_", (3,), {}),
    ],
)  # fmt: skip
def test_initial_weights_without_chance_are_equal(name, shape, options, peers):
    a, b = pcn.rand(*shape), torch.rand(*shape)
    getattr(pcn.nn.init, name)(a, **options), getattr(torch.nn.init, name)(b, **options)
    same(a, b)
    count(peers, f"nn.init.{name}")


@pytest.mark.parametrize(
    "name", ["linear", "conv2d", "conv_transpose1d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
)
def test_gains_are_equal(name):
    assert pcn.nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert pcn.nn.init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)
