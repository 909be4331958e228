"""Semantics that changed: models at opsets 9 to 13 and later, against the reference evaluator of the onnx package where
it serves the opset (REFERENCE), otherwise against the operator's definition.
"""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the onnx package: pip install 'pyconvnet[onnx]'")

from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator
from onnx_models import one_node

import pyconvnet as pcn

REFERENCE = object()
A = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
POSITIVE = np.abs(A) + 0.5


def ints(*numbers):
    return np.array(numbers, np.int64)


def floats(*numbers):
    return np.array(numbers, np.float32)


def softmax(x, axes):
    e = np.exp(x - x.max(axis=axes, keepdims=True))
    return e / e.sum(axis=axes, keepdims=True)


def normalised(x, scale, b, mean, var, eps=1e-5):
    return (x - mean[:, None, None]) / np.sqrt(var + eps)[:, None, None] * scale[:, None, None] + b[:, None, None]


def response(x, size, alpha, beta, bias):
    """LRN by its formula: channels from floor((size - 1) / 2) before to ceil((size - 1) / 2) after."""
    before, after = (size - 1) // 2, size // 2
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        squares = (x[:, max(c - before, 0) : c + after + 1] ** 2).sum(1)
        y[:, c] = x[:, c] / (bias + alpha / size * squares) ** beta
    return y


def painted(x, kernel, stride):
    """The transposed convolution of a row: every value paints the kernel, times itself."""
    y = np.zeros((len(x) - 1) * stride + len(kernel), np.float32)
    for i, v in enumerate(x):
        y[i * stride : i * stride + len(kernel)] += v * kernel
    return y


def scalar(x):
    return np.array(x, np.float32)


