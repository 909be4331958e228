"""Parts and copies: they put together again, they equal NumPy's, and their gradients add up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet.testing import check_grads

sides = st.lists(st.integers(0, 4), min_size=1, max_size=3)


def counted(shape):
    return np.arange(np.prod(shape, dtype=int), dtype=float).reshape(shape)


@given(sides, st.integers(1, 5), st.data())
def test_parts_joined_again_are_the_whole(shape, n, data):
    x = pcn.tensor(counted(shape))
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    size = shape[dim]
    for parts in (x.split(n, dim), x.chunk(n, dim)):
        np.testing.assert_array_equal(pcn.cat(parts, dim).data, x.data)
    if size:
        assert [p.shape[dim] for p in x.split(n, dim)] == [min(n, size - i) for i in range(0, size, n)]
        assert len(x.chunk(n, dim)) <= n and len({p.shape[dim] for p in x.chunk(n, dim)[:-1]}) <= 1
        np.testing.assert_array_equal(pcn.stack(x.unbind(dim), dim).data, x.data)
    cut = data.draw(st.integers(0, size))
    first, second = x.split([cut, size - cut], dim)
    assert first.shape[dim] == cut and second.shape[dim] == size - cut


@given(sides, st.data())
def test_flip_roll_and_repeat_are_numpys(shape, data):
    x = counted(shape)
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), unique=True))
    shifts = tuple(data.draw(st.integers(-6, 6)) for _ in axes)
    counts = tuple(data.draw(st.lists(st.integers(0, 2), min_size=len(shape), max_size=4)))
    t = pcn.tensor(x)
    np.testing.assert_array_equal(t.flip(axes).data, np.flip(x, axes))
    np.testing.assert_array_equal(t.repeat(counts).data, np.tile(x, counts))
    np.testing.assert_array_equal(t.roll(5).data, np.roll(x, 5))
    if axes:
        np.testing.assert_array_equal(t.roll(shifts, tuple(axes)).data, np.roll(x, shifts, tuple(axes)))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.flip(0, 1) * x,
        lambda x: x.roll((1, -2), (0, 1)) * x,
        lambda x: x.roll(4) * x,
        lambda x: x.repeat(2, 1, 3) ** 2,
        lambda x: x.split([1, 3], 1)[1] * x.chunk(2, 1)[1][:, :1],
        lambda x: x.unbind(1)[2] * x.unbind()[0][1],
        lambda x: pcn.tril(x * x, 1) + pcn.triu(x**3),
    ],
)
def test_gradients_of_order_one_and_two(f):
    check_grads(f, np.random.default_rng(0).standard_normal((3, 4)))


@given(st.integers(0, 4), st.integers(0, 4), st.integers(-5, 5))
def test_triangles(n, m, k):
    x = counted((2, n, m)) + 1
    np.testing.assert_array_equal(pcn.tril(pcn.tensor(x), k).data, np.tril(x, k))
    np.testing.assert_array_equal(pcn.triu(pcn.tensor(x), k).data, np.triu(x, k))
    assert pcn.tril(pcn.tensor(x > 0)).dtype == bool


def test_a_tensor_of_any_rank_reverses_its_axes():
    assert pcn.zeros(2, 3, 4).T.shape == (4, 3, 2) and pcn.zeros(()).T.shape == () and pcn.zeros(3).T.shape == (3,)


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda x: x.split(0), ValueError, "parts of size 0"),
        (lambda x: x.split([1, 2]), ValueError, r"sizes \[1, 2\] do not make up the 2 along dim 0"),
        (lambda x: x.split([3, -1]), ValueError, "do not make up"),
        (lambda x: x.split(1.5), TypeError, "whole numbers"),
        (lambda x: x.chunk(0), ValueError, "1 or more"),
        (lambda x: pcn.tensor(1.0).split(1), IndexError, "single number"),
        (lambda x: pcn.tensor(1.0).unbind(), IndexError, "single number"),
        (lambda x: x.flip(0, -2), ValueError, "twice"),
        (lambda x: x.roll((1, 2), 0), ValueError, "as many shifts as dims"),
        (lambda x: x.roll((1, 2)), ValueError, "as many shifts as dims"),
        (lambda x: x.repeat(2), ValueError, r"each axis of \(2, 3\), got \(2,\)"),
        (lambda x: x.repeat(2, -1), ValueError, "0 or more"),
        (lambda x: x.repeat(2**40, 2**40), ValueError, "more values than can be counted"),
        (lambda x: x.expand(2**70, 2, 3), ValueError, "more values than can be counted"),
        (lambda x: x.expand(-1, 2, 3), ValueError, "cannot be expanded"),
        (lambda x: x.reshape(2.5, 2), TypeError, "whole numbers"),
        (lambda x: x.view("int32"), NotImplementedError, "another dtype"),
        (lambda x: x.transpose("a", 0), TypeError, "dim must be an int"),
        (lambda x: pcn.stack([]), ValueError, "at least one"),
        (lambda x: pcn.cat(x), TypeError, "list or tuple"),
        (lambda x: pcn.cat([x, None]), TypeError, "tensor 1 must be a Tensor"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake(pcn.ones(2, 3))
