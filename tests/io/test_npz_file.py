"""NumPy's .npz: values survive; objects, lies, bombs and damage are refused in words."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet import models
from pyconvnet.io import load, load_npz, load_torch

DTYPES = ["bool", "int8", "uint8", "int16", "int64", "uint64", "float16", "float32", "float64", ">f4", ">i8"]


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_values_dtypes_shapes_and_text(tmp_path, write):
    arrays = {f"layer/{d}.weight": np.arange(6).reshape(2, 3).astype(d) for d in DTYPES}
    arrays |= {"turned": np.arange(6.0).reshape(2, 3).T, "scalar": np.array(3), "none": np.zeros((0, 4))}
    write(tmp_path / "f.npz", **arrays, note=np.array("read me"))
    state = load_npz(tmp_path / "f.npz")
    assert state.pop("note") == "read me"
    assert list(state) == list(arrays)
    for name, t in state.items():
        assert isinstance(t, pcn.Tensor) and t.dtype == arrays[name].dtype.newbyteorder("=") and t.dtype.isnative
        assert t.data.flags.writeable and t.data.flags.c_contiguous
        np.testing.assert_array_equal(t.data, arrays[name])


def archive(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in members.items():
            z.writestr(f"{name}.npy", content)
    return out.getvalue()


def header(text, version=1, length=None):
    text = text.encode("latin1")
    size = (len(text) if length is None else length).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + text


def objects():
    out = io.BytesIO()
    np.savez(out, a=np.array([print, {}], object))
    return out.getvalue()


def said(descr="'<f4'", shape="(2,)", order="False"):
    return header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}\n")


WRONG = {
    "empty": (b"", "the file is empty"),
    "text": (b"1 2 3 of something", "something else"),
    "one array": (b"\x93NUMPY\x01\0v\0", "one NumPy array"),
    "a pickle": (b"\x80\x02}q\0.", "a Python pickle"),
    "objects": (objects(), "Python objects, which could run code"),
    "a structure": (archive(a=said("[('a', '<f4')]") + bytes(8)), "a Tensor holds"),
    "complex": (archive(a=said("'<c8'") + bytes(16)), "a Tensor holds"),
    "long doubles": (archive(a=said("'<f16'") + bytes(32)), "a Tensor holds"),
    "dates": (archive(a=said("'<M8[s]'") + bytes(16)), "a Tensor holds"),
    "too short": (archive(a=said() + bytes(7)), "is 8 bytes, but the file holds 7"),
    "too long": (archive(a=said() + bytes(9)), "holds 9"),
    "a huge shape": (archive(a=said(shape="(1000000, 1000000, 1000)") + bytes(8)), "but the file holds 8"),
    "a shape beyond counting": (archive(a=said(shape="(99999999999999999999999,)") + bytes(8)), "holds 8"),
    "a negative shape": (archive(a=said(shape="(-1, -2)") + bytes(8)), "holds 8|its header"),
    "a huge header": (archive(a=header("", 2, length=2**31) + bytes(100)), "its header cannot be read"),
    "a long header": (archive(a=header(" " * 60000, 1)), "its header cannot be read"),
    "a header of code": (archive(a=header("__import__('os').system('true')\n")), "its header cannot be read"),
    "a header nested deep": (archive(a=header("(" * 9000 + "\n")), "its header cannot be read"),
    "a header of signs": (archive(a=said(shape="(" + "-" * 9000 + "1,)")), "its header cannot be read"),
    "a strange version": (archive(a=b"\x93NUMPY\x09\0" + bytes(20)), r"version \(9, 0\)"),
    "no array": (archive(a=b"hello"), "magic"),
    "a bomb": (archive(a=said(shape=f"({2**25},)") + bytes(2**27)), "zip bomb"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_stands_in_the_error(tmp_path, what):
    content, words = WRONG[what]
    path = tmp_path / "f.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"(?s)load_npz: .*({words})"):
        load_npz(path)


def test_another_zip_is_named(tmp_path, torch_file):
    path = tmp_path / "f.npz"
    path.write_bytes(torch_file.zipped(torch_file.text("a")))
    with pytest.raises(ValueError, match=r"a PyTorch file \(load_torch reads it\)"):
        load_npz(path)
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("../../evil.txt", "x")
    with pytest.raises(ValueError, match=r"something else: it holds '\.\./\.\./evil\.txt'"):
        load_npz(path)
    assert [p.name for p in tmp_path.iterdir()] == ["f.npz"]


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="load_npz: no file"):
        load_npz(tmp_path / "nowhere.npz")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        load_npz(tmp_path)


JUNK = [None, 7, 1.5, True, [], {}, b"x", "", "a" * 5000, "a\0b", object(), np.zeros(3), "/dev/null", "/"]


@pytest.mark.parametrize("read", [load_npz, load_torch, load, lambda path: models.lenet(weights=path)])
def test_a_path_that_is_none_answers_in_words(read):
    for junk in JUNK[1:] if read not in (load_npz, load_torch, load) else JUNK:
        with pytest.raises((ValueError, TypeError, OSError)) as answer:
            read(junk)
        assert len(str(answer.value)) > 10, repr(junk)


def whole():
    out = io.BytesIO()
    np.savez(out, a=np.arange(6.0), b=np.ones((2, 2), np.int32))
    return out.getvalue()


def test_every_truncation_is_noticed(tmp_path):
    content = whole()
    for length in range(0, len(content), 3):
        (tmp_path / "f.npz").write_bytes(content[:length])
        with pytest.raises(ValueError, match="load_npz: "):
            load_npz(tmp_path / "f.npz")


@settings(max_examples=100)
@given(data=st.data())
def test_damage_never_ends_in_another_exception(tmp_path_factory, data):
    content = bytearray(whole())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(bytes(content))
    try:
        load_npz(path)
    except ValueError as error:
        assert "load_npz: " in str(error)
