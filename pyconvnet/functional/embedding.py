"""From indices to vectors: looked up in a table that is learned, or all 0 but one."""

import numpy as np

from .. import primitives as P
from ..autograd import Tensor, value
from .arguments import flag, floats, integers, whole


def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    """Row input[...] of the weight [number, dim]: [...] -> [..., dim]. Row padding_idx gets no gradient.

    IndexError for an index outside the table. max_norm, scale_grad_by_freq and sparse are left out.
    """
    flag("embedding", scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)
    for name, given in (("max_norm", max_norm is not None), ("scale_grad_by_freq", scale_grad_by_freq),
                        ("sparse", sparse)):  # fmt: skip
        if given:
            raise NotImplementedError(f"embedding: {name} is not offered: leave it out")
    floats("embedding", weight=weight)
    if weight.ndim != 2:
        raise ValueError(f"embedding: weight must be [number of embeddings, dim], got shape {weight.shape}")
    indices, rows = integers("embedding", "input", input), weight.shape[0]
    if indices.size and not 0 <= indices.min() <= indices.max() < rows:
        wrong = indices.min() if indices.min() < 0 else indices.max()
        raise IndexError(f"embedding: input has index {wrong}, but weight has {rows} rows (0 to {rows - 1})")
    y = P.index(weight, key=indices, shape=weight.shape)
    if padding_idx is None:
        return y
    whole("embedding", padding_idx=padding_idx)
    if not -rows <= padding_idx < rows:
        raise IndexError(f"embedding: padding_idx {padding_idx} is outside the {rows} rows of weight")
    return P.where((indices == padding_idx % rows)[..., None], value(y), y)


def one_hot(input, num_classes=-1):
    """1 at the class, 0 elsewhere: int64 [...] classes from 0 -> int64 [..., num_classes], by default largest + 1."""
    whole("one_hot", num_classes=num_classes)
    classes = integers("one_hot", "input", input)
    if not classes.size and num_classes < 1:
        raise ValueError("one_hot: of no classes at all num_classes cannot be inferred: give it")
    if classes.size and classes.min() < 0:
        raise ValueError(f"one_hot: classes count from 0, got {classes.min()}")
    if num_classes == -1:
        num_classes = int(classes.max()) + 1
    if classes.size and classes.max() >= num_classes:
        raise ValueError(f"one_hot: class {classes.max()} does not fit into num_classes {num_classes}")
    return Tensor((classes[..., None] == np.arange(num_classes)).astype(np.int64))
