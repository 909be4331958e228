"""The pictures of YOLO9000: a tree of labels with probabilities, and what was learned from names alone."""

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.cell_anchors import BOX
from lectures.detection.foundation.matching import overlaps
from pyconvnet import functional as F
from pyconvnet.viz import draw_boxes

BRIGHT, DARK = "#1f77b4", "0.75"


def tree_on_pictures(report, model, test, count=3):
    """Figure: the surest box of unseen pictures, and the tree with the probabilities that this box tells."""
    with report.figure("tree", count, 2, size=(5.5, 3.2)) as axes:
        for row, i in zip(axes, different_kinds(test, count)):
            draw_answer(row[0], row[1], model, test[i], test.classes)


def draw_answer(left, right, model, sample, classes, threshold=0.5):
    """A picture (image, target) with its surest box beside the tree, with P(node) of that box along each path.

    classes: the names of the target's labels.
    """
    image, (boxes, labels, *_) = sample
    box, objectness, scores = surest(model, image)
    node, probability = model.tree.descend(scores, threshold)
    name = model.tree.names[node] if node >= 0 else "object"
    draw_boxes(image, box[None], color="tab:orange", ax=left)
    truth = names_of(labels[overlaps(boxes, box[None])[:, 0] >= 0.5], classes)
    answer = f"P(object) = {objectness:.2f}; surer than {threshold:g}: {name} {probability:.2f}"
    left.set_title(f"{answer}\nin truth: {truth}", fontsize=10)
    draw_tree(right, model.tree, scores, node)


def surest(model, image):
    """(box, objectness, scores of the tree's nodes) of the box of one picture most likely to hold an object."""
    was_training = model.training
    model.eval()
    with pcn.no_grad():
        said = model(pcn.tensor(image[None])).data[0]
    model.train(was_training)
    objectness = F.sigmoid(said[:, BOX - 1])
    best = objectness.argmax()
    return model.cells(image.shape[1:]).decode(said)[best], float(objectness[best]), said[best, BOX:]


def draw_tree(ax, tree, scores, chosen=None):
    """Nodes from left to right with P(node), branches with P(node | parent); the way to `chosen` in colour."""
    probability, conditional = tree.probabilities(scores), tree.conditional(scores)
    depth = tree.path.sum(1)
    height = heights(tree)
    on_path = tree.path[chosen] if chosen is not None and chosen >= 0 else np.zeros(len(tree))
    middle = height[tree.parent < 0].mean()
    for k, name in enumerate(tree.names):
        x0, y0 = (depth[tree.parent[k]], height[tree.parent[k]]) if tree.parent[k] >= 0 else (0, middle)
        colour = BRIGHT if on_path[k] else DARK
        start = x0 + (0.58 if x0 else 0.3)
        ax.plot([start, depth[k] - 0.02], [y0, height[k]], color=colour, lw=0.8 + 5 * conditional[k])
        weight = "bold" if on_path[k] else "normal"
        ax.text(depth[k], height[k], f"{name} {probability[k]:.2f}", va="center", fontsize=10, weight=weight)
    ax.text(0, middle, "object", va="center", fontsize=10)
    ax.set(xlim=(-0.05, depth.max() + 0.7), ylim=(height.min() - 0.6, height.max() + 0.6))
    ax.set_title("P(kind) = product along the path; width of a branch: P(child | parent)", fontsize=9)
    ax.set_axis_off()


def heights(tree):
    """Where each node stands: leaves one below the other, a parent in the middle of its children."""
    height = np.zeros(len(tree))
    order = []

    def walk(node):
        children = np.flatnonzero(tree.parent == node)
        for child in children:
            walk(child)
        if not children.size:
            order.append(node)
            height[node] = -len(order)
        elif node >= 0:
            height[node] = height[children].mean()

    walk(-1)
    return height


def different_kinds(test, count):
    """Pictures with one object each, of kinds as different as possible."""
    chosen, seen = [], set()
    for i in range(min(60, len(test))):
        labels = test[i][1][1]
        if len(labels) == 1 and int(labels[0]) not in seen:
            chosen.append(i)
            seen.add(int(labels[0]))
    return (chosen + [i for i in range(len(test)) if i not in chosen])[:count]


