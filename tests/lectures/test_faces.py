"""All of it in one: who is enrolled, asked and counted, and on whom the threshold is chosen; the slider; its runs."""

import json
from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from toy_recogniser import GREEN, RED, Boxes, Colour, Standard, picture, recogniser

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.faces import face_alignment, face_detection, faces, triplet
from lectures.faces.drawing.identity_demo import IdentityDemo
from lectures.faces.foundation.gallery import Gallery
from lectures.faces.foundation.heads import heads_of
from lectures.faces.foundation.recogniser import SIZE, Recogniser
from pyconvnet.data import Faces, FaceScenes


def test_whom_nothing_finds_stays_unknown(monkeypatch):
    who = Recogniser(Boxes(), Standard(), Colour(), Gallery(0.5))
    report = Namespace(extra={})
    assert len(faces.enrol_people(who, Namespace(seed=0), report)) == len(who.gallery) == faces.KNOWN
    who = Recogniser(Boxes(), Standard(), Colour(), Gallery(0.5))
    monkeypatch.setattr(who.landmarks, "landmarks", lambda images: np.zeros((len(images), 5, 2)))
    assert faces.enrol_people(who, Namespace(seed=0), report) == {} and len(who.gallery) == 0


def people_of(scenes):
    """The identities that scenes show."""
    return {scenes.faces.identity(person) for i in range(len(scenes)) for person in scenes.people(i).tolist()}


def test_networks_threshold_and_scenes_are_of_different_people(monkeypatch):
    """Nobody who is enrolled or asked about was learned from, nor was the threshold chosen on them."""
    cut_from, chosen_on, learned_from = [], [], []

    def cut(scenes, seed):
        cut_from.append(people_of(scenes))
        return heads_of(scenes, seed)

    def choose(scores, people, among, rng):
        chosen_on.append(people)
        return 0.5

    def embed(options, report, data, *settings, **named):
        learned_from.extend((data.train.people, data.test.people))
        return Colour(), None

    monkeypatch.setattr(faces, "heads_of", cut)
    monkeypatch.setattr(faces, "threshold_among_many", choose)
    monkeypatch.setattr(face_detection, "trained", lambda *given, **named: (Boxes(), None))
    monkeypatch.setattr(face_alignment, "trained", lambda *given, **named: (Standard(), None))
    monkeypatch.setattr(triplet, "trained", embed)
    options = Namespace(seed=0, quick=True, data=None)
    faces.trained(options, Namespace(extra={}))
    train, threshold = cut_from
    portraits = Faces(faces.KNOWN, 10, "test")
    known = {portraits.identity(person) for person in range(faces.KNOWN)}
    shown = people_of(faces.scenes_of(options, "test", faces.TEST, faces.KNOWN + faces.STRANGERS))
    assert known & shown and shown - known, "some of those shown are enrolled"
    assert train and threshold and not train & threshold and not (train | threshold) & (known | shown)
    np.testing.assert_array_equal(chosen_on[0], learned_from[1])
    assert len(np.unique(learned_from[0])) == len(train) and len(np.unique(chosen_on[0])) == len(threshold)


def test_nobody_is_asked_about_the_picture_that_enrolled_them():
    """One picture a person, two persons that look alike: if it were asked about itself, 0 would be far enough."""
    people, at = np.arange(8), np.repeat(np.arange(4.0), 2)
    scores = -np.abs(at[:, None] - at) - 0.5 * (people[:, None] != people)
    asked = []

    def best(nearest, enrolled):
        asked.extend(zip(nearest, enrolled))
        return -0.5

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(faces, "balanced_threshold", best)
        assert faces.threshold_among_many(scores, people, 4, np.random.default_rng(0)) == 0.5
    assert len(asked) == 50 * 4 and not any(same for _, same in asked)
    assert max(score for score, _ in asked) == -0.5


def test_heads_are_cut_out_with_their_landmarks_and_people():
    scenes = FaceScenes(20, size=128, most=5, side=(20, 32), people=9)
    heads = heads_of(scenes)
    people = np.concatenate([scenes.people(i) for i in range(20)])
    np.testing.assert_array_equal(heads.people, people)
    assert heads.images.shape == (len(people), 3, SIZE, SIZE) and heads.landmarks.shape == (len(people), 5, 2)
    assert (heads.landmarks > 2).all() and (heads.landmarks < SIZE - 2).all()
    exact = heads_of(scenes, jitter=0)
    assert 0 < np.abs(exact.landmarks - heads.landmarks).mean() < 3
    with pytest.raises(ValueError, match="no face"):
        heads_of(FaceScenes(3, most=0))


