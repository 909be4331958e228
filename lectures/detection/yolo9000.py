r"""YOLO9000: labels that form a tree, and kinds learned from pictures without a single box.

Deck "Deep Convolutional Neural Networks II", slide "YOLOv2, YOLO 9000": "Hierarchical output labels"; "Able to learn
from images without bounding box annotation (weak supervision)". Redmon & Farhadi, "YOLO9000" (2017), sections 3, 4.

The tree: root -> {round, angular} -> four kinds each. A softmax among siblings; the probability of a kind is the
product along its path. Pictures with boxes name every object, but objects of half of the kinds only "round" or
"angular" (as COCO says "dog"): their loss stops there. Pictures without boxes (as ImageNet's) hold one object of
those kinds and its name. For them only the class loss counts, at the one box with the highest probability of that
class. The paper also tells this box that it holds an object, which it takes for granted; ours says nothing about
objectness there: no box is punished, since nobody said where there is no object. The rule favours boxes
that know the class already: some anchors learn a kind, others go on calling a rectangle a triangle.

`map50` is the mean over the kinds that never had a box of their own; its baseline is the same network after as many
steps with as many boxes, without the weak labels. Ours is smaller: 8 kinds instead of 9418, from scratch, one network
of stride 8 with five anchors. Objectness is logistic with target 1 (the paper: IoU), as in `yolo_v3`.
"""

import copy
from dataclasses import replace

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures, tree_figures
from lectures.detection.foundation.backbone import centred, plain_backbone
from lectures.detection.foundation.cell_anchors import (
    BOX,
    AnchorCells,
    checked_anchors,
    flatten_maps,
    iou_kmeans,
    yolo_loss,
)
from lectures.detection.foundation.datasets import DetectionData, detection_data, vary_scenes
from lectures.detection.foundation.detector import Detector
from lectures.detection.foundation.evaluation import evaluate, judge
from lectures.detection.foundation.label_tree import LabelTree
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.legal_targets import all_objects, one_per_picture
from lectures.detection.foundation.suppression import suppress
from lectures.detection.foundation.threshold_demo import demonstrate
from lectures.detection.foundation.weak_labels import BoxesOrNames, is_name_only
from lectures.pathologies import warn_if_same_box
from lectures.report import Report
from pyconvnet import functional as F
from pyconvnet import nn
from pyconvnet.data import SCENE_VARIANTS, ShapeScenes

TREE = LabelTree(
    {
        "round": ("circle", "ellipse", "ring", "half-disk"),
        "angular": ("square", "rectangle", "triangle", "cross"),
    }
)
WITHOUT_BOXES = ("ellipse", "half-disk", "rectangle", "cross")
ANCHORS = np.array([[14, 14], [18, 23], [24, 19], [24, 29], [31, 25]], np.float32)  # (w, h), k-means, rounded
STRIDE = 8
PRIOR = -3.0  # t_o to begin with


class YOLO9000(Detector):
    """Pictures (N, 3, 8S, 8T) to (N, S T A, 5 + K): a box, objectness and a score for each of the tree's K nodes.

    `tree`: a LabelTree, or names, which then are a tree of one level. Its leaves are the classes that `predict` tells.
    """

    stride, confidence, nms = STRIDE, 0.3, 0.45

    def __init__(self, tree, anchors=ANCHORS):
        tree = tree if isinstance(tree, LabelTree) or not tree or isinstance(tree, str) else LabelTree(tuple(tree))
        super().__init__([tree.names[k] for k in tree.leaves] if isinstance(tree, LabelTree) else tree)
        self.tree, self.anchors, self.told = tree, checked_anchors("YOLO9000", anchors), tree.leaves
        self.features = plain_backbone(STRIDE)
        self.head = nn.Conv2d(64, len(self.anchors) * (BOX + len(tree)), 1)
        self.head.weight.data *= 0.2
        bias = self.head.bias.data.reshape(len(self.anchors), -1)
        bias[:], bias[:, BOX - 1] = 0, PRIOR

    def telling(self, nodes):
        """The same network, whose `predict` tells these nodes of the tree instead of the leaves."""
        other = copy.copy(self)
        other.told, other.classes = np.asarray(nodes), tuple(self.tree.names[k] for k in nodes)
        return other

    def forward(self, images):
        self.refuse_parts_of_cells(images)
        return flatten_maps([self.head(self.features(centred(images)))], len(self.anchors))

    def cells(self, size):
        """The cell anchors of pictures of `size` (H, W), in the order of the output."""
        return AnchorCells.lay_out(size, [(STRIDE, self.anchors)])

    def loss(self, images, targets, rng=None):
        """Box, objectness, class and name loss of a batch; labels are nodes of the tree."""
        return hierarchical_loss(self(images), self.cells(images.shape[2:]), targets, self.tree)

    def detect(self, images, confidence_threshold, nms_threshold):
        cells, output = self.cells(images.shape[2:]), self(pcn.tensor(images)).data
        found = (decode(said, cells, self.tree, self.told, confidence_threshold) for said in output)
        return [suppress(*boxes, nms_threshold) for boxes in found]


