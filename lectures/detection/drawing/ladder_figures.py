"""The ladder of detectors in pictures: accuracy against speed, where the time goes, and one scene seen by all."""

import numpy as np

from lectures.detection.drawing import figures
from lectures.detection.foundation.stopwatch import PARTS

KIND_COLOURS = {"fixed number": "tab:red", "windows": "tab:blue", "regions": "tab:green", "one pass": "tab:purple"}
PART_COLOURS = dict(zip(PARTS, ("tab:orange", "tab:cyan", "0.65"), strict=True))


def accuracy_against_speed(report, rows, kinds):
    """Figure: mAP against ms of every system of {name: row}, coloured by its kind; and the shares of its parts."""
    with report.figure("accuracy_and_speed", 1, 2, size=(8, 6.5)) as axes:
        draw_accuracy_against_speed(axes[0, 0], rows, kinds)
        draw_shares(axes[0, 1], rows)


def draw_accuracy_against_speed(ax, rows, kinds):
    """A disk for each system, its area in proportion to the multiply-accumulates of one picture.

    At IoU 0.5 alone nearly all are near 1: how well the boxes fit tells them apart.
    """
    colours = {kind: colour for kind, colour in KIND_COLOURS.items() if kind in kinds.values()}
    ms, precision = ([row[key] for row in rows.values()] for key in ("ms", "map50_95"))
    area = np.array([max(row["macs"] / 1e6, 1) for row in rows.values()])
    ax.set(xscale="log", xlim=(min(ms) / 1.6, max(ms) * 2.2), ylim=(-0.06, max(precision) + 0.12))
    ax.set(xlabel="ms per picture, one at a time; area of a disk: multiply-accumulates", ylabel="mAP, IoU 0.5 to 0.95")
    ax.xaxis.set_major_formatter("{x:g}")
    for name, x, y, size in zip(rows, ms, precision, area):
        ax.scatter(x, y, s=2 * size, color=colours[kinds[name]], alpha=0.45, edgecolors="k", linewidths=0.6)
        ax.plot(x, y, ".", color="k", markersize=3)
    for kind, colour in colours.items():
        ax.scatter([], [], color=colour, alpha=0.6, label=kind)
    ax.grid(alpha=0.3, which="both")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, frameon=False)
    write_names(ax, ms, precision, list(rows))


def write_names(ax, x, y, names):
    """Each name near its point, where it covers no other name: the first free place of several around it."""
    from matplotlib.text import Text

    renderer, taken = ax.figure.canvas.get_renderer(), []
    around = [(np.cos(t), np.sin(t), r) for r in (9, 18, 30, 44, 60, 78) for t in np.linspace(0, 2 * np.pi, 13)[:-1]]
    ax.figure.draw_without_rendering()  # places need the final layout
    points = ax.transData.transform(np.column_stack([x, y]))
    for name, px, py in zip(names, x, y):
        for dx, dy, r in around:
            side = "left" if dx > 0.3 else "right" if dx < -0.3 else "center"
            line = {"arrowstyle": "-", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2}
            text = ax.annotate(name, (px, py), (dx * r, dy * r), textcoords="offset points", ha=side, va="center",
                               fontsize=9, arrowprops=line if r > 9 else None)  # fmt: skip
            text.update_positions(renderer)
            box = Text.get_window_extent(text, renderer).padded(1)  # that of an Annotation has the line in it
            inside = ax.bbox.contains(box.x0, box.y0) and ax.bbox.contains(box.x1, box.y1)
            covers = any(box.overlaps(other) for other in taken) or any(box.contains(*point) for point in points)
            if (inside and not covers) or (dx, dy, r) == around[-1]:
                taken.append(box)
                break
            text.remove()


def draw_times(ax, rows):
    """A bar for each system: ms of one picture, on a log scale."""
    place = np.arange(len(rows))[::-1]
    ms = [row["ms"] for row in rows.values()]
    ax.barh(place, ms, color="tab:blue", alpha=0.7, height=0.7)
    ax.set(xscale="log", xlim=(min(ms) / 2, max(ms) * 2), xlabel="ms of one picture (log scale)")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set_yticks(place, list(rows))
    ax.spines[["top", "right"]].set_visible(False)


def draw_shares(ax, rows):
    """A bar for each system, in parts of its time, with the milliseconds of all."""
    place = np.arange(len(rows))[::-1]
    left = np.zeros(len(rows))
    for part, colour in PART_COLOURS.items():
        share = np.array([100 * row["ms_by_part"][part] / row["ms"] for row in rows.values()])
        ax.barh(place, share, left=left, color=colour, label=part, height=0.7)
        left += share
    for y, row in zip(place, rows.values()):
        ax.text(101, y, f"{row['ms']:.3g} ms", va="center", fontsize=9)
    ax.set(xlim=(0, 118), xlabel="share of the time of one picture, %", xticks=range(0, 101, 20))
    ax.set_yticks(place, list(rows))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.43, 1), ncols=3, frameon=False)


def same_picture(report, rows, image, target, classes, columns=4):
    """Figure: what every system says about one unseen picture, and what is there."""
    lines = -(-(len(rows) + 1) // columns)
    with report.figure("same_picture", lines, columns, size=(3, 3 * image.shape[1] / image.shape[2] + 0.6)) as axes:
        draw_same_picture(axes.flat, rows, image, target, classes)


def draw_same_picture(axes, rows, image, target, classes):
    """On the first of the axes what is there, on the next ones what each system found."""
    for ax in axes:
        ax.set_axis_off()
    figures.draw(axes[0], image, *target[:2], None, classes)
    axes[0].set_title("what is there")
    for ax, (name, row) in zip(axes[1:], rows.items()):
        found = row["found"]
        boxes = np.array(found["boxes"], np.float32).reshape(-1, 4)
        labels, scores = np.array(found["labels"], np.int64), np.array(found["scores"], np.float32)
        figures.draw(ax, image, boxes, labels, scores, classes)
        ax.set_title(f"{name}, {row['ms']:.3g} ms")
