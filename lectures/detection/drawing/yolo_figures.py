"""The pictures of YOLO v1 and v2: who is responsible, the terms of the cost, the heads, anchors over (w, h)."""

from itertools import cycle

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import figures
from lectures.detection.foundation.cell_anchors import iou_kmeans, shape_iou
from lectures.detection.foundation.matching import pairwise_overlap
from lectures.detection.proposing.constant_proposals import kmeans_boxes
from pyconvnet.viz import draw_boxes

COLOURS = ("#0072B2", "#56B4E9", "#D55E00", "#999999", "#009E73")  # one per term


def five_terms(report, parts):
    """Figure: each term of the cost at every step, and its share of the whole."""
    with report.figure("five_terms", 1, 2, size=(6.4, 4.2)) as axes:
        draw_terms(axes[0], parts)


def draw_terms(axes, parts, window=50):
    """Two axes: running means of the terms, logarithmic; the shares of their sum. parts: {name: one number a step}."""
    window = max(1, min(window, len(next(iter(parts.values()))) // 4))
    means = {k: np.convolve(v, np.full(window, 1 / window), "valid") for k, v in parts.items()}
    steps = np.arange(window, window + len(next(iter(means.values()))))
    for (name, values), colour in zip(means.items(), COLOURS):
        axes[0].plot(steps, values, color=colour, linewidth=1.8, label=name)
    axes[0].set(xlabel="step", ylabel="cost per picture", yscale="log", title=f"the terms, mean of {window} steps")
    whole = np.stack(list(means.values()))
    axes[1].stackplot(steps, whole / whole.sum(0), colors=COLOURS, labels=list(means))
    axes[1].set(xlabel="step", ylabel="share of the cost", ylim=(0, 1), xlim=(steps[0], max(steps[-1], steps[0] + 1)))
    axes[1].set_title("what the cost is made of")
    handles, names = axes[1].get_legend_handles_labels()
    axes[1].legend(handles[::-1], names[::-1], loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)


def responsibility(report, image, target, found, said, stride, classes):
    """Figure: the cells that answer for the objects, and of their boxes the one that does."""
    with report.figure("responsibility", 1, 2, size=(5.2, 5.9)) as axes:
        draw_responsibility(axes[0], image, target, found, said, stride, classes)


def draw_responsibility(axes, image, target, found, said, stride, classes):
    """Two axes: objects, centres and cells; then what the cells said. found, said: as `yolo_v1.candidates` returns."""
    boxes, labels, *_ = target
    draw_boxes(image, boxes, labels, classes=classes, ax=axes[0])
    draw_boxes(image, np.zeros((0, 4)), ax=axes[1])
    for ax in axes:
        draw_grid(ax, image.shape[1:], stride)
    for cell, theirs, best, k in zip(zip(found.row, found.column), said, found.box, found.object):
        colour, _ = pcn.viz.class_style(int(labels[k]))
        for ax in axes:
            fill_cell(ax, cell, stride, colour)
        for j, (x1, y1, x2, y2) in enumerate(theirs):
            line = {"color": colour, "lw": 2.6} if j == best else {"color": "w", "lw": 1.2, "ls": "--"}
            axes[1].plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], **line)
        x, y = (boxes[k, :2] + boxes[k, 2:]) / 2
        text = f"{pairwise_overlap(theirs[best], boxes[k]):.2f}"
        axes[1].text(x, y, text, ha="center", va="center", color="w", fontsize=8, bbox={"fc": "k", "pad": 1.5, "lw": 0})
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    axes[0].plot(*centres.T, "o", color="w", markersize=7, markeredgecolor="k")
    axes[0].set_title(f"{len(said)} cells answer for {len(boxes)} objects")
    axes[1].set_title("their boxes: responsible (IoU), dashed not")
    for ax in axes:  # boxes that reach beyond the picture must not shrink it
        ax.set(xlim=(0, image.shape[2]), ylim=(image.shape[1], 0))


