"""The functions of pcn.functional against PyTorch."""

import pytest

pytest.importorskip("torch")

import numpy as np
from against_torch import Entries, Trial, compare, seeds, shapes, shapes_1, smooth, tied
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet.testing.strategies import conv_cases, pool_cases

entry = Entries()


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


@pytest.mark.parametrize("name", entry)
@settings(max_examples=40)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")  # PyTorch is outspoken about things that both allow
def test_functional(name, data, peers):
    compare(name, data.draw(entry[name]), peers)
