# %% [markdown]
r"""
SPP-net, slide by slide
=======================

The deck "Deep Convolutional Neural Networks II", idea 1 against R-CNN's slowness: convolve the picture once, pool the
features of each region, "arbitrary size image => fixed-length representation, implemented by max-pooling operations".
What stands in quotes is the slide's text, here and there shortened.

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a notebook of it),
change a number, look again. As a script, from the root of the checkout: ``python lectures/walkthroughs/spp_net.py``.

The code it explains, and calls: ``lectures/detection/spp_net.py``; what it shares with R-CNN,
``lectures/detection/regions/post_hoc.py``, is explained in ``lectures/walkthroughs/rcnn.py``.
"""

# %%
import os
import sys

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import rcnn, spp_net
from lectures.detection.drawing import figures, post_hoc_figures
from lectures.detection.foundation.stopwatch import fastest
from lectures.detection.proposing.carried_proposals import WithProposals
from lectures.detection.proposing.constant_proposals import random_boxes
from lectures.detection.regions import post_hoc, spatial_pyramid
from lectures.finished import finished
from lectures.macs import counted_macs
from lectures.training import Training, train
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Slide "Do not run the entire CNN for each ROI": once for all
# ------------------------------------------------------------
# R-CNN cuts out a hundred regions and more, most of which overlap: the same pixels pass the same convolutions over
# and over. "Run the convolutional (representation) part once for the entire image." A cell of the feature map then
# stands for 4 x 4 pixels, and a region of the picture is a rectangle of cells.

# %%
scenes = pcn.data.ShapeScenes(24 if QUICK else 60, "train")
classes = scenes.classes
image, (truth, labels) = scenes[4]
model = spp_net.SPPNet(classes).eval()
regions = model.propose(image)
for name, system in (("R-CNN", rcnn.RCNN(classes)), ("SPP-net", model)):
    with counted_macs(system) as macs:
        system.look(image, regions)
    print(f"{name:>8}: {macs.total / 1e6:6,.0f} million multiply-adds for the features of {len(regions)} regions")
with pcn.no_grad():
    maps = model.maps(pcn.tensor(image[None]))
print(f"picture {image.shape} -> maps {maps.shape[1:]}")

# %% [markdown]
# Slide "Do not run the entire CNN for each ROI", continued: pool for each
# ------------------------------------------------------------------------
# A fully connected layer wants one length, but regions have all sizes. So each is cut into 4 x 4 bins, whatever its
# size, and the largest value of each bin is kept; then again with 2 x 2 bins, and with one: a pyramid, 16 + 4 + 1
# numbers for each of 64 channels. Bins of a small region overlap (floor and ceil), so that none is empty.

# %%
figure, axes = plt.subplots(2, 4, figsize=(14, 7), layout="constrained")
post_hoc_figures.draw_pyramid(axes, model, image, truth[pcn.ops.box_area(truth).argmax()])
plt.show()

# %%
small = truth[pcn.ops.box_area(truth).argmin()]
figure, axes = plt.subplots(2, 4, figsize=(14, 7), layout="constrained")
post_hoc_figures.draw_pyramid(axes, model, image, small)
print("the pyramid of the largest and of the smallest object:")
extremes = [pcn.ops.box_area(truth).argmax(), pcn.ops.box_area(truth).argmin()]
print(spatial_pyramid.region_pyramid(maps, [truth[extremes]]).shape)
plt.show()

# %% [markdown]
# Slide "Arbitrary size image => fixed-length representation": whole pictures, too
# --------------------------------------------------------------------------------
# What works for regions works for pictures: no warping to 32 x 32, no cropping. A region as large as the picture has
# the very same pyramid.

# %%
for size in ((40, 40), (64, 64), (96, 56), (128, 128)):
    picture = pcn.nn.functional.interpolate(pcn.tensor(image[None]), size=size, mode="bilinear")
    with pcn.no_grad():
        other = model.maps(picture)
    box = [np.array([[0, 0, size[1], size[0]]], np.float32)]
    whole = spatial_pyramid.spatial_pyramid(other)
    same = np.array_equal(spatial_pyramid.region_pyramid(other, box).data, whole.data)
    print(f"picture {size} -> maps {other.shape[1:]} -> {whole.shape}, as a region: {same}")

# %% [markdown]
# Classification first, then freeze
# ---------------------------------
# He et al. took convolutional layers that had learned to classify ImageNet, and never changed them again. Ours learn
# to classify patches: each cell of the map says what lies in the middle of the 27 x 27 pixels that it sees, which
# ninth of which kind of object, or background. So they know a left edge from a right one, which a pyramid must tell.

