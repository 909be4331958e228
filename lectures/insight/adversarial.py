r"""Deep networks can easily be fooled: a small, carefully chosen r, and the network says something else.

Deck "Deep Convolutional Neural Networks II", slide "Deep Network Can Easily Be Fooled" (1), after Szegedy et al.
(2014): min over r of ||NN(I + r) - S||^2 + lambda ||r||^2, "optimum found by gradient descent"
r <- r - gamma (dNN(I)/dI + 2 lambda r); "the perturbation is a non-random image, imperceptible for human".

The slide's update is not the gradient of the slide's minimum. That has a factor 2 (NN(I + r) - S), which vanishes
where S is reached, and is taken at I + r. Both are here: `literal` takes dNN(I)/dI at I once and for all, of the score
of the picture's class (it falls) or minus that of a wanted class; `exact` is the gradient of the minimum. NN is the
scores before the softmax (logits), after it, or the squares give way to the cross-entropy of S. Untargeted, S is what
comes second. We depart in two points: the gradient is divided by its RMS, so that gamma is in grey levels (that of
a sure softmax is thousands of times smaller than that of the logits, so no gamma would do for all); and we stop as
soon as the label changes, which keeps r small, so that lambda is 0 but for one row.

"Non-random": Gaussian noise of the same length, and the pixels of r in random order. "Imperceptible": grey levels, and
pictures saved with 8 bits. Not on the slide: training on attacked pictures (Madry et al., 2018), and other networks.
The network is a small one for digits; `--weights` and `--data images:DIR` take real ones.
"""

from argparse import Namespace
from dataclasses import dataclass

import numpy as np

from lectures.fixed_network.held import held_network
from lectures.fixed_network.pictures import photographs
from lectures.fixed_network.procedural import JUDGE, digit_network
from lectures.insight.drawing import adversarial_figures
from lectures.insight.foundation.attack import OUTPUTS, Form, attack, hardening, pushed, scores
from lectures.insight.foundation.equal_norm import (
    eight_bits,
    gaussian,
    moved,
    permuted,
    read_pictures,
    rms,
    save_pictures,
)
from lectures.insight.foundation.masked_gradients import gradient_lengths, saturated, signs_of_masking

TAKES_WEIGHTS = True
MAIN = Form("cross-entropy")  # of the curve, the saved pictures, and the figures
LITERAL = Form("logits", exact=False)
FORMS = (
    LITERAL,
    Form("softmax", exact=False),
    Form("logits", exact=False, targeted=True),
    *(Form(output, targeted=targeted) for targeted in (False, True) for output in OUTPUTS),
    Form("logits", lam=50.0),
)
MOST = 400  # pictures that are looked at
LEVELS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40, 60, 80, 100)  # grey levels of the curve


@dataclass(frozen=True)
class Budget:
    """gamma in grey levels, steps at most, pictures, draws of noise."""

    gamma: float
    steps: int = 60
    pictures: int = 100
    draws: int = 5


DIGITS, QUICK = Budget(1.0), Budget(2.0, 8, 12, 1)
REAL, REAL_QUICK = Budget(0.2, draws=1), Budget(0.5, 3, 3, 1)


@dataclass
class Shown:
    """Pictures [n, C, H, W] of 8 bits that the network names rightly, what they show, their names, and the classes'."""

    images: np.ndarray
    labels: np.ndarray
    names: list
    classes: tuple


def rightly_named(network, pictures, most):
    """The first `most` pictures that the network names rightly; without a label, what it says counts as right."""
    images = eight_bits(np.stack(pictures.images))
    said, labels = scores(network, images).argmax(1), np.asarray(pictures.labels)
    right = np.flatnonzero((said == labels) | (labels < 0))[:most]
    if not len(right):
        raise ValueError(f"adversarial: {network.name} names none of the {len(images)} pictures rightly; other --data?")
    known = pictures.classes if len(pictures.classes) == len(network.classes) else network.classes
    return Shown(images[right], said[right], [pictures.names[k] for k in right], tuple(known))


