"""The loss functions against PyTorch: values, and gradients of both orders, of the targets too where it has them."""

import pytest

pytest.importorskip("torch")

import numpy as np
from against_torch import Entries, Trial, compare, seeds, shapes, smooth, tied
from hypothesis import given, settings
from hypothesis import strategies as st

entry = Entries()


def reduction(draw):
    """reduction=, and now and then its former way."""
    words = [{"reduction": r} for r in ("mean", "sum", "none")]
    former = [{"size_average": a, "reduce": b} for a in (None, True, False) for b in (None, True, False)]
    return draw(st.sampled_from(words * 3 + former))


@entry("mse_loss", "l1_loss")
def weighted_loss(draw, name):
    s, options, weighted = draw(shapes), reduction(draw), draw(st.booleans())
    if weighted and ("size_average" in options):
        options = {}

    def f(m, F, x, t, w):
        return getattr(F, name)(x, t, **options, **({"weight": w} if weighted else {}))

    arrays = tied(draw, s) if name == "l1_loss" else smooth(draw, s), tied(draw, s), smooth(draw, s, 0.5, 2)
    return Trial(f, list(arrays), (name, options, weighted))


@entry("smooth_l1_loss", "huber_loss")
def robust_loss(draw, name):
    s, options, weighted = draw(shapes), reduction(draw), draw(st.booleans())
    size = draw(st.sampled_from([1.0, 0.5, 2.0, 0.0] if name == "smooth_l1_loss" else [1.0, 0.3, 2]))
    options["beta" if name == "smooth_l1_loss" else "delta"] = size
    if name == "huber_loss":
        options = {k: v for k, v in options.items() if k in ("reduction", "delta")}

    def f(m, F, x, t, w):
        return getattr(F, name)(x, t, **options, **({"weight": w} if weighted and name == "huber_loss" else {}))

    return Trial(f, [smooth(draw, s), tied(draw, s), smooth(draw, s, 0.5, 2)], (options, weighted))


@entry("binary_cross_entropy", "binary_cross_entropy_with_logits")
def binary(draw, name):
    s, options = draw(shapes), reduction(draw)
    broadcast = s[draw(st.integers(0, len(s))) :]
    arrays = [smooth(draw, s), smooth(draw, s, 0, 1)]
    extra = [smooth(draw, broadcast, 0.1, 2), smooth(draw, broadcast, 0.1, 2)]
    weighted, positive = draw(st.booleans()), draw(st.booleans())
    if name == "binary_cross_entropy":
        arrays[0] = smooth(draw, s, 0.01, 0.99)
        positive = False
    else:
        arrays[0] = arrays[0] * draw(st.sampled_from([1, 100]))

    def f(m, F, x, t):
        more = {"weight": m.tensor(extra[0])} if weighted else {}
        more |= {"pos_weight": m.tensor(extra[1])} if positive else {}
        return getattr(F, name)(x, t, **options, **more)

    return Trial(f, arrays, (options, weighted, positive))


@entry("binary_cross_entropy at 0 and 1")
def certain(draw, name):
    x = np.array([0.0, 1.0, 0.0, 1.0, 0.5, 1e-13, 1 - 1e-13, 1e-30])
    t = np.array([0.0, 0.0, 1.0, 1.0, 1.0, 0.25, 0.5, 1.0])
    options = reduction(draw)
    f = lambda m, F, x: F.binary_cross_entropy(x, m.tensor(t), **options)
    return Trial(f, [x], options, order=1, tolerance=1e-8)  # PyTorch's 1e-12 there is a float32


def classes_of(draw, shape, c, ignore=()):
    """Classes, a fifth of them to be ignored."""
    rng = np.random.default_rng(draw(seeds))
    target = rng.integers(0, c, shape)
    return np.where(rng.random(target.shape) < 0.2, draw(st.sampled_from(ignore)), target) if ignore else target


@entry("cross_entropy", "nll_loss")
def class_loss(draw, name):
    c, rest = draw(st.integers(1, 4)), draw(st.sampled_from([None, (3,), (2, 3), (2, 2, 2)]))
    s = (c,) if rest is None else (rest[0], c, *rest[1:])
    ignore = draw(st.sampled_from([-100, 0, -1]))
    target = classes_of(draw, rest or (), c, (ignore,))
    weight = draw(st.sampled_from([None, np.random.default_rng(draw(seeds)).uniform(0.1, 2, c)]))
    options = {"ignore_index": ignore, **reduction(draw)}
    if name == "cross_entropy":
        options["label_smoothing"] = draw(st.sampled_from([0.0, 0.3, 1]))

    def f(m, F, x):
        w = {} if weight is None else {"weight": m.tensor(weight)}
        return getattr(F, name)(x, m.tensor(target), **w, **options)

    return Trial(f, [smooth(draw, s)], (target, options, weight))


