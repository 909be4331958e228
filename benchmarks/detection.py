"""The decks' story in milliseconds: every detector, untrained, on the same scenes, proposals counted, in turn."""

import argparse

import numpy as np

import pyconvnet as pcn
from benchmarks.interleave import medians
from lectures.detection.fast_rcnn import FastRCNN
from lectures.detection.faster_rcnn import FasterRCNN
from lectures.detection.overfeat import OverFeat
from lectures.detection.proposing.constant_proposals import kmeans_boxes
from lectures.detection.rcnn import RCNN
from lectures.detection.rcnn_minus_r import RCNNMinusR
from lectures.detection.regions.feature_sharing import share_against_recompute
from lectures.detection.retinanet import RetinaNet
from lectures.detection.sliding_window import SlidingWindow
from lectures.detection.spp_net import SPPNet
from lectures.detection.ssd import SSD
from lectures.detection.yolo import OneShotDetector
from lectures.detection.yolo9000 import YOLO9000
from lectures.detection.yolo_v1 import YoloV1
from lectures.detection.yolo_v2 import YoloV2
from lectures.detection.yolo_v3 import YOLOv3
from lectures.macs import counted_macs

CERTAIN = 0.99  # no untrained network is so sure: the last suppression, of few boxes once trained, has nothing to do


def detectors(classes):
    """{name: detector} in the order of the decks. Untrained: what they compute does not depend on what they know."""
    pcn.manual_seed(0)
    scenes = pcn.data.ShapeScenes(200, "train")
    constant = kmeans_boxes(np.concatenate([boxes for _, (boxes, _) in scenes]), 400)
    return {
        "sliding_window": SlidingWindow(classes),
        "overfeat": OverFeat(classes),
        "rcnn": RCNN(classes),
        "spp_net": SPPNet(classes),
        "fast_rcnn": FastRCNN(classes),
        "rcnn_minus_r": RCNNMinusR(classes, constant),
        "faster_rcnn": FasterRCNN(classes),
        "yolo": OneShotDetector(classes),
        "yolo_v1": YoloV1(classes),
        "yolo_v2": YoloV2(classes),
        "yolo9000": YOLO9000(classes),
        "yolo_v3": YOLOv3(classes),
        "ssd": SSD(classes),
        "retinanet": RetinaNet(classes),
    }


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks detection", description=__doc__)
    parser.add_argument("--pictures", type=int, default=10, help="scenes a detector is asked about at a time")
    options = parser.parse_args(arguments)
    scenes = pcn.data.ShapeScenes(options.pictures, "test")
    images = np.stack([image for image, _ in scenes])
    found = detectors(scenes.classes)
    calls = {name: lambda model=model: model.predict(images, CERTAIN) for name, model in found.items()}
    seconds = medians(calls, seconds=2)
    print(f"{options.pictures} scenes of 64 x 64, untrained networks, median per picture, proposals included")
    print(f"{'':16s} {'ms':>8s} {'of faster':>10s} {'million MACs':>13s}")
    for name, model in found.items():
        with counted_macs(model) as macs:
            model.predict(images, CERTAIN)
        ms, ratio = 1e3 * seconds[name] / len(images), seconds[name] / seconds["faster_rcnn"]
        print(f"{name:16s} {ms:8.2f} {ratio:9.1f}x {macs.total / len(images) / 1e6:13.1f}")
    fast = found["fast_rcnn"]
    regions = fast.propose(images[0])[:200]
    shared = share_against_recompute(fast.features, images[0], regions)
    print(
        f"\nfeatures of the same {shared['regions']} regions, once per picture against once per region (R-CNN): "
        f"{shared['times_faster']:.0f} times faster, {shared['times_fewer_macs']:.0f} times fewer MACs"
    )
