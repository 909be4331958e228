"""Style transfer: what Gram matrices throw away, what several layers keep, what the weight of the content does."""

from dataclasses import replace

import numpy as np

from lectures.course import FUN_WAYS
from lectures.evidence.arms import bars
from lectures.fixed_network.likeness import correlation, spearman
from lectures.fixed_network.procedural import JUDGE, texture_network
from lectures.style.foundation.judging import coarse_error, judged
from lectures.style.foundation.objective import measured, paint, start_of
from lectures.style.foundation.pictures import painted_pairs, textures_alone
from lectures.style.foundation.recipes import NOISE, PAINTED, shortened
from lectures.style.style import ALPHAS, early_only, gram
from lectures.style.style_naive import naive, positions
from lectures.verdict import Claim

SLIDE = "Image Style Transfer"
PAIRS = 12  # of content and style
FREE = replace(PAINTED, alpha=0.0, start="noise")  # nothing but the style


def painted(options, report, settings, describe=gram, pairs=PAIRS):
    """(pairs of content and style, the network, the pictures that descent made of them)."""
    network = texture_network(options, report, options.seed, NOISE)
    pairs, settings = painted_pairs(2 if options.quick else pairs, options.seed), shortened(settings, options)
    return pairs, network, paint(network, pairs.contents, pairs.styles, settings, describe, options.seed)[0]


def style_alone(options, report, pairs=PAIRS):
    """{way to compare a layer: pictures painted for the style alone, and the noise that all of them start from}."""
    found = {}
    for name, settings, describe in (("Gram matrices", FREE, gram), ("positions", naive(FREE), positions)):
        shown, _, found[name] = painted(options, report, settings, describe, pairs)
    found["noise"] = list(start_of(shown.contents, FREE, options.seed))
    return shown, found


def measure_layout(options, report):
    """How much the pictures painted for the style alone are copies of the style picture, pixel by pixel."""
    pairs, found = style_alone(options, report)
    arms = {name: {"share": float(np.abs(correlation(images, pairs.styles)).mean())} for name, images in found.items()}
    return {"effect": arms["positions"]["share"] - arms["Gram matrices"]["share"], "arms": arms}


def measure_texture(options, report):
    """How often an independent network sees the style's texture in the same pictures."""
    pairs, found = style_alone(options, report, 2 * PAIRS)
    judge = texture_network(options, report, options.seed + JUDGE, NOISE)
    arms = {name: {"share": judged(judge, images, pairs)["texture"]} for name, images in found.items()}
    chance = max(1 / len(judge.textures), arms["noise"]["share"])
    return {"effect": arms["Gram matrices"]["share"] - chance, "arms": arms}


def draw_shares(ax, runs, label):
    """A bar for each way to compare a layer and for the noise before, a dot for each seed."""
    bars(ax, runs, label, number="share", colours=("#0072B2", "#999999", "#cccccc"))
    ax.set_ylim(0, 1.15)


def draw_layout(ax, runs):
    """Copies or not."""
    draw_shares(ax, runs, "|pixel correlation| with the style picture")


def draw_texture(ax, runs):
    """Texture or not."""
    draw_shares(ax, runs, "texture recognised by a second network")
    ax.axhline(1 / 6, color="k", linestyle=":", linewidth=1)


def measure_layers(options, report):
    """How far the autocorrelation is from the style's, at 8 to 24 pixels, of textures painted from noise.

    By the first style layer, by all of them; beside it the noise and pictures of other textures. The styles are nothing
    but texture: of a picture with a shape the shape would decide.
    """
    network = texture_network(options, report, options.seed, NOISE)
    styles, _ = textures_alone(2 if options.quick else PAIRS, options.seed)
    found = {"noise": start_of(styles, FREE, options.seed), "another texture": np.roll(styles, 1, 0)}
    for name, settings in (("first layer", early_only(FREE)), ("all layers", FREE)):
        found[name], _ = paint(network, styles, styles, shortened(settings, options), gram, options.seed)
    arms = {name: {"coarse_error": float(coarse_error(images, styles).mean())} for name, images in found.items()}
    return {"effect": arms["first layer"]["coarse_error"] - arms["all layers"]["coarse_error"], "arms": arms}


def draw_layers(ax, runs):
    """A bar for each way, a dot for each seed."""
    bars(ax, runs, "error of the autocorrelation, 8 to 24 pixels", number="coarse_error", rotate=12,
         colours=("#cccccc", "#cccccc", "#999999", "#0072B2"))  # fmt: skip


