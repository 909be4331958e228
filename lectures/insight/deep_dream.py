r"""Deep Dream: change a picture so that the network sees more in it.

Deck "Deep Convolutional Neural Networks II", slides "Deep Dream" (1) and (2): start from an original image; manipulate
the input image so that response scores are higher for all classes; regularization with TV prior. Mordvintsev, Olah
and Tyka, "Inceptionism" (2015), instead raise the energy of a layer: whatever it sees, more of it. Both are here.

What makes it a picture: octaves (a small copy of the picture is changed first, then what came of it is enlarged and
changed again, so that there are large things and small ones), jitter (the picture is rolled by a random way before each
step, so that no pixel always lies on the same place of the strides) and steps of one size (the gradient is divided by
its mean magnitude: scores of different layers need no different rates).

Ours is smaller: a network of four convolutions, taught with six textures and four shapes, dreams of these; with
`--weights FILE` (SqueezeNet, of a thousand classes) and `--data images:DIR` of animals and buildings.

That scores rise is no feat, the gradient says how. The baseline: noise of the same norm, which is what having
changed as much does by itself. The TV prior of the slide is a weight (`tv`): each step also goes down its gradient.
"""

import numpy as np

import pyconvnet as pcn
from lectures.demo_window import of_the_last_run
from lectures.fixed_network.held import held_network
from lectures.fixed_network.pictures import photographs
from lectures.fixed_network.prior import roughness, total_variation
from lectures.insight.drawing import dream_figures as figures
from lectures.insight.drawing.dream_demo import DreamDemo
from lectures.insight.foundation.equal_norm import gaussian, rms
from pyconvnet import functional as F

TAKES_WEIGHTS = True
OCTAVES, SCALE = 4, 1.4
STEPS, PAINTED_STEPS, ALL_STEPS = 10, 3, 20  # in each octave: for a layer (of a small network), for all classes
STEP = 1.5 / 255  # mean change of a pixel in one step
JITTER = 32  # pixels
LEAST = 24  # pixels of the smallest octave's shorter side
TV = 0.2
LAYERS = 0.375, 0.625, 0.875  # to dream of: so far from the first to the last
REAL_SIDE = 320  # pixels; networks that learned from small pictures get pictures of twice their size
PICTURES, QUICK_PICTURES = 3, 1
STRENGTHS = (0, 1, 2, 3, 5, 8, 12, 18, 26)  # steps in each octave, of the slider


def all_scores(network):
    """The slide's goal: the sum of the response scores of all classes."""
    return lambda images: network.logits(images).sum()


def energy(network, layer):
    """The goal of "Inceptionism": half the squared norm of a layer's features, whose gradient is the features."""
    return lambda images: (network.features(images, [layer])[layer] ** 2).sum() / 2


def every_score(network, image):
    """The slide, to the letter: raise the score of every class. The one that rose least above `image` counts most.

    The goal is the soft minimum over the classes of how much their scores have risen.
    """
    with pcn.no_grad():
        before = network.logits(image[None]).data
    return lambda images: -(before - network.logits(images)).logsumexp(1).sum()


def dreaming_layers(network):
    """Names of three layers that lie apart."""
    layers = network.layers[:-1] if network.layers[-1] == "conv10" else network.layers
    return [layers[round(share * (len(layers) - 1))] for share in LAYERS]


def octave_sizes(size, octaves=OCTAVES, scale=SCALE, least=LEAST):
    """Heights and widths (H, W) of the copies, smallest first, each `scale` times the one before, last `size` itself.

    Fewer than `octaves` where the smallest would have a side below `least` pixels. ValueError for none, scale <= 1.
    """
    if octaves < 1 or not scale > 1:
        raise ValueError(f"octave_sizes: at least one octave, and a scale above 1, got {octaves} and {scale}")
    sizes = [tuple(round(side / scale**k) for side in size) for k in range(octaves)]
    return [s for k, s in enumerate(sizes) if k == 0 or min(s) >= least][::-1]


def resized(image, size):
    """A picture [C, H, W] in another size (H, W), bilinear."""
    return image if image.shape[1:] == tuple(size) else F.interpolate(image[None], size, mode="bilinear")[0]


def ascend(goal, image, shift, step=STEP, tv=0.0):
    """One step up: image + step g / mean|g|, with g of the picture rolled by `shift` pixels; within [0, 1].

    `tv`: the gradient of the TV prior, of mean magnitude 1 as well, is subtracted so many times. A gradient of zero
    leaves the picture as it is.
    """
    x = pcn.tensor(np.roll(image, shift, (1, 2))[None], requires_grad=True)
    direction = unit(pcn.grad(goal(x), x)[0].data)
    if tv:
        direction = direction - tv * unit(pcn.grad(total_variation(x).sum(), x)[0].data)
    way = np.roll(unit(direction)[0], (-shift[0], -shift[1]), (1, 2))
    return np.clip(image + step * way, 0, 1).astype(np.float32)


