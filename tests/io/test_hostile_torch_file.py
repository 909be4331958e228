"""PyTorch files that would run code, lie about sizes, or are damaged: a ValueError in words, and nothing happens."""

import io
import os
import pickle
import struct
import sys
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconvnet.io import load_torch, pickle_machine

DATA = np.arange(6, dtype="f4").tobytes()
LAYOUTS = ("zip", "legacy", "first pickle")


def packed(f, body, layout):
    """The body in a file that is otherwise right; or in place of the magic number."""
    storages = {"0": (6, DATA)} if b"Storage" in body else {}  # a list of storages names those that are used
    return {
        "zip": lambda: f.zipped(body, {"0": DATA}),
        "legacy": lambda: f.legacy(body, storages),
        "first pickle": lambda: f.program(body),
    }[layout]()


def hostile(f, command):
    """{what: (body of a pickle that would run the command or worse, what the error must name)}"""
    run = f.text(command)
    system = f.name("os", "system")
    evil = f.call(system, run)
    eval_it = f.call(f.name("builtins", "eval"), f.text(f"__import__('os').system({command!r})"))
    module = f.call(f.name("builtins", "__import__"), f.text("os"))
    attribute = f.call(f.name("builtins", "getattr"), module, f.text("system"))
    opaque = f.call(f.name("copyreg", "_reconstructor"), f.name("__main__", "Net"), f.name("builtins", "object"), b"N")
    return {
        "os.system": (evil, "os.system"),
        "posix": (f.call(f.name("posix", "system"), run), "posix.system"),
        "eval": (eval_it, "builtins.eval"),
        "Python 2's": (f.call(f.name("__builtin__", "exec"), run), "__builtin__.exec"),
        "getattr": (f.call(attribute, run), "builtins.getattr"),
        "subprocess": (f.call(f.name("subprocess", "Popen"), run), "subprocess.Popen"),
        "copyreg": (opaque, "copyreg._reconstructor"),
        "a name in parts": (f.text("os") + f.text("system") + b"\x93" + f.row(run) + b"R", "os.system"),
        "through a module of torch": (f.call(f.name("torch.serialization", "os.system"), run), "os.system"),
        "a dotted name": (f.call(f.name("torch", "_utils.os.system"), run), "os.system"),
        "torch.load": (f.call(f.name("torch.storage", "_load_from_bytes"), b"C\x01a"), "_load_from_bytes"),
        "torch.hub": (f.call(f.name("torch.hub", "load"), run), "torch.hub.load"),
        "an instance": (b"(" + run + b"ios\nsystem\n", "os system"),
        "an object": (b"(" + system + run + b"o", "os.system"),
        "new": (f.name("collections", "OrderedDict") + f.row() + b"\x81", "NEWOBJ"),
        "new with keywords": (f.name("collections", "OrderedDict") + f.row() + b"}\x92", "NEWOBJ_EX"),
        "an extension": (b"\x82\x01", "EXT1"),
        "outside, as text": (b"P/etc/passwd\n", "PERSID"),
        "outside": (f.text("/etc/passwd") + b"Q", "no storage|something outside"),
        "a module": (f.row(f.text("module"), f.text("Net"), run) + b"Q", "whole model|something outside"),
        "in a tensor": (f.tensor(hooks=evil), "os.system"),
        "as a storage": (f.tensor(pid=evil), "os.system"),
        "as its class": (f.row(f.text("storage"), system, f.text("0"), f.text("cpu"), f.whole(6)) + b"Q", "os.system"),
        "as a key": (b"}" + evil + b"Ns", "os.system"),
        "in a state": (f.call(f.ORDERED) + f.table(_metadata=evil) + b"b", "os.system"),
        "kept and fetched": (system + b"q\x01" + b"0" + b"h\x01" + f.row(run) + b"R", "os.system"),
        "a state for a number": (b"K\x01" + f.table(__setstate__=run) + b"b", "wants a dict"),
        "a state for a name": (f.name("torch", "Tensor") + f.table(a=run) + b"b", "wants a dict"),
        "a call of text": (f.call(f.text("os.system"), run), "calls a str"),
        "a call of a dtype": (f.call(f.name("torch", "float32"), run), "calls torch.float32"),
        "a call of a class": (f.call(f.name("torch", "FloatStorage"), run), "calls torch.FloatStorage"),
        "wrong arguments": (f.call(f.name("torch._utils", "_rebuild_tensor_v2"), run), "_rebuild_tensor_v2 with 1"),
        "arguments that are none": (f.ORDERED + f.whole(3) + b"R", "calls collections.OrderedDict"),
        "a class in the data": (f.table(a=f.name("torch", "Tensor")), "torch.Tensor|magic"),
        "a subclass": (f.call(f.name("torch._tensor", "_rebuild_from_type_v2"), f.name("torch", "Tensor"),
                              f.name("torch", "Tensor"), f.row(), b"N"), "class of its own"),
        "a model": (f.call(f.name("__main__", "Net")), "whole model"),
        "a numpy object": (f.call(f.name("numpy", "dtype"), f.text("O8"), b"\x89", b"\x88"), "only numbers"),
        "an array of objects": (f.name("numpy.core.multiarray", "_reconstruct") + f.row(f.name("numpy", "ndarray"),
                                f.numbers(0), f.text("b")) + b"R" + f.row(f.whole(1), f.numbers(1), evil) + b"b",
                                "os.system"),
        "a numpy function": (f.call(f.name("numpy.testing", "runstring"), run, b"}"), "tensors alone"),
        "a set's factory": (f.call(f.name("builtins", "map"), run), "builtins.map.*would run code"),
        "a sparse tensor": (f.call(f.name("torch._utils", "_rebuild_sparse_tensor")), "not offered"),
    }  # fmt: skip


