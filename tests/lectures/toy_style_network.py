"""A network of whole numbers on a torus: what is moved to the right enters again on the left, and sums are exact."""

import numpy as np

import pyconvnet as pcn
from lectures.fixed_network.network import FixedNetwork, Step
from pyconvnet import nn

TOTAL = 4  # its total stride


def torus(rng, inputs=3, widths=(4, 5, 6)):
    """A FixedNetwork with circular padding, strides 1, 2 and 4, weights -1, 0 or 1 and layers conv1, conv2, conv3."""
    steps = []
    for k, width in enumerate(widths):
        conv = nn.Conv2d(inputs, width, 3, padding=1, padding_mode="circular", bias=False)
        conv.weight.data[...] = rng.choice((-1, 0, 1), conv.weight.shape, p=(0.07, 0.8, 0.13))  # few: small sums
        steps += [Step(nn.MaxPool2d(2), stride=2)] if k else []
        steps += [Step(conv), Step(nn.ReLU(), f"conv{k + 1}")]
        inputs = width
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 2))
    return FixedNetwork("torus", [*steps, Step(head)], ("a", "b"), 3, 16)


def whole(rng, count=2, side=16):
    """Pictures [count, 3, side, side] of small whole numbers."""
    return rng.integers(0, 3, (count, 3, side, side)).astype(np.float32)


def small(seed=0, widths=(4, 6)):
    """An ordinary small network with layers conv1 and conv2, its weights drawn and not taught."""
    pcn.manual_seed(seed)
    steps, inputs = [], 3
    for k, width in enumerate(widths):
        steps += [Step(nn.MaxPool2d(2), stride=2)] if k else []
        steps += [Step(nn.Conv2d(inputs, width, 3, padding=1)), Step(nn.ReLU(), f"conv{k + 1}")]
        inputs = width
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 2))
    return FixedNetwork("small", [*steps, Step(head)], ("a", "b"), 3, 16)