def asked_about(options, network):
    """Photographs that a network can be asked about; ValueError where it has learned digits and these are none."""
    pictures = photographs(options, network, MOST)
    if options.weights is None and (np.asarray(pictures.labels) < 0).any():
        raise ValueError(f"--data {options.data}: the lecture's own network reads digits; give it --weights FILE, too")
    return pictures


def other_classes(labels, count, rng):
    """A class for each picture that is not its own, at random."""
    return (np.asarray(labels) + rng.integers(1, count, len(labels))) % count


def flips(network, images, labels):
    """Share of pictures that the network does not name `labels`."""
    return float((scores(network, images).argmax(1) != labels).mean())


def compare(network, shown, forms, budget, rng):
    """{form: Attack} and {its name: numbers}: what it flips, and what equally long noise and permuted r flip."""
    targets = other_classes(shown.labels, len(network.classes), rng)
    found, table = {}, {}
    for form in forms:
        a = found[form] = attack(network, shown.images, shown.labels, form, budget.gamma, budget.steps, targets)
        noise = [flips(network, gaussian(shown.images, a.rms, rng), shown.labels) for _ in range(budget.draws)]
        mixed = [flips(network, permuted(shown.images, a.r, rng), shown.labels) for _ in range(budget.draws)]
        length = a.rms[a.flipped] if a.flipped.any() else np.array([np.nan])
        table[form.name] = {
            "flip_rate": float(a.flipped.mean()), "any_flip": float(a.other.mean()),
            "noise_flip_rate": float(np.mean(noise)), "permuted": float(np.mean(mixed)),
            "median_rms": float(np.median(length)), "p90_rms": float(np.quantile(length, 0.9)),
            "no_gradient": float(a.blind.mean()),
        }  # fmt: skip
    return found, table


def robustness(network, shown, form, budget, rng, levels=LEVELS):
    """{"attack", "noise"}: share of labels that change at each RMS: attacked no further than that, or Gaussian noise.

    The attack takes smaller steps here than elsewhere, to see at which RMS it succeeds.
    """
    noise = [[flips(network, gaussian(shown.images, v, rng), shown.labels) for _ in range(budget.draws)]
             for v in levels]  # fmt: skip
    found = attack(network, shown.images, shown.labels, form, budget.gamma / 4, 4 * budget.steps)
    attacked = [float((found.flipped & (found.rms <= v)).mean()) for v in levels]
    return {"levels": list(levels), "attack": attacked, "noise": [float(np.mean(v)) for v in noise]}


def half_at(levels, shares):
    """The RMS at which half of the labels have changed, between the levels in proportion (of logarithms)."""
    if max(shares) < 0.5:
        return float("nan")
    k = int(np.argmax(np.asarray(shares) >= 0.5))
    if k == 0:
        return float(levels[0])
    along = (0.5 - shares[k - 1]) / (shares[k] - shares[k - 1])
    return float(np.exp(np.log(levels[k - 1]) * (1 - along) + np.log(levels[k]) * along))


def after_saving(network, shown, one_step, budget, folder, levels):
    """Does r survive a file of 8 bits? One literal step of each RMS, as floats and rounded; then an attack that goes on
    until the rounded picture is named wrongly: saved as PNG, read back, asked again. Shares, and the median RMS.
    """
    rounding = {"levels": [], "floats": [], "rounded": []}
    for v in levels:
        there = moved(shown.images, one_step, v)
        rounding["levels"].append(v)
        rounding["floats"].append(flips(network, there, shown.labels))
        rounding["rounded"].append(flips(network, eight_bits(there), shown.labels))
    found = attack(network, shown.images, shown.labels, MAIN, budget.gamma, budget.steps, saved=True)
    names = [f"{k:03} {name}" for k, name in enumerate(shown.names)]  # two folders may have the same names
    saved = read_pictures(save_pictures(folder, names, found.images), network.channels)
    rounding["read_back"] = flips(network, saved, shown.labels)
    rounding["read_back_rms"] = float(np.median(rms(saved - shown.images)))
    return rounding


