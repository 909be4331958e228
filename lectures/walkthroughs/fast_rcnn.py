# %% [markdown]
r"""
Fast R-CNN, slide by slide
==========================

The deck "Fun Ways To Use ConvNets", slide "Object Detection: Region Proposals" (2), and what is called "Fast R-CNN" in
the decks "Localization, Object Detection, Segmentation (Labwork 7)" and "Computer Vision - Lecture 16": one cell for
each of the five steps, then the loss, the backward pass, and what sharing the features saves. What stands in quotes is
the slides' text, here and there shortened.

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a notebook of it),
change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/fast_rcnn.py``.

The code it explains, and calls: ``lectures/detection/fast_rcnn.py`` and ``lectures/detection/regions/region_head.py``.
"""

# %%
import inspect
import os
import sys

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import fast_rcnn
from lectures.detection.drawing import figures, region_figures
from lectures.detection.foundation.backbone import centred
from lectures.detection.foundation.suppression import suppress
from lectures.detection.proposing.carried_proposals import carry
from lectures.detection.proposing.constant_proposals import random_boxes
from lectures.detection.proposing.selective_search import selective_search
from lectures.detection.regions import region_head
from lectures.detection.regions.feature_sharing import share_against_recompute
from lectures.training import Training, train
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Slide "Object Detection: Region Proposals" (2), step 1: propose
# ---------------------------------------------------------------
# "Use some method to propose regions of interest in image." R-CNN used Selective Search, and so does Fast R-CNN: from
# pixels, not learnt, and blind to classes. Most regions hold no object; nearly every object is in some region.

# %%
scenes = pcn.data.ShapeScenes(24, "train")
classes = scenes.classes
image, target = scenes[4]
boxes, labels = target
proposals = selective_search(image, 200)
figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
draw_boxes(image, boxes, labels, classes=classes, ax=axes[0])
axes[0].set_title(f"{len(boxes)} objects")
region_figures.thin(axes[1], image, proposals, "w", f"{len(proposals)} proposals", 0.8)
plt.show()

# %% [markdown]
# Slide "Object Detection: Region Proposals" (2), step 2: the whole picture through a ConvNet
# -------------------------------------------------------------------------------------------
# "Run whole image through a ConvNet to extract feature tensor." R-CNN cut out every region, and ran a ConvNet on each.
# Here the convolutions run once, whatever the number of regions: that is the whole idea. Deck "Localization, Object
# Detection, Segmentation", slide "Fast R-CNN" (1).

# %%
model = fast_rcnn.FastRCNN(classes)
model.eval()
with pcn.no_grad():
    features = model.features(centred(pcn.tensor(image[None])))
print(f"picture {image.shape} -> features {features.shape[1:]}: one cell for {model.stride} x {model.stride} pixels")
figure, axes = plt.subplots(1, 4, figsize=(14, 3.8), layout="constrained")
draw_boxes(image, boxes[:0], ax=axes[0])
for ax, channel in zip(axes[1:], np.argsort(-features.data[0].std((1, 2)))):
    ax.imshow(features.data[0, channel], cmap="viridis")
    ax.set_title(f"channel {channel} of {features.shape[1]}")
    ax.set_axis_off()
plt.show()

# %% [markdown]
# Slide "Object Detection: Region Proposals" (2), step 3: project the region onto the features
# --------------------------------------------------------------------------------------------
# "Map proposal regions onto these areas within feature tensor: each element of tensor can be mapped back to a
# receptive field in input image." Our cells are 4 pixels, so a box in pixels divided by 4 is a box in cells. It hardly
# ever falls on whole cells, and RoI pooling can only take whole ones: it rounds.

# %%
region = region_figures.largest_box(proposals, boxes)
print("in pixels:", region.round(1), " in cells:", (region / model.stride).round(2))
cells = region_figures.bin_extents(region, features.shape[2:], model.stride, model.head.bins)
print("rounded, first and last cell:", cells.reshape(-1, 4)[0, :2], cells.reshape(-1, 4)[-1, 2:])
channel = features.data[0, features.data[0].std((1, 2)).argmax()]
figure, axes = plt.subplots(1, 3, figsize=(14, 5), layout="constrained")
region_figures.draw_cells(axes[0], image, region, model.stride)
region_figures.draw_bins(axes[1], channel, region, model.stride, model.head.bins)
region_figures.draw_samples(axes[2], channel, region, model.stride, model.head.bins)
plt.show()

# %% [markdown]
# The bars are the 4 x 4 bins in which the next step looks for its maximum. Where 4 does not divide the number of cells
# evenly, neighbours share a cell. The solid frame may be a cell larger or smaller than the dashed region: up to 4
# pixels of the answer are lost here. RoI-align ("Mask R-CNN") rounds nothing and reads between the cells.

