r"""Activation maximization: a picture that makes one neuron fire, or one class score high. Is it what we would draw?

Deck "Deep Convolutional Neural Networks II", slide "Visualizing the Deep Nets": similarly, find an image that causes a
particular neuron fires (maximally activate). Slide "Visualization the Deep Nets": include image regularization. Erhan
et al., "Visualizing Higher-Layer Features of a Deep Network" (2009); Simonyan, Vedaldi & Zisserman (2014).

max_I log P_c(I) - lambda R(I): gradient ascent from noise until the network is sure of class c, with total variation as
the prior; or, without an end, of the score S_c before the softmax (the paper's; `scores`); or of one number of a hidden
layer (`neurons`). `jitter`: the pictures are rolled by some pixels before every step.

That the network itself sees what was asked for says nothing. So another one judges, of other weights, taught with other
pictures: how often does it see the class? The baseline is the same ascent without the prior, from ten starts a class.
Both goals stand in the table, because the prior is not worth the same: of painted pictures, a score that grows without
end makes caricatures that the judge knows in any case, and more often than what is made until the network is sure.
Goal, lambda and rate were chosen by what the judge said on seed 0 (ResNet-20: from other starts, of seed 5).

Ours is smaller: shapes and textures of 64 pixels. With `--weights resnet20.th --data cifar:FILE` a ResNet-20 draws ten
kinds of things and a small network, trained here on those pictures, judges; other real networks draw without a judge.
"""

from dataclasses import dataclass

import numpy as np

import pyconvnet as pcn
from lectures.fixed_network.cifar_judge import cifar_judge
from lectures.fixed_network.descent import descend
from lectures.fixed_network.held import held_network
from lectures.fixed_network.pictures import photographs
from lectures.fixed_network.prior import jitter, roughness, total_variation
from lectures.fixed_network.procedural import JUDGE, texture_network
from lectures.insight.drawing import maximization_figures as figures
from lectures.insight.foundation.receptive_field import cut, field
from lectures.insight.inversion import NEIGHBOURS, depths, features, shown_layers

TAKES_WEIGHTS = True
WEIGHT = 0.3  # lambda
NEURON_WEIGHT = 0.1  # of a goal that is 1 where a neuron fires as for the best of the real pictures
STEPS, RATE = 96, 0.02
JITTER = 4  # pixels, at most, in each direction
STARTS = 10  # for each class
SHOWN = 6  # classes of a network that has very many, and neurons of a layer
ARMS = {  # the goal of the recipe or the other one, times lambda, times jitter
    "no prior": (True, 0, 0),
    "TV prior": (True, 1, 0),
    "jitter": (True, 0, 1),
    "TV prior, jitter": (True, 1, 1),
    "other goal, no prior": (False, 0, 0),
    "other goal, TV prior": (False, 1, 0),
}
PAIRS = {  # what is compared with what
    "": ("TV prior", "no prior"),
    ", jitter": ("TV prior, jitter", "jitter"),
    ", other goal": ("other goal, TV prior", "other goal, no prior"),
}


@dataclass(frozen=True)
class Recipe:
    """How pictures are made for classes: goal ("certainty" or "scores"), the other one, lambda, rate, jitter."""

    goal: str = "certainty"
    other: str = "scores"
    weight: float = WEIGHT
    rate: float = RATE
    shift: int = JITTER


PAINTED = Recipe()
PHOTOGRAPHED = Recipe("scores", "certainty", weight=3.0, rate=0.05, shift=2)  # a deep network is sure at once


def certainty(logits_of, classes):
    """The goal: of picture n the logarithm of the probability of classes[n], summed; at most 0."""
    return lambda images: logits_of(images).log_softmax(1)[np.arange(len(classes)), np.asarray(classes)].sum()


def scores(logits_of, classes):
    """The goal: of picture n the score of classes[n] before the softmax, summed; there is always more."""
    return lambda images: logits_of(images)[np.arange(len(classes)), np.asarray(classes)].sum()


