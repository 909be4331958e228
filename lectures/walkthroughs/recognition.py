# %% [markdown]
r"""
Verification and recognition, slide by slide
============================================

The deck "Fun Ways To Use ConvNets", slides "Face Recognition/Verification" (1 and 2, in part), and the deck "Computer
Vision - Lecture 16: Deep Learning Applications", slide "Other Tasks: Face Verification": is it she, who is it, nobody I
know, and why a new face needs no training.

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a
notebook of it), change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/recognition.py``.

The code it explains, and calls: ``lectures/faces/recognition.py``.
"""

# %%
import os
import sys
import tempfile
import time

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.faces import triplet
from lectures.faces.drawing import recognition_figures as figures
from lectures.faces.foundation import verification
from lectures.faces.foundation.batches import PeopleBatches
from lectures.faces.foundation.classifier import FaceClassifier, classification_loss
from lectures.faces.foundation.embedding import EmbeddingNet
from lectures.faces.foundation.gallery import Gallery
from lectures.faces.foundation.portraits import Portraits
from lectures.finished import finished

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Slide "Face Recognition/Verification" (2): "train ConvNet once to extract features from faces"
# ----------------------------------------------------------------------------------------------
# If the lecture ``triplet`` was run to its end, its network is used here; else one that learns for a few
# seconds, by the triplet loss. From here on nothing is trained, until the last cells show what the other way
# costs.

