"""The cost of a picture, J = (1 - alpha) J_style + alpha J_content, and the descent that paints by it.

Deck "Fun Ways To Use ConvNets", slide "Image Style Transfer" (3). What of an early layer is compared with that of the
style picture is left open here: everything, position by position (style_naive), or Gram matrices (style).
"""

from dataclasses import dataclass

import numpy as np

import pyconvnet as pcn
from lectures.fixed_network.descent import descend
from lectures.fixed_network.prior import total_variation
from pyconvnet import functional as F

STARTS, POOLINGS = ("content", "noise"), ("average", "max")
GREY, SPREAD = 0.5, 0.15  # of the noise that a picture may start from


@dataclass(frozen=True)
class Settings:
    """What one may change. Layers are names of the network's; `weights` w_k, one for each style layer (): all equal.

    `relative`: each term is divided by what stands in for nothing at all, ||G(style)||^2 or ||Phi(content)||^2, so that
    layers of any magnitude count alike; else the bare squares of the slides. `tv` weighs the mean total variation.
    `border`: so many mirrored pixels around the picture, else zeros around it leave a frame. "adam" paints all pictures
    together, "lbfgs" one after the other; `rate` None: the usual one.
    """

    style_layers: tuple
    content_layers: tuple
    alpha: float = 0.03
    weights: tuple = ()
    relative: bool = True
    tv: float = 1.0
    start: str = "content"
    pooling: str = "average"
    optimizer: str = "adam"
    steps: int = 200
    rate: float | None = None
    border: int = 0

    def __post_init__(self):
        for name, allowed in (("start", STARTS), ("pooling", POOLINGS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"Settings: {name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"Settings: alpha must be 0 (style only) to 1 (content only), got {self.alpha}")
        if self.weights and len(self.weights) != len(self.style_layers):
            raise ValueError(
                f"Settings: {len(self.style_layers)} style layers need as many weights, got {len(self.weights)}"
            )
        if not self.style_layers or not self.content_layers:
            raise ValueError("Settings: at least one style layer and one content layer are needed")


class Objective:
    """J of pictures I [N, 3, H, W] with contents [N, ...] and styles [N, ...], or one style for all [1, ...].

    Calling it gives the sum of all J. `describe`: what of the responses [N, C, h, w] of a style layer is compared,
    one description [N, ...] each.
    """

    def __init__(self, network, contents, styles, settings, describe):
        self.network = network.averaged() if settings.pooling == "average" else network
        self.settings, self.describe = settings, describe
        count = len(settings.style_layers)
        self.weights = settings.weights or (1 / count,) * count
        with pcn.no_grad():
            responses = self.responses(styles, settings.style_layers)
            self.style = {layer: describe(responses[layer]).data for layer in settings.style_layers}
            responses = self.responses(contents, settings.content_layers)
            self.content = {layer: responses[layer].data for layer in settings.content_layers}

    def responses(self, images, layers):
        """{layer: Tensor} of pictures with their mirrored border."""
        border = (self.settings.border,) * 4
        images = images if isinstance(images, pcn.Tensor) else pcn.tensor(np.asarray(images, np.float32))
        return self.network.features(F.pad(images, border, mode="reflect") if border[0] else images, layers)

    def terms(self, images):
        """(J_style [N], J_content [N]) of pictures [N, 3, H, W]: weighted sums of squared distances."""
        s = self.settings
        found = self.responses(images, {*s.style_layers, *s.content_layers})
        style = [w * self.distance(self.describe(found[k]), self.style[k], k)
                 for k, w in zip(s.style_layers, self.weights)]  # fmt: skip
        content = [self.distance(found[k], self.content[k], k) for k in s.content_layers]
        return sum(style[1:], style[0]), sum(content[1:], content[0])

    def distance(self, found, wanted, layer):
        """||found - wanted||^2 [N], relative to ||wanted||^2 unless the settings say no."""
        if found.shape[1:] != wanted.shape[1:] or wanted.shape[0] not in (1, found.shape[0]):
            raise ValueError(
                f"Objective: layer {layer} gives {found.shape} here and {wanted.shape} for the picture to be matched: "
                "compared position by position, pictures must be of one size and as many"
            )
        axes = tuple(range(1, wanted.ndim))
        distance = ((found - wanted) ** 2).sum(axes)
        return distance / ((wanted**2).sum(axes) + 1e-12) if self.settings.relative else distance

    def __call__(self, images):
        style, content = self.terms(images)
        total = (1 - self.settings.alpha) * style.sum() + self.settings.alpha * content.sum()
        if self.settings.tv:
            total = total + self.settings.tv / np.prod(images.shape[1:]) * total_variation(images).sum()
        return total

    def measured(self, images):
        """(J_style [N], J_content [N]) as arrays: what a picture has come to."""
        with pcn.no_grad():
            style, content = self.terms(images)
        return style.data, content.data


def start_of(contents, settings, seed=0):
    """The pictures that descent begins at: the content, or noise around grey."""
    contents = np.array(contents, np.float32)
    if settings.start == "content":
        return contents
    noise = np.random.default_rng((0x57A7, seed)).standard_normal(contents.shape, dtype=np.float32)
    return np.clip(GREY + SPREAD * noise, 0, 1)


def paint(network, contents, styles, settings, describe, seed=0, bar="painting"):
    """(list of pictures CHW that make J small, J at every step: the mean over the pictures).

    contents and styles: [N, 3, H, W] or lists of pictures CHW; picture n is content n in style n. Pictures of one
    size are painted together, unless by "lbfgs", whose steps would be compromises between them.
    """
    one_size = all(len({np.shape(image) for image in images}) == 1 for images in (contents, styles))
    together = one_size and settings.optimizer != "lbfgs"
    painted, curves = [], []
    for n in [slice(None)] if together else [slice(n, n + 1) for n in range(len(contents))]:
        objective = Objective(network, contents[n], styles[n], settings, describe)
        start = start_of(contents[n], settings, seed + (n.start or 0))
        images, curve = descend(start, objective, settings.steps, settings.optimizer, settings.rate, bar=bar)
        painted += list(images)
        curves.append(curve)
    return painted, np.sum(curves, 0) / len(contents)


def measured(network, painted, contents, styles, settings, describe):
    """(J_style [N], J_content [N]) of pictures, whatever their sizes: what they have come to."""
    found = [
        Objective(network, content[None], style[None], settings, describe).measured(image[None])
        for image, content, style in zip(painted, contents, styles)
    ]
    return tuple(np.concatenate(part) for part in zip(*found))
