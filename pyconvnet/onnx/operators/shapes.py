"""Shapes and parts: Concat, Split, Reshape, Transpose, Flatten, Pad, Slice, Squeeze, Unsqueeze, Gather, Shape, Cast and
Constant, in all versions from opset 9 on. Sizes, axes and positions were attributes first and are inputs now.
"""

import math

import numpy as np

from ... import functional as F
from ...autograd import Tensor, value
from ...functional.pictures import fits
from ...functional.shapes import cat
from ..tensors import dtype_of
from .table import operator


@operator("Concat")
def concat(node):
    """Concat-4, 11, 13 along an existing axis."""
    axis = node.attribute("axis")
    return lambda *tensors: cat(list(tensors), axis)


@operator("Split", outputs=None)
def split(node):
    """Split-2, 11: sizes by attribute; -13: by input; -18: or num_outputs equal parts, the last perhaps smaller."""
    axis, sizes = node.attribute("axis", 0), node.attribute("split")
    parts = node.attribute("num_outputs", len(node.outputs))
    if parts != len(node.outputs):
        raise ValueError(f"{node}: attribute num_outputs is {parts}, but there are {len(node.outputs)} outputs")

    def compute(x, lengths=None):
        d = axis_of(x, axis)
        n, step = x.shape[d], -(-x.shape[d] // parts)
        lengths = sizes if lengths is None else whole(lengths)
        if lengths is None:
            if n % parts and node.version < 18:
                raise ValueError(f"{n} (axis {axis} of {x.shape}) does not divide into {parts} equal parts")
            lengths = [max(min(step, n - i * step), 0) for i in range(parts)]
        if len(lengths) != parts:
            raise ValueError(f"{len(lengths)} lengths were given for {parts} outputs")
        return x.split(list(lengths), d)

    return compute


@operator("Reshape")
def reshape(node):
    """Reshape-5 to 25: -1 stands for what is left, 0 for the size of that axis unless allowzero."""
    allowzero = node.attribute("allowzero", 0)

    def compute(x, shape):
        sizes = whole(shape)
        if not allowzero:
            if any(n == 0 for n in sizes[x.ndim :]):
                raise ValueError(f"shape {sizes} copies a size (0) of an axis that {x.shape} does not have")
            sizes = [n or x.shape[i] for i, n in enumerate(sizes)]
        if -1 in sizes and not value(x).size:  # any size would do, of none
            raise ValueError(f"shape {sizes} leaves a size open, which {x.shape} does not tell")
        return x.reshape(tuple(sizes))

    return compute


@operator("Transpose")
def transpose(node):
    """Transpose-1 to 25: axis i of the result is axis perm[i]; the axes reversed where there is no perm."""
    order = node.attribute("perm")
    return lambda x: x.permute(order if order is not None else tuple(reversed(range(x.ndim))))


@operator("Flatten")
def flatten(node):
    """Flatten-9 to 25: a matrix, the axes before `axis` as rows and the others as columns."""
    axis = node.attribute("axis", 1)

    def compute(x):
        if not -x.ndim <= axis <= x.ndim:
            raise IndexError(f"axis {axis} is out of range for {x.shape}")
        return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))

    return compute


@operator("Pad")
def pad(node):
    """Pad-2: amounts and value are attributes; -11: inputs; -18: for some axes only; -19: mode wrap.

    Negative amounts crop. All modes but `constant` pick positions, as many times around as it takes.
    """
    mode = node.choice("mode", "constant", "constant", "reflect", "edge", "wrap")
    given = node.attribute("pads"), node.attribute("value", 0.0)

    def compute(x, amounts=None, fill=None, axes=None):
        amounts = list(given[0]) if amounts is None else whole(amounts)
        axes = range(x.ndim) if axes is None else [axis_of(x, a) for a in whole(axes)]
        if len(amounts) != 2 * len(axes):
            raise ValueError(f"{len(amounts)} amounts were given for {len(axes)} axes of {x.shape}")
        pairs = dict(zip(axes, zip(amounts[: len(axes)], amounts[len(axes) :])))
        if mode == "constant":
            fill = given[1] if fill is None or not value(fill).size else value(fill).reshape(-1)[0].item()
            if x.dtype.kind != "f" and not math.isfinite(fill):
                raise ValueError(f"whole numbers cannot be padded with {fill}")
            fill = fill if x.dtype.kind == "f" else int(fill)
            last_first = [n for a in reversed(range(x.ndim)) for n in pairs.get(a, (0, 0))]
            return F.pad(x, tuple(last_first), value=fill)
        for axis, ends in pairs.items():
            x = _extended(x, axis, *ends, mode)
        return x

    return compute


