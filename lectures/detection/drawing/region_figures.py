"""Figures of region-based detectors: what pooling rounds, what proposals are told, what the boxes become."""

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures
from lectures.detection.foundation.backbone import centred
from lectures.detection.foundation.matching import overlaps
from lectures.detection.foundation.suppression import suppress
from lectures.detection.regions.region_head import (
    OFFSET_WEIGHTS,
    POSITIVE_IOU,
    decode_regions,
    pool_regions,
    region_targets,
)

REGION, POSITIVE, NEGATIVE = "tab:orange", "lime", "red"
MANY = 200  # boxes in one picture: more of them hide it


def bins(report, model, image, target):
    """Figure: one region in the picture, its bins on the feature map by RoI pooling and by RoI-align, the result."""
    region = largest_box(model.propose(image), target[0])
    with pcn.no_grad():
        features = model.features(centred(pcn.tensor(image[None]))).data
    pooled = pool_regions(features, [region[None]], model.stride, model.head.bins)[0]
    channel = int(pooled.std((1, 2)).argmax())
    with report.figure("regions_pooled", 1, 4, size=(4.4, 4.4)) as axes:
        draw_cells(axes[0, 0], image, region, model.stride)
        draw_bins(axes[0, 1], features[0, channel], region, model.stride, model.head.bins)
        draw_samples(axes[0, 2], features[0, channel], region, model.stride, model.head.bins)
        axes[0, 3].imshow(pooled[channel], cmap="viridis")
        axes[0, 3].set_title(f"pooled: {model.head.bins} x {model.head.bins}, whatever the size")
        for ax in axes[0]:
            ax.set_xticks([])
            ax.set_yticks([])


def largest_box(proposals, objects):
    """The proposal that overlaps the largest object most; without proposals or objects a box near the corner."""
    if not len(objects) or not len(proposals):
        return np.array([5, 7, 33, 27], np.float32)
    largest = pcn.ops.box_area(objects).argmax()
    return proposals[overlaps(proposals, objects[largest][None])[:, 0].argmax()]


def draw_cells(ax, image, region, stride):
    """The region, in pixels, over the picture and the cells of the feature map."""
    height, width = image.shape[1:]
    pcn.viz.draw_boxes(image, region[None], color=REGION, ax=ax)
    for k in range(0, max(height, width) + 1, stride):
        ax.axhline(k, color="w", linewidth=0.5, alpha=0.5)
        ax.axvline(k, color="w", linewidth=0.5, alpha=0.5)
    ax.set_title(f"a region, and cells of {stride} pixels")


def draw_bins(ax, channel, region, stride, count):
    """RoI pooling on one channel (H, W): the rounded region, and bars for its bins in whole cells."""
    show_map(ax, channel, region, stride)
    cells = bin_extents(region, channel.shape, stride, count)
    x1, y1, x2, y2 = cells[..., 0].min(), cells[..., 1].min(), cells[..., 2].max() + 1, cells[..., 3].max() + 1
    ax.add_patch(rectangle((x1, y1), (x2 - x1, y2 - y1), edgecolor="w", linewidth=2))
    for k in range(count):
        out = 0.25 + 0.25 * (k % 2)  # bins that share a cell have their bars side by side
        first, last = cells[0, k, 0] + 0.06, cells[0, k, 2] + 0.94
        ax.plot([first, last], [min(y1, region[1] / stride) - out] * 2, color="w", linewidth=3, solid_capstyle="butt")
        first, last = cells[k, 0, 1] + 0.06, cells[k, 0, 3] + 0.94
        ax.plot([min(x1, region[0] / stride) - out] * 2, [first, last], color="w", linewidth=3, solid_capstyle="butt")
    ax.set_title("RoI pooling: rounded to whole cells, bars are bins")


