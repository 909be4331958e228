"""Where windows lie: several sizes and shapes, each slid over the whole picture in steps of a fraction of itself.

A window of any shape is warped to a square. As well could the picture be resized until the window is that square: then
all windows of one shape lie on one grid, over which a convolution can slide. So that both ways see the same pixels, a
shape is rounded until the resized picture has whole pixels, and steps are counted in pixels of the resized picture.
"""

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.detector import GREY
from pyconvnet import functional as F

WINDOW = 32  # pixels of a warped window,
CONTEXT = 6  # of which so many on each side show what is around the box: without them half an object looks whole
BOX = WINDOW - 2 * CONTEXT
STRIDE = 4  # from one window to the next, in pixels of the resized picture: the ConvNet's own stride
FACTOR = 1.5  # from one size of window to the next
SMALLEST = 4  # pixels of the picture: no size is below


def window_shapes(boxes, aspects=3):
    """(width, height) of windows for training boxes (n, 4): float64 (sizes * aspects, 2), small to large, tall to wide.

    As many sizes, evenly spaced on a logarithmic scale, as it takes that nearly every sqrt(area) is within a factor of
    sqrt(FACTOR) of one; of each, `aspects` quantiles of width / height. ValueError where no box has an area.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    extent = boxes[:, 2:] - boxes[:, :2]
    width, height = extent[(extent > 0).all(1)].T
    if not len(width):
        raise ValueError("window_shapes: no training box has an area; windows take their sizes from the boxes")
    small, large = np.maximum(np.quantile(np.sqrt(width * height), (0.03, 0.97)), SMALLEST)
    sizes = max(1, int(np.ceil(np.log(large / small) / np.log(FACTOR))))
    size = small * (large / small) ** ((np.arange(sizes) + 0.5) / sizes)
    stretch = np.sqrt(np.quantile(width / height, (np.arange(aspects) + 0.5) / aspects))
    return np.stack([size[:, None] * stretch, size[:, None] / stretch], axis=-1).reshape(-1, 2)


def resized(picture, shape):
    """(height, width) of the picture (height, width) resized so that windows (width, height) become BOX x BOX."""
    return tuple(max(1, round(float(length * BOX / side))) for length, side in zip(picture, shape[::-1]))


def positions(length):
    """How many windows lie along a side of a resized picture: up to the first that reaches its end."""
    return max(0, -(-(length - BOX) // STRIDE)) + 1


def window_boxes(picture, shape):
    """The windows of one shape on a picture (height, width), xyxy in its pixels: (rows, columns, 4).

    The last ones, and those larger than the picture, reach outside of it.
    """
    edges = []
    for length, new in zip(picture, resized(picture, shape)):
        start = np.arange(positions(new)) * STRIDE
        edges.append((start * (length / new), (start + BOX) * (length / new)))
    y1, x1 = np.meshgrid(edges[0][0], edges[1][0], indexing="ij")
    y2, x2 = np.meshgrid(edges[0][1], edges[1][1], indexing="ij")
    return np.stack([x1, y1, x2, y2], axis=-1)


def all_windows(picture, shapes):
    """The windows of every shape, one shape after the other: (n, 4). Slide "Object Detection: Sliding Window"."""
    return np.concatenate([window_boxes(picture, shape).reshape(-1, 4) for shape in shapes])


def level(image, shape):
    """The picture (3, H, W) resized for windows of one shape, on grey as far as they and their context reach.

    Window (i, j), warped, is level[:, STRIDE * i :, STRIDE * j :][:, :WINDOW, :WINDOW].
    """
    size = resized(image.shape[1:], shape)
    picture = F.interpolate(pcn.tensor(image[None]), size=size, mode="bilinear", align_corners=False).data[0]
    beyond = [(positions(side) - 1) * STRIDE + BOX - side + CONTEXT for side in size]
    return np.pad(picture, ((0, 0), *((CONTEXT, after) for after in beyond)), constant_values=GREY)
