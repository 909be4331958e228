"""Localisation with other settings: the sweep over alpha, heads that forget the place, the head trained separately.

Each sees 24,000 pictures, less than the lecture's localizer, all of them equally many; see "variants".
"""

import numpy as np

from lectures.detection.backbone import centred
from lectures.detection.learning import Settings, learn
from lectures.detection.localization import (
    ALPHA,
    Localizer,
    accuracy_and_iou,
    cost_of,
    dense_layers,
    localization_cost,
    resized,
    trained,
)

ALPHAS = (0.0, 0.1, ALPHA, 30.0, 1000.0)
SETTINGS = Settings(steps=1500, batch=16, lr=3e-3, quick=6)
FINE_TUNING = Settings(steps=500, batch=16, lr=1e-3, quick=6)


class TwoHeads(Localizer):
    """A classifier that gets a localisation head of its own: `output` keeps the classes, `box_head` has the box."""

    def __init__(self, classifier):
        super().__init__(classifier.classes, classifier.size)
        self.load_state_dict(classifier.state_dict())
        self.box_head = dense_layers(4)

    def forward(self, images):
        maps = self.features(centred(resized(images, self.size)))
        return self.output(maps)[:, :-4], self.box_head(maps)


def compare(options, report, data):
    """Train every other setting on `data.train`, judge it on `data.test`: accuracy and IoU under "variants"."""
    seconds = report.train_seconds

    def judge(name, model):
        report.variants[name] = accuracy_and_iou(model, data.test)
        return model

    def other(name, **settings):
        stage = name.replace(" ", "-").replace(",", "")
        return judge(name, trained(options, report, data, SETTINGS, stage=stage, **settings)[0])

    models = {alpha: other(f"alpha {alpha:g}", alpha=alpha) for alpha in ALPHAS}
    other("average over all places", head="average")
    other("average over all places, no border", head="average", border=False)

    two = TwoHeads(models[0.0])  # alpha = 0: a network that has only learned to classify
    head_alone(two, options, report, data)
    judge("head alone on the classifier", two)
    learn(two, cost_of(ALPHA), data, FINE_TUNING, options, report, "end-to-end")
    judge("then both tasks end to end", two)

    report.extra["variants_train_seconds"] = report.train_seconds - seconds
    report.train_seconds = seconds
    sweep_figure(report)


def head_alone(model, options, report, data):
    """"The localization head is trained separately with regression": the classifier stays as it is."""
    classifier = [*model.features.parameters(), *model.output.parameters()]
    for p in classifier:
        p.requires_grad = False
    head = list(model.box_head.parameters())
    learn(model, regression_cost, data, SETTINGS, options, report, "head-alone", head)
    for p in classifier:
        p.requires_grad = True


def regression_cost(model, images, targets, rng):
    """alpha J_box alone; batch norm in the classifier keeps the averages it has."""
    model.features.eval()
    model.output.eval()
    return {"box": localization_cost(model(images), targets, images.shape[2:], ALPHA)["box"]}


def sweep_figure(report):
    """Accuracy and IoU against alpha, with what the best constant answer reaches."""
    with report.figure("alpha", 1, 2, size=(4.6, 3.6)) as axes:
        places = np.arange(len(ALPHAS))
        for ax, metric, title in zip(axes[0], ("accuracy", "iou"), ("right classes", "mean IoU of the box")):
            values = [report.variants[f"alpha {alpha:g}"][metric] for alpha in ALPHAS]
            ax.plot(places, values, "o-", color="tab:blue")
            for x, v in zip(places, values):
                ax.annotate(f"{v:.2f}", (x, v), xytext=(0, 7), textcoords="offset points", ha="center", fontsize=9)
            ax.axhline(report.baselines[metric], color="0.5", linestyle="--", label="best constant answer")
            ax.set_xticks(places, [f"{alpha:g}" for alpha in ALPHAS])
            ax.set(xlabel="alpha in J = J_class + alpha J_box", ylabel=title, ylim=(0, 1.3))
            ax.legend(loc="upper right", fontsize=8)

