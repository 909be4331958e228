"""Resize-10, 11, 13, 18, 19 in the modes nearest and linear: axis by axis, every output pixel lies at a coordinate of
the input and takes the pixel nearest to it, or mixes its two neighbours.
"""

import math

import numpy as np

from ...autograd import value
from ...functional.indexing import where
from ...functional.pictures import fits
from ...functional.resampling import mix
from .shapes import axis_of, whole
from .table import operator

# Where output pixel i (of `length`, perhaps a fraction) lies, for n input pixels and `scale`; roi = (start, end).
COORDINATES = {
    "half_pixel": lambda i, n, scale, length, roi: (i + 0.5) / scale - 0.5,
    "pytorch_half_pixel": lambda i, n, scale, length, roi: (i + 0.5) / scale - 0.5 if length > 1 else i * 0.0,
    "half_pixel_symmetric": lambda i, n, scale, length, roi: n / 2 * (1 - len(i) / length) + (i + 0.5) / scale - 0.5,
    "align_corners": lambda i, n, scale, length, roi: i * ((n - 1) / (length - 1) if length != 1 else 0.0),
    "asymmetric": lambda i, n, scale, length, roi: i / scale,
    "tf_half_pixel_for_nn": lambda i, n, scale, length, roi: (i + 0.5) / scale,
    "tf_crop_and_resize": lambda i, n, scale, length, roi: (n - 1) * (
        roi[0] + i * ((roi[1] - roi[0]) / (len(i) - 1)) if len(i) > 1 else (roi[0] + roi[1]) / 2 + i * 0.0
    ),
}  # fmt: skip

NEAREST = {
    "round_prefer_floor": lambda at: np.ceil(at - 0.5),
    "round_prefer_ceil": lambda at: np.floor(at + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


@operator("Resize")
def resize(node):
    """Resize. Version 10 is asymmetric, and its nearest pixel is the one below, or above along axes that shrink (as in
    its node tests); later versions say where pixels lie and what is nearest. Cubic and antialias are not supported.
    """
    mode = node.choice("mode", "nearest", "nearest", "linear")
    default = "asymmetric" if node.version == 10 else "half_pixel"
    place = node.choice("coordinate_transformation_mode", default, *COORDINATES)
    nearest = node.choice("nearest_mode", "round_prefer_floor", *NEAREST)
    policy = node.choice("keep_aspect_ratio_policy", "stretch", "stretch", "not_larger", "not_smaller")
    node.choice("antialias", 0, 0)
    node.attribute("exclude_outside"), node.attribute("cubic_coeff_a")  # nothing here has a weight outside
    outside, some_axes = node.attribute("extrapolation_value", 0.0), node.attribute("axes")

    def compute(x, *inputs):
        roi, scales, sizes = (None, inputs[0], None) if node.version == 10 else (*inputs, None, None, None)[:3]
        axes = range(x.ndim) if some_axes is None else [axis_of(x, a) for a in some_axes]
        cropped = place == "tf_crop_and_resize"
        regions = _regions(roi, len(axes)) if cropped else [(0.0, 1.0)] * len(axes)
        if mode == "linear" and x.dtype.kind != "f":
            raise TypeError(f"mode linear needs floating-point numbers, got {x.dtype}")
        plan = _plan([x.shape[a] for a in axes], _given(scales), whole(_given(sizes)), regions, policy)
        result = dict(zip(axes, (out for out, _ in plan)))
        fits("Resize", tuple(result.get(a, n) for a, n in enumerate(x.shape)), x.dtype)
        for axis, (out, scale), region in zip(axes, plan, regions):
            n = x.shape[axis]
            if (out == n and scale == 1 and not cropped) or 0 in (n, out):
                x = x[(*(slice(None),) * axis, slice(out))]
                continue
            at = COORDINATES[place](np.arange(out, dtype=np.float64), n, scale, n * scale, region)
            if mode == "nearest":
                rule = nearest if node.version > 10 else "ceil" if scale < 1 else "floor"
                x = x[(*(slice(None),) * axis, np.clip(NEAREST[rule](at), 0, n - 1).astype(np.int64))]
            else:
                x = _mixed(x, axis, at)
            if cropped:
                beyond = ((at < 0) | (at > n - 1)).reshape(-1, *(1,) * (x.ndim - 1 - axis))
                x = where(beyond, outside, x) if beyond.any() else x
        return x

    return compute


def _given(x):
    return None if x is None or not value(x).size else x


def _regions(roi, axes):
    """(start, end) of each axis, as parts of its length."""
    numbers = [] if roi is None else value(roi).astype(np.float64).reshape(-1).tolist()
    if len(numbers) != 2 * axes:
        raise ValueError(f"roi must hold {axes} starts and {axes} ends, got {len(numbers)} numbers")
    return list(zip(numbers[:axes], numbers[axes:]))


def _plan(lengths, scales, sizes, regions, policy):
    """(output size, scale) of each axis."""
    if (scales is None) == (sizes is None):
        raise ValueError("needs either scales or sizes")
    numbers = value(scales).reshape(-1) if sizes is None else sizes
    if len(numbers) != len(lengths):
        name = "scales" if sizes is None else "sizes"
        raise ValueError(f"{name} holds {len(numbers)} numbers for {len(lengths)} axes")
    if sizes is None:
        if not all(np.isfinite(numbers)) or not all(numbers > 0):
            raise ValueError(f"scales must be positive, got {numbers.tolist()}")
        # In float32, as everybody counts: 10 pixels at 0.7 are 7, although 0.7 in float32 is a little less.
        grown = [np.float32(n) * np.float32(b - a) * np.float32(s) for n, s, (a, b) in zip(lengths, numbers, regions)]
        return [(max(math.floor(g), 0), float(s)) for g, s in zip(grown, numbers)]
    if min(numbers, default=0) < 0:
        raise ValueError(f"sizes must be zero or more, got {numbers}")
    if policy != "stretch":
        scale = (min if policy == "not_larger" else max)((s / n for s, n in zip(numbers, lengths) if n), default=1.0)
        return [(math.floor(n * scale + 0.5), scale) for n in lengths]
    return [(s, s / n if n else 1.0) for s, n in zip(numbers, lengths)]


def _mixed(x, axis, at):
    """The two neighbours of every coordinate, the nearer counting more; at the ends the border pixel alone."""
    n = x.shape[axis]
    at = np.clip(at, 0, n - 1)
    low = np.minimum(at.astype(np.int64), n - 1)
    t = at - low
    return mix(x, axis, np.stack([low, np.minimum(low + 1, n - 1)], 1), np.stack([1 - t, t], 1))
