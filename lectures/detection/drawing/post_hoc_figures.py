"""Figures of R-CNN and SPP-net: from regions to scores, what hard negatives look like, what regressors move."""

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing.region_figures import rectangle
from lectures.detection.foundation.matching import overlaps
from lectures.detection.regions import spatial_pyramid
from lectures.detection.regions.warping import warp

BACKGROUND = "0.45"
CROP = 48  # pixels, for looking at


def regions_to_scores(report, model, test, crop, columns=8):
    """Figure: a picture's proposals; some of them warped as the ConvNet sees them; what each class's SVM says."""
    image, (truth, *_) = chosen(test)
    proposals = model.propose(image)
    boxes = spread(proposals, truth, columns)
    scores = svm_scores(model, image, boxes)
    with report.figure("regions_to_scores", 2, columns + 1, size=(1.5, 1.8)) as axes:
        titles = f"{len(boxes)} of {len(proposals)} proposals", f"{len(truth)} object(s)"
        for ax, drawn, title in zip(axes[:, 0], (boxes, truth), titles):
            pcn.viz.draw_boxes(image, drawn, color="w", linewidth=1, ax=ax)
            ax.set_title(title, fontsize=9)
        draw_crops(axes[0, 1:], crop(image, boxes))
        for ax, of_region in zip(axes[1, 1:], scores):
            draw_scores(ax, of_region, model.classes)
        for ax in axes[1, len(boxes) + 1 :]:
            ax.set_axis_off()


def chosen(test, most=40, few=3):
    """Of the first pictures the first with `few` objects or more; else the first."""
    pictures = [test[i] for i in range(min(most, len(test)))]
    return next((p for p in pictures if len(p[1][0]) >= few), pictures[0])


def spread(boxes, truth, count):
    """At most `count` boxes: the best of every object, then some on the border, then some that miss all objects."""
    overlap = overlaps(boxes, truth)
    most = overlap.max(1, initial=0)
    best = list(dict.fromkeys(overlap.argmax(0).tolist())) if len(boxes) else []
    partly = np.flatnonzero((most > 0.2) & (most < 0.5)).tolist()
    nothing = np.flatnonzero(most < 0.05).tolist()
    half = (count - len(best)) // 2
    return boxes[(best + partly[:half] + nothing)[:count]]


def svm_scores(model, image, boxes):
    """f_c(x_fc7) of boxes (n, 4), (n, C)."""
    return model.look(image, boxes)[1] @ model.svm_weight.data.T + model.svm_bias.data


def draw_crops(axes, crops, titles=None):
    """Crops side by side; axes that are left over stay empty."""
    for k, ax in enumerate(axes):
        ax.set_axis_off()
        if k < len(crops):
            ax.imshow(np.clip(crops[k].transpose(1, 2, 0), 0, 1))
            if titles is not None:
                ax.set_title(titles[k], fontsize=8)


def draw_scores(ax, scores, classes):
    """The score of each class as a bar, in the class's colour where it says yes."""
    colours = [pcn.viz.class_style(k)[0] if f > 0 else BACKGROUND for k, f in enumerate(scores)]
    ax.barh(np.arange(len(classes)), np.clip(scores, -3, 3), color=colours)
    ax.axvline(0, color="k", linewidth=0.8)
    ax.set(xlim=(-3, 3), ylim=(len(classes) - 0.5, -0.5))
    ax.set_xticks([-2, 0, 2])
    ax.set_yticks(np.arange(len(classes)), classes)
    ax.tick_params(labelsize=7)
    best = int(np.argmax(scores))
    ax.set_title(classes[best] if scores[best] > 0 else "background", fontsize=8)


