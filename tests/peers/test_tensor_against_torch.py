"""The operators and methods of Tensor, and the functions of the package, against PyTorch."""

import math

import pytest

pytest.importorskip("torch")

import numpy as np
from against_torch import Entries, Trial, compare, dims, seeds, shapes, shapes_1, smooth, tied
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

entry = Entries()


@entry("exp", "log", "sqrt", "tanh", "sigmoid", "abs", "square", "relu", "clone", "double", "neg")
def unary(draw, name):
    x = smooth(draw, draw(shapes), 0.1) if name in ("log", "sqrt") else tied(draw, draw(shapes))
    if name == "neg":
        return Trial(lambda m, F, x: -x, [x], name)
    return Trial(lambda m, F, x: getattr(x, name)(), [x], name)


@entry("+", "-", "*", "/", "maximum", "minimum", "where")
def binary(draw, name):
    a, b = draw(
        hnp.mutually_broadcastable_shapes(num_shapes=2, min_dims=0, max_dims=3, max_side=3)
    ).input_shapes
    x, y = tied(draw, a), tied(draw, b)
    y = y + 3 if name == "/" else y
    keep = np.random.default_rng(draw(seeds)).random(np.broadcast_shapes(a, b)) < 0.5
    f = {
        "+": lambda m, F, x, y: x + y, "-": lambda m, F, x, y: x - y,
        "*": lambda m, F, x, y: x * y, "/": lambda m, F, x, y: x / y,
        "maximum": lambda m, F, x, y: m.maximum(x, y), "minimum": lambda m, F, x, y: m.minimum(x, y),
        "where": lambda m, F, x, y: m.where(m.tensor(keep), x, y),
    }[name]  # fmt: skip
    return Trial(f, [x, y], name)


@entry("number op", "pow", "rpow")
def with_number(draw, name):
    c = draw(st.sampled_from([2, 0.5, 3, -1, 1, 0, 2.5]))
    x = smooth(draw, draw(shapes), 0.2, 2.0)
    f = {
        "number op": lambda m, F, x: (c - x) * c + c / x - x / (c or 1),
        "pow": lambda m, F, x: x**c + x.pow(c), "rpow": lambda m, F, x: (abs(c) + 1) ** x,
    }[name]  # fmt: skip
    return Trial(f, [x], (name, c))


@entry("clamp")
def clamp(draw, name):
    x = tied(draw, draw(shapes))
    low, high = draw(st.sampled_from([(None, 0.5), (-0.5, None), (-0.5, 0.5), (1, -1), (0, 1)]))
    if draw(st.booleans()):
        return Trial(lambda m, F, x: x.clamp(low, high), [x], (name, low, high))
    return Trial(
        lambda m, F, x, a, b: x.clamp(min=a, max=b),
        [x, tied(draw, x.shape) - 0.25, tied(draw, x.shape) + 0.3],
    )


@entry("sum", "mean", "var", "amax", "amin", "logsumexp")
def reduction(draw, name):
    x = tied(draw, draw(shapes)) if name in ("amax", "amin") else smooth(draw, draw(shapes))
    options = {"dim": dims(draw, x.ndim), "keepdim": draw(st.booleans())}
    if options["dim"] is None:
        options["dim"] = tuple(range(x.ndim))
    count = math.prod(x.shape[d] for d in np.atleast_1d(options["dim"]).astype(int)) if x.ndim else 1
    if name == "var":
        options["correction"] = draw(st.integers(0, count - 1))
    return Trial(lambda m, F, x: getattr(x, name)(**options), [x], (name, options))


@entry("sum of all", "mean of all", "var of all", "amax of all", "amin of all")
def reduction_of_all(draw, name):
    x = smooth(draw, (*draw(shapes), 2))
    return Trial(lambda m, F, x: getattr(x, name.split()[0])(), [x], name)


@entry("softmax", "log_softmax")
def softmax(draw, name):
    x = smooth(draw, draw(shapes_1))
    x = np.where(draw(st.booleans()) & (x < -2), -np.inf, x)
    dim = draw(st.integers(-x.ndim, x.ndim - 1))
    x[tuple(0 if i == dim % x.ndim else slice(None) for i in range(x.ndim))] = (
        1.0  # at least one finite value
    )
    return Trial(
        lambda m, F, x: x.softmax(dim) if name == "softmax" else F.log_softmax(input=x, dim=dim), [x], name
    )


