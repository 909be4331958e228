r"""DeepFace's pairwise loss: given two faces, the probability that they are of one person, from what differs.

Deck "Fun Ways To Use ConvNets", slides "Face Recognition/Verification" (2 and 3, in part: the pairwise loss): map both
images to feature vectors y1, y2 by the same ConvNet, then predict by logistic regression whether they are of the same
person; "logistic cost function on difference between pairs of images in training data". Deck "Computer Vision -
Lecture 16: Deep Learning Applications", slide "Other Tasks: Face Verification". Taigman et al., "DeepFace" (2014),
section 4.2: the siamese network, a weighted L1 distance.

The slide's vector [y1, y2] cannot be meant literally: what is linear in y1 and in y2 cannot ask whether they are
equal. `on_concatenation` measures it. Ours is the logistic of b + sum of w_k |y1_k - y2_k|, over balanced pairs; the
contrastive loss of Hadsell et al., "Dimensionality Reduction by Learning an Invariant Mapping" (2006), is a variant.
Ours is smaller: 32 x 32 pixels, three convolutions, no alignment in 3-D, no classifier trained first.
"""

import numpy as np

import pyconvnet as pcn
from lectures.faces.drawing import recognition_figures as figures
from lectures.faces.foundation.eigenfaces import baselines
from lectures.faces.foundation.embedding import WIDTHS, WIDTHS_FOR_PHOTOGRAPHS, EmbeddingNet
from lectures.faces.foundation.learning import Settings, learn
from lectures.faces.foundation.portraits import face_data
from lectures.faces.foundation.verification import all_pairs, judge, scores_of
from lectures.faces.triplet import METRICS, enter
from pyconvnet import functional as F
from pyconvnet import nn

MARGIN = 1.0  # of the contrastive loss: two people are far enough apart at this distance


class PairNet(nn.Module):
    """Two faces, one ConvNet: logit of "the same person" = bias + sum_k weight_k |y1_k - y2_k|."""

    def __init__(self, size=(32, 32), widths=WIDTHS):
        super().__init__()
        self.embedding = EmbeddingNet(size, widths, unit=False)
        self.weight = nn.Parameter(np.full(self.embedding.features, -0.5, np.float32))
        self.bias = nn.Parameter(np.full(1, 2.0, np.float32))

    def forward(self, first, second):
        """[N, C, H, W] twice to logits [N]."""
        return self.logits(self.embedding(first), self.embedding(second))

    def logits(self, y1, y2):
        """Of feature vectors [N, D] and [N, D]."""
        return ((y1 - y2).abs() * self.weight).sum(-1) + self.bias

    def scores(self, images):
        """The matrix (n, n) of logits of all pairs of faces (n, C, H, W); arrays."""
        y = self.embedding.embed(images).astype(np.float64)
        weight, bias = self.weight.data.astype(np.float64), self.bias.data
        return np.stack([np.abs(row - y) @ weight for row in y]) + bias


def draw_pairs(people, rng):
    """(i, j, the same person? as 1.0 and 0.0): every pair of one person, and as many, drawn, of two.

    ValueError where there is no pair of one of the kinds.
    """
    i, j, same = all_pairs(np.asarray(people))
    if same.all() or not same.any():
        raise ValueError("draw_pairs: the batch needs two pictures of a person, and one of another")
    one, two = np.flatnonzero(same), np.flatnonzero(~same)
    which = np.concatenate([one, rng.choice(two, min(len(one), len(two)), replace=False)])
    return i[which], j[which], same[which].astype(np.float32)


def pairwise_loss(logits, same):
    """The logistic cost log(1 + exp(-t z)), t = 1 for a pair of one person, -1 for two, averaged over the pairs.

    logits [N], a Tensor; same (N,) of 0 and 1.
    """
    return F.binary_cross_entropy_with_logits(logits, pcn.tensor(same))


