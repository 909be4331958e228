"""Files that PyTorch itself writes, in both formats; then one with code in it."""

import collections
import os

import numpy as np
import pytest

import pyconvnet as pcn

torch = pytest.importorskip("torch")

DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]


@pytest.fixture(params=[True, False], ids=["zip", "legacy"])
def saved(request, tmp_path):
    def save(thing, **options):
        path = tmp_path / "file.pth"
        torch.save(thing, path, _use_new_zipfile_serialization=request.param, **options)
        return pcn.io.load_torch(path)

    return save


def equal(ours, theirs):
    """The same tree; tensors as arrays, OrderedDict as dict."""
    if isinstance(theirs, torch.Tensor):
        theirs = theirs.detach()
        theirs = (theirs.float() if theirs.dtype == torch.bfloat16 else theirs).numpy()
        assert isinstance(ours, pcn.Tensor) and ours.dtype == theirs.dtype and ours.shape == theirs.shape
        np.testing.assert_array_equal(ours.data, theirs)
    elif isinstance(theirs, dict):
        assert type(ours) is dict and list(ours) == list(theirs)
        for key in theirs:
            equal(ours[key], theirs[key])
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            equal(a, b)
    else:
        assert ours == theirs and type(ours) is type(theirs)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype(saved, dtype):
    t = (torch.randn(2, 3, 4) * 10).to(getattr(torch, dtype))
    views = {"t": t, "turned": t.transpose(0, 2), "part": t[:, 1:, ::2], "scalar": t[0, 0, 0], "none": t[:0]}
    equal(saved(views), views)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_checkpoint_with_its_optimiser(saved, protocol):
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 5])
    net(torch.randn(2, 3, 5, 5)).sum().backward()
    optimizer.step()
    schedule.step()
    state = {
        "epoch": 3, "best": 0.5, "arch": "net", "none": None, "big": 2**70, "size": torch.Size([2, 3]),
        "state_dict": net.state_dict(), "optimizer": optimizer.state_dict(), "tied": [net[0].weight, net[0].weight],
        "milestones": collections.Counter([2, 5]), "bytes": b"abc\xff",
    }  # fmt: skip
    ours = saved(state, pickle_protocol=protocol)
    equal(ours, state | {"size": (2, 3), "milestones": {2: 1, 5: 1}})
    assert np.shares_memory(ours["tied"][0].data, ours["tied"][1].data)
    twin = pcn.nn.Sequential(pcn.nn.Conv2d(3, 4, 3), pcn.nn.BatchNorm2d(4))
    twin.load_state_dict(ours["state_dict"])
    for a, b in zip(twin.state_dict().values(), net.state_dict().values()):
        np.testing.assert_array_equal(a.data, b.numpy())


def test_parameters_expanded_tensors_and_dtypes(saved):
    base = torch.arange(6.0)
    state = {"p": torch.nn.Parameter(base), "e": base[:3].expand(4, 3), "grad": base.clone().requires_grad_()}
    equal(saved(state), state)
    assert saved({"dtype": torch.float16, "device": torch.device("cpu")}) == {"dtype": "torch.float16", "device": "cpu"}


def test_a_tensor_with_attributes(saved):
    t = torch.arange(4.0)
    t.note = "kept elsewhere"
    equal(saved(t), torch.arange(4.0))


class _Runs:
    def __reduce__(self):
        return os.mkdir, ("it ran",)


def test_a_lazy_minus_is_not_forgotten(saved):
    z = torch.complex(torch.arange(4.0), torch.arange(4.0) + 10)
    ours = saved({"minus": z.conj().imag, "plain": torch.arange(3.0)})
    np.testing.assert_array_equal(ours["minus"].data, -np.arange(10.0, 14.0))
    np.testing.assert_array_equal(ours["plain"].data, np.arange(3.0))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_what_training_scripts_leave_beside_the_weights(saved, protocol):
    state = {
        "acc": np.float64(0.9), "n": np.int64(7), "ok": np.bool_(True), "half": np.float16(2), "set": {1, 2, "a"},
        "complex": 1 + 2j, "bytes": bytearray(b"ab"), "lists": collections.defaultdict(list, a=[1]),
        "dicts": collections.defaultdict(dict), "losses": np.array([[0.5, 0.25, 1], [2, 3, 4]], ">f4"),
        "turned": np.arange(6).reshape(2, 3).T, "scalar": np.array(3, np.uint8),
    }  # fmt: skip
    ours = saved(state, pickle_protocol=protocol)
    losses, turned, scalar = (ours.pop(k) for k in ("losses", "turned", "scalar"))
    assert ours == {"acc": 0.9, "n": 7, "ok": True, "half": 2.0, "set": {1, 2, "a"}, "complex": 1 + 2j, "bytes": b"ab",
                    "lists": {"a": [1]}, "dicts": {}}  # fmt: skip
    assert type(ours["acc"]) is float and type(ours["n"]) is int and losses.dtype == np.float32
    np.testing.assert_array_equal(losses.data, state["losses"])
    np.testing.assert_array_equal(turned.data, state["turned"])
    assert turned.data.flags.c_contiguous and scalar.shape == () and scalar.item() == 3


def test_code_is_not_run(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for thing in (_Runs(), {"state_dict": torch.ones(2), "extra": [_Runs()]}):
        with pytest.raises(ValueError, match=r"(posix|nt)\.mkdir.*refused"):
            saved(thing)
    assert not (tmp_path / "it ran").exists()


def test_what_is_not_weights_is_named(saved):
    for thing, words in (
        (torch.nn.Linear(2, 2), "whole model"),
        (torch.ones(2, 2).to_sparse(), "not offered"),
        (torch.ones(2, dtype=torch.complex64), "not offered"),
        (torch.ones(2, device="meta"), "not offered"),
        ({"of": np.array(["text"])}, "only numbers"),
    ):
        with pytest.raises(ValueError, match=words):
            saved(thing)


@pytest.mark.filterwarnings("ignore")
def test_torchscript_is_named(tmp_path):
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "net.pt"))
    with pytest.raises(ValueError, match="TorchScript"):
        pcn.io.load_torch(tmp_path / "net.pt")
