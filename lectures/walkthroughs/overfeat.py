# %% [markdown]
r"""
OverFeat: the sliding window in one pass, slide by slide
========================================================

The deck "Localization, Object Detection, Segmentation", slides "Convolutionize" and "Proposal
comparison" (OverFeat), and the deck "Computer Vision - Lecture 16", slide "CNNs vs. FCNs". The
sliding window runs a whole ConvNet for each of two thousand windows that share nearly all of their
pixels. Here the same ConvNet, with the same weights, runs over the picture once, and says the same.

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a
notebook of it), change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/overfeat.py``. Begin with ``sliding_window.py`` beside it.

The code it explains, and calls: ``lectures/detection/overfeat.py``.
"""

# %%
import inspect
import os
import sys
from contextlib import ExitStack

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import overfeat, sliding_window
from lectures.detection.drawing import window_figures
from lectures.detection.foundation.suppression import above, merge
from lectures.detection.regions import windows
from lectures.detection.regions.warping import warp
from lectures.finished import finished
from lectures.macs import counted_macs
from lectures.training import Training, train
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# A ConvNet for windows
# ---------------------
# First a sliding window that knows something. If you have run ``python -m lectures sliding_window``
# it is that one, on a scene that it has never seen; otherwise one that learns 12 scenes by heart, now.


# %%
def learn(model, loss, parameters, steps):
    """A short training on a few scenes."""
    rng, optimizer = np.random.default_rng(0), pcn.optim.Adam(parameters, lr=3e-3)
    schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    batches = pcn.data.DataLoader(scenes, 6, shuffle=True, seed=0).stream
    train(Training(model, optimizer, schedule, steps, settings={}), batches,
          lambda net, batch: loss(net, pcn.tensor(batch[0]), batch[1], rng))  # fmt: skip


scenes = pcn.data.ShapeScenes(12, "train")
classes, (image, target) = scenes.classes, scenes[4]
sliding = sliding_window.SlidingWindow(classes).eval()
if finished(sliding, "sliding_window"):
    image, target = pcn.data.ShapeScenes(8, "test")[3]
else:
    learn(sliding, sliding_window.window_loss, sliding.parameters(), 8 if QUICK else 150)

# %% [markdown]
# Slide "Convolutionize": change Dense to convolution
# ---------------------------------------------------
# "Change Dense (4096, 1000) to 1 x 1 convolution, with 4096 input and 1000 output channels." A dense
# layer multiplies all its inputs with weights and adds up. So does a convolution whose kernel is as
# large as its input: it has one place to lie. Ours takes 64 features at 2 x 2 places to 64 numbers;
# its weights only get another shape.

# %%
dense, conv = sliding.classifier.dense, overfeat.OverFeat.of(sliding).dense
print("dense       ", dense.weight.shape, "    convolution", conv.weight.shape)
print("same numbers", np.array_equal(dense.weight.data.reshape(conv.weight.shape), conv.weight.data))
features = pcn.randn(1, 64, 2, 2)
print("dense       ", dense(features.flatten(1)).data[0, :4])
print("convolution ", conv(features).data[0, :4, 0, 0])

# %% [markdown]
# Slide "Convolutionize": slide the network over a large image
# ------------------------------------------------------------
# "Slide the network with an input of (224, 224) over a large image. Output of varying spatial size."
# Everything is a convolution or a pooling now, and those do not care how large a picture is. On one
# window the network says one thing, on four more pixels two, on a whole picture a map.

# %%
model = overfeat.OverFeat.of(sliding)
shape = sliding.shapes.data[4]
whole = windows.level(image, shape)
with pcn.no_grad():
    for wide in (32, 36, 40, whole.shape[2]):
        part = whole[:, :32, :wide] if wide < whole.shape[2] else whole
        logits, _ = model(pcn.tensor(part[None]))
        print(f"picture of {part.shape[1]:2} x {part.shape[2]:2} pixels -> logits {logits.shape[1:]}")

