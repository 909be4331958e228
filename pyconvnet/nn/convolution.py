"""Convolution layers: the functions with weights of their own. Signatures and initial weights are PyTorch's."""

import math

import numpy as np

from .. import functional as F
from ..functional.arguments import whole
from ..functional.pictures import per_axis
from . import init
from .module import Module, Parameter, new_dtype

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Conv(Module):
    """Settings, weight and bias of a convolution over `axes` spatial axes."""

    axes, transposed = 2, False

    def __init__(
        self, in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
        padding_mode, device, dtype,
    ):  # fmt: skip
        super().__init__()
        op = type(self).__name__
        for name, n in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
            whole(op, **{name: n})
            if n < 1:
                raise ValueError(f"{op}: {name} must be positive, got {n}")
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{op}: in_channels {in_channels} and out_channels {out_channels} must divide by groups {groups}"
            )
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"{op}: padding_mode must be one of {', '.join(PADDING_MODES)}, got {padding_mode!r}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = per_axis(op, "kernel_size", kernel_size, self.axes)
        self.stride = per_axis(op, "stride", stride, self.axes)
        self.padding = padding if isinstance(padding, str) else per_axis(op, "padding", padding, self.axes, 0)
        self.dilation = per_axis(op, "dilation", dilation, self.axes)
        self.output_padding = per_axis(op, "output_padding", output_padding, self.axes, 0)
        self.padding_mode = padding_mode
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"{op}: padding must be numbers, 'valid' or 'same', got {padding!r}")
        if padding == "same" and any(s != 1 for s in self.stride):
            raise ValueError(f"{op}: padding 'same' needs stride 1, got {stride}")
        dtype = new_dtype(op, device, dtype)
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(np.empty((first, second // groups, *self.kernel_size), dtype))
        self.register_parameter("bias", Parameter(np.empty(out_channels, dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw new weights, uniform within 1 / sqrt(fan_in)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
            init.uniform_(self.bias, -bound, bound)

    def padded(self, input):
        """(input, padding left to do): "zeros" is the convolution's own, the other modes come before it."""
        if self.padding_mode == "zeros":
            return input, self.padding
        total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size)]
        pairs = {"valid": [(0, 0)] * self.axes, "same": [(t // 2, t - t // 2) for t in total]}
        pairs = pairs[self.padding] if isinstance(self.padding, str) else [(p, p) for p in self.padding]
        return F.pad(input, [n for pair in reversed(pairs) for n in pair], self.padding_mode), 0

    def extra_repr(self):
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        usual = {"padding": (0,), "dilation": (1,), "output_padding": (0,)}
        for name, n in usual.items():
            text += f", {name}={getattr(self, name)}" if getattr(self, name) != n * self.axes else ""
        text += f", groups={self.groups}" if self.groups != 1 else ""
        text += ", bias=False" if self.bias is None else ""
        return text + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")


class Conv1d(_Conv):
    """`F.conv1d` with its own weight [out, in/groups, k] and bias [out]."""

    axes = 1

    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
        padding_mode="zeros", device=None, dtype=None,
    ):  # fmt: skip
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias,
                         padding_mode, device, dtype)  # fmt: skip

    def forward(self, input):
        input, padding = self.padded(input)
        return F.conv1d(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """`F.conv2d` with its own weight [out, in/groups, kh, kw] and bias [out].

    Slides "Recap: Intuition of CNNs" (the same parameters everywhere) and "Recap: Activation Maps" (a slice of `out`).
    """

    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
        padding_mode="zeros", device=None, dtype=None,
    ):  # fmt: skip
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias,
                         padding_mode, device, dtype)  # fmt: skip

    def forward(self, input):
        input, padding = self.padded(input)
        return F.conv2d(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class ConvTranspose2d(_Conv):
    """`F.conv_transpose2d` with its own weight [in, out/groups, kh, kw] and bias [out]."""

    transposed = True

    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1, bias=True,
        dilation=1, padding_mode="zeros", device=None, dtype=None,
    ):  # fmt: skip
        if padding_mode != "zeros" or isinstance(padding, str):
            raise ValueError("ConvTranspose2d: padding is a number or a pair, padding_mode 'zeros': it crops, "
                             f"got {padding!r} and {padding_mode!r}")  # fmt: skip
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups,
                         bias, padding_mode, device, dtype)  # fmt: skip

    def forward(self, input, output_size=None):
        """`output_size` (height, width) instead of output_padding: one of the `stride` sizes that are possible."""
        extra = self.output_padding if output_size is None else self._padding_for(input, output_size)
        return F.conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )

    def _padding_for(self, input, output_size):
        wanted = tuple(output_size)[-2:]
        if len(output_size) not in (2, input.ndim):
            raise ValueError(f"ConvTranspose2d: output_size must be (height, width), got {output_size}")
        settings = zip(input.shape[-2:], self.stride, self.padding, self.dilation, self.kernel_size)
        least = tuple((n - 1) * s - 2 * p + d * (k - 1) + 1 for n, s, p, d, k in settings)
        extra = tuple(w - n for w, n in zip(wanted, least))
        if any(not 0 <= e < s for e, s in zip(extra, self.stride)):
            most = tuple(n + s - 1 for n, s in zip(least, self.stride))
            raise ValueError(f"ConvTranspose2d: output_size {wanted} must lie between {least} and {most}")
        return extra