def test_among_many_the_threshold_is_shorter():
    """Every person is a place on a circle, every picture a little off it."""
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(40), 5)
    at = rng.uniform(0, 2 * np.pi, 40)[people] + rng.normal(0, 0.05, 200)
    vectors = np.stack([np.cos(at), np.sin(at)], 1)
    scores = -((vectors[:, None] - vectors) ** 2).sum(-1)
    many = faces.threshold_among_many(scores, people, 20, np.random.default_rng(0))
    pairs = faces.threshold_for_pairs(scores, people)
    assert 0 < many < pairs < 0.3


class Truth:
    """Says of every scene what is true of it, but calls person 1 by the name of person 0, and sees a ghost.

    One who is `shy` knows who is nearest, and names nobody.
    """

    def __init__(self, scenes, known, ghost=False, shy=False):
        self.scenes, self.gallery, self.ghost, self.shy, self.at = scenes, Gallery(), ghost, shy, -1
        for k, name in enumerate(known):
            self.gallery.enrol(name, np.eye(len(known))[k])

    def identify(self, image):
        self.at += 1
        answers = []
        for box, person in zip(self.scenes[self.at][1][0], self.scenes.people(self.at)):
            name = faces.name_of(0 if person == 1 else person)
            known = name if name in self.gallery else None
            answers.append((Place(box), Said(None if self.shy else known, known or self.gallery.names[0])))
        if self.ghost:
            answers.append((Place(np.array([0, 0, 1, 1], np.float32)), Said("Ada", "Ada")))
        return answers


class Place:
    def __init__(self, box):
        self.box = box


class Said:
    def __init__(self, name, nearest):
        self.name, self.nearest = name, nearest


def test_answers_are_counted_by_face():
    scenes = FaceScenes(40, people=4)
    people = np.concatenate([scenes.people(i) for i in range(40)])
    known = [faces.name_of(k) for k in (0, 1, 2)]
    found = faces.judge(Truth(scenes, known), scenes)
    assert found["recall"] == 1 and found["boxes_without_a_face"] == found["of_these_named"] == 0
    assert found["accuracy"] == pytest.approx((people != 1).mean())
    assert found["rank1"] == pytest.approx((people[people < 3] != 1).mean())
    found = faces.judge(Truth(scenes, known, ghost=True), scenes)
    assert found["boxes_without_a_face"] == found["of_these_named"] == 40
    shy = faces.judge(Truth(scenes, known, shy=True), scenes)
    assert shy["rank1"] == pytest.approx((people[people < 3] != 1).mean()), "whoever is nearest, however far"
    assert shy["accuracy"] == pytest.approx((people == 3).mean())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("faces")
    assert main(["faces", "--quick", "--out", str(out)]) == 0
    return out


def test_a_quick_run_leaves_result_pictures_and_gallery(run):
    found = json.loads((run / "faces" / "result.json").read_text())
    assert set(found["metrics"]) == {"recall", "rank1", "accuracy"} and set(found["baselines"]) == {"rank1", "accuracy"}
    pictures = {path.stem for path in (run / "faces").glob("*.png")}
    assert pictures == {"who_is_who", "parties", "threshold"}
    gallery = Gallery.load(run / "faces" / "gallery.safetensors")
    assert len(gallery) == faces.KNOWN and len(found["variants"]) == 3


def test_the_demo_redraws_when_the_slider_moves(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    image, boxes = picture(RED, GREEN)
    who = recogniser(*boxes)
    who.gallery.enrol("Rosa", np.array([0.4, -0.4, -0.4]))
    window = IdentityDemo(who, [(image, (np.array(boxes),)), (image, (np.array(boxes),))])
    shown = []
    for distance in (0.0, 0.5, 2.0):
        window.threshold.set_val(distance)
        shown.append(window.known)
    assert shown == sorted(shown) and shown[-1] > shown[0]
    window.turn()
    assert window.index == 1
    pyplot.close(window.figure)


def test_the_demo_goes_on_with_the_networks_of_the_run(run, monkeypatch, capsys):
    monkeypatch.setenv("MPLBACKEND", "agg")
    assert main(["faces", "--quick", "--demo", "--out", str(run)]) == 0
    assert capsys.readouterr().out.count("resumed") == 3


def test_real_data_is_refused_in_words(tmp_path, capsys):
    assert main(["faces", "--quick", "--data", "faces:x", "--out", str(tmp_path)]) == 2
    assert "painted people only" in capsys.readouterr().err


def test_the_public_names_are_there():
    for name in ("FaceScenes", "PictureFolder", "LandmarkFolder", "read_landmarks"):
        assert hasattr(pcn.data, name)