def hard_negatives(report, data, features, history, columns=8):
    """Figure: for each class the negatives that the first SVM was most wrong about, and their scores afterwards."""
    rows = len(history)
    with report.figure("hard_negatives", rows, columns + 1, size=(1.5, 1.8)) as axes:
        for line, of_class, svm, name in zip(axes, features.labels.T, history, data.classes):
            x = features.hidden * np.float32(svm["scale"])
            negatives = np.flatnonzero(of_class == -1)
            before, after = svm["first"].scores(x[negatives]), svm["final"].scores(x[negatives])
            draw_histogram(line[0], before, after, name)
            hard = np.setdiff1d(svm["hard"], svm["negatives"])
            hard = hard[np.argsort(-svm["first"].scores(x[hard]))]
            hard = hard[np.sort(np.unique(features.where[hard, 0], return_index=True)[1])][:columns]  # one a picture
            crops = [warp(data.train[int(row[0])][0], row[None, 1:], CROP, 6)[0] for row in features.where[hard]]
            scores = zip(svm["first"].scores(x[hard]), svm["final"].scores(x[hard]))
            draw_crops(line[1:], crops, [f"{b:.1f} → {a:.1f}" for b, a in scores])


def draw_histogram(ax, before, after, name):
    """How many negatives score how high, before and after the pass of hard negatives."""
    edges = np.linspace(-4, 3, 36)
    for scores, colour, label in ((before, "tab:orange", "before"), (after, "tab:blue", "after")):
        label = f"{label}: {(scores > 0).sum()} > 0"
        ax.hist(np.clip(scores, -4, 3), edges, histtype="step", color=colour, label=label)
    ax.axvline(0, color="k", linewidth=0.8)
    ax.set_yscale("log")
    ax.set_title(f"negatives of {name}", fontsize=8)
    ax.tick_params(labelsize=7)
    ax.legend(fontsize=6, loc="upper right")


def before_and_after_regression(report, model, test, columns=5):
    """Figure: surest regions of some pictures that overlap an object loosely; where the regressors move them."""
    shown = loose_regions(model, test, columns)
    with report.figure("box_regression", 1, columns, size=(2.6, 3)) as axes:
        for ax in axes[0, len(shown) :]:
            ax.set_axis_off()
        for ax, moves in zip(axes[0], shown):
            draw_move(ax, *moves)
        keys = (("w", "-", "object"), ("tab:orange", "--", "proposal"), ("tab:blue", "-", "moved"))
        lines = [axes[0, 0].plot([], [], line, color=colour, label=name)[0] for colour, line, name in keys]
        axes[0, 0].figure.legend(handles=lines, loc="outside lower center", ncols=3, facecolor="0.6")


def draw_move(ax, image, region, moved, truth):
    """One region (dashed), where it was moved, and the object (white)."""
    pcn.viz.draw_boxes(image, np.zeros((0, 4)), ax=ax)
    for box, colour, line in ((truth, "w", "-"), (region, "tab:orange", "--"), (moved, "tab:blue", "-")):
        ax.add_patch(rectangle(box[:2], box[2:] - box[:2], edgecolor=colour, linestyle=line, linewidth=2))
    before, after = overlaps(np.stack([region, moved]), truth[None])[:, 0]
    ax.set_title(f"IoU {before:.2f} → {after:.2f}", fontsize=10)


def loose_regions(model, test, count, low=0.5, high=0.75):
    """Up to `count` (image, region, moved, object) with `low` <= IoU(region, object) < `high`: one a picture."""
    shown = []
    for i in range(min(60, len(test))):
        image, (truth, *_) = test[i]
        boxes = model.propose(image)
        overlap = overlaps(boxes, truth)
        loose = np.flatnonzero((overlap.max(1, initial=0) >= low) & (overlap.max(1, initial=0) < high))
        if not len(loose):
            continue
        pooled, hidden = model.look(image, boxes[loose])
        scores = model.scores(hidden)
        best = int(scores.max(1).argmax())
        k, region = int(scores[best].argmax()), boxes[loose[best]]
        moved = moved_by(model, k, pooled[best], region)
        shown.append((image, region, moved, truth[overlap[loose[best]].argmax()]))
        if len(shown) == count:
            break
    return shown


