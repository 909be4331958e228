# %% [markdown]
r"""
RetinaNet: a pyramid, and a loss for too many negatives
=======================================================

The deck "Localization, Object Detection, Segmentation", slides "RetinaNet": single stage; multiple
scales through a feature pyramid network; "too many background proposals, too few object proposals";
focal loss. Here: the pyramid, its anchors, the imbalance in numbers, the focal loss, the prior.

Step through it cell by cell, change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/retinanet.py``.

The code it explains, and calls: ``lectures/detection/retinanet.py`` and
``lectures/detection/foundation/pyramid.py``.
"""

# %%
import inspect
import os
import sys

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import retinanet
from lectures.detection.drawing import anchor_figures, figures, pyramid_figures
from lectures.detection.foundation import pyramid
from lectures.detection.foundation.backbone import centred
from lectures.detection.proposing.anchors import anchor_targets
from lectures.training import Training, train

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)
scenes = pcn.data.ShapeScenes(12, "train")
classes = scenes.classes
model = retinanet.RetinaNet(classes)
image, target = figures.several_objects(scenes)

# %% [markdown]
# Slide "RetinaNet" (1): the feature pyramid
# ------------------------------------------
# "Multiple scales through a Feature Pyramid Network." SSD looks at a fine map that has seen few layers
# and a coarse map that has seen many. The pyramid hands down what the coarse map knows: each level is
# its own map plus the enlarged level above it.

# %%
print(inspect.getsource(pyramid.FeaturePyramid.forward))
maps = model.features(centred(pcn.tensor(image[None])))
for stride, before, after in zip(model.strides, maps, model.pyramid(maps)):
    print(f"stride {stride:2}: map {before.shape[1:]} -> level {after.shape[1:]}")

# %% [markdown]
# What does one position of the finest level look at? The gradient of its numbers with respect to the
# picture shows it: without the pyramid a small window, with it nearly everything. (``eval``, because
# batch norm in training mixes in the mean of the whole picture.)

# %%
model.eval()
pixels = pcn.tensor(image[None], requires_grad=True)
maps = model.features(centred(pixels))
views = ("the finest map", maps[0]), ("its level of the pyramid", model.pyramid(maps)[0])
figure, axes = plt.subplots(1, 3, figsize=(12, 4.6), layout="constrained")
axes[0].imshow(image.transpose(1, 2, 0))
axes[0].plot(34, 34, "w+", markersize=14, markeredgewidth=3)
axes[0].set_title("the position in row 8, column 8")
for ax, (name, z) in zip(axes[1:], views):
    (seen,) = pcn.grad((z[0, :, 8, 8] ** 2).sum(), pixels)
    ax.imshow(np.abs(seen.data[0]).max(0) ** 0.25, cmap="inferno")
    ax.set_title(f"what {name} sees there")
model.train()
plt.show()

# %% [markdown]
# Anchors, and what they are told
# -------------------------------
# Six at each position of each level: three proportions, two sizes. From IoU 0.5 with an object on an
# anchor is positive, below 0.4 negative; in between it is not asked.

# %%
figure, axes = plt.subplots(2, 3, figsize=(11.5, 8.4), layout="constrained")
anchor_figures.draw_positives(axes, model, image, target, retinanet.POSITIVE, retinanet.NEGATIVE)
plt.show()

# %% [markdown]
# Slide "RetinaNet" (2): too many background proposals
# ----------------------------------------------------
# Slide "Proposal comparison": about 100,000 boxes. Ours are 2,016 of a scene of 64 pixels, and for
# one positive there are this many negatives; the same anchors on scenes of 128 pixels with smaller
# objects make it worse.

# %%
anchors = model.anchors(64, 64)
for name in ("shapes64", "tiny128"):
    some = pcn.data.ShapeScenes(60, "train", 0, name)
    size = some[0][0].shape[1:]
    told = [t for _, t in some], len(classes), retinanet.POSITIVE, retinanet.NEGATIVE
    every = anchor_targets(model.anchors(*size), *told)
    positive, negative = ((every.label == said).sum() / len(some) for said in (1, 0))
    counts = f"{positive:4.1f} positive, {negative:6.1f} negative anchors a picture"
    print(f"{name}: {counts}, 1 : {negative / positive:.0f}")

# %% [markdown]
# Slides "RetinaNet" (1 and 3): focal loss
# ----------------------------------------
# "Focal loss to manage imbalance between background and real objects." Cross-entropy is -log p, p being
# the probability that is given to the truth. An easy negative with p = 0.95 costs little; but there are
# hundreds. The factor (1 - p)^gamma takes nearly all of that away. So it is the *easy* ones, most of
# them negatives, that count less; the slide's "greatly penalize negative classes" has it the wrong way
# round.

