# %% [markdown]
r"""
YOLO v1, slide by slide
=======================

The deck "Localization, Object Detection, Segmentation", the slides titled "YOLO", and of the deck "Fun
Ways To Use ConvNets" what the slide "One-Shot Object Detection" (4) says about YOLOv1: what a cell says,
a cost of five terms, and training in two stages. What stands in quotes is the slide's text.

The first one-shot detector of this course, ``lectures/walkthroughs/yolo.py``, explains cells,
thresholds and non-max suppression; here it is about what is different.

The code it explains, and calls: ``lectures/detection/yolo_v1.py`` and
``lectures/detection/foundation/pretraining.py``.
"""

# %%
import inspect
import os
import sys

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import yolo, yolo_v1
from lectures.detection.drawing import yolo_figures
from lectures.detection.foundation.pretraining import Classifier
from lectures.training import Training, train
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# What a cell says
# ----------------
# Deck "Localization, Object Detection, Segmentation", slide "YOLO" (1): "for each cell of the S x S
# predict: B boxes and confidence scores C (5 B values) + classes c." The other deck adds: "uses same
# class vector for all boxes in a grid cell so B (4 + 1) + C output". The one-shot detector gave each
# box a class vector of its own, B (4 + C + 1). With the 20 classes of VOC and B = 2 that is:

# %%
for C in (3, 20):
    print(f"C = {C:2}: shared {2 * (4 + 1) + C} numbers a cell, one vector per box {2 * (4 + C + 1)}")
print(f"7 x 7 cells of 2 boxes: {7 * 7 * 2} boxes, as the slide 'Proposal comparison' counts")

scenes = pcn.data.ShapeScenes(48, "train")
classes = scenes.classes
image, target = scenes[4]
boxes, labels = target
model = yolo_v1.YoloV1(classes)
model.eval()
with pcn.no_grad():
    output = model(pcn.tensor(image[None])).data
print(f"ours: picture {image.shape} -> output {output.shape[1:]}")
names = [f"{n}_{k + 1}" for k in range(model.boxes) for n in ("x", "y", "root w", "root h", "C")]
for name, value in zip([*names, *(f"p({name})" for name in classes)], output[0, 3, 5]):
    print(f"  {name:12} {value:5.2f}")

# %% [markdown]
# Who is responsible
# ------------------
# The cell with the centre of an object answers for it, and of its B boxes the one that overlaps the
# object most *at that moment*. Below, an untrained network: its boxes are anywhere. Of each pair the
# better one (drawn thick, with its IoU) will be pulled towards the object; the other one (dashed) will
# be told that its confidence is 0.

# %%
candidates = yolo_v1.candidates(model, image, target)
figure, axes = plt.subplots(1, 2, figsize=(11, 6.2), layout="constrained")
yolo_figures.draw_responsibility(axes, image, target, *candidates, model.stride, classes)
plt.show()

# %% [markdown]
# One class vector means one object per cell. Where the centres of two objects lie in one cell, only
# the first is learned (``assign`` leaves the other out, and the training notes how many there were).
# How many would that be, with larger and larger cells?