# %%
shifted = region + np.linspace(0, model.stride, 9)[:, None] * (1, 0, 1, 0)
regions = [shifted.astype(np.float32)]
figure, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
for align, name in ((False, "RoI pooling"), (True, "RoI-align")):
    pooled = region_head.pool_regions(features.data, regions, model.stride, model.head.bins, align)
    change = np.sqrt(((pooled - pooled[0]) ** 2).mean((1, 2, 3)))
    ax.plot(shifted[:, 0] - region[0], change, "o-", label=name)
ax.set(xlabel="region moved to the right by (pixels)", ylabel="change of the pooled features")
ax.set_title("RoI pooling does not notice a small shift, and then jumps")
ax.legend()
plt.show()

# %% [markdown]
# Slide "Object Detection: Region Proposals" (2), step 4: max-pool to a constant size
# -----------------------------------------------------------------------------------
# "Use max-pooling to downsample each area to a constant size." Fully connected layers need inputs of one length; after
# this step a region of 9 x 30 pixels and one of 60 x 50 look alike to them. Deck "Localization, Object Detection,
# Segmentation", slides "Fast R-CNN" (2) and "Faster R-CNN" (2).

# %%
some = np.stack([proposals[(proposals[:, 2:] - proposals[:, :2]).prod(1).argsort()[k]] for k in (3, 60, -30)])
pooled = region_head.pool_regions(features.data, [some], model.stride, model.head.bins)
figure, axes = plt.subplots(1, 4, figsize=(14, 3.8), layout="constrained")
for k, colour in enumerate(("tab:orange", "tab:cyan", "tab:pink")):
    draw_boxes(image if k == 0 else None, some[k : k + 1], color=colour, ax=axes[0])
    width, height = some[k, 2:] - some[k, :2]
    axes[k + 1].imshow(pooled[k].max(0), cmap="viridis")
    axes[k + 1].set_title(f"{width:.0f} x {height:.0f} pixels -> 4 x 4", color=colour)
    axes[k + 1].set_axis_off()
plt.show()

# %% [markdown]
# Slide "Object Detection: Region Proposals" (2), step 5: label and box
# ---------------------------------------------------------------------
# "Flatten features for each region and estimate label and bounding box." Deck "Computer Vision - Lecture 16", slides
# "Fast R-CNN": the forward pass. Deck "Localization, Object Detection, Segmentation", slide "Fast R-CNN" (2): region
# proposals are "fed into 2 FCs layers to predict class and regress the offset values". Two heads share one hidden
# layer: C + 1 scores, one for background, and four offsets *for each class*: they say how the region must move if it
# holds that class.

# %%
print(inspect.getsource(region_head.RegionHead.forward))
with pcn.no_grad():
    scores, offsets = model(pcn.tensor(image[None]), [proposals])
print(f"{len(proposals)} regions -> scores {scores.shape}, offsets {offsets.shape}")

# %% [markdown]
# What the regions are told
# -------------------------
# To train, a region needs an answer. If it overlaps an object by IoU 0.5 or more, it is told that object's class, and
# the offsets that move it there (arrows); all others are told "background". Of each picture 32 are drawn, at most a
# quarter of them positive, or background would drown everything. The objects' own boxes join the proposals.

# %%
drawn = region_head.region_targets(proposals, target, len(classes), np.random.default_rng(0))
is_object = drawn.labels < len(classes)
reached = pcn.ops.decode_boxes(drawn.offsets[is_object], drawn.regions[is_object], region_head.OFFSET_WEIGHTS)
print("region                        label       dx     dy     dw     dh   (times 10, 10, 5, 5)")
for box, label, move in zip(*(part[: is_object.sum() + 2] for part in drawn)):
    name = classes[label] if label < len(classes) else "background"
    print(f"{np.array2string(box, precision=1, floatmode='fixed'):28}  {name:10}" + "".join(f"{v:7.2f}" for v in move))
figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
title = f"{is_object.sum()} positive, and where they should move"
region_figures.thin(axes[0], image, drawn.regions[is_object], region_figures.POSITIVE, title)
region_figures.arrows(axes[0], drawn.regions[is_object], reached)
title = f"{(~is_object).sum()} background"
region_figures.thin(axes[1], image, drawn.regions[~is_object], region_figures.NEGATIVE, title)
plt.show()

# %% [markdown]
# The multi-task loss
# -------------------
# Deck "Deep Convolutional Neural Networks II", slide "Fast R-CNN": "Multi-task loss: classification + bounding box
# offset." R-CNN trained three things one after the other, with three ad-hoc objectives. Here it is one number:

# %%
print(inspect.getsource(region_head.multi_task_loss))

# %% [markdown]
# Smooth L1 is a parabola near zero and a straight line beyond 1: one region that is far off cannot outshout all others.

