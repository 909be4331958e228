r"""Localisation: what the one object of a picture is, and where.

Deck "Fun Ways To Use ConvNets", slides "Object Detection" (1) and "Single-object Localization": just extend the output
vector by the box, and the cost to J = J_class + alpha J_box, "e.g. use logistic loss for J_class and square error for
J_box, alpha is a hyperparameter balancing accuracy of classification vs accuracy of bounding box". Deck "Localization,
Object Detection, Segmentation", slides "Localization and Classification": C classes and 4 output dimensions; the
localisation head is trained separately, with regression, on a pre-trained CNN; possible end-to-end fine-tuning.

What the slides leave open: x, y is the centre and h, w the size, all in fractions of the picture; the logistic cost
is log(1 + e^{-Y z}) for every class, Y = +1 for the object's and -1 for the others, so that a picture without an
object can say so (Y = -1 throughout) and costs nothing for a box. Ours is smaller: 6 convolutions instead of a
ResNet, trained from scratch. Other settings (other alphas, the head alone, an average over all places as ResNets end
with) are trained by `compare` and stand under "variants".
"""

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures, localization_figures
from lectures.detection.foundation import one_object
from lectures.detection.foundation.backbone import centred, conv_layer, plain_backbone
from lectures.detection.foundation.detector import Detector
from lectures.detection.foundation.evaluation import judge
from lectures.detection.foundation.learning import Settings, learn
from pyconvnet import functional as F
from pyconvnet import nn

ALPHA = 3.0  # of J = J_class + ALPHA J_box
CELLS = 6  # the last feature map is CELLS x CELLS, whatever the size of the pictures
HIDDEN = 96
SCENE, PHOTOGRAPH = 48, 96  # side of the network's pictures
X, Y, H, W = range(4)  # a box is (x, y, h, w), in the order of the slide


class Localizer(Detector):
    """Pictures [N, 3, H, W] in [0, 1] to class scores z [N, C] and one box each [N, 4]; any H, W is resized to `size`.

    head: "flatten" (weights for every place of the feature map) or "average" (over all places). Without `border` the
    left edge of a picture continues at the right one: then no feature can know how far from an edge it is.
    Slide "Single-object Localization".
    """

    fixed_number = True
    stride, confidence = 1, 0.0  # there is one object: say which and where, however unsure

    def __init__(self, classes, size=48, head="flatten", border=True):
        super().__init__(classes)
        self.size = size
        self.features = features(size)
        for layer in self.features.modules():
            if isinstance(layer, nn.Conv2d) and not border:
                layer.padding_mode = "circular"
        self.output = dense_layers(len(self.classes) + 4, head)

    def forward(self, images):
        v = self.output(self.features(centred(resized(images, self.size))))  # "just extend the output vector!"
        return v[:, :-4], v[:, -4:]

    def detect(self, images, confidence_threshold, nms_threshold):
        """The surest class and the box of every picture; nothing where it is less sure than the threshold."""
        z, b = (t.data for t in self(pcn.tensor(images)))
        confidence, boxes = F.sigmoid(z), boxes_in_pixels(b, images.shape[2:])
        label, sure = confidence.argmax(1)[:, None], confidence.max(1)[:, None]
        one = [slice(0, int(k)) for k in sure[:, 0] >= confidence_threshold]
        return [(boxes[i : i + 1][k], sure[i][k], label[i][k]) for i, k in enumerate(one)]


def features(size):
    """The backbone of all detectors, with more halvings for larger pictures: 3 x size x size to 64 x CELLS x CELLS."""
    larger = size // (8 * CELLS)
    if larger < 1 or larger & (larger - 1) or larger * 8 * CELLS != size:
        raise ValueError(f"Localizer: size must be {8 * CELLS} times a power of two, got {size}")
    more = [layer for _ in range(larger.bit_length() - 1) for layer in (nn.MaxPool2d(2), *conv_layer(64, 64))]
    return nn.Sequential(plain_backbone(8), *more)


