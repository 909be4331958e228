"""From a picture to names, with toys for networks: who is who, and every kind of picture that does not fit."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from toy_recogniser import BLUE, GREEN, RED, Boxes, Colour, Standard, picture, recogniser

from lectures.faces.foundation.gallery import Gallery
from lectures.faces.foundation.recogniser import SIZE, Recogniser


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


class Nowhere(Standard):
    """All landmarks in one place, where a face is red."""

    def landmarks(self, images):
        red = images.mean((2, 3))[:, 0] > 0.5
        return np.where(red[:, None, None], SIZE / 2, super().landmarks(images))


def test_a_face_without_landmarks_is_left_out():
    image, boxes = picture(GREEN, RED, BLUE)
    who = Recogniser(Boxes(*boxes), Nowhere(), Colour(), Gallery(0.5))
    who.gallery.enrol("Gregor", np.array(GREEN) - 0.5)
    answers = who.identify(image)
    assert [face.box[0] for face, _ in answers] == [10, 90] and answers[0][1].name == "Gregor"
    assert [face.score for face, _ in answers] == pytest.approx([0.9, 0.8])
    who.detector = Boxes(boxes[1])
    assert who.identify(image) == []
    with pytest.raises(ValueError, match="there is no face in the picture"):
        who.enrol("Rosa", image)
