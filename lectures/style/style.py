r"""Neural style: the content of one picture in the style of another (Gatys, Ecker & Bethge, CVPR 2016).

Deck "Fun Ways To Use ConvNets", slides "Image Style Transfer" (4 and 5); deck "Deep Convolutional Neural Networks II",
slides "Deep Art - Neural Style" (1 and 2). The style is captured by the correlation of lower layers' responses: which
features occur together, but not where. So G = F F^T, the dot products of vectorised responses, replaces the responses.

    deck A: J = (1 - alpha) J_style + alpha J_content, with an axis alpha / (1 - alpha)
    deck B: min_I alpha L_content(I_1, I) + beta L_style(I_2, I), L_style = sum_k w_k ||G(Phi_k(I)) - G(Phi_k(I_2))||^2

The two are one: only the ratio of the two weights moves the minimum (`alpha_of`). Each w_k is free as well; ours is
1 / (K ||G(Phi_k(I_2))||^2), because these squares are 2 for one of four layers and 86 for another.

Does it work? The network whose layers were matched is no judge: of the textures that one made out of noise it saw .97
itself, and an independent one .69 (three seeds; it had learned from clean pictures). So both learn from noisy ones, and
a second network, of other weights and other training pictures, says which texture and which shape it sees.

Ours is smaller: 64 pixels, a network that learned in half a minute, from pictures whose colours mean nothing: colours
do not come over. They do with real weights: --weights FILE --data images:DIR (folders content/, style/), 400 pixels.
"""

import time
from dataclasses import replace

import numpy as np

from lectures.fixed_network.likeness import correlation, spearman
from lectures.fixed_network.procedural import texture_network
from lectures.style.drawing import style_figures
from lectures.style.drawing.style_demo import AlphaDemo
from lectures.style.foundation.judging import coarse_error, judged, trivial
from lectures.style.foundation.objective import measured, paint, start_of
from lectures.style.foundation.pictures import pairs_of, textures_alone
from lectures.style.foundation.recipes import networks_of, recipe, shortened
from lectures.style.style_naive import naive, positions

TAKES_WEIGHTS = True
ALPHAS = (0.005, 0.02, 0.05, 0.15, 0.4, 0.8)  # of the sweep


def gram(responses):
    """G = F F^T / (C H W) [N, C, C] of responses [N, C, H, W], F of shape [C, H W].

    Deck "Deep Convolutional Neural Networks II", slide "Deep Art - Neural Style" (2): the dot product matrix of
    vectorised filter responses. A sum over all places: which of them a response has does not matter.
    """
    n, channels, height, width = responses.shape
    f = responses.reshape((n, channels, height * width))
    return f @ f.transpose(1, 2) * (1 / (channels * height * width))


def alpha_of(content, style):
    """Deck A's alpha for deck B's two weights: content L_c + style L_s = (content + style) J with this alpha."""
    if not (content >= 0 and style >= 0 and content + style > 0):
        raise ValueError(f"alpha_of: the weights must not be negative, nor both 0, got {content} and {style}")
    return content / (content + style)


def ratio(alpha):
    """alpha / (1 - alpha), the axis of deck A's pictures; infinite at 1."""
    return alpha / (1 - alpha) if alpha < 1 else float("inf")


def run(options, report):
    """The lecture: paint, ask the judge, compare with the naive cost; sweep alpha; one layer and several; figures."""
    network, judge = networks_of(options, report)
    pairs = pairs_of(options, network)
    settings = shortened(recipe(network), options)
    painted = transferred(options, report, network, pairs, settings)
    if judge is not None:
        believe(options, report, network, judge, pairs, settings, painted)
        without_content(options, report, network, pairs, settings)
    sweep(options, report, network, pairs.first(8 if judge else 1), settings, judge)
    more_and_more_layers(options, report, network, pairs, settings)
    ways_down(options, report, network, pairs.first(4 if judge else 1), settings)


