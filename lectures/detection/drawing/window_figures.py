"""What sliding_window and overfeat draw: windows, what is said of each, false alarms, why padding breaks the twin."""

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing.figures import draw
from lectures.detection.foundation.backbone import centred, plain_backbone
from lectures.detection.foundation.detector import GREY
from lectures.detection.foundation.suppression import above, merge, suppress
from lectures.detection.regions.hog_svm import histogram
from lectures.detection.regions.warping import warp
from lectures.detection.regions.window_labels import NEGATIVE, label_windows
from lectures.detection.regions.windows import CONTEXT, STRIDE, WINDOW, all_windows, level, window_boxes

SHOWN = 20  # test pictures among which a figure chooses


def windows(report, model, image):
    """Sizes and shapes at one place, all positions of one of them, all windows, some as the ConvNet sees them."""
    size, shapes = image.shape[1:], model.shapes.data
    boxes = all_windows(size, shapes)
    with report.figure("windows", 1, 4, size=(4.2, 4.4)) as axes:
        draw_shapes(axes[0, 0], image, shapes)
        draw_positions(axes[0, 1], image, shapes[len(shapes) // 2])
        draw_all(axes[0, 2], image, boxes)
        draw_warped(axes[0, 3], image, boxes)


def draw_shapes(ax, image, shapes):
    """One window of each shape, all around the middle of the picture; sizes by colour."""
    middle = np.array(image.shape[:0:-1]) / 2
    pcn.viz.draw_boxes(image, np.zeros((0, 4)), ax=ax)
    for k, shape in enumerate(shapes):
        box = np.concatenate([middle - shape / 2, middle + shape / 2])[None]
        pcn.viz.draw_boxes(None, box, color=pcn.viz.class_style(3 * k // len(shapes))[0], linewidth=1.5, ax=ax)
    ax.set_title(f"{len(shapes)} windows at one place")


def draw_positions(ax, image, shape):
    """The centres of all windows of one shape, and three neighbours in full."""
    boxes = window_boxes(image.shape[1:], shape)
    pcn.viz.draw_boxes(image, boxes[0, :3], ax=ax, linewidth=2, color="#E69F00")
    x, y = ((boxes[..., :2] + boxes[..., 2:]) / 2).reshape(-1, 2).T
    ax.plot(x, y, ".", color="#F0E442", markersize=7, markeredgecolor="k", markeredgewidth=0.6)
    wide, high = shape
    ax.set_title(f"{boxes.shape[0]} x {boxes.shape[1]} places of the {wide:.0f} x {high:.0f} window")


def draw_all(ax, image, boxes):
    """Every window, faintly: where lines meet, many windows begin or end."""
    pcn.viz.draw_boxes(image, np.zeros((0, 4)), ax=ax)
    x1, y1, x2, y2 = boxes.T
    ax.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], color="w", linewidth=0.5, alpha=0.15)
    ax.set(xlim=(0, image.shape[2]), ylim=(image.shape[1], 0), title=f"all of them: {len(boxes)} windows")


def draw_warped(ax, image, boxes, rows=7):
    """Evenly chosen windows as the ConvNet gets them; the box is the inner part."""
    chosen = np.linspace(0, len(boxes) - 1, rows * rows).astype(int)
    pcn.viz.montage(warp(image, boxes[chosen], WINDOW, CONTEXT).clip(0, 1), columns=rows, ax=ax)
    ax.set_title(f"{rows * rows} of them, warped to {WINDOW} x {WINDOW}")


def busiest(test):
    """The picture and target, of the first ones, with objects of most classes (then with most objects)."""
    samples = [test[i] for i in range(min(SHOWN, len(test)))]
    return max(samples, key=lambda sample: (len(np.unique(sample[1][1])), len(sample[1][0])))


def score_maps(report, model, test):
    """The probability of each class at each place: one row per size (square windows), one column per class."""
    image, target = busiest(test)
    with pcn.no_grad():
        said = model.probabilities(image, all_windows(image.shape[1:], model.shapes.data))
    draw_maps(report, "score_maps", model, said, image, target)


def dense_maps(report, model, test):
    """The same maps from one pass of the network per row; they are what it puts out."""
    image, target = busiest(test)
    with pcn.no_grad():
        said, _ = model.dense_answers(image)
    draw_maps(report, "dense_maps", model, said, image, target)


def draw_maps(report, name, model, probabilities, image, target, most=4):
    """probabilities (n, classes + 1) of `all_windows`, as pictures: the classes in the picture, and the background."""
    shapes, start, size = model.shapes.data, 0, image.shape[1:]
    columns = [*np.unique(target[1])[:most], len(model.classes)]
    names = [*model.classes, "background"]
    with report.figure(name, len(shapes[1::3]), len(columns) + 1, size=(2.9, 2.8)) as axes:
        for k, shape in enumerate(shapes):
            boxes = window_boxes(size, shape)
            rows, count = boxes.shape[:2], boxes.shape[0] * boxes.shape[1]
            maps = probabilities[start : start + count].T.reshape(-1, *rows)
            start += count
            if k % 3 != 1:  # tall and wide ones look much the same
                continue
            line = axes[k // 3]
            pcn.viz.draw_boxes(image, boxes[0, :1], color="w", linewidth=2, ax=line[0])
            line[0].set_title(f"window {shape[0]:.0f} x {shape[1]:.0f}", fontsize=10)
            for ax, label in zip(line[1:], columns):
                place_map(ax, image, boxes, maps[label])
                ax.set_title(names[label], fontsize=10)


def place_map(ax, image, boxes, values):
    """A value per window as a cell around its centre, over the picture in grey."""
    low, high = boxes[0, 0], boxes[-1, -1]
    (x1, y1), (x2, y2) = (low[:2] + low[2:]) / 2, (high[:2] + high[2:]) / 2
    dx, dy = ((boxes[1:, 1:] - boxes[:-1, :-1])[0, 0] / 2)[:2] if min(values.shape) > 1 else (1, 1)
    ax.imshow(image.mean(0), cmap="gray", vmin=0, vmax=1, extent=(0, image.shape[2], image.shape[1], 0))
    extent = (x1 - dx, x2 + dx, y2 + dy, y1 - dy)
    ax.imshow(values, cmap="inferno", alpha=0.7, vmin=0, vmax=1, extent=extent, interpolation="nearest")
    ax.set(xlim=(0, image.shape[2]), ylim=(image.shape[1], 0))
    ax.set_axis_off()


def before_and_after_suppression(report, model, test):
    """All windows that are sure of an object, and those that suppression keeps."""
    image, target = busiest(test)
    boxes = all_windows(image.shape[1:], model.shapes.data)
    with pcn.no_grad():
        found = above(boxes, model.probabilities(image, boxes), model.confidence)
    kept = suppress(*found, model.nms)
    with report.figure("suppression", 1, 3) as axes:
        draw_step(axes[0, 0], image, found, model, f"{len(found[0])} windows surer than {model.confidence}")
        draw_step(axes[0, 1], image, kept, model, f"{len(kept[0])} after non-max suppression")
        pcn.viz.draw_boxes(image, target[0], target[1], classes=model.classes, ax=axes[0, 2])
        axes[0, 2].set_title("ground truth")


def draw_step(ax, image, found, model, title):
    """Detections under a title."""
    boxes, scores, labels = found
    draw(ax, image, boxes, labels, scores, model.classes, few=6)
    ax.set_title(title)


def hard_negatives(report, model, test, count=12):
    """The windows, of the first unseen pictures, that are surest of an object where there is none, or half of one."""
    worst = []
    for i in range(min(SHOWN, len(test))):
        image, (truth, names, *_) = test[i]
        boxes = all_windows(image.shape[1:], model.shapes.data)
        with pcn.no_grad():
            said = model.probabilities(image, boxes)[:, :-1]
        overlap, _ = label_windows(boxes, truth, names, len(model.classes))
        alarm = np.where(overlap < NEGATIVE, said.max(1), 0)
        k = alarm.argmax()
        worst.append((alarm[k], overlap[k], model.classes[said[k].argmax()], image, boxes[k]))
    worst.sort(key=lambda one: -one[0])
    columns = count // 2
    with report.figure("hard_negatives", -(-min(len(worst), count) // columns), columns, size=(2, 2.5)) as axes:
        for ax in axes.flat:
            ax.set_axis_off()
        for ax, (score, overlap, name, image, box) in zip(axes.flat, worst):
            cut = warp(image, box[None], WINDOW, CONTEXT)[0].clip(0, 1)
            inner = np.array([[CONTEXT, CONTEXT, WINDOW - CONTEXT, WINDOW - CONTEXT]])
            pcn.viz.draw_boxes(cut, inner, color="w", linewidth=1.5, ax=ax)
            ax.set_title(f"{name} {score:.2f}\nIoU {overlap:.2f}", fontsize=10)


def histograms(report, model, test, count=6):
    """Objects, warped, and their HoG."""
    with report.figure("hog", 2, count, size=(2, 2.1)) as axes:
        for ax in axes.flat:
            ax.set_axis_off()
        samples = [test[i] for i in range(min(SHOWN, len(test)))]
        objects = [(image, box, label) for image, target in samples for box, label in zip(*target[:2])]
        for line, (image, box, label) in zip(axes.T, objects[:: max(1, len(objects) // count)]):
            cut = warp(image, box[None], 2 * WINDOW, 2 * CONTEXT)[0].clip(0, 1)
            _, drawn = histogram(cut, visualize=True)
            line[0].imshow(cut.transpose(1, 2, 0))
            line[0].set_title(model.classes[label], fontsize=10)
            line[1].imshow(drawn, cmap="gray", vmax=np.quantile(drawn, 0.995))


def padding_breaks_the_identity(report, model, image):
    """Features of one window, cut out before or after the convolutions: what differs without and with padding."""
    shape = model.shapes.data[1]
    whole = level(image, shape)
    row, column = (side // 2 // STRIDE * STRIDE for side in np.array(whole.shape[1:]) - WINDOW)
    window = whole[:, row : row + WINDOW, column : column + WINDOW]
    with report.figure("padding", 1, 4, size=(3.6, 3.8)) as axes:
        frame = [[column, row, column + WINDOW, row + WINDOW]]
        pcn.viz.draw_boxes(whole.clip(0, 1), frame, color="w", ax=axes[0, 0])
        axes[0, 0].set_title("resized picture and one window\n")
        around = np.pad(window, ((0, 0), (8, 8), (8, 8)), constant_values=GREY)
        axes[0, 1].imshow(around.transpose(1, 2, 0).clip(0, 1))
        axes[0, 1].set_title("what a padded layer sees\naround the crop: grey")
        axes[0, 1].set_axis_off()
        for ax, padded, name in ((axes[0, 2], False, "valid"), (axes[0, 3], True, "same (padded)")):
            apart = difference_of_features(model.classifier.features, padded, whole, window, row, column)
            shown = ax.imshow(apart, cmap="inferno", vmin=0, vmax=1)
            ax.figure.colorbar(shown, ax=ax, shrink=0.7)
            ax.set(xticks=[], yticks=[])
            ax.set_title(f"{name} convolutions, {apart.shape[0]} x {apart.shape[1]} features:\n"
                         f"largest difference {apart.max():.1g}")  # fmt: skip


def difference_of_features(features, padded, whole, window, row, column):
    """|features of the window - the window of the picture's features|, largest channel, of one spatial place each."""
    network = plain_backbone(4, padded=padded)
    network.load_state_dict(features.state_dict())
    network.eval()
    with pcn.no_grad():
        alone, all_of_it = (network(centred(pcn.tensor(x[None]))).data[0] for x in (window, whole))
    rows, columns = alone.shape[1:]
    inside = all_of_it[:, row // STRIDE :, column // STRIDE :][:, :rows, :columns]
    return np.abs(alone - inside).max(0)


def regressed_and_merged(report, model, test):
    """Windows that are sure of an object, the boxes they say it has, and what merging makes of them."""
    image, target = busiest(test)
    windows = all_windows(image.shape[1:], model.shapes.data)
    with pcn.no_grad():
        probabilities, offsets = model.dense_answers(image)
    places = above(windows, probabilities, model.confidence)
    boxes = above(model.moved(windows, offsets), probabilities, model.confidence)
    merged = merge(*boxes, model.nms)
    with report.figure("regression", 1, 4) as axes:
        draw_step(axes[0, 0], image, places, model, f"{len(places[0])} windows surer than {model.confidence}")
        draw_step(axes[0, 1], image, boxes, model, "the boxes they regress")
        draw_step(axes[0, 2], image, merged, model, f"merged: {len(merged[0])}")
        pcn.viz.draw_boxes(image, target[0], target[1], classes=model.classes, ax=axes[0, 3])
        axes[0, 3].set_title("ground truth")
