"""Resizing: every output row mixes a few input rows, every output column a few input columns."""

import math

import numpy as np

from .. import primitives as P
from ..autograd import value
from .arguments import flag, floats, number, tensors, whole
from .pictures import fits, not_empty, per_axis

MATRIX_ELEMENTS = 2**21  # of [out, in]: beyond it the zeros cost more than the product is faster
LINEAR = {"linear": 1, "bilinear": 2, "trilinear": 3}  # mode -> number of spatial axes


def interpolate(
    input, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None,
    antialias=False,
):  # fmt: skip
    """Resize the spatial axes of [N, C, L], [N, C, H, W] or [N, C, D, H, W] to `size` or by `scale_factor`.

    "nearest", or "linear", "bilinear", "trilinear" for one, two, three axes. Output pixel i lies at
    (i + 1/2) / scale - 1/2; with align_corners the first and last pixels fall on each other. `scale` is
    scale_factor, or out / in if size is given or recompute_scale_factor. nearest takes pixel floor(i / scale).
    """
    op = "interpolate"
    floats(op, input=input)
    if mode not in ("nearest", *LINEAR):
        raise NotImplementedError(f"{op}: mode {mode!r} is not offered, only 'nearest' and {', '.join(LINEAR)}")
    flag(op, antialias=antialias, align_corners=align_corners or False, recompute=recompute_scale_factor or False)
    if antialias:
        raise NotImplementedError(f"{op}: antialias=True is not offered")
    axes = input.ndim - 2
    if axes not in (1, 2, 3) or axes != LINEAR.get(mode, axes):
        raise ValueError(f"{op}: {mode!r} needs an input [N, C, ...] with {LINEAR.get(mode, '1 to 3')} spatial axes, "
                         f"got shape {input.shape}")  # fmt: skip
    if mode == "nearest" and align_corners is not None:
        raise ValueError(f"{op}: align_corners belongs to the linear modes, not to 'nearest'")
    not_empty(op, input)
    size, factors = _sizes(op, input.shape[2:], size, scale_factor, recompute_scale_factor)
    fits(op, (*input.shape[:2], *size), input.dtype)
    taps = _nearest if mode == "nearest" else _linear_aligned if align_corners else _linear
    # Axes that shrink come first: fewer rows are left for the others.
    for i in sorted(range(axes), key=lambda i: size[i] / input.shape[2 + i]):
        n, factor = input.shape[2 + i], factors[i]
        input = mix(input, 2 + i, *taps(n, size[i], 1 / factor if factor else n / size[i]))
    return input


def mix(x, axis, taps, weights):
    """y[.., i, ..] = sum_t weights[i, t] x[.., taps[i, t], ..] along the axis; taps and weights [out, t].

    A product with the [out, in] matrix of the weights: two or three times as fast as picking, and its transpose
    ten times. Not where the matrix is large; nor where x is not finite, as 0 * inf would reach every pixel.
    """
    n, out = x.shape[axis], len(taps)
    weights = weights.astype(x.dtype)
    with np.errstate(all="ignore"):
        finite = np.isfinite(np.add.reduce(value(x), axis=None))
    if n * out > MATRIX_ELEMENTS or not finite:
        picked = P.index(x, key=(*(slice(None),) * axis, taps), shape=x.shape)
        tail = (1,) * (x.ndim - 1 - axis)
        summed = (*x.shape[:axis], out, 1, *x.shape[axis + 1 :])
        y = P.sum_to(P.mul(picked, weights.reshape(*taps.shape, *tail)), shape=summed)
        return P.reshape(y, shape=(*x.shape[:axis], out, *x.shape[axis + 1 :]))
    matrix = np.zeros((out, n), x.dtype)
    np.add.at(matrix, (np.arange(out)[:, None], taps), weights)
    if axis == x.ndim - 1:
        rows = P.reshape(x, shape=(math.prod(x.shape[:-1]), n))
        return P.reshape(P.matmul(rows, matrix.T), shape=(*x.shape[:-1], out))
    planes = P.reshape(x, shape=(math.prod(x.shape[:axis]), n, math.prod(x.shape[axis + 1 :])))
    return P.reshape(P.matmul(matrix, planes), shape=(*x.shape[:axis], out, *x.shape[axis + 1 :]))


def pixel_shuffle(input, upscale_factor):
    """[.., C r^2, H, W] -> [.., C, H r, W r]: r x r channels become a block of pixels. Shi et al. (2016)."""
    tensors("pixel_shuffle", input=input)
    whole("pixel_shuffle", upscale_factor=upscale_factor)
    r = int(upscale_factor)
    if r < 1:
        raise ValueError(f"pixel_shuffle: upscale_factor must be positive, got {r}")
    if input.ndim < 3:
        raise ValueError(f"pixel_shuffle: input must be [.., channels, height, width], got shape {input.shape}")
    *lead, c, h, w = input.shape
    if c % r**2:
        raise ValueError(f"pixel_shuffle: {c} channels (axis -3 of {input.shape}) do not divide by {r} x {r}")
    blocks = P.reshape(input, shape=(*lead, c // r**2, r, r, h, w))
    k = len(lead)
    y = P.permute(blocks, dims=(*range(k + 1), k + 3, k + 1, k + 4, k + 2))
    return P.reshape(y, shape=(*lead, c // r**2, h * r, w * r))


def _sizes(op, old, size, scale_factor, recompute):
    """(new size per axis, factor per axis or None where it is the quotient of the sizes)."""
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{op}: give either size or scale_factor, got size={size!r}, scale_factor={scale_factor!r}")
    if size is not None:
        if recompute:
            raise ValueError(f"{op}: recompute_scale_factor has no meaning with an explicit size")
        return per_axis(op, "size", size, len(old)), [None] * len(old)
    factors = scale_factor if isinstance(scale_factor, (tuple, list)) else [scale_factor] * len(old)
    if len(factors) != len(old):
        raise ValueError(f"{op}: scale_factor has {len(factors)} numbers for {len(old)} spatial axes")
    for factor in factors:
        number(op, scale_factor=factor)
        if not 0 < factor < 2**31:
            raise ValueError(f"{op}: scale_factor must be positive and below 2**31, got {factor}")
    new = [math.floor(n * float(factor)) for n, factor in zip(old, factors)]
    if min(new) < 1:
        raise ValueError(f"{op}: scale_factor {scale_factor} leaves no pixel of {tuple(old)}")
    return new, [None] * len(old) if recompute else [float(factor) for factor in factors]


# (taps, weights) [out, t] of n pixels resized to `out`, step = 1 / scale


def _nearest(n, out, step):
    """PyTorch steps in float32 whatever the dtype: there the rounding decides which pixel is met."""
    at = np.floor(np.arange(out, dtype=np.float32) * np.float32(step))
    return np.minimum(at.astype(np.int64), n - 1)[:, None], np.ones((out, 1))


def _linear(n, out, step):
    """As in PyTorch a scale_factor that changes nothing in the size changes nothing at all."""
    return _between(n, np.maximum((np.arange(out) + 0.5) * (step if out != n else 1) - 0.5, 0))


def _linear_aligned(n, out, step):
    return _between(n, np.arange(out) * ((n - 1) / (out - 1) if out > 1 else 0))


def _between(n, at):
    """The two neighbours of every position, the nearer counting more."""
    low = np.minimum(at.astype(np.int64), n - 1)
    t = np.clip(at - low, 0, 1)
    return np.stack([low, np.minimum(low + 1, n - 1)], 1), np.stack([1 - t, t], 1)
