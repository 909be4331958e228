# %% [markdown]
r"""
The ladder of detectors: the same answer, faster and faster
===========================================================

The decks tell one story four times: how a detector got from a ConvNet run for every window to one run
for the whole picture. Here it is with a stopwatch, on one scene: sliding window, R-CNN, Fast R-CNN,
Faster R-CNN, YOLO. For each rung: how many boxes does it look at, how much does it compute, and where
does the time go? At the end three of them learn from the same few pictures. What stands in quotes is from the deck
"Deep Convolutional Neural Networks II", its slides "Fast R-CNN" and "YOLO properties" (in part: speed) among
them.

Step through it cell by cell, change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/detection_ladder.py``. All fifteen, trained:
``python -m lectures detection_ladder``.

The code it explains, and calls: ``lectures/detection/detection_ladder.py`` and
``lectures/detection/foundation/stopwatch.py``.
"""

# %%
import inspect
import os
import sys
from argparse import Namespace
from tempfile import TemporaryDirectory

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt

import pyconvnet as pcn
from lectures.detection import detection_ladder as ladder
from lectures.detection import fast_rcnn, faster_rcnn, rcnn, sliding_window, yolo
from lectures.detection.drawing import figures, ladder_figures, region_figures, window_figures
from lectures.detection.foundation import stopwatch
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.regions.warping import warp
from lectures.detection.regions.windows import all_windows
from lectures.report import Report

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)
scenes = pcn.data.ShapeScenes(12, "test")
image, target = figures.several_objects(scenes)
costs = {}  # of each rung: untrained, as what a network computes does not depend on what it knows

# %% [markdown]
# Where the time goes
# -------------------
# The stopwatch wraps two methods of a model while it predicts: the one that proposes boxes, and the one
# that computes features. What is left of the total are the heads: everything from the features to the
# last suppression.

# %%
print(inspect.getsource(stopwatch.stopwatch))


def tell(name, model, seconds=0):
    costs[name] = row = ladder.costs(model, ladder.RUNGS[name], [image], seconds)
    parts = ", ".join(f"{part} {ms:.2f}" for part, ms in row["ms_by_part"].items())
    print(f"{name}: {row['boxes']:.0f} boxes, {row['macs'] / 1e6:.0f} million MACs, {row['ms']:.2f} ms ({parts})")


# %% [markdown]
# Slide "Scanning window + CNN"
# -----------------------------
# "Scan all possible bounding boxes; crop bounding box, warp to fixed-size input; run CNN. Works, but
# prohibitively slow". Windows of nine sizes and shapes, in steps of a few pixels: each one is a run of
# the ConvNet.

# %%
windows = sliding_window.SlidingWindow(scenes.classes)
tell("sliding_window", windows)
boxes = all_windows(image.shape[1:], windows.shapes.data)
figure, axes = plt.subplots(1, 3, figsize=(12, 4.3), layout="constrained")
window_figures.draw_shapes(axes[0], image, windows.shapes.data)
window_figures.draw_positions(axes[1], image, windows.shapes.data[0])
window_figures.draw_all(axes[2], image, boxes)
plt.show()

# %% [markdown]
# Slide "Region proposals (category independent)"
# -----------------------------------------------
# Most windows show nothing. Selective Search proposes those that could hold an object of any kind: about
# a hundred here, and it takes a few milliseconds to find them.

# %%
regions = rcnn.search(image)
print(f"{len(regions)} regions instead of {len(boxes)} windows: {len(boxes) / len(regions):.0f} times fewer")
figure, axes = plt.subplots(1, 2, figsize=(8.5, 4.3), layout="constrained")
figures.draw(axes[0], image, *target, None, scenes.classes)
axes[0].set_title("what is there")
region_figures.thin(axes[1], image, regions, "w", f"{len(regions)} regions", linewidth=0.8)
plt.show()

# %% [markdown]
# Slide "R-CNN"
# -------------
# "For each region: crop + warp + run CNN (~2k). 47 s/image". What was one picture of 64 x 64 is now a
# hundred of 32 x 32, and regions overlap: the same pixels are looked at again and again.

# %%
tell("rcnn", rcnn.RCNN(scenes.classes))
crops = warp(image, regions[:40], rcnn.SIZE, rcnn.CONTEXT)
print(f"{len(regions) * crops[0].size / image.size:.0f} times the pixels of the picture go through the ConvNet")
figure, axes = plt.subplots(4, 10, figsize=(10, 4.2), layout="constrained")
for ax, crop in zip(axes.flat, crops):
    ax.imshow(crop.transpose(1, 2, 0))