def draw_grid(ax, size, stride):
    """Lines between cells over a picture of `size` (H, W)."""
    for y in range(0, size[0] + 1, stride):
        ax.axhline(y, color="w", lw=0.6, alpha=0.6)
    for x in range(0, size[1] + 1, stride):
        ax.axvline(x, color="w", lw=0.6, alpha=0.6)


def fill_cell(ax, cell, stride, colour):
    """Cell (row, column) in a colour through which the picture is seen."""
    row, column = cell
    ax.fill_between([column * stride, (column + 1) * stride], row * stride, (row + 1) * stride, color=colour, alpha=0.6)


def heads(report, models, class_terms, test, variants):
    """Figure: the class term of both heads during training, and what each finds on one unseen picture."""
    image, target = figures.several_objects(test)
    with report.figure("heads", 1, 3, size=(4.6, 4.4)) as axes:
        draw_class_terms(axes[0, 0], class_terms, test)
        for ax, (head, model) in zip(axes[0, 1:], models.items()):
            boxes, scores, labels = model.predict(image[None])[0]
            figures.draw(ax, image, boxes, labels, scores, model.classes)
            found = next(v["map50"] for name, v in variants.items() if name.startswith(head))
            weights = sum(p.data.size for p in model.output.parameters())
            ax.set_title(f"{head} head: {weights:,} weights\nmap50 {found:.3f}; here {len(boxes)} boxes "
                         f"for {len(target[0])} objects", pad=14)  # fmt: skip


