"""The feed-forward painter of Johnson et al. (2016), and the weights of a published one.

Strided convolutions, residual blocks, transposed convolutions; after every convolution an instance norm (Ulyanov et al.
2016), which takes each picture's own contrast away: so a style is painted as strongly into a pale picture as into a
strong one. Paddings, the order of the layers and the last line are those of the published networks
(github.com/lengstrom/fast-style-transfer), so that their weights fit.
"""

import json
from pathlib import Path

import numpy as np

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet import nn

EPSILON = 1e-3  # of the instance norm
PUBLISHED = (32, 64, 128)  # widths of the published networks,
BLOCKS = 5  # and their residual blocks
LARGEST = 64 * 2**20  # bytes of one variable: a manifest that speaks of more is not of such a network


class Layer(nn.Module):
    """Convolution without bias, instance norm with shift and scale, ReLU unless `relu` is False. x [N, C, H, W].

    Padding "SAME": ceil(H / stride) rows come out; the zeros that takes stand on both sides, an odd one at the end.
    """

    def __init__(self, inputs, outputs, kernel, stride=1, relu=True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, bias=False)
        self.norm = nn.InstanceNorm2d(outputs, eps=EPSILON, affine=True)
        self.kernel, self.stride, self.relu = kernel, stride, relu

    def forward(self, x):
        (top, bottom), (left, right) = (same_padding(n, self.kernel, self.stride) for n in x.shape[2:])
        x = self.norm(self.conv(F.pad(x, (left, right, top, bottom))))
        return F.relu(x) if self.relu else x


class Up(nn.Module):
    """Transposed convolution of stride 2 to twice the side, the gradient of `Layer`'s; instance norm and ReLU."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 3, 2, bias=False)
        self.norm = nn.InstanceNorm2d(outputs, eps=EPSILON, affine=True)

    def forward(self, x):
        height, width = (2 * n for n in x.shape[2:])
        return F.relu(self.norm(self.conv(x)[:, :, :height, :width]))


class Residual(nn.Module):
    """x + two layers of x, the second without ReLU."""

    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(Layer(width, width, 3), Layer(width, width, 3, relu=False))

    def forward(self, x):
        return x + self.layers(x)


class TransformationNetwork(nn.Module):
    """Pictures [N, 3, H, W] in [0, 1] to painted ones of the same size, in one pass; H and W multiples of 4.

    255 y = 150 tanh(...) + 127.5, so that a little beyond black and white is possible; `paint` clips it.
    """

    def __init__(self, widths=PUBLISHED, blocks=BLOCKS, kernel=9):
        super().__init__()
        first, second, third = widths
        self.layers = nn.Sequential(
            Layer(3, first, kernel), Layer(first, second, 3, 2), Layer(second, third, 3, 2),
            *(Residual(third) for _ in range(blocks)),
            Up(third, second), Up(second, first), Layer(first, 3, kernel, relu=False),
        )  # fmt: skip
        for layer in self.steps():
            nn.init.normal_(layer.conv.weight, std=0.1)

    def steps(self):
        """The layers with weights, in their order."""
        return [m for m in self.modules() if isinstance(m, Layer | Up)]

    def forward(self, images):
        if images.ndim != 4 or images.shape[1] != 3 or any(n % 4 or n < 4 for n in images.shape[2:]):
            raise ValueError(
                f"TransformationNetwork: pictures must be [N, 3, H, W] with H and W multiples of 4, got {images.shape}"
            )
        return (F.tanh(self.layers(images * 255.0)) * 150 + 127.5) * (1 / 255)

    def paint(self, images):
        """Arrays [N, 3, H, W] to arrays, painted and clipped to [0, 1]; a picture at a time."""
        with pcn.no_grad():
            painted = [self(pcn.tensor(image[None])).data for image in np.asarray(images, np.float32)]
        return np.clip(np.concatenate(painted), 0, 1)


def same_padding(size, kernel, stride):
    """Zeros (before, after) so that ceil(size / stride) positions come out; the odd one stands after."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def load_published(folder):
    """A TransformationNetwork with the weights of a folder of raw float32 variables and their manifest.json.

    "Variable", "Variable_1", ...: of each layer weight (height, width, in, out; of a transposed one out, in), shift,
    scale. Such folders: github.com/reiinakano/fast-style-transfer-deeplearnjs, src/ckpts (udnie, wave, scream ...).
    ValueError where a file is missing, too long or short, or of another network; nothing of the folder is executed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"load_published: there is no folder {folder}; take one of src/ckpts of "
            "github.com/reiinakano/fast-style-transfer-deeplearnjs"
        )
    network = TransformationNetwork()
    steps, shapes = network.steps(), _manifest(folder)
    if len(shapes) != 3 * len(steps):
        raise ValueError(
            f"load_published: {folder} holds {len(shapes)} variables, expected {3 * len(steps)}: "
            f"weight, shift and scale of {len(steps)} layers"
        )
    variables = [_variable(folder, k, *shapes[k]) for k in range(len(shapes))]
    for k, layer in enumerate(steps):
        weight, shift, scale = variables[3 * k : 3 * k + 3]
        if weight.ndim == 4:
            weight = weight.transpose(3, 2, 0, 1)  # of a transposed convolution, too: its last axis is its input
        pairs = ((layer.conv.weight, weight), (layer.norm.bias, shift), (layer.norm.weight, scale))
        for parameter, values in pairs:
            if parameter.shape != values.shape:
                raise ValueError(
                    f"load_published: layer {k + 1} of {folder} has a variable of shape {values.shape} "
                    f"where {parameter.shape} is expected: another network?"
                )
            parameter.data[...] = values
    return network.requires_grad_(False).eval()


def _manifest(folder):
    """{number of a variable: (file name, shape)}."""
    path = folder / "manifest.json"
    try:
        entries = json.loads(path.read_text())
        named = {0 if k == "Variable" else int(k.removeprefix("Variable_")): v for k, v in entries.items()}
        shapes = {k: (v["filename"], tuple(v["shape"])) for k, v in named.items()}
        sound = sorted(shapes) == list(range(len(shapes))) and all(
            isinstance(name, str) and name and Path(name).name == name
            and all(type(n) is int and n > 0 for n in shape) and 4 * np.prod(shape, dtype=np.float64) <= LARGEST
            for name, shape in shapes.values()
        )  # fmt: skip
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        raise ValueError(f"load_published: {path} is no manifest of variables ({problem})") from None
    if not sound:
        raise ValueError(f"load_published: {path} must name Variable, Variable_1 ... with file names and small shapes")
    return shapes


def _variable(folder, number, name, shape):
    """The array of one variable."""
    path = folder / name
    size, expected = path.stat().st_size, 4 * int(np.prod(shape))
    if size != expected:
        raise ValueError(f"load_published: {path} has {size} bytes, expected {expected} for {shape} float32 numbers")
    values = np.fromfile(path, "<f4").reshape(shape).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"load_published: {path} (variable {number}) holds numbers that are not finite")
    return values
