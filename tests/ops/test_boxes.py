"""Laws of the box functions, values from torchvision's documentation, and their gradients."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyconvnet import ops
from pyconvnet.autograd import Tensor
from pyconvnet.testing import check_grads

FORMATS = ("xyxy", "xywh", "cxcywh")


def box_arrays(min_side=0, least=0, dtype=np.float64):
    """(n, 4) xyxy on quarter pixels, so that every sum below is exact."""

    def corners(raw):
        raw = raw / 4
        return np.concatenate([raw[:, :2], raw[:, :2] + raw[:, 2:] + min_side], axis=1).astype(dtype)

    shapes = st.integers(least, 6).map(lambda n: (n, 4))
    return hnp.arrays(np.int64, shapes, elements=st.integers(0, 64)).map(corners)


@given(box_arrays(), box_arrays())
def test_iou_is_symmetric_and_in_range(a, b):
    iou = ops.box_iou(a, b)
    assert iou.shape == (len(a), len(b))
    np.testing.assert_array_equal(iou, ops.box_iou(b, a).T)
    known = iou[~np.isnan(iou)]
    assert (known >= 0).all()
    assert (known <= 1).all()
    both_empty = (ops.box_area(a) == 0)[:, None] & (ops.box_area(b) == 0)
    np.testing.assert_array_equal(np.isnan(iou), both_empty)


@given(box_arrays())
def test_iou_with_itself_is_one_and_nan_without_area(a):
    own = np.diagonal(ops.box_iou(a, a))
    np.testing.assert_array_equal(own, np.where(ops.box_area(a) > 0, 1.0, np.nan))


@given(box_arrays(), box_arrays(), st.integers(-100, 100), st.integers(-100, 100))
def test_iou_does_not_see_translation(a, b, x, y):
    shift = np.array([x, y, x, y])
    for f in (ops.box_iou, ops.generalized_box_iou):
        np.testing.assert_array_equal(f(a + shift, b + shift), f(a, b))


@given(box_arrays(min_side=0.25), box_arrays(min_side=0.25), st.sampled_from([0.5, 2.0, 8.0]))
def test_iou_does_not_see_scale(a, b, scale):
    np.testing.assert_array_equal(ops.box_iou(a * scale, b * scale), ops.box_iou(a, b))


@given(box_arrays(min_side=0.25), box_arrays(min_side=0.25))
def test_generalized_iou_is_at_most_iou_and_above_minus_one(a, b):
    iou, giou = ops.box_iou(a, b), ops.generalized_box_iou(a, b)
    assert (giou <= iou).all()
    assert (giou > -1).all()
    np.testing.assert_array_equal(np.diagonal(ops.generalized_box_iou(a, a)), np.ones(len(a)))


@given(box_arrays(), box_arrays())
def test_iou_equals_counting_quarter_pixels(a, b):
    iou = ops.box_iou(a[:2], b[:2])
    for i, p in enumerate((a[:2] * 4).astype(int)):
        for j, q in enumerate((b[:2] * 4).astype(int)):
            grid = np.zeros((2, 130, 130), bool)
            grid[0, p[1] : p[3], p[0] : p[2]] = grid[1, q[1] : q[3], q[0] : q[2]] = True
            if grid.any():
                assert iou[i, j] == (grid[0] & grid[1]).sum() / (grid[0] | grid[1]).sum()


@given(box_arrays(), st.sampled_from(FORMATS), st.sampled_from(FORMATS))
def test_conversion_round_trips(a, one, other):
    start = ops.box_convert(a, "xyxy", one)
    there = ops.box_convert(start, one, other)
    np.testing.assert_array_equal(ops.box_convert(there, other, one), start)
    np.testing.assert_array_equal(ops.box_area(there, other), ops.box_area(a))
    np.testing.assert_array_equal(ops.box_iou(start, start, one), ops.box_iou(a, a))


@given(box_arrays(), st.integers(0, 20), st.integers(0, 20))
def test_clipping_stays_inside_and_is_idempotent(a, height, width):
    a = a - 5
    clipped = ops.clip_boxes_to_image(a, (height, width))
    assert (clipped >= 0).all()
    assert (clipped[:, 0::2] <= width).all()
    assert (clipped[:, 1::2] <= height).all()
    assert (clipped[:, 2:] >= clipped[:, :2]).all()
    np.testing.assert_array_equal(ops.clip_boxes_to_image(clipped, (height, width)), clipped)
    np.testing.assert_array_equal(ops.clip_boxes_to_image(a, (1000, 1000)), np.maximum(a, 0))


@given(box_arrays(), st.sampled_from([0, 0.25, 1, 4.5]))
def test_remove_small_boxes_keeps_both_sides_of_at_least_min_size(a, size):
    keep = ops.remove_small_boxes(a, size)
    assert keep.dtype == np.int64
    expected = [i for i, (x1, y1, x2, y2) in enumerate(a) if x2 - x1 >= size and y2 - y1 >= size]
    assert keep.tolist() == expected


def test_values_by_hand():
    a, b = [[0.0, 0, 10, 10]], [[5.0, 5, 15, 15], [20.0, 0, 30, 10], [10.0, 0, 20, 10]]
    np.testing.assert_allclose(ops.box_iou(a, b), [[25 / 175, 0, 0]])
    np.testing.assert_allclose(
        ops.generalized_box_iou(a, b), [[25 / 175 - 50 / 225, -100 / 300, 0]], atol=1e-15
    )
    np.testing.assert_array_equal(ops.box_convert(a, "xyxy", "cxcywh"), [[5, 5, 10, 10]])
    np.testing.assert_array_equal(ops.box_convert([[5.0, 6, 10, 20]], "cxcywh", "xywh"), [[0, -4, 10, 20]])
    np.testing.assert_array_equal(ops.clip_boxes_to_image([[-3.0, -2, 50, 60]], (30, 40)), [[0, 0, 40, 30]])


def test_any_number_of_leading_axes():
    a = np.arange(48.0).reshape(2, 3, 2, 4)
    a[..., 2:] += 5
    assert ops.box_area(a).shape == (2, 3, 2)
    assert ops.clip_boxes_to_image(a, (9, 9)).shape == a.shape
    assert ops.box_iou(a, a[..., :1, :]).shape == (2, 3, 2, 1)
    np.testing.assert_array_equal(ops.box_iou(a, a)[1, 2], ops.box_iou(a[1, 2], a[1, 2]))
    np.testing.assert_array_equal(ops.box_convert(a[0, 0, 0], "xyxy", "xywh"), [0, 1, 7, 7])


def test_dtypes():
    boxes = np.array([[0, 0, 200, 200], [100, 0, 250, 200]], np.uint8)
    assert ops.box_area(boxes).tolist() == [40000, 30000]  # no overflow in eight bits
    assert ops.box_iou(boxes, boxes).dtype == np.float32
    assert ops.box_convert(boxes, "xyxy", "xywh").tolist() == [[0, 0, 200, 200], [100, 0, 150, 200]]
    assert ops.box_convert(boxes, "xyxy", "cxcywh")[1].tolist() == [175, 100, 150, 200]
    for dtype in (np.float32, np.float64):
        for f in (
            ops.box_area,
            lambda b: ops.box_iou(b, b),
            lambda b: ops.generalized_box_iou(b, b),
            lambda b: ops.box_convert(b, "xyxy", "cxcywh"),
            lambda b: ops.clip_boxes_to_image(b, (30, 40)),
        ):
            assert f(boxes.astype(dtype)).dtype == dtype


def test_no_boxes():
    none, one = np.zeros((0, 4), np.float32), np.ones((1, 4), np.float32)
    assert ops.box_iou(none, one).shape == (0, 1)
    assert ops.generalized_box_iou(one, none).shape == (1, 0)
    assert ops.box_area(none).shape == (0,)
    assert ops.box_convert(none, "xyxy", "xywh").shape == (0, 4)
    assert ops.clip_boxes_to_image(none, (3, 3)).shape == (0, 4)
    assert ops.remove_small_boxes(none, 1).shape == (0,)


def test_arguments_are_not_changed_and_results_are_new():
    a = np.array([[1.0, 2, 3, 4]])
    for f in (
        lambda b: ops.box_convert(b, "xyxy", "xyxy"),
        lambda b: ops.box_convert(b, "xyxy", "xywh"),
        lambda b: ops.clip_boxes_to_image(b, (100, 100)),
    ):
        result = f(a)
        result[...] = -1
        np.testing.assert_array_equal(a, [[1.0, 2, 3, 4]])


def test_tensor_in_tensor_out():
    boxes = np.array([[0.0, 0, 10, 10], [5.0, 5, 15, 15]])
    t = Tensor(boxes)
    for f in (
        ops.box_area,
        lambda b: ops.box_iou(b, boxes),
        lambda b: ops.box_iou(boxes, b),
        lambda b: ops.generalized_box_iou(b, boxes),
        lambda b: ops.box_convert(b, "xyxy", "cxcywh"),
        lambda b: ops.clip_boxes_to_image(b, (12, 9)),
        lambda b: ops.remove_small_boxes(b, 3),
    ):
        assert isinstance(f(t), Tensor)
        assert isinstance(f(boxes), np.ndarray)
        np.testing.assert_array_equal(f(t).data, f(boxes))
    assert ops.remove_small_boxes(t, 3).dtype == np.int64


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_gradients_of_order_one_and_two(seed):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 10, (3, 2))
    boxes = np.concatenate([low, low + rng.uniform(3, 10, (3, 2))], axis=1)
    other = boxes + rng.uniform(-3, 3, (3, 4)) * np.array([1, 1, 0.5, 0.5])
    for f in (
        ops.box_area,
        lambda b: ops.box_iou(b, other),
        lambda b: ops.box_iou(other, b),
        lambda b: ops.box_iou(b, b[:2] + 1),
        lambda b: ops.box_iou(b, ops.box_convert(other, "xyxy", "cxcywh"), "cxcywh"),
        lambda b: ops.generalized_box_iou(b, other),
        lambda b: ops.box_convert(b, "xyxy", "cxcywh"),
        lambda b: ops.box_convert(b, "cxcywh", "xywh"),
        lambda b: ops.clip_boxes_to_image(b, (11.3, 9.7)),
    ):
        check_grads(f, boxes, order=2)


def test_gradient_at_the_kinks():
    # At the image border the gradient passes, beyond it it is 0, as torch.clamp's.
    t = Tensor(np.array([[0.0, -1, 10, 12]]), requires_grad=True)
    ops.clip_boxes_to_image(t, (10, 10)).backward(Tensor(np.ones((1, 4))))
    np.testing.assert_array_equal(t.grad.data, [[1, 0, 1, 0]])
    # Boxes far apart: no slope of the IoU, but one of the generalized IoU.
    far = np.array([[50.0, 0, 60, 10]])
    for f, flat in ((ops.box_iou, True), (ops.generalized_box_iou, False)):
        t = Tensor(np.array([[0.0, 0, 10, 10]]), requires_grad=True)
        f(t, far).backward(Tensor(np.ones((1, 1))))
        assert (t.grad.data == 0).all() == flat


BOX = np.array([[0.0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: ops.box_iou(BOX, BOX[0]),
            ValueError,
            "box_iou: boxes2 must have shape (..., n, 4), got (4,)",
        ),
        (
            lambda: ops.box_iou(BOX[:, :3], BOX),
            ValueError,
            "box_iou: boxes1 must have shape (..., 4), got (1, 3)",
        ),
        (lambda: ops.box_iou(BOX[None], BOX), ValueError, "must have equal axes before the last two"),
        (
            lambda: ops.box_iou(BOX, BOX, "xxyy"),
            ValueError,
            "box_iou: fmt must be one of 'xyxy', 'xywh', 'cxcywh'",
        ),
        (lambda: ops.box_area(BOX > 0), TypeError, "box_area: boxes must be numbers, got dtype bool"),
        (lambda: ops.box_convert(BOX, "xyxy", "yxyx"), ValueError, "box_convert: out_fmt must be one of"),
        (lambda: ops.box_convert(BOX, "xywhr", "xyxy"), NotImplementedError, "rotated boxes are not offered"),
        (
            lambda: ops.clip_boxes_to_image(BOX, 5),
            ValueError,
            "size must be (height, width) of the image, got 5",
        ),
        (lambda: ops.clip_boxes_to_image(BOX, (3, 4, 4)), ValueError, "size must be (height, width)"),
        (lambda: ops.remove_small_boxes(BOX[0], 1), ValueError, "one box is an array of one row"),
        (lambda: ops.remove_small_boxes(BOX, "1"), TypeError, "min_size must be a number of pixels, got str"),
    ],
)
def test_errors(call, kind, message):
    with pytest.raises(kind) as error:
        call()
    assert message in str(error.value)