def contrastive_loss(y1, y2, same, margin=MARGIN):
    """d^2 for a pair of one person, max(0, margin - d)^2 for two, averaged; d = ||y1 - y2||. Hadsell et al. (2006).

    y1, y2 [N, D], Tensors; same (N,) of 0 and 1. At d = 0 the root gets 1e-12, so that its gradient stays finite.
    """
    squared = ((y1 - y2) ** 2).sum(-1)
    short = F.relu(margin - (squared + 1e-12).sqrt()) ** 2
    same = pcn.tensor(np.asarray(same, squared.dtype))
    return (same * squared + (1 - same) * short).mean()


SCENES = Settings(steps=1400, lr=2e-3)
PHOTOGRAPHS = Settings(steps=450)
CONTRASTIVE = Settings(steps=450)


def trained(options, report, data, settings=None, stage=""):
    """A PairNet that has learned from `data.train`, and its Training."""
    pcn.manual_seed(options.seed)
    model = PairNet(data.size, WIDTHS_FOR_PHOTOGRAPHS if data.photographs else WIDTHS)

    def loss(model, images, people, rng):
        y = model.embedding(images)
        i, j, same = draw_pairs(people, rng)
        logits = model.logits(y[i], y[j])
        return {"pairs": pairwise_loss(logits, same), "right": ((logits.data > 0) == (same > 0)).mean()}

    settings = settings or (PHOTOGRAPHS if data.photographs else SCENES)
    return model, learn(model, loss, data, settings, options, report, stage)


def trained_contrastive(options, report, data, settings=CONTRASTIVE):
    """An EmbeddingNet that has learned by the contrastive loss, and its Training."""
    pcn.manual_seed(options.seed)
    model = EmbeddingNet(data.size, WIDTHS_FOR_PHOTOGRAPHS if data.photographs else WIDTHS)

    def loss(model, images, people, rng):
        y = model(images)
        i, j, same = draw_pairs(people, rng)
        return contrastive_loss(y[i], y[j], same)

    return model, learn(model, loss, data, settings, options, report, stage="contrastive", margin=MARGIN)


def on_concatenation(y, people, rng, steps=200):
    """Scores (n, n) of the slide's words taken literally: logistic regression on [y1, y2], fitted to these vectors.

    w1 . y1 + w2 . y2 + b, learned on the very pairs that it is judged on, and still by chance: for each y1 the order
    of all y2 is the same.
    """
    y = (y - y.mean(0)) / (y.std(0) + 1e-6)
    weights = pcn.tensor(np.zeros(2 * y.shape[1], np.float32), requires_grad=True)
    optimizer = pcn.optim.Adam([weights], lr=0.05)
    for _ in range(steps):
        i, j, same = draw_pairs(people, rng)
        i, j = np.where(rng.random(len(i)) < 0.5, (i, j), (j, i))  # who is first must not tell anything
        loss = pairwise_loss(pcn.tensor(np.concatenate([y[i], y[j]], 1)) @ weights, same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    first, second = np.split(weights.data.astype(np.float64), 2)
    return (y @ first)[:, None] + (y @ second)


def run(options, report):
    """The lecture: train, judge on people never seen, the variants, draw."""
    data = face_data(options)
    model, training = trained(options, report, data)
    images, people = data.test.images(), data.test.people
    scores = {"pairwise, logistic on |difference|": model.scores(images)}
    enter(report, judge(next(iter(scores.values())), people, data.among, options.seed))
    scores |= baselines(data, report, METRICS)
    seconds = report.train_seconds  # of the network that is judged
    contrastive, _ = trained_contrastive(options, report, data)
    report.train_seconds = seconds
    y = model.embedding.embed(images)
    variants = {
        "contrastive": scores_of(contrastive.embed(images)),
        "the pairwise net's features, distance only": scores_of(y),
        "logistic regression on [y1, y2]": on_concatenation(y, people, np.random.default_rng(options.seed)),
    }
    for name, s in variants.items():
        found = judge(s, people, data.among, options.seed)
        report.variants[name] = {metric: found[metric] for metric in METRICS}
    figures.loss_curve(report, training)
    figures.roc(report, scores | variants, people)
    figures.pairs(report, data.test, next(iter(scores.values())))
    figures.weights(report, model)