def transferred(options, report, network, pairs, settings):
    """Paint every pair, and tell what that has come to beside the content picture as it was."""
    began = time.perf_counter()
    painted, losses = paint(network, pairs.contents, pairs.styles, settings, gram, options.seed)
    report.extra["seconds_per_pair"] = (time.perf_counter() - began) / len(pairs)
    report.extra["J"], report.extra["J_unchanged"] = float(losses[-1]), float(losses[0])
    ways = ((report.metrics, painted), (report.baselines, pairs.contents))
    for found, images in ways:
        style, _ = measured(network, images, pairs.contents, pairs.styles, settings, gram)
        found["style_distance"] = float(style.mean())
    if pairs.textures is None:
        style, content = measured(network, painted, pairs.contents, pairs.styles, settings, gram)
        for name, a, b in zip(pairs.names, style, content):
            report.variants[name] = {"style distance": float(a), "content distance": float(b)}
    style_figures.transferred(report, pairs, painted)
    return painted


def believe(options, report, network, judge, pairs, settings, painted):
    """What the judge sees, of what was painted and of what takes no network; the best of these is the baseline.

    For the texture alone the content as it was, for the shape alone the style picture. What the network itself says
    stands beside it, and proves nothing.
    """
    bare, clean = replace(settings, tv=0.0, start="noise", alpha=0.0), texture_network(options, report, options.seed)
    rows, easy = {"painted": (network, painted)}, trivial(pairs)
    rows |= {name: (network, images) for name, images in easy.items()}
    for name, by in (("bare: noise, alpha 0, no TV", network), ("bare, network taught without noise", clean)):
        rows[name] = by, paint(by, pairs.contents, pairs.styles, bare, gram, options.seed)[0]
    for name, (by, images) in rows.items():
        report.variants[name] = judged(judge, images, pairs) | {"own network": judged(by, images, pairs)["texture"]}
    seen = report.variants
    report.metrics["accuracy"] = {what: seen["painted"][what] for what in ("texture", "shape", "transferred")}
    report.baselines["accuracy"] = {
        "texture": seen["content unchanged"]["texture"], "shape": seen["style picture itself"]["shape"],
        "transferred": max(seen[name]["transferred"] for name in easy),
    }  # fmt: skip
    report.extra["chance_of_texture"] = 1 / len(judge.textures)


def without_content(options, report, network, pairs, settings):
    """alpha 0 from noise: Gram matrices do not give the style picture back, positions do; early layers or all.

    On which scale a texture is met is asked with styles that are nothing but texture.
    """
    pairs, free = pairs.first(12), replace(settings, alpha=0.0, start="noise")
    texture, _ = paint(network, pairs.contents, pairs.styles, free, gram, options.seed)
    copy, _ = paint(network, pairs.contents, pairs.styles, replace(naive(settings), alpha=0.0), positions, options.seed)
    report.metrics["correlation"] = {"alpha 0": float(correlation(texture, pairs.styles).mean())}
    report.baselines["correlation"] = {"alpha 0": float(correlation(copy, pairs.styles).mean())}
    report.extra["correlation_without_sign"] = float(np.abs(correlation(texture, pairs.styles)).mean())
    early, _ = paint(network, pairs.contents, pairs.styles, early_only(free), gram, options.seed)
    style_figures.layouts(report, pairs, copy, early, texture)

    styles, _ = textures_alone(len(pairs), options.seed)
    errors = {"noise": coarse_error(start_of(styles, free, options.seed), styles)}
    for name, own in (("first layer", early_only(free)), ("several layers", free)):
        errors[name] = coarse_error(paint(network, styles, styles, own, gram, options.seed)[0], styles)
    errors["another texture"] = coarse_error(np.roll(styles, 1, 0), styles)
    errors = {name: float(error.mean()) for name, error in errors.items()}
    report.metrics["coarse_error"] = {"several layers": errors.pop("several layers")}
    report.baselines["coarse_error"] = {"several layers": min(errors.values())}
    report.extra["coarse_error"] = errors


