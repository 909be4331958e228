"""MAP-Elites: one evolution for all classes, which keeps the best picture of every class (Mouret & Clune, 2015).

A child is born of the elite of any class and may win in any other: what is half-way to a starfish may be a good
baseball. Slide "Deep Network Can Easily Be Fooled" (2): "the optimum images found by evolutionary algorithm".

Better is of which the network is surer, as in the paper. The slide's ||NN(I) - S||^2 is least at the same pictures,
but wherever the network is sure of another class it is 2, in all digits that a float has: nothing to select by.
"""

from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

SHOWN = 12  # classes of a network that has many more


@dataclass
class Elites:
    """For each of `classes` a genome and the confidence in it; `history` by generation; how many pictures were seen.

    The history holds the median confidence in the SHOWN classes that the network is surest of.
    """

    classes: np.ndarray
    genomes: np.ndarray
    confidence: np.ndarray
    history: list = field(default_factory=list)
    pictures_seen: int = 0


def square_cost(softmax, classes):
    """||NN(I) - S||^2 for S one-hot of each of `classes`: [n, k] of softmax [n, K]."""
    y = np.asarray(softmax, np.float64)
    of_class = y[:, classes]
    return (y**2).sum(1, keepdims=True) - of_class**2 + (1 - of_class) ** 2


def offer(elites, genomes, softmax):
    """Children apply for every class; the best is taken where the network is surer of it. How many were taken."""
    sure = np.asarray(softmax)[:, elites.classes]
    best, column = sure.argmax(0), np.arange(len(elites.classes))
    better = sure[best, column] > elites.confidence
    elites.genomes[better] = genomes[best[better]]
    elites.confidence[better] = sure[best, column][better]
    elites.pictures_seen += len(genomes)
    taken = int(better.sum())
    elites.history.append({"confidence": float(np.median(np.sort(elites.confidence)[-SHOWN:])), "changed": taken})
    return taken


def evolve(network, encoding, classes, generations, children, rng, bar=None):
    """Elites after `generations` of as many `children` each, all shown to the network at once, from random genomes.

    network.predict(pictures) -> (labels, softmax). classes: their numbers. `bar`: what the progress is called.
    """
    classes = np.asarray(classes)
    genomes = encoding.random(rng, children)
    elites = Elites(classes, np.repeat(genomes[:1], len(classes), 0), np.full(len(classes), -1.0))
    offer(elites, genomes, network.predict(encoding.pictures(genomes))[1])
    progress = tqdm(total=generations, desc=bar, unit="generation", mininterval=0.5, leave=False, disable=bar is None)
    with progress:
        for generation in range(generations):
            parents = elites.genomes[rng.integers(len(classes), size=children)]
            genomes = encoding.mutated(rng, parents, generation)
            offer(elites, genomes, network.predict(encoding.pictures(genomes))[1])
            progress.update()
    return elites