def unit(g):
    """g / mean|g|, or g where that is 0."""
    return g / (np.abs(g).mean() or 1)


def dream(goal, image, steps=STEPS, octaves=OCTAVES, scale=SCALE, step=STEP, jitter=JITTER, tv=0.0, seed=0):
    """Raise `goal` (images [1, C, H, W] -> a number) from a picture [C, H, W] on; the picture dreamt, of its size.

    What the steps changed in an octave (`detail`) is enlarged and added to the next larger copy of the original.
    """
    rng, detail = np.random.default_rng(seed), np.zeros_like(image)
    for size in octave_sizes(image.shape[1:], octaves, scale):
        copy = resized(image, size)
        x = np.clip(copy + resized(detail, size), 0, 1) if steps else copy
        for _ in range(steps):
            x = ascend(goal, x, tuple(int(d) for d in rng.integers(-jitter, jitter + 1, 2)), step, tv)
        detail = x - copy
    return x


def run(options, report):
    """The lecture: dream of all classes and of three layers, with and without the prior; noise as the control."""
    network, images, _ = prepared(options, report)
    few = {"octaves": 2} if options.quick else {}
    of_layer = PAINTED_STEPS if options.data is None else STEPS
    steps, all_steps = (1, 2) if options.quick else (of_layer, ALL_STEPS)
    goals = {"all classes": (all_scores(network), all_steps, 0.0)}
    for layer in dreaming_layers(network):
        goals[layer] = energy(network, layer), steps, 0.0
    goals["all classes, TV"] = all_scores(network), all_steps, TV
    goals["every class"] = None, all_steps, 0.0
    found = {name: np.stack([dream(goal or every_score(network, image), image, n, tv=tv, seed=options.seed, **few)
                             for image in images])
             for name, (goal, n, tv) in goals.items()}  # fmt: skip
    noise = gaussian(images, rms(found["all classes"] - images), np.random.default_rng(options.seed))
    compare(report, network, images, found, noise)
    strengths = STRENGTHS[:3] if options.quick else STRENGTHS
    sweep = strength_sweep(network, images[0], options.seed, strengths, few)
    figures.results(report, network, images, found, noise, sweep)


def prepared(options, report):
    """The network that dreams, and the pictures [n, C, H, W] that it starts from, with their names."""
    network = held_network(options, report)
    side = REAL_SIDE if network.size >= 200 else 2 * network.size
    shown = photographs(options, network, QUICK_PICTURES if options.quick else PICTURES, side)
    return network, np.stack(shown.images), shown.names


def strength_sweep(network, image, seed=0, strengths=STRENGTHS, settings=None):
    """{steps in each octave: the dream of all classes}."""
    return {n: dream(all_scores(network), image, n, seed=seed, **(settings or {})) for n in strengths}


def response_scores(network, images):
    """Response scores [N, C] before the softmax, one picture at a time (large pictures need much memory)."""
    with pcn.no_grad():
        return np.concatenate([network.logits(image[None]).data for image in images])


def compare(report, network, images, found, noise):
    """The mean class score beside that of noise of the same norm; of every arm also how many classes' scores rose."""
    before = response_scores(network, images)
    report.variants["the picture"] = described(before, before, images, images)
    for name, pictures in {**found, "noise of the same norm": noise}.items():
        report.variants[name] = described(before, response_scores(network, pictures), images, pictures)
    report.metrics["mean_score"] = report.variants["all classes"]["mean_score"]
    report.baselines["mean_score"] = report.variants["noise of the same norm"]["mean_score"]
    report.extra["mean_score_of_the_picture"] = report.variants["the picture"]["mean_score"]


def described(before, after, images, pictures):
    """The numbers of one arm, means over the pictures."""
    return {
        "mean_score": float(after.mean()),
        "classes_raised": float((after > before).mean()),
        "rms_change": float(np.sqrt(((pictures - images) ** 2).mean())),
        "roughness": float(roughness(pictures).mean()),
    }


def demo(options, report):
    """A slider for the strength, over dreams computed before; the button shows the next picture."""
    network, images, names = of_the_last_run(lambda: prepared(options, report), options)
    few = {"octaves": 2} if options.quick else {}
    strengths = STRENGTHS[:3] if options.quick else STRENGTHS
    sweeps = [lambda image=image: strength_sweep(network, image, options.seed, strengths, few) for image in images]
    window = DreamDemo(sweeps, names, lambda image: response_scores(network, image[None]).mean())
    window.show()
    return window
