"""CIFAR-10 of Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009), from a local folder or file.

cs.toronto.edu/~kriz/cifar.html publishes it; nothing is downloaded.
"""

from pathlib import Path

import numpy as np

from ..io import load_npz
from .dataset import Dataset, check_index
from .image_folder import ImageFolder
from .splits import print_seeded_split, seeded_splits

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE = 32
RECORD = 1 + 3 * SIDE * SIDE  # a label, then the planes of red, green and blue
BATCHES = {"train": "data_batch_*.bin", "test": "test_batch.bin", "all": "*_batch*.bin"}
SPLITS = ("all", "train", "val", "trainval", "test")


class Cifar10(Dataset):
    """Samples (image float32 (3, 32, 32), label int64) of CIFAR-10; `classes`, `labels` (n,), `pixels` uint8.

    `path`: the folder of the binary version (split "train", "test" or "all") or one of its .bin files; an .npz of x
    (n, 32, 32, 3) or (n, 3, 32, 32) uint8 and y (n,); or class folders of pictures. What comes without splits is
    split by `seed`. ValueError names the defect; the Python version is refused, because its pickles can run code.
    """

    classes = CIFAR10_CLASSES

    def __init__(self, path, split="all", seed=0):
        path = Path(path)
        if split not in SPLITS:
            raise ValueError(f"Cifar10: split must be one of {', '.join(SPLITS)}, got {split!r}")
        if not path.exists():
            raise FileNotFoundError(f"Cifar10: there is no folder or file {path}")
        self.path, self.split = path, split
        kind, whole = _read(path, split)
        pixels, labels = whole
        if kind != "binary" and split != "all":
            splits = seeded_splits(range(len(labels)), seed)
            print_seeded_split(f"Cifar10: {path} has no split", split, splits, seed)
            pixels, labels = (part[splits[split]] for part in whole)
        self.pixels, self.labels = pixels, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        i = check_index(index, len(self), "Cifar10")
        return self.pixels[i] / np.float32(255), self.labels[i]


def _read(path, split):
    """("binary" or "other", (pixels, labels)) of what lies there."""
    if path.is_file():
        if path.suffix.lower() == ".npz":
            return "other", _npz(path)
        if path.suffix.lower() == ".bin":
            return "other", _batches([path])
        raise ValueError(f"Cifar10: {path} is neither a .bin batch nor an .npz" + (
            ": unpack the archive, and give its folder" if path.suffix in (".gz", ".tar", ".zip") else ""))  # fmt: skip
    inner = path / "cifar-10-batches-bin"
    folder = inner if inner.is_dir() else path
    if any(folder.glob("*_batch*.bin")):
        files = sorted(folder.glob(BATCHES[split])) if split in BATCHES else []
        if not files:
            raise ValueError(f"Cifar10: {folder} holds batches, but none of the split {split!r}; it has train and test")
        return "binary", _batches(files)
    if any((f / "data_batch_1").is_file() for f in (path, path / "cifar-10-batches-py")):
        raise ValueError(
            f"Cifar10: {path} is the Python version: pickles, which could run code when they are read. Take the binary "
            "version, cifar-10-binary.tar.gz, from the same page"
        )
    if (folder / "train.bin").is_file():
        raise ValueError(f"Cifar10: {folder} is CIFAR-100, with 100 classes")
    arrays = sorted(path.glob("*.npz"))
    if len(arrays) == 1:
        return "other", _npz(arrays[0])
    return "other", _class_folders(path)


def _batches(files):
    pixels, labels = [], []
    for file in files:
        size = file.stat().st_size
        if not size or size % RECORD:
            raise ValueError(f"Cifar10: {file} has {size} bytes, no whole number of {RECORD}: is it cut off?")
        records = np.fromfile(file, np.uint8).reshape(-1, RECORD)
        _check_labels(records[:, 0], file)
        labels.append(records[:, 0].astype(np.int64))
        pixels.append(records[:, 1:].reshape(-1, 3, SIDE, SIDE))
    return np.concatenate(pixels), np.concatenate(labels)


def _npz(file):
    arrays = load_npz(file)
    if not {"x", "y"} <= arrays.keys():
        held = ", ".join(arrays) or "nothing"
        raise ValueError(f"Cifar10: {file} must hold x (pictures) and y (labels), it holds {held}")
    x, y = (np.asarray(arrays[name]) for name in ("x", "y"))
    if x.dtype != np.uint8 or x.ndim != 4 or x.shape[1:] not in ((SIDE, SIDE, 3), (3, SIDE, SIDE)) or not len(x):
        raise ValueError(f"Cifar10: {file}: x must be uint8 (n, 32, 32, 3) or (n, 3, 32, 32), got {x.dtype} {x.shape}")
    if y.dtype.kind not in "iu" or y.shape not in ((len(x),), (len(x), 1)):
        raise ValueError(f"Cifar10: {file}: y must be {len(x)} whole numbers, got {y.dtype} {y.shape}")
    _check_labels(y, file)
    if x.shape[-1] == 3:
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return x, y.reshape(-1).astype(np.int64)


def _class_folders(path):
    folder = ImageFolder(path, classes=CIFAR10_CLASSES)
    for file, pixels in zip(folder.files, folder._pixels):
        if pixels.shape != (3, SIDE, SIDE):
            raise ValueError(f"Cifar10: {file} has {pixels.shape[2]} x {pixels.shape[1]} pixels, expected 32 x 32")
    return np.stack(folder._pixels), folder.labels


def _check_labels(labels, file):
    if labels.min() < 0 or labels.max() >= len(CIFAR10_CLASSES):
        wrong = labels[(labels < 0) | (labels >= len(CIFAR10_CLASSES))].flat[0]
        raise ValueError(f"Cifar10: {file} has the label {wrong}, none of 0..9: is it another data set?")
