"""A network that reads digits, fooled: by a small r that is not random, and by pictures that are no digits at all."""

from dataclasses import replace

import numpy as np

from lectures.course import DEEP_CNN_2
from lectures.evidence.arms import bars
from lectures.fixed_network.pictures import photographs
from lectures.fixed_network.prior import roughness
from lectures.fixed_network.procedural import POOL, digit_network
from lectures.insight import adversarial, fooling
from lectures.insight.foundation.attack import OUTPUTS, Form
from lectures.insight.foundation.natural import statistics, unnatural
from lectures.verdict import Claim
from pyconvnet.data import Digits

SLIDE = "Deep Network Can Easily Be Fooled"
EXACT, LITERAL = Form("logits"), Form("logits", exact=False)
UNTARGETED = tuple(Form(output) for output in OUTPUTS)
WANTED = {"literal": replace(LITERAL, targeted=True), "exact": replace(EXACT, targeted=True)}
UNSEEN_BY_THE_EYE = 2.55  # grey levels, one in a hundred of the range
WAYS = "#0072B2", "#D55E00", "#009E73", "#999999", "#999999"  # direct, indirect, gradient, digits
EVOLUTION = replace(fooling.DIGITS, direct=150, indirect=75)


def attacked(options, report, forms):
    """(network, pictures that it names rightly, {form: Attack}, the table of `adversarial`, the random generator)."""
    budget, rng = adversarial.QUICK if options.quick else adversarial.DIGITS, np.random.default_rng(options.seed)
    network = digit_network(options, report, options.seed)
    shown = adversarial.rightly_named(network, photographs(options, network), budget.pictures)
    return network, shown, *adversarial.compare(network, shown, forms, budget, rng), budget, rng


def measure_not_random(options, report):
    """Labels that r changes, less those that noise of its length or r in another order changes."""
    table = attacked(options, report, (EXACT,))[3][EXACT.name]
    arms = {"r": table["flip_rate"], "noise as long": table["noise_flip_rate"], "r, shuffled": table["permuted"]}
    effect = table["flip_rate"] - max(table["noise_flip_rate"], table["permuted"])
    return {"effect": effect, "arms": {name: {"flips": share} for name, share in arms.items()}}


def draw_not_random(ax, runs):
    """Share of labels that change, for each of the three."""
    bars(ax, runs, "share of labels that change", "flips", colours=("#D55E00", "#0072B2", "#999999"))
    ax.set_ylim(0, 1.15)


def measure_robustness(options, report):
    """RMS at which half of the labels change: with noise, divided by that of r. At least, where noise never does."""
    network, shown, _, _, budget, rng = attacked(options, report, ())
    curve = adversarial.robustness(network, shown, adversarial.MAIN, budget, rng)
    halves = {of: adversarial.half_at(curve["levels"], curve[of]) for of in ("attack", "noise")}
    halves = {of: float(np.nan_to_num(half, nan=curve["levels"][-1])) for of, half in halves.items()}
    return {"effect": halves["noise"] / halves["attack"], "curve": curve, "halves": halves}


def draw_robustness(ax, runs):
    """Share of labels that change against the RMS: mean of the seeds, thin lines for each."""
    for of, colour, label in (("attack", "#D55E00", "r"), ("noise", "#0072B2", "Gaussian noise")):
        curves = np.array([run["curve"][of] for run in runs])
        levels = runs[0]["curve"]["levels"]
        ax.plot(levels, curves.mean(0), "o-", color=colour, label=label, markersize=4)
        ax.plot(levels, curves.T, color=colour, linewidth=0.6, alpha=0.6)
    ax.axhline(0.5, color="0.7", linewidth=1)
    ax.set(xscale="log", xlabel="RMS, grey levels of 255", ylabel="share of labels that change", ylim=(-0.03, 1.05))
    ax.legend(frameon=False, loc="upper left")


