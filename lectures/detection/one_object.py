"""Pictures of one object, for localisation: scenes, or those of a real folder that hold exactly one."""

import numpy as np

import pyconvnet as pcn
from lectures.detection.datasets import DetectionData, detection_data
from pyconvnet.data import random_brightness_contrast, random_flip, random_scale_shift


def one_object_data(options, size):
    """Scenes of one object; with --data, the photographs with exactly one, as size x size pixels.

    A real folder is split by its files, or by the seed. ValueError where a part has no picture with one object.
    """
    data = detection_data(options, variant="single48")
    if options.data is None:
        return data
    parts = [only_one(part, name, size) for part, name in ((data.train, "training"), (data.test, "test"))]
    return DetectionData(*parts, vary_strongly)


def only_one(pictures, part, size):
    """Those with exactly one object, stretched to size x size: overlap does not mind. `part` is their name."""
    chosen = [(image, target) for image, target in pictures if len(target[0]) == 1]
    print(f"{part}: {len(chosen)} of {len(pictures)} pictures have exactly one object")
    if not chosen:
        raise ValueError(f"localization: no {part} picture has exactly one object")
    images, targets = zip(*chosen)
    boxes, labels = [target[0] for target in targets], [target[1] for target in targets]
    return pcn.data.ArrayDetection(list(images), boxes, labels, pictures.classes, (size, size))


def vary_strongly(images, targets, rng):
    """Mirror, stretch and shift far, change the light: else a few dozen photographs are learned by heart."""
    varied = []
    for image, target in zip(images, targets):
        image, target = random_flip(image, target, rng)
        moved, left = random_scale_shift(image, target, rng, scale=0.6, shift=0.45, aspect=0.3, min_area=0.6)
        if len(left[0]):  # else the object was moved out of the picture
            image, target = moved, left
        varied.append(random_brightness_contrast(image, target, rng))
    images, targets = zip(*varied)
    return np.stack(images), list(targets)
