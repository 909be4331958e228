"""The pictures that a fixed network is shown: painted ones it has not learned from, or a folder of photographs."""

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

import pyconvnet as pcn
from lectures.fixed_network.procedural import UNSEEN
from pyconvnet.data.pictures import PICTURE_ENDINGS, read_picture

SHORTER = 256  # pixels: photographs are scaled to this before a network of 224 to 227 pixels sees their middle
UNKNOWN = -1


@dataclass(frozen=True)
class Photographs:
    """`images` [(C, H, W) float32 in [0, 1]], `names`, `labels` int64 (n,) (-1: unknown), `classes`: their names."""

    images: list
    names: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]

    def __len__(self):
        return len(self.images)

    def known(self):
        """Those whose label is known."""
        return self.at(np.flatnonzero(self.labels != UNKNOWN))

    def at(self, which):
        """Those at some indices."""
        which = [int(i) for i in which]
        images, names = [self.images[i] for i in which], tuple(self.names[i] for i in which)
        return Photographs(images, names, self.labels[which], self.classes)


def photographs(options, network, most=None, size=None):
    """The Photographs that `options` (seed, quick, data) ask for, as `network` wants them; the first `most` of them.

    Without --data painted test pictures, for networks that learned such. images:DIR is a folder of pictures, whose
    labels are in the names of files (n01440764_tench.JPEG) with a list synsets_sorted.txt, or one folder a class.
    cifar:DIR is CIFAR-10. `size`: another side in pixels than the network's. ValueError for another --data.
    """
    if options.data is None:
        return painted(options, network, most, size)
    kind, _, place = options.data.partition(":")
    if kind not in ("images", "cifar") or not place:
        raise ValueError(f"--data {options.data}: this lecture takes images:DIR, a folder of pictures, or cifar:DIR")
    if kind == "cifar":
        found = cifar(place, network, most, size)
    else:
        found = from_folder(Path(place), network, most, size, getattr(options, "skip_bad", False))
    if not len(found):
        raise ValueError(f"--data {options.data}: there is no picture ({', '.join(PICTURE_ENDINGS)}) in {place}")
    return found


def painted(options, network, most=None, size=None):
    """Test pictures of the kind that a procedural network learned from. ValueError for another network."""
    for kind in (pcn.data.TexturedShapes, pcn.data.Digits):
        if network.classes == kind.classes:
            count = min(most or UNSEEN, 40 if options.quick else UNSEEN)
            images, labels = kind(count, "test", options.seed, size or network.size).arrays()[:2]
            return Photographs(list(images), tuple(f"picture {i}" for i in range(count)), labels, kind.classes)
    example = "cifar:DIR" if network.size == 32 else "images:DIR"
    raise ValueError(f"{network.name} has learned from photographs: show it some with --data {example}")


def from_folder(folder, network, most=None, size=None, skip_bad=False):
    """Photographs of a folder in the order of their names, or, where it has none, of its folders.

    A picture that cannot be read is a ValueError naming it; with `skip_bad` it is left out, and said.
    """
    if not folder.is_dir():
        raise ValueError(f"--data images:{folder}: there is no such folder")
    files = pictures_in(folder)
    if not files:  # one of each class, then the next of each: the first few shall not be all of one kind
        rows = zip_longest(*(pictures_in(inner) for inner in sorted(folder.iterdir()) if inner.is_dir()))
        files = [path for row in rows for path in row if path is not None]
    synsets, classes = _lines(folder / "synsets_sorted.txt"), _lines(folder / "names_sorted.txt")
    classes = classes if len(classes) == len(network.classes) else network.classes
    places = {name.lower(): i for i, name in enumerate(network.classes)}
    places |= {name: i for i, name in enumerate(synsets) if len(synsets) == len(network.classes)}
    images, names, labels = [], [], []
    for path in files[:most]:
        try:
            images.append(fitted(path, network, size))
        except ValueError as defect:
            if not skip_bad:
                raise
            print(f"left out: {defect}")
            continue
        names.append(path.stem if path.parent == folder else f"{path.parent.name}_{path.stem}")
        words = path.stem.split("_")[0], path.parent.name.split("_")[0], path.parent.name
        labels.append(next((places[word.lower()] for word in words if word.lower() in places), UNKNOWN))
    return Photographs(images, tuple(names), np.array(labels, np.int64), tuple(classes))


def pictures_in(folder):
    """The picture files in a folder, sorted."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURE_ENDINGS)


def cifar(place, network, most=None, size=None):
    """CIFAR-10 as a network of 32 pixels wants it; larger or grey networks get it scaled."""
    data = pcn.data.Cifar10(place)
    count = min(len(data), most or len(data))
    images, labels = zip(*(data[i] for i in range(count))) if count else ((), ())
    if (size or network.size) != 32 or network.channels != 3:
        images = [_as_wanted((image * 255 + 0.5).astype(np.uint8), network, size) for image in images]
    known = len(network.classes) == len(data.classes)
    labels = np.array(labels, np.int64) if known else np.full(count, UNKNOWN)
    return Photographs(list(images), tuple(f"picture {i}" for i in range(count)), labels, tuple(data.classes))


def fitted(path, network, size=None):
    """A picture file as a network wants it: float32 (channels, size, size); ValueError naming what cannot be read."""
    return _as_wanted(read_picture(path)[0], network, size)


def _as_wanted(pixels, network, size=None):
    """Pixels uint8 (3, H, W) scaled until the shorter side is as needed, and the middle of that."""
    from PIL import Image

    usual = size is None and network.size >= 200
    size = size or network.size
    picture = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    shorter = SHORTER if usual else size  # elsewhere nothing is cut off the shorter side
    scale = shorter / min(picture.size)
    sides = tuple(max(size, round(side * scale)) for side in picture.size)
    pixels = np.asarray(picture.resize(sides, Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    top, left = ((side - size) // 2 for side in pixels.shape[1:])
    image = pixels[:, top : top + size, left : left + size] / np.float32(255)
    return image if network.channels == 3 else image.mean(0, keepdims=True)


def _lines(path):
    return path.read_text("utf-8").split() if path.is_file() else []