# %%
proposals = [rcnn.search(picture) for picture, _ in scenes]
told = spp_net.patch_labels([(truth, labels)], maps.shape[2:], len(classes))[0]
figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
draw_boxes(image, truth, labels, classes=classes, ax=axes[0], fontsize=10)
parts = spp_net.PARTS**2
names = [pcn.viz.class_style(k)[0] for k in range(len(classes))] + ["0.3"]
colours = np.array([plt.matplotlib.colors.to_rgb(name) for name in names])
shade = np.where(told < parts * len(classes), 0.6 + 0.4 * (told % parts % 2), 1)  # parts in turn dark and light
axes[1].imshow(colours[told // parts] * shade[..., None])
axes[1].set_title("what each cell is told: nine parts of each object")
plt.show()

# %%
done = finished(model, "spp_net", "log-loss")  # the lecture has been run: leave the training out
loader = pcn.data.DataLoader(WithProposals(scenes, proposals), 8, shuffle=True, seed=0)
rng = np.random.default_rng(0)


def learn(loss_of, parameters, name, steps):
    """Some steps on one of SPP-net's two losses; none if the network of the lecture is there."""
    if done:
        return
    steps = 10 if QUICK else steps
    optimizer = pcn.optim.Adam(parameters, lr=3e-3)
    schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    training = Training(model, optimizer, schedule, steps, settings={})
    train(training, loader.stream, lambda net, batch: loss_of(net, pcn.tensor(batch[0]), batch[1], rng))
    print(f"{name}: {training.losses[0]:.2f}, after {steps} steps {np.mean(training.losses[-5:]):.2f}")


learn(spp_net.patch_loss, [*model.features.parameters(), *model.patch_score.parameters()], "patches", 350)
model.freeze()
with pcn.no_grad():
    says = pcn.nn.functional.softmax(model.patch_score(model.maps(pcn.tensor(image[None]))), dim=1).data[0]
says = says[:-1].reshape(len(classes), parts, *says.shape[1:]).sum(1)  # of all nine parts
figure, axes = plt.subplots(1, 3, figsize=(14, 4.4), layout="constrained")
for ax, name, p in zip(axes, classes, says):
    figures.heat(ax, image, p, f"patches of a {name}?")
plt.show()

# %% [markdown]
# The three objectives again
# --------------------------
# On top of the frozen layers it goes on as in R-CNN: the fully connected layers learn regions of whole pictures by
# the log loss, linear SVMs and box regressors follow. Looking at a region costs so little that all of it is quick. On
# unseen scenes the detector fails where it has seen a few dozen only: ``python -m lectures spp_net`` takes 3000; run
# that, then this file again, and it goes on from there.

# %%
learn(post_hoc.log_loss, [*model.fc.parameters(), *model.score.parameters()], "regions", 200)
features = post_hoc.region_features(model, scenes, proposals)
history = post_hoc.fit_svms(model, features, rng)
chosen = post_hoc.fit_regressors(model, features)
print("regions looked at:", len(features.hidden), " hard negatives:", sum(len(svm["hard"]) for svm in history))
for name, lam in chosen.items():
    print(f"lambda of the regressor of {name}: {lam:g}")

# %%
figure, axes = plt.subplots(2, 4, figsize=(14, 8), layout="constrained")
unseen = pcn.data.ShapeScenes(4, "test")
for line, some, title in zip(axes, (scenes, unseen), ("training scene", "unseen scene")):
    for ax, i in zip(line, range(4)):
        found = model.predict(some[i][0][None], confidence_threshold=0.3)[0]
        draw_boxes(some[i][0], found[0], found[2], found[1], classes=classes, ax=ax, fontsize=10)
        ax.set_title(f"{title}: {len(found[0])} found, {len(some[i][1][0])} objects", pad=14, fontsize=10)
plt.show()

# %% [markdown]
# Slide "Arbitrary size image => fixed-length representation": "speeds testing up"
# --------------------------------------------------------------------------------
# The same regions, the same widths of layers: R-CNN's time grows with every region by a whole run of the ConvNet,
# SPP-net's by a few maxima and one row of a matrix product. What is left is the time of the proposals.

# %%
other = rcnn.RCNN(classes).eval()
counts = (1, 10, 50, 100, 200)
boxes = [random_boxes((64, 64), n) for n in counts]
times = {}
for name, system in (("R-CNN", other), ("SPP-net", model)):
    times[name] = [1000 * fastest(lambda b=b, system=system: system.look(image, b), 3) for b in boxes]
print("regions  R-CNN ms  SPP-net ms  times faster")
for n, slow, quick in zip(counts, *times.values()):
    print(f"{n:7}  {slow:8.1f}  {quick:10.1f}  {slow / quick:12.1f}")

# %%
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for (name, ms), colour in zip(times.items(), ("#D55E00", "#0072B2")):
    ax.plot(counts, ms, "o-", color=colour, label=name)
searching = 1000 * fastest(lambda: rcnn.search(image), 3)
ax.axhline(searching, color="0.5", ls="--", label="Selective Search")
ax.set(xlabel="regions", ylabel="milliseconds a picture, features alone", xlim=(0, None), ylim=(0, None))
ax.legend()
plt.show()

# %% [markdown]
# What is still wrong
# -------------------
# Three objectives, still; and the convolutional layers never hear of the boxes, because no gradient passes the
# pyramid. Fast R-CNN (``lectures/walkthroughs/fast_rcnn.py``) sends one through: one loss for all.
#
# - ``python -m lectures spp_net``: the full training, the metric beside its baseline, pictures in ``out/spp_net/``.
# - Change ``spatial_pyramid.LEVELS`` to (4,), (1,) or (6, 3, 2, 1): what do the levels bring?
# - Cut ``model.freeze()`` out. Do the layers below get better or worse at patches?