def hierarchical_loss(output, cells, targets, tree):
    """Everything for pictures with boxes, and the class loss alone for those with names only; mean over all pictures.

    output: Tensor (N, M, 5 + K); targets: per picture (boxes, labels), labels any nodes, boxes NaN where unknown.
    ValueError for targets that nothing can answer for.
    """
    one_per_picture("hierarchical_loss", targets, len(output))
    named = np.array([is_name_only(target) for target in targets], bool)
    # Here, where the pictures have their numbers; a box that nobody knows cannot be wrong.
    legal = [(np.zeros_like(t[0]), t[1]) if name_only else t for t, name_only in zip(targets, named)]
    all_objects("hierarchical_loss", legal, len(tree), cells.size)
    boxed = np.flatnonzero(~named)
    losses = yolo_loss(output[boxed], cells, [targets[i] for i in boxed], tree.cross_entropy)
    share = len(boxed) / max(len(targets), 1)
    losses = {name: v * share if isinstance(v, pcn.Tensor) else v for name, v in losses.items()}
    picture, index, label = surest_boxes(output.data, targets, np.flatnonzero(named), tree)
    losses["name"] = tree.cross_entropy(output[picture, index][:, BOX:], label) / max(len(targets), 1)
    return losses


def surest_boxes(output, targets, named, tree):
    """For each name of the pictures `named` the box with the highest probability of it: (picture, index, label).

    The probability that a box holds an object of that class: sigmoid(t_o) times the product along the path.
    """
    picture = np.repeat(named, [len(targets[i][1]) for i in named]).astype(np.int64)
    label = np.concatenate([np.zeros(0, np.int64), *(targets[i][1] for i in named)])
    if not len(picture):
        return picture, picture, label
    said = output[picture]
    of_label = np.take_along_axis(tree.probabilities(said[..., BOX:]), label[:, None, None], axis=2)[..., 0]
    return picture, (F.sigmoid(said[..., BOX - 1]) * of_label).argmax(1), label


def decode(said, cells, tree, told, confidence_threshold):
    """(boxes, scores, labels) of one picture (M, 5 + K): the nodes `told` surer than the threshold, in their order."""
    confidence = F.sigmoid(said[:, BOX - 1 : BOX]) * tree.probabilities(said[:, BOX:])[:, told]
    which, label = np.nonzero(confidence > confidence_threshold)
    return cells.decode(said)[which], confidence[which, label], label


SCENES = Settings(steps=1500, batch=32, lr=3e-3, quick=25)
PHOTOGRAPHS = Settings(steps=1500, batch=8, lr=2e-3, quick=25)
PICTURES = {"boxed": 6000, "named": 2000, "test": 500}
QUICK = {"boxed": 48, "named": 16, "test": 40}


def weakly_labelled(options, names=True):
    """DetectionData whose training labels are nodes of TREE and whose test labels are its leaves.

    Without `names` it holds only the pictures with boxes; the others show one object of WITHOUT_BOXES each.
    """
    count, seed, variant = QUICK if options.quick else PICTURES, options.seed, SCENE_VARIANTS["eight64"]
    one = replace(variant, objects=(1, 1), kinds=WITHOUT_BOXES)
    named = ShapeScenes(count["named"], "val", seed, one) if names else None  # other backgrounds
    train = BoxesOrNames(TREE, ShapeScenes(count["boxed"], "train", seed, variant), WITHOUT_BOXES, named)
    return DetectionData(train, ShapeScenes(count["test"], "test", seed, variant), vary_scenes)


