r"""Pictures that nobody recognises, and that a network is sure of: min over I of ||NN(I) - S||^2, from noise.

Deck "Deep Convolutional Neural Networks II", slide "Deep Network Can Easily Be Fooled" (2), after Nguyen, Yosinski and
Clune (2015): "artificial images that are unrecognizable to humans, producing high output score can be found", by an
evolutionary algorithm from random noise, with direct or indirect encoding; "the images found do not have the natural
image statistics". NN(I) is the softmax here, S one-hot: one minimum for each class.

Evolution is MAP-Elites: all classes at once, the best picture of each is kept. Direct: every pixel is a gene, mutated
as in the paper. Indirect: a CPPN, a small network that paints, evolves. The third way is gradient descent on the
pixels, from noise (on the cross-entropy of S, for a sure softmax has no gradient). Ours is smaller: some hundred
generations for ten digits, thousands there; the CPPNs have a dozen hidden nodes and no crossover.

Baseline: as many random genomes, without selection. Noise needs evolution to become a digit; painters do not: some of
so many random ones are as good. Of a network for photographs noise gets nowhere in so few generations. A second network
of another seed, and other training pictures, judges. Natural statistics: how rough a picture is (differences of
neighbouring pixels), and how far from the nearest training picture; the yardstick are real test pictures.
`--weights` and `--data images:DIR` take a real network: of its classes the twelve are shown that evolution got nearest
to, and for the gradient those of the slide.
"""

from argparse import Namespace
from dataclasses import dataclass

import numpy as np

import pyconvnet as pcn
from lectures.fixed_network.descent import descend
from lectures.fixed_network.held import held_network
from lectures.fixed_network.procedural import JUDGE, POOL, digit_network
from lectures.insight.adversarial import asked_about
from lectures.insight.drawing import fooling_figures
from lectures.insight.foundation.encodings import CPPN, Direct
from lectures.insight.foundation.map_elites import SHOWN, evolve
from lectures.insight.foundation.natural import statistics, unnatural
from pyconvnet import functional as F

TAKES_WEIGHTS = True
SURE = 0.99
UNSEEN_FONTS = "lamps", "serif"
ON_THE_SLIDE = (
    "robin", "cheetah", "armadillo", "lesser_panda", "centipede", "peacock", "jackfruit", "bubble",
    "king_penguin", "starfish", "baseball", "electric_guitar",
)  # fmt: skip


@dataclass(frozen=True)
class Budget:
    """Generations (direct, indirect), children of each, when the mutation rate halves; steps; pictures of noise."""

    direct: int = 200
    indirect: int = 100
    children: int = 200
    halve: int = 100
    steps: int = 60
    noise: int = 1000


DIGITS, QUICK, REAL_QUICK = Budget(), Budget(4, 4, 20, 2, 3, 100), Budget(2, 2, 8, 2, 2, 8)
REAL = Budget(direct=20, indirect=200, children=16, halve=15, steps=25, noise=32)


def by_gradient(network, classes, shape, steps, rng, lr=0.03):
    """A picture of each class by descent on its pixels, from noise: [n, C, H, W]."""
    S = np.eye(len(network.classes), dtype=np.float32)[classes]
    start = rng.random((len(classes), *shape), np.float32)

    def cost(images):
        return -(F.log_softmax(network.logits(images), 1) * pcn.tensor(S)).sum()

    return descend(start, cost, steps, lr=lr, bar="gradient")[0]


def named_on_the_slide(names):
    """All of a network with few classes; of others those on the slide that it knows by name, else the first twelve."""
    names = [str(name).replace(" ", "_").lower() for name in names]
    if len(names) <= SHOWN:
        return np.arange(len(names))
    known = [names.index(name) for name in ON_THE_SLIDE if name in names]
    return np.array(known or range(SHOWN))


def found_by(network, names, shape, budget, seed):
    """({way: classes}, {way: pictures}, {way: Elites}): direct, indirect, and by gradient. The seed decides.

    Evolution is over all classes, and the SHOWN are kept of which it got the network surest; a gradient leads to any
    class that one wishes.
    """
    classes, pictures, elites = {}, {}, {}
    ways = (Direct(shape, halve=budget.halve), budget.direct), (CPPN(shape), budget.indirect)
    for number, (encoding, generations) in enumerate(ways):
        rng = np.random.default_rng((seed, number))
        found = evolve(network, encoding, range(len(names)), generations, budget.children, rng, encoding.name)
        surest = np.sort(np.argsort(-found.confidence, kind="stable")[:SHOWN])
        classes[encoding.name], elites[encoding.name] = surest, found
        pictures[encoding.name] = encoding.pictures(found.genomes[surest])
    classes["gradient"] = named_on_the_slide(names)
    rng = np.random.default_rng((seed, 2))
    pictures["gradient"] = by_gradient(network, classes["gradient"], shape, budget.steps, rng)
    return classes, pictures, elites


