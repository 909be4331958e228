# %% [markdown]
r"""
YOLO v2: a finer grid and anchors by k-means
============================================

The deck "Deep Convolutional Neural Networks II", slide "YOLOv2, YOLO 9000": "Several technical
improvements: Batch normalization, Higher resolution input image (448x448), Finer output grid (13x13),
Anchor boxes (found by K-means)". What stands in quotes is the slide's text. Each of the improvements
is looked at by itself; what they gain is measured by ``python -m lectures yolo_v2``.

The code it explains, and calls: ``lectures/detection/yolo_v2.py`` and
``lectures/detection/foundation/cell_anchors.py``.
"""

# %%
import inspect
import os
import sys

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import yolo_v1, yolo_v2
from lectures.detection.drawing import figures, yolo_figures
from lectures.detection.foundation.cell_anchors import AnchorCells, iou_kmeans, shape_iou
from lectures.training import Training, train
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Slide "YOLOv2, YOLO 9000": "finer output grid (13x13)"
# ------------------------------------------------------
# A crowd of ten objects. With 7 x 7 cells objects meet in one cell, and a cell of YOLO v1 has one class
# vector: it answers for one of them, however long it is trained. (104 pixels are no whole number of
# cells of 16: the picture continues in grey.) With 13 x 13 cells of 8 pixels that hardly happens.

# %%
crowds = pcn.data.ShapeScenes(24 if QUICK else 60, "train", variant="crowded104")
classes = crowds.classes


def occupied(target, stride):
    """The cells (row, column) with an object's centre, and how many objects each of them has."""
    centre = (target[0][:, :2] + target[0][:, 2:]) / 2 // stride
    return np.unique(centre[:, ::-1].astype(int), axis=0, return_counts=True)


image, target = max(crowds, key=lambda sample: occupied(sample[1], 16)[1].max())
figure, axes = plt.subplots(1, 2, figsize=(11, 6.2), layout="constrained")
for ax, stride in zip(axes, (16, 8)):
    draw_boxes(image, target[0], ax=ax, color="w", linewidth=1)
    yolo_figures.draw_grid(ax, image.shape[1:], stride)
    cells, objects = occupied(target, stride)
    for cell, count in zip(cells, objects):
        yolo_figures.fill_cell(ax, cell, stride, "#D55E00" if count > 1 else "#56B4E9")
    side = -(-image.shape[1] // stride)
    ax.set(xlim=(0, 104), ylim=(104, 0))
    ax.set_title(f"{side} x {side} cells: {(objects > 1).sum()} with several objects")
plt.show()

# %% [markdown]
# Slide "YOLOv2, YOLO 9000": "anchor boxes (found by K-means)"
# ------------------------------------------------------------
# A box of v1 says its width and height from nothing. A box of v2 says how to change a default shape,
# its anchor. Which shapes? Those that are typical of the objects: k-means over the (w, h) of the training
# boxes. With the usual distance large boxes would matter most, because their errors are larger; the
# paper takes 1 - IoU of two boxes laid upon each other, which treats small and large alike.

# %%
print(inspect.getsource(shape_iou))
print(inspect.getsource(iou_kmeans))

# %%
sides = np.concatenate([boxes[:, 2:] - boxes[:, :2] for _, (boxes, _) in crowds])
anchors = iou_kmeans(sides, yolo_v2.ANCHORS)
others = {"k-means": anchors, "hand-made": yolo_v2.HAND_MADE, "random": yolo_v2.random_anchors(0)}
for name, shapes in others.items():
    fit = shape_iou(sides, np.asarray(shapes))
    shares = np.bincount(fit.argmax(1), minlength=len(shapes)) / len(sides)
    print(f"{name:10} {', '.join(f'{w:.0f} x {h:.0f}' for w, h in shapes):28} mean IoU with a box "
          f"{fit.max(1).mean():.2f}, objects of each: {', '.join(f'{share:.0%}' for share in shares)}")

figure, axes = plt.subplots(1, 3, figsize=(14, 4.8), layout="constrained")
yolo_figures.draw_clusters(axes[0], sides, anchors)
yolo_figures.draw_shapes(axes[1], others, sides)
yolo_figures.draw_fit(axes[2], sides, {name: others[name] for name in ("hand-made", "random")})
plt.show()

# %% [markdown]
# The scenes are mirrored and transposed at random, so no direction is preferred and the k-means anchors
# are nearly square, of three sizes. On other pictures (people, cars) they would be upright or lying.
# With more anchors the fit gets better, and slowly: the paper took 5. And the usual distance would have
# done here (the two curves on the right are one): the largest object has just three times the side of
# the smallest. In COCO it is a hundred times, and the choice matters.
#
# There is a price: k-means gives each anchor a third of the objects, and each has class scores of its own
# to learn from that third. Of three random anchors nearly always one is the least bad for all objects.
# It fits badly, but it learns from everything: early in the training it is ahead (``python -m lectures
# yolo_v2`` prints that table).
#
# What a cell says
# ----------------
# Each anchor of a cell has t_x, t_y, t_w, t_h, an objectness t_o *and class scores of its own*, so that a
# cell can answer for several objects of different kinds. The centre is ``sigmoid(t)`` of a cell from its
# corner: it cannot leave the cell, whereas x of v1 could be any number. The sides are the anchor's times
# ``exp(t)``, which is never negative.

# %%
print(inspect.getsource(AnchorCells.decode))
cell = AnchorCells.lay_out((8, 8), [(8, [(16, 16)])])
for t in ((0, 0, 0, 0), (2, 0, 0, 0), (99, 0, 0, 0), (0, 0, np.log(2), -np.log(2)), (0, 0, -99, 0)):
    box = cell.decode(np.array([t], float))[0]
    print(f"t = ({', '.join(f'{v:5.2f}' for v in t)})  ->  {', '.join(f'{v:6.2f}' for v in box)}")

# %% [markdown]
# Which anchor answers for an object? Of its cell's, the one of the most similar shape: that does not
# depend on what the network says, unlike in v1. So the anchors of a cell specialise. Thick: the
# responsible anchor; dashed: the others of the cell.

# %%
model = yolo_v2.YoloV2(classes, anchors)
cells = model.cells(image.shape[1:])
who = cells.assign([target], len(classes))
print(f"{len(cells.anchor)} anchors, {who.objects} objects, {who.missed} of them without an anchor")
print("responsible anchors by size, small to large:", np.bincount(who.index % len(anchors), minlength=len(anchors)))

figure, axes = plt.subplots(1, 2, figsize=(11, 6.2), layout="constrained")
draw_boxes(image, *target, classes=classes, ax=axes[0], fontsize=8)
draw_boxes(image, np.zeros((0, 4)), ax=axes[1])
default = cells.decode(np.zeros((len(cells.anchor), 4)))
for index, label in zip(who.index, who.label):
    first, colour = index - index % len(anchors), pcn.viz.class_style(int(label))[0]
    yolo_figures.fill_cell(axes[1], cells.corner[index][::-1] / 8, 8, colour)
    for k in sorted(range(first, first + len(anchors)), key=lambda k: k == index):
        x1, y1, x2, y2 = default[k]
        line = {"color": colour, "lw": 2.2} if k == index else {"color": "w", "lw": 0.7, "ls": "--"}
        axes[1].plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], **line)
