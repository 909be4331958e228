"""Deeper networks do better? The same detector, grid, steps and pictures with 4, 6 and 8 convolutions."""

import numpy as np

import pyconvnet as pcn
from lectures.course import VISION_16
from lectures.detection import yolo
from lectures.detection.foundation.backbone import WIDTHS, conv_layer
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.foundation.evaluation import average_precisions
from lectures.detection.foundation.learning import Settings, learn
from lectures.evidence.arms import bars, fewer
from lectures.verdict import Claim
from pyconvnet import nn

SETTINGS = Settings(steps=500, batch=32, lr=3e-3, quick=2)
PER_STAGE = (1, 2, 3)  # convolutions at strides 4 and 8; two come before: 4, 6 (the lecture's) and 8 in all


def backbone(per_stage):
    """The plain backbone of stride 8 with `per_stage` convolutions, instead of two, at stride 4 and at stride 8."""
    stem, middle, top = WIDTHS
    layers = [*conv_layer(3, stem, kernel_size=5, stride=2), *conv_layer(stem, middle)]
    for width in (middle, top):  # that comes in
        layers += [nn.MaxPool2d(2), *conv_layer(width, top)]
        for _ in range(per_stage - 1):
            layers += conv_layer(top, top)
    return nn.Sequential(*layers)


def measure_depth(options, report):
    """The one-shot detector on backbones of three depths; the effect is that of the deepest over the shallowest."""
    data, arms = fewer(detection_data(options, train_count=6000, test_count=400), options.quick), {}
    for per_stage in PER_STAGE:
        pcn.manual_seed(options.seed)
        model = yolo.OneShotDetector(data.classes)
        model.features = backbone(per_stage)
        learn(model, yolo.OneShotDetector.loss, data, SETTINGS, options, report, f"depth-{per_stage}")
        name = f"{sum(isinstance(layer, nn.Conv2d) for layer in model.features)} convolutions"
        arms[name] = average_precisions(model, data.test)
        arms[name]["weights"] = sum(int(np.prod(p.shape)) for p in model.features.parameters())
    first, *_, last = arms.values()
    return {"effect": last["map50"] - first["map50"], "arms": arms}


def draw_depth(ax, runs):
    """A bar for each depth."""
    bars(ax, runs, "mAP at IoU .5, unseen scenes", colours=("#999999", "#56B4E9", "#0072B2"))


CLAIMS = (
    Claim(
        number="35b",
        title="A deeper detector does better",
        says="Deeper networks do better",
        deck=VISION_16,
        slide="Summary",
        effect="mAP at IoU .5 of YOLO with 8 convolutions before its output minus with 4, same steps",
        measure=measure_depth,
        draw=draw_depth,
    ),
)
