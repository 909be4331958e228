r"""Who is it? A gallery of known faces that grows without training, and a classifier that must be trained again.

Deck "Fun Ways To Use ConvNets", slides "Face Recognition/Verification" (1 and 2, in part): verification is 1:1, "does
presented face match a target face", recognition 1:N, "match face in image against a database of faces". A classifier
over all people has many labels and must be retrained for each new face; "idea: train ConvNet once to extract features
from faces". Deck "Computer Vision - Lecture 16: Deep Learning Applications", slides "Other Tasks: Face Verification"
and "Discriminative Face Embeddings". Schroff et al., "FaceNet" (2015); Huang et al., "Labeled Faces in the Wild" (2007)
for the ten folds; Wang et al., "NormFace" (2017) for the cosine-softmax.

Two embeddings are compared on people that neither has seen: that of the triplet loss, and that of a classifier whose
last layer is thrown away. From 400 painted people the first learns more. With --data faces:DIR the people of a folder
of photographs (ORL, LFW) are split by --seed; from 30 people of ORL both learn about as much. Read those numbers with
care: that the classifier's is judged, and its steps, were chosen on ORL, on splits that are reported (seeds 0 to 2).
And Fisherfaces, linear and of 1997, are not far behind: they pass the floors that were set there for networks.
"""

import time

import numpy as np

import pyconvnet as pcn
from lectures.faces import triplet
from lectures.faces.drawing import recognition_figures as figures
from lectures.faces.foundation.classifier import FaceClassifier, classification_loss
from lectures.faces.foundation.collapse import warn_if_collapsed
from lectures.faces.foundation.eigenfaces import baselines
from lectures.faces.foundation.gallery import Gallery
from lectures.faces.foundation.learning import Settings, learn
from lectures.faces.foundation.portraits import FaceData, face_data
from lectures.faces.foundation.verification import judge, scores_of
from lectures.faces.triplet import METRICS, enter

CLASSIFIER = Settings(steps=1400, people=32, pictures=2)  # more people a batch: there are 400 labels
CLASSIFIER_FOR_PHOTOGRAPHS = Settings(steps=450)
RETRAINING = Settings(steps=1400, people=32, pictures=2)
RETRAINING_FOR_PHOTOGRAPHS = Settings(steps=300)
NEWCOMERS = 10  # people
ENROLLED_WITH = 3  # pictures of each


def trained_classifier(options, report, data, settings=None):
    """A FaceClassifier of the training people, and its Training."""
    pcn.manual_seed(options.seed)
    model = FaceClassifier(triplet.embedding_for(data), data.train.count)
    settings = settings or (CLASSIFIER_FOR_PHOTOGRAPHS if data.photographs else CLASSIFIER)
    return model, learn(model, classification_loss, data, settings, options, report, stage="classifier")


def run(options, report):
    """The lecture: two embeddings judged 1:1 and 1:N on people never seen, the gallery, the newcomers."""
    data = face_data(options)
    classifier, training = trained_classifier(options, report, data)
    report.train_seconds = 0.0
    by_triplets = triplet.kept(options, report, data)
    models = {"triplet": by_triplets, "softmax": classifier.embedding}
    chosen = "softmax" if data.photographs else "triplet"
    if chosen == "softmax":
        report.train_seconds = training.seconds  # of the network that is judged
    images, people = data.test.images(), data.test.people
    vectors = {name: model.embed(images, mirrored=data.photographs) for name, model in models.items()}
    scores = {name: scores_of(v) for name, v in vectors.items()}
    for name, s in scores.items():
        if not options.quick:  # after so few steps all faces are still near each other
            warn_if_collapsed(vectors[name])
        found = judge(s, people, data.among, options.seed)
        report.variants[f"{name} embedding"] = {metric: found[metric] for metric in METRICS}
        if name == chosen:
            enter(report, found)
    early = classifier.embedding.embed(images, mirrored=data.photographs, early=True)
    found = judge(scores_of(early), people, data.among, options.seed)
    report.variants["softmax, one layer earlier"] = {metric: found[metric] for metric in METRICS}
    scores |= baselines(data, report, METRICS)
    figures.roc(report, scores, people)
    figures.distances(report, vectors[chosen], people)

    if data.test.count >= 4:
        gallery, outcome = open_set(vectors[chosen], data.test, options.seed)
        report.extra.update(outcome)
        figures.gallery(report, gallery, data.test, vectors[chosen], options.seed)
    else:
        print(f"strangers and a threshold take four unseen people at least, here are {data.test.count}")
    report.extra.update(newcomers(options, report, data, classifier, models[chosen]))


