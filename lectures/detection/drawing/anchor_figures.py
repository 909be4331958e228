"""The pictures of detectors with anchors on several maps (SSD, RetinaNet): which are positive, what they cost."""

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures
from lectures.detection.drawing.rpn_figures import faded, line_of, outlines
from lectures.detection.foundation.matching import match
from pyconvnet.viz import draw_boxes

POSITIVE, BACKGROUND, TRUTH = "#56B4E9", "#FF4500", "w"


def positives(report, model, test, positive, negative, name="default_boxes"):
    """Figure: for each map the anchors of one position, and below those that stand for an object.

    Of a picture with positive anchors on as many maps as possible.
    """

    def maps_with_positives(image, target):
        label = match(model.anchors(*image.shape[1:]), target[0], positive, negative, best_of_each=True)[1]
        return sum((of_map == 1).any() for of_map in by_map(model, image.shape[1:], label))

    image, target = figures.several_objects(test, 60, maps_with_positives)
    high = image.shape[1] / image.shape[2]
    with report.figure(name, 2, len(model.strides), size=(4, 4 * high + 0.3)) as axes:
        draw_positives(axes, model, image, target, positive, negative)


def draw_positives(axes, model, image, target, positive, negative):
    """Two rows of axes, one column per map: its positions with the anchors of one of them; its positive anchors."""
    size, truth = image.shape[1:], target[0]
    anchors = model.anchors(*size)
    best, label = match(anchors, truth, positive, negative, best_of_each=True)
    maps = zip(*(by_map(model, size, of_all) for of_all in (anchors, best, label)))
    for (above, below), shapes, stride, (boxes, stands_for, of_map) in zip(
        axes.T, model.shapes, model.strides, maps, strict=True
    ):
        rows, columns = (side // stride for side in size)
        middle = ((rows // 2) * columns + columns // 2) * len(shapes)
        x, y = np.meshgrid((np.arange(columns) + 0.5) * stride, (np.arange(rows) + 0.5) * stride)
        draw_boxes(image, boxes[middle : middle + len(shapes)], ax=above, color=POSITIVE, linewidth=2)
        dots = {"markeredgecolor": "k", "markeredgewidth": 0.5, "markersize": min(max(4, 64 / columns), 8), "zorder": 9}
        above.plot(x.ravel(), y.ravel(), "w.", **dots)
        above.set_title(f"stride {stride}: {rows} x {columns} x {len(shapes)} = {len(boxes)}")
        chosen = of_map == 1
        draw_boxes(faded(image), truth, ax=below, color=TRUTH, linewidth=line_of(truth))
        for k in range(len(truth)):
            outlines(below, boxes[chosen & (stands_for == k)], pcn.viz.class_style(k)[0], 1.5)
        below.set_title(f"{chosen.sum()} positive")


def by_map(model, size, of_anchors):
    """What is said of all anchors of pictures of `size` (H, W), map by map."""
    counts = [size[0] // s * (size[1] // s) * len(shapes) for shapes, s in zip(model.shapes, model.strides)]
    return np.split(of_anchors, np.cumsum(counts)[:-1])


def cost_map(ax, image, anchors, cost, truth, cell=4):
    """Over the picture: in each cell of `cell` pixels the highest cost of an anchor whose centre lies in it."""
    height, width = image.shape[1:]
    column, row = ((anchors[:, :2] + anchors[:, 2:]) / 2 // cell).astype(int).T
    values = np.zeros((height // cell, width // cell))
    np.maximum.at(values, (row, column), cost)
    ax.imshow(image.mean(0), cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))
    drawn = ax.imshow(values, cmap="inferno", alpha=0.65, vmin=0, extent=(0, width, height, 0))
    ax.figure.colorbar(drawn, ax=ax, shrink=0.8)
    draw_boxes(None, truth, ax=ax, color=TRUTH, linewidth=1)
    ax.set_axis_off()


def outlined(ax, image, truth, boxes, color, most=100):
    """Many boxes over a faded picture, its objects in white; of more than `most` just the centres."""
    draw_boxes(faded(image), truth, ax=ax, color=TRUTH, linewidth=line_of(truth))
    if len(boxes) <= most:
        outlines(ax, boxes, color, 1.2)
    else:
        x, y = ((boxes[:, :2] + boxes[:, 2:]) / 2).T
        ax.plot(x, y, "o", color=color, markersize=4, alpha=0.35, markeredgewidth=0)
