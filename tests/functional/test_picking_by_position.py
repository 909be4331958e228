"""gather, scatter_add and their kin against loops; sorting's laws; gradients home to the values picked."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet.testing import check_grads

nan = np.nan
seeds = st.integers(0, 999)
sides = st.lists(st.integers(1, 4), min_size=1, max_size=3)


def drawn(data):
    """x, an axis, and an index of its rank that is no longer than x along the other axes."""
    shape = data.draw(sides)
    dim, rng = data.draw(st.integers(-len(shape), len(shape) - 1)), np.random.default_rng(data.draw(seeds))
    some = [data.draw(st.integers(0, n)) for n in shape]
    some[dim] = data.draw(st.integers(0, 5))
    return rng.standard_normal(shape), dim, rng.integers(0, shape[dim], some), rng


def moved(place, dim, to):
    place = list(place)
    place[dim] = to
    return tuple(place)


@given(st.data())
def test_gather_is_the_loop(data):
    x, dim, i, _ = drawn(data)
    y = pcn.tensor(x).gather(dim, pcn.tensor(i))
    assert y.shape == i.shape
    for place in itertools.product(*map(range, i.shape)):
        assert y.data[place] == x[moved(place, dim, i[place])]
    check_grads(lambda x: x.gather(dim, i) ** 2, x)


@given(st.data())
def test_scatter_add_is_the_loop(data):
    x, dim, i, rng = drawn(data)
    src = rng.standard_normal([n + 1 for n in i.shape])  # may be larger than the index
    expected = x.copy()
    for place in itertools.product(*map(range, i.shape)):
        expected[moved(place, dim, i[place])] += src[place]
    np.testing.assert_allclose(pcn.tensor(x).scatter_add(dim, i, pcn.tensor(src)).data, expected)
    check_grads(lambda x, src: x.scatter_add(dim, pcn.tensor(i), src) ** 2, x, src)


def test_scatter_add_of_whole_numbers_is_exact():
    x, src = pcn.tensor([2**60, 0]), pcn.tensor([1, 1, 5])
    assert x.scatter_add(0, [0, 0, 1], src).tolist() == [2**60 + 2, 5]


@given(st.data())
def test_gather_and_scatter_add_are_transposes(data):
    x, dim, i, rng = drawn(data)
    x, g = rng.integers(-3, 4, x.shape).astype(np.float32), rng.integers(-3, 4, i.shape).astype(np.float32)
    there, back = pcn.tensor(x).gather(dim, i), pcn.zeros(*x.shape).scatter_add(dim, i, pcn.tensor(g))
    assert (there.data * g).sum() == (x * back.data).sum()


@given(st.data())
def test_index_select_and_take_along_dim(data):
    x, dim, i, rng = drawn(data)
    rows = rng.integers(0, x.shape[dim], 4)
    np.testing.assert_array_equal(pcn.tensor(x).index_select(dim, rows).data, x.take(rows, dim))
    check_grads(lambda x: x.index_select(dim, rows) ** 2, x)
    i = rng.integers(0, x.shape[dim], moved([rng.choice([1, n]) for n in x.shape], dim, 3))
    np.testing.assert_array_equal(pcn.tensor(x).take_along_dim(i, dim).data, np.take_along_axis(x, i, dim))
    check_grads(lambda x: x.take_along_dim(i, dim) ** 2, x)


def test_where_and_masked_fill():
    c = pcn.tensor([True, False])
    assert pcn.where(c, 1.0, 0.0).dtype == np.float32 and pcn.where(c, 1, 0).dtype == np.int64
    assert pcn.where(c, pcn.tensor([1, 2]), 0.5).tolist() == [1, 0.5]
    assert pcn.where(c, pcn.ones(2), pcn.tensor(np.zeros(2))).dtype == np.float64
    assert [i.tolist() for i in pcn.where(pcn.tensor([[0, 3], [4, 0]]))] == [[0, 1], [1, 0]]
    x = pcn.tensor([1.0, np.inf], requires_grad=True)
    fill = pcn.tensor(7.0, requires_grad=True)
    y = x.masked_fill([False, True], fill)
    (y * y).sum().backward()
    assert y.tolist() == [1, 7] and x.grad.tolist() == [2, 0] and fill.grad.item() == 14
    assert pcn.tensor([1, 2]).masked_fill([True, False], 0.5).tolist() == [0, 2]  # the tensor's dtype stays
    assert pcn.ones(1, 2).masked_fill(np.ones((3, 1), bool), 4).shape == (3, 2)


@given(st.data())
def test_sort_is_stable_both_ways(data):
    shape = data.draw(sides)
    x = np.random.default_rng(data.draw(seeds)).integers(-2, 3, shape).astype(float)
    x[x == 2] = nan
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    for down in (False, True):
        values, indices = pcn.tensor(x).sort(dim, descending=down)
        np.testing.assert_array_equal(np.take_along_axis(x, indices.data, dim), values.data)
        rank = np.where(np.isnan(values.data), 9, values.data)
        steps = np.diff(rank, axis=dim) * (-1 if down else 1)
        assert (steps >= 0).all()
        assert (np.diff(indices.data, axis=dim)[steps == 0] > 0).all()  # equal ones (and NaNs) in their old order
        np.testing.assert_array_equal(pcn.tensor(x).argsort(dim, down).data, indices.data)
        k = data.draw(st.integers(0, shape[dim]))
        best = pcn.tensor(x).topk(k, dim, largest=down)
        np.testing.assert_array_equal(best.indices.data, indices.data.take(range(k), dim))


def test_gradients_of_sorted_values_go_home():
    x = np.array([[3.0, 1.0, 2.0], [5.0, 9.0, 7.0]])
    check_grads(lambda x: x.sort(1).values * np.arange(3.0) + x.topk(1, 0)[0] ** 2, x)
    t = pcn.tensor([4.0, 8.0, 6.0], requires_grad=True)
    t.topk(2).values[1].backward()
    assert t.grad.tolist() == [0, 0, 1]


def test_max_along_an_axis_gives_the_gradient_to_the_first():
    x = pcn.tensor([[1.0, 5.0, 5.0], [nan, 2.0, nan]], requires_grad=True)
    values, indices = x.max(1)
    values.sum().backward()
    assert indices.tolist() == [1, 0] and x.grad.tolist() == [[0, 1, 0], [1, 0, 0]]
    assert x.min(dim=0, keepdim=True).indices.tolist() == [[1, 1, 1]]
    assert pcn.tensor(3.0).max(0).values.shape == ()
    x = pcn.tensor([2.0, 2.0], requires_grad=True)
    x.max().backward()
    assert x.grad.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda x: x.gather(0, [[2, 0]]), IndexError, r"gather: index 2 is out of range for dim 0 .*\(2, 3\)"),
        (lambda x: x.gather(0, [[-1, 0]]), IndexError, "index -1"),
        (lambda x: x.gather(0, [0, 1]), ValueError, "rank"),
        (lambda x: x.gather(1, [[0], [0], [0]]), ValueError, r"index \(3, 1\) reaches beyond .*\(2, 3\) along axis 0"),
        (lambda x: x.gather(0, [[0.5]]), TypeError, "whole numbers, got float64"),
        (lambda x: x.gather(2, [[0]]), IndexError, "dim 2"),
        (lambda x: x.gather((0,), [[0]]), TypeError, "dim must be an int"),
        (lambda x: x.scatter_add(0, [[0]], 1.0), TypeError, "src must be a tensor of dtype float32"),
        (lambda x: x.scatter_add(0, [[0, 0]], pcn.ones(1, 1)), ValueError, r"beyond src \(1, 1\)"),
        (lambda x: x.scatter_add(0, [[0]], pcn.ones(1)), ValueError, "same rank"),
        (lambda x: x.index_select(0, [[0]]), IndexError, "vector"),
        (lambda x: x.index_select(0, [5]), IndexError, "index 5"),
        (lambda x: x.take_along_dim(pcn.tensor([[0]] * 3), 1), ValueError, "do not broadcast"),
        (lambda x: x.masked_fill([1, 0, 1], 0), TypeError, "boolean, got int64"),
        (lambda x: x.masked_fill([True, False], 0), ValueError, r"\(2,\), \(2, 3\) do not broadcast"),
        (lambda x: x.masked_fill(True, pcn.ones(2)), ValueError, r"single number.*\(2,\)"),
        (lambda x: pcn.where(x, 1, 0), TypeError, "boolean, got float32"),
        (lambda x: pcn.where(x > 0, x, None), TypeError, "tensor, an array or a number"),
        (lambda x: x.topk(4), ValueError, "from 0 to 3"),
        (lambda x: x.sort(2), IndexError, "dim 2"),
        (lambda x: x.max((0, 1)), TypeError, "dim must be an int"),
        (lambda x: pcn.zeros(0, 3).max(0), IndexError, "no position"),
        (lambda x: pcn.tril(x[0]), ValueError, r"matrix.*\(3,\)"),
        (lambda x: pcn.triu(x, 0.5), TypeError, "diagonal"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake(pcn.ones(2, 3))