def dense_layers(outputs, head="flatten"):
    """From the feature map to `outputs` numbers by way of HIDDEN ones. ValueError for an unknown head."""
    if head not in ("flatten", "average"):
        raise ValueError(f"Localizer: head must be 'flatten' or 'average', got {head!r}")
    squeeze, numbers = (nn.Identity(), 64 * CELLS**2) if head == "flatten" else (nn.AdaptiveAvgPool2d(1), 64)
    hidden = nn.Linear(numbers, HIDDEN, bias=False), nn.BatchNorm1d(HIDDEN, momentum=0.05), nn.LeakyReLU(0.1)
    last = nn.Linear(HIDDEN, outputs)
    last.bias.data[-4:] = 0.5  # start from a box of half the sides, in the middle
    return nn.Sequential(squeeze, nn.Flatten(), *hidden, last)


def resized(images, size):
    """Pictures stretched to size x size; whole pixels are averaged first where that shrinks them to less than half."""
    down = tuple(max(1, side // size) for side in images.shape[2:])
    images = F.avg_pool2d(images, down) if max(down) > 1 else images
    return images if images.shape[2:] == (size, size) else F.interpolate(images, (size, size), mode="bilinear")


def localization_cost(output, targets, size, alpha=ALPHA):
    """J = J_class + alpha J_box, averaged over the pictures of the batch, as {"class": J_class, "box": alpha J_box}.

    output (z [N, C], b [N, 4]); targets a list of N (boxes xyxy in pixels, labels) with one object each, or none;
    size (H, W) of the pictures that the boxes are measured in. Slide "Single-object Localization".
    """
    z, b = output
    sign, there, truth = assign(targets, z.shape[1], size)
    J_class = F.softplus(-pcn.tensor(sign) * z).sum() / len(targets)  # logistic: log(1 + e^{-Y z})
    J_box = ((pcn.tensor(truth) - b[there]) ** 2).sum() / len(targets)  # square error, where there is an object
    return {"class": J_class, "box": alpha * J_box}


def assign(targets, classes, size):
    """What the output should be: Y = +-1 [N, classes], the pictures with an object, their (x, y, h, w). Arrays only."""
    refuse_impossible(targets, classes, most=1, size=size)
    there = np.array([i for i, target in enumerate(targets) if len(target[0])], np.int64)
    sign = np.full((len(targets), classes), -1, np.float32)
    sign[there, [targets[i][1][0] for i in there]] = 1
    return sign, there, boxes_as_fractions(np.array([targets[i][0][0] for i in there]).reshape(-1, 4), size)


def refuse_impossible(targets, classes, most, size):
    """ValueError for the first picture with more objects than answers, or object that is no box or no class."""
    for i, (boxes, labels, *_) in enumerate(targets):
        if len(boxes) > most:
            raise ValueError(
                f"picture {i} has {len(boxes)} objects, but this network answers for {most}: "
                "detectors like yolo or faster_rcnn find any number"
            )
        for j, (box, label) in enumerate(zip(np.asarray(boxes, np.float64), labels)):
            where, shown = f"picture {i}, object {j}", f"({', '.join(f'{v:g}' for v in box)})"
            if not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
                raise ValueError(f"{where}: its box {shown} is not finite with x1 < x2, y1 < y2: is it x, y, w, h?")
            if not ((box[:2] + box[2:]) / 2 <= size[::-1]).all() or ((box[:2] + box[2:]) < 0).any():
                raise ValueError(f"{where}: the centre of its box {shown} is outside of {size[1]} x {size[0]} pixels")
            if not 0 <= label < classes:
                raise ValueError(f"{where}: label {label} is not in 0 ... {classes - 1}, the classes of the output")


def boxes_as_fractions(boxes, size):
    """xyxy in pixels of pictures of `size` (H, W) as (x, y, h, w): centre and size in fractions of the picture."""
    x1, y1, x2, y2 = (np.asarray(boxes, np.float32) / np.array([*size[::-1]] * 2, np.float32)).T
    return np.stack([(x1 + x2) / 2, (y1 + y2) / 2, y2 - y1, x2 - x1], axis=1)


def boxes_in_pixels(xyhw, size):
    """(x, y, h, w) in fractions of a picture of `size` (H, W) as xyxy in pixels; a negative side is none."""
    x, y, h, w = xyhw[..., X], xyhw[..., Y], np.maximum(xyhw[..., H], 0), np.maximum(xyhw[..., W], 0)
    corners = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=-1)
    return corners * np.array([*size[::-1]] * 2, xyhw.dtype)


SCENES = Settings(steps=2000, batch=32, lr=3e-3)
PHOTOGRAPHS = Settings(steps=1000, batch=16, lr=2e-3)


def trained(options, report, data, settings=None, stage="", alpha=ALPHA, head="flatten", border=True):
    """A localizer that has learned from `data.train`, and its Training. `stage` names a variant's checkpoint."""
    pcn.manual_seed(options.seed)
    model = Localizer(data.classes, SCENE if options.data is None else PHOTOGRAPH, head, border)
    settings = settings or (SCENES if options.data is None else PHOTOGRAPHS)
    return model, learn(model, cost_of(alpha), data, settings, options, report, stage)


def cost_of(alpha):
    """The function that the training loop minimises."""

    def loss_of(model, images, targets, rng):
        return localization_cost(model(images), targets, images.shape[2:], alpha)

    return loss_of


def run(options, report):
    """The lecture: train, judge on unseen pictures, draw; then the other settings."""
    data = one_object.one_object_data(options, PHOTOGRAPH)
    model, training = trained(options, report, data)
    judge(model, data, report)
    found, constant = one_object.accuracy_and_iou(model, data.test), one_object.baselines(data.train, data.test)
    report.metrics.update(found)
    report.baselines.update({name: constant[name] for name in found})
    if "accuracy" not in found:
        print(f"accuracy is left out: {data.classes[0]} is the only class, so every answer is right")
    localization_figures.cost_curves(report, training.parts, ALPHA)
    figures.detections(report, data.test, model)
    if options.data is None:
        compare(options, report, data)


ALPHAS = (0.0, 0.1, ALPHA, 30.0, 1000.0)
VARIANT = Settings(steps=1500, batch=16, lr=3e-3, quick=6)  # 24,000 pictures each: less than the lecture's localizer
FINE_TUNING = Settings(steps=500, batch=16, lr=1e-3, quick=6)


class TwoHeads(Localizer):
    """A classifier that gets a localisation head of its own: `output` keeps the classes, `box_head` has the box.

    Slide "Localization and Classification" (1).
    """

    def __init__(self, classifier):
        super().__init__(classifier.classes, classifier.size)
        self.load_state_dict(classifier.state_dict())
        self.box_head = dense_layers(4)

    def forward(self, images):
        maps = self.features(centred(resized(images, self.size)))
        return self.output(maps)[:, :-4], self.box_head(maps)


def compare(options, report, data):
    """Train every other setting on `data.train`, judge it on `data.test`: accuracy and IoU under "variants"."""
    seconds = report.train_seconds

    def judge(name, model):
        report.variants[name] = one_object.accuracy_and_iou(model, data.test)
        return model

    def other(name, **settings):
        stage = name.replace(" ", "-").replace(",", "")
        return judge(name, trained(options, report, data, VARIANT, stage=stage, **settings)[0])

    models = {alpha: other(f"alpha {alpha:g}", alpha=alpha) for alpha in ALPHAS}
    other("average over all places", head="average")
    other("average over all places, no border", head="average", border=False)

    two = TwoHeads(models[0.0])  # alpha = 0: a network that has only learned to classify
    head_alone(two, options, report, data)
    judge("head alone on the classifier", two)
    learn(two, cost_of(ALPHA), data, FINE_TUNING, options, report, "end-to-end")
    judge("then both tasks end to end", two)

    report.extra["variants_train_seconds"] = report.train_seconds - seconds
    report.train_seconds = seconds
    localization_figures.alpha_sweep(report, ALPHAS)


def head_alone(model, options, report, data, settings=VARIANT):
    """"The localization head is trained separately with regression": the classifier stays as it is."""
    classifier = [*model.features.parameters(), *model.output.parameters()]
    for p in classifier:
        p.requires_grad = False
    head = list(model.box_head.parameters())
    learn(model, regression_cost, data, settings, options, report, "head-alone", head)
    for p in classifier:
        p.requires_grad = True


def regression_cost(model, images, targets, rng):
    """alpha J_box alone; batch norm in the classifier keeps the averages it has."""
    model.features.eval()
    model.output.eval()
    return {"box": localization_cost(model(images), targets, images.shape[2:], ALPHA)["box"]}
