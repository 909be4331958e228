# %% [markdown]
r"""
R-CNN, slide by slide
=====================

The decks "Computer Vision - Lecture 16", from "Object Detection: R-CNN" to "Problems with R-CNN", and "Localization,
Object Detection, Segmentation (Labwork 7)", slides "R-CNN": propose regions, warp each to one size, pass
each through a ConvNet, classify by linear SVMs, move by linear regressors. What stands in quotes is the slides' text,
here and there shortened.

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a notebook of it),
change a number, look again. As a script, from the root of the checkout: ``python lectures/walkthroughs/rcnn.py``.

The code it explains, and calls: ``lectures/detection/rcnn.py``; ``post_hoc.py``, ``linear_svm.py``,
``box_regression.py`` and ``warping.py`` in ``lectures/detection/regions``.
"""

# %%
import os
import sys
from types import SimpleNamespace

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import rcnn
from lectures.detection.drawing import post_hoc_figures
from lectures.detection.foundation.matching import overlaps
from lectures.detection.proposing.carried_proposals import WithProposals
from lectures.detection.regions import box_regression, linear_svm, post_hoc, post_hoc_costs
from lectures.detection.regions.warping import warp
from lectures.finished import finished
from lectures.macs import counted_macs
from lectures.training import Training, train
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Step 1: "use Selective Search to get around 2000 bounding boxes"
# ----------------------------------------------------------------
# Slide "Object Detection: R-CNN"; deck "Localization, Object Detection, Segmentation", slides "R-CNN" (1 and 2). A
# region proposal is a box "which can contain the object", whatever the class. Selective Search merges neighbouring
# segments that look alike, and takes the box of every one it ever had. Our pictures of 64 x 64 pixels give about 120.
# Nearly every object is among them; nearly every one of them is no object.

# %%
scenes = pcn.data.ShapeScenes(24 if QUICK else 60, "train")
classes = scenes.classes
proposals = [rcnn.search(picture) for picture, _ in scenes]
image, (truth, labels) = scenes[4]
regions = proposals[4]
overlap = overlaps(regions, truth)
figure, axes = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
draw_boxes(image, truth, labels, classes=classes, ax=axes[0], fontsize=10)
draw_boxes(image, regions, color="w", linewidth=0.7, ax=axes[1])
draw_boxes(image, regions[overlap.argmax(0)], color="w", linewidth=2, ax=axes[2])
axes[0].set_title(f"{len(truth)} objects", pad=14)
axes[1].set_title(f"{len(regions)} proposals", pad=14)
axes[2].set_title("the best of each object: IoU " + ", ".join(f"{v:.2f}" for v in overlap.max(0)), pad=14)
plt.show()

# %% [markdown]
# Step 2: "resize region proposals to same size"
# ----------------------------------------------
# Deck "Localization, Object Detection, Segmentation", slide "R-CNN" (5). The ConvNet wants 32 x 32 pixels (the paper:
# 227 x 227), so each region is stretched, whatever its proportions. With some context around the region the network
# sees where an object ends. Outside of the picture all is grey.

# %%
some = post_hoc_figures.spread(regions, truth, 8)
figure, axes = plt.subplots(2, 8, figsize=(14, 4), layout="constrained")
for line, context in zip(axes, (0, rcnn.CONTEXT)):
    crops = warp(image, some, rcnn.SIZE, context)
    post_hoc_figures.draw_crops(line, crops)
    line[0].text(-3, 16, f"context {context}", rotation=90, ha="right", va="center")
for ax, box in zip(axes[0], some):
    ax.set_title(f"{box[2] - box[0]:.0f} x {box[3] - box[1]:.0f} pixels", fontsize=9)
print("what enters the ConvNet:", warp(image, regions, rcnn.SIZE, rcnn.CONTEXT).shape)
plt.show()

# %% [markdown]
# Step 3: features by a ConvNet, and the background class
# -------------------------------------------------------
# Deck "Localization, Object Detection, Segmentation", slide "R-CNN" (4): "Issue: there exist region proposals without
# any objects. Solution: one background class is added." Which region is background? Each of R-CNN's three objectives
# draws the line elsewhere. For the log loss: an object from IoU 0.5 on. For the SVMs: positive is only an object's
# own box, negative what overlaps less than 0.3, the rest says nothing. The regressors look at regions above 0.6:
# farther away there is no telling which object is meant.

# %%
every = np.concatenate([overlaps(r, t[0]).max(1) for r, (_, t) in zip(proposals, scenes) if len(t[0]) and len(r)])
figure, ax = plt.subplots(figsize=(9, 3.6), layout="constrained")
ax.hist(every, np.linspace(0, 1, 41), color="0.75")
ax.set(xlabel="IoU of a proposal with the nearest object", ylabel="proposals", xlim=(0, 1), yscale="log")
borders = ((post_hoc.SVM_NEGATIVE, "SVM: negative below"), (0.5, "log loss: object above"))
for border, words in (*borders, (box_regression.NEAR, "regressor: above")):
    ax.axvline(border, color="k", ls="--")
    ax.text(border + 0.005, ax.get_ylim()[1] * 0.5, words, rotation=90, va="top", fontsize=9)
