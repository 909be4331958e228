"""What saliency draws: maps on pictures, maps of shuffled weights beside them, four pictures in one, two questions."""

import numpy as np

from lectures.fixed_network.drawing.picture import show

TITLES = {"gradient": "gradient", "zeiler": "Zeiler's rule (guided)", "occlusion": "occlusion", "grad_cam": "Grad-CAM"}
BRIGHT = 99.5  # per cent of a map's pixels that are not brighter than the brightest colour


def results(report, images, said, maps, blind, grid):
    """Figures of a run: `maps`, `shuffled`, `grid`."""
    rows = min(4, len(images))
    with report.figure("maps", rows, 1 + len(maps), size=(2.5, 2.7)) as axes:
        for k, row in enumerate(axes):
            name = str(said[k]).replace("_", " ")[:22]
            map_row(row, images[k], {method: found[k] for method, found in maps.items()}, name)
    with report.figure("shuffled", 2, 1 + len(maps), size=(2.5, 2.7)) as axes:
        for row, found, title in zip(axes, (maps, blind), ("trained", "weights shuffled")):
            map_row(row, images[0], {name: m[0] for name, m in found.items()}, "")
            row[0].set_ylabel(title, fontsize=12)
    if grid is not None:
        pictures, _, which, found = grid
        with report.figure("grid", min(3, len(pictures)), 1 + len(found), size=(2.8, 3.0)) as axes:
            for k, row in enumerate(axes):
                map_row(row, pictures[k], {name: m[k] for name, m in found.items()}, "")
                frame(row, which[k], pictures.shape[2:])


def two_questions(report, network, images, shapes, textures, maps, texture_maps):
    """Figure `two_questions`: the same pictures asked for their shape, and for their texture."""
    with report.figure("two_questions", 2 * len(images), 1 + len(maps), size=(2.2, 2.4)) as axes:
        for k, image in enumerate(images):
            asked = f"shape?\n{network.classes[shapes[k]]}", f"texture?\n{network.textures[textures[k]]}"
            for row, found, question in zip(axes[2 * k :], (maps, texture_maps), asked):
                map_row(row, image, {name: m[k] for name, m in found.items()}, "")
                row[0].set_ylabel(question, fontsize=11)


def map_row(row, image, maps, said):
    """The picture, under it what the network says, then its maps."""
    show(row[0], image, "the picture", said)
    for ax, (name, found) in zip(row[1:], maps.items()):
        heat(ax, image, found, TITLES[name])


def heat(ax, image, found, title=""):
    """A map as colour over the grey picture: bright is where it is large."""
    show(ax, 0.6 * np.asarray(image).mean(0, keepdims=True), title)
    top = np.percentile(found, BRIGHT) or found.max() or 1
    strength = np.clip(found / top, 0, 1)
    ax.imshow(strength, cmap="inferno", vmin=0, vmax=1, alpha=np.clip(0.25 + strength, 0, 1))


def frame(row, which, shape):
    """A frame around the one of four pictures that was asked for."""
    height, width = shape[0] / 2, shape[1] / 2
    y, x = divmod(int(which), 2)
    for ax in row:
        corners = (x * width, y * height), ((x + 1) * width - 1, (y + 1) * height - 1)
        (a, b), (c, d) = corners
        ax.plot([a, c, c, a, a], [b, b, d, d, b], color="lime", linewidth=2)
