# %% [markdown]
r"""
SSD: default boxes on several maps
==================================

The deck "Fun Ways To Use ConvNets", slides "One-Shot Object Detection" (1 and 5): YOLO and SSD answer for all
objects in one pass; default boxes, of which the network learns offsets; several length scales. Here:
the default boxes of three maps, which of them stand for an object, the loss, the hard negatives, and
what the fine map gives the small objects.

Step through it cell by cell, change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/ssd.py``.

The code it explains, and calls: ``lectures/detection/ssd.py`` and
``lectures/detection/proposing/anchors.py``.
"""

# %%
import inspect
import os
import sys

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import ssd
from lectures.detection.drawing import anchor_figures, figures
from lectures.detection.proposing.anchors import anchor_targets, decode_anchors
from lectures.training import Training, train
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Slide "One-Shot Object Detection" (5): small and large objects
# --------------------------------------------------------------
# These scenes mix objects of 6 and of 40 pixels. YOLO's cells of 8 pixels are larger than the smallest
# of them: one cell may hold two objects, and 64 numbers per cell have to remember where each lies.

# %%
scenes = pcn.data.ShapeScenes(48, "train", 0, "mixed64")
classes = scenes.classes
sides = np.concatenate([np.sqrt(pcn.ops.box_area(boxes)) for _, (boxes, _) in scenes])
figure, axes = plt.subplots(1, 4, figsize=(15, 4), layout="constrained")
for ax, i in zip(axes, (0, 1, 4)):
    image, (boxes, labels) = scenes[i]
    draw_boxes(image, boxes, labels, classes=classes, ax=ax)
axes[3].hist(sides, np.arange(6, 42, 2), color="#0072B2")
axes[3].set(xlabel="side of the object's box, pixels", ylabel="objects", title=f"{len(sides)} objects")
plt.show()

# %% [markdown]
# Slide "One-Shot Object Detection" (5): default boxes
# ----------------------------------------------------
# "Default bounding boxes (anchor boxes) facilitate training: just learn offsets from default
# shapes/sizes." Every position of every map has four: a square of side s, a somewhat larger one, one
# twice as wide and one twice as high. The map at stride 4 has the small boxes, that at stride 16 the
# large ones. The paper's network has 8,732 in all.

# %%
model = ssd.SSD(classes)
for stride, shapes in zip(model.strides, model.shapes):
    listed = ", ".join(f"{w:.1f} x {h:.1f}" for w, h in shapes)
    print(f"stride {stride:2}: {64 // stride:2} x {64 // stride:2} positions, boxes of {listed}")
boxes = model.anchors(64, 64)
print(f"{len(boxes)} default boxes in all")

# %% [markdown]
# Which default box stands for which object
# -----------------------------------------
# Positive is every default box whose IoU with an object is at least 0.5, and for each object the one
# that fits best, however badly. Below, by the colour of their object: small objects are the business
# of the fine map, large ones of the coarse map. All other boxes are background.

# %%
image, target = figures.several_objects(scenes)
figure, axes = plt.subplots(2, 3, figsize=(11.5, 8.4), layout="constrained")
anchor_figures.draw_positives(axes, model, image, target, ssd.POSITIVE, ssd.POSITIVE)
plt.show()

# %%
told = anchor_targets(boxes, [target], len(classes), ssd.POSITIVE, ssd.POSITIVE)
print(f"{len(target[0])} objects, {len(told.anchor)} positive boxes, {(told.label == 0).sum()} negative ones")
print("the first three, and the offsets that they should say (dx, dy, dw, dh over the variances .1, .1, .2, .2):")
for anchor, name, goal in list(zip(told.anchor, told.classes, told.goal))[:3]:
    print(f"  {boxes[anchor].round(1)} stands for a {classes[name]}: {goal.round(2)}")

# %% [markdown]
# What the network says
# ---------------------
# For each default box C + 1 scores, the last for background, and 4 offsets: one 3 x 3 convolution on
# each map.

# %%
scores, offsets = model(pcn.tensor(image[None]))
print(f"picture {image.shape} -> scores {scores.shape[1:]}, offsets {offsets.shape[1:]}")
for stride, head in zip(model.strides, model.heads):
    print(f"  stride {stride:2}: {head.weight.data.shape} kernels, {head.weight.data.size} numbers")

# %% [markdown]
# The loss
# --------
# Softmax says which class, smooth L1 how far off. Only positive boxes are asked for offsets. Both are
# divided by the number of positives; a batch without any costs exactly nothing.

# %%
print(inspect.getsource(ssd.multibox_loss))

# %% [markdown]
# Hard negatives
# --------------
# If all negatives counted, they would be nearly the whole loss, and the way to lower it would be to
# call everything background. So "we sort them using the highest confidence loss for each default box
# and pick the top ones so that the ratio between the negatives and positives is at most 3:1" (Liu et
# al., 2.2). Sorting twice gives each box its rank:

