"""What pooling gives: a network that still knows an object that has moved by a few pixels."""

from dataclasses import dataclass
from functools import cache

import numpy as np

import pyconvnet as pcn
from lectures.course import VISION_16
from lectures.detection.foundation.backbone import centred, conv_layer
from lectures.detection.foundation.datasets import DetectionData
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.pretraining import classification_loss
from lectures.verdict import Claim
from pyconvnet import nn
from pyconvnet.data import ArrayDetection, SceneVariant, ShapeScenes

SIDE = 32  # pixels of a picture,
SHIFTS = (0, 1, 2, 3, 4, 6, 8)  # by so many is the object off its middle
WIDTHS = (16, 32, 64)
SCENES = SceneVariant(size=96, objects=(1, 1), side=(12, 18), distractors=(0, 4))
SETTINGS = Settings(steps=800, batch=32, lr=2e-3, quick=2)
TRAIN, TEST = 3000, 400


class Network(nn.Module):
    """Pictures (N, 3, 32, 32) to class scores: three convolutions, each of which halves the map, and a dense layer.

    `pooled`: by max pooling, after a convolution of stride 1; else by the convolution's stride. Same weights in number.
    """

    def __init__(self, classes, pooled):
        super().__init__()
        layers, inputs = [], 3
        for width in WIDTHS:
            layers += conv_layer(inputs, width, stride=1 if pooled else 2)
            layers += [nn.MaxPool2d(2)] if pooled else []
            inputs = width
        cells = (SIDE // 2 ** len(WIDTHS)) ** 2
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(WIDTHS[-1] * cells, len(classes)))

    def forward(self, images):
        return self.layers(centred(images))


@dataclass(frozen=True)
class Middle:
    """Pictures with room: large images (n, 3, 96, 96), the middle (x, y) of their one object, its label."""

    images: np.ndarray
    centres: np.ndarray
    labels: np.ndarray

    def shifted(self, right, down):
        """(n, 3, 32, 32) cut out so that the object is `right`, `down` pixels off the middle."""
        x, y = (self.centres - SIDE / 2 - (right, down) + 0.5).astype(int).T
        return np.stack([image[:, b : b + SIDE, a : a + SIDE] for image, a, b in zip(self.images, x, y)])


@cache
def with_room(split, seed, count):
    """`count` scenes whose object is so far inside that it may move by the largest shift."""
    room, scenes, i, found = SIDE / 2 + max(SHIFTS) + 1, ShapeScenes(100 * count, split, seed, SCENES), 0, []
    while len(found) < count:
        image, (boxes, labels) = scenes[i]
        centre, i = (boxes[0, :2] + boxes[0, 2:]) / 2, i + 1
        if centre.min() >= room and centre.max() <= SCENES.size - room:
            found.append((image, centre, labels[0]))
    return Middle(*map(np.array, zip(*found)))


def measure_translation(options, report):
    """Two networks that saw every object in the middle; accuracy where it is off the middle, by up to 8 pixels.

    The effect: by how many more pixels an object may move until half of what the network with pooling knows is gone.
    Not the accuracy lost, which stands beside it: where both have come down to guessing, the better one lost more.
    """
    counts = (32, 32) if options.quick else (TRAIN, TEST)
    train, test = (with_room(part, options.seed, count) for part, count in zip(("train", "test"), counts))
    arms = {}
    for name, pooled in (("strides, no pooling", False), ("max pooling", True)):
        model = trained(options, report, train, pooled)
        found = [accuracy(model, test, shift) for shift in SHIFTS]
        arms[name] = {"accuracy": found, "half_gone": half_gone(SHIFTS, found, 1 / len(ShapeScenes.classes))}
        arms[name]["lost"] = found[0] - float(np.mean(found[1:]))
    without, pooling = arms.values()
    return {"effect": pooling["half_gone"] - without["half_gone"], "shifts": list(SHIFTS), "arms": arms}


def half_gone(shifts, accuracies, guessing):
    """The shift at which accuracy comes down to halfway between that without a shift and guessing.

    Between two shifts it is taken to fall on a line; the largest shift where it stays above.
    """
    half = (accuracies[0] + guessing) / 2
    for (a, high), (b, low) in zip(zip(shifts, accuracies), zip(shifts[1:], accuracies[1:])):
        if high > half >= low:
            return a + (b - a) * (high - half) / (high - low)
    return float(shifts[-1]) if accuracies[0] > guessing else 0.0


def trained(options, report, train, pooled):
    """A network that has learned these pictures with the object in the middle."""
    pcn.manual_seed(options.seed)
    model = Network(ShapeScenes.classes, pooled)
    box = np.array([[0, 0, SIDE, SIDE]], np.float32)  # nobody asks where: the label counts
    images, labels = train.shifted(0, 0), [np.array([label]) for label in train.labels]
    pictures = ArrayDetection(list(images), [box] * len(labels), labels, ShapeScenes.classes)
    data = DetectionData(pictures, pictures, mirrored)
    learn(model, classification_loss, data, SETTINGS, options, report, f"translation-{'pool' if pooled else 'stride'}")
    return model.eval()


def mirrored(images, targets, rng):
    """Mirror and transpose, which leave the middle where it is."""
    if rng.random() < 0.5:
        images = images[:, :, ::-1]
    if rng.random() < 0.5:
        images = images.transpose(0, 1, 3, 2)
    return np.ascontiguousarray(images), targets


def accuracy(model, test, shift):
    """Share of right classes, the object off the middle to the left, right, top and bottom: mean of the four."""
    right = []
    for x, y in ((shift, 0), (-shift, 0), (0, shift), (0, -shift)) if shift else ((0, 0),):
        with pcn.no_grad():
            scores = model(pcn.tensor(test.shifted(x, y))).data
        right.append(np.mean(scores.argmax(1) == test.labels))
    return float(np.mean(right))


def draw_translation(ax, runs):
    """Accuracy against the shift, one thin line per seed and the mean."""
    for name, colour in zip(runs[0]["arms"], ("#999999", "#0072B2")):
        values = np.array([run["arms"][name]["accuracy"] for run in runs])
        ax.plot(runs[0]["shifts"], values.T, color=colour, linewidth=0.8, alpha=0.6)
        half = np.mean([run["arms"][name]["half_gone"] for run in runs])
        label = f"{name}: half gone at {half:.1f} pixels"
        ax.plot(runs[0]["shifts"], values.mean(0), "o-", color=colour, linewidth=2.5, label=label)
        ax.axvline(half, color=colour, linestyle="--", linewidth=1)
    ax.axhline(1 / 3, color="k", linestyle=":", linewidth=1, label="guessing")
    ax.set(xlabel="pixels by which the object is off the middle", ylabel="accuracy, unseen pictures", ylim=(0.15, 1.02))
    ax.legend(frameon=False, loc="upper right", fontsize=8)
    ax.spines[["top", "right"]].set_visible(False)


CLAIMS = (
    Claim(
        number="35a",
        title="Pooling makes a network robust to translations",
        says="Achieve robustness to translations",
        deck=VISION_16,
        slide="Recap: Pooling Layers",
        effect="pixels of shift until half of the accuracy above guessing is gone, with max pooling minus with strides",
        measure=measure_translation,
        draw=draw_translation,
    ),
)
