"""Convolution: Conv-1, 11, 22 and ConvTranspose-1, 11, 22, over one or two spatial axes."""

from ... import functional as F
from .sliding import Sliding, as_pictures, not_mostly_padding, pads
from .table import operator


@operator("Conv")
def conv(node):
    """Conv: strides, dilations, groups, pads at each end by itself or auto_pad."""
    sliding, groups = Sliding(node, kernel_input=1), node.at_least("group", 1, 1)

    def compute(x, w, b=None):
        _same_rank(x, w, sliding.kernel)
        windows, (x2, w2) = as_pictures(sliding.over(x, w.shape[2:]), x, w)
        padded = [a.size + a.before + a.after for a in windows]
        result = [max((n - a.reach) // a.stride + 1, 0) for n, a in zip(padded, windows)]
        not_mostly_padding((*x.shape[:2], *padded), x.shape, (len(x), len(w), *result))
        even = all(a.before == a.after for a in windows)
        y = F.conv2d(
            x2 if even else F.pad(x2, pads(windows)), w2, b, stride=tuple(a.stride for a in windows),
            padding=tuple(a.before for a in windows) if even else 0, dilation=tuple(a.dilation for a in windows),
            groups=groups,
        )  # fmt: skip
        return y if x.ndim == 4 else y.squeeze(2)

    return compute


@operator("ConvTranspose")
def conv_transpose(node):
    """ConvTranspose: everything that is painted, then cropped by the pads; output_shape or auto_pad tell the pads."""
    sliding, groups = Sliding(node, kernel_input=1), node.at_least("group", 1, 1)
    extra, asked = node.at_least("output_padding", None, 0), node.at_least("output_shape", None, 1)

    def compute(x, w, b=None):
        _same_rank(x, w, sliding.kernel)
        axes = x.ndim - 2
        for name, given in (("output_padding", extra), ("output_shape", asked)):
            if given is not None and len(given) != axes:
                raise ValueError(f"{name} {given} has {len(given)} numbers for {axes} axes of {x.shape}")
        windows, more = [], extra or (0,) * axes
        for i, a in enumerate(sliding.over(x, w.shape[2:])):
            painted = a.stride * (a.size - 1) + a.reach
            same = a.size * a.stride if sliding.auto_pad.startswith("SAME") else None
            wanted = asked[i] if asked else same
            a = a if wanted is None else sliding.shared(a, painted + more[i] - wanted)
            windows.append(a._replace(before=-a.before, after=more[i] - a.after))
        windows, (x2, w2) = as_pictures(windows, x, w)
        painted = [a.stride * (a.size - 1) + a.reach for a in windows]
        result = [max(n + a.before + a.after, 0) for n, a in zip(painted, windows)]
        channels = len(x), w.shape[1] * groups
        not_mostly_padding((*channels, *painted), x.shape, (*channels, *result))
        y = F.conv_transpose2d(
            x2, w2, stride=tuple(a.stride for a in windows), dilation=tuple(a.dilation for a in windows), groups=groups
        )
        y = F.pad(y, pads(windows)) if any(pads(windows)) else y
        if b is not None:
            y = y + b.reshape(1, -1, 1, 1)
        return y if x.ndim == 4 else y.squeeze(2)

    return compute


def _same_rank(x, w, kernel):
    if w.ndim not in (3, 4) or x.ndim != w.ndim:
        raise ValueError(f"input {x.shape} and weight {w.shape} must both be [N, C, L] or both [N, C, H, W]")
    if kernel is not None and kernel != w.shape[2:]:
        raise ValueError(f"kernel_shape is {kernel}, the weight's {w.shape[2:]}")
