# %% [markdown]
r"""
What has the network forgotten?
===============================

The deck "Deep Convolutional Neural Networks II", slides "Visualization the Deep Nets" and "Visualizing the Deep Nets":
find a picture whose features at layer k are those of a given one, with a natural image prior; "reconstruction is not
unique: all these images are identical for the CNN".

Hold the network fixed, and let gradient descent change the picture. Step through it cell by cell, change a number,
look again. As a script, from the root of the checkout: ``python lectures/walkthroughs/inversion.py``. The network
learns half a minute the first time, and is kept.

The code it explains, and calls: ``lectures/insight/inversion.py``, ``lectures/fixed_network/prior.py`` and
``lectures/fixed_network/descent.py``.
"""

# %%
import inspect
import os
import sys
from argparse import Namespace
from tempfile import mkdtemp

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

from lectures.fixed_network.drawing.picture import show
from lectures.fixed_network.held import held_network
from lectures.fixed_network.pictures import photographs
from lectures.fixed_network.prior import roughness, total_variation
from lectures.insight import inversion
from lectures.insight.drawing import inversion_figures
from lectures.report import Report
from pyconvnet.viz import montage

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file

# %% [markdown]
# A network that is held fixed
# ----------------------------
# It has learned to name a shape and the texture that lies over the picture. From here on its weights stay as they
# are. Layer k turns a picture into a stack of maps: the first layers see edges, the later ones what is made of
# them, at fewer and fewer places.

# %%
options, report = Namespace(seed=0, quick=QUICK, data=None, weights=None, resume=False), Report("walk", mkdtemp())
network = held_network(options, report)
shown = photographs(options, network, 6)
images = np.stack(shown.images)
maps = network.features(images[:1], network.layers)
print(f"{'the picture':12} {'x'.join(map(str, images[0].shape)):>10} = {images[0].size:6,} numbers")
for layer, phi in maps.items():
    zeros = (phi.data == 0).mean()
    print(f"{layer:12} {'x'.join(map(str, phi.shape[1:])):>10} = {phi.data.size:6,} numbers, {zeros:.0%} of them 0")

# %%
figure, axes = plt.subplots(1, 5, figsize=(13, 2.9), layout="constrained")
show(axes[0], images[0], "the picture")
for ax, (layer, phi) in zip(axes[1:], maps.items()):
    montage(list(phi.data[0, :16, None] / max(phi.data.max(), 1e-6)), columns=4, ax=ax)
    ax.set_title(f"{layer}: 16 of its {phi.shape[1]} maps", fontsize=11)
plt.show()

# %% [markdown]
# Slide "Visualization the Deep Nets": a picture with the same features
# ---------------------------------------------------------------------
# How far are the features Phi of a picture from those of the one that we look for, Phi^0? In shares of
# ||Phi^0||^2, so that layers can be compared: 1 is as wrong as a picture that excites nothing.

# %%
print(inspect.getsource(inversion.feature_error))
print(inspect.getsource(inversion.cost))

# %% [markdown]
# Slide "Visualizing the Deep Nets": gradient descent from random initialization
# ------------------------------------------------------------------------------
# Grey with a little noise; then step by step downhill, the picture within [0, 1]. Nothing tells it what a
# circle is: all that it knows of the picture are the maps of one layer.

# %%
layer = network.layers[2]
target = inversion.features(network, layer, images[:1])
start = inversion.random_start(images[:1].shape, 0)
after = {0: start} | {n: inversion.invert(network, layer, target, start, 0, n) for n in (3, 12, 48)}
after[inversion.STEPS] = inversion.invert(network, layer, target, start, 0, 20 if QUICK else inversion.STEPS)
figure, axes = plt.subplots(1, 6, figsize=(13, 2.7), layout="constrained")
for ax, (steps, picture) in zip(axes, after.items()):
    error = inversion.feature_error(inversion.features(network, layer, picture), target)[0]
    show(ax, picture[0], f"{steps} steps", f"feature error {error:.2g}")
show(axes[5], images[0], f"{layer} of this one")
plt.show()

# %% [markdown]
# Slide "Visualization the Deep Nets": natural image prior
# --------------------------------------------------------
# The features are right, and yet we see a picture that no camera takes: pixels go up and down, because the
# network does not mind. So add what we know of pictures: neighbours are alike. R(I) sums, over all pixels, how
# much they differ. (The slide's formula lacks a parenthesis; ``form`` offers both readings. At beta = 2, which
# is used here, they are the same.)

# %%
print(inspect.getsource(total_variation))

