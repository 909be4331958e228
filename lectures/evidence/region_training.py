"""How region-based detectors learn: what box regression gains, three objectives or one, joint or alternating."""

from dataclasses import replace

import numpy as np

from lectures.course import VISION_16
from lectures.detection import fast_rcnn, faster_rcnn, rcnn
from lectures.detection.foundation.evaluation import LENIENT
from lectures.detection.regions.post_hoc_costs import disk
from lectures.evidence.arms import bars
from lectures.evidence.short_trainings import fast, precision_with_and_without, scenes, searched, seen
from lectures.verdict import Claim
from pyconvnet.metrics import detection_average_precision

IOUS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
OBJECTIVES = replace(rcnn.SCENES, steps=300, quick=2)  # for both systems the same pictures, in the same batches
JUDGED = 100  # pictures, as R-CNN takes its time
FASTER = replace(faster_rcnn.SCENES, steps=400, quick=2)
LESS = 0.02  # mAP: as good, if it loses no more


def measure_regression(options, report):
    """What moving the regions gains at IoU .75, less twice what it gains at .5."""
    images, truths = seen(scenes(options.seed, options.quick))
    found = precision_with_and_without(fast(options, report), images, truths, IOUS)
    gains = {at: found["with"][at] - found["without"][at] for at in ("map50", "map75")}
    curves = {how: list(precisions.values()) for how, precisions in found.items()}
    return {"effect": gains["map75"] - 2 * gains["map50"], "gains": gains, **curves}


def draw_regression(ax, runs):
    """mAP against the IoU that counts as found, with and without box regression."""
    for how, colour in (("with", "tab:blue"), ("without", "tab:gray")):
        curves = np.array([run[how] for run in runs])
        ax.plot(IOUS, curves.mean(0), "o-", color=colour, label=f"{how} box regression")
        ax.plot(IOUS, curves.T, color=colour, linewidth=0.6, alpha=0.6)
    for iou in (0.5, 0.75):
        ax.axvline(iou, color="0.6", linestyle=":")
    ax.set(xlabel="IoU with the object that counts as found", ylabel="mAP, unseen scenes", ylim=(0, None))
    ax.legend(fontsize=9)


TRAINED = {}  # what `two_systems` found, by (seed, quick): two claims ask for it


def two_systems(options, report):
    """Seconds by part, mAP and bytes of R-CNN's three objectives and Fast R-CNN's one, on equally many pictures."""
    if (options.seed, options.quick) in TRAINED:
        return TRAINED[options.seed, options.quick]
    data = scenes(options.seed, options.quick)
    search, learning = searched(options.seed, options.quick)
    images, truths = (part[:JUDGED] for part in seen(data))
    own = {"R-CNN": {}, "Fast R-CNN": {}}
    three, _, features, _ = rcnn.trained(options, report, data, settings=OBJECTIVES)
    for part in ("log_loss", "features", "hinge_loss", "squared_loss"):
        own["R-CNN"][part] = report.extra[f"seconds_{part}"]
    one, training = fast_rcnn.trained(options, report, learning, search, stage="one", settings=OBJECTIVES)
    own["Fast R-CNN"]["multi_task_loss"] = training.seconds
    models = {"R-CNN": three, "Fast R-CNN": one}
    found = {name: model.predict(images, LENIENT) for name, model in models.items()}
    pictures = min(len(data.train), 16 if options.quick else rcnn.SVM_PICTURES)
    TRAINED[options.seed, options.quick] = {
        "seconds": own,
        "map50": {name: detection_average_precision(boxes, truths)["map"] for name, boxes in found.items()},
        "bytes": features.bytes,
        "bytes_of_pictures": pictures * images[0].size,  # a byte for each colour of a pixel
        "gigabytes_for_voc": disk(three, features)["feature_gigabytes_for_voc_by_alexnet"],
    }
    return TRAINED[options.seed, options.quick]


def measure_training_time(options, report):
    """How many times longer the three objectives take."""
    found = two_systems(options, report)
    three, one = (sum(parts.values()) for parts in found["seconds"].values())
    return {"effect": three / one, **found}


