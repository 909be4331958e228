"""Saving and loading: safetensors, which holds arrays and text and nothing that could be executed."""

import json
from collections.abc import Mapping

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from ..autograd import Tensor
from ..state_tree import flatten, unflatten
from .file_kinds import kind_of, regular_file, start_of
from .whole_file import write_whole

OUTLINE = "pyconvnet.outline"  # the metadata entry that tells nested state from named tensors


def save(state, path, metadata=None):
    """Write {name: Tensor or array} as safetensors, with optional {str: str} metadata; whole or not at all.

    Nested state (an optimiser's or a schedule's state_dict: dicts, lists, numbers, text, tensors) is written as named
    tensors and an outline in the metadata. TypeError for anything else.
    """
    if not all(isinstance(v, str) for item in (metadata or {}).items() for v in item):
        raise TypeError("save: the metadata must be {str: str}")
    if isinstance(state, Mapping):  # a NumPy scalar under a name of its own is a tensor too; further down, a number
        state = {k: np.asarray(v) if isinstance(v, np.generic) else v for k, v in state.items()}
    named, outline = flatten(state)
    plain = isinstance(state, Mapping) and all(isinstance(k, str) and k in named for k in state)
    arrays = {}
    for name, array in named.items():
        if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8 or name == "__metadata__":
            raise TypeError(f"save: safetensors cannot hold {name!r} of dtype {array.dtype}")
        arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
    if not plain:
        metadata = {**(metadata or {}), OUTLINE: json.dumps(outline)}
    write_whole(path, to_bytes(arrays, metadata))


def load(path):
    """What `save` wrote, arrays as Tensors; {name: Tensor} of any other safetensors file. ValueError if damaged."""
    state, metadata = load_with_metadata(path)
    if OUTLINE not in metadata:
        return state
    try:
        outline = json.loads(metadata[OUTLINE])
    except (ValueError, RecursionError):
        raise ValueError(f"load: the outline of the nested state in {path} is damaged") from None
    return unflatten(state, outline)


def load_with_metadata(path):
    """({name: Tensor}, {str: str}) from a safetensors file."""
    path = regular_file("load", path)
    try:
        with safe_open(path, framework="numpy") as f:
            arrays, metadata = {name: f.get_tensor(name) for name in f.keys()}, f.metadata() or {}  # noqa: SIM118
    except SafetensorError as error:
        kind = kind_of(start_of(path))
        told = f"it is {kind}" if kind not in (None, "a safetensors file") else f"{error}"
        raise ValueError(f"load: {path} is not a whole safetensors file ({told})") from None
    except (TypeError, AttributeError) as error:
        raise ValueError(f"load: {path} holds tensors of a type that NumPy does not have ({error})") from None
    except ValueError as error:  # more axes, or longer ones, than NumPy counts
        raise ValueError(f"load: {path} holds an impossible shape ({error})") from None
    if odd := next((name for name, x in arrays.items() if x.dtype.kind not in "fiub"), None):
        raise ValueError(f"load: {path} holds {odd!r} of dtype {arrays[odd].dtype}, which a Tensor cannot hold")
    return {name: Tensor(x) for name, x in arrays.items()}, metadata
