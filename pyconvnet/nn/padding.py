"""Padding layers: amounts for the last one, two or three axes, before and after, or one number for all."""

from .. import functional as F
from ..functional.pictures import per_axis
from .module import Module


class _Pad(Module):
    axes, mode = 1, "constant"

    def __init__(self, padding):
        super().__init__()
        self.padding = per_axis(type(self).__name__, "padding", padding, 2 * self.axes, float("-inf"))

    def forward(self, input):
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self):
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding, value):
        super().__init__(padding)
        self.value = value

    def forward(self, input):
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """`value` around a row."""


class ConstantPad2d(_ConstantPad):
    """`value` around a picture."""

    axes = 2


class ConstantPad3d(_ConstantPad):
    """`value` around a volume."""

    axes = 3


class _ZeroPad(_ConstantPad):
    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class ZeroPad1d(_ZeroPad):
    """Zeros around a row."""


class ZeroPad2d(_ZeroPad):
    """Zeros around a picture."""

    axes = 2


class ZeroPad3d(_ZeroPad):
    """Zeros around a volume."""

    axes = 3


class ReflectionPad1d(_Pad):
    """The mirror image around a row."""

    mode = "reflect"


class ReflectionPad2d(ReflectionPad1d):
    """The mirror image around a picture."""

    axes = 2


class ReflectionPad3d(ReflectionPad1d):
    """The mirror image around a volume."""

    axes = 3


class ReplicationPad1d(_Pad):
    """The border value around a row."""

    mode = "replicate"


class ReplicationPad2d(ReplicationPad1d):
    """The border value around a picture."""

    axes = 2


class ReplicationPad3d(ReplicationPad1d):
    """The border value around a volume."""

    axes = 3


class CircularPad1d(_Pad):
    """A row that goes on from its other end."""

    mode = "circular"


class CircularPad2d(CircularPad1d):
    """A picture that goes on from its other side."""

    axes = 2


class CircularPad3d(CircularPad1d):
    """A volume that goes on from its other side."""

    axes = 3
