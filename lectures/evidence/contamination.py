"""Test pictures that a network has seen before, or nearly: how much better than its worth it then looks."""

from dataclasses import dataclass
from functools import cache

import numpy as np

import pyconvnet as pcn
from lectures.course import VISION_16
from lectures.detection.foundation.datasets import DetectionData
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.pretraining import Classifier, classification_loss
from lectures.evidence.arms import bars
from lectures.verdict import Claim
from pyconvnet.data import ArrayDetection, SceneVariant, ShapeScenes

SETTINGS = Settings(steps=500, batch=32, lr=2e-3, quick=2)
KINDS = ("circle", "ellipse", "ring", "half-disk", "square", "rectangle", "triangle", "cross")
SCENES = SceneVariant(size=48, objects=(1, 1), side=(16, 36), kinds=KINDS, clutter=("line", "blob"))
TRAIN, TEST = 1500, 300  # pictures: few enough to be learned by heart as well


@dataclass(frozen=True)
class Pictures:
    """Training pictures, test pictures, and a near-duplicate of each test picture."""

    train: list
    test: list
    copies: list


@cache
def pictures(seed, train=TRAIN, test=TEST):
    """So many of each."""
    train, test = ShapeScenes(train, "train", seed, SCENES), ShapeScenes(test, "test", seed, SCENES)
    rng = np.random.default_rng((seed, 34))
    return Pictures(list(train), list(test), [(near_duplicate(image, rng), target) for image, target in test])


def near_duplicate(image, rng):
    """The same picture as found elsewhere: shifted by up to 2 pixels, lighter or darker, saved with some loss."""
    down, right = rng.integers(-2, 3, 2)
    padded = np.pad(image, ((0, 0), (2, 2), (2, 2)), mode="edge")
    height, width = image.shape[1:]
    moved = padded[:, 2 + down : 2 + down + height, 2 + right : 2 + right + width]
    light, noise = rng.uniform(0.9, 1.1), rng.normal(0, 0.02, image.shape)
    return np.clip(moved * light + noise, 0, 1).astype(np.float32)


def measure_contamination(options, report):
    """A classifier whose training pictures include near-duplicates of half of the test pictures, in place of as many
    others. The effect is its accuracy on that half minus on the other half, which is really unseen.

    `clean`: the same network trained without any duplicate, on both halves: that they are equally hard.
    """
    found = pictures(options.seed, 40, 40) if options.quick else pictures(options.seed)
    half = len(found.test) // 2
    sets = {"clean training set": found.train, "half of the test set seen": found.train[half:] + found.copies[:half]}
    arms = {}
    for name, training in sets.items():
        model = classifier(options, report, training, name.split()[0])
        for part, test in (("first half", found.test[:half]), ("second half", found.test[half:])):
            arms[f"{name}, {part}"] = {"accuracy": model.accuracy(test)}
    seen, unseen = (arms[f"half of the test set seen, {part}"]["accuracy"] for part in ("first half", "second half"))
    return {"effect": seen - unseen, "arms": arms}


def classifier(options, report, training, stage):
    """A ConvNet that has learned these pictures, with one label each."""
    images, targets = zip(*training)
    pcn.manual_seed(options.seed)
    model = Classifier(KINDS)
    train = ArrayDetection(list(images), *zip(*targets), KINDS)
    data = DetectionData(train, train, unchanged)
    learn(model, classification_loss, data, SETTINGS, options, report, f"contamination-{stage}")
    return model.eval()


def unchanged(images, targets, rng):
    """No variation: the pictures as they were collected."""
    return images, targets


def draw_contamination(ax, runs):
    """Four bars: both halves of the test set, for a clean training set and one with copies of the first half."""
    shown = {
        "clean training set, first half": "first half",
        "clean training set, second half": "second half",
        "half of the test set seen, first half": "first half,\ncopies seen",
        "half of the test set seen, second half": "second half,\nreally unseen",
    }
    renamed = []
    for run in runs:
        names = [f"{text}{' ' * (k < 2)}" for k, text in enumerate(shown.values())]
        renamed.append({"arms": dict(zip(names, (run["arms"][name] for name in shown)))})
    bars(ax, renamed, "accuracy on test pictures", "accuracy", colours=("#999999", "#999999", "#D55E00", "#0072B2"))
    ax.axvline(1.5, color="0.8")
    top = 1.35
    for at, text in ((0.5, "clean training set"), (2.5, "with near-duplicates\nof the first half")):
        ax.text(at, top, text, ha="center", va="top", fontsize=9)
    ax.set(ylim=(0, top), yticks=np.arange(0, 1.01, 0.2))
    ax.axhline(1 / len(KINDS), color="k", linestyle=":", linewidth=1)
    ax.text(-0.4, 1 / len(KINDS) + 0.02, "guessing", fontsize=8)


CLAIMS = (
    Claim(
        number="34",
        title="Test pictures seen in training inflate accuracy",
        says="Be careful when taking test images from Google Search: Chances are they may have been seen in training",
        deck=VISION_16,
        slide="Commercial Recognition Services",
        effect="accuracy on test pictures with near-duplicates among the training pictures minus on really unseen ones",
        measure=measure_contamination,
        draw=draw_contamination,
    ),
)
