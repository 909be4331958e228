# %% [markdown]
r"""
One-shot object detection, slide by slide
=========================================

The deck "Fun Ways To Use ConvNets", the five slides titled "One-Shot Object Detection":
a grid of cells, what each cell says, the cost function, a very short training, a threshold, non-max
suppression, anchor boxes. What stands in quotes is the slide's text, here and there shortened.

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a
notebook of it), change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/yolo.py``.

The code it explains, and calls: ``lectures/detection/yolo.py``.
"""

# %%
import inspect
import os
import sys

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import yolo
from lectures.detection.drawing import figures
from lectures.detection.foundation.suppression import suppress
from lectures.finished import finished
from lectures.training import Training, train
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Slide "One-Shot Object Detection" (1): can we do this all in one pass?
# ----------------------------------------------------------------------
# R-CNN and its kin work in two stages: "(i) run once per image to extract proposal regions, (ii) run
# once per region to classify object and predict bounding box". YOLO and SSD answer for all objects of
# a picture in one pass.
#
# Our pictures are made by a procedure, so that every box is known exactly: circles, squares and
# triangles, stretched and turned, before clutter. An answer is a box, a class and a confidence for
# each object, and pictures differ in how many.

# %%
scenes = pcn.data.ShapeScenes(48, "train")
classes = scenes.classes
figure, axes = plt.subplots(1, 4, figsize=(14, 4), layout="constrained")
for ax, i in zip(axes, (4, 1, 5, 2)):
    image, (boxes, labels) = scenes[i]
    draw_boxes(image, boxes, labels, classes=classes, ax=ax)
    ax.set_title(f"{len(boxes)} objects")
plt.show()

# %% [markdown]
# Slide "One-Shot Object Detection" (2): a grid of cells
# ------------------------------------------------------
# "Divide image up into e.g. a 7 x 7 grid of cells. Associate a small set of B bounding boxes with
# each cell." Ours is 8 x 8, because 64 pixels are 8 cells of 8: the ConvNet halves the picture three
# times, and each pixel of its last feature map *is* a cell. "Bounding box centre point is constrained
# to lie within grid cell. Height and width can be bigger (perhaps much bigger) than grid cell."

# %%
image, target = scenes[4]
boxes, labels = target
centres = (boxes[:, :2] + boxes[:, 2:]) / 2
rows, columns = image.shape[1] // yolo.STRIDE, image.shape[2] // yolo.STRIDE


def draw_grid(ax, cells=()):
    """The grid over a picture; (row, column) in `cells` are filled."""
    for k in range(0, rows + 1):
        ax.axhline(k * yolo.STRIDE, color="w", lw=0.8, alpha=0.7)
        ax.axvline(k * yolo.STRIDE, color="w", lw=0.8, alpha=0.7)
    for row, column in cells:
        corner = column * yolo.STRIDE, row * yolo.STRIDE
        ax.add_patch(plt.Rectangle(corner, yolo.STRIDE, yolo.STRIDE, fc="w", ec="k", lw=2, alpha=0.7))


# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
titles = f"{rows} x {columns} cells of {yolo.STRIDE} pixels", "centres in one cell, boxes in many"
for ax, title in zip(axes, titles):
    draw_boxes(image, boxes if ax is axes[1] else boxes[:0], ax=ax, color="w")
    draw_grid(ax)
    ax.set_title(title)
axes[1].plot(centres[:, 0], centres[:, 1], "o", color="w", markersize=11, markeredgecolor="k")
plt.show()

# %% [markdown]
# Slide "One-Shot Object Detection" (2), continued: what each cell says
# ---------------------------------------------------------------------
# Bounding box i has "(i) 4 location/size parameters x, y, h, w, (ii) vector c of confidences for C
# class labels, plus (iii) indicator o whether box contains an object or not". So "output from each
# grid cell is a B(4 + C + 1) vector", and the whole output S x S x B(4 + C + 1): always as large,
# however many objects there are. That is the trick.

# %%
model = yolo.OneShotDetector(classes)
model.eval()
output = model(pcn.tensor(image[None]))
B, C = model.boxes, len(classes)
print(f"B = {B} boxes, C = {C} classes: picture {image.shape} -> output {output.shape[1:]}")
print(f"{rows} x {columns} x {B} x (4 + {C} + 1) = {output.data[0].size} numbers\n")

