"""Which box stands for which object: by overlap, as anchors and proposals are labelled for training. Arrays only."""

import numpy as np

import pyconvnet as pcn

IGNORED = -1


def match(boxes, truth, positive=0.5, negative=0.5, best_of_each=False):
    """(best, label) per box: the object it overlaps most, and 1 (positive), 0 (negative) or IGNORED.

    Positive: IoU >= `positive` with that object; negative: IoU < `negative` with all objects; in between: ignored.
    With `best_of_each` the boxes that overlap an object most are its positives, too, however little it is (above 0).
    boxes (n, 4), truth (m, 4); without objects every box is negative. Ren et al., "Faster R-CNN" (2015), 3.1.2.
    """
    overlap = overlaps(boxes, truth)
    if not len(truth):
        return np.zeros(len(boxes), np.int64), np.zeros(len(boxes), np.int64)
    best, label = overlap.argmax(1), np.full(len(boxes), IGNORED)
    most = overlap.max(1)
    label[most < negative] = 0
    label[most >= positive] = 1
    if best_of_each and len(boxes):
        highest = overlap.max(0)
        box, object_ = np.nonzero((overlap == highest) & (highest > 0))
        label[box], best[box] = 1, object_
    return best, label


def overlaps(boxes, truth):
    """IoU of every box with every object (n, m); 0 where neither has an area."""
    return np.nan_to_num(pcn.ops.box_iou(boxes, truth))


def pairwise_overlap(boxes, others):
    """IoU of boxes (..., 4) pair by pair, shapes broadcast; 0 where neither has an area."""
    sides = np.minimum(boxes[..., 2:], others[..., 2:]) - np.maximum(boxes[..., :2], others[..., :2])
    both = np.maximum(sides, 0).prod(-1)
    union = (boxes[..., 2:] - boxes[..., :2]).prod(-1) + (others[..., 2:] - others[..., :2]).prod(-1) - both
    return both / np.maximum(union, 1e-12)


def sample(label, count, share, rng):
    """Indices of at most `count` boxes, at most `share` of them positive, the rest negative; each set drawn evenly.

    Where positives are few, negatives fill up; ignored boxes are never drawn. Positives come first.
    """
    positive, negative = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    positive = rng.permutation(positive)[: int(count * share)]
    return np.concatenate([positive, rng.permutation(negative)[: count - len(positive)]])
