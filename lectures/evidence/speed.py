"""The story of speed: how often the ConvNet runs, who proposes the regions, and what it costs.

Weights do not matter for that, so the networks are untrained: they find nothing, and suppression has nothing to do.
All have convolutions of the same widths, and those that need Selective Search get R-CNN's regions. They take turns,
and the fastest turn of each counts. Multiply-accumulates are counted as well, which no machine changes. "One pass" is
the deck's YOLO; the ladder (detection_ladder.py) has all systems, trained.
"""

import time
from functools import partial

import numpy as np

import pyconvnet as pcn
from lectures.course import DEEP_CNN_2, FUN_WAYS, LOCALISATION, VISION_16
from lectures.detection import rcnn
from lectures.detection.fast_rcnn import FastRCNN
from lectures.detection.faster_rcnn import PROPOSALS as REGIONS_OF_FASTER
from lectures.detection.faster_rcnn import FasterRCNN
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.stopwatch import fastest
from lectures.detection.proposing.carried_proposals import KeptProposals
from lectures.detection.proposing.constant_proposals import random_boxes
from lectures.detection.proposing.selective_search import selective_search
from lectures.detection.rcnn import RCNN
from lectures.detection.regions.feature_sharing import share_against_recompute
from lectures.detection.sliding_window import SlidingWindow
from lectures.detection.yolo import OneShotDetector
from lectures.macs import counted_macs
from lectures.verdict import Claim

SCENES = 8
ROUNDS, ROUNDS_APART = 5, 15  # turns
SHARED = 200  # regions, for the claim about sharing


def scenes(options):
    """(classes, the pictures (N, 3, H, W) that are timed): one with --quick."""
    data = detection_data(options, train_count=1, test_count=SCENES)
    return data.classes, np.stack([data.test[i][0] for i in range(1 if options.quick else SCENES)])


def prices(models, images, rounds):
    """{name: {"ms", "mmacs"}} of a picture, from pixels to boxes."""
    found = {}
    for name, model in models.items():
        with counted_macs(model) as macs:
            model.predict(images)
        found[name] = {"ms": float("inf"), "mmacs": macs.total / len(images) / 1e6}
    for _ in range(rounds):
        for name, model in models.items():
            begin = time.perf_counter()
            model.predict(images)
            found[name]["ms"] = min(found[name]["ms"], 1000 * (time.perf_counter() - begin) / len(images))
    return found


def measure_ladder(options, report, unit="ms"):
    """All five on the same scenes; the smallest step down between neighbours, in milliseconds or "mmacs"."""
    classes, images = scenes(options)
    pcn.manual_seed(options.seed)
    systems = {
        "sliding window": SlidingWindow(classes),
        "R-CNN": RCNN(classes),
        "Fast R-CNN": FastRCNN(classes, rcnn.search),
        "Faster R-CNN": FasterRCNN(classes),
        "YOLO": OneShotDetector(classes),
    }
    found = prices(systems, images, 1 if options.quick else ROUNDS)
    paid = [price[unit] for price in found.values()]
    return {"effect": float(min(np.divide(paid[:-1], paid[1:]))), "prices": found}


def measure_work(options, report):
    """`measure_ladder` in multiply-accumulates."""
    return measure_ladder(options, report, "mmacs")


def draw_ladder(ax, runs):
    """Bars on a logarithmic scale: milliseconds and million multiply-accumulates of each system."""
    names = list(runs[0]["prices"])
    y = np.arange(len(names))[::-1]
    for shift, unit, label, colour in ((0.2, "ms", "milliseconds", "tab:orange"), (-0.2, "mmacs", "MMAC", "tab:blue")):
        means = [np.mean([run["prices"][name][unit] for run in runs]) for name in names]
        ax.barh(y + shift, means, 0.38, label=label, color=colour)
        for place, mean in zip(y + shift, means):
            ax.text(mean * 1.1, place, f"{mean:.0f}" if mean > 100 else f"{mean:.1f}", va="center", fontsize=9)
    ax.set_yticks(y, names)
    ax.set(xscale="log", xlabel="per picture", xlim=(0.3, 30000))
    ax.legend(loc="lower right", fontsize=9)


def measure_apart(options, search):
    """{system: {"proposals", "network", "regions"}}: ms of a picture with the regions of `search`, proposing apart.

    Faster R-CNN proposes within its network.
    """
    classes, images = scenes(options)
    rounds = 1 if options.quick else ROUNDS_APART
    kept = KeptProposals(search)
    counts = np.mean([len(kept(image)) for image in images])
    proposing = 1000 * fastest(lambda: [search(image) for image in images], rounds) / len(images)
    pcn.manual_seed(options.seed)
    models = {
        "R-CNN": RCNN(classes, kept),
        "Fast R-CNN": FastRCNN(classes, kept),
        "Faster R-CNN": FasterRCNN(classes),
    }
    spent = {name: {"network": price["ms"]} for name, price in prices(models, images, rounds).items()}
    for name in ("R-CNN", "Fast R-CNN"):
        spent[name] |= {"proposals": proposing, "regions": float(counts)}
    spent["Faster R-CNN"] |= {"proposals": 0.0, "regions": float(REGIONS_OF_FASTER)}
    return spent


def measure_once_per_picture(options, report):
    """How many times faster Fast R-CNN looks at the same regions than R-CNN; proposing, which both need, aside."""
    ms = measure_apart(options, rcnn.search)
    return {"effect": ms["R-CNN"]["network"] / ms["Fast R-CNN"]["network"], "ms": ms}


