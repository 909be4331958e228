# %% [markdown]
r"""
The pairwise loss, slide by slide
=================================

The deck "Fun Ways To Use ConvNets", slides "Face Recognition/Verification" (2 and 3, in part: the pairwise loss): one
ConvNet for two faces, a binary question about their features, what the difference has to do with it, and DeepFace's
logistic cost.

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a
notebook of it), change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/pairwise.py``.

The code it explains, and calls: ``lectures/faces/pairwise.py``.
"""

# %%
import inspect
import os
import sys

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.faces import pairwise
from lectures.faces.drawing import recognition_figures as figures
from lectures.faces.foundation.batches import PeopleBatches
from lectures.faces.foundation.portraits import Portraits
from lectures.faces.foundation.verification import judge, scores_of
from lectures.finished import finished

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Slide "Face Recognition/Verification" (2): a binary classification problem
# --------------------------------------------------------------------------
# "Predict whether the two images are of the same person or not." Above a pair of pictures of one person
# in each column, below of two people. Which columns would you have known?

# %%
faces = pcn.data.Faces(60, 8, "train")
learned, unseen = (Portraits(f, f.labels) for f in (faces, pcn.data.Faces(30, 6, "test")))
rng = np.random.default_rng(1)
i, j, same = pairwise.draw_pairs(unseen.people, rng)
chosen = [rng.choice(np.flatnonzero(same == kind), 7, replace=False) for kind in (1, 0)]
figure, axes = plt.subplots(4, 7, figsize=(11, 6.6), layout="constrained")
for half, which in enumerate(chosen):
    for column, pair in enumerate(which):
        figures.show(axes[2 * half, column], unseen.image(i[pair]), ("one person", "two people")[half])
        figures.show(axes[2 * half + 1, column], unseen.image(j[pair]))
plt.show()

# %% [markdown]
# Slide "Face Recognition/Verification" (2), continued: one ConvNet, two images
# -----------------------------------------------------------------------------
# "Use ConvNet to map one image to feature vector y1, use ConvNet to map second image to y2." It is the
# same ConvNet, with the same weights: else y1 and y2 could not be compared.

# %%
model = pairwise.PairNet()
y = model.embedding.embed(learned.images(range(3)))
print(f"three faces -> {y.shape}: 64 features each")
print(inspect.getsource(pairwise.PairNet.logits))

# %% [markdown]
# Slide "Face Recognition/Verification" (2), continued: "given input feature vector [y1, y2]"
# -------------------------------------------------------------------------------------------
# "E.g. use logistic regression or even just calc the difference between y1 and y2." Logistic regression on
# the vector [y1, y2] itself cannot work, whatever the features: its logit is w1 y1 + w2 y2 + b. With one
# feature, "the same" is the diagonal of the square below, and no straight line parts a diagonal from what
# lies on both sides of it. The difference |y1 - y2| folds the square along the diagonal; then one line does.

# %%
one = np.random.default_rng(0).uniform(-1, 1, (400, 1))
is_same = np.arange(400) % 2 == 1
other = np.where(is_same[:, None], one + 0.08 * rng.normal(size=one.shape), rng.permutation(one))
pair = np.hstack([one, other])
figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
for kind, name, colour in ((is_same, "one person", "tab:blue"), (~is_same, "two people", "tab:orange")):
    axes[0].plot(*pair[kind].T, "o", ms=4, color=colour, label=name)
    axes[1].plot(np.abs(pair[kind, 0] - pair[kind, 1]), pair[kind].mean(1), "o", ms=4, color=colour)
axes[0].set(xlabel="y1", ylabel="y2", title="[y1, y2]: no line parts them")
axes[1].set(xlabel="|y1 - y2|", ylabel="(y1 + y2) / 2", title="|y1 - y2|: one line does")
axes[1].axvline(0.15, color="k", lw=1)
axes[0].legend()
plt.show()

# %% [markdown]
# Slide "Face Recognition/Verification" (3): "logistic cost function on difference between pairs"
# -----------------------------------------------------------------------------------------------
# The logit is b + sum of w_k |y1_k - y2_k|, at the beginning 2 minus half the sum of the differences: near faces are
# the same person. The cost is the logistic one. Hadsell's contrastive cost does without a
# probability: it pulls pairs of one person together, and pushes two people away until they are a margin apart.

