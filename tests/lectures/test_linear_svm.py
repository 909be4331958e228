"""The linear SVM against its own objective, the plain hinge's dual bound, and the cases without an answer."""

import numpy as np
import pytest

from lectures.detection.regions import linear_svm as svm


def clouds(seed, n=60, d=4, apart=1.0):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(n) < 0.4, 1.0, -1.0)
    return rng.normal(size=(n, d)) + apart * labels[:, None] / np.sqrt(d), labels


def in_one(found, x):
    """w as the objective takes it, and x with its constant column."""
    w = np.append(found.weight, found.bias / svm.BIAS_SCALE)
    return w, np.concatenate([x, np.full((len(x), 1), svm.BIAS_SCALE)], axis=1)


def by_dual_coordinates(x, labels, c, rounds=3000):
    """The plain hinge's minimum, one sample at a time (Hsieh et al. 2008): (w, value of the dual, a lower bound)."""
    alpha, w = np.zeros(len(x)), np.zeros(x.shape[1])
    for _ in range(rounds):
        for i in range(len(x)):
            step = alpha[i] - (labels[i] * (x[i] @ w) - 1) / (x[i] @ x[i])
            new = min(max(step, 0), c)
            w += (new - alpha[i]) * labels[i] * x[i]
            alpha[i] = new
    return w, alpha.sum() - w @ w / 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("c", [0.01, 1.0, 100.0])
def test_the_gradient_of_the_objective_vanishes(seed, c):
    x, labels = clouds(seed)
    w, bordered = in_one(svm.fit_svm(x, labels, c), x)
    _, gradient, _ = svm.objective(w, bordered, labels, c)
    _, at_zero, _ = svm.objective(np.zeros_like(w), bordered, labels, c)
    assert np.linalg.norm(gradient) < 1e-6 * np.linalg.norm(at_zero)


def test_the_gradient_is_that_of_the_objective():
    x, labels = clouds(1)
    w, bordered = in_one(svm.LinearSVM(np.array([0.3, -0.2, 0.5, 0.1]), 0.4), x)
    _, gradient, _ = svm.objective(w, bordered, labels, 0.7)
    for i in range(len(w)):
        step = np.eye(len(w))[i] * 1e-6
        up, down = (svm.objective(w + s, bordered, labels, 0.7)[0] for s in (step, -step))
        assert (up - down) / 2e-6 == pytest.approx(gradient[i], rel=1e-5, abs=1e-6)


def test_the_hinge_in_words():
    t = np.array([3.0, 1 + svm.ROUNDING, 1.0, 1 - svm.ROUNDING, 0.0, -2.0])
    hinge, slope, _ = svm.rounded_hinge(t)
    np.testing.assert_allclose(hinge, [0, 0, svm.ROUNDING / 4, svm.ROUNDING, 1, 3], atol=1e-12)
    np.testing.assert_allclose(slope, [0, 0, -0.5, -1, -1, -1], atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_as_good_as_the_plain_hinge_but_for_the_rounded_corner(seed):
    x, labels = clouds(seed, n=30)
    c = 0.5
    w, bordered = in_one(svm.fit_svm(x, labels, c), x)
    _, lower = by_dual_coordinates(bordered, labels, c)
    plain = w @ w / 2 + c * np.maximum(0, 1 - labels * (bordered @ w)).sum()
    assert lower - 1e-6 <= plain <= lower + c * len(x) * svm.ROUNDING / 4 + 1e-6


def test_separates_what_can_be_separated_with_the_widest_margin():
    x = np.array([[0.0, 3], [1, 3], [5, 3], [0, -3], [-4, -3], [2, -3]])  # the nearest points are 6 apart in y
    labels = np.array([1, 1, 1, -1, -1, -1])
    found = svm.fit_svm(x, labels, c=1000.0)
    assert (labels * found.scores(x) >= 1 - svm.ROUNDING).all()
    assert 2 / np.linalg.norm(found.weight) == pytest.approx(6, rel=svm.ROUNDING)


def test_begins_where_it_is_told_and_ends_at_the_same_place():
    x, labels = clouds(2)
    cold = svm.fit_svm(x, labels, 1.0)
    warm = svm.fit_svm(x, labels, 1.0, start=svm.LinearSVM(np.ones(4), 2.0))
    np.testing.assert_allclose(warm.weight, cold.weight, atol=1e-6)
    assert warm.bias == pytest.approx(cold.bias, abs=1e-6)


@pytest.mark.parametrize("n", [0, 5])
def test_what_was_never_positive_is_never_found(n):
    found = svm.fit_svm(np.ones((n, 3)), -np.ones(n))
    assert (found.scores(np.ones((4, 3))) == svm.NEVER).all()


@pytest.mark.parametrize(
    ("features", "labels", "c", "words"),
    [
        (np.ones((2, 3)), [0, 1], 1, r"labels are \+1 and -1, got \[0.0\]"),
        (np.ones((2, 3)), [1], 1, r"features \(n, d\) with labels \(n,\), got \(2, 3\) and \(1,\)"),
        (np.ones(3), [1, 1, 1], 1, "features"),
        (np.array([[1.0], [np.nan]]), [1, -1], 1, "sample 1 holds NaN"),
        (np.ones((2, 3)), [1, -1], 0, "must be positive, got 0"),
    ],
)
def test_bad_input_is_refused_in_words(features, labels, c, words):
    with pytest.raises(ValueError, match=words):
        svm.fit_svm(features, np.array(labels), c)
