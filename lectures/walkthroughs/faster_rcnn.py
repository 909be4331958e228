# %% [markdown]
r"""
Faster R-CNN, slide by slide
============================

The deck "Computer Vision - Lecture 16", slides "Region Proposal Networks (RPN)" and "Faster R-CNN", and
the deck "Localization, Object Detection, Segmentation", slides "Faster R-CNN" and "Faster R-CNN NMS":
anchor boxes, what each of them is told, objectness and offsets, non-maxima suppression, proposals, one
network with four losses, and the alternating training of the deck "Deep Convolutional Neural Networks
II". What stands in quotes is the slides' text, here and there shortened.

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a
notebook of it), change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/faster_rcnn.py``.

The code it explains, and calls: ``lectures/detection/proposing/rpn.py`` and ``lectures/detection/faster_rcnn.py``.
"""

# %%
import inspect
import os
import sys

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import faster_rcnn
from lectures.detection.drawing import rpn_figures
from lectures.detection.foundation.backbone import residual_backbone
from lectures.detection.foundation.matching import match
from lectures.detection.proposing import rpn
from lectures.finished import finished
from lectures.training import Training, train
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Slide "Region Proposal Networks (RPN)": the idea
# ------------------------------------------------
# "Remove dependence on external region proposal algorithm. Instead, infer region proposals from same
# CNN." Fast R-CNN runs the ConvNet once per picture, but waits for Selective Search, which takes longer
# than the ConvNet. So let the ConvNet's own features say where objects may be: "feature sharing, object
# detection in a single pass becomes possible. Faster R-CNN = Fast R-CNN + RPN".
#
# The features of our picture of 64 x 64 pixels are 16 x 16: one position for each 4 x 4 pixels.

# %%
scenes = pcn.data.ShapeScenes(48, "train")
classes = scenes.classes
model = faster_rcnn.FasterRCNN(classes)
image, target = scenes[4]
truth, labels = target
model.eval()
features = model(pcn.tensor(image[None]))
rows, columns = features.shape[2:]
print(f"picture {image.shape} -> features {features.shape[1:]}, one position for {rpn.STRIDE} x {rpn.STRIDE} pixels")
for name, part in (("backbone", model.features), ("proposal network", model.rpn), ("region head", model.head)):
    print(f"{name:17} {sum(p.data.size for p in part.parameters()):7} numbers to learn")

# %% [markdown]
# Anchor boxes
# ------------
# Deck "Localization, Object Detection, Segmentation", slides "Faster R-CNN" (4 and 5): "Each anchor box
# is defined by 4 parameters (x_center, y_center, width, height). Number of anchors are pre-defined." At
# each position of the feature map stands one anchor of each shape; ours are squares of 12, 20 and 30
# pixels, because our objects are that large (the paper's, 128 to 512 pixels in three proportions, would
# cover the whole scene). Left: the anchors of one position, and all positions.
#
# What should an anchor learn? In the middle those that are *positive*, in one colour for each object:
# their IoU with an object (thick, white) is at least 0.5, or no other anchor fits that object better.
# Below 0.3 they are background, and between the two they are ignored. Most anchors are background, so
# only 64 of them are drawn for training, at most half of them positive: right.

# %%
anchors = model.rpn.anchors(rows, columns)
print(f"{rows} x {columns} positions x {len(rpn.SHAPES)} shapes = {len(anchors)} anchors")
figure, axes = plt.subplots(1, 3, figsize=(14, 5.2), layout="constrained")
rpn_figures.assignment(axes, model, image, target, np.random.default_rng(0))
plt.show()

# %% [markdown]
# Why 0.5, where the paper has 0.7? Count, for anchors of several strides, how many objects are reached
# by some anchor. On our small objects the paper's numbers would leave half of them to their one best
# anchor, which may fit badly. This is the first thing to count on data of your own.

