"""Loading NumPy's .npz: a zip of arrays, read without the part of the format that could run code."""

import math
import zipfile

import numpy as np

from ..autograd import Tensor
from .file_kinds import kind_of, of_the_content, regular_file, start_of

EXPANSION, ALLOWANCE = 64, 2**26  # how far the arrays may unpack: 64 times the file, or 64 MB


def load_npz(path):
    """{name: Tensor} of a NumPy .npz file; text comes as NumPy arrays. Python objects in it are refused, not unpickled.

    OSError where there is no such file; ValueError for a damaged one, for another format, for arrays that would
    unpack to more than 64 times the file, and for dtypes that a Tensor cannot hold.
    """
    path = regular_file("load_npz", path)
    start, size = start_of(path), path.stat().st_size
    if not start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        cut = "the file is empty" if not size else f"it is {kind_of(start) or 'something else, or damaged'}"
        raise ValueError(f"load_npz: {path} is no .npz (a zip of arrays): {cut}")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [m.filename for m in members]
            if not members and not start.startswith(b"PK\x05\x06"):
                raise ValueError("its table of contents is empty: damaged?")
            if any(not name.endswith(".npy") for name in names):
                torch = any(name.endswith("data.pkl") for name in names)
                kind = "a PyTorch file (load_torch reads it)" if torch else "a zip of something else"
                raise ValueError(f"it is {kind}: it holds {next(n for n in names if not n.endswith('.npy'))!r:.80}")
            if len(set(names)) < len(names):
                raise ValueError("two of its arrays have one name")
            unpacked = sum(m.file_size for m in members)
            if unpacked > max(EXPANSION * size, ALLOWANCE):
                raise ValueError(f"its {size} bytes would unpack to {unpacked}: a zip bomb, or a damaged file")
            return {m.filename.removesuffix(".npy"): _array(archive, m) for m in members}
    except Exception as defect:  # zipfile and NumPy's header reader raise many kinds for damaged files
        if not of_the_content(defect):
            raise
        said = str(defect) or type(defect).__name__
        raise ValueError(f"load_npz: {path} is not a whole .npz file: {said}") from None


def _array(archive, member):
    """One array, after a look at whether its header tells the truth about the size."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0), (3, 0)):
            raise ValueError(f"{member.filename!r:.80}: version {version} of the format is unknown")
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        try:
            shape, in_columns, dtype = read(file)
        except Exception as defect:  # Python's own parser, at whatever stands there; MemoryError where it nests deep
            raise ValueError(f"{member.filename!r:.80}: its header cannot be read ({defect!s:.80})") from None
        where = f"{member.filename!r:.80}, dtype {dtype}, shape {shape}"
        if dtype.hasobject:
            raise ValueError(f"{where}: holds Python objects, which could run code when they are loaded: refused")
        if dtype.kind not in "fiubUS" or (dtype.itemsize > 8 and dtype.kind not in "US"):
            raise ValueError(f"{where}: a Tensor holds whole or floating-point numbers of at most 8 bytes")
        count = math.prod(shape)
        if any(n < 0 for n in shape) or count * dtype.itemsize != member.file_size - file.tell():
            held = member.file_size - file.tell()
            raise ValueError(f"{where}: is {count * dtype.itemsize} bytes, but the file holds {held}")
        content = file.read()  # to the end: zipfile then compares the checksum
    array = np.frombuffer(bytearray(content), dtype) if content else np.empty(count, dtype)
    array = array.reshape(shape[::-1]).T if in_columns else array.reshape(shape)
    if dtype.kind in "US":
        return array
    return Tensor(np.ascontiguousarray(array.astype(dtype.newbyteorder("="), copy=False)).reshape(shape))