def trained(options, report, data, stage="", tree=None, settings=None):
    """A detector that has learned from `data.train`, whose labels are nodes of a tree, and its Training.

    `tree`: a LabelTree for other scenes than the lecture's, with a box for every object.
    Without pictures that are only named a batch is smaller: as many boxes are seen in as many steps.
    """
    pcn.manual_seed(options.seed)
    if options.data is not None:
        model, settings = YOLO9000(data.classes, anchors_of(data)), settings or PHOTOGRAPHS
    elif tree is not None:
        model, settings = YOLO9000(tree, anchors_of(data)), settings or SCENES
    else:
        model, settings = YOLO9000(TREE, ANCHORS), settings or SCENES
        if data.train.named is None:
            boxed = PICTURES["boxed"] / (PICTURES["boxed"] + PICTURES["named"])
            settings = replace(settings, batch=round(settings.batch * boxed))
    return model, learn(model, lambda model, *batch: model.loss(*batch), data, settings, options, report, stage)


def anchors_of(data, most=1000):
    """The (w, h) of as many anchors as ANCHORS has, by k-means on IoU of training boxes."""
    boxes = data.training_boxes(most)
    return iou_kmeans(boxes[:, 2:] - boxes[:, :2], len(ANCHORS))


def run(options, report):
    """The lecture: with and without the pictures that have names only. With --data: a tree of one level, all boxes."""
    if options.data is not None:
        data = detection_data(options)
        model, training = trained(options, report, data)
        judge(model, data, report)
        figures.loss_curve(report, training.losses)
        figures.detections(report, data.test, model)
        return
    data = weakly_labelled(options)
    model, training = trained(options, report, data)
    enter(report, model, data.test)
    baseline = Report(report.lecture, report.folder.parent, report.seed)
    without, _ = trained(options, report, weakly_labelled(options, names=False), stage="without-names")
    enter(baseline, without, data.test)
    report.baselines.update({name: baseline.metrics[name] for name in ("map50", "ap50", "recall", "map50_95")})
    for name, of in (("with names", report), ("boxes only", baseline)):
        report.variants[name] = averages(of.metrics["ap50"])
    figures.loss_curve(report, training.losses)
    figures.detections(report, data.test, model)
    tree_figures.average_precisions(report, TREE, WITHOUT_BOXES)
    tree_figures.tree_on_pictures(report, model, data.test)
    tree_figures.weakly_learned(report, {"with names": model, "boxes only": without}, data.test, WITHOUT_BOXES)


def enter(report, model, test):
    """Judge leaves and inner nodes: ap50 of all nodes, map50 the mean over the kinds without a box of their own."""
    detections, truths = evaluate(model, test, report)
    warn_if_same_box(detections, truths)
    inner = np.setdiff1d(np.arange(len(TREE)), TREE.leaves)
    coarse = Report(report.lecture, report.folder.parent, report.seed)
    evaluate(model.telling(inner), coarsely(test, inner), coarse)
    report.metrics["ap50"] |= coarse.metrics["ap50"]
    report.metrics["map50"] = averages(report.metrics["ap50"])["map50"]


def coarsely(test, inner):
    """The same pictures, whose objects are named by the parents of their kinds."""
    relabelled = BoxesOrNames(TREE, test, test.classes)
    relabelled.classes = tuple(TREE.names[k] for k in inner)
    return relabelled


def averages(ap50):
    """Means of the average precision over the kinds without boxes (map50), with boxes, and the coarse classes."""
    leaves = [TREE.names[k] for k in TREE.leaves]
    groups = {
        "map50": WITHOUT_BOXES,
        "map50 of kinds with boxes": [name for name in leaves if name not in WITHOUT_BOXES],
        "map50 of coarse classes": [name for name in TREE.names if name not in leaves],
    }
    return {title: float(np.mean([ap50[name] for name in names])) for title, names in groups.items()}


def demo(options, report):
    """Sliders for the two thresholds on the trained detector (trained first if there is no checkpoint)."""
    data = weakly_labelled(options) if options.data is None else detection_data(options)
    return demonstrate(trained, options, report, data)
