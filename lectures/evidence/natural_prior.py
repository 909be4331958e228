"""What the TV prior is worth: what a second network sees in pictures that were found with it, and without it."""

import numpy as np

from lectures.course import DEEP_CNN_2
from lectures.fixed_network.prior import roughness
from lectures.fixed_network.procedural import JUDGE, texture_network
from lectures.insight import activation_maximization, inversion
from lectures.verdict import Claim
from pyconvnet.data import TexturedShapes

PICTURES = 12
ROUND, ROUNDS = 10, 40  # steps at once, at most so often, until the error is as small as with the prior
GUESSING = 0.2  # 40 pictures of 4 shapes, 60 of 6 textures: ten and ten would be right by luck
SHOWN = "TV prior", "no prior"
MADE = *SHOWN, "no prior, from grey"
COLOURS = {"TV prior": "#0072B2", "no prior": "#D55E00", "no prior, from grey": "#E69F00"}


def measure_inversion(options, report):
    """Every layer inverted with and without the prior, to the same feature error; the second network's error of both.

    The effects: at the deepest layer, how much further the second network's features are off without the prior; and
    how many times rougher the pictures are.
    """
    first, second = two_networks(options, report)
    images = TexturedShapes(2 if options.quick else PICTURES, "test", options.seed).arrays()[0]
    layers = {layer: at_equal_error(first, second, layer, images, options) for layer in first.layers[1:]}
    return {"layers": layers, "roughness_of_pictures": float(roughness(images).mean())}


def two_networks(options, report):
    """(the network that is held fixed, the one that judges)."""
    first = texture_network(options, report, options.seed)
    return first, texture_network(options, report, options.seed + JUDGE, noise=0.25)


def at_equal_error(first, second, layer, images, options):
    """{arm: {"feature_error", "second_network", "roughness"}} of pictures found at a layer."""
    target, theirs = (inversion.features(network, layer, images) for network in (first, second))
    start, steps = inversion.random_start(images.shape, options.seed), 2 if options.quick else inversion.STEPS
    found = {"TV prior": inversion.invert(first, layer, target, start, steps=steps)}
    wanted, now = error(first, layer, found["TV prior"], target), start
    for _ in range(1 if options.quick else ROUNDS):  # without the prior it is there sooner, and must stop then
        now = inversion.invert(first, layer, target, now, weight=0.0, steps=2 if options.quick else ROUND)
        if error(first, layer, now, target) <= wanted:
            break
    found["no prior"] = now
    return {arm: {"feature_error": error(first, layer, x, target), "second_network": error(second, layer, x, theirs),
                  "roughness": float(roughness(x).mean())} for arm, x in found.items()}  # fmt: skip


def error(network, layer, images, target):
    """Mean feature error of pictures."""
    return float(inversion.feature_error(inversion.features(network, layer, images), target).mean())


def measure_second_network(options, report):
    """The effect: the second network's feature error without the prior minus with it, deepest layer, equal error."""
    found = measure_inversion(options, report)
    deepest = list(found["layers"].values())[-1]
    return {"effect": deepest["no prior"]["second_network"] - deepest["TV prior"]["second_network"], **found}


def measure_roughness(options, report):
    """The effect: how many times rougher pictures found without the prior are, deepest layer, equal error."""
    found = measure_inversion(options, report)
    deepest = list(found["layers"].values())[-1]
    return {"effect": deepest["no prior"]["roughness"] / max(deepest["TV prior"]["roughness"], 1e-9), **found}


def measure_recognised(options, report, goal_of=activation_maximization.certainty):
    """Pictures made for every shape and texture from ten starts; the effect: recognised more often, with the prior.

    More often than the better of two without it: from the same noise, and from grey with a little noise, since all
    that a prior may do is to take away the noise of the start.
    """
    first, second = two_networks(options, report)
    rates = {arm: [] for arm in MADE}
    for classes, logits_of in activation_maximization.questions(first).values():
        asked = activation_maximization.asked_classes(classes, options, second)
        start = activation_maximization.noise(len(asked), first, options.seed)
        aim = goal_of(lambda images, f=logits_of: f(first, images), asked)
        grey, steps = inversion.random_start(start.shape, options.seed), 2 if options.quick else 0
        for arm, (weight, begin) in zip(MADE, ((activation_maximization.WEIGHT, start), (0.0, start), (0.0, grey))):
            made = activation_maximization.maximise(aim, begin, weight, steps=steps or activation_maximization.STEPS)
            rates[arm].extend((activation_maximization.told(logits_of, second, made) == asked).tolist())
    rates = {arm: float(np.mean(hits)) for arm, hits in rates.items()}
    return {"effect": rates["TV prior"] - max(rates[arm] for arm in MADE[1:]), "rates": rates}