share = (every < 0.5).mean()
ax.set_title(f"{100 * share:.0f} % of {len(every)} proposals are background for the log loss")
plt.show()

# %% [markdown]
# Objective 1: "fine tune network with softmax classifier (log loss)"
# -------------------------------------------------------------------
# The first of the slide "Problems with R-CNN". Sixteen regions of each picture, at most a quarter of them objects;
# all pass through the ConvNet one by one. Two layers of it matter later: x_pool5 (1024 numbers: 64 channels of 4 x 4)
# for the box regressors, x_fc7 (96) for the SVMs. If the lecture has been run (``python -m lectures rcnn``), its
# network is taken, and the training is left out.

# %%
model = rcnn.RCNN(classes)
steps = 10 if QUICK else 120
if finished(model, "rcnn", "log-loss"):
    print("the network of the lecture")
else:
    optimizer = pcn.optim.Adam([*model.features.parameters(), *model.fc.parameters(), *model.score.parameters()], 3e-3)
    schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    training = Training(model, optimizer, schedule, steps, settings={})
    loader = pcn.data.DataLoader(WithProposals(scenes, proposals), 8, shuffle=True, seed=0)
    rng = np.random.default_rng(0)
    train(training, loader.stream, lambda net, batch: post_hoc.log_loss(net, pcn.tensor(batch[0]), batch[1], rng))
    print(f"log loss {training.losses[0]:.2f}, after {steps} steps {np.mean(training.losses[-5:]):.2f}")
pooled, hidden = model.eval().look(image, some)
print("x_pool5", pooled.shape, "x_fc7", hidden.shape)

# %% [markdown]
# Objective 2: "train post-hoc linear SVMs (hinge loss)"
# ------------------------------------------------------
# Slide "Classification": "Linear model with class-dependent weights, f_c(x_fc7) = w_c^T x_fc7." An SVM asks for more
# than the right side: for a margin. A sample costs max(0, 1 - y f(x)), and wide margins are those of a short w. In
# two dimensions it can be seen: only the samples on or inside the margin (ringed) hold the line; all others could be
# left out.

# %%
rng = np.random.default_rng(2)
y = np.repeat([1.0, -1.0], 40)
x = rng.normal(size=(80, 2)) * 0.8 + y[:, None] * (0.9, 0.6)
figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
for ax, c in zip(axes, (10.0, 0.02)):
    svm = linear_svm.fit_svm(x, y, c)
    holds = y * svm.scores(x) < 1 + linear_svm.ROUNDING
    across, up = np.meshgrid(np.linspace(-3.5, 3.5, 99), np.linspace(-3, 3, 99))
    f = svm.scores(np.stack([across.ravel(), up.ravel()], 1)).reshape(across.shape)
    ax.contour(across, up, f, [-1, 0, 1], colors="k", linestyles=["--", "-", "--"])
    ax.scatter(*x.T, c=np.where(y > 0, "#D55E00", "#0072B2"), s=25)
    ax.scatter(*x[holds].T, s=110, facecolor="none", edgecolor="k")
    ax.set(title=f"c = {c}: {holds.sum()} of 80 samples hold the line", aspect="equal")
plt.show()

# %% [markdown]
# Objective 2, continued: hard negatives
# --------------------------------------
# A picture gives a hundred negatives or more, most of them easy. So the first SVM sees as many random negatives as
# there are objects; then all others are scored, and those inside the margin join. R-CNN did it because 200 GB of
# features do not fit into memory. What surprises the first SVM are mostly parts of objects, and distractors.

# %%
features = post_hoc.region_features(model, scenes, proposals)
history = post_hoc.fit_svms(model, features, np.random.default_rng(0))
print("features kept of", len(features.hidden), "regions:", f"{features.bytes / 1e6:.0f} MB\n")
for name, svm, of_class in zip(classes, history, features.labels.T):
    x, negative = features.hidden * svm["scale"], of_class == -1
    wrong = [(svm[when].scores(x[negative]) > 0).sum() for when in ("first", "final")]
    print(f"{name:>9}: {(of_class == 1).sum()} positive, {negative.sum()} negative, {len(svm['hard'])} of them hard")
    print(f"{'':>9}  negatives with a score above 0: {wrong[0]} before, {wrong[1]} after")

# %%
svm = history[1]
hard = svm["hard"][np.argsort(-svm["first"].scores(features.hidden[svm["hard"]] * svm["scale"]))]
hard = hard[np.sort(np.unique(features.where[hard, 0], return_index=True)[1])][:8]  # one a picture
crops = [warp(scenes[int(row[0])][0], row[None, 1:], 48, 6)[0] for row in features.where[hard]]
scores = [svm[when].scores(features.hidden[hard] * svm["scale"]) for when in ("first", "final")]
figure, axes = plt.subplots(1, 8, figsize=(14, 2.4), layout="constrained")
post_hoc_figures.draw_crops(axes, crops, [f"{a:.1f}, then {b:.1f}" for a, b in zip(*scores)])
figure.suptitle(f"the hardest negatives of {classes[1]}: score before and after")
plt.show()

