"""Correlation of pictures and of orders."""

import numpy as np
import pytest

from lectures.fixed_network.likeness import correlation, spearman


def test_correlation():
    a = np.random.default_rng(0).random((3, 3, 8, 8), np.float32)
    np.testing.assert_allclose(correlation(a, 0.3 * a + 0.1), 1, atol=1e-6)
    np.testing.assert_allclose(correlation(a, -a), -1, atol=1e-6)
    expected = [np.corrcoef(x.ravel(), y.ravel())[0, 1] for x, y in zip(a, a[::-1])]
    np.testing.assert_allclose(correlation(a, a[::-1]), expected, atol=1e-6)
    assert correlation(np.ones((1, 3, 4, 4)), a[:1, :, :4, :4]) == 0


def test_spearman():
    assert spearman((0.1, 0.2, 0.5), (9, 4, 3)) == pytest.approx(-1)
    assert spearman((1, 2, 3, 4), (10, 200, 3000, 3001)) == pytest.approx(1)
    assert spearman((1, 2, 3, 4), (1, 3, 2, 4)) == pytest.approx(0.8)
    assert spearman((1, 2, 3), (1, 1, 2)) == pytest.approx(np.sqrt(3) / 2)
    assert spearman((1, 2, 3), (5, 5, 5)) == 0
    with pytest.raises(ValueError, match="two sequences of one length"):
        spearman((1, 2), (1, 2, 3))
