# %% [markdown]
r"""
YOLO v3: several scales, step by step
=====================================

The deck "Fun Ways To Use ConvNets", the last slide titled "One-Shot Object Detection" (5): anchor boxes, and
"tweaks (in SSD and YOLOv3) to operate at multiple length scales -> better performance when have mix of
large and small objects". What stands in quotes is the slide's text, here and there shortened.

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a
notebook of it), change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/yolo_v3.py``.

The code it explains, and calls: ``lectures/detection/yolo_v3.py`` and
``lectures/detection/foundation/cell_anchors.py``.
"""

# %%
import os
import sys

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import yolo_v3
from lectures.detection.drawing import figures, scale_figures, yolo_figures
from lectures.detection.foundation.backbone import centred
from lectures.detection.foundation.cell_anchors import iou_kmeans, objectness_targets, shape_iou
from lectures.finished import finished
from lectures.training import Training, train
from pyconvnet import functional as F
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Slide "One-Shot Object Detection" (5): a mix of large and small objects
# -----------------------------------------------------------------------
# Objects from 6 to 40 pixels in pictures of 64: the largest cover 40 times the area of the smallest.
# A grid of 8 x 8 cells, as in YOLO v1 and v2, has cells of 8 pixels: a small object is less than one
# cell, and three poolings have blurred it with what is around it.

# %%
scenes = pcn.data.ShapeScenes(48, "train", variant="mixed64")
classes = scenes.classes
figure, axes = plt.subplots(1, 4, figsize=(14, 4), layout="constrained")
for ax, i in zip(axes, (0, 1, 3, 5)):
    image, (boxes, labels) = scenes[i]
    draw_boxes(image, boxes, labels, classes=classes, ax=ax)
    ax.set_title(f"sides {', '.join(f'{s:.0f}' for s in np.sqrt(pcn.ops.box_area(boxes)))} pixels")
plt.show()

# %% [markdown]
# Slide "One-Shot Object Detection" (5): anchors by k-means
# ---------------------------------------------------------
# "Default bounding boxes (anchor boxes): facilitates training, just learn offsets from default
# shapes/sizes." Which defaults? Ask the training boxes: k-means, with 1 - IoU for the distance, so
# that an error of two pixels is large for a small box and small for a large one. The more anchors, the
# better the best of them fits; nine are a compromise. They are shared out by area: three for the
# finest map, three for the middle one, three for the coarsest.

# %%
many = pcn.data.ShapeScenes(300, "train", variant="mixed64")
sides = np.concatenate([boxes[:, 2:] - boxes[:, :2] for _, (boxes, _) in many])
counts = [1, 2, 3, 4, 6, 9, 12]
fit = [shape_iou(sides, iou_kmeans(sides, count)).max(1).mean() for count in counts]
for count, iou in zip(counts, fit):
    print(f"{count:2} anchors: mean IoU with the best of them {iou:.2f}")
anchors = iou_kmeans(sides, 9)
figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
axes[0].plot(counts, fit, "o-", lw=2)
axes[0].set(xlabel="anchors", ylabel="mean IoU with the best anchor", ylim=(0, 1))
axes[0].grid(alpha=0.3)
yolo_figures.draw_clusters(axes[1], sides, yolo_v3.share_out(anchors, 3), scale_figures.COLOURS)
plt.show()

# %% [markdown]
# Slide "One-Shot Object Detection" (5): multiple length scales
# -------------------------------------------------------------
# The ConvNet's own maps at strides 4, 8 and 16. The fine map knows where, but is shallow; the coarse
# map has seen most of the picture, but not where its edges are. So the coarse map is enlarged and laid
# beside the finer one, a convolution mixes both, and so on downwards. Each map has a head of its own:
# a 1 x 1 convolution, 3 anchors x (4 + 1 + C) numbers for each cell.

# %%
model = yolo_v3.YOLOv3(classes, anchors).eval()
image, target = scenes[4]
with pcn.no_grad():
    maps = model.features(centred(pcn.tensor(image[None])))
    joined = model.neck(maps)
    output = model(pcn.tensor(image[None]))
for stride, z, mixed in zip(yolo_v3.STRIDES, maps, joined):
    print(f"stride {stride:2}: features {z.shape[1:]} -> joined with all coarser ones {mixed.shape[1:]}")
print(f"all boxes of all scales: {output.shape[1:]} = (16 x 16 + 8 x 8 + 4 x 4) x 3 boxes, 5 + {len(classes)} numbers")

# %%
cells = model.cells(image.shape[1:])
for stride, rows, columns, shapes in cells.scales:
    listed = ", ".join(f"{w:.0f} x {h:.0f}" for w, h in shapes)
    print(f"stride {stride:2}: {rows * columns:3} cells, anchors {listed} pixels")
figure, axes = plt.subplots(1, 3, figsize=(13, 4.6), layout="constrained")
for ax, scale, colour in zip(axes, cells.scales, scale_figures.COLOURS):
    scale_figures.draw_cell_anchors(ax, image, scale, colour)
plt.show()

# %% [markdown]
# Which anchor answers for which object
# -------------------------------------
# The object's centre lies in one cell of each map: nine anchors. The one whose *shape* is most like the
# object's is responsible, so each object is learned on one scale. ``decode`` turns what a box says into
# pixels: the centre stays in its cell (a sigmoid), the sides are the anchor's times an exponential.

