"""From masks to boxes."""

import numpy as np

from ..autograd import Tensor, value
from .boxes import read_numbers


def masks_to_boxes(masks):
    """float32 (n, 4) xyxy: the first and last column and row of the pixels of each mask (n, H, W) that are not 0.

    As torchvision's: the far corner is the last pixel's index, so a mask of one pixel has a box without area, and a
    mask without pixels the box (0, 0, 0, 0). ValueError, TypeError.
    """
    values = value(read_numbers("masks_to_boxes", "masks", masks, kinds="biuf"))
    if values.ndim != 3:
        raise ValueError(f"masks_to_boxes: masks must have shape (n, H, W), got {values.shape}")
    boxes = np.zeros((0, 4), np.float32)
    if values.size:
        rows, columns = ((values != 0).any(axis=axis) for axis in (2, 1))
        first = [on.argmax(axis=1) for on in (columns, rows)]
        last = [on.shape[1] - 1 - on[:, ::-1].argmax(axis=1) for on in (columns, rows)]
        boxes = np.where(rows.any(axis=1)[:, None], np.stack(first + last, axis=1), 0).astype(np.float32)
    return Tensor(boxes) if isinstance(masks, Tensor) else boxes
