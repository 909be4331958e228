"""How an evolving picture is written down: pixel by pixel (direct), or as a small network that paints (indirect).

Deck "Deep Convolutional Neural Networks II", slide "Deep Network Can Easily Be Fooled" (2): "Direct/Indirect
encoding". Both as in Nguyen, Yosinski and Clune (2015), the second one smaller. Genomes are rows of an array
[n, length]; NumPy only, for nothing here is differentiated.
"""

import numpy as np


class Direct:
    """Every pixel is a gene. From uniform noise; each pixel is changed with probability `rate`, halved every `halve`
    generations, by polynomial mutation of strength 15 (Deb), as in the paper (there 0.1, and 1000).
    """

    name = "direct"

    def __init__(self, shape, rate=0.1, halve=1000, strength=15):
        self.shape, self.rate, self.halve, self.strength = tuple(shape), rate, halve, strength

    def random(self, rng, count):
        """`count` pictures of noise."""
        return rng.random((count, int(np.prod(self.shape))), np.float32)

    def mutated(self, rng, genomes, generation=0):
        """A child of every genome."""
        changed = rng.random(genomes.shape, np.float32) < self.rate * 0.5 ** (generation // self.halve)
        u, power = rng.random(genomes.shape, np.float32), 1 / (self.strength + 1)
        delta = np.where(u < 0.5, (2 * u) ** power - 1, 1 - (2 * (1 - u)) ** power)
        return np.where(changed, np.clip(genomes + delta, 0, 1), genomes).astype(np.float32)

    def pictures(self, genomes):
        """[n, C, H, W] float32 in [0, 1]."""
        return genomes.reshape(-1, *self.shape)


FUNCTIONS = {
    "sine": np.sin,
    "Gauss": lambda z: np.exp(-(z**2)),
    "sigmoid": lambda z: 1 / (1 + np.exp(-np.clip(z, -30, 30))),
    "line": lambda z: z,
    "absolute": np.abs,
}
INPUTS = ("x", "y", "distance", "one")
FIRST = 10


class CPPN:
    """A compositional pattern-producing network: value = f(x, y, distance from the middle, 1), the same f everywhere.

    Nodes in order, each may take from the inputs and from nodes before it; the last ones are the channels. A genome
    is their weights (0: not connected) and after them the number of each node's function. It starts with a
    few connections and no hidden node; mutations change weights, add and cut connections, add nodes, change
    functions. Symmetric pictures come of themselves where x enters by its absolute value (`symmetric`), or not at all.
    """

    name = "indirect"

    def __init__(self, shape, hidden=12, symmetric=False):
        channels, height, width = self.shape = tuple(shape)
        self.hidden, self.nodes = hidden, hidden + channels
        self.sources = len(INPUTS) + self.nodes
        places = np.arange(self.sources), np.arange(self.nodes)[:, None] + len(INPUTS)
        self.allowed = (places[0] < places[1]) & (places[0] < len(INPUTS) + hidden)
        y, x = np.meshgrid(*(np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in (height, width)), indexing="ij")
        x = np.abs(x) if symmetric else x
        self.inputs = np.stack([x, y, np.hypot(x, y), np.ones_like(x)]).reshape(len(INPUTS), -1).astype(np.float32)

    def random(self, rng, count):
        """`count` networks: outputs that take from some inputs, then FIRST mutations, so that no two are alike."""
        weights = np.zeros((count, self.nodes, self.sources), np.float32)
        first = rng.normal(0, 3, (count, self.nodes - self.hidden, len(INPUTS)))
        weights[:, self.hidden :, : len(INPUTS)] = first * (rng.random(first.shape) < 0.7)
        genomes = self._genomes(weights, rng.integers(0, len(FUNCTIONS), (count, self.nodes)))
        for _ in range(FIRST):
            genomes = self.mutated(rng, genomes)
        return genomes

    def mutated(self, rng, genomes, generation=0):
        """A child of every genome; `generation` does not matter."""
        weights, kinds = (part.copy() for part in self.parts(genomes))
        there = weights != 0
        changed = there & (rng.random(weights.shape) < 0.4)
        weights += changed * rng.normal(0, 0.7, weights.shape)
        for w, k in zip(weights, kinds):
            chance = rng.random(4)
            if chance[0] < 0.3:
                self._connect(rng, w)
            if chance[1] < 0.3:
                self._add_node(rng, w, k)
            if chance[2] < 0.15 and (w != 0).sum() > 1:
                w.ravel()[rng.choice(np.flatnonzero(w))] = 0
            if chance[3] < 0.2:
                k[rng.integers(self.nodes)] = rng.integers(len(FUNCTIONS))
        return self._genomes(weights.astype(np.float32), kinds)

    def pictures(self, genomes):
        """[n, C, H, W] float32 in [0, 1]: the outputs, squeezed by a sigmoid."""
        weights, kinds = self.parts(genomes)
        n, pixels = len(genomes), self.inputs.shape[1]
        values = np.zeros((n, self.sources, pixels), np.float32)
        values[:, : len(INPUTS)] = self.inputs
        for node in range(self.nodes):
            known = len(INPUTS) + node
            z = np.matmul(weights[:, node, None, :known], values[:, :known])[:, 0]
            for number, function in enumerate(FUNCTIONS.values()):
                of_this = kinds[:, node] == number
                values[of_this, known] = function(z[of_this])
        out = values[:, len(INPUTS) + self.hidden :]
        return FUNCTIONS["sigmoid"](np.clip(out, -30, 30)).reshape(n, *self.shape).astype(np.float32)

    def parts(self, genomes):
        """(weights [n, nodes, sources], functions [n, nodes]) of genomes."""
        many = self.nodes * self.sources
        return genomes[:, :many].reshape(-1, self.nodes, self.sources), genomes[:, many:].astype(np.int64)

    def _genomes(self, weights, kinds):
        return np.concatenate([weights.reshape(len(weights), -1), kinds], 1).astype(np.float32)

    def _in_use(self, w):
        """Which sources an output may take from: the inputs, and hidden nodes that take from something."""
        return np.r_[np.ones(len(INPUTS), bool), w.any(1)]

    def _connect(self, rng, w):
        """A new connection between what is in use."""
        free = self.allowed & (w == 0) & self._in_use(w) & self._in_use(w)[len(INPUTS) :, None]
        if free.any():
            w.ravel()[rng.choice(np.flatnonzero(free))] = rng.normal(0, 1.5)

    def _add_node(self, rng, w, k):
        """A hidden node in the middle of a connection a -> b: a -> node of weight 1, node -> b of the old weight."""
        unused = np.flatnonzero(~w[: self.hidden].any(1))
        rng.shuffle(unused)
        for node in unused:
            here = w * (np.arange(self.sources) < len(INPUTS) + node)  # a must come before the node
            here[: node + 1] = 0  # and b after it
            if here.any():
                b, a = np.unravel_index(rng.choice(np.flatnonzero(here)), w.shape)
                w[node, a], w[b, len(INPUTS) + node], w[b, a] = 1.0, w[b, a], 0.0
                k[node] = rng.integers(len(FUNCTIONS))
                return