names = ["x", "y", "h", "w", *classes, "o"]
print("what the cell in row 3, column 5 says before training:")
for k in range(B):
    print(f"  box {k}: ", "  ".join(f"{n} {v:.2f}" for n, v in zip(names, output.data[0, 3, 5, k])))

# %% [markdown]
# Slide "One-Shot Object Detection" (3): the responsible cell
# -----------------------------------------------------------
# "For object in image pick grid cell closest to centre of object." That is the cell its centre lies
# in. Of the cell's B boxes the slide does not say which; ours takes the one that overlaps the object
# most. ``assign`` returns where (picture, row, column, box) and the truth (X, Y, H, W, C) that should
# stand there. The map shows O of each cell's surest target: +1 belongs to *one* box of a responsible
# cell; its other box is told O = -1, like all boxes of the other cells.

# %%
responsible, truth = yolo.assign(output.data, [target])
picture, row, column, box = responsible
print("object      cell    box     " + "".join(f"{n.upper():>9}" for n in names[:-1]))
for k, label in enumerate(labels):
    values = "".join(f"{v:9.2f}" for v in truth[k])
    print(f"{classes[label]:10}  ({row[k]}, {column[k]})  {box[k]}       {values}")

O = np.full((rows, columns), -1)
O[row, column] = 1
figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
draw_boxes(image, boxes, labels, classes=classes, ax=axes[0])
draw_grid(axes[0], zip(row, column))
axes[0].set_title("the responsible cells")
axes[1].imshow(O, cmap="cividis")
for at, v in np.ndenumerate(O):
    axes[1].text(at[1], at[0], f"{v:+d}", ha="center", va="center", color="k" if v > 0 else "w")
axes[1].set(title="target objectness O:\n+1 for one box of the cell, -1 for the rest", xlabel="column", ylabel="row")
plt.show()

# %% [markdown]
# Slide "One-Shot Object Detection" (3), continued: the cost function
# -------------------------------------------------------------------
# "Target objectness indicator O = 1 for this grid cell and O = -1 for other grid cells. Use logistic
# regression cost function for objectness indicator and square error for x, y, h, w, c. Note: don't
# count square error for cells j != i. Repeat for all objects in image and sum." Read the code line by
# line against that:

# %%
print(inspect.getsource(yolo.literal_loss))

# %% [markdown]
# What each line does shows best on an answer that is right in everything, and then wrong in one thing
# at a time.

# %%
right = np.zeros_like(output.data)
right[..., -1] = -9  # "surely nothing here" ...
right[responsible] = np.insert(truth, truth.shape[1], 9, axis=1)  # ... but for the responsible boxes
mine, other = tuple(i[0] for i in responsible), (0, 0, 0, 0)  # a responsible box, and one in an empty cell


def cost_with(place, entry, value):
    """The cost when one number of the right answer is replaced."""
    answer = right.copy()
    answer[*place, entry] = value
    return yolo.literal_loss(pcn.tensor(answer), [target]).item()


x, true_class = yolo.X, 4 + labels[0]
print(f"{cost_with(mine, x, right[*mine, x]):8.4f}  all right (128 logistic terms are never quite 0)")
print(f"{cost_with(mine, x, right[*mine, x] + 0.5):8.4f}  x off by half a cell, responsible box: 0.5^2")
print(f"{cost_with(other, x, right[*other, x] + 0.5):8.4f}  x off by half a cell, another cell: not counted")
print(f"{cost_with(mine, true_class, 0.5):8.4f}  only half sure of the class: 0.5^2")
print(f"{cost_with(mine, -1, 0):8.4f}  undecided whether there is an object: log 2")
print(f"{cost_with(mine, -1, -9):8.4f}  an object missed, and sure of it: log(1 + e^9)")
print(f"{cost_with(other, -1, 9):8.4f}  a false alarm: as dear as a miss")

# %% [markdown]
# "The effect is to assign one grid cell to be responsible for each object." The gradient shows it:
# every cell is told something about its o, but only responsible cells are told anything about x, y,
# h, w, c.

