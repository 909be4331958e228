# %% [markdown]
r"""
Deep ageing, step by step
=========================

The deck "Deep Convolutional Neural Networks II", slide "Deep Aging": "Our network trained for predicting age (gender
and landmarks) was used", p -> PCA -> I -> NN -> S; input age 85, output age 30; min over p of
||NN(PCA(p)) - S^t||^2.

A network that only ever *reads* ages is used to *draw* them. Step through it cell by cell, change a
number, look again. As a script, from the root of the checkout: ``python lectures/walkthroughs/aging.py``.

The code it explains, and calls: ``lectures/faces/aging.py``.
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
from lectures.faces import aging
from lectures.faces.drawing import aging_figures
from lectures.faces.foundation import face_reader
from lectures.finished import finished
from lectures.report import Report
from pyconvnet.viz import montage

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Faces that grow old
# -------------------
# Painted, so that the age is known: lines, grey hair, a brow that droops and a jaw that widens. Each of the
# four goes with age, and is a matter of luck, too: a person of fifty may look like forty or like sixty.

# %%
identity, rng = pcn.data.draw_identity(np.random.default_rng(3)), np.random.default_rng(0)
upright = pcn.data.FacePose(background=(0.6, 0.6, 0.65))
same = [pcn.data.paint_face(identity, pcn.data.age_pose(rng, upright, y))[0] for y in range(20, 91, 10)]
figure, ax = plt.subplots(figsize=(12, 2.2), layout="constrained")
montage(same, columns=8, titles=[f"{y} years" for y in range(20, 91, 10)], ax=ax)
plt.show()

# %% [markdown]
# What the network is taught with: many people at all ages, with hats, glasses, smiles.

# %%
faces = pcn.data.Faces(60 if QUICK else 200, 6, aged=True, upright=True)
images = face_reader.pictures_of(faces)
figure, ax = plt.subplots(figsize=(12, 3.6), layout="constrained")
montage(images[:24], columns=12, titles=[f"{faces.age(i):.0f}" for i in range(24)], ax=ax)
plt.show()

# %% [markdown]
# Slide "Deep Aging": a network trained for predicting age (gender and landmarks)
# -------------------------------------------------------------------------------
# One vector S says everything about a face, in numbers of about unit spread: the age, four attributes, five
# landmarks. So one square error teaches all tasks at once. (The slide's network tells gender; ours smile,
# mouth, hat and glasses.)

# %%
print(inspect.getsource(face_reader.numbers))
S = face_reader.truths(faces, aging.TASKS)
print("S of the first face:", S[0].round(2))

# %% [markdown]
# The full training takes about half a minute (``python -m lectures aging``). Here a short one, unless the full
# one is done already: then this page goes on with its networks.

# %%
options, report = Namespace(seed=0, quick=QUICK, data=None, resume=False), Report("walkthrough", mkdtemp())


def short_training(stage, seed):
    """A network that reads faces: the lecture's where it has run, else a shorter training, with people of its own."""
    reader = face_reader.FaceReader(aging.TASKS)
    if finished(reader, "aging", stage) is None:
        people = pcn.data.Faces(60 if QUICK else 200, 6, aged=True, upright=True, seed=seed)
        numbers = face_reader.truths(people, aging.TASKS)
        pcn.manual_seed(seed)
        settings = face_reader.Settings(steps=500, quick=60)
        face_reader.learn_to_read(
            reader, face_reader.pictures_of(people), numbers, settings, options, report, stage, seed
        )
    return reader


reader = short_training("first", 0)

# %% [markdown]
# People it has never seen: what it says about them. The age is no feat: these faces are upright, so that their wrinkles
# are always in the same places, and a plane through the pixels is but 0.2 to 0.6 years worse than the full training
# (``python -m lectures aging --seeds 0 1 2``: "mae age" and its baseline).

# %%
unseen = pcn.data.Faces(40, 6, "test", aged=True, upright=True)
pictures, truth = face_reader.pictures_of(unseen), face_reader.truths(unseen, aging.TASKS)
said = reader.read(pictures)
told, true = (face_reader.years(x, reader.parts) for x in (said, truth))
figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
aging_figures.told_ages(axes[0], true, told)
axes[0].set_title(f"mean error {aging.mean_distance(told, true):.1f} years")
aging_figures.show(axes[1], pictures[0])
axes[1].plot(*(face_reader.places(said[0], reader.parts) - 0.5).T, "c+", markersize=14, mew=2)
axes[1].set_title(f"{told[0]:.0f} years (true: {true[0]:.0f}), and landmarks")
plt.show()