CASES = [
    # (opset, operator, inputs, attributes, expected: an array, a tuple of them, or REFERENCE)
    (9, "Softmax", [A], {}, softmax(A, (1, 2, 3))),
    (9, "Softmax", [A], {"axis": 2}, softmax(A, (2, 3))),
    (11, "Softmax", [A], {"axis": -1}, softmax(A, 3)),
    (12, "Softmax", [A], {"axis": -2}, softmax(A, (2, 3))),
    (13, "Softmax", [A], {}, softmax(A, 3)),
    (13, "Softmax", [A], {"axis": 1}, softmax(A, 1)),
    (11, "LogSoftmax", [A], {}, np.log(softmax(A, (1, 2, 3)))),
    (13, "LogSoftmax", [A], {"axis": 0}, np.log(softmax(A, 0))),
    (9, "Squeeze", [A[:1, :, :1]], {"axes": [0, 2]}, A[0, :, 0]),
    (11, "Squeeze", [A[:1, :, :1]], {"axes": [-2]}, A[:1, :, 0]),
    (12, "Squeeze", [A[:1, :, :1]], {}, A[0, :, 0]),
    (13, "Squeeze", [A[:1, :, :1], ints(0)], {}, A[0, :, :1]),
    (9, "Unsqueeze", [A], {"axes": [0, 2]}, A[None, :, None]),
    (11, "Unsqueeze", [A], {"axes": [-1]}, A[..., None]),
    (13, "Unsqueeze", [A, ints(4, 0)], {}, A[None, ..., None].reshape(1, 2, 3, 4, 1, 5)),
    (9, "ReduceSum", [A], {"axes": [1, 3]}, REFERENCE),
    (11, "ReduceSum", [A], {"axes": [-1], "keepdims": 0}, REFERENCE),
    (12, "ReduceSum", [A], {}, REFERENCE),
    (13, "ReduceSum", [A, ints(-1)], {"keepdims": 0}, REFERENCE),
    (13, "ReduceSum", [A], {"noop_with_empty_axes": 1}, A),
    (13, "ReduceMean", [A], {"axes": [2, 3]}, REFERENCE),
    (18, "ReduceMean", [A, ints(2, 3)], {"keepdims": 0}, REFERENCE),
    (9, "ReduceMax", [A], {"axes": [0]}, REFERENCE),
    (18, "ReduceMax", [A, ints(0)], {}, REFERENCE),
    (12, "ReduceMin", [A], {"axes": [0, 2], "keepdims": 0}, REFERENCE),
    (9, "Clip", [A], {"min": -0.5, "max": 0.25}, A.clip(-0.5, 0.25)),
    (10, "Clip", [A], {"max": 0.25}, np.minimum(A, np.float32(0.25))),
    (11, "Clip", [A, scalar(-0.5), scalar(0.25)], {}, A.clip(-0.5, 0.25)),
    (11, "Clip", [A, None, scalar(0.25)], {}, np.minimum(A, np.float32(0.25))),
    (12, "Clip", [ints(-5, 0, 5), np.array(-1), np.array(1)], {}, ints(-1, 0, 1)),
    (9, "Pad", [A], {"pads": [0, 0, 1, 2, 0, 0, 3, 0], "value": 1.5}, REFERENCE),
    (10, "Pad", [A], {"pads": [0, 0, 1, 2, 0, 0, 3, 4], "mode": "reflect"}, REFERENCE),
    (9, "Pad", [A], {"pads": [1, 0, 0, 2, 0, 0, 3, 0], "mode": "edge"}, REFERENCE),
    (9, "Pad", [A], {"pads": [0, 0, -1, 2, 0, 0, -1, -3]}, np.pad(A[:, :, 1:3, :2], ((0, 0),) * 3 + ((2, 0),))),
    (11, "Pad", [A, ints(0, 0, 1, 2, 0, 0, 3, 0), scalar(2)], {}, REFERENCE),
    (13, "Pad", [A, ints(0, 0, 1, 2, 0, 0, 3, 0)], {"mode": "edge"}, REFERENCE),
    (18, "Pad", [A, ints(1, 2), None, ints(-1)], {"mode": "reflect"}, np.pad(A, ((0, 0),) * 3 + ((1, 2),), "reflect")),
    (19, "Pad", [A, ints(7, 6), None, ints(3)], {"mode": "wrap"}, np.pad(A, ((0, 0),) * 3 + ((7, 6),), "wrap")),
    (9, "Slice", [A], {"starts": [1, -2], "ends": [3, 9999], "axes": [1, 3]}, A[:, 1:3, :, -2:]),
    (9, "Slice", [A], {"starts": [0, 1], "ends": [1, 2]}, A[:1, 1:2]),
    (10, "Slice", [A, ints(4, 0), ints(-9999, -1), ints(3, 2), ints(-2, 1)], {}, A[:, :, 0:-1, 4::-2]),
    (10, "Slice", [A, ints(1), ints(2**63 - 1)], {}, A[1:]),
    (11, "Slice", [A, ints(1), ints(3), ints(-1)], {}, A[..., 1:3]),
    (9, "Split", [A], {"axis": 3, "split": [2, 3]}, (A[..., :2], A[..., 2:])),
    (11, "Split", [A], {"axis": -2}, (A[:, :, :2], A[:, :, 2:])),
    (13, "Split", [A, ints(1, 4)], {"axis": 3}, (A[..., :1], A[..., 1:])),
    (18, "Split", [A], {"axis": 3, "num_outputs": 2}, (A[..., :3], A[..., 3:])),
    (9, "Flatten", [A], {"axis": 2}, A.reshape(6, 20)),
    (9, "Flatten", [A], {"axis": 0}, A.reshape(1, 120)),
    (11, "Flatten", [A], {"axis": -1}, A.reshape(24, 5)),
    (9, "Reshape", [A, ints(0, -1)], {}, A.reshape(2, 60)),
    (13, "Reshape", [A, ints(5, 0, -1, 2)], {}, A.reshape(5, 3, 4, 2)),
    (14, "Reshape", [A[:, :0], ints(0, 4, 7)], {"allowzero": 1}, np.zeros((0, 4, 7), np.float32)),
    (9, "Gather", [A, ints(2, 0)], {"axis": 1}, A[:, [2, 0]]),
    (11, "Gather", [A, np.array([[-1, 0]], np.int32)], {"axis": -1}, A[..., [[-1, 0]]]),
    (9, "Dropout", [A], {"ratio": 0.4}, A),
    (10, "Dropout", [A], {"ratio": 0.4}, (A, np.ones(A.shape, bool))),
    (12, "Dropout", [A, scalar(0.5)], {"seed": 3}, (A, np.ones(A.shape, bool))),
    (9, "BatchNormalization", [A, *POSITIVE[0, 0, :4, :3]], {"epsilon": 0.01, "momentum": 0.3},
     normalised(A, *POSITIVE[0, 0, :4, :3], 0.01)),
    (14, "BatchNormalization", [A, *POSITIVE[0, 0, :4, :3]], {"training_mode": 0},
     normalised(A, *POSITIVE[0, 0, :4, :3])),
    (15, "BatchNormalization", [A, *POSITIVE[0, 0, :4, :3]], {}, REFERENCE),
    (9, "InstanceNormalization", [A, *POSITIVE[0, 0, :2, :3]], {"epsilon": 0.01}, REFERENCE),
    (9, "LRN", [np.tile(A, (1, 3, 1, 1))], {"size": 3, "alpha": 0.5, "bias": 2.0},
     response(np.tile(A, (1, 3, 1, 1)), 3, 0.5, 0.75, 2)),
    (13, "LRN", [np.tile(A, (1, 3, 1, 1))], {"size": 4, "alpha": 0.5, "beta": 0.6},
     response(np.tile(A, (1, 3, 1, 1)), 4, 0.5, 0.6, 1)),
    (9, "PRelu", [A, POSITIVE[0, :, :1, :1]], {}, np.where(A > 0, A, A * POSITIVE[0, :, :1, :1])),
    (9, "Elu", [A], {"alpha": 0.7}, REFERENCE),
    (9, "Gemm", [A[0, 0], A[1, :, :, 0].T, floats(1, 2, 3)], {"transA": 1, "beta": 0.5}, REFERENCE),
    (11, "Gemm", [A[0, 0], A[1, 0]], {"transB": 1, "alpha": -2.0}, REFERENCE),
    (9, "MatMul", [A, A[:1].transpose(0, 1, 3, 2)], {}, REFERENCE),
    (9, "Shape", [A], {}, ints(2, 3, 4, 5)),
    (15, "Shape", [A], {"start": 1, "end": -1}, ints(3, 4)),
    (9, "Cast", [A], {"to": 7}, A.astype(np.int64)),
    (13, "Cast", [ints(0, 300)], {"to": 9}, np.array([False, True])),
    (19, "Cast", [ints(0, 300)], {"to": 2, "saturate": 0}, np.array([0, 44], np.uint8)),
    (9, "Concat", [A, A[:, :1]], {"axis": 1}, np.concatenate([A, A[:, :1]], 1)),
    (11, "Concat", [A, A[..., :1]], {"axis": -1}, np.concatenate([A, A[..., :1]], 3)),
    (9, "Transpose", [A], {}, A.T),
    (9, "Div", [ints(7, -7, -8), ints(2, 2, -3)], {}, ints(3, -3, 2)),
    (9, "Pow", [POSITIVE, scalar(-0.5)], {}, POSITIVE**np.float32(-0.5)),
    (12, "Pow", [POSITIVE, ints(3)], {}, POSITIVE**3),
    (9, "Max", [A, A[:1], scalar(0)], {}, np.maximum(np.maximum(A, A[:1]), 0)),
    (9, "Min", [A], {}, A),
    (9, "GlobalLpPool", [A], {"p": 3}, (np.abs(A) ** 3).sum((2, 3), keepdims=True) ** (1 / 3)),
    (9, "GlobalMaxPool", [A[..., None]], {}, A.max((2, 3), keepdims=True)[..., None]),
    # Resize-10 as its node tests were: asymmetric; nearest is below, or above where the picture shrinks
    (10, "Resize", [np.arange(1, 9, dtype=np.float32).reshape(1, 1, 2, 4), floats(1, 1, 0.6, 0.6)], {},
     floats(1, 3).reshape(1, 1, 1, 2)),
    (10, "Resize", [A, floats(1, 1, 2, 3)], {}, A.repeat(2, 2).repeat(3, 3)),
    (10, "Resize", [floats(1, 2, 3, 4).reshape(1, 1, 2, 2), floats(1, 1, 1, 2)], {"mode": "linear"},
     floats(1, 1.5, 2, 2, 3, 3.5, 4, 4).reshape(1, 1, 2, 4)),
    (11, "Resize", [A, None, floats(1, 1, 1.7, 0.7)], {"mode": "linear"}, REFERENCE),
    (11, "Resize", [A, None, None, ints(2, 3, 7, 3)], {"coordinate_transformation_mode": "align_corners",
                                                              "mode": "linear"}, REFERENCE),
    (11, "Resize", [floats(1, 2, 3).reshape(1, 1, 3), floats(), floats(1, 1, 2)],
     {"coordinate_transformation_mode": "tf_half_pixel_for_nn", "nearest_mode": "floor"},
     floats(1, 1, 2, 2, 3, 3).reshape(1, 1, 6)),
    (13, "Resize", [A, None, None, ints(2, 3, 8, 10)], {"nearest_mode": "ceil"}, REFERENCE),
    (13, "Resize", [A, None, None, ints(2, 3, 2, 10)], {}, REFERENCE),
    (13, "Resize", [np.arange(10, dtype=np.float32), None, floats(0.7)],  # 10 pixels at 0.7 in float32 are 7
     {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}, floats(0, 1, 2, 4, 5, 7, 8)),
    (13, "Resize", [floats(1, 2, 3, 4), None, None, ints(1)], {"coordinate_transformation_mode": "pytorch_half_pixel",
                                                              "mode": "linear"}, floats(1)),
    (19, "Resize", [A, None, floats(1, 1, 0.6, 0.7)], {"coordinate_transformation_mode": "half_pixel_symmetric",
                                                     "mode": "linear"}, REFERENCE),
    (18, "Resize", [A, None, floats(2, 1.5)], {"axes": [3, 2], "mode": "linear"}, REFERENCE),
    (9, "MaxPool", [A], {"kernel_shape": [2, 3], "pads": [0, 1, 1, 2], "strides": [1, 2]}, REFERENCE),
    (10, "MaxPool", [A], {"kernel_shape": [2, 2], "ceil_mode": 1, "strides": [2, 2], "dilations": [1, 2]}, REFERENCE),
    (12, "MaxPool", [A[:, :, 0]], {"kernel_shape": [2], "auto_pad": "SAME_UPPER", "strides": [2]},
     np.stack([A[:, :, 0, :2].max(2), A[:, :, 0, 2:4].max(2), A[:, :, 0, 4]], 2)),
    (12, "MaxPool", [A[:, :, 0]], {"kernel_shape": [2], "auto_pad": "SAME_LOWER", "strides": [2]},
     np.stack([A[:, :, 0, 0], A[:, :, 0, 1:3].max(2), A[:, :, 0, 3:].max(2)], 2)),
    (9, "AveragePool", [A], {"kernel_shape": [3, 3], "pads": [1, 0, 0, 2]}, REFERENCE),
    (10, "AveragePool", [A], {"kernel_shape": [3, 2], "pads": [1, 0, 1, 0], "count_include_pad": 1}, REFERENCE),
    (11, "AveragePool", [A[:, :, 0]], {"kernel_shape": [2], "strides": [2], "ceil_mode": 1}, REFERENCE),
    (9, "Conv", [A, A[:, :, :3, :2]], {"pads": [1, 0, 2, 1], "strides": [2, 1]}, REFERENCE),
    (11, "Conv", [A[:, :, 0], A[:, :, 0, :2]], {"auto_pad": "SAME_LOWER"}, REFERENCE),
    (11, "ConvTranspose", [A[:1, :1, 0], floats(1, 2, 4).reshape(1, 1, 3)], {"output_shape": [6]},
     np.convolve(A[0, 0, 0], floats(1, 2, 4))[None, None, 1:]),
    (11, "ConvTranspose", [A[:1, :1, 0], floats(1, 2, 4).reshape(1, 1, 3)],
     {"output_shape": [9], "strides": [2], "output_padding": [1]},  # 11 painted + 1 - 9: 2 before, 1 after
     np.append(painted(A[0, 0, 0], floats(1, 2, 4), 2), np.float32(0))[None, None, 2:11]),
    (11, "ConvTranspose", [A[:1, :1, 0], floats(1, 2, 4).reshape(1, 1, 3)], {"output_shape": [6],
                                                                            "auto_pad": "SAME_UPPER"},
     np.convolve(A[0, 0, 0], floats(1, 2, 4))[None, None, :-1]),
    (9, "Conv", [A, POSITIVE[0, :, None, :2, :2], floats(1, 2, 3)], {"group": 3}, REFERENCE),
    (9, "ConvTranspose", [A, POSITIVE[0, :, None, :2, :3]], {"group": 3, "strides": [2, 3], "pads": [0, 1, 1, 0]},
     REFERENCE),
    (11, "ConvTranspose", [A[:1], A.transpose(1, 0, 2, 3)[..., :2], floats(1, 2)], {"output_padding": [1, 0],
                                                                                   "strides": [2, 1]}, REFERENCE),
]  # fmt: skip