def draw_training_time(ax, runs):
    """Stacked bars: the seconds of every objective."""
    colours = iter(("#0072B2", "#bbbbbb", "#D55E00", "#E69F00", "#009E73"))
    for place, (system, parts) in enumerate(runs[0]["seconds"].items()):
        bottom = 0.0
        for part in parts:
            seconds = np.mean([run["seconds"][system][part] for run in runs])
            ax.bar(place, seconds, 0.6, bottom, color=next(colours), label=f"{system}: {part.replace('_', ' ')}")
            bottom += seconds
        precision = np.mean([run["map50"][system] for run in runs])
        ax.annotate(f"{bottom:.1f} s, mAP {precision:.2f}", (place, bottom), (0, 4), textcoords="offset points",
                    ha="center", fontsize=9)  # fmt: skip
    ax.set_xticks(range(2), runs[0]["seconds"])
    ax.set(ylabel=f"seconds of training, {OBJECTIVES.steps * OBJECTIVES.batch} pictures", xlim=(-0.5, 1.9))
    ax.margins(y=0.15)
    ax.legend(fontsize=8, loc="upper right")


def measure_disk(options, report):
    """The bytes of the features that the SVMs and regressors learn from, over those of the pictures."""
    found = two_systems(options, report)
    return {"effect": found["bytes"] / found["bytes_of_pictures"], **found}


def draw_disk(ax, runs):
    """Bars: megabytes of the pictures, of R-CNN's features and of Fast R-CNN's, which keeps none."""
    pictures, features = (np.mean([run[what] for run in runs]) / 1e6 for what in ("bytes_of_pictures", "bytes"))
    names = ["the pictures", "R-CNN's features\nof their regions", "Fast R-CNN's\n(none is kept)"]
    ax.bar_label(ax.bar(names, [pictures, features, 0], color=["0.7", "#0072B2", "#009E73"], width=0.6), fmt="%.1f")
    ax.set(ylabel="megabytes, on the pictures for SVMs and regressors")
    note = f"x_fc7 of AlexNet, 2000 regions each of\nVOC 2007's 5011 pictures: {runs[0]['gigabytes_for_voc']:.0f} GB"
    note += '\n("easily 200 GB", says the slide)'
    ax.text(0.97, 0.95, note, transform=ax.transAxes, ha="right", va="top", fontsize=8)
    ax.margins(y=0.35)


def measure_joint(options, report):
    """Joint training, and the four steps, which take 1.8 times as many updates."""
    data = scenes(options.seed, options.quick)
    images, truths = seen(data)
    joint, training = faster_rcnn.trained(options, report, data, settings=FASTER)
    four, trainings = faster_rcnn.alternating(options, report, data, FASTER)
    arms = {}
    for name, model, seconds, steps in (
        ("joint", joint, training.seconds, training.steps),
        ("alternating", four, sum(t.seconds for t in trainings), sum(t.steps for t in trainings)),
    ):
        found = model.predict(images, LENIENT)
        precision = detection_average_precision(found, truths)["map"]
        arms[f"{name}\n{steps} updates"] = {"map50": precision, "seconds": seconds}
    joint, alternating = (arm["map50"] for arm in arms.values())
    return {"effect": joint - alternating, "arms": arms}


def draw_joint(ax, runs):
    """mAP of both, and how long they learned."""
    bars(ax, runs, "mAP at IoU .5, unseen scenes", colours=("#0072B2", "#999999"))
    seconds = {name: np.mean([run["arms"][name]["seconds"] for run in runs]) for name in runs[0]["arms"]}
    ax.set_xticks(range(2), [f"{name}\n{spent:.0f} s" for name, spent in seconds.items()])


CLAIMS = (
    Claim(
        number="6", title="Box regression gains most where the place must be exact",
        says="necessary, since the proposal region might not fully coincide with the object bounding box",
        deck=VISION_16, slide="Bounding Box Regressors",
        effect="mAP gained by regression at IoU .75 less twice that at .5 (much more: more than twice)",
        measure=measure_regression, draw=draw_regression, above=0,
    ),
    Claim(
        number="7a", title="R-CNN takes longer to train",
        says="training (3 days) and testing (47s per image) is slow; many separate applications of region CNNs",
        deck=VISION_16, slide="Problems with R-CNN",
        effect="seconds of R-CNN's three objectives, crops included, over those of Fast R-CNN's one, as many pictures",
        measure=measure_training_time, draw=draw_training_time, above=1,
    ),
    Claim(
        number="7b", title="R-CNN's features take a lot of disk space",
        says="need to store all precomputed CNN features for training the classifiers",
        deck=VISION_16, slide="Problems with R-CNN",
        effect="bytes of the features that are kept over bytes of the pictures they come from",
        measure=measure_disk, draw=draw_disk, above=1,
    ),
    Claim(
        number="8", title="Joint training is as good as alternating",
        says="one network, four losses: joint training",
        deck=VISION_16, slide="Faster R-CNN",
        effect="mAP of joint training less that of alternating, which takes 1.8 times as many updates",
        measure=measure_joint, draw=draw_joint, above=-LESS,
    ),
)  # fmt: skip
