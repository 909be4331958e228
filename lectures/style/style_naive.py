r"""Style transfer, the slides' first idea: early layers like those of the style picture, later ones like the content's.

Deck "Fun Ways To Use ConvNets", slides "Image Style Transfer" (1 to 3): earlier layers capture texture, later ones
objects. Note the output of the early layers for the style picture and of the later ones for the content picture; start
from random pixels; change these until both are met:

    J = (1 - alpha) J_style + alpha J_content,  J_style = ||Phi_early(I) - Phi_early(style)||^2 and
                                                J_content = ||Phi_later(I) - Phi_later(content)||^2.

Run it, and see what the next slide means by "isn't quite right": Phi_early knows where in the picture everything
stands, and so the style picture itself comes out (alpha 0), or two pictures on one plate. Position is what `style`
throws away; there stands the Gram matrix that replaces `positions`, the only line that differs.

Ours is smaller: pictures of 64 pixels whose content is a shape and whose style is a texture, and a network that learned
to tell both in a minute. --weights FILE --data images:DIR (folders content/ and style/): real ones.
"""

from dataclasses import replace

from lectures.fixed_network.likeness import correlation
from lectures.style.drawing import style_figures
from lectures.style.foundation.judging import judged
from lectures.style.foundation.objective import measured, paint
from lectures.style.foundation.pictures import pairs_of
from lectures.style.foundation.recipes import networks_of, recipe, shortened

TAKES_WEIGHTS = True
ALPHAS = (0.0, 0.1, 0.3, 0.6, 0.9)
PHOTOGRAPHS = 1  # pairs of photograph and painting


def positions(responses):
    """All responses [N, C, H, W], each at its place: what the slides first propose to match."""
    return responses


def naive(settings):
    """The slides' settings: the first half of the style layers, random pixels to start from, no further prior."""
    early = settings.style_layers[: (len(settings.style_layers) + 1) // 2]
    return replace(settings, style_layers=early, weights=(), start="noise", tv=0.0)


def run(options, report):
    """The lecture: paint by positions for several alphas, and tell how much of the style picture's layout is left."""
    from lectures.style.style import gram  # the next lecture, which takes `positions` from this one

    network, judge = networks_of(options, report)
    pairs = pairs_of(options, network).of_one_size().first(PHOTOGRAPHS if judge is None else len(ALPHAS) * 4)
    settings = shortened(naive(recipe(network)), options)
    painted = {}
    for alpha in ALPHAS:
        painted[alpha], row = painted_by(network, pairs, replace(settings, alpha=alpha), positions, options.seed)
        report.variants[f"alpha {alpha:g}"] = row | judged(judge, painted[alpha], pairs)
    without = replace(shortened(recipe(network), options), alpha=0.0, start="noise")
    thrown_away, row = painted_by(network, pairs, without, gram, options.seed)
    report.variants["Gram, alpha 0"] = row | judged(judge, thrown_away, pairs)
    for name, found in (("alpha 0", report.metrics), ("Gram, alpha 0", report.baselines)):
        found["correlation"] = {"with the style picture": report.variants[name]["correlation"]}
    style_figures.copied(report, pairs, painted, thrown_away)


def painted_by(network, pairs, settings, describe, seed):
    """(pictures, what they have come to: J, distance to the style's layout or Gram matrices, to the content, copy?)."""
    painted, losses = paint(network, pairs.contents, pairs.styles, settings, describe, seed)
    style, content = measured(network, painted, pairs.contents, pairs.styles, settings, describe)
    return painted, {
        "J": float(losses[-1]), "style": float(style.mean()), "content": float(content.mean()),
        "correlation": float(correlation(painted, pairs.styles).mean()),
    }  # fmt: skip
