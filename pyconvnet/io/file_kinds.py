"""What a file is, by its first bytes: for the errors of a reader that was given another kind."""

import errno
import json
from pathlib import Path


def kind_of(start):
    """The kind of file that begins with the bytes `start`, in words, or None."""
    for magic, name in (
        (b"PK\x03\x04", "a zip"),
        (b"PK\x05\x06", "an empty zip"),
        (b"\x93NUMPY", "one NumPy array (.npy)"),
        (b"\x89HDF", "an HDF5 file (Keras .h5?)"),
        (b"\x1f\x8b", "compressed by gzip: unpack it first"),
        (b"BZh", "compressed by bzip2: unpack it first"),
        (b"\xfd7zXZ", "compressed by xz: unpack it first"),
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"%PDF", "a PDF"),
        (b"version https://git-lfs", "a pointer of Git LFS: the file itself was not fetched"),
    ):
        if start.startswith(magic):
            return name
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a Python pickle"
    if start[257:262] == b"ustar":
        return "a tar archive"
    if start[:64].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page: the download went wrong?"
    if len(start) > 9 and int.from_bytes(start[:8], "little") < 10**8 and start[8:10] == b'{"':
        return "a safetensors file"
    if start[:1] == b"\x08" and len(start) > 16 and start[1:2] < b"\x20" and b"\x12" in start[2:4]:
        return "an ONNX file?"
    if start and not start.strip(b"\0"):
        return "nothing but zeros"
    if start and _is_json(start):
        return "JSON text"
    return None


def regular_file(op, path):
    """`path` as a Path to a file that is there; OSError in words, TypeError for no path at all."""
    try:
        path = Path(path)
    except TypeError:
        raise TypeError(f"{op}: the path of a file is text, got {type(path).__name__}") from None
    try:
        if path.is_dir():
            raise IsADirectoryError(f"{op}: {path} is a folder, not a file: name the file in it")
        if not path.is_file():
            raise FileNotFoundError(f"{op}: no file {path}")
    except ValueError:  # a zero byte in the name
        raise FileNotFoundError(f"{op}: no file {str(path)!r}") from None
    return path


def start_of(path):
    """The first bytes of a file, enough for `kind_of`."""
    with open(path, "rb") as file:
        return file.read(512)


def of_the_content(defect):
    """Whether an exception is about what a file holds; a disk that fails, or memory that is short, is not."""
    outside = isinstance(defect, OSError) and defect.errno == errno.EINVAL  # a place before its start
    return outside or not isinstance(defect, (OSError, MemoryError))


def _is_json(start):
    try:
        json.loads(start)
    except ValueError:
        return start.lstrip()[:2] in (b'{"', b"[{")
    except RecursionError:
        pass
    return True
