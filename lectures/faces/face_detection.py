"""Face detection: is there a face in the picture, and where? A detector that knows one class.

Deck "Fun Ways To Use ConvNets", slides "Face Recognition/Verification" (1 and 4, in part: detection, cropping): "is
there a face in the image, e.g. putting bounding box around faces in camera viewfinder -> special case of object
detection"; predict a box for the face, then crop. So nothing here is new: the network, its default boxes, its loss and
its answers are those of `lectures/detection/ssd.py`, Liu et al., "SSD" (2016), with C = 1.

What is new is what it must not find. Besides 0 to 3 faces the scenes hold ovals of skin with hair, with a mouth, and
without eyes. A second detector learns from scenes that have no ovals: it takes ovals for faces, because nothing ever
asked it to look at more than the outline.

With --data images:DIR the detector also looks at your photographs, halved again and again, because it knows heads of
14 to 32 pixels only. It has seen painted faces alone, and still finds some real ones. With --data
images:DIR,faces:FOLDER it learns from grey scenes into which the portraits of an identity folder like ORL are pasted,
and looks at your photographs in grey: in group photographs it then finds most faces, and some shirts. Nobody said where
the faces in your photographs are: what it draws there is to be looked at, no number is made of it.
"""

from dataclasses import replace

import numpy as np

import pyconvnet as pcn
from lectures.detection import ssd
from lectures.detection.drawing import figures
from lectures.detection.foundation.datasets import DetectionData, detection_data
from lectures.detection.foundation.evaluation import judge, predictions
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.foundation.matching import overlaps
from lectures.detection.foundation.suppression import suppress
from lectures.detection.foundation.threshold_demo import demonstrate
from lectures.faces.foundation.pasted_faces import PastedFaces
from pyconvnet import functional as F

TRAIN, TEST = 4000, 500  # scenes
SETTINGS = Settings(steps=500, batch=16, lr=3e-3, quick=25)
PASTED = replace(SETTINGS, steps=1500)  # where real faces are to be learned
SURE = 0.9  # in photographs: most of what they show is nothing that the detector has seen
SHORT = 300  # steps of the detector that never sees an oval, and of the one that is compared with it
LONGEST = 1024  # pixels of a photograph
SMALLEST = 48  # pixels: of a photograph that is halved no further


def vary_faces(images, targets, rng):
    """Mirror left and right: a face has an up."""
    return pcn.data.flip_batch(images, targets, rng, horizontal=True)


def face_data(options, ovals=True):
    """Scenes with painted faces, or with those of an identity folder; or your own boxes by voc:DIR, coco:FILE."""
    photographs, faces = photograph_folders(options)
    if options.data and not photographs:
        return detection_data(options)
    train, test = (64, 40) if options.quick else (TRAIN, TEST)
    if faces:
        parts = [PastedFaces(n, faces, split, options.seed, skip_bad=options.skip_bad)
                 for n, split in ((train, "train"), (test, "test"))]  # fmt: skip
        say_what_is_left_out(parts[0])
        return DetectionData(*parts, vary_faces)
    scenes = pcn.data.FaceScenes
    parts = scenes(train, "train", seed=options.seed, ovals=ovals), scenes(test, "test", seed=options.seed)
    return DetectionData(*parts, vary_faces)


def say_what_is_left_out(folder):
    """A line for every file that --skip-bad skipped."""
    for defect in folder.skipped:
        print(f"left out: {defect}")


def photograph_folders(options):
    """(folder of photographs or None, identity folder or None) of --data images:DIR[,faces:FOLDER]."""
    kind, _, place = (options.data or "").partition(":")
    if kind != "images" or not place:
        return None, None
    photographs, comma, faces = place.rpartition(",faces:")
    return (photographs, faces) if comma else (place, None)


def trained(options, report, data, steps=None, stage=""):
    """An SSD that knows the classes of `data`, here one, and its Training."""
    pcn.manual_seed(options.seed)
    model = ssd.SSD(data.classes)

    def loss_of(model, images, targets, rng):
        return ssd.multibox_loss(*model(images), model.anchors(*images.shape[2:]), targets)

    settings = PASTED if isinstance(data.train, PastedFaces) else SETTINGS
    return model, learn(model, loss_of, data, replace(settings, steps=steps or settings.steps), options, report, stage)


def run(options, report):
    """The lecture: train, judge on unseen people in unseen scenes, the variant without ovals, draw."""
    photographs, _ = photograph_folders(options)
    if photographs:
        photographs = pcn.data.PictureFolder(photographs, LONGEST, options.skip_bad)
        say_what_is_left_out(photographs)
    data = face_data(options)
    model, training = trained(options, report, data)
    detections, truths = judge(model, data, report)
    report.metrics["accuracy"], report.baselines["accuracy"] = presence(detections, truths, model.confidence)
    figures.loss_curve(report, training.losses, per="positive box")
    figures.detections(report, data.test, model)
    figures.precision_recall(report, detections, truths, data.classes)
    if photographs:
        draw_photographs(report, model, photographs, grey=isinstance(data.train, PastedFaces))
    if options.data is None:
        report.extra["ovals_taken_for_faces"] = ovals_found(detections, data.test, model.confidence)
        compare(options, report, data, model)


