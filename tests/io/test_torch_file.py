"""PyTorch files, both formats: every dtype, views, shared storages, checkpoints; and what is told of other files."""

import io
import tarfile
import zipfile

import numpy as np
import pytest

import pyconvnet as pcn
from pyconvnet.io import load_torch

FORMATS = ("zip", "legacy")
VALUES = np.array([[0, 1, 2], [3, 4, 100]])


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "?"])
def test_values_dtypes_and_shapes(torch_file, loaded, kind, format):
    array = VALUES.astype(kind)
    t = loaded(torch_file.either(torch_file.tensor(kind=kind), {"0": array})[format])
    assert isinstance(t, pcn.Tensor) and t.dtype == array.dtype and t.data.flags.writeable and t.data.flags.aligned
    np.testing.assert_array_equal(t.data, array)


@pytest.mark.parametrize("order", ["little", "big"])
def test_both_byte_orders(torch_file, loaded, order):
    sign = {"little": "<", "big": ">"}[order]
    for kind in ("f4", "i8", "f2"):
        data = VALUES.astype(sign + kind).tobytes()
        for content in (
            torch_file.zipped(torch_file.tensor(kind=kind), {"0": data}, order=order),
            torch_file.legacy(torch_file.tensor(kind=kind), {"0": (6, data)}, order=order),
        ):
            t = loaded(content)
            assert t.dtype == np.dtype(kind) and t.dtype.isnative
            np.testing.assert_array_equal(t.data, VALUES)


def test_bfloat16_becomes_float32(torch_file, loaded):
    exact = np.array([1.0, -2.5, 3.140625, 1e30, -0.0, np.inf], np.float32)
    upper = (exact.view(np.uint32) >> 16).astype(np.uint16)
    for content in torch_file.either(torch_file.tensor(kind="bf"), {"0": upper}).values():
        t = loaded(content)
        assert t.dtype == np.float32
        np.testing.assert_array_equal(t.data.ravel(), (upper.astype(np.uint32) << 16).view(np.float32))


@pytest.mark.parametrize("format", FORMATS)
def test_views_of_one_storage(torch_file, loaded, format):
    base = np.arange(12, dtype=np.float32)
    some = dict(count=12, key="7")
    body = torch_file.table(
        whole=torch_file.tensor(size=(3, 4), stride=(4, 1), **some),
        turned=torch_file.tensor(size=(4, 3), stride=(1, 4), **some),
        part=torch_file.tensor(size=(2, 2), stride=(4, 2), offset=5, **some),
        expanded=torch_file.tensor(size=(2, 3), stride=(0, 1), offset=9, **some),
        scalar=torch_file.tensor(size=(), stride=(), offset=11, **some),
        none=torch_file.tensor(size=(0, 4), stride=(4, 1), **some),
        last=torch_file.tensor(size=(1, 4), stride=(900, 1), offset=8, **some),
    )
    state = loaded(torch_file.either(body, {"7": base})[format])
    np.testing.assert_array_equal(state["whole"].data, base.reshape(3, 4))
    np.testing.assert_array_equal(state["turned"].data, base.reshape(3, 4).T)
    np.testing.assert_array_equal(state["part"].data, [[5, 7], [9, 11]])
    np.testing.assert_array_equal(state["expanded"].data, [[9, 10, 11]] * 2)
    assert state["scalar"].item() == 11 and state["none"].shape == (0, 4) and state["last"].shape == (1, 4)
    assert all(t.data.flags.c_contiguous and t.data.flags.writeable for t in state.values())
    assert np.shares_memory(state["whole"].data, state["last"].data)  # shared there, shared here


@pytest.mark.parametrize("format", FORMATS)
def test_a_checkpoint(torch_file, loaded, format):
    f = torch_file
    parameter = f.call(f.name("torch._utils", "_rebuild_parameter"), f.tensor(), b"\x88", f.NONE)
    count = f.tensor(key="1", kind="i8", count=1, size=(), stride=())
    metadata = f.table(_metadata=f.call(f.ORDERED))
    items = f.text("w") + parameter + f.text("bn.num_batches_tracked") + count
    state = f.call(f.ORDERED) + b"(" + items + b"u" + metadata + b"b"
    moments = b"}(" + f.whole(0) + f.table(exp_avg=f.tensor(), step=f.whole(5)) + b"u"
    body = f.table(
        epoch=f.whole(30), best_prec1=b"G" + np.array(91.78, ">f8").tobytes(), state_dict=state,
        optimizer=f.table(state=moments, param_groups=b"]" + f.table(lr=f.whole(1), params=b"]K\x00a") + b"a"),
        arch=f.text("resnet20"), size=f.call(f.name("torch", "Size"), b"](" + f.whole(2) + f.whole(3) + b"e"),
        dtype=f.name("torch", "float32"), big=f.whole(2**70), nothing=b"N", yes=b"\x88",
    )  # fmt: skip
    tree = loaded(f.either(body, {"0": VALUES.astype("f4"), "1": np.array([7])})[format])
    assert tree["epoch"] == 30 and tree["best_prec1"] == 91.78 and tree["arch"] == "resnet20"
    assert tree["size"] == (2, 3) and tree["dtype"] == "torch.float32" and tree["big"] == 2**70
    assert tree["nothing"] is None and tree["yes"] is True
    assert type(tree["state_dict"]) is dict and list(tree["state_dict"]) == ["w", "bn.num_batches_tracked"]
    assert tree["state_dict"]["bn.num_batches_tracked"].dtype == np.int64
    assert tree["state_dict"]["bn.num_batches_tracked"].item() == 7
    np.testing.assert_array_equal(tree["optimizer"]["state"][0]["exp_avg"].data, VALUES)
    assert tree["optimizer"]["param_groups"] == [{"lr": 1, "params": [0]}]


