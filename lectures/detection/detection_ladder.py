r"""The ladder: every detector of the decks learns from the same scenes, and is judged on the same unseen ones.

Decks "Deep Convolutional Neural Networks II" (from "Scanning window + CNN" to "YOLOv2, YOLO 9000"), "Fun Ways To Use
ConvNets" ("Object Detection: Sliding Window" to "One-Shot Object Detection"), "Localization, Object Detection,
Segmentation" ("Fast R-CNN vs R-CNN", "Proposal comparison") and "Computer Vision - Lecture 16" ("Problems with R-CNN")
tell one story of speed: a ConvNet run for every window, for every region, once for all regions, for the regions too,
and then no regions at all. Here it is one table and one figure: average precision, the boxes that are looked at,
multiply-accumulates, milliseconds and where they go, the time of training and what it keeps between its stages; beside
each row what the decks report (other pictures, other machines: they compare with each other, not with ours).

Everybody gets the same budget: `PICTURES` training pictures looked at in each stage of gradient descent (none of the
systems is at its best after so few). R-CNN, SPP-net and Fast R-CNN get the same regions of Selective Search.
`fixed_n` gets as many slots as a scene has objects at most, and hardly beats constant boxes: which object is whose slot
is hard to learn, for every place anew (its own lecture has larger objects and more time). `yolo9000` gets a box with
every name; its own lecture takes boxes away. Time is that of one picture at a time, as in a live demonstration: search,
network and suppression with the thresholds that the system answers with; "in tens" is ten at once, per picture.
"""

import copy
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

import pyconvnet as pcn
from lectures.detection import rungs
from lectures.detection.drawing import ladder_figures
from lectures.detection.drawing.figures import several_objects
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.evaluation import judge
from lectures.detection.foundation.stopwatch import PARTS, fastest, stopwatch
from lectures.detection.proposing.carried_proposals import KeptProposals
from lectures.detection.rungs import DECKS_COLUMN, ORDER, RUNGS
from lectures.kept_network import code_of
from lectures.macs import counted_macs
from lectures.pieces import piece
from lectures.report import Report
from lectures.training import Interrupted

PICTURES, PICTURES_PHOTOGRAPHS = 32_000, 3_200  # looked at in each stage of gradient descent
JUDGED_PHOTOGRAPHS, JUDGED_QUICK = 40, 6  # a photograph has twenty thousand windows
TIMED, TIMED_PHOTOGRAPHS, MANY = 20, 3, 10  # pictures; and how many at once
SECONDS = 2.0  # of timing, at least: the machine may be busy for a moment
UNITS = {
    "ms": lambda row: row["ms"],
    "ms without proposals": lambda row: row["ms"] - row["ms_by_part"]["proposals"],
    "ms, ten pictures at once": lambda row: row["ms_in_tens"],
    "MMACs": lambda row: row["macs"] / 1e6,
}


def run(options, report):
    """The lecture: climb, rung by rung, each kept when done; then the table, the order of speed, the figures."""
    options = copy.copy(options)
    if getattr(options, "pictures", None) is None:
        options.pictures = PICTURES if options.data is None else PICTURES_PHOTOGRAPHS
    data = ladder_data(options)
    rows = {}
    for name, rung in RUNGS.items():
        print(f"{len(rows) + 1} of {len(RUNGS)}: {name}")
        work = partial(climb, name, rung, options, report, data)
        try:
            rows[name] = piece(report.folder, name, identity(name, options, data), options.resume, work)
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted at {name}; what is done is kept, go on with --resume") from None
    enter(report, rows)
    if not options.quick:  # then steps are counted
        report.extra["pictures_per_stage"] = options.pictures
    report.extra["order"] = {unit: order(rows, unit) for unit in UNITS}
    for line in report.extra["order"].values():
        print(line)
    kinds = {name: rung.kind for name, rung in RUNGS.items()}
    ladder_figures.accuracy_against_speed(report, rows, kinds)
    ladder_figures.same_picture(report, rows, *several_objects(data.test), data.classes)


def ladder_data(options):
    """The scenes of shapes, or photographs; as many to judge on as the slowest of all can bear."""
    data = detection_data(options)
    most = JUDGED_QUICK if options.quick else JUDGED_PHOTOGRAPHS if options.data else len(data.test)
    return replace(data, test=pcn.data.Subset(data.test, range(len(data.test))[:most]))


def identity(name, options, data):
    """What a row depends on: code, options, and the pictures, known by their boxes."""
    lectures = (name, "sliding_window", "rcnn", "fast_rcnn", "yolo")  # the latter four are built upon
    code = [path for lecture in lectures for path in code_of(Path(__file__).with_name(f"{lecture}.py"))]
    asked = options.seed, options.quick, options.data, options.pictures
    known = data.training_boxes(1000), len(data.train), len(data.test)
    return name, Path(__file__), Path(rungs.__file__), *code, *asked, *known


