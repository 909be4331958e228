"""Labels that form a tree: a softmax among the children of each node, and a product along the path.

Redmon & Farhadi, "YOLO9000" (2017), 4, "Hierarchical classification" (WordTree).
"""

import numpy as np

import pyconvnet as pcn
from pyconvnet import functional as F


class LabelTree:
    """A tree of names below a root without a name: {"round": ("circle", "ring"), "angular": {...}}, to any depth.

    Nodes are numbered so that siblings are neighbours: the children of the root first. `names[k]`, `parent[k]` (-1: the
    root), `groups` (slices of siblings), `leaves`, and `path` (K, K): path[k, j] = 1 if j lies on the way to k.
    ValueError for a name that occurs twice. Slide "YOLOv2, YOLO 9000": "hierarchical output labels".
    """

    def __init__(self, branches):
        self.names, self.groups, parents = [], [], []
        waiting = [(-1, branches)]
        while waiting:
            parent, children = waiting.pop(0)
            if not len(children):
                continue
            self.groups.append(slice(len(self.names), len(self.names) + len(children)))
            below = children.values() if isinstance(children, dict) else [()] * len(children)
            waiting += [(len(self.names) + i, of) for i, of in enumerate(below)]
            self.names += children
            parents += [parent] * len(children)
        if len(set(self.names)) < len(self.names) or not self.names:
            raise ValueError(f"LabelTree: the names of its nodes must differ, and there must be one: {self.names}")
        self.parent = np.array(parents)
        self.leaves = np.setdiff1d(np.arange(len(self)), self.parent)
        self.path = np.eye(len(self), dtype=np.float32)
        for k in range(len(self)):  # a parent has a lower number than its children
            if parents[k] >= 0:
                self.path[k] += self.path[parents[k]]

    def __len__(self):
        return len(self.names)

    def index(self, name):
        """The number of the node of that name; ValueError if there is none."""
        return self.names.index(name)

    def log_conditional(self, scores):
        """log P(node | parent) (..., K) of scores (..., K): the softmax among siblings, Tensor or array.

        ValueError for another number of scores than nodes.
        """
        scores = pcn.tensor(scores) if isinstance(scores, np.ndarray) else scores
        if scores.shape[-1:] != (len(self),):
            raise ValueError(f"LabelTree: one score for each of {len(self)} nodes, got shape {tuple(scores.shape)}")
        parts = [F.log_softmax(scores[..., group], dim=-1) for group in self.groups]
        return parts[0] if len(parts) == 1 else pcn.cat(parts, dim=-1)

    def conditional(self, scores):
        """P(node | parent) (..., K): siblings sum to 1. Arrays."""
        return np.exp(self.log_conditional(scores).data)

    def probabilities(self, scores):
        """P(node) (..., K), the product of P(node | parent) along the path: children sum to their parent. Arrays."""
        return np.exp(self.log_conditional(scores).data @ self.path.T.astype(scores.dtype))

    def cross_entropy(self, scores, labels):
        """- log P(label), summed over n objects: scores Tensor (n, K), labels (n,) any nodes.

        A label higher up in the tree says nothing about its children: their scores have no gradient. ValueError for a
        label that is no node.
        """
        labels = np.asarray(labels, np.int64)
        unknown = np.flatnonzero((labels < 0) | (labels >= len(self)))
        if unknown.size:
            i = unknown[0]
            raise ValueError(f"LabelTree: label {labels[i]} of object {i} is not in 0 ... {len(self) - 1}, the nodes")
        on_path = self.path[labels].astype(scores.dtype)
        return (self.log_conditional(scores) * -on_path).sum()  # the sum of nothing is 0, not -0

    def descend(self, scores, threshold=0.5):
        """The deepest node of one object's scores (K,) that is as probable as `threshold`: (node, probability).

        Always down the most probable branch; (-1, 1.0) where not even a child of the root is. ValueError for scores
        that are not finite.
        """
        if not np.isfinite(scores).all():
            raise ValueError("LabelTree: descend got scores with NaN or infinity: no branch is the most probable one")
        probability, node, sure = self.probabilities(scores), -1, 1.0
        while (children := np.flatnonzero(self.parent == node)).size:
            best = children[probability[children].argmax()]
            if probability[best] < threshold:
                break
            node, sure = int(best), float(probability[best])
        return node, sure