def measure_recognised_scores(options, report):
    """The same where the score before the softmax is raised, which has no end."""
    return measure_recognised(options, report, activation_maximization.scores)


def draw_by_layer(ax, runs, what, label):
    """The number `what` of both arms at every layer, mean of the seeds."""
    layers = list(runs[0]["layers"])
    for arm in SHOWN:
        values = np.array([[run["layers"][layer][arm][what] for layer in layers] for run in runs])
        ax.plot(layers, values.T, color=COLOURS[arm], linewidth=0.7, alpha=0.5)
        ax.plot(layers, values.mean(0), "o-", color=COLOURS[arm], linewidth=2.5, label=arm)
    ax.set(xlabel="layer that is inverted, to equal error", ylabel=label, ylim=(0, None))
    ax.spines[["top", "right"]].set_visible(False)


def draw_second_network(ax, runs):
    """The second network's error by depth, with and without the prior."""
    draw_by_layer(ax, runs, "second_network", "feature error of a second network")
    ax.legend(frameon=False)


def draw_roughness(ax, runs):
    """Roughness by depth, beside that of the pictures."""
    draw_by_layer(ax, runs, "roughness", "difference of neighbouring pixels")
    natural = np.mean([run["roughness_of_pictures"] for run in runs])
    ax.axhline(natural, color="k", linestyle="--", linewidth=1, label="the pictures themselves")
    ax.legend(frameon=False)


def draw_recognised(ax, runs):
    """The rates at which the second network sees what was asked for."""
    for k, arm in enumerate(MADE):
        values = [run["rates"][arm] for run in runs]
        ax.bar(k, np.mean(values), 0.6, color=COLOURS[arm])
        ax.plot([k] * len(values), values, "o", color="k", markersize=4, markerfacecolor="w")
    ax.axhline(GUESSING, color="k", linestyle=":", linewidth=1, label="guessing")
    ax.set_xticks(range(len(MADE)), MADE, fontsize=9)
    ax.set(ylabel="seen by a second network, too", ylim=(0, 1))
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)


SLIDE = "Visualization the Deep Nets"
SAYS = "Include image regularization (natural image prior)"
CLAIMS = (
    Claim(
        number="25a",
        title="With the TV prior a second network sees the picture, too",
        says=SAYS,
        deck=DEEP_CNN_2,
        slide=SLIDE,
        effect="feature error of a second network without the prior minus with it, last layer inverted to equal error",
        measure=measure_second_network,
        draw=draw_second_network,
    ),
    Claim(
        number="25b",
        title="The TV prior makes inverted pictures smooth",
        says=SAYS,
        deck=DEEP_CNN_2,
        slide=SLIDE,
        effect="how many times rougher the pictures are without the prior, last layer inverted to equal error",
        measure=measure_roughness,
        draw=draw_roughness,
        above=2.0,
    ),
    Claim(
        number="25c",
        title="Made until the network is sure, with the prior: recognised",
        says=SAYS,
        deck=DEEP_CNN_2,
        slide=SLIDE,
        effect="share of pictures, made till the network is sure, that a second one recognises: prior - best without",
        measure=measure_recognised,
        draw=draw_recognised,
        because="most of what the prior does for these pictures is to take away the noise of the start: from grey the "
        "ascent without it is recognised nearly as often, by some networks more often",
    ),
    Claim(
        number="25d",
        title="Made by raising the score without end, with the prior: recognised",
        says=SAYS,
        deck=DEEP_CNN_2,
        slide=SLIDE,
        effect="share of pictures, made by raising the score, in which a second sees the class: prior - best without",
        measure=measure_recognised_scores,
        draw=draw_recognised,
        because="a score raised without end makes a caricature that the second network knows with the prior or "
        "without, and more often than pictures that stop where the first network is sure",
    ),
)
