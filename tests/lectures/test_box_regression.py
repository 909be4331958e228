"""Box regressors: the slide's targets in loops, ridge regression against least squares, lambda by validation."""

import numpy as np
import pytest

from lectures.detection.regions import box_regression as reg


def naive_pairs(boxes, truth, labels):
    """The slide, one proposal and one number at a time."""
    which, offsets, classes = [], [], []
    for i, (x1, y1, x2, y2) in enumerate(boxes.astype(float)):
        overlap = []
        for a1, b1, a2, b2 in truth.astype(float):
            inter = max(min(x2, a2) - max(x1, a1), 0) * max(min(y2, b2) - max(y1, b1), 0)
            overlap.append(inter / ((x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - inter))
        if overlap and max(overlap) > 0.6:
            k = overlap.index(max(overlap))
            a1, b1, a2, b2 = truth[k].astype(float)
            w, h = x2 - x1, y2 - y1
            x, y = (x1 + x2) / 2, (y1 + y2) / 2
            offset = [((a1 + a2) / 2 - x) / w, ((b1 + b2) / 2 - y) / h, np.log((a2 - a1) / w), np.log((b2 - b1) / h)]
            which.append(i)
            offsets.append(offset)
            classes.append(labels[k])
    return which, np.array(offsets).reshape(-1, 4), classes


@pytest.mark.parametrize("seed", range(6))
def test_pairs_are_the_slide_in_loops(seed):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 40, (4, 2))
    truth = np.concatenate([corner, corner + rng.uniform(5, 20, (4, 2))], 1).astype(np.float32)
    boxes = truth[rng.integers(0, 4, 30)] + rng.uniform(-3, 3, (30, 4)).astype(np.float32)
    labels = rng.integers(0, 3, 4)
    expected = naive_pairs(boxes, truth, labels)
    assert len(expected[0]) > 0
    for found, wanted in zip(reg.regression_pairs(boxes, truth, labels), expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_without_objects_or_boxes_there_is_no_pair():
    box, none, labels = np.array([[0, 0, 4, 4.0]]), np.zeros((0, 4)), np.zeros(0, np.int64)
    for boxes, truth, own in ((box, none, labels), (none, box, np.array([1])), (none, none, labels)):
        which, offsets, classes = reg.regression_pairs(boxes, truth, own)
        assert which.shape == (0,) and offsets.shape == (0, 4) and classes.shape == (0,)


def problem(seed=0, n=40, d=6):
    rng = np.random.default_rng(seed)
    x = rng.normal(1, 1, (n, d))
    return x, x @ rng.normal(size=(d, 4)) + 0.3 + 0.1 * rng.normal(size=(n, 4))


@pytest.mark.parametrize("lam", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("n", [3, 6, 40])
def test_ridge_is_least_squares_of_the_centred_problem_with_lambda_as_further_rows(n, lam):
    x, t = problem(n=n)
    more = np.concatenate([x - x.mean(0), np.sqrt(lam) * np.eye(6)])
    w = np.linalg.lstsq(more, np.concatenate([t - t.mean(0), np.zeros((6, 4))]), rcond=None)[0]
    found = reg.fit_ridge(x, t, lam)
    np.testing.assert_allclose(found[:-1], w, atol=1e-10)
    np.testing.assert_allclose(reg.predict(found, x).mean(0), t.mean(0), atol=1e-10)


def test_without_lambda_ridge_is_least_squares_with_an_intercept():
    x, t = problem()
    w = np.linalg.lstsq(np.concatenate([x, np.ones((40, 1))], 1), t, rcond=None)[0]
    np.testing.assert_allclose(reg.fit_ridge(x, t, 0.0), w, atol=1e-8)


def test_without_a_sample_nothing_moves():
    nothing = reg.fit_ridge(np.zeros((0, 6)), np.zeros((0, 4)), 1.0)
    assert nothing.shape == (7, 4) and not nothing.any()
    W, _ = reg.fit_by_validation(np.zeros((0, 6)), np.zeros((0, 4)), np.zeros(0))
    assert not W.any()


def test_validation_chooses_a_small_lambda_for_a_law_and_a_large_one_for_noise():
    x, t = problem(n=200)
    groups = np.arange(200) // 4
    _, law = reg.fit_by_validation(x, t, groups)
    _, noise = reg.fit_by_validation(x, np.random.default_rng(1).normal(size=t.shape), groups)
    assert law <= 10 < 1000 <= noise


def test_one_picture_alone_cannot_validate_and_takes_the_largest_lambda():
    x, t = problem()
    assert reg.fit_by_validation(x, t, np.zeros(40))[1] == reg.LAMBDAS[-1]
