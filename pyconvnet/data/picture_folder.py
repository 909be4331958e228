"""Pictures from a folder: alone, or with landmarks from the table that lies beside them."""

from pathlib import Path

import numpy as np

from .dataset import Dataset, check_index
from .landmark_file import read_landmarks
from .pictures import PICTURE_ENDINGS, read_picture, resize_picture


class PictureFolder(Dataset):
    """Samples (image float32 (3, H, W), name of the file) of all pictures in a folder, in alphabetical order.

    `longest`: a picture whose longer side has more pixels is scaled down to that. Sizes may differ. All is read here.
    A defect is a ValueError naming the file; with `skip_bad` it is left out and listed in `skipped`.
    """

    def __init__(self, folder, longest=None, skip_bad=False, progress=None):
        self.folder, self.skipped, self.names, self._images = Path(folder), [], [], []
        if longest is not None and not (isinstance(longest, int | np.integer) and longest > 0):
            raise ValueError(f"PictureFolder: longest must be a whole number of pixels from 1, got {longest!r}")
        if not self.folder.is_dir():
            raise FileNotFoundError(f"PictureFolder: there is no folder {folder}")
        files = sorted(path for path in self.folder.iterdir() if path.suffix.lower() in PICTURE_ENDINGS)
        for path in progress(files) if progress else files:
            try:
                image = read_picture(path)[0] / np.float32(255)
            except ValueError as defect:
                if not skip_bad:
                    raise
                self.skipped.append(str(defect))
                continue
            shrink = (longest or np.inf) / max(image.shape[1:])
            if shrink < 1:
                image = resize_picture(image, tuple(max(1, round(shrink * side)) for side in image.shape[1:]))
            self.names.append(path.name)
            self._images.append(image)
        if not self.names:
            reason = f"; the first defect was: {self.skipped[0]}" if self.skipped else ""
            raise ValueError(f"PictureFolder: {folder} holds no picture ({', '.join(PICTURE_ENDINGS)}){reason}")

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        i = check_index(index, len(self), "PictureFolder")
        return self._images[i].copy(), self.names[i]


class LandmarkFolder(Dataset):
    """Samples (image float32 (3, H, W), landmarks float32 (n, 2) in its pixels) of a folder with one CSV table.

    The table is as `read_landmarks` wants it; `names[i]` is the picture of sample i. Landmarks may lie outside of the
    picture. All is read here. A picture that is missing or unreadable is a ValueError naming it; with `skip_bad` it is
    left out and listed in `skipped`.
    """

    def __init__(self, folder, skip_bad=False, progress=None):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise FileNotFoundError(f"LandmarkFolder: there is no folder {folder}")
        tables = sorted(path for path in self.folder.iterdir() if path.suffix.lower() == ".csv")
        if len(tables) != 1:
            named = f" ({', '.join(path.name for path in tables)})" if tables else ""
            raise ValueError(f"LandmarkFolder: {folder} must hold one .csv table, got {len(tables)}{named}")
        self.skipped, self.names, self._samples = [], [], []
        known = read_landmarks(tables[0])
        for name in progress(known) if progress else known:
            try:
                path = self.folder / name
                if not path.is_file():  # a picture with several faces: NAME, NAME#2 ...
                    path = self.folder / name.rpartition("#")[0] if "#" in name else path
                if path.resolve().parent != self.folder.resolve() or not path.is_file():
                    raise ValueError(f"{tables[0]}: the picture {name!r} is not in {folder}")
                self._samples.append((read_picture(path)[0], known[name]))
                self.names.append(name)
            except ValueError as defect:
                if not skip_bad:
                    raise
                self.skipped.append(str(defect))
        if not self.names:
            raise ValueError(f"LandmarkFolder: {folder}: no picture is left; the first defect was: {self.skipped[0]}")

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        pixels, landmarks = self._samples[check_index(index, len(self), "LandmarkFolder")]
        return pixels / np.float32(255), landmarks.copy()
