"""What deep_dream draws: dreams of all classes and of layers, how they grow, the control, and what the prior does."""

import numpy as np

from lectures.fixed_network.drawing.picture import show


def results(report, network, images, found, noise, sweep):
    """Figures of a run: `dream`, `layers`, `strength`, `prior`."""
    with report.figure("dream", 1, 3, size=(4.2, 4.7)) as axes:
        dream_and_noise(axes[0], network, images[0], found["all classes"][0], noise[0])
    dreams = {name: pictures for name, pictures in found.items() if name != "all classes, TV"}
    with report.figure("layers", len(images), 1 + len(dreams), size=(2.9, 3.05)) as axes:
        for k, row in enumerate(axes):
            layers(row, images[k], {name: pictures[k] for name, pictures in dreams.items()})
    shown = dict(list(sweep.items())[:: max(1, len(sweep) // 4)])
    with report.figure("strength", 1, len(shown), size=(2.9, 3.3)) as axes:
        strength(axes[0], network, shown)
    with report.figure("prior", 1, 3, size=(4.2, 4.6)) as axes:
        titles = "the picture", "all classes, no prior", "all classes, TV prior"
        for ax, title, image in zip(axes[0], titles, (images[0], found["all classes"][0], found["all classes, TV"][0])):
            show(ax, image, title)


def mean_score(network, image):
    """Of all classes, in words."""
    return f"mean class score {network.logits(image[None]).data.mean():.2f}"


def dream_and_noise(row, network, image, dreamt, noise):
    """The picture, its dream, and as much noise; under each the mean class score."""
    for ax, title, shown in zip(row, ("the picture", "the dream", "noise of the same norm"), (image, dreamt, noise)):
        show(ax, shown, title, mean_score(network, shown))


def layers(row, image, dreams):
    """The picture, then what each goal makes of it."""
    show(row[0], image, "the picture")
    for ax, (name, dreamt) in zip(row[1:], dreams.items()):
        show(ax, dreamt, name)


def strength(row, network, sweep):
    """The same dream with more and more steps in each octave."""
    for ax, (steps, image) in zip(row, sweep.items()):
        show(ax, image, f"{steps} steps an octave", mean_score(network, np.asarray(image)))