# %%
many = pcn.data.ShapeScenes(60 if QUICK else 500, "val")
crowds = pcn.data.ShapeScenes(20 if QUICK else 100, "val", variant="crowded104")
for name, some in (("scenes of 1 to 4 objects", many), ("crowds of 10", crowds)):
    for stride in (8, 16):
        there, lost = 0, 0
        for _, (found, _) in some:
            cells = ((found[:, :2] + found[:, 2:]) / 2 // stride).astype(int)
            there, lost = there + len(found), lost + len(found) - len(np.unique(cells, axis=0))
        side = -(-some.variant.size // stride)
        print(f"{name}, {side:2} x {side:2} cells: {lost / there:.1%} of the objects share a cell with an earlier one")

# %% [markdown]
# The cost, five terms
# --------------------
# Deck "Localization, Object Detection, Segmentation", slide "YOLO" (3): "lambda_coord sum 1_ij^obj [(x -
# x^)^2 + (y - y^)^2]", the same for the roots of w and h, "sum 1_ij^obj (C - C^)^2", "lambda_noobj sum
# 1_ij^noobj (C - C^)^2", and "sum 1_i^obj sum (p(c) - p^(c))^2". The slide's sums run from i = 0 to S^2
# and from j = 0 to B: one too far each. It gives no numbers for the lambdas; 5 and 0.5 are the paper's.

# %%
print(inspect.getsource(yolo_v1.five_terms))

# %% [markdown]
# An answer that is right in everything, and then wrong in one thing at a time:

# %%
found = yolo_v1.assign(output, [target])
right = np.zeros_like(output)
for k, (row, column, box) in enumerate(zip(found.row, found.column, found.box)):
    right[0, row, column, 5 * box : 5 * box + 5] = [*found.truth[k, :4], 1]
    right[0, row, column, 10:] = np.arange(3) == found.label[k]


def cost_with(entry, value, cell=(found.row[0], found.column[0])):
    """The terms when one number of one cell is replaced."""
    answer = right.copy()
    answer[0, *cell, entry] = value
    terms = yolo_v1.five_terms(pcn.tensor(answer), yolo_v1.assign(answer, [target]))
    return "".join(f"{term.item():9.3f}" for term in terms.values())


first = 5 * found.box[0]
print(" " * 34 + "    place     size   object  nothing    class")
print("all right                         " + cost_with(first, found.truth[0, 0]))
print("x off by half a cell: 5 * 0.5^2   " + cost_with(first, found.truth[0, 0] + 0.5))
print("half the width                    " + cost_with(first + 2, found.truth[0, 2] * np.sqrt(0.5)))
print("the object missed: 1^2            " + cost_with(first + 4, 0))
print("a false alarm: 0.5 * 1^2          " + cost_with(4, 1, (0, 0)))
print("every class 0.5: 3 * 0.5^2        " + cost_with(slice(10, 13), 0.5))

# %% [markdown]
# Why square roots
# ----------------
# Two pixels too many matter for a box of 8 pixels, and hardly for one of 50. With the root they cost
# the small box more. And why the network must say the root itself: early in the training it says
# negative widths, of which there is no root.

# %%
sides = np.linspace(4, 60, 100)
figure, ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
for wrong in (2, 4):
    plain, rooted = np.full_like(sides, (wrong / 64) ** 2), (np.sqrt(sides / 64) - np.sqrt((sides + wrong) / 64)) ** 2
    ax.plot(sides, rooted, lw=2, label=f"{wrong} pixels too wide, roots")
    ax.plot(sides, plain, "--", lw=1, color=ax.lines[-1].get_color(), label=f"{wrong} pixels too wide, no roots")
ax.set(xlabel="true width in pixels, of 64", ylabel="cost", yscale="log", title="what an error of the width costs")
ax.legend(fontsize=8)
with np.errstate(invalid="ignore"):
    print("the root of a width of -0.1:", np.sqrt(-0.1))
plt.show()

# %% [markdown]
# A very short training
# ---------------------
# What the five terms weigh while 48 scenes are learned by heart: place and class at first, in the end
# little but the confidences. On pictures that cannot be learned by heart those stay high: of two boxes
# that fit alike one is told its IoU and the other one 0. The real training: ``python -m lectures
# yolo_v1``.

# %%
steps = 20 if QUICK else 150
optimizer = pcn.optim.Adam(model.parameters(), lr=4e-3, betas=(0.9, 0.99))
schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
training = Training(model, optimizer, schedule, steps, settings={})
loader = pcn.data.DataLoader(scenes, 12, shuffle=True, seed=0)
train(training, loader.stream, lambda net, batch: yolo_v1.loss_of(net, pcn.tensor(batch[0]), batch[1], None))

figure, axes = plt.subplots(1, 2, figsize=(13, 4.2), layout="constrained")
yolo_figures.draw_terms(axes, {name: training.parts[name] for name in yolo_v1.TERMS}, window=10)
plt.show()

# %% [markdown]
# Now the two boxes of a cell have become different, and fit:

# %%
model.eval()
figure, axes = plt.subplots(1, 2, figsize=(11, 6.2), layout="constrained")
learned = yolo_v1.candidates(model, image, target)
yolo_figures.draw_responsibility(axes, image, target, *learned, model.stride, classes)
plt.show()

# %% [markdown]
# Final detections
# ----------------
# Deck "Localization, Object Detection, Segmentation", slide "YOLO" (1): "C_j * prob(c) > threshold".
# The confidence says how well the box fits (it was taught the IoU), the class vector what it is;
# their product is the score. Left the confidence of each cell's surest box, in the middle the surest
# class probability of each cell, right what is left. Deck "Deep Convolutional Neural Networks II",
# slide "YOLO": "a single net predicts bounding boxes and class probabilities directly from the entire
# image in one evaluation".

# %%
with pcn.no_grad():
    grid = model(pcn.tensor(image[None])).data[0]
confidence, prob = grid[..., [4, 9]].max(-1).clip(0, 1), grid[..., 10:].max(-1).clip(0, 1)
figure, axes = plt.subplots(1, 3, figsize=(14, 4.6), layout="constrained")
for ax, values, title in zip(axes, (confidence, prob), ("confidence C", "class probability prob(c)")):
    shown = ax.imshow(values, cmap="inferno", vmin=0, vmax=1)
    figure.colorbar(shown, ax=ax, shrink=0.8)
    ax.set_title(title)
    ax.set_axis_off()
kept = model.predict(image[None])[0]
draw_boxes(image, kept[0], kept[2], kept[1], classes=classes, ax=axes[2], fontsize=9)
axes[2].set_title(f"C * prob(c) > {model.confidence}, suppressed", pad=14)
plt.show()

# %% [markdown]
# Slide "One-Shot Object Detection" (4): fully connected layers
# -------------------------------------------------------------
# In the paper two fully connected layers make the output from the features. They have weights for
# every place of the picture: what is learned about a triangle in one cell says nothing about its
# neighbour. A convolution has the same weights in every cell. How often does a cell see an object?

# %%
dense = yolo_v1.YoloV1(classes, head="fully connected")
for net in (model, dense):
    count = sum(p.data.size for p in net.output.parameters())
    print(f"{net.head:16} head: {count:9,} weights")
cells = np.zeros((8, 8), int)
for _, (found, _) in many:
    column, row = ((found[:, :2] + found[:, 2:]) / 2 // 8).astype(int).T
    np.add.at(cells, (row, column), 1)
print(f"\nin {len(many)} scenes a cell has the centre of an object {cells.mean():.0f} times on average,")
print(f"one at the border {cells[0].mean():.0f} times; a convolution learns from all {cells.sum()}")

# %% [markdown]
# Slide "One-Shot Object Detection" (4), continued: training in two stages
# ------------------------------------------------------------------------
# "1. ConvNet trained for classification. Add temporary output layer for this (pooling plus FC-layer).
# 2. Holding ConvNet parameters fixed train these FC-layers using object detection training data." The
# classifier needs pictures with a label, but without boxes: scenes of one large object.

# %%
print(inspect.getsource(Classifier))
print(inspect.getsource(yolo_v1.frozen_loss))

# %% [markdown]
# ``python -m lectures yolo_v1`` trains the second stage with the ConvNet frozen, finetuned, and the
# whole from scratch, with the same number of steps in all, and prints the table. The deck freezes;
# the paper tunes all layers, and does better: features that tell one large shape from another say
# little about where several small ones are. Here scratch is best of all: a step on pictures with boxes
# teaches more than one on pictures with labels. Two stages pay where boxes are few and labels many.
#
# Where to go on
# --------------
# - ``python -m lectures yolo_v1``: the full training, pictures in ``out/yolo_v1/``.
# - ``lectures/walkthroughs/yolo_v2.py``: what v2 changes, and what each change gains.
# - Compare with the cost of the other deck's detector:

# %%
print(inspect.getsource(yolo.literal_loss))
