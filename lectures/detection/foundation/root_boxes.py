"""Boxes as YOLO v1 says them: the centre in its cell, the roots of the sides, a confidence. Arrays only."""

import numpy as np

X, Y, ROOT_W, ROOT_H, CONFIDENCE = range(5)  # a box; w, h in fractions of the picture, x, y in cells


def boxes_of_cells(output, picture, row, column, boxes, stride):
    """The B boxes xyxy in pixels (n, B, 4) that n cells say."""
    said = output[picture, row, column, : 5 * boxes].reshape(-1, boxes, 5)
    return boxes_in_pixels(said, row[:, None], column[:, None], *output.shape[1:3], stride)


def boxes_in_pixels(box, row, column, rows, columns, stride=8):
    """(x, y, root w, root h, ...) in cell (row, column) of a rows x columns grid as xyxy in pixels."""
    x, y = (column + box[..., X]) * stride, (row + box[..., Y]) * stride
    w, h = box[..., ROOT_W] ** 2 * (stride * columns), box[..., ROOT_H] ** 2 * (stride * rows)
    return np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=-1)