@entry("cross_entropy with probabilities")
def soft_cross_entropy(draw, name):
    s = draw(st.sampled_from([(3,), (2, 3), (2, 3, 2)]))
    options = {**reduction(draw), "label_smoothing": draw(st.sampled_from([0.0, 0.3]))}
    weight = draw(st.sampled_from([None, [0.5, 1.0, 2.0]]))

    def f(m, F, x, q):
        w = {} if weight is None else {"weight": m.tensor(weight, dtype=m.float64)}
        return F.cross_entropy(x, q, **w, **options)

    return Trial(f, [smooth(draw, s), smooth(draw, s, 0, 1)], (options, weight))


@entry("multi_margin_loss")
def multi_margin_loss(draw, name):
    c, lead = draw(st.integers(1, 4)), draw(st.sampled_from([(), (1,), (3,)]))
    options = {
        "p": draw(st.sampled_from([1, 2])),
        "margin": draw(st.sampled_from([1.0, 0.5, 0, -1])),
        **reduction(draw),
    }
    target, weight = classes_of(draw, lead, c), draw(st.sampled_from([None, smooth(draw, c, 0.1, 2)]))

    def f(m, F, x):
        w = {} if weight is None else {"weight": m.tensor(weight)}
        return F.multi_margin_loss(x, m.tensor(target), **w, **options)

    x = draw(st.sampled_from([smooth, tied]))(draw, (*lead, c))
    return Trial(f, [x], (target, options, weight), order=1)  # PyTorch has no second order here


@entry("kl_div")
def kl_div(draw, name):
    s = draw(st.sampled_from([(), (3,), (2, 3), (2, 3, 2)]))
    log_target, options = draw(st.booleans()), draw(st.sampled_from([{"reduction": "batchmean"}, reduction(draw)]))
    t = smooth(draw, s, -3, 0) if log_target else smooth(draw, s, 0.05, 1)
    if s and draw(st.booleans()) and not log_target:
        t[0] = 0  # the derivative there by the target is NaN in PyTorch
        return Trial(lambda m, F, x: F.kl_div(x, m.tensor(t), **options), [smooth(draw, s, -3, 0)], (t, options))
    return Trial(
        lambda m, F, x, t: F.kl_div(x, t, log_target=log_target, **options), [smooth(draw, s, -3, 0), t], options
    )


@entry("hinge_embedding_loss")
def hinge_embedding_loss(draw, name):
    s, options = draw(shapes), {"margin": draw(st.sampled_from([1.0, 0.5, 0])), **reduction(draw)}
    y = np.random.default_rng(draw(seeds)).choice([-1, 1, 1, 0], s)
    return Trial(lambda m, F, x: F.hinge_embedding_loss(x, m.tensor(y), **options), [tied(draw, s)], (y, options))


@entry("margin_ranking_loss")
def margin_ranking_loss(draw, name):
    s, options = draw(shapes), {"margin": draw(st.sampled_from([0.0, 0.5, 1])), **reduction(draw)}
    y = np.random.default_rng(draw(seeds)).choice([-1.0, 1.0], s)
    arrays = [tied(draw, s), tied(draw, s)]
    return Trial(lambda m, F, a, b: F.margin_ranking_loss(a, b, m.tensor(y), **options), arrays, (y, options))


@entry("triplet_margin_loss")
def triplet_margin_loss(draw, name):
    s = draw(st.sampled_from([(3,), (4, 2), (2, 3, 2)]))
    options = {"margin": draw(st.sampled_from([1.0, 0.3])), "p": draw(st.sampled_from([2, 1, 3, np.inf, 1.5]))}
    options |= {"swap": draw(st.booleans()), "eps": draw(st.sampled_from([1e-6, 0.1])), **reduction(draw)}
    arrays = [
        smooth(draw, s),
        smooth(draw, s),
        smooth(draw, draw(st.sampled_from([s, (1, *s[1:])])) if len(s) > 1 else s),
    ]
    return Trial(lambda m, F, *x: F.triplet_margin_loss(*x, **options), arrays, options, tolerance=1e-8)


@pytest.mark.parametrize("name", entry)
@settings(max_examples=40)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")  # PyTorch is outspoken about things that both allow
def test_losses(name, data, peers):
    compare(f"F.{name}", data.draw(entry[name]), peers)