KINDS = [
    "os.system", "posix", "eval", "Python 2's", "getattr", "subprocess", "copyreg", "a name in parts",
    "through a module of torch", "a dotted name", "torch.load", "torch.hub", "an instance", "an object", "new",
    "new with keywords", "an extension", "outside, as text", "outside", "a module", "in a tensor", "as a storage",
    "as its class", "as a key", "in a state", "kept and fetched", "a state for a number", "a state for a name",
    "a call of text", "a call of a dtype", "a call of a class", "wrong arguments", "arguments that are none",
    "a class in the data", "a subclass", "a model", "a numpy object", "an array of objects", "a numpy function",
    "a set's factory", "a sparse tensor",
]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("what", KINDS)
def test_a_file_that_would_run_code_is_refused_by_name(torch_file, loaded, tmp_path, what, layout):
    canary = tmp_path / "it ran"
    bodies = hostile(torch_file, f"touch '{canary}'")
    assert list(bodies) == KINDS
    body, words = bodies[what]
    if layout == "first pickle":
        words += "|something outside|has no end"
    with pytest.raises(ValueError, match=f"load_torch: .*({words})"):
        loaded(packed(torch_file, body, layout))
    assert not canary.exists()


def test_pythons_own_pickle_would_have_run_it(torch_file, tmp_path):
    canary = tmp_path / "it ran"
    body, _ = hostile(torch_file, f"touch '{canary}'")["os.system"]
    pickle.loads(torch_file.program(body))
    assert canary.exists() or os.name != "posix"


def test_a_name_imports_nothing(torch_file, loaded):
    assert "antigravity" not in sys.modules
    with pytest.raises(ValueError, match=r"antigravity\.fly"):
        loaded(torch_file.zipped(torch_file.call(torch_file.name("antigravity", "fly"))))
    assert "antigravity" not in sys.modules


def nested(f, depth):
    return b"]" * depth + b"a" * (depth - 1)


