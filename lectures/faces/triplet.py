r"""FaceNet's triplet loss: a face nearer to all faces of the same person than to any face of another, by a margin.

Deck "Fun Ways To Use ConvNets", slide "Face Recognition/Verification" (3, in part): input image x, target image y of
the same person, image z of a different person, want ||f(x) - f(y)||^2 + alpha < ||f(x) - f(z)||^2; cost of x is
max{||f(x) - f(y)||^2 - ||f(x) - f(z)||^2 + alpha, 0}, summed over all images. Deck "Computer Vision - Lecture 16: Deep
Learning Applications", slide "Discriminative Face Embeddings". Schroff et al., "FaceNet" (2015).

Which triplets? The slide says all images. Most triplets soon cost nothing, so that the mean over all of them grows
small and its gradient, too. Ours takes all triplets of a batch and averages over those that cost something
("all"); `MINING` has the slide's plain mean, FaceNet's semi-hard negatives, and the hardest ones, with which the
network may collapse: all faces at one point, where the cost is alpha for ever. Then the run says so.
Ours is smaller: 32 x 32 pixels, three convolutions, a minute at most, 400 people instead of eight million.
"""

import warnings

import numpy as np

import pyconvnet as pcn
from lectures.faces.drawing import recognition_figures as figures
from lectures.faces.foundation.collapse import collapsed, warn_if_collapsed
from lectures.faces.foundation.eigenfaces import baselines
from lectures.faces.foundation.embedding import WIDTHS, WIDTHS_FOR_PHOTOGRAPHS, EmbeddingNet, squared_distances
from lectures.faces.foundation.learning import Settings, learn
from lectures.faces.foundation.portraits import face_data
from lectures.faces.foundation.verification import judge, scores_of
from lectures.kept_network import code_of, keep_network, load_kept_network
from pyconvnet import functional as F
from pyconvnet import nn

MARGIN = 0.2  # alpha; the squared distance of two points of the unit sphere is at most 4
METRICS = ("auc", "accuracy", "rank1", "eer")


def triplet_loss(embeddings, people, margin=MARGIN, mining="all"):
    """max(||f(x) - f(y)||^2 - ||f(x) - f(z)||^2 + margin, 0), the mean over the triplets that `mining` picks.

    embeddings [N, D], a Tensor; people (N,). Returns {"triplet": Tensor} and, noted only, the margin, the share of
    triplets that cost something, and the mean distance of two faces. ValueError for an unknown mining, and where the
    batch holds no triplet.
    """
    if mining not in MINING:
        raise ValueError(f"triplet_loss: no mining {mining!r}; there are {', '.join(MINING)}")
    distances = squared_distances(embeddings)
    x, y, z = triplets(people)
    if not len(x):
        raise ValueError("triplet_loss: no triplet in the batch: it needs two pictures of a person, and one of another")
    violation = distances.data[x, y] - distances.data[x, z] + margin
    chosen = MINING[mining](distances.data, x, y, z, violation)
    x, y, z = x[chosen], y[chosen], z[chosen]
    cost = F.relu(distances[x, y] - distances[x, z] + margin).mean()
    noted = {"margin": margin, "active triplets": (violation > 0).mean(), "distance": distances.data.mean()}
    return {"triplet": cost, **noted}


def triplets(people):
    """All (x, y, z) with x, y different pictures of one person and z of another: three index arrays."""
    people = np.asarray(people)
    same = people[:, None] == people
    pair = np.argwhere(same & ~np.eye(len(people), dtype=bool))
    which, z = np.nonzero(~same[pair[:, 0]])
    return pair[which, 0], pair[which, 1], z


def that_cost(distances, x, y, z, violation):
    """All triplets that cost something; all of them where none does. "Batch all", Hermans et al. (2017)."""
    return violation > 0 if (violation > 0).any() else slice(None)


def every_one(distances, x, y, z, violation):
    """All triplets, as on the slide."""
    return slice(None)


def semi_hard(distances, x, y, z, violation):
    """For each pair x, y the nearest z that is further away than y; where there is none the furthest. FaceNet, 3.2."""
    far = distances[x, z]
    behind = far > distances[x, y]
    return _first_of_each(x * len(distances) + y, ~behind, np.where(behind, far, -far))


def hardest(distances, x, y, z, violation):
    """For each x the furthest y and the nearest z. "Batch hard", Hermans et al. (2017); it may collapse."""
    return _first_of_each(x, -violation)