def _extended(x, axis, before, after, mode):
    n = x.shape[axis]
    if n + min(before, 0) + min(after, 0) < 1:
        raise ValueError(f"nothing is left of axis {axis} of {x.shape} to continue, amounts {before} and {after}")
    fits("Pad", (*x.shape[:axis], n + before + after, *x.shape[axis + 1 :]), x.dtype)
    inside = np.arange(max(-before, 0), n - max(-after, 0))
    if mode == "reflect" and len(inside) == 1:
        mode = "edge"  # one pixel has no other to mirror
    taken = np.pad(inside, (max(before, 0), max(after, 0)), mode)
    return x[(*(slice(None),) * axis, taken)] if before or after else x


@operator("Slice")
def cut(node):
    """Slice-1: starts, ends and axes are attributes; -10, 11, 13: inputs, with steps. The rules are Python's."""
    given = [node.attribute(name) for name in ("starts", "ends", "axes")]

    def compute(x, *tensors):
        starts, ends, axes, steps = [*map(whole, tensors), None, None][:4] if tensors else [*given, None]
        axes = range(len(starts)) if axes is None else axes
        steps = [1] * len(starts) if steps is None else steps
        if not len(starts) == len(ends) == len(axes) == len(steps):
            raise ValueError(f"starts {starts}, ends {ends}, axes {list(axes)}, steps {steps} differ in length")
        if 0 in steps:
            raise ValueError(f"steps {steps} stand still")
        key = [slice(None)] * x.ndim
        for start, end, axis, step in zip(starts, ends, axes, steps):
            key[axis_of(x, axis)] = slice(start, end, step)
        return x[tuple(key)]

    return compute


@operator("Squeeze")
def squeeze(node):
    """Squeeze-1, 11: axes by attribute; -13 to 25: by input. Without axes all of size 1."""
    given = node.attribute("axes")

    def compute(x, axes=None):
        axes = given if axes is None else whole(axes)
        axes = [i for i, n in enumerate(x.shape) if n == 1] if axes is None else [axis_of(x, a) for a in axes]
        long = [a for a in axes if x.shape[a] != 1]
        if long:
            raise ValueError(f"axis {long[0]} of {x.shape} does not have size 1")
        return x.reshape(tuple(n for i, n in enumerate(x.shape) if i not in axes))

    return compute


@operator("Unsqueeze")
def unsqueeze(node):
    """Unsqueeze-1, 11: axes by attribute; -13 to 25: by input. They count in the result."""
    given = node.attribute("axes")

    def compute(x, axes=None):
        axes = given if axes is None else whole(axes)
        rank = x.ndim + len(axes)
        at = {a % rank for a in axes if -rank <= a < rank}
        if len(at) != len(axes):
            raise ValueError(f"axes {list(axes)} are not different ones of the {rank} of the result")
        sizes = iter(x.shape)
        return x.reshape(tuple(1 if i in at else next(sizes) for i in range(rank)))

    return compute


@operator("Gather")
def gather(node):
    """Gather-1, 11, 13: the slices at the indices, negative ones from the end; their shape in place of the axis."""
    axis = node.attribute("axis", 0)

    def compute(x, indices):
        if value(indices).dtype.kind not in "iu":
            raise TypeError(f"indices must be whole numbers, got {indices.dtype}")
        return x[(*(slice(None),) * axis_of(x, axis), value(indices))]

    return compute


@operator("Shape")
def shape(node):
    """Shape-1 to 25: the sizes from axis `start` up to `end`, as int64."""
    part = slice(node.attribute("start", 0), node.attribute("end"))
    return lambda x: Tensor(np.array(x.shape[part], np.int64))


@operator("Cast")
def cast(node):
    """Cast-9 to 28 between the types that the engine has."""
    to = dtype_of(node.attribute("to"), f"{node}: attribute to")
    node.attribute("saturate"), node.attribute("round_mode")  # of 8-bit floats, which dtype_of refused
    return lambda x: x.to(to)


@operator("Constant")
def constant(node):
    """Constant-9 to 25: a tensor, or since 12 one number or a list of them."""
    kinds = {"value": None, "value_float": "float32", "value_floats": "float32", "value_int": "int64",
             "value_ints": "int64"}  # fmt: skip
    found = {name: x for name in kinds if (x := node.attribute(name)) is not None}
    node.all_read()
    if len(found) != 1:
        raise ValueError(f"{node}: should have one value, has {sorted(found)}")
    ((name, x),) = found.items()
    tensor = Tensor(np.array(x, kinds[name]))
    return lambda: tensor


def whole(x):
    """The sizes, axes or positions in a tensor of whole numbers, as a list; None for an input left out."""
    if x is None:
        return None
    if value(x).dtype.kind not in "iu" or x.ndim > 1:
        raise TypeError(f"expected a list of whole numbers, got {x.dtype} of shape {x.shape}")
    return value(x).reshape(-1).tolist()


def axis_of(x, axis):
    """An axis of x, counted from either end."""
    if not -x.ndim <= axis < x.ndim:
        raise IndexError(f"axis {axis} is out of range for {x.shape}")
    return axis % x.ndim
