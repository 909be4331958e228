"""Loading what torch.save wrote: a pickle that says how the tensors are built, and beside it their numbers.

Since PyTorch 1.6 a file is a zip: ROOT/data.pkl and ROOT/data/KEY for every storage. Before (and with
_use_new_zipfile_serialization=False) it is pickles in a row: a magic number, the version, facts of the machine, the
object, the keys of the storages; then the storages, each with its count before it. No code of the file is run.
"""

import io
import zipfile

from .file_kinds import kind_of, of_the_content, regular_file, start_of
from .numpy_names import NumpyArray
from .pickle_machine import LONGEST, run, tree_of
from .torch_names import Named, named
from .torch_tensors import Allowance, Storage, StoredTensor, shown, width

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
ALLOWANCE = 2**26  # bytes; besides twice the file
CUT_OFF = ("exhausted", "remain", "not enough data", "no newline found")  # in the words of pickletools


def load_torch(path):
    """The dicts, lists, Tensors, numbers and text of a .pth, .th or .pt file of PyTorch; nothing of it is executed.

    bfloat16 becomes float32; what a pickle could name beyond tensors and plain data is refused by its name.
    OSError where there is no such file, ValueError for all that is no such file, or a damaged one.
    """
    path = regular_file("load_torch", path)
    start, size = start_of(path), path.stat().st_size
    try:
        if not size:
            raise ValueError("the file is empty: the download went wrong?")
        allowance = Allowance(2 * size + ALLOWANCE)
        with open(path, "rb") as file:
            if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
                return _read_zip(file, size, allowance)
            if start[:1] == b"\x80" or (start[:1] in b"(]}cl" and kind_of(start) is None):
                return _read_pickles(file, size, allowance)
        raise ValueError(f"it is no PyTorch file but {kind_of(start) or 'something else, or damaged'}")
    except Exception as defect:  # the parsers of zip and pickle raise many kinds for damaged files
        if not of_the_content(defect):
            raise
        said = str(defect) or type(defect).__name__
        if isinstance(defect, zipfile.BadZipFile) or any(words in said for words in CUT_OFF):
            said += ": is the file cut off, or damaged?"
        elif type(defect) is not ValueError:
            said = f"a damaged file ({said})"
        raise ValueError(f"load_torch: {path}: {said:.1000}") from None


def _read_zip(file, size, allowance):
    with zipfile.ZipFile(file) as archive:
        members = {m.filename: m for m in archive.infolist()}
        root = _root(members)
        if any(m.compress_type != zipfile.ZIP_STORED for m in members.values()):
            raise ValueError("a part of it is compressed, which torch.save never does: was it packed anew?")
        if len(members) < len(archive.infolist()) or sum(m.file_size for m in members.values()) > size:
            raise ValueError("its table of contents lies: parts have one name, or are larger than the file")
        orders = {b"little": "<", b"big": ">"}
        order = archive.read(members[root + "byteorder"]) if root + "byteorder" in members else b"little"
        if order not in orders:
            raise ValueError(f"its byte order is neither little nor big but {order!r:.40}")
        storages = {}

        def stored(pid):
            dtype, key, count, part = _storage_id(pid)
            if part is not None:
                raise ValueError(f"a part of storage {key!r:.40}, which only the old format has")
            member = members.get(f"{root}data/{key}")
            if member is None:
                raise ValueError(f"it has no part {f'{root}data/{key}'!r:.80}, which a tensor is made of")
            if member.file_size != count * width(dtype):
                said = f"{member.file_size} bytes, said are {count} numbers of {dtype}"
                raise ValueError(f"storage {key!r:.40} has {said}")
            if (key, dtype) not in storages:
                read = lambda: (bytearray(archive.read(member)), orders[order])
                storages[key, dtype] = Storage(dtype, count, read, allowance)
            return storages[key, dtype]

        if members[root + "data.pkl"].file_size > LONGEST:
            raise ValueError(f"its pickle is longer than {LONGEST} bytes: weights need fewer")
        pickle = archive.read(members[root + "data.pkl"])
        return _finished(run(io.BytesIO(pickle), len(pickle), named, stored), allowance)


