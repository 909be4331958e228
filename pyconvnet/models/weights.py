"""Weights from a file into a model."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..autograd import Tensor, value
from ..io import load, load_npz, load_torch

READERS = {
    ".pth": load_torch, ".th": load_torch, ".pt": load_torch, ".bin": load_torch, ".ckpt": load_torch,
    ".tar": load_torch, ".safetensors": load, ".npz": load_npz,
}  # fmt: skip
INSIDE = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "params", "weights")


def read_weights(weights):
    """{name: Tensor} of a file: .pth .th .pt of PyTorch, .safetensors, or .npz. Nothing is downloaded.

    A checkpoint such as {"state_dict": ..., "best_prec1": ...} gives its state; the prefix `module.`, which
    DataParallel puts before every name, is taken off. OSError, ValueError in words.
    """
    where = "the weights"
    if not isinstance(weights, Mapping):
        where = str(weights)
        weights = _read(weights)
    state = _state(weights)
    if state is None:
        inside = ", ".join(map(str, list(weights)[:5])) if isinstance(weights, Mapping) else type(weights).__name__
        raise ValueError(f"there are no weights, {{name: tensor}}, in {where}; found: {inside or 'nothing'}")
    if all(name.startswith("module.") for name in state):
        state = {name.removeprefix("module."): t for name, t in state.items()}
    return state


def load_weights(model, weights, name=None):
    """Copy the weights of a file (or {name: Tensor}) into `model` and return it; None leaves it as it is.

    ValueError lists what does not fit. Running averages may lack their count, as in files before PyTorch 0.4.1.
    """
    if weights is None:
        return model
    name, own, state = name or type(model).__name__, model.state_dict(), read_weights(weights)
    counts = {k: np.zeros((), np.int64) for k in own if k.endswith("num_batches_tracked") and k not in state}
    try:
        model.load_state_dict(state | counts)
    except RuntimeError as misfit:
        told = f"{misfit}"
        told = told if len(told) < 900 else f"{told[:900]} ..."
        raise ValueError(f"{name}: the weights do not fit: {told}{_cause(own, state)}") from None
    return model


def _read(path):
    if not isinstance(path, (str, Path)) or str(path) in ("DEFAULT", "") or str(path).startswith("IMAGENET1K"):
        raise ValueError(
            f"weights= is a local file (.pth, .safetensors, .npz), got {path!r}: nothing is downloaded; the docstring "
            "of the model says which file is published where"
        )
    if str(path).startswith(("http:", "https:")):
        raise ValueError(f"weights= is a local file, nothing is downloaded: fetch {path} yourself")
    ending = Path(path).suffix.lower()
    if ending not in READERS:
        if Path(path).is_dir():
            raise IsADirectoryError(f"weights {path} is a folder: name the file in it")
        known = "it is for pcn.onnx.load" if ending == ".onnx" else f"known are {' '.join(READERS)}"
        raise ValueError(f"weights {path}: the ending {ending or 'that is missing'} is unknown; {known}")
    return READERS[ending](path)


def _state(tree):
    """The {name: tensor} in a tree, looking into what checkpoints call it; None if there is none."""
    if not isinstance(tree, Mapping):
        return None
    if tree and all(isinstance(k, str) and _is_tensor(v) for k, v in tree.items()):
        return dict(tree)
    for key in INSIDE:
        if (found := _state(tree.get(key))) is not None:
            return found
    return None


def _is_tensor(x):
    return isinstance(x, (Tensor, np.ndarray, np.generic)) and value(x).dtype.kind in "fiub"


def _cause(own, state):
    """The likely reason, where the names tell it."""
    if any("/" in name for name in state) and any(name.startswith("conv_final") for name in state):
        return ". Layers of a Caffe file? See caffe_squeezenet"
    shared = [k for k in own if k in state]
    wrong = [k for k in shared if value(state[k]).shape != own[k].shape]
    layers = {k.rpartition(".")[0] for k in wrong}
    if own.keys() == state.keys() and layers == {list(own)[-1].rpartition(".")[0]}:  # none but the last layer
        classes = value(state[wrong[0]]).shape[0]
        return f". Was it trained for {classes} classes? Then say num_classes={classes}"
    return "" if shared else ". Not one name is the same: are they the weights of another network?"
