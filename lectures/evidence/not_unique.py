"""Two pictures that a network cannot tell apart, and that are not the same picture."""

import numpy as np

from lectures.course import DEEP_CNN_2
from lectures.fixed_network.likeness import correlation
from lectures.fixed_network.procedural import texture_network
from lectures.insight import inversion
from lectures.verdict import Claim
from pyconvnet.data import TexturedShapes

PICTURES = 8
LONG = 4  # times the steps of the lecture
SAME = 0.05  # a feature error up to this is found
ARMS = {"TV prior": inversion.PRIOR, "no prior": 0.0}
COLOURS = {"TV prior": "#0072B2", "no prior": "#D55E00"}


def measure_starts(options, report):
    """Layers of unseen pictures inverted from two random starts, with the prior and without it.

    The effect: 1 minus the correlation of the pixels of both, last layer, without the prior (it is the features that
    are said to be identical), after LONG times as many steps as the lecture takes, so that it is no matter of
    patience; over the pictures that both starts found, 0 if none.
    """
    network = texture_network(options, report, options.seed)
    images = TexturedShapes(2 if options.quick else PICTURES, "test", options.seed).arrays()[0]
    layers = {layer: {arm: from_two_starts(network, layer, images, weight, options) for arm, weight in ARMS.items()}
              for layer in network.layers[1:]}  # fmt: skip
    patient = from_two_starts(network, network.layers[-1], images, 0.0, options, LONG)
    return {"effect": patient["different"], "layers": layers, "patient": patient}


def from_two_starts(network, layer, images, weight, options, times=1):
    """{"different", "feature_error" (the larger of both), "between" (of one from the other), "found", "same_class"}."""
    target, steps = inversion.features(network, layer, images), 2 if options.quick else times * inversion.STEPS
    starts = [inversion.random_start(images.shape, 2 * options.seed + k) for k in range(2)]
    a, b = (inversion.invert(network, layer, target, start, weight, steps) for start in starts)
    seen = [inversion.features(network, layer, x) for x in (a, b)]
    errors = np.maximum(*(inversion.feature_error(x, target) for x in seen))
    found = errors <= SAME
    labels = [network.predict(x)[0] for x in (images, a, b)]
    return {
        "different": float(1 - correlation(a, b)[found].mean()) if found.any() else 0.0,
        "feature_error": float(errors.mean()),
        "between": float(inversion.feature_error(*seen).mean()),
        "found": float(found.mean()),
        "same_class": float(((labels[0] == labels[1]) & (labels[0] == labels[2])).mean()),
    }


def draw_starts(ax, runs):
    """How different two reconstructions are, by depth, with and without the prior; how different for the network."""
    layers = list(runs[0]["layers"])
    for arm, colour in COLOURS.items():
        for what, line, label in (("different", "o-", "pixels"), ("between", "s:", "features")):
            values = np.array([[run["layers"][layer][arm][what] for layer in layers] for run in runs])
            ax.plot(layers, values.mean(0), line, color=colour, linewidth=2, label=f"{label}, {arm}")
    ax.set(xlabel="layer that is inverted", ylabel="difference of two reconstructions", ylim=(-0.02, None))
    ax.legend(frameon=False, fontsize=8)
    ax.spines[["top", "right"]].set_visible(False)


CLAIMS = (
    Claim(
        number="26",
        title="Reconstruction is not unique",
        says="Reconstruction is not unique => All these images are identical for the CNN",
        deck=DEEP_CNN_2,
        slide="Visualizing the Deep Nets",
        effect="1 - correlation of the pixels of two reconstructions from the last layer, both of feature error <= .05",
        measure=measure_starts,
        draw=draw_starts,
        above=0.1,
    ),
)
