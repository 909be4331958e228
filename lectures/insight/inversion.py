r"""Inversion: a picture that looks to the network, at some layer, like a given one. What has the layer forgotten?

Deck "Deep Convolutional Neural Networks II", slide "Visualization the Deep Nets": include image regularization (natural
image prior), min_I {||Phi_k(I) - Phi_k^0||^2 + lambda R(I)}; total variation regularizer R(I). Slide "Visualizing the
Deep Nets": gradient descent from random initialization; reconstruction is not unique: all these images are identical
for the CNN. Mahendran & Vedaldi, "Understanding Deep Image Representations by Inverting Them" (2015).

Phi_k is layer k after its ReLU, Phi_k^0 what it is for the picture that we look for. As in the paper both terms are
made comparable, so that one lambda serves all layers: the first is divided by ||Phi_k^0||^2 (1: as wrong as no feature
at all), the second by the number of pixels and the usual difference of two neighbours, to the power beta. The slide's
R(I) lacks a parenthesis: `form` is "exact" (the paper) or "literal"; they differ where beta is not 2.

Ours is smaller: a network of four convolutions on pictures of 64 pixels; `--weights FILE --data images:DIR` for
photographs. The first term (here: feature error) has baselines, too: pictures that nobody has searched for. Random
starts, the mean picture, another picture.
"""

import numpy as np

import pyconvnet as pcn
from lectures.fixed_network.descent import descend
from lectures.fixed_network.held import held_network
from lectures.fixed_network.likeness import correlation
from lectures.fixed_network.pictures import photographs
from lectures.fixed_network.prior import roughness, total_variation
from lectures.insight.drawing import inversion_figures as figures

TAKES_WEIGHTS = True
PRIOR, REAL_PRIOR = 0.02, 0.1  # lambda: for painted pictures, for photographs
BETA = 2.0
NEIGHBOURS = 30 / 255  # usual difference of two neighbouring pixels
STEPS, RATE = 300, 0.04
REAL_STEPS = 500  # of a deeper network on more pixels
START = 0.08  # standard deviation of the random initialization around grey
DEPTHS = 5  # layers to invert, at most
PICTURES, PHOTOGRAPHS = 6, 1  # to invert: painted, real
OTHERS = 6  # pictures that are not inverted: their mean, and one of them, are what one would guess
ARMS = {"TV prior": (1, 0), "TV, another start": (1, 1), "no prior": (0, 0)}  # times lambda, number of the start


def features(network, layer, images):
    """Phi_k of pictures [N, C, H, W], an array."""
    with pcn.no_grad():
        return network.features(images, [layer])[layer].data


def feature_error(phi, target):
    """||Phi - Phi^0||^2 / ||Phi^0||^2 for each picture [N]; a Tensor of a Tensor, an array of an array."""
    axes = tuple(range(1, np.ndim(target)))
    size = np.maximum((target**2).sum(axes), 1e-12)
    return ((phi - target) ** 2).sum(axes) / size


def prior(images, beta=BETA, form="exact"):
    """R(I) of pictures [N, C, H, W] divided by the number of their pixels and the usual |difference|^beta: [N]."""
    return total_variation(images, beta, form) / (np.prod(images.shape[1:]) * NEIGHBOURS**beta)


def cost(network, layer, target, weight=PRIOR, beta=BETA, form="exact"):
    """The function of pictures that is minimised: feature error + weight R(I), summed over the pictures."""

    def of(images):
        first = feature_error(network.features(images, [layer])[layer], target).sum()
        return first + weight * prior(images, beta, form).sum() if weight else first

    return of


def random_start(shape, seed):
    """The slide's random initialization: grey with a little noise, float32 [N, C, H, W] in [0, 1]."""
    noise = np.random.default_rng(seed).normal(0, START, shape)
    return np.clip(0.5 + noise, 0, 1).astype(np.float32)


def falling(rate, steps):
    """The rate of step k: 1, 0.3 from half, 0.1 from four fifths of the steps on, times `rate`."""
    return lambda k: rate * (1 if k < 0.5 * steps else 0.3 if k < 0.8 * steps else 0.1)


def invert(network, layer, target, start, weight=PRIOR, steps=STEPS, rate=RATE, beta=BETA, form="exact"):
    """Pictures whose features at `layer` are `target` [N, c, h, w], by gradient descent from `start` [N, C, H, W]."""
    goal = cost(network, layer, target, weight, beta, form)
    return descend(start, goal, steps, "adam", falling(rate, steps), bar=f"inverting {layer}")[0]