# %%
leaf = pcn.tensor(output.data, requires_grad=True)
yolo.literal_loss(leaf, [target]).backward()
pull = np.abs(leaf.grad.data[0])
on_o, on_box = pull[..., -1].max(-1), pull[..., :-1].max((-1, -2))
figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
figures.heat(axes[0], image, on_o, f"gradient for o: every cell, {len(boxes)} of them strongly")
figures.heat(axes[1], image, on_box / on_box.max(), "gradient for x, y, h, w, c: responsible cells only")
plt.show()

# %% [markdown]
# Slide "One-Shot Object Detection" (4): the ConvNet, and two-stage training
# --------------------------------------------------------------------------
# "YOLO uses its own ConvNet to extract features: 24 layers in YOLOv1, 53 layers in YOLOv3." Ours has
# 6, and the head is one 1 x 1 convolution: the same small linear function in every cell. "Training is
# two-stage (i.e. uses transfer learning)": features first, on ImageNet; then the output layer,
# "holding ConvNet parameters fixed". Our pictures are so simple that everything is trained at once,
# from scratch.

# %%
z = pcn.tensor(image[None])
for part in model.features:
    z = part(z)
    if type(part).__name__ in ("Conv2d", "MaxPool2d"):
        print(f"{type(part).__name__:10} -> {z.shape[1:]}")
print(f"{'head':10} -> {model.head(z).shape[1:]}, B(4 + C + 1) = {B * (4 + C + 1)} for each cell")
features, head = (sum(p.data.size for p in part.parameters()) for part in (model.features, model.head))
print(f"\n{features} numbers to learn in the features, {head} in the head: stage two would train only those")

# %% [markdown]
# How can a cell of 8 pixels know a box of 30? It does not look at its 8 pixels alone. The gradient of
# one cell's objectness with respect to the *picture* is its receptive field: 63 pixels wide.

# %%
pixels = pcn.tensor(image[None], requires_grad=True)
(looks_at,) = pcn.grad(model(pixels)[0, 3, 4, 0, -1], pixels)
looks_at = np.sqrt(np.abs(looks_at.data[0]).max(0))
figure, ax = plt.subplots(figsize=(5, 4.6), layout="constrained")
figures.heat(ax, image, looks_at / looks_at.max(), "what the cell in row 3, column 4 looks at")
draw_grid(ax, [(3, 4)])
plt.show()

# %% [markdown]
# A very short training
# ---------------------
# One step by hand: the cost of some pictures, the gradients, a step downhill. Then 100 more by
# ``train``, the loop of every lecture. To see it work within seconds we let it learn 48 scenes by
# heart: the first thing to try with any new model. The real lecture takes 8000 scenes, 2000 steps and
# about a minute: ``python -m lectures yolo``.

# %%
before = output.data[0]
optimizer = pcn.optim.Adam(model.parameters(), lr=5e-3, betas=(0.9, 0.99))
loader = pcn.data.DataLoader(scenes, 12, shuffle=True, seed=0)
images, targets = next(iter(loader))

model.train()
cost = yolo.literal_loss(model(pcn.tensor(images)), targets)
cost.backward()
optimizer.step()
lower = yolo.literal_loss(model(pcn.tensor(images)), targets)
print(f"cost before {cost.item():.2f}, after one step {lower.item():.2f}")

# %%
steps = 20 if QUICK else 100
schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
training = Training(model, optimizer, schedule, steps, settings={})
train(training, loader.stream, lambda net, batch: yolo.literal_loss(net(pcn.tensor(batch[0])), batch[1]))

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
ax.plot(np.arange(1, steps + 1), training.losses, lw=2)
ax.set(xlabel="step", ylabel="cost per picture", ylim=(0, None))
ax.set_title(f"{steps} steps in {training.seconds:.0f} s")
ax.grid(alpha=0.3)
plt.show()

# %% [markdown]
# What changed: left the objectness ``sigmoid(o)`` of every cell, right the surest box of each
# responsible cell. Before the training all cells said about the same, and their boxes meant nothing.

# %%
with pcn.no_grad():
    after = model(pcn.tensor(image[None])).data[0]
