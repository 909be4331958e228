"""How training pictures of faces are varied: a folder of photographs is small, and a face stays whose it is."""

import numpy as np

from pyconvnet import functional as F


def leave_as_they_are(images, rng):
    """Procedural faces vary enough by themselves."""
    return images


def vary_photographs(images, rng, turn=0.17, scale=0.1, shift=0.05, contrast=0.2, brightness=0.15):
    """Mirror, turn by up to `turn` radians, scale, shift (share of the side), contrast and brightness; (N, C, H, W).

    Outside the picture its border goes on.
    """
    n, _, height, width = images.shape
    angle, size = rng.uniform(-turn, turn, n), np.exp(rng.uniform(-scale, scale, n))
    x, y = rng.uniform(-2 * shift, 2 * shift, (2, n))  # the picture is 2 wide, from -1 to 1
    mirror = rng.choice([-1.0, 1.0], n)
    c, s, aspect = size * np.cos(angle), size * np.sin(angle), height / width
    theta = np.stack([np.stack([c * mirror, -s * aspect, x], 1), np.stack([s * mirror / aspect, c, y], 1)], 1)
    grid = F.affine_grid(theta.astype(images.dtype), images.shape, align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    gain, level = np.exp(rng.uniform(-contrast, contrast, n)), rng.uniform(-brightness, brightness, n)
    return (images * gain[:, None, None, None] + level[:, None, None, None]).astype(images.dtype)
