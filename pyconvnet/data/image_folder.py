"""Pictures in folders, one folder a class."""

from pathlib import Path

import numpy as np

from .annotated import checked_size
from .dataset import Dataset, check_index
from .pictures import PICTURE_ENDINGS, read_picture


class ImageFolder(Dataset):
    """Samples (image float32 (3, H, W), label int64) of a folder with one folder of pictures for each class.

    `classes` are the names of the folders in alphabetical order, or those given, in their order; `files[i]` and
    `labels` (n,) say what sample i is. `size` = (H, W) resizes; without it sizes may differ. All is read here.
    A defect is a ValueError naming the file; with `skip_bad` it is left out and listed in `skipped`.
    """

    def __init__(self, folder, size=None, classes=None, skip_bad=False, progress=None):
        who = type(self).__name__
        self.folder, self.size = Path(folder), checked_size(size, who)
        self.skipped, self.files, labels, self._pixels = [], [], [], []
        folders = class_folders(self.folder, who)
        self.classes = tuple(path.name for path in folders) if classes is None else _names(classes, who)
        strange = [path.name for path in folders if path.name not in self.classes]
        if strange:
            raise ValueError(f"{who}: {folder}/{strange[0]} is none of the classes {', '.join(self.classes)}")
        files = [(f, self.classes.index(d.name)) for d in folders for f in sorted(d.iterdir())
                 if f.suffix.lower() in PICTURE_ENDINGS]  # fmt: skip
        for file, label in progress(files) if progress else files:
            try:
                pixels = read_picture(file, self.size)[0]
            except ValueError as defect:
                if not skip_bad:
                    raise
                self.skipped.append(str(defect))
                continue
            self._pixels.append(pixels)
            self.files.append(file)
            labels.append(label)
        if not labels:
            reason = f"; the first defect was: {self.skipped[0]}" if self.skipped else ""
            raise ValueError(f"{who}: the folders in {folder} hold no picture ({', '.join(PICTURE_ENDINGS)}){reason}")
        self.labels = np.array(labels, np.int64)

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        i = check_index(index, len(self), type(self).__name__)
        return self._pixels[i] / np.float32(255), self.labels[i]


def class_folders(folder, who):
    """The folders in `folder`, in alphabetical order; FileNotFoundError, ValueError."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{who}: there is no folder {folder}")
    inside = sorted(folder.iterdir())
    folders = [path for path in inside if path.is_dir() and not path.name.startswith(".")]
    if not folders:
        pictures = sum(path.suffix.lower() in PICTURE_ENDINGS for path in inside)
        raise ValueError(
            f"{who}: {folder} holds no folder; it should hold one for each class, with the pictures of the class in it"
            + (f" (there are {pictures} pictures, but of what?)" if pictures else "")
        )
    return folders


def _names(classes, who):
    if isinstance(classes, str):
        raise TypeError(f"{who}: classes is a sequence of names, got the one name {classes!r}")
    return tuple(str(name) for name in classes)
