# %% [markdown]
r"""
The sliding window, slide by slide
==================================

The deck "Fun Ways To Use ConvNets", slide "Object Detection: Sliding Window"; the deck "Deep
Convolutional Neural Networks II", slide "Scanning window + CNN"; and what stood there before
ConvNets, from the summary of the deck "Computer Vision - Lecture 16". A classifier says *what* a
picture shows. Shown every part of a picture, one after the other, it says *where*, too.

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a
notebook of it), change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/sliding_window.py``.

The code it explains, and calls: ``lectures/detection/sliding_window.py``; ``windows.py``,
``warping.py`` and ``hog_svm.py`` in ``lectures/detection/regions``.
"""

# %%
import inspect
import os
import sys
import time

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import sliding_window
from lectures.detection.drawing import window_figures
from lectures.detection.foundation.suppression import above, suppress
from lectures.detection.regions import hog_svm, window_labels, windows
from lectures.detection.regions.warping import warp
from lectures.finished import finished
from lectures.macs import counted_macs
from lectures.training import Training, train
from pyconvnet.viz import draw_boxes, montage

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Slide "Object Detection: Sliding Window": define a box and slide it across the image
# ------------------------------------------------------------------------------------
# "Idea: define a box and gradually slide it across the image. At each position pass contents of box
# into ConvNet to classify any object in box." Left one box and its next two positions, with dots at
# the centres of all of them; then what is inside, from left to right and from top to bottom.

# %%
scenes = pcn.data.ShapeScenes(12, "train")
classes, (image, target) = scenes.classes, scenes[4]
shapes = np.array(sliding_window.SCENE_SHAPES)
size = image.shape[1:]
square = shapes[4]
one_shape = windows.window_boxes(size, square)
crops = warp(image, one_shape[::2, ::2].reshape(-1, 4), 32)
figure, axes = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
window_figures.draw_positions(axes[0], image, square)
montage(crops.clip(0, 1), columns=one_shape[::2, ::2].shape[1], ax=axes[1])
axes[1].set_title("every second window of every second row")
plt.show()

# %% [markdown]
# Slide "Object Detection: Sliding Window": different sizes and shapes, many positions
# ------------------------------------------------------------------------------------
# "Need different sizes and shapes of boxes (since objects can be big/small, wide/tall etc) and to scan
# across many positions: a lot of boxes to look at." Three sizes, three shapes of each: small windows
# are moved in small steps, so they are the most.

