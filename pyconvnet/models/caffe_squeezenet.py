"""SqueezeNet 1.0 as its authors published it, for Caffe."""

from .. import nn
from .squeezenet import SqueezeNet
from .weights import load_weights, read_weights

FIRES = {2: 3, 3: 4, 4: 5, 5: 7, 6: 8, 7: 9, 8: 10, 9: 12}  # number in the paper: place in `features`
PARTS = {  # a layer of a fire module in the prototxt of the compressed and of the original network: our name
    "conv1x1_1": "squeeze", "conv1x1_2": "expand1x1", "conv3x3_2": "expand3x3",
    "squeeze1x1": "squeeze", "expand1x1": "expand1x1", "expand3x3": "expand3x3",
}  # fmt: skip


def caffe_squeezenet(weights=None):
    """The SqueezeNet module whose last convolution pads by 1, and Caffe's weights: {prototxt layer.weight, .bias}.

    Takes BGR in 0..255 minus (104, 117, 123), 227 px. The file is github.com/songhan/SqueezeNet-Deep-Compression
    (its decode.py writes the layers; the same, dense, as .npz) or forresti/SqueezeNet's v1.0.
    """
    model = SqueezeNet("1_0")
    # The padding gives a ring of outputs from the bias alone, which the mean over the picture counts.
    model.classifier[1] = nn.Conv2d(512, 1000, kernel_size=1, padding=1)
    if weights is None:
        return model
    state = read_weights(weights)
    return load_weights(model, {_renamed(name): t for name, t in state.items()}, "caffe_squeezenet")


def _renamed(name):
    """Our name of "fire2/conv1x1_1.weight"; names that are ours already, or unknown, stay."""
    layer, _, part = name.rpartition(".")
    if layer in ("conv_final", "conv10"):
        return f"classifier.1.{part}"
    if layer == "conv1":
        return f"features.0.{part}"
    fire, _, inside = layer.partition("/")
    number = fire.removeprefix("fire")
    if number.isdecimal() and int(number) in FIRES and inside in PARTS:
        return f"features.{FIRES[int(number)]}.{PARTS[inside]}.{part}"
    return name