axes[1].set(xlim=(0, 104), ylim=(104, 0))
axes[1].set_title("each cell's anchors before they are moved")
plt.show()

# %% [markdown]
# Slide "YOLOv2, YOLO 9000": "batch normalization"
# ------------------------------------------------
# What reaches the later layers. At the start a good initialisation keeps the spread of the numbers alike
# from layer to layer, with or without batch norm. But weights change: if all of them grow by half, the
# numbers of the last layer grow about fifteenfold without it. With it they stay as they are, so that the
# learning rate may be high.

# %%
batch = pcn.tensor(np.stack([crowds[i][0] for i in range(8)]))
for growth in (1.0, 1.5):
    fresh = yolo_v2.YoloV2(classes, anchors).features
    for name, layers in (("with batch norm", fresh), ("without", yolo_v2.without_batch_norm(fresh))):
        z, spread = yolo_v2.centred(batch), []
        with pcn.no_grad():
            for layer in layers:
                if isinstance(layer, pcn.nn.Conv2d):
                    layer.weight.data *= growth
                z = layer(z)
                if isinstance(layer, pcn.nn.LeakyReLU):
                    spread.append(z.data.std())
        print(f"weights x {growth}, {name:16} spread after each layer:", " ".join(f"{v:6.2f}" for v in spread))

# %% [markdown]
# A very short training
# ---------------------
# Some crowds are learned by heart, with anchors and batch norm, within seconds:

# %%
steps = 12 if QUICK else 100
optimizer = pcn.optim.Adam(model.parameters(), lr=4e-3, betas=(0.9, 0.99))
schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
training = Training(model, optimizer, schedule, steps, settings={})
loader = pcn.data.DataLoader(crowds, 8, shuffle=True, seed=0)
train(training, loader.stream, lambda net, batch: yolo_v2.loss_of(net, pcn.tensor(batch[0]), batch[1], None))

names = ("box", "objectness", "class")
figure, axes = plt.subplots(1, 2, figsize=(13, 4.2), layout="constrained")
yolo_figures.draw_terms(axes, {name: training.parts[name] for name in names}, window=8)
plt.show()

# %%
model.eval()
found = model.predict(image[None])[0]
figure, axes = plt.subplots(1, 2, figsize=(11, 6.2), layout="constrained")
figures.draw(axes[0], image, *target, None, classes)
axes[0].set_title(f"{len(target[0])} objects")
figures.draw(axes[1], image, found[0], found[2], found[1], classes)
axes[1].set_title(f"{len(found[0])} boxes found, after {steps} steps")
plt.show()

# %% [markdown]
# Slide "YOLOv2, YOLO 9000": "higher resolution input image"
# ----------------------------------------------------------
# The same crowd in half the resolution, about what 7 x 7 cells of 8 pixels would see, and in 104 x 104:
# the smallest objects have sides of 10 pixels, of which 5 are left.

# %%
small = image[:, ::2, ::2]
figure, axes = plt.subplots(1, 2, figsize=(10, 5.3), layout="constrained")
for ax, shown in zip(axes, (small, image)):
    draw_boxes(shown, np.zeros((0, 4)), ax=ax)
    ax.set_title(f"{shown.shape[2]} x {shown.shape[1]} pixels")
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures yolo_v2``: trains the detector, and every step from v1 to v2 for the same number of
#   steps: a table of what each of them gains.
# - The cost stands in ``foundation/cell_anchors.py``; YOLO9000 and YOLO v3 use it, too:

# %%
print(inspect.getsource(yolo_v2.yolo_loss))
print(inspect.getsource(yolo_v1.detection_terms))
