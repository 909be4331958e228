"""Einstein's notation against NumPy's, over drawn equations; gradients; what is said about wrong equations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet.testing import check_grads

SIZES = {"a": 2, "b": 3, "c": 1, "d": 0, "e": 4, "...": (2, 3)}


@st.composite
def cases(draw, letters="abce"):
    terms = draw(st.lists(st.text(letters, max_size=3), min_size=1, max_size=3))
    wide = [draw(st.booleans()) for _ in terms]
    known = sorted(set("".join(terms)))
    output = "".join(draw(st.permutations(known))[: draw(st.integers(0, len(known)))])
    spelled = ["..." * w + term for w, term in zip(wide, terms)]
    equation = ",".join(spelled) + draw(st.sampled_from(["", "->" + "..." * any(wide) + output]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    shapes = [SIZES["..."] * w + tuple(SIZES[k] for k in term) for w, term in zip(wide, terms)]
    return equation, [rng.standard_normal(s) for s in shapes]


@settings(max_examples=200)
@given(cases("abcde"))
def test_equals_numpys(case):
    equation, arrays = case
    y = pcn.einsum(equation, *map(pcn.tensor, arrays))
    np.testing.assert_allclose(y.data, np.einsum(equation, *arrays), rtol=1e-10, atol=1e-12)


@given(cases())
def test_gradients_of_order_one_and_two(case):
    equation, arrays = case
    check_grads(lambda *xs: pcn.einsum(equation, *xs), *arrays, tolerance=1e-5)


def test_size_one_broadcasts_and_gets_the_sum_back():
    x, y = pcn.tensor(np.full((1, 3), 2.0), requires_grad=True), pcn.tensor(np.ones((2, 3)), requires_grad=True)
    pcn.einsum("ij,ij->j", x, y).sum().backward()
    assert x.grad.tolist() == [[2, 2, 2]] and y.grad.tolist() == [[2, 2, 2]] * 2


def test_lists_of_operands_and_of_numbers():
    x, y = pcn.ones(2, 3), pcn.ones(3, 4)
    assert pcn.einsum("ij,jk", [x, y]).shape == (2, 4)
    assert pcn.einsum(x, [0, 1], y, [1, 2], [2, 0]).shape == (4, 2)
    assert pcn.einsum(x, [..., 1], [1, ...]).shape == (3, 2)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("i->i->i", (2,)), ValueError, "more than one '->'"),
        (("ij,jk", (2, 3)), ValueError, "names 2 operands, 1 were given"),
        (("i", (2, 3)), ValueError, "'i' has 1 labels, but operand 0 has 2 axes"),
        (("ijk", (2, 3)), ValueError, "3 labels"),
        (("i1", (2, 3)), ValueError, "letters"),
        (("i..", (2, 3)), ValueError, "letters"),
        (("...i...", (2, 3)), ValueError, "letters"),
        (("ii", (2, 3)), ValueError, "operand 0 has 'i' twice, with sizes 2 and 3"),
        (("i,i", (2,), (3,)), ValueError, "'i' has size 3 in operand 1, but 2 before"),
        (("i->ii", (2,)), ValueError, "label twice"),
        (("i->j", (2,)), ValueError, "'j', which no operand has"),
        (("",), ValueError, "names 1 operands, 0 were given"),
    ],
)
def test_mistakes_get_words(arguments, error, words):
    equation, *shapes = arguments
    with pytest.raises(error, match=words):
        pcn.einsum(equation, *(pcn.ones(s) for s in shapes))


def test_operands_of_two_dtypes():
    with pytest.raises(TypeError, match="float32 but another is float64"):
        pcn.einsum("ij,jk", pcn.ones(2, 2), pcn.ones(2, 2, dtype="float64"))
    with pytest.raises(ValueError, match="0 to 51"):
        pcn.einsum(pcn.ones(2), [60])
