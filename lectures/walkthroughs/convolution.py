# %% [markdown]
r"""
Convolution, from one pixel to its gradients
============================================

One output pixel of a convolution is a dot product: nine pixels times nine numbers. This walk-through
slides it over a picture, turns it into one matrix product, finds the two gradients, watches the tape
carry them backwards, and ends with three implementations of one function, thousands of times apart in
speed.

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a
notebook of it), change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/convolution.py``.

The code it explains: ``pyconvnet/kernels/naive.py``, ``pyconvnet/primitives/conv.py``,
``pyconvnet/autograd.py``.
"""

# %%
import inspect
import os
import sys
from time import perf_counter

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from pyconvnet import functional as F
from pyconvnet import kernels
from pyconvnet.autograd import Primitive
from pyconvnet.kernels import naive

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a smaller timing, for a test of this file

# %% [markdown]
# One output pixel is a dot product
# ---------------------------------
# A picture of 6 x 6 numbers and a filter of 3 x 3. Lay the filter on a window of the picture,
# multiply what lies on top of each other, add up. The filter below is positive on its right and
# negative on its left, so the sum is large where the picture gets brighter from left to right. (In
# the drawings red is positive, blue negative.)

# %%
picture = np.array([[0, 0, 0, 5, 5, 5]] * 6, np.float64)
picture[4:] = 0
filter3 = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float64)

row, column = 1, 1
window = picture[row : row + 3, column : column + 3]
products = window * filter3 + 0.0  # (+ 0.0 turns -0 into 0)
print(f"window\n{window}\nproducts with the filter\n{products}")
print(f"their sum, output[{row}, {column}] = {products.sum()}")


def numbers(ax, values, title, mark=None):
    """A small matrix as a picture with its numbers; `mark` = (row, column, height, width) gets a frame."""
    largest = max(1, np.abs(values).max())
    ax.imshow(values, cmap="RdBu_r", vmin=-largest, vmax=largest)
    for at, v in np.ndenumerate(values):
        ink = "w" if abs(v) > 0.6 * largest else "k"
        ax.text(at[1], at[0], f"{v + 0:g}", ha="center", va="center", color=ink)
    if mark:
        frame = (mark[1] - 0.5, mark[0] - 0.5), mark[3], mark[2]
        ax.add_patch(plt.Rectangle(*frame, fill=False, lw=4, ec="#E69F00"))
    ax.set(title=title, xticks=[], yticks=[])


# %%
figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained")
numbers(axes[0], picture, "picture, with a window", (row, column, 3, 3))
numbers(axes[1], filter3, "x filter")
numbers(axes[2], products, "= products")
numbers(axes[3], products.sum(keepdims=True), "their sum: one output pixel")
plt.show()

# %% [markdown]
# Slide it: the definition
# ------------------------
# ``y[i, j] = sum over u, v of x[i + u, j + v] w[u, v]``. (Mathematicians call this correlation; a
# convolution would turn the filter by 180 degrees first. A network learns its filters, so nobody
# turns them.)

# %%
output = np.zeros((4, 4))
for i in range(4):
    for j in range(4):
        output[i, j] = (picture[i : i + 3, j : j + 3] * filter3).sum()

figure, axes = plt.subplots(1, 2, figsize=(7, 3.6), layout="constrained")
numbers(axes[0], picture, "picture: the window slides ...", (row, column, 3, 3))
numbers(axes[1], output, "... and each stop is one pixel", (row, column, 1, 1))
plt.show()

# %% [markdown]
# What a filter sees: activation maps
# -----------------------------------
# The same loop on a real picture, by the framework. A filter answers where the picture looks like the
# filter: that is why the first layer of a network learns edges and blobs. Slide "Recap: Activation
# Maps".

# %%
scene, _ = pcn.data.ShapeScenes(20, "test")[19]
grey = scene.mean(0)[None, None]  # [batch, channels, height, width]
sobel = filter3.astype(np.float32)
filters = np.stack([sobel, sobel.T, np.full((3, 3), 1 / 9, np.float32)])[:, None]  # [filters, channels, 3, 3]
answers = F.conv2d(grey, filters)

