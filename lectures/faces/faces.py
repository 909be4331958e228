"""All of it: who is in this picture? Detect, align, embed, identify, with several people in one picture.

Deck "Fun Ways To Use ConvNets", slides "Face Recognition/Verification" (1 to 4): face detection, recognition against a
database, verification; train a ConvNet once to extract features, so that a new face needs no retraining; crop and
align. Deck "Computer Vision - Lecture 16: Deep Learning Applications", slide "Commercial Recognition Services" (1, in
part: what such a service does with a picture). The parts are those of `face_detection`, `face_alignment` and
`triplet`; here they come one after the other, and each gets the mistakes of the one before it.

So each learns from what it will get: landmarks and embedding from faces of 20 to 32 pixels, cut out of scenes along
boxes that are a little off, and the embedding from faces that the landmark network has aligned. Twenty people who were
in no training picture are then enrolled with one portrait each; in test scenes they stand among twenty strangers and
ovals without eyes. From which distance on a face is "nobody I know" is chosen on other people still; not as for pairs:
among twenty people a stranger has twenty chances to look like somebody.

Ours is smaller: painted people in pictures of 128 pixels, three networks of a minute in all.
"""

import numpy as np

from lectures.demo_window import of_the_last_run
from lectures.detection.foundation.datasets import DetectionData
from lectures.detection.foundation.matching import overlaps
from lectures.faces import face_alignment, face_detection, triplet
from lectures.faces.drawing import identity_figures
from lectures.faces.drawing.identity_demo import IdentityDemo
from lectures.faces.foundation.alignment import aligned
from lectures.faces.foundation.embedding import standardised, unit
from lectures.faces.foundation.gallery import Gallery
from lectures.faces.foundation.heads import heads_of
from lectures.faces.foundation.landmark_data import LandmarkData, mirror
from lectures.faces.foundation.learning import Settings
from lectures.faces.foundation.portraits import FaceData, Portraits
from lectures.faces.foundation.recogniser import SIZE, Recogniser
from lectures.faces.foundation.verification import all_pairs, balanced_threshold, scores_of
from pyconvnet.data import Faces, FaceScenes

PARTY = {"size": 128, "most": 5, "side": (20, 32)}  # pixels; people in a picture; pixels of a head
TRAIN, TEST = 3000, 200  # scenes
KNOWN, STRANGERS = 20, 20  # people of the test scenes
OTHERS = 60  # people on whom the threshold is chosen
EMBEDDING = Settings(steps=1500, quick=10)


def scenes_of(options, split, count, people=400):
    """Scenes with several people of a split; a few with --quick."""
    count = min(count, 60 if split == "train" else 12) if options.quick else count
    return FaceScenes(count, split, seed=options.seed, people=people, **PARTY)


def trained(options, report):
    """A Recogniser that has learned to detect, find landmarks and embed; nobody is enrolled yet."""
    if options.data is not None:
        raise ValueError(
            f"--data {options.data}: this lecture has painted people only; triplet and recognition take faces:DIR, "
            "face_detection images:DIR, face_alignment faces:DIR with a table of landmarks"
        )
    small = FaceScenes(64 if options.quick else face_detection.TRAIN, "train", seed=options.seed)
    boxes = DetectionData(small, FaceScenes(1, "val", seed=options.seed), face_detection.vary_faces)
    detector, _ = face_detection.trained(options, report, boxes, stage="detector")
    train = heads_of(scenes_of(options, "train", TRAIN), options.seed)
    val = heads_of(scenes_of(options, "val", TEST, OTHERS), options.seed)
    points = LandmarkData(train.images, train.landmarks, val.images, val.landmarks, mirror)
    finder, _ = face_alignment.trained(options, report, points)
    parts = [Portraits(aligned(p.images, finder.landmarks(p.images), SIZE)[0], p.people) for p in (train, val)]
    embedding, _ = triplet.trained(options, report, FaceData(*parts), EMBEDDING, stage="embedding")
    scores = scores_of(embedding.embed(parts[1].images()))
    report.extra["threshold_for_pairs"] = threshold_for_pairs(scores, parts[1].people)
    threshold = threshold_among_many(scores, parts[1].people, KNOWN, np.random.default_rng(options.seed))
    return Recogniser(detector, finder, embedding, Gallery(threshold, network=embedding))


