# %% [markdown]
r"""
YOLO9000: a tree of labels, step by step
========================================

The deck "Deep Convolutional Neural Networks II", slide "YOLOv2, YOLO 9000": "hierarchical output labels"
and "able to learn from images without bounding box annotation (weak supervision)". What stands in quotes
is the slide's text.

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a
notebook of it), change a number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/yolo9000.py``.

The code it explains, and calls: ``lectures/detection/yolo9000.py`` and
``lectures/detection/foundation/label_tree.py``.
"""

# %%
import os
import sys
from argparse import Namespace

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.detection import yolo9000
from lectures.detection.drawing import figures, tree_figures
from lectures.finished import finished
from lectures.training import Training, train
from pyconvnet.viz import draw_boxes

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# Boxes are dear, names are cheap
# -------------------------------
# To draw a box takes a person half a minute; to say "terrier" a second. So there are many pictures with
# names and few with boxes, and the names of those are coarse: COCO says "dog", ImageNet "Norfolk
# terrier". Ours are like that. With boxes: every object, but ellipses and half-disks are only "round",
# rectangles and crosses only "angular". With names: one object, no box.

# %%
options = Namespace(data=None, seed=0, quick=True)
data = yolo9000.weakly_labelled(options)
tree, classes = yolo9000.TREE, data.train.classes
figure, axes = plt.subplots(2, 4, figsize=(13, 7), layout="constrained")
for ax, i in zip(axes.flat, (0, 1, 2, 4, 48, 49, 50, 52)):
    image, (boxes, labels) = data.train[i]
    named = yolo9000.is_name_only((boxes, labels))
    draw_boxes(image, boxes[:0] if named else boxes, labels[:0] if named else labels, classes=classes, ax=ax)
    ax.set_title(f"somewhere: {classes[labels[0]]}" if named else "with boxes", pad=14)
plt.show()

# %% [markdown]
# Slide "YOLOv2, YOLO 9000": "hierarchical output labels"
# -------------------------------------------------------
# "Round" and "ring" do not exclude each other, so one softmax over all names would be wrong. Instead:
# a tree, and a softmax among the children of each node. The network says P(ring | round); then
# P(ring) = P(round) P(ring | round), the product along the path.

# %%
for group in tree.groups:
    parent = tree.parent[group.start]
    print(f"{'object' if parent < 0 else tree.names[parent]:8} -> {', '.join(tree.names[group])}")
scores = np.zeros(len(tree))
scores[[tree.index("round"), tree.index("ring"), tree.index("circle")]] = 3, 2, 1
conditional, probability = tree.conditional(scores), tree.probabilities(scores)
print()
for k, name in enumerate(tree.names):
    print(f"{name:9} P(. | parent) = {conditional[k]:.2f}   P(.) = {probability[k]:.2f}")
print(f"\nsiblings sum to {conditional[tree.groups[1]].sum():.2f}, leaves to {probability[tree.leaves].sum():.2f}")

# %%
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
tree_figures.draw_tree(ax, tree, scores, tree.index("ring"))
plt.show()

# %% [markdown]
# How sure to be before saying more
# ---------------------------------
# "Ring" may be wrong where "round" is right. Go down the most probable branch as long as the product is
# above a threshold, and say the last node: a detector that is not sure of the breed says "dog".

# %%
for threshold in (0.3, 0.7, 0.97):
    node, sure = tree.descend(scores, threshold)
    print(f"threshold {threshold}: {'object' if node < 0 else tree.names[node]}, {sure:.2f}")

# %% [markdown]
# A coarse label teaches a part
# -----------------------------
# The class loss of a label is - log P(label): the sum of - log P(. | parent) along its path. The label
# "angular" ends above the kinds, so nothing is said about them, neither square nor cross.

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
for ax, name in zip(axes, ("angular", "cross")):
    leaf = pcn.tensor(scores[None], requires_grad=True)
    tree.cross_entropy(leaf, np.array([tree.index(name)])).backward()
    ax.barh(tree.names, leaf.grad.data[0], color=["#D55E00" if g > 0 else "#0072B2" for g in leaf.grad.data[0]])
    ax.invert_yaxis()
    ax.axvline(0, color="k", lw=0.8)
    ax.set_title(f'gradient of the scores for the label "{name}"')
plt.show()

# %% [markdown]
# Slide "YOLOv2, YOLO 9000": "able to learn from images without bounding box annotation"
# --------------------------------------------------------------------------------------
# A picture says "cross" and not where. Take the box that now has the highest probability of a cross,
# P(object) P(cross), and teach *that one* its class. Nothing else: no position, for nobody knows it; and
# no box is punished for being an object, for nobody said where there is none. Before training that box
# is anywhere; it becomes right as soon as the pictures with boxes have taught what an object is.