def draw_class_terms(ax, class_terms, test, window=40):
    """The class term during training, {name: one number a step}, beside what guessing all classes alike costs."""
    for (name, values), colour in zip(class_terms.items(), ("#0072B2", "#D55E00")):
        few = max(1, min(window, len(values) // 4))
        mean = np.convolve(values, np.full(few, 1 / few), "valid")
        ax.plot(np.arange(few, few + len(mean)), mean, color=colour, label=name)
    objects = np.mean([len(test[i][1][0]) for i in range(len(test))])
    guess = objects * (1 - 1 / len(test.classes))
    ax.axhline(guess, color="k", ls="--", lw=1, label="guessing every class alike")
    ax.set(xlabel="step", ylabel="class term per picture", ylim=(0, None), title="does it tell the classes apart?")
    ax.legend(fontsize=8)


def anchors(report, sides, chosen, hand_made, random):
    """Figure: k-means over the cloud of (w, h), and how well any number of anchors fits it."""
    with report.figure("anchors", 1, 3, size=(4.6, 4.4)) as axes:
        draw_clusters(axes[0, 0], sides, chosen)
        draw_shapes(axes[0, 1], {"k-means": chosen, "hand-made": hand_made, "random": random}, sides)
        draw_fit(axes[0, 2], sides, {"hand-made": hand_made, "random": random})


def draw_clusters(ax, sides, groups, colours=COLOURS, few=5):
    """Every box as a point (w, h) in the colour of the anchor with the highest IoU; the anchors as large points.

    groups: anchors (A, 2), each in a colour of its own; or several such arrays, one colour for each of them.
    """
    groups = [np.reshape(group, (-1, 2)) for group in groups]
    chosen, group = np.concatenate(groups), np.repeat(np.arange(len(groups)), [len(g) for g in groups])
    overlap = shape_iou(sides, chosen)
    nearest = group[overlap.argmax(1)]
    for k, colour in zip(range(len(groups)), cycle(colours)):
        ax.plot(*sides[nearest == k].T, ".", color=colour, markersize=2.5, alpha=0.5)
        ax.plot(*groups[k].T, "o", color=colour, markersize=12, markeredgecolor="k", markeredgewidth=1.5)
    for w, h in chosen[: few if len(chosen) <= few else 0]:  # the sides of nine would lie upon each other
        ax.annotate(f"{w:.0f} x {h:.0f}", (w, h), (8, 8), textcoords="offset points",
                    bbox={"fc": "w", "alpha": 0.8, "pad": 1.5, "lw": 0})  # fmt: skip
    end = float(max(sides.max(), chosen.max())) * 1.05
    ax.set(xlabel="width in pixels", ylabel="height", xlim=(0, end), ylim=(0, end), aspect="equal")
    fit = overlap.max(1).mean()
    ax.set_title(f"{len(sides)} boxes, {len(chosen)} anchors by k-means\non 1 - IoU; mean IoU {fit:.2f}")


def draw_shapes(ax, sets, sides):
    """The anchors themselves, laid upon each other with one centre; sets: {name: anchors (A, 2)}.

    As large as the boxes are: of larger anchors one sees that they reach beyond.
    """
    for (name, shapes), colour, line in zip(sets.items(), ("#0072B2", "#009E73", "#D55E00"), ("-", "--", ":")):
        for k, (w, h) in enumerate(np.asarray(shapes)):
            x, y = np.array([-w, w, w, -w, -w]) / 2, np.array([-h, -h, h, h, -h]) / 2
            ax.plot(x, y, line, color=colour, lw=2, label=name if k == 0 else None)
    end = float(np.max(sides)) * 0.6
    ax.set(xlim=(-end, end), ylim=(-end, end), aspect="equal", xlabel="pixels")
    beyond = [(name, shape) for name, shapes in sets.items() for shape in np.asarray(shapes) if max(shape) > 2 * end]
    words = ", ".join(f"{name} {w:.0f} x {h:.0f}" for name, (w, h) in beyond)
    ax.set_title(f"{len(sets)} choices of anchors" + f"\nlarger than any box: {words}" * bool(beyond))
    ax.legend(loc="lower right", fontsize=8)


def draw_fit(ax, sides, sets, most=8):
    """Mean IoU of a box with its best anchor, against the number of anchors."""
    counts = np.arange(1, most + 1)
    points = np.pad(np.asarray(sides, np.float32), ((0, 0), (2, 0)))  # as boxes from (0, 0) to (w, h)
    fits = {
        "k-means on 1 - IoU": [shape_iou(sides, iou_kmeans(sides, int(k))).max(1).mean() for k in counts],
        "k-means on (w, h)": [shape_iou(sides, kmeans_boxes(points, int(k))[:, 2:]).max(1).mean() for k in counts],
    }
    for (name, fit), line in zip(fits.items(), ("o-", "s--")):
        ax.plot(counts, fit, line, label=name, markersize=5)
    for (name, shapes), colour in zip(sets.items(), ("#009E73", "#D55E00")):
        fit = shape_iou(sides, np.asarray(shapes)).max(1).mean()
        ax.plot(len(shapes), fit, "D", color=colour, markersize=8, label=name)
    one, other = (np.array(fit) for fit in fits.values())
    ax.set(xlabel="anchors per cell", ylabel="mean IoU with the best anchor", ylim=(0, 1))
    ax.set_title(f"how well they fit: on these boxes both\nk-means differ by {np.abs(one - other).max():.3f} at most")
    ax.legend(loc="lower right", fontsize=8)


def ladder(report, variants):
    """Figure: bars of {name: {"map50", "map50_95"}}, the first at the top.

    Under the name of several anchors stands which share of the objects the busiest of them answers for: the others
    have learned from the rest.
    """
    with report.figure("steps", size=(8.6, 0.7 * len(variants) + 1)) as axes:
        ax, names = axes[0, 0], list(variants)
        for metric, colour, shift in (("map50", "#0072B2", -0.2), ("map50_95", "#56B4E9", 0.2)):
            places = np.arange(len(names)) + shift
            bars = ax.barh(places, [variants[name][metric] for name in names], 0.38, color=colour, label=metric)
            ax.bar_label(bars, fmt="%.3f", padding=3, fontsize=8)
        ax.set_yticks(range(len(names)), [f"{name}\n{busiest(variants[name])}".strip() for name in names])
        ax.invert_yaxis()
        ax.set(xlim=(0, 1), xlabel="after the same number of steps")
        ax.legend(loc="lower right")


def busiest(variant):
    """In words the share of the objects that one anchor answers for; nothing where there are no anchors."""
    return f"{variant['busiest_anchor']:.0%} of the objects to one anchor" if "busiest_anchor" in variant else ""
