"""Laws of non-maximum suppression, against a greedy loop written from the definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconvnet import ops
from pyconvnet.autograd import Tensor


@st.composite
def scored_boxes(draw, distinct=False):
    """Boxes on a coarse grid (equal boxes, IoU exactly at a threshold), scores with ties unless distinct."""
    n = draw(st.integers(0, 12))
    numbers = st.lists(st.integers(0, 6), min_size=4 * n, max_size=4 * n)
    raw = np.array(draw(numbers), np.float64).reshape(n, 4)
    boxes = np.concatenate([raw[:, :2], raw[:, :2] + raw[:, 2:]], axis=1) * 4
    if distinct:
        scores = np.array(draw(st.permutations(range(n))), np.float64) / 16
    else:
        scores = np.array(draw(st.lists(st.integers(0, 4), min_size=n, max_size=n)), np.float64) / 4
    return boxes, scores


thresholds = st.sampled_from([0.0, 1 / 3, 0.5, 0.75, 1.0])


def greedy(boxes, scores, threshold):
    left = sorted(range(len(boxes)), key=lambda i: -scores[i])
    keep = []
    while left:
        best = left.pop(0)
        keep.append(best)
        left = [i for i in left if not ops.box_iou(boxes[[best]], boxes[[i]])[0, 0] > threshold]
    return keep


@given(scored_boxes(), thresholds)
def test_equals_the_greedy_loop(case, threshold):
    keep = ops.nms(*case, threshold)
    assert keep.dtype == np.int64
    assert keep.tolist() == greedy(*case, threshold)


@given(scored_boxes(), thresholds)
def test_idempotent(case, threshold):
    boxes, scores = case
    keep = ops.nms(boxes, scores, threshold)
    np.testing.assert_array_equal(ops.nms(boxes[keep], scores[keep], threshold), np.arange(len(keep)))


@given(scored_boxes(distinct=True), thresholds, st.randoms(use_true_random=False))
def test_order_of_input_does_not_matter_for_distinct_scores(case, threshold, random):
    boxes, scores = case
    order = list(range(len(boxes)))
    random.shuffle(order)
    order = np.array(order, int)
    again = ops.nms(boxes[order], scores[order], threshold)
    np.testing.assert_array_equal(order[again], ops.nms(boxes, scores, threshold))


@given(scored_boxes(), thresholds)
def test_what_is_kept_does_not_overlap_and_what_is_dropped_does(case, threshold):
    boxes, scores = case
    keep = ops.nms(boxes, scores, threshold)
    iou = np.nan_to_num(ops.box_iou(boxes, boxes))
    kept = iou[np.ix_(keep, keep)]
    np.fill_diagonal(kept, 0)
    assert (kept <= threshold).all()
    for i in set(range(len(boxes))) - set(keep.tolist()):
        assert any(iou[i, k] > threshold and scores[k] >= scores[i] for k in keep)


@given(scored_boxes(), thresholds, st.data())
def test_batched_equals_nms_of_each_category(case, threshold, data):
    boxes, scores = case
    n = len(boxes)
    idxs = np.array(data.draw(st.lists(st.integers(-1, 2), min_size=n, max_size=n)), np.int64)
    keep = ops.batched_nms(boxes, scores, idxs, threshold)
    assert keep.dtype == np.int64
    expected = []
    for one in range(-1, 3):
        members = [i for i in range(n) if idxs[i] == one]
        expected += [members[k] for k in greedy(boxes[members], scores[members], threshold)]
    assert keep.tolist() == sorted(sorted(expected), key=lambda i: -scores[i])


def test_iou_equal_to_the_threshold_is_kept():
    boxes, scores = [[0.0, 0, 10, 10], [0.0, 0, 10, 5]], [0.9, 0.8]
    assert ops.nms(boxes, scores, 0.5).tolist() == [0, 1]
    assert ops.nms(boxes, scores, 0.499).tolist() == [0]


def test_tensor_in_tensor_out_without_gradient():
    boxes, scores, idxs = np.array([[0.0, 0, 10, 10], [1, 1, 10, 10]]), np.array([0.2, 0.9]), np.array([0, 1])
    t = Tensor(boxes, requires_grad=True)
    for keep in (ops.nms(t, scores, 0.5), ops.nms(boxes, Tensor(scores), 0.5)):
        assert isinstance(keep, Tensor)
        assert not keep.requires_grad
        assert keep.dtype == np.int64
        assert keep.data.tolist() == [1]
    keep = ops.batched_nms(boxes, scores, Tensor(idxs), 0.5)
    assert isinstance(keep, Tensor)
    assert keep.data.tolist() == [1, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_scores_of_another_type_than_the_boxes_keep_their_order(dtype):
    boxes = np.array([[0, 0, 10, 10], [1, 1, 10, 10]]).astype(dtype)
    scores = np.array([0.5, 0.5 + 1e-12])  # equal in float32
    assert ops.nms(boxes, scores, 0.5).tolist() == [1]


BOX = np.array([[0.0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: ops.nms(BOX[0], [0.5], 0.5), ValueError, "nms: boxes must have shape (n, 4), got (4,)"),
        (
            lambda: ops.nms(BOX, [0.5, 1], 0.5),
            ValueError,
            "nms: scores must hold one number per box: shape (1,)",
        ),
        (lambda: ops.nms(BOX, [np.nan], 0.5), ValueError, "nms: scores[0] is NaN: it cannot be ranked"),
        (lambda: ops.nms(BOX, ["a"], 0.5), TypeError, "nms: scores must be numbers, got dtype <U1"),
        (lambda: ops.nms(BOX, [0.5], "half"), TypeError, "nms: iou_threshold must be a number, got str"),
        (lambda: ops.nms(BOX, [0.5], np.nan), ValueError, "iou_threshold is NaN"),
        (lambda: ops.batched_nms(BOX, [0.5], [0, 1], 0.5), ValueError, "idxs must hold one category per box"),
        (
            lambda: ops.batched_nms(BOX, [0.5], [0.5], 0.5),
            TypeError,
            "idxs must be integers, got dtype float64",
        ),
    ],
)
def test_errors(call, kind, message):
    with pytest.raises(kind) as error:
        call()
    assert message in str(error.value)
