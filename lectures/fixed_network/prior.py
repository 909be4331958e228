"""What pictures are like before any network is asked: neighbouring pixels are alike."""

import numpy as np

import pyconvnet as pcn

TINY = 1e-6  # of a squared difference: a power of exactly 0 has no gradient where beta < 2


def total_variation(images, beta=2.0, form="exact"):
    """R(I) = sum_xy ((dI/dx)^2 + (dI/dy)^2)^(beta/2) for each picture [N, C, H, W]: Tensor [N].

    Slide "Visualization the Deep Nets"; Mahendran & Vedaldi (2015). dI/dx is the difference to the next pixel, 0 at the
    border. The slide forgets the opening parenthesis: `literal` raises only dI/dy to the power. The same where beta
    is 2; elsewhere `literal` charges lines across and lines down differently.
    """
    if form not in ("exact", "literal"):
        raise ValueError(f"total_variation: form must be 'exact' or 'literal', got {form!r}")
    if not beta > 0:
        raise ValueError(f"total_variation: beta must be above 0, got {beta}")
    if np.ndim(images) != 4:
        raise ValueError(f"total_variation: images must be [N, C, H, W], got {np.shape(images)}")
    x = images if isinstance(images, pcn.Tensor) else pcn.tensor(images)
    across = _squared(x[..., 1:] - x[..., :-1], (0, 1))
    down = _squared(x[..., 1:, :] - x[..., :-1, :], (0, 0, 0, 1))
    power = _power(across + down, beta) if form == "exact" else across + _power(down, beta)
    return power.sum((1, 2, 3))


def _squared(difference, border):
    return pcn.functional.pad(difference * difference, border)


def _power(squares, beta):
    if beta == 2:
        return squares
    least = pcn.full_like(squares, TINY)
    return (squares + least) ** (beta / 2) - least ** (beta / 2)  # exactly 0 where nothing differs


def roughness(images):
    """Root of the mean squared difference of neighbouring pixels of pictures [N, C, H, W]: float array [N]."""
    x = np.asarray(images, np.float64)
    across, down = np.diff(x, axis=-1) ** 2, np.diff(x, axis=-2) ** 2
    return np.sqrt((across.sum((1, 2, 3)) + down.sum((1, 2, 3))) / (across[0].size + down[0].size))


def jitter(images, dx, dy):
    """Pictures [N, C, H, W] rolled by dx pixels to the right and dy down; what leaves on one side enters on the other.

    With other shifts at each step no pixel is at a fixed place of the strides, which would leave a grid.
    """
    if isinstance(images, pcn.Tensor):
        return images.roll((int(dy), int(dx)), (2, 3))
    return np.roll(images, (int(dy), int(dx)), (2, 3))
