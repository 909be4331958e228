# %% [markdown]
r"""
Which pixels made the network say so?
=====================================

The deck "Computer Vision - Lecture 16: Deep Learning Applications", slide "Recap: Effect of Multiple Convolution
Layers": feature visualization of convolutional net trained on ImageNet from [Zeiler & Fergus 2013].

Four ways to draw on a picture what the network has looked at, and three tests whether the drawing deserves to be
believed. Step through it cell by cell, change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/saliency.py``. The network learns half a minute the first time, and is kept.

The code it explains, and calls: ``lectures/insight/saliency.py``.
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

import pyconvnet as pcn
from lectures.fixed_network.drawing.picture import show
from lectures.fixed_network.held import held_network
from lectures.insight import saliency
from lectures.insight.drawing import saliency_figures
from lectures.report import Report

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file

# %% [markdown]
# Pictures whose truth is known
# -----------------------------
# A shape on a ground, one texture over both. The network has learned to say the shape, and, with a second head, the
# texture. Because the pictures are painted we know which pixels belong to the shape: its mask.

# %%
options, report = Namespace(seed=0, quick=QUICK, data=None, weights=None, resume=False), Report("walk", mkdtemp())
network = held_network(options, report)
data = pcn.data.TexturedShapes(12, "test", 0)
images, shapes, textures = data.arrays()
masks = np.stack([data.mask(i) for i in range(len(data))])
labels = network.predict(images)[0]
figure, axes = plt.subplots(2, 4, figsize=(9, 4.9), layout="constrained")
for k, (above, below) in enumerate(axes.T):
    show(above, images[k], f"says: {network.classes[labels[k]]}", f"texture: {network.textures[textures[k]]}")
    show(below, masks[k].astype(float), "its mask")
plt.show()

# %% [markdown]
# The gradient
# ------------
# How much would the score of the class change if this pixel changed a little? That is the length of |dS_c/dI|
# (Simonyan et al., 2014), one pass backwards, on to the picture instead of the weights. ``pcn.grad`` gives it.

# %%
print(inspect.getsource(saliency.gradient))
maps = {"gradient": saliency.gradient(network, images, labels)}

# %% [markdown]
# Zeiler and Fergus
# -----------------
# The same way down, but at every layer only what is positive goes on: what speaks for the class. The maps are much
# cleaner. Keep that in mind.

# %%
print(inspect.getsource(saliency.zeiler))
maps["zeiler"] = saliency.zeiler(network, images, labels)

# %% [markdown]
# And without any gradient: put a square of the mean colour on the picture, here and there. Where does the class become
# less probable?

# %%
squares = images[0].copy()[None].repeat(3, 0)
for copy, (y, x) in zip(squares, ((4, 4), (24, 24), (36, 20))):
    copy[:, y : y + 16, x : x + 16] = images[0].mean((1, 2), keepdims=True)
sure = network.predict(squares)[1][:, labels[0]]
figure, axes = plt.subplots(1, 3, figsize=(7, 2.8), layout="constrained")
for ax, square, p in zip(axes, squares, sure):
    show(ax, square, f"{network.classes[labels[0]]}: {p:.2f}")
plt.show()

# %%
print(inspect.getsource(saliency.probability))
maps["occlusion"] = saliency.occlusion(network, images, labels)

# %% [markdown]
# Grad-CAM
# --------
# The last layer has 64 maps of 8 x 8. Which of them does the score depend on, and where are those large? Their sum,
# each times its mean gradient, enlarged.

# %%
print(inspect.getsource(saliency.grad_cam))
maps["grad_cam"] = saliency.grad_cam(network, images, labels)
figure, axes = plt.subplots(4, 5, figsize=(12, 10), layout="constrained")
for k, row in enumerate(axes):
    saliency_figures.map_row(row, images[k], {name: m[k] for name, m in maps.items()}, network.classes[labels[k]])
plt.show()

# %% [markdown]
# First test: inside the object?
# ------------------------------
# The share of a map that lies inside the mask. A map that is the same everywhere has the object's share of the
# area. One that always shows the middle has twice as much, because the shapes stand there: that is what must be beaten.
# The gradient does not beat it: at the border of a shape it lies on both sides. Nor does Grad-CAM here, whose mean over
# the map forgets that for this head the place counts.

# %%
middle = np.repeat(saliency.middle_map(images.shape[2:])[None], len(images), 0)
print(f"{'the whole area':16} {masks.mean():.2f}")
print(f"{'the middle':16} {saliency.mass_inside(middle, masks).mean():.2f}")
for name, found in maps.items():
    print(f"{name:16} {saliency.mass_inside(found, masks).mean():.2f}")

# %% [markdown]
# Second test: four pictures
# --------------------------
# Four pictures of four textures become one, and the network is asked about one texture (framed). A quarter of the map
# would lie there by chance. The maps that looked sharpest are not those that find it.

# %%
four, names = saliency.grids(images, textures, 2, seed=3)
which = np.arange(2)
found = {name: method(network, four, names[which, which], saliency.texture_scores)
         for name, method in saliency.METHODS.items()}  # fmt: skip
figure, axes = plt.subplots(2, 5, figsize=(13, 5.6), layout="constrained")
for k, row in enumerate(axes):
    saliency_figures.map_row(row, four[k], {name: m[k] for name, m in found.items()}, "")
    saliency_figures.frame(row, k, four.shape[2:])
plt.show()

# %%
for name, m in found.items():
    print(f"{name:10} {saliency.mass_inside(m, saliency.quarters(four.shape[2:])[which]).mean():.2f}")

# %% [markdown]
# Third test: shuffle the weights
# -------------------------------
# A network whose weights are shuffled knows nothing. What does the map show now? Zeiler's rule still draws the shape's
# outline: most of what is beautiful about it is the picture, not the network (Adebayo et al., 2018). Occlusion, which
# asks only what the network answers, is left with nothing.

# %%
shuffled = saliency.knowing_nothing(network, images[:4], labels[:4])
blind = {name: method(shuffled, images, labels) for name, method in saliency.METHODS.items()}
figure, axes = plt.subplots(2, 5, figsize=(12, 5.2), layout="constrained")
for row, shown, title in zip(axes, (maps, blind), ("trained", "weights shuffled")):
    saliency_figures.map_row(row, images[0], {name: m[0] for name, m in shown.items()}, "")
    row[0].set_ylabel(title)
plt.show()

# %%
for name in maps:
    print(f"{name:10} correlation with the map of shuffled weights:",
          f"{saliency.same_order(maps[name], blind[name]).mean():+.2f}")  # fmt: skip

# %% [markdown]
# Another question, another map
# -----------------------------
# The same picture, asked for its texture instead of its shape.

# %%
asked = {"shape?": (labels, saliency.class_scores), "texture?": (textures, saliency.texture_scores)}
figure, axes = plt.subplots(2, 5, figsize=(12, 5.2), layout="constrained")
for row, (question, (answers, scores)) in zip(axes, asked.items()):
    drawn = {name: method(network, images[1:2], answers[1:2], scores)[0] for name, method in saliency.METHODS.items()}
    saliency_figures.map_row(row, images[1], drawn, "")
    row[0].set_ylabel(question)
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures saliency``: more pictures, and everything beside its baseline in ``out/saliency/``.
# - ``python -m lectures saliency --weights FILE --data images:DIR``: a real network, your photographs.
# - Take a larger or smaller square for the occlusion. Ask for a class that is not there.