figure, axes = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained")
axes[0].imshow(grey[0, 0], cmap="gray")
for ax, answer, scale in zip(axes[1:], answers[0], (1.5, 1.5, None)):
    ax.imshow(answer, cmap="gray" if scale is None else "RdBu_r", vmin=scale and -scale, vmax=scale)
for ax, title in zip(axes, ("picture", "left-right edges", "top-bottom edges", "mean of 9: blur")):
    ax.set(title=title, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# Several channels, several filters
# ---------------------------------
# A colour picture has 3 channels. A filter then has 3 slices, one for each, and their answers are
# added: still *one* number per window. F filters give F output channels. (Slides "Recap: Convolution
# Layers": "multiple neurons all looking at the same input region, stacked in depth"; slide
# "Recap: Intuition of CNNs": the same parameters at all places.) So a weight is ``[F, C, kh, kw]``.

# %%
rng = np.random.default_rng(0)
x = rng.integers(-3, 4, (1, 3, 6, 7)).astype(np.float32)  # whole numbers: sums are exact, == may be used
w = rng.integers(-3, 4, (4, 3, 3, 3)).astype(np.float32)
y = F.conv2d(x, w)
print(f"x {x.shape} conv w {w.shape} -> y {y.shape}")

one = (x[0, :, 2:5, 1:4] * w[3]).sum()
print("y[0, 3, 2, 1] =", y[0, 3, 2, 1], "  by hand: 27 products, one sum =", one)

by_channel = sum(F.conv2d(x[:, c : c + 1], w[:, c : c + 1]) for c in range(3))
print("the sum of three one-channel convolutions is the same:", np.array_equal(y, by_channel))

# %% [markdown]
# Stride, padding, dilation, groups
# ---------------------------------
# *Stride* s: the window jumps s pixels. *Padding* p: a frame of p zeros. *Dilation* d: the taps stand
# d pixels apart. Along each axis there are ``(in + 2p - d(k - 1) - 1) // s + 1`` windows. *Groups*:
# each group of filters sees only its own share of the channels; as many groups as channels is
# "depthwise".
#
# Below, the pixels that the very first output pixel reads (orange) and where every window begins
# (dots).

# %%
options = ({}, {"stride": 2}, {"padding": 1}, {"dilation": 2}, {"stride": 2, "padding": 1, "dilation": 2})
figure, axes = plt.subplots(1, 5, figsize=(15, 3.6), layout="constrained")
for ax, option in zip(axes, options):
    size = F.conv2d(np.zeros((1, 1, 7, 7), np.float32), sobel[None, None], **option).shape[2:]
    s, p, d = option.get("stride", 1), option.get("padding", 0), option.get("dilation", 1)
    assert size == ((7 + 2 * p - d * 2 - 1) // s + 1,) * 2
    field = np.full((7 + 2 * p, 7 + 2 * p), 0.75)  # the frame of zeros is darker
    field[p : p + 7, p : p + 7] = 1
    ax.imshow(field, cmap="gray", vmin=0, vmax=1, extent=(-p, 7 + p, 7 + p, -p))
    for u, v in np.ndindex(3, 3):
        ax.add_patch(plt.Rectangle((v * d - p, u * d - p), 1, 1, color="#E69F00"))
    at = np.array(list(np.ndindex(size))) * s - p + 0.5
    ax.plot(at[:, 1], at[:, 0], "o", color="#0072B2", markersize=5)
    ax.set(xticks=range(-p, 8 + p), yticks=range(-p, 8 + p), xticklabels=[], yticklabels=[])
    name = ", ".join(f"{k}={v}" for k, v in option.items()) or "plain"
    ax.set_title(f"{name}\n7 x 7 -> {size[0]} x {size[1]}")
    ax.grid(color="0.6")
plt.show()

# %%
depthwise = F.conv2d(x, w[:3, :1], groups=3)
print(f"groups=3: x {x.shape}, w {w[:3, :1].shape} -> {depthwise.shape}")
print(f"numbers to learn: {w[:3, :1].size}, without groups {w[:3].size}")
alone = F.conv2d(x[:, 1:2], w[1:2, :1])
print("channel 1 of the output saw channel 1 of x only:", np.array_equal(depthwise[:, 1:2], alone))
try:
    F.conv2d(x.transpose(0, 2, 3, 1), w)
except ValueError as error:
    print("and what does not fit is said in words:\n ", error)

# %% [markdown]
# im2col: a convolution is a matrix product
# -----------------------------------------
# Copy every window into a column. The filters, flattened, are the rows of a matrix; one matrix
# product makes all dot products at once. It copies each pixel up to 9 times, but matrix products are
# what computers do best.

# %%
columns = kernels.im2col(picture[None, None], 3)[0]  # [C kh kw, windows] = [9, 16]
product = filter3.reshape(1, 9) @ columns
print("filter as a row [1, 9] @ columns", list(columns.shape), "->", product.shape, "and as a picture:")
print(product.reshape(4, 4))
print("the same as sliding:", np.array_equal(product.reshape(4, 4), output))

figure, axes = plt.subplot_mosaic(
    "AB;DC", figsize=(11, 4.6), width_ratios=(2, 4), height_ratios=(9, 1.3), layout="constrained"
)
stop = row * 4 + column
numbers(axes["A"], picture, f"window number {stop} of 16", (row, column, 3, 3))
numbers(axes["B"], columns, f"columns: number {stop} is that window", (0, stop, 9, 1))
numbers(axes["C"], product, "filter as a row @ columns: all outputs at once", (0, stop, 1, 1))
numbers(axes["D"], filter3.reshape(1, 9), "filter as a row")
plt.show()

# %% [markdown]
# The same function in the framework
# ----------------------------------
# ``F.conv2d`` is the name you call. The definition behind it stands in ``kernels/naive.py``: the
# loops above, with all options, as one list of index triples that three functions walk through.

# %%
hand_made = (w.reshape(4, 27) @ kernels.im2col(x, 3)[0]).reshape(1, 4, 4, 5)
print("conv2d == filters @ im2col:", np.array_equal(F.conv2d(x, w), hand_made))
slid = F.conv2d(picture[None, None], filter3[None, None])[0, 0]
print("conv2d == sliding loop:    ", np.array_equal(slid, output))
print()
print(inspect.getsource(naive.conv))

# %% [markdown]
# Two gradients, one number
# -------------------------
# Let ``g`` be "how much the loss changes with each output pixel". The change of the loss is the
# number ``T(x, w, g) = <g, conv(x, w)>``, the sum of *all* products ``g[oy, ox] x[oy + i, ox + j]
# w[i, j]``. It is linear in each of its three letters. Leave one letter out, and what is multiplied
# with it is the gradient with respect to it:
#
# - leave out g: ``conv(x, w)``, the convolution itself;
# - leave out x: ``conv_input(g, w)``, the gradient for the picture (also called the transposed
#   convolution);
# - leave out w: ``conv_weight(g, x)``, the gradient for the filters.

# %%
setting = {"stride": 2, "padding": 1, "dilation": 1, "groups": 1}
g = rng.integers(-3, 4, kernels.conv(x, w, **setting).shape).astype(np.float32)
for_y = kernels.conv(x, w, **setting)
for_x = kernels.conv_input(g, w, x.shape[2:], **setting)
for_w = kernels.conv_weight(g, x, w.shape[2:], **setting)
print("<g, conv(x, w)>        =", (g * for_y).sum())
print("<conv_input(g, w), x>  =", (for_x * x).sum())
print("<conv_weight(g, x), w> =", (for_w * w).sum())
assert (g * for_y).sum() == (for_x * x).sum() == (for_w * w).sum()  # whole numbers: equal, not nearly equal

# %% [markdown]
# What the two gradients look like
# --------------------------------
# Let the loss ask for two output pixels only. The gradient for the *picture* is the filter, stamped
# where each of the two windows lay: these are the pixels that would have to change. The gradient for
# the *filter* is the sum of the two windows of the picture: the filter should look more like them.

# %%
two = np.zeros((1, 1, 4, 4))
two[0, 0, 0, 1], two[0, 0, 2, 2] = 1, 1
stamps = kernels.conv_input(two, filter3[None, None], (6, 6))[0, 0]
windows = kernels.conv_weight(two, picture[None, None], (3, 3))[0, 0]
assert np.array_equal(windows, picture[0:3, 1:4] + picture[2:5, 2:5])

figure, axes = plt.subplots(1, 4, figsize=(14, 3.8), layout="constrained")
numbers(axes[0], two[0, 0], "g: two output pixels")
numbers(axes[1], stamps, "conv_input: two stamps")
numbers(axes[2], picture, "x: their windows", (2, 2, 3, 3))
axes[2].add_patch(plt.Rectangle((0.5, -0.5), 3, 3, fill=False, lw=4, ec="#009E73"))
numbers(axes[3], windows, "conv_weight: their sum")
plt.show()

# %% [markdown]
# Is it true? Nudge one number
# ----------------------------
# A gradient is a promise: change this number by a little, and the loss changes by so much. Keep it to
# its word. (Here "a little" may be large: T is linear in w. For other functions the nudge must be
# small, but not lost in rounding.)

# %%
a, b = rng.standard_normal((1, 3, 6, 7)), rng.standard_normal((4, 3, 3, 3))
c = rng.standard_normal((1, 4, 4, 5))
promised = kernels.conv_weight(c, a, (3, 3))[2, 1, 0, 2]
for nudge in (1, 1e-2, 1e-4):
    more, less = b.copy(), b.copy()
    more[2, 1, 0, 2] += nudge
    less[2, 1, 0, 2] -= nudge
    seen = ((c * kernels.conv(a, more)).sum() - (c * kernels.conv(a, less)).sum()) / (2 * nudge)
    print(f"nudge {nudge:<6}: loss changes by {seen:.10f} per unit, the gradient says {promised:.10f}")

# %% [markdown]
# The tape
# --------
# A network is many functions in a row, and nobody wants to write their gradients by hand. A
# ``Tensor`` is an array that remembers how it was made: its ``node`` holds the function, the
# arguments and the settings. All nodes together are the tape. Each function ("primitive") brings one
# gradient rule per argument.

# %%
X, W = pcn.tensor(x, requires_grad=True), pcn.tensor(w, requires_grad=True)
Y = F.conv2d(X, W, padding=1)
loss = (Y * Y).sum()

made_by, arguments, _arrays, settings = Y.node
print("Y was made by", made_by, "from", [t.shape for t in arguments])
print("with", settings)
print("its rules, one per argument:")
print(inspect.getsource(made_by.rules[0]), inspect.getsource(made_by.rules[1]), sep="")
print("X was made by", X.node, "(a leaf)")

# %% [markdown]
# The walk
# --------
# ``backward`` starts at the loss with 1 and goes from result to arguments, the youngest result first:
# everything made from a Tensor is younger than the Tensor, so when its turn comes its gradient is
# complete. ``order`` is the age.

# %%
waiting, oldest = {loss.order: loss}, min(X.order, W.order)
while waiting:
    t = waiting.pop(max(waiting))
    if t.node is None:
        print(f"order +{t.order - oldest}: leaf of shape {t.shape}: its gradient arrives here")
        continue
    print(f"order +{t.order - oldest}: made by {t.node[0].__name__}, hands gradients to its arguments")
    waiting |= {argument.order: argument for argument in t.node[1] if isinstance(argument, pcn.Tensor)}

loss.backward()
by_hand = kernels.conv_weight(2 * Y.data, x, (3, 3), padding=1)  # d(Y * Y) = 2 Y dY
print("W.grad == conv_weight(2 Y, x):", np.array_equal(W.grad.data, by_hand))

# %% [markdown]
# Second order: gradients of gradients
# ------------------------------------
# The rules of ``conv`` are ``conv_input`` and ``conv_weight``; theirs are again two of the three.
# With ``create_graph=True`` the walk itself is written on a tape, by the same rules, and can be
# walked again: as often as you like.

# %%
X, W = pcn.tensor(x, requires_grad=True), pcn.tensor(w, requires_grad=True)
V = pcn.tensor(rng.integers(-3, 4, x.shape).astype(np.float32))
G = pcn.tensor(rng.integers(-3, 4, (1, 4, 6, 7)).astype(np.float32))

(grad_x,) = pcn.grad(F.conv2d(X, W, padding=1), X, G, create_graph=True)
print("the gradient for X was itself made by", grad_x.node[0])
(second,) = pcn.grad((grad_x * V).sum(), W)
by_hand = kernels.conv_weight(G.data, V.data, (3, 3), padding=1)
print("its gradient for W, along V, is conv_weight(G, V):", np.array_equal(second.data, by_hand))

# %% [markdown]
# Check your own
# --------------
# ``pcn.testing.check_grads`` nudges *all* numbers at once in a random direction: two evaluations
# however large the array, order 1 and order 2. Below it meets a classic mistake: a rule that sends a
# gradient to pixels the stride skipped.

# %%
checks = pcn.testing.check_grads(lambda x, w: F.conv2d(x, w, stride=2, padding=1), a, b)
print(f"conv2d: {checks} comparisons, all right")

wrong = Primitive(lambda x: x[..., ::2, ::2] ** 2)  # every second pixel, squared
wrong.gradients(lambda g, y, x: 2 * x * g.repeat(2, -2).repeat(2, -1))  # should be 0 at the pixels it skipped
try:
    pcn.testing.check_grads(wrong, rng.standard_normal((4, 4)), order=1)
except AssertionError as error:
    print("the wrong rule:", error)

# %% [markdown]
# Three backends
# --------------
# ``naive`` is the definition, ``numpy`` is im2col and a matrix product, ``cpp`` is compiled for your
# processor. They are pinned equal by tests; ``kernels.use(name)`` switches while you watch. (Without
# a C++ compiler there are two.)

# %%
side = 8 if QUICK else 16
x, w, g = (
    rng.integers(-3, 4, shape).astype(np.float32)
    for shape in ((1, 16, side, side), (16, 16, 3, 3), (1, 16, side, side))
)
three = {
    "conv": lambda: kernels.conv(x, w, padding=1),
    "conv_input": lambda: kernels.conv_input(g, w, (side, side), padding=1),
    "conv_weight": lambda: kernels.conv_weight(g, x, (3, 3), padding=1),
}
results, milliseconds = {}, {}
for name in kernels.available():
    with kernels.use(name):
        for what, run in three.items():
            results[name, what] = run()  # once, to warm up
            start, times = perf_counter(), 1 if name == "naive" else 100
            for _ in range(times):
                run()
            milliseconds[name, what] = (perf_counter() - start) * 1000 / times
            with kernels.use_winograd(False):  # its fractions round; without them whole numbers are exact
                assert np.array_equal(run(), results["naive", what])

# %%
figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
for i, what in enumerate(three):
    for j, (name, color) in enumerate(zip(kernels.available(), ("#D55E00", "#0072B2", "#009E73"))):
        bar = ax.barh(i * 4 + j, milliseconds[name, what], color=color, label=name if i == 0 else None)
        ax.bar_label(bar, [f" {milliseconds[name, what]:.3g} ms"])
ax.set(xscale="log", yticks=[1, 5, 9], yticklabels=three, xlabel="milliseconds (logarithmic)")
ax.set_title(f"equal results; {16 * 16 * 9 * side**2 / 1e6:.1f} million products each")
ax.margins(x=0.15)
ax.invert_yaxis()
figure.legend(loc="outside right upper")
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - Write ``conv`` with ``np.lib.stride_tricks.sliding_window_view`` and ``np.einsum``: two lines. Is
#   it equal? Faster?
# - ``pyconvnet/primitives/conv.py``: the six rules, one line each. ``pyconvnet/autograd.py``: the
#   walk.
# - ``lectures/walkthroughs/yolo.py``: six of these layers find every object of a picture in one pass.
