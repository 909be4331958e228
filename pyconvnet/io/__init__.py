"""Saving and loading: safetensors of our own, and the files that others publish (PyTorch's, NumPy's .npz)."""

from .npz_file import load_npz
from .safetensors_file import OUTLINE, load, load_with_metadata, save
from .torch_file import load_torch
from .whole_file import write_whole

__all__ = ["OUTLINE", "load", "load_npz", "load_torch", "load_with_metadata", "save", "write_whole"]