def test_the_other_ways_in_which_pytorch_writes_a_tensor(torch_file, loaded):
    f = torch_file
    four = f.storage("0", "f4", 6), f.whole(0), f.numbers(2, 3), f.numbers(3, 1)
    oldest = f.call(f.name("torch._utils", "_rebuild_tensor"), *four)
    with_attributes = f.call(
        f.name("torch._tensor", "_rebuild_from_type_v2"), f.name("torch._utils", "_rebuild_tensor_v2"),
        f.name("torch", "Tensor"), f.row(*four, b"\x89", f.NONE), f.table(tag=f.whole(1)),
    )  # fmt: skip
    for body in (oldest, with_attributes):
        for content in f.either(body, {"0": VALUES.astype("f4")}).values():
            np.testing.assert_array_equal(loaded(content).data, VALUES)
    kind = f.name("torch.storage", "UntypedStorage")
    untyped = f.row(f.text("storage"), kind, f.text("0"), f.text("cpu"), f.whole(12)) + b"Q"
    body = f.call(f.name("torch._utils", "_rebuild_tensor_v3"), untyped, f.whole(0), f.numbers(2, 3), f.numbers(3, 1),
                  b"\x89", f.NONE, f.name("torch", "uint16"))  # fmt: skip
    np.testing.assert_array_equal(loaded(f.zipped(body, {"0": VALUES.astype("<u2").tobytes()})).data, VALUES)


def test_a_part_of_a_storage_in_the_old_format(torch_file, loaded):
    f = torch_file
    part = f.row(f.text("p"), f.whole(2), f.whole(4))
    body = f.tensor(pid=f.storage("0", "f4", 6, part), size=(2, 2), stride=(2, 1))
    t = loaded(f.legacy(body, {"0": (6, np.arange(6, dtype="f4").tobytes())}))
    np.testing.assert_array_equal(t.data, [[2, 3], [4, 5]])


def _zip_of(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return out.getvalue()


def _tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("storages"))
    return out.getvalue()


OTHERS = {
    "empty": (b"", "the file is empty"),
    "zeros": (bytes(1000), "nothing but zeros"),
    "safetensors": (b"\x40\0\0\0\0\0\0\0" + b'{"a":{"dtype":"F32"', "a safetensors file"),
    "onnx": (b"\x08\x07\x12\x07pytorch\x1a\x031.9:\x81\x02\x0a", "an ONNX file"),
    "npy": (b"\x93NUMPY\x01\0v\0{'descr'", r"\.npy"),
    "npz": (_zip_of("a.npy", "b.npy"), "load_npz reads it"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(50), "HDF5"),
    "html": (b"<!DOCTYPE html><html>404</html>", "a web page"),
    "json": (b'{"a": 1}', "JSON"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(50), "JPEG"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS"),
    "gzip": (b"\x1f\x8b\x08" + bytes(50), "gzip"),
    "tar": (_tar(), "tar archive"),
    "torchscript": (_zip_of("net/data.pkl", "net/code/__torch__.py", "net/constants.pkl"), "TorchScript"),
    "another zip": (_zip_of("word/document.xml"), "not of torch.save: it holds 'word/document.xml'"),
    "empty zip": (_zip_of(), "holds nothing"),
    "two roots": (_zip_of("a/data.pkl", "b/data.pkl"), "2 data.pkl"),
    "text": (b"weights of a network", "something else"),
    "pickle": (b"\x80\x04\x95\x0b\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s.", "no magic number"),
}  # fmt: skip


@pytest.mark.parametrize("what", OTHERS)
def test_what_another_file_is_stands_in_the_error(loaded, what):
    content, words = OTHERS[what]
    with pytest.raises(ValueError, match=f"load_torch: .*file.pth: .*{words}"):
        loaded(content)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="load_torch: no file"):
        load_torch(tmp_path / "nowhere.pth")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        load_torch(tmp_path)
    with pytest.raises(FileNotFoundError, match="load_torch: no file"):
        load_torch("a\0b")
    with pytest.raises(TypeError, match="path of a file is text, got int"):
        load_torch(7)
