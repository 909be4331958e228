"""Every error of the kernels' door, in words."""

import numpy as np
import pytest

from pyconvnet import kernels
from pyconvnet.kernels.geometry import conv_geometry


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


X, W = zeros(2, 4, 6, 6), zeros(8, 4, 3, 3)
CASES = [
    (
        lambda: kernels.conv(zeros(8, 32, 32, 3), zeros(16, 3, 3, 3)),
        ValueError,
        "conv: input has 32 channels (axis 1 of (8, 32, 32, 3)) but weight (16, 3, 3, 3) expects 3: "
        "is the input NHWC?",
    ),
    (
        lambda: kernels.conv(X, zeros(8, 3, 3, 3)),
        ValueError,
        "conv: input has 4 channels (axis 1 of (2, 4, 6, 6)) but weight (8, 3, 3, 3) expects 3",
    ),
    (lambda: kernels.conv(X, zeros(8, 4, 3, 3), groups=2), ValueError, "expects 8 (4 in each of 2 groups)"),
    (
        lambda: kernels.conv(zeros(2, 5, 6, 6), zeros(8, 2, 3, 3), groups=2),
        ValueError,
        "groups=2 does not divide 5",
    ),
    (
        lambda: kernels.conv(X, zeros(8, 4, 3, 3), groups=3),
        ValueError,
        "conv: groups=3 does not divide the 8 out channels (axis 0 of weight (8, 4, 3, 3))",
    ),
    (lambda: kernels.conv(X, W, groups=0), ValueError, "conv: groups must be positive, got 0"),
    (
        lambda: kernels.conv(zeros(2, 4, 2, 6), W),
        ValueError,
        "conv: kernel of height 3 is larger than the input of height 2, axis 2 of (2, 4, 2, 6)",
    ),
    (
        lambda: kernels.conv(zeros(2, 4, 6, 4), W, padding=(0, 1), dilation=3),
        ValueError,
        "conv: kernel of height 3 (extent 7 with dilation 3) is larger than the input of height 6",
    ),
    (lambda: kernels.conv(X, W, stride=0), ValueError, "conv: stride must be positive, got 0"),
    (lambda: kernels.conv(X, W, stride=(1, -1)), ValueError, "conv: stride must be positive, got -1"),
    (lambda: kernels.conv(X, W, padding=-1), ValueError, "conv: padding must be zero or more, got -1"),
    (lambda: kernels.conv(X, W, dilation=0), ValueError, "conv: dilation must be positive, got 0"),
    (
        lambda: kernels.conv(X, W, stride=1.0),
        TypeError,
        "conv: stride must be an int or a pair of ints, got 1.0",
    ),
    (
        lambda: kernels.conv(X, W, stride=True),
        TypeError,
        "conv: stride must be an int or a pair of ints, got True",
    ),
    (lambda: kernels.conv(X, W, padding="same"), TypeError, "conv: padding must be an int or a pair of ints"),
    (
        lambda: kernels.conv(X, W, stride=(1, 2, 3)),
        ValueError,
        "a pair (vertical, horizontal), got 3 numbers",
    ),
    (
        lambda: kernels.conv(X[0], W),
        ValueError,
        "got 3 axes: shape (4, 6, 6): one picture needs a batch axis",
    ),
    (lambda: kernels.conv(X, W[0]), ValueError, "conv: weight must be [out channels, in channels / groups,"),
    (lambda: kernels.conv(zeros(2, 4, 0, 6), W), ValueError, "conv: input (2, 4, 0, 6) has no rows"),
    (lambda: kernels.conv(zeros(2, 0, 6, 6), zeros(8, 0, 3, 3)), ValueError, "has no channels"),
    (lambda: kernels.conv(X, zeros(0, 4, 3, 3)), ValueError, "conv: weight (0, 4, 3, 3) has no elements"),
    (lambda: kernels.conv(X, W, padding=2**50), ValueError, "too large"),
    (lambda: kernels.conv(X, W, padding=2**40), ValueError, "would be too large for any memory"),
    (lambda: kernels.conv(X, W, dilation=2**100), ValueError, "too large"),
    (lambda: kernels.conv(X, W, stride=2**100), ValueError, "too large"),
    (
        lambda: kernels.conv(X.astype(int), W),
        TypeError,
        "conv: x has dtype int64, expected float32 or float64",
    ),
    (lambda: kernels.conv(X.astype(np.float16), W), TypeError, "float16"),
    (lambda: kernels.conv(X, W.astype(np.float64)), TypeError, "conv: x is float32 but w is float64"),
    (
        lambda: kernels.conv_input(zeros(2, 8, 5, 4), W, (6, 6)),
        ValueError,
        "conv_input: gradient has shape (2, 8, 5, 4), but input (2, 4, 6, 6) with weight (8, 4, 3, 3) gives",
    ),
    (lambda: kernels.conv_input(zeros(2, 8, 4, 4), W, (6, 0)), ValueError, "input_size must be positive"),
    (
        lambda: kernels.conv_weight(zeros(3, 8, 4, 4), X, 3),
        ValueError,
        "conv_weight: gradient has shape (3, 8, 4, 4)",
    ),
    (
        lambda: kernels.conv_weight(zeros(2, 8, 4, 4), X, 3, groups=3),
        ValueError,
        "groups=3 does not divide the 4",
    ),
    (
        lambda: kernels.im2col(X, 7),
        ValueError,
        "im2col: kernel of height 7 is larger than the input of height 6",
    ),
    (
        lambda: kernels.col2im(zeros(2, 35, 16), 6, 3),
        ValueError,
        "must be a multiple of the kernel area 3 x 3 = 9, got 35",
    ),
    (lambda: kernels.col2im(zeros(2, 36, 15), 6, 3), ValueError, "has 4 x 4 = 16 window positions"),
    (
        lambda: kernels.col2im(X, 6, 3),
        ValueError,
        "columns must be [batch, channels * kernel area, positions]",
    ),
    (lambda: kernels.max_pool_indices(X, 2, padding=2), ValueError, "more than half of the kernel's size 2"),
    (lambda: kernels.max_pool_indices(X, 7), ValueError, "kernel of height 7 is larger"),
    (lambda: kernels.max_pool_indices(X[0], 2), ValueError, "got 3 axes"),
    (lambda: kernels.nms(zeros(3, 5), zeros(3), 0.5), ValueError, "boxes must be [n, 4] (x1, y1, x2, y2)"),
    (
        lambda: kernels.nms(zeros(3, 4), zeros(2), 0.5),
        ValueError,
        "scores must be [3], one for each of the boxes",
    ),
    (
        lambda: kernels.nms(zeros(3, 4), zeros(3, dtype=np.float64), 0.5),
        TypeError,
        "boxes is float32 but scores is",
    ),
    (lambda: kernels.nms(zeros(3, 4), zeros(3), np.nan), ValueError, "iou_threshold is NaN"),
    (lambda: kernels.nms(zeros(3, 4), zeros(3), None), TypeError, "iou_threshold must be a number"),
    (lambda: kernels.batch_norm_statistics(zeros(0, 3, 2)), ValueError, "holds no values to normalise"),
    (lambda: kernels.batch_norm_statistics(zeros(3)), ValueError, "x must be [batch, channels, ...]"),
    (lambda: kernels.batch_norm(X, *zeros(4, 3)), ValueError, "mean must be [4], one number per channel"),
    (lambda: kernels.batch_norm_sums(X[:1], X, *zeros(2, 4)), ValueError, "must have the same shape"),
    (lambda: kernels.leaky_relu(X, "steep"), TypeError, "slope must be a number"),
    (lambda: kernels.leaky_relu_grad(X[:1], X, 0.1), ValueError, "must have the same shape"),
    (
        lambda: conv_geometry("conv2d", (2, 4, 6, 6), (8, 4, 3, 3), stride=[1]),
        ValueError,
        "conv2d: stride must be",
    ),
    (lambda: kernels.use("gpu"), ValueError, "backend must be one of naive, numpy, cpp, got 'gpu'"),
    (lambda: kernels.use("numpy", isa="avx2"), ValueError, "belongs to the cpp backend"),
    (lambda: kernels.set_num_threads(0), ValueError, "must be from 1 to 1024, got 0"),
    (lambda: kernels.set_num_threads(2.5), TypeError, "must be an int, got 2.5"),
]


