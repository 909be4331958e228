# %% [markdown]
r"""
What does a network dream of?
=============================

The deck "Deep Convolutional Neural Networks II", slides "Deep Dream" (1) and (2): "Start from an original image.
Manipulate the input image so that response scores are higher for all classes. Regularization with TV prior."

Hold the network fixed, and go uphill in the picture. Step through it cell by cell, change a number, look again. As a
script, from the root of the checkout: ``python lectures/walkthroughs/deep_dream.py``. The network learns half a minute
the first time, and is kept.

The code it explains, and calls: ``lectures/insight/deep_dream.py`` and ``lectures/fixed_network/prior.py``.
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
from lectures.fixed_network.prior import roughness
from lectures.insight import deep_dream
from lectures.insight.drawing import dream_figures
from lectures.insight.foundation.equal_norm import gaussian, rms
from lectures.report import Report

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file

# %% [markdown]
# Slide "Deep Dream" (1): start from an original image
# ----------------------------------------------------
# The network has learned four shapes and six textures: there is nothing else that it could see in a picture. Real
# networks know a thousand things, dogs above all, and so they dream of dogs.

# %%
options, report = Namespace(seed=0, quick=QUICK, data=None, weights=None, resume=False), Report("walk", mkdtemp())
network, images, names = deep_dream.prepared(options, report)
image = images[0]
for name, score in zip(network.classes, deep_dream.response_scores(network, image[None])[0]):
    print(f"{name:10} response score {score:6.2f}")

# %% [markdown]
# Slide "Deep Dream" (1): response scores are higher for all classes
# ------------------------------------------------------------------
# One gradient says how every pixel would have to change for the sum of the scores to rise fastest. It is divided
# by its mean magnitude, so that each step changes a pixel by as much, whatever the goal is.

# %%
print(inspect.getsource(deep_dream.all_scores))
print(inspect.getsource(deep_dream.unit))

# %%
x = pcn.tensor(image[None], requires_grad=True)
gradient = deep_dream.unit(pcn.grad(deep_dream.all_scores(network)(x), x)[0].data)[0]
figure, axes = plt.subplots(1, 3, figsize=(10, 3.7), layout="constrained")
show(axes[0], image, "the picture")
show(axes[1], 0.5 + gradient / 8, "the gradient, around grey")
show(axes[2], np.clip(image + 30 * deep_dream.STEP * gradient, 0, 1), "the picture after a long step along it")
plt.show()

# %% [markdown]
# One long step goes where the gradient was at its beginning. Many small ones look again after each:

# %%
print(inspect.getsource(deep_dream.ascend))

# %%
goal, path, steps = deep_dream.all_scores(network), [image], 6 if QUICK else 60
for _ in range(steps):
    path.append(deep_dream.ascend(goal, path[-1], (0, 0)))
scores = deep_dream.response_scores(network, np.stack(path))
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for name, score in zip(network.classes, scores.T):
    axes[0].plot(score, label=name)
axes[0].plot(scores.mean(1), "k--", label="mean")
axes[0].set(xlabel="step", ylabel="response score")
axes[0].legend(frameon=False)
show(axes[1], path[-1], f"after {steps} steps")
plt.show()

# %% [markdown]
# The *sum* rises. Need every score? Where one class rises much, others may fall, and the sum does not mind. The
# slide, to the letter ("higher for all classes"), is another goal: the class that has risen least counts most.

# %%
print(inspect.getsource(deep_dream.every_score))
before = deep_dream.response_scores(network, image[None])[0]
goals = {"the sum": deep_dream.all_scores(network), "every one": deep_dream.every_score(network, image)}
for name, goal in goals.items():
    picture = image
    for _ in range(steps):
        picture = deep_dream.ascend(goal, picture, (0, 0))
    rise = deep_dream.response_scores(network, picture[None])[0] - before
    print(f"{name:9} the scores have risen by", ", ".join(f"{r:.1f} ({c})" for c, r in zip(network.classes, rise)))

# %% [markdown]
# Octaves and jitter
# ------------------
# What the network dreams of is as large as what it has learned. So that there are large things and small ones, a
# small copy of the picture dreams first; what came of it is enlarged, added to a larger copy, which dreams on. And
# before each step the picture is rolled by a random way: else the strides leave a grid.

# %%
print(inspect.getsource(deep_dream.dream))
print("sizes of the copies:", deep_dream.octave_sizes(image.shape[1:]))

# %%
goal, steps = deep_dream.energy(network, network.layers[-1]), 2 if QUICK else 5
arms = {"neither": (1, 0), "jitter": (1, deep_dream.JITTER), "octaves": (4, 0), "both": (4, deep_dream.JITTER)}
figure, axes = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained")
for ax, (name, (octaves, jitter)) in zip(axes, arms.items()):
    picture = deep_dream.dream(goal, image, steps * 4 // octaves, octaves, jitter=jitter)
    show(ax, picture, name, f"neighbours differ by {roughness(picture[None])[0]:.3f}")
plt.show()

# %% [markdown]
# More of what it sees
# --------------------
# The dreams that became famous ("Inceptionism") have another goal: not the classes, but the energy of one layer.
# Whatever that layer sees, more of it: light and dark in the first, edges and pieces of textures later. (Half the
# squared norm, so that the gradient with respect to the features is the features themselves.)

# %%
print(inspect.getsource(deep_dream.energy))

# %%
figure, axes = plt.subplots(1, 1 + len(network.layers), figsize=(13, 3), layout="constrained")
goals = {layer: deep_dream.energy(network, layer) for layer in network.layers}
dreams = {layer: deep_dream.dream(goal, image, 2 if QUICK else 5) for layer, goal in goals.items()}
dream_figures.layers(axes, image, dreams)
plt.show()

# %% [markdown]
# Slide "Deep Dream" (1): regularization with TV prior
# ----------------------------------------------------
# Each step may also go down the gradient of R(I), the total variation: ``tv`` says how much of it. A little takes
# the noise away; more takes the dream away.

# %%
steps = 2 if QUICK else deep_dream.ALL_STEPS
figure, axes = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained")
for ax, tv in zip(axes, (0, 0.2, 0.5, 1)):
    picture = deep_dream.dream(deep_dream.all_scores(network), image, steps, tv=tv)
    score = deep_dream.response_scores(network, picture[None]).mean()
    words = f"mean score {score:.1f}, neighbours differ by {roughness(picture[None])[0]:.3f}"
    show(ax, picture, f"tv = {tv:g}", words)
    print(f"tv {tv:<4g} {words}")
plt.show()

# %% [markdown]
# As much noise
# -------------
# That scores rise when we go up their gradient is no feat. But is it the change, or the way? Noise of the same norm
# changes the picture as much, and no score.

# %%
dreamt = deep_dream.dream(deep_dream.all_scores(network), image, steps)
noise = gaussian(image[None], rms((dreamt - image)[None]), np.random.default_rng(0))[0]
figure, axes = plt.subplots(1, 3, figsize=(11, 4.3), layout="constrained")
dream_figures.dream_and_noise(axes, network, image, dreamt, noise)
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures deep_dream``: all of it with numbers, in ``out/deep_dream/``; ``--demo``: a slider for the
#   strength of the dream.
# - ``python -m lectures deep_dream --weights FILE --data images:DIR``: a network that knows animals, and your
#   photographs; ``lectures/fixed_network/real_weights.py`` says where such files are.
# - Dream of one class alone: ``lambda images: network.logits(images)[:, 0].sum()``.
# - ``python -m lectures activation_maximization``: start from noise instead of a picture.
