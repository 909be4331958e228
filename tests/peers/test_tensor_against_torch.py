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
POSITIVE = ("log", "sqrt", "log1p", "rsqrt", "reciprocal")


@entry("exp", "log", "sqrt", "tanh", "sigmoid", "abs", "square", "relu", "clone", "double", "neg", "log1p", "expm1",
       "rsqrt", "reciprocal", "sin", "cos", "floor", "round", "sign")  # fmt: skip
def unary(draw, name):
    x = smooth(draw, draw(shapes), 0.1) if name in POSITIVE else tied(draw, draw(shapes))
    if name == "round" and draw(st.booleans()):
        return Trial(lambda m, F, x: x.round(decimals=1), [smooth(draw, x.shape)], name)
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


@entry("%", "//")
def division_of_whole_numbers(draw, name):
    x, y = tied(draw, draw(shapes)) * 3, draw(st.sampled_from([2, -1.5, 0.7, np.inf, 0.0]))
    x = np.where(draw(st.booleans()) & (x == 3), np.inf, x)
    f = {"%": lambda m, F, x: m.stack([x % y, x % m.tensor(y), y % x]),
         "//": lambda m, F, x: m.stack([x // y, x // m.tensor(y), y // x])}[name]  # fmt: skip
    return Trial(f, [x], (name, x, y), grad=False)


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


@entry("std", "var")
def deviation(draw, name):
    x = smooth(draw, draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=4)))
    dim, keepdim = dims(draw, x.ndim), draw(st.booleans())
    f = {
        "today": lambda x: getattr(x, name)(dim, correction=0, keepdim=keepdim) if dim is not None
        else getattr(x, name)(correction=0.5),
        "formerly": lambda x: getattr(x, name)(dim, False, keepdim) if dim is not None else getattr(x, name)(False),
        "by name": lambda x: getattr(x, name)(unbiased=False),
    }  # fmt: skip
    way = draw(st.sampled_from(sorted(f)))
    return Trial(lambda m, F, x: f[way](x), [x], (name, way, dim, keepdim))


@entry("std of equal values", "norm of zeros")
def corner(draw, name):
    x, p = np.zeros(draw(shapes_1)), draw(st.sampled_from([2, 0.5, 1, 1.5, 3, 0, np.inf, "fro"]))
    dim = draw(st.integers(-x.ndim, x.ndim - 1))
    if name == "norm of zeros":
        return Trial(lambda m, F, x: x.norm(p, dim), [x], (name, p, dim), order=1)
    return Trial(lambda m, F, x: x.std(dim, correction=0), [x], (name, dim), order=1)


@entry("norm")
def norm(draw, name):
    x = smooth(draw, draw(shapes))
    dim, keepdim = dims(draw, x.ndim), draw(st.booleans())
    p = draw(st.sampled_from([2, 1, 0, 3, 0.5, 1.5, -1, -2.5, np.inf, -np.inf, "fro", 2.0]))
    if p == "fro":
        dim = dim if dim is None or np.size(dim) < 3 else 0
    dtype = draw(st.sampled_from([None, "float64"]))
    return Trial(
        lambda m, F, x: x.norm(p, dim=dim, keepdim=keepdim, dtype=dtype and getattr(m, dtype)), [x],
        (name, p, dim, keepdim),
    )  # fmt: skip


@entry("max", "min")
def extreme(draw, name):
    x = tied(draw, draw(shapes))
    x = np.where(draw(st.booleans()) & (x == 1), np.nan, x)
    way = draw(st.sampled_from(["all", "along", "names", "other"]))
    y, dim, keepdim = tied(draw, x.shape), draw(st.integers(-max(x.ndim, 1), max(x.ndim, 1) - 1)), draw(st.booleans())
    f = {
        "all": lambda m, x, y: getattr(x, name)(), "along": lambda m, x, y: getattr(x, name)(dim, keepdim)[0],
        "names": lambda m, x, y: getattr(x, name)(dim).values + getattr(x, name)(dim).indices,
        "other": lambda m, x, y: getattr(x, name)(y),
    }[way]  # fmt: skip
    return Trial(lambda m, F, x, y: f(m, x, y), [x, y], (name, way, dim, keepdim))


@entry("prod", "cumsum")
def scan(draw, name):
    x = tied(draw, draw(shapes))
    dim, keepdim = draw(st.integers(-max(x.ndim, 1), max(x.ndim, 1) - 1)), draw(st.booleans())
    dtype = draw(st.sampled_from([None, "float64"]))
    options = lambda m: {} if dtype is None else {"dtype": getattr(m, dtype)}
    if name == "cumsum":
        return Trial(lambda m, F, x: x.cumsum(dim, **options(m)), [x], (name, dim))
    if draw(st.booleans()):
        return Trial(lambda m, F, x: x.prod(**options(m)), [x], (name, "all"))
    return Trial(lambda m, F, x: x.prod(dim, keepdim, **options(m)), [x], (name, dim, keepdim))


def several(parts):
    """Parts of different weight, summed: one value that depends on every one of them."""
    return sum(((i + 1) * (part * part).sum() for i, part in enumerate(parts)), 0 * parts[0].sum())


@entry("repeat", "split", "chunk", "unbind", "flip", "roll", "tril", "triu")
def parts(draw, name):
    s = draw(shapes_1)
    axis = draw(st.integers(-len(s), len(s) - 1))
    n = s[axis]
    cut = draw(st.integers(0, n))
    flips = draw(st.lists(st.integers(0, len(s) - 1), unique=True))
    shifts = draw(st.lists(st.integers(-5, 5), min_size=1, max_size=3))
    along = draw(st.lists(st.integers(-len(s), len(s) - 1), min_size=len(shifts), max_size=len(shifts)))
    counts = draw(st.lists(st.integers(0, 2), min_size=len(s), max_size=len(s) + 1))
    diagonal = draw(st.integers(-5, 5))
    f = {
        "repeat": [lambda m, x: x.repeat(*counts), lambda m, x: x.repeat(counts)],
        "split": [lambda m, x: several(x.split(max(cut, 1), axis)),
                  lambda m, x: several(x.split([cut, n - cut], dim=axis))],
        "chunk": [lambda m, x: several(x.chunk(cut + 1, axis)), lambda m, x: m.tensor(len(x.chunk(cut + 1, axis)))],
        "unbind": [lambda m, x: several(x.unbind(axis)), lambda m, x: x.unbind()[-1] * 1],
        "flip": [lambda m, x: x.flip(flips), lambda m, x: x.flip(*(axis, ))],
        "roll": [lambda m, x: x.roll(shifts, along), lambda m, x: x.roll(shifts[0], axis), lambda m, x: x.roll(cut)],
        "tril": [lambda m, x: m.tril(x, diagonal), lambda m, x: m.tril(input=x)],
        "triu": [lambda m, x: m.triu(x, diagonal=diagonal), lambda m, x: m.triu(x)],
    }[name]  # fmt: skip
    g = draw(st.sampled_from(f))
    s = s if name[:3] != "tri" else (*s, 2)
    return Trial(lambda m, F, x: g(m, x) * 1, [smooth(draw, s)], (name, axis, cut, flips, shifts, along, counts))


@entry("masked_fill")
def masked_fill(draw, name):
    a, b = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, min_dims=0, max_dims=3, max_side=3)).input_shapes
    mask = np.random.default_rng(draw(seeds)).random(b) < 0.5
    number = draw(st.sampled_from([0, -np.inf, 2.5]))
    if draw(st.booleans()):
        return Trial(lambda m, F, x: x.masked_fill(m.tensor(mask), number), [smooth(draw, a)], number)
    return Trial(lambda m, F, x, v: x.masked_fill(mask=m.tensor(mask), value=v), [smooth(draw, a), smooth(draw, ())])


