"""PyTorch as the witness: the same call in both libraries gives the same values, first and second gradients.

A trial is written once: `f(m, F, *tensors)` runs with m = pyconvnet and with m = torch, which is also the
promise that changing the import is enough. To cover a name, enter a strategy of trials under it.
"""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pyconvnet as pcn
from pyconvnet.testing.strategies import conv_cases, pool_cases

torch = pytest.importorskip("torch")

ENTRIES = {}  # name -> strategy of Trial


@dataclass
class Trial:
    """f(m, F, *tensors) on both sides; `says` is what a failure prints. With grad=False only values are
    compared."""

    f: object
    arrays: list
    says: object = None
    grad: bool = True

    def __repr__(self):
        return f"Trial({self.says}, shapes {[np.shape(a) for a in self.arrays]})"


def entry(*names):
    def enter(draw_trial):
        for name in names:
            ENTRIES[name] = st.composite(draw_trial)(name)
        return draw_trial

    return enter


shapes = hnp.array_shapes(min_dims=0, max_dims=3, max_side=4)
shapes_1 = hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)
seeds = st.integers(0, 2**16)


def smooth(draw, shape, low=-3.0, high=3.0):
    """Values without ties."""
    return np.random.default_rng(draw(seeds)).uniform(low, high, shape)


def tied(draw, shape):
    """Few different values: many ties, many zeros."""
    return np.random.default_rng(draw(seeds)).integers(-2, 3, shape) / 2


def dims(draw, ndim):
    """None, an axis (also from behind), or several."""
    if not ndim:
        return draw(st.sampled_from([None, 0, -1]))
    axis = st.integers(-ndim, ndim - 1)
    several = st.lists(st.integers(0, ndim - 1), min_size=1, max_size=ndim, unique=True).map(tuple)
    return draw(st.one_of(st.none(), axis, several))


@entry("exp", "log", "sqrt", "tanh", "sigmoid", "abs", "square", "relu", "clone", "double", "neg")
def unary(draw, name):
    x = smooth(draw, draw(shapes), 0.1) if name in ("log", "sqrt") else tied(draw, draw(shapes))
    if name == "neg":
        return Trial(lambda m, F, x: -x, [x], name)
    return Trial(lambda m, F, x: getattr(x, name)(), [x], name)


@entry("F.relu", "F.leaky_relu", "F.sigmoid", "F.tanh", "F.softplus")
def activation(draw, name):
    name = name.removeprefix("F.")
    options = {
        "leaky_relu": {"negative_slope": draw(st.sampled_from([0.01, 0.5, 0.0]))},
        "softplus": {
            "beta": draw(st.sampled_from([1, 0.5, 3.0])),
            "threshold": draw(st.sampled_from([20, 1.25])),
        },
    }.get(name, {})
    special = draw(st.sampled_from([[], [np.inf, -np.inf, np.nan], [1000.0, -1000.0]]))
    special = (
        [] if name == "leaky_relu" else special
    )  # at -inf (slope 0) and NaN PyTorch's is not of one piece with relu
    x = np.append(tied(draw, draw(shapes)).ravel(), special)
    return Trial(lambda m, F, x: getattr(F, name)(input=x, **options), [x], (name, options))


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


@entry("conv2d")
def conv2d(draw, name):
    c = draw(conv_cases(dtype=np.float64))
    options = dict(stride=c.stride, padding=c.padding, dilation=c.dilation, groups=c.groups)
    x, w = smooth(draw, c.x.shape), smooth(draw, c.w.shape)
    x = x[0] if draw(st.booleans()) else x
    if draw(st.booleans()):
        return Trial(lambda m, F, x, w: F.conv2d(x, w, **options), [x, w], options)
    return Trial(lambda m, F, x, w, b: F.conv2d(x, w, b, **options), [x, w, smooth(draw, len(w))], options)


