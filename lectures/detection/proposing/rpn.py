"""The region proposal network: boxes that may hold an object, from the features of a ConvNet.

Deck "Computer Vision - Lecture 16", slide "Region Proposal Networks (RPN)": infer region proposals from the same
ConvNet, by a small network that slides over its last layer. Deck "Localization, Object Detection, Segmentation", slides
"Faster R-CNN" (3 to 6): a 3 x 3 convolution; anchor boxes of a fixed number of shapes at each position; for each anchor
whether it is foreground, and 4 offsets for x_center, y_center, width, height; then "Faster R-CNN NMS": take the best
box, drop those whose IoU with it is > 0.5, stop at 100. Ren et al., "Faster R-CNN" (2015), section 3.

Ours is smaller: stride 4 instead of 16, 64 kernels instead of 512, three square anchors instead of nine (the paper's
for objects 20 times as large). An anchor is positive from IoU 0.5 on instead of 0.7, which half of our objects never
reach with any anchor; a proposal needs 3 pixels instead of 16, or the small objects would be lost. Anchors across the
border, left out in the paper, are trained: near the border there are no others. 64 anchors of a picture are drawn
instead of 256.
"""

from typing import NamedTuple

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.backbone import centred, conv_layer, plain_backbone
from lectures.detection.foundation.detector import pad_to_multiple, read_images
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.matching import match, sample
from lectures.detection.proposing.constant_proposals import kmeans_boxes
from pyconvnet import functional as F
from pyconvnet import nn

STRIDE = 4  # pixels from one position of the anchors to the next
SHAPES = ((12, 12), (20, 20), (30, 30))  # (width, height) of the anchors at each position
POSITIVE, NEGATIVE = 0.5, 0.3  # IoU with an object: from here on foreground, below background, between them ignored
SAMPLED, SHARE = 64, 0.5  # anchors of a picture that are trained, and how many of them may be positive
WEIGHTS = (10, 10, 5, 5)  # offsets are about .1, .1, .2, .2: multiplied by these all four are about 1
BEFORE_NMS, NMS, MOST = 1000, 0.5, 100  # the surest boxes enter suppression; IoU; where to stop
MIN_SIZE = 3  # pixels


class RegionProposalNetwork(nn.Module):
    """Features (N, C, H, W) to logits (N, H W A) and offsets (N, H W A, 4), one for each anchor of `anchors(H, W)`."""

    def __init__(self, channels=64, shapes=SHAPES):
        super().__init__()
        self.register_buffer("shapes", pcn.tensor(np.asarray(shapes, np.float32)))
        self.layer = nn.Sequential(*conv_layer(channels, 64))
        self.objectness = nn.Conv2d(64, len(shapes), 1)
        self.offsets = nn.Conv2d(64, 4 * len(shapes), 1)
        nn.init.normal_(self.objectness.weight, std=0.01)
        nn.init.normal_(self.offsets.weight, std=0.01)
        self.objectness.bias.data[:] = -2.0  # few anchors hold an object: start from "rarely"

    def forward(self, features):
        z, n = self.layer(features), len(features)
        objectness = self.objectness(z).permute(0, 2, 3, 1).reshape(n, -1)
        return objectness, self.offsets(z).permute(0, 2, 3, 1).reshape(n, -1, 4)

    def anchors(self, rows, columns):
        """(rows columns A, 4) xyxy in pixels: anchor (i columns + j) A + a is shape a at row i, column j."""
        of_a_shape = [
            pcn.ops.generate_anchors([np.sqrt(w * h)], [h / w], STRIDE, (rows, columns))
            for w, h in self.shapes.data.astype(np.float64)
        ]
        return np.stack(of_a_shape, axis=1).reshape(-1, 4)

    def propose(self, features, most=MOST, nms=NMS):
        """(boxes (n, 4), objectness in [0, 1] (n,)) for each picture of the batch, best first. No gradient."""
        with pcn.no_grad():
            objectness, offsets = self(features)
        anchors, size = self.anchors(*features.shape[2:]), tuple(STRIDE * side for side in features.shape[2:])
        return proposals(objectness.data, offsets.data, anchors, size, most, nms)


class Assignment(NamedTuple):
    """The m anchors of a batch that are trained, the p positive ones among them."""

    picture: np.ndarray  # (m,)
    anchor: np.ndarray  # (m,)
    foreground: np.ndarray  # (m,): 1 or 0
    goal: np.ndarray  # (p, 4): the offsets that take the positive anchors to their objects, times WEIGHTS
    objects: int
    missed: int  # objects that no anchor stands for


def assign(anchors, targets, rng):
    """Which anchors are trained, and to say what: an Assignment. `targets` is a list of (boxes, ...).

    Positive: IoU >= POSITIVE with an object, and the best anchors of each object; negative: IoU < NEGATIVE with all.
    Of each picture SAMPLED are drawn, at most SHARE of them positive.
    """
    pictures, chosen, foreground, goals, objects, missed = [], [], [], [], 0, 0
    for picture, (truth, *_) in enumerate(targets):
        best, label = match(anchors, truth, POSITIVE, NEGATIVE, best_of_each=True)
        objects += len(truth)
        missed += len(truth) - len(np.unique(best[label == 1]))
        drawn = sample(label, SAMPLED, SHARE, rng)
        positive = drawn[label[drawn] == 1]
        pictures.append(np.full(len(drawn), picture))
        chosen.append(drawn)
        foreground.append(label[drawn])
        if len(positive):
            goals.append(pcn.ops.encode_boxes(truth[best[positive]], anchors[positive], WEIGHTS))
    goal = np.concatenate([np.zeros((0, 4), np.float32), *goals]).astype(np.float32)
    drawn = (np.concatenate(part) for part in (pictures, chosen, foreground))
    return Assignment(*drawn, goal, objects, missed)