# %%
found = after[inversion.STEPS]
rough = {"the picture": images[:1], "found without prior": found, "noise": np.random.default_rng(0).random(found.shape)}
figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
for ax, (name, picture) in zip(axes, rough.items()):
    show(ax, picture[0], name, f"R = {total_variation(picture.astype(np.float32)).item():.0f}")
    print(f"{name:20} neighbours differ by {roughness(picture)[0]:.3f}")
plt.show()

# %% [markdown]
# And where beta is 1: the paper's form does not care which way a line runs; the slide's, read to the letter, does.

# %%
down = np.tile(np.repeat([0.2, 0.8], 4), (1, 3, 16, 2)).astype(np.float32)
for name, picture in {"lines down": down, "lines across": np.swapaxes(down, 2, 3)}.items():
    values = {form: total_variation(picture, 1, form).item() for form in ("exact", "literal")}
    print(name, {form: round(value, 1) for form, value in values.items()})

# %% [markdown]
# How much of it? Too little: noise. Too much: the features must give way. lambda is what one feature error costs
# in roughness.

# %%
figure, axes = plt.subplots(1, 5, figsize=(13, 3.2), layout="constrained")
show(axes[0], images[0], "the picture", f"neighbours differ by {roughness(images[:1])[0]:.3f}")
for ax, weight in zip(axes[1:], (0, 0.1, 1, 10)):
    steps = 20 if QUICK else inversion.STEPS
    picture = inversion.invert(network, layer, target, start, weight * inversion.PRIOR, steps)
    error = inversion.feature_error(inversion.features(network, layer, picture), target)[0]
    words = f"feature error {error:.2g}\nneighbours differ by {roughness(picture)[0]:.3f}"
    show(ax, picture[0], f"lambda {weight * inversion.PRIOR:g}", words)
    print(f"lambda {weight * inversion.PRIOR:g}: {words}".replace("\n", ", "))
plt.show()

# %% [markdown]
# Slide "Visualizing the Deep Nets": CNN reconstruction
# -----------------------------------------------------
# The same for every layer. What comes back from the first is the picture. The deeper the layer, the less does it
# hold where exactly something was, and in which colour; that there is a cross, and stripes, it still does.

# %%
steps = 10 if QUICK else inversion.STEPS
layers = inversion.shown_layers(network)
found = {layer: inversion.inverted(network, layer, images[:2], 0, steps) for layer in layers}
figure, axes = plt.subplots(2, 1 + len(layers), figsize=(2.4 * (1 + len(layers)), 5.2), layout="constrained")
inversion_figures.reconstructions(axes, images[0], inversion_figures.kept(found, 0))
plt.show()

# %% [markdown]
# Slide "Visualizing the Deep Nets": reconstruction is not unique
# ---------------------------------------------------------------
# Two random starts. Early on both lead to the same picture. From a deep layer they lead to two pictures, whose
# features are as good as the same: for the rest of the network these *are* the same picture. "All these images
# are identical for the CNN".

# %%
depths = inversion.depths(layers)
figure, axes = plt.subplots(len(depths), 4, figsize=(10, 2.9 * len(depths)), layout="constrained")
for row, (depth, layer) in zip(axes, depths.items()):
    inversion_figures.not_unique(row, network, images[0], found[layer], f"{depth}: {layer}")
plt.show()

# %% [markdown]
# Is a small feature error a feat?
# --------------------------------
# Pictures that nobody has searched for have one, too: noise nearly 1, another picture more than that, and the mean
# of some pictures half of it. That is the number to beat, and not 1.

# %%
curves = {arm: [] for arm in ("TV prior", "no prior")}
for layer in layers:
    target = inversion.features(network, layer, images[:2])
    for arm in ("TV prior", "no prior"):
        features = inversion.features(network, layer, found[layer][arm])
        curves[arm].append(inversion.feature_error(features, target).mean())
    for name, error in inversion.baselines(network, layer, images[:2], images[2:]).items():
        curves.setdefault(name, []).append(error)
for name, errors in curves.items():
    print(f"{name:18}", "  ".join(f"{layer} {error:.4f}" for layer, error in zip(layers, errors)))

# %%
figure, ax = plt.subplots(figsize=(7, 4.4), layout="constrained")
inversion_figures.errors(ax, layers, curves)
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures inversion``: more pictures, and every number beside its baseline in ``out/inversion/``.
# - ``python -m lectures inversion --weights FILE --data images:DIR``: photographs, and a network that has learned
#   from photographs; ``lectures/fixed_network/real_weights.py`` says where such files are.
# - Start from another picture instead of noise: which of its traits stay, because layer k does not see them?
# - Set ``beta`` to 1 or 3: what do edges look like?