@entry("gather", "scatter_add", "index_select", "take_along_dim")
def by_position(draw, name):
    s = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    dim = draw(st.integers(-len(s), len(s) - 1))
    n, rng = s[dim], np.random.default_rng(draw(seeds))
    d = dim % len(s)
    others = [draw(st.integers(1, k)) for k in s]
    shape = (*others[:d], draw(st.integers(0, 5)), *others[d + 1 :])
    i = rng.integers(0, n, shape)
    x = smooth(draw, s)
    if name == "gather":
        return Trial(lambda m, F, x: x.gather(dim, m.tensor(i)), [x], (name, dim, shape))
    if name == "scatter_add":
        return Trial(lambda m, F, x, y: x.scatter_add(dim, m.tensor(i), y) * x, [x, smooth(draw, shape)], (dim, shape))
    if name == "index_select":
        i = rng.integers(0, n, shape[d])
        return Trial(lambda m, F, x: x.index_select(dim, m.tensor(i)), [x], (dim, i))
    if draw(st.booleans()):
        return Trial(lambda m, F, x: x.take_along_dim(m.tensor(i) * 0), [x], (name, shape))
    i = rng.integers(0, n, [k if j == d else draw(st.sampled_from([1, m])) for j, (k, m) in enumerate(zip(shape, s))])
    return Trial(lambda m, F, x: x.take_along_dim(m.tensor(i), dim=dim), [x], (name, dim, i.shape))


