"""Activations, normalisation layers, distances, linear, embedding and dropout against PyTorch."""

import pytest

pytest.importorskip("torch")

import numpy as np
from against_torch import Entries, Trial, compare, seeds, shapes, shapes_1, smooth, tied
from hypothesis import given, settings
from hypothesis import strategies as st

entry = Entries()
NUMBERS = {
    "leaky_relu": {"negative_slope": [0.01, 0.5, 0.0, -0.5]},
    "elu": {"alpha": [1.0, 0.25, 2]},
    "gelu": {"approximate": ["none", "tanh"]},
    "softplus": {"beta": [1, 0.5, 3.0], "threshold": [20, 1.25]},
    "hardtanh": {"min_val": [-1.0, -0.5, 0], "max_val": [1.0, 0.5, 0]},
}


@entry("relu", "leaky_relu", "elu", "gelu", "sigmoid", "tanh", "softplus", "hardtanh")
def activation(draw, name):
    options = {k: draw(st.sampled_from(v)) for k, v in NUMBERS.get(name, {}).items()}
    special = draw(st.sampled_from([[], [np.inf, -np.inf, np.nan], [1000.0, -1000.0]]))
    if name in ("leaky_relu", "gelu", "elu"):  # at -inf (slope 0) and NaN PyTorch's is not of one piece with relu
        special = []
    x = np.append(tied(draw, draw(shapes)).ravel(), special)
    order = 1 if name == "elu" else 2  # at 0 the second derivative of PyTorch's elu is that of the other side
    if name == "elu" and draw(st.booleans()):
        x, order = np.append(smooth(draw, 5, -40, 1e-3), -1e-9), 2
    return Trial(lambda m, F, x: getattr(F, name)(input=x, **options), [x], (name, options), order=order)


@entry("softmax", "log_softmax")
def softmax(draw, name):
    x = smooth(draw, draw(shapes)) * draw(st.sampled_from([1, 300]))
    options = {}
    if draw(st.booleans()):
        options["dim"] = draw(st.integers(-max(x.ndim, 1), max(x.ndim, 1) - 1))
    if draw(st.booleans()):
        return Trial(
            lambda m, F, x: getattr(F, name)(x, **options, dtype=m.float32), [x], (name, options), tolerance=1e-5
        )
    return Trial(lambda m, F, x: getattr(F, name)(x, **options), [x], (name, options))


@entry("batch_norm", "instance_norm")
def norm_with_statistics(draw, name):
    n, c = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    size = draw(st.sampled_from([(2,), (3,), (2, 3), (1, 2, 2)] + [()] * (name == "batch_norm")))
    options = {"eps": draw(st.sampled_from([1e-5, 0.1])), "momentum": draw(st.sampled_from([0.1, 0.7, 1]))}
    own, tracked = draw(st.booleans()), draw(st.booleans())
    options["training" if name == "batch_norm" else "use_input_stats"] = own
    n = n + 1 if own and size == () else n
    mean, var = smooth(draw, c), smooth(draw, c, 0.5, 2)
    with_weight, with_bias = draw(st.booleans()), draw(st.booleans())

    def f(m, F, x, w, b):
        running = (m.tensor(mean), m.tensor(var)) if tracked or not own else (None, None)
        y = getattr(F, name)(x, *running, w if with_weight else None, b if with_bias else None, **options)
        if running[0] is None:
            return y
        return y + (running[0] + 2 * running[1]).reshape((1, -1) + (1,) * len(size))  # the statistics it has moved

    arrays = [smooth(draw, (n, c, *size)), smooth(draw, c), smooth(draw, c)]
    order = 1 if with_bias and not with_weight else 2  # PyTorch fails there at the second order
    return Trial(f, arrays, (options, tracked, with_weight, with_bias), order=order, tolerance=1e-7)


@entry("group_norm", "layer_norm")
def norm_of_one(draw, name):
    eps, affine = draw(st.sampled_from([1e-5, 0.1])), [(), (0,), (0, 1)]
    if name == "layer_norm":  # PyTorch's group norm fails with a bias alone
        affine += [(1,)]
    weights = draw(st.sampled_from(affine))
    size = draw(st.sampled_from([(), (2,), (2, 3)]))
    if name == "group_norm":
        groups = draw(st.integers(1, 3))
        over = (groups * draw(st.integers(1, 2)),)
        shape, how = (draw(st.integers(2, 3)), *over, *size), groups
    else:
        over = how = (*size, draw(st.integers(2, 3)))
        shape = draw(st.sampled_from([(), (3,), (2, 2)])) + over

    def f(m, F, x, *parameters):
        w, b = (parameters[i] if i in weights else None for i in (0, 1))
        return getattr(F, name)(x, how, w, b, eps)

    # values apart: where the variance of a pair is near 0 the second derivative is all rounding
    x = smooth(draw, shape) + np.arange(int(np.prod(shape))).reshape(shape) % 3
    order = 1 if weights == (1,) else 2  # PyTorch fails there at the second order
    arrays = [x, smooth(draw, over), smooth(draw, over)]
    return Trial(f, arrays, (shape, how, eps, weights), order=order, tolerance=1e-6)