# %% [markdown]
# The same numbers
# ----------------
# Each place of the map is one window. The picture is resized until the window's box is 20 x 20 pixels,
# so no window has to be warped. Neighbours on the map are 4 pixels apart: the strides of the layers,
# multiplied. Left the picture resized, with the window of one place on the map; beside it what the
# ConvNet said of each *crop*, what it says in *one pass*, and the difference.

# %%
boxes = windows.window_boxes(image.shape[1:], shape)
with pcn.no_grad():
    one_pass = model(pcn.tensor(whole[None]))[0].data[0]
    crops = warp(image, boxes.reshape(-1, 4), windows.WINDOW, windows.CONTEXT)
    one_by_one = sliding.classifier(pcn.tensor(crops)).data.T.reshape(one_pass.shape)
print(f"largest logit {np.abs(one_pass).max():.2f}, largest difference {np.abs(one_pass - one_by_one).max():.1e}")

row, column, step, side = 4, 7, windows.STRIDE, windows.WINDOW
figure, axes = plt.subplots(1, 4, figsize=(16, 4), layout="constrained")
draw_boxes(whole, [[column * step, row * step, column * step + side, row * step + side]], color="w", ax=axes[0])
maps = one_by_one[3], one_pass[3], np.abs(one_pass - one_by_one)[3]
titles = "logit of background, crop by crop", "in one pass", "difference"
for ax, values, title in zip(axes[1:], maps, titles):
    figure.colorbar(ax.imshow(values, cmap="viridis"), ax=ax, shrink=0.8)
    ax.add_patch(plt.Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, ec="w", lw=3))
    ax.set_title(title)
plt.show()

# %% [markdown]
# Why no layer may pad
# --------------------
# This holds because our convolutions are "valid": they see nothing but picture. A *padded* layer
# invents zeros around its input: around each crop when windows come one by one, around the picture
# when it comes whole. A window in the middle then has real neighbours in one case and zeros in the
# other, so its features differ at the border, and with each layer further inside.

# %%
window = whole[:, row * step :, column * step :][:, :side, :side]
figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
around = np.pad(window, ((0, 0), (8, 8), (8, 8)), constant_values=0.5)
draw_boxes(around.clip(0, 1), [[8, 8, 40, 40]], color="w", linewidth=1.5, ax=axes[0])
axes[0].set_title("what padding makes of the crop")
for ax, padded, name in ((axes[1], False, "valid"), (axes[2], True, "padded")):
    apart = window_figures.difference_of_features(
        sliding.classifier.features, padded, whole, window, row * step, column * step
    )
    figure.colorbar(ax.imshow(apart, cmap="inferno", vmin=0, vmax=1), ax=ax, shrink=0.8)
    ax.set(xticks=[], yticks=[], title=f"{name}: crop - picture, {apart.shape[0]} x {apart.shape[1]} features")
plt.show()

# %% [markdown]
# What it saves
# -------------
# In one pass each feature is computed once, not once for each window that holds it. The first layers
# save most, since their features lie in the most windows; the dense layers save nothing: they have one
# result per window either way.


# %%
def per_layer(layers, run):
    """Multiply-accumulates of each layer while `run()` runs."""
    with pcn.no_grad(), ExitStack() as counting:
        macs = [counting.enter_context(counted_macs(layer)) for layer in layers]
        run()
    return [one.total for one in macs]


def layers_of(network):
    """Its convolutions and dense layers, without the regressor of boxes."""
    return [*(part for part in network.features if isinstance(part, pcn.nn.Conv2d)), network.dense, network.classify]


all_of_them = windows.all_windows(image.shape[1:], model.shapes.data)
slow = per_layer(layers_of(sliding.classifier), lambda: sliding.probabilities(image, all_of_them))
fast = per_layer(layers_of(model), lambda: model.dense_answers(image))
names = ["conv 1", "conv 2", "conv 3", "conv 4", "dense", "classify"]
figure, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
for offset, macs, label in ((-0.2, slow, "crop by crop"), (0.2, fast, "in one pass")):
    ax.bar(np.arange(6) + offset, np.array(macs) / 1e6, width=0.4, label=label)
ax.set(xticks=range(6), ylabel="million multiply-accumulates", title="in one picture, layer by layer")
ax.set_xticklabels([f"{name}\n/ {a / b:.0f}" for name, a, b in zip(names, slow, fast)])
ax.legend()
plt.show()

