# %% [markdown]
r"""
What does a neuron want to see?
===============================

The deck "Deep Convolutional Neural Networks II", slide "Visualizing the Deep Nets": "Similarly, find an image that
causes a particular neuron fires (maximally activate)".

A network that has learned to name things is asked to draw them. Step through it cell by cell, change a number, look
again. As a script, from the root of the checkout: ``python lectures/walkthroughs/activation_maximization.py``. Two
networks learn half a minute each the first time, and are kept.

The code it explains, and calls: ``lectures/insight/activation_maximization.py``.
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
from lectures.insight import activation_maximization as lecture
from lectures.insight.drawing import maximization_figures
from lectures.report import Report

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
STEPS = 4 if QUICK else lecture.STEPS

# %% [markdown]
# A network, and what it has learned from
# ---------------------------------------
# Two answers to every picture: one of four shapes, one of six textures. Its weights stay as they are from here on.

# %%
options, report = Namespace(seed=0, quick=QUICK, data=None, weights=None, resume=False), Report("walk", mkdtemp())
network = held_network(options, report)
images, shapes, textures = pcn.data.TexturedShapes(8, "test", 0).arrays()
figure, axes = plt.subplots(1, 8, figsize=(14, 2.3), layout="constrained")
answers = network.predict(images)[0], network.predict_textures(images)[0]
for ax, image, shape, texture in zip(axes, images, *answers):
    show(ax, image, network.classes[shape], network.textures[texture])
plt.show()

# %% [markdown]
# Slide "Visualizing the Deep Nets": an image that makes a neuron fire
# --------------------------------------------------------------------
# Start from noise; the number that we want to be large is a function of the pixels; go up its gradient. For a class,
# that number is the logarithm of its probability: when the network is sure, it is 0, and there is nothing left to gain.

# %%
print(inspect.getsource(lecture.certainty))
print(inspect.getsource(lecture.maximise))

# %%
asked = np.arange(6)
start = lecture.noise(6, network, 0)
goal = lecture.certainty(network.texture_logits, asked)
plain = lecture.maximise(goal, start, weight=0.0, steps=STEPS)
sure = network.predict_textures(plain)[1][asked, asked]
figure, axes = plt.subplots(2, 6, figsize=(12, 4.6), layout="constrained")
for k, (above, below) in enumerate(axes.T):
    show(above, start[k], "noise")
    show(below, plain[k], f"{network.textures[k]}?", f"it says so: {sure[k]:.2f}")
plt.show()

# %% [markdown]
# It is sure, and we see noise. Who is right? We ask a second network: of other weights, taught with other pictures
# (and with noise, so that it looks through it).

# %%
judge = lecture.second_network(options, report, network)
seen = judge.predict_textures(plain)[0]
for k in asked:
    print(f"asked for {network.textures[k]:14} the second network sees {judge.textures[seen[k]]}")
print(f"it is right about {np.mean(seen == asked):.0%}")

# %% [markdown]
# Slide "Visualization the Deep Nets": include image regularization
# -----------------------------------------------------------------
# The same, minus lambda times the total variation: of all pictures that the network is sure about, one whose
# neighbouring pixels are alike. And with jitter: rolled by up to four pixels before each step.

# %%
arms = {"no prior": plain, "TV prior": lecture.maximise(goal, start, steps=STEPS),
        "TV prior, jitter": lecture.maximise(goal, start, shift=lecture.JITTER, steps=STEPS)}  # fmt: skip
questions = {"texture": lecture.questions(network)["texture"]}
figure, axes = plt.subplots(3, 6, figsize=(11, 6.3), layout="constrained")
for row, (arm, made) in zip(axes, arms.items()):
    maximization_figures.class_row(row, [*zip(network.textures, made)], judge, questions)
    row[0].set_ylabel(arm)
plt.show()

# %% [markdown]
# One picture each may be luck. So: several starts for every class, and the share that the second network sees, too.

# %%
several = np.repeat(asked, 1 if QUICK else 5)
starts = lecture.noise(len(several), network, 1)
for goal_of in (lecture.certainty, lecture.scores):
    for weight in (0.0, lecture.WEIGHT):
        made = lecture.maximise(goal_of(network.texture_logits, several), starts, weight, steps=STEPS)
        right = (judge.predict_textures(made)[0] == several).mean()
        print(f"{goal_of.__name__:10} lambda {weight:.1f}: the second network sees {right:.0%} of {len(several)}")

# %% [markdown]
# The last two rows are a surprise: without an end (the score before the softmax can always grow) the picture becomes a
# caricature, and both networks know it, with the prior or without. It is where the network has *just* become sure that
# a prior decides whether there is anything to see.

# %%
goal = lecture.scores(network.logits, np.arange(4))
loud = lecture.maximise(goal, lecture.noise(4, network, 0), 4.0, 4, steps=STEPS)
figure, axes = plt.subplots(1, 4, figsize=(9, 2.7), layout="constrained")
questions = {"shape": lecture.questions(network)["shape"]}
maximization_figures.class_row(axes, [*zip(network.classes, loud)], judge, questions)
plt.show()

# %% [markdown]
# A neuron within
# ---------------
# One number of a hidden layer, in the middle of its map. It depends on a few pixels only, its receptive field. Above
# what was made for it, below the patches of real pictures that fire it most: bars, corners and blobs are there, too.

# %%
for layer in network.layers:
    top, left, bottom, right = lecture.field(network, layer)
    print(f"a neuron of {layer} sees {bottom - top} x {right - left} pixels")
found = lecture.fire(network, "conv3", options)
figure, axes = plt.subplots(2, len(found.images), figsize=(11, 4.2), layout="constrained")
maximization_figures.neuron_rows(axes, "conv3", found)
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures activation_maximization``: ten starts for each class, every arm beside the baseline.
# - ``--weights resnet20.th --data cifar:FILE``: a ResNet-20 draws airplanes and cats, and a second network judges.
# - Make lambda larger and larger. When does the network itself give up?
