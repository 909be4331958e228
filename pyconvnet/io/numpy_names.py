"""NumPy's numbers and arrays in a pickle, as training scripts leave them beside the weights ("best_acc")."""

import math

import numpy as np

from ..autograd import Tensor
from .torch_tensors import LARGEST, shown

KINDS = {f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)} | {"f2", "f4", "f8", "b1"}


class Stateful:
    """What a pickle makes empty and then gives its state."""

    def set_state(self, state):
        raise NotImplementedError


class NumpyDtype(Stateful):
    """numpy.dtype: one of KINDS; its state tells the byte order."""

    def __init__(self, kind, align=False, copy=True):
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"a NumPy array of {shown(kind)}, where only numbers of at most 8 bytes are taken")
        self.dtype = np.dtype(kind)

    def set_state(self, state):
        whole = isinstance(state, tuple) and len(state) >= 3
        if not whole or state[1] not in ("<", ">", "|", "=") or state[2] is not None:
            raise ValueError("a NumPy dtype with a state that is none")
        self.dtype = self.dtype.newbyteorder(state[1])


class NumpyArray(Stateful):
    """numpy.ndarray, first empty."""

    def __init__(self, content=b"", dtype=None, shape=(0,), order="C"):
        self.content, self.dtype, self.shape, self.order = content, dtype, shape, order

    def set_state(self, state):
        if not isinstance(state, tuple) or len(state) != 5:
            raise ValueError("a NumPy array with a state that is none")
        _, self.shape, self.dtype, in_columns, self.content = state
        self.order = "F" if in_columns is True else "C"

    def read(self, allowance):
        """The Tensor; ValueError where shape, dtype and bytes do not fit."""
        shape, content = self.shape, _octets(self.content)
        if not isinstance(shape, tuple) or not all(type(n) is int and 0 <= n < LARGEST for n in shape):
            raise ValueError(f"a NumPy array whose shape is {shown(shape)}")
        dtype = _dtype(self.dtype)
        if math.prod(shape) * dtype.itemsize != len(content) or self.order not in ("C", "F"):
            raise ValueError(f"a NumPy array with {len(content)} bytes for {math.prod(shape)} numbers of {dtype}")
        allowance.take(len(content))
        array = np.frombuffer(bytearray(content), dtype).reshape(shape, order=self.order)
        return Tensor(np.array(array, dtype.newbyteorder("="), order="C"))


def scalar(dtype, content):
    """numpy.float64(...) and its like: the Python number."""
    dtype, content = _dtype(dtype), _octets(content)
    if len(content) != dtype.itemsize:
        raise ValueError(f"a NumPy number of {dtype} with {len(content)} bytes")
    return np.frombuffer(content, dtype)[0].item()


def empty(kind, shape, code):
    """What _reconstruct makes: an array that its state fills."""
    return NumpyArray()


def _dtype(x):
    if not isinstance(x, NumpyDtype):
        raise ValueError(f"a NumPy array with {shown(x)} for a dtype")
    return x.dtype


def _octets(content):
    if isinstance(content, str):  # Python 2
        content = content.encode("latin1")
    if not isinstance(content, (bytes, bytearray)):
        raise ValueError(f"a NumPy array made of {shown(content)}")
    return content


NUMPY_BUILDERS = {"numpy.dtype": NumpyDtype, "numpy.ndarray": None} | {
    f"numpy.{core}.{name}": build
    for core in ("core", "_core")
    for name, build in (("multiarray.scalar", scalar), ("multiarray._reconstruct", empty),
                        ("numeric._frombuffer", NumpyArray))
}  # fmt: skip