def _root(members):
    """The folder in the zip that holds data.pkl, with its slash; ValueError says what other zip it is."""
    roots = [name.removesuffix("data.pkl") for name in members if name.rpartition("/")[2] == "data.pkl"]
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in members):
        raise ValueError("it is a zip of TorchScript (torch.jit.save), a program: save model.state_dict() instead")
    if len(roots) == 1:
        return roots[0]
    if members and all(name.endswith(".npy") for name in members):
        raise ValueError("it is an .npz of NumPy: load_npz reads it")
    inside = ", ".join(repr(name)[:40] for name in list(members)[:3]) or "nothing"
    raise ValueError(f"it is a zip, but not of torch.save: it holds {inside}, and {len(roots)} data.pkl")


def _read_pickles(file, size, allowance):
    if run(file, size, named) != MAGIC:
        raise ValueError("it is a Python pickle, but not one of torch.save (no magic number)")
    version, _machine = run(file, size, named), run(file, size, named)
    if version != VERSION:
        raise ValueError(f"its version is {shown(version)}, known is {VERSION}")
    storages, places = {}, {}

    def content(key, start=0, count=None):
        begin, order = places[key]
        root = storages[key]
        file.seek(begin + start * width(root.dtype))
        return bytearray(file.read((root.count if count is None else count) * width(root.dtype))), order

    def stored(pid):
        dtype, key, count, part = _storage_id(pid)
        root = storages.setdefault(key, Storage(dtype, count, lambda: content(key), allowance))
        if (root.dtype, root.count) != (dtype, count) or root.size > size:
            raise ValueError(f"storage {key!r:.40} has two dtypes or sizes, or is larger than the file")
        if part is None:
            return root
        name, start, length = part if isinstance(part, tuple) and len(part) == 3 else (None, -1, -1)
        fits = type(start) is type(length) is int and 0 <= start <= start + length <= count
        if not isinstance(name, str) or not fits:
            raise ValueError(f"a part of storage {key!r:.40} that reaches beyond it")
        if (key, name) not in storages:
            storages[key, name] = Storage(dtype, length, lambda: content(key, start, length), allowance)
        return storages[key, name]

    built = run(file, size, named, stored)
    keys = run(file, size, named)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError("its list of storages is none")
    for key in keys:
        if key not in storages or key in places:
            raise ValueError(f"it lists storage {key!r:.40}, which no tensor is made of, or lists it twice")
        counted = file.read(8)
        little, big = int.from_bytes(counted, "little"), int.from_bytes(counted, "big")
        root, begin = storages[key], file.tell()
        if len(counted) < 8 or begin + root.size > size:
            raise ValueError(f"it ends within storage {key!r:.40}: was the download cut off?")
        if root.count not in (little, big):
            raise ValueError(f"storage {key!r:.40} has {little} numbers, said are {root.count}")
        # PyTorch writes little-endian everywhere; a count the other way round tells of a writer that did not.
        places[key] = begin, "<" if root.count == little else ">"
        file.seek(begin + root.size)
    if missing := [key for key in storages if isinstance(key, str) and key not in places]:
        raise ValueError(f"it has no storage {missing[0]!r:.40}, which a tensor is made of: was the download cut off?")
    return _finished(built, allowance)


def _storage_id(pid):
    """(dtype, key, count, part or None) of ("storage", class, key, where it was, count[, part])."""
    if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] != "storage":
        if isinstance(pid, tuple) and pid[:1] == ("module",):
            raise ValueError("it holds a whole model with its source: save model.state_dict() instead")
        raise ValueError(f"it refers to {shown(pid)}, which is no storage")
    _, kind, key, _, count, *part = pid
    if not isinstance(kind, Named) or kind.dtype is None or not isinstance(key, str) or not key:
        raise ValueError("it refers to a storage of no kind or without a key")
    if type(count) is not int or not 0 <= count < 2**60:
        raise ValueError(f"storage {key!r:.40} has {shown(count)} numbers")
    return kind.dtype, key, count, part[0] if part else None


def _finished(built, allowance):
    def leaf(x):
        if isinstance(x, StoredTensor):
            return x.read()
        if isinstance(x, NumpyArray):
            return x.read(allowance)
        if isinstance(x, bytearray):
            return bytes(x)
        if isinstance(x, Named) and x.dtype is not None:
            return x.name
        raise ValueError(f"it holds {x.name if isinstance(x, Named) else f'a {type(x).__name__}'} where data belongs")

    return tree_of(built, leaf)
