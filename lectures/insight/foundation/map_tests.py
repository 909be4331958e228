"""Does a saliency map deserve to be believed? Shares inside a mask, four pictures in one, correlation of ranks."""

import numpy as np

from lectures.fixed_network.likeness import correlation, ranks

MIDDLE = 0.25  # of the picture's side: standard deviation of the map that always shows the middle


def mass_inside(maps, masks):
    """Share of each map [N, H, W], not negative, that lies inside a mask [N, H, W]; of an empty map its area."""
    whole = maps.sum((1, 2))
    inside = (maps * masks).sum((1, 2))
    return np.where(whole > 0, inside / np.where(whole > 0, whole, 1), masks.mean((1, 2)))


def middle_map(shape):
    """The map [H, W] that always shows the middle: a Gaussian."""
    y, x = (np.arange(side) - (side - 1) / 2 for side in shape)
    sigma = MIDDLE * min(shape)
    return np.exp(-(y[:, None] ** 2 + x**2) / (2 * sigma**2)).astype(np.float32)


def same_order(a, b):
    """Spearman's correlation of the pixels of maps [N, H, W] with those of others: [N]; 0 for a constant map."""
    return correlation([ranks(x) for x in a], [ranks(y) for y in b])


def grids(images, labels, count, seed=0):
    """(pictures [count, C, 2H, 2W] of four images of different labels each, their labels [count, 4]).

    In reading order. ValueError where fewer than four labels are there.
    """
    known = np.unique(labels)
    if len(known) < 4:
        raise ValueError(f"the grid of four needs pictures of four classes, got {len(known)}: show it more")
    rng, pictures, names = np.random.default_rng(seed), [], []
    for _ in range(count):
        four = rng.choice(known, 4, replace=False)
        a, b, c, d = (images[rng.choice(np.flatnonzero(labels == label))] for label in four)
        pictures.append(np.concatenate([np.concatenate([a, b], 2), np.concatenate([c, d], 2)], 1))
        names.append(four)
    return np.stack(pictures), np.array(names)


def quarters(shape):
    """Masks [4, H, W] of the four pictures of a grid, in reading order."""
    masks = np.zeros((4, *shape), bool)
    for k, (y, x) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        masks[k, y * shape[0] // 2 : (y + 1) * shape[0] // 2, x * shape[1] // 2 : (x + 1) * shape[1] // 2] = True
    return masks
