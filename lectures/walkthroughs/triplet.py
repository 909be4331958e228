# %% [markdown]
r"""
The triplet loss, slide by slide
================================

The deck "Fun Ways To Use ConvNets", slide "Face Recognition/Verification" (3, in part: the triplet loss), and the deck
"Computer Vision - Lecture 16: Deep Learning Applications", slide "Discriminative Face Embeddings": three faces, the
cost, its gradient, which triplets to take, a short training, and how it collapses.

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a
notebook of it), change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/triplet.py``.

The code it explains, and calls: ``lectures/faces/triplet.py``.
"""

# %%
import inspect
import os
import sys

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.faces import triplet
from lectures.faces.drawing import recognition_figures as figures
from lectures.faces.foundation.batches import PeopleBatches
from lectures.faces.foundation.eigenfaces import flat
from lectures.faces.foundation.embedding import EmbeddingNet, squared_distances, unit
from lectures.faces.foundation.portraits import Portraits
from lectures.faces.foundation.verification import judge, scores_of
from lectures.finished import finished

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Faces that are painted from numbers
# -----------------------------------
# Fifteen numbers make a person: how long the head is, how far apart the eyes are, where the hair begins ...
# Each row below is one person. What changes within a row, the way the head is turned, light, smile, a hat,
# says nothing about who it is. The people that we judge on are others than those we learn from.

# %%
faces = pcn.data.Faces(60, 8, "train")
people_to_learn, unseen = (Portraits(f, f.labels) for f in (faces, pcn.data.Faces(30, 6, "test")))
figure, axes = plt.subplots(4, 8, figsize=(12, 6.4), layout="constrained")
for row, line in enumerate(axes):
    for column, ax in enumerate(line):
        figures.show(ax, faces[row * 8 + column][0], f"person {row}" if column == 0 else "")
plt.show()

# %% [markdown]
# Why not compare the pixels?
# ---------------------------
# Two pictures of one person differ more than two people who hold their heads alike. The histogram is of
# the squared distances of unseen faces, as pixels: nothing parts the two kinds of pairs.

# %%
pixels, who = flat(unseen)
i, j = np.triu_indices(len(who), 1)
same = who[i] == who[j]
pixels = unit(pixels)
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
figures.draw_distances(ax, ((pixels[i] - pixels[j]) ** 2).sum(1), same)
ax.set_title(f"pixels: area under the ROC curve {judge(scores_of(pixels), who)['auc']:.2f} (0.5 is guessing)")
plt.show()

# %% [markdown]
# Slide "Face Recognition/Verification" (3): "ConvNet output is f(x)"
# -------------------------------------------------------------------
# The ConvNet maps a face x to 64 numbers f(x), a point on the unit sphere: three convolutions with
# pooling and a linear layer. Nothing here knows how many people there are, so nothing has to be changed
# for a new one.

# %%
model = EmbeddingNet()
z = pcn.tensor(faces[0][0][None]).mean(1, keepdim=True)
for layer in model.convolutions:
    z = layer(z)
    if type(layer).__name__ in ("Conv2d", "MaxPool2d"):
        print(f"{type(layer).__name__:10} -> {z.shape[1:]}")
f = model.embed(people_to_learn.images(range(4)))
print(f"f(x) has {f.shape[1]} numbers; its length is {np.linalg.norm(f[0]):.4f}")
print(f"{sum(p.data.size for p in model.parameters())} numbers to learn")

# %% [markdown]
# Slide "Face Recognition/Verification" (3), continued: the cost of three faces
# -----------------------------------------------------------------------------
# "Target image x, image of same person y, image of different person z. Want ||f(x) - f(y)||^2 + alpha <
# ||f(x) - f(z)||^2", cost "max{||f(x) - f(y)||^2 - ||f(x) - f(z)||^2 + alpha, 0} (cf SVM)". In the plane: x is
# fixed, y too, and the map says what it costs when f(z) is at that place. Inside the circle it costs
# something; outside it nothing, and then z is left in peace. The circle is wider than the way to y, by
# alpha.

# %%
x, y, alpha = np.array([0.0, 0.0]), np.array([0.7, 0.3]), 0.2
grid = np.stack(np.meshgrid(np.linspace(-1.5, 1.5, 121), np.linspace(-1.5, 1.5, 121)), -1)
cost = np.maximum(((x - y) ** 2).sum() - ((x - grid) ** 2).sum(-1) + alpha, 0)
figure, ax = plt.subplots(figsize=(6, 5), layout="constrained")
shown = ax.imshow(cost, extent=(-1.5, 1.5, -1.5, 1.5), origin="lower", cmap="cividis")
figure.colorbar(shown, label="cost if f(z) is here")
for name, place in (("f(x)", x), ("f(y)", y)):
    ax.plot(*place, "o", color="w", markeredgecolor="k")
    ax.annotate(name, place, xytext=(6, 6), textcoords="offset points", color="w")
ax.add_patch(plt.Circle(x, np.linalg.norm(x - y), fill=False, color="w", ls=":"))
ax.set_title("dotted: as far as y; edge of the colour: by alpha further")
plt.show()