for ax in axes.flat:
    ax.set_axis_off()
figure.suptitle("what the ConvNet of R-CNN sees: the first 40 regions, warped")
plt.show()

# %% [markdown]
# Slide "Do not run the entire CNN for each ROI"
# ----------------------------------------------
# "Run the convolutional part once for the entire image, and for each ROI pool the features and run the
# fully connected part". The ConvNet's time all but disappears, and "proposals still expensive" is what
# remains: look at the first of the three parts.

# %%
fast = fast_rcnn.FastRCNN(scenes.classes, rcnn.search)
tell("fast_rcnn", fast)
fewer = costs["rcnn"]["macs"] / costs["fast_rcnn"]["macs"]
print(f"R-CNN computes {fewer:.0f} times as much on the same regions")

# %% [markdown]
# Slide "Faster R-CNN"
# --------------------
# "Implement region proposal mechanism by CNN with shared convolutional features." The network computes
# *more* than Fast R-CNN's here, because proposing is now its work, too; but the search is gone.

# %%
tell("faster_rcnn", faster_rcnn.FasterRCNN(scenes.classes))
for name in ("fast_rcnn", "faster_rcnn"):
    row = costs[name]
    without = row["ms"] - row["ms_by_part"]["proposals"]
    print(f"{name}: {row['ms']:.2f} ms, {without:.2f} ms without its proposals")

# %% [markdown]
# Slide "YOLO"
# ------------
# "A single net predicts bounding boxes and class probabilities directly from the entire image in one
# evaluation." No proposals, no regions: 8 x 8 cells of two boxes.

# %%
tell("yolo", yolo.OneShotDetector(scenes.classes))
figure, axes = plt.subplots(1, 2, figsize=(12, 3.6), layout="constrained")
ladder_figures.draw_times(axes[0], costs)
ladder_figures.draw_shares(axes[1], costs)
plt.show()

# %% [markdown]
# Is it the order that the decks tell?
# ------------------------------------
# In milliseconds of one picture, without the proposals, of ten pictures at once (then what Python takes
# for each call weighs less), and in multiply-accumulates, which no machine changes. "Not everywhere" is
# an answer, too.

# %%
for unit in ladder.UNITS:
    print(ladder.order(costs, unit))

# %% [markdown]
# An equal budget
# ---------------
# Who is better after the same lesson? A budget is counted in pictures looked at, and turned into steps
# by each system's own batch size. So few pictures favour those whose task is easiest to learn; the whole
# ladder takes many more, and its table says how the order changes.

# %%
options = Namespace(seed=0, data=None, quick=QUICK, resume=False, skip_bad=False, pictures=3200)
data = detection_data(options, train_count=1600, test_count=100)
rows = {}
with TemporaryDirectory() as folder:
    report = Report("detection_ladder", folder)
    for name in ("fast_rcnn", "faster_rcnn", "yolo_v2"):
        rows[name] = row = ladder.climb(name, ladder.RUNGS[name], options, report, data)
        print(f"{name}: mAP {row['map50']:.3f} after {row['train_seconds']:.0f} s, {row['ms']:.2f} ms a picture")
print(f"the same boxes in every picture: mAP {row['baseline']:.3f}")

# %% [markdown]
# Accuracy against speed
# ----------------------
# High and to the left is good. The area of a disk is what one picture costs in multiply-accumulates;
# its height is the mAP, mean over IoU thresholds from 0.5 to 0.95, which ask for boxes that fit.

# %%
figure, ax = plt.subplots(figsize=(7.5, 5), layout="constrained")
ladder_figures.draw_accuracy_against_speed(ax, rows, {name: ladder.RUNGS[name].kind for name in rows})
plt.show()

# %%
shown, truth = figures.several_objects(data.test)
figure, axes = plt.subplots(1, 4, figsize=(13, 3.7), layout="constrained")
ladder_figures.draw_same_picture(axes, rows, shown, truth, data.classes)
plt.show()

# %% [markdown]
# Where to go on
# --------------
# ``python -m lectures detection_ladder`` climbs all fifteen rungs (20 minutes; Ctrl-C and ``--resume`` are
# safe) and writes the table. A system of your own: give it a ``trained(options, report, data)`` and a
# line in ``ladder.RUNGS``. Another picture size: the share of the proposals shrinks, as Selective Search
# and the ConvNet grow differently.

# %%
print(inspect.getsource(ladder.costs))
print(*ladder.RUNGS, sep=", ")
