"""The door to the kernels that pick values out of the planes of pictures: pooling's winners and their way back."""

import numpy as np

from pyconvnet.kernels import backend, geometry


def max_pool(x, kernel_size, stride=None, dilation=1):
    """(y, positions): the largest value of each window of x [N, C, H, W] without padding, and where it is.

    positions int32, else as max_pool_indices has them; H W below 2^31.
    """
    _floats("max_pool", "x", x)
    k = geometry.pool_geometry("max_pool", x.shape, kernel_size, stride, 0, dilation, False)
    if x.shape[2] * x.shape[3] >= 2**31:
        raise ValueError(f"max_pool: planes of {x.shape[2]} x {x.shape[3]} have positions beyond 32 bits")
    return backend.current.max_pool(x, k)


def gather_planes(x, image, chosen):
    """y[r, c, i, j] = the value of x[image[r], c] at position chosen[r, c, i, j] = y W + x.

    x [N, C, H, W], image int64 [R] (0 ... N - 1 for pooling: each picture a row of its own), chosen int64 or
    int32 [R, C, i, j], each in [0, H W). ValueError for a position outside.
    """
    _floats("gather_planes", "x", x)
    image, chosen = _checked("gather_planes", x.shape, image, chosen)
    return backend.current.gather_planes(x, image, chosen)


def scatter_planes(g, image, chosen, shape):
    """The transpose of gather_planes: every g[r, c, i, j] added to the pixel it was taken from, of an x of `shape`."""
    _floats("scatter_planes", "g", g)
    image, chosen = _checked("scatter_planes", shape, image, chosen)
    if g.shape != chosen.shape:
        raise ValueError(f"scatter_planes: g {g.shape} and chosen {chosen.shape} must have the same shape")
    return backend.current.scatter_planes(g, image, chosen, tuple(shape))


def roi_pool_indices(x, image, bins_y, bins_x, lowest):
    """Where each bin of each region has its largest value above `lowest`, as y W + x: int64 [R, C, bins, bins].

    x [N, C, H, W]; region r looks at picture image[r]; its bins are the rows bins_y[0, r, i] to bins_y[1, r, i] (not
    included) and columns bins_x, both int64 [2, R, bins] within the plane. The first of equal values; NaN is passed
    over; -1 where there is none.
    """
    if x.ndim != 4 or x.dtype not in (np.float32, np.float64):
        raise TypeError(f"roi_pool_indices: x must be float32 or float64 [N, C, H, W], got {x.dtype} {x.shape}")
    image = np.asarray(image, np.int64)
    for name, bins, size in (("bins_y", bins_y, x.shape[2]), ("bins_x", bins_x, x.shape[3])):
        if bins.ndim != 3 or bins.shape[:2] != (2, len(image)) or bins.dtype != np.int64:
            raise ValueError(f"roi_pool_indices: {name} must be int64 [2, {len(image)}, bins], got {bins.shape}")
        if bins.size and not (bins.min() >= 0 and bins.max() <= size):
            raise ValueError(f"roi_pool_indices: {name} must be in [0, {size}], got {bins.min()} to {bins.max()}")
    if image.size and not (image.min() >= 0 and image.max() < len(x)):
        raise ValueError(f"roi_pool_indices: image must be in [0, {len(x)}), got {image.min()} to {image.max()}")
    return backend.current.roi_pool_indices(x, image, bins_y, bins_x, x.dtype.type(lowest))


def _floats(op, name, x):
    if x.dtype not in (np.float32, np.float64):
        raise TypeError(f"{op}: {name} has dtype {x.dtype}, expected float32 or float64")


def _checked(op, shape, image, chosen):
    whole = image.dtype == np.int64 and chosen.dtype in (np.int64, np.int32)
    if not whole or image.ndim != 1 or chosen.ndim != 4:
        told = f"{image.dtype} {image.shape} and {chosen.dtype} {chosen.shape}"
        raise TypeError(f"{op}: image must be int64 [R], chosen int64 or int32 [R, C, i, j], got {told}")
    if len(shape) != 4 or chosen.shape[:2] != (len(image), shape[1]):
        raise ValueError(f"{op}: chosen {chosen.shape} does not fit {len(image)} rows of pictures {tuple(shape)}")
    return image, chosen
