# %% [markdown]
r"""
Exactly N objects, slide by slide
=================================

The deck "Localization, Object Detection, Segmentation", slides "Localization and Classification" (2) and
"Object Detection" (2), and the deck "Fun Ways To Use ConvNets", slide "Object Detection" (2): localisation with
more outputs, and why that is not yet detection. What stands in quotes is the slide's text, here and there
shortened.

Step through it cell by cell, change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/fixed_n.py``.

The code it explains, and calls: ``lectures/detection/fixed_n.py``.
"""

# %%
import inspect
import os
import sys

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import fixed_n
from lectures.training import Training, train
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
N = fixed_n.N
pcn.manual_seed(0)

# %% [markdown]
# Slide "Localization and Classification" (2): N boxes instead of one
# -------------------------------------------------------------------
# "Predict exactly N objects: predict (N x 4) coordinates and (N x K) class scores." As in localisation the
# output vector grows, now N times. We begin with what it can do: pictures with exactly N objects.

# %%
pairs = pcn.data.ShapeScenes(24, "train", variant=fixed_n.scenes_of(N))
classes = pairs.classes
model = fixed_n.FixedN(classes)
model.eval()
image, target = pairs[0]
z, b = model(pcn.tensor(image[None]))
print(f"N = {N}, K = {len(classes)}: class scores {z.shape[1:]}, boxes {b.shape[1:]}, for every picture")

figure, axes = plt.subplots(1, 4, figsize=(14, 4), layout="constrained")
for ax, (picture, (boxes, labels)) in zip(axes, (pairs[i] for i in range(4))):
    draw_boxes(picture, boxes, labels, classes=classes, ax=ax)
plt.show()

# %% [markdown]
# Which object belongs to which slot?
# -----------------------------------
# The slide does not say, but the cost must: it compares slot k with object k. Annotations come in no
# order, so we make one that the picture shows: from left to right.

# %%
print(inspect.getsource(fixed_n.assign))
sign, (_, slot), truth = fixed_n.assign([target], N, len(classes), image.shape[1:])
for k, box in zip(slot, truth):
    name = classes[int(sign[0, k].argmax())]
    print(f"slot {k}: {name:8} " + "  ".join(f"{n} {v:.2f}" for n, v in zip("xyhw", box)))

# %% [markdown]
# And if the order is arbitrary? Then each object is as often the truth of slot 0 as of slot 1. What costs
# least, in a square error, is the mean of the two: a box in the middle, where there is nothing.

# %%
mean = np.repeat(truth.mean(0, keepdims=True), len(truth), axis=0)
costs = {}
for name, boxes in (("each slot its object", truth), ("both slots the mean", mean)):
    answer = pcn.tensor(9 * sign), pcn.tensor(boxes[None])
    orders = [fixed_n.fixed_n_cost(answer, [target], image.shape[1:], rng=np.random.default_rng(k)) for k in range(50)]
    ordered = fixed_n.fixed_n_cost(answer, [target], image.shape[1:])["box"].item()
    costs[name] = ordered, np.mean([cost["box"].item() for cost in orders])
    print(f"{name:22} box cost, sorted {costs[name][0]:.3f}, in arbitrary order {costs[name][1]:.3f}")

figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for ax, boxes, name in zip(axes, (truth, mean), costs):
    draw_boxes(image, fixed_n.boxes_in_pixels(boxes, image.shape[1:]), ax=ax, color="w")
    ax.set_title(f"{name}: {costs[name][1]:.2f}")
figure.suptitle("box cost where the order is arbitrary")
plt.show()

# %% [markdown]
# A very short training
# ---------------------
# 24 pictures with N objects, learned by heart. The lecture takes 8000: ``python -m lectures fixed_n``.


