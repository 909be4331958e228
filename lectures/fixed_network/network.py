"""A trained network as style and insight use it: its weights stay as they are, only pictures change.

It is a chain of steps, each a module; those that have a name are the layers whose outputs, after the ReLU, one can ask
for. All that must be done to a picture first (subtract a mean, RGB to BGR) is the first step of the chain, and
differentiable as everything else: pictures are RGB or grey in [0, 1] for every network.
"""

from copy import copy, deepcopy
from dataclasses import dataclass, replace

import numpy as np

import pyconvnet as pcn
from pyconvnet import nn

LOGITS = "logits"
FAR = 4.0  # noise may leave [0, 1]; so far out are levels of 0 to 255
AT_ONCE = 2**19  # numbers of all pictures in a batch of `predict`


@dataclass(frozen=True)
class Step:
    """A module of the chain; `layer` names its output, `stride` says how many pixels further apart its outputs are."""

    module: nn.Module
    layer: str = ""
    stride: int = 1


class Prepared(nn.Module):
    """Pictures [N, C, H, W] in [0, 1] as a network wants them: (scale picture - mean) / std by channel, or in BGR."""

    def __init__(self, mean, std=1.0, scale=1.0, bgr=False):
        super().__init__()
        self.mean, self.std = (np.asarray(v, np.float32).reshape(1, -1, 1, 1) for v in (mean, std))
        self.scale, self.bgr = float(scale), bool(bgr)

    def forward(self, images):
        """The same shape; `mean` and `std` are those of the channels as they come out."""
        images = images.flip((1,)) if self.bgr else images
        return (images * self.scale - self.mean) / self.std


class FixedNetwork:
    """`name`, `classes` (names), `channels` (3 or 1), `size` (pixels, the side it was trained at), `layers` (names from
    input to output) and `strides` {layer: pixels between two neighbours of its map}.

    It is in eval mode, and no weight requires a gradient. `steps`: the chain from pictures to logits.
    """

    def __init__(self, name, steps, classes, channels, size):
        self.name, self.steps, self.classes = name, tuple(steps), tuple(classes)
        self.channels, self.size = int(channels), int(size)
        self.strides, stride = {}, 1
        for step in self.steps:
            stride *= step.stride
            if step.layer:
                self.strides[step.layer] = stride
        self.layers = tuple(self.strides)
        for module in self.modules():
            module.eval().requires_grad_(False)

    def modules(self):
        """Every module that has weights or settings of its own, in order."""
        return [step.module for step in self.steps]

    def logits(self, images):
        """Tensor [N, C] of pictures [N, channels, H, W], a Tensor or an array. ValueError, TypeError."""
        return self.features(images, (LOGITS,))[LOGITS]

    def features(self, images, layers):
        """{layer: Tensor [N, c, h, w]} after its ReLU, computing no further than the last of `layers` asked for.

        "logits" is a legal name, too. One graph holds all of them. ValueError for a layer that is not there.
        """
        wanted = {layers} if isinstance(layers, str) else set(layers)
        if unknown := wanted - {*self.layers, LOGITS}:
            raise ValueError(
                f"{self.name} has no layer {', '.join(map(repr, sorted(unknown)))}; "
                f"it has {', '.join(self.layers)}, and {LOGITS}"
            )
        x, found = self._checked(images), {}
        for step in self.steps:
            if len(found) == len(wanted):
                return found
            x = step.module(x)
            if step.layer in wanted:
                found[step.layer] = x
        return found | ({LOGITS: x} if LOGITS in wanted else {})

    def predict(self, images):
        """(labels int64 [N], softmax float32 [N, C]) of pictures, an array or a list of one size, in batches."""
        scores = in_batches(lambda part: self.logits(part).softmax(1), images)
        return scores.argmax(1), scores

    def averaged(self):
        """The same weights, with average pooling where max pooling was: smoother gradients (Gatys, 2015)."""
        other = copy(self)
        other.steps = tuple(replace(step, module=_average_pool(step.module)) for step in self.steps)
        return other

    def randomised(self, seed=0):
        """The same architecture with every weight array shuffled: what a picture owes to learning, it loses."""
        other, rng = deepcopy(self), np.random.default_rng(seed)
        for module in other.modules():
            for parameter in module.parameters():
                parameter.data[...] = rng.permutation(parameter.data.ravel()).reshape(parameter.shape)
        return other

    def _checked(self, images):
        shape, tensor = np.shape(images), isinstance(images, pcn.Tensor)
        if len(shape) != 4 or shape[1] != self.channels:
            cause = "; one picture is images[None]" if len(shape) == 3 else ""
            raise ValueError(f"{self.name}: pictures must be [N, {self.channels}, H, W] in [0, 1], got {shape}{cause}")
        pixels = images.data if tensor else np.asarray(images)
        if pixels.dtype.kind != "f":
            got = f"{'a Tensor' if tensor else 'an array'} of {pixels.dtype}"
            raise TypeError(f"{self.name}: pictures must be floats in [0, 1], got {got}: divide by 255?")
        if not np.isfinite(pixels).all():
            raise ValueError(f"{self.name}: pictures must be floats in [0, 1], got some that are NaN or infinite")
        if tensor:  # a descent without bounds may leave [0, 1]
            return images
        if pixels.size and np.abs(pixels).max() > FAR:
            got = f"{pixels.min():.3g} to {pixels.max():.3g}"
            raise ValueError(f"{self.name}: pictures must be floats in [0, 1], got {got}: divide by 255?")
        return pcn.tensor(pixels.astype(np.float32, copy=False))


def in_batches(outputs_of, images):
    """outputs_of(batch) of all pictures, one array; batches are small enough for the memory, no graph is kept."""
    images = np.asarray(images, np.float32) if len(images) else np.asarray(images)
    many = max(1, AT_ONCE // max(1, int(np.prod(images.shape[1:]))))
    with pcn.no_grad():
        return np.concatenate([outputs_of(images[k : k + many]).data for k in range(0, max(len(images), 1), many)])


def _average_pool(module):
    if not isinstance(module, nn.MaxPool2d):
        return module
    m = module
    return nn.AvgPool2d(m.kernel_size, m.stride, m.padding, m.ceil_mode, count_include_pad=False)
