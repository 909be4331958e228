"""The pictures of the region proposal network: its anchors, what they are told, what they say, what suppression keeps.

`model` is anything with `features` and a `rpn` on them: a ProposalNetwork or a FasterRCNN.
"""

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures
from lectures.detection.foundation.backbone import centred
from lectures.detection.foundation.matching import match, overlaps
from lectures.detection.proposing import rpn
from pyconvnet import functional as F
from pyconvnet.viz import draw_boxes

FOUND, LOST, TRUTH = "#56B4E9", "#FF4500", "w"  # objects' boxes are white
FEW = 10  # proposals that can be told apart in one picture


def all_of(report, model, test):
    """The three figures below, on an unseen picture with several objects, as PNGs."""
    counts = [len(test[i][1][0]) for i in range(min(20, len(test)))]
    image, target = test[int(np.argsort(counts, kind="stable")[len(counts) * 3 // 4])]
    high = image.shape[1] / image.shape[2]  # of the panels, as a share of their width
    with report.figure("anchors", 1, 3, size=(4.4, 4.4 * high + 0.3)) as axes:
        assignment(axes[0], model, image, target, np.random.default_rng(0))
    with report.figure("objectness", 1, 1 + len(model.rpn.shapes), size=(4.2, 3.8 * high + 0.3)) as axes:
        objectness(axes[0], model, image, target)
    with report.figure("proposals", 1, 3, size=(4.4, 4.4 * high + 0.3)) as axes:
        suppression(axes[0], model, image, target)


def answers(model, image):
    """What the network says of a picture (3, H, W): logits (rows, columns, A), offsets (K, 4), anchors (K, 4)."""
    with pcn.no_grad():
        features = model.features(centred(pcn.tensor(image[None])))
        logits, offsets = model.rpn(features)
    rows, columns = features.shape[2:]
    return logits.data.reshape(rows, columns, -1), offsets.data[0], model.rpn.anchors(rows, columns)


def assignment(axes, model, image, target, rng):
    """Three axes: the anchors of one position, those that are positive, those that are drawn for training."""
    rows, columns = (side // rpn.STRIDE for side in image.shape[1:])
    anchors, truth = model.rpn.anchors(rows, columns), target[0]
    per_position = len(model.rpn.shapes)
    middle = ((rows // 2) * columns + columns // 2) * per_position
    x, y = np.meshgrid((np.arange(columns) + 0.5) * rpn.STRIDE, (np.arange(rows) + 0.5) * rpn.STRIDE)

    draw_boxes(image, anchors[middle : middle + per_position], ax=axes[0], color=FOUND, linewidth=2)
    axes[0].plot(x.ravel(), y.ravel(), "w.", markeredgecolor="k", markeredgewidth=0.3, markersize=80 / columns)
    axes[0].set_title(f"{per_position} anchors at each of {rows} x {columns} positions")

    best, label = match(anchors, truth, rpn.POSITIVE, rpn.NEGATIVE, best_of_each=True)
    draw_boxes(faded(image), truth, ax=axes[1], color=TRUTH, linewidth=line_of(truth))
    for k in range(len(truth)):
        outlines(axes[1], anchors[(label == 1) & (best == k)], pcn.viz.class_style(k)[0], 1.2)
    counts = f"{(label == 1).sum()} positive, {(label < 0).sum()} ignored"
    axes[1].set_title(f"of {len(anchors)} anchors {counts}")

    _, anchor, foreground, *_ = rpn.assign(anchors, [target], rng)
    draw_boxes(faded(image), truth, ax=axes[2], color=TRUTH, linewidth=line_of(truth))
    for said, color in ((0, LOST), (1, FOUND)):
        outlines(axes[2], anchors[anchor[foreground == said]], color, 1.2)
    axes[2].set_title(f"drawn: {foreground.sum()} positive (blue), {(foreground == 0).sum()} background (red)")


def line_of(truth):
    """How thick the objects' boxes are drawn: thin in a crowd."""
    return 4 if len(truth) <= 4 else 1.5


def faded(image):
    """Grey and dark, so that many coloured lines can be told apart on it."""
    return 0.6 * image.mean(0)


def outlines(ax, boxes, color, linewidth):
    """Many boxes: thin, without the dark rim that makes a few of them easy to see."""
    for x1, y1, x2, y2 in boxes:
        ax.plot((x1, x2, x2, x1, x1), (y1, y1, y2, y2, y1), color=color, linewidth=linewidth, alpha=0.8)


def objectness(axes, model, image, target):
    """The picture, and for each shape of anchor where the network sees an object of about that size."""
    logits, _, _ = answers(model, image)
    draw_boxes(image, target[0], ax=axes[0], color=TRUTH, linewidth=line_of(target[0]))
    axes[0].set_title(f"{len(target[0])} objects")
    for ax, (w, h), map_ in zip(axes[1:], model.rpn.shapes.data, np.moveaxis(F.sigmoid(logits), -1, 0), strict=True):
        figures.heat(ax, image, map_, f"objectness of anchors {w:.0f} x {h:.0f}")
        draw_boxes(None, target[0], ax=ax, color=TRUTH, linewidth=1)


def suppression(axes, model, image, target):
    """The surest boxes before suppression, as many after it, and all that it leaves."""
    logits, offsets, anchors = answers(model, image)
    boxes, scores = rpn.decode(logits.reshape(-1), offsets, anchors, image.shape[1:])
    kept, _ = rpn.suppressed(boxes, scores)
    found = [overlaps(some, target[0]).max(1, initial=0) >= 0.5 for some in (boxes, kept)]
    reached = (overlaps(kept, target[0]).max(0, initial=0) >= 0.5).sum()
    for ax, some, hits, title in (
        (axes[0], boxes[:FEW], found[0][:FEW], f"the {FEW} surest of {len(boxes)} boxes"),
        (axes[1], kept[:FEW], found[1][:FEW], f"the {FEW} surest that suppression keeps"),
        (axes[2], kept, found[1], f"all {len(kept)}: {reached} of {len(target[0])} objects found"),
    ):
        draw_boxes(faded(image), target[0], ax=ax, color=TRUTH, linewidth=line_of(target[0]))
        outlines(ax, some[~hits], LOST, 1)
        outlines(ax, some[hits], FOUND, 2)
        ax.set_title(title)