# %%
def by_heart(network, scenes, steps):
    """Learn the scenes by heart."""
    optimizer = pcn.optim.Adam(network.parameters(), lr=3e-3, betas=(0.9, 0.99))
    schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    training = Training(network, optimizer, schedule, steps, settings={})

    def cost(net, batch):
        images, targets = batch
        return fixed_n.fixed_n_cost(net(pcn.tensor(images)), targets, images.shape[2:])

    train(training, pcn.data.DataLoader(scenes, 12, shuffle=True, seed=0).stream, cost)


def show(network, pictures, axes):
    """What the network says about each picture, and how many objects there are."""
    for ax, (picture, (boxes, _)) in zip(axes, pictures):
        found, scores, labels = network.predict(picture[None])[0]
        draw_boxes(picture, found, labels, scores, classes=classes, ax=ax)
        ax.set_title(f"found {len(found)}, there: {len(boxes)}")


by_heart(model, pairs, 20 if QUICK else 200)

# %%
print("map50 on the pictures it has learned:", round(fixed_n.map50(model, pairs), 2))
figure, axes = plt.subplots(1, 4, figsize=(14, 4), layout="constrained")
show(model, [pairs[i] for i in range(4)], axes)
plt.show()

# %% [markdown]
# How many objects?
# -----------------
# Deck "Localization, Object Detection, Segmentation", slide "Object Detection" (2): "Problem: we don't
# know in advance the number of objects in the image." Deck "Fun Ways To Use ConvNets", slide "Object
# Detection" (2): "Each image needs a different number of outputs." The network says N whatever it is
# shown: with one object it invents the others, with four it must leave some out, and where it is torn
# between two it puts a box between them.

# %%
several = pcn.data.ShapeScenes(36, "train", variant=fixed_n.scenes_of(1, 4))
counts = [len(target[0]) for _, target in several]
chosen = [several[counts.index(n)] for n in sorted(set(counts))]
figure, axes = plt.subplots(1, 4, figsize=(14, 4), layout="constrained")
show(model, chosen, axes)
plt.show()

# %% [markdown]
# More slots, some of them empty
# ------------------------------
# The obvious repair: as many slots as there are ever objects, and "no class" for those left over (all
# class targets -1, no cost for the box). It is a detector, of a kind. But every slot must learn all
# places, shapes and classes anew, since slot 2 may be anywhere; an object that appears on the left pushes
# all others into the next slot; and the fifth object has no place at all.

# %%
wide = fixed_n.FixedN(classes, slots=4)
wide.confidence = 0.3
by_heart(wide, several, 20 if QUICK else 250)
print("map50 on the pictures it has learned:", round(fixed_n.map50(wide, several), 2))
figure, axes = plt.subplots(1, 4, figsize=(14, 4), layout="constrained")
show(wide, chosen, axes)
plt.show()

# %% [markdown]
# What detectors do about it
# --------------------------
# They let the *place* decide which output answers: a window (``sliding_window``), a proposed region
# (``rcnn`` to ``faster_rcnn``), a cell of a grid (``yolo``). Each place says "nothing here" or "this", with the
# same weights everywhere; there are many more places than objects, and non-max suppression leaves one box
# for each. The number of objects is then no longer a number in the architecture.

# %%
picture, (boxes, labels) = chosen[-1]
centres = (boxes[:, :2] + boxes[:, 2:]) / 2
figure, axes = plt.subplots(1, 2, figsize=(8, 4.2), layout="constrained")
for ax in axes:
    draw_boxes(picture, boxes, color="w", ax=ax)
for k, (x, y) in enumerate(centres[np.argsort(centres[:, 0])]):
    axes[0].text(x, y, f"slot {k}", ha="center", color="w", bbox={"fc": "k", "alpha": 0.6})
for x, y in centres:
    axes[1].text(x, y, f"cell {int(y // 8)}, {int(x // 8)}", ha="center", color="w", bbox={"fc": "k", "alpha": 0.6})
axes[0].set_title("slots: depends on the other objects")
axes[1].set_title("cells: depends on this object alone")
plt.show()