figure, axes = plt.subplots(2, 2, figsize=(10, 9), layout="constrained")
for line, grid, when in zip(axes, (before, after), ("before", "after")):
    figures.heat(line[0], image, yolo.objectness(grid).max(-1), f"objectness {when} training")
    surest = grid[row, column, grid[row, column, :, -1].argmax(-1)]
    draw_boxes(
        image, yolo.boxes_in_pixels(surest[:, :4], row, column, rows, columns),
        surest[:, 4:-1].argmax(-1), yolo.objectness(surest), classes=classes, ax=line[1],
    )  # fmt: skip
    draw_grid(line[1], zip(row, column))
    line[1].set_title(f"boxes of the responsible cells {when} training")
plt.show()

# %% [markdown]
# Learned by heart is not learned
# -------------------------------
# On scenes it has never seen, this detector fails: 48 scenes are too few to know a triangle from a
# square in every colour and pose. Train the lecture (``python -m lectures yolo``, about a minute),
# run this file again, and from here on it uses that detector and unseen scenes.

# %%
unseen = pcn.data.ShapeScenes(48, "test")
chosen = scenes
if lecture := finished(yolo.OneShotDetector(classes), "yolo"):
    model, chosen = lecture, unseen
print("the detector of the lecture" if chosen is unseen else "the detector that learned 48 scenes by heart")

figure, axes = plt.subplots(2, 4, figsize=(14, 7.6), layout="constrained")
for line, some, title in zip(axes, (scenes, unseen), ("training scene", "unseen scene")):
    for ax, i in zip(line, (4, 2, 0, 6)):
        found = model.predict(some[i][0][None])[0]
        draw_boxes(some[i][0], found[0], found[2], found[1], classes=classes, ax=ax, fontsize=10)
        ax.set_title(f"{title}: {len(found[0])} boxes, {len(some[i][1][0])} objects")
plt.show()

# %% [markdown]
# Slide "One-Shot Object Detection" (5): threshold
# ------------------------------------------------
# "Threshold grid cell/bounding box on confidence value: only keep predictions with confidence above a
# specified threshold." Low: every object, and much besides. High: only what is certain. There is no
# right threshold, only what a miss and a false alarm cost *you*; average precision looks at all of
# them at once.

# %%
with pcn.no_grad():
    grids = model(pcn.tensor(np.stack([image for image, _ in chosen]))).data
shows_best = []  # choose a scene with many doubles, of which suppression will leave one box per object
for grid, (_, target) in zip(grids, chosen):
    found = yolo.decode(grid, 0.1)
    kept = len(suppress(*found, yolo.NMS)[0])
    shows_best.append(len(found[0]) - kept - abs(kept - len(target[0])))
best = int(np.argmax(shows_best))
grid, (image, target) = grids[best], chosen[best]

figure, axes = plt.subplots(1, 4, figsize=(15, 4), layout="constrained")
for ax, threshold in zip(axes, (0.03, yolo.CONFIDENCE, 0.8)):
    found = yolo.decode(grid, threshold)
    draw_boxes(image, found[0], scores=found[1], ax=ax, linewidth=2, fontsize=9)
    ax.set_title(f"confidence > {threshold}: {len(found[0])} boxes", pad=14)
thresholds = np.linspace(0.01, 0.99, 50)
axes[3].plot(thresholds, [len(yolo.decode(grid, t)[0]) for t in thresholds], lw=2)
axes[3].axhline(len(target[0]), color="#D55E00", ls="--", label="objects in the picture")
axes[3].set(xlabel="threshold", ylabel="boxes left", ylim=(0, None))
axes[3].legend()
plt.show()

# %% [markdown]
# Slide "One-Shot Object Detection" (5), continued: non-max suppression
# ---------------------------------------------------------------------
# "Several grid cells may propose bounding boxes for the same object: for overlapping bounding boxes
# keep just the box with highest confidence." So may the B boxes of one cell. Overlap is measured by
# IoU, intersection over union. Take the best box, strike out all of its class that overlap it by more
# than the threshold; take the best of the rest; and so on.

# %%
found = yolo.decode(grid, 0.1)
boxes, scores, labels = found
for best in np.argsort(-scores)[:1]:  # of nothing at all when nothing was found
    rivals = np.flatnonzero(labels == labels[best])
    overlap = pcn.ops.box_iou(boxes[best][None], boxes[rivals])[0]
    name = classes[labels[best]]
    print(f"the best box: {name}, confidence {scores[best]:.2f}. Its IoU with every {name}:")
    for k in rivals[np.argsort(-overlap)]:
        iou = overlap[rivals == k][0]
        verdict = "itself" if k == best else "struck out" if iou > yolo.NMS else "left for the next round"
        print(f"  confidence {scores[k]:.2f}  IoU {iou:.2f}  {verdict}")

