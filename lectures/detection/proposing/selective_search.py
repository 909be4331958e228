"""Selective Search: about 2000 boxes that may hold an object of any kind, from pixels, not learnt.

Decks "Deep Convolutional Neural Networks II" ("Region proposals (category independent)"), "Computer Vision - Lecture
16" ("Object Detection: R-CNN") and "Localization, Object Detection, Segmentation (Labwork 7)" ("R-CNN" (1 and 2)).
Uijlings, van de Sande, Gevers, Smeulders, "Selective Search for Object Recognition" (2013): start from a graph-based
segmentation, merge the two most similar neighbouring regions until one is left (the kernel pcn.kernels.merge_regions),
and take the box of every region there ever was. Similarity is the sum of what two regions share of colour and texture,
of how small they are and of how well they fit into each other; several colour spaces and k give several such trees.

As in the paper: 25 bins per colour channel, 8 directions x 10 bins per channel of Gaussian derivatives (sigma 1), and
the boxes of all trees in the order of position x random number. The derivative towards 180 degrees is minus that
towards 0, so 4 directions x 20 signed bins hold the 8 x 10. The paper's trees are up to 80 (5 colour spaces x 4 sums
of similarities x 4 k); ours are few unless you ask: a picture of 64 x 64 pixels has no 2000 different regions.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

import pyconvnet as pcn
from lectures.detection.proposing.colour_spaces import convert, read_picture
from lectures.detection.proposing.graph_segmentation import (
    MIN_SIZE,
    SIGMA,
    bounds,
    check_most,
    segment,
    smooth,
    without_repeats,
)

COLOUR_BINS = 25
DIRECTIONS, SIGNED_BINS = 4, 20
STEEPEST = 0.25  # a derivative (of values in [0, 1], per pixel) in the last bin
SIMILARITIES = "CTSF"  # colour, texture, size, fill


@dataclass(frozen=True)
class Regions:
    """What grouping knows of n regions: sizes [n] in pixels, boxes [n, 4], histograms of counts [n, bins], and the
    pairs [p, 2] of regions that touch."""

    sizes: np.ndarray
    boxes: np.ndarray
    colour: np.ndarray
    texture: np.ndarray
    pairs: np.ndarray


@dataclass(frozen=True)
class Hierarchy:
    """One grouping: `labels` (H, W) of the n regions it starts from, merges [m, 2] (the t-th makes region n + t),
    their similarities [m] and the boxes [n + m, 4] of all regions."""

    labels: np.ndarray
    regions: Regions
    merges: np.ndarray
    similarities: np.ndarray
    boxes: np.ndarray

    def labels_after(self, merges):
        """The label map (H, W) after so many merges, with the numbers of the regions."""
        of = np.arange(len(self.boxes))
        for t, pair in enumerate(self.merges[:merges]):
            of[np.isin(of, pair)] = len(self.regions.sizes) + t
        return of[self.labels]


def selective_search(
    image, max_boxes=None, seed=0, colour_spaces=("hsv", "lab"), ks=(0.1, 0.2), similarities=(SIMILARITIES,),
    min_size=MIN_SIZE, smallest=0,
):  # fmt: skip
    """Boxes float32 (n, 4) that may hold an object, most promising first, of a picture (3, H, W).

    One hierarchy for each colour space, k and sum of similarities (letters of "CTSF"). `max_boxes` keeps the first;
    `smallest` drops boxes with a shorter side. `seed` is that of the random numbers in the order.
    """
    check_most("selective_search", max_boxes)
    rgb = read_picture("selective_search", image)
    colour_spaces, similarities = ((one,) if isinstance(one, str) else one for one in (colour_spaces, similarities))
    rng = np.random.default_rng(seed)
    boxes, places = [np.zeros((0, 4))], [np.zeros(0)]
    for space in colour_spaces:
        channels = convert(rgb, space)
        for k, which in product(ks, similarities):
            tree = group(channels, k, which, min_size)
            position = np.arange(len(tree.boxes), 0, -1)  # 1: the region merged last
            boxes.append(tree.boxes)
            places.append(position * rng.random(len(position)))
    ranked = np.concatenate(boxes)[np.argsort(np.concatenate(places), kind="stable")].astype(np.float32)
    ranked = ranked[(ranked[:, 2:] - ranked[:, :2]).min(1) >= smallest]
    return without_repeats(ranked)[:max_boxes]


def group(channels, k, similarities=SIMILARITIES, min_size=MIN_SIZE, sigma=SIGMA):
    """The Hierarchy of channels (C, H, W) under the sum of the similarities named by letters."""
    if not similarities or set(similarities) - set(SIMILARITIES):
        raise ValueError(f"similarities are letters of {SIMILARITIES} (colour, texture, size, fill): {similarities!r}")
    labels = segment(channels, k, min_size, sigma)
    regions = describe(labels, channels)
    merged = pcn.kernels.merge_regions(
        regions.sizes, regions.boxes, regions.colour, regions.texture, regions.pairs, labels.size,
        [float(letter in similarities) for letter in SIMILARITIES],
    )  # fmt: skip
    return Hierarchy(labels, regions, *merged)


def describe(labels, channels):
    """The Regions of a label map (H, W) in channels (C, H, W)."""
    colour = np.clip(channels * COLOUR_BINS, 0, COLOUR_BINS - 1).astype(np.int64)
    return Regions(
        sizes=np.bincount(labels.ravel()),
        boxes=bounds(labels),
        colour=histograms(labels, colour, COLOUR_BINS),
        texture=histograms(labels, texture(channels), SIGNED_BINS),
        pairs=touching(labels),
    )


def texture(channels):
    """The bin of the derivative in each of 4 directions of each channel: int64 (4 C, H, W)."""
    padded = np.pad(smooth(channels, 1.0), ((0, 0), (1, 1), (1, 1)), "edge")
    gx, gy = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2, (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2
    diagonal = np.float32(np.sqrt(0.5))
    towards = np.concatenate([gx, gy, (gx + gy) * diagonal, (gx - gy) * diagonal])
    half = SIGNED_BINS // 2
    return np.clip(towards * (half / STEEPEST) + half, 0, SIGNED_BINS - 1).astype(np.int64)


def histograms(labels, bins, count):
    """How often each bin occurs in each region: bins int (P, H, W) in [0, count) -> int64 [n, P count]."""
    planes, n = len(bins), int(labels.max()) + 1
    at = labels * (planes * count) + np.arange(planes)[:, None, None] * count + bins
    return np.bincount(at.ravel(), minlength=n * planes * count).reshape(n, planes * count)


def touching(labels):
    """Pairs [p, 2] of regions that share a side of a pixel, smaller number first."""
    n = int(labels.max()) + 1
    sides = ((labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:]))
    a, b = (np.concatenate([side[i].ravel() for side in sides]) for i in range(2))
    keys = np.unique((np.minimum(a, b) * n + np.maximum(a, b))[a != b])
    return np.stack([keys // n, keys % n], axis=1)
