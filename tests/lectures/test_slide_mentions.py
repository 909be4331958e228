"""Which slides a text speaks of, and what it misquotes."""

import pytest

from lectures.decks import FUN_WAYS, LOCALISATION, VISION_16
from lectures.slide_mentions import mentions


def names(text, home=None):
    """What a text mentions, in short; it misquotes nothing."""
    found, wrong = mentions(text, home)
    assert not wrong
    return [slide.name for slide, _ in found]


def complaint(text, home=None):
    (only,) = mentions(text, home)[1]
    return only


def test_a_title_after_the_word_slide_belongs_to_the_deck_named_before():
    assert names('Deck "Computer Vision - Lecture 16", slides "Faster\n    R-CNN" and "Summary": text') == [
        "Faster R-CNN",
        "Summary",
    ]
    (slide, whole), *_ = mentions('Deck "Localization, Object Detection, Segmentation", slide "Faster R-CNN" (7).')[0]
    assert slide.deck == LOCALISATION and slide.nth == 7 and whole


def test_a_title_of_one_deck_needs_no_deck():
    assert names('Slide "Recap: Pooling Layers".') == ["Recap: Pooling Layers"]


def test_a_text_without_a_deck_means_that_of_its_file():
    (slide, _), *_ = mentions('Slide "Summary".', FUN_WAYS)[0]
    assert slide.deck == FUN_WAYS
    assert names('Slide "Recap: Pooling Layers".', FUN_WAYS) == ["Recap: Pooling Layers"]


def test_without_the_word_slide_only_a_named_deck_makes_it_a_title():
    assert names('"Classification" is a word') == []
    assert names('of "Computer Vision - Lecture 16" ("Classification")') == ["Classification"]


def test_numbers_ranges_and_parts():
    deck = f'deck "{LOCALISATION}", slides '
    assert names(deck + '"Faster R-CNN" (2 and 4 to 6)') == [f"Faster R-CNN ({n})" for n in (2, 4, 5, 6)]
    assert names(deck + '"YOLO" (five terms)') == [f"YOLO ({n})" for n in range(1, 6)]
    between = names(f'"{VISION_16}", from "Object Detection: R-CNN" to "Problems with R-CNN"')
    pipeline = [f"R-CNN Pipeline ({n})" for n in range(1, 7)]
    regressors = ["Classification", "Bounding Box Regressors"]
    assert list(dict.fromkeys(between)) == ["Object Detection: R-CNN", *pipeline, *regressors, "Problems with R-CNN"]
    for note, expected in {"in part": False, "1, in part: why": False, "1": True, "partly": True}.items():
        assert mentions(f'{deck}"Convolutionize" ({note})')[0][0].whole is expected


def test_a_year_makes_it_a_paper():
    assert names(f'deck "{LOCALISATION}". Girshick, "Fast R-CNN" (2015)') == []
    assert names(f'deck "{LOCALISATION}". Girshick, "Fast R-CNN" (ICCV 2015)') == []


def test_dashes_and_line_ends_do_not_matter():
    assert names('slide "Deep Art \N{EN DASH}\nNeural   Style" (2)') == ["Deep Art - Neural Style (2)"]


@pytest.mark.parametrize(
    "text, said",
    [
        ('slide "Fast RCNN"', 'no deck has a slide "Fast RCNN"'),
        ('slides "Convolutionize" and "Recap"', 'no deck has a slide "Recap"'),
        ('slide "Fast R-CNN"', '"Fast R-CNN" stands in several decks; name one before it'),
        ('deck "Fun Ways To Use ConvNets", slide "RetinaNet"', '"RetinaNet" is no slide of the deck "Fun Ways'),
        ('slide "RetinaNet" (4)', 'there is no "RetinaNet" (4) in the deck'),
        ('slide "RetinaNet" (0)', 'there is no "RetinaNet" (0) in the deck'),
        ('slide "RetinaNet" (1; 2)', 'there is no "RetinaNet" (1; 2) in the deck'),
        ('slide "RetinaNet", "quoted', "a quote is opened and not closed"),
    ],
)
def test_what_is_misquoted_is_said(text, said):
    assert said in complaint(text)


def test_a_slide_without_a_title_is_no_mention():
    assert names("the network slides over the picture; the slide's text") == []
    assert names('a quote from a slide: "Classification"') == []
