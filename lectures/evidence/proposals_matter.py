"""Must proposals look at the picture? Recall of their boxes, and detectors on Selective Search's or constant ones."""

import numpy as np

from lectures.course import DEEP_CNN_2, LOCALISATION
from lectures.detection.foundation.datasets import without_difficult
from lectures.detection.proposals import recall_at
from lectures.detection.proposing.constant_proposals import kmeans_boxes, random_boxes
from lectures.detection.proposing.selective_search import selective_search
from lectures.evidence.arms import bars
from lectures.evidence.short_trainings import fast, minus_r, precision_with_and_without, proposer, scenes, seen
from lectures.verdict import Claim

COUNTS = (10, 25, 50, 100, 200)
AT = 100  # boxes of a picture, where the claim is tested
BLIND, SEEING = ("random boxes", "k-means boxes"), ("Selective Search", "RPN")


def measure_recall(options, report):
    """Recall@N of two that look at the picture and two that do not: worst of the former less best of the latter."""
    data, network = scenes(options.seed, options.quick), proposer(options, report)
    images, truths = seen(data)
    objects, rng = [without_difficult(truth)[0] for truth in truths], np.random.default_rng(options.seed)
    found = {
        "random boxes": [random_boxes(data.size, COUNTS[-1], int(rng.integers(2**32))) for _ in images],
        "Selective Search": [selective_search(image, COUNTS[-1]) for image in images],
        "RPN": network.propose_all(images, COUNTS[-1]),
    }
    recall = {name: recall_at(boxes, objects, COUNTS) for name, boxes in found.items()}
    training = data.training_boxes()
    constant = {n: [kmeans_boxes(training, n, options.seed)] * len(images) for n in COUNTS}
    recall["k-means boxes"] = {n: recall_at(boxes, objects, (n,))[n] for n, boxes in constant.items()}
    effect = min(recall[name][AT] for name in SEEING) - max(recall[name][AT] for name in BLIND)
    return {"effect": effect, "recall": {name: list(of.values()) for name, of in recall.items()}}


def draw_recall(ax, runs):
    """Recall against the number of boxes: mean of the seeds, and each as a thin line."""
    for name, style in zip((*SEEING, *BLIND), ("o-", "s-", "o--", "s--")):
        curves = np.array([run["recall"][name] for run in runs])
        (line,) = ax.plot(COUNTS, curves.mean(0), style, label=name)
        ax.plot(COUNTS, curves.T, color=line.get_color(), linewidth=0.6, alpha=0.5)
    ax.axvline(AT, color="0.6", linestyle=":")
    ax.set_xscale("log")
    ax.set_xticks(COUNTS, COUNTS)
    ax.minorticks_off()
    ax.set(xlabel="boxes of a picture", ylabel="share of objects reached, IoU .5", ylim=(0, 1.03))
    ax.legend(fontsize=9)


def two_detectors(options, report):
    """{"Selective Search, with" and so on: {"map50", "map75"}}, both trained as long, on unseen pictures."""
    images, truths = seen(scenes(options.seed, options.quick))
    systems = {"Selective Search": fast(options, report), "k-means": minus_r(options, report)}
    arms = {}
    for name, model in systems.items():
        precisions = precision_with_and_without(model, images, truths)
        arms |= {f"{name}\n{how} regression": precision for how, precision in precisions.items()}
    return arms


def gap(arms, how):
    """mAP of Selective Search's above that of the constant boxes'."""
    return arms[f"Selective Search\n{how} regression"]["map50"] - arms[f"k-means\n{how} regression"]["map50"]


def measure_constant(options, report):
    """What constant boxes lose."""
    arms = two_detectors(options, report)
    return {"effect": -gap(arms, "with"), "arms": arms}


def measure_recovery(options, report):
    """How much more they lose where regression does not move them."""
    arms = two_detectors(options, report)
    return {"effect": gap(arms, "without") - gap(arms, "with"), "arms": arms}


def draw_arms(ax, runs):
    """mAP of the two detectors, with and without regression."""
    bars(ax, runs, "mAP at IoU .5, unseen scenes", colours=("#0072B2", "#999999"))
    ax.tick_params(axis="x", labelsize=7)


CLAIMS = (
    Claim(
        number="4a", title="Constant boxes work as well as proposals",
        says="sophisticated region proposal algorithm unnecessary, since a constant region coverage works well",
        deck=DEEP_CNN_2, slide="R-CNN minus R",
        effect="mAP with 300 k-means boxes less that with Selective Search",
        measure=measure_constant, draw=draw_arms, above=-0.1,
        because="this is after 400 steps: constant boxes frame objects loosely, and to move them onto the objects "
        "takes longer to learn; after the ladder's 32,000 pictures the gap is small (lectures/measured.md)",
    ),
    Claim(
        number="4b", title="Regression recovers from imperfect alignment",
        says="can recover from imperfect alignment",
        deck=DEEP_CNN_2, slide="R-CNN minus R",
        effect="gap to Selective Search without regression less the gap with it, mAP",
        measure=measure_recovery, draw=draw_arms, above=0,
    ),
    Claim(
        number="5", title="Proposals that look at the picture reach more",
        says="instead of having a predefined set of box proposals, find them on the image",
        deck=LOCALISATION, slide="Faster R-CNN",
        effect=f"recall@{AT}: the worse of Selective Search and RPN less the better of random and k-means",
        measure=measure_recall, draw=draw_recall, above=0,
    ),
)  # fmt: skip
