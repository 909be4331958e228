"""Region proposals compared: where may an object be, before anything says what it is?

Decks "Fun Ways To Use ConvNets" ("Object Detection: Region Proposals" (1): "use some method to propose regions of
interest in image"), "Deep Convolutional Neural Networks II" ("Region proposals (category independent)": Selective
Search, Edgeboxes; "R-CNN minus R": k-means boxes), "Localization, Object Detection, Segmentation (Labwork 7)" ("R-CNN"
(1 to 3)) and "Computer Vision - Lecture 16" ("Region Proposal Networks (RPN)").

The methods stand in proposing/: graph_segmentation.py, selective_search.py, edge_boxes.py, constant_proposals.py and
rpn.py. Each proposes on the same unseen pictures; recall@N is the share of objects that one of a picture's first N
boxes overlaps by IoU >= 0.5: no detector that looks at these N boxes alone can find more (unless it moves them). The
baseline is N random boxes. Hosang et al., "What makes for effective detection proposals?" (2015), compare in the same
way.

The slides' "around 2000" boxes are for photographs of 500 x 375 pixels; 64 x 64 have some 200 different regions. Our
objects have one colour each, so segmentation alone already finds them; "some parts of an object can be hidden by
others" is the variant with a bar before each object, where merging has to do its work (nothing was tuned for it).
"""

import time
from functools import partial

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing import proposal_figures
from lectures.detection.foundation.datasets import detection_data, without_difficult
from lectures.detection.proposing import rpn
from lectures.detection.proposing.constant_proposals import kmeans_boxes, random_boxes
from lectures.detection.proposing.edge_boxes import edge_boxes
from lectures.detection.proposing.graph_segmentation import graph_segmentation, segment_proposals
from lectures.detection.proposing.selective_search import selective_search

COUNTS = (10, 25, 50, 100, 200, 400, 800)
AT = 100  # boxes per picture: where the metric is read off
IOUS = np.arange(0.5, 1, 0.05)
TEST_PICTURES = 300
BAR = 0.25  # of the side of the object that it hides

RANDOM, KMEANS, RPN = "random boxes", "k-means boxes", "RPN, trained"
FROM_PIXELS = {
    "graph segmentation": segment_proposals,
    "EdgeBoxes, simplified": lambda image, most: edge_boxes(image, most)[0],
    "Selective Search, 1 colour space": partial(selective_search, colour_spaces=("hsv",), ks=(0.1,)),
    "Selective Search": selective_search,
    "Selective Search, 5 colour spaces": partial(selective_search, colour_spaces=("hsv", "lab", "rgi", "rgb", "grey")),
}


def first_hits(boxes, truth, iou_threshold=0.5):
    """For each object of a picture the position of the first box with IoU >= the threshold; infinite without one."""
    if not len(boxes) or not len(truth):
        return np.full(len(truth), np.inf)
    hit = pcn.ops.box_iou(truth, boxes) >= iou_threshold
    return np.where(hit.any(1), hit.argmax(1), np.inf)


def recall_at(found, truths, counts=COUNTS, iou_threshold=0.5):
    """{N: share of all objects hit by one of the first N boxes of their picture}; NaN without any object.

    found: one (n, 4), best first, for each picture; truths: one (m, 4) for each picture.
    """
    if len(found) != len(truths):
        raise ValueError(f"recall_at: proposals for {len(found)} pictures, objects of {len(truths)}")
    hits = [first_hits(boxes, truth, iou_threshold) for boxes, truth in zip(found, truths)]
    first = np.concatenate([np.zeros(0), *hits])
    return {n: float((first < n).mean()) if len(first) else float("nan") for n in counts}


def best_overlap(found, truths, count=AT):
    """The mean over all objects of the IoU with the best of the first `count` boxes."""
    best = [pcn.ops.box_iou(t, boxes[:count]).max(1, initial=0) for boxes, t in zip(found, truths) if len(t)]
    return float(np.concatenate(best).mean()) if best else float("nan")


def search(propose, images, most=COUNTS[-1]):
    """(boxes of each picture, milliseconds per picture) of propose(image, most)."""
    start = time.perf_counter()
    found = [np.asarray(propose(image, most), np.float32).reshape(-1, 4) for image in images]
    return found, 1000 * (time.perf_counter() - start) / len(images)


def compare(images, truths, training_boxes, network, seed=0):
    """All methods on pictures: {name: (boxes of each picture, ms per picture, {N: recall})}.

    network: a trained ProposalNetwork. k-means has no order, so each N has clusters of its own, of the training boxes
    (m, 4); its boxes are those of N = AT. Deck "Localization, Object Detection, Segmentation", slide
    "Faster R-CNN" (1).
    """
    rng = np.random.default_rng(seed)
    methods = {RANDOM: lambda image, most: random_boxes(image.shape[1:], most, int(rng.integers(2**32)))}
    results = {}
    for name, propose in (methods | FROM_PIXELS | {RPN: network.propose}).items():
        found, ms = search(propose, images)
        results[name] = found, ms, recall_at(found, truths)
    constant = {n: kmeans_boxes(training_boxes, n, seed) for n in COUNTS}
    recalls = {n: recall_at([boxes] * len(images), truths, (n,))[n] for n, boxes in constant.items()}
    results[KMEANS] = [constant[AT]] * len(images), 0.0, recalls
    return results


