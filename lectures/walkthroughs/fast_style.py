# %% [markdown]
r"""
Style in one pass, step by step
===============================

The deck "Deep Convolutional Neural Networks II", slides "Deep Art - Neural Style" (1 and 2): a result picture is the
minimum of alpha L_content + beta L_style over its pixels. That takes hundreds of steps for every picture. Johnson,
Alahi and Fei-Fei (2016) take the minimum over the weights of a network instead, once for each style; then every picture
takes one pass.

Step through it cell by cell, change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/fast_style.py``.

The code it explains, and calls: ``lectures/style/fast_style.py`` and
``lectures/style/foundation/transformation_network.py``.
"""

# %%
import inspect
import os
import sys
from argparse import Namespace
from dataclasses import replace
from tempfile import mkdtemp
from time import perf_counter

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.finished import finished
from lectures.fixed_network.drawing.picture import show
from lectures.report import Report
from lectures.style import fast_style
from lectures.style.drawing import fast_figures, style_figures
from lectures.style.foundation import objective, recipes, transformation_network
from pyconvnet.viz import montage

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
options = Namespace(seed=0, quick=QUICK, data=None, weights=None, resume=False)
report = Report("walkthrough", mkdtemp())
network, judge = recipes.networks_of(options, report)
settings = recipes.shortened(replace(recipes.recipe(network), alpha=fast_style.ALPHA), options)

# %% [markdown]
# One style, many contents
# ------------------------
# The style picture is fixed. The pictures to judge on have other textures, and were not learned from.

# %%
style = fast_style.style_picture(0)
pairs = fast_style.unseen_pairs(0, style, count=8)
figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained", width_ratios=(1, 3))
show(axes[0], style, "the style")
montage(pairs.contents, columns=4, ax=axes[1])
axes[1].set_title("unseen contents")
plt.show()

# %% [markdown]
# The network that paints
# -----------------------
# Down by strides, residual blocks, up by transposed convolutions. After every convolution an instance norm: mean and
# variance of one map of one picture. A picture of half the contrast is painted just as strongly.

# %%
print(inspect.getsource(transformation_network.TransformationNetwork.__init__))
pcn.manual_seed(0)
model = transformation_network.TransformationNetwork(fast_style.WIDTHS, fast_style.BLOCKS, fast_style.KERNEL)
figure, ax = plt.subplots(figsize=(9, 2.6), layout="constrained")
montage(model.paint(pairs.contents[:4]), columns=4, ax=ax)
ax.set_title(f"what {sum(p.numel() for p in model.parameters())} weights paint before they have learned")
plt.show()

# %% [markdown]
# Slide "Deep Art - Neural Style" (2): the cost, of what the network paints
# -------------------------------------------------------------------------
# The same J as before; the gradient goes through the fixed network into the picture, and on into the weights of the one
# that painted it.

# %%
print(inspect.getsource(fast_style.painting_loss))

# %%
losses = []
if finished(model, "fast_style") is None:  # else this page goes on with the lecture's network
    model, training = fast_style.taught(options, report, network, style, settings, steps=4 if QUICK else 300)
    losses = training.losses

# %% [markdown]
# One pass beside descent
# -----------------------
# On pictures that it has not seen.

# %%
began = perf_counter()
fast = model.paint(pairs.contents)
one_pass = (perf_counter() - began) / len(pairs)
began = perf_counter()
slow, curve = objective.paint(network, pairs.contents, pairs.styles, settings, fast_style.gram)
descent = (perf_counter() - began) / len(pairs)
print(f"a picture takes {1000 * one_pass:.1f} ms in one pass, {1000 * descent:.0f} ms by descent")
figure, axes = plt.subplots(3, 8, figsize=(13, 5), layout="constrained")
style_figures.rows(axes, {"content": pairs.contents, "one pass": fast, "descent": slow})
plt.show()

# %%
cost = objective.Objective(network, pairs.contents, style[None], settings, fast_style.gram)
with pcn.no_grad():
    J = {name: cost(pcn.tensor(np.stack(list(x)))).item() / len(pairs)
         for name, x in {"one pass": fast, "unchanged": pairs.contents}.items()}  # fmt: skip
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
if losses:
    fast_figures.learned(axes[0], losses)
else:
    axes[0].set_axis_off()
fast_figures.compared(axes[1], curve, J["one pass"], J["unchanged"])
plt.show()

# %%
print("steps of descent to the same J:", fast_style.steps_to(curve, J["one pass"]))
for name, images in {"content": pairs.contents, "one pass": fast, "descent": slow}.items():
    print(name, fast_style.judged(judge, images, pairs))

# %% [markdown]
# Instance norm: a picture of half the contrast is painted as strongly. And a shape that it never saw in training?

# %%
image, bars = pairs.contents[3], np.full((3, 64, 64), 0.25, np.float32)
bars[:, 10:54, 12:20] = bars[:, 10:54, 44:52] = bars[:, 28:36, 12:52] = 0.75
asked = {"content": image, "half the contrast": image / 2, "an H": bars}
figure, axes = plt.subplots(2, 3, figsize=(6.6, 4.8), layout="constrained")
painted = list(model.paint(np.stack(list(asked.values()))))
style_figures.rows(axes, {"content": list(asked.values()), "one pass": painted}, list(asked))
plt.show()

# %% [markdown]
# A published one
# ---------------
# The networks of ``github.com/reiinakano/fast-style-transfer-deeplearnjs`` have this architecture, larger. Take a
# folder of ``src/ckpts`` and paint your photographs: ``python -m lectures fast_style --weights FOLDER --data
# images:DIR``. It is a folder of plain numbers; how they are read:

# %%
print(inspect.getsource(transformation_network.load_published))

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures fast_style``: the full training, figures in ``out/fast_style/``.
# - Another texture: ``fast_style.STYLE``; fewer residual blocks: ``fast_style.BLOCKS``.