# %% [markdown]
# Slide "Discriminative Face Embeddings": pull and push
# -----------------------------------------------------
# The gradient moves three points at once: y comes nearer to x, z goes away, and x does both. A triplet
# that costs nothing has no gradient at all. Below: arrows point where gradient descent moves the points.

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
for ax, z in zip(axes, ((-0.3, 0.5), (-0.7, 0.45), (-1.1, 0.7))):
    points = pcn.tensor(np.array([[0.0, 0.0], [0.7, 0.3], z]), requires_grad=True)
    d = squared_distances(points)
    loss = pcn.functional.relu(d[0, 1] - d[0, 2] + alpha)
    loss.backward()
    for name, at, step in zip(("f(x)", "f(y)", "f(z)"), points.data, -0.25 * points.grad.data):
        ax.plot(*at, "o", color="k")
        ax.annotate(name, at, xytext=(6, -12), textcoords="offset points")
        ax.arrow(*at, *step, head_width=0.05 * bool(step.any()), color="tab:orange", length_includes_head=True)
    ax.set(xlim=(-1.5, 1.3), ylim=(-0.8, 1.2), aspect="equal", title=f"cost {loss.item():.2f}")
plt.show()

# %% [markdown]
# Slide "Face Recognition/Verification" (3), continued: "sum over all training images"
# ------------------------------------------------------------------------------------
# Of 60 people with 8 pictures there are a million and a half triplets. So a step takes a batch of 16 people with 4
# pictures each, and all triplets in it. Read the code against the slide:

# %%
print(inspect.getsource(triplet.triplet_loss))
draws = PeopleBatches(people_to_learn.people)
which = draws.draw(np.random.default_rng(0))
print("who is on the pictures of a batch:", people_to_learn.people[which])
print("triplets in it:", len(triplet.triplets(people_to_learn.people[which])[0]), "= 64 x 3 x 60")

# %% [markdown]
# Which triplets?
# ---------------
# The slide's mean over all triplets counts many that cost nothing, and more of them the longer it learns.
# ``MINING`` has four ways: "slide" takes every one, "all" those that cost something, "semi-hard" for each
# x, y the nearest z behind y (FaceNet), "hard" for each x only the furthest y and the nearest z.

# %%
embeddings = pcn.tensor(model.embed(people_to_learn.images(which)))
for mining in triplet.MINING:
    loss = triplet.triplet_loss(embeddings, people_to_learn.people[which], mining=mining)
    print(f"{mining:10} cost {loss['triplet'].item():.3f}")
print(f"before training {loss['active triplets']:.0%} of the triplets cost something, alpha is {loss['margin']}")

# %% [markdown]
# A very short training, in two ways
# ----------------------------------
# All triplets that cost something, and the hardest ones. Left the cost, right the mean distance of two
# faces of the batch. With the hardest triplets the distances go to zero: from every x the nearest
# stranger is nearer than the furthest picture of the same person, so the quickest way to a smaller cost
# is to draw everything together. At one point the cost is alpha and the gradient is zero. The network
# says the same about everybody, for ever.


# %%
def learned_by(mining, steps, lr):
    """(network, costs, mean distances) after some steps with one way to pick triplets."""
    pcn.manual_seed(1)
    net, costs, spread = EmbeddingNet(), [], []
    optimizer = pcn.optim.Adam(net.parameters(), lr=lr)
    for step in range(steps):
        chosen = draws.draw(np.random.default_rng(step))
        images = pcn.tensor(people_to_learn.images(chosen))
        loss = triplet.triplet_loss(net(images), people_to_learn.people[chosen], mining=mining)
        optimizer.zero_grad()
        loss["triplet"].backward()
        optimizer.step()
        costs.append(loss["triplet"].item())
        spread.append(loss["distance"])
    return net, costs, spread


# %%
steps = 20 if QUICK else 150
runs = {mining: learned_by(mining, steps, 2e-3) for mining in ("all", "hard")}
figure, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
for name, (_, costs, spread) in runs.items():
    axes[0].plot(figures.smoothed(costs), lw=2, label=name)
    axes[1].plot(figures.smoothed(spread), lw=2, label=name)
axes[0].axhline(triplet.MARGIN, color="0.5", lw=0.8)
axes[0].set(xlabel="step", ylabel="cost of the triplets picked", title="thin line: alpha", ylim=(0, None))
axes[1].set(xlabel="step", ylabel="mean squared distance", title="0: all faces at one point", ylim=(0, None))
axes[0].legend()
plt.show()

# %% [markdown]
# People never seen
# -----------------
# Train the lecture (``python -m lectures triplet``), run this file again, and from here on it uses that
# network, which has learned from 400 people. The histogram is the one of the beginning, now of
# embeddings: one threshold parts most pairs.

# %%
model = finished(EmbeddingNet(), "triplet")
print("the network of the lecture" if model else f"the network that has learned {steps} steps")
model = model or runs["all"][0]
vectors = model.embed(unseen.images())
found = judge(scores_of(vectors), unseen.people)
print(f"area {found['auc']:.3f}, of 20 people known by one picture the right one: {found['rank1']:.0%}")
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
figures.draw_distances(ax, ((vectors[i] - vectors[j]) ** 2).sum(1), same)
ax.set_title(f"embeddings: area under the ROC curve {found['auc']:.2f}")
plt.show()

# %% [markdown]
# Whose face?
# -----------
# To the left unseen faces, beside each the faces nearest to it among 180, with the squared distance. Blue frames are
# the same person. Look at what the mistakes share: a hat hides the hair, glasses the brows.

# %%
figure, axes = plt.subplots(5, 7, figsize=(11, 8.4), layout="constrained")
figures.draw_neighbours(axes, unseen, vectors)
plt.show()