def swept(options, report, alphas=ALPHAS, pairs=8):
    """[alpha] of (J_content [pairs], how often an independent network sees the content's shape)."""
    judge, found = texture_network(options, report, options.seed + JUDGE, NOISE), []
    for alpha in alphas:
        settings = replace(PAINTED, alpha=alpha)
        pictures, network, images = painted(options, report, settings, pairs=pairs)
        _, content = measured(network, images, pictures.contents, pictures.styles, settings, gram)
        found.append((content, judged(judge, images, pictures)["shape"]))
    return found


def measure_sweep(options, report):
    """Does the content come nearer at every step of alpha? Spearman's rank correlation, mean of the pairs.

    Of exact minima it must (a sum's term falls as its weight rises): it says that descent comes near enough to them.
    """
    found = swept(options, report)
    contents = np.stack([content for content, _ in found], 1)
    ranks = [spearman(ALPHAS, content) for content in contents]
    return {"effect": -float(np.mean(ranks)), "distances": contents.mean(0).tolist()}


def measure_objects(options, report):
    """Does a second network see the objects of the content picture more often, the more the content weighs?"""
    shapes = [shape for _, shape in swept(options, report, pairs=24)]
    return {"effect": shapes[-1] - shapes[0], "shapes": shapes}


def draw_along_alpha(ax, runs, what, label):
    """Numbers against alpha / (1 - alpha), a thin line for each seed and the mean."""
    axis, values = np.array(ALPHAS) / (1 - np.array(ALPHAS)), np.array([run[what] for run in runs])
    ax.semilogx(axis, values.T, color="#0072B2", linewidth=0.8, alpha=0.6)
    ax.semilogx(axis, values.mean(0), "o-", color="#0072B2", linewidth=2.5)
    ax.set(xlabel="$\\alpha / (1 - \\alpha)$", ylabel=label)
    ax.set_ylim(0, None)
    ax.grid(alpha=0.3)


def draw_sweep(ax, runs):
    """J_content along the sweep."""
    draw_along_alpha(ax, runs, "distances", "distance to the content, relative")


def draw_objects(ax, runs):
    """How often the shape is recognised along the sweep."""
    draw_along_alpha(ax, runs, "shapes", "shape of the content recognised")
    ax.axhline(1 / 4, color="k", linestyle=":", linewidth=1)


CLAIMS = (
    Claim(
        number="20a", title="Gram matrices drop the layout that positions copy",
        says='"early layers" isn\'t quite right: keep texture but throw away spatial arrangement',
        deck=FUN_WAYS, slide=SLIDE,
        effect="|pixel correlation| with the style picture, layers matched by positions minus by Gram matrices",
        measure=measure_layout, draw=draw_layout, above=0.5,
    ),
    Claim(
        number="20b", title="Gram matrices keep the texture",
        says="keep texture but throw away spatial arrangement",
        deck=FUN_WAYS, slide=SLIDE,
        effect="share of textures that a second network recognises, minus chance or what it sees in the noise before",
        measure=measure_texture, draw=draw_texture, above=0.25,
        because="each of three seeds is above it, but they are so far apart that the interval of their mean is wide",
    ),
    Claim(
        number="21", title="Several layers are needed, not just early ones",
        says="need to match output of multiple layers (not just early ones) of style image to capture larger features",
        deck=FUN_WAYS, slide=SLIDE,
        effect="error of the autocorrelation at 8 to 24 pixels, first style layer alone minus all four",
        measure=measure_layers, draw=draw_layers, above=0,
    ),
    Claim(
        number="22a", title="The more the content weighs, the nearer the picture is to it",
        says="effect of adjusting weight given to content image in cost function: varying alpha / (1 - alpha)",
        deck=FUN_WAYS, slide=SLIDE,
        effect="minus the rank correlation of alpha and the distance to the content's later layers",
        measure=measure_sweep, draw=draw_sweep, above=0.9,
    ),
    Claim(
        number="22b", title="Objects of the content picture become more prominent",
        says="as increase weight the objects in content image become more prominent",
        deck=FUN_WAYS, slide=SLIDE,
        effect="share of shapes that a second network recognises, alpha .8 minus alpha .005",
        measure=measure_objects, draw=draw_objects, above=0,
    ),
)  # fmt: skip