# %% [markdown]
# Step 4: "use SVM to classify the regions"
# -----------------------------------------
# Deck "Localization, Object Detection, Segmentation", slide "R-CNN" (5). Every region gets a score
# from every class's SVM; where none is above 0 it is background.

# %%
figure, axes = plt.subplots(2, 8, figsize=(14, 4), layout="constrained")
post_hoc_figures.draw_crops(axes[0], warp(image, some, rcnn.SIZE, rcnn.CONTEXT))
for ax, f in zip(axes[1], post_hoc_figures.svm_scores(model, image, some)):
    post_hoc_figures.draw_scores(ax, f, classes)
plt.show()

# %% [markdown]
# Objective 3: "bounding box regressors (squared loss)"
# -----------------------------------------------------
# Slide "Bounding Box Regressors": "Necessary, since the proposal region might not fully coincide with the
# (annotated) object bounding box." With x, y the centre of the proposal and * marking the object: (x* - x) / w, (y*
# - y) / h, ln(w* / w), ln(h* / h), each predicted as w_c^T x_pool5. Ridge regression has a closed form; its lambda
# is the one that predicts best a fifth of the pictures that it has not seen.

# %%
chosen = post_hoc.fit_regressors(model, features)
print("lambda of each class:", {name: f"{value:g}" for name, value in chosen.items()})
names = "(x* - x) / w", "(y* - y) / h", "ln w* / w", "ln h* / h"
figure, axes = plt.subplots(1, 4, figsize=(14, 3.4), layout="constrained")
k = int(np.bincount(features.classes).argmax())
mine = features.classes == k
predicted = box_regression.predict(model.box_weight.data[k], features.near[mine])
for ax, name, told, said in zip(axes, names, features.offsets[mine].T, predicted.T):
    ax.plot(told, said, ".", ms=3)
    ax.axline((0, 0), slope=1, color="k", lw=0.8)
    ax.set(title=name, xlabel="target", ylabel="predicted")
plt.show()

# %%
model.propose = rcnn.search
unseen = pcn.data.ShapeScenes(40, "test")
shown = post_hoc_figures.loose_regions(model, unseen, 4)
figure, axes = plt.subplots(1, 4, figsize=(14, 4), layout="constrained")
for ax, (picture, region, moved, object_) in zip(axes, shown):
    post_hoc_figures.draw_move(ax, picture, region, moved, object_)
figure.suptitle("unseen pictures: object white, proposal orange, moved blue")
plt.show()

# %% [markdown]
# Slides "R-CNN Pipeline": all together
# -------------------------------------
# Deck "Deep Convolutional Neural Networks II", slide "R-CNN": "for each region: crop + warp + run CNN". Propose,
# warp, ConvNet, SVM, move; then keep the best of overlapping boxes of each class. Trained on a few dozen scenes
# it is no good detector yet: ``python -m lectures rcnn`` takes 3000.

# %%
figure, axes = plt.subplots(1, 4, figsize=(14, 4.2), layout="constrained")
for ax, i in zip(axes, range(4)):
    found = model.predict(unseen[i][0][None])[0]
    draw_boxes(unseen[i][0], found[0], found[2], found[1], classes=classes, ax=ax, fontsize=10)
    ax.set_title(f"{len(found[0])} found, {len(unseen[i][1][0])} objects", pad=14)
plt.show()

# %% [markdown]
# Slide "Problems with R-CNN": slow, large, and three trainings
# -------------------------------------------------------------
# "Ad hoc training objectives": three, and none knows of the others. "Training (3 days) and testing (47 s per image) is
# slow: many separate applications of region CNNs." "Takes a lot of disk space: easily 200 GB." Ours is a toy, but its
# proportions are the same: hold what a picture costs against what the *picture* would cost if it went through the same
# convolutions once. (Deck "Localization, Object Detection, Segmentation", slide "R-CNN" (6), complains of the same.)
# The next idea: SPP-net and Fast R-CNN.

# %%
report = SimpleNamespace(train_seconds=0.0, extra={})
post_hoc.fit_post_hoc(model, scenes, proposals, report, np.random.default_rng(0))
report.extra.update(post_hoc_costs.disk(model, features) | post_hoc_costs.cost(model, image, rcnn.search))
with counted_macs(model) as once:
    model.features[0](pcn.tensor(image[None]))
for name, v in report.extra.items():
    print(f"{name.replace('_', ' '):>38}: {v:,.3f}" if isinstance(v, float) else f"{name.replace('_', ' '):>38}: {v}")
each = report.extra["macs_per_image"]
print(f"\nall crops through the ConvNet: {each / 1e6:,.0f} million multiply-adds")
print(f"the whole picture, once: {once.total / 1e6:,.0f} million")
