r"""Exactly N objects: the output vector extended by N boxes, and why detection needs another idea.

Deck "Localization, Object Detection, Segmentation", slides "Localization and Classification" (2): "Predict exactly N
objects: predict (N x 4) coordinates and (N x K) class scores", and "Object Detection" (2): "Problem: we don't know in
advance the number of objects in the image". Deck "Fun Ways To Use ConvNets", slide "Object Detection" (2): "We could
extend the ConvNet output to include multiple objects, but how many to include? Each image needs a different number of
outputs".

What the slides leave open: which object belongs to which of the N slots. Ours are sorted by x from left to right: with
any order that the picture does not show, every slot learns the mean of all objects (`order="arbitrary"`). A slot
without an object, where a picture has fewer than N, costs the logistic "no class" and nothing for its box. Trained on
pictures of exactly N objects, the network says N everywhere; `compare` shows what that costs on pictures of 1 to 4,
and how far slots that may stay empty help. Cost and units are those of `localization`.
"""

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures
from lectures.detection.foundation.backbone import centred, plain_backbone
from lectures.detection.foundation.datasets import DetectionData, detection_data, without_difficult
from lectures.detection.foundation.detector import Detector
from lectures.detection.foundation.evaluation import judge, predictions
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.suppression import suppress
from lectures.detection.localization import boxes_as_fractions, boxes_in_pixels, refuse_impossible, resized
from pyconvnet import functional as F
from pyconvnet import nn
from pyconvnet.data.scenes import SceneVariant

N = 2
ALPHA = 10.0  # of J = J_class + ALPHA J_box
SIZE = 64  # pictures are resized to SIZE x SIZE
HIDDEN = 192