@entry("conv2d with named padding")
def conv2d_named(draw, name):
    kernel, dilation = (draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))), draw(st.integers(1, 2))
    side = 1 + dilation * 3 + draw(st.integers(0, 2))
    x, w = smooth(draw, (1, 2, side, side)), smooth(draw, (2, 2, *kernel))
    padding = draw(st.sampled_from(["same", "valid"]))
    return Trial(
        lambda m, F, x, w: F.conv2d(x, w, padding=padding, dilation=dilation), [x, w], (padding, dilation)
    )


@entry("linear")
def linear(draw, name):
    lead, i, o = (
        draw(st.sampled_from([(), (3,), (2, 3), (0,)])),
        draw(st.integers(1, 3)),
        draw(st.integers(1, 3)),
    )
    out = draw(st.sampled_from([(o,), ()]))
    arrays = [smooth(draw, (*lead, i)), smooth(draw, (*out, i))]
    if out and draw(st.booleans()):
        arrays.append(smooth(draw, out))
    return Trial(lambda m, F, *args: F.linear(*args), arrays)


@entry("max_pool2d")
def max_pool2d(draw, name):
    c = draw(pool_cases(dtype=np.float64))
    stride = draw(st.sampled_from([c.stride, None]))
    options = dict(kernel_size=c.kernel_size, stride=stride, padding=c.padding)
    options |= dict(dilation=c.dilation, ceil_mode=c.ceil_mode)
    x = c.x if draw(st.booleans()) else tied(draw, c.x.shape)
    # PyTorch gives the gradient of a window wholly in the padding to some pixel, here nobody gets it
    met = pcn.kernels.max_pool_indices(x, **options).min() >= 0
    x = x[0] if draw(st.booleans()) else x
    return Trial(lambda m, F, x: F.max_pool2d(x, **options), [x], options, grad=bool(met))


@entry("max_pool2d with indices")
def max_pool2d_indices(draw, name):
    x = smooth(draw, (1, 2, 5, 6))
    return Trial(lambda m, F, x: F.max_pool2d(x, 3, 2, 1, return_indices=True)[1], [x], grad=False)


@entry("batch_norm")
def batch_norm(draw, name):
    n, c, size = draw(st.integers(2, 4)), draw(st.integers(1, 3)), draw(st.sampled_from([(), (3,), (2, 3)]))
    training, affine, eps = draw(st.booleans()), draw(st.booleans()), draw(st.sampled_from([1e-5, 0.1]))
    momentum = draw(st.sampled_from([0.1, 0.7]))
    mean, var = smooth(draw, c), smooth(draw, c, 0.5, 2)

    def f(m, F, x, *weights):
        running = m.tensor(mean), m.tensor(var)
        y = F.batch_norm(x, *running, *weights, training=training, momentum=momentum, eps=eps)
        return y + (running[0] + 2 * running[1]).reshape(
            (1, -1) + (1,) * len(size)
        )  # the statistics it has moved

    weights = [smooth(draw, c), smooth(draw, c)] if affine else []
    return Trial(f, [smooth(draw, (n, c, *size)), *weights], (training, momentum, eps))


@entry("mse_loss", "binary_cross_entropy_with_logits")
def pointwise_loss(draw, name):
    s, reduction = draw(shapes_1), draw(st.sampled_from(["mean", "sum", "none"]))
    options, extra = {"reduction": reduction}, []
    if name != "mse_loss":
        extra = [np.abs(smooth(draw, s[-1:])), np.abs(smooth(draw, s[-1:]))]
    weighted, positive = draw(st.booleans()), draw(st.booleans())

    def f(m, F, x, t, *extra):
        more = {"weight": extra[0].detach()} if extra and weighted else {}
        more |= {"pos_weight": extra[1].detach()} if extra and positive else {}
        return getattr(F, name)(x, t, **options, **more)

    x = smooth(draw, s) * draw(st.sampled_from([1, 100]))
    return Trial(f, [x, smooth(draw, s, 0, 1), *extra], (options, weighted, positive))


