# %% [markdown]
r"""
Style transfer, the first idea
==============================

The deck "Fun Ways To Use ConvNets", slides "Image Style Transfer" (1 to 3): take content from one image and apply style
from another. Earlier layers of a ConvNet capture texture, later ones objects. So: start from random pixels, and change
them until the early layers answer as for the style picture and the later ones as for the content picture.

Step through it cell by cell, change a number, look again: and see the idea fail. As a script, from the root of the
checkout: ``python lectures/walkthroughs/style_naive.py``.

The code it explains, and calls: ``lectures/style/style_naive.py`` and ``lectures/style/foundation/objective.py``.
"""

# %%
import inspect
import os
import sys
from argparse import Namespace
from dataclasses import replace
from tempfile import mkdtemp

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

from lectures.report import Report
from lectures.style import style_naive
from lectures.style.drawing import style_figures
from lectures.style.foundation import objective, recipes
from lectures.style.foundation.pictures import painted_pairs
from pyconvnet.viz import montage

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # fewer steps, for a test of this file

# %% [markdown]
# Content and style
# -----------------
# Painted pictures, so that we can say afterwards what has become of them. The content is a shape, the style a texture.

# %%
pairs = painted_pairs(4)
figure, axes = plt.subplots(2, 4, figsize=(8, 4.4), layout="constrained")
style_figures.rows(axes, {"content": pairs.contents, "style": pairs.styles}, pairs.names)
plt.show()

# %% [markdown]
# A network that knows both
# -------------------------
# It learned in half a minute to tell four shapes and six textures (and is kept for the next time). From now on its
# weights stay as they are. A second one, of another seed, will judge.

# %%
options = Namespace(seed=0, quick=QUICK, data=None, weights=None, resume=False)
report = Report("walkthrough", mkdtemp())
network, judge = recipes.networks_of(options, report)
for name, accuracy in report.extra["accuracy"].items():
    print(f"{name}: {accuracy}")
print("layers and the pixels between two neighbours of their maps:", network.strides)

# %% [markdown]
# Slide "Image Style Transfer" (2): note the output of early layers, and of later ones
# ------------------------------------------------------------------------------------
# Some of what the first and the third layer answer to one picture. The texture is in both; the shape gets coarser.

# %%
found = network.features(np.stack(pairs.contents[:1]), ("conv1", "conv3"))
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for ax, (layer, maps) in zip(axes, found.items()):
    strongest = np.argsort(-maps.data[0].std((1, 2)))[:8]
    montage(maps.data[0, strongest] / maps.data[0, strongest].max((1, 2), keepdims=True), columns=4, ax=ax)
    ax.set_title(f"{layer}: 8 of {maps.shape[1]} maps")
plt.show()

# %% [markdown]
# Slide "Image Style Transfer" (3): the cost function
# ---------------------------------------------------
# J = (1 - alpha) J_style + alpha J_content. What of an early layer is compared stands in one line, `positions`:
# everything, each response at its place.

# %%
print(inspect.getsource(style_naive.positions))
print(inspect.getsource(objective.Objective.terms))
settings = recipes.shortened(style_naive.naive(recipes.recipe(network)), options)
print(settings)

# %% [markdown]
# Change pixels until J is small. Random ones at first; the style alone, alpha = 0.

# %%
pure = replace(settings, alpha=0.0)
copies, losses = objective.paint(network, pairs.contents, pairs.styles, pure, style_naive.positions)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained", width_ratios=(1, 2))
style_figures.loss_curves(axes[0], {"alpha 0": losses})
montage([*pairs.styles, *copies], columns=4, ax=axes[1])
axes[1].set_title("style, and what came out of noise")
plt.show()

# %%
print("pixel correlation with the style picture:", style_naive.correlation(copies, pairs.styles).round(3))

# %% [markdown]
# It is the style picture itself. The early layers know where everything is: they leave no choice. So what does a larger
# alpha do? Two pictures on one plate.

# %%
painted = {}
for alpha in (0.1, 0.5, 0.9):
    own = replace(settings, alpha=alpha)
    painted[f"alpha {alpha}"], _ = objective.paint(network, pairs.contents, pairs.styles, own, style_naive.positions)
figure, axes = plt.subplots(5, 4, figsize=(7, 8.8), layout="constrained")
style_figures.rows(axes, {"content": pairs.contents, "style": pairs.styles} | painted)
plt.show()

# %%
for name, images in painted.items():
    print(name, style_naive.judged(judge, images, pairs))

# %% [markdown]
# The exact reason: a style picture that is moved by a few pixels is another one for this cost, although nobody would
# call it another style.

# %%
images = np.stack(pairs.styles)
cost = objective.Objective(network, images, images, pure, style_naive.positions)
shifts = range(0, 17, 2)
moved = [cost.measured(np.roll(images, shift, 3))[0].mean() for shift in shifts]
figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.plot(shifts, moved, "o-")
ax.set(xlabel="pixels by which the style picture is moved", ylabel="$J_{style}$, by positions", ylim=(0, None))
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - Slide "Image Style Transfer" (4): throw the spatial arrangement away. ``lectures/walkthroughs/style.py``
# - ``python -m lectures style_naive``: more pairs, every alpha beside the Gram matrices.
# - Match only conv1, or conv4: does the copy get better or worse?
