"""Soft-NMS against its loop, and what it shares with the hard one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconvnet import ops
from pyconvnet.autograd import Tensor
from pyconvnet.testing.strategies import box_cases


def by_loops(boxes, scores, threshold, sigma, score_threshold, method):
    left, kept = dict(enumerate(map(float, scores))), []
    while left:
        best = max(left, key=lambda i: (left[i], -i))
        score = left.pop(best)
        if score < score_threshold:
            break
        kept.append((best, score))
        for i in left:
            iou = float(ops.box_iou(boxes[best : best + 1], boxes[i : i + 1])[0, 0])
            iou = 0 if np.isnan(iou) else iou
            left[i] *= np.exp(-(iou**2) / sigma) if method == "gaussian" else 1 - iou if iou > threshold else 1
    return kept


@given(box_cases(dtype=np.float64), st.sampled_from(["linear", "gaussian"]), st.sampled_from([0.0, 0.001, 0.3]))
def test_is_the_loop(case, method, score_threshold):
    keep, scores = ops.soft_nms(case.boxes, case.scores, case.iou_threshold, 0.5, score_threshold, method)
    expected = by_loops(case.boxes, case.scores, case.iou_threshold, 0.5, score_threshold, method)
    assert keep.dtype == np.int64 and keep.tolist() == [i for i, _ in expected]
    np.testing.assert_allclose(scores, [s for _, s in expected], rtol=1e-12)
    assert (np.diff(scores) <= 0).all() and (scores <= case.scores[keep]).all()


def test_boxes_apart_keep_their_scores_and_copies_lose_them():
    apart, scores = np.array([[0.0, 0, 1, 1], [5, 5, 6, 6], [9, 9, 10, 10]]), np.array([0.5, 0.9, 0.7])
    keep, kept = ops.soft_nms(apart, scores)
    assert keep.tolist() == [1, 2, 0] and kept.tolist() == [0.9, 0.7, 0.5]
    same = np.tile(apart[:1], (3, 1))
    assert ops.soft_nms(same, scores, method="linear")[0].tolist() == ops.nms(same, scores, 0.3).tolist() == [1]
    np.testing.assert_allclose(ops.soft_nms(same, scores)[1], [0.9, 0.7 * np.exp(-2), 0.5 * np.exp(-4)])
    keep, kept = ops.soft_nms(Tensor(apart.astype(np.float32)), Tensor(scores.astype(np.float32)))
    assert isinstance(keep, Tensor) and kept.dtype == np.float32
    assert [len(v) for v in ops.soft_nms(np.zeros((0, 4)), np.zeros(0))] == [0, 0]


BOX = np.array([[0.0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scores": [-1.0]}, r"scores\[0\] is negative: are these logits"),
        ({"scores": [np.nan]}, r"scores\[0\] is NaN"),
        ({"scores": [1.0, 2.0]}, "one number per box"),
        ({"sigma": 0}, "sigma must be positive"),
        ({"sigma": np.nan}, "sigma must be a number"),
        ({"method": "hard"}, "'linear' or 'gaussian', got 'hard'"),
    ],
)
def test_mistakes_get_words(options, words):
    with pytest.raises(ValueError, match="soft_nms: .*" + words):
        ops.soft_nms(**{"boxes": BOX, "scores": [0.5], **options})