# %%
numbers = overfeat.compare(model, sliding, [image])
for name in ("windows_per_image", "macs_per_image_of_crops", "macs_per_image", "ms_of_crops", "ms_of_windows_at_once"):
    print(f"{name.replace('_', ' '):26} {numbers[name]:14.0f}")
print(f"{numbers['times_fewer_macs']:.0f} times fewer multiply-accumulates, {numbers['times_faster']:.0f} times faster")
print(f"largest difference in any probability: {numbers['largest_difference_from_crops']:.1e}")

# %% [markdown]
# Slide "CNNs vs. FCNs": a heatmap of scores for each class
# ---------------------------------------------------------
# "Think of FCNs as performing a sliding-window classification, producing a heatmap of output scores
# for each class." Several sizes and shapes of window become several sizes and shapes of the *picture*:
# one pass each. These maps are what the network puts out.

# %%
figure, axes = plt.subplots(3, 5, figsize=(13, 7.6), layout="constrained")
for line, shape in zip(axes, sliding.shapes.data[1::3]):
    resized = windows.level(image, shape)
    line[0].imshow(resized.transpose(1, 2, 0).clip(0, 1))
    line[0].set_title(f"{resized.shape[1]} x {resized.shape[2]} pixels")
    with pcn.no_grad():
        logits, _ = model(pcn.tensor(resized[None]))
    said = pcn.functional.softmax(logits, dim=1).data[0]
    for ax, values, name in zip(line[1:], said, [*classes, "background"]):
        ax.imshow(values, cmap="inferno", vmin=0, vmax=1)
        ax.set_title(f"{name} {values.shape[0]} x {values.shape[1]}")
plt.show()

# %% [markdown]
# A box for every window
# ----------------------
# Slide "Proposal comparison": OverFeat looks at "~1-2k" windows. A window that shows most of an
# object also shows how it would have to move and grow to fit. OverFeat keeps the features as they are
# and learns a second head on them: four numbers per place, the offset of the centre and the growth of
# the sides. Only windows with IoU >= 0.5 learn; without an object the cost is exactly zero.

# %%
print(inspect.getsource(overfeat.box_loss))
learn(model, overfeat.box_loss, model.box.parameters(), 8 if QUICK else 100)
model.eval()
nothing = [(np.zeros((0, 4), np.float32), np.zeros(0, np.int64))]
print("cost of a picture without objects:",
      overfeat.box_loss(model, pcn.tensor(image[None]), nothing, np.random.default_rng(0)).item())  # fmt: skip

# %% [markdown]
# Merge what agrees
# -----------------
# Left the windows that are sure of an object, then the boxes they say it has: they gather on the
# objects. Non-max suppression would keep the surest and throw the others away. But they are as many
# opinions about one box, and their mean is better than most of them: the surest is replaced by the
# mean, weighed by score, of all that overlap it by more than 1/2.

# %%
with pcn.no_grad():
    said, offsets = model.dense_answers(image)
places = above(all_of_them, said, model.confidence)
reached = model.moved(all_of_them, offsets)
found = above(reached, said, model.confidence)
merged = merge(*found, model.nms)
figure, axes = plt.subplots(1, 4, figsize=(17, 4.6), layout="constrained")
window_figures.draw_step(axes[0], image, places, model, f"{len(places[0])} windows")
window_figures.draw_step(axes[1], image, found, model, "the boxes they regress")
window_figures.draw_step(axes[2], image, merged, model, f"merged: {len(merged[0])}")
draw_boxes(image, *target, classes=classes, ax=axes[3])
axes[3].set_title("ground truth")
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures overfeat``: the regressor trained in full, what each part is worth (without
#   regression, without merging, squares only, one size only), pictures in ``out/overfeat/``.
# - ``python -m lectures overfeat --data voc:DIR``: the same code on your own photographs.
# - The maps are a coarse segmentation "with no extra supervision" (slide "Convolutionize"). And if
#   the network looks at all places anyway, let it propose boxes and classify only those: Faster R-CNN.