@entry("argmax", "argmin", "any", "all", "isnan", "isfinite", "comparisons", "size")
def values_only(draw, name):
    x = tied(draw, draw(shapes_1))
    options = draw(st.sampled_from([{}, {"dim": 0}, {"dim": -1, "keepdim": True}]))
    if name == "comparisons":
        f = lambda m, F, x: m.stack([x < 0.5, x <= 0.5, x > 0.5, x >= 0.5, x == 0.5, x != 0.5])
    elif name in ("isnan", "isfinite"):
        f = lambda m, F, x: getattr(x / x.abs() * x.exp(), name)()
    elif name == "size":
        f = lambda m, F, x: m.tensor([x.size(-1), *x.size(), x.numel(), x.dim()])
    else:
        f = lambda m, F, x: getattr(x, name)(**options)
    return Trial(f, [x], (name, options), grad=False)


@entry("reshape", "view", "flatten", "permute", "transpose", "squeeze", "unsqueeze", "expand", "T")
def shape(draw, name):
    s = draw(shapes_1)
    axis = st.integers(-len(s), len(s) - 1)
    start = draw(st.integers(0, len(s) - 1))
    arguments = {
        "reshape": st.sampled_from([(-1,), ((1, *s),), (*s[::-1],), (s[0], -1)]),
        "view": st.sampled_from([(-1,), (*s, 1)]),
        "flatten": st.sampled_from([(), (start,), (start, -1)]),
        "permute": st.permutations(range(len(s))).map(tuple), "transpose": st.tuples(axis, axis),
        "squeeze": st.one_of(st.just(()), st.tuples(axis)), "unsqueeze": st.tuples(axis),
        "expand": st.sampled_from([(2, *s), ((3, *(-1,) * len(s)),)]), "T": st.just(()),
    }[name]  # fmt: skip
    arguments = draw(arguments)
    if name == "T":
        return Trial(lambda m, F, x: x.T, [smooth(draw, (s + s)[:2])])
    return Trial(lambda m, F, x: getattr(x, name)(*arguments) * 1, [smooth(draw, s)], (name, arguments))


@entry("index")
def index(draw, name):
    s = draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=2, max_side=4))
    rows, columns = np.array([0, 1, 1, 0]), np.array([[1], [0]])
    mask = np.random.default_rng(draw(seeds)).random(s) < 0.5
    keys = [0, -1, (slice(None), 1), (Ellipsis, slice(0, 2)), (None, 0), (0, 1), rows, (rows, slice(1, None)),
            (columns, rows), (slice(None), rows), mask, mask[..., 0], [1, 0]]  # fmt: skip
    key = draw(st.sampled_from(range(len(keys))))
    return Trial(lambda m, F, x: x[keys[key]] * 1, [smooth(draw, s)], keys[key])


@entry("cat", "stack")
def join(draw, name):
    s = draw(shapes_1)
    dim = draw(st.integers(-len(s), len(s) - 1))
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3)) if name == "cat" else [s[dim]] * 2
    arrays = [smooth(draw, [n if i == dim % len(s) else k for i, k in enumerate(s)]) for n in sizes]
    return Trial(lambda m, F, *xs: getattr(m, name)(xs, dim=dim), arrays, (name, dim))


@entry("matmul")
def matmul(draw, name):
    n, k, o = (draw(st.integers(1, 3)) for _ in range(3))
    a, b = draw(
        hnp.mutually_broadcastable_shapes(num_shapes=2, min_dims=0, max_dims=2, max_side=2)
    ).input_shapes
    x, y = draw(
        st.sampled_from([((*a, n, k), (*b, k, o)), ((k,), (*b, k, o)), ((*a, n, k), (k,)), ((k,), (k,))])
    )
    return Trial(lambda m, F, x, y: x @ y + x.matmul(y), [smooth(draw, x), smooth(draw, y)], name)


@pytest.mark.parametrize("name", entry)
@settings(max_examples=40)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")  # PyTorch is outspoken about things that both allow
def test_tensor(name, data, peers):
    compare(name, data.draw(entry[name]), peers)