# %%
objects = np.concatenate([boxes for _, (boxes, _) in scenes])
print("share of the objects that some anchor reaches:   IoU 0.5   IoU 0.7")
for stride, shapes in ((4, rpn.SHAPES), (8, rpn.SHAPES), (16, rpn.SHAPES), (4, rpn.SHAPES[:1])):
    sizes = [side for side, _ in shapes]
    placed = pcn.ops.generate_anchors(sizes, [1.0], stride, (64 // stride, 64 // stride))
    best = pcn.ops.box_iou(objects, placed).max(1)
    reached = f"{(best >= 0.5).mean():13.2f}{(best >= 0.7).mean():10.2f}"
    print(f"  stride {stride:2}, sides {sizes!s:14} {len(placed):5} anchors {reached}")

# %% [markdown]
# With each anchor, two answers
# -----------------------------
# Deck "Localization, Object Detection, Segmentation", slide "Faster R-CNN" (6): "Feature maps are fed
# into conv layer 3 x 3. With each anchor, RPN calculates two steps: predict if anchor is foreground
# (contains object) or background; predict 4 offset values for x_center, y_center, width, height of
# anchor." The offsets are relative to the anchor: dx in its widths, dy in its heights, and the
# logarithm of how much wider and higher the object is.

# %%
objectness, offsets = model.rpn(features)
print(f"objectness {objectness.shape[1:]} and offsets {offsets.shape[1:]}, for {len(anchors)} anchors\n")
stands_for, label = match(anchors, truth, rpn.POSITIVE, rpn.NEGATIVE, best_of_each=True)
print("some positive anchors                 object                              dx     dy     dw     dh")
for k in np.flatnonzero(label == 1)[::8]:
    goal = pcn.ops.encode_boxes(truth[stands_for[k]], anchors[k])
    corners = ["".join(f"{v:8.1f}" for v in box) for box in (anchors[k], truth[stands_for[k]])]
    print(*corners, "  ", "".join(f"{v:7.2f}" for v in goal))
back = pcn.ops.decode_boxes(goal, anchors[k])
print("\ndecoded again, the last:", np.round(back, 1), "is the object", np.round(truth[stands_for[k]], 1))

# %% [markdown]
# Two of the four losses: logistic for objectness, smooth L1 for the offsets of positive anchors, both
# over the anchors that were drawn.

# %%
print(inspect.getsource(rpn.rpn_loss))
nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
for name, some in (("this picture", target), ("a picture without object", nothing)):
    losses = rpn.rpn_loss(objectness, offsets, anchors, [some], np.random.default_rng(0))
    said = ", ".join(f"{k} {v.item():.3f}" for k, v in losses.items() if isinstance(v, pcn.Tensor))
    print(f"{name}: {said}, {losses['objects']} objects")

# %% [markdown]
# One network, four losses
# ------------------------
# Deck "Computer Vision - Lecture 16", slide "Faster R-CNN". The proposals go to the head of Fast R-CNN:
# their features are pooled (RoI pooling), and it says which class, and again 4 offsets: the other two
# losses. "Joint training" adds all four. Which of them reaches which part of the network? The gradients
# tell. The proposals themselves enter the head as plain numbers, so its losses do not move them: the
# proposal network learns nothing from the head, except through the features that both share.

# %%
print(inspect.getsource(faster_rcnn.joint_loss))
images, targets = pcn.data.default_collate([scenes[i] for i in range(4)])
print("size of the gradient      backbone  proposal network  region head")
for name in ("rpn objectness", "rpn box", "head class", "head box"):
    losses = faster_rcnn.joint_loss(model, pcn.tensor(images), targets, np.random.default_rng(0))
    model.zero_grad()
    losses[name].backward()
    sizes = []
    for part in (model.features, model.rpn, model.head):
        squares = [float((p.grad.data**2).sum()) for p in part.parameters() if p.grad is not None]
        sizes.append(np.sqrt(sum(squares)))
    print(f"  {name:20} {sizes[0]:11.4f} {sizes[1]:17.4f} {sizes[2]:12.4f}")

# %% [markdown]
# A very short training
# ---------------------
# To see it work within seconds we let it learn 48 scenes by heart. The two losses of the proposal
# network fall first. The head has to wait for proposals worth looking at, but not idly: the objects' own
# boxes are added to them. The real lecture takes 8000 scenes: ``python -m lectures faster_rcnn``.

# %%
steps = 12 if QUICK else 200
optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.99))
training = Training(model, optimizer, pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps), steps, settings={})
loader = pcn.data.DataLoader(scenes, 8, shuffle=True, seed=0)
generator = np.random.default_rng(0)
train(
    training, loader.stream,
    lambda net, batch: faster_rcnn.joint_loss(net, pcn.tensor(batch[0]), batch[1], generator),
)  # fmt: skip
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name in ("rpn objectness", "rpn box", "head class", "head box"):
    smooth = np.convolve(training.parts[name], np.ones(5) / 5, mode="valid")
    ax.plot(np.arange(5, steps + 1), smooth, lw=2, label=name)
ax.set(xlabel="step", ylabel="loss (mean of 5 steps)", ylim=(0, None), title=f"four losses, {training.seconds:.0f} s")
ax.legend()
plt.show()

# %% [markdown]
# If you have trained the lecture, its network and an unseen scene are used from here on; else the one
# that learned 48 scenes by heart, and one of those.