def rpn_loss(objectness, offsets, anchors, targets, rng):
    """Two of the four losses, each over the number of anchors drawn: logistic for objectness, smooth L1 for offsets.

    Offsets count for positive anchors only: without an object their loss is exactly 0.
    """
    picture, anchor, foreground, goal, objects, missed = assign(anchors, targets, rng)
    count, positive = max(len(anchor), 1), foreground == 1
    logits = objectness[picture, anchor]
    logistic = F.binary_cross_entropy_with_logits(logits, foreground.astype(logits.dtype), reduction="sum")
    said = offsets[picture[positive], anchor[positive]]
    smooth = F.smooth_l1_loss(said, goal.astype(said.dtype), reduction="sum")
    losses = {"rpn objectness": logistic / count, "rpn box": smooth / count}
    return losses | {"objects": objects, "objects without positive anchor": missed}


def proposals(objectness, offsets, anchors, size, most=MOST, nms=NMS):
    """(boxes, scores) of each picture, best first, from what the network said: logits (N, K), offsets (N, K, 4)."""
    return [suppressed(*decode(*said, anchors, size), nms, most) for said in zip(objectness, offsets)]


def decode(objectness, offsets, anchors, size, most=BEFORE_NMS):
    """Boxes of one picture and how sure they are of an object: the `most` best, cut at the border, none tiny."""
    finite = np.isfinite(objectness) & np.isfinite(offsets).all(-1)  # if a training diverges, its loop will say so
    best = np.argsort(np.where(finite, -objectness, np.inf), kind="stable")[: min(most, finite.sum())]
    boxes = pcn.ops.decode_boxes(offsets[best], anchors[best], WEIGHTS)
    boxes = pcn.ops.clip_boxes_to_image(boxes, size)
    large = pcn.ops.remove_small_boxes(boxes, MIN_SIZE)
    return boxes[large], F.sigmoid(objectness[best][large])


def suppressed(boxes, scores, nms=NMS, most=MOST):
    """Slide "Faster R-CNN NMS": choose the best box, remove those whose IoU with it is > 0.5, repeat; stop at 100."""
    keep = pcn.ops.nms(boxes, scores, nms)[:most]
    return boxes[keep], scores[keep]


class ProposalNetwork(nn.Module):
    """A backbone with a region proposal network: pictures (N, 3, H, W) to logits, offsets and anchors."""

    def __init__(self, shapes=SHAPES, backbone=plain_backbone):
        super().__init__()
        self.features = backbone(STRIDE)
        self.rpn = RegionProposalNetwork(64, shapes)

    def forward(self, images):
        features = self.features(centred(images))
        return *self.rpn(features), self.rpn.anchors(*features.shape[2:])

    def loss(self, images, targets, rng):
        """`rpn_loss` of a batch."""
        return rpn_loss(*self(images), targets, rng)

    def propose(self, image, most=MOST):
        """Boxes (n, 4) of one picture (3, H, W), n <= `most`, those most likely to hold an object first."""
        return self.propose_all([image], most)[0]

    def propose_all(self, images, most=MOST):
        """`propose` for pictures of one size at once: a list of (n, 4)."""
        images = np.stack(read_images("ProposalNetwork", images))
        size, was_training = images.shape[2:], self.training
        self.eval()
        try:
            with pcn.no_grad():
                features = self.features(centred(pcn.tensor(pad_to_multiple(images, STRIDE))))
                found = self.rpn.propose(features, most)
        finally:
            self.train(was_training)
        cut = [pcn.ops.clip_boxes_to_image(boxes, size) for boxes, _ in found]  # some lay in what was padded
        return [boxes[pcn.ops.remove_small_boxes(boxes, MIN_SIZE)] for boxes in cut]


def anchor_shapes(options, data, count=3):
    """SHAPES for the scenes; for other pictures what is typical of their training boxes (`typical_shapes`)."""
    if options.data is None:
        return SHAPES
    return typical_shapes(data.training_boxes(), count)


def typical_shapes(boxes, count):
    """(width, height) of `count` groups of boxes, small to large: k-means of their logarithms, so of proportions."""
    sides = np.log(np.maximum(boxes[:, 2:] - boxes[:, :2], 1))
    centres = np.exp(kmeans_boxes(np.pad(sides, ((0, 0), (2, 0))), count)[:, 2:])
    return centres[np.argsort(centres.prod(1))]


SCENES = Settings(steps=300, batch=16, lr=2e-3, quick=20)
PHOTOGRAPHS = Settings(steps=300, batch=8, lr=2e-3, quick=20)


def trained(options, report, data, settings=None, stage="rpn"):
    """A ProposalNetwork that has learned from `data.train`, and its Training: about 10 seconds."""
    pcn.manual_seed(options.seed)
    model = ProposalNetwork(anchor_shapes(options, data))
    settings = settings or (SCENES if options.data is None else PHOTOGRAPHS)
    return model, learn(model, ProposalNetwork.loss, data, settings, options, report, stage)