def early_only(settings):
    """The first style layer alone. Slide "Image Style Transfer" (4): several are needed, not just early ones."""
    return replace(settings, style_layers=settings.style_layers[:1], weights=())


def sweep(options, report, network, pairs, settings, judge=None, alphas=ALPHAS):
    """Slide "Image Style Transfer" (5): the more the content weighs, the more its objects stand out."""
    painted, rows = {}, []
    for alpha in alphas:
        own = replace(settings, alpha=alpha)
        painted[alpha], _ = paint(network, pairs.contents, pairs.styles, own, gram, options.seed)
        rows.append(measured(network, painted[alpha], pairs.contents, pairs.styles, own, gram))
        report.variants[f"alpha {alpha:g}"] = {
            "style distance": float(rows[-1][0].mean()), "content distance": float(rows[-1][1].mean()),
        } | judged(judge, painted[alpha], pairs)  # fmt: skip
    style, content = np.array(rows).transpose(1, 2, 0)  # [pair, alpha]
    report.metrics["spearman"] = {"content distance": float(np.mean([spearman(alphas, c) for c in content]))}
    report.baselines["spearman"] = {"content distance": 0.0}
    style_figures.sweep(report, pairs, painted, style.mean(0), content.mean(0))
    return painted


def more_and_more_layers(options, report, network, pairs, settings):
    """Slide "Image Style Transfer" (4): what the "smoothed kernels" of early layers keep of a style, and of later ones.

    From noise, alpha 0: the Gram matrix of the first layer, of the first two, ... (as in the figure of Gatys et al.).
    """
    if pairs.textures is None:
        _, first = np.unique([style.tobytes() for style in pairs.styles], return_index=True)
        shown = [pairs.styles[n] for n in sorted(first)[:4]]
    else:
        shown, _ = textures_alone(2 if options.quick else 6, options.seed)
    textures = {}
    for count, layer in enumerate(settings.style_layers, 1):
        some = replace(settings, style_layers=settings.style_layers[:count], weights=(), alpha=0.0, start="noise")
        painted, _ = paint(network, shown, shown, some, gram, options.seed)
        textures[f"up to {layer}" if count > 1 else layer] = painted
    style_figures.more_and_more_layers(report, shown, textures)


def ways_down(options, report, network, pairs, settings):
    """J against the steps: Adam and L-BFGS, from the content and from noise, average and max pooling."""
    adam = {"optimizer": "adam", "rate": None, "steps": max(settings.steps, 100)}
    lbfgs = {"optimizer": "lbfgs", "rate": None, "steps": min(settings.steps, 100)}
    ways = {"Adam": adam, "L-BFGS": lbfgs, "L-BFGS from noise": lbfgs | {"start": "noise"},
            "L-BFGS, max pooling": lbfgs | {"pooling": "max"}}  # fmt: skip
    curves, painted = {}, {}
    for name, changes in ways.items():
        own = shortened(replace(settings, **changes), options)
        painted[name], curves[name] = paint(network, pairs.contents, pairs.styles, own, gram, options.seed)
        report.variants[name] = {"J": float(curves[name][-1])}
    style_figures.ways_down(report, pairs, painted, curves)


def demo(options, report):
    """A slider over alpha, on pictures painted beforehand."""
    network, judge = networks_of(options, report)
    pairs = pairs_of(options, network).first(6 if judge else 1)
    alphas = ALPHAS if options.quick else tuple(np.geomspace(0.003, 0.9, 9 if judge else 6).tolist())
    settings = shortened(recipe(network), options)
    painted = {
        alpha: paint(network, pairs.contents, pairs.styles, replace(settings, alpha=alpha), gram, options.seed)[0]
        for alpha in alphas
    }
    window = AlphaDemo(pairs, painted)
    window.show()
    return window
