"""Saving and loading: values, dtypes and shapes survive; damage is noticed; a write that fails leaves the old
file."""

import json
import os
import stat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pyconvnet as pcn
from pyconvnet import io, nn

DTYPES = [
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float32",
    "float64",
]


@given(
    array=st.sampled_from(DTYPES).flatmap(
        lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))
    )
)
def test_values_dtypes_and_shapes_survive(tmp_path_factory, array):
    path = tmp_path_factory.getbasetemp() / "state.safetensors"
    io.save({"a": array, "b.0": pcn.tensor(array)}, path)
    state = io.load(path)
    assert list(state) == ["a", "b.0"]
    for t in state.values():
        assert isinstance(t, pcn.Tensor) and t.dtype == array.dtype and t.shape == array.shape
        np.testing.assert_array_equal(t.data, array)
        assert t.data.flags.writeable


def test_strided_reversed_and_byte_swapped_arrays(tmp_path):
    base = np.arange(12.0).reshape(3, 4)
    arrays = {
        "strided": base[:, ::2],
        "reversed": base[::-1],
        "transposed": base.T,
        "swapped": base.astype(">f4"),
        "scalar": np.float32(3),
    }
    io.save(arrays, tmp_path / "f")
    for name, t in io.load(tmp_path / "f").items():
        np.testing.assert_array_equal(t.data, arrays[name])


def test_a_model_and_metadata(tmp_path):
    net, twin = (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)) for _ in range(2))
    io.save(net.state_dict(), tmp_path / "new" / "net", {"epoch": "3", "größe": "x"})
    state, metadata = io.load_with_metadata(tmp_path / "new" / "net")
    twin.load_state_dict(state)
    assert all(
        (a.data == b.data).all()
        for a, b in zip(net.state_dict().values(), twin.state_dict().values(), strict=True)
    )
    assert metadata == {"epoch": "3", "größe": "x"}
    io.save({}, tmp_path / "none")
    assert io.load_with_metadata(tmp_path / "none") == ({}, {})


def test_truncated_and_damaged_files_are_refused(tmp_path):
    path = tmp_path / "f"
    io.save({"a": np.arange(10)}, path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="not a whole safetensors file"):
            io.load(path)
    for foreign in (
        b"PK\x03\x04" + bytes(50),
        b"\x80\x02}q\x00.",
        bytes(100),
        b"\xff" * 100,
        whole + b"more",
    ):
        path.write_bytes(foreign)
        with pytest.raises(ValueError, match="not a whole safetensors file"):
            io.load(path)


def test_a_huge_header_and_another_format_are_told(tmp_path, torch_file):
    path = tmp_path / "f"
    for content, words in (
        ((2**60).to_bytes(8, "little") + b'{"a":1}', "too large"),
        ((2**20).to_bytes(8, "little") + b'{"a":1}', "header"),
        (torch_file.zipped(torch_file.tensor(), {"0": bytes(24)}), r"it is a zip\)"),
        (torch_file.legacy(torch_file.tensor(), {"0": (6, bytes(24))}), "it is a Python pickle"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"not a whole safetensors file .*{words}"):
            io.load(path)


def test_a_missing_file_is_an_oserror(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(OSError, match=r"load: .*(no file|is a folder)"):
            io.load(path)


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch, failing):
    path = tmp_path / "f"
    io.save({"a": np.arange(3)}, path)

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="no space"):
        io.save({"a": np.zeros(1000)}, path)
    assert os.listdir(tmp_path) == ["f"] and io.load(path)["a"].tolist() == [0, 1, 2]


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_permissions_are_those_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        io.save({"a": np.zeros(1)}, tmp_path / "f")
    finally:
        assert os.umask(before) == 0o027
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("state", "metadata", "words"),
    [
        ({"a": lambda: 0}, None, "a of type function"),
        ({"a": {"b": {1, 2}}}, None, "a.b of type set"),
        ({(1, 2): np.ones(1)}, None, "keys"),
        ({"a": {"b": np.ones(1)}, "a.b": np.ones(1)}, None, "same name"),
        ({"a": np.ones(1, complex)}, None, "'a'"),
        ({"a": np.array([object()])}, None, "'a'"),
        ({"__metadata__": np.ones(1)}, None, "__metadata__"),
        ({"a": np.ones(1)}, {"epoch": 3}, "metadata"),
    ],
)
def test_what_is_no_state_is_refused_before_anything_is_written(tmp_path, state, metadata, words):
    with pytest.raises(TypeError, match=words):
        io.save(state, tmp_path / "f", metadata)
    assert not os.listdir(tmp_path)


