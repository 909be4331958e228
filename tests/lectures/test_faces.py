"""All of it in one: from pictures to names, with every kind of picture that does not fit; the slider; its runs."""

import json

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.faces import faces
from lectures.faces.drawing.identity_demo import IdentityDemo
from lectures.faces.foundation.alignment import STANDARD_FACE
from lectures.faces.foundation.gallery import Gallery
from lectures.faces.foundation.heads import heads_of
from lectures.faces.foundation.recogniser import SIZE, Recogniser
from pyconvnet.data import FaceScenes


class Boxes:
    """A detector that finds what it is told to."""

    def __init__(self, *boxes):
        self.boxes = np.array(boxes, np.float32).reshape(-1, 4)

    def predict(self, images, confidence_threshold=None):
        return [(self.boxes, np.linspace(0.9, 0.8, len(self.boxes)), np.zeros(len(self.boxes), np.int64))]


class Standard:
    """Landmarks of a standard face, wherever one looks."""

    def landmarks(self, images):
        return np.broadcast_to(STANDARD_FACE * SIZE, (len(images), 5, 2))


class Colour:
    """A face is its mean colour."""

    def embed(self, images):
        return images.mean((2, 3)) - 0.5


def recogniser(*boxes, threshold=0.5):
    return Recogniser(Boxes(*boxes), Standard(), Colour(), Gallery(threshold))


def picture(*colours):
    """Faces that are squares of 20 pixels of one colour each, in the middle of squares of 40."""
    image = np.full((3, 40, 40 * max(len(colours), 1)), 0.5, np.float32)
    for k, colour in enumerate(colours):
        image[:, :, 40 * k : 40 * k + 40] = np.array(colour)[:, None, None]
    return image, [[40 * k + 10, 10, 40 * k + 30, 30] for k in range(len(colours))]


RED, GREEN, BLUE = (0.9, 0.1, 0.1), (0.1, 0.9, 0.1), (0.1, 0.1, 0.9)


def test_everybody_in_a_picture_gets_a_name_or_none():
    who = recogniser()
    for name, colour in (("Rosa", RED), ("Gregor", GREEN)):
        image, boxes = picture(colour)
        who.detector = Boxes(*boxes)
        who.enrol(name, image)
    image, boxes = picture(GREEN, BLUE, RED)
    who.detector = Boxes(*boxes)
    answers = who.identify(image)
    assert [match.name for _, match in answers] == ["Gregor", None, "Rosa"]
    assert [match.nearest for _, match in answers][::2] == ["Gregor", "Rosa"]
    assert [match.name is None for _, match in who.identify(image, threshold=4.0)] == [False] * 3
    assert [face.box.tolist() for face, _ in answers] == boxes
    face = answers[0][0]
    assert face.cut.shape == face.aligned.shape == (3, SIZE, SIZE) and face.landmarks.shape == (5, 2)
    assert (face.landmarks > (10, 5)).all() and (face.landmarks < (30, 35)).all(), "in pixels of the picture"


def test_pictures_that_do_not_fit():
    image, boxes = picture(RED, GREEN)
    who = recogniser()
    assert who.faces(image) == []
    with pytest.raises(ValueError, match="there is no face in the picture"):
        who.enrol("Rosa", image)
    with pytest.raises(ValueError, match="the gallery is empty"):
        who.identify(image)
    who.detector = Boxes(*boxes)
    with pytest.raises(ValueError, match=r"there are 2 faces .* expected one: cut it out.*\(10, 10, 30, 30\), \(50"):
        who.enrol("Rosa", image)
    with pytest.raises(ValueError, match="the gallery is empty"):
        who.identify(image)
    one, (box,) = picture(RED)
    who.detector = Boxes(box)
    who.enrol("Rosa", one)
    with pytest.raises(ValueError, match="'Rosa' is enrolled already"):
        who.enrol("Rosa", one)
    assert who.verify("Rosa", one)
    with pytest.raises(ValueError, match="nobody is enrolled as 'Gregor'"):
        who.verify("Gregor", one)
    who.detector = Boxes()
    assert who.identify(image) == [], "a picture without a face has no answers"
    for wrong, words in ((image[0], "shape"), (image * 255, "divide by 255"), (image * np.nan, "NaN")):
        with pytest.raises(ValueError, match=words):
            who.faces(wrong)


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
    """Says of every scene what is true of it, but calls person 1 by the name of person 0, and sees a ghost."""

    def __init__(self, scenes, known, ghost=False):
        self.scenes, self.gallery, self.ghost, self.at = scenes, Gallery(), ghost, -1
        for k, name in enumerate(known):
            self.gallery.enrol(name, np.eye(len(known))[k])

    def identify(self, image):
        self.at += 1
        answers = []
        for box, person in zip(self.scenes[self.at][1][0], self.scenes.people(self.at)):
            name = faces.name_of(0 if person == 1 else person)
            known = name if name in self.gallery else None
            answers.append((Place(box), Said(known, known or self.gallery.names[0])))
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
