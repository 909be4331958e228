"""Pictures of one object, for localisation, and how well it was found: scenes, or photographs that hold exactly one."""

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.datasets import DetectionData, detection_data, without_difficult
from pyconvnet.data import random_brightness_contrast, random_flip, random_scale_shift


def one_object_data(options, size):
    """Scenes of one object; with --data, the photographs with exactly one, as size x size pixels.

    A real folder is split by its files, or by the seed. ValueError where a part has no picture with one object.
    Deck "Fun Ways To Use ConvNets", slide "Object Detection" (1).
    """
    data = detection_data(options, variant="single48")
    if options.data is None:
        return data
    parts = [only_one(part, name, size) for part, name in ((data.train, "training"), (data.test, "test"))]
    return DetectionData(*parts, vary_strongly)


def only_one(pictures, part, size):
    """Those with exactly one object, stretched to size x size: overlap does not mind. `part` is their name."""
    chosen = [(image, without_difficult(t)) for image, t in pictures if len(t[0]) == len(without_difficult(t)[0]) == 1]
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


def accuracy_and_iou(model, test):
    """{"accuracy": share of right classes, "iou": mean IoU of box and object, whatever the class said}.

    Over the pictures with an object. With a single class every answer is right: accuracy is then left out.
    """
    samples = [sample for sample in test if len(sample[1][0])]
    answers = model.predict([image for image, _ in samples], confidence_threshold=0)
    right = [labels[0] == target[1][0] for (_, _, labels), (_, target) in zip(answers, samples)]
    overlap = [iou(boxes[0], target[0][0]) for (boxes, _, _), (_, target) in zip(answers, samples)]
    found = {"accuracy": float(np.mean(right)), "iou": float(np.mean(overlap))}
    return found if len(model.classes) > 1 else {"iou": found["iou"]}


def iou(p, q):
    """IoU of two boxes; 0 where neither has an area."""
    return float(np.nan_to_num(pcn.ops.box_iou(p[None].astype(np.float32), q[None])[0, 0]))


def baselines(train, test, most=1000):
    """The same answer for every picture: the commonest class, and the training box with the best mean IoU."""
    targets = [target for _, target in (train[i] for i in range(min(most, len(train)))) if len(target[0])]
    boxes, labels = np.concatenate([t[0] for t in targets]), np.concatenate([t[1] for t in targets])
    box = boxes[pcn.ops.box_iou(boxes, boxes).mean(1).argmax()]
    truths = [target for _, target in test if len(target[0])]
    right = float(np.mean([target[1][0] == np.bincount(labels).argmax() for target in truths]))
    return {"accuracy": right, "iou": float(np.mean([iou(box, target[0][0]) for target in truths]))}