# %%
whose = "the network of this page"
if lecture := finished(faster_rcnn.FasterRCNN(classes), "faster_rcnn"):
    model, whose = lecture, "the network of the lecture"
    image, target = pcn.data.ShapeScenes(10, "test")[4]
print(whose)

# %% [markdown]
# Objectness
# ----------
# Deck "Localization, Object Detection, Segmentation", slide "Faster R-CNN" (5): "After passing through
# RPN, only anchor boxes containing objects are kept." The maps show, for each shape of anchor, where the
# network sees an object *of about that size*: a small object lights up in the map of the small anchors,
# and lights up as a blob, because neighbouring anchors fit nearly as well.

# %%
figure, axes = plt.subplots(1, 1 + len(rpn.SHAPES), figsize=(15, 4), layout="constrained")
rpn_figures.objectness(axes, model, image, target)
plt.show()

# %% [markdown]
# Slide "Faster R-CNN NMS": the algorithm
# ---------------------------------------
# "(1) Choose anchor box A with a maximum value of foreground probability. (2) Add anchor box A to the
# output set. (3) Remove A and a set of anchor boxes in input set which has IoU value with A > 0.5. (4)
# Check if input set is empty or output set is equal to 100, then stop, otherwise repeat." Blue boxes
# overlap an object (white) by IoU >= 0.5, red ones do not. Without suppression the surest boxes all say
# the same; with it each object gets its own, and the rest goes to the background. The head will
# sort that out: a proposal may be wrong, it must only not be missing.

# %%
figure, axes = plt.subplots(1, 3, figsize=(14, 5.2), layout="constrained")
rpn_figures.suppression(axes, model, image, target)
plt.show()

# %% [markdown]
# From proposals to detections
# ----------------------------
# The second stage looks at every proposal, names it and moves it: a proposal that overlaps its object by
# half becomes a box that fits.

# %%
with pcn.no_grad():
    features = model(pcn.tensor(image[None]))
    ((proposed, surest),) = model.rpn.propose(features, most=faster_rcnn.PROPOSALS)
    ((boxes, scores, names),) = model.classify(features, [proposed], model.confidence, model.nms)
figure, axes = plt.subplots(1, 3, figsize=(14, 5.2), layout="constrained")
draw_boxes(image, proposed[:6], scores=surest[:6], ax=axes[0], color="#56B4E9", linewidth=2, fontsize=9)
axes[0].set_title("the first 6 proposals, and their objectness", pad=14)
draw_boxes(image, boxes, names, scores, classes=classes, ax=axes[1], fontsize=10)
axes[1].set_title(f"{len(boxes)} detections", pad=14)
draw_boxes(image, target[0], target[1], classes=classes, ax=axes[2], fontsize=10)
axes[2].set_title("ground truth", pad=14)
plt.show()

# %% [markdown]
# Simple alternating optimisation
# -------------------------------
# Deck "Deep Convolutional Neural Networks II", slide "Faster R-CNN": "Training: simple alternating
# optimization (RPN, Fast R-CNN)." The paper's first way to train, in four steps. After step 2 there are two
# backbones, one each; from step 3 on both halves use that of step 2, which no longer learns: had it moved, the
# other half would not fit any more. In the lecture the four steps together are 1.8 times as many updates as
# joint training takes. With these they find as many objects, but place them less exactly (``map75``): joint
# training is simpler *and* lets all four losses shape the features.

# %%
print("step                        learns                          proposals from")
for step in (
    ("1 proposal network", "backbone A, proposal network A", "-"),
    ("2 Fast R-CNN", "backbone B, head", "step 1"),
    ("3 proposal network", "proposal network B", "-"),
    ("4 Fast R-CNN", "head", "step 3"),
):
    print(f"{step[0]:27} {step[1]:31} {step[2]}")
print()
print(inspect.getsource(faster_rcnn.frozen_features))

# %% [markdown]
# Slides "Faster R-CNN (based on ResNets)": another backbone
# ----------------------------------------------------------
# Nothing of all this depends on how the features are made: any backbone of stride 4 will do. The slides put a
# residual one in the place of the plain one. The lecture trains both, and the four steps, and reports them
# side by side. In place of our four layers the residual backbone did not pay (``map50`` 0.917 against 0.934,
# seed 0): ways past layers help where there are many.

# %%
print("backbone    layers with weights   numbers to learn")
for name, make in (("plain", faster_rcnn.plain_backbone), ("residual", residual_backbone)):
    backbone = make(rpn.STRIDE)
    convolutions = [m for m in backbone.modules() if isinstance(m, pcn.nn.Conv2d)]
    print(f"{name:10} {len(convolutions):20} {sum(p.data.size for p in backbone.parameters()):18}")
