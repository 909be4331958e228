"""The pictures that detectors train and are judged on: procedural scenes, or a real folder by --data."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pyconvnet.data import (
    ArrayDetection,
    COCODetection,
    Dataset,
    ShapeScenes,
    Subset,
    VOCDetection,
    flip_batch,
    random_brightness_contrast,
    random_flip,
    random_scale_shift,
    seeded_splits,
    voc_splits,
)

REAL_AREA = 160 * 208  # pixels that a real picture is scaled to: a ConvNet then trains in a minute or two
MULTIPLE = 16  # sides are multiples of this, so that every stride up to 16 divides them


def vary_photographs(images, targets, rng):
    """Mirror, stretch, shift, and change the light."""
    varied = []
    for image, target in zip(images, targets):
        image, target = random_flip(image, target, rng, horizontal=True, vertical=True)
        image, target = random_scale_shift(image, target, rng)
        varied.append(random_brightness_contrast(image, target, rng))
    images, targets = zip(*varied)
    return np.stack(images), list(targets)


def vary_scenes(images, targets, rng):
    """Mirror and transpose: a procedural scene has no up."""
    return flip_batch(images, targets, rng, horizontal=True, vertical=True, transpose=True)


@dataclass(frozen=True)
class DetectionData:
    """Training and unseen test pictures of one size, and how training pictures are varied.

    `augment(images, targets, rng)` takes and returns a batch: images (N, 3, H, W), targets a list.
    """

    train: Dataset
    test: Dataset
    augment: Callable

    @property
    def classes(self):
        """The names of the labels."""
        return self.train.classes

    @property
    def size(self):
        """(H, W) of the pictures."""
        return self.test[0][0].shape[1:]

    def training_boxes(self, pictures=None):
        """The boxes (n, 4) of the objects of the training pictures, or of the first so many, that count."""
        count = len(self.train) if pictures is None else min(pictures, len(self.train))
        return np.concatenate([without_difficult(self.train[i][1])[0] for i in range(count)])

    @classmethod
    def from_arrays(cls, images, boxes, labels, classes, seed=0, size=None, augment=vary_photographs):
        """Your own pictures: images, boxes, labels, classes, size as `ArrayDetection` takes them.

        A fifth of the pictures, chosen by `seed`, is the test part. ValueError where there are fewer than two,
        where they differ in size and `size` is None, or where a part has no object.
        """
        pictures = ArrayDetection(images, boxes, labels, classes, size)
        if len(pictures) < 2:
            raise ValueError("from_arrays: one picture cannot be split into training and test: two are needed at least")
        shapes = sorted({image.shape[1:] for image, _ in pictures})
        if len(shapes) > 1:
            raise ValueError(
                f"from_arrays: pictures of different sizes {shapes[0]}, {shapes[1]} ... make no batch: "
                "give size=(H, W), to which all are resized"
            )
        splits = seeded_splits(range(len(pictures)), seed)
        parts = {"training": Subset(pictures, splits["trainval"]), "test": Subset(pictures, splits["test"])}
        return cls(*_with_objects(parts, "from_arrays", "is boxes[i] of images[i]?"), augment)


def without_difficult(target):
    """(boxes, labels) of the objects that count: those not marked difficult (VOC) or a crowd (COCO).

    To a loss what is left out is background, as in most detectors' code; average precision ignores it.
    """
    boxes, labels, *difficult = target
    return (boxes[~difficult[0]], labels[~difficult[0]]) if difficult else (boxes, labels)


def detection_data(options, train_count=8000, test_count=500, variant="shapes64"):
    """The data that `options` (seed, quick, data, skip_bad) ask for.

    ValueError for an unknown --data, and for a folder or file with nothing to learn from or nothing to find.
    """
    if options.data is None:
        if options.quick:
            train_count, test_count = 64, 40
        train = ShapeScenes(train_count, "train", options.seed, variant)
        return DetectionData(train, ShapeScenes(test_count, "test", options.seed, variant), vary_scenes)
    kind, _, place = options.data.partition(":")
    if kind == "voc" and place:
        splits = voc_splits(place, options.seed)[0]
        return _photographs(partial(VOCDetection, place), splits, options, "do the annotations hold <object> entries?")
    if kind == "coco" and place:
        # A comma may belong to the name of the file itself.
        file, _, images = (place, "", "") if Path(place).is_file() else place.partition(",")
        load = partial(COCODetection, file, images or None)
        return _photographs(load, ("trainval", "test"), options, "do the annotations name these pictures by image_id?")
    raise ValueError(
        f"--data {options.data}: detectors take voc:DIR, a folder in the Pascal VOC layout, or "
        "coco:FILE[,IMAGES], a COCO annotation file and the folder of its pictures"
    )


def _photographs(load, splits, options, hint):
    """DetectionData of a loader's training and test split, all pictures resized to one working size."""
    if "test" in splits:
        train_split, test_split = "trainval" if "trainval" in splits else "train", "test"
    else:
        train_split, test_split = "train", "val"  # not trainval: the test pictures would be learned, too
    progress = partial(tqdm, desc="reading pictures", unit="picture", mininterval=0.5, delay=1)
    settings = {"skip_bad": options.skip_bad, "seed": options.seed, "progress": progress}
    train = load(split=train_split, size=working_size, **settings)
    test = load(split=test_split, size=train.size, classes=train.classes, **settings)
    parts = {"training": train, "test": test}
    return DetectionData(*_with_objects(parts, f"--data {options.data}", hint), vary_photographs)


def _with_objects(parts, source, hint):
    """The data sets of {part: data set}, or ValueError where one has nothing to learn or to find."""
    for part, pictures in parts.items():
        # `all` of nothing is true; the third item, if any, marks difficult objects (VOC) or crowds (COCO).
        if all(np.all(flag[0]) if flag else not len(boxes) for _, (boxes, _, *flag) in pictures):
            split = f"split {pictures.split!r}, " if hasattr(pictures, "split") else ""
            raise ValueError(
                f"{source}: the {part} part ({split}{len(pictures)} picture(s)) has no object, or difficult ones "
                f"only: {hint}"
            )
    return parts.values()


def working_size(original_sizes):
    """(H, W) of about REAL_AREA pixels in the median picture's proportions, in multiples of 16."""
    aspect = float(np.median([h / w for h, w in original_sizes])) if original_sizes else 1.0
    height = math.sqrt(REAL_AREA * aspect)
    return tuple(max(MULTIPLE, MULTIPLE * round(side / MULTIPLE)) for side in (height, height / aspect))