@entry("sort", "argsort", "topk", "sort with NaN", "topk with NaN")
def order(draw, name):
    x = smooth(draw, draw(shapes))
    if "NaN" in name:
        x = np.where(x < 0, np.nan, x) if "sort" in name else x
        x.reshape(-1)[:1] = np.nan  # one for topk: among equal values PyTorch's has no order
    dim = draw(st.integers(-max(x.ndim, 1), max(x.ndim, 1) - 1))
    down, k = draw(st.booleans()), draw(st.integers(0, x.shape[dim] if x.ndim else 1))
    weigh = lambda y: y.values * (y.indices + 1)
    f = {
        "sort": lambda m, x: weigh(x.sort(dim, down)), "argsort": lambda m, x: x.argsort(dim, descending=down) * 1.5,
        "topk": lambda m, x: weigh(x.topk(k, dim, down)),
    }[name.split()[0]]  # fmt: skip
    if draw(st.booleans()) and name == "sort":
        x = np.round(x)
        return Trial(lambda m, F, x: weigh(x.sort(dim=dim, descending=down, stable=True)), [x], (name, dim, down))
    return Trial(lambda m, F, x: f(m, x), [x], (name, dim, down, k))


EQUATIONS = [
    "i->i", "i->", "ii", "ii->i", "iij->ji", "iji->j", "ij->ji", "ba", "Ba", "...", "...->...", "i...->i",
    "i...->...", "...ij->...ji", "...ii->...i", "ij,jk", "ij,jk->ik", "ij,kj->ik", "ij,ij->ij", "ij,ij->", "ij,ij->i",
    "i,j->ij", "i,j->", "bij,bjk->bik", "bij,bkj->bki", "ij,j->i", "ij,->ji", "i,i,i", "ij,jk,kl->il", "ij,ij,ij->j",
    "...ij,...jk->...ik", "...i,...i->...", "i...,j...->ij...", "bi,bj,bk->bijk", "ijk,ilm,njm,nlk,abc->abc",
    "nchw,oc->nohw", "ii,i->i", "aab,bcc->ac", ",", ",i", "ij,kl->il",
]  # fmt: skip


@entry("einsum")
def einsum(draw, name):
    equation = draw(st.sampled_from(EQUATIONS))
    sizes = {}
    arrays = []
    for term in equation.partition("->")[0].split(","):
        wide = draw(st.lists(st.sampled_from([1, 2]), max_size=2)) if "..." in term else []
        before, _, after = term.partition("...")
        here = [sizes.setdefault(k, draw(st.integers(0 if k in "kc" else 1, 3))) for k in before + after]
        shrink = len(set(term)) == len(term) and draw(st.booleans())
        here = [1 if n and shrink and draw(st.booleans()) else n for n in here]
        arrays.append(smooth(draw, (*here[: len(before)], *wide, *here[len(before) :])))
    if equation == "ij,jk->ik" and draw(st.booleans()):
        return Trial(lambda m, F, x, y: m.einsum(x, [0, 1], y, [1, 30], [0, 30]), arrays, "sublists")
    if draw(st.booleans()):
        return Trial(lambda m, F, *xs: m.einsum(equation.replace(",", " , "), xs), arrays, equation)
    return Trial(lambda m, F, *xs: m.einsum(equation, *xs), arrays, equation)


@entry("eye", "arange", "linspace", "full", "full_like", "zeros", "ones", "zeros_like", "ones_like")
def creation(draw, name):
    small, step = st.integers(0, 6), draw(st.sampled_from([1, 2, 0.5, 0.3, -0.7, -1]))
    a, b, n = draw(st.integers(-5, 5)), draw(st.integers(-5, 5)), draw(small)
    low, high = (min(a, b), max(a, b)) if step > 0 else (max(a, b), min(a, b))
    dtype = draw(st.sampled_from([None, "float32", "float64", "int64"]))
    fill = draw(st.sampled_from([1, 0, 2.5, True]))
    like = np.ones(draw(shapes), dtype or "float32")
    o = lambda m: {} if dtype is None else {"dtype": getattr(m, dtype)}
    f = {
        "eye": [lambda m: m.eye(n, **o(m)), lambda m: m.eye(n, abs(a), **o(m))],
        "arange": [lambda m: m.arange(n, **o(m)),
                   lambda m: m.arange(low, high, step, **({} if abs(step) < 1 else o(m))),
                   lambda m: m.arange(end=n), lambda m: m.arange(low + 0.25, high + 0.5 * (step > 0), step)],
        "linspace": [lambda m: m.linspace(a, b, n, **o(m)), lambda m: m.linspace(a, b + 0.5, steps=n)],
        "full": [lambda m: m.full((n, 2), fill, **o(m)), lambda m: m.full(size=(), fill_value=fill)],
        "full_like": [lambda m: m.full_like(m.tensor(like), fill, **o(m))],
        "zeros": [lambda m: m.zeros(n, 2, **o(m)), lambda m: m.zeros(size=(2, n)), lambda m: m.zeros([])],
        "ones": [lambda m: m.ones(n, **o(m)), lambda m: m.ones((2, n)), lambda m: m.ones(size=[n])],
        "zeros_like": [lambda m: m.zeros_like(m.tensor(like), **o(m))],
        "ones_like": [lambda m: m.ones_like(input=m.tensor(like), **o(m))],
    }[name]  # fmt: skip
    g = draw(st.sampled_from(f))
    return Trial(lambda m, F: g(m), [], (name, a, b, n, step, dtype, fill), grad=False, tolerance=1e-6)


