"""What one number of a hidden layer depends on: its receptive field, and pictures cut to it."""

import numpy as np

import pyconvnet as pcn


def field(network, layer):
    """(top, left, bottom, right) of the pixels that the neuron in the middle of a layer's map depends on."""
    shape = 1, network.channels, network.size, network.size
    noise = np.random.default_rng(0).random(shape, np.float32)
    x = pcn.tensor(noise, requires_grad=True)
    maps = network.features(x, [layer])[layer]
    slope = pcn.grad((maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2] ** 2).sum(), x)[0].data
    rows, columns = (np.flatnonzero(np.abs(slope).sum((0, 1, axis))) for axis in (3, 2))
    if not len(rows):
        return 0, 0, network.size, network.size
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def cut(image, box, away=(0, 0)):
    """The box of a picture [C, H, W], moved by `away` pixels (down, right); grey where the picture ends."""
    top, left, bottom, right = box
    room = max(image.shape[1:])
    grey = np.pad(image, ((0, 0), (room, room), (room, room)), constant_values=0.5)
    y, x = top + away[0] + room, left + away[1] + room
    return grey[:, y : y + bottom - top, x : x + right - left]
