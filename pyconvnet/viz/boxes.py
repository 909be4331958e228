"""Boxes over a picture, with the name of the class and the score beside each."""

import numpy as np

from .axes import axes, picture, show_picture

# Okabe & Ito (2008): distinguishable with the common colour deficiencies. A label always has the same colour;
# labels after the last colour start again with another line.
COLORS = ("#E69F00", "#56B4E9", "#F0E442", "#CC79A7", "#009E73", "#D55E00", "#0072B2")
LINES = ("-", "--", ":", "-.")


def class_style(label):
    """(colour, line style) of a class label, the same in every picture."""
    return COLORS[label % len(COLORS)], LINES[label // len(COLORS) % len(LINES)]


def draw_boxes(
    image, boxes, labels=None, scores=None, classes=None, ax=None, color=None, linewidth=3, fontsize=13
):
    """Draws boxes (n, 4) xyxy in pixels on image (CHW or HW in [0, 1]; None: on what `ax` already shows).

    labels (n,) integers choose the colours and, with `classes` (names), the text; scores (n,) are added.
    color: one matplotlib colour for all boxes instead. A text stands beside its box, not on it, where there
    is room. Returns the matplotlib Axes drawn on. ValueError or TypeError on shapes that do not fit.
    """
    caller = "draw_boxes"
    boxes, labels, scores = _read(caller, boxes, labels, scores, classes)
    if image is None and ax is None:
        raise ValueError(f"{caller}: without an image there must be an ax that shows one")
    if image is not None:
        pixels = picture(caller, image)
        ax = axes(caller, ax, *pixels.shape[:2])
        show_picture(ax, pixels)
        ax.set_xlim(0, pixels.shape[1])
        ax.set_ylim(pixels.shape[0], 0)
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import Normal, Stroke

    # A dark rim, or no colour would show on every background.
    rim = [Stroke(linewidth=linewidth + 2, foreground="black", alpha=0.6), Normal()]
    styles = [class_style(0 if labels is None else int(labels[i])) for i in range(len(boxes))]
    for (x1, y1, x2, y2), (own_color, line) in zip(boxes, styles):
        box = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, lw=linewidth, ls=line, ec=color or own_color)
        box.set_path_effects(rim)
        ax.add_patch(box)
    texts = [_text(i, labels, scores, classes) for i in range(len(boxes))]
    if any(texts):
        _write(ax, boxes, texts, [color or own for own, _ in styles], linewidth, fontsize)
    return ax


def _text(i, labels, scores, classes):
    words = []
    if labels is not None:
        words.append(str(labels[i]) if classes is None else str(classes[labels[i]]))
    if scores is not None:
        words.append(f"{scores[i]:.2f}")
    return " ".join(words)


def _write(ax, boxes, texts, colors, linewidth, fontsize):
    """Each text at the place around its box where it covers least of the boxes and texts there are."""
    from matplotlib.colors import to_rgb

    ax.apply_aspect()
    to_screen = ax.transData.transform
    frame = np.sort(ax.get_window_extent().get_points(), axis=0).reshape(4)
    taken = [np.sort(to_screen(b.reshape(2, 2)), axis=0).reshape(4) for b in boxes]
    gap = (linewidth / 2 + 2) * ax.figure.dpi / 72
    for own, text, color in sorted(zip(taken.copy(), texts, colors), key=lambda entry: _area(entry[0])):
        # Black on a light colour, white on a dark one.
        dark = np.dot(to_rgb(color), (0.299, 0.587, 0.114)) < 0.45
        patch = {"facecolor": color, "edgecolor": "none", "boxstyle": "square,pad=0.12", "alpha": 0.9}
        label = ax.text(
            0, 0, text, fontsize=fontsize, color="white" if dark else "black", bbox=patch, zorder=4,
            ha="left", va="bottom", clip_on=False, transform=None,
        )  # fmt: skip
        x1, y1, x2, y2 = label.get_window_extent().get_points().reshape(4)
        pad = 0.12 * fontsize * ax.figure.dpi / 72
        width, height = x2 - x1 + 2 * pad, y2 - y1 + 2 * pad
        left, right = own[0] - gap / 2, own[2] - width + gap / 2
        above, below, inside = own[3] + gap, own[1] - gap - height, own[3] - height - gap
        beside = [(own[2] + gap, inside), (own[0] - gap - width, inside)]
        places = [
            (left, above),
            (right, above),
            (left, below),
            (right, below),
            *beside,
            (own[0] + gap, inside),
        ]
        places = [_slid_into(frame, x, y, width, height) for x, y in places]
        best = min(places, key=lambda p: _covered(p, taken, frame))  # the first of the best
        taken.append(best)
        label.set_transform(ax.transData)
        label.set_position(ax.transData.inverted().transform(best[:2] + pad))


def _slid_into(frame, x, y, width, height):
    """The rectangle moved sideways into the frame; up and down only by what a picture's margin holds."""
    x = max(frame[0], min(x, frame[2] - width))
    return np.array([x, y, x + width, y + height])


def _covered(place, taken, frame):
    """Area of boxes and texts under the place, and of the place that lies off the picture."""
    hidden = sum(_intersection(place, other) for other in taken)
    return hidden + _area(place) - _intersection(place, frame)


def _intersection(a, b):
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def _area(a):
    return (a[2] - a[0]) * (a[3] - a[1])


def _read(caller, boxes, labels, scores, classes):
    boxes = np.asarray(boxes)
    if boxes.shape == (0,):
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{caller}: boxes must have shape (n, 4), xyxy in pixels, got {boxes.shape}")
    if boxes.dtype.kind not in "iuf":
        raise TypeError(f"{caller}: boxes must be numbers, got dtype {boxes.dtype}")
    boxes = boxes.astype(np.float64)
    if not np.isfinite(boxes).all():
        raise ValueError(f"{caller}: boxes[{(~np.isfinite(boxes)).any(axis=1).argmax()}] is not finite")
    if labels is not None:
        labels = np.asarray(labels)
        if labels.shape != boxes.shape[:1]:
            raise ValueError(
                f"{caller}: {len(boxes)} boxes but labels of shape {labels.shape}: one label per box"
            )
        if labels.size and labels.dtype.kind not in "iu":
            raise TypeError(
                f"{caller}: labels must be integers, got dtype {labels.dtype}; names go into classes"
            )
        count = len(classes) if classes is not None else np.inf
        if labels.size and not (labels.min() >= 0 and labels.max() < count):
            bad = labels[(labels < 0) | (labels >= count)][0]
            raise ValueError(f"{caller}: label {bad} has no name among {classes}: labels count from 0")
        labels = labels.astype(np.int64)
    if scores is not None:
        scores = np.asarray(scores)
        if scores.shape != boxes.shape[:1]:
            raise ValueError(
                f"{caller}: {len(boxes)} boxes but scores of shape {scores.shape}: one score per box"
            )
        if scores.size and scores.dtype.kind not in "iuf":
            raise TypeError(f"{caller}: scores must be numbers, got dtype {scores.dtype}")
    return boxes, labels, scores
