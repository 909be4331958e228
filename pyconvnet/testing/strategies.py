"""Hypothesis strategies for pictures, convolutions, pools and boxes. They shrink to tiny pictures.

Integer-valued floats make sums exact in any order, so that two implementations can be compared with ==.
A case is a frozen dataclass whose str() shows the picture: what a student sees as a counterexample.
"""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyconvnet.kernels.geometry import conv_geometry, pool_geometry


@dataclass(frozen=True, eq=False)
class ConvCase:
    """Arguments of conv2d."""

    x: np.ndarray
    w: np.ndarray
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def options(self):
        """(stride, padding, dilation, groups), in the order of the arguments."""
        return self.stride, self.padding, self.dilation, self.groups

    @property
    def output_shape(self):
        return conv_geometry("conv2d", self.x.shape, self.w.shape, *self.options).y_shape

    def __str__(self):
        return (
            f"x {self.x.shape} {self.x.dtype}, w {self.w.shape}, stride={self.stride} padding={self.padding} "
            f"dilation={self.dilation} groups={self.groups}\nx =\n{self.x}\nw =\n{self.w}"
        )


@dataclass(frozen=True, eq=False)
class PoolCase:
    """Arguments of max_pool2d."""

    x: np.ndarray
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    ceil_mode: bool = False

    @property
    def options(self):
        """(kernel_size, stride, padding, dilation, ceil_mode), in the order of the arguments."""
        return self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode

    @property
    def output_shape(self):
        return pool_geometry("max_pool2d", self.x.shape, *self.options).y_shape

    def __str__(self):
        return (
            f"x {self.x.shape} {self.x.dtype}, kernel_size={self.kernel_size} stride={self.stride} "
            f"padding={self.padding} dilation={self.dilation} ceil_mode={self.ceil_mode}\nx =\n{self.x}"
        )


@dataclass(frozen=True, eq=False)
class BoxCase:
    """Arguments of nms: boxes [n, 4] xyxy, scores [n]."""

    boxes: np.ndarray
    scores: np.ndarray
    iou_threshold: float

    def __str__(self):
        return (
            f"{len(self.boxes)} boxes {self.boxes.dtype}, iou_threshold={self.iou_threshold}\n"
            f"boxes =\n{self.boxes}\nscores = {self.scores}"
        )


def dtypes():
    """float64 first: a shrunk case does not blame rounding."""
    return st.sampled_from([np.dtype(np.float64), np.dtype(np.float32)])


def integer_arrays(shape, dtype=np.float64, bound=3):
    """Float arrays of whole numbers in [-bound, bound]."""
    return hnp.arrays(dtype, shape, elements=st.integers(-bound, bound).map(float), fill=st.just(0.0))


def arrays(shape, dtype=np.float64, bound=4.0):
    """Finite floats in [-bound, bound], no subnormals."""
    width = np.dtype(dtype).itemsize * 8
    elements = st.floats(-bound, bound, width=width, allow_subnormal=False)
    return hnp.arrays(dtype, shape, elements=elements, fill=st.just(0.0))


def special_arrays(shape, dtype=np.float64):
    """Small whole numbers, many ties, and now and then an infinity, a NaN or -0."""
    elements = st.sampled_from([0.0, 1.0, 2.0, -1.0, -0.0, np.inf, -np.inf, np.nan])
    return hnp.arrays(dtype, shape, elements=elements, fill=st.just(0.0))


def _pairs(low, high):
    """Pairs of ints, equal ones more often: a counterexample is easier to read so."""
    one = st.integers(low, high)
    return one.map(lambda v: (v, v)) | st.tuples(one, one)


@st.composite
def conv_cases(draw, max_side=6, max_kernel=3, dtype=None, elements=integer_arrays):
    """ConvCase: strides, padding (beyond the kernel too), dilation, groups; not only squares."""
    dtype = draw(dtypes()) if dtype is None else np.dtype(dtype)
    n, groups, channels, filters = (draw(st.integers(1, high)) for high in (2, 2, 2, 3))
    kernel, stride = draw(_pairs(1, max_kernel)), draw(_pairs(1, 3))
    padding, dilation = draw(_pairs(0, 3)), draw(_pairs(1, 2))
    size = _sizes(draw, kernel, padding, dilation, max_side)
    x = draw(elements((n, groups * channels, *size), dtype))
    w = draw(elements((groups * filters, channels, *kernel), dtype))
    return ConvCase(x, w, stride, padding, dilation, groups)


@st.composite
def pool_cases(draw, max_side=6, max_kernel=3, dtype=None, elements=special_arrays):
    """PoolCase with overlapping windows, gaps, padding, dilation, ceil_mode, ties and NaN."""
    dtype = draw(dtypes()) if dtype is None else np.dtype(dtype)
    n, channels = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    kernel, stride, dilation = draw(_pairs(1, max_kernel)), draw(_pairs(1, 3)), draw(_pairs(1, 2))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    size = _sizes(draw, kernel, padding, dilation, max_side)
    x = draw(elements((n, channels, *size), dtype))
    return PoolCase(x, kernel, stride, padding, dilation, draw(st.booleans()))


def _sizes(draw, kernel, padding, dilation, max_side):
    """A picture that the kernel fits into."""
    size = []
    for k, p, d in zip(kernel, padding, dilation, strict=True):
        least = max(1, d * (k - 1) + 1 - 2 * p)
        size.append(draw(st.integers(least, max(least, max_side))))
    return tuple(size)


@st.composite
def box_cases(draw, max_boxes=8, side=8, dtype=None):
    """BoxCase on a small grid: many ties, duplicates, shared edges, boxes without area, none at all."""
    dtype = draw(dtypes()) if dtype is None else np.dtype(dtype)
    n = draw(st.integers(0, max_boxes))
    corners = st.tuples(*[st.integers(0, side)] * 4).map(
        lambda c: (min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
    )
    boxes = np.array(draw(st.lists(corners, min_size=n, max_size=n)), dtype).reshape(n, 4)
    scores = np.array(draw(st.lists(st.integers(0, 4).map(lambda s: s / 4), min_size=n, max_size=n)), dtype)
    return BoxCase(boxes, scores, draw(st.sampled_from([0.5, 0.3, 0.7, 0.0, 1.0])))