# %% [markdown]
# Slide "Deep Aging": p -> PCA
# ----------------------------
# What may a face look like? A mean, and the directions in which faces differ most: principal components.
# PCA(p) goes p_k standard deviations along the k-th. Every row is one direction, from -3 to 3.

# %%
bare = aging.bareheaded(faces, 20, 90, 1000)
space = aging.FaceSpace(images[bare], 20 if QUICK else aging.COMPONENTS)
print(f"{len(space.sigma)} components hold {space.explained:.0%} of what differs")
figure, axes = plt.subplots(4, 7, figsize=(9, 6), layout="constrained")
aging_figures.components(axes, space)
plt.show()

# %% [markdown]
# Slide "Deep Aging": min over p of ||NN(PCA(p)) - S^t||^2
# --------------------------------------------------------
# S^t is what the network says of the face as it is, with one number changed: the age. Then gradient descent,
# on p and not on the weights; and each p_k stays within three standard deviations.

# %%
print(inspect.getsource(aging.minimise))
print(inspect.getsource(aging.target_for))

# %%
old, young = aging.bareheaded(unseen, 75, 90, 4), aging.bareheaded(unseen, 20, 35, 4)
own, goals = true[old + young], np.repeat([aging.YOUNG, aging.OLD], [len(old), len(young)])
p = space.code(pictures[old + young])
start, steps = space.picture(p), 20 if QUICK else aging.STEPS
there = aging.aged(reader, space, p, goals, steps)
back = aging.aged(reader, space, there[-1], own, steps)
for k in range(0, len(there), max(1, steps // 5)):
    now = face_reader.years(reader.read(space.picture(there[k])), reader.parts)
    print(f"step {k:3}: " + " ".join(f"{age:4.0f}" for age in now))

# %% [markdown]
# Who is to judge? The network was asked for its own opinion, so it is no judge. A second one, of other weights and
# taught with other people, is. Under each face: what the network that was asked says / what the second says.

# %%
second = short_training("judge", 1000)
networks = [lambda x, r=r: face_reader.years(r.read(x), r.parts) for r in (reader, second)]
stages = {"own age": start, "other age": space.picture(there[-1]), "and back": space.picture(back[-1])}
figure, axes = plt.subplots(3, len(goals), figsize=(1.6 * len(goals), 5.4), layout="constrained")
aging_figures.journey(axes, stages, *networks)
plt.show()

# %% [markdown]
# And without PCA? Deck "Deep Convolutional Neural Networks II", slide "Deep Network Can Easily Be Fooled" (1, in part)
# ---------------------------------------------------------------------------------------------------------------------
# The same minimum over the pixels themselves. The network that was asked is content at once. The second one goes
# only part of the way (after the full training, with three seeds, it stays 26 to 32 of 50 years away: ``python -m
# lectures aging --seeds 0 1 2``), and we see the face that was there before: what has changed is mostly no face.

# %%
pixels = aging.pixels_aged(reader, start, goals, steps)
figure, axes = plt.subplots(3, len(goals), figsize=(1.7 * len(goals), 5.6), layout="constrained")
views = {"own age": start, "by pixels": pixels[-1], "difference, 4 times": 0.5 + 4 * (pixels[-1] - start)}
for row, (title, shown) in zip(axes, views.items()):
    for ax, image in zip(row, shown):
        aging_figures.show(ax, image)
    row[0].set_title(title, loc="left")
plt.show()

# %%
curves = {}
for arm, path in {"PCA(p)": [space.picture(x) for x in there], "pixels": pixels}.items():
    curves[arm] = [[aging.mean_distance(says(x), goals) for x in path] for says in networks]
    asked, judged = (curve[-1] for curve in curves[arm])
    print(f"{arm}: {asked:.1f} years off for the network that was asked, {judged:.1f} for the second")
figure, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
aging_figures.who_is_fooled(ax, curves)
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures aging``: the full training, and everything beside its baseline in ``out/aging/``.
# - Take fewer or more components, or let p_k go to 10: what does the second network say then?
# - Ask for glasses instead of an age: any number of S can be changed.
