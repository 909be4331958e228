"""Semantic segmentation, detection and instance segmentation are three tasks: what is perfect for one fails another.

One scene, painted pixel by pixel: three discs of one class in a row, which touch, and a slanted bar of another class.
Three answers, each without a flaw in its own task, are judged by the measures of all three.
"""

import numpy as np

import pyconvnet as pcn
from lectures.course import LOCALISATION
from lectures.verdict import Claim

SIDE = 48
CLASSES = ("background", "disc", "bar")
IOU_THRESHOLDS = np.arange(0.5, 1, 0.05)


def scene():
    """(masks bool (4, SIDE, SIDE) of the instances, labels (4,): 1 disc, 2 bar)."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    masks = [(x - centre) ** 2 + (y - 13) ** 2 <= 7**2 for centre in (9, 23, 37)]
    along, across = (x - 24) + (y - 35), (x - 24) - (y - 35)
    masks.append((np.abs(along) <= 4) & (np.abs(across) <= 20))
    return np.array(masks), np.array([1, 1, 1, 2])


def semantic_map(masks, labels):
    """The class of each pixel (SIDE, SIDE); 0 where there is no mask."""
    return np.max(masks * labels[:, None, None], axis=0, initial=0)


def components(classes):
    """(masks (n, H, W), labels): the connected parts of each class but the background, by their four neighbours."""
    left, masks, labels = classes > 0, [], []
    while left.any():
        start = tuple(np.argwhere(left)[0])
        mask, edge = np.zeros_like(left), [start]
        while edge:
            y, x = edge.pop()
            inside = 0 <= y < left.shape[0] and 0 <= x < left.shape[1]
            if inside and left[y, x] and classes[y, x] == classes[start]:
                mask[y, x], left[y, x] = True, False
                edge += [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        masks.append(mask)
        labels.append(classes[start])
    return np.array(masks, bool).reshape(-1, *classes.shape), np.array(labels, int)


def boxes_of(masks):
    """The tight boxes (n, 4) of masks (n, H, W), none of them empty: xyxy in pixels."""
    rows, columns = masks.any(2), masks.any(1)
    height, width = rows.shape[1], columns.shape[1]
    ends = columns.argmax(1), rows.argmax(1), width - columns[:, ::-1].argmax(1), height - rows[:, ::-1].argmax(1)
    return np.stack(ends, axis=1).astype(np.float32)


def filled(boxes):
    """Masks (n, SIDE, SIDE) of whole boxes: all that a detector knows about the pixels."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    x1, y1, x2, y2 = boxes.T[:, :, None, None]
    return (x >= x1) & (x < x2) & (y >= y1) & (y < y2)


def mask_average_precision(masks, labels, true_masks, true_labels):
    """AP of masks in one picture, all equally sure: mean over the classes and over IoU .5, .55 ... .95.

    Answers are taken in their order; each takes the free object of its class that it overlaps most. Precision at each
    level of recall is the best from there on, as for boxes.
    """
    both = (masks[:, None] & true_masks).sum((2, 3))
    overlap = both / np.maximum((masks[:, None] | true_masks).sum((2, 3)), 1)
    found = []
    for label in np.unique(true_labels):
        mine, theirs = np.flatnonzero(labels == label), np.flatnonzero(true_labels == label)
        for threshold in IOU_THRESHOLDS:
            free, hit = set(theirs.tolist()), []
            for k in mine:
                best = max(free, key=lambda j: overlap[k, j], default=None)
                hit.append(best is not None and overlap[k, best] >= threshold - 1e-9)
                free -= {best} if hit[-1] else set()
            precision = np.cumsum(hit) / np.arange(1, len(hit) + 1)
            found.append(sum(precision[i:].max() for i in np.flatnonzero(hit)) / len(theirs))
    return float(np.mean(found))


def judge(masks, labels, true_masks, true_labels):
    """What each of the three tasks says about an answer that consists of these masks, and of their tight boxes."""
    boxes, truth = boxes_of(masks), (boxes_of(true_masks), true_labels)
    detection = pcn.metrics.coco_summary([(boxes, np.ones(len(boxes)), labels)], [truth])["AP"]
    maps = semantic_map(masks, labels), semantic_map(true_masks, true_labels)
    return {
        "semantic: mIoU": pcn.metrics.mean_iou(*([m] for m in maps), num_classes=len(CLASSES)),
        "detection: box AP": detection,
        "instance: mask AP": mask_average_precision(masks, labels, true_masks, true_labels),
    }


def answers():
    """{name: (masks, labels)}: the perfect answers of the three tasks."""
    masks, labels = scene()
    return {
        "every pixel's class": components(semantic_map(masks, labels)),
        "every object's box": (filled(boxes_of(masks)), labels),
        "every object's mask": (masks, labels),
    }


def measure_tasks(options, report):
    """The three answers judged three times. The effect: what the perfect answer of semantic segmentation or of
    detection loses at least, as an answer to either of the other two tasks."""
    truth = scene()
    table = {name: judge(*answer, *truth) for name, answer in answers().items()}
    lost = [
        1 - table["every pixel's class"]["detection: box AP"],
        1 - table["every pixel's class"]["instance: mask AP"],
        1 - table["every object's box"]["semantic: mIoU"],
        1 - table["every object's box"]["instance: mask AP"],
    ]
    return {"effect": float(min(lost)), "table": table}


def draw_tasks(ax, runs):
    """The three answers as pictures; under each what the three measures say."""
    colours = np.array([[0, 114, 178], [86, 180, 233], [0, 158, 115], [213, 94, 0]]) / 255
    by_class = np.array([[0, 0, 0], [0, 114, 178], [213, 94, 0]]) / 255
    ax.set_axis_off()
    for k, (name, (masks, labels)) in enumerate(answers().items()):
        inset = ax.inset_axes((0.34 * k, 0.36, 0.31, 0.5))
        picture = np.full((SIDE, SIDE, 3), 0.93)
        if k == 0:
            painted = semantic_map(masks, labels)
            picture[painted > 0] = by_class[painted[painted > 0]]
        else:
            for mask, colour in zip(scene()[0], colours):
                picture[mask] = colour if k == 2 else (0.7, 0.7, 0.7)
        inset.imshow(picture, extent=(0, SIDE, SIDE, 0))
        if k == 1:
            for (x1, y1, x2, y2), colour in zip(boxes_of(masks), colours):
                inset.plot([x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1], color=colour, linewidth=2)
        inset.set_xticks([])
        inset.set_yticks([])
        inset.set_title(f"knows {name}", fontsize=9)
        for row, (measure, score) in enumerate(runs[0]["table"][name].items()):
            own = row == k
            ax.text(
                0.34 * k + 0.01, 0.27 - 0.11 * row, f"{measure}  {score:.2f}", transform=ax.transAxes, fontsize=9,
                fontweight="bold" if own else "normal", color="k" if score > 0.999 else "#D55E00",
            )  # fmt: skip


CLAIMS = (
    Claim(
        number="36",
        title="Semantic segmentation, detection and instance segmentation differ",
        says="Instance segmentation: specify each object instance as well; two dogs have different instances",
        deck=LOCALISATION,
        slide="Instance Segmentation",
        effect="the least that a perfect answer to one of the first two tasks loses when another task judges it",
        measure=measure_tasks,
        draw=draw_tasks,
        seeds=1,
        exact=True,
    ),
)