def defence(networks, shown_to, levels, steps, rng):
    """{network: {"attacked", "noise", "transferred"}}: accuracy at every RMS of `levels`, of pictures with labels.

    `networks`: {name: network}, the first is the one whose attacked pictures are transferred to the others.
    """
    images, labels = shown_to
    first, curves = next(iter(networks.values())), {}
    carried = [pushed(first, images, labels, v, steps) for v in levels]
    for name, network in networks.items():
        own = carried if network is first else [pushed(network, images, labels, v, steps) for v in levels]
        curves[name] = {
            "attacked": [1 - flips(network, x, labels) for x in own],
            "transferred": [1 - flips(network, x, labels) for x in carried],
            "noise": [1 - flips(network, gaussian(images, v, rng), labels) for v in levels],
        }
    return curves


def run(options, report):
    """The lecture: all forms beside their controls, the curve, saved pictures; and the defence, where we can train."""
    real = options.weights is not None
    budget = ((DIGITS, QUICK), (REAL, REAL_QUICK))[real][options.quick]
    rng = np.random.default_rng(options.seed)
    network = held_network(options, report, "digits")
    pictures = asked_about(options, network)
    shown = rightly_named(network, pictures, budget.pictures)
    report.extra["pictures"], report.extra["rightly_named"] = len(pictures.images), len(shown.images)

    found, table = compare(network, shown, FORMS, budget, rng)
    for metric, number in (("flip_rate", "flip_rate"), ("noise_flip_rate", "noise_flip_rate")):
        report.metrics[metric] = {name: row[number] for name, row in table.items()}
    report.baselines["flip_rate"] = report.metrics["noise_flip_rate"]
    report.variants.update(table)

    curve = robustness(network, shown, MAIN, budget, rng)
    report.extra["curve"] = curve
    for of in ("attack", "noise"):
        report.extra[f"half_flipped_at_{of}_rms"] = half_at(curve["levels"], curve[of])
    levels = (0.2, 0.4, 1, 2, 4) if real else (1, 2, 5, 10, 20)
    rounding = after_saving(network, shown, found[LITERAL].r, budget, report.folder / "pictures", levels)
    report.extra["rounding"], report.extra["saved_pictures_flip"] = rounding, rounding["read_back"]
    report.extra["saved_pictures_rms"] = rounding["read_back_rms"]
    lengths = report.extra["gradient_rms"] = gradient_lengths(network, shown.images, shown.labels)
    report.extra["softmax_gradient"] = saturated(lengths)
    print(report.extra["softmax_gradient"])
    adversarial_figures.results(report, network, shown, found, table, curve, rounding if real else None, rng)
    if not real:
        defend(options, report, network, pictures, rng)


def defend(options, report, plain, pictures, rng):
    """A network trained on attacked pictures beside one that was not, at equal RMS; and one of another seed."""
    other = Namespace(**{**vars(options), "seed": options.seed + JUDGE})
    networks = {
        "plain": plain,
        "trained on attacks": digit_network(options, report, options.seed, adversarial=hardening),
        "another seed": digit_network(other, report, options.seed + JUDGE),
    }
    many = 24 if options.quick else 200
    images, labels = eight_bits(np.stack(pictures.images[:many])), np.asarray(pictures.labels[:many])
    levels = (0, 20) if options.quick else (0, 2, 5, 10, 20, 40)
    steps = 2 if options.quick else 20
    curves = defence(networks, (images, labels), levels, steps, rng)
    report.extra["defence"] = {"levels": list(levels), **curves}
    at = levels.index(20)
    report.metrics["accuracy"], report.baselines["accuracy"] = {}, {}
    for name, curve in curves.items():
        report.variants[name] = {
            "clean": curve["attacked"][0], "attacked": curve["attacked"][at],
            "transferred": curve["transferred"][at], "noise": curve["noise"][at],
        }  # fmt: skip
        report.metrics["accuracy"][f"{name}, clean"] = curve["attacked"][0]
        report.metrics["accuracy"][f"{name}, attacked"] = curve["attacked"][at]
    report.baselines["accuracy"] = {"trained on attacks, attacked": curves["plain"]["attacked"][at]}
    hardened = networks["trained on attacks"]
    signs = signs_of_masking(hardened, images, labels, curves["trained on attacks"], at, steps)
    report.extra["masked_gradients"] = signs
    print("\n".join(signs))
    adversarial_figures.defended(report, levels, curves)
