"""Which layers of which network, and how much of everything: settings that were tried."""

from dataclasses import replace

from lectures.fixed_network.procedural import JUDGE, texture_network
from lectures.style.foundation.objective import Settings

NOISE = 0.25  # in the training pictures of both networks: their gradients, and their judgement, hang on no single pixel
PAINTED = Settings(
    style_layers=("conv1", "conv2", "conv3", "conv4"), content_layers=("conv3",), alpha=0.1, tv=0.3, border=8,
)  # fmt: skip
# SqueezeNet at 256 pixels and up. Adam leaves a screen door, max pooling grains, fire6 to fire9 mud.
PHOTOGRAPHS = Settings(
    style_layers=("conv1", "fire2", "fire3", "fire4", "fire5"), content_layers=("fire4",),
    tv=0.1, optimizer="lbfgs", steps=100, border=16,
)  # fmt: skip
OF_GATYS = Settings(  # VGG
    style_layers=("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), content_layers=("relu4_2",),
    tv=0.1, optimizer="lbfgs", steps=100, border=16,
)  # fmt: skip
DEPTH = 0.6  # of any other network: the first 60 % of its layers, of them at most five


def recipe(network):
    """The Settings for a network: those that were tried, or for another one five layers of its first 60 %."""
    if hasattr(network, "textures"):
        return PAINTED
    for settings in (PHOTOGRAPHS, OF_GATYS):
        if {*settings.style_layers, *settings.content_layers} <= set(network.layers):
            return settings
    early = network.layers[: max(2, round(DEPTH * len(network.layers)))]
    count = min(5, len(early))
    chosen = tuple(early[round(k * (len(early) - 1) / max(count - 1, 1))] for k in range(count))
    return replace(PHOTOGRAPHS, style_layers=chosen, content_layers=(chosen[max(0, count - 2)],))


def shortened(settings, options):
    """With --quick a few steps only."""
    return replace(settings, steps=min(settings.steps, 6)) if options.quick else settings


def networks_of(options, report):
    """(the network that is held fixed, the judge): both procedural and of other seeds; or --weights, and no judge."""
    if options.weights is not None:
        from lectures.fixed_network.held import held_network

        return held_network(options, report), None
    if options.data is not None:
        raise ValueError(
            f"--data {options.data}: photographs need a network that knows them: give --weights FILE, too "
            "(python -m lectures --help)"
        )
    network, judge = (texture_network(options, report, options.seed + more, NOISE) for more in (0, JUDGE))
    report.extra["network"] = network.name
    return network, judge
