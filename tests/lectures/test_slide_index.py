"""The slide index: every slide of the decks is in it, and what it names exists."""

import ast
import re
from functools import reduce
from importlib import import_module
from pathlib import Path

import pytest

from lectures import course, decks
from lectures.__main__ import main
from lectures.decks import DECKS, DEEP_CNN_2, FUN_WAYS, LOCALISATION, NOTHING_TO_RUN, TITLES, VISION_16, slides
from lectures.slide_index import IN_PART, NOT_YET, NOTHING, ROOT, RUNS, Index, docstrings, text_cells
from lectures.slide_page import COMMAND, PAGE, page, rows


@pytest.fixture(scope="module")
def index():
    return Index()


@pytest.fixture
def of(index):
    """The Entry of (deck, title) or (deck, title, nth)."""
    return lambda deck, title, nth=1: next(
        e for e in index.entries if (e.slide.deck, e.slide.title, e.slide.nth) == (deck, title, nth)
    )


# The decks


def test_decks_have_as_many_slides_as_were_counted():
    assert [len(TITLES[deck]) for deck in DECKS] == [22, 31, 55, 46]
    assert set(NOTHING_TO_RUN) == set(DECKS) == set(course.DECKS)


@pytest.mark.parametrize(
    "deck, number, title",
    [
        (VISION_16, 48, "Example Results: Human Pose Estimation"),
        (DEEP_CNN_2, 4, "Convolutional Networks for Object Detection"),
        (DEEP_CNN_2, 6, "Region proposals (category independent)"),
        (DEEP_CNN_2, 23, "Deep Dream"),
        (DEEP_CNN_2, 25, "Deep Art - Neural Style"),
    ],
)
def test_slides_stand_where_their_printed_number_says(deck, number, title):
    assert TITLES[deck][number - 1] == title


def test_slides_marked_as_nothing_to_run_exist():
    for deck, marked in NOTHING_TO_RUN.items():
        for title, nth in marked.items():
            assert nth is None or 1 <= nth <= TITLES[deck].count(title)
            assert title in TITLES[deck]


def test_slides_of_one_title_are_numbered():
    shots = [slide for slide in slides(FUN_WAYS) if slide.title == "One-Shot Object Detection"]
    assert [slide.nth for slide in shots] == [1, 2, 3, 4, 5]
    assert shots[2].name == "One-Shot Object Detection (3)"
    assert slides(FUN_WAYS)[2].name == "Single-object Localization"


# The index


def test_no_title_is_misquoted_anywhere(index):
    assert not index.wrong, "\n".join(index.wrong)


def test_every_slide_is_in_the_index_once(index):
    assert [entry.slide for entry in index.entries] == [slide for deck in DECKS for slide in slides(deck)]
    assert sum(index.counts().values()) == 154


def test_every_module_and_attribute_exists(index):
    targets = {target for entry in index.entries for target in entry.code}
    assert len(targets) > 40
    for target in targets:
        module, _, name = target.partition(":")
        found = reduce(getattr, name.split(".") if name else (), import_module(module))
        assert not name or found.__doc__, target


def test_every_cell_exists(index):
    cells = {cell for entry in index.entries for cell in entry.cells}
    assert len(cells) > 60
    for file, heading in cells:
        assert heading in {title for title, _ in text_cells(ROOT / file)}, (file, heading)
        assert heading in [line.removeprefix("# ") for line in (ROOT / file).read_text().splitlines()]


def test_every_lecture_and_walk_through_runs_a_slide(index):
    assert {name for entry in index.entries for name in entry.lectures} == {one.name for one in course.COURSE}
    files = {file for entry in index.entries for file, _ in entry.cells}
    told = {lecture.walkthrough for lecture in course.COURSE if lecture.walkthrough}
    assert {path for path in told if (ROOT / path).is_file()} <= files


def test_the_slides_of_the_course_are_titles_of_its_decks(index):
    for lecture in course.COURSE:
        assert lecture.slides and set(lecture.slides) <= set(TITLES[lecture.deck]), lecture.name
    with pytest.raises(ValueError, match=r"lecture x: no slide \['RetinaNet'\] in the deck"):
        course.Lecture("x", "lectures.x", FUN_WAYS, ("Summary", "RetinaNet"), "a summary")
    for file, deck, titles in course.FOUNDATIONS:
        for title in titles:
            entry = next(e for e in index.entries if (e.slide.deck, e.slide.title) == (deck, title))
            assert file in {path for path, _ in entry.cells}, title