@entry("cross_entropy", "nll_loss")
def class_loss(draw, name):
    c, rest = draw(st.integers(1, 4)), draw(st.sampled_from([None, (3,), (2, 3), (2, 2, 2)]))
    s = (c,) if rest is None else (rest[0], c, *rest[1:])
    rng = np.random.default_rng(draw(seeds))
    target, ignore = rng.integers(0, c, rest or ()), draw(st.sampled_from([-100, 0, -1]))
    target = np.where(rng.random(target.shape) < 0.2, ignore, target)
    weight = draw(st.sampled_from([None, rng.uniform(0.1, 2, c)]))
    options = {"ignore_index": ignore, "reduction": draw(st.sampled_from(["mean", "sum", "none"]))}
    if name == "cross_entropy":
        options["label_smoothing"] = draw(st.sampled_from([0.0, 0.3]))

    def f(m, F, x):
        w = {} if weight is None else {"weight": m.tensor(weight)}
        return getattr(F, name)(x, m.tensor(target), **w, **options)

    return Trial(f, [smooth(draw, s)], (target, options, weight))


@entry("cross_entropy with probabilities")
def soft_cross_entropy(draw, name):
    s = draw(st.sampled_from([(3,), (2, 3), (2, 3, 2)]))
    options = {
        "reduction": draw(st.sampled_from(["mean", "sum", "none"])),
        "label_smoothing": draw(st.sampled_from([0.0, 0.3])),
    }
    weight = draw(st.sampled_from([None, [0.5, 1.0, 2.0]]))

    def f(m, F, x, q):
        w = {} if weight is None else {"weight": m.tensor(weight, dtype=m.float64)}
        return F.cross_entropy(x, q, **w, **options)

    return Trial(f, [smooth(draw, s), smooth(draw, s, 0, 1)], (options, weight))


def run(m, F, trial, tensors, weights):
    """Value, first gradients, second gradients, as arrays; None where there is none."""
    y = trial.f(m, F, *tensors)
    results = [y]
    if trial.grad:
        directions = [m.tensor(w) for w in weights]
        loss = (y * m.tensor(np.cos(np.arange(math.prod(y.shape)).reshape(tuple(y.shape))))).sum()
        for order in (1, 2):
            options = {} if m is pcn else {"materialize_grads": False}
            g = (
                m_grad(m)(loss, tensors, create_graph=order == 1, allow_unused=True, **options)
                if loss.requires_grad
                else []
            )
            results += [*g, *[None] * (len(tensors) - len(g))]
            connected = [(a * d).sum() for a, d in zip(g, directions) if a is not None and a.requires_grad]
            loss = sum(connected, m.tensor(np.zeros(())))
    return [r if r is None else np.asarray(r.detach() + 0) for r in results]


def m_grad(m):
    return pcn.grad if m is pcn else torch.autograd.grad


@pytest.mark.parametrize("name", ENTRIES)
@settings(max_examples=40)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")  # PyTorch is outspoken about things that both allow
def test_values_first_and_second_gradients(name, data):
    trial = data.draw(ENTRIES[name])
    weights = [np.random.default_rng(7).standard_normal(np.shape(a)) for a in trial.arrays]
    with np.errstate(all="ignore"):
        ours = run(
            pcn,
            pcn.functional,
            trial,
            [pcn.tensor(a, requires_grad=trial.grad) for a in trial.arrays],
            weights,
        )
        theirs = run(torch, torch.nn.functional, trial,
                     [torch.tensor(a, requires_grad=trial.grad) for a in trial.arrays], weights)  # fmt: skip
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        a, b = (
            np.zeros(()) if r is None else r for r in (a, b)
        )  # no gradient and a zero gradient are the same
        what = f"{'value' if i == 0 else 'gradient'} {i} of {trial!r}"
        if a.shape != b.shape:
            assert not a.any() and not b.any() and i, f"{what}: shape {a.shape}, in PyTorch {b.shape}"
        else:
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=what)
            assert a.dtype == b.dtype or i, what
