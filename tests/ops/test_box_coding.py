"""Offsets between boxes and anchors, the anchors of a feature map, boxes of masks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet import ops
from pyconvnet.autograd import Tensor
from pyconvnet.testing import check_grads


def boxes(seed, n, dtype=np.float64):
    rng = np.random.default_rng(seed)
    low, size = rng.uniform(-20, 60, (n, 2)), rng.uniform(1, 50, (n, 2))
    return np.concatenate([low, low + size], axis=1).astype(dtype)


@given(st.integers(0, 10**6), st.integers(0, 5), st.sampled_from([np.float64, np.float32]), st.booleans())
def test_decoding_undoes_encoding(seed, n, dtype, weighted):
    a, b = boxes(seed, n, dtype), boxes(seed + 1, n, dtype)
    weights = (10.0, 10.0, 5.0, 5.0) if weighted else (1.0, 1.0, 1.0, 1.0)
    there = ops.encode_boxes(a, b, weights)
    assert there.dtype == dtype and there.shape == (n, 4)
    back = ops.decode_boxes(there, b, weights)
    np.testing.assert_allclose(back, a, rtol=0, atol=1e-4 if dtype == np.float32 else 1e-11)
    np.testing.assert_allclose(
        ops.encode_boxes(back, b, weights), there, atol=1e-3 if dtype == np.float32 else 1e-11
    )
    np.testing.assert_array_equal(ops.encode_boxes(b, b, weights), np.zeros((n, 4)))


@given(st.integers(0, 10**6))
def test_offsets_are_those_of_centres_and_sizes(seed):
    target, proposal = boxes(seed, 1)[0], boxes(seed + 1, 1)[0]
    (x, y, w, h), (px, py, pw, ph) = (ops.box_convert(b, "xyxy", "cxcywh") for b in (target, proposal))
    expected = [(x - px) / pw, (y - py) / ph, math.log(w / pw), math.log(h / ph)]
    np.testing.assert_allclose(ops.encode_boxes(target, proposal), expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(
        ops.encode_boxes(target, proposal, [10, 20, 5, 4]), np.multiply(expected, [10, 20, 5, 4]), rtol=1e-9, atol=1e-12
    )


def test_values_by_hand():
    anchor = [[0.0, 0, 10, 20]]
    np.testing.assert_allclose(ops.encode_boxes([[5.0, 10, 15, 30]], anchor), [[0.5, 0.5, 0, 0]])
    np.testing.assert_allclose(
        ops.encode_boxes([[0, 0, 20, 20]], [[0, 0, 10, 20]]), [[0.5, 0, math.log(2), 0]], rtol=1e-6
    )
    np.testing.assert_allclose(ops.decode_boxes([[0.5, 0.5, 0, math.log(2)]], anchor), [[5, 0, 15, 40]])


def test_growth_is_clipped():
    (box,) = ops.decode_boxes([[0.0, 0, 100, 100]], [[0.0, 0, 16, 16]])
    np.testing.assert_allclose(box[2:] - box[:2], 1000)
    assert np.isfinite(ops.decode_boxes(np.full((1, 4), 1e4, np.float32), np.array([[0, 0, 16, 16]], np.float32))).all()
    (wide,) = ops.decode_boxes([[0.0, 0, 100, 100]], [[0.0, 0, 16, 16]], clip=math.log(2))
    np.testing.assert_allclose(wide[2:] - wide[:2], 32)
    deltas = Tensor(np.array([[0.0, 0, 100, -1]]), requires_grad=True)
    ops.decode_boxes(deltas, [[0.0, 0, 16, 16]])[:, 2:].sum().backward()
    assert (deltas.grad.data[0] != 0).tolist() == [True, True, False, True]


def test_leading_axes_broadcast():
    a = boxes(0, 3)
    per_class = np.random.default_rng(0).standard_normal((3, 5, 4))
    found = ops.decode_boxes(per_class, a[:, None])
    assert found.shape == (3, 5, 4)
    np.testing.assert_array_equal(found[:, 2], ops.decode_boxes(per_class[:, 2], a))
    assert ops.encode_boxes(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0, 4)


def test_gradients(checks):
    a, b = boxes(1, 4), boxes(2, 4)
    checks["ops"] += check_grads(ops.encode_boxes, a, b)
    checks["ops"] += check_grads(lambda d, b: ops.decode_boxes(d, b, (10, 10, 5, 5)), np.sin(a), b)
    assert isinstance(ops.encode_boxes(a, Tensor(b)), Tensor)
    assert isinstance(ops.decode_boxes(Tensor(a / 99), b), Tensor)
    assert isinstance(ops.encode_boxes(Tensor(a.astype(int)), b), Tensor)


def test_anchors_stand_on_the_centres_of_the_cells():
    anchors = ops.generate_anchors([32, 64], [0.5, 1.0, 2.0], 16, (3, 4))
    assert anchors.shape == (3 * 4 * 6, 4) and anchors.dtype == np.float32
    grid = anchors.reshape(3, 4, 6, 4)
    cx, cy, w, h = np.moveaxis(ops.box_convert(grid, "xyxy", "cxcywh"), -1, 0)
    np.testing.assert_allclose(cx, np.broadcast_to((np.arange(4) + 0.5)[None, :, None] * 16, cx.shape), atol=1e-4)
    np.testing.assert_allclose(cy, np.broadcast_to((np.arange(3) + 0.5)[:, None, None] * 16, cy.shape), atol=1e-4)
    np.testing.assert_allclose(h / w, np.broadcast_to([0.5, 0.5, 1, 1, 2, 2], w.shape), rtol=1e-4)
    np.testing.assert_allclose(w * h, np.broadcast_to([1024, 4096] * 3, w.shape), rtol=1e-4)


def test_anchors_of_one_size_and_a_stride_per_axis():
    np.testing.assert_array_equal(
        ops.generate_anchors(4, 1, (10, 20), (2, 1)), [[8, 3, 12, 7], [8, 13, 12, 17]]
    )
    assert ops.generate_anchors([8], [1], 8, 2).shape == (4, 4)
    assert ops.generate_anchors([8], [1], 8, (0, 5)).shape == (0, 4)


def test_masks_to_boxes():
    masks = np.zeros((4, 5, 6), bool)  # the last one stays empty
    masks[0, 1:4, 2:6] = masks[1, 2, 3] = masks[2, 0, 0] = masks[2, 4, 1] = True
    expected = [[2, 1, 5, 3], [3, 2, 3, 2], [0, 0, 1, 4], [0, 0, 0, 0]]
    for given_masks in (masks, masks * 7, masks * -0.5, masks.astype(np.uint8)):
        found = ops.masks_to_boxes(given_masks)
        assert found.dtype == np.float32 and found.tolist() == expected
    assert isinstance(ops.masks_to_boxes(Tensor(masks)), Tensor)
    assert ops.masks_to_boxes(np.zeros((0, 5, 6))).shape == ops.masks_to_boxes(np.zeros((2, 0, 6))).shape == (0, 4)


BOX = np.array([[0.0, 0, 2, 2]])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ops.encode_boxes(BOX, BOX * 0), ValueError, "anchors[0] = [0.0, 0.0, 0.0, 0.0] has no area"),
        (lambda: ops.encode_boxes(BOX[:, [2, 1, 0, 3]], BOX), ValueError, "encode_boxes: boxes[0]"),
        (lambda: ops.encode_boxes(BOX * np.nan, BOX), ValueError, "encode_boxes: boxes[0]"),
        (lambda: ops.encode_boxes(np.ones((2, 4)), np.ones((3, 4))), ValueError, "must broadcast: one anchor per row"),
        (lambda: ops.encode_boxes(BOX, BOX, (1, 1)), ValueError, "weights must be four positive numbers"),
        (lambda: ops.encode_boxes(BOX, BOX, (1, 1, 0, 1)), ValueError, "weights must be four positive numbers"),
        (lambda: ops.decode_boxes(np.ones((2, 4)), np.ones((3, 4))), ValueError, "deltas (2, 4) and anchors (3, 4)"),
        (lambda: ops.decode_boxes(BOX, BOX, clip=None), ValueError, "clip must be a number"),
        (lambda: ops.decode_boxes(BOX[:, :3], BOX), ValueError, "deltas must have shape (..., 4)"),
        (lambda: ops.generate_anchors([], [1], 8, "x"), ValueError, "feature_size must be whole numbers"),
        (lambda: ops.generate_anchors([-1], [1], 8, 2), ValueError, "sizes must be positive numbers"),
        (lambda: ops.generate_anchors([1], [0], 8, 2), ValueError, "aspect_ratios must be positive numbers"),
        (lambda: ops.generate_anchors([1], [1], [1, 2, 3], 2), ValueError, "stride must be a positive number or"),
        (lambda: ops.generate_anchors([1], [1], 1, (2, -1)), ValueError, "feature_size must be whole numbers"),
        (lambda: ops.masks_to_boxes(np.zeros((2, 2))), ValueError, "masks must have shape (n, H, W), got (2, 2)"),
        (lambda: ops.masks_to_boxes(np.zeros((1, 2, 2), complex)), TypeError, "masks must be numbers, got dtype"),
    ],
)
def test_mistakes_get_words(call, error, words):
    with pytest.raises(error) as found:
        call()
    assert words in str(found.value)


def test_generalized_iou_pulls_boxes_that_do_not_touch(checks):
    a, b = Tensor(np.array([[0.0, 0, 1, 1]]), requires_grad=True), np.array([[3.0, 0, 4, 1]])
    (g,) = pcn.grad(ops.generalized_box_iou(a, b).sum(), a)
    assert g.data[0, 2] > 0  # to the right: towards the other
    checks["ops"] += check_grads(ops.generalized_box_iou, boxes(3, 3), boxes(4, 4))
