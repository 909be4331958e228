"""Distances and directions of vectors: what embeddings are compared with."""

import numpy as np

from .. import primitives as P
from ..autograd import value
from .arguments import broadcast, floats, number, tensors
from .promotion import promoted
from .reductions import axes, norm, sum


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """x / max(|x|_p, eps) over `dim`; a zero vector stays one, with gradient g / eps."""
    if out is not None:
        raise NotImplementedError("normalize: out is not offered, no operation writes into a given tensor")
    floats("normalize", input=input)
    number("normalize", p=p, eps=eps)
    length = norm(input, p, axes("normalize", input.ndim, dim), keepdim=True)
    return input / P.where(value(length) < eps, eps, length)


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """<x1, x2> / (max(|x1|, eps) max(|x2|, eps)) over `dim` of the common shape, which is dropped."""
    tensors("cosine_similarity", x1=x1, x2=x2)
    number("cosine_similarity", eps=eps)
    x1, x2 = promoted(x1, x2)
    floats("cosine_similarity", x1=x1, x2=x2)
    shape = broadcast("cosine_similarity", x1=x1, x2=x2)
    x1, x2 = P.expand_to(x1, shape=shape), P.expand_to(x2, shape=shape)
    return sum(_unit(x1, dim, eps) * _unit(x2, dim, eps), dim)


def _unit(x, dim, eps):
    """x / max(|x|, eps). As in PyTorch the raise to eps is a constant: the length keeps its gradient."""
    length = norm(x, 2, dim, keepdim=True)
    v = value(length)
    return x / (length + np.maximum(eps - v, 0).astype(v.dtype))


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """|x1 - x2 + eps|_p over the last axis; shapes broadcast. At distance 0 the gradient is 0."""
    tensors("pairwise_distance", x1=x1, x2=x2)
    number("pairwise_distance", p=p, eps=eps)
    x1, x2 = promoted(x1, x2)
    floats("pairwise_distance", x1=x1, x2=x2)
    broadcast("pairwise_distance", x1=x1, x2=x2)
    return norm(x1 - x2 + eps, p, -1, keepdim)
