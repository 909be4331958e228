"""What fooling draws: the elites as on the slide, how they got there, and how unlike real pictures they are."""

import numpy as np

from lectures.fixed_network.drawing.picture import show
from lectures.fixed_network.prior import roughness
from lectures.insight.foundation.map_elites import SHOWN
from lectures.insight.foundation.natural import nearest

COLOURS = {"direct": "#0072B2", "indirect": "#D55E00", "gradient": "#009E73"}
TITLES = {"direct": "direct encoding", "indirect": "indirect encoding (CPPN)", "gradient": "gradient descent"}


def results(report, network, second, names, classes, pictures, elites, natural, training):
    """Figures of a run: `elites`, `evolution`, `statistics`."""
    with report.figure("elites", len(pictures), max(map(len, pictures.values())), size=(1.35, 1.85)) as axes:
        table(axes, network, second, names, classes, pictures)
    with report.figure("evolution", size=(6, 4)) as axes:
        evolution(axes[0, 0], elites)
    with report.figure("statistics", size=(6.5, 4.5)) as axes:
        unlike(axes[0, 0], pictures, natural, training)


def table(axes, network, second, names, classes, pictures):
    """A row for each way, a column for each class: how sure the network is of it, and what the second one says."""
    for row, (way, images) in zip(axes, pictures.items()):
        wanted = classes[way]
        sure = network.predict(images)[1][np.arange(len(images)), wanted]
        other = second.predict(images)[0] if second is not None else None
        for k, (ax, image) in enumerate(zip(row, images)):
            show(ax, image)
            ax.spines[:].set(visible=True, color="0.8")  # a white picture on white paper
            name = str(names[wanted[k]]).replace("_", " ")
            ax.set_title(f"{name}: {sure[k]:.2f}" if len(names) <= 10 else f"{name[:17]}\n{sure[k]:.2f}", fontsize=10)
            if other is not None:
                agrees = other[k] == wanted[k]
                ax.set_xlabel(f"second: {names[other[k]]}", fontsize=9, color="k" if agrees else "#D55E00")
        row[0].set_ylabel(TITLES[way].replace(" (", "\n("), fontsize=10)


def evolution(ax, elites):
    """Median confidence in the classes that are shown, by generation; both encodings start at random genomes."""
    shown = min(SHOWN, min(len(found.classes) for found in elites.values()))
    for way, found in elites.items():
        ax.plot([generation["confidence"] for generation in found.history], color=COLOURS[way], label=TITLES[way])
    ax.axhline(0.99, color="0.7", linewidth=1)
    ax.set(xlabel="generation", ylabel=f"median confidence, {shown} surest classes", ylim=(-0.02, 1.03))
    ax.legend(frameon=False, loc="lower right")
    ax.grid(alpha=0.3)


def unlike(ax, pictures, natural, training):
    """Every picture as a point: how rough it is, how far from the nearest training picture. Grey: test pictures."""
    ax.plot(natural["roughness"], natural["distance"], ".", color="0.6", markersize=4, label="test pictures")
    for way, images in pictures.items():
        ax.plot(roughness(images), nearest(images, training), "o", color=COLOURS[way], label=TITLES[way], markersize=6)
    ax.set(xlabel="roughness: RMS difference of neighbouring pixels")
    ax.set(ylabel="RMS distance to the nearest training picture")
    ax.set(xlim=(0, None), ylim=(0, None))
    ax.legend(frameon=False)
    ax.grid(alpha=0.3)