def presence(detections, truths, threshold):
    """"Is there a face in the image?": the share of pictures answered right, and that of always giving one answer."""
    said = np.array([len(scores) > 0 and scores.max() > threshold for _, scores, _ in detections])
    true = np.array([len(target[0]) > 0 for target in truths])
    return float((said == true).mean()), float(max(true.mean(), 1 - true.mean()))


def ovals_found(detections, scenes, threshold):
    """The share of ovals that some box above the threshold covers (IoU 0.5). NaN where there is no oval."""
    hits = []
    for i, (boxes, scores, _) in enumerate(detections):
        hits += (overlaps(scenes.oval_boxes(i), boxes[scores > threshold]) >= 0.5).any(1).tolist()
    return float(np.mean(hits)) if hits else float("nan")


def compare(options, report, data, model):
    """Variants: as many steps with and without ovals among the training scenes, judged on the same scenes."""
    models = {"all that was learned": model}
    for name, ovals in ((f"{SHORT} steps, with ovals", True), (f"{SHORT} steps, without ovals", False)):
        of_variant = data if ovals else face_data(options, ovals=False)
        models[name], training = trained(options, report, of_variant, SHORT, "ovals" if ovals else "no-ovals")
        report.train_seconds -= training.seconds  # the lecture's time is that of its own detector
        detections, truths = predictions(models[name], data.test)
        report.variants[name] = {
            "map50": pcn.metrics.detection_average_precision(detections, truths)["map"],
            "accuracy": presence(detections, truths, model.confidence)[0],
            "ovals taken for faces": ovals_found(detections, data.test, model.confidence),
        }
    draw_ovals(report, data.test, {name.partition(", ")[2]: m for name, m in models.items() if ", " in name})


def draw_ovals(report, scenes, models, count=5):
    """Figure: scenes with ovals, and what the detectors, by name, find in them."""
    some = range(min(60, len(scenes)))
    chosen = sorted(some, key=lambda i: (-len(scenes.oval_boxes(i)), -len(scenes[i][1][0])))[:count]
    with report.figure("ovals", len(models), len(chosen), size=(2.6, 2.9)) as axes:
        for row, (name, model) in zip(axes, models.items()):
            for ax, i in zip(row, chosen):
                image, (faces, _) = scenes[i]
                boxes = model.predict(image[None])[0][0]
                pcn.viz.draw_boxes(image, boxes, ax=ax, linewidth=2)
                ax.set_xlabel(f"{len(boxes)} boxes, {len(faces)} faces")
            row[0].set_title(f"learned {name}", loc="left")


def detect_at_all_sizes(model, image, confidence_threshold=None, nms_threshold=None):
    """(boxes, scores, labels) in a photograph (3, H, W): it is halved until it is small, each size is looked at."""
    found, scale = [], 1.0
    while True:
        boxes, scores, labels = model.predict([image], confidence_threshold, nms_threshold)[0]
        found.append((boxes * np.float32(scale), scores, labels))
        if min(image.shape[1:]) // 2 < SMALLEST:
            break
        down, across = (side - side % 2 for side in image.shape[1:])
        # Bilinear at exactly half the size is the mean of 2 x 2 pixels.
        image = F.interpolate(image[None, :, :down, :across], size=(down // 2, across // 2), mode="bilinear")[0]
        scale *= 2
    boxes, scores, labels = (np.concatenate(part) for part in zip(*found))
    return suppress(boxes, scores, labels, model.nms if nms_threshold is None else nms_threshold)


def draw_photographs(report, model, pictures, grey=False, count=12):
    """Figures: what the detector is SURE of in photographs; how many boxes goes into the report.

    `grey`: it is shown them without colour, if it has learned so.
    """
    report.extra["boxes_in_photographs"] = {}
    for start in range(0, min(count, len(pictures)), 2):
        some = range(start, min(start + 2, count, len(pictures)))
        with report.figure(f"photographs_{start // 2 + 1}", 1, len(some), size=(8, 6)) as axes:
            for ax, i in zip(axes[0], some):
                image, name = pictures[i]
                shown = np.broadcast_to(image.mean(0), image.shape).copy() if grey else image
                boxes = detect_at_all_sizes(model, shown, SURE)[0]
                pcn.viz.draw_boxes(image, boxes, ax=ax, linewidth=2)
                ax.set_title(f"{name}: {len(boxes)} boxes above {SURE}")
                report.extra["boxes_in_photographs"][name] = len(boxes)


def demo(options, report):
    """Sliders for the two thresholds on the trained detector (trained first if there is no checkpoint)."""
    return demonstrate(trained, options, report, face_data(options))
