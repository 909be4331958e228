"""Convolution, pooling, padding, resizing and sampling against PyTorch: the functions and the modules."""

from collections import Counter

import pytest

pytest.importorskip("torch")

import numpy as np
import torch
from against_torch import Entries, Trial, compare, seeds, smooth, tied
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet.testing.strategies import conv_cases, pool_cases

entry = Entries()
pairs = st.integers(1, 3) | st.tuples(st.integers(1, 3), st.integers(1, 3))


def batch_or_not(draw, x):
    return x[0] if draw(st.booleans()) else x


@entry("conv1d", "conv2d")
def convolution(draw, name):
    c = draw(conv_cases(dtype=np.float64))
    options = dict(stride=c.stride, padding=c.padding, dilation=c.dilation, groups=c.groups)
    x, w = smooth(draw, c.x.shape), smooth(draw, c.w.shape)
    if name == "conv1d":
        x, w = x[:, :, 0], w[:, :, 0]
        options = {k: v[1] if k != "groups" else v for k, v in options.items()}
    x = batch_or_not(draw, x)
    bias = [smooth(draw, len(w))] * draw(st.booleans())
    return Trial(lambda m, F, *args: getattr(F, name)(*args, **options), [x, w, *bias], options)


@entry("conv2d with named padding", "conv1d with named padding")
def named_padding(draw, name):
    f, axes = name.split()[0], int(name[4])
    kernel, dilation = [draw(st.integers(1, 4)) for _ in range(axes)], draw(st.integers(1, 2))
    side = 1 + dilation * 3 + draw(st.integers(0, 2))
    x, w = smooth(draw, (1, 2, *[side] * axes)), smooth(draw, (2, 2, *kernel))
    options = dict(padding=draw(st.sampled_from(["same", "valid"])), dilation=dilation)
    return Trial(lambda m, F, x, w: getattr(F, f)(x, w, **options), [x, w], options)


