"""Spatial pyramid pooling: as many numbers for a region, or a picture, of any size. He et al., "SPP-net" (2014)."""

import numpy as np

import pyconvnet as pcn
from pyconvnet import functional as F

STRIDE = 4  # pixels per cell of the feature map
LEVELS = (4, 2, 1)  # bins per side


def spatial_pyramid(maps):
    """Any maps (N, C, H, W) to (N, 21 C): the largest value in each of 4 x 4, 2 x 2 and 1 x 1 bins.

    Slide "Arbitrary size image => fixed-length representation".
    """
    return pcn.cat([F.adaptive_max_pool2d(maps, n).flatten(1) for n in LEVELS], dim=1)


def region_pyramid(maps, regions):
    """The spatial pyramid of every region's cells: maps (N, C, H, W), a list of boxes (n, 4) in pixels -> (K, 21 C)."""
    cells = [region_cells(boxes, maps.shape[2:]) for boxes in regions]
    return pcn.cat([pcn.ops.roi_pool(maps, cells, n).flatten(1) for n in LEVELS], dim=1)


def region_cells(boxes, size):
    """First and last cell (x1, y1, x2, y2) of boxes (n, 4) in pixels: all that a box touches, on a map (H, W).

    The paper's ceil and floor lose a cell on either side, which a box of three cells can ill afford; with roi_pool,
    which rounds and counts the last cell, too, a box that covers the picture would reach one cell beyond it.
    """
    most = np.array([size[1] - 1, size[0] - 1], np.float32)
    first = np.clip(np.floor(boxes[:, :2] / STRIDE), 0, most)
    last = np.clip(np.ceil(boxes[:, 2:] / STRIDE) - 1, first, most)
    return np.concatenate([first, last], axis=1).astype(np.float32)
