"""Turning, scaling and moving a face until its landmarks lie where those of the standard face lie; and cutting it out.

A map (2, 3) takes a point (x, y) of the cut-out, in pixels, to the point map @ (x, y, 1) of the picture it is cut from.
Deck "Fun Ways To Use ConvNets", slide "Face Recognition/Verification" (4): crop, map onto a "standard" face.
"""

import numpy as np

from pyconvnet import functional as F

# Where both eyes, the tip of the nose and the corners of the mouth lie in an aligned face, in shares of its side.
STANDARD_FACE = np.array([[0.35, 0.42], [0.65, 0.42], [0.5, 0.52], [0.385, 0.7], [0.615, 0.7]])


def similarity(source, target):
    """The map (..., 2, 3) that turns, scales and moves the points `source` (..., K, 2) nearest to `target`, in squares.

    With the centred points X, Y and the singular values of Y^T X = U S V^T: rotation R = U diag(1, det UV) V^T, scale
    s = tr(S diag(1, det UV)) / |X|^2, shift = mean Y - s R mean X. Umeyama, "Least-squares estimation of transformation
    parameters between two point patterns" (1991). ValueError for fewer than two points, or all in one place.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if source.shape[-2:] != target.shape[-2:] or source.ndim < 2 or source.shape[-1] != 2 or source.shape[-2] < 2:
        raise ValueError(f"similarity: two times K >= 2 points (..., K, 2), got {source.shape} and {target.shape}")
    source, target = np.broadcast_arrays(source, target)
    if not (np.isfinite(source).all() and np.isfinite(target).all()):
        raise ValueError("similarity: a point is not finite")
    mean_x, mean_y = source.mean(-2), target.mean(-2)
    x, y = source - mean_x[..., None, :], target - mean_y[..., None, :]
    size = (x**2).sum((-2, -1))
    if in_one_place(source).any() or in_one_place(target).any():
        raise ValueError("similarity: all points of a face are in one place: it has no size and no angle")
    U, S, Vt = np.linalg.svd(np.swapaxes(y, -1, -2) @ x)
    S, U = S.copy(), U.copy()
    mirrored = np.linalg.det(U) * np.linalg.det(Vt) < 0
    S[..., 1] *= np.where(mirrored, -1, 1)  # a face is never mirrored, even where that would fit better
    U[..., :, 1] *= np.where(mirrored, -1, 1)[..., None]
    R = (S.sum(-1) / size)[..., None, None] * (U @ Vt)
    shift = mean_y[..., None] - R @ mean_x[..., None]
    return np.concatenate([R, shift], -1)


def in_one_place(points):
    """Whether all of the points (..., K, 2) of a face, in pixels, are the same: (...,)."""
    return np.ptp(points, axis=-2).max(-1) < 1e-6


def moved(maps, points):
    """Points (..., K, 2) under maps (..., 2, 3)."""
    maps = np.asarray(maps)
    return np.asarray(points) @ np.swapaxes(maps[..., :2], -1, -2) + maps[..., None, :, 2]


def box_maps(boxes, size, margin=1.28):
    """Maps (n, 2, 3) of square cut-outs around boxes (n, 4) of heads, `margin` times the longer side, upright."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    step = margin * (boxes[:, 2:] - boxes[:, :2]).max(1) / size  # pixels of the picture in one of the cut-out
    corner = (boxes[:, :2] + boxes[:, 2:]) / 2 - step[:, None] * size / 2
    return np.concatenate([step[:, None, None] * np.eye(2), corner[..., None]], -1)


def cut_out(images, maps, size):
    """What maps (N, 2, 3) take from images (N, 3, H, W): (N, 3, size, size), bilinear, the border's colour beyond it.

    Differentiable in images. One picture (3, H, W) serves all maps. ValueError.
    """
    maps = np.asarray(maps, np.float64)
    if maps.ndim != 3 or maps.shape[1:] != (2, 3):
        raise ValueError(f"cut_out: maps must be (N, 2, 3), got {maps.shape}")
    if images.ndim == 3:
        images = np.broadcast_to(images, (len(maps), *images.shape))
    if images.ndim != 4 or len(images) != len(maps):
        raise ValueError(f"cut_out: one picture (3, H, W), or one for each of {len(maps)} maps, got {images.shape}")
    if not len(maps):
        return np.zeros((0, 3, size, size), np.float32)
    places = (np.mgrid[:size, :size][::-1] + 0.5).reshape(2, -1).T  # (x, y) of every pixel's centre
    sides = np.array(images.shape[:1:-1])  # (W, H)
    grid = moved(maps, places) / sides * 2 - 1  # grid_sample counts from -1 to 1
    grid = grid.reshape(-1, size, size, 2).astype(images.dtype)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def aligned(images, landmarks, size=32, standard=STANDARD_FACE):
    """Faces (N, 3, size, size) with their landmarks (N, K, 2), in pixels of the images, as near to `standard` (K, 2),
    in shares of the side, as a similarity takes them. Also the maps. ValueError for landmarks all in one place."""
    maps = similarity(np.asarray(standard) * size, landmarks)
    return cut_out(images, maps, size), maps
