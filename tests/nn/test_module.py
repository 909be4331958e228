"""Module: names, state, sharing, modes, hooks, and what it says about mistakes."""

import copy

import numpy as np
import pytest

import pyconvnet as pcn
from pyconvnet import nn


class Net(nn.Module):
    """conv1 and conv2 share nothing, head.0 and tail are one layer."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.head = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
        self.tail = self.head[0]
        self.blocks = nn.ModuleList([nn.Conv2d(4, 4, (1, 3), groups=2)])
        self.scale = nn.Parameter(np.ones(1, np.float32))
        self.register_buffer("mean", pcn.zeros(3))

    def forward(self, x):
        return self.tail(self.head(self.bn1(self.conv1(x)).mean((2, 3)))) * self.scale


def numbered(module, start=0):
    """Distinct values in every parameter and buffer."""
    for i, t in enumerate(module.state_dict().values()):
        t.data[...] = start + i
    return module


def test_state_dict_has_pytorchs_keys_and_shapes():
    state = Net().state_dict()
    assert {k: v.shape for k, v in state.items()} == {
        "scale": (1,),
        "mean": (3,),
        "conv1.weight": (4, 3, 3, 3),
        "bn1.weight": (4,),
        "bn1.bias": (4,),
        "bn1.running_mean": (4,),
        "bn1.running_var": (4,),
        "bn1.num_batches_tracked": (),
        "head.0.weight": (4, 4),
        "head.0.bias": (4,),
        "tail.weight": (4, 4),
        "tail.bias": (4,),
        "blocks.0.weight": (4, 2, 1, 3),
        "blocks.0.bias": (4,),
    }
    assert list(state)[:2] == ["scale", "mean"]  # a module's own before its children's
    assert state["bn1.num_batches_tracked"].dtype == np.int64 and not any(
        t.requires_grad for t in state.values()
    )
    assert all(k.startswith("net.") for k in Net().state_dict(prefix="net."))


def test_shared_parameters_and_modules_come_once():
    net = Net()
    assert [n for n, _ in net.named_parameters()] == [
        "scale",
        "conv1.weight",
        "bn1.weight",
        "bn1.bias",
        "head.0.weight",
        "head.0.bias",
        "blocks.0.weight",
        "blocks.0.bias",
    ]
    assert [n for n, _ in net.named_modules()] == [
        "",
        "conv1",
        "bn1",
        "head",
        "head.0",
        "head.1",
        "blocks",
        "blocks.0",
    ]
    assert "tail.bias" in dict(net.named_parameters(remove_duplicate=False))
    assert [n for n, _ in net.named_parameters(prefix="net", recurse=False)] == ["net.scale"]
    assert len(list(net.children())) == 5 and len(list(net.parameters(recurse=False))) == 1
    twins = nn.Sequential(nn.ReLU(), nn.Linear(2, 2))
    assert len(list(nn.Sequential(twins, twins).modules())) == 4


def test_load_state_dict_copies_values_into_the_same_tensors():
    source, net = numbered(Net(), 10), Net()
    weight = net.conv1.weight
    assert net.load_state_dict(source.state_dict()) == ([], [])
    assert net.conv1.weight is weight and (weight.data == source.conv1.weight.data).all()
    net.load_state_dict({k: v.data for k, v in source.state_dict().items()})  # arrays do as well
    source.conv1.weight.data[...] = -1
    assert weight.data.min() > 0


def test_load_state_dict_lists_everything_wrong_in_one_error_and_changes_nothing():
    net = numbered(Net())
    state = {k: v.data + 100 for k, v in net.state_dict().items()}
    del state["scale"], state["bn1.bias"]
    state |= {
        "extra": np.zeros(1),
        "conv1.weight": np.zeros((4, 3, 5, 5)),
        "bn1.weight": np.zeros(1),
        "mean": np.array(["a", "b", "c"]),
    }
    before = {k: v.data.copy() for k, v in net.state_dict().items()}
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    for words in (
        "load_state_dict of Net",
        "missing: scale",
        "missing: bn1.bias",
        "unexpected: extra",
        "not numbers: mean",
        "shape of conv1.weight: given (4, 3, 5, 5), expected (4, 3, 3, 3)",
        "shape of bn1.weight: given (1,), expected (4,)",
    ):
        assert words in str(caught.value)
    assert all((v.data == before[k]).all() for k, v in net.state_dict().items())
    with pytest.raises(TypeError, match="got list"):
        net.load_state_dict([1])


def test_load_state_dict_that_is_not_strict():
    net = numbered(Net())
    keys = net.load_state_dict({"scale": np.full(1, 9.0), "extra": np.zeros(1)}, strict=False)
    assert net.scale.item() == 9 and net.mean.data[0] == 1
    assert "bn1.weight" in keys.missing_keys and keys.unexpected_keys == ["extra"]
    with pytest.raises(RuntimeError, match=r"shape of scale: given \(2,\)"):
        net.load_state_dict({"scale": np.zeros(2)}, strict=False)


def test_train_and_eval_reach_every_module():
    net = Net()
    assert net.eval() is net and not any(m.training for m in net.modules())
    assert net.train() is net and all(m.training for m in net.modules())
    x = pcn.randn(2, 3, 4, 4)
    net(x)
    tracked = net.bn1.running_mean.data.copy()
    net.eval()(x)
    assert net.bn1.num_batches_tracked.item() == 1 and (net.bn1.running_mean.data == tracked).all()


def test_hooks_see_and_may_replace_the_output_until_removed():
    layer, seen = nn.ReLU(), []
    first = layer.register_forward_hook(
        lambda module, args, y: seen.append((module, args[0].tolist(), y.tolist()))
    )
    second = layer.register_forward_hook(lambda module, args, y: y + 1)
    assert layer(pcn.tensor([-1.0, 2.0])).tolist() == [1, 3]
    assert seen == [(layer, [-1, 2], [0, 2])]
    first.remove(), second.remove(), second.remove()
    assert layer(pcn.tensor([-1.0])).tolist() == [0] and len(seen) == 1


def test_hooks_before_the_others_and_with_keywords():
    class Scaled(nn.Module):
        def forward(self, x, factor=1):
            return x * factor

    net, seen = Scaled(), []
    net.register_forward_hook(lambda m, args, y: seen.append("second"))
    net.register_forward_hook(lambda m, args, kwargs, y: seen.append(kwargs), prepend=True, with_kwargs=True)
    net(pcn.ones(2), factor=3)
    assert seen == [{"factor": 3}, "second"]
    with pytest.raises(NotImplementedError, match="always_call"):
        net.register_forward_hook(print, always_call=True)


def test_children_buffers_and_apply():
    net, seen = Net(), []
    assert [n for n, _ in net.named_children()] == ["conv1", "bn1", "head", "tail", "blocks"]
    assert [n for n, _ in net.named_buffers()] == [
        "mean", "bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked",
    ]  # fmt: skip
    assert len(list(net.buffers(recurse=False))) == 1
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen[-1] == "Net" and seen.index("ReLU") < seen.index("Sequential")
    assert [p for p, _ in net.named_modules(memo={net, net.head}, prefix="n")][:2] == ["n.conv1", "n.bn1"]


def test_buffers_that_are_not_saved():
    net = nn.Module()
    net.register_buffer("grid", pcn.zeros(2), persistent=False)
    assert not net.state_dict() and [n for n, _ in net.named_buffers()] == ["grid"]
    net.register_buffer("grid", pcn.zeros(2))
    assert list(net.state_dict()) == ["grid"]


def test_another_dtype_keeps_the_tensors():
    net = Net()
    weight = net.conv1.weight
    assert net.double() is net and net.conv1.weight is weight and weight.dtype == np.float64
    assert net.bn1.num_batches_tracked.dtype == np.int64 and net.mean.dtype == np.float64
    net(pcn.randn(2, 3, 4, 4, dtype="float64")).sum().backward()
    assert net.float().conv1.weight.grad.dtype == np.float32
    with pytest.raises(TypeError, match="int32 cannot be trained"):
        net.to("int32")


def test_state_dict_of_the_parameters_themselves():
    net, state = Net(), {"x": 1}
    assert net.state_dict(destination=state, prefix="a.", keep_vars=True) is state
    assert state["a.conv1.weight"] is net.conv1.weight and state["x"] == 1


def test_zero_grad_and_requires_grad():
    net = Net()
    net(pcn.randn(2, 3, 4, 4)).sum().backward()
    assert net.tail.weight.grad is not None
    net.zero_grad(set_to_none=False)
    assert (net.tail.weight.grad.data == 0).all()
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    assert net.requires_grad_(False) is net
    assert not net(pcn.randn(2, 3, 4, 4)).requires_grad
    net.head.requires_grad_()
    net(pcn.randn(2, 3, 4, 4)).sum().backward()
    assert net.conv1.weight.grad is None and net.head[0].weight.grad is not None


def test_sequential_and_modulelist_index_slice_and_grow():
    a, b, c = nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)
    net = nn.Sequential(a, b, c)
    assert len(net) == 3 and net[-1] is c and list(net) == [a, b, c]
    tail = net[1:]
    assert isinstance(tail, nn.Sequential) and list(tail.state_dict()) == [
        "2.weight",
        "2.bias",
    ]  # a slice keeps the names
    assert net[:1](pcn.ones(4, 2)).shape == (4, 3) and net(pcn.ones(4, 2)).shape == (4, 1)
    assert list(nn.Sequential({"first": a, "last": b}).state_dict()) == ["first.weight", "first.bias"]
    assert net.append(nn.Sigmoid()) is net and len(net) == 4
    blocks = nn.ModuleList([a, b]).extend([c]).append(a)
    assert len(blocks) == 4 and blocks[-1] is a and list(blocks)[2] is c
    assert isinstance(blocks[1:], nn.ModuleList) and [n for n, _ in blocks[1:].named_modules()] == [
        "",
        "0",
        "1",
        "2",
    ]
    with pytest.raises(IndexError):
        net[7]
    with pytest.raises(NotImplementedError, match="ModuleList defines no forward"):
        blocks(pcn.ones(1))


def test_sequential_and_modulelist_change_in_place():
    a, b, c = nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)
    for kind in (nn.Sequential, lambda *m: nn.ModuleList(m)):
        net = kind(a, b, c)
        net[1] = d = nn.Tanh()
        assert net[-2] is d and d in net and b not in net and list(net.insert(0, b)) == [b, a, d, c]
        assert net.pop(-1) is c and list(net.state_dict()) == ["1.weight", "1.bias"]
        del net[1:]
        assert list(net) == [b] and net.extend([a, c])[1] is a
        with pytest.raises(IndexError, match="position 3 is out of range, it holds 3 modules"):
            net[3]
        with pytest.raises(TypeError, match="a position must be an int or a slice, got 'a'"):
            net["a"]
        with pytest.raises(TypeError, match="holds Modules, got int"):
            net[0] = 3


def test_repr_shows_the_tree():
    assert repr(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.Sequential(nn.ReLU()))) == (
        "Sequential(\n"
        "  (0): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)\n"
        "  (1): Sequential(\n"
        "    (0): ReLU()\n"
        "  )\n"
        ")"
    )
    assert repr(nn.Linear(2, 3)) == "Linear(in_features=2, out_features=3, bias=True)"


def test_deepcopy_is_apart_and_keeps_sharing():
    net = Net()
    twin = copy.deepcopy(net)
    twin.conv1.weight.data[...] = 0
    assert net.conv1.weight.data.any() and twin.tail is twin.head[0] and twin.tail is not net.tail
    assert isinstance(twin.scale, nn.Parameter) and twin.scale.requires_grad
    assert list(twin.state_dict()) == list(net.state_dict())


def test_attributes_move_between_rooms():
    net = nn.Module()
    net.x = 3
    net.x = nn.Parameter(np.ones(1))
    assert "x" in net.state_dict()
    net.x = None  # left out, but the name stays the parameter's
    assert not net.state_dict() and net.x is None
    del net.x
    net.x = 5
    assert net.x == 5
    net.register_buffer("running", pcn.zeros(2))
    net.running = pcn.ones(2)
    assert net.state_dict()["running"].tolist() == [1, 1]


class Forgetful(nn.Module):
    def __init__(self, layer=None):
        if layer is not None:
            self.layer = layer

    def forward(self, x):
        return x


def replace_weight():
    nn.Linear(2, 2).weight = pcn.zeros(2, 2)


def replace_module():
    nn.Sequential(nn.ReLU()).__setattr__("0", abs)


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (
            lambda: Forgetful(nn.ReLU()),
            AttributeError,
            r"Forgetful: call super\(\).__init__\(\) before assigning layer",
        ),
        (lambda: Forgetful()(1), AttributeError, r"Forgetful: call super\(\).__init__\(\) first"),
        (lambda: list(Forgetful().parameters()), AttributeError, r"call super\(\).__init__\(\) first"),
        (lambda: nn.ReLU().weight, AttributeError, "ReLU has no attribute 'weight'"),
        (
            replace_weight,
            TypeError,
            "weight is one of its parameters, a Tensor cannot take its place.*Parameter",
        ),
        (replace_module, TypeError, "modules.*builtin_function_or_method"),
        (lambda: nn.Sequential(abs), TypeError, "Sequential holds Modules, got builtin_function_or_method"),
        (lambda: nn.ModuleList([None]), TypeError, "ModuleList holds Modules, got NoneType"),
        (
            lambda: nn.Module().register_parameter("w", pcn.zeros(1)),
            TypeError,
            "must be a Parameter or None, got Tensor",
        ),
        (lambda: nn.Module().register_buffer("a.b", pcn.zeros(1)), ValueError, "without dots"),
        (lambda: nn.Module().register_buffer("forward", pcn.zeros(1)), ValueError, "'forward' already"),
        (lambda: nn.Module()(1), NotImplementedError, "Module defines no forward"),
        (lambda: nn.Parameter(np.array([1, 2])), TypeError, "floating-point.*int64"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()
