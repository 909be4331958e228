# %% [markdown]
r"""
Localisation, slide by slide
============================

One object a picture: what is it, and where? The deck "Fun Ways To Use ConvNets", slide
"Single-object Localization", and the deck "Localization, Object Detection, Segmentation", slides "Localization
and Classification": extend the output vector, add a term to the cost, choose alpha, train a head alone. What
stands in quotes is the slide's text, here and there shortened.

Step through it cell by cell, change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/localization.py``.

The code it explains, and calls: ``lectures/detection/localization.py``.
"""

# %%
import inspect
import os
import sys

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import localization
from lectures.detection.foundation import one_object
from lectures.detection.localization import TwoHeads, regression_cost
from lectures.training import Training, train
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Classification, and localisation
# --------------------------------
# Deck "Fun Ways To Use ConvNets", slide "Object Detection" (1): "In image classification the task is
# to identify a single object in an image. In single-object localization the task is to identify a
# single object plus its location/bounding box."
#
# Our pictures hold one circle, square or triangle, stretched and turned, and up to three things that
# are none: lines, blobs, half-disks, crosses.

# %%
scenes = pcn.data.ShapeScenes(48, "train", variant="single48")
classes = scenes.classes
figure, axes = plt.subplots(1, 5, figsize=(14, 3.2), layout="constrained")
for ax, (image, (boxes, labels)) in zip(axes, (scenes[i] for i in range(5))):
    draw_boxes(image, boxes, labels, classes=classes, ax=ax)
plt.show()

# %% [markdown]
# Slide "Single-object Localization": just extend the output vector!
# ------------------------------------------------------------------
# "How to carry out bounding box prediction? Just extend the output vector": a classifier with C outputs
# gets four more, "C classes, 4 output dimensions (for 1 bounding box)" (slide "Localization and
# Classification" (2)). Nothing else changes.

# %%
model = localization.Localizer(classes)
model.eval()
image, target = scenes[0]
z, b = model(pcn.tensor(image[None]))
for part in (*model.features[0], *model.output):
    if type(part).__name__ in ("Conv2d", "MaxPool2d", "Linear"):
        print(part)
print(f"\nC = {len(classes)} class scores z = {z.data[0].round(2)}, and one box (x, y, h, w) = {b.data[0].round(2)}")

# %% [markdown]
# The box is in fractions of the picture: x, y its centre, h, w its size. So all four numbers are of one
# size, whatever the picture's, and a square error treats them alike.

# %%
truth = localization.boxes_as_fractions(target[0], image.shape[1:])
said = localization.boxes_in_pixels(b.data, image.shape[1:])
figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
draw_boxes(image, target[0], target[1], classes=classes, ax=axes[0])
axes[0].set_title("truth: " + ", ".join(f"{n} {v:.2f}" for n, v in zip("xyhw", truth[0])))
draw_boxes(image, said, z.data.argmax(1), classes=classes, ax=axes[1])
axes[1].set_title("untrained: " + ", ".join(f"{n} {v:.2f}" for n, v in zip("xyhw", b.data[0])))
plt.show()

# %% [markdown]
# Slide "Single-object Localization", continued: the cost function
# ----------------------------------------------------------------
# "Need to modify cost function used for training: J = J_classification + alpha J_bounding box, e.g. use
# logistic loss for J_classification and square error for J_bounding box."

# %%
print(inspect.getsource(localization.localization_cost))

# %% [markdown]
# What each term says shows best on an answer that is right in everything, and then wrong in one thing.
# A picture without an object costs its "no" to every class, and nothing for the box.

# %%
sign, there, truth = localization.assign([target], len(classes), image.shape[1:])
nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)


def show_cost(what, scores, box, target=target):
    cost = localization.localization_cost((pcn.tensor(scores), pcn.tensor(box)), [target], image.shape[1:])
    print(f"J_class {cost['class'].item():6.3f}   alpha J_box {cost['box'].item():6.3f}   {what}")


sure = 6 * sign
show_cost("right, and sure of it", sure, truth)
show_cost("right, but unsure", 0 * sign, truth)
show_cost("sure of a wrong class", np.roll(sure, 1, axis=1), truth)
show_cost("the box a tenth of the picture too far to the right", sure, truth + np.float32([0.1, 0, 0, 0]))
show_cost("the box a tenth of the picture too wide", sure, truth + np.float32([0, 0, 0, 0.1]))
show_cost("an object where there is none: the box costs nothing", sure, truth + 9, nothing)

# %% [markdown]
# A very short training
# ---------------------
# 48 scenes, learned by heart within seconds. The real lecture takes 8000 scenes, 2000 steps and about a
# minute: ``python -m lectures localization``; it names the right class in .99 of unseen scenes, with a
# mean IoU of .82.


