"""Many background boxes, few objects: what focal loss is worth, and what the start of the biases is worth.

{cross-entropy, focal} x {prior .01, zero bias} on pictures of 128 pixels with objects of 8 to 24: more than six
hundred negative anchors to a positive one. The same steps, pictures and learning rate for all four.
"""

from dataclasses import replace

import numpy as np

import pyconvnet as pcn
from lectures.course import LOCALISATION
from lectures.detection import retinanet
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.evaluation import average_precisions
from lectures.evidence.arms import bars, fewer, kept_arm
from lectures.kept_network import code_of
from lectures.verdict import Claim

SETTINGS = replace(retinanet.SHORT["tiny128"], steps=300, quick=1)
LOSSES = {"cross-entropy": retinanet.cross_entropy, "focal": retinanet.focal}
STARTS = {"zero bias": retinanet.ZERO_BIAS, "prior .01": retinanet.PRIOR}
CODE = code_of(retinanet.__file__)
MEASURED = {}  # (seed, quick): what all three claims look at


def four_arms(options, report):
    """{"arms": {"focal, prior .01": {"map50", "map50_95", "first_loss"}, ...}, "negatives_to_a_positive"}."""
    key = options.seed, options.quick
    if key not in MEASURED:
        MEASURED[key] = measure_arms(options, report)
    return MEASURED[key]


def measure_arms(options, report):
    """Train and judge all four."""
    data, arms = detection_data(options, train_count=2000, test_count=200, variant="tiny128"), {}
    data = fewer(data, options.quick, 3, 2)
    for start in STARTS:
        for loss in LOSSES:
            found = average_precisions(arm(options, report, data, loss, start), data.test)
            arms[f"{loss}, {start}"] = found | {"first_loss": first_loss(data, options.seed, loss, start)}
    return {"arms": arms, "negatives_to_a_positive": retinanet.imbalance(data)}


def arm(options, report, data, loss, start):
    """RetinaNet trained with that loss from that start, once for all three claims."""

    def train():
        stage = f"imbalance-{loss}-{start}".replace(" ", "-")
        return retinanet.trained(options, report, data, LOSSES[loss], STARTS[start], SETTINGS, stage)[0]

    identity = (*CODE, "imbalance", options.seed, options.quick, SETTINGS, loss, STARTS[start])
    return kept_arm(retinanet.RetinaNet(data.classes, prior=STARTS[start]), train, *identity)


def first_loss(data, seed, loss, start, pictures=8):
    """The class loss per positive anchor before anything is learned: what the many negatives weigh to begin with."""
    pcn.manual_seed(seed)
    model = retinanet.RetinaNet(data.classes, prior=STARTS[start])
    images, targets = zip(*(data.train[i] for i in range(min(pictures, len(data.train)))))
    with pcn.no_grad():
        said = model(pcn.tensor(np.stack(images)))
        losses = retinanet.retinanet_loss(*said, model.anchors(*data.size), list(targets), LOSSES[loss])
    return losses["class"].item()


def measure_prior(options, report):
    """What the prior gains over a bias of zero, mean of both losses."""
    found = four_arms(options, report)
    gains = [gain(found, (loss, "prior .01"), (loss, "zero bias")) for loss in LOSSES]
    return {"effect": float(np.mean(gains)), **found}


def measure_focal_alone(options, report):
    """What focal loss gains over cross-entropy where both begin at a bias of zero."""
    found = four_arms(options, report)
    return {"effect": gain(found, ("focal", "zero bias"), ("cross-entropy", "zero bias")), **found}


def measure_focal_with_prior(options, report):
    """What focal loss gains over cross-entropy where both begin at the prior."""
    found = four_arms(options, report)
    return {"effect": gain(found, ("focal", "prior .01"), ("cross-entropy", "prior .01")), **found}


def gain(found, one, other):
    """mAP at IoU .5 of an arm (loss, start) above that of another."""
    return found["arms"][", ".join(one)]["map50"] - found["arms"][", ".join(other)]["map50"]


def draw_arms(ax, runs):
    """A bar for each of the four; below it the loss that its training began with."""
    bars(ax, runs, "mAP at IoU .5, unseen scenes")
    texts = []
    for name in runs[0]["arms"]:
        first = np.mean([run["arms"][name]["first_loss"] for run in runs])
        loss, start = name.split(", ")
        texts.append(f"{loss}\n{start}\nfirst loss {first:.1f}")
    ax.set_xticks(range(len(texts)), texts, fontsize=8)
    ratio = np.mean([run["negatives_to_a_positive"] for run in runs])
    ax.set_title(f"{ratio:.0f} negative anchors to a positive one", fontsize=10)


CLAIMS = (
    Claim(
        number="12a",
        title="Starting from 'rarely an object' rescues from imbalance",
        says="Imbalance problem negatively impacts prediction results",
        deck=LOCALISATION,
        slide="RetinaNet",
        effect="mAP at IoU .5 with the prior .01 minus with a bias of zero, mean of cross-entropy and focal loss",
        measure=measure_prior,
        draw=draw_arms,
    ),
    Claim(
        number="12b",
        title="Focal loss rescues from imbalance where nothing else does",
        says="Focal loss to manage imbalance between background and real objects",
        deck=LOCALISATION,
        slide="RetinaNet",
        effect="mAP at IoU .5 with focal loss minus with cross-entropy, both from a bias of zero",
        measure=measure_focal_alone,
        draw=draw_arms,
        because="focal loss begins at a fifth of cross-entropy's loss, but what it gains in 300 steps is small beside "
        "what seeds differ by",
    ),
    Claim(
        number="12c",
        title="Focal loss helps even from the prior",
        says="Focal loss to manage imbalance between background and real objects",
        deck=LOCALISATION,
        slide="RetinaNet",
        effect="mAP at IoU .5 with focal loss minus with cross-entropy, both from the prior .01",
        measure=measure_focal_with_prior,
        draw=draw_arms,
        because="the prior alone cuts cross-entropy's first loss from more than a thousand to about 25 per positive "
        "anchor: little is left to rescue from, and after 300 steps cross-entropy is not behind",
    ),
)
