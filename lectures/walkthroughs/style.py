# %% [markdown]
r"""
Neural style, step by step
==========================

The deck "Fun Ways To Use ConvNets", slides "Image Style Transfer" (3 to 5), and the deck "Deep Convolutional Neural
Networks II", slides "Deep Art - Neural Style" (1 and 2): the style is captured by the correlation of lower layers'
responses, the content by higher ones.

Step through it cell by cell, change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/style.py``.

The code it explains, and calls: ``lectures/style/style.py`` and ``lectures/style/foundation/``.
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

import pyconvnet as pcn
from lectures.fixed_network.drawing.picture import show
from lectures.fixed_network.likeness import spearman
from lectures.report import Report
from lectures.style import style, style_naive
from lectures.style.drawing import style_figures
from lectures.style.foundation import judging, objective, recipes
from lectures.style.foundation.pictures import painted_pairs, textures_alone

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # fewer steps, for a test of this file
options = Namespace(seed=0, quick=QUICK, data=None, weights=None, resume=False)
report = Report("walkthrough", mkdtemp())
network, judge = recipes.networks_of(options, report)
settings = recipes.shortened(recipes.recipe(network), options)
pairs = painted_pairs(4)

# %% [markdown]
# Slide "Deep Art - Neural Style" (2): G is a Gram matrix
# -------------------------------------------------------
# Dot products of the vectorised responses: which features occur together, summed over all places. Where they occur is
# gone.

# %%
print(inspect.getsource(style.gram))
found = network.features(np.stack(pairs.styles), ("conv1",))["conv1"]
figure, axes = plt.subplots(2, 4, figsize=(8, 4.4), layout="constrained")
for above, below, image, matrix in zip(*axes, pairs.styles, style.gram(found).data):
    show(above, image)
    below.imshow(matrix)
    below.set(xticks=[], yticks=[])
axes[1, 0].set_ylabel("G of conv1, 16 x 16")
plt.show()

# %% [markdown]
# So a style that is moved stays the same style. (Exactly so where the picture goes on at the other side and the
# shift is a multiple of the stride: the tests check that with ==. Here the border makes a small difference.)

# %%
images, shifts = np.stack(pairs.styles), range(0, 33, 4)
figure, ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
for name, describe in (("positions (naive)", style_naive.positions), ("Gram matrices", style.gram)):
    cost = objective.Objective(network, images, images, replace(settings, border=0), describe)
    moved = [cost.measured(np.roll(images, shift, 3))[0].mean() for shift in shifts]
    ax.plot(shifts, moved, "o-", label=name)
ax.set(xlabel="pixels by which the style picture is moved", ylabel="$J_{style}$")
ax.legend()
plt.show()

# %% [markdown]
# Slide "Image Style Transfer" (4): several layers
# ------------------------------------------------
# From noise and without any content: what Gram matrices of the first layer keep, of the first two, of all. The styles
# are nothing but texture here.

# %%
styles, textures = textures_alone(6)[0], {}
for count in range(1, len(settings.style_layers) + 1):
    layers = settings.style_layers[:count]
    some = replace(settings, style_layers=layers, alpha=0.0, start="noise")
    textures[f"to {layers[-1]}"], _ = objective.paint(network, styles, styles, some, style.gram)
figure, axes = plt.subplots(6, 5, figsize=(8.6, 10.6), layout="constrained")
style_figures.layers_in_a_row(axes, styles, textures)
plt.show()

# %%
for name, painted in textures.items():
    print(f"{name}: coarse error of the texture {judging.coarse_error(painted, styles).mean():.3f}")

# %% [markdown]
# Two decks, one minimum
# ----------------------
# The one weighs by alpha and 1 - alpha, the other by alpha and beta. Only their ratio moves the minimum.

# %%
print(inspect.getsource(style.alpha_of))
a, b = 2.0, 18.0
alpha = style.alpha_of(content=a, style=b)
cost = objective.Objective(network, pairs.contents, pairs.styles, replace(settings, alpha=alpha, tv=0.0), style.gram)
grey = pcn.full((4, 3, 64, 64), 0.5)
L_style, L_content = (term.sum().item() for term in cost.terms(grey))
print(f"deck B: {a:g} L_content + {b:g} L_style = {a * L_content + b * L_style:.4f}")
print(f"deck A, alpha = {alpha:g}: {a + b:g} J = {(a + b) * cost(grey).item():.4f}, axis {style.ratio(alpha):.3f}")

# %% [markdown]
# The whole
# ---------
# Start from the content, descend. All settings are one dataclass: change one.

# %%
print(settings)
painted, losses = objective.paint(network, pairs.contents, pairs.styles, settings, style.gram)
figure, axes = plt.subplots(3, 4, figsize=(7.6, 5.8), layout="constrained")
style_figures.rows(axes, {"content": pairs.contents, "style": pairs.styles, "painted": painted}, pairs.names)
plt.show()

# %% [markdown]
# Who is to judge? The network has been asked for its own opinion. A second one, of other weights, says which texture it
# sees, and which shape. (In 24 pairs; here in four.)

# %%
for name, shown in {"content": pairs.contents, "painted": painted}.items():
    print(f"{name}: the judge {judging.judged(judge, shown, pairs)}, the network itself "
          f"{judging.judged(network, shown, pairs)}")  # fmt: skip

# %% [markdown]
# Slide "Image Style Transfer" (5): varying alpha / (1 - alpha)
# -------------------------------------------------------------
# As the weight of the content grows, its objects become more prominent.

# %%
swept, reached = {}, []
for alpha in style.ALPHAS:
    own = replace(settings, alpha=alpha)
    swept[alpha], _ = objective.paint(network, pairs.contents, pairs.styles, own, style.gram)
    reached.append(objective.measured(network, swept[alpha], pairs.contents, pairs.styles, own, style.gram))
figure, axes = plt.subplots(4, len(swept) + 2, figsize=(13, 7), layout="constrained")
style_figures.alphas_in_a_row(axes, pairs, swept)
plt.show()

# %%
of_style, of_content = np.array(reached).mean(2).T
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
style_figures.distances(ax, style.ALPHAS, of_style, of_content)
plt.show()

# %%
print("rank correlation of alpha and distance to the content:", spearman(style.ALPHAS, of_content))

# %% [markdown]
# Ways down
# ---------
# L-BFGS takes curvature into account, and needs fewer steps than Adam.

# %%
fewer = max(1, settings.steps // 3)
ways = {"Adam": {}, "L-BFGS": {"optimizer": "lbfgs", "steps": fewer}, "Adam from noise": {"start": "noise"}}
curves = {}
for name, changes in ways.items():
    own = replace(settings, **changes)
    _, curves[name] = objective.paint(network, pairs.contents[:2], pairs.styles[:2], own, style.gram)
figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
style_figures.loss_curves(ax, curves)
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures style``: more pairs, all figures; ``--demo``: a slider for alpha.
# - Photographs: ``--weights FILE --data images:DIR`` with the folders content/ and style/. ``python -m lectures style
#   --help`` and ``lectures/fixed_network/real_weights.py`` say where to get weights.
# - ``lectures/walkthroughs/fast_style.py``: a network that paints in one pass.
