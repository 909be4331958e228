"""Shapes of convolution, pooling and im2col: derived once, checked once, with the errors in words.

    out = floor((in + 2 padding - dilation (kernel - 1) - 1) / stride) + 1        for height and width alike

Each function takes the name of the operation (`op`) for its messages, and is cached.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

MAX_ELEMENTS = (
    2**47
)  # a petabyte of float64: anything larger is a slip, and would overflow offsets further down

FREE_REACH = 2**26  # numbers, a quarter of a gigabyte of float32, that a far-reaching kernel may always take


@dataclass(frozen=True, slots=True)
class Window:
    """A kernel sliding over a plane: every pair is (vertical, horizontal); `output` is where it stops."""

    input: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    output: tuple[int, int]


@dataclass(frozen=True, slots=True)
class ConvGeometry:
    """x [N, C, H, W] correlated with w [F, C / groups, kh, kw] gives y [N, F, *window.output]."""

    x_shape: tuple[int, int, int, int]
    w_shape: tuple[int, int, int, int]
    y_shape: tuple[int, int, int, int]
    groups: int
    window: Window


@dataclass(frozen=True, slots=True)
class ColumnGeometry:
    """The columns of x [N, C, H, W]: one per window position, [N, C kh kw, Ho Wo]."""

    x_shape: tuple[int, int, int, int]
    cols_shape: tuple[int, int, int]
    window: Window


@dataclass(frozen=True, slots=True)
class PoolGeometry:
    """One output [N, C, *window.output] per window position."""

    x_shape: tuple[int, int, int, int]
    y_shape: tuple[int, int, int, int]
    window: Window


def conv_geometry(op, x_shape, w_shape, stride=1, padding=0, dilation=1, groups=1):
    """Geometry of y = conv(x, w); ValueError or TypeError says what does not fit and why."""
    options = _options(op, stride, padding, dilation)
    return _conv(op, tuple(x_shape), tuple(w_shape), *options, _integer(op, "groups", groups, 1))


def conv_input_geometry(op, g_shape, w_shape, input_size, stride=1, padding=0, dilation=1, groups=1):
    """Geometry of the convolution whose input gradient takes g and gives [N, C, *input_size]."""
    options = _options(op, stride, padding, dilation)
    size = pair(op, "input_size", input_size, 1)
    return _conv_input(op, tuple(g_shape), tuple(w_shape), size, *options, _integer(op, "groups", groups, 1))


def conv_weight_geometry(op, g_shape, x_shape, kernel_size, stride=1, padding=0, dilation=1, groups=1):
    """Geometry of the convolution whose weight gradient takes g and x and gives [F, C / groups, kh, kw]."""
    options = _options(op, stride, padding, dilation)
    kernel = pair(op, "kernel_size", kernel_size, 1)
    return _conv_weight(
        op, tuple(g_shape), tuple(x_shape), kernel, *options, _integer(op, "groups", groups, 1)
    )


def im2col_geometry(op, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    """Geometry of cols = im2col(x)."""
    kernel = pair(op, "kernel_size", kernel_size, 1)
    return _im2col(op, tuple(x_shape), kernel, *_options(op, stride, padding, dilation))


def col2im_geometry(op, cols_shape, input_size, kernel_size, stride=1, padding=0, dilation=1):
    """Geometry of the im2col whose transpose folds these columns into [N, C, *input_size]."""
    size, kernel = pair(op, "input_size", input_size, 1), pair(op, "kernel_size", kernel_size, 1)
    return _col2im(op, tuple(cols_shape), size, kernel, *_options(op, stride, padding, dilation))


def pool_geometry(op, x_shape, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Geometry of pooling; stride None: the kernel size; ceil_mode keeps a last window that starts inside."""
    kernel = pair(op, "kernel_size", kernel_size, 1)
    options = _options(op, kernel if stride is None else stride, padding, dilation)
    return _pool(op, tuple(x_shape), kernel, *options, bool(ceil_mode))


def pair(op, name, value, least):
    """(vertical, horizontal) from an int or a pair of ints, each at least `least`."""
    if type(value) is int:
        value = (value, value)
    elif type(value) is not tuple:
        if isinstance(value, str | bytes | dict | set):
            raise TypeError(f"{op}: {name} must be an int or a pair of ints, got {value!r}")
        try:
            value = tuple(value) if hasattr(value, "__len__") else (value, value)
        except TypeError:  # a zero-dimensional array has __len__ but no length
            value = (value, value)
    if len(value) != 2:
        raise ValueError(
            f"{op}: {name} must be an int or a pair (vertical, horizontal), got {len(value)} numbers: {value}"
        )
    return _integer(op, name, value[0], least), _integer(op, name, value[1], least)


