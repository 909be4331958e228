"""Tensors as a PyTorch file holds them: a storage, which is a run of numbers, and a view of it."""

from dataclasses import dataclass

import numpy as np

from ..autograd import Tensor

LARGEST = 2**62  # what NumPy can count to


@dataclass(eq=False)
class Allowance:
    """How many bytes may still be copied: a small file must not ask for a large memory by naming a tensor often."""

    left: int

    def take(self, size):
        """ValueError when the allowance is used up."""
        self.left -= size
        if self.left < 0:
            raise ValueError("its tensors would need far more memory than the file has bytes")


class Storage:
    """A run of `count` numbers; `read()` gives its bytes, when they are wanted, and `order` ("<" or ">") theirs."""

    def __init__(self, dtype, count, read, allowance):
        self.dtype, self.count, self.read, self.allowance = dtype, count, read, allowance
        self._arrays = {}

    @property
    def size(self):
        """Bytes."""
        return self.count * width(self.dtype)

    def array(self, dtype):
        """The numbers as `dtype`, which is the storage's own unless that is bytes."""
        if dtype not in self._arrays:
            if dtype != self.dtype and self.dtype != "u1":
                raise ValueError(f"a tensor of {dtype} on a storage of {self.dtype}")
            content, order = self.read()
            self.allowance.take(len(content))
            self._arrays[dtype] = decoded(content, dtype, order)
        return self._arrays[dtype]


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor as the file describes it: the numbers at offset + sum of index * stride of a storage."""

    storage: Storage
    offset: int
    size: tuple
    stride: tuple
    dtype: str
    negative: bool = False  # torch's lazy minus: the imaginary part of a conjugate

    def read(self):
        """The Tensor; ValueError where the description reaches beyond the storage."""
        held = self.storage.size // width(self.dtype)
        count, last = 1, self.offset
        for n, step in zip(self.size, self.stride):
            count *= n
            last += step * (n - 1)
        where = f"a tensor of size {self.size} and strides {self.stride}, from {self.offset} on,"
        if (count and last >= held) or self.offset > held:
            raise ValueError(f"{where} reaches beyond its storage of {held} numbers")
        array = self.storage.array(self.dtype)
        if not count:
            return Tensor(np.empty(self.size, array.dtype))
        # An axis of length 1 is never stepped along, and its stride may be anything.
        steps = [step * array.itemsize if n > 1 else 0 for n, step in zip(self.size, self.stride)]
        view = np.lib.stride_tricks.as_strided(array[self.offset :], self.size, steps)
        if view.flags.c_contiguous and not self.negative:
            return Tensor(view)
        self.storage.allowance.take(count * array.itemsize)
        return Tensor(np.ascontiguousarray(-view) if self.negative else view.copy(order="C"))


def width(dtype):
    """Bytes of one number in the file."""
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


def decoded(content, dtype, order):
    """The array of some bytes of the file; bfloat16, which NumPy has not, becomes float32."""
    if len(content) % width(dtype):
        raise ValueError(f"{len(content)} bytes are no whole number of {dtype}")
    if dtype == "bfloat16":  # the upper half of a float32
        return (np.frombuffer(content, order + "u2").astype(np.uint32) << 16).view(np.float32)
    if dtype == "bool":
        return np.frombuffer(content, "u1") != 0
    return np.frombuffer(content, np.dtype(dtype).newbyteorder(order)).astype(dtype, copy=False)


def shown(x):
    """A few letters about a value of the file, for errors: writing out what contains itself would not end."""
    if isinstance(x, (list, tuple, dict)):
        return f"a {type(x).__name__} of {len(x)}"
    return f"{x!r:.40}" if x is None or isinstance(x, (bool, int, float, str, bytes)) else f"a {type(x).__name__}"