def barred(image, boxes, rng):
    """The picture with a bar of a random colour before each object, across its middle and a little beyond."""
    image = image.copy()
    for x1, y1, x2, y2 in boxes:
        upright = rng.random() < 0.5
        (low, high), (from_, to) = ((x1, x2), (y1, y2)) if upright else ((y1, y2), (x1, x2))
        middle, half = (low + high) / 2, BAR * (high - low) / 2
        across = slice(round(middle - half), round(middle + half) + 1)
        along = slice(max(round(from_) - 3, 0), round(to) + 3)
        image[:, *((along, across) if upright else (across, along))] = rng.random((3, 1, 1))
    return np.clip(image + rng.normal(0, 0.03, image.shape), 0, 1).astype(np.float32)


def table(results):
    """recall@N of every method, the number of boxes and the milliseconds per picture, as text."""
    lines = [f"{'recall@N':<34}" + "".join(f"{n:>7}" for n in COUNTS) + f"{'boxes':>8}{'ms':>7}"]
    lines.append("-" * len(lines[0]))
    for name, (found, ms, recalls) in sorted(results.items(), key=lambda item: item[1][2][AT]):
        boxes = np.mean([len(own) for own in found])
        many = f"{'N':>8}" if name == KMEANS else f"{boxes:>8.0f}"
        lines.append(f"{name:<34}" + "".join(f"{recalls[n]:>7.3f}" for n in COUNTS) + f"{many}{ms:>7.1f}")
    return "\n".join(lines)


def run(options, report):
    """The lecture: train a region proposal network, let every method propose, compare, draw."""
    data = detection_data(options, test_count=TEST_PICTURES)
    network, _ = rpn.trained(options, report, data)
    few = len(data.test) if not options.quick else 15 if options.data is None else 3
    images, targets = zip(*(data.test[i] for i in range(min(few, len(data.test)))))
    truths, training_boxes = [without_difficult(target)[0] for target in targets], data.training_boxes()
    results = compare(images, truths, training_boxes, network, options.seed)
    print(table(results))
    rng = np.random.default_rng(options.seed)
    hidden = [barred(image, truth, rng) for image, truth in zip(images, truths)]
    behind_bars = compare(hidden, truths, training_boxes, network, options.seed)
    print("\nbehind bars:\n" + table(behind_bars))

    by_overlap = {name: _by_overlap(found, truths) for name, (found, _, _) in results.items()}
    report.metrics["recall"] = {f"{name} @{AT}": recalls[AT] for name, (_, _, recalls) in results.items()}
    report.baselines["recall"] = dict.fromkeys(report.metrics["recall"], results[RANDOM][2][AT])
    report.variants["behind bars"] = {"recall": {f"{name} @{AT}": r[AT] for name, (_, _, r) in behind_bars.items()}}
    report.extra.update(
        recall_at={name: recalls for name, (_, _, recalls) in results.items()},
        recall_at_behind_bars={name: recalls for name, (_, _, recalls) in behind_bars.items()},
        recall_at_iou=by_overlap,
        best_overlap={name: best_overlap(found, truths) for name, (found, _, _) in results.items()},
        boxes_per_image={name: float(np.mean([len(own) for own in found])) for name, (found, _, _) in results.items()},
        ms_per_image={name: ms for name, (_, ms, _) in results.items()},
        test_pictures=len(images),
    )
    draw(report, results, by_overlap, images, truths)
    draw_behind_bars(report, behind_bars, hidden, truths)


def _by_overlap(found, truths):
    """{IoU: recall@AT}."""
    return {round(float(iou), 2): recall_at(found, truths, (AT,), iou)[AT] for iou in IOUS}


def draw(report, results, by_overlap, images, truths):
    """The figures: the comparison, and how Selective Search comes to its boxes."""
    with report.figure("recall", 1, 2, size=(6.5, 5)) as axes:
        proposal_figures.recall_curves(axes[0, 0], {name: recalls for name, (_, _, recalls) in results.items()})
        proposal_figures.overlap_curves(axes[0, 1], by_overlap, AT)
    busiest = crowded(truths)
    image, truth = images[busiest], truths[busiest]
    with report.figure("segmentation", 1, 4) as axes:
        proposal_figures.segmentations(axes[0], image)
    with report.figure("hierarchy", 2, 4) as axes:
        proposal_figures.hierarchy(axes.ravel(), image)
    with report.figure("similarities", 1, 4) as axes:
        proposal_figures.similarities(axes[0], image)
    with report.figure("edges", 1, 3) as axes:
        proposal_figures.edge_boxes_steps(axes[0], image)
    shown = [RANDOM, KMEANS, "EdgeBoxes, simplified", "Selective Search", RPN]
    with report.figure("hits", 1, len(shown)) as axes:
        for ax, name in zip(axes[0], shown):
            proposal_figures.hits(ax, image, truth, results[name][0][busiest][:AT], name)


def draw_behind_bars(report, results, images, truths):
    """The figure of the variant: what segmentation cuts, and what merging puts together."""
    i = crowded(truths)
    with report.figure("behind_bars", 1, 4) as axes:
        proposal_figures.regions(axes[0, 0], images[i], graph_segmentation(images[i]), "graph segmentation\n")
        for ax, name in zip(axes[0, 1:], ("graph segmentation", "Selective Search", RPN)):
            proposal_figures.hits(ax, images[i], truths[i], results[name][0][i][:AT], name)


def crowded(truths, first=20):
    """The number of the picture, of the first, that has most objects."""
    return int(np.argmax([len(truth) for truth in truths[:first]]))