@pytest.mark.parametrize("opset, operator, inputs, attributes, expected", CASES,
                         ids=[f"{c[1]}-{c[0]}-{i}" for i, c in enumerate(CASES)])  # fmt: skip
def test_semantics_of_the_opset(opset, operator, inputs, attributes, expected):
    wanted = expected if isinstance(expected, tuple) else (expected,)
    model = one_node(operator, inputs, opset, len(wanted), **attributes)
    arrays = [x for x in inputs if x is not None]
    if expected is REFERENCE:
        wanted = ReferenceEvaluator(model).run(None, {f"x{i}": x for i, x in enumerate(inputs) if x is not None})
    y = pcn.onnx.load(model.SerializeToString())(*arrays)
    for got, w in zip(y if isinstance(y, tuple) else (y,), wanted, strict=True):
        assert (got.dtype, got.shape) == (w.dtype, w.shape)
        np.testing.assert_allclose(got.data, w, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("order", [0, 1])
def test_positions_of_the_largest_values(order):
    """Indices count in the whole input, padding apart; with storage_order 1 each plane column by column."""
    settings = {"kernel_shape": [2, 3], "pads": [1, 1, 0, 1], "strides": [1, 2], "storage_order": order}
    y, at = pcn.onnx.load(one_node("MaxPool", [A], 12, 2, **settings).SerializeToString())(A)
    counted = A.transpose(0, 1, 3, 2) if order else A
    assert at.dtype == np.int64
    np.testing.assert_array_equal(counted.reshape(-1)[at.data], y.data)


def test_max_roi_pool_is_the_largest_of_each_bin():
    rois = floats(0, 0, 0, 3, 3).reshape(1, 5)
    y = pcn.onnx.load(one_node("MaxRoiPool", [A, rois], 9, pooled_shape=[2, 2]).SerializeToString())(A, rois)
    expected = A[:1, :, :4, :4].reshape(1, 3, 2, 2, 2, 2).max((3, 5))
    np.testing.assert_array_equal(y.data, expected)


@pytest.mark.parametrize("opset", [10, 16])
def test_roi_align_counts_pixels_as_its_opset_says(opset):
    """Version 10 had no half_pixel: of a ramp, the mean over a region is its middle, half a pixel less with it."""
    ramp = np.broadcast_to(np.arange(8, dtype=np.float32), (1, 1, 8, 8)).copy()
    rois, image = floats(2, 2, 6, 6).reshape(1, 4), ints(0)
    y = pcn.onnx.load(one_node("RoiAlign", [ramp, rois, image], opset).SerializeToString())(ramp, rois, image)
    assert y.item() == pytest.approx(4 - 0.5 * (opset == 16))


@pytest.mark.parametrize("opset", [10, 11])
def test_non_max_suppression(opset):
    boxes = floats(0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 10, 1, 11).reshape(1, 3, 4)
    scores = floats(0.9, 0.75, 0.6, 0.1, 0.2, 0.95).reshape(1, 2, 3)
    given = [boxes, scores, ints(2), floats(0.5), floats(0.15)]
    y = pcn.onnx.load(one_node("NonMaxSuppression", given, opset).SerializeToString())(*given)
    assert y.tolist() == [[0, 0, 0], [0, 0, 2], [0, 1, 2], [0, 1, 1]]
    for others, kept in (([ints(1), floats(0.5)], [[0, 0, 0], [0, 1, 2]]),
                         ([ints(9), floats(0.5), floats(0.9)], [[0, 1, 2]]),  # a score has to be above the threshold
                         ([], [])):  # fmt: skip
        given = [boxes, scores, *others]
        y = pcn.onnx.load(one_node("NonMaxSuppression", given, opset).SerializeToString())(*given)
        assert y.tolist() == kept and y.shape[1:] == (3,)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_pools_of_any_layout(data):
    """Windows, paddings, ceil_mode and counts, drawn; against the definition, pixel by pixel."""
    draw = data.draw
    axes, opset = draw(st.sampled_from([1, 2])), draw(st.sampled_from([19, 22]))
    kernel = [draw(st.integers(1, 3)) for _ in range(axes)]
    dilation = [draw(st.integers(1, 2)) for _ in range(axes)]
    stride = [draw(st.integers(1, 3)) for _ in range(axes)]
    pads = [draw(st.integers(0, k - 1)) for k in kernel * 2]
    sizes = [draw(st.integers(d * (k - 1) + 1, 6)) for k, d in zip(kernel, dilation)]
    ceil, include = draw(st.booleans()), draw(st.booleans())
    x = np.random.default_rng(draw(st.integers(0, 9))).standard_normal((1, 2, *sizes)).astype(np.float32)
    shared = {"kernel_shape": kernel, "strides": stride, "pads": pads, "ceil_mode": int(ceil), "dilations": dilation}
    settings = list(zip(sizes, kernel, stride, dilation, pads, pads[axes:]))
    real = [_taps(*s, ceil) for s in settings]
    shape = tuple(map(len, real))
    largest, mean = np.empty((2, *shape)), np.empty((2, *shape))
    for at in np.ndindex(*shape):
        met = [[t for t in real[a][i] if 0 <= t < sizes[a]] for a, i in enumerate(at)]
        counted = [[t for t in real[a][i] if -pads[a] <= t < sizes[a] + pads[axes + a]] for a, i in enumerate(at)]
        part = x[0][np.ix_(range(2), *met)].reshape(2, -1)
        largest[(slice(None), *at)] = part.max(1, initial=-np.inf)
        mean[(slice(None), *at)] = part.sum(1) / max(np.prod([len(t) for t in (counted if include else met)]), 1)
    y = pcn.onnx.load(one_node("MaxPool", [x], opset, **shared).SerializeToString())(x)
    np.testing.assert_array_equal(y.data[0], largest)
    average = one_node("AveragePool", [x], opset, count_include_pad=int(include), **shared)
    np.testing.assert_allclose(pcn.onnx.load(average.SerializeToString())(x).data[0], mean, rtol=1e-5, atol=1e-6)


def _taps(n, kernel, stride, dilation, before, after, ceil):
    """Positions that each window along an axis touches."""
    room = n + before + after - dilation * (kernel - 1) - 1
    count = (-(-room // stride) if ceil else room // stride) + 1
    count -= ceil and (count - 1) * stride >= n + before
    return [[i * stride - before + t * dilation for t in range(kernel)] for i in range(count)]
