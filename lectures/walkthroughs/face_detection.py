# %% [markdown]
r"""
Face detection: a detector that knows one class
===============================================

The deck "Fun Ways To Use ConvNets", slide "Face Recognition/Verification" (1): before anybody can be
recognised there is the question whether there is a face in the picture, and where: "special case of
object detection". Here: scenes with faces and with what is nearly a face, a detector that we have
already, what it learns from ovals without eyes, and a photograph-sized picture.

Step through it cell by cell, change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/face_detection.py``.

The code it explains, and calls: ``lectures/faces/face_detection.py``, ``pyconvnet/data/face_scenes.py``
and ``lectures/detection/ssd.py``.
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
from lectures.faces import face_detection
from lectures.finished import finished
from lectures.training import Training, train
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Slide "Face Recognition/Verification" (1): is there a face in the image?
# ------------------------------------------------------------------------
# Scenes with 0 to 3 faces, framed in orange, and up to three ovals, framed in white: skin, perhaps hair,
# perhaps a mouth, never an eye. Whoever finds faces by their outline finds those, too. The people of the
# test scenes are in no training scene.

# %%
scenes = pcn.data.FaceScenes(200)
figure, axes = plt.subplots(2, 5, figsize=(14, 5.8), layout="constrained")
for i, ax in enumerate(axes.flat):
    image, (boxes, labels) = scenes[i]
    draw_boxes(image, boxes, ax=ax, linewidth=2)
    draw_boxes(None, scenes.oval_boxes(i), color="white", ax=ax, linewidth=1)
    ax.set_title(f"{len(boxes)} faces, {len(scenes.oval_boxes(i))} ovals")
plt.show()

# %% [markdown]
# One face, painted from numbers
# ------------------------------
# Who it is: fifteen numbers. How it looks just now: some more. Change one and look.

# %%
rng = np.random.default_rng(2)
who, now = pcn.data.draw_identity(rng), pcn.data.FacePose(background=(0.4, 0.5, 0.6))
print(who)
figure, axes = plt.subplots(1, 5, figsize=(13, 2.9), layout="constrained")
for ax, smile in zip(axes, (-1, -0.5, 0, 0.5, 1)):
    image, landmarks = pcn.data.paint_face(who, pcn.data.FacePose(smile=smile, background=now.background), 64)
    draw_boxes(image, np.zeros((0, 4)), ax=ax)
    ax.scatter(*landmarks.T, s=20, c="white", edgecolors="black")
    ax.set_title(f"smile {smile:+.1f}")
plt.show()

# %% [markdown]
# "Special case of object detection"
# ----------------------------------
# So nothing new is needed. The network, its default boxes and its loss are those of ``ssd``; only the
# list of classes is shorter.

# %%
model = ssd.SSD(scenes.classes)
scores, offsets = model(pcn.tensor(scenes[0][0][None]))
print(f"classes {model.classes}; scores {scores.shape[1:]}: face, background; offsets {offsets.shape[1:]}")
print(inspect.getsource(face_detection.trained))

# %% [markdown]
# A very short training
# ---------------------
# The lecture takes 4000 scenes and 500 steps, about 15 seconds. Faces are mirrored left and right, never
# upside down: they have an up, which circles and squares have not.

# %%
steps = 15 if QUICK else 150
optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.99))
schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
loader = pcn.data.DataLoader(scenes, 16, shuffle=True, seed=0)
rng = np.random.default_rng(0)  # one for all steps: in every batch others are mirrored


def cost_of_batch(net, batch):
    images, targets = face_detection.vary_faces(*batch, rng)
    return ssd.multibox_loss(*net(pcn.tensor(images)), net.anchors(64, 64), targets)


training = Training(model, optimizer, schedule, steps, settings={})
train(training, loader.stream, cost_of_batch)
print(f"loss {training.losses[0]:.2f} -> {np.mean(training.losses[-10:]):.2f} in {training.seconds:.0f} s")

# %% [markdown]
# What it finds
# -------------
# If ``python -m lectures face_detection`` has been run, with its detector; else with ours. The title says
# how sure it is that there is any face at all: the answer to "is there a face in the image".

# %%
detector = finished(ssd.SSD(scenes.classes), "face_detection") or model
test = pcn.data.FaceScenes(60, "test")
figure, axes = plt.subplots(2, 5, figsize=(14, 5.8), layout="constrained")
for i, ax in enumerate(axes.flat):
    image, (truth, _) = test[i]
    boxes, sure, _ = detector.predict(image[None])[0]
    draw_boxes(image, boxes, ax=ax, linewidth=2)
    ax.set_title(f"a face? {sure.max(initial=0):.2f}; there are {len(truth)}", fontsize=10)
plt.show()

# %%
found = detector.predict(np.stack([test[i][0] for i in range(60)]), 0.02)
truths = [test[i][1] for i in range(60)]
print(f"average precision at IoU 0.5: {pcn.metrics.detection_average_precision(found, truths)['map']:.3f}")
right, constant = face_detection.presence(found, truths, detector.confidence)
print(f"is there a face? right in {right:.0%} of the pictures; always saying yes: {constant:.0%}")
print(f"ovals taken for faces: {face_detection.ovals_found(found, test, detector.confidence):.0%}")

# %% [markdown]
# What it learned from the ovals
# ------------------------------
# The lecture trains a second detector, on scenes that hold faces alone. It has no reason to look at eyes:
# the outline is enough. On scenes with ovals its average precision falls from 1.0 to 0.7, and it takes six
# of seven ovals for faces (``python -m lectures face_detection --seeds 0 1 2``: the variants with and without
# ovals). What a detector knows depends on what it was asked to tell apart.

# %%
without = finished(ssd.SSD(scenes.classes), "face_detection", "no-ovals")
figure, axes = plt.subplots(2, 5, figsize=(14, 5.8), layout="constrained")
most = np.argsort([-len(test.oval_boxes(i)) for i in range(60)], kind="stable")[:5]
for row, net, name in zip(axes, (detector, without or detector), ("with ovals", "without ovals")):
    for ax, i in zip(row, most):
        draw_boxes(test[i][0], net.predict(test[i][0][None])[0][0], ax=ax, linewidth=2)
    row[0].set_title(f"learned {name}" if without or net is not without else "run the lecture for this row")
plt.show()

# %% [markdown]
# Larger pictures, larger heads
# -----------------------------
# The detector knows heads of 14 to 32 pixels. In a photograph they may have any size. So the picture is
# halved again and again, each size is looked at, and of overlapping boxes the surest stays. Here a
# picture of 192 pixels with heads of up to 90, and only boxes above 0.9: at its full size an eye may
# pass for a small head.

# %%
print(inspect.getsource(face_detection.detect_at_all_sizes))
large = pcn.data.FaceScenes(4, "test", size=192, side=(30, 90), seed=3)
figure, axes = plt.subplots(2, 4, figsize=(14, 7), layout="constrained")
for i in range(4):
    image = large[i][0]
    draw_boxes(image, detector.predict([image], face_detection.SURE)[0][0], ax=axes[0, i], linewidth=2)
    found = face_detection.detect_at_all_sizes(detector, image, face_detection.SURE)[0]
    draw_boxes(image, found, ax=axes[1, i], linewidth=2)
axes[0, 0].set_title("as it is", loc="left")
axes[1, 0].set_title("at 192, 96 and 48 pixels", loc="left")
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures face_detection``: the full training, the second detector, the pictures in
#   ``out/face_detection/``; with ``--demo`` two sliders.
# - ``--data images:DIR`` draws what it finds in your photographs. It has seen painted faces only, and
#   finds some. ``--data images:DIR,faces:FOLDER`` lets it learn from the portraits of an identity folder
#   (40 people are enough for most faces of a group photograph), among portraits cut up and shuffled: the
#   ovals of that world. Without those it took every texture for a face.
# - ``lectures/walkthroughs/face_alignment.py``: what is done with a face that was found.
