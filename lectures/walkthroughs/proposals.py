# %% [markdown]
r"""
Region proposals, slide by slide
================================

Where may an object be, before anything says what it is? The decks name five answers: graph-based
segmentation and Selective Search (deck "Localization, Object Detection, Segmentation", slides
"R-CNN" (1 to 4)), Edgeboxes (deck "Deep Convolutional Neural Networks II", slide "Region proposals
(category independent)"), constant boxes by k-means (slide "R-CNN minus R") and the region proposal network.
What stands in quotes is the slide's text, here and there shortened.

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a
notebook of it), change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/proposals.py``.

The code it explains, and calls: ``lectures/detection/proposals.py``; in ``lectures/detection/proposing``
``graph_segmentation.py``, ``selective_search.py``, ``edge_boxes.py`` and ``constant_proposals.py``.
"""

# %%
import inspect
import os
import sys
from functools import partial

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import proposals
from lectures.detection.drawing import proposal_figures
from lectures.detection.proposing import edge_boxes, graph_segmentation, selective_search
from lectures.detection.proposing.colour_spaces import COLOUR_SPACES, convert
from lectures.detection.proposing.constant_proposals import kmeans_boxes, random_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # fewer pictures, for a test of this file

# %% [markdown]
# Slide "Object Detection: Region Proposals" (1): fewer, better boxes
# -------------------------------------------------------------------
# A sliding window meets every place, size and shape. "Use some method to propose regions of interest
# in image, then feed each of these into a second ConvNet to classify any object": fewer, better boxes.
# How many windows would it be here, if neighbours overlap by two thirds in place, size and shape?

# %%
scenes = pcn.data.ShapeScenes(100, "test")
image, (truth, labels) = scenes[2]
for size in ((64, 64), (128, 128), (375, 500)):
    print(f"{size[0]} x {size[1]} pixels: {len(edge_boxes.sliding_windows(size)):7d} windows")

figure, axes = plt.subplots(1, 3, figsize=(12, 4.4), layout="constrained")
for ax, i in zip(axes, (2, 8, 19)):
    pcn.viz.draw_boxes(scenes[i][0], *scenes[i][1], classes=scenes.classes, ax=ax, fontsize=10)
plt.show()

# %% [markdown]
# R-CNN, step 1: graph-based segmentation
# ---------------------------------------
# Deck "Localization, Object Detection, Segmentation", slides "R-CNN" (2 and 3): "Input: color image.
# Output: around 2000 region proposal (bounding box) which can contain the objects." First, "image is
# segmented using the Graph Based Image Segmentation algorithm". Every pixel is a node; an edge joins
# it to each of its 8 neighbours, as heavy as their colours differ.

# %%
corner = image[:, 8:11, 40:43]
edges, weights = graph_segmentation.pixel_graph(corner)
for (a, b), w in list(zip(edges.tolist(), weights.tolist()))[:6]:
    print(f"pixel {divmod(a, 3)} to pixel {divmod(b, 3)}: colours differ by {w:.3f}")
print(f"3 x 3 pixels have {len(edges)} edges, this picture {len(graph_segmentation.pixel_graph(image)[0])}")

# %% [markdown]
# Then all edges by ascending weight: two components become one where the edge is no heavier than what
# already holds *each of them* together, plus k / |C|. A single pixel is easily persuaded, a large
# region is not. Here is all of it, as the backend "naive" has it:

# %%
print(inspect.getsource(sys.modules["pyconvnet.kernels.naive"].segment_graph))

# %% [markdown]
# Small k: many regions, also from noise; large k: few, and soft edges are lost. There is no k that is
# right for all objects of all pictures.

# %%
figure, axes = plt.subplots(1, 4, figsize=(15, 4.2), layout="constrained")
proposal_figures.segmentations(axes, image)
plt.show()

# %% [markdown]
# One colour is not one object
# ----------------------------
# Deck "Localization, Object Detection, Segmentation", slide "R-CNN" (3): "Cannot use 1 color to
# present 1 region proposal: each object can contain several colors; some parts of an object can be
# hidden by others." So let us hide some: a bar before each object. Green: the best box of an object
# that was hit (IoU of at least 0.5); dashed red: an object without such a box.

# %%
hidden = proposals.barred(image, truth, np.random.default_rng(0))
figure, axes = plt.subplots(1, 4, figsize=(15, 4.4), layout="constrained")
for ax, seen, name in zip(axes[::2], (image, hidden), ("one colour each", "behind bars")):
    proposal_figures.regions(ax, seen, graph_segmentation.graph_segmentation(seen), name)