def doubled(f, times):  # a list of itself twice, of itself twice ...: small in the file, endless written out
    return b"K\x01" + b"".join(b"q%c0h%ch%c\x86" % (i, i, i) for i in range(1, times))


def many_expanded(f):
    first = f.tensor(size=(2**18,), stride=(0,))
    return b"(" + first * 2000 + b"l"


LIES = {
    "more numbers than bytes": (lambda f: f.tensor(count=7), r"24 bytes.*7 numbers|6 numbers, said are 7|cut off"),
    "a huge storage": (lambda f: f.tensor(count=2**55), "24 bytes|larger than the file"),
    "a negative storage": (lambda f: f.tensor(count=-6), "-6 numbers"),
    "a storage counted in text": (lambda f: f.tensor(pid=f.row(f.text("storage"), f.name("torch", "FloatStorage"),
                                  f.text("0"), f.text("cpu"), f.text("6")) + b"Q"), "'6' numbers"),
    "an offset beyond": (lambda f: f.tensor(offset=1), "reaches beyond its storage of 6"),
    "a negative offset": (lambda f: f.tensor(offset=-1), "offset of a tensor with -1"),
    "a stride beyond": (lambda f: f.tensor(stride=(4, 1)), "reaches beyond"),
    "a negative stride": (lambda f: f.tensor(stride=(-3, 1)), "stride of a tensor with -3"),
    "a negative size": (lambda f: f.tensor(size=(-2, 3)), "size of a tensor with -2"),
    "a size too large": (lambda f: f.tensor(size=(2**61, 2**61), stride=(0, 0)), "far more memory|too|maximum"),
    "a size beyond counting": (lambda f: f.tensor(size=(2**80,), stride=(0,)), "size of a tensor with"),
    "an empty one of huge sizes": (lambda f: f.tensor(size=(0, 2**61, 2**61), stride=(0, 0, 0)), "array|dimension"),
    "a repeated number": (lambda f: f.tensor(size=(2**40,), stride=(0,)), "far more memory"),
    "many repeated": (many_expanded, "far more memory"),
    "strides missing": (lambda f: f.tensor(stride=(1,)), "2 axes and 1 strides"),
    "too many axes": (lambda f: f.tensor(size=(1,) * 70, stride=(1,) * 70), "tuple of 70"),
    "dicts over and over": (lambda f: b"](" + b"K\x01K\x02\x86" * 2000 + b"eq\x01" + (f.ORDERED + b"h\x01\x85R0") * 900,
                            "more than 4096 instructions"),
    "a size that is true": (lambda f: f.call(f.name("torch._utils", "_rebuild_tensor_v2"), f.storage("0", "f4", 6),
                            f.whole(0), f.row(b"\x88"), f.numbers(1), b"\x89", f.NONE), "size of a tensor with True"),
    "sizes that are none": (lambda f: f.call(f.name("torch._utils", "_rebuild_tensor_v2"), f.storage("0", "f4", 6),
                            f.whole(0), f.text("23"), f.numbers(1), b"\x89", f.NONE), "size of a tensor that is '23'"),
    "no such storage": (lambda f: f.tensor(key="1"), "no part .archive/data/1|no storage .1|lists storage"),
    "a path for a key": (lambda f: f.tensor(key="../../etc/passwd"), "no part|no storage|lists storage"),
    "a key that is a number": (lambda f: f.tensor(pid=f.row(f.text("storage"), f.name("torch", "FloatStorage"),
                               f.whole(0), f.text("cpu"), f.whole(6)) + b"Q"), "without a key"),
    "another dtype": (lambda f: f.tensor(kind="f8"), "6 numbers of f8|cut off|larger"),
    "complex numbers": (lambda f: f.tensor(pid=f.row(f.text("storage"), f.name("torch", "ComplexFloatStorage"),
                        f.text("0"), f.text("cpu"), f.whole(3)) + b"Q"), "meta tensors, and float8, are not offered"),
    "a dict in itself": (lambda f: b"}q\x01" + f.text("a") + b"h\x01s", "contains itself"),
    "a list in itself": (lambda f: b"]q\x01h\x01a", "contains itself"),
    "nested deep": (lambda f: nested(f, 5000), "nested deeper than 64"),
    "doubled often": (lambda f: doubled(f, 60), "repeats its parts"),
    "doubled for a place": (lambda f: doubled(f, 60) + b"Q", "a tuple of 2, which is no storage"),
    "doubled for a key": (lambda f: b"}" + doubled(f, 60) + b"Ns", "tuple for a key"),
    "doubled for a size": (lambda f: f.call(f.name("torch._utils", "_rebuild_tensor"), f.storage("0", "f4", 6),
                           f.whole(0), doubled(f, 60), f.numbers(1)), "size of a tensor with a tuple of 2"),
    "doubled for a part": (lambda f: f.tensor(pid=f.storage("0", "f4", 6, f.row(doubled(f, 60), f.numbers(0, 1)))),
                           "reaches beyond|a part of storage"),
    "a key that is a list": (lambda f: b"}]Ns", "list for a key"),
    "a key that is a tensor": (lambda f: b"}" + f.tensor() + b"Ns", "StoredTensor for a key"),
    "a key that is huge": (lambda f: b"}" + f.whole(2**70) + b"Ns", "key"),
    "odd pairs": (lambda f: b"}(K\x01u", "no value"),
    "no mark": (lambda f: b"]e", "mark that was never set"),
    "nothing to take": (lambda f: b"\x86", "where there is none"),
    "appending to a number": (lambda f: b"K\x01K\x02a", "wants a list"),
    "values left over": (lambda f: b"NN", "left over"),
    "a memo that is empty": (lambda f: b"h\x05", "never kept"),
    "a huge place in the memo": (lambda f: b"Nr\xff\xff\xff\xff" + b"0j\xfe\xff\xff\xff", "never kept"),
    "text longer than the file": (lambda f: b"X\xff\xff\xff\xffa", "expected 4294967295|bytes"),
    "very long text": (lambda f: b"\x8d" + struct.pack("<Q", 2**62) + b"a", "expected|bytes"),
    "a very long number": (lambda f: b"\x8b\xff\xff\xff\x7f\x01", "cut off"),
    "a number of many digits": (lambda f: b"L" + b"9" * 6000 + b"L\n", "digits"),
    "an unknown instruction": (lambda f: b"\xff", "opcode"),
    "no end": (lambda f: b"N" * 10 + b"\x00", "opcode"),
    "very many instructions": (lambda f: b"N0" * 2**12, "more than 4096 instructions"),
    "broken text": (lambda f: b"X\x02\0\0\0\xff\xfe", "codec|utf"),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS[:2])