def _integer(op, name, value, least):
    if type(value) is not int:
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise TypeError(
                f"{op}: {name} must be an int or a pair of ints, got {value!r} ({type(value).__name__})"
            )
        try:
            value = value.__index__()
        except TypeError:
            raise TypeError(f"{op}: {name} must be an int or a pair of ints, got {value!r}") from None
    if value < least:
        kind = "positive" if least == 1 else "zero or more"
        raise ValueError(f"{op}: {name} must be {kind}, got {value}")
    return value


def _options(op, stride, padding, dilation):
    return pair(op, "stride", stride, 1), pair(op, "padding", padding, 0), pair(op, "dilation", dilation, 1)


@lru_cache(maxsize=4096)
def _conv(op, x_shape, w_shape, stride, padding, dilation, groups):
    _rank4(op, "input", x_shape, "[batch, channels, height, width]")
    _rank4(op, "weight", w_shape, "[out channels, in channels / groups, kernel height, kernel width]")
    if 0 in w_shape:
        raise ValueError(f"{op}: weight {w_shape} has no elements")
    n, c, *_ = x_shape
    f, per_group, *kernel = w_shape
    if f % groups:
        raise ValueError(
            f"{op}: groups={groups} does not divide the {f} out channels (axis 0 of weight {w_shape})"
        )
    if c != per_group * groups:
        expected = f"{per_group * groups}" + (
            f" ({per_group} in each of {groups} groups)" if groups > 1 else ""
        )
        message = (
            f"{op}: input has {c} channels (axis 1 of {x_shape}) but weight {w_shape} expects {expected}"
        )
        if x_shape[3] == per_group * groups:
            message += ": is the input NHWC?"
        elif c % groups:
            message += f": groups={groups} does not divide {c}"
        raise ValueError(message)
    window = _window(op, x_shape, tuple(kernel), stride, padding, dilation, channels=c + f)
    y_shape = (n, f, *window.output)
    _fits(op, "output", y_shape)
    _reaches(op, max(c, f) // groups, window, math.prod(x_shape) + math.prod(y_shape))
    return ConvGeometry(x_shape, w_shape, y_shape, groups, window)


@lru_cache(maxsize=4096)
def _conv_input(op, g_shape, w_shape, size, stride, padding, dilation, groups):
    _rank4(op, "gradient", g_shape, "[batch, out channels, height, width]")
    _rank4(op, "weight", w_shape, "[out channels, in channels / groups, kernel height, kernel width]")
    x_shape = (g_shape[0], w_shape[1] * groups, *size)
    _fits(op, "result", x_shape)
    return _takes_gradient(op, _conv(op, x_shape, w_shape, stride, padding, dilation, groups), g_shape)


@lru_cache(maxsize=4096)
def _conv_weight(op, g_shape, x_shape, kernel, stride, padding, dilation, groups):
    _rank4(op, "gradient", g_shape, "[batch, out channels, height, width]")
    _rank4(op, "input", x_shape, "[batch, channels, height, width]")
    if x_shape[1] % groups:
        raise ValueError(
            f"{op}: groups={groups} does not divide the {x_shape[1]} channels (axis 1 of input {x_shape})"
        )
    w_shape = (g_shape[1], x_shape[1] // groups, *kernel)
    _fits(op, "result", w_shape)
    return _takes_gradient(op, _conv(op, x_shape, w_shape, stride, padding, dilation, groups), g_shape)


@lru_cache(maxsize=4096)
def _im2col(op, x_shape, kernel, stride, padding, dilation):
    _rank4(op, "input", x_shape, "[batch, channels, height, width]")
    window = _window(op, x_shape, kernel, stride, padding, dilation)
    cols_shape = (x_shape[0], x_shape[1] * math.prod(kernel), math.prod(window.output))
    _fits(op, "columns", cols_shape)
    return ColumnGeometry(x_shape, cols_shape, window)


@lru_cache(maxsize=4096)
def _col2im(op, cols_shape, size, kernel, stride, padding, dilation):
    if len(cols_shape) != 3:
        raise ValueError(
            f"{op}: columns must be [batch, channels * kernel area, positions], got shape {cols_shape}"
        )
    n, rows, _ = cols_shape
    area = math.prod(kernel)
    if rows % area or rows == 0:
        raise ValueError(
            f"{op}: axis 1 of the columns {cols_shape} must be a multiple of the kernel area "
            f"{kernel[0]} x {kernel[1]} = {area}, got {rows}"
        )
    x_shape = (n, rows // area, *size)
    _fits(op, "result", x_shape)
    geometry = _im2col(op, x_shape, kernel, stride, padding, dilation)
    if geometry.cols_shape != cols_shape:
        ho, wo = geometry.window.output
        raise ValueError(
            f"{op}: an image of size {size} has {ho} x {wo} = {ho * wo} window positions, but axis 2 of the "
            f"columns {cols_shape} has {cols_shape[2]}: are size and options those of im2col?"
        )
    return geometry


@lru_cache(maxsize=4096)
def _pool(op, x_shape, kernel, stride, padding, dilation, ceil_mode):
    _rank4(op, "input", x_shape, "[batch, channels, height, width]")
    for axis in (0, 1):
        if 2 * padding[axis] > kernel[axis]:
            raise ValueError(
                f"{op}: padding {padding[axis]} is more than half of the kernel's size {kernel[axis]}"
            )
    window = _window(op, x_shape, kernel, stride, padding, dilation, ceil_mode)
    y_shape = (*x_shape[:2], *window.output)
    _fits(op, "output", y_shape)
    return PoolGeometry(x_shape, y_shape, window)


def _takes_gradient(op, geometry, g_shape):
    if geometry.y_shape != g_shape:
        raise ValueError(
            f"{op}: gradient has shape {g_shape}, but input {geometry.x_shape} with weight "
            f"{geometry.w_shape} gives output {geometry.y_shape}: "
            "are the sizes and options those of the convolution?"
        )
    return geometry


def _window(op, x_shape, kernel, stride, padding, dilation, ceil_mode=False, channels=None):
    """The one place where the output size is computed; `channels` (of the input) padded pictures must be countable."""
    size, output = x_shape[2:], []
    high, wide = (s + 2 * p for s, p in zip(size, padding, strict=True))
    if high * wide * max(1, x_shape[1] if channels is None else channels) >= MAX_ELEMENTS:
        pixels = f"{high} x {wide} pixels"
        raise ValueError(f"{op}: input {x_shape} with padding {padding} would be too large for any memory ({pixels})")
    for axis, name in enumerate(("height", "width")):
        extent, padded = dilation[axis] * (kernel[axis] - 1) + 1, size[axis] + 2 * padding[axis]
        if padded >= MAX_ELEMENTS or extent >= MAX_ELEMENTS:
            raise ValueError(
                f"{op}: {name} {size[axis]}, padding {padding[axis]}, dilation {dilation[axis]} are too large"
            )
        span = padded - extent
        if span < 0 and not (ceil_mode and -span <= stride[axis] - 1 and padded > 0):
            what = f"kernel of {name} {kernel[axis]}" + (
                f" (extent {extent} with dilation {dilation[axis]})" * (dilation[axis] > 1)
            )
            with_padding = f" with padding {padding[axis]} ({padded} in all)" if padding[axis] else ""
            raise ValueError(
                f"{op}: {what} is larger than the input of {name} {size[axis]}{with_padding}, "
                f"axis {axis + 2} of {x_shape}"
            )
        if ceil_mode:
            steps = -(-span // stride[axis])
            if steps * stride[axis] >= size[axis] + padding[axis]:  # it would start in the right-hand padding
                steps -= 1
        else:
            steps = span // stride[axis]
        output.append(steps + 1)
    if min(stride) < 1 or max(stride) >= MAX_ELEMENTS:
        raise ValueError(f"{op}: stride {stride} is too large")
    return Window(size, kernel, stride, padding, dilation, tuple(output))


def _reaches(op, channels, window, given):
    """All taps of an output are held in memory at once: a dilated kernel must not need much more than the arrays do."""
    reach = [d * (k - 1) // s for d, k, s in zip(window.dilation, window.kernel, window.stride, strict=True)]
    needed = channels * (1 + reach[0]) * (window.output[1] + reach[1])
    if needed > max(FREE_REACH, 4 * given):
        raise ValueError(
            f"{op}: a kernel of {window.kernel} with dilation {window.dilation} reaches so far that it would need "
            f"{needed / 2**28:.1f} GB of work memory: are dilation and padding {window.padding} meant?"
        )


def _rank4(op, name, shape, axes):
    if len(shape) != 4:
        hint = ": one picture needs a batch axis, x[None]" if len(shape) == 3 and name == "input" else ""
        raise ValueError(f"{op}: {name} must be {axes}, got {len(shape)} axes: shape {shape}{hint}")
    if name == "input" and 0 in shape[1:]:
        raise ValueError(
            f"{op}: input {shape} has no {('channels', 'rows', 'columns')[shape.index(0, 1) - 1]} "
            "(only the batch, axis 0, may be empty)"
        )


def _fits(op, what, shape):
    if math.prod(max(1, size) for size in shape) >= MAX_ELEMENTS:
        raise ValueError(f"{op}: {what} of shape {shape} would be too large for any memory")