# %%
off = np.linspace(-3, 3, 121)
figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
smooth = [pcn.functional.smooth_l1_loss(np.array([v]), np.zeros(1), reduction="sum") for v in off]
ax.plot(off, off**2 / 2, "--", label="square error / 2")
ax.plot(off, smooth, linewidth=2, label="smooth L1")
ax.set(xlabel="offset minus target", ylim=(0, 4.5))
ax.legend()
plt.show()

# %% [markdown]
# Slide "Fast R-CNN Training": backward pass
# ------------------------------------------
# The loss goes back through the pooling into the ConvNet, so that the features themselves are learned for this task.
# Pooling passes the gradient to the cell that won its bin, and to no other. The map shows which cells are told
# something; with SPP-net's frozen features there was no such map.

# %%
leaf = pcn.tensor(features.data, requires_grad=True)
rng = np.random.default_rng(0)
parts = region_head.head_loss(model.head, leaf, model.stride, [proposals], [target], rng)
(parts["class"] + parts["box"]).backward()
pull = np.abs(leaf.grad.data[0]).sum(0)
figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
region_figures.thin(axes[0], image, drawn.regions, "w", f"{len(drawn.regions)} regions drawn", 0.8)
figures.heat(axes[1], image, np.sqrt(pull / pull.max()), "gradient in each cell (square root)")
plt.show()

# %% [markdown]
# A very short training
# ---------------------
# Some pictures learned by heart, within seconds; ``python -m lectures fast_rcnn`` trains on 8000, about a minute. The
# proposals travel with the pictures as further boxes, so that a mirrored picture has mirrored proposals.

# %%
steps = 25 if QUICK else 150
carried = [(picture, carry(truth, selective_search(picture, 200))) for picture, truth in scenes]
loader = pcn.data.DataLoader(carried, 8, shuffle=True, seed=0)
optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.99))
schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
training = Training(model, optimizer, schedule, steps, settings={})
train(training, loader.stream, lambda net, batch: net.loss(pcn.tensor(batch[0]), batch[1], rng))

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
for name, values in training.parts.items():
    ax.plot(np.arange(1, steps + 1), values, linewidth=2, label=name)
ax.set(xlabel="step", ylabel="loss per region", ylim=(0, None))
ax.set_title(f"{steps} steps in {training.seconds:.0f} s")
ax.legend()
plt.show()

# %% [markdown]
# Ask, and suppress
# -----------------
# Each region answers for itself, so an object is found by many of them. Non-max suppression keeps the surest one of
# each class. Dashed: the regions those boxes came from.

# %%
model.confidence = 0.1 if QUICK else 0.5
found, origin, regions = region_figures.answers(model, image)
kept = suppress(*found, model.nms)
figure, axes = plt.subplots(1, 3, figsize=(14, 5.6), layout="constrained")
region_figures.thin(axes[0], image, regions, "w", f"{len(regions)} regions", 0.7)
region_figures.thin(axes[1], image, origin, "w", f"{len(origin)} sure ones, and where they move", 0.7)
region_figures.arrows(axes[1], origin, found[0])
figures.draw(axes[2], image, kept[0], kept[2], kept[1], classes)
axes[2].set_title(f"{len(kept[0])} after suppression")
plt.show()

# %% [markdown]
# Slide "Fast R-CNN vs R-CNN": what sharing saves
# -----------------------------------------------
# "Fast R-CNN is much faster than R-CNN." The features of the same 200 regions, shared or computed one by one, in time
# and in multiply-accumulates. "Test time still takes Selective Search for region proposals": the last bars.

# %%
measured = share_against_recompute(model.features, image, random_boxes(image.shape[1:], 200))
print(f"{measured['times_faster']:.0f} times faster, {measured['times_fewer_macs']:.0f} times fewer MACs")

some = [picture for picture, _ in scenes][:12]
spent = fast_rcnn.parts_of_time(model, some, lambda picture: selective_search(picture, 200))["ms_by_part"]
figure, axes = plt.subplots(1, 2, figsize=(12, 3.8), layout="constrained")
milliseconds = [measured["shared"]["ms"], measured["recomputed"]["ms"]]
axes[0].barh(["shared: one pass, RoI pooling", "recomputed: one run per region"], milliseconds, color="tab:blue")
axes[0].set(xlabel="ms for 200 regions of a picture", title=f"shared: {measured['times_faster']:.0f} times faster")
axes[1].barh(list(spent), list(spent.values()), color="tab:orange")
axes[1].set(xlabel="ms per picture", title="where Fast R-CNN's own time goes")
axes[1].invert_yaxis()
plt.show()

# %% [markdown]
# Where to go from here
# ---------------------
# - ``python -m lectures fast_rcnn`` compares RoI pooling with RoI-align, and with no regression at all: look at mAP at
#   IoU 0.75.
# - "Deep learning-based method for region proposal?" is the next idea: ``python -m lectures faster_rcnn``.
# - Or no method at all: ``python -m lectures rcnn_minus_r`` proposes the same boxes for every picture.
