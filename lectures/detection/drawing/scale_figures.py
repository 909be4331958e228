"""The pictures of YOLO v3: anchors by k-means, and which scale finds what. `found_on` is how they ask the model."""

from itertools import pairwise

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures
from lectures.detection.drawing.yolo_figures import draw_clusters
from lectures.detection.foundation.matching import overlaps
from pyconvnet.viz import draw_boxes

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # of the scales, fine to coarse
SIDES = np.array([6, 9, 12, 16, 20, 24, 30, 36, 45])  # pixels: groups of objects in the last figure


def anchors_by_kmeans(report, data, model, most=400):
    """Figure: the sides of training boxes with the anchors, and the cells and anchors of every scale on a picture."""
    boxes = data.training_boxes(most)
    cells = model.cells(data.size)
    with report.figure("anchors", 1, 1 + len(cells.scales), size=(4.2, 4.2)) as axes:
        draw_clusters(axes[0, 0], boxes[:, 2:] - boxes[:, :2], model.anchors, COLOURS)
        image = figures.several_objects(data.test)[0]
        for ax, scale, colour in zip(axes[0, 1:], cells.scales, COLOURS):
            draw_cell_anchors(ax, image, scale, colour)


def draw_cell_anchors(ax, image, scale, colour):
    """The cells of one scale, and the anchors of the cell in the middle."""
    stride, rows, columns, shapes = scale
    centre = np.array([columns // 2 + 0.5, rows // 2 + 0.5]) * stride
    draw_boxes(image, np.concatenate([centre - shapes / 2, centre + shapes / 2], axis=1), color=colour, ax=ax)
    for k in range(columns + 1):
        ax.axvline(k * stride, color="w", lw=0.5, alpha=0.6)
    for k in range(rows + 1):
        ax.axhline(k * stride, color="w", lw=0.5, alpha=0.6)
    ax.add_patch(outline(centre - stride / 2, stride))
    ax.set_title(f"stride {stride}: {rows} x {columns} cells, {len(shapes)} anchors each")


def outline(corner, side):
    """A white square."""
    from matplotlib.patches import Rectangle

    return Rectangle(corner, side, side, fc="w", ec="k", lw=1, alpha=0.8)


def found_by_scale(report, test, model, most=300):
    """Figure: an unseen picture's boxes apart by scale; and how many objects of each size each scale finds.

    Of a picture in which as many scales as possible find an object.
    """
    strides = [scale[0] for scale in model.cells(test[0][0].shape[1:]).scales]

    def scales_that_find(*sample):
        return finders([sample], model, len(strides), 1)[1].any(1).sum()

    image = figures.several_objects(test, 60, scales_that_find)[0]
    with report.figure("scales", 1, 2 + len(strides), size=(3.8, 3.8)) as axes:
        boxes, scores, labels, scale = model.found_on(image[None])[0]
        for k, (ax, stride) in enumerate(zip(axes[0], strides)):
            mine = scale == k
            draw_boxes(image, boxes[mine], labels[mine], scores[mine], classes=model.classes, fontsize=10, ax=ax)
            ax.set_title(f"found on stride {stride}: {mine.sum()}")
        draw_boxes(image, boxes, labels, classes=model.classes, fontsize=10, ax=axes[0, -2])
        axes[0, -2].set_title("all scales")
        draw_shares(axes[0, -1], *finders(test, model, len(strides), most), strides)


def finders(test, model, scales, most):
    """(objects of each size (SIDES), those found by each scale): the surest box of the right class at IoU .5."""
    objects, found = np.zeros(len(SIDES) - 1, int), np.zeros((scales, len(SIDES) - 1), int)
    for i in range(min(most, len(test))):
        image, (truth, names) = test[i][0], test[i][1][:2]
        boxes, _, labels, scale = model.found_on(image[None])[0]
        size = np.clip(np.searchsorted(SIDES, np.sqrt(pcn.ops.box_area(truth)), "right") - 1, 0, len(objects) - 1)
        np.add.at(objects, size, 1)
        if len(boxes) and len(truth):
            hit = (overlaps(boxes, truth) >= 0.5) & (labels[:, None] == names)
            there = hit.any(0)
            np.add.at(found, (scale[hit.argmax(0)[there]], size[there]), 1)
    return objects, found


def draw_shares(ax, objects, found, strides):
    """Stacked bars: of the objects of each size the share found by each scale."""
    share, base = found / np.maximum(objects, 1), np.zeros(len(objects))
    for part, stride, colour in zip(share, strides, COLOURS):
        ax.bar(np.arange(len(objects)), part, bottom=base, color=colour, label=f"stride {stride}")
        base = base + part
    ax.set_xticks(np.arange(len(objects)), [f"{low}-{high}" for low, high in pairwise(SIDES)], rotation=45)
    ax.set(xlabel="side of the object, pixels", ylabel="share of the objects found", ylim=(0, 1.3))
    ax.legend(loc="upper left", fontsize=9)


def by_size(report, results):
    """Figure: average precision of small, medium and large objects, one group of bars per model."""
    with report.figure("by_size", size=(6, 3.6)) as axes:
        ax, groups = axes[0, 0], list(next(iter(results.values())))
        width = 0.8 / len(results)
        for k, (name, ap) in enumerate(results.items()):
            place = np.arange(len(groups)) + (k - (len(results) - 1) / 2) * width
            bars = ax.bar(place, np.nan_to_num([ap[g] for g in groups]), width * 0.95, color=COLOURS[k], label=name)
            ax.bar_label(bars, fmt="%.2f", fontsize=9)
        ax.set_xticks(np.arange(len(groups)), [g.removeprefix("ap50 ") for g in groups])
        ax.set(ylabel="average precision at IoU .5", xlabel="side of the objects", ylim=(0, 1.1))
        ax.legend(loc="upper left")
