"""Four Python threads train four copies of a network at once, without touching each other."""

import copy
import threading

import numpy as np

import pyconvnet as pcn
from pyconvnet import nn
from pyconvnet.nn import functional as F


def train(model, seed, steps=15):
    """A small network on random pictures; the generator is the thread's own."""
    rng = np.random.default_rng(seed)
    optimizer = pcn.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(steps):
        images = pcn.tensor(rng.standard_normal((8, 3, 12, 12), dtype=np.float32))
        loss = F.cross_entropy(model(images), rng.integers(0, 5, 8))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_training_in_four_threads_gives_the_bits_of_training_one_after_the_other():
    pcn.manual_seed(0)
    first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                          nn.Linear(8 * 36, 5))  # fmt: skip
    alone, together = ([copy.deepcopy(first) for _ in range(4)] for _ in range(2))
    for seed, model in enumerate(alone):
        train(model, seed)
    threads = [threading.Thread(target=train, args=(model, seed)) for seed, model in enumerate(together)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    for a, b in zip(alone, together):
        for (name, x), y in zip(a.state_dict().items(), b.state_dict().values()):
            np.testing.assert_array_equal(x.data, y.data, err_msg=name)
    assert not np.array_equal(alone[0].state_dict()["0.weight"].data, alone[1].state_dict()["0.weight"].data)
