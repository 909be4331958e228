"""Distances and directions, also of zero vectors; embedding, one_hot, linear, dropout."""

import numpy as np
import pytest

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet.testing import check_grads

rng = np.random.default_rng(0)
a, b = rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
A, B = pcn.tensor(a), pcn.tensor(b)


def slope(f, x):
    t = pcn.tensor(np.array(x, np.float64), requires_grad=True)
    return pcn.grad(f(t).sum(), t)[0].data


@pytest.mark.parametrize("p", [1, 2, 3, 1.5, np.inf])
def test_normalize_and_pairwise_distance_are_the_p_norm(p):
    np.testing.assert_allclose(F.normalize(A, p).data, a / np.linalg.norm(a, p, 1, keepdims=True))
    np.testing.assert_allclose(F.normalize(A, p, 0).data, a / np.linalg.norm(a, p, 0, keepdims=True))
    np.testing.assert_allclose(F.pairwise_distance(A, B, p, 0.5).data, np.linalg.norm(a - b + 0.5, p, 1))
    check_grads(lambda x: F.normalize(x, p), a)
    check_grads(lambda x, y: F.pairwise_distance(x, y, p, keepdim=True), a, b)


def test_cosine_similarity():
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    np.testing.assert_allclose(F.cosine_similarity(A, B).data, cosine)
    np.testing.assert_allclose(F.cosine_similarity(A[0], B, dim=-1).data[0], cosine[0])
    assert F.cosine_similarity(A, A * 1e30).data == pytest.approx(np.ones(3))
    check_grads(F.cosine_similarity, a, b)


def test_zero_vectors_have_finite_gradients():
    zero = np.zeros((1, 3))
    assert (slope(F.normalize, zero) == 1e12).all()
    assert not slope(lambda x: F.pairwise_distance(x, x * 1, eps=0.0), zero).any()
    assert np.isfinite(slope(lambda x: F.cosine_similarity(x, pcn.ones(1, 3, dtype=float)), zero)).all()
    assert F.cosine_similarity(pcn.tensor(zero), A[:1, :3]).item() == 0


def test_embedding_looks_up_rows_and_spares_the_padding():
    table = np.arange(8.0).reshape(4, 2)
    i = np.array([[1, 3], [3, 0]])
    np.testing.assert_array_equal(F.embedding(i, pcn.tensor(table)).data, table[i])
    assert slope(lambda w: F.embedding(pcn.tensor(i), w), table).tolist() == [[1, 1], [1, 1], [0, 0], [2, 2]]
    assert slope(lambda w: F.embedding(i, w, padding_idx=-1), table).tolist() == [[1, 1], [1, 1], [0, 0], [0, 0]]
    assert F.embedding(np.zeros((0, 3), int), pcn.tensor(table)).shape == (0, 3, 2)
    check_grads(lambda w: F.embedding(i, w * w), table)


def test_one_hot():
    assert F.one_hot(np.array([0, 2])).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert F.one_hot(pcn.tensor(1), 2).tolist() == [0, 1] and F.one_hot(np.array([1]), 2).dtype == np.int64
    assert F.one_hot(np.zeros((0,), int), 3).shape == (0, 3)


def test_dropout_keeps_the_mean_and_repeats_with_the_seed():
    x = pcn.ones(100, 100)
    pcn.manual_seed(3)
    y = F.dropout(x, 0.2)
    assert set(np.unique(y.data)) == {np.float32(0), np.float32(1.25)} and y.mean().item() == pytest.approx(1, abs=0.02)
    pcn.manual_seed(3)
    np.testing.assert_array_equal(F.dropout(x, 0.2).data, y.data)
    assert F.dropout(x, 0.2, training=False) is x and not F.dropout(x, 1.0).data.any()
    assert not np.isnan(F.dropout(x * np.inf, 0.5).data).any()  # a selection, not a product with 0

    def seeded(x):
        pcn.manual_seed(0)
        return F.dropout(x * x, 0.4)

    check_grads(seeded, a)


def test_linear_of_every_rank():
    w, c = rng.standard_normal((2, 4)), rng.standard_normal(2)
    for x in (a, a[0], a.reshape(3, 1, 4)):
        np.testing.assert_allclose(F.linear(pcn.tensor(x), pcn.tensor(w), pcn.tensor(c)).data, x @ w.T + c)
    np.testing.assert_allclose(F.linear(A, pcn.tensor(w[0])).data, a @ w[0])
    check_grads(F.linear, a, w, c)


w = pcn.zeros(3, 2)


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: F.normalize(A, dim=2), IndexError, "dim 2 is out of range"),
        (lambda: F.normalize(A, out=A), NotImplementedError, "out"),
        (lambda: F.normalize(A, p="2"), TypeError, "p must be a number"),
        (lambda: F.cosine_similarity(A, pcn.zeros(2, 4)), ValueError, r"do not broadcast: x1 \(3, 4\), x2 \(2, 4\)"),
        (lambda: F.cosine_similarity(np.ones(2, int), np.ones(2, int), 0), TypeError, "x1 is int64"),
        (lambda: F.pairwise_distance(A, pcn.zeros(3)), ValueError, "do not broadcast"),
        (lambda: F.embedding([3], w), IndexError, r"index 3, but weight has 3 rows \(0 to 2\)"),
        (lambda: F.embedding([-1], w), IndexError, "index -1"),
        (lambda: F.embedding([1.0], w), TypeError, "input must hold integers, got float64"),
        (lambda: F.embedding([1], w[0]), ValueError, r"\[number of embeddings, dim\], got shape \(2,\)"),
        (lambda: F.embedding([1], w, padding_idx=3), IndexError, "padding_idx 3"),
        (lambda: F.embedding([1], w, max_norm=1.0), NotImplementedError, "max_norm is not offered"),
        (lambda: F.embedding([1], w, sparse=True), NotImplementedError, "sparse is not offered"),
        (lambda: F.one_hot([0, -1]), ValueError, "count from 0, got -1"),
        (lambda: F.one_hot([0, 3], 3), ValueError, "class 3 does not fit into num_classes 3"),
        (lambda: F.one_hot(np.zeros(0, int)), ValueError, "cannot be inferred"),
        (lambda: F.one_hot([0.5]), TypeError, "integers, got float64"),
        (lambda: F.dropout(w, 1.5), ValueError, r"must lie in \[0, 1\], got 1.5"),
        (lambda: F.dropout(pcn.tensor([1])), TypeError, "input is int64"),
        (lambda: F.linear(w, pcn.zeros(4, 3)), ValueError, "input has 2 features.*expects 3: was the input flattened"),
        (lambda: F.linear(w, pcn.zeros(4, 2), pcn.zeros(2)), ValueError, r"bias has shape \(2,\), expected \(4,\)"),
        (lambda: F.linear(w, pcn.zeros(4, 2, 1)), ValueError, r"\[out, in\] or \[in\]"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()
