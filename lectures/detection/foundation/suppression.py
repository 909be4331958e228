"""From many scored boxes to one answer per object: threshold, then non-max suppression, or merging."""

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.matching import overlaps

CANDIDATES = 2000  # of a picture, for non-max suppression
MERGED = 0.5  # IoU from which on two boxes of one class are taken for the same answer


def above(boxes, probabilities, confidence_threshold):
    """(boxes, scores, labels) of every box and class, not the background, surer than the threshold; in no order.

    At most the CANDIDATES surest: a network that has learned little is sure of something in every window.
    """
    which, label = np.nonzero(probabilities[:, :-1] > confidence_threshold)
    score = probabilities[which, label]
    if len(score) > CANDIDATES:
        surest = np.argsort(-score, kind="stable")[:CANDIDATES]
        which, label, score = which[surest], label[surest], score[surest]
    return boxes[which].astype(np.float32), score, label


def suppress(boxes, scores, labels, nms_threshold, most=None):
    """Of overlapping boxes of one class keep just the one with the highest score; best first, at most `most`.

    Deck "Fun Ways To Use ConvNets", slide "One-Shot Object Detection" (5): non-max suppression.
    """
    keep = pcn.ops.batched_nms(boxes, scores, labels, nms_threshold)[:most]
    return boxes[keep], scores[keep], labels[keep]


def merge(boxes, scores, labels, nms_threshold):
    """`suppress`, but each box that is kept becomes the mean, weighed by scores, of those that overlap it well."""
    keep = pcn.ops.batched_nms(boxes, scores, labels, nms_threshold)
    agree = (overlaps(boxes[keep], boxes) > MERGED) & (labels[keep][:, None] == labels)
    share = agree * scores
    share[np.arange(len(keep)), keep] += 1e-6  # a box agrees with itself, even one without an area
    merged = share @ boxes / share.sum(1, keepdims=True)
    return merged.astype(np.float32), scores[keep], labels[keep]