def _first_of_each(group, *ranks):
    """The positions with the smallest ranks within each group; later ranks decide where earlier ones are equal."""
    order = np.lexsort((*ranks[::-1], group))
    return order[np.unique(group[order], return_index=True)[1]]


MINING = {"all": that_cost, "slide": every_one, "semi-hard": semi_hard, "hard": hardest}

SCENES = Settings(steps=1400, lr=3e-3)
PHOTOGRAPHS = Settings(steps=450)
VARIANTS = Settings(steps=300)  # at 1e-3, where the hardest triplets collapse


def embedding_for(data):
    """A fresh network for these faces: for photographs, which are larger and few, a pooling more and batch norm."""
    widths = WIDTHS_FOR_PHOTOGRAPHS if data.photographs else WIDTHS
    return EmbeddingNet(data.size, widths, normalised=data.photographs)


def trained(options, report, data, settings=None, mining="all", stage=""):
    """An EmbeddingNet that has learned from `data.train`, and its Training."""
    pcn.manual_seed(options.seed)
    model = embedding_for(data)

    def loss(model, images, people, rng):
        return triplet_loss(model(images), people, MARGIN, mining)

    settings = settings or (PHOTOGRAPHS if data.photographs else SCENES)
    return model, learn(model, loss, data, settings, options, report, stage, margin=MARGIN, mining=mining)


def kept(options, report, data):
    """The EmbeddingNet of this lecture, all triplets: the one trained last with this code, these pictures and options.

    Trained here where there is none. The time goes to the report: that of today, or that of the day it was kept.
    """
    model, seconds = embedding_for(data), pcn.tensor(np.zeros(1))
    settings = PHOTOGRAPHS if data.photographs else SCENES
    some = data.train.images(np.linspace(0, len(data.train) - 1, 50).astype(int))
    identity = (*code_of(__file__), settings, options.seed, options.quick, data.train.people, some)
    if load_kept_network(_Timed(model, seconds), *identity):
        report.train_seconds += seconds.item()
    else:
        model, training = trained(options, report, data, settings, stage="triplet" * (report.lecture != "triplet"))
        keep_network(_Timed(model, pcn.tensor([training.seconds])), *identity)
    return model.eval()


class _Timed(nn.Module):
    """A network and the seconds [1] that it learned."""

    def __init__(self, network, seconds):
        super().__init__()
        self.network = network
        self.register_buffer("seconds", seconds)


def run(options, report):
    """The lecture: train, judge on people never seen, compare the ways to pick triplets, draw."""
    data = face_data(options)
    model, training = trained(options, report, data)
    vectors = model.embed(data.test.images(), mirrored=data.photographs)
    if not options.quick:  # after so few steps all faces are still near each other
        warn_if_collapsed(vectors)
    found = judge(scores_of(vectors), data.test.people, data.among, options.seed)
    enter(report, found)
    others = baselines(data, report, METRICS)
    figures.loss_curve(report, training)
    curves = {"triplet": scores_of(vectors), **others}
    figures.roc(report, curves, data.test.people)
    figures.distances(report, vectors, data.test.people)
    figures.neighbours(report, data.test, vectors)
    if not data.photographs:
        seconds = report.train_seconds  # of the network that is judged
        compare_mining(options, report, data)
        report.train_seconds = seconds


def enter(report, found):
    """The metrics, and what else `judge` measured, into the report."""
    report.metrics.update({name: found[name] for name in METRICS})
    report.extra["ten_fold_accuracy"], report.extra["folds_share_people"] = found["ten_fold"], found["shared"]
    report.extra |= {f"true_accepts_at_{rate:g}": share for rate, share in found["true_accepts"].items()}
    if np.isnan(found["accuracy"]):
        print("no accuracy: the threshold is chosen on half of the unseen people, and both halves need pairs of one "
              "person and of two, so four unseen people with two pictures each at least")  # fmt: skip


def compare_mining(options, report, data):
    """A short training with each way to pick triplets; what collapses is named in the table."""
    histories = {}
    for mining in MINING:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model, training = trained(options, report, data, VARIANTS, mining, stage=mining)
        vectors = model.embed(data.test.images())
        found = judge(scores_of(vectors), data.test.people, data.among, options.seed)
        gone = collapsed(vectors)
        row = {name: found[name] for name in METRICS}
        row |= {"spread": float(vectors.std(0).mean()), "verdict": "collapsed" if gone else "learns"}
        report.variants[f"{mining}, {training.steps} steps"] = row
        report.extra.setdefault("warnings", {})[mining] = [str(w.message) for w in said]
        histories[mining] = training
    figures.mining(report, histories)
