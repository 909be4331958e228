"""Padding: more pixels around the picture, or with negative amounts fewer."""

import numpy as np

from .. import primitives as P
from .arguments import number, tensors, whole
from .pictures import fits

MODES = ("constant", "reflect", "replicate", "circular")


def pad(input, pad, mode="constant", value=None):
    """Amounts `pad` = (before, after) of the last axis, then of the last but one, ...; negative ones crop.

    "constant" (`value`, 0 if None) pads any axes. The last one, two or three axes of an input with one or two more:
    "reflect" mirrors at the border pixel (c b | a b c | b a), "replicate" repeats it (a a | a b c | c c), "circular"
    continues on the other side (b c | a b c | a b).
    """
    tensors("pad", input=input)
    if input.dtype.kind not in "biu" and input.dtype not in (np.float32, np.float64):
        raise TypeError(f"pad: input is {input.dtype}, expected float32, float64, integers or booleans")
    if mode not in MODES:
        raise NotImplementedError(f"pad: mode {mode!r} is not offered, only {', '.join(MODES)}")
    amounts = _amounts(input, pad)
    if mode == "constant":
        return _constant(input, amounts, 0 if value is None else value)
    if value is not None and value != 0:
        raise ValueError(f"pad: mode {mode!r} takes no value, got {value!r}")
    if not (1 <= len(amounts) <= 3 and input.ndim - len(amounts) in (1, 2)):
        raise ValueError(
            f"pad: mode {mode!r} pads the last one, two or three axes of an input with one or two axes more, "
            f"got {len(pad)} amounts for shape {input.shape}"
        )
    if 0 in input.shape[-len(amounts) - 1 :]:
        raise ValueError(f"pad: mode {mode!r} has no pixel to take from input {input.shape}")
    for axis, (before, after) in amounts.items():
        input = _EXTEND[mode](input, axis, before, after)
    return input


def _amounts(input, pad):
    """{axis: (before, after)}, checked."""
    if not isinstance(pad, (tuple, list)):
        raise TypeError(f"pad: the amounts must be a tuple of whole numbers, got {pad!r}")
    whole("pad", **{f"amount {i}": n for i, n in enumerate(pad)})
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise ValueError(
            f"pad: the amounts are pairs (before, after), at most one for each of the {input.ndim} axes, got {len(pad)}"
        )
    amounts = {input.ndim - 1 - i: (int(pad[2 * i]), int(pad[2 * i + 1])) for i in range(len(pad) // 2)}
    shape = list(input.shape)
    for axis, (before, after) in amounts.items():
        shape[axis] += before + after
        if shape[axis] < 0 or input.shape[axis] + min(before, 0) + min(after, 0) < 0:
            raise ValueError(f"pad: {before} before and {after} after leave less than nothing of axis {axis} of "
                             f"{input.shape}")  # fmt: skip
    fits("pad", shape, input.dtype)
    return amounts


def _constant(x, amounts, value):
    number("pad", value=value)
    try:
        value = np.array(value).astype(x.dtype)[()] if np.isfinite(value) or x.dtype.kind == "f" else None
    except (OverflowError, TypeError, ValueError):
        value = None
    if value is None:
        raise ValueError(f"pad: value does not fit {x.dtype}")
    x = _crop(x, amounts)
    if all(before <= 0 and after <= 0 for before, after in amounts.values()):
        return x
    shape, inside = list(x.shape), [slice(None)] * x.ndim
    for axis, (before, after) in amounts.items():
        start = max(before, 0)
        inside[axis] = slice(start, start + x.shape[axis])
        shape[axis] += start + max(after, 0)
    y = P.embed(x, key=tuple(inside), shape=tuple(shape))
    if value == 0:
        return y
    covered = np.zeros(y.shape, bool)
    covered[tuple(inside)] = True
    return P.where(covered, y, value)


def _crop(x, amounts):
    if all(before >= 0 and after >= 0 for before, after in amounts.values()):
        return x
    key = [slice(None)] * x.ndim
    for axis, (before, after) in amounts.items():
        key[axis] = slice(max(-before, 0), x.shape[axis] - max(-after, 0))
    return P.index(x, key=tuple(key), shape=x.shape)


def _along(x, axis, *parts):
    """The slices `parts` of x along the axis, one after the other."""
    pieces = [P.index(x, key=(*(slice(None),) * axis, part), shape=x.shape) for part in parts]
    return P.concatenate(*pieces, dim=axis)


def _reflect(x, axis, before, after):
    n = x.shape[axis]
    if max(before, after) >= n:
        raise ValueError(f"pad: 'reflect' has only {n - 1} pixels behind the border of axis {axis} of {x.shape}, "
                         f"got amounts {before} and {after}")  # fmt: skip
    if max(before, after) > 0:
        head, tail = slice(max(before, 0), 0, -1), slice(n - 2, n - 2 - max(after, 0), -1)
        tail = slice(n - 2, None, -1) if after == n - 1 else tail
        x = _along(x, axis, head, slice(None), *[tail] * (after > 0))
    return _crop(x, {axis: (min(before, 0), min(after, 0))})


def _replicate(x, axis, before, after):
    if max(before, after) > 0:
        edges = [P.index(x, key=(*(slice(None),) * axis, end), shape=x.shape) for end in (slice(1), slice(-1, None))]
        head, tail = (
            P.expand_to(edge, shape=(*x.shape[:axis], max(amount, 0), *x.shape[axis + 1 :]))
            for edge, amount in zip(edges, (before, after))
        )
        x = P.concatenate(head, x, tail, dim=axis)
    return _crop(x, {axis: (min(before, 0), min(after, 0))})


def _circular(x, axis, before, after):
    x = _crop(x, {axis: (min(before, 0), min(after, 0))})
    n, before, after = x.shape[axis], max(before, 0), max(after, 0)
    if max(before, after) > n:
        raise ValueError(f"pad: 'circular' goes around once, axis {axis} has {n} pixels, got amounts {before}, {after}")
    return _along(x, axis, slice(n - before, n), slice(None), slice(after)) if before or after else x


_EXTEND = {"reflect": _reflect, "replicate": _replicate, "circular": _circular}
