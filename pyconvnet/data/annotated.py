"""What the loaders of annotated pictures share: samples in memory, boxes scaled, defects raised or listed."""

import warnings

import numpy as np

from .dataset import Dataset, check_index

OVERHANG = 1.0  # pixels that a box may stick out of the picture before it is an error
LONGEST_SIDE = 2**20  # pixels: more is a damaged number, not a picture


class AnnotatedPictures(Dataset):
    """Samples (image (3, H, W), (boxes, labels, difficult)) of one split, kept as uint8 (3 H W bytes a picture).

    A subclass sets `classes` and `size`, then calls `_read_all` with a function that reads one picture and hands
    it to `_keep`. What that function refuses (ValueError, OSError) is raised, or with `skip_bad` listed in `skipped`.
    """

    def __init__(self, source, splits, split, classes, skip_bad):
        self.split, self.skip_bad = split, skip_bad
        self._where = f"{type(self).__name__}: {source}, split {split!r}"
        if split not in splits:
            raise ValueError(f"{type(self).__name__}: {source} has no split {split!r}; it has {', '.join(splits)}")
        if not splits[split]:
            raise ValueError(f"{type(self).__name__}: split {split!r} of {source} is empty")
        if isinstance(classes, str):
            raise TypeError(
                f"{type(self).__name__}: classes is a sequence of names, got the one name {classes!r}"
            )
        self.skipped, self.zero_area = [], 0
        self.ids, self.original_sizes, self._pixels, self._targets = [], [], [], []

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, index):
        i = check_index(index, len(self), type(self).__name__)
        return self._pixels[i] / np.float32(255), tuple(part.copy() for part in self._targets[i])

    def _read_all(self, names, read, progress):
        for name in progress(names) if progress else names:
            try:
                read(name)
            except (ValueError, OSError) as defect:
                if not self.skip_bad:
                    raise
                self.skipped.append(str(defect))
        if self.zero_area:
            message = f"{self._where}: {self.zero_area} box(es) of zero area left out"
            warnings.warn(message, stacklevel=3)  # the line that makes the data set
        if self.skipped:
            print(f"{self._where}: {len(self.skipped)} defective object(s) or picture(s) left out:")
            print("\n".join(f"  {defect}" for defect in self.skipped))
        if not self.ids:
            raise ValueError(f"{self._where}: no picture is left; the first defect was: {self.skipped[0]}")

    def _keep(self, name, pixels, original, objects):
        """Append a picture and its target, or raise ValueError with nothing appended.

        `objects`: one function per object, () -> (where it stands, class name, box or None, difficult).
        """
        boxes, labels, difficult, bad = [], [], [], []
        for read_object in objects:
            try:
                where, class_name, box, hard = read_object()
                if class_name not in self.classes:
                    raise ValueError(f"{where}: not one of {self.classes}")
            except ValueError as defect:
                if not self.skip_bad:
                    raise
                bad.append(str(defect))
                continue
            boxes.append((0, 0, 0, 0) if box is None else box)
            labels.append(self.classes.index(class_name))
            difficult.append(hard)
        boxes = np.array(boxes, dtype=np.float64).reshape(-1, 4)
        if self.size is not None:
            boxes *= np.tile([self.size[1] / original[1], self.size[0] / original[0]], 2)
        boxes = boxes.astype(np.float32)
        # After rounding: a box thinner than float32 can tell has no area for any loss.
        real = (boxes[:, 2:] > boxes[:, :2]).all(1)
        target = boxes[real], np.array(labels, np.int64)[real], np.array(difficult, bool)[real]
        self.ids.append(name)
        self.original_sizes.append(original)
        self._pixels.append(pixels)
        self._targets.append(target)
        self.zero_area += int((~real).sum())
        self.skipped += bad


def checked_size(size, caller):
    """(height, width) as positive ints, or None."""
    if size is None:
        return None
    try:
        height, width = (int(side) for side in size)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{caller}: size must be (height, width) or None, got {size!r}") from None
    if height < 1 or width < 1:
        raise ValueError(f"{caller}: size (height, width) must be positive, got {size!r}")
    return height, width


def check_annotated_size(annotated, actual, stated):
    """ValueError unless the size `stated` somewhere is that of the picture, both (height, width)."""
    if annotated != actual:
        swapped = annotated == actual[::-1]
        cause = "the two are swapped, was the picture rotated?" if swapped else "was the picture resized?"
        raise ValueError(
            f"{stated} says height {annotated[0]}, width {annotated[1]}, but the picture has "
            f"height {actual[0]}, width {actual[1]}: {cause}"
        )