def average_precisions(report, tree, without_boxes):
    """Figure: average precision of every node, with and without the pictures that have names only."""
    names = [tree.names[k] for k in tree.leaves]
    names = [
        *(name for name in names if name in without_boxes),
        *(name for name in names if name not in without_boxes),
        *(name for name in tree.names if name not in names),
    ]
    with report.figure("average_precision", size=(9, 3.6)) as axes:
        ax, place = axes[0, 0], np.arange(len(names))
        for shift, ap, label, colour in (
            (-0.2, report.baselines["ap50"], "boxes only", DARK),
            (0.2, report.metrics["ap50"], "with names", BRIGHT),
        ):
            ax.bar(place + shift, [ap[name] for name in names], 0.4, label=label, color=colour)
        border = len(without_boxes) - 0.5
        ax.axvline(border, color="k", lw=0.8)
        ax.axvline(len(tree.leaves) - 0.5, color="k", lw=0.8)
        middles = (border - 0.5) / 2, (border + len(tree.leaves) - 0.5) / 2, (len(tree.leaves) + len(names) - 1) / 2
        for x, words in zip(middles, ("no box of this kind", "boxes of this kind", "coarse")):
            ax.text(x, 1.08, words, ha="center")
        ax.set_xticks(place, names)
        ax.set(ylabel="average precision at IoU .5", ylim=(0, 1.18))
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1))


def weakly_learned(report, models, test, kinds, few=100):
    """Figure: unseen pictures with the surest and the tenth surest find of each kind that never had a box.

    `models`: two by name; the first finds, the second says what it sees in the place of the surest find.
    """
    (title, model), (other_title, other) = models.items()
    images = [test[i][0] for i in range(min(few, len(test)))]
    found = model.predict(images, 0.02)
    with report.figure("weakly_learned", 3, len(kinds), size=(2.8, 3)) as axes:
        for column, kind in zip(axes.T, kinds):
            label = test.classes.index(kind)
            for row, rank in enumerate((0, 9, 0)):
                for score, i, box in best_finds(found, label)[rank : rank + 1]:
                    answer = box[None], np.array([label]), np.array([score])
                    if row == 2:
                        boxes, scores, labels = other.predict([images[i]], 0.02)[0]
                        best = surest_of_each(boxes, box[None])
                        answer = boxes[best], labels[best], scores[best]
                    draw_boxes(images[i], *answer, classes=model.classes, ax=column[row])
                    there = test[i][1][1][overlaps(test[i][1][0], box[None])[:, 0] >= 0.5]
                    words = f"{other_title}: the same place" if row == 2 else f"{title}: {'10th ' * row}surest {kind}"
                    column[row].set_title(f"{words}\nin truth: {names_of(there, test.classes)}", fontsize=8)
            for ax in column:
                ax.set_axis_off()


def names_of(labels, classes):
    """The names of labels, in one line."""
    return ", ".join(classes[k] for k in labels) or "nothing"


def best_finds(found, label):
    """[(score, picture, box)] of everything found of one class, surest first."""
    finds = [
        (float(score), i, box)
        for i, (boxes, scores, labels) in enumerate(found)
        for box, score in zip(boxes[labels == label], scores[labels == label])
    ]
    return sorted(finds, key=lambda find: -find[0])


def picture_with(test, label, few=60):
    """The first unseen picture with just one object, of class `label`; failing that, with such an object at all."""
    pictures = [test[i] for i in range(min(few, len(test)))]
    there = [p for p in pictures if label in p[1][1]] or pictures
    return min(there, key=lambda p: len(p[1][1]))


def surest_of_each(found, objects):
    """For every object the surest of the boxes (best first) that overlap it by a half."""
    if not len(found) or not len(objects):
        return np.zeros(0, np.int64)
    hit = overlaps(found, objects) >= 0.5
    return np.unique(hit.argmax(0)[hit.any(0)])