def measure_update(options, report):
    """Pictures that get the wanted label: by the slide's update less by the gradient of the slide's minimum."""
    table = attacked(options, report, tuple(WANTED.values()))[3]
    arms = {name: {"flips": table[form.name]["flip_rate"]} for name, form in WANTED.items()}
    return {"effect": arms["literal"]["flips"] - arms["exact"]["flips"], "arms": arms}


def draw_update(ax, runs):
    """Share of pictures that get the wanted label, by both."""
    bars(ax, runs, "share that gets the wanted label", "flips")
    ax.set_ylim(0, 1.15)


def measure_seen(options, report):
    """One grey level in a hundred, which nobody sees, divided by the median RMS of the smallest r of three exact forms.

    255 grey levels for a picture where none of them found an r.
    """
    found = attacked(options, report, UNTARGETED)[2].values()
    median = float(np.median(np.min([np.where(a.flipped, a.rms, 255.0) for a in found], axis=0)))
    return {"effect": UNSEEN_BY_THE_EYE / median, "arms": {"r": {"rms": median}}}


def draw_seen(ax, runs):
    """The median RMS of r, and what nobody sees."""
    bars(ax, runs, "median RMS of r, grey levels of 255", "rms", colours=("#D55E00",))
    ax.axhline(UNSEEN_BY_THE_EYE, color="k", linestyle="--", linewidth=1, label="one in a hundred")
    ax.set_ylim(0, None)
    ax.legend(frameon=False)


def evolved(options, report):
    """(network, {way: pictures, one a digit}, {way: Elites})."""
    network = digit_network(options, report, options.seed)
    budget = fooling.QUICK if options.quick else EVOLUTION
    return network, *fooling.found_by(network, network.classes, (1, 28, 28), budget, options.seed)[1:]


def measure_sure(options, report):
    """Median confidence over the ten digits, of the worse encoding; and of as many genomes without selection."""
    network, _, elites = evolved(options, report)
    without = fooling.without_selection(network, (1, 28, 28), elites, options.seed)
    curves = {way: [generation["confidence"] for generation in found.history] for way, found in elites.items()}
    return {"effect": min(curve[-1] for curve in curves.values()), "curves": curves, "without": without}


def draw_sure(ax, runs):
    """Median confidence by generation, a line for each encoding and seed."""
    for way, colour in zip(("direct", "indirect"), WAYS):
        for k, run in enumerate(runs):
            ax.plot(run["curves"][way], color=colour, label=None if k else f"{way} encoding", linewidth=1)
            last = len(run["curves"][way]) - 1
            ax.plot(last, run["without"][way], "x", color=colour, label=None if k else "as many, without selection")
    ax.set(xscale="symlog", xlabel="generation", ylabel="median confidence of all digits", ylim=(-0.03, 1.3))
    ax.legend(frameon=False, loc="upper center", ncols=2, fontsize=8)


def measure_unnatural(options, report):
    """Share of pictures outside the middle 95 % of test digits, of the most natural way, less that of test digits."""
    network, pictures, _ = evolved(options, report)
    training = Digits(64 if options.quick else POOL, "train", options.seed).arrays()[0]
    natural = statistics(np.stack(photographs(options, network).images), training)
    shares = {way: unnatural(statistics(images, training), natural) for way, images in pictures.items()}
    shares["digits"] = unnatural(natural, natural)
    other = Digits(20 if options.quick else 400, "test", options.seed, fonts=fooling.UNSEEN_FONTS).arrays()[0]
    shares["other\nfonts"] = unnatural(statistics(other, training), natural)  # not all that is new is unnatural
    arms = {way: {"share": share} for way, share in shares.items()}
    return {"effect": min(shares[way] for way in pictures) - shares["digits"], "arms": arms}


def draw_unnatural(ax, runs):
    """Share of unnatural pictures, for every way and for test digits."""
    bars(ax, runs, "share with unnatural statistics", "share", colours=WAYS)
    ax.set_ylim(0, 1.15)


