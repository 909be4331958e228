r"""Style in one pass: a network taught to paint what descent on a picture finds (Johnson, Alahi & Fei-Fei, ECCV 2016).

Deck "Deep Convolutional Neural Networks II", slides "Deep Art - Neural Style" (1 and 2): the same cost as in `style`,
alpha L_content + beta L_style. But the minimum is over the weights of a network f that paints pictures it has not seen,
not over one picture's pixels:

    min_f  mean over contents I_1 of  J(f(I_1)),  for one style picture I_2.

Seconds of descent for every picture become milliseconds; the price is a training for each style, and a J that is not
quite as low. f halves the picture twice, thinks in residual blocks, doubles it twice; every convolution is followed by
an instance norm (Ulyanov et al. 2016).

Ours is smaller: 64 pixels, a third of the channels, three residual blocks, a minute of training on painted shapes (its
colours are its own: the network that holds the style was taught that colours mean nothing). The
published networks have the architecture of `TransformationNetwork` as it stands: --weights FOLDER --data images:DIR
paints your photographs with one of them (github.com/reiinakano/fast-style-transfer-deeplearnjs, src/ckpts/udnie ...).
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import pyconvnet as pcn
from lectures.stage import learn_stage
from lectures.style.drawing import fast_figures
from lectures.style.foundation.judging import judged, trivial
from lectures.style.foundation.objective import Objective, paint
from lectures.style.foundation.pictures import Pairs, large_enough, middle
from lectures.style.foundation.recipes import networks_of, recipe, shortened
from lectures.style.foundation.transformation_network import TransformationNetwork, load_published
from lectures.style.style import gram

TAKES_WEIGHTS = True
WIDTHS, BLOCKS, KERNEL = (16, 32, 48), 3, 5  # of the network
STEPS, BATCH, RATE = 1200, 4, 3e-3
POOL, UNSEEN = 1000, 24  # pictures to learn from, and to be judged on
ALPHA = 0.3  # more than `style` has: at .1 stripes are painted over the shapes until nobody knows them
STYLE = "stripes"  # the texture of the style picture
LONGEST = 720  # pixels of a photograph


def style_picture(seed, texture=STYLE):
    """The picture CHW whose style is learned: the first of the test pictures with this texture. ValueError."""
    data = pcn.data.TexturedShapes(200, "test", seed)
    if texture not in data.textures:
        raise ValueError(f"style_picture: texture must be one of {', '.join(data.textures)}, got {texture!r}")
    return next(image for image, (_, k) in data if data.textures[k] == texture)


def unseen_pairs(seed, style, texture=STYLE, count=UNSEEN):
    """Test pictures of any other texture, all to be painted in the one style."""
    images, shapes, textures = pcn.data.TexturedShapes(2 * count + 20, "test", seed + 1).arrays()
    number = pcn.data.TexturedShapes.textures.index(texture)
    chosen = np.flatnonzero(textures != number)[:count]
    names = [f"{pcn.data.TexturedShapes.classes[k]} in {texture}" for k in shapes[chosen]]
    return Pairs(images[chosen], [style] * len(chosen), names, shapes[chosen], np.full(len(chosen), number))


def painting_loss(network, style, settings):
    """loss_of(model, contents [N, 3, H, W]): the mean J of what the model paints, as `lectures.training` wants it."""

    def loss_of(model, contents):
        objective = Objective(network, contents, style[None], settings, gram)
        return objective(model(pcn.tensor(contents))) * (1 / len(contents))

    return loss_of


def taught(options, report, network, style, settings, steps=STEPS):
    """A TransformationNetwork that has learned to paint in the style, and its Training."""
    pcn.manual_seed(options.seed)
    model = TransformationNetwork(WIDTHS, BLOCKS, KERNEL)
    steps, pool = (min(steps, 4), 16) if options.quick else (steps, POOL)
    contents, _, _ = pcn.data.TexturedShapes(pool, "train", options.seed).arrays()

    def batches(start):
        for step in range(start, steps):
            yield contents[np.random.default_rng((options.seed, step)).integers(0, pool, BATCH)]

    optimizer = pcn.optim.Adam(model.parameters(), lr=RATE)
    training = learn_stage(model, optimizer, steps, batches, painting_loss(network, style, settings), options, report)
    return model, training


def run(options, report):
    """The lecture: teach a network one style; or with --weights FOLDER paint photographs with a published one."""
    if options.weights is not None or options.data is not None:
        return paint_photographs(options, report)
    network, judge = networks_of(options, report)
    settings = shortened(replace(recipe(network), alpha=ALPHA), options)
    style = style_picture(options.seed)
    pairs = unseen_pairs(options.seed, style, count=2 if options.quick else UNSEEN)
    model, training = taught(options, report, network, style, settings)

    began = time.perf_counter()
    fast = model.paint(pairs.contents)
    seconds = {"one pass": (time.perf_counter() - began) / len(pairs)}
    began = time.perf_counter()
    slow, curve = paint(network, pairs.contents, pairs.styles, settings, gram, options.seed)
    seconds["descent"] = (time.perf_counter() - began) / len(pairs)
    objective = Objective(network, pairs.contents, style[None], settings, gram)
    easy = trivial(pairs)
    ways = {"one pass": fast, "descent": slow} | easy
    for name, images in ways.items():
        with pcn.no_grad():
            J = objective(pcn.tensor(np.stack(list(images)))).item() / len(pairs)
        report.variants[name] = {"J": J, **judged(judge, images, pairs)}
        report.variants[name] |= {"ms a picture": 1000 * seconds[name]} if name in seconds else {}
    passed, unchanged = report.variants["one pass"], report.variants["content unchanged"]
    report.metrics["objective"], report.baselines["objective"] = passed["J"], unchanged["J"]
    report.metrics["accuracy"] = {what: passed[what] for what in ("texture", "shape", "transferred")}
    report.baselines["accuracy"] = {
        "texture": unchanged["texture"], "shape": report.variants["style picture itself"]["shape"],
        "transferred": max(report.variants[name]["transferred"] for name in easy),
    }  # fmt: skip
    report.extra["steps_of_descent_to_the_same_J"] = steps_to(curve, passed["J"])
    fast_figures.painted(report, pairs, fast, slow)
    fast_figures.curves(report, training.losses, curve, passed["J"], unchanged["J"])


def steps_to(curve, J):
    """The first step at which descent is down at J; all of them where it never is."""
    return int(np.argmax(np.asarray(curve) <= J)) if min(curve) <= J else len(curve)


def paint_photographs(options, report):
    """Every photograph of --data images:DIR (or of DIR/content) by the published network in the folder --weights."""
    if options.weights is None or options.data is None:
        raise ValueError("fast_style: --weights FOLDER (a published network) and --data images:DIR go together; "
                         "without both it teaches a network of its own with painted pictures")  # fmt: skip
    kind, _, place = options.data.partition(":")
    if kind != "images" or not place:
        raise ValueError(f"--data {options.data}: fast_style takes images:DIR, a folder of photographs")
    model = load_published(options.weights)
    inner = Path(place) / "content"
    folder = pcn.data.PictureFolder(inner if inner.is_dir() else place, LONGEST, options.skip_bad)
    for defect in folder.skipped:
        print(f"left out: {defect}")
    photographs, painted, seconds = [], [], []
    for image, name in folder:
        large_enough(image, name)
        height, width = (n - n % 4 for n in image.shape[1:])
        photographs.append(middle(image, height, width))
        began = time.perf_counter()
        painted.append(model.paint(photographs[-1][None])[0])
        seconds.append(time.perf_counter() - began)
    report.extra["network"] = Path(options.weights).name
    report.extra["seconds_per_picture"] = float(np.mean(seconds))
    for name, image, after, took in zip(folder.names, photographs, painted, seconds):
        report.variants[name] = {"pixels": f"{image.shape[2]} x {image.shape[1]}", "seconds": took,
                                 "changed by": float(np.abs(after - image).mean())}  # fmt: skip
    fast_figures.photographs(report, folder.names, photographs, painted)
