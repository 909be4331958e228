# %% [markdown]
r"""
Pictures of nothing, step by step
=================================

The deck "Deep Convolutional Neural Networks II", slide "Deep Network Can Easily Be Fooled" (2): "artificial images that
are unrecognizable to humans, producing high output score can be found; the optimum images found by evolutionary
algorithm, starting from random noise; direct/indirect encoding"; min over I of ||NN(I) - S||^2.

Step through it cell by cell, change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/fooling.py``.

The code it explains, and calls: ``lectures/insight/fooling.py``.
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

from lectures.fixed_network.procedural import digit_network
from lectures.insight import fooling
from lectures.insight.drawing import fooling_figures
from lectures.insight.foundation import encodings, map_elites, natural
from lectures.report import Report
from pyconvnet.viz import montage

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter evolution, for a test of this file
options = Namespace(seed=0, quick=QUICK, data=None, weights=None, resume=False)
report = Report("walkthrough", mkdtemp())
rng = np.random.default_rng(0)

# %% [markdown]
# What does a network say of noise?
# ---------------------------------
# It has to say something: there is no class "nothing". Of noise it mostly says the same digit, and it may well be sure.
# But it is one digit. Can we have all ten?

# %%
network = digit_network(options, report)
noise = rng.random((500, 1, 28, 28), np.float32)
labels, softmax = network.predict(noise)
print("labels of 500 pictures of noise:", dict(zip(*(v.tolist() for v in np.unique(labels, return_counts=True)))))
print(f"median confidence {np.median(softmax.max(1)):.3f}")
print("highest confidence in each digit:", softmax.max(0).round(4))

# %% [markdown]
# Slide "Deep Network Can Easily Be Fooled" (2): direct encoding
# --------------------------------------------------------------
# A picture is a list of pixels; a child differs from its parent in a tenth of them.

# %%
print(inspect.getsource(encodings.Direct.mutated))
direct = encodings.Direct((1, 28, 28), halve=100)
line = [direct.random(rng, 1)]
for generation in range(4):
    line.append(direct.mutated(rng, line[-1], generation))
figure, ax = plt.subplots(figsize=(9, 2.2), layout="constrained")
changed = [f"{(line[k + 1] != line[k]).sum()} pixels changed" for k in range(4)]
montage(direct.pictures(np.concatenate(line)), columns=5, titles=["noise", *changed], ax=ax)
plt.show()

# %% [markdown]
# MAP-Elites: all digits evolve at once. Each child applies for every class; the class keeps whom the network is surest
# of. Why not the slide's ||NN(I) - S||^2? It is least at the same pictures. But look at what it says of noise:

# %%
costs = map_elites.square_cost(softmax, np.arange(10))
print("cost of each digit, the best picture of noise:", costs.min(0))
print(inspect.getsource(map_elites.offer))

# %%
generations, children = (4, 20) if QUICK else (200, 200)
pixels = map_elites.evolve(network, direct, np.arange(10), generations, children, rng)
print(f"{pixels.pictures_seen} pictures were looked at")
for k in np.linspace(0, len(pixels.history) - 1, 6).astype(int):
    print(f"generation {k:3}: median confidence {pixels.history[k]['confidence']:.3f}")

# %% [markdown]
# Slide "Deep Network Can Easily Be Fooled" (2): indirect encoding
# ----------------------------------------------------------------
# A CPPN is a small network that paints: from x, y and the distance to the middle to a grey level. What evolves are its
# weights, functions and connections. So a mutation changes a whole pattern, not a pixel. Some, before any evolution:

# %%
print(inspect.getsource(encodings.CPPN.pictures))
painters = encodings.CPPN((1, 28, 28))
family = painters.random(rng, 12)
grown = family
for _ in range(30):
    grown = painters.mutated(rng, grown)
figure, ax = plt.subplots(figsize=(12, 2.6), layout="constrained")
montage(painters.pictures(np.concatenate([family, grown])), columns=12, ax=ax)
plt.show()

# %% [markdown]
# With x by its absolute value every picture is symmetric, whatever the weights: the encoding decides what can be said.

# %%
mirrored = encodings.CPPN((1, 28, 28), symmetric=True)
images = mirrored.pictures(family)
print("largest difference to the mirror image:", np.abs(images - images[..., ::-1]).max())
figure, ax = plt.subplots(figsize=(12, 1.6), layout="constrained")
montage(images, columns=12, ax=ax)
plt.show()

# %%
painted = map_elites.evolve(network, painters, np.arange(10), generations // 2, children, rng)
elites = {"direct": pixels, "indirect": painted}
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
fooling_figures.evolution(ax, elites)
plt.show()

# %% [markdown]
# The third way: gradient descent, from noise
# -------------------------------------------
# It needs the network's gradient, where evolution needs its answers only. On the cross-entropy of S: a softmax that is
# sure of another digit has no gradient to follow.

# %%
print(inspect.getsource(fooling.by_gradient))
descended = fooling.by_gradient(network, np.arange(10), (1, 28, 28), 3 if QUICK else 60, rng)

# %% [markdown]
# As on the slide: the elites, and how sure the network is. Below each what a second network says, of another seed, that
# has learned from other pictures. It was not asked, and yet it often agrees: these patterns are not one network's whim.

# %%
second = digit_network(options, report, fooling.JUDGE)
pictures = {"direct": direct.pictures(pixels.genomes), "indirect": painters.pictures(painted.genomes)}
pictures["gradient"] = descended
figure, axes = plt.subplots(3, 10, figsize=(13.5, 5.6), layout="constrained")
fooling_figures.table(axes, network, second, network.classes, dict.fromkeys(pictures, np.arange(10)), pictures)
plt.show()

# %% [markdown]
# "The images found do not have the natural image statistics"
# -----------------------------------------------------------
# How rough is a picture, and how far from the nearest picture that the network learned from? Real digits agree in both
# numbers; the ones that were found lie far outside.

# %%
_, _, test, labels, training = fooling.yardstick(options, report, network)
usual = natural.statistics(test, training)
for way, images in pictures.items():
    of = natural.statistics(images, training)
    middle = ", ".join(f"{name} {np.median(values):.3f}" for name, values in of.items())
    print(f"{way:>9}: {middle}, unnatural: {natural.unnatural(of, usual):.0%}")
print(f"test digits, unnatural: {natural.unnatural(usual, usual):.0%}")
figure, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
fooling_figures.unlike(ax, pictures, usual, training)
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures fooling --seeds 0 1 2``: everything beside its baseline, in ``out/fooling/``.
# - ``python -m lectures fooling --weights FILE --data images:DIR``: a network for ImageNet.
# - Take the elites of this network as an eleventh class "nothing", train again: is the new network harder to fool?
