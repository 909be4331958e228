"""The door to the kernels of picture regions: a graph's components, and their greedy merging by similarity."""

import math
from numbers import Real

import numpy as np

from pyconvnet.kernels import backend

MAX_COUNTS = 2**27  # of all regions' histograms together: products of two sums then stay below 2**53, exact in float64
MAX_COORDINATE = 2**25


def segment_graph(nodes, edges, weights, k, min_size=0):
    """Felzenszwalb & Huttenlocher (2004): int64 component of each node, numbered by first appearance.

    edges [m, 2] join nodes 0 ... nodes - 1 with weights [m]. By ascending weight w (ties in input order), two
    components A, B become one where w <= min(Int(A) + k / |A|, Int(B) + k / |B|), Int the largest weight that joined
    it (0 of a single node); then, in the same order, where one of them has fewer than min_size nodes.
    """
    op = "segment_graph"
    nodes, min_size = _count(op, "nodes", nodes), _count(op, "min_size", min_size)
    weights = np.asarray(weights)
    if weights.dtype not in (np.float32, np.float64) or weights.ndim != 1:
        raise TypeError(f"{op}: weights must be float32 or float64 [m], got {weights.dtype} {weights.shape}")
    edges = _whole(op, "edges", edges, (len(weights), 2), 0, nodes)
    if np.isnan(weights).any():
        raise ValueError(f"{op}: weights[{np.isnan(weights).argmax()}] is NaN: it has no place in the order")
    return backend.current.segment_graph(nodes, edges, weights, _number(op, "k", k), min_size)


def merge_regions(sizes, boxes, colour, texture, pairs, image_size, weights=(1, 1, 1, 1)):
    """Hierarchical grouping, Uijlings et al. (2013): merge the two most similar neighbours until none are left.

    sizes [r] in pixels, boxes [r, 4], histograms of counts colour [r, c] and texture [r, t], neighbours pairs [p, 2],
    all int64. s = w . (sum min(a_k / |a|, b_k / |b|) of colour, of texture, 1 - (|A| + |B|) / image_size,
    1 - (|box of both| - |A| - |B|) / image_size); ties: the smallest pair. The t-th merged region has number r + t.
    Returns merges int64 [m, 2], their s float64 [m], boxes int64 [r + m, 4]; m = r - 1 where all are connected.
    """
    op = "merge_regions"
    sizes = np.asarray(sizes)
    r = len(sizes) if sizes.ndim else 0
    if not r:
        raise ValueError(f"{op}: sizes must hold one number for each region, at least one, got shape {sizes.shape}")
    sizes = _whole(op, "sizes", sizes, (r,), 1, 2**50 // r + 1)
    boxes = _whole(op, "boxes", boxes, (r, 4), -MAX_COORDINATE, MAX_COORDINATE)
    colour, texture = (
        _whole(op, name, h, (r, None), 0, MAX_COUNTS) for name, h in (("colour", colour), ("texture", texture))
    )
    for name, h in (("colour", colour), ("texture", texture)):
        if h.sum(dtype=np.float64) > MAX_COUNTS:
            raise ValueError(f"{op}: the counts of {name} add to more than 2**27: the picture is too large")
    pairs = np.sort(_whole(op, "pairs", pairs, (None, 2), 0, r), axis=1)
    if (pairs[:, 0] == pairs[:, 1]).any():
        raise ValueError(f"{op}: pairs {(pairs[:, 0] == pairs[:, 1]).argmax()} joins a region with itself")
    keys = np.unique(pairs[:, 0] * r + pairs[:, 1])
    pairs = np.stack([keys // r, keys % r], axis=1)
    image_size = _count(op, "image_size", image_size)
    if image_size < 1:
        raise ValueError(f"{op}: image_size must be positive, got {image_size}")
    try:
        weights = tuple(_number(op, "a weight", w) for w in weights)
    except TypeError:
        weights = ()
    if len(weights) != 4 or not all(map(math.isfinite, weights)):
        raise ValueError(f"{op}: weights must be four finite numbers (colour, texture, size, fill)")
    return backend.current.merge_regions(sizes, boxes, colour, texture, pairs, image_size, weights)


def _whole(op, name, array, shape, low, high):
    """`array` as int64 of that shape (None: any), every entry in [low, high)."""
    array = np.asarray(array)
    fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape))
    if not fits:
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise ValueError(f"{op}: {name} must have shape [{wanted}], got {array.shape}")
    if array.dtype.kind not in "iu":
        raise TypeError(f"{op}: {name} must be whole numbers (int64), got dtype {array.dtype}")
    if array.size and not (low <= int(array.min()) and int(array.max()) < high):
        raise ValueError(f"{op}: {name} must be in [{low}, {high}), got {array.min()} to {array.max()}")
    return array.astype(np.int64, copy=False)


def _count(op, name, value):
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{op}: {name} must be an int, got {value!r}")
    if not 0 <= value.__index__() < 2**47:
        raise ValueError(f"{op}: {name} must be in [0, 2**47), got {value}")
    return value.__index__()


def _number(op, name, value):
    if not isinstance(value, Real):
        raise TypeError(f"{op}: {name} must be a number, got {value!r}")
    if math.isnan(value):
        raise ValueError(f"{op}: {name} is NaN")
    return float(value)
