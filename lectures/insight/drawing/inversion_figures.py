"""What inversion draws: the pictures that each layer keeps, two that are one for the network, errors by depth."""

import numpy as np

from lectures.fixed_network.drawing.picture import show

COLOURS = {"TV prior": "#0072B2", "no prior": "#D55E00"}
GUESSED = "-", "--", ":"  # lines of the pictures that nobody has searched for


def results(report, network, images, found, depths, curves, classes=None, pictures=2):
    """Figures of a run: `reconstructions`, `not_unique`, `errors`."""
    count = min(pictures, len(images))
    side = 2.3 if count > 1 else 2.9
    with report.figure("reconstructions", 2 * count, 1 + len(found), size=(side, side + 0.25)) as axes:
        for k in range(count):
            reconstructions(axes[2 * k : 2 * k + 2], images[k], {a: p for a, p in kept(found, k).items()})
    with report.figure("not_unique", len(depths), 4, size=(2.6, 2.8)) as axes:
        for row, (depth, layer) in zip(axes, depths.items()):
            not_unique(row, network, images[0], found[layer], f"{depth}: {layer}", classes)
    with report.figure("errors", size=(6.5, 4.2)) as axes:
        errors(axes[0, 0], list(found), curves)


def kept(found, k):
    """{arm: {layer: picture k}} of {layer: {arm: pictures}}."""
    return {arm: {layer: arms[arm][k] for layer, arms in found.items()} for arm in COLOURS}


def reconstructions(axes, image, pictures):
    """A row with the prior and one without: the original, then what each layer gives back, early to deep."""
    for row, (arm, by_layer) in zip(axes, pictures.items()):
        show(row[0], image, "the picture")
        row[0].set_ylabel(arm, fontsize=12)
        for ax, (layer, picture) in zip(row[1:], by_layer.items()):
            show(ax, picture, f"from {layer}")


def not_unique(row, network, image, arms, title, classes=None):
    """The original, what two starts led to, and where these differ; under each what the network sees."""
    classes = network.classes if classes is None else classes
    a, b = (arms[arm][0] for arm in ("TV prior", "TV, another start"))
    labels, sure = network.predict(np.stack([image, a, b]))
    for ax, picture, name, label, p in zip(row, (image, a, b), ("the picture", "one start", "another"), labels, sure):
        show(ax, picture, name, f"{called(classes, label)}: {p[label]:.2f}")
    row[0].set_ylabel(title, fontsize=12)
    away = np.abs(a - b).mean(0, keepdims=True)
    correlation = np.corrcoef(a.ravel(), b.ravel())[0, 1]
    show(row[3], np.clip(3 * away, 0, 1), "difference, 3 times", f"correlation {correlation:.2f}")


def called(classes, label):
    """The name of a class, short."""
    return str(classes[label]).replace("_", " ")[:22]


def errors(ax, layers, curves):
    """Feature error by layer: both arms, below the pictures that nobody has searched for."""
    for name, colour in COLOURS.items():
        ax.plot(np.maximum(curves[name], 1e-6), "o-", color=colour, linewidth=2.5, label=f"found, {name}")
    for name, line in zip([name for name in curves if name not in COLOURS], GUESSED):
        ax.plot(curves[name], line, color="0.5", linewidth=1.3, label=name)
    ax.set_xticks(range(len(layers)), layers)
    ax.set(yscale="log", xlabel="layer that is inverted", ylabel=r"$\|\Phi-\Phi^0\|^2 / \|\Phi^0\|^2$")
    ax.legend(frameon=False, fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
