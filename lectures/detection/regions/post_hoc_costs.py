"""What R-CNN and SPP-net report beside their metric: the slide's complaints (disk, time), and other arrangements.

Deck "Computer Vision - Lecture 16", slide "Problems with R-CNN": "Training (3 days) and testing (47s per image) is
slow. Takes a lot of disk space: need to store all precomputed CNN features for training. Easily 200GB of data".
"""

import pyconvnet as pcn
from lectures.detection.foundation.evaluation import LENIENT, enter_variant
from lectures.detection.foundation.stopwatch import fastest
from lectures.detection.foundation.suppression import suppress
from lectures.macs import counted_macs

VOC_PICTURES, VOC_REGIONS, ALEXNET_FC7 = 5011, 2000, 4096  # VOC 2007 trainval, Selective Search, its features


def disk(model, features):
    """What the features take, and what they would at the scale of the slide's complaint, in bytes."""
    floats = model.box_weight.shape[1] - 1 + model.svm_weight.shape[1]  # x_pool5 and x_fc7 of one region
    return {
        "feature_bytes_kept": features.bytes,
        "feature_bytes_all": 4 * floats * len(features.hidden),
        "feature_gigabytes_for_voc": 4e-9 * floats * VOC_PICTURES * VOC_REGIONS,
        "feature_gigabytes_for_voc_by_alexnet": 4e-9 * ALEXNET_FC7 * VOC_PICTURES * VOC_REGIONS,
    }


def compare(model, test, report):
    """Variants on the unseen pictures: without box regression, and the softmax in place of the SVMs.

    Every region is looked at once; map50 and map75 of each go to the report.
    """
    settings = {"svm": ("svm", True), "svm_without_box_regression": ("svm", False), "softmax": ("softmax", True)}
    settings["softmax_without_box_regression"] = ("softmax", False)
    found, truths = {name: [] for name in settings}, [target for _, target in test]
    before = model.classifier, model.regress
    for image, _ in test:
        boxes = model.propose(image)
        looked = model.look(image, boxes)
        for name, (model.classifier, model.regress) in settings.items():
            moved, scores, labels = model.answers(boxes, *looked, LENIENT)
            moved = pcn.ops.clip_boxes_to_image(moved, image.shape[1:])
            found[name].append(suppress(moved, scores, labels, model.nms))
    model.classifier, model.regress = before
    for name, detections in found.items():
        enter_variant(report, name, detections, truths)


def cost(model, image, propose, repeats=3):
    """Milliseconds and multiply-accumulates of one picture: its proposals, and its regions' features."""
    regions = propose(image)
    with counted_macs(model) as macs:
        model.look(image, regions)
    return {
        "proposals": len(regions),
        "ms_proposals": 1000 * fastest(lambda: propose(image), repeats),
        "ms_features": 1000 * fastest(lambda: model.look(image, regions), repeats),
        "macs_per_image": macs.total,
    }