@pytest.mark.parametrize("call, error, message", CASES, ids=[message[:60] for _, _, message in CASES])
def test_message(call, error, message):
    for name in kernels.available():
        with kernels.use(name), pytest.raises(error) as caught:
            call()
        assert type(caught.value) is error
        assert message in str(caught.value)


def test_an_error_does_not_depend_on_what_was_cached():
    kernels.conv(X, W, stride=1, padding=(1, 1))
    with pytest.raises(TypeError):
        kernels.conv(X, W, stride=1, padding=(1.0, 1.0))


def test_integers_of_numpy_are_integers():
    assert kernels.conv(X, W, np.int64(1), np.array([1, 1]), [1, 1]).shape == (2, 8, 6, 6)


@pytest.mark.skipif("cpp" not in kernels.available(), reason="no compiled kernels")
def test_the_boundary_checks_again():
    from pyconvnet.kernels import _cpp

    y, one, none = zeros(2, 8, 4, 4), (1, 1), (0, 0)
    _cpp.conv(X, W, y, one, none, one, 1)
    with pytest.raises(ValueError, match="output's shape is wrong"):
        _cpp.conv(X, W, zeros(2, 8, 4, 5), one, none, one, 1)
    with pytest.raises(ValueError, match="do not fit"):
        _cpp.conv(X, zeros(8, 3, 3, 3), y, one, none, one, 1)
    with pytest.raises(ValueError, match="out of range"):
        _cpp.conv(X, W, y, (0, 1), none, one, 1)
    with pytest.raises(ValueError, match="larger than the padded plane"):
        _cpp.conv(X, W, y, one, none, (2**40, 1), 1)
    with pytest.raises(TypeError):
        _cpp.conv(X[:, :, ::-1], W, y, one, none, one, 1)
    y.flags.writeable = False
    with pytest.raises(ValueError, match="writeable"):
        _cpp.conv(X, W, y, one, none, one, 1)
    raw = np.zeros(X.nbytes + 1, np.uint8)[1:].view(np.float32).reshape(X.shape)
    with pytest.raises(ValueError, match="not aligned"):
        _cpp.leaky_relu(raw, 0.0, np.empty_like(X))