# %%
print(inspect.getsource(ssd.hard_negatives))
cost = np.array([[0.1, 2.0, 0.5, 3.0, 0.2, 1.0, 0.3, 9.0]])
label = np.array([[0, 0, 0, 0, 0, 0, 0, 1]])  # the last is positive: its cost is of another kind
print("costs      ", cost[0], "\nranks      ", np.argsort(np.argsort(-np.where(label == 0, cost, -np.inf)))[0])
print("chosen     ", ssd.hard_negatives(cost, label)[0].astype(int))

# %% [markdown]
# A very short training
# ---------------------
# 48 scenes, learned by heart: the first thing to try with any new model. The lecture takes 8000
# scenes, 1200 steps and about a minute.

# %%
steps = 15 if QUICK else 120
optimizer = pcn.optim.Adam(model.parameters(), lr=4e-3, betas=(0.9, 0.99))
schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
loader = pcn.data.DataLoader(scenes, 12, shuffle=True, seed=0)


def cost_of_batch(net, batch):
    images, targets = batch
    return ssd.multibox_loss(*net(pcn.tensor(images)), boxes, targets)


training = Training(model, optimizer, schedule, steps, settings={})
train(training, loader.stream, cost_of_batch)
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ax.plot(np.arange(1, steps + 1), training.parts["class"], label="class: softmax")
ax.plot(np.arange(1, steps + 1), training.parts["box"], label="box: smooth L1")
ax.set(xlabel="step", ylabel="loss per positive box", ylim=(0, None))
ax.set_title(f"{steps} steps in {training.seconds:.0f} s")
ax.legend()
plt.show()

# %% [markdown]
# What mining looks at
# --------------------
# Left, for each place, the cost of its costliest negative box. In the middle the negatives that mining
# takes, right as many at random: those say "background" already, and teach nothing. The hard ones lie
# on and around objects: boxes that overlap an object, but not enough.

# %%
figure, axes = plt.subplots(1, 3, figsize=(14, 4.8), layout="constrained")
ssd.draw_mining(axes, model, image, target)
plt.show()

# %% [markdown]
# From scores to boxes
# --------------------
# Softmax; every box and class above a threshold; offsets applied; non-max suppression. By map: which
# of them found what.

# %%
with pcn.no_grad():
    scores, offsets = model.eval()(pcn.tensor(image[None]))
chances = pcn.functional.softmax(scores, dim=-1).data[0, :, :-1]
figure, axes = plt.subplots(1, 4, figsize=(15, 4.4), layout="constrained")
end = 0
for ax, stride, shapes in zip(axes, model.strides, model.shapes):
    start, end = end, end + (64 // stride) ** 2 * len(shapes)
    found = decode_anchors(chances[start:end], offsets.data[0, start:end], boxes[start:end], (64, 64), 0.3)
    draw_boxes(image, found[0], found[2], classes=classes, ax=ax, linewidth=1.5, fontsize=8)
    ax.set_title(f"stride {stride}: {len(found[0])} boxes above 0.3")
kept = model.predict(image[None], 0.3)[0]
draw_boxes(image, kept[0], kept[2], kept[1], classes=classes, ax=axes[3], fontsize=9)
axes[3].set_title(f"all maps, after suppression: {len(kept[0])}")
plt.show()

# %% [markdown]
# Slide "One-Shot Object Detection" (5): what several maps are worth
# ------------------------------------------------------------------
# The lecture trains a second network in which all twelve default boxes stand on the map of stride 8,
# for as many steps. How far apart the positions of a map are limits how well its boxes can fit a small
# object before anything is learned. Here the share of objects with a default box of IoU 0.5:


# %%
def share_fitted(boxes, low, high):
    """Of the objects with sides from low to high."""
    best = [pcn.ops.box_iou(boxes, truth).max(0) for _, (truth, _) in scenes]
    return np.mean(np.concatenate(best)[(sides >= low) & (sides < high)] >= 0.5)


one = ssd.SSD(classes, [np.concatenate(model.shapes)], ssd.STRIDES[1:2]).anchors(64, 64)
ranges = ((6, 12), (12, 24), (24, 41))
figure, ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
for shift, some, name in ((-0.2, boxes, "strides 4, 8, 16"), (0.2, one, "stride 8 alone")):
    shares = [share_fitted(some, *r) for r in ranges]
    ax.bar(np.arange(3) + shift, shares, 0.38, label=f"{name}: {len(some)} boxes")
    print(f"{name:18}", "  ".join(f"{a}-{b} px: {s:.2f}" for (a, b), s in zip(ranges, shares)))
ax.set_xticks(range(3), [f"{a} to {b} px" for a, b in ranges])
ax.set(ylabel="share of objects with a box of IoU 0.5", ylim=(0, 1.25))
ax.legend(loc="upper left", ncols=2)
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures ssd``: the full training; average precision by size; one map against three;
#   hard, random and all negatives; the pictures in ``out/ssd/``.
# - ``python -m lectures ssd --data voc:DIR``: on your own photographs, with default boxes of the sizes
#   that are typical of theirs.
# - What if the sizes were (16, 32, 64)? ``ssd.SSD(classes, ssd.default_shapes((16, 32, 64)))``
# - ``lectures/walkthroughs/retinanet.py``: the same problem of too many negatives, without mining.