@pytest.mark.parametrize("what", LIES)
def test_a_file_that_lies_is_refused_and_claims_no_memory(torch_file, loaded, monkeypatch, what, layout):
    if what in ("very many instructions", "dicts over and over"):
        monkeypatch.setattr(pickle_machine, "INSTRUCTIONS", 4096)  # a million take seconds
    make, words = LIES[what]
    content = packed(torch_file, make(torch_file), layout)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=f"load_torch: .*({words})"):
            loaded(content)
        assert tracemalloc.get_traced_memory()[1] < 2**27 + 60 * len(content)
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(os.name != "posix", reason="a file with a hole in it")
def test_a_file_with_a_huge_hole_claims_no_memory(torch_file, tmp_path):
    f, path = torch_file, tmp_path / "file.pth"
    path.write_bytes(f.legacy(b"\x8d" + struct.pack("<Q", 2**33)))  # text of 8 GB
    os.truncate(path, 2**34)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="cut off"):
            load_torch(path)
        assert tracemalloc.get_traced_memory()[1] < 2**29
    finally:
        tracemalloc.stop()


def test_zips_that_lie(torch_file, loaded):
    f = torch_file
    with pytest.raises(ValueError, match="compressed"):
        loaded(f.zipped(f.tensor(count=10**8), {"0": bytes(4 * 10**6)}, compression=zipfile.ZIP_DEFLATED))
    with pytest.raises(ValueError, match="byte order is neither"):
        loaded(f.zipped(f.tensor(), {"0": DATA}, order="middle"))
    right = f.zipped(f.tensor(), {"0": DATA})
    assert loaded(right).shape == (2, 3)
    larger = right.replace(struct.pack("<II", 24, 24), struct.pack("<II", 2**31, 2**31))
    with pytest.raises(ValueError, match=r"larger than the file|24|damaged"):
        loaded(larger)
    with pytest.raises(ValueError, match=r"CRC.*is the file cut off, or damaged"):
        loaded(right.replace(DATA, DATA[::-1]))
    with pytest.raises(ValueError, match="damaged"):  # a place of a part before the start of the file
        loaded(right[:-6] + b"\xff\xff\xff\x7f" + right[-2:])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile says that the name is there twice
        with pytest.raises(ValueError, match="one name"):
            loaded(_twice(f))