def measure_encodings(options, report):
    """Roughness of the direct pictures divided by that of the indirect ones, medians."""
    network, pictures, _ = evolved(options, report)
    arms = {way: float(np.median(roughness(images))) for way, images in pictures.items()}
    arms["digits"] = float(np.median(roughness(np.stack(photographs(options, network).images))))
    effect = arms["direct"] / max(arms["indirect"], 1e-6)
    return {"effect": effect, "arms": {name: {"roughness": v} for name, v in arms.items()}}


def draw_encodings(ax, runs):
    """How rough the pictures are, for every way and for test digits."""
    bars(ax, runs, "RMS difference of neighbouring pixels", "roughness", colours=WAYS)
    ax.set_ylim(0, None)


CLAIMS = (
    Claim(
        number="23a", title="What fools a network is not random",
        says="The perturbation is a non-random image", deck=DEEP_CNN_2, slide=SLIDE,
        effect="share of labels that r changes less the larger share of noise as long and of r with shuffled pixels",
        measure=measure_not_random, draw=draw_not_random, above=0.9,
    ),
    Claim(
        number="23b", title="A perturbation is small beside noise",
        says='Small perturbation of the input image changes the output of the trained "well-performing" neural network',
        deck=DEEP_CNN_2, slide=SLIDE,
        effect="RMS of the noise that changes half of the labels, divided by that of r",
        measure=measure_robustness, draw=draw_robustness, above=3,
    ),
    Claim(
        number="23c", title="The slide's update reaches the slide's minimum",
        says="Optimum found by gradient descent: r <- r - gamma (dNN(I)/dI + 2 lambda r)",
        deck=DEEP_CNN_2, slide=SLIDE,
        effect="share that gets the wanted label by the slide's update less that by the exact gradient",
        measure=measure_update, draw=draw_update, above=-0.05,
        because="the slide's gradient is taken at I and never again, and of the wanted score alone: far from I others "
        "rise as well; the factor NN(I + r) - S, which would lower them, is missing",
    ),
    Claim(
        number="23d", title="The perturbation cannot be seen, in digits of 28 x 28 pixels",
        says="imperceptible for human", deck=DEEP_CNN_2, slide=SLIDE,
        effect="one hundredth of the grey levels, divided by the median RMS of the smallest r of three forms",
        measure=measure_seen, draw=draw_seen, above=1,
        because="the more numbers share r, the less each must change: these pictures have 784, a photograph for an "
        "ImageNet network two hundred times as many (there the lecture finds .2 to .8 grey levels of 255)",
    ),
    Claim(
        number="24a", title="Evolution finds pictures that a network is sure of",
        says="Artificial images that are unrecognizable to humans, producing high output score can be found; optimum "
        "images found by evolutionary algorithm, starting from random noise, direct/indirect encoding",
        deck=DEEP_CNN_2, slide=SLIDE, effect="median confidence over all digits, of the worse of the two encodings",
        measure=measure_sure, draw=draw_sure, above=0.99,
    ),
    Claim(
        number="24b", title="They do not have natural statistics",
        says="The images found do not have the natural image statistics", deck=DEEP_CNN_2, slide=SLIDE,
        effect="least share, of three ways, of pictures whose roughness or distance to the nearest training picture is "
        "outside the middle 95 % of test digits, less the share of test digits",
        measure=measure_unnatural, draw=draw_unnatural, above=0.8,
    ),
    Claim(
        number="24c", title="Direct encoding finds noise, indirect patterns",
        says="Direct/Indirect encoding", deck=DEEP_CNN_2, slide=SLIDE,
        effect="roughness of the pictures of the direct encoding divided by that of the indirect one",
        measure=measure_encodings, draw=draw_encodings, above=3,
        because="a ratio: the indirect pictures are so smooth that their roughness differs by a factor of two between "
        "seeds; direct ones are five to ten times as rough, with each of three seeds",
    ),
)  # fmt: skip
