"""The pictures of RetinaNet: what each level of its pyramid sees, and what the focal loss counts."""

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures
from lectures.detection.drawing.anchor_figures import TRUTH, by_map
from lectures.detection.proposing.anchors import anchor_targets
from pyconvnet import functional as F
from pyconvnet.viz import draw_boxes


def answers(model, image):
    """What the network says of a picture (3, H, W): logits (K, C), and its anchors (K, 4)."""
    was_training = model.training
    model.eval()
    with pcn.no_grad():
        logits, _ = model(pcn.tensor(image[None]))
    model.train(was_training)
    return logits.data[0], model.anchors(*image.shape[1:])


def levels(report, model, test):
    """Figure: on each level of the pyramid, how sure the surest anchor at each position is of any class."""
    image, target = figures.several_objects(test)
    high = image.shape[1] / image.shape[2]
    with report.figure("pyramid", 1, 1 + len(model.strides), size=(4.2, 3.8 * high + 0.3)) as axes:
        draw_levels(axes[0], model, image, target)


def draw_levels(axes, model, image, target):
    """The picture, and the surest score at each position of each level."""
    logits, _ = answers(model, image)
    figures.draw(axes[0], image, target[0], target[1], None, model.classes)
    axes[0].set_title(f"{len(target[0])} objects")
    surest = by_map(model, image.shape[1:], F.sigmoid(logits).max(-1))
    for ax, stride, shapes, of_map in zip(axes[1:], model.strides, model.shapes, surest, strict=True):
        rows, columns = (side // stride for side in image.shape[1:])
        sides = np.sqrt(shapes.prod(1))
        title = f"stride {stride}, anchors of {sides.min():.0f} and {sides.max():.0f} pixels"
        figures.heat(ax, image, of_map.reshape(rows, columns, -1).max(-1), title)
        draw_boxes(None, target[0], ax=ax, color=TRUTH, linewidth=1)


def focal_weights(report, model, test):
    """Figure: cross-entropy and focal loss against p; where the sum over all anchors of some pictures comes from."""
    with report.figure("focal", 1, 2, size=(6, 4.3)) as axes:
        draw_losses_by_probability(axes[0, 0])
        draw_share_of_loss(axes[0, 1], model, [test[i] for i in range(min(20, len(test)))])


def draw_losses_by_probability(ax, gammas=(0, 0.5, 1, 2, 5)):
    """-(1 - p)^gamma log p against p, the probability that is given to the truth."""
    logit = np.linspace(-5, 7, 300)
    for gamma in gammas:
        loss = pcn.ops.sigmoid_focal_loss(logit, np.ones_like(logit), alpha=-1, gamma=gamma)
        name = "gamma = 0: cross-entropy" if gamma == 0 else f"gamma = {gamma}"
        ax.plot(F.sigmoid(logit), loss, linewidth=2, label=name)
    ax.set(xlabel="p of what is true", ylabel="loss", ylim=(0, 5), xlim=(0, 1), title="(1 - p)^gamma (-log p)")
    ax.axvspan(0.6, 1, color="0.93", zorder=0)
    ax.text(0.8, 1.3, "already right", ha="center", color="0.3")
    ax.legend(loc="upper right")


def draw_share_of_loss(ax, model, samples, gammas=(0, 1, 2, 5)):
    """Which share of the negatives' loss its hardest part holds, for some gamma (figure 4 of the paper)."""
    losses = {gamma: [] for gamma in gammas}
    for image, target in samples:
        logits, anchors = answers(model, image)
        label = anchor_targets(anchors, [target], len(model.classes), 0.5, 0.4).label[0]
        negative = logits[label == 0]
        for gamma in gammas:
            loss = pcn.ops.sigmoid_focal_loss(negative, np.zeros_like(negative), alpha=-1, gamma=gamma)
            losses[gamma].append(loss.ravel())
    for gamma, parts in losses.items():
        hardest = np.sort(np.concatenate(parts))[::-1]
        share = np.cumsum(hardest) / hardest.sum()
        name = "gamma = 0: cross-entropy" if gamma == 0 else f"gamma = {gamma}"
        ax.plot(np.arange(1, len(share) + 1) / len(share), share, linewidth=2, label=name)
    ax.set(xscale="log", xlabel="the hardest part of all negatives", ylabel="its share of their loss", ylim=(0, 1.02))
    ax.set_title(f"what this detector says of {len(samples)} pictures")
    ax.legend(loc="lower right")