for ax, seen in zip(axes[1::2], (image, hidden)):
    proposal_figures.hits(ax, seen, truth, graph_segmentation.segment_proposals(seen), "boxes of all regions, 4 k")
plt.show()

# %% [markdown]
# Selective Search: when are two regions alike?
# ---------------------------------------------
# Selective Search goes on from there: which of the regions that touch belong together? Four
# similarities, each between 0 and 1, are added (Uijlings et al. 2013):
#
# - *colour* and *texture*: what two histograms share, the sum of min(a_k, b_k);
# - *size*: 1 - (|A| + |B|) / |picture|, so small regions merge first;
# - *fill*: 1 - (|box of both| - |A| - |B|) / |picture|, so what fits into each other merges first.
#
# By hand for two regions, and by the kernel:

# %%
channels = convert(hidden, "lab")
tree = selective_search.group(channels, k=0.1)
start, picture_size = tree.regions, tree.labels.size
a, b = start.pairs[0]
x1, y1 = np.minimum(start.boxes[a, :2], start.boxes[b, :2])
x2, y2 = np.maximum(start.boxes[a, 2:], start.boxes[b, 2:])
both = start.sizes[a] + start.sizes[b]
by_hand = [np.minimum(h[a] / h[a].sum(), h[b] / h[b].sum()).sum() for h in (start.colour, start.texture)]
by_hand += [1 - both / picture_size, 1 - ((x2 - x1) * (y2 - y1) - both) / picture_size]
for which, name in enumerate(("colour", "texture", "size", "fill")):
    kernel = proposal_figures.pair_similarities(start, picture_size, np.eye(4)[which])[0]
    print(f"{name:8} of regions {a} and {b}: {by_hand[which]:.6f} by hand, {kernel:.6f} by the kernel")

# %% [markdown]
# All pairs that touch, as lines between the regions' centres. Colour keeps an object apart from what is
# around it, but also from the bar; fill wants to put a bar and what it divides together; size leaves
# the large background for the end. None of them is right alone.

# %%
figure, axes = plt.subplots(1, 4, figsize=(15, 4.4), layout="constrained")
proposal_figures.similarities(axes, hidden)
plt.show()

# %% [markdown]
# Selective Search: merge, and remember every box
# -----------------------------------------------
# The most similar two become one region, whose histograms are simply the sums; its similarities to its
# neighbours are new; and so on, until one region is left. n regions make n - 1 merges, so 2n - 1 boxes
# of all sizes: no size has to be chosen. Deck "Localization, Object Detection, Segmentation", slides
# "R-CNN" (1 and 2).

# %%
print(f"{len(start.sizes)} regions, {len(tree.merges)} merges, {len(tree.boxes)} boxes\nthe first merges:")
for (a, b), s, box in list(zip(tree.merges, tree.similarities, tree.boxes[len(start.sizes) :]))[:8]:
    print(f"  {a:2} and {b:2} (similarity {s:.2f}) have the box {box}")
figure, axes = plt.subplots(2, 4, figsize=(15, 8), layout="constrained")
proposal_figures.hierarchy(axes.ravel(), hidden)
plt.show()

# %% [markdown]
# Several colour spaces
# ---------------------
# A bright object on bright ground may differ in hue, a grey one in lightness alone. So the search is
# repeated in several colour spaces (and with several k), and the boxes are pooled. Below, each space's
# three channels shown as if they were red, green and blue.

# %%
figure, axes = plt.subplots(2, 5, figsize=(15, 6.6), layout="constrained")
for column, space in zip(axes.T, COLOUR_SPACES):
    seen = convert(hidden, space)
    proposal_figures.picture(column[0], np.clip(seen if len(seen) == 3 else seen[0], 0, 1), space)
    boxes = selective_search.selective_search(hidden, colour_spaces=space, ks=(0.1,))
    proposal_figures.hits(column[1], hidden, truth, boxes, space)
plt.show()

# %% [markdown]
# Which boxes come first? A region merged late is large, and more often an object than a crumb; but
# always taking the largest first would put all objects last. The paper's way out: position in the
# hierarchy, times a random number. So two seeds give the same boxes in another order.

# %%
for seed in (0, 1):
    boxes = selective_search.selective_search(hidden, seed=seed)
    first = ["never" if np.isinf(at) else int(at) for at in proposals.first_hits(boxes, truth)]
    print(f"seed {seed}: {len(boxes)} boxes; the objects are first hit by boxes number", *first)