GOALS = {"certainty": certainty, "scores": scores}


def neurons(network, layer, channels, usual=1.0):
    """The goal: of picture n channel channels[n] of a layer, in the middle of its map, over what is usual; summed."""
    which = np.arange(len(channels)), np.asarray(channels)
    return lambda images: (middle(network.features(images, [layer])[layer])[which] / usual).sum()


def middle(maps):
    """[N, c] of maps [N, c, h, w]: what they are in the middle."""
    return maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2]


def maximise(goal, start, weight=WEIGHT, shift=0, steps=STEPS, rate=RATE, seed=0, bar="maximising"):
    """max over I of goal(I) - weight R(I) from pictures `start` [N, C, H, W] on, within [0, 1].

    goal(images) is a Tensor of one number; R is total variation, divided as in `inversion`. `shift`: pixels by which
    the pictures are rolled at most before every step.
    """
    rng, many = np.random.default_rng(seed), np.prod(start.shape[1:]) * NEIGHBOURS**2

    def loss(images):
        reached = goal(jitter(images, *rng.integers(-shift, shift + 1, 2)) if shift else images)
        return (weight / many) * total_variation(images).sum() - reached if weight else -reached

    return descend(start, loss, steps, "adam", rate, bar=bar)[0]


def noise(count, network, seed):
    """Random starts: every number of every pixel uniform in [0, 1]; float32 [count, C, H, W]."""
    shape = count, network.channels, network.size, network.size
    return np.random.default_rng((seed, 77)).random(shape, np.float32)


def questions(network):
    """{what is asked: (its classes, function (network, images) -> logits)}: a texture network answers two."""
    asked = {"class": (network.classes, lambda net, images: net.logits(images))}
    if hasattr(network, "texture_logits"):
        asked = {"shape": asked["class"], "texture": (network.textures, lambda net, images: net.texture_logits(images))}
    return asked


def told(logits_of, network, images, many=64):
    """Labels [N] that a network gives, a few pictures at a time."""
    with pcn.no_grad():
        parts = [logits_of(network, images[k : k + many]).data for k in range(0, len(images), many)]
    return np.concatenate(parts).argmax(1)


def run(options, report):
    """The lecture: a picture for every class from many starts, with and without prior, judged by a second network."""
    network = held_network(options, report)
    photographs(options, network, 1)  # whoever forgot --data is told so before everything is computed
    judge = second_network(options, report, network)
    recipe = PAINTED if options.weights is None else PHOTOGRAPHED
    right, shown = {arm: {} for arm in ARMS}, {arm: [] for arm in ARMS}
    for question, (classes, logits_of) in questions(network).items():
        asked = asked_classes(classes, options, judge)
        start = noise(len(asked), network, options.seed)
        for arm, (own, weight, shift) in ARMS.items():
            goal = GOALS[recipe.goal if own else recipe.other]
            aim = goal(lambda images, f=logits_of: f(network, images), asked)
            steps, shift = 2 if options.quick else STEPS, shift * recipe.shift
            made = maximise(aim, start, weight * recipe.weight, shift, steps, recipe.rate, options.seed, arm)
            note(report, right, arm, question, made, asked, (network, judge), logits_of)
            shown[arm] += [(classes[c], made[k]) for k, c in enumerate(asked) if c not in asked[:k]]
    report.extra["goal"] = recipe.goal
    conclude(report, right, judge)
    figures.classes(report, shown, judge, questions(network))
    layers = depths(shown_layers(network)).values()
    fired = {layer: fire(network, layer, options) for layer in layers}
    report.extra["neurons"] = {layer: {"made": float(f.made.mean()), "largest on pictures": float(f.largest.mean())}
                               for layer, f in fired.items()}  # fmt: skip
    figures.neurons(report, fired)


def second_network(options, report, network):
    """Who judges: of another seed, taught with noise; for CIFAR-10 one trained here; None for other real networks."""
    if options.weights is None:
        return texture_network(options, report, options.seed + JUDGE, noise=0.25)
    if network.size == 32 and (options.data or "").startswith("cifar:"):
        return cifar_judge(options, report)
    return None


