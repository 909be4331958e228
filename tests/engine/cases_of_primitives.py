"""How to try each primitive: one strategy per name, drawing a function and float64 arguments away from kinks."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyconvnet import kernels
from pyconvnet import primitives as P
from pyconvnet.autograd import value
from pyconvnet.testing.strategies import conv_cases

CASES = {}  # name of the primitive -> strategy of Case


@dataclass
class Case:
    """f(*arrays) tries the primitive; it is linear in each of the arguments numbered in `linear`."""

    f: object
    arrays: list
    linear: tuple = ()

    def __repr__(self):
        return f"Case of shapes {[np.shape(a) for a in self.arrays]}"



def case(*names):
    def enter(draw_case):
        for name in names:
            CASES[name] = st.composite(draw_case)(name)
        return draw_case

    return enter


def numbers(draw, shape, salt=0, positive=False):
    """Numbers of size 0.5 to 2: away from the kinks and poles at 0, and no two of a case alike."""
    rng = np.random.default_rng((salt, draw(st.integers(0, 10**6))))
    sizes = rng.uniform(0.5, 2, shape)
    return np.asarray(sizes if positive else sizes * rng.choice([-1.0, 1.0], shape))


shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=3)
shapes_1 = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)


def two_shapes(draw):
    return draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)).input_shapes


@case("neg", "erf", "exp", "expm1", "sin", "cos", "tanh", "sigmoid", "softplus", "abs")
def unary(draw, name):
    linear = (0,) if name == "neg" else ()
    return Case(getattr(P, name), [numbers(draw, draw(shapes))], linear)


@case("log", "log1p", "sqrt")
def unary_positive(draw, name):
    return Case(getattr(P, name), [numbers(draw, draw(shapes), positive=True)])


@case("power")
def power(draw, name):
    a, b = two_shapes(draw)
    return Case(P.power, [numbers(draw, a, positive=True), numbers(draw, b, 1)])


@case("cast")
def cast(draw, name):
    return Case(partial(P.cast, dtype=np.dtype("float64")), [numbers(draw, draw(shapes))], (0,))


@case("add", "sub", "mul", "div", "maximum", "minimum")
def binary(draw, name):
    a, b = two_shapes(draw)
    linear = {"mul": (0, 1), "div": ()}.get(name, ())
    return Case(getattr(P, name), [numbers(draw, a), numbers(draw, b, 1)], linear)


@case("where")
def where(draw, name):
    a, b = two_shapes(draw)
    condition = np.random.default_rng(draw(st.integers(0, 99))).random(np.broadcast_shapes(a, b)) < 0.5
    return Case(partial(P.where, condition), [numbers(draw, a), numbers(draw, b, 1)])


@case("leaky_relu")
def leaky_relu(draw, name):
    return Case(partial(P.leaky_relu, slope=draw(st.sampled_from([0.0, 0.25]))), [numbers(draw, draw(shapes))])


@case("leaky_relu_grad")
def leaky_relu_grad(draw, name):
    shape = draw(shapes)
    x = numbers(draw, shape)
    slope = draw(st.sampled_from([0.0, 0.25]))

    def f(g):
        return P.leaky_relu_grad(g, x.astype(value(g).dtype), slope=slope)

    return Case(f, [numbers(draw, shape, 1)], (0,))


@case("sum_to", "expand_to")
def broadcast(draw, name):
    large = draw(shapes)
    drop = draw(st.integers(0, len(large)))
    small = tuple(draw(st.sampled_from([1, n])) for n in large[drop:])
    start, end = (large, small) if name == "sum_to" else (small, large)
    return Case(partial(getattr(P, name), shape=end), [numbers(draw, start)], (0,))


@case("cumsum")
def cumsum(draw, name):
    shape = draw(shapes_1)
    dim = draw(st.integers(0, len(shape) - 1))
    return Case(partial(P.cumsum, dim=dim), [numbers(draw, shape)], (0,))


@case("reshape")
def reshape(draw, name):
    shape = draw(shapes_1)
    return Case(partial(P.reshape, shape=draw(st.sampled_from([(-1,), (1, *shape), shape[::-1]]))),
                [numbers(draw, shape)], (0,))  # fmt: skip


@case("permute")
def permute(draw, name):
    shape = draw(shapes_1)
    return Case(partial(P.permute, dims=tuple(draw(st.permutations(range(len(shape)))))), [numbers(draw, shape)], (0,))


@case("concatenate")
def concatenate(draw, name):
    shape = draw(shapes_1)
    dim = draw(st.integers(0, len(shape) - 1))
    parts = [(*shape[:dim], n, *shape[dim + 1 :]) for n in draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))]
    return Case(partial(P.concatenate, dim=dim), [numbers(draw, s) for s in parts])


@st.composite
def keys(draw, shape):
    """What NumPy takes as a key: slices, ints, None, ellipsis; integer arrays with repeats; boolean arrays."""
    if draw(st.booleans()):
        return draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    if draw(st.booleans()):
        return draw(hnp.arrays(bool, shape))
    return draw(hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, max_side=4)))


@case("index", "embed")
def index(draw, name):
    shape = draw(shapes_1)
    key = draw(keys(shape))
    start = shape if name == "index" else np.empty(shape)[key].shape
    return Case(partial(getattr(P, name), key=key, shape=shape), [numbers(draw, start)], (0,))


@case("gather", "scatter")
def gather(draw, name):
    shape = draw(shapes_1)
    positions = draw(hnp.arrays(np.int64, draw(shapes_1), elements=st.integers(0, int(np.prod(shape)) - 1)))
    start = shape if name == "gather" else positions.shape
    return Case(partial(getattr(P, name), positions=positions, shape=shape), [numbers(draw, start)], (0,))


@case("gather_planes", "scatter_planes")
def gather_planes(draw, name):
    n, c, h, w, rows, i, j = (draw(st.integers(1, 3)) for _ in range(7))
    image = draw(hnp.arrays(np.int64, rows, elements=st.integers(0, n - 1)) | st.just(np.arange(n)))
    chosen = draw(hnp.arrays(np.int64, (len(image), c, i, j), elements=st.integers(0, h * w - 1)))
    start = (n, c, h, w) if name == "gather_planes" else chosen.shape
    settings = {"image": image, "chosen": chosen, "shape": (n, c, h, w)}
    return Case(partial(getattr(P, name), **settings), [numbers(draw, start)], (0,))


@case("matmul")
def matmul(draw, name):
    n, k, m = (draw(st.integers(1, 3)) for _ in range(3))
    a, b = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, min_dims=0, max_dims=2, max_side=2)).input_shapes
    return Case(P.matmul, [numbers(draw, (*a, n, k)), numbers(draw, (*b, k, m), 1)], (0, 1))


@case("conv", "conv_input", "conv_weight")
def conv(draw, name):
    k = draw(conv_cases(dtype=np.float64))
    geometry = dict(input_size=k.x.shape[2:], kernel_size=k.w.shape[2:], stride=k.stride, padding=k.padding,
                    dilation=k.dilation, groups=k.groups)  # fmt: skip
    x, w, g = k.x.shape, k.w.shape, k.output_shape
    first, second = {"conv": (x, w), "conv_input": (g, w), "conv_weight": (g, x)}[name]
    return Case(partial(getattr(P, name), **geometry), [numbers(draw, first), numbers(draw, second, 1)], (0, 1))


@case("im2col", "col2im")
def im2col(draw, name):
    k = draw(conv_cases(dtype=np.float64))
    geometry = dict(input_size=k.x.shape[2:], kernel_size=k.w.shape[2:], stride=k.stride, padding=k.padding,
                    dilation=k.dilation)  # fmt: skip
    start = k.x.shape if name == "im2col" else P.im2col(k.x, **geometry).shape
    return Case(partial(getattr(P, name), **geometry), [numbers(draw, start)], (0,))


def statistics(x, eps):
    mean, var = kernels.batch_norm_statistics(value(x))
    return {"mean": mean, "rstd": 1 / np.sqrt(var + eps), "eps": eps}


@case("batch_norm", "batch_norm_input", "batch_norm_weight")
def batch_norm(draw, name):
    n, c, size = draw(st.integers(2, 4)), draw(st.integers(1, 3)), draw(st.sampled_from([(), (2,), (2, 3)]))
    x, g = numbers(draw, (n, c, *size)), numbers(draw, (n, c, *size), 1)
    weight, bias = numbers(draw, (c,), 2), numbers(draw, (c,), 3)
    eps = draw(st.sampled_from([1e-3, 0.1]))
    if name == "batch_norm":
        return Case(lambda x, w, b: P.batch_norm(x, w, b, **statistics(x, eps)), [x, weight, bias])
    if name == "batch_norm_input":
        return Case(lambda g, x, w: P.batch_norm_input(g, x, w, **statistics(x, eps)), [g, x, weight])
    return Case(lambda g, x: P.batch_norm_weight(g, x, **statistics(x, eps)), [g, x])