class FixedN(Detector):
    """Pictures [M, 3, H, W] in [0, 1] to class scores z [M, N, K] and boxes (x, y, h, w) [M, N, 4]; any H, W.

    Slide "Localization and Classification" (2).
    """

    fixed_number = True
    stride, confidence, nms = 1, 0.0, 1.0  # exactly N objects: no threshold and no suppression takes one away

    def __init__(self, classes, slots=N):
        super().__init__(classes)
        if not isinstance(slots, int | np.integer) or slots < 1:
            raise ValueError(f"FixedN: slots, the number of objects, is an integer of at least 1, got {slots!r}")
        self.slots = int(slots)
        self.features = plain_backbone(8)
        hidden = nn.Linear(64 * (SIZE // 8) ** 2, HIDDEN, bias=False), nn.BatchNorm1d(HIDDEN, momentum=0.05)
        self.output = nn.Sequential(nn.Flatten(), *hidden, nn.LeakyReLU(0.1))
        self.output.append(nn.Linear(HIDDEN, self.slots * (len(self.classes) + 4)))
        bias = self.output[-1].bias.data.reshape(self.slots, -1)
        bias[:, -4] = (np.arange(self.slots) + 0.5) / self.slots  # start side by side ...
        bias[:, -3:] = 0.5, 0.3, 0.3  # ... at half the height, of plausible size

    def forward(self, images):
        v = self.output(self.features(centred(resized(images, SIZE)))).reshape(len(images), self.slots, -1)
        return v[:, :, :-4], v[:, :, -4:]

    def detect(self, images, confidence_threshold, nms_threshold):
        """Each slot's surest class and its box: N a picture, except where the thresholds say less."""
        z, b = (t.data for t in self(pcn.tensor(images)))
        confidence, boxes = F.sigmoid(z), boxes_in_pixels(b, images.shape[2:])
        boxes = pcn.ops.clip_boxes_to_image(boxes, images.shape[2:])
        label, sure = confidence.argmax(-1), confidence.max(-1)
        kept = sure >= confidence_threshold
        return [suppress(boxes[i][k], sure[i][k], label[i][k], nms_threshold) for i, k in enumerate(kept)]


def fixed_n_cost(output, targets, size, alpha=ALPHA, rng=None):
    """J_class + alpha J_box summed over the N slots, averaged over the pictures, as {"class": ..., "box": ...}.

    output (z [M, N, K], b [M, N, 4]); targets a list of M (boxes xyxy in pixels, labels) with at most N objects;
    size (H, W) of the pictures. Slots are sorted from left to right, or drawn at random where there is an `rng`.
    """
    z, b = output
    sign, index, truth = assign(targets, *z.shape[1:], size, rng)
    J_class = F.softplus(-pcn.tensor(sign) * z).sum() / len(targets)
    J_box = ((pcn.tensor(truth) - b[index]) ** 2).sum() / len(targets)
    return {"class": J_class, "box": alpha * J_box}


def assign(targets, slots, classes, size, rng=None):
    """What the slots should say: Y = +-1 [M, slots, classes], (picture, slot) of every object, (x, y, h, w). Arrays.

    The k-th object from the left, by its centre, belongs to slot k.
    """
    refuse_impossible(targets, classes, most=slots, size=size)
    sign, picture, slot, boxes = np.full((len(targets), slots, classes), -1, np.float32), [], [], []
    for i, (found, labels, *_) in enumerate(targets):
        order = np.argsort(found[:, 0] + found[:, 2], kind="stable")
        places = np.arange(len(order)) if rng is None else rng.permutation(slots)[: len(order)]
        sign[i, places, labels[order]] = 1
        picture += [i] * len(order)
        slot += places.tolist()
        boxes += found[order].tolist()
    index = np.array(picture, np.int64), np.array(slot, np.int64)
    return sign, index, boxes_as_fractions(np.array(boxes).reshape(-1, 4), size)


SCENES = Settings(steps=2000, batch=32, lr=3e-3)
PHOTOGRAPHS = Settings(steps=1000, batch=16, lr=2e-3)
VARIANTS = Settings(SCENES.steps, SCENES.batch, SCENES.lr, quick=6)


def trained(options, report, data, settings=None, stage="", slots=N, order="sorted"):
    """A network for `slots` objects that has learned from `data.train`, and its Training."""
    pcn.manual_seed(options.seed)
    model = FixedN(data.classes, slots)

    def loss_of(model, images, targets, rng):
        return fixed_n_cost(model(images), targets, images.shape[2:], rng=rng if order == "arbitrary" else None)

    settings = settings or (SCENES if options.data is None else PHOTOGRAPHS)
    return model, learn(model, loss_of, data, settings, options, report, stage)


def scenes_of(least, most=None):
    """The scenes of this lecture, with `least` to `most` objects (default: exactly `least`)."""
    return SceneVariant(objects=(least, most or least), side=(16, 34))


def usual_number(pictures):
    """N for a real folder: the median number of objects in a picture, at least 1."""
    return max(1, int(np.median([len(without_difficult(target)[0]) for _, target in pictures])))


class Largest(pcn.data.Dataset):
    """Pictures with their `most` largest objects: there is no slot for the others."""

    def __init__(self, pictures, most):
        self.pictures, self.most, self.classes = pictures, most, pictures.classes

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, i):
        image, target = self.pictures[i]
        boxes, *rest = without_difficult(target)
        largest = np.argsort(-(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), kind="stable")[: self.most]
        return image, (boxes[largest], *(part[largest] for part in rest))


def run(options, report):
    """The lecture: train on exactly N objects, judge where there are 1 to 4; then what might help."""
    if options.data is not None:
        return run_on_photographs(options, report)
    exactly, any_number = (detection_data(options, variant=scenes_of(*n)) for n in ((N,), (1, 4)))
    model, training = trained(options, report, exactly)
    judge(model, DetectionData(exactly.train, any_number.test, exactly.augment), report)
    report.extra["map50_exactly_n"] = map50(model, exactly.test)
    report.extra["map50_gap"] = report.extra["map50_exactly_n"] - report.metrics["map50"]
    name = f"exactly {N}, left to right"
    report.variants[name] = {"map50": report.metrics["map50"], "map50_exactly_n": report.extra["map50_exactly_n"]}
    figures.loss_curve(report, training.losses)
    failing_pictures(report, model, any_number.test)
    models = {name: model} | compare(options, report, exactly, any_number)
    by_number_of_objects(report, models, any_number.test)


def run_on_photographs(options, report):
    """A real folder: N is the usual number of objects, and a picture with more keeps the N largest in training."""
    data = detection_data(options)
    slots = usual_number(data.train)
    missing = sum(len(target[0]) > slots for _, target in data.train)
    print(f"N = {slots}, the median number of objects; {missing} of {len(data.train)} training pictures have more")
    learned = DetectionData(Largest(data.train, slots), data.test, data.augment)
    model, training = trained(options, report, learned, slots=slots)
    judge(model, data, report)
    report.extra["slots"] = slots
    figures.loss_curve(report, training.losses)
    failing_pictures(report, model, data.test)


def compare(options, report, exactly, any_number):
    """Slots in arbitrary order, and slots that may stay empty, after as long a training. {name: model}."""
    seconds, models = report.train_seconds, {}
    for name, data, settings in (
        (f"exactly {N}, arbitrary order", exactly, {"order": "arbitrary"}),
        ("up to 4, some stay empty", any_number, {"slots": 4}),
    ):
        stage = name.replace(",", "").replace(" ", "-")
        models[name] = model = trained(options, report, data, VARIANTS, stage, **settings)[0]
        report.variants[name] = {"map50": map50(model, any_number.test), "map50_exactly_n": map50(model, exactly.test)}
    report.extra["variants_train_seconds"] = report.train_seconds - seconds
    report.train_seconds = seconds
    return models


def map50(model, test):
    """Mean average precision at IoU 0.5."""
    return pcn.metrics.detection_average_precision(*predictions(model, test))["map"]


def failing_pictures(report, model, test):
    """Figure: a picture for each number of objects, what was found, and what is there."""
    numbers = [len(target[0]) for _, target in test]
    chosen = [numbers.index(n) for n in sorted(set(numbers))][:5]
    with report.figure("how_many", 2, len(chosen), size=(3, 3.3)) as axes:
        for column, i in enumerate(chosen):
            image, target = test[i]
            boxes, scores, labels = model.predict(image[None])[0]
            figures.draw(axes[0, column], image, boxes, labels, scores, model.classes)
            figures.draw(axes[1, column], image, target[0], target[1], None, model.classes)
            axes[0, column].set_title(f"found: {len(boxes)}")
            axes[1, column].set_title(f"there: {numbers[i]}")


def by_number_of_objects(report, models, test):
    """Figure: map50 of every model on the pictures with 1, 2, 3 and 4 objects."""
    numbers = np.array([len(target[0]) for _, target in test])
    width = 0.8 / len(models)
    with report.figure("by_number", size=(6.5, 4)) as axes:
        ax = axes[0, 0]
        for k, (name, model) in enumerate(models.items()):
            counts = np.unique(numbers)
            values = [map50(model, pcn.data.Subset(test, np.flatnonzero(numbers == n))) for n in counts]
            ax.bar(counts + (k - (len(models) - 1) / 2) * width, values, width, label=name)
        ax.set(xlabel="objects in the picture", ylabel="map50", xticks=counts, ylim=(0, 1))
        ax.legend(fontsize=8)
