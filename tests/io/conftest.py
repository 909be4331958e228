"""PyTorch files written by hand, instruction by instruction: right ones, and ones that torch.save would never write."""

import io
import pickle
import struct
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

CLASSES = {"f8": "Double", "f4": "Float", "f2": "Half", "i8": "Long", "i4": "Int", "i2": "Short", "i1": "Char",
           "u1": "Byte", "?": "Bool", "bf": "BFloat16"}  # fmt: skip


def text(s):
    data = s.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def whole(n):
    return b"J" + struct.pack("<i", n) if -(2**31) <= n < 2**31 else pickle.dumps(n, 2)[2:-1]


def row(*items):
    return b"(" + b"".join(items) + b"t"


def name(module, what):
    return f"c{module}\n{what}\n".encode()


def call(function, *arguments):
    return function + row(*arguments) + b"R"


def table(**items):
    return b"}(" + b"".join(text(k) + v for k, v in items.items()) + b"u"


def numbers(*ns):
    return row(*map(whole, ns))


ORDERED = name("collections", "OrderedDict")
NONE = call(ORDERED)  # no hooks


def storage(key, kind, count, *part):
    made = name("torch", CLASSES[kind] + "Storage")
    return row(text("storage"), made, text(key), text("cpu"), whole(count), *part) + b"Q"


def tensor(key="0", kind="f4", count=6, offset=0, size=(2, 3), stride=(3, 1), hooks=NONE, pid=None):
    rebuild = name("torch._utils", "_rebuild_tensor_v2")
    stored = storage(key, kind, count) if pid is None else pid
    return call(rebuild, stored, whole(offset), numbers(*size), numbers(*stride), b"\x89", hooks)


def program(body):
    return b"\x80\x02" + body + b"."


def zipped(body, storages=None, order=None, root="archive", pickle_name="data.pkl", compression=zipfile.ZIP_STORED):
    """A zip as PyTorch writes it; `storages` {key: bytes}."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr(f"{root}/{pickle_name}", program(body))
        if order is not None:
            archive.writestr(f"{root}/byteorder", order)
        for key, data in (storages or {}).items():
            archive.writestr(f"{root}/data/{key}", data)
        archive.writestr(f"{root}/version", "3\n")
    return out.getvalue()


def legacy(body, storages=None, order="little", keys=None):
    """Pickles in a row, then the storages: {key: (count, bytes)}."""
    storages = storages or {}
    facts = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    head = b"".join(pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001, facts))
    listed = pickle.dumps(list(storages) if keys is None else keys, 2)
    tail = b"".join(count.to_bytes(8, order) + data for count, data in storages.values())
    return head + program(body) + listed + tail


def either(body, storages=None):
    """The same in both formats; `storages` {key: array}."""
    storages = storages or {}
    flat = {key: np.ascontiguousarray(a).tobytes() for key, a in storages.items()}
    counted = {key: (a.size, flat[key]) for key, a in storages.items()}
    return {"zip": zipped(body, flat), "legacy": legacy(body, counted)}


@pytest.fixture(scope="session")
def torch_file():
    """The functions above."""
    return SimpleNamespace(
        NONE=NONE, ORDERED=ORDERED, call=call, either=either, legacy=legacy, name=name, numbers=numbers,
        program=program, row=row, storage=storage, table=table, tensor=tensor, text=text, whole=whole, zipped=zipped,
    )  # fmt: skip


@pytest.fixture
def loaded(tmp_path):
    """load_torch of bytes."""
    from pyconvnet.io import load_torch

    def load(content, ending=".pth"):
        path = tmp_path / f"file{ending}"
        path.write_bytes(content)
        return load_torch(path)

    return load