# %%
for p in (0.1, 0.5, 0.9, 0.99):
    logit = np.log([p / (1 - p)])
    plain, weighed = (pcn.ops.sigmoid_focal_loss(logit, [1.0], alpha=-1, gamma=g)[0] for g in (0, 2))
    print(f"p = {p:4}: cross-entropy {plain:.4f}, focal loss {weighed:.6f}, {plain / weighed:8.1f} times less")

# %%
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
pyramid_figures.draw_losses_by_probability(ax)
plt.show()

# %% [markdown]
# The prior
# ---------
# A network that starts with a bias of 0 gives every anchor the probability 1/2 of each class. Then the
# first loss is that of thousands of negatives. RetinaNet starts at sigmoid(bias) = .01: rare, as objects
# are. Below, the first loss with each of the two losses and each of the two starts. Without the prior
# either loss begins tens of times higher, and the loss of the boxes is drowned: focal loss alone does not
# replace the prior.

# %%
loader = pcn.data.DataLoader(scenes, 12, seed=0)
images, targets = next(iter(loader))
losses = {"cross-entropy": retinanet.cross_entropy, "focal": retinanet.focal}
starts = {"prior .01": retinanet.PRIOR, "zero bias": retinanet.ZERO_BIAS}
for start, prior in starts.items():
    answer = retinanet.RetinaNet(classes, prior=prior)(pcn.tensor(images))
    for name, class_loss in losses.items():
        first = retinanet.retinanet_loss(*answer, anchors, targets, class_loss)
        print(f"{start}, {name:13}: class {first['class'].item():8.2f}, box {first['box'].item():.2f}")

# %% [markdown]
# The loss, line by line
# ----------------------
# Every anchor that is not ignored enters, and the sum is divided by the number of *positive* anchors:
# the negatives' share would shrink the more of them there are, if it were divided by their number.

# %%
print(inspect.getsource(retinanet.retinanet_loss))

# %% [markdown]
# A very short training
# ---------------------
# 12 scenes, learned by heart. The lecture takes 8000 scenes and about a minute and a half.

# %%
steps = 10 if QUICK else 100
optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.99))
schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)


def cost_of_batch(net, batch):
    images, targets = batch
    return retinanet.retinanet_loss(*net(pcn.tensor(images)), anchors, targets)


training = Training(model, optimizer, schedule, steps, settings={})
train(training, loader.stream, cost_of_batch)
figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ax.plot(np.arange(1, steps + 1), training.parts["class"], label="class: focal loss")
ax.plot(np.arange(1, steps + 1), training.parts["box"], label="box: smooth L1")
ax.set(xlabel="step", ylabel="loss per positive anchor", yscale="log")
ax.set_title(f"{steps} steps in {training.seconds:.0f} s")
ax.legend()
plt.show()

# %% [markdown]
# What each level says
# --------------------
# For each position of each level how sure its surest anchor is. White: the objects.

# %%
figure, axes = plt.subplots(1, 4, figsize=(16, 4), layout="constrained")
pyramid_figures.draw_levels(axes, model, image, target)
plt.show()

# %% [markdown]
# Where the loss comes from
# -------------------------
# The negatives of some pictures, the hardest first: which share of the whole loss do they hold? With
# gamma = 2 a handful is everything. Whether that helps is another question, see below.

# %%
figure, ax = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
pyramid_figures.draw_share_of_loss(ax, model.eval(), list(scenes))
plt.show()

# %% [markdown]
# Does it help? Measure
# ---------------------
# ``python -m lectures retinanet`` trains {cross-entropy, focal} x {prior, zero bias} for a short time
# on both kinds of scenes and prints the table. With one seed it was, map50 at IoU 0.5:
#
# - 64 pixels, 1 : 147: cross-entropy 0.53 with the prior, 0.28 without; focal 0.40 and 0.35;
# - 128 pixels, 1 : 635: cross-entropy 0.39 with the prior, 0.25 without; focal 0.35 and 0.27.
#
# So the prior does the work: it helps either loss, and cross-entropy most. The focal loss softens a bad
# start; after a good one cross-entropy is ahead of it on our pictures, in a training this short. In the
# paper, with 50 times as many anchors, focal loss is ahead (table 1). Trained to the end, ours reaches
# 0.9 with it.
#
# Where to go on: a third kind of loss? ``retinanet.trained(..., class_loss=...)`` takes any function of
# logits and truth. Another gamma: ``functools.partial(pcn.ops.sigmoid_focal_loss, gamma=1)``.