def shown_layers(network, most=DEPTHS):
    """Names of up to `most` layers, evenly from the first to the last; without one that holds the scores already."""
    layers = network.layers[:-1] if network.layers[-1] == "conv10" else network.layers
    return [layers[k] for k in np.linspace(0, len(layers) - 1, min(most, len(layers))).round().astype(int)]


def depths(layers):
    """{"early", "middle", "deep": layer} of the layers shown: the second, the one in the middle, the last."""
    return {"early": layers[min(1, len(layers) - 1)], "middle": layers[len(layers) // 2], "deep": layers[-1]}


def run(options, report):
    """The lecture: invert pictures at every layer shown, with and without the prior, from two starts; then compare."""
    network = held_network(options, report)
    real = options.data is not None
    count = PHOTOGRAPHS if real else 2 if options.quick else PICTURES
    shown = photographs(options, network, count + OTHERS)
    images, others = np.stack(shown.images[:count]), shown.images[count:]
    layers = shown_layers(network)
    if options.quick:
        layers = list(depths(layers).values())
    steps, weight = 3 if options.quick else REAL_STEPS if real else STEPS, REAL_PRIOR if real else PRIOR
    found = {layer: inverted(network, layer, images, options.seed, steps, weight) for layer in layers}
    compare(report, network, layers, images, others, found, options.seed)
    figures.results(report, network, images, found, depths(layers), curves(report, layers), shown.classes)


def inverted(network, layer, images, seed=0, steps=STEPS, weight=PRIOR):
    """{arm: pictures} of ARMS: with the prior from two starts, and without it."""
    target = features(network, layer, images)
    return {arm: invert(network, layer, target, random_start(images.shape, 2 * seed + start), with_it * weight, steps)
            for arm, (with_it, start) in ARMS.items()}  # fmt: skip


def baselines(network, layer, images, others, seed=0):
    """{name: feature error} of pictures that nobody searched for: random ones, the mean of others, another one.

    `others` must not hold `images`; with no others the random start is all there is.
    """
    target, guesses = features(network, layer, images), {"a random start": random_start(images.shape, seed)}
    if len(others):
        guesses["the mean picture"] = np.repeat(np.mean(others, 0, keepdims=True), len(images), 0)
        guesses["another picture"] = np.stack([others[k % len(others)] for k in range(len(images))])
    return {name: float(feature_error(features(network, layer, guess), target).mean())
            for name, guess in guesses.items()}  # fmt: skip


def compare(report, network, layers, images, others, found, seed):
    """Everything into the report: feature errors beside the best of the baselines; what two starts have in common."""
    seen, two = network.predict(images)[0], {}
    report.extra["baselines"] = {layer: baselines(network, layer, images, others, seed) for layer in layers}
    for layer in layers:
        target = features(network, layer, images)
        for arm, pictures in found[layer].items():
            report.variants[f"{layer}, {arm}"] = {
                "feature_error": float(feature_error(features(network, layer, pictures), target).mean()),
                "pixel_correlation": float(correlation(pictures, images).mean()),
                "roughness": float(roughness(pictures).mean()),
                "same_class": float((network.predict(pictures)[0] == seen).mean()),
            }
        a, b = (found[layer][arm] for arm in ("TV prior", "TV, another start"))
        between = feature_error(features(network, layer, a), features(network, layer, b))
        two[layer] = {"feature_error": float(between.mean()), "pixel_correlation": float(correlation(a, b).mean())}
    report.variants["the pictures themselves"] = {"roughness": float(roughness(images).mean())}
    report.extra["two_starts"] = two
    for depth, layer in depths(layers).items():
        error = report.variants[f"{layer}, TV prior"]["feature_error"]
        report.metrics.setdefault("feature_error", {})[depth] = error
        report.baselines.setdefault("feature_error", {})[depth] = min(report.extra["baselines"][layer].values())
        report.extra[f"two_starts_pixel_correlation_{depth}"] = two[layer]["pixel_correlation"]
        report.extra[f"two_starts_feature_error_{depth}"] = two[layer]["feature_error"]


def curves(report, layers):
    """{name: feature error at every layer} for the figure: both arms and the three baselines."""
    arms = {arm: [report.variants[f"{layer}, {arm}"]["feature_error"] for layer in layers]
            for arm in ("TV prior", "no prior")}  # fmt: skip
    names = report.extra["baselines"][layers[0]]
    return arms | {name: [report.extra["baselines"][layer][name] for layer in layers] for name in names}