# %%
boxes = windows.all_windows(size, shapes)
figure, axes = plt.subplots(1, 3, figsize=(14, 5), layout="constrained")
window_figures.draw_shapes(axes[0], image, shapes)
window_figures.draw_all(axes[1], image, boxes)
axes[2].bar([f"{w:.0f} x {h:.0f}" for w, h in shapes], [windows.window_boxes(size, s).size // 4 for s in shapes])
axes[2].set(title="windows of each shape", ylabel="windows in one picture")
axes[2].tick_params(axis="x", rotation=60)
plt.show()

# %% [markdown]
# Are they enough? An object counts as found if a box overlaps it by an IoU (intersection over union)
# of 1/2 (deck "Localization, Object Detection, Segmentation", slide "Faster R-CNN" (7)). So we ask
# how well the best window overlaps each object of many scenes. No classifier that only chooses among
# windows can do better than this.

# %%
many = pcn.data.ShapeScenes(50 if QUICK else 300, "val")
best = np.concatenate([pcn.ops.box_iou(boxes, truth).max(0) for _, (truth, _) in many])
squares = windows.all_windows(size, shapes[1::3])
best_square = np.concatenate([pcn.ops.box_iou(squares, truth).max(0) for _, (truth, _) in many])
for name, found, count in (("all", best, len(boxes)), ("squares only", best_square, len(squares))):
    print(f"{name:13} {count:5} windows: best IoU {found.mean():.2f} in the mean, {(found > 0.5).mean():.0%} above 0.5")
figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
ax.hist([best, best_square], bins=np.linspace(0.3, 1, 29), label=["all shapes", "squares only"])
ax.axvline(0.5, color="k", ls="--")
ax.set(xlabel="IoU of an object with its best window", ylabel="objects")
ax.legend()
plt.show()

# %% [markdown]
# Slide "Scanning window + CNN": crop bounding box, warp to a fixed size
# ----------------------------------------------------------------------
# "1. Scan all possible bounding boxes. 2. Crop bounding box, warp to 224 x 224 (fixed-size input
# image). 3. Run CNN." Ours are warped to 32 x 32. The box is the inner 20 x 20 of it: the rest shows
# what is around the box. Without it, a piece from the middle of a large square looks like a whole
# square: half of the lecture's training then reaches mAP .24 instead of .78. Outside of the picture
# all is grey.

# %%
chosen = boxes[np.argsort(-pcn.ops.box_iou(boxes, target[0]).max(1))[[0, 200, 400]]]
chosen = np.concatenate([chosen, boxes[:1]])
rim, size_in = windows.CONTEXT, windows.WINDOW
figure, axes = plt.subplots(1, 5, figsize=(15, 3.4), layout="constrained")
draw_boxes(image, chosen, ax=axes[0], color="w", linewidth=2)
axes[0].set_title("four windows")
for ax, cut in zip(axes[1:], warp(image, chosen, size_in, rim)):
    draw_boxes(cut.clip(0, 1), [[rim, rim, size_in - rim, size_in - rim]], color="w", linewidth=1.5, ax=ax)
    ax.set_title(f"warped to {size_in} x {size_in}")
plt.show()

# %% [markdown]
# What is each window called?
# ---------------------------
# The slide's ConvNet classifies "any object in box". Most windows hold none: the ConvNet needs one
# class more, *background*. A window that overlaps an object by IoU >= 0.6 is of its class, one below
# 0.5 is background, and those in between are not shown. Of the backgrounds, half show a *part* of an
# object (IoU 0.1 to 0.5): a ConvNet that has never seen half a square called background calls it a
# square.

# %%
print(inspect.getsource(window_labels.label_windows))
overlap, label = window_labels.label_windows(boxes, *target, len(classes))
drawn = window_labels.draw_windows(overlap, 15, np.random.default_rng(0))
names = [*classes, "background"]
titles = [f"{names[label[k]]}\nIoU {overlap[k]:.2f}" for k in drawn]
figure, axes = plt.subplots(3, 5, figsize=(9, 6.4), layout="constrained")
for ax, k, title in zip(axes.flat, drawn, titles):
    ax.imshow(warp(image, boxes[k : k + 1], size_in, rim)[0].transpose(1, 2, 0).clip(0, 1))
    ax.set_title(title, fontsize=9)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# The ConvNet, and a very short training
# --------------------------------------
# Four convolutions, two dense layers, a softmax over the classes and the background. To see it work
# within seconds we let it learn 12 scenes by heart. The real lecture takes 8000 scenes, 800 steps and
# about a minute: ``python -m lectures sliding_window``. If you have run it, its ConvNet is used from
# here on, on a scene that it has never seen.

# %%
model = sliding_window.SlidingWindow(classes)
print(model.classifier)
steps = 8 if QUICK else 150
optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3)
schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
loader = pcn.data.DataLoader(scenes, 6, shuffle=True, seed=0)
rng = np.random.default_rng(0)


def cost(model, batch):
    return sliding_window.window_loss(model, pcn.tensor(batch[0]), batch[1], rng)


if finished(model, "sliding_window"):
    image, target = pcn.data.ShapeScenes(8, "test")[3]
    shapes = model.shapes.data
    boxes = windows.all_windows(size, shapes)
    print("the ConvNet of the lecture")
else:
    train(Training(model, optimizer, schedule, steps, settings={}), loader.stream, cost)
    print(f"a ConvNet that learned {len(scenes)} scenes by heart, in {steps} steps")

# %% [markdown]
# Each window is asked
# --------------------
# For every class a map: how sure the ConvNet is at each position. One row per size. Where a window
# fits an object, the map of its class lights up, and the background goes dark.

# %%
begin = time.perf_counter()
with pcn.no_grad(), counted_macs(model) as macs:
    said = model.eval().probabilities(image, boxes)
seconds = time.perf_counter() - begin
figure, axes = plt.subplots(3, 5, figsize=(13, 8), layout="constrained")
starts = np.cumsum([0] + [windows.window_boxes(size, shape).size // 4 for shape in shapes])
for line, k in zip(axes, (1, 4, 7)):
    places = windows.window_boxes(size, shapes[k])
    maps = said[starts[k] : starts[k + 1]].reshape(*places.shape[:2], -1)
    draw_boxes(image, places[0, :1], color="w", linewidth=2, ax=line[0])
    line[0].set_title(f"window {shapes[k][0]:.0f} x {shapes[k][1]:.0f}")
    for ax, values, name in zip(line[1:], maps.transpose(2, 0, 1), names):
        window_figures.place_map(ax, image, places, values)
        ax.set_title(name)
plt.show()

# %% [markdown]
# Threshold, and non-max suppression
# ----------------------------------
# Many windows fit one object more or less. Only those are kept that are sure enough; and of windows
# of one class that overlap, the surest. The boxes are as good as the windows are dense: they are not
# *fitted* to the object. That is what OverFeat and R-CNN add.

# %%
found = above(boxes, said, model.confidence)
kept = suppress(*found, model.nms)
figure, axes = plt.subplots(1, 3, figsize=(14, 4.8), layout="constrained")
window_figures.draw_step(axes[0], image, found, model, f"{len(found[0])} windows surer than {model.confidence}")
window_figures.draw_step(axes[1], image, kept, model, f"{len(kept[0])} after non-max suppression")
draw_boxes(image, *target, classes=classes, ax=axes[2])
axes[2].set_title("ground truth")
plt.show()

# %% [markdown]
# Slide "Scanning window + CNN": works, but prohibitively slow
# ------------------------------------------------------------
# "Need to run full ConvNet for each box shape and position: computationally expensive and very slow."
# Neighbouring windows share nearly all of their pixels, and yet each is computed from scratch.

# %%
pixels, of = len(boxes) * size_in * size_in, image[0].size
print(f"{len(boxes)} windows: {macs.total / 1e9:.1f} thousand million multiply-accumulates, {seconds * 1000:.0f} ms")
print(f"{pixels} pixels go into the ConvNet, for a picture that has {of}: {pixels / of:.0f} for each one")
print("and at the slide's 224 x 224 pixels a window, seven times as many along each side")

# %% [markdown]
# Before ConvNets: HoG and a linear classifier
# --------------------------------------------
# Deck "Computer Vision - Lecture 16", slide "Summary": "Before CNNs: dense multiscale sliding window
# (HoG, DPM)." In cells of 4 x 4 pixels, a histogram of the directions of the edges (HoG), and one
# linear SVM per class on all histograms of a window: no feature is learned. On the lecture's scenes
# this reaches mAP .58; the ConvNet .96.

# %%
objects = warp(image, target[0], 2 * size_in, 2 * rim).clip(0, 1)
figure, axes = plt.subplots(2, max(2, len(objects)), figsize=(9, 5), layout="constrained", squeeze=False)
for line, cut, k in zip(axes.T, objects, target[1]):
    _, drawn = hog_svm.histogram(cut, visualize=True)
    line[0].imshow(cut.transpose(1, 2, 0))
    line[0].set_title(classes[k])
    line[1].imshow(drawn, cmap="gray", vmax=np.quantile(drawn, 0.995))
for ax in axes.flat:
    ax.set_axis_off()
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures sliding_window``: the full training, the metric beside its baseline and beside
#   HoG, the pictures in ``out/sliding_window/``.
# - ``lectures/walkthroughs/overfeat.py``: the same windows, the same answers, in one pass.
# - ``python -m lectures sliding_window --data voc:DIR``: the same code on your own photographs.
# - Change ``CONTEXT`` in ``regions/windows.py`` to 0 and train again. Or ``PARTIAL`` in ``sliding_window.py``
#   to 0.5, so that no background shows a part of an object.