# %%
faces = pcn.data.Faces(60, 8, "train")
others = pcn.data.Faces(30, 6, "val")  # on whom thresholds are chosen
learned, unseen, others = (Portraits(f, f.labels) for f in (faces, pcn.data.Faces(30, 6, "test"), others))
draws = PeopleBatches(learned.people)
model = finished(EmbeddingNet(), "triplet")
print("the network of the lecture" if model else "a network that learns now, shortly")
if model is None:
    model = EmbeddingNet()
    optimizer = pcn.optim.Adam(model.parameters(), lr=2e-3)
    for step in range(20 if QUICK else 250):
        which = draws.draw(np.random.default_rng(step))
        loss = triplet.triplet_loss(model(pcn.tensor(learned.images(which))), learned.people[which])["triplet"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

# %% [markdown]
# Slide "Face Recognition/Verification" (1): "does presented face match a target face"
# ------------------------------------------------------------------------------------
# Verification is 1:1. Two faces, their distance, a threshold. Each threshold makes two kinds of mistakes:
# it lets strangers in, or keeps you out. The ROC curve shows all thresholds; where the thin line crosses it
# both mistakes are equally frequent.

# %%
vectors, people = model.embed(unseen.images()), unseen.people
scores = verification.scores_of(vectors)
i, j, same = verification.all_pairs(people)
figure, axes = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
figures.draw_distances(axes[0], -scores[i, j], same, -verification.balanced_threshold(scores[i, j], same))
figures.draw_roc(axes[1], {"embedding": scores}, people)
plt.show()

# %% [markdown]
# Which threshold?
# ----------------
# To unlock a phone, strangers matter; to tag photographs, both mistakes alike. And the threshold must not be
# chosen on the people that it is judged on: LFW deals people into ten folds, chooses it on the pairs within nine
# of them and judges the tenth. So do we, ten times.

# %%
for rate in (1e-3, 1e-2, 1e-1):
    share = pcn.metrics.true_accept_rate(scores[i, j], same, rate)
    print(f"at most {rate:5.1%} of the strangers accepted: {share:.0%} of the pairs of one person accepted")
print(f"equal error rate {pcn.metrics.equal_error_rate(scores[i, j], same):.3f}")
pairs, folds, _ = verification.ten_folds(people, np.random.default_rng(0))
accuracies, thresholds = verification.ten_fold_accuracy(scores[i, j][pairs], same[pairs], folds)
print(f"ten folds: accuracy {accuracies.mean():.3f}, from {accuracies.min():.3f} to {accuracies.max():.3f}; ", end="")
print(f"squared distances up to {-thresholds.max():.2f} to {-thresholds.min():.2f} are one person")

# %% [markdown]
# Slide "Face Recognition/Verification" (1), continued: "match face in image against a database of faces"
# -------------------------------------------------------------------------------------------------------
# Recognition is 1:N, and harder the more people there are: any of them may look alike. One picture of each
# of N people is known; the question is whose the other pictures are.

# %%
counts = [2, 5, 10, 20, 30]
rng = np.random.default_rng(0)
rank1 = [verification.rank1(scores, people, n, rng, repeats=20 if QUICK else 100) for n in counts]
figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
for n, share in zip(counts, rank1):
    print(f"the right one of {n:2} people: {share:.0%} (guessing {1 / n:.0%})")
ax.plot(counts, rank1, "o-", lw=2, label="nearest of N")
ax.plot(counts, 1 / np.array(counts), "--", color="0.5", label="guessing")
ax.set(xlabel="N people, one picture each", ylabel="right person first", ylim=(0, 1.02))
ax.legend()
plt.show()

# %% [markdown]
# The gallery: enrol, identify, "nobody I know", forget
# -----------------------------------------------------
# A database of names and vectors. Ten people are enrolled with one picture each; then it is asked about their
# other pictures and about twenty strangers, with a threshold from thirty people that are neither. Blue frames
# are right answers.

# %%
a, b, alike = verification.all_pairs(others.people)
their_scores = verification.scores_of(model.embed(others.images()))
threshold = -verification.balanced_threshold(their_scores[a, b], alike)
gallery = Gallery(threshold, network=model)
for person in range(10):
    gallery.enrol(f"person {person}", vectors[np.flatnonzero(people == person)[0]])
figure, axes = plt.subplots(2, 7, figsize=(12, 4.6), layout="constrained")
figures.draw_gallery(axes, gallery, unseen, vectors)
plt.show()

# %% [markdown]
# How sure must it be?
# --------------------
# A low threshold turns everybody away, a high one gives every stranger a name. The threshold of pairs is too
# high here: a stranger is compared with ten people, and need only be like one of them.

# %%
first = [np.flatnonzero(people == person)[0] for person in range(10)]
mine = np.setdiff1d(np.flatnonzero(people < 10), first)
strangers = np.flatnonzero(people >= 10)
to_all = gallery.distances(vectors)
nearest, distance = to_all.argmin(1), to_all.min(1)
sweep = np.linspace(0, 2, 81)
named = [((nearest == people) & (distance <= t))[mine].mean() for t in sweep]
away = [(distance > t)[strangers].mean() for t in sweep]
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(sweep, named, lw=2, label="enrolled: the right name")
ax.plot(sweep, away, "--", lw=2, label="strangers: nobody I know")
ax.axvline(threshold, color="k", lw=1, label="threshold of pairs")
ax.set(xlabel="threshold on the squared distance", ylabel="share of faces", ylim=(0, 1.02))
ax.legend()
plt.show()

# %% [markdown]
# It is saved as numbers and text, which nothing executes when it is read, and it forgets when told to.

# %%
with tempfile.TemporaryDirectory() as folder:
    gallery.save(f"{folder}/known.safetensors")
    again = Gallery.load(f"{folder}/known.safetensors", model)
again.forget("person 3")
print("enrolled:", ", ".join(again.names))
print("who is person 3 now?", again.identify(vectors[people == 3][1]))
try:
    again.enrol("person 4", vectors[0])
except ValueError as error:
    print(error)

# %% [markdown]
# Slide "Face Recognition/Verification" (1), continued: "if add a new face then need to retrain ConvNet"
# ------------------------------------------------------------------------------------------------------
# The other way is a classifier with a label for each person. Here it learns the 60 people; then somebody new comes.
# The classifier has no label for her, so it names one of the 60. With one label more,
# whose vector is random, its answer means nothing. The gallery takes her in one line, without a single step.

# %%
classifier = FaceClassifier(EmbeddingNet(), learned.count)
optimizer = pcn.optim.Adam(classifier.parameters(), lr=2e-3)
begin = time.perf_counter()
for step in range(20 if QUICK else 250):
    which = draws.draw(np.random.default_rng(step))
    loss = classification_loss(classifier, pcn.tensor(learned.images(which)), learned.people[which])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
trained = time.perf_counter() - begin
her = unseen.images(np.flatnonzero(people == 20))
print(f"trained for {trained:.1f} s; who is she? {classifier.predict(her[1:])} (0 to 59 are others)")
print(f"with a label more, 60: {classifier.with_more(1).predict(her[1:])}; it would have to be trained again")

# %%
begin = time.perf_counter()
gallery.enrol("the newcomer", model.embed(her[:1]))
print(f"enrolled in {1000 * (time.perf_counter() - begin):.1f} ms; who is she?")
for v in model.embed(her[1:]):
    match = gallery.identify(v)
    print(f"  {match.name or 'nobody I know':14} nearest {match.nearest}, squared distance {match.distance:.2f}")
figure, axes = plt.subplots(1, 6, figsize=(11, 2.2), layout="constrained")
for ax, picture, v in zip(axes, her, model.embed(her)):
    figures.show(ax, picture, gallery.identify(v).name or "nobody I know")
plt.show()