def moved_by(model, k, pooled, region):
    """The region (4,) moved by class k's regressor, cut at nothing."""
    w = model.box_weight.data[k]
    return pcn.ops.decode_boxes((pooled @ w[:-1] + w[-1])[None], region[None])[0]


def pyramid(report, model, test):
    """Figure: the largest object of a picture as a region, its cells, its bins on every level."""
    image, (truth, *_) = chosen(test)
    region = truth[pcn.ops.box_area(truth).argmax()] if len(truth) else np.array([8, 8, 40, 32], np.float32)
    with report.figure("pyramid", 2, 4, size=(3, 3.2)) as axes:
        draw_pyramid(axes, model, image, region)


def draw_pyramid(axes, model, image, region):
    """On 2 x 4 axes: a region of the picture, its cells on one channel, the bins and their values on three levels."""
    with pcn.no_grad():
        maps = model.maps(pcn.tensor(image[None])).data
    cells = spatial_pyramid.region_cells(region[None], maps.shape[2:])[0]
    x1, y1, x2, y2 = cells.astype(int)
    channel = int(maps[0, :, y1 : y2 + 1, x1 : x2 + 1].std((1, 2)).argmax())
    pcn.viz.draw_boxes(image, region[None], color="w", ax=axes[0, 0])
    axes[0, 0].set_title("a region of the picture", fontsize=10)
    size = f"{x2 - x1 + 1} x {y2 - y1 + 1}"
    show_cells(axes[1, 0], maps[0, channel], cells, f"its {size} cells, one of 64 channels")
    for column, n in enumerate(spatial_pyramid.LEVELS, 1):
        show_cells(axes[0, column], maps[0, channel], cells, f"level {n}: {n} x {n} bins", n)
        values = pcn.ops.roi_pool(maps, [cells[None]], n)[0, channel]
        words = f"the largest value of each: {n * n} number" + "s" * (n > 1)
        show_values(axes[1, column], values, words, maps[0, channel])


def show_cells(ax, channel, cells, title, bins=0):
    """A channel (H, W) around the cells (x1, y1, x2, y2), which are outlined, cut into bins x bins."""
    height, width = channel.shape
    ax.imshow(channel, cmap="viridis", extent=(0, width, height, 0))
    x1, y1, x2, y2 = cells + (0, 0, 1, 1)
    ax.add_patch(rectangle((x1, y1), (x2 - x1, y2 - y1), edgecolor="tab:orange", linewidth=2.5))
    for number in range(bins * bins):
        row, column = divmod(number, bins)
        (left, right), (top, bottom) = bin_edges(x1, x2, column, bins), bin_edges(y1, y2, row, bins)
        inset = 0.1 + 0.1 * ((row + column) % 2)  # neighbours that share a cell stay apart
        corner, size = (left + inset, top + inset), (right - left - 2 * inset, bottom - top - 2 * inset)
        ax.add_patch(rectangle(corner, size, edgecolor="w", linewidth=1.5))
    ax.set(xlim=(max(0, x1 - 2), min(width, x2 + 2)), ylim=(min(height, y2 + 2), max(0, y1 - 2)))
    bare(ax, title)


def bin_edges(low, high, number, bins):
    """First and last + 1 cell of one bin: floor and ceil, so that none is empty and neighbours may share a cell."""
    length = high - low
    return low + np.floor(number * length / bins), low + np.ceil((number + 1) * length / bins)


def show_values(ax, values, title, channel):
    """Pooled values as a grid with numbers, in the colours of the channel they are from."""
    ax.imshow(values, cmap="viridis", vmin=channel.min(), vmax=channel.max())
    for (i, j), v in np.ndenumerate(values):
        box = {"fc": "k", "alpha": 0.4, "lw": 0}
        ax.text(j, i, f"{v:.1f}", ha="center", va="center", fontsize=8, color="w", bbox=box)
    bare(ax, title)


def bare(ax, title):
    """No ticks; a title."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title(title, fontsize=10)