def bin_extents(region, map_size, stride, count):
    """The first and last cell of every bin: (count, count, 4) x1 y1 x2 y2, asked of RoI pooling itself.

    The largest column number in a bin is its last column; the largest of the negative ones, negated, its first.
    """
    rows, columns = np.meshgrid(*(np.arange(n, dtype=np.float32) for n in map_size), indexing="ij")
    numbers = np.stack([-columns, -rows, columns, rows])[None]
    pooled = pool_regions(numbers, [np.asarray(region, np.float32)[None]], stride, count)[0]
    return pooled.transpose(1, 2, 0) * (-1, -1, 1, 1)


def draw_samples(ax, channel, region, stride, count):
    """The 2 x 2 points in each bin that RoI-align reads between cells."""
    show_map(ax, channel, region, stride)
    x1, y1, x2, y2 = np.asarray(region) / stride
    at = (np.arange(2 * count) + 0.5) / (2 * count)
    x, y = np.meshgrid(x1 + at * (x2 - x1), y1 + at * (y2 - y1))
    ax.plot(x.ravel(), y.ravel(), ".", color="w", markersize=4)
    for k in range(1, count):
        ax.plot([x1 + k / count * (x2 - x1)] * 2, [y1, y2], color="w", linewidth=0.8)
        ax.plot([x1, x2], [y1 + k / count * (y2 - y1)] * 2, color="w", linewidth=0.8)
    ax.set_title("RoI-align: not rounded, 2 x 2 points per bin")


def show_map(ax, channel, region, stride):
    """One channel of the features around a region, in cells, and the region dashed."""
    x1, y1, x2, y2 = np.asarray(region) / stride
    height, width = channel.shape
    ax.imshow(channel, cmap="viridis", extent=(0, width, height, 0))
    ax.add_patch(rectangle((x1, y1), (x2 - x1, y2 - y1), edgecolor=REGION, linewidth=2, linestyle="--"))
    ax.set_xlim(max(0, np.floor(x1) - 2) - 0.1, min(width, np.ceil(x2) + 2) + 0.1)
    ax.set_ylim(min(height, np.ceil(y2) + 2) + 0.1, max(0, np.floor(y1) - 2) - 0.1)
    for k in range(max(height, width) + 1):
        ax.axhline(k, color="w", linewidth=0.3, alpha=0.5)
        ax.axvline(k, color="w", linewidth=0.3, alpha=0.5)


def rectangle(corner, size, **style):
    """An unfilled rectangle, for `add_patch`."""
    from matplotlib.patches import Rectangle

    return Rectangle(corner, *size, fill=False, **style)


def labelled_proposals(report, data, propose):
    """Figure: a training picture's proposals, which of them are positive, which were drawn, where positives move."""
    image, target = data.train[0]
    proposals, (truth, _) = propose(image), target[:2]
    drawn = region_targets(proposals, target, len(data.classes), np.random.default_rng(0))
    positive = overlaps(proposals, truth).max(1, initial=0) >= POSITIVE_IOU
    is_object = drawn.labels < len(data.classes)
    reached = pcn.ops.decode_boxes(drawn.offsets[is_object], drawn.regions[is_object], OFFSET_WEIGHTS)
    with report.figure("labels", 1, 4) as axes:
        thin(axes[0, 0], image, proposals[:MANY], "w", f"{of_all(proposals)} proposals, {len(truth)} objects")
        thin(axes[0, 1], image, proposals[positive], POSITIVE, f"{positive.sum()} are positive: IoU >= {POSITIVE_IOU}")
        thin(axes[0, 2], image, drawn.regions[is_object], POSITIVE, f"{is_object.sum()} drawn, and their way to go")
        arrows(axes[0, 2], drawn.regions[is_object], reached)
        thin(axes[0, 3], image, drawn.regions[~is_object], NEGATIVE, f"{(~is_object).sum()} drawn as background")


def thin(ax, image, boxes, color, title, linewidth=1.2):
    """The picture with many boxes of one colour in thin lines."""
    pcn.viz.draw_boxes(image, boxes[:0], ax=ax)
    outline(ax, boxes, edgecolor=color, linewidth=linewidth, alpha=0.8)
    ax.set_title(title)


def of_all(boxes):
    """How many boxes there are, and how many of them a figure shows."""
    return f"{len(boxes)}" if len(boxes) <= MANY else f"the first {MANY} of {len(boxes)}"