# %%
def fit(model, cost, steps, parameters=None):
    """Learn the scenes by heart; the terms of the cost at every step."""
    optimizer = pcn.optim.Adam(parameters or model.parameters(), lr=3e-3, betas=(0.9, 0.99))
    schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    training = Training(model, optimizer, schedule, steps, settings={})

    loader = pcn.data.DataLoader(scenes, 16, shuffle=True, seed=0)
    train(training, loader.stream, lambda net, batch: cost(net, pcn.tensor(batch[0]), batch[1], None))
    return training.parts


# %%
parts = fit(model, localization.cost_of(localization.ALPHA), 25 if QUICK else 160)
figure, axes = plt.subplots(1, 5, figsize=(16, 3.4), layout="constrained")
for name, values in parts.items():
    axes[0].plot(values, label={"class": "J_class", "box": "alpha J_box"}[name])
axes[0].set(xlabel="step", title="cost per picture", yscale="log")
axes[0].legend()
for ax, i in zip(axes[1:], range(4)):
    boxes, scores, labels = model.predict(scenes[i][0][None])[0]
    draw_boxes(scenes[i][0], boxes, labels, scores, classes=classes, ax=ax)
plt.show()

# %% [markdown]
# Slide "Single-object Localization", continued: alpha
# ----------------------------------------------------
# "Alpha is a hyperparameter balancing accuracy of classification vs accuracy of bounding box." The two
# terms are measured in different units, so *some* number has to say what a unit of one is worth in the
# other. With alpha = 0 the box never learns; with a very large one the class learns late.

# %%
alphas = (0.0, 3.0, 3000.0)
for alpha in alphas:
    pcn.manual_seed(1)
    network = localization.Localizer(classes)
    fit(network, localization.cost_of(alpha), 12 if QUICK else 80)
    found = one_object.accuracy_and_iou(network, scenes)
    print(f"alpha {alpha:6g}: right classes {found['accuracy']:.2f}, mean IoU {found['iou']:.2f} (training scenes)")

# %% [markdown]
# Slide "Localization and Classification" (1): the localisation head, trained separately
# --------------------------------------------------------------------------------------
# "Use a pre-trained CNN, e.g. ResNet. The localization head is trained separately with regression.
# Possible end-to-end fine-tuning of both tasks." A classifier (alpha = 0), then dense layers of their own
# for the box on its last feature map. Only the head's numbers learn, so the classes stay as they are.

# %%
pcn.manual_seed(1)
classifier = localization.Localizer(classes)
fit(classifier, localization.cost_of(0.0), 12 if QUICK else 60)
two = TwoHeads(classifier)
frozen, head = (sum(p.data.size for p in part.parameters()) for part in (two.features, two.box_head))
print(f"{frozen} numbers of the features stay, {head} of the head learn")
fit(two, regression_cost, 12 if QUICK else 60, list(two.box_head.parameters()))
print("head alone:", one_object.accuracy_and_iou(two, scenes))

# %% [markdown]
# Where is it? What the head must not forget
# ------------------------------------------
# A dense layer has a weight for every place of the feature map: it can tell left from right. The average
# over all places, with which ResNets end, is the same wherever the features are. Then how can a network
# with such an average localise at all? (Ours can, nearly as well.) The zeros around the picture give the
# place away: a convolution near the border sees them. Take the border away, so that the left edge goes on at
# the right one, and the answer no longer depends on the place:

# %%
moved = np.roll(image, (16, 16), axis=(1, 2))
both = pcn.tensor(np.stack([image, moved]))
figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
settings = ("flatten", True), ("average", True), ("average", False)
for ax, (head, border) in zip(axes, settings):
    pcn.manual_seed(0)
    network = localization.Localizer(classes, head=head, border=border)
    network.eval()
    with pcn.no_grad():
        here, there = network(both)[1].data
    ax.bar(np.arange(4) - 0.2, here, 0.4, label="picture")
    ax.bar(np.arange(4) + 0.2, there, 0.4, label="moved by (16, 16)")
    title = f"{head}{'' if border else ', no border'}: differ by {np.abs(here - there).max():.3f}"
    ax.set(xticks=range(4), xticklabels=list("xyhw"), title=title)
axes[0].legend()
plt.show()

# %% [markdown]
# And several objects?
# --------------------
# Slide "Problem of Image Classification": "only a single object per image". "We could extend the
# ConvNet output to include multiple objects, but how many to include?" The next lecture tries:
# ``lectures/walkthroughs/fixed_n.py``. This one says one object, whatever it is shown:

# %%
crowd = pcn.data.ShapeScenes(3, "test", seed=1)
figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
for ax, (picture, (boxes, _)), found in zip(axes, crowd, model.predict([p for p, _ in crowd])):
    draw_boxes(picture, found[0], found[2], found[1], classes=classes, ax=ax)
    ax.set_title(f"{len(boxes)} objects, 1 answer")
plt.show()
