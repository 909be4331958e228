"""The pictures of region proposals: segments, merges, similarities, edges, boxes that hit, recall. On given axes."""

import numpy as np
from matplotlib.colors import hsv_to_rgb

import pyconvnet as pcn
from lectures.detection.proposing import edge_boxes, selective_search
from lectures.detection.proposing.colour_spaces import convert
from lectures.detection.proposing.graph_segmentation import graph_segmentation

SPACE, K = "lab", 0.1  # in which Selective Search is explained
MAGNIFIED = 8  # pixels on the screen for one of the picture, so that outlines are thin


def outlined(image, labels):
    """(H, W, 3): each region of the label map in its mean colour, with a white outline."""
    _, labels = np.unique(labels, return_inverse=True)
    labels = labels.reshape(image.shape[1:])
    size = np.bincount(labels.ravel())
    mean = np.stack([np.bincount(labels.ravel(), channel.ravel()) / size for channel in image], axis=1)
    large = labels.repeat(MAGNIFIED, 0).repeat(MAGNIFIED, 1)
    border = np.zeros(large.shape, bool)
    for thick in (1, 2):
        border[thick:] |= large[thick:] != large[:-thick]
        border[:, thick:] |= large[:, thick:] != large[:, :-thick]
    return np.where(border[..., None], 1.0, mean[large])


def regions(ax, image, labels, title):
    """A label map (H, W) as `outlined` colours it, on the scale of the picture."""
    height, width = labels.shape
    ax.imshow(outlined(image, labels), extent=(0, width, height, 0), interpolation="antialiased")
    ax.set_title(title)
    ax.set_axis_off()


def picture(ax, image, title):
    """The picture as it is."""
    pcn.viz.draw_boxes(image, np.zeros((0, 4)), ax=ax)
    ax.set_title(title)


def thin_boxes(ax, boxes, color, linewidth, style="-"):
    """Outlines of boxes (n, 4) and nothing else: there are many of them."""
    for x1, y1, x2, y2 in boxes:
        ax.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], style, color=color, linewidth=linewidth)


def segmentations(axes, image, ks=(0.05, 0.2, 0.8)):
    """The picture and its graph-based segmentation with growing k."""
    picture(axes[0], image, "the picture")
    for ax, k in zip(axes[1:], ks):
        labels = graph_segmentation(image, k)
        regions(ax, image, labels, f"k = {k}: {labels.max() + 1} regions")


def hierarchy(axes, image):
    """How Selective Search merges: from all regions to two, and all boxes on the way."""
    tree = selective_search.group(convert(image, SPACE), K)
    total = len(tree.merges)
    picture(axes[0], image, "the picture")
    for ax, left in zip(axes[1:-1], np.unique(np.geomspace(2, total + 1, len(axes) - 2).astype(int))[::-1]):
        regions(ax, image, tree.labels_after(total + 1 - left), f"{left} regions left")
    picture(axes[-1], image, f"all {len(tree.boxes)} boxes")
    thin_boxes(axes[-1], tree.boxes, "w", 0.9)


def similarities(axes, image):
    """The four similarities of all pairs of regions that touch, as lines between their centres: yellow is alike."""
    channels = convert(image, SPACE)
    tree = selective_search.group(channels, K)
    start = tree.regions
    y, x = np.mgrid[: image.shape[1], : image.shape[2]] + 0.5
    cx, cy = (np.bincount(tree.labels.ravel(), at.ravel()) / start.sizes for at in (x, y))
    names = ("colour: shared histogram", "texture: shared histogram", "size: small first", "fill: fit into each other")
    for which, (ax, name) in enumerate(zip(axes, names)):
        values = pair_similarities(start, tree.labels.size, np.eye(4)[which])
        low, high = values.min(initial=1), values.max(initial=0)
        ends = f"{low:.2f} (dark) to {high:.2f} (bright)" if len(values) else "one region: no pair"
        regions(ax, image, tree.labels, f"{name}\n{ends}")
        shade = (values - low) / max(high - low, 1e-9)
        colours = np.stack([shade, shade * 0.85, 0.35 * (1 - shade)], axis=1)
        for i in np.argsort(shade):
            a, b = start.pairs[i]
            ax.plot(cx[[a, b]], cy[[a, b]], color=colours[i], linewidth=1.8)
        ax.plot(cx, cy, "o", color="w", markersize=3)