@entry("conv_transpose2d")
def conv_transpose2d(draw, name):
    kernel, stride, dilation = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in range(3))
    output_padding = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation))
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    full = [(n - 1) * s + d * (k - 1) + 1 + o for n, s, d, k, o in zip(size, stride, dilation, kernel, output_padding)]
    padding = tuple(draw(st.integers(0, min(3, (f - 1) // 2))) for f in full)
    groups, inner, outer = (draw(st.integers(1, 2)) for _ in range(3))
    options = dict(stride=stride, padding=padding, output_padding=output_padding, groups=groups, dilation=dilation)
    x = smooth(draw, (draw(st.integers(0, 2)), inner * groups, *size))
    w = smooth(draw, (inner * groups, outer, *kernel))
    x = batch_or_not(draw, x) if len(x) else x
    bias = [smooth(draw, outer * groups)] * draw(st.booleans())
    return Trial(lambda m, F, *args: F.conv_transpose2d(*args, **options), [x, w, *bias], options)


@entry("unfold", "fold")
def columns(draw, name):
    c = draw(conv_cases(dtype=np.float64))
    options = dict(kernel_size=c.w.shape[2:], dilation=c.dilation, padding=c.padding, stride=c.stride)
    x = batch_or_not(draw, smooth(draw, c.x.shape))
    if name == "unfold":
        return Trial(lambda m, F, x: F.unfold(x, **options), [x], options)
    cols = smooth(draw, pcn.nn.functional.unfold(x, **options).shape)
    options["output_size"] = c.x.shape[2:]
    return Trial(lambda m, F, x: F.fold(x, **options), [cols], options)


@entry("max_pool1d", "max_pool2d")
def max_pool(draw, name):
    c = draw(pool_cases(dtype=np.float64))
    stride = draw(st.sampled_from([c.stride, None]))
    options = dict(kernel_size=c.kernel_size, stride=stride, padding=c.padding)
    options |= dict(dilation=c.dilation, ceil_mode=c.ceil_mode)
    x = c.x if draw(st.booleans()) else tied(draw, c.x.shape)
    if name == "max_pool1d":
        x = x[:, :, :1]
        options |= {k: (n, v[1]) for k, v, n in (("kernel_size", c.kernel_size, 1), ("padding", c.padding, 0))}
        options |= {"dilation": (1, c.dilation[1]), "stride": stride and (1, stride[1])}
    # PyTorch gives the gradient of a window wholly in the padding to some pixel, here nobody gets it
    met = pcn.kernels.max_pool_indices(x, **options).min() >= 0
    if name == "max_pool1d":
        x = x[:, :, 0]
        options = {k: v[1] if isinstance(v, tuple) else v for k, v in options.items()}
    x = batch_or_not(draw, x)
    return Trial(lambda m, F, x: getattr(F, name)(x, **options), [x], options, grad=bool(met))


@entry("max_pool1d indices", "max_pool2d indices", "adaptive_max_pool2d indices")
def positions(draw, name):
    f = name.split()[0]
    x, n = tied(draw, (1, 2, 5, 6)), draw(st.integers(1, 4))
    x = x[0] if f == "max_pool1d" else x
    args = (n,) if "adaptive" in name else (3, draw(st.sampled_from([None, 1, 2])), 1)
    return Trial(lambda m, F, x: getattr(F, f)(x, *args, return_indices=True)[1], [x], (f, args), grad=False)


@entry("avg_pool2d")
def avg_pool2d(draw, name):
    c = draw(pool_cases(dtype=np.float64))
    k, s, p = c.kernel_size, c.stride, c.padding
    size = tuple(max(n, a) for n, a in zip(c.x.shape[2:], k))  # without the dilation
    options = dict(kernel_size=k, stride=draw(st.sampled_from([s, None])), padding=p, ceil_mode=c.ceil_mode)
    options |= dict(count_include_pad=draw(st.booleans()), divisor_override=draw(st.sampled_from([None, 3, -2])))
    x = smooth(draw, (*c.x.shape[:2], *size))
    if draw(st.integers(0, 3)) == 0:
        x.flat[draw(st.integers(0, x.size - 1))] = draw(st.sampled_from([np.nan, np.inf]))
    return Trial(lambda m, F, x: F.avg_pool2d(x, **options), [batch_or_not(draw, x)], options)


@entry("adaptive_avg_pool2d", "adaptive_max_pool2d")
def adaptive(draw, name):
    x = smooth(draw, draw(st.tuples(st.integers(0, 2), st.integers(1, 2), st.integers(1, 7), st.integers(1, 7))))
    if x.size and draw(st.integers(0, 3)) == 0:
        x.flat[draw(st.integers(0, x.size - 1))] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    one = st.integers(0, 9)
    size = draw(one | st.tuples(one | st.none(), one | st.none()))
    x = batch_or_not(draw, x) if len(x) else x
    empty = 0 in (size if isinstance(size, tuple) else (size,))  # PyTorch has no gradient then
    return Trial(lambda m, F, x: getattr(F, name)(x, size), [x], size, grad=not empty)


@entry("interpolate nearest", "interpolate linear")
def interpolate(draw, name):
    axes = draw(st.integers(1, 3))
    mode = "nearest" if "nearest" in name else ("linear", "bilinear", "trilinear")[axes - 1]
    size = draw(st.tuples(*[st.integers(1, 6)] * axes))
    options = {"mode": mode}
    if mode != "nearest":
        options["align_corners"] = draw(st.sampled_from([None, False, True]))
    if draw(st.booleans()):
        options["size"] = draw(st.integers(1, 12) | st.tuples(*[st.integers(1, 12)] * axes))
    else:
        factor = st.floats(1 / min(size), 4) | st.sampled_from([2, 1.0, 1.5, 2.0, 3])
        options["scale_factor"] = draw(factor | st.tuples(*[factor] * axes))
        options["recompute_scale_factor"] = draw(st.sampled_from([None, False, True]))
        factors = np.broadcast_to(options["scale_factor"], axes)
        new = [int(n * f) for n, f in zip(size, factors)]
        # With a factor a little above 1 or 2 PyTorch's nearest is not of one piece: the plain formula, or the pixel of
        # the same number (or half of it), by memory layout, and in the gradient always.
        odd = any(m in (n, 2 * n) and m != n * f for n, m, f in zip(size, new, factors))
        if min(new) < 1 or (odd and mode == "nearest"):
            options["scale_factor"] = 2.0
    x = smooth(draw, (draw(st.integers(1, 2)), 2, *size))
    if mode == "nearest" and draw(st.booleans()):
        x.flat[draw(st.integers(0, x.size - 1))] = np.nan
    return Trial(lambda m, F, x: F.interpolate(x, **options), [x], options)


@entry("grid_sample")
def grid_sample(draw, name):
    axes = draw(st.sampled_from([2, 2, 3]))
    n, size, out = draw(st.integers(1, 2)), draw(st.tuples(*[st.integers(1, 4)] * axes)), (2, 3, 2)[:axes]
    options = dict(mode=draw(st.sampled_from(["bilinear", "nearest", "bicubic"][: 5 - axes])))
    options |= dict(padding_mode=draw(st.sampled_from(["zeros", "border", "reflection"])))
    options |= dict(align_corners=draw(st.booleans()))
    grid = smooth(draw, (n, *out, axes), -1.1, 1.1) * draw(st.sampled_from([1, 1, 3, 20]))
    special = draw(st.sampled_from([None, (1, -1, 0), (np.nan, 0.5, 0.2), (1e20, 0.1, -1e30)]))
    if special and options["mode"] == "bilinear" and axes == 2:  # with depth PyTorch takes NaN for another place
        grid.flat[:3] = special
    far = not (np.abs(grid) < 1e6).all()  # PyTorch's gradient reads beyond its memory there
    return Trial(lambda m, F, x, g: F.grid_sample(x, g, **options), [smooth(draw, (n, 2, *size)), grid],
                 (options, grid), grad=not far, tolerance=1e-8)  # fmt: skip


@entry("affine_grid")
def affine_grid(draw, name):
    axes, align = draw(st.integers(2, 3)), draw(st.booleans())
    size = draw(st.tuples(st.integers(1, 2), st.integers(1, 2), *[st.integers(1, 4)] * axes))
    theta = smooth(draw, (size[0], axes, axes + 1))
    return Trial(lambda m, F, theta: F.affine_grid(theta, size, align), [theta], (size, align))


@entry("grid_sample of affine_grid")
def warp(draw, name):
    theta = smooth(draw, (1, 2, 3), -1, 1)

    def f(m, F, x, theta):
        return F.grid_sample(x, F.affine_grid(theta, (1, 2, 3, 4), align_corners=True), align_corners=True)
    return Trial(f, [smooth(draw, (1, 2, 4, 5)), theta], theta, tolerance=1e-8)


@entry("pad constant")
def pad_constant(draw, name):
    shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    k = draw(st.integers(0, len(shape)))
    amounts = []
    for n in shape[::-1][:k]:
        before = draw(st.integers(-n, 3))
        amounts += [before, draw(st.integers(-n - min(before, 0), 3))]
    fill = draw(st.sampled_from([None, 0, 1.5, -2, np.inf]))
    return Trial(lambda m, F, x: F.pad(x, tuple(amounts), value=fill), [smooth(draw, shape)], (amounts, fill))


@entry("pad reflect", "pad replicate", "pad circular")
def pad_other(draw, name):
    mode, axes = name.split()[1], draw(st.integers(1, 3))
    shape = draw(st.lists(st.integers(1, 4), min_size=axes + 1, max_size=axes + 2))
    amounts = []
    for n in shape[::-1][:axes]:
        most = {"reflect": n - 1, "replicate": 4, "circular": n}[mode]
        cropped = st.sampled_from([(-(n // 2), most // 2), (most // 2, -(n // 2)), (-(n // 3), -(n // 3))])
        padded = st.tuples(st.integers(0, most), st.integers(0, most))
        before, after = draw(padded | cropped)
        room = n + min(before, 0) + min(after, 0)
        amounts += [min(before, room), min(after, room)] if mode == "circular" else [before, after]
    return Trial(lambda m, F, x: F.pad(x, amounts, mode), [smooth(draw, shape)], (mode, amounts))


@entry("pixel_shuffle")
def pixel_shuffle(draw, name):
    r, lead = draw(st.integers(1, 3)), draw(st.sampled_from([(), (2,), (0,), (2, 3)]))
    shape = (*lead, draw(st.integers(1, 2)) * r * r, draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    # PyTorch's gradient of an empty one has the wrong shape
    return Trial(lambda m, F, x: F.pixel_shuffle(x, r), [smooth(draw, shape)], (shape, r), grad=0 not in shape)


@pytest.mark.parametrize("name", entry)
@settings(max_examples=60)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")  # PyTorch is outspoken about things that both allow
def test_spatial_functions(name, data, peers):
    compare(name, data.draw(entry[name]), peers)


@pytest.mark.parametrize("name", ["conv1d", "conv2d", "conv_transpose2d", "avg_pool2d", "interpolate linear"])
@settings(max_examples=20)
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")
def test_spatial_functions_in_float32(name, data, peers):
    trial = data.draw(entry[name])
    trial.arrays, trial.tolerance = [a.astype(np.float32) for a in trial.arrays], 2e-3
    trial.order = 1
    compare(f"{name}, float32", trial, peers)


@settings(max_examples=200)
@given(n=st.integers(1, 60), factor=st.floats(0.05, 8) | st.sampled_from([1.1, 1.3, 0.7, 1 / 3, 2.5]), seed=seeds)
def test_nearest_meets_the_same_pixels(n, factor, seed):
    if int(n * factor) < 1:
        return
    x = np.random.default_rng(seed).permutation(n).astype(np.float32).reshape(1, 1, n)
    for options in ({"scale_factor": factor}, {"size": int(n * factor)}):
        ours, theirs = (m.nn.functional.interpolate(m.tensor(x), **options) for m in (pcn, torch))
        np.testing.assert_array_equal(ours.data, theirs.numpy())


PICTURE, ROW, VOLUME = (2, 4, 6, 7), (2, 4, 9), (2, 4, 3, 4, 5)
PAD_SHAPES = {1: ROW, 2: PICTURE, 3: VOLUME}
LAYERS = [
    ("Conv1d", (4, 6, 3), {"padding": 1, "groups": 2}, ROW), ("Conv1d", (4, 2, 4), {"padding": "same"}, ROW),
    ("Conv1d", (4, 2, 4), {"padding": "same", "padding_mode": "reflect"}, ROW),
    ("Conv2d", (4, 6, (3, 2)), {"stride": 2, "padding": 1, "groups": 2}, PICTURE),
    ("Conv2d", (4, 3, 3), {"bias": False, "dilation": 2, "padding": "same"}, PICTURE),
    ("Conv2d", (4, 3, (2, 3)), {"padding": (1, 2), "padding_mode": "circular"}, PICTURE),
    ("Conv2d", (4, 3, 4), {"padding": "same", "padding_mode": "replicate", "dilation": (1, 2)}, PICTURE),
    ("Conv2d", (4, 3, 3, 1, 2), {"padding_mode": "reflect"}, PICTURE[1:]),
    ("Conv2d", (4, 3, 3), {"padding": "valid", "padding_mode": "reflect"}, PICTURE),
    ("ConvTranspose2d", (4, 6, 3), {"stride": 2, "output_padding": 1, "groups": 2}, PICTURE),
    ("ConvTranspose2d", (4, 2, (2, 3), (1, 2), 1, 0, 1, False, 2), {}, PICTURE),
    ("Unfold", (2, 1, 1, 2), {}, PICTURE), ("Fold", ((4, 5), (2, 2)), {}, (2, 8, 12)),
    ("MaxPool1d", (3,), {"stride": 2, "padding": 1}, ROW), ("MaxPool2d", (2, 2, 1, 1, False, True), {}, PICTURE),
    ("AvgPool2d", (3,), {"padding": 1, "ceil_mode": True, "count_include_pad": False}, PICTURE),
    ("AvgPool2d", ((2, 3), 1), {"divisor_override": 2}, PICTURE),
    ("AdaptiveAvgPool2d", ((4, None),), {}, PICTURE), ("AdaptiveMaxPool2d", (5,), {}, PICTURE),
    ("Upsample", (), {"scale_factor": 2}, PICTURE), ("Upsample", ((3, 4), None, "bilinear"), {}, PICTURE),
    ("Upsample", (), {"scale_factor": (1.5, 2), "mode": "bilinear", "align_corners": True}, PICTURE),
    ("Upsample", (5,), {"mode": "linear"}, ROW), ("PixelShuffle", (2,), {}, PICTURE),
    *[(f"{kind}Pad{d}d", (1,), {}, PAD_SHAPES[d]) for kind in ("Zero", "Reflection", "Replication", "Circular")
      for d in (1, 2, 3)],
    *[(f"ConstantPad{d}d", (1, 2.5), {}, PAD_SHAPES[d]) for d in (1, 2, 3)],
    ("ZeroPad2d", ((-1, 2, 0, -3),), {}, PICTURE), ("ReflectionPad2d", ((1, 2, 3, 0),), {}, PICTURE[1:]),
]  # fmt: skip


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: f"{case[0]}{case[1]}{case[2] or ''}")
@pytest.mark.filterwarnings("ignore")  # PyTorch says that "same" with an even kernel copies
def test_spatial_layers(case, peers):
    name, args, options, shape = case
    ours, theirs = getattr(pcn.nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)
    assert repr(ours) == repr(theirs)
    public = [k for k in vars(theirs) if not k.startswith("_") and k != "transposed"]
    assert {k: getattr(ours, k) for k in public} == {k: getattr(theirs, k) for k in public}
    state = {k: v.numpy() for k, v in theirs.state_dict().items()}
    assert [(k, v.shape, v.dtype) for k, v in ours.state_dict().items()] == [
        (k, v.shape, v.dtype) for k, v in state.items()
    ]
    for k, v in ours.state_dict().items():
        if v.numel() > 30:
            assert abs(v.data.std() / state[k].std() - 1) < 0.5 and abs(v.data.mean()) < 0.2
    ours.load_state_dict(state)
    x = np.random.default_rng(0).standard_normal(shape)
    y, z = ours.double()(pcn.tensor(x)), theirs.double()(torch.tensor(x))
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-9, atol=1e-9)
    peers.setdefault(f"nn.{name}", Counter()).update(cases=1, forward=1)


def test_conv_transpose2d_reaches_a_size():
    x = np.random.default_rng(0).standard_normal((1, 2, 3, 4)).astype(np.float32)
    ours, theirs = (m.nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1) for m in (pcn, torch))
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    for size in ((5, 8), (6, 7), (1, 3, 6, 8)):
        y, z = ours(pcn.tensor(x), output_size=size), theirs(torch.tensor(x), output_size=list(size))
        np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-5, atol=1e-6)
    for layer, t in ((ours, pcn.tensor(x)), (theirs, torch.tensor(x))):
        with pytest.raises(ValueError):
            layer(t, output_size=(7, 7))