def open_set(vectors, portraits, seed=0):
    """A Gallery of a quarter of the people with one picture each, asked about them and about strangers: (it, shares).

    "nobody_I_know": strangers who were turned away; "known_and_named": other pictures of the enrolled that got the
    right name. The threshold is the one that does best at a rehearsal with the two other quarters. That of pairs would
    be too lenient: a stranger is compared with everybody, and need only be like one of them.
    """
    people = np.random.default_rng((seed, portraits.count)).permutation(portraits.count)
    known, strangers, known_before, strangers_before = np.array_split(people, 4)
    _, distances, right, away = _asked(vectors, portraits, known_before, strangers_before)
    ends = np.unique(np.concatenate([[0], distances, away, [4]]))
    candidates = (ends[1:] + ends[:-1]) / 2
    done = [((distances <= t) & right).mean() + (away > t).mean() for t in candidates]
    gallery, distances, right, away = _asked(vectors, portraits, known, strangers)
    gallery.threshold = float(candidates[int(np.argmax(done))])
    return gallery, {
        "threshold": gallery.threshold,
        "known_and_named": float(((distances <= gallery.threshold) & right).mean()),
        "nobody_I_know": float((away > gallery.threshold).mean()),
    }


def _asked(vectors, portraits, known, strangers):
    """(a Gallery of `known` with their first pictures; of their others the nearest distance, and whether it is theirs;
    the nearest distance of all pictures of `strangers`)."""
    gallery, others = Gallery(), []
    for person in known:
        first, *rest = np.flatnonzero(portraits.people == person)
        gallery.enrol(name_of(portraits, person), vectors[first])
        others += rest
    matches = [gallery.identify(vectors[i]) for i in others]
    right = [match.nearest == name_of(portraits, portraits.people[i]) for match, i in zip(matches, others)]
    away = [gallery.identify(v).distance for v in vectors[np.isin(portraits.people, strangers)]]
    return gallery, np.array([match.distance for match in matches]), np.array(right), np.array(away)


def name_of(portraits, person):
    """The name in the folder, or "person 7"."""
    return portraits.names[person] if portraits.names else f"person {person}"


def newcomers(options, report, data, classifier, model):
    """What it takes to know some new people, each by a few pictures: enrolling them, or training the classifier again.

    Both answer among all people, old and new; asked are other pictures of the new ones. A classifier of painted faces
    that is retrained knows the few new pictures by heart, and other pictures of the same people not yet. Numbers for
    the report, none where nobody has so many pictures.
    """
    new = np.flatnonzero(np.bincount(data.test.people) > ENROLLED_WITH)[:NEWCOMERS].tolist()
    if not new:
        return {}
    enrolled = data.test.of(new, ENROLLED_WITH)
    asked, truth = _others(data.test, new, ENROLLED_WITH)
    mirrored = data.photographs
    old = data.train.of(range(data.train.count), ENROLLED_WITH)
    gallery = Gallery()
    embeddings = model.embed(old.images(), mirrored=mirrored)
    for person in range(data.train.count):
        gallery.enrol(f"old {person}", embeddings[old.people == person])
    begin = time.perf_counter()
    embeddings = model.embed(enrolled.images(), mirrored=mirrored)
    for person in range(len(new)):
        gallery.enrol(f"new {person}", embeddings[enrolled.people == person])
    enrolling = time.perf_counter() - begin
    named = [gallery.identify(v).name for v in model.embed(asked, mirrored=mirrored)]

    pcn.manual_seed(options.seed)  # for the new labels: what was drawn before depends on what the cache held
    larger = classifier.with_more(len(new))
    before = larger.predict(asked, mirrored)
    begin = time.perf_counter()
    retrain(options, report, data, larger, enrolled)
    retraining, after = time.perf_counter() - begin, larger.predict(asked, mirrored)
    truth_there, own = classifier.people + truth, classifier.people + enrolled.people
    return {
        "newcomers": len(new),
        "newcomers_named_by_gallery": float(np.mean([n == f"new {t}" for n, t in zip(named, truth)])),
        "enrolling_ms_each": 1000 * enrolling / len(new),
        "newcomers_named_by_classifier": float((before == truth_there).mean()),
        "newcomers_named_after_retraining": float((after == truth_there).mean()),
        "the_pictures_it_was_retrained_on": float((larger.predict(enrolled.images(), mirrored) == own).mean()),
        "retraining_seconds": retraining,
    }


def retrain(options, report, data, classifier, newcomers):
    """Train a classifier with labels for the newcomers on everybody: the people it knows, and the few new pictures."""
    everybody = FaceData(data.train.and_also(newcomers), data.test, data.vary, data.photographs)
    seconds = report.train_seconds
    settings = RETRAINING_FOR_PHOTOGRAPHS if data.photographs else RETRAINING
    learn(classifier, classification_loss, everybody, settings, options, report, stage="newcomers")
    report.train_seconds = seconds  # not of the embedding


def _others(portraits, people, without):
    """(images, who) of the pictures of some people but the first `without` of each."""
    found = [np.flatnonzero(portraits.people == person)[without:] for person in people]
    return portraits.images(np.concatenate(found)), np.repeat(np.arange(len(people)), [len(f) for f in found])
