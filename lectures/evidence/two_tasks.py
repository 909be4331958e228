"""One network, two tasks, what an object is and where: the weight between them, and learning them together or apart."""

import copy
from dataclasses import replace

import numpy as np

from lectures.course import FUN_WAYS, LOCALISATION
from lectures.detection import localization
from lectures.detection.foundation.learning import learn
from lectures.detection.foundation.one_object import accuracy_and_iou
from lectures.evidence.arms import kept_arm
from lectures.evidence.short_trainings import scenes
from lectures.kept_network import code_of
from lectures.verdict import Claim

SETTINGS = replace(localization.VARIANT, quick=2)
FINE_TUNING = replace(localization.FINE_TUNING, quick=2)
SMALL, LARGE = 0.1, 1000.0  # where the trade-off is tested: the ends of the lecture's sweep that learn both tasks
ALPHAS = SMALL, localization.ALPHA, LARGE


def localizer(options, report, data, alpha):
    """A localizer that has learned with this alpha."""

    def train():
        return localization.trained(options, report, data, SETTINGS, stage=f"alpha-{alpha:g}", alpha=alpha)[0]

    identity = (*code_of(localization.__file__), "claims", options.seed, options.quick, SETTINGS, alpha)
    return kept_arm(localization.Localizer(data.classes, localization.SCENE), train, *identity)


def measure_trade_off(options, report):
    """Accuracy that a large alpha costs, IoU that a small one costs: the smaller of the two."""
    data = scenes(options.seed, options.quick, "single48")
    models = {alpha: localizer(options, report, data, alpha) for alpha in ALPHAS}
    found = {f"{alpha:g}": accuracy_and_iou(model, data.test) for alpha, model in models.items()}
    small, large = found[f"{SMALL:g}"], found[f"{LARGE:g}"]
    return {"effect": min(small["accuracy"] - large["accuracy"], large["iou"] - small["iou"]), "by_alpha": found}


def draw_trade_off(ax, runs):
    """Accuracy and IoU against alpha."""
    names = list(runs[0]["by_alpha"])
    lines = ("accuracy", "accuracy of the class", "tab:blue"), ("iou", "IoU of the box", "tab:red")
    for what, label, colour in lines:
        curves = np.array([[run["by_alpha"][name][what] for name in names] for run in runs])
        ax.plot(range(len(names)), curves.mean(0), "o-", color=colour, label=label)
        ax.plot(range(len(names)), curves.T, color=colour, linewidth=0.6, alpha=0.6)
    ax.set_xticks(range(len(names)), names)
    ax.set(xlabel="alpha in J = J_class + alpha J_box", ylabel="unseen scenes", ylim=(0, 1.03))
    ax.legend(fontsize=9)


def measure_end_to_end(options, report):
    """After a box head has learned on a frozen classifier: all layers go on, or the head alone, for as many steps."""
    data = scenes(options.seed, options.quick, "single48")
    frozen = localization.TwoHeads(localizer(options, report, data, 0.0))
    localization.head_alone(frozen, options, report, data, SETTINGS)
    tuned = copy.deepcopy(frozen)
    arms = {"head on the\nfrozen classifier": accuracy_and_iou(frozen, data.test)}
    localization.head_alone(frozen, options, report, data, FINE_TUNING)
    arms["head alone\ngoes on"] = alone = accuracy_and_iou(frozen, data.test)
    loss = localization.cost_of(localization.ALPHA)
    learn(tuned, loss, data, FINE_TUNING, options, report, "end-to-end")
    arms["all layers\ngo on"] = together = accuracy_and_iou(tuned, data.test)
    return {"effect": together["iou"] - alone["iou"], "arms": arms}


def draw_end_to_end(ax, runs):
    """Bars: IoU and accuracy of the three stages."""
    names = list(runs[0]["arms"])
    for k, (what, colour) in enumerate((("iou", "tab:red"), ("accuracy", "tab:blue"))):
        values = np.array([[run["arms"][name][what] for name in names] for run in runs])
        places = np.arange(len(names)) + 0.38 * k
        bars = ax.bar(places, values.mean(0), 0.36, color=colour, alpha=0.75, label={"iou": "IoU"}.get(what, what))
        ax.bar_label(bars, fmt="%.2f", fontsize=9, padding=5)
        for row in values:
            ax.plot(places, row, "o", color="k", markersize=3)
    ax.set_xticks(np.arange(len(names)) + 0.19, names, fontsize=8)
    ax.set(ylabel="unseen scenes", ylim=(0, 1.25))
    ax.legend(fontsize=9, ncols=2)


CLAIMS = (
    Claim(
        number="16a", title="Alpha balances class and box",
        says="alpha is a hyperparameter balancing accuracy of classification vs accuracy of bounding box",
        deck=FUN_WAYS, slide="Single-object Localization",
        effect=f"the smaller of: accuracy lost from alpha {SMALL:g} to {LARGE:g}, IoU gained",
        measure=measure_trade_off, draw=draw_trade_off, above=0,
    ),
    Claim(
        number="16b", title="End-to-end fine-tuning beats a head on a frozen classifier",
        says="localization head is trained separately with regression; possible end-to-end fine-tuning of both tasks",
        deck=LOCALISATION, slide="Localization and Classification",
        effect="IoU gained by all layers going on, over the head alone going on",
        measure=measure_end_to_end, draw=draw_end_to_end, above=0,
    ),
)  # fmt: skip