def measure_proposal_time(options, report):
    """Fast over Faster with the time of proposals; Faster over Fast without it; the smaller of the two ratios."""
    ms = measure_apart(options, partial(selective_search, max_boxes=REGIONS_OF_FASTER))
    fast, faster = ms["Fast R-CNN"], ms["Faster R-CNN"]["network"]
    ratios = (fast["proposals"] + fast["network"]) / faster, faster / fast["network"]
    return {"effect": min(ratios), "fast_over_faster": ratios[0], "faster_over_fast_without": ratios[1], "ms": ms}


def draw_parts(ax, runs):
    """Stacked bars: the time of proposals, and of the network."""
    names = list(runs[0]["ms"])
    parts = ("proposals", "network", "regions")
    mean = {part: [np.mean([run["ms"][name][part] for run in runs]) for name in names] for part in parts}
    ax.bar(names, mean["network"], color="tab:blue", label="network, from regions to boxes", width=0.6)
    ax.bar(names, mean["proposals"], bottom=mean["network"], color="0.75", label="Selective Search", width=0.6)
    for place, (network, proposals) in enumerate(zip(mean["network"], mean["proposals"])):
        text = f"{network:.1f} + {proposals:.1f} ms" if proposals else f"{network:.1f} ms"
        ax.annotate(text, (place, network + proposals), (0, 4), textcoords="offset points", ha="center", fontsize=9)
    ax.set_xticks(range(len(names)), [f"{name}\n{count:.0f} regions" for name, count in zip(names, mean["regions"])])
    ax.set(ylabel="milliseconds per picture", ylim=(0, 1.2 * max(np.add(mean["network"], mean["proposals"]))))
    ax.legend(fontsize=9)


def measure_sharing(options, report):
    """The features of the same 200 random regions of one scene, from one pass or from a pass for each."""
    classes, images = scenes(options)
    count = 20 if options.quick else SHARED
    pcn.manual_seed(options.seed)
    regions = random_boxes(images.shape[2:], count, options.seed)
    rounds = 1 if options.quick else 10
    found = share_against_recompute(FastRCNN(classes).features, images[0], regions, repeats=rounds)
    return {"effect": found["times_faster"], **found}


def draw_sharing(ax, runs):
    """Bars: milliseconds and multiply-accumulates, recomputed for each region and shared."""
    ways = {"recomputed": "a ConvNet run for each region", "shared": "one run for the picture"}
    for k, (way, label) in enumerate(ways.items()):
        values = [np.mean([run[way]["ms"] for run in runs]), np.mean([run[way]["macs"] for run in runs]) / 1e6]
        bars = ax.bar(np.arange(2) + 0.36 * k, values, 0.34, label=label)
        ax.bar_label(bars, [f"{v:.0f}" if v > 100 else f"{v:.1f}" for v in values], fontsize=9)
    ax.set_xticks([0.18, 1.18], ["milliseconds", "million MACs"])
    ax.set(yscale="log", ylabel=f"features of {runs[0]['regions']} regions")
    ax.margins(y=0.3)
    ax.legend(fontsize=9)


CLAIMS = (
    Claim(
        number="1a", title="Each step of the ladder is faster",
        says="sliding window: very slow; R-CNN: still very slow; Fast R-CNN: faster; can we do this all in one pass?",
        deck=FUN_WAYS, slide="Object Detection: Region Proposals",
        effect="smallest step down the ladder, as a ratio of ms",
        measure=measure_ladder, draw=draw_ladder, above=1,
    ),
    Claim(
        number="1b", title="Fast R-CNN is much faster than R-CNN",
        says="Fast R-CNN is much faster than R-CNN",
        deck=LOCALISATION, slide="Fast R-CNN vs R-CNN",
        effect="R-CNN's ms over Fast R-CNN's, same regions, proposing aside",
        measure=measure_once_per_picture, draw=draw_parts, above=5,
    ),
    Claim(
        number="1c", title="Faster R-CNN gains by the time of proposals alone",
        says="speed up both testing and training, but proposals still expensive",
        deck=DEEP_CNN_2, slide="Fast R-CNN",
        effect="the smaller of: Fast over Faster R-CNN's ms; Faster over Fast without proposing",
        measure=measure_proposal_time, draw=draw_parts, above=1,
        because="without the time of proposals the networks of Fast and Faster R-CNN cost nearly the same",
    ),
    Claim(
        number="1d", title="Each step of the ladder computes less",
        says="sliding window: very slow; R-CNN: still very slow; Fast R-CNN: faster; can we do this all in one pass?",
        deck=FUN_WAYS, slide="Object Detection: Region Proposals",
        effect="smallest step down the ladder, as a ratio of multiply-accumulates",
        measure=measure_work, draw=draw_ladder, above=1,
        because="Faster R-CNN's proposal network multiplies more than its fewer regions save against Fast R-CNN: what "
        "it saves is Selective Search, which multiplies nothing",
    ),
    Claim(
        number="2", title="Sharing features saves most of the work",
        says="feature sharing: object detection in a single pass becomes possible",
        deck=VISION_16, slide="Region Proposal Networks (RPN)",
        effect="times faster: features of 200 regions from one pass, not one pass each",
        measure=measure_sharing, draw=draw_sharing, above=8,
    ),
)  # fmt: skip