kept = suppress(*found, yolo.NMS)
figure, axes = plt.subplots(1, 3, figsize=(14, 4.8), layout="constrained")
figures.heat(axes[0], image, yolo.objectness(grid).max(-1), "objectness of each cell, its surest box")
draw_boxes(image, boxes, labels, scores, classes=classes, ax=axes[1], linewidth=2, fontsize=9)
axes[1].set_title(f"{len(boxes)} boxes above confidence 0.1", pad=14)
draw_boxes(image, kept[0], kept[2], kept[1], classes=classes, ax=axes[2], fontsize=9)
axes[2].set_title(f"{len(kept[0])} after suppression, {len(target[0])} objects")
plt.show()

# %% [markdown]
# What the slides leave open
# --------------------------
# A slide is not a program. To run it, these had to be decided (all in
# ``lectures/detection/yolo.py``):
#
# - *units*: x, y in cells from the cell's corner, h, w in fractions of the picture; other units weigh
#   the terms anew;
# - *which of the B boxes* is responsible: the one that overlaps most, if it is not taken by another
#   object. Where both fit equally well each is chosen half of the time, and learns to say "perhaps":
#   that is why many confidences above stay near 0.5, and why the default threshold is low;
# - *the confidence* of class k: ``sigmoid(o) clip(c_k, 0, 1)``, since o has a logistic cost and c a
#   square error;
# - *the start*: mid-cell boxes of B sizes, and o = -2, because few cells hold an object.
#
# And one limit is built in: a cell has B boxes, so it can answer for B objects. How often does that
# matter?

# %%
many = pcn.data.ShapeScenes(100 if QUICK else 1000, "val")
shared, lost = 0, 0
for _, (boxes, _) in many:
    cells = ((boxes[:, :2] + boxes[:, 2:]) / 2 // yolo.STRIDE).astype(int)
    _, objects = np.unique(cells, axis=0, return_counts=True)
    shared += (objects > 1).any()
    lost += (objects > B).any()
print(f"of {len(many)} scenes, {shared} have a cell with several objects, {lost} one with more than B = {B}")

# %% [markdown]
# Slide "One-Shot Object Detection" (5), continued: anchor boxes, and what comes next
# -----------------------------------------------------------------------------------
# "Default bounding boxes (anchor boxes) facilitate training: just learn offsets from default
# shapes/sizes." Ours has a seed of it: its B boxes *start* at two sizes (dots). Below, the objects
# they must fit. SSD and YOLO9000 choose more shapes, and learn offsets from them; SSD and YOLOv3 also
# predict "at multiple length scales", from several feature maps.

# %%
sizes = np.concatenate([boxes[:, 2:] - boxes[:, :2] for _, (boxes, _) in many]) / image.shape[1]
fresh = yolo.OneShotDetector(classes).head.bias.data.reshape(B, -1)
starts = fresh[:, [yolo.W, yolo.H]]
at_origin = [np.concatenate([np.zeros_like(s), s], axis=1) for s in (sizes, starts)]
fit = pcn.ops.box_iou(*at_origin)  # of shapes, whatever their places
print("mean IoU with the better of the two starting shapes:", round(float(fit.max(1).mean()), 2))

figure, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
ax.scatter(*sizes.T, s=6, c=np.array(["#56B4E9", "#E69F00"])[fit.argmax(1)])
ax.scatter(*starts.T, s=200, c=["#0072B2", "#D55E00"], edgecolor="k")
for start in starts:
    ax.annotate("one of the B boxes starts here", start + 0.015, bbox={"fc": "w", "alpha": 0.8})
ax.set(xlabel="width", ylabel="height", title="boxes of the objects (picture = 1 x 1)", aspect="equal")
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures yolo``: the full training, the metric beside its baseline, the pictures in
#   ``out/yolo/``.
# - ``python -m lectures yolo --demo``: a window with sliders for both thresholds.
# - ``python -m lectures yolo --data voc:DIR``: the same code on your own photographs.
# - Change ``literal_loss``: what if x, y, h, w, c were counted in every cell? What if O were 0
#   instead of -1?
