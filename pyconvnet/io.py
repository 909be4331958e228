"""Saving and loading: safetensors, which holds arrays and text and nothing that could be executed."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from .autograd import Tensor, value


def save(state, path, metadata=None):
    """Write {name: Tensor or array} to `path` as safetensors, with optional {str: str} metadata; whole or not
    at all."""
    if not isinstance(state, Mapping):
        raise TypeError(f"save: expected {{name: Tensor or array}}, got {type(state).__name__}")
    if not all(isinstance(v, str) for item in (metadata or {}).items() for v in item):
        raise TypeError("save: the metadata must be {str: str}")
    arrays = {}
    for name, t in state.items():
        array = value(t)
        if (
            not isinstance(name, str)
            or not isinstance(array, (np.ndarray, np.generic))
            or array.dtype.kind not in "fiub"
        ):
            raise TypeError(f"save: {name!r} of type {type(t).__name__} is not a named tensor of numbers")
        if array.dtype.itemsize > 8 or name == "__metadata__":
            raise TypeError(f"save: safetensors cannot hold {name!r} of dtype {array.dtype}")
        arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
    write_whole(path, to_bytes(arrays, metadata))


def load(path):
    """{name: Tensor} from a safetensors file. ValueError if it is damaged or something else."""
    return load_with_metadata(path)[0]


def load_with_metadata(path):
    """({name: Tensor}, {str: str}) from a safetensors file."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"load: no file {path}")
    try:
        with safe_open(path, framework="numpy") as f:
            return {name: Tensor(f.get_tensor(name)) for name in f.keys()}, f.metadata() or {}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"load: {path} is not a whole safetensors file ({error})") from None
    except TypeError as error:
        raise ValueError(f"load: {path} holds tensors of a type that NumPy does not have ({error})") from None


def write_whole(path, content):
    """Write text or bytes to a file beside `path`, flush it to disk, then rename: readers see all of it or
    none."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = content.encode() if isinstance(content, str) else content
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as f:
            f.write(content)
            f.flush()
            os.fsync(f.fileno())
        os.chmod(part, 0o666 & ~_umask())
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _umask():
    current = os.umask(0)
    os.umask(current)
    return current
