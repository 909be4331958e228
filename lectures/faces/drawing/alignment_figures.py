"""Pictures of landmarks, heat maps, and faces before and after alignment."""

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing.figures import draw_losses
from lectures.faces.foundation.alignment import STANDARD_FACE, aligned
from pyconvnet import functional as F

COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00")
NAMES = ("left eye", "right eye", "nose tip", "mouth, left", "mouth, right")


def loss(report, losses):
    """The cross entropy of the heat maps at every step."""
    with report.figure("loss", size=(6, 4)) as axes:
        draw_losses(axes[0, 0], losses, per="heat map")


def show(ax, image, points=None, truth=None, size=36):
    """A face with its landmarks: dots found, rings true."""
    pcn.viz.draw_boxes(np.clip(image, 0, 1), np.zeros((0, 4)), ax=ax)
    if truth is not None:
        ax.scatter(*np.asarray(truth).T, s=3 * size, facecolors="none", edgecolors="white", linewidths=2)
        ax.scatter(*np.asarray(truth).T, s=3 * size, facecolors="none", edgecolors="black", linewidths=0.8)
    if points is not None:
        ax.scatter(*np.asarray(points).T, s=size, c=COLOURS[: len(points)], edgecolors="black", linewidths=0.6)


def landmarks(report, data, found, model, count=6):
    """Unseen faces with the landmarks found and the true ones, above the sum of their heat maps."""
    chosen = range(min(count, len(found)))
    with report.figure("landmarks", 2, len(chosen), size=(2.3, 2.4)) as axes:
        draw_landmarks(axes, data.unseen[: len(chosen)], found, data.unseen_landmarks, model)
        axes[0, 0].set_title("dots: found, rings: true", loc="left", fontsize=9)
        axes[1, 0].set_title("the five heat maps", loc="left", fontsize=9)


def draw_landmarks(axes, images, found, truth, model):
    """Upper row: faces with landmarks; lower row: the probability of each cell, coloured by landmark."""
    with pcn.no_grad():
        maps = model.eval()(pcn.tensor(images)).data
    heat = F.softmax(maps.reshape(*maps.shape[:2], -1), dim=-1).reshape(maps.shape)
    for i, (upper, lower) in enumerate(zip(axes[0], axes[1])):
        show(upper, images[i], found[i], truth[i])
        lower.imshow(coloured(heat[i]), extent=(0, images.shape[-1], images.shape[-1], 0), interpolation="nearest")
        lower.set_xticks([])
        lower.set_yticks([])


def coloured(heat):
    """Maps (K, H, W), each to its own maximum, in the colours of their landmarks: (H, W, 3)."""
    from matplotlib.colors import to_rgb

    share = heat / heat.max((1, 2), keepdims=True)
    return np.clip(np.einsum("khw,kc->hwc", share, [to_rgb(c) for c in COLOURS[: len(heat)]]), 0, 1)


def alignment(report, data, found, count=6):
    """Unseen faces above what alignment by the landmarks found makes of them, the standard face as crosses."""
    chosen = min(count, len(found))
    with report.figure("alignment", 2, chosen, size=(2.3, 2.4)) as axes:
        draw_alignment(axes, data.unseen[:chosen], found[:chosen])
        axes[0, 0].set_title("as they come", loc="left", fontsize=9)
        axes[1, 0].set_title("aligned; +: standard face", loc="left", fontsize=9)


def draw_alignment(axes, images, found):
    """Upper row: faces with landmarks; lower row: aligned."""
    straight, _ = aligned(images, found, images.shape[-1])
    for upper, lower, image, points, face in zip(axes[0], axes[1], images, found, straight):
        show(upper, image, points)
        show(lower, face)
        lower.scatter(*(STANDARD_FACE * face.shape[-1]).T, marker="+", c="white", s=60, linewidths=1.5)


def arms(report, arms, people=2, pictures=5):
    """Several pictures of two unseen people in both arms."""
    with report.figure("arms", len(arms) * people, pictures, size=(1.7, 1.8)) as axes:
        for k, (name, data) in enumerate(arms.items()):
            for person in range(people):
                row = axes[k * people + person]
                which = np.flatnonzero(data.test.people == person)[:pictures]
                for ax, i in zip(row, which):
                    show(ax, data.test.image(i))
                row[0].set_title(f"person {person + 1}, {name}", loc="left", fontsize=9)