def confidence(network, images, classes):
    """What softmax says of each picture's class: [n]."""
    return network.predict(images)[1][np.arange(len(images)), classes]


def unselected(network, encoding, count, rng, at_once=200):
    """Highest softmax [K] of every class in `count` random genomes: what does one get for looking at as many?"""
    best = np.zeros(len(network.classes))
    for k in range(0, count, at_once):
        genomes = encoding.random(rng, min(at_once, count - k))
        best = np.maximum(best, network.predict(encoding.pictures(genomes))[1].max(0))
    return best


def without_selection(network, shape, elites, seed):
    """{way: median confidence in the classes that are surest} of as many random genomes as evolution looked at."""
    encodings = {encoding.name: encoding for encoding in (Direct(shape), CPPN(shape))}
    found = {}
    for number, (way, of) in enumerate(elites.items()):
        rng = np.random.default_rng((seed, 3, number))
        found[way] = float(np.median(np.sort(unselected(network, encodings[way], of.pictures_seen, rng))[-SHOWN:]))
    return found


def judged(network, second, classes, pictures, natural, training):
    """{way: numbers}: how sure the network is, what a second one says, and how natural the pictures are."""
    rows = {}
    for way, images in pictures.items():
        wanted, of = classes[way], statistics(images, training)
        sure = confidence(network, images, wanted)
        rows[way] = {"confidence": float(np.median(sure)), "sure": float((sure >= SURE).mean()),
                     "unnatural": unnatural(of, natural)}  # fmt: skip
        if second is not None:
            rows[way] |= {"second_agrees": float((second.predict(images)[0] == wanted).mean()),
                          "second_confidence": float(np.median(confidence(second, images, wanted)))}  # fmt: skip
        rows[way] |= {name: float(np.median(values)) for name, values in of.items()}
    return rows


def run(options, report):
    """The lecture: evolve, descend, ask both networks, and compare with pictures that are real."""
    real = options.weights is not None
    budget = ((DIGITS, QUICK), (REAL, REAL_QUICK))[real][options.quick]
    network = held_network(options, report, "digits")
    second, names, test, labels, training = yardstick(options, report, network)
    shape = (network.channels, *test.shape[2:])
    classes, pictures, elites = found_by(network, names, shape, budget, options.seed)

    natural = statistics(test, training)
    rows = judged(network, second, classes, pictures, natural, training)
    without = without_selection(network, shape, elites, options.seed)
    real_row = judged(network, second, {"test pictures": labels}, {"test pictures": test}, natural, training)
    report.variants.update(rows | real_row)
    if not real:  # is all unnatural that was not seen in training? digits of other handwriting
        others = pcn.data.Digits(len(test), "test", options.seed, fonts=UNSEEN_FONTS).arrays()
        of_fonts = {"unseen fonts": others[1]}, {"unseen fonts": others[0]}
        report.variants.update(judged(network, second, *of_fonts, natural, training))
    report.metrics["confidence"] = {way: row["confidence"] for way, row in rows.items()}
    report.baselines["confidence"] = without | {"gradient": without["direct"]}
    report.metrics["unnatural"] = {way: row["unnatural"] for way, row in rows.items()}
    usual = report.variants["test pictures" if real else "unseen fonts"]["unnatural"]
    report.baselines["unnatural"] = dict.fromkeys(rows, usual)
    if second is not None:
        report.metrics["second_agrees"] = {way: row["second_agrees"] for way, row in rows.items()}
        report.baselines["second_agrees"] = dict.fromkeys(rows, 1 / len(network.classes))
    noise = np.random.default_rng((options.seed, 5)).random((budget.noise, *shape), np.float32)
    report.extra["median_confidence_in_noise"] = float(np.median(network.predict(noise)[1].max(1)))
    report.extra["pictures_seen"] = {way: found.pictures_seen for way, found in elites.items()}
    report.extra["classes_reached"] = {
        way: {str(sure): int((found.confidence >= sure).sum()) for sure in (0.5, 0.9, SURE)}
        for way, found in elites.items()
    }
    fooling_figures.results(report, network, second, names, classes, pictures, elites, natural, training)


def yardstick(options, report, network):
    """(second network or None, names of the classes, test pictures, their classes, pictures to be far from).

    Real photographs are both: each is compared with the others; without labels, what the network says is the class.
    """
    test = asked_about(options, network)
    images, labels = np.stack(test.images), np.asarray(test.labels)
    if (labels < 0).any():
        labels = np.where(labels < 0, network.predict(images)[0], labels)
    names = test.classes if len(test.classes) == len(network.classes) else network.classes
    if options.weights is not None:
        return None, names, images, labels, images
    other = Namespace(**{**vars(options), "seed": options.seed + JUDGE})
    second = digit_network(other, report, options.seed + JUDGE)
    training = pcn.data.Digits(100 if options.quick else POOL, "train", options.seed).arrays()[0]
    return second, names, images, labels, training
