"""Confusion matrix, mean IoU, boundary IoU, PCK and calibration error against plain loops; mistakes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pyconvnet as pcn
from pyconvnet.metrics import (
    boundary_iou,
    confusion_matrix,
    expected_calibration_error,
    mean_iou,
    normalized_mean_error,
    pck,
)

label_images = hnp.arrays(np.int64, (2, 3, 4), elements=st.integers(0, 3))


@given(label_images, label_images, st.sampled_from([None, 4, 6]), st.sampled_from([None, 0, 3, 255]))
def test_confusion_and_mean_iou_are_counted(predictions, targets, classes, ignored):
    matrix = confusion_matrix(predictions, targets, classes)
    size = classes or max(predictions.max(), targets.max()) + 1
    assert matrix.shape == (size, size) and matrix.sum() == targets.size and matrix.dtype == np.int64
    for i, j in np.ndindex(size, size):
        assert matrix[i, j] == np.sum((targets == i) & (predictions == j))
    kept = targets != ignored if ignored is not None else np.ones_like(targets, bool)
    ious = []
    for c in range(4):
        p, t = (predictions == c) & kept, (targets == c) & kept
        if (p | t).any():
            ious.append((p & t).sum() / (p | t).sum())
    found = mean_iou(predictions, targets, classes, ignored)
    assert np.isnan(found) if not ious else found == pytest.approx(np.mean(ious))
    as_list = mean_iou(list(predictions), [pcn.tensor(t) for t in targets], classes, ignored)
    np.testing.assert_array_equal(as_list, found)


def test_pictures_of_several_sizes_and_what_is_ignored():
    predictions = [np.zeros((2, 2), int), np.ones((1, 3), int)]
    targets = [np.zeros((2, 2), int), np.array([[1, 1, 255]])]
    assert mean_iou(predictions, targets, ignore_index=255) == 1
    assert mean_iou([0, 1, 1], [0, 1, 0]) == 0.5 and confusion_matrix([0, 1, 1], [0, 1, 0]).tolist() == [[1, 1], [0, 1]]
    assert mean_iou([True, False], [True, True]) == 0.25
    assert np.isnan(mean_iou(np.zeros((0,), int), np.zeros((0,), int)))
    assert confusion_matrix([], [], 2).tolist() == [[0, 0], [0, 0]]


def border_by_loops(mask, distance):
    h, w = mask.shape
    out = np.zeros_like(mask)
    for y, x in np.argwhere(mask):
        around = [(y + a, x + b) for a in range(-distance, distance + 1) for b in range(-distance, distance + 1)]
        out[y, x] = any(not (0 <= v < h and 0 <= u < w and mask[v, u]) for v, u in around)
    return out


masks = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9).flatmap(
    lambda s: st.tuples(hnp.arrays(bool, s), hnp.arrays(bool, s))
)


@given(masks, st.sampled_from([0.0, 0.02, 0.1, 0.25, 5.0]))
def test_boundary_iou_is_that_of_the_borders(pair, ratio):
    a, b = pair
    distance = max(1, round(ratio * np.hypot(*a.shape)))
    x, y = border_by_loops(a, distance), border_by_loops(b, distance)
    found = boundary_iou(a, b, ratio)
    if not (x | y).any():
        assert np.isnan(found)
    else:
        assert found == (x & y).sum() / (x | y).sum() == boundary_iou(b.astype(int), a, ratio)
        assert boundary_iou(np.stack([a, a]), np.stack([b, b]), ratio) == boundary_iou([a], [b], ratio) == found


def test_boundary_iou_sees_what_iou_does_not():
    whole, cut, empty = np.zeros((3, 60, 60), bool)
    whole[10:50, 10:50] = cut[12:48, 12:48] = True
    assert (whole & cut).sum() / (whole | cut).sum() > 0.8 and boundary_iou(whole, cut) == 0
    assert boundary_iou(whole, whole) == 1 and boundary_iou(whole, empty) == 0
    assert boundary_iou([whole, empty], [whole, empty]) == 1  # a pair without pixels does not count


def test_normalized_mean_error_is_the_mean_of_distances():
    truth = np.array([[[0, 0], [10, 0]], [[5, 5], [5, 25]]], float)
    guess = truth + [[[3, 4], [0, 0]], [[0, 0], [6, 8]]]
    assert normalized_mean_error(guess, truth, [10, 20]) == pytest.approx((0.5 + 0 + 0 + 0.5) / 4)
    assert normalized_mean_error(pcn.tensor(guess[0]), truth[0], 10.0) == pytest.approx(0.25)
    assert normalized_mean_error(truth, truth, 1) == 0
    assert np.isnan(normalized_mean_error(np.zeros((0, 5, 2)), np.zeros((0, 5, 2)), np.ones(0)))
    with pytest.raises(ValueError, match="a target is not finite"):
        normalized_mean_error(guess, truth * np.nan, 1)
    with pytest.raises(ValueError, match=r"normalized_mean_error: scale must be positive"):
        normalized_mean_error(guess, truth, 0)


def test_pck():
    truth = np.array([[[0.0, 0], [10, 0]], [[0, 0], [0, 10]]])
    guess = truth + np.array([[[3, 4], [0, 0]], [[0, 5.1], [np.nan, 0]]])
    assert pck(guess, truth, 25) == 0.5  # distance 5 is within 0.2 * 25
    assert pck(guess, truth, 25, alpha=0.19) == 0.25
    assert pck(guess, truth, [25, 26]) == 0.75 == pck(guess, truth, 26)
    assert pck(guess, truth, 25, visible=[[True, False], [True, False]]) == 0.5
    assert np.isnan(pck(guess, truth, 25, visible=np.zeros((2, 2))))
    truth[0, 0] = np.nan
    assert pck(guess, truth, 25, visible=[[0, 1], [1, 1]]) == pytest.approx(1 / 3)
    assert pck(pcn.tensor(guess[1]), truth[1], 26.0) == 0.5


@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 7))
def test_calibration_error_is_summed_bin_by_bin(seed, n, bins):
    rng = np.random.default_rng(seed)
    p = rng.integers(0, 9, (n, 3)) + 1e-9
    p = p / p.sum(axis=1, keepdims=True)
    t = rng.integers(0, 3, n)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == t
    total = 0
    for low, high in zip(np.linspace(0, 1, bins + 1)[:-1], np.linspace(0, 1, bins + 1)[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert expected_calibration_error(p, t, bins) == pytest.approx(total, abs=1e-12)
    assert expected_calibration_error(confidence, right, bins) == pytest.approx(total, abs=1e-12)


def test_calibration_by_hand():
    assert expected_calibration_error([1.0, 1.0, 0.0], [True, True, False]) == 0
    assert expected_calibration_error([0.75] * 4, [1, 1, 1, 0]) == 0
    assert expected_calibration_error(np.array([[0.9, 0.1]] * 2, np.float32), [0, 1]) == pytest.approx(0.4)
    assert np.isnan(expected_calibration_error(np.zeros((0, 3)), np.zeros(0, int)))


def test_a_confidence_between_two_bins_belongs_to_the_lower():
    assert expected_calibration_error([0.5, 0.4, 0.6], [0, 1, 1], 2) == pytest.approx((0.1 + 0.4) / 3)
    assert expected_calibration_error([0.0, 1.0], [1, 0], 2) == 1


ZEROS, P = np.zeros((2, 2), int), [[0.5, 0.5]]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: mean_iou(ZEROS, ZEROS[:1]), ValueError, r"predictions \(2, 2\) and targets \(1, 2\) of image 0"),
        (lambda: mean_iou([ZEROS], [ZEROS, ZEROS]), ValueError, "1 arrays of predictions but 2 of targets"),
        (lambda: mean_iou(ZEROS, ZEROS - 1), ValueError, "targets has label -1: labels count from 0"),
        (lambda: mean_iou(ZEROS + 3, ZEROS, 3), ValueError, "num_classes is 3, but there is a label 3"),
        (lambda: mean_iou(ZEROS + 0.5, ZEROS), TypeError, "must be integer labels, got dtype float64: take the argmax"),
        (lambda: confusion_matrix(ZEROS, ZEROS, 1.5), TypeError, "num_classes must be a whole number"),
        (lambda: confusion_matrix(ZEROS + 10**6, ZEROS), ValueError, "is there a stray label 1000000"),
        (lambda: confusion_matrix("a", ZEROS), TypeError, "predictions must be numbers"),
        (lambda: boundary_iou(ZEROS + 2, ZEROS), ValueError, "predictions must be masks of 0 and 1"),
        (lambda: boundary_iou(ZEROS[0], ZEROS[0]), ValueError, r"shape \(H, W\) or \(n, H, W\), got \(2,\)"),
        (lambda: boundary_iou(ZEROS, ZEROS, -1), ValueError, "dilation_ratio must be a number, at least 0"),
        (lambda: pck(np.zeros((2, 3)), np.zeros((2, 3)), 1), ValueError, r"must both be \(..., K, 2\), got \(2, 3\)"),
        (lambda: pck(np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), 0), ValueError, "scale must be positive everywhere"),
        (lambda: pck(np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), [1, 2]), ValueError, "scale must be a number or of"),
        (lambda: pck(np.zeros((2, 2)), np.zeros((2, 2)), 1, -1), ValueError, "alpha must be a number"),
        (lambda: pck(np.zeros((2, 2)), np.zeros((2, 2)), 1, visible=[1]), ValueError, "visible must be booleans of"),
        (lambda: pck(np.zeros((2, 2)), np.full((2, 2), np.nan), 1), ValueError, "a visible target is not finite"),
        (lambda: expected_calibration_error([[3.0, -1]], [0]), ValueError, r"must lie in \[0, 1\]: are these logits"),
        (lambda: expected_calibration_error([[np.nan, 0]], [0]), ValueError, r"must lie in \[0, 1\]"),
        (lambda: expected_calibration_error(P, [2]), ValueError, "targets must be classes from 0 to 1"),
        (lambda: expected_calibration_error(P, [0.5]), ValueError, "targets must be classes"),
        (lambda: expected_calibration_error([0.5], [2]), ValueError, "targets must be booleans: was it right"),
        (lambda: expected_calibration_error(P, [0, 1]), ValueError, r"targets \(n,\), got \(1, 2\) and \(2,\)"),
        (lambda: expected_calibration_error(P, [0], 0), ValueError, "bins must be a whole number from 1"),
    ],
)
def test_mistakes_get_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
