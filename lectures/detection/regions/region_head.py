"""The second stage of region-based detectors: what is in a region, and where exactly? Girshick, "Fast R-CNN" (2015).

Features of each region are pooled to one size, flattened and passed through fully connected layers to two heads:
scores of C classes and background, and for each class offsets that move the region onto the object. Labels of
regions count classes from 0; background is the last, C. Shared by Fast and Faster R-CNN, SPP-net, R-CNN minus R.
"""

from typing import NamedTuple

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.matching import match, sample
from pyconvnet import functional as F
from pyconvnet import nn

OFFSET_WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # 1 / typical spread of dx, dy, dw, dh: targets of about unit size
SAMPLED, POSITIVE_SHARE, POSITIVE_IOU = 32, 0.25, 0.5


class RegionHead(nn.Module):
    """Pooled features (K, channels, bins, bins) to scores (K, C + 1), background last, and offsets (K, C, 4).

    Deck "Localization, Object Detection, Segmentation", slide "Fast R-CNN" (2). Deck "Computer Vision - Lecture 16",
    slides "Fast R-CNN".
    """

    def __init__(self, classes, channels=64, bins=4, hidden=(128,)):
        super().__init__()
        self.classes, self.bins = classes, bins
        widths = [channels * bins * bins, *hidden]
        layers = [nn.Flatten()]
        for inputs, outputs in zip(widths, hidden):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
            nn.init.kaiming_normal_(layers[-2].weight, nonlinearity="relu")
        self.layers = nn.Sequential(*layers)
        self.score = nn.Linear(widths[-1], classes + 1)
        self.offset = nn.Linear(widths[-1], 4 * classes)
        for head, spread in ((self.score, 0.01), (self.offset, 0.001)):  # the paper's: begin undecided, unmoved
            nn.init.normal_(head.weight, std=spread)
            nn.init.zeros_(head.bias)

    def forward(self, pooled):
        hidden = self.layers(pooled)
        return self.score(hidden), self.offset(hidden).reshape(-1, self.classes, 4)


def pool_regions(features, regions, stride, bins=4, align=False):
    """Features (K, C, bins, bins) of all regions, a list of boxes (n, 4) in pixels per picture, by RoI pooling.

    A region is projected onto the map by 1 / stride and rounded to whole cells; with `align` (RoI-align, "Mask
    R-CNN") it is not rounded, but sampled at 2 x 2 points per bin. Differentiable in the features: deck "Computer
    Vision - Lecture 16", slide "Fast R-CNN Training".
    """
    if align:
        return pcn.ops.roi_align(features, regions, bins, 1 / stride, sampling_ratio=2, aligned=True)
    return pcn.ops.roi_pool(features, regions, bins, 1 / stride)


class RegionTargets(NamedTuple):
    """What the regions drawn for training are told: positives first."""

    regions: np.ndarray  # (r, 4)
    labels: np.ndarray  # (r,): class, or C for background
    offsets: np.ndarray  # (r, 4): from the region to its object, in units of 1 / OFFSET_WEIGHTS; 0 for background


def region_targets(proposals, target, classes, rng, count=SAMPLED, share=POSITIVE_SHARE, positive=POSITIVE_IOU):
    """`count` regions of one picture, at most a `share` of them positive, and what to answer for each.

    The objects' own boxes join the proposals: early on, or with bad proposals, there would be no positive region.
    A region is positive if its IoU with an object is >= `positive` (it then stands for the object it overlaps most),
    else background. proposals (n, 4), target (boxes, labels, ...). ValueError for a label that is no class.
    """
    boxes, labels = target[:2]
    check_labels(labels, classes)
    regions = np.concatenate([boxes, proposals]).astype(np.float32)
    best, is_object = match(regions, boxes, positive, positive)
    drawn = sample(is_object, count, share, rng)
    regions, best, is_object = regions[drawn], best[drawn], is_object[drawn] == 1
    answer = np.full(len(drawn), classes)
    answer[is_object] = labels[best[is_object]]
    offsets = np.zeros((len(drawn), 4), np.float32)
    offsets[is_object] = pcn.ops.encode_boxes(boxes[best[is_object]], regions[is_object], OFFSET_WEIGHTS)
    return RegionTargets(regions, answer, offsets)


def check_labels(labels, classes):
    """ValueError for a label outside 0 ... classes - 1."""
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        i = int(wrong.argmax())
        raise ValueError(
            f"region_targets: object {i} has label {labels[i]}, not in 0 ... {classes - 1}: "
            "are proposals still among the objects (split_proposals)?"
        )


def multi_task_loss(scores, offsets, labels, targets):
    """{"class": log loss, "box": smooth L1 of the positives' offsets}, both divided by the number of regions.

    L = -log p_u + [u is a class] sum_{x,y,w,h} smoothL1(t_u - v), where u is the label, p the softmax of the scores
    (K, C + 1), t_u (of offsets (K, C, 4)) the offsets for class u, v the target (K, 4). Background moves no box:
    without a positive "box" is exactly 0; without a region both are.
    """
    count = max(len(labels), 1)
    positive = np.flatnonzero(labels < offsets.shape[1])
    moved = offsets[positive, labels[positive]]
    return {
        "class": F.cross_entropy(scores, labels, reduction="sum") / count,
        "box": F.smooth_l1_loss(moved, targets[positive], reduction="sum") / count,
    }


def head_loss(head, features, stride, proposals, targets, rng, align=False, **sampling):
    """`multi_task_loss` of a batch: draw regions in every picture, pool their features, ask the head.

    features (N, C, H, W); proposals and targets lists of N. `sampling` goes to `region_targets`.
    """
    if not len(features) == len(proposals) == len(targets):
        raise ValueError(f"{len(features)} feature maps, {len(proposals)} proposal lists, {len(targets)} targets")
    drawn = [region_targets(p, t, head.classes, rng, **sampling) for p, t in zip(proposals, targets)]
    scores, offsets = head(pool_regions(features, [d.regions for d in drawn], stride, head.bins, align))
    labels, wanted = (np.concatenate([d[i] for d in drawn]) for i in (1, 2))
    return multi_task_loss(scores, offsets, labels, wanted)


def decode_regions(scores, offsets, regions, size, confidence_threshold):
    """Every region and class (background aside) with a probability above the threshold: (boxes, scores, labels).

    scores (K, C + 1) before the softmax, offsets (K, C, 4), regions (K, 4): arrays. Boxes are cut at the border of a
    picture of `size` (H, W). In no order; suppress comes next.
    """
    probability = F.softmax(scores, -1)[:, :-1]
    region, label = np.nonzero(probability > confidence_threshold)
    boxes = pcn.ops.decode_boxes(offsets[region, label], regions[region], OFFSET_WEIGHTS)
    return pcn.ops.clip_boxes_to_image(boxes, size), probability[region, label], label
