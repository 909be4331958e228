"""What Conv, ConvTranspose, MaxPool and AveragePool share: a window that slides over one or two spatial axes."""

import math
from typing import NamedTuple


class Along(NamedTuple):
    """The window along one axis."""

    size: int  # of the input
    kernel: int
    stride: int
    dilation: int
    before: int  # padding
    after: int

    @property
    def reach(self):
        """Pixels from the first to the last that the window meets."""
        return self.dilation * (self.kernel - 1) + 1


class Sliding:
    """The attributes kernel_shape, strides, dilations, pads and auto_pad of a node."""

    def __init__(self, node, kernel_input=None):
        self.node = node
        self.kernel = node.at_least("kernel_shape", None, 1)
        self.strides = node.at_least("strides", None, 1)
        self.dilations = node.at_least("dilations", None, 1)
        self.pads = node.at_least("pads", None, 0)
        self.auto_pad = node.attribute("auto_pad", "NOTSET") or "NOTSET"
        if self.auto_pad not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
            raise ValueError(f"{node}: there is no auto_pad {self.auto_pad!r}")
        if self.auto_pad != "NOTSET" and any(self.pads or ()):
            raise ValueError(f"{node}: has both auto_pad {self.auto_pad!r} and pads {self.pads}")
        rank = node.rank(kernel_input) if kernel_input is not None else None
        lengths = {len(x) for x in (self.kernel, self.strides, self.dilations) if x is not None}
        lengths |= {len(self.pads) / 2} if self.pads is not None else set()
        lengths |= {rank - 2} if rank is not None else set()
        if len(lengths) > 1:
            raise ValueError(f"{node}: kernel_shape {self.kernel}, strides {self.strides}, dilations {self.dilations} "
                             f"and pads {self.pads} do not belong to the same number of axes")  # fmt: skip
        for axes in lengths:
            if axes not in (1, 2):
                raise node.unsupported("kernel_shape", self.kernel or f"{axes:g} axes", "one or two spatial axes")

    def over(self, x, kernel=None):
        """The window Along each axis of x: [N, C, L] or [N, C, H, W]."""
        sizes = x.shape[2:]
        kernel = self.kernel or tuple(kernel)
        axes = len(kernel)
        if axes not in (1, 2) or len(sizes) != axes:
            raise ValueError(f"the kernel {kernel} slides over {axes} axes, the input has {len(sizes)}: {x.shape}")
        strides, dilations = self.strides or (1,) * axes, self.dilations or (1,) * axes
        pads = self.pads or (0,) * 2 * axes
        windows = [Along(*w) for w in zip(sizes, kernel, strides, dilations, pads[:axes], pads[axes:])]
        return [self._same(w) for w in windows] if self.auto_pad.startswith("SAME") else windows

    def _same(self, w):
        """Padded so that ceil(size / stride) windows fit; an odd pixel goes to the end for SAME_UPPER."""
        return self.shared(w, max((-(-w.size // w.stride) - 1) * w.stride + w.reach - w.size, 0))

    def shared(self, w, total):
        """A total padding shared between both ends."""
        before = total // 2 if self.auto_pad == "SAME_UPPER" else total - total // 2
        return w._replace(before=before, after=total - before)


def as_pictures(windows, *tensors):
    """Two windows, and the tensors [N, C, H, W], of one: a row is a picture of height 1."""
    if len(windows) == 2:
        return windows, tensors
    return [Along(1, 1, 1, 1, 0, 0), *windows], [t.unsqueeze(2) for t in tensors]


def pads(windows):
    """(before, after) of the last axis first, as `pad` takes them."""
    return tuple(n for w in reversed(windows) for n in (w.before, w.after))


def not_mostly_padding(between, *ends):
    """ValueError where what lies between input and result is far larger than both: a padding that nobody means."""
    size, most = math.prod(between), max(math.prod(shape) for shape in ends)
    if size > max(256 * most, 2**24):
        raise ValueError(f"with its padding the input is {tuple(between)}, of which next to nothing is used: input and "
                         f"result are {' and '.join(str(tuple(shape)) for shape in ends)}")  # fmt: skip