# %%
model = yolo9000.YOLO9000(tree)
image, target = data.train[48]


def show_choice(ax, title):
    """The box of the named picture that would learn the name."""
    model.eval()
    with pcn.no_grad():
        said = model(pcn.tensor(image[None])).data
    _, index, _ = yolo9000.surest_boxes(said, [target], np.array([0]), tree)
    draw_boxes(image, model.cells(image.shape[1:]).decode(said[0])[index], color="tab:orange", ax=ax)
    ax.set_title(f'{title}: this box learns "{classes[target[1][0]]}"')


figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
show_choice(axes[0], "before training")
leaf = pcn.tensor(model(pcn.tensor(image[None])).data, requires_grad=True)
yolo9000.hierarchical_loss(leaf, model.cells(image.shape[1:]), [target], tree)["name"].backward()
pull = np.abs(leaf.grad.data[0]).max(1).reshape(8, 8, -1).max(-1)
figures.heat(axes[1], image, pull / pull.max(), "gradient: one cell, its class scores only")
plt.show()

# %% [markdown]
# A very short training
# ---------------------
# To see it work within seconds we let it learn 64 pictures by heart. The real lecture takes 8000
# pictures, 1500 steps and about a minute: ``python -m lectures yolo9000``.

# %%
steps = 10 if QUICK else 150
optimizer = pcn.optim.Adam(model.parameters(), lr=5e-3, betas=(0.9, 0.99))
schedule = pcn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
training = Training(model, optimizer, schedule, steps, settings={})
loader = pcn.data.DataLoader(data.train, 16, shuffle=True, seed=0)
train(training, loader.stream, lambda net, batch: net.loss(pcn.tensor(batch[0]), batch[1]))

figure, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
for name in ("box", "objectness", "class", "name"):
    axes[0].plot(np.arange(1, steps + 1), training.parts[name], lw=2, label=name)
axes[0].set(xlabel="step", ylabel="loss per picture", ylim=(0, None))
axes[0].set_title(f"{steps} steps in {training.seconds:.0f} s")
axes[0].legend()
show_choice(axes[1], "after training")
for name, values in training.parts.items():
    print(f"{name:32} first step {values[0]:6.2f}, last {values[-1]:6.2f}")
plt.show()

# %% [markdown]
# Learned by heart is not learned: from here on the detector of the lecture, if it was trained
# (``python -m lectures yolo9000``), otherwise the one above; on scenes that neither has seen.

# %%
lecture = finished(yolo9000.YOLO9000(tree), "yolo9000")
model = lecture or model
print("the detector of the lecture" if lecture else "the detector that learned 64 pictures by heart")

figure, axes = plt.subplots(3, 2, figsize=(11, 9.5), layout="constrained")
for row, i in zip(axes, tree_figures.different_kinds(data.test, 3)):
    tree_figures.draw_answer(row[0], row[1], model, data.test[i], data.test.classes)
plt.show()

# %% [markdown]
# Kinds that never had a box
# --------------------------
# Below one picture for each. Its *place* was learned from "round" and "angular", its *name* from
# pictures without boxes; nobody ever showed where a cross is. The lecture measures it: mean average
# precision of these four kinds, with the names, and of the same network without them, which is zero,
# because among "angular" only squares and triangles were ever right.
#
# Look at the mistakes, too. The box that learns the name is the one that is surest of it already, so the
# anchor that was first to say "rectangle" learns all rectangles, and another anchor in the same place
# goes on calling them triangles: nobody ever told it otherwise. Average precision forgives much of that,
# a single answer per object does not.

# %%
figure, axes = plt.subplots(1, 4, figsize=(14, 4), layout="constrained")
for ax, kind in zip(axes, yolo9000.WITHOUT_BOXES):
    image, (truth, _) = tree_figures.picture_with(data.test, data.test.classes.index(kind))
    found, scores, names = model.predict([image], 0.1)[0]
    best = tree_figures.surest_of_each(found, truth)
    draw_boxes(image, found[best], names[best], scores[best], classes=model.classes, ax=ax)
    ax.set_title(f"unseen, with: {kind}", pad=14)
plt.show()

# %% [markdown]
# The same network at two depths: asked for the coarse classes it is surer than asked for kinds, since a
# product of probabilities is never above its first factor.

# %%
inner, (image, _) = np.setdiff1d(np.arange(len(tree)), tree.leaves), data.test[4]
figure, axes = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
for ax, asked, title in zip(axes, (model.telling(inner), model), ("coarse classes", "kinds")):
    found, scores, names = asked.predict([image])[0]
    draw_boxes(image, found, names, scores, classes=asked.classes, ax=ax)
    ax.set_title(title, pad=14)
    print(f"{title:14}: {len(found)} boxes, scores {', '.join(f'{s:.2f}' for s in scores)}")
plt.show()
