"""The pictures that detectors train and are judged on: procedural scenes, or a real folder by --data."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pyconvnet.data import (
    Dataset,
    ShapeScenes,
    VOCDetection,
    flip_batch,
    random_brightness_contrast,
    random_flip,
    random_scale_shift,
    voc_splits,
)

REAL_AREA = 160 * 208  # pixels that a real picture is scaled to: a ConvNet then trains in a minute or two
MULTIPLE = 16  # sides are multiples of this, so that every stride up to 16 divides them


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


def detection_data(options, train_count=8000, test_count=500, variant="shapes64"):
    """The data that `options` (seed, quick, data, skip_bad) ask for.

    ValueError for an unknown --data, and for a folder with nothing to learn from or nothing to find.
    """
    if options.data is None:
        if options.quick:
            train_count, test_count = 64, 40
        train = ShapeScenes(train_count, "train", options.seed, variant)
        return DetectionData(train, ShapeScenes(test_count, "test", options.seed, variant), vary_scenes)
    kind, _, folder = options.data.partition(":")
    if kind != "voc" or not folder:
        raise ValueError(f"--data {options.data}: detectors take voc:DIR, a folder in the Pascal VOC layout")
    return _voc(folder, options)


def _voc(folder, options):
    splits = voc_splits(folder, options.seed)[0]
    if "test" in splits:
        train_split, test_split = "trainval" if "trainval" in splits else "train", "test"
    else:
        train_split, test_split = "train", "val"  # not trainval: the test pictures would be learned, too
    settings = {"size": working_size, "skip_bad": options.skip_bad, "seed": options.seed}
    train = VOCDetection(folder, train_split, **settings)
    settings.update(size=train.size, classes=train.classes)
    test = VOCDetection(folder, test_split, **settings)
    for part, pictures in (("training", train), ("test", test)):
        if all(difficult.all() for _, (_, _, difficult) in pictures):  # `all` of nothing is true
            raise ValueError(
                f"--data {options.data}: the {part} part (split {pictures.split!r}, {len(pictures)} picture(s)) has no "
                "object, or difficult ones only: do the annotations hold <object> entries?"
            )
    return DetectionData(train, test, vary_photographs)


def working_size(original_sizes):
    """(H, W) of about REAL_AREA pixels in the median picture's proportions, in multiples of 16."""
    aspect = float(np.median([h / w for h, w in original_sizes])) if original_sizes else 1.0
    height = math.sqrt(REAL_AREA * aspect)
    return tuple(max(MULTIPLE, MULTIPLE * round(side / MULTIPLE)) for side in (height, height / aspect))


def vary_scenes(images, targets, rng):
    """Mirror and transpose: a procedural scene has no up."""
    return flip_batch(images, targets, rng, horizontal=True, vertical=True, transpose=True)


def vary_photographs(images, targets, rng):
    """Mirror, stretch, shift, and change the light."""
    varied = []
    for image, target in zip(images, targets):
        image, target = random_flip(image, target, rng, horizontal=True, vertical=True)
        image, target = random_scale_shift(image, target, rng)
        varied.append(random_brightness_contrast(image, target, rng))
    images, targets = zip(*varied)
    return np.stack(images), list(targets)
