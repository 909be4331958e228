"""Nested state, such as an optimiser's, as named arrays and an outline: what a safetensors file can hold.

The outline is JSON: {"tensor": name}, {"dict": [[key, outline], ...]}, {"list": [...]}, {"tuple": [...]} or
{"value": number, text, true, false or null}.
"""

from collections.abc import Mapping

import numpy as np

from .autograd import Tensor, value

PLAIN = (type(None), bool, int, float, str)


def flatten(state, path=""):
    """({name: array}, outline) of a tree of dicts, lists, tuples, plain values and tensors; TypeError for the rest."""
    state = value(state)
    if isinstance(state, np.ndarray):
        name = path or "tensor"
        return {name: state}, {"tensor": name}
    state = state.item() if isinstance(state, np.generic) else state
    if isinstance(state, PLAIN):
        return {}, {"value": state}
    if isinstance(state, Mapping):
        if not all(isinstance(key, (str, int)) for key in state):
            raise TypeError(f"save: the keys of {path or 'the state'} must be text or whole numbers")
        parts = [(key, *flatten(x, f"{path}.{key}" if path else str(key))) for key, x in state.items()]
        return _joined(parts), {"dict": [[key, outline] for key, _, outline in parts]}
    if isinstance(state, (list, tuple)):
        parts = [(i, *flatten(x, f"{path}.{i}" if path else str(i))) for i, x in enumerate(state)]
        kind = "list" if isinstance(state, list) else "tuple"
        return _joined(parts), {kind: [outline for _, _, outline in parts]}
    raise TypeError(f"save: {path or 'the state'} of type {type(state).__name__} is neither a tensor nor plain data")


def unflatten(arrays, outline):
    """The tree that `flatten` took apart, its arrays as Tensors; ValueError if the outline does not fit."""
    try:
        ((kind, content),) = outline.items()
        if kind == "tensor":
            return Tensor(value(arrays[content]))
        if kind == "dict":
            return {key: unflatten(arrays, part) for key, part in content}
        if kind in ("list", "tuple"):
            parts = [unflatten(arrays, part) for part in content]
            return parts if kind == "list" else tuple(parts)
        if kind == "value" and isinstance(content, PLAIN):
            return content
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        pass
    raise ValueError("load: the outline of the nested state in the file is damaged")


def _joined(parts):
    arrays = {}
    for key, own, _ in parts:
        if arrays.keys() & own.keys():
            raise TypeError(f"save: two parts of the state have the same name, one of them under {key!r}")
        arrays.update(own)
    return arrays
