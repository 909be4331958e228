"""Multiply-accumulates are counted as the layers define them."""

import pyconvnet as pcn
from lectures.macs import counted_macs
from pyconvnet import nn


def test_layers_count_outputs_times_what_each_reads():
    model = nn.Sequential(
        nn.Conv2d(3, 8, (3, 5), stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, groups=4),
        nn.Flatten(),
        nn.Linear(8 * 2 * 1, 2),
    )
    with counted_macs(model) as macs:
        y = model(pcn.zeros((2, 3, 8, 8)))
    first, second, dense = 2 * 8 * 4 * 3 * (3 * 3 * 5), 2 * 8 * 2 * 1 * (2 * 3 * 3), 2 * 2 * 16
    assert y.shape == (2, 2) and macs.total == first + second + dense
    model(pcn.zeros((2, 3, 8, 8)))
    assert macs.total == first + second + dense  # outside of the block nothing is counted


def test_a_layer_used_twice_counts_twice():
    layer = nn.Linear(4, 4)
    with counted_macs(layer) as macs:
        layer(layer(pcn.zeros((1, 4))))
    assert macs.total == 2 * 16
