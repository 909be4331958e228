"""Regions of interest beside the pictures: where proposals come from, and how they reach the training.

A proposal source is any `propose(image CHW) -> boxes (n, 4)` xyxy in pixels, float32, best first; n may be 0.
"""

import time
from dataclasses import replace

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.datasets import without_difficult
from lectures.detection.foundation.matching import overlaps
from pyconvnet import nn

PROPOSAL = -1  # the label of a box that travels with a target, but is no object


class KeptProposals:
    """A proposal source that remembers: no picture is searched twice. `searched` pictures took `seconds`.

    Pictures are told apart by their pixels, so that training and test set, and several detectors, may share one.
    `fresh` is the source itself, for measuring what proposals cost.
    """

    def __init__(self, propose):
        self.fresh, self.boxes = propose, {}
        self.searched, self.seconds = 0, 0.0

    def __call__(self, image):
        key = image.shape, hash(image.tobytes())
        if key not in self.boxes:
            begin = time.perf_counter()
            self.boxes[key] = read_proposals(self.fresh(image))
            self.seconds += time.perf_counter() - begin
            self.searched += 1
        return self.boxes[key]


class ConstantProposals(nn.Module):
    """The same boxes for every picture; made for pictures of `size` (H, W), they are stretched to any other.

    A module, so that the boxes travel with the weights of the detector that learned with them.
    """

    def __init__(self, boxes, size=None):
        super().__init__()
        self.register_buffer("boxes", pcn.tensor(read_proposals(boxes)))
        self.register_buffer("size", None if size is None else pcn.tensor(np.array(size, np.float64)))

    def forward(self, image):
        if self.size is None:
            return self.boxes.data
        down, right = np.array(image.shape[1:]) / self.size.data
        return (self.boxes.data * (right, down, right, down)).astype(np.float32)


class WithProposals(pcn.data.Dataset):
    """`dataset`, its targets carrying proposals as further boxes (see `carry`).

    proposals: a source, or a list of boxes (n, 4), one per picture (as `cached_proposals` returns it).
    """

    def __init__(self, dataset, proposals):
        if not callable(proposals) and len(proposals) != len(dataset):
            raise ValueError(f"WithProposals: {len(proposals)} lists of proposals for {len(dataset)} pictures")
        self.dataset, self.proposals, self.classes = dataset, proposals, dataset.classes

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        image, target = self.dataset[index]
        boxes = self.proposals(image) if callable(self.proposals) else self.proposals[index]
        return image, carry(target, read_proposals(boxes))


def with_proposals(data, proposals):
    """DetectionData to learn from: its training targets carry proposals through `augment`. Judge on `data` itself."""
    return replace(data, train=WithProposals(data.train, proposals))


def carry(target, proposals):
    """The target with the proposals as further boxes, labelled PROPOSAL: augmentation moves and cuts all alike."""
    boxes, labels, *rest = target
    n = len(proposals)
    rest = [np.concatenate([part, np.zeros(n, part.dtype)]) for part in rest]
    boxes = np.concatenate([boxes, proposals]).astype(np.float32)
    return boxes, np.concatenate([labels, np.full(n, PROPOSAL, labels.dtype)]), *rest


def split_proposals(targets):
    """What `carry` put together: (list of targets without proposals, list of proposals (n, 4)), one per picture."""
    apart, proposals = [], []
    for target in targets:
        object_ = target[1] != PROPOSAL
        apart.append(tuple(part[object_] for part in target))
        proposals.append(target[0][~object_])
    return apart, proposals


def proposal_recall(proposals, truths, iou_threshold=0.5):
    """The share of objects (difficult ones aside) that a proposal of their picture overlaps by IoU >= the threshold."""
    truths = [without_difficult(truth)[0] for truth in truths]
    found = [overlaps(boxes, truth) for boxes, truth in zip(proposals, truths, strict=True)]
    found = np.concatenate([overlap.max(0, initial=0) >= iou_threshold for overlap in found])
    return float(found.mean()) if len(found) else float("nan")


def read_proposals(boxes):
    """A source's answer as float32 (n, 4). ValueError for another shape, or for boxes that are not finite."""
    boxes = np.asarray(boxes, np.float32)
    boxes = boxes.reshape(0, 4) if boxes.size == 0 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"proposals: a source returns boxes (n, 4), got shape {boxes.shape}")
    if not np.isfinite(boxes).all():
        raise ValueError(f"proposals: box {int(np.argwhere(~np.isfinite(boxes))[0, 0])} holds NaN or infinity")
    return boxes