# %%
truth, labels = target
who = cells.assign([target], len(classes))
for box, k, goal in zip(truth, who.index, who.goal):
    stride, anchor = cells.stride[k, 0], cells.anchor[k]
    print(
        f"object {box[2] - box[0]:2.0f} x {box[3] - box[1]:2.0f} -> stride {stride:2.0f}, anchor "
        f"{anchor[0]:2.0f} x {anchor[1]:2.0f}; should say sigmoid(t) = ({goal[0]:.2f}, {goal[1]:.2f}), "
        f"t_w, t_h = ({goal[2]:+.2f}, {goal[3]:+.2f})"
    )

# %% [markdown]
# What is punished
# ----------------
# Boxes: squared errors, responsible anchors only. Objectness: logistic, for *all* boxes, 1 where
# responsible, else 0; but a box that overlaps an object by more than a half without being responsible
# is forgiven: it is nearly right, only another one was chosen. Classes: logistic for each class, no
# softmax, since a woman is also a person. Without an object the box loss is exactly zero.

# %%
for name, some in (("this picture", target), ("no object", (truth[:0], labels[:0]))):
    parts = model.loss(pcn.tensor(image[None]), [some])
    print(f"{name:13}", ", ".join(f"{k} {v.item():.2f}" for k, v in parts.items() if isinstance(v, pcn.Tensor)))

says = output.data.copy()
says[..., :4] = 0  # every box its own anchor, in the middle of its cell
counted, is_object = objectness_targets(says, cells, [target], who, yolo_v3.FORGIVEN)
figure, axes = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
for k, (ax, stride) in enumerate(zip(axes, yolo_v3.STRIDES)):
    on_map = cells.scale == k
    forgiven, mine = on_map & (counted[0] == 0), on_map & (is_object[0] == 1)
    draw_boxes(image, cells.decode(says[0])[forgiven], color="0.8", linewidth=1, ax=ax)
    draw_boxes(None, cells.decode(says[0])[mine], color="lime", ax=ax)
    ax.set_title(f"stride {stride}: {mine.sum()} responsible, {forgiven.sum()} forgiven")
plt.show()

# %% [markdown]
# A very short training
# ---------------------
# To see it work within seconds we let it learn 48 scenes by heart. The real lecture takes 8000 scenes,
# 2400 steps and about a minute for each of its two detectors: ``python -m lectures yolo_v3``.

# %%
steps = 10 if QUICK else 150
optimizer = pcn.optim.Adam(model.parameters(), lr=5e-3, betas=(0.9, 0.99))
schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
training = Training(model, optimizer, schedule, steps, settings={})
loader = pcn.data.DataLoader(scenes, 12, shuffle=True, seed=0)
train(training, loader.stream, lambda net, batch: net.loss(pcn.tensor(batch[0]), batch[1]))

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
for name in ("box", "objectness", "class"):
    ax.plot(np.arange(1, steps + 1), training.parts[name], lw=2, label=name)
ax.set(xlabel="step", ylabel="loss per picture", ylim=(0, None), title=f"{steps} steps in {training.seconds:.0f} s")
ax.legend()
plt.show()

# %% [markdown]
# Learned by heart is not learned: from here on the detector of the lecture, if it was trained
# (``python -m lectures yolo_v3``), on scenes that it has never seen; otherwise the one above, on the 48.

# %%
train_boxes = pcn.data.ShapeScenes(1000, "train", variant="mixed64")
sides = np.concatenate([boxes[:, 2:] - boxes[:, :2] for _, (boxes, _) in train_boxes])
if lecture := finished(yolo_v3.YOLOv3(classes, iou_kmeans(sides, 9)), "yolo_v3"):
    model, scenes = lecture, pcn.data.ShapeScenes(60, "test", variant="mixed64")
print("the detector of the lecture" if len(scenes) == 60 else "the detector that learned 48 scenes by heart")

# %% [markdown]
# What each scale finds
# ---------------------
# Left the boxes that each map is surest of, apart. Nobody told the fine map to look for small objects:
# it follows from who is responsible. Right, of the objects of each size, the share found on each map.

# %%
image, (truth, labels) = scene = figures.several_objects(scenes)
figure, axes = plt.subplots(1, 4, figsize=(15, 4), layout="constrained")
boxes, scores, names, scale = model.found_on(image[None])[0]
for k, stride in enumerate(yolo_v3.STRIDES):
    draw_boxes(image, boxes[scale == k], names[scale == k], scores[scale == k], classes=classes, ax=axes[k])
    axes[k].set_title(f"found on stride {stride}")
objects, found = scale_figures.finders(scenes, model, 3, len(scenes))
scale_figures.draw_shares(axes[3], objects, found, yolo_v3.STRIDES)
plt.show()

# %%
with pcn.no_grad():
    said = model(pcn.tensor(image[None])).data[0]
cells = model.cells(image.shape[1:])
figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
for k, (ax, (stride, rows, columns, _)) in enumerate(zip(axes, cells.scales)):
    objectness = F.sigmoid(said[cells.scale == k, 4]).reshape(rows, columns, -1).max(-1)
    figures.heat(ax, image, objectness, f"objectness on stride {stride}")
plt.show()

# %% [markdown]
# The price
# ---------
# The fine map has 16 times as many cells as the coarse one, and most of the computing is done there.
# The lecture therefore compares with a detector of one scale that may compute a little *more*: the same
# nine anchors, all in the cells of stride 8, with three more convolutions on that map.

# %%
for name, architecture in (("three scales", yolo_v3.YOLOv3), ("one scale", yolo_v3.SingleScale)):
    some = architecture(classes, anchors)
    size = sum(p.data.size for p in some.parameters())
    macs = yolo_v3.mega_macs(some, (64, 64))
    print(f"{name:13} {macs:5.1f} million multiply-accumulates a picture, {size} weights")