@entry("whole numbers and masks")
def whole(draw, name):
    """Everything that is defined for integers and booleans, dtype included."""
    s = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=3))
    x = np.random.default_rng(draw(seeds)).integers(-3, 4, s)
    x = draw(st.sampled_from([x, x.astype(np.int32), x > 0]))
    i = np.zeros((2,) * x.ndim, np.int64) if min(s) > 1 else np.zeros((1,) * x.ndim, np.int64)
    everywhere = [
        lambda m, x: x.max(), lambda m, x: x.min(), lambda m, x: x.amax(), lambda m, x: x.max(0).values,
        lambda m, x: x.min(-1).indices * 0, lambda m, x: x.sum(), lambda m, x: x.prod(), lambda m, x: x.prod(0),
        lambda m, x: x.cumsum(0), lambda m, x: x.flip(0), lambda m, x: x.roll(1), lambda m, x: x.repeat(*[2] * x.ndim),
        lambda m, x: x.sort(stable=True).values, lambda m, x: x.sort(stable=True, descending=True).indices,
        lambda m, x: x.argsort(stable=True), lambda m, x: x.gather(0, m.tensor(i)),
        lambda m, x: x.index_select(0, m.tensor([0, 0])), lambda m, x: x.take_along_dim(m.tensor([0, 0])),
        lambda m, x: x.masked_fill(x > 0, 1), lambda m, x: m.where(x > 0, x, 0), lambda m, x: m.where(x > 0, x, 0.5),
        lambda m, x: m.where(x > 0, 1, 0), lambda m, x: m.where(x > 0, 1.0, 0), lambda m, x: m.where(x > 0)[0],
        lambda m, x: m.maximum(x, m.tensor([1])), lambda m, x: m.minimum(x, m.tensor(0.5)), lambda m, x: x.sign(),
        lambda m, x: x.exp(), lambda m, x: x.log1p(), lambda m, x: x.sin(), lambda m, x: x.rsqrt(),
        lambda m, x: x.reciprocal(), lambda m, x: x.square(), lambda m, x: x.sum(dtype=m.float32),
        lambda m, x: x.prod(dtype=m.float64), lambda m, x: x.cumsum(0, dtype=m.float32), lambda m, x: x.unbind()[0],
        lambda m, x: m.einsum("i...->...", x), lambda m, x: x.float().sum(dtype=m.int64),
        lambda m, x: ~x, lambda m, x: x & (x > 0), lambda m, x: (x > 0) | x, lambda m, x: x ^ 3, lambda m, x: True & x,
        lambda m, x: x % 3, lambda m, x: x // -2, lambda m, x: x % 2.5, lambda m, x: 7.5 // (x + 5),
        lambda m, x: x.int(), lambda m, x: x.long(), lambda m, x: x.bool(),
        lambda m, x: x.all(0), lambda m, x: x.any(), lambda m, x: x.isfinite(), lambda m, x: x.clamp(0, 1),
    ]  # fmt: skip
    numbers = [
        lambda m, x: x.abs(), lambda m, x: x.floor(), lambda m, x: x.round(), lambda m, x: x.argmax(),
        lambda m, x: x.logsumexp(0), lambda m, x: x.topk(1).values, lambda m, x: x.mean(dtype=m.float32),
        lambda m, x: x.scatter_add(0, m.tensor(i), x), lambda m, x: m.einsum("...,...->...", x, x),
    ]  # fmt: skip
    f = draw(st.sampled_from(everywhere + (numbers if x.dtype != bool else [])))
    return Trial(lambda m, F, x: f(m, x), [x], (x.dtype, x.tolist()), grad=False, tolerance=1e-6)


@pytest.mark.parametrize("name", entry)
@settings(max_examples=40)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")  # PyTorch is outspoken about things that both allow
def test_tensor(name, data, peers):
    compare(name, data.draw(entry[name]), peers)
