"""The pictures that every detection lecture draws."""

import numpy as np

import pyconvnet as pcn


def several_objects(test, few=20, shows=None):
    """An unseen picture with many, but not the most, objects, of sizes as different as possible.

    `shows(image, target)`, where it is given, goes before: a number, like that of the scales that find something.
    """
    candidates = [test[i] for i in range(min(few, len(test)))]
    counts = np.array([len(target[0]) for _, target in candidates])
    enough = max(1, np.quantile(counts, 0.7))

    def rank(i):
        sides = np.maximum(np.sqrt(pcn.ops.box_area(candidates[i][1][0])), 1)
        spread = sides.max() / sides.min() if counts[i] else 0
        return shows(*candidates[i][:2]) if shows else 0, counts[i] >= enough, spread

    return candidates[max(range(len(candidates)), key=rank)]


def detections(report, test, model, count=6):
    """Unseen pictures: what the detector found beside the ground truth."""
    chosen = range(min(count, len(test)))
    with report.figure("detections", 2, len(chosen), size=(2.6, 2.8)) as axes:
        for column, i in enumerate(chosen):
            image, target = test[i]
            boxes, scores, labels = model.predict(image[None])[0]
            draw(axes[0, column], image, boxes, labels, scores, model.classes)
            draw(axes[1, column], image, target[0], target[1], None, model.classes)
        axes[0, 0].set_title("found", loc="left")
        axes[1, 0].set_title("ground truth", loc="left")


def draw(ax, image, boxes, labels, scores, classes, few=4):
    """Boxes with their text; in a crowd, where text would hide the picture, by colour with a key."""
    if len(boxes) <= few:
        pcn.viz.draw_boxes(image, boxes, labels, scores, classes=classes, ax=ax)
        return
    pcn.viz.draw_boxes(image, np.zeros((0, 4)), ax=ax)
    for k in np.unique(labels):
        colour, _ = pcn.viz.class_style(int(k))
        pcn.viz.draw_boxes(image, boxes[labels == k], color=colour, linewidth=1.5, ax=ax)
        ax.plot([], [], "s", color=colour, label=f"{classes[k]}: {(labels == k).sum()}")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, fontsize=7, frameon=False, handletextpad=0.1)


def loss_curve(report, losses, per="picture"):
    """The loss at every step, and its running mean; `losses` of several stages by name: one beside the other."""
    stages = losses if isinstance(losses, dict) else {"": losses}
    with report.figure("loss", 1, len(stages), size=(6, 4)) as axes:
        for ax, (name, of_stage) in zip(axes[0], stages.items()):
            draw_losses(ax, of_stage, per)
            ax.set_title(name)


def draw_losses(ax, losses, per="picture", window=25):
    """One number a step, and the mean of `window` of them."""
    ax.plot(np.arange(1, len(losses) + 1), losses, color="0.8", linewidth=0.8, label="each batch")
    if len(losses) >= window:
        mean = np.convolve(losses, np.ones(window) / window, mode="valid")
        ax.plot(np.arange(window, len(losses) + 1), mean, color="tab:blue", label=f"mean of {window}")
    ax.set(xlabel="step", ylabel=f"loss per {per}", yscale="log")
    ax.legend()


def precision_recall(report, detections, truths, classes):
    """Precision against recall per class at IoU 0.5; the area under a curve is the class's average precision."""
    result = pcn.metrics.detection_average_precision(detections, truths)
    with report.figure("precision_recall", size=(5, 4.5)) as axes:
        ax = axes[0, 0]
        for k, ap in result["ap"].items():
            if len(result["recall"][k]):
                colour, line = pcn.viz.class_style(k)
                label = f"{classes[k]}: AP {ap:.3f}"
                ax.plot(result["recall"][k], result["precision"][k], line, color=colour, linewidth=2, label=label)
        ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.02))
        ax.legend(loc="lower left")


def heat(ax, image, values, title):
    """One number per cell, laid over the picture in grey."""
    height, width = image.shape[1:]
    ax.imshow(image.mean(0), cmap="gray", vmin=0, vmax=1, extent=(0, width, height, 0))
    drawn = ax.imshow(values, cmap="inferno", alpha=0.65, vmin=0, vmax=1, extent=(0, width, height, 0))
    ax.figure.colorbar(drawn, ax=ax, shrink=0.8)
    ax.set_title(title)
    ax.set_axis_off()
