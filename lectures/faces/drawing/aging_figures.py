"""What aging draws: the faces that PCA can say, ages told, ages changed, and who is fooled."""

import numpy as np

from lectures.faces.drawing.arithmetic_figures import show


def space(report, faces, bound=3.0):
    """Figure: what the first components do to the mean face."""
    with report.figure("components", 4, 7, size=(1.3, 1.5)) as axes:
        components(axes, faces, bound=bound)


def changes(report, stages, goals, curves, networks):
    """Figures: faces on their way, {title: pictures} with what both networks say; and who is fooled."""
    chosen = [*np.flatnonzero(goals < 50)[:4], *np.flatnonzero(goals > 50)[:4]]
    stages = {title: images[chosen] for title, images in stages.items()}
    with report.figure("aged", len(stages), len(chosen), size=(1.5, 1.7)) as axes:
        journey(axes, stages, *networks)
        for ax, goal in zip(axes[0], goals[chosen]):
            ax.set_title(f"to {goal:.0f}", fontsize=9)
        axes[0, 0].figure.supxlabel("years, as the network that was asked / the second network says", fontsize=9)
    with report.figure("fooled", size=(6.5, 4.5)) as axes:
        who_is_fooled(axes[0, 0], curves)


def ages(report, truth, told):
    """Figure: the ages that the first network tells of unseen people."""
    with report.figure("ages", size=(4.5, 4.5)) as axes:
        told_ages(axes[0, 0], truth, told)


def components(axes, space, which=(0, 1, 2, 3), bound=3.0):
    """A row per component: PCA(p) where this p_k goes from -bound to bound, and all others are 0."""
    for row, k in zip(axes, which):
        for ax, value in zip(row, np.linspace(-bound, bound, len(row))):
            p = np.zeros((1, len(space.sigma)), np.float32)
            p[0, k] = value
            show(ax, space.picture(p)[0])
            ax.set_title(f"$p_{{{k + 1}}}$ = {value:+.1f}", fontsize=8)


def told_ages(ax, truth, told):
    """The age a network says against the true one."""
    ax.plot([20, 90], [20, 90], color="0.6", linewidth=1)
    ax.scatter(truth, told, s=6, alpha=0.5)
    ax.set(xlabel="age in years", ylabel="age that the network says", aspect="equal")


def journey(axes, stages, first, judge):
    """A column per face: pictures {title: [n, 3, H, W]} on the way, under each what the two networks say (years)."""
    for row, (title, images) in zip(axes, stages.items()):
        for ax, image, said, judged in zip(row, images, first(images), judge(images)):
            show(ax, image)
            ax.set_xlabel(f"{said:.0f} / {judged:.0f}", fontsize=9)
        row[0].set_ylabel(title, fontsize=9)


def who_is_fooled(ax, paths, title=""):
    """Mean distance to the wanted age at every step: {arm: (first network's, second network's)}, years."""
    for (arm, (first, second)), colour in zip(paths.items(), ("tab:blue", "tab:red")):
        ax.plot(first, "--", color=colour, label=f"{arm}: the network that was asked")
        ax.plot(second, "-", color=colour, label=f"{arm}: the second network")
    ax.axhline(8, color="0.6", linewidth=1)
    ax.set(xlabel="step", ylabel="years from the wanted age", title=title)
    ax.legend(fontsize=8)