def asked_classes(classes, options, judge):
    """The class of every picture: all of them from STARTS starts; of a thousand, and without a judge, a few once."""
    if judge is None or options.quick:
        few = min(SHOWN, len(classes)) if judge is None else 2
        return np.linspace(0, len(classes) - 1, few).round().astype(int)
    return np.repeat(np.arange(len(classes)), STARTS)


def note(report, right, arm, question, made, asked, networks, logits_of):
    """How often the network that was asked and the judge see the class, and how rough the pictures are."""
    network, judge = networks
    row = report.variants.setdefault(f"{question}: {arm}", {})
    row["asked"] = float((told(logits_of, network, made) == asked).mean())
    if judge is not None:
        right[arm][question] = told(logits_of, judge, made) == asked
        row["judge"] = float(right[arm][question].mean())
    row["roughness"] = float(roughness(made).mean())


def conclude(report, right, judge):
    """The judge's rates with the prior beside those without it, and how sure the difference of all pictures is."""
    if judge is None:
        report.extra["judge"] = "none: no second network knows these classes"
        return
    report.extra["judge"] = judge.name
    for words, (with_it, without) in PAIRS.items():
        for part, arm in ((report.metrics, with_it), (report.baselines, without)):
            rates = {question + words: float(hits.mean()) for question, hits in right[arm].items()}
            part.setdefault("accuracy", {}).update(rates)
    free = [arm for arm, (_, weight, _) in ARMS.items() if not weight]
    best = {q: max(float(right[arm][q].mean()) for arm in free) for q in right["no prior"]}
    report.extra["best_without_prior_of_any_arm"] = best
    better = np.concatenate([right["TV prior"][q].astype(float) - right["no prior"][q] for q in right["TV prior"]])
    report.extra["recognised_more_often_with_prior"] = float(better.mean())
    report.extra["standard_error_of_that"] = float(better.std() / np.sqrt(len(better)))


@dataclass(frozen=True)
class Fired:
    """Neurons of a layer: pictures `images` that make them fire (`made` [n]), crops of real pictures that fire them
    most (`largest` [n]), both cut to the `field` that a neuron sees."""

    images: list
    made: np.ndarray
    crops: list
    largest: np.ndarray


def fire(network, layer, options):
    """Up to SHOWN neurons of a layer: what makes the one in the middle fire, and where real pictures do so most."""
    pictures = np.stack(photographs(options, network, 8 if options.quick else 60).images)
    maps = np.concatenate([features(network, layer, image[None]) for image in pictures])
    peaks, box = maps.max((0, 2, 3)), field(network, layer)
    channels = np.argsort(-peaks)[: min(2 * SHOWN, len(peaks)) : 2]  # not those that nothing fires
    share = (box[2] - box[0]) * (box[3] - box[1]) / np.prod(pictures.shape[2:])  # of the pixels that count
    goal, starts = neurons(network, layer, channels, peaks[channels] + 1e-6), noise(4 * SHOWN, network, options.seed)
    fired = middle(features(network, layer, starts))[:, channels]
    start = starts[fired.argmax(0)]  # where a neuron is silent, it has no gradient
    steps = 2 if options.quick else 2 * STEPS
    made = maximise(goal, start, NEURON_WEIGHT / share, 0, steps, seed=options.seed, bar=f"neurons of {layer}")
    half = np.array(maps.shape[2:]) // 2
    crops = []
    for channel in channels:
        n, y, x = np.unravel_index(maps[:, channel].argmax(), maps[:, channel].shape)
        away = (np.array([y, x]) - half) * network.strides[layer]
        crops.append(cut(pictures[n], box, away))
    reached = middle(features(network, layer, made))[np.arange(len(channels)), channels]
    return Fired([cut(image, box) for image in made], reached, crops, peaks[channels])
