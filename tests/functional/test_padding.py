"""pad against numpy.pad and against the rule for negative amounts; gradients, and what does not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet.testing import check_grads

NUMPY = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
t = pcn.zeros


def flat(pairs):
    """((top, bottom), (left, right)) as pad takes them: the last axis first."""
    return tuple(n for pair in reversed(pairs) for n in pair)


@pytest.mark.parametrize("mode", NUMPY)
@given(data=st.data())
def test_padding_is_that_of_numpy(mode, data):
    axes = data.draw(st.integers(1, 3))
    shape = data.draw(st.lists(st.integers(1, 4), min_size=axes + 1, max_size=axes + 2))
    most = {"reflect": -1, "circular": 0}.get(mode, 3)
    pairs = [tuple(data.draw(st.integers(0, n + most)) for _ in range(2)) for n in shape[-axes:]]
    x = np.random.default_rng(0).standard_normal(shape)
    full = [(0, 0)] * (len(shape) - axes) + pairs
    y = F.pad(pcn.tensor(x), flat(pairs), mode)
    np.testing.assert_array_equal(y.data, np.pad(x, full, NUMPY[mode]))
    check_grads(lambda x: F.pad(x * x, flat(pairs), mode), x)


@given(st.data(), st.sampled_from([0, 2.5, -np.inf, np.nan]))
def test_constant_padding_of_any_axes_crops_where_negative(data, fill):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4))
    k = data.draw(st.integers(0, len(shape)))
    pairs = []
    for n in shape[len(shape) - k :]:
        before = data.draw(st.integers(-n, 2))
        pairs.append((before, data.draw(st.integers(-n - min(before, 0), 2))))
    x = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    inner, full = x, [(0, 0)] * (len(shape) - k) + pairs
    inner = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(shape, full))]
    expected = np.pad(inner, [(max(a, 0), max(b, 0)) for a, b in full], constant_values=fill)
    np.testing.assert_array_equal(F.pad(pcn.tensor(x), flat(pairs), value=fill).data, expected)


@pytest.mark.parametrize(
    ("mode", "amounts", "expected"),
    [
        ("reflect", (-2, 3), [3, 4, 5, 4, 3, 2]), ("reflect", (3, -2), [4, 3, 2, 1, 2, 3]),
        ("reflect", (4, 4), [5, 4, 3, 2, 1, 2, 3, 4, 5, 4, 3, 2, 1]), ("reflect", (-1, -1), [2, 3, 4]),
        ("replicate", (-2, 3), [3, 4, 5, 5, 5, 5]), ("replicate", (2, -4), [1, 1, 1]),
        ("circular", (-2, 3), [3, 4, 5, 3, 4, 5]), ("circular", (2, -2), [2, 3, 1, 2, 3]),
        ("circular", (5, 5), [1, 2, 3, 4, 5] * 3), ("circular", (-2, -1), [3, 4]),
    ],
)  # fmt: skip
def test_negative_amounts_crop(mode, amounts, expected):
    """As PyTorch: what is mirrored or repeated comes from the whole row, what goes around from the cropped one."""
    row = np.arange(1.0, 6).reshape(1, 5)
    assert F.pad(pcn.tensor(row), amounts, mode).tolist() == [expected]
    check_grads(lambda x: F.pad(x * x, amounts, mode), row)


def test_whole_numbers_and_booleans_are_padded_in_their_own_dtype():
    y = F.pad(pcn.tensor([1, 2]), (1, 1), value=2.7)
    assert y.tolist() == [2, 1, 2, 2] and y.dtype == np.int64
    assert F.pad(pcn.tensor([False]), (0, 1), value=1).tolist() == [False, True]
    assert F.pad(pcn.tensor([[1, 2, 3]]), (1, 0), "reflect").tolist() == [[2, 1, 2, 3]]
    assert F.pad(t(2, 0), (1, 1)).shape == (2, 2) and F.pad(t(0, 2, 3), (1, 1), "reflect").shape == (0, 2, 5)
    assert F.pad(t(3), ()).shape == (3,)
    assert F.pad(pcn.tensor([1.0]), (1, 0), value=2).dtype == np.float32


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: F.pad(t(3), (1,)), ValueError, r"pairs \(before, after\).*got 1"),
        (lambda: F.pad(t(3), (1, 1, 1, 1)), ValueError, "at most one for each of the 1 axes, got 4"),
        (lambda: F.pad(t(3), 1), TypeError, "amounts must be a tuple of whole numbers, got 1"),
        (lambda: F.pad(t(3), (1, 0.5)), TypeError, "amount 1 must be a whole number, got 0.5"),
        (lambda: F.pad(t(3), (-2, -2)), ValueError, "-2 before and -2 after leave less than nothing of axis 0"),
        (lambda: F.pad(t(3), (-4, 6)), ValueError, "leave less than nothing"),
        (lambda: F.pad(t(3), (2**60, 0)), ValueError, "too large for any memory"),
        (lambda: F.pad(t(2, 3), (3, 0), "reflect"), ValueError, "only 2 pixels behind the border of axis 1"),
        (lambda: F.pad(t(2, 3), (4, 0), "circular"), ValueError, "'circular' goes around once, axis 1 has 3 pixels"),
        (lambda: F.pad(t(2, 0), (1, 0), "replicate"), ValueError, "'replicate' has no pixel to take from"),
        (lambda: F.pad(t(2, 3), (1, 1), "reflect", 1), ValueError, "'reflect' takes no value, got 1"),
        (lambda: F.pad(t(2, 3, 4, 5), (1, 1), "reflect"), ValueError, "an input with one or two axes more"),
        (lambda: F.pad(t(2, 3), (1, 1), "symmetric"), NotImplementedError, "mode 'symmetric' is not offered"),
        (lambda: F.pad(pcn.tensor([1, 2]), (1, 1), value=np.inf), ValueError, "value does not fit int64"),
        (lambda: F.pad(t(2), (1, 1), value="x"), TypeError, "value must be a number, got 'x'"),
        (lambda: F.pad(np.zeros(2, complex), (1, 1)), TypeError, "input is complex128"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()