@entry("local_response_norm")
def local_response_norm(draw, name):
    size = draw(st.integers(1, 7))
    options = draw(st.sampled_from([{}, {"alpha": 0.5, "beta": 1.5, "k": 2.0}, {"alpha": 2, "beta": 1}]))
    x = smooth(draw, (2, draw(st.integers(1, 4)), *draw(st.sampled_from([(3,), (2, 2), (2, 1, 2)]))))
    return Trial(lambda m, F, x: F.local_response_norm(x, size, **options), [x], (size, options))


POWERS = st.sampled_from([2.0, 1, 3, 0.5, 1.5, np.inf, -1, -np.inf, 0])


@entry("normalize")
def normalize(draw, name):
    x = smooth(draw, draw(shapes_1)) + 0.1
    options = {"p": draw(POWERS), "dim": draw(st.integers(-x.ndim, x.ndim - 1))}
    if draw(st.booleans()):
        options["eps"] = 4.0  # above some of the lengths
    if x.ndim > 1 and draw(st.booleans()):
        del options["dim"]
    return Trial(lambda m, F, x: F.normalize(x, **options), [x], options)


@entry("normalize of zeros", "cosine_similarity of zeros", "pairwise_distance of zeros")
def of_zeros(draw, name):
    p = draw(st.sampled_from([2.0, 1, 3, np.inf]))
    x, y = smooth(draw, (3, 2)), smooth(draw, (3, 2))
    x[0] = 0
    name = name.split()[0]
    if name == "normalize":
        return Trial(lambda m, F, x: F.normalize(x, p), [x], p, order=1)
    if name == "cosine_similarity":
        y[1] = draw(st.sampled_from([0, 1e-9]))
        return Trial(lambda m, F, x, y: F.cosine_similarity(x, y), [x, y], order=1)
    return Trial(lambda m, F, x: F.pairwise_distance(x, x * 1, p, eps=0.0), [x], p, order=1)


@entry("cosine_similarity", "pairwise_distance")
def similarity(draw, name):
    a, b = draw(
        st.sampled_from([((2, 3), (2, 3)), ((2, 3, 2), (1, 3, 2)), ((3,), (3,)), ((2, 3), (3,)), ((4, 2),) * 2])
    )
    if name == "cosine_similarity":
        options = {"dim": draw(st.integers(-max(len(a), len(b)), max(len(a), len(b)) - 1))}
        options |= draw(st.sampled_from([{}, {"eps": 2.0}]))
    else:
        options = {"p": draw(POWERS), "keepdim": draw(st.booleans())} | draw(st.sampled_from([{}, {"eps": 0.1}]))
    return Trial(lambda m, F, x, y: getattr(F, name)(x, y, **options), [smooth(draw, a), smooth(draw, b)], options)


@entry("linear")
def linear(draw, name):
    lead, i, o = draw(st.sampled_from([(), (3,), (2, 3), (0,)])), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    out = draw(st.sampled_from([(o,), ()]))
    arrays = [smooth(draw, (*lead, i)), smooth(draw, (*out, i))]
    if out and draw(st.booleans()):
        arrays.append(smooth(draw, out))
    return Trial(lambda m, F, *args: F.linear(*args), arrays)


@entry("embedding")
def embedding(draw, name):
    rows = draw(st.integers(1, 4))
    indices = np.random.default_rng(draw(seeds)).integers(0, rows, draw(shapes))
    padding = draw(st.sampled_from([None, 0, -1, rows - 1]))
    return Trial(lambda m, F, w: F.embedding(m.tensor(indices), w, padding), [smooth(draw, (rows, 2))], padding)


@entry("one_hot")
def one_hot(draw, name):
    classes = np.random.default_rng(draw(seeds)).integers(0, 4, draw(shapes))
    number = draw(st.sampled_from([-1, 4, 6]))
    return Trial(lambda m, F: F.one_hot(m.tensor(classes), number), [], number, grad=False)


@entry("dropout")
def dropout(draw, name):
    options = draw(st.sampled_from([{"p": 0.0}, {"p": 1.0}, {"p": 0.3, "training": False}, {"training": False}]))
    return Trial(lambda m, F, x: F.dropout(x, **options) * 1, [tied(draw, draw(shapes))], options)


@pytest.mark.parametrize("name", entry)
@settings(max_examples=40)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")  # PyTorch is outspoken about things that both allow
def test_activations_and_norms(name, data, peers):
    compare(f"F.{name}", data.draw(entry[name]), peers)