# %%
distance = np.linspace(0, 2, 100)
zeros, at = np.zeros((1, 1)), distance[:, None]
contrastive = {kind: [pairwise.contrastive_loss(pcn.tensor(zeros), pcn.tensor(d[None]), [kind]).item() for d in at]
               for kind in (1, 0)}  # fmt: skip
logits = np.linspace(-4, 4, 100)
logistic = {kind: [pairwise.pairwise_loss(pcn.tensor(z[None]), np.array([float(kind)])).item() for z in logits]
            for kind in (1, 0)}  # fmt: skip
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for kind, name, colour in ((1, "one person", "tab:blue"), (0, "two people", "tab:orange")):
    axes[0].plot(logits, logistic[kind], color=colour, lw=2, label=name)
    axes[1].plot(distance, contrastive[kind], color=colour, lw=2, label=name)
axes[0].set(xlabel="logit", ylabel="cost", title="logistic")
axes[1].set(xlabel="distance ||y1 - y2||", ylabel="cost", title=f"contrastive, margin {pairwise.MARGIN:g}")
axes[0].legend()
plt.show()

# %% [markdown]
# Balanced pairs
# --------------
# Of all pairs in a batch of 16 people with 4 pictures only one in twenty is of one person. Who always says
# "two people" is right 95 times in 100, and that is what a network learns first. So as many pairs of two
# people are drawn as there are of one.

# %%
print(inspect.getsource(pairwise.draw_pairs))
draws = PeopleBatches(learned.people)
which = draws.draw(np.random.default_rng(0))
i, j, same = pairwise.draw_pairs(learned.people[which], rng)
print(f"{len(which)} faces: {len(which) * (len(which) - 1) // 2} pairs; taken {len(same)}, {same.sum():.0f} the same")

# %% [markdown]
# A very short training
# ---------------------
# Each step: the features of 64 faces, once, and the cost of 192 pairs of them.

# %%
steps, costs, right = 20 if QUICK else 150, [], []
optimizer = pcn.optim.Adam(model.parameters(), lr=2e-3)
for step in range(steps):
    which = draws.draw(np.random.default_rng(step))
    y = model.embedding(pcn.tensor(learned.images(which)))
    i, j, same = pairwise.draw_pairs(learned.people[which], rng)
    logits = model.logits(y[i], y[j])
    cost = pairwise.pairwise_loss(logits, same)
    optimizer.zero_grad()
    cost.backward()
    optimizer.step()
    costs.append(cost.item())
    right.append(((logits.data > 0) == (same > 0)).mean())
for step in np.linspace(0, steps - 1, 4).astype(int):
    print(f"step {step + 1:3}: cost {costs[step]:.3f}, {right[step]:.0%} of the pairs right")

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
axes[0].plot(figures.smoothed(costs), lw=2)
axes[0].axhline(np.log(2), color="0.5", lw=0.8)
axes[0].set(xlabel="step", ylabel="cost", title="thin line: log 2, guessing", ylim=(0, None))
axes[1].plot(figures.smoothed(right), lw=2)
axes[1].set(xlabel="step", ylabel="share of pairs that are right", ylim=(0.4, 1))
plt.show()

# %% [markdown]
# People never seen
# -----------------
# Train the lecture (``python -m lectures pairwise``), run this file again, and from here on it uses that
# network. Three answers to the same question: the logistic of the weighted difference, the plain distance of
# the same features, and logistic regression on [y1, y2], which was even fitted to these very people.

# %%
lecture = finished(pairwise.PairNet(), "pairwise")
print("the network of the lecture" if lecture else f"the network that has learned {steps} steps")
model = lecture or model
images = unseen.images()
y = model.embedding.embed(images)
scores = {
    "weighted |difference|": model.scores(images),
    "distance": scores_of(y),
    "[y1, y2]": pairwise.on_concatenation(y, unseen.people, rng, 60),
}
figure, ax = plt.subplots(figsize=(6, 5), layout="constrained")
figures.draw_roc(ax, scores, unseen.people)
plt.show()

# %% [markdown]
# What the weights say
# --------------------
# A negative weight: who differs in this feature is not the same person. Features near zero are ignored.

# %%
found = judge(scores["weighted |difference|"], unseen.people)
print(f"area {found['auc']:.3f}, accuracy with a threshold from other people {found['accuracy']:.3f}")
figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.bar(np.arange(64), np.sort(model.weight.data))
ax.set(xlabel="feature, sorted", ylabel="weight", title=f"bias {model.bias.data[0]:.2f}")
ax.axhline(0, color="k", lw=0.8)
plt.show()
