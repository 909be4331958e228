"""Graph-based segmentation: regions of about one colour, from which Selective Search starts.

Deck "Localization, Object Detection, Segmentation (Labwork 7)", slide "R-CNN" (3): "Image is segmented using the Graph
Based Image Segmentation algorithm. Cannot use 1 color to present 1 region proposal: each object can contain several
colors, some parts of an object can be hidden by others". Felzenszwalb & Huttenlocher, "Efficient Graph-Based Image
Segmentation" (2004). Every pixel is a node, joined to its 8 neighbours by edges as heavy as their colours differ; by
ascending weight, two components become one where the edge is no heavier than what already holds either together, plus
k / |C|: small components need little reason. The merging is the kernel pcn.kernels.segment_graph.

The paper's k = 300 is for grey values up to 255, ours end at 1: 300 / 255.
"""

import numpy as np

import pyconvnet as pcn
from lectures.detection.proposing.colour_spaces import convert, read_picture

K, MIN_SIZE, SIGMA = 0.3, 20, 0.8


def graph_segmentation(image, k=K, min_size=MIN_SIZE, sigma=SIGMA, colour_space="rgb"):
    """The region of each pixel of a picture (3, H, W): int64 (H, W), numbered in reading order.

    Larger k: larger regions. No region is smaller than min_size pixels (unless the picture is). sigma: of the
    Gaussian that smooths first, in pixels.
    """
    return segment(convert(read_picture("graph_segmentation", image), colour_space), k, min_size, sigma)


def segment(channels, k, min_size, sigma):
    """graph_segmentation of float32 channels (C, H, W) as they are."""
    edges, weights = pixel_graph(smooth(channels, sigma))
    height, width = channels.shape[1:]
    return pcn.kernels.segment_graph(height * width, edges, weights, k, min_size).reshape(height, width)


def smooth(channels, sigma):
    """Gaussian blur, cut off at 4 sigma as in the paper; the border pixel is repeated beyond the border."""
    if not 0 <= sigma <= 100:
        raise ValueError(f"smooth: sigma must be in [0, 100] pixels, got {sigma}")
    reach = int(np.ceil(4 * sigma))
    if reach == 0:
        return channels
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).astype(np.float32)
    for axis in (1, 2):
        pad = [(reach, reach) if a == axis else (0, 0) for a in range(3)]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(channels, pad, "edge"), len(taps), axis)
        channels = windows @ taps
    return channels


def pixel_graph(channels):
    """The 8-connected grid: edges int64 [m, 2] of pixel numbers y W + x, weights float32 [m] |colour - colour|."""
    height, width = channels.shape[1:]
    number = np.arange(height * width).reshape(height, width)
    edges, weights = [], []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = np.s_[: height - dy, max(0, -dx) : width - max(0, dx)]
        there = np.s_[dy:, max(0, dx) : width + min(0, dx)]
        difference = channels[:, *here] - channels[:, *there]
        edges.append(np.stack([number[here].ravel(), number[there].ravel()], axis=1))
        weights.append(np.sqrt((difference**2).sum(0)).ravel())
    return np.concatenate(edges), np.concatenate(weights)


def region_boxes(labels):
    """The tight box of each region of a label map (H, W) with labels 0 ... n - 1: float32 (n, 4)."""
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.size == 0 or labels.dtype.kind not in "iu":
        raise ValueError(f"region_boxes: labels must be whole numbers (H, W), got {labels.dtype} {labels.shape}")
    return bounds(labels).astype(np.float32)


def bounds(labels):
    """int64 (n, 4): per region the first and last column and row that hold it (the last plus 1)."""
    height, width = labels.shape
    n = int(labels.max()) + 1
    boxes = np.empty((n, 4), np.int64)
    for axis, (first, last), side in ((1, (0, 2), width), (0, (1, 3), height)):
        at = np.broadcast_to(np.arange(side) if axis else np.arange(side)[:, None], labels.shape)
        low, high = np.full(n, side), np.full(n, -1)
        np.minimum.at(low, labels.ravel(), at.ravel())
        np.maximum.at(high, labels.ravel(), at.ravel())
        boxes[:, first], boxes[:, last] = low, high + 1
    return boxes


def segment_proposals(image, max_boxes=None, ks=(0.1, 0.2, 0.4, 0.8), min_size=MIN_SIZE, colour_space="rgb"):
    """The regions of several segmentations as proposals, coarse ones first: what Selective Search improves on."""
    check_most("segment_proposals", max_boxes)
    ks = sorted(ks, reverse=True)
    if not ks:
        raise ValueError("segment_proposals: ks is empty; each k makes one segmentation, at least one is needed")
    channels = convert(read_picture("segment_proposals", image), colour_space)
    boxes = [region_boxes(segment(channels, k, min_size, SIGMA)) for k in ks]
    return without_repeats(np.concatenate(boxes))[:max_boxes]


def check_most(op, max_boxes):
    """ValueError where `max_boxes` is negative: a slice would silently drop the last boxes."""
    if max_boxes is not None and max_boxes < 0:
        raise ValueError(f"{op}: max_boxes must be at least 0, or None for all boxes, got {max_boxes}")


def without_repeats(boxes):
    """The rows of boxes (n, 4), each where it comes first."""
    _, first = np.unique(boxes, axis=0, return_index=True)
    return boxes[np.sort(first)]
