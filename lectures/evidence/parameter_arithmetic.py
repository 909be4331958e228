"""Numbers on slides that need no training, only arithmetic: parameters, weight layers, outputs per cell, sums."""

import numpy as np

import pyconvnet as pcn
from lectures.course import FUN_WAYS, LOCALISATION, VISION_16
from lectures.detection.yolo import OneShotDetector
from lectures.detection.yolo_v1 import YoloV1
from lectures.verdict import Claim
from pyconvnet import nn

EXACT, ROUNDED = 0.999, 0.95  # of a number on a slide: written out, or rounded to one or two digits


def agreement(ours, slides):
    """How near two positive numbers are: 1 where they are equal, 1/2 where one is twice the other."""
    return min(ours, slides) / max(ours, slides)


def conv_parameters(inputs, outputs, kernel, groups=1):
    """Weights and biases of a convolution; a dense layer is one of 1 x 1."""
    return outputs * (inputs // groups) * kernel**2 + outputs


def number_of_parameters(module):
    """Of a real module."""
    return sum(p.data.size for p in module.parameters())


def compared(ours, slides):
    """What a measurement returns: the worst agreement of {what: number} of ours with the slide's."""
    agree = {what: agreement(ours[what], slides[what]) for what in slides}
    return {"effect": min(agree.values()), "ours": ours, "slide": slides}


def draw_compared(ax, runs):
    """Bars: ours over the slide's number, written beside them."""
    ours, slides = runs[0]["ours"], runs[0]["slide"]
    names = list(slides)
    y = np.arange(len(names))[::-1]
    ax.barh(y, [ours[name] / slides[name] for name in names], color="tab:blue", height=0.5)
    for place, name in zip(y, names):
        said, found = (f"{v:,}".replace(",", " ") for v in (slides[name], ours[name]))
        ax.text(0.03, place, f"{name}\nslide: {said}   counted: {found}", va="center", color="w", fontsize=9)
    ax.axvline(1, color="k", linestyle="--", linewidth=1)
    ax.set(yticks=[], xlim=(0, 1.7), ylim=(-0.8, len(names) - 0.2), xlabel="counted / slide")


def measure_filters(options, report):
    """A convolution of 100 filters, 10 x 10, on one channel."""
    conv = nn.Conv2d(1, 100, 10, bias=False)
    return compared({"weights": number_of_parameters(conv)}, {"weights": 10_000})


# AlexNet as in the paper: (inputs, outputs, kernel, groups, side of the output); two groups where two GPUs were.
ALEXNET = (
    (3, 96, 11, 1, 55),
    (96, 256, 5, 2, 27),
    (256, 384, 3, 1, 13),
    (384, 384, 3, 2, 13),
    (384, 256, 3, 2, 13),
    (256 * 6 * 6, 4096, 1, 1, 1),
    (4096, 4096, 1, 1, 1),
    (4096, 1000, 1, 1, 1),
)


def measure_alexnet(options, report):
    """Hidden layers, their units (the output's thousand are few), and all parameters."""
    hidden = ALEXNET[:-1]
    units = sum(outputs * side**2 for _, outputs, _, _, side in hidden)
    parameters = sum(conv_parameters(*layer[:4]) for layer in ALEXNET)
    ours = {"hidden layers": len(hidden), "units": units, "parameters": parameters}
    return compared(ours, {"hidden layers": 7, "units": 650_000, "parameters": 60_000_000})


# The columns of VGG's table: numbers are 3 x 3 convolutions with so many filters, negative ones 1 x 1; M a max-pool.
VGG = {
    "A": (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "A-LRN": (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "B": (64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "C": (64, 64, "M", 128, 128, "M", 256, 256, -256, "M", 512, 512, -512, "M", 512, 512, -512, "M"),
    "D": (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"),
    "E": (64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"),
}
VGG_LAYERS = {"A": 11, "A-LRN": 11, "B": 13, "C": 16, "D": 16, "E": 19}  # "weight layers", as the slide counts them


def vgg_parameters(column):
    """(weight layers, parameters of the convolutions, of the three dense layers) of a column of VGG."""
    inputs, side, of_convs, layers = 3, 224, 0, 0
    for layer in column:
        if layer == "M":
            side //= 2
            continue
        of_convs += conv_parameters(inputs, abs(layer), 3 if layer > 0 else 1)
        inputs, layers = abs(layer), layers + 1
    dense = (inputs * side**2, 4096), (4096, 4096), (4096, 1000)
    return layers + len(dense), of_convs, sum(conv_parameters(*sides, 1) for sides in dense)


def measure_vgg(options, report):
    """The weight layers of every column."""
    counted = {name: vgg_parameters(column) for name, column in VGG.items()}
    layers = compared({name: counts[0] for name, counts in counted.items()}, VGG_LAYERS)
    return layers | {"parameters": {name: counts[1:] for name, counts in counted.items()}}


def draw_vgg(ax, runs):
    """Bars: where the parameters of each column are."""
    parameters, layers = runs[0]["parameters"], runs[0]["ours"]
    convs, dense = (np.array([of[k] for of in parameters.values()]) / 1e6 for k in (0, 1))
    x = np.arange(len(parameters))
    ax.bar(x, convs, label="convolutions")
    ax.bar(x, dense, bottom=convs, label="three dense layers")
    for place, both in zip(x, convs + dense):
        ax.text(place, both + 2, f"{both:.0f}", ha="center", fontsize=9)
    ax.set_xticks(x, [f"{name}\n{layers[name]} layers" for name in parameters], fontsize=8)
    ax.set(ylabel="million parameters", ylim=(0, 190))
    ax.legend(loc="upper left", fontsize=9)


def measure_yolo_v1(options, report):
    """The output of the lecture's own network, for B = 2, C = 20 and 7 x 7 cells."""
    model = YoloV1([f"class {k}" for k in range(20)], boxes=2, cells=(7, 7))
    shape = model.eval()(pcn.zeros((1, 3, 7 * model.stride, 7 * model.stride))).shape
    ours = {"rows": shape[1], "columns": shape[2], "numbers in a cell, B(4 + 1) + C": shape[3]}
    return compared(ours, dict(zip(ours, (7, 7, 30))))


def measure_one_shot(options, report):
    """The output of the lecture's own network, for B = 2 and 3, C = 80 and 7 x 7 cells."""
    ours, slides = {}, {}
    for boxes in (2, 3):
        model = OneShotDetector([f"class {k}" for k in range(80)], boxes)
        output = model.eval()(pcn.zeros((1, 3, 7 * model.stride, 7 * model.stride)))
        what = f"7 x 7 x B(4 + C + 1), B = {boxes}, C = 80"
        ours[what], slides[what] = output.data.size, 7 * 7 * boxes * (4 + 80 + 1)
    return compared(ours, slides)


def measure_sums(options, report):
    """How many boxes do sums over i = 0 ... S^2 and j = 0 ... B visit, how many are there? S = 7, B = 2."""
    visited = sum(1 for i in range(0, 7 * 7 + 1) for j in range(0, 2 + 1))
    model = YoloV1([f"class {k}" for k in range(20)], boxes=2, cells=(7, 7))
    cells = model.eval()(pcn.zeros((1, 3, 7 * model.stride, 7 * model.stride))).shape[1:3]
    there = cells[0] * cells[1] * model.boxes
    return compared({"boxes of the sums": there}, {"boxes of the sums": visited})


CLAIMS = (
    Claim(
        number="33a", title="100 filters of 10 x 10 are 10k parameters",
        says="1000 x 1000 image, 100 filters, 10 x 10 filter size: only 10k parameters",
        deck=VISION_16, slide="Recap: Intuition of CNNs",
        effect="agreement of the number counted with the slide's (1: equal)",
        measure=measure_filters, draw=draw_compared, above=EXACT, exact=True,
    ),
    Claim(
        number="33b", title="AlexNet has 60M parameters",
        says="7 hidden layers, 650k units, 60M parameters",
        deck=VISION_16, slide="Recap: AlexNet (2012)",
        effect="worst agreement of the numbers counted with the slide's (1: equal)",
        measure=measure_alexnet, draw=draw_compared, above=ROUNDED, exact=True,
    ),
    Claim(
        number="33c", title="VGG has 11 to 19 weight layers",
        says="A: 11 weight layers, B: 13, C and D: 16, E: 19",
        deck=VISION_16, slide="Recap: VGGNet (2014/15)",
        effect="worst agreement of the layers counted with the slide's (1: equal)",
        measure=measure_vgg, draw=draw_vgg, above=EXACT, exact=True,
    ),
    Claim(
        number="33d", title="YOLO v1 says 7 x 7 x 30 numbers",
        says="C = 20, B = 2, same class vector for all boxes in a grid cell, so B x (4 + 1) + C = 30 output",
        deck=FUN_WAYS, slide="One-Shot Object Detection",
        effect="worst agreement of the network's output with the slide's numbers (1: equal)",
        measure=measure_yolo_v1, draw=draw_compared, above=EXACT, exact=True,
    ),
    Claim(
        number="33e", title="One shot says 7 x 7 x B(4 + C + 1) numbers",
        says="overall output of ConvNet is a 7 x 7 x B(4 + C + 1) tensor",
        deck=FUN_WAYS, slide="One-Shot Object Detection",
        effect="worst agreement of the network's output with the slide's numbers (1: equal)",
        measure=measure_one_shot, draw=draw_compared, above=EXACT, exact=True,
    ),
    Claim(
        number="33f", title="YOLO's cost sums over every box once",
        says="sum over i = 0 ... S^2 and j = 0 ... B",
        deck=LOCALISATION, slide="YOLO",
        effect="agreement of the boxes that there are with those that the sums visit (1: equal)",
        measure=measure_sums, draw=draw_compared, above=EXACT, exact=True,
        because="from 0 to S^2 are S^2 + 1 cells, from 0 to B are B + 1 boxes: 150 terms for 98 boxes at S = 7, B = 2",
    ),
)  # fmt: skip
