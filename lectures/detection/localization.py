r"""Localisation: what the one object of a picture is, and where.

Deck "Fun Ways To Use ConvNets", slide "Single-object Localization": just extend the output vector by the box, and
the cost to J = J_class + alpha J_box, "e.g. use logistic loss for J_class and square error for J_box, alpha is a
hyperparameter balancing accuracy of classification vs accuracy of bounding box". Deck "Localization, Object
Detection, Segmentation", slides "Localization and Classification": C classes and 4 output dimensions; the
localisation head is trained separately, with regression, on a pre-trained CNN; possible end-to-end fine-tuning.

What the slides leave open: x, y is the centre and h, w the size, all in fractions of the picture; the logistic cost
is log(1 + e^{-Y z}) for every class, Y = +1 for the object's and -1 for the others, so that a picture without an
object can say so (Y = -1 throughout) and costs nothing for a box. Ours is smaller: 6 convolutions instead of a
ResNet, trained from scratch. Other settings (other alphas, the head alone, an average over all places as ResNets end
with) are trained by `compare` and stand under "variants".
"""

import numpy as np

import pyconvnet as pcn
from lectures.detection import figures
from lectures.detection.backbone import centred, conv_layer, plain_backbone
from lectures.detection.detector import Detector
from lectures.detection.evaluation import judge
from lectures.detection.learning import Settings, learn
from lectures.detection.one_object import one_object_data
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
    """

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
    size (H, W) of the pictures that the boxes are measured in.
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


def run(options, report):
    """The lecture: train, judge on unseen pictures, draw; then the other settings."""
    data = one_object_data(options, PHOTOGRAPH)
    model, training = trained(options, report, data)
    judge(model, data, report)
    found, constant = accuracy_and_iou(model, data.test), baselines(data.train, data.test)
    report.metrics.update(found)
    report.baselines.update({name: constant[name] for name in found})
    if "accuracy" not in found:
        print(f"accuracy is left out: {data.classes[0]} is the only class, so every answer is right")
    cost_curves(report, training.parts)
    figures.detections(report, data.test, model)
    if options.data is None:
        from lectures.detection.localization_variants import compare

        compare(options, report, data)


def cost_curves(report, parts, window=50):
    """Both terms of J at every step: running means over `window` steps."""
    with report.figure("cost", size=(6, 4)) as axes:
        ax = axes[0, 0]
        labels = {"class": "J_class", "box": f"alpha J_box, alpha = {ALPHA:g}"}
        for (name, values), colour in zip(parts.items(), ("tab:blue", "tab:orange")):
            ax.plot(np.arange(1, len(values) + 1), values, color=colour, alpha=0.2, linewidth=0.7)
            if len(values) >= window:
                mean = np.convolve(values, np.ones(window) / window, mode="valid")
                ax.plot(np.arange(window, len(values) + 1), mean, color=colour, label=labels[name])
        ax.set(xlabel="step", ylabel="cost per picture", yscale="log")
        ax.legend()