# %% [markdown]
# Slide "Region proposals (category independent)": Edgeboxes
# ----------------------------------------------------------
# No regions, only contours: a window that encloses whole contours probably holds an object. Edges
# are chained into groups that do not turn sharply; a group counts for a window if it lies inside,
# and for nothing where the window's border cuts it; the sum is divided by the perimeter (to the power
# 1.5), or the largest window would win.

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 4.6), layout="constrained")
proposal_figures.edge_boxes_steps(axes, image)
plt.show()

# %% [markdown]
# Slide "R-CNN minus R": do not look at all
# -----------------------------------------
# "Sophisticated region proposal algorithm unnecessary, since a constant region coverage works well:
# fixed 3k region proposals generated by K-means clustering of training data bounding boxes." (x, y, w,
# h) of every training box is a point; the centres of K clusters are the proposals, for every picture.

# %%
training = pcn.data.ShapeScenes(200 if QUICK else 2000, "train")
training_boxes = np.concatenate([boxes for _, (boxes, _) in training])
figure, axes = plt.subplots(1, 4, figsize=(15, 4.4), layout="constrained")
for ax, count in zip(axes, (10, 50, 100)):
    proposal_figures.hits(ax, image, truth, kmeans_boxes(training_boxes, count), f"k-means, K = {count}")
proposal_figures.hits(axes[3], image, truth, random_boxes((64, 64), 100), "random")
plt.show()

# %% [markdown]
# How good are proposals?
# -----------------------
# By recall@N: of all objects, how many does one of the first N boxes of their picture overlap by at
# least one half? What no proposal hits, no classifier behind it can find.

# %%
count = 12 if QUICK else len(scenes)
images, truths = zip(*((seen, boxes) for seen, (boxes, _) in (scenes[i] for i in range(count))))
methods = {
    "random boxes": lambda seen, most: random_boxes(seen.shape[1:], most, seed=int(1e6 * seen.mean())),
    "graph segmentation": graph_segmentation.segment_proposals,
    "Selective Search, 1 colour space": partial(selective_search.selective_search, colour_spaces="hsv", ks=(0.1,)),
    "Selective Search": selective_search.selective_search,
    "EdgeBoxes, simplified": lambda seen, most: edge_boxes.edge_boxes(seen, most)[0],
}
rng = np.random.default_rng(0)
behind_bars = [proposals.barred(seen, boxes, rng) for seen, boxes in zip(images, truths)]
recalls = []
for pictures in (images, behind_bars):
    found = {name: proposals.search(propose, pictures) for name, propose in methods.items()}
    recalls.append({name: proposals.recall_at(boxes, truths) for name, (boxes, _) in found.items()})
for name in methods:
    plain, bars = (r[name][proposals.AT] for r in recalls)
    print(f"{name:34} recall@{proposals.AT}: {plain:.2f}, behind bars {bars:.2f}")

# %% [markdown]
# Left the scenes as they are: our objects have one colour each, so segmentation alone is hard to beat.
# Right, each object behind a bar: segmentation alone finds pieces. Merging them finds the whole, which
# is the slide's point; so do contours: EdgeBoxes, which merges nothing, finds about as much.

# %%
figure, axes = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
for ax, curves, title in zip(axes, recalls, ("scenes as they are", "behind bars")):
    proposal_figures.recall_curves(ax, curves)
    ax.set_title(title)
plt.show()

# %% [markdown]
# "Region proposal without any objects"
# -------------------------------------
# Deck "Localization, Object Detection, Segmentation", slide "R-CNN" (4): "Issue: in 2000 region
# proposals output from selective search algorithm, there exists region proposal without any objects.
# Solution: one background class." How many are without?

# %%
boxes = [selective_search.selective_search(seen, 200) for seen in images]
best = np.concatenate([pcn.ops.box_iou(own, t).max(1, initial=0) for own, t in zip(boxes, truths)])
for low, high in ((0, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 1.01)):
    share = ((best >= low) & (best < high)).mean()
    print(f"IoU with the nearest object from {low:.1f} to {min(high, 1):.1f}: {share:5.1%} of {len(best)} boxes")

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures proposals``: all methods on 300 unseen pictures, with a trained region proposal
#   network, which learns where objects are: it finds with ten boxes what takes Selective Search more
#   than fifty, but they fit less exactly (at an IoU of 0.8 its first 100 have 0.37 of the objects,
#   Selective Search's 0.85); the table and the pictures in ``out/proposals/``.
# - ``python -m lectures proposals --data voc:DIR``: the same on your own photographs.
# - ``python -m lectures rcnn``, ``fast_rcnn``: what is done with the boxes.
# - Leave a similarity out: ``selective_search(image, similarities="CTS")``. Which one matters most
#   behind bars?