def test_nested_state_comes_back_as_it_was(tmp_path):
    state = {"state": {0: {"step": 3, "m": np.ones((2, 3), np.float32)}}, "lr": 0.1, "betas": (0.9, 0.99),
             "names": ["a", None, True], "empty": {}, "inf": float("inf")}  # fmt: skip
    io.save(state, tmp_path / "f", {"note": "kept"})
    back = io.load(tmp_path / "f")
    assert back["state"][0]["step"] == 3 and back["state"][0]["m"].data.tolist() == np.ones((2, 3)).tolist()
    assert {k: back[k] for k in back if k != "state"} == {k: state[k] for k in state if k != "state"}
    assert io.load_with_metadata(tmp_path / "f")[1]["note"] == "kept"


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "LBFGS"])
def test_an_optimiser_and_a_schedule_go_on_from_the_file_as_if_nothing_had_happened(name, tmp_path):
    def start():
        p = pcn.tensor([1.0, -2.0, 3.0], requires_grad=True)
        options = {"momentum": 0.9} if name == "SGD" else {"max_iter": 2} if name == "LBFGS" else {}
        optimizer = getattr(pcn.optim, name)([p], lr=0.1, **options)
        return p, optimizer, pcn.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=12) \
            if name != "LBFGS" else pcn.optim.lr_scheduler.StepLR(optimizer, 2)

    def step(p, optimizer, schedule):
        def closure():
            optimizer.zero_grad()
            loss = ((p - 0.5) ** 4).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        schedule.step()

    whole, broken = start(), start()
    for _ in range(3):
        step(*whole)
        step(*broken)
    for part, room in zip(broken, ("p", "optimizer", "schedule")):
        io.save({"p": part} if room == "p" else part.state_dict(), tmp_path / room)
    resumed = start()
    resumed[0].data[...] = io.load(tmp_path / "p")["p"].data
    resumed[1].load_state_dict(io.load(tmp_path / "optimizer"))
    resumed[2].load_state_dict(io.load(tmp_path / "schedule"))
    for _ in range(3):
        step(*whole)
        step(*resumed)
    np.testing.assert_array_equal(whole[0].data, resumed[0].data)


def test_a_damaged_outline_is_a_clear_error(tmp_path):
    for outline in ("{", "[]", '{"tensor": "missing"}', '{"what": 1}', '{"dict": [[1]]}'):
        io.save({"a": np.ones(1)}, tmp_path / "f", {io.OUTLINE: outline})
        with pytest.raises(ValueError, match="outline"):
            io.load(tmp_path / "f")


@pytest.mark.parametrize(
    "kind, shape, size, words",
    [
        ("F8_E4M3", [2], 2, "a type that NumPy does not have"),
        ("BF16", [2], 4, "(a type that NumPy does not have|which a Tensor cannot hold)"),  # some packages add it
        ("C64", [1], 8, "which a Tensor cannot hold"),
        ("F32", [1] * 70, 4, "an impossible shape"),
    ],
)
def test_what_a_tensor_cannot_hold_is_told(kind, shape, size, words, tmp_path):
    header = json.dumps({"x": {"dtype": kind, "shape": shape, "data_offsets": [0, size]}}).encode()
    (tmp_path / "x.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    with pytest.raises(ValueError, match=f"x.safetensors holds .*{words}"):
        io.load(tmp_path / "x.safetensors")