def pair_similarities(start, image_size, weights):
    """Similarity of each pair of touching Regions, by the kernel itself: float64 [p]."""
    values = []
    for pair in start.pairs:
        parts = start.sizes[pair], start.boxes[pair], start.colour[pair], start.texture[pair]
        values.append(pcn.kernels.merge_regions(*parts, [[0, 1]], image_size, weights)[1][0])
    return np.array(values)


def edge_boxes_steps(axes, image, count=10):
    """Edges, their groups by colour, and the best boxes."""
    magnitude, direction = edge_boxes.edges(image)
    axes[0].imshow(magnitude, cmap="gray")
    axes[0].set_title("edges: ridges of the gradient")
    axes[0].set_axis_off()
    pixels, group = edge_boxes.edge_groups(magnitude, direction)
    groups = int(group.max(initial=-1)) + 1
    hue = np.random.default_rng(0).permutation(groups) / max(groups, 1)
    coloured = np.zeros((*magnitude.shape, 3))
    coloured[tuple(pixels.T)] = hsv_to_rgb(np.stack([hue, np.full(groups, 0.8), np.ones(groups)], axis=1))[group]
    axes[1].imshow(coloured)
    axes[1].set_title(f"{groups} groups that do not turn sharply")
    axes[1].set_axis_off()
    boxes, scores = edge_boxes.edge_boxes(image, count)
    pcn.viz.draw_boxes(image, boxes, color="w", linewidth=1.2, ax=axes[2])
    best = f", scores {scores[0]:.3f} to {scores[-1]:.3f}" if len(scores) else ""
    axes[2].set_title(f"the best {len(boxes)} boxes{best}")


def hits(ax, image, truth, boxes, name):
    """Proposals thin; the best one of each object in green where IoU >= 0.5; objects that none hits dashed red."""
    overlap = pcn.ops.box_iou(truth, boxes) if len(boxes) else np.zeros((len(truth), 1))
    found = overlap.max(1) >= 0.5
    picture(ax, 0.6 * image + 0.4, "")  # paler, so that lines show
    thin_boxes(ax, boxes, "0.1", 0.3)
    if found.any():
        thin_boxes(ax, boxes[overlap.argmax(1)[found]], "w", 4)
        thin_boxes(ax, boxes[overlap.argmax(1)[found]], "#00A040", 2.4)
    thin_boxes(ax, truth[~found], "w", 4)
    thin_boxes(ax, truth[~found], "#D50000", 2.4, "--")
    ax.set_title(f"{name}\n{len(boxes)} boxes hit {found.sum()} of {len(truth)} objects")


STYLES = ("o-", "s-", "^-", "v--", "D-", "P--", "X-", "*-")


def recall_curves(ax, recalls):
    """recall@N against N; recalls is {method: {N: recall}}."""
    for style, (name, curve) in zip(STYLES, _best_first(recalls)):
        ax.plot(list(curve), list(curve.values()), style, label=name, markersize=5)
    ax.set(xscale="log", xlabel="N, boxes per picture", ylabel="recall@N (IoU >= 0.5)", ylim=(0, 1.02))
    counts = list(next(iter(recalls.values())))
    ax.set_xticks(counts, counts)
    ax.minorticks_off()
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, frameon=False)


def overlap_curves(ax, recalls, count):
    """recall@count against the IoU asked for; recalls is {method: {IoU: recall}}."""
    for style, (name, curve) in zip(STYLES, _best_first(recalls)):
        ax.plot(list(curve), list(curve.values()), style, label=name, markersize=5)
    ax.set(xlabel="IoU that counts as a hit", ylabel=f"recall@{count}", ylim=(0, 1.02))
    ax.grid(alpha=0.3)


def _best_first(recalls):
    """In one order in both figures, so that a method keeps its colour: that of the names."""
    return sorted(recalls.items())