def threshold_for_pairs(scores, people):
    """1:1, the squared distance at which pairs of one person and of two part best; scores (n, n), people (n,)."""
    i, j, same = all_pairs(people)
    return max(0.0, float(-balanced_threshold(scores[i, j], same)))


def threshold_among_many(scores, people, among, rng, repeats=50):
    """1:N, the squared distance to the nearest of `among` people at which those enrolled and strangers part best.

    It is shorter than that for pairs: a stranger has `among` chances to look like somebody. Every draw enrols other
    people with one picture each, and asks about all other pictures. scores (n, n), people (n,): none enrolled later.
    """
    nearest, enrolled, everybody = [], [], np.unique(people)
    for _ in range(repeats):
        known = rng.choice(everybody, min(among, len(everybody) // 2), replace=False)
        gallery = np.array([rng.choice(np.flatnonzero(people == person)) for person in known])
        asked = np.setdiff1d(np.arange(len(people)), gallery)
        nearest.append(scores[np.ix_(asked, gallery)].max(1))
        enrolled.append(np.isin(people[asked], known))
    return max(0.0, float(-balanced_threshold(np.concatenate(nearest), np.concatenate(enrolled))))


def framed(face):
    """A portrait (3, 32, 32) with its border continued, 64 x 64 pixels: what one enrols with."""
    return np.pad(face, ((0, 0), (16, 16), (16, 16)), mode="edge")


def enrol_people(recogniser, options, report):
    """Enrol KNOWN people of the test split, one portrait each, as for a passport: no hat, no glasses, one face.

    Where no portrait will do, the whole of one is taken for the face; who has no landmarks there either stays unknown.
    Returns {name: the aligned face}.
    """
    faces, known = Faces(KNOWN, 10, "test", seed=options.seed, upright=True), {}
    report.extra["portraits_without_one_face"] = 0
    for person in range(KNOWN):
        pictures = range(person * faces.pictures, (person + 1) * faces.pictures)
        for i in sorted(pictures, key=lambda i: faces.attributes(i)["hat"] + faces.attributes(i)["glasses"]):
            try:
                face = recogniser.the_face(framed(faces[i][0]))
            except ValueError:  # none, or two: the photographer tries again
                report.extra["portraits_without_one_face"] += 1
                continue
            break
        else:
            found = recogniser.look(framed(faces[pictures[0]][0]), [[19, 19, 45, 45]], [0.0])
            if not found:
                continue
            face = found[0]
        recogniser.gallery.enrol(name_of(person), face.embedding)
        known[name_of(person)] = face.aligned
    return known


def name_of(person):
    """What person number i is called; strangers have names, too, but nobody knows them."""
    return NAMES[person] if person < len(NAMES) else f"stranger {person}"


NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gia", "Hugo", "Ida", "Jon",
         "Kira", "Leo", "Mia", "Noah", "Olga", "Paul", "Rosa", "Sam", "Tess", "Uwe")  # fmt: skip


def judge(recogniser, scenes):
    """What became of every face of the scenes: {"recall", "rank1", "accuracy"} and more, shares.

    recall: found (IoU 0.5). rank1: of those found whose person is enrolled, the nearest is right. accuracy: of all
    faces, found and called by the right name, or "nobody I know" for a stranger. strangers_named: of those found.
    """
    found, nearest, right, strangers, nothing, named = [], [], [], [], [], 0
    known = set(recogniser.gallery.names)
    for i in range(len(scenes)):
        image, (boxes, _) = scenes[i]
        answers = recogniser.identify(image)
        table = overlaps(np.array([face.box for face, _ in answers]).reshape(-1, 4), boxes)
        for k, person in enumerate(scenes.people(i)):
            name = name_of(person) if name_of(person) in known else None
            at = int(table[:, k].argmax()) if len(table) else -1
            found.append(at >= 0 and table[at, k] >= 0.5)
            match = answers[at][1] if found[-1] else None
            if match and name:
                nearest.append(match.nearest == name)
            right.append(match is not None and match.name == name)
            if match and not name:
                strangers.append(match.name is not None)
        stray = (table < 0.5).all(1) if len(boxes) else np.full(len(answers), True)
        nothing.append(int(stray.sum()))
        named += sum(answers[k][1].name is not None for k in np.flatnonzero(stray))
    return {
        "recall": float(np.mean(found)), "rank1": float(np.mean(nearest)) if nearest else float("nan"),
        "accuracy": float(np.mean(right)), "strangers_named": float(np.mean(strangers)) if strangers else float("nan"),
        "boxes_without_a_face": sum(nothing), "of_these_named": named,
    }  # fmt: skip


def run(options, report):
    """The lecture: learn, enrol, and say who is in pictures of people never seen in training."""
    recogniser = trained(options, report)
    known = enrol_people(recogniser, options, report)
    scenes = scenes_of(options, "test", TEST, KNOWN + STRANGERS)
    result = judge(recogniser, scenes)
    report.metrics.update({name: result.pop(name) for name in ("recall", "rank1", "accuracy")})
    report.extra |= result | {"threshold": recogniser.gallery.threshold}
    compare(report, recogniser, scenes)
    report.baselines.update(baselines(recogniser, scenes, known))
    recogniser.gallery.save(report.folder / "gallery.safetensors")
    party = max(range(min(40, len(scenes))), key=lambda i: len(scenes[i][1][0]))
    identity_figures.who_is_who(report, recogniser, scenes[party][0], known)
    identity_figures.several(report, recogniser, scenes)
    identity_figures.thresholds(report, recogniser, scenes, name_of)


def compare(report, recogniser, scenes):
    """Variants: the threshold for one of many, that for pairs, and none at all."""
    own = recogniser.gallery.threshold
    thresholds = {"for one of many": own, "for pairs": report.extra["threshold_for_pairs"], "none": 4.0}
    for name, threshold in thresholds.items():
        recogniser.gallery.threshold = threshold
        found = judge(recogniser, scenes)
        report.variants[f"threshold {name}"] = {"distance": threshold, "accuracy": found["accuracy"],
                                                "strangers named": found["strangers_named"]}  # fmt: skip
    recogniser.gallery.threshold = own


def baselines(recogniser, scenes, known):
    """Always "nobody I know", and for rank1 the nearest enrolled face by the distance of its aligned pixels."""
    people = np.concatenate([scenes.people(i) for i in range(len(scenes))])
    names = [name_of(person) for person in people]
    nobody = float(np.mean([name not in known for name in names]))
    heads = heads_of(scenes)
    straight, _ = aligned(heads.images, heads.landmarks, SIZE)
    pixels = (standardised(images) for images in (straight, np.stack(list(known.values()))))
    asked, there = (unit(grey.reshape(len(grey), -1)) for grey in pixels)
    nearest = np.array(list(known))[(asked @ there.T).argmax(1)]
    enrolled = np.array([name in known for name in names])
    return {"accuracy": nobody, "rank1": float((nearest == names)[enrolled].mean()) if enrolled.any() else float("nan")}


def demo(options, report):
    """A slider for the distance from which on a face is nobody's (networks are trained first if there are none)."""
    recogniser = of_the_last_run(lambda: trained(options, report), options)
    enrol_people(recogniser, options, report)
    window = IdentityDemo(recogniser, scenes_of(options, "test", TEST, KNOWN + STRANGERS))
    window.show()
    return window
