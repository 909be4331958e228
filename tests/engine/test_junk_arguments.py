"""Every method and function of tensors, given arguments that make no sense: a value or an error in words.

What is drawn: wrong types, ranks and axes, negative and enormous sizes, NaN, other dtypes, empty tensors.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet import methods

ALLOWED = (ValueError, TypeError, IndexError, RuntimeError, MemoryError)  # NotImplementedError is a RuntimeError
FUNCTIONS = [
    "tensor", "zeros", "ones", "full", "eye", "arange", "linspace", "randn", "rand", "zeros_like", "ones_like",
    "full_like", "cat", "stack", "where", "maximum", "minimum", "einsum", "tril", "triu",
]  # fmt: skip
SKIPPED = {"__hash__", "__array__"}

numbers = st.sampled_from([0, 1, 2, -1, -3, 7, 2**40, 2**63, 2**70, -(2**70), 10**400, 0.5, -0.0, 1e300])
odd = st.sampled_from([
    None, True, "word", "ij->ji", "...", "float16", "nuc", "", ..., 1j, object(), float("nan"), float("inf"), b"x",
    np.float16(1), np.int8(-1), np.float64(2), [], (), [[1], [1, 2]], {}, slice(1, None),
])  # fmt: skip


@st.composite
def tensors(draw):
    shape = draw(st.sampled_from([(), (0,), (1,), (3,), (2, 3), (0, 3), (3, 0, 2), (2, 1, 3), (1, 1, 1, 2)]))
    dtype = draw(st.sampled_from(["float32", "float64", "int64", "bool", "uint8", "int32"]))
    values = np.random.default_rng(0).integers(-2, 4, shape).astype(dtype)
    if dtype[:5] == "float" and draw(st.booleans()):
        values = values + np.where(values == 0, np.nan, 0).astype(dtype)
    return pcn.tensor(values, requires_grad=dtype[:5] == "float" and draw(st.booleans()))


arrays = st.sampled_from([np.ones(2, np.float16), np.ones(3, complex), np.array([None, 1]), np.array(["word"]),
                          np.arange(3), np.zeros((2, 3)), np.zeros((0, 2))])  # fmt: skip
small_tuples = st.lists(numbers | st.integers(-3, 3), max_size=4).flatmap(lambda v: st.sampled_from([tuple(v), v]))
anything = st.one_of(st.integers(-3, 4), numbers, odd, small_tuples, tensors(), arrays)
options = st.dictionaries(
    st.sampled_from([
        "dim", "keepdim", "dtype", "descending", "largest", "correction", "p", "size", "device", "decimals",
        "min", "max",
    ]),
    anything, max_size=1,
)  # fmt: skip


def attempt(f, *args, **kwargs):
    try:
        y = f(*args, **kwargs)
    except ALLOWED as error:
        assert str(error), f"{type(error).__name__} without a word"
        return
    if isinstance(y, pcn.Tensor) and y.requires_grad and y.node and y.data.size < 10**6:
        with np.errstate(all="ignore"):
            y.backward(np.ones(y.shape, y.dtype))


@pytest.mark.parametrize("name", sorted({**methods.operators, **methods.methods}.keys() - SKIPPED))
@settings(max_examples=60)
@given(x=tensors(), args=st.lists(anything, max_size=3), kwargs=options)
@pytest.mark.filterwarnings("error")
def test_methods(name, x, args, kwargs):
    attempt(getattr(pcn.Tensor, name), x, *args, **kwargs)


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=100)
@given(args=st.lists(anything | st.lists(tensors(), max_size=3), max_size=3), kwargs=options)
@pytest.mark.filterwarnings("error")
def test_functions(name, args, kwargs):
    attempt(getattr(pcn, name), *args, **kwargs)


@given(x=tensors(), key=anything | st.lists(anything, max_size=3).map(tuple))
@pytest.mark.filterwarnings("error")
def test_keys(x, key):
    attempt(pcn.Tensor.__getitem__, x, key)