def _twice(f):
    out = io.BytesIO(f.zipped(f.tensor(), {"0": DATA}))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("archive/data/0", DATA)
    return out.getvalue()


def test_rows_of_pickles_that_lie(torch_file, loaded):
    f = torch_file
    for content, words in (
        (f.legacy(f.tensor(), {"0": (5, DATA)}), "5 numbers, said are 6"),
        (f.legacy(f.tensor(), {"0": (6, DATA)}, keys=[]), "no storage '0'"),
        (f.legacy(f.tensor(), {"0": (6, DATA)}, keys=["0", "0"]), "lists it twice"),
        (f.legacy(f.tensor(), {"0": (6, DATA)}, keys=["0", "1"]), "'1', which no tensor"),
        (f.legacy(f.tensor(), {"0": (6, DATA)}, keys={"0": 1}), "list of storages is none"),
        (f.legacy(f.row(f.tensor(), f.tensor(kind="i4")), {"0": (6, DATA)}), "two dtypes"),
        (f.legacy(f.tensor(pid=f.storage("0", "f4", 6, f.row(f.text("p"), f.whole(4), f.whole(4)))), {"0": (6, DATA)}),
         "reaches beyond"),
        (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(7, 2) * 2, "version is 7"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            loaded(content)


def whole_file(f, layout):
    body = f.table(epoch=f.whole(3), w=f.tensor(), b=f.tensor(key="1", kind="i8", count=1, size=(), stride=()))
    storages = {"0": np.arange(6, dtype="f4"), "1": np.array([7])}
    return f.either(body, storages)[layout]


@pytest.mark.parametrize("layout", LAYOUTS[:2])
def test_every_truncation_is_noticed(torch_file, loaded, layout):
    whole = whole_file(torch_file, layout)
    for length in range(len(whole)):
        with pytest.raises(ValueError, match="load_torch: "):
            loaded(whole[:length])


@pytest.mark.parametrize("layout", LAYOUTS[:2])
@settings(max_examples=150)
@given(data=st.data())
def test_damage_never_ends_in_another_exception(torch_file, tmp_path_factory, layout, data):
    content = bytearray(whole_file(torch_file, layout))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"damaged-{layout}.pth"
    path.write_bytes(bytes(content))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            load_torch(path)
        except ValueError as error:
            assert len(str(error)) > len(str(path)) + 20


@settings(max_examples=150)
@given(body=st.binary(max_size=60), layout=st.sampled_from(LAYOUTS))
def test_noise_never_ends_in_another_exception(torch_file, tmp_path_factory, body, layout):
    path = tmp_path_factory.getbasetemp() / "noise.pth"
    path.write_bytes(packed(torch_file, body, layout))
    try:
        load_torch(path)
    except ValueError as error:
        assert "load_torch: " in str(error)