def climb(name, rung, options, report, data):
    """Train one system, judge it, and see what it costs: its row."""
    own = Report(name, report.folder, report.seed, report.data)
    model, kept = rung.train(options, own, data)
    judge(model, data, own)
    if isinstance(getattr(model, "propose", None), KeptProposals):
        model.propose = model.propose.fresh  # for the time of a search
    timed = range(len(data.test))[: TIMED if options.data is None else TIMED_PHOTOGRAPHS]
    images = [data.test[i][0] for i in timed]
    boxes, scores, labels = model.predict(several_objects(data.test)[0][None])[0]
    return {
        "map50": own.metrics["map50"],
        "map50_95": own.metrics["map50_95"],
        "recall": own.metrics["recall"],
        "baseline": own.baselines["map50"],
        **costs(model, rung, images, 0 if options.quick else SECONDS),
        "train_seconds": own.train_seconds,
        "seconds_by_stage": {k: v for k, v in own.extra.items() if k.startswith("seconds_")},
        "bytes_kept": int(kept),
        "found": {"boxes": boxes.tolist(), "scores": scores.tolist(), "labels": labels.tolist()},
    }


def costs(model, rung, images, seconds=SECONDS):
    """Of one picture: boxes looked at, multiply-accumulates (means), ms in parts, which add up to "ms", and ms in tens.

    Pictures take turns for so many seconds, at least twice, and each counts by its fastest turn; of the pictures, the
    one with the median time is told.
    """
    with counted_macs(model) as macs:
        for image in images:
            model.predict(image[None])
    many = np.resize(np.stack(images), (MANY, *images[0].shape))
    in_tens = fastest(lambda: model.predict(many), 3 if seconds else 1) / MANY
    best, turns, begin = [None] * len(images), 0, time.perf_counter()
    while turns < 2 or time.perf_counter() - begin < seconds:
        for i, image in enumerate(images):
            with stopwatch(model, rung.proposals, rung.features) as watch:
                model.predict(image[None])
            if best[i] is None or watch.total < best[i].total:
                best[i] = watch
        turns += 1
    median = sorted(best, key=lambda watch: watch.total)[len(best) // 2]
    return {
        "boxes": float(np.mean([rung.boxes(model, image) for image in images])),
        "macs": macs.total / len(images),
        "ms": 1000 * median.total,
        "ms_by_part": {part: 1000 * getattr(median, part) for part in PARTS},
        "ms_in_tens": 1000 * in_tens,
    }


def enter(report, rows):
    """Metrics, baselines, the wide table, and all the rest under "extra"."""
    for metric in ("map50", "map50_95"):
        report.metrics[metric] = {name: row[metric] for name, row in rows.items()}
    report.baselines["map50"] = {name: row["baseline"] for name, row in rows.items()}
    report.train_seconds = sum(row["train_seconds"] for row in rows.values())
    for name, row in rows.items():
        costs = {key: row[key] for key in row if key not in ("map50", "map50_95", "baseline", "found")}
        report.extra[name] = costs | {"decks": RUNGS[name].decks}
        report.variants[name] = {
            "map50": row["map50"],
            "map50_95": row["map50_95"],
            "boxes": round(row["boxes"]),
            "MMACs": row["macs"] / 1e6,
            "ms": row["ms"],
            **{f"{part} ms": value for part, value in row["ms_by_part"].items()},
            "ms in tens": row["ms_in_tens"],
            "train s": round(row["train_seconds"]),
            "search s": round(row["seconds_by_stage"].get("seconds_proposals", 0)),
            "kept MB": row["bytes_kept"] / 1e6,
            DECKS_COLUMN: RUNGS[name].decks,
        }


def order(rows, unit):
    """Whether each step of the decks' story of speed is one to the faster in `unit`, in words, with the exceptions."""
    paid = {name: UNITS[unit](row) for name, row in rows.items()}
    steps = [[name for name in step if name in paid] for step in ORDER]
    wrong = [
        f"{later} ({paid[later]:.3g}) is not below {earlier} ({paid[earlier]:.3g})"
        for i, step in enumerate(steps[:-1])
        for earlier in step
        for later in steps[i + 1]
        if paid[later] >= paid[earlier]
    ]
    story = "sliding window > R-CNN > SPP-net, Fast R-CNN > Faster R-CNN > one pass"
    return f"{story}, in {unit}: " + (f"not everywhere: {'; '.join(wrong)}" if wrong else "as the decks tell it")