def outline(ax, boxes, **style):
    """Plain rectangles on what `ax` shows."""
    for x1, y1, x2, y2 in boxes:
        ax.add_patch(rectangle((x1, y1), (x2 - x1, y2 - y1), **style))


def arrows(ax, regions, boxes, color="w"):
    """An arrow from each corner (top left, bottom right) of a region to that of its box."""
    for a, b in zip(regions, boxes):
        for start, end in ((a[:2], b[:2]), (a[2:], b[2:])):
            style = {"arrowstyle": "->", "color": color, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", xy=end, xytext=start, arrowprops=style)


def before_and_after_suppression(report, model, test):
    """Figure: what the head says about the regions, above the threshold, and what suppression keeps of it.

    On the picture, of the first 40, in which suppression strikes out most.
    """
    most, shown = -1, None
    for i in range(min(40, len(test))):
        image = test[i][0]
        before, _, regions = answers(model, image)
        after = suppress(*before, model.nms)
        if len(before[0]) - len(after[0]) > most:
            most, shown = len(before[0]) - len(after[0]), (image, regions, before, after)
    image, regions, before, after = shown
    with report.figure("suppression", 1, 3) as axes:
        thin(axes[0, 0], image, regions[:MANY], "w", f"{of_all(regions)} regions", 0.7)
        thin(axes[0, 1], image, before[0], POSITIVE, f"{len(before[0])} boxes above confidence {model.confidence}")
        figures.draw(axes[0, 2], image, after[0], after[2], after[1], model.classes)
        axes[0, 2].set_title(f"{len(after[0])} after suppression")


def answers(model, image):
    """What the head says about the regions of one picture, above the threshold and before suppression.

    ((boxes, scores, labels), the region (n, 4) that each box came from, all regions).
    """
    regions = model.propose(image)
    was_training = model.training
    model.eval()
    with pcn.no_grad():
        scores, offsets = model(pcn.tensor(image[None]), [regions])
    model.train(was_training)
    found = decode_regions(scores.data, offsets.data, regions, image.shape[1:], model.confidence)
    unmoved = decode_regions(scores.data, 0 * offsets.data, regions, image.shape[1:], model.confidence)[0]
    return found, unmoved, regions


def constant_boxes(report, boxes, objects, size):
    """Figure: constant boxes (K, 4) beside the training objects they were clustered from, by centre and by size."""
    with report.figure("constant_boxes", 1, 3) as axes:
        grey = np.full((3, *size), 0.3, np.float32)
        thin(axes[0, 0], grey, boxes[:60], "w", f"the first {min(len(boxes), 60)} of {len(boxes)} boxes", 0.8)
        for ax, what, unit in (
            (axes[0, 1], lambda b: (b[:, :2] + b[:, 2:]) / 2, ("centre x", "centre y")),
            (axes[0, 2], lambda b: b[:, 2:] - b[:, :2], ("width", "height")),
        ):
            ax.plot(*what(objects[:3000]).T, ".", color="0.8", markersize=3, label="training objects")
            ax.plot(*what(boxes).T, "o", color="tab:blue", markersize=4, label="cluster centres")
            ax.set(xlabel=f"{unit[0]} (pixels)", ylabel=f"{unit[1]} (pixels)")
            ax.set_aspect("equal")
        axes[0, 1].invert_yaxis()
        axes[0, 2].legend(loc="upper right")


def moves(report, model, test, count=4):
    """Figure: the regions that detections came from (dashed), and by arrows where the regression moved them."""
    with report.figure("moves", 1, count) as axes:
        for ax, i in zip(axes[0], range(count)):
            image = test[i % len(test)][0]
            found, origin, _ = answers(model, image)
            keep = pcn.ops.batched_nms(*found, model.nms)
            boxes, origin = found[0][keep], origin[keep]
            thin(ax, image, boxes, POSITIVE, f"{len(boxes)} found: dashed region to green box", 2)
            outline(ax, origin, edgecolor="w", linestyle="--", linewidth=1.5)
            arrows(ax, origin, boxes)