@pytest.mark.parametrize(
    "deck, title, target",
    [
        (VISION_16, "Recap: Convolution Layers", "pyconvnet.functional.convolution:conv2d"),
        (VISION_16, "Recap: Pooling Layers", "pyconvnet.functional.pooling:max_pool2d"),
        (VISION_16, "Recap: CNN Structure", "lectures.detection.foundation.backbone:plain_backbone"),
        (VISION_16, "Bounding Box Regressors", "pyconvnet.ops.box_coding:encode_boxes"),
        (LOCALISATION, "Faster R-CNN NMS", "pyconvnet.ops.nms:nms"),
        (LOCALISATION, "Convolutionize", "lectures.detection.overfeat:OverFeat.of"),
    ],
)
def test_functions_are_found_at_their_slides(of, deck, title, target):
    assert of(deck, title).code[target]


def test_one_title_in_two_decks_is_two_slides(of):
    alternating = "lectures.detection.faster_rcnn:alternating"
    assert alternating in of(DEEP_CNN_2, "Faster R-CNN").code
    assert alternating not in of(VISION_16, "Faster R-CNN").code | of(LOCALISATION, "Faster R-CNN").code


def test_only_the_slides_that_a_text_means(of):
    shots = [of(FUN_WAYS, "One-Shot Object Detection", nth) for nth in (1, 2, 3, 4, 5)]
    assert ["yolo_v3" in shot.lectures for shot in shots] == [False] * 4 + [True]
    threshold = ("lectures/walkthroughs/yolo.py", 'Slide "One-Shot Object Detection" (5): threshold')
    assert [threshold in shot.cells for shot in shots] == [False] * 4 + [True]


def test_a_module_steps_back_behind_its_function(of):
    code = of(LOCALISATION, "Faster R-CNN NMS").code
    assert "lectures.detection.proposing.rpn:suppressed" in code and "lectures.detection.proposing.rpn" not in code


def test_states(of):
    assert of(FUN_WAYS, "Single-object Localization").state == RUNS
    assert of(VISION_16, "Recap: AlexNet (2012)").state == IN_PART
    assert of(VISION_16, "Topics of This Lecture", 3).state == NOTHING
    assert of(DEEP_CNN_2, "What was not mentioned...", 1).state == NOTHING
    assert of(DEEP_CNN_2, "What was not mentioned...", 2).state in (NOT_YET, IN_PART, RUNS)


def test_claims_name_titles_of_their_decks(of):
    assert of(LOCALISATION, "Proposal comparison").claims


def test_a_slide_cannot_be_run_and_hold_nothing(monkeypatch):
    monkeypatch.setitem(decks.NOTHING_TO_RUN, LOCALISATION, {"Convolutionize": 1})
    assert Index().wrong == ['decks.NOTHING_TO_RUN has "Convolutionize", but something runs it']


def test_docstrings_of_methods_have_qualified_names():
    tree = ast.parse('"m"\nclass A:\n  "a"\n  def f(self):\n    "f"\ndef g():\n  def h():\n    "h"')
    assert list(docstrings(tree)) == [("", "m"), ("A", "a"), ("A.f", "f")]


# The page and the command


def test_the_page_is_up_to_date(index):
    assert PAGE.read_text(encoding="utf-8") == page(index), f"lectures/slides.md is old; make it anew: {COMMAND}"


def test_links_of_the_page_lead_to_files():
    links = set(re.findall(r"\]\(([^)]+)\)", PAGE.read_text(encoding="utf-8")))
    assert len(links) > 40
    assert all((PAGE.parent / Path(link)).is_file() for link in links)


def test_rows_join_neighbours_that_are_alike(index):
    joined = [name for name, _ in rows(index, FUN_WAYS)]
    assert "One-Shot Object Detection (1)" in joined
    assert "Object detection vs. Image segmentation (1 to 2)" in [name for name, _ in rows(index, LOCALISATION)]


def test_the_command_prints_every_slide_and_the_counts(index, capsys):
    assert main(["--slides"]) == 0
    printed = capsys.readouterr().out
    assert all(title in printed for deck in DECKS for title in TITLES[deck])
    assert f"All decks: 154 slides: {index.counts()[RUNS]} runs" in printed
    assert "Object detection vs. Image segmentation (1 to 2): not yet" in printed
