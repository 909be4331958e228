"""The controls of an attack: the same length in another direction, and what a file of 8 bits keeps of it."""

from io import BytesIO
from pathlib import Path

import numpy as np

from pyconvnet.data.pictures import read_picture
from pyconvnet.io import write_whole

GREY_LEVELS = 255.0
FARTHEST = 1e6  # factor of a direction


def rms(r):
    """Root of the mean square of every r [n, C, H, W], in grey levels of 255."""
    return GREY_LEVELS * np.sqrt((np.asarray(r, np.float64) ** 2).mean((1, 2, 3)))


def moved(images, direction, grey_levels, accuracy=1e-5):
    """Pictures moved along `direction` and clipped to [0, 1]: the RMS of what is left of the move is `grey_levels`.

    Whatever the clip takes away must be made up for, else noise on a black ground would be half as long as it claims
    to be. All [n, C, H, W], grey_levels a number, or one each. RuntimeError where the bounds allow no such move.
    """
    images, direction = np.asarray(images, np.float32), np.asarray(direction, np.float32)
    wanted = np.broadcast_to(np.asarray(grey_levels, np.float64), len(images))
    factor, length = np.where(wanted > 0, wanted, 0.0), rms(direction)
    factor = np.divide(factor, length, out=np.zeros(len(images)), where=length > 0)
    for _ in range(200):  # length(factor) / factor falls, so this never goes too far
        there = np.clip(images + factor.astype(np.float32).reshape(-1, 1, 1, 1) * direction, 0, 1)
        reached = rms(there - images)
        short = reached < wanted * (1 - accuracy)
        if not short.any():
            return there
        factor[short] = np.minimum(factor[short] * wanted[short] / np.maximum(reached[short], 1e-6), FARTHEST)
    k = int(np.flatnonzero(short)[0])
    raise RuntimeError(
        f"moved: picture {k} cannot be moved by {wanted[k]:.4g} grey levels in this direction, only by {reached[k]:.4g}"
        ": is the direction 0, or are all pixels at their bounds?"
    )


def gaussian(images, grey_levels, rng):
    """The pictures with Gaussian noise of exactly this RMS after the clip."""
    return moved(images, rng.standard_normal(np.shape(images), np.float32), grey_levels)


def permuted(images, r, rng):
    """The pictures with the pixels of their r in random order, as long as it: is it the pattern that counts?"""
    places = np.argsort(rng.random((len(r), 1, r[0, 0].size)), -1)
    shuffled = np.take_along_axis(r.reshape(*r.shape[:2], -1), places, -1).reshape(r.shape)
    return moved(images, shuffled, rms(r))


def eight_bits(images):
    """What a file of 8 bits a channel keeps of pictures in [0, 1]."""
    return (np.round(np.asarray(images) * GREY_LEVELS) / GREY_LEVELS).astype(np.float32)


def save_pictures(folder, names, images):
    """Write pictures [n, 1 or 3, H, W] as folder/NAME.png, each whole or not at all; their paths."""
    from PIL import Image

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, image in zip(names, images, strict=True):
        pixels = np.round(np.clip(image, 0, 1) * GREY_LEVELS).astype(np.uint8)
        file = BytesIO()
        Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).save(file, "PNG")
        write_whole(folder / f"{name}.png", file.getvalue())
    return [folder / f"{name}.png" for name in names]


def read_pictures(paths, channels):
    """Pictures of one size [n, channels, H, W] float32 in [0, 1], from files."""
    return np.stack([read_picture(path)[0][:channels] for path in paths]).astype(np.float32) / np.float32(GREY_LEVELS)
