"""Procedural scenes: reproducible, splits apart, and boxes that are the bounds of what was painted."""

import os
import subprocess
import sys
from dataclasses import replace
from math import ceil, exp, floor, pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconvnet.data import SCENE_VARIANTS, ShapeScenes, draw_scene, scenes
from pyconvnet.data.kinds import KINDS, Cross, HalfDisk, Ring
from pyconvnet.data.painting import Ellipse, coverage, paint, rectangle, triangle

SHAPES = KINDS


@pytest.mark.parametrize("variant", SCENE_VARIANTS)
def test_scenes_keep_the_rules_of_their_variant(variant):
    rules = SCENE_VARIANTS[variant]
    for image, (boxes, labels) in ShapeScenes(60, variant=variant):
        assert image.shape == (3, rules.size, rules.size) and image.dtype == np.float32
        assert image.min() >= 0 and image.max() <= 1
        assert boxes.dtype == np.float32 and labels.dtype == np.int64
        assert boxes.shape == (len(labels), 4)
        assert rules.objects[0] <= len(labels) <= rules.objects[1]
        assert set(labels.tolist()) <= set(range(len(rules.kinds)))
        sides = boxes[:, 2:] - boxes[:, :2]
        assert boxes.min() >= 0 and boxes.max() <= rules.size and sides.min() > 0
        root = np.sqrt(sides.prod(1))
        assert root.min() >= rules.side[0] - 1e-3 and root.max() <= rules.side[1] + 1e-3
        for i, box in enumerate(boxes.tolist()):
            assert all(scenes.iou(box, other) <= rules.max_iou + 1e-6 for other in boxes[:i].tolist())


def test_every_class_and_every_number_of_objects_occurs():
    labels = [target[1] for _, target in ShapeScenes(100)]
    assert set(np.concatenate(labels).tolist()) == {0, 1, 2}
    assert {len(one) for one in labels} == {1, 2, 3, 4}


def test_a_scene_does_not_depend_on_what_was_drawn_before():
    forward, backward = ShapeScenes(6), ShapeScenes(6)
    drawn = {i: backward[i] for i in reversed(range(6))}
    for i in range(6):
        (image, (boxes, labels)), (image2, (boxes2, labels2)) = forward[i], drawn[i]
        assert np.array_equal(image, image2)
        assert np.array_equal(boxes, boxes2) and np.array_equal(labels, labels2)
    assert np.array_equal(ShapeScenes(600)[5][0], forward[5][0])


def test_what_was_drawn_is_kept_and_cannot_be_changed_by_its_reader():
    dataset = ShapeScenes(2)
    image, (boxes, labels) = dataset[0]
    image[:], boxes[:], labels[:] = 0, 0, 0
    again, (boxes, _) = dataset[0]
    assert again.any() and boxes.any()


def test_splits_and_seeds_share_no_scene():
    drawn = [image.tobytes() for split in ("train", "val", "test") for seed in (0, 1)
             for image, _ in ShapeScenes(20, split, seed)]
    assert len(set(drawn)) == len(drawn)


def test_pixels_do_not_drift():
    image, (boxes, labels) = ShapeScenes(1, "test")[0]
    assert labels.tolist() == EXPECTED_LABELS
    assert boxes[0].tolist() == pytest.approx(EXPECTED_BOX, abs=1e-4)
    assert image.mean() == pytest.approx(EXPECTED_MEAN, abs=1e-4)


EXPECTED_LABELS, EXPECTED_BOX, EXPECTED_MEAN = [2, 2, 0], [32.106, 37.0333, 61.4779, 53.831], 0.47050


@given(
    st.sampled_from(sorted(SHAPES)),
    st.floats(5, 16),
    st.floats(-0.235, 0.235),
    st.floats(0, 2 * pi),
    st.floats(30, 34),
    st.floats(30, 34),
)
@settings(max_examples=150, deadline=None)
def test_boxes_are_tight_around_the_painted_pixels(kind, half_side, log_stretch, angle, x, y):
    shape = SHAPES[kind](x, y, half_side * exp(log_stretch), half_side * exp(-log_stretch), angle)
    alone = coverage(shape, slice(0, 64), slice(0, 64))
    assert alone.dtype == np.float32
    canvas = np.zeros((3, 64, 64), np.float32)
    paint(canvas, shape, np.ones(3))
    rows, columns = np.nonzero(canvas[0] > 0.02)
    x1, y1, x2, y2 = shape.box
    # Outside: not a single pixel that the box does not touch. Inside: each side reached to within one pixel.
    assert columns.min() >= floor(x1) and columns.max() < ceil(x2)
    assert rows.min() >= floor(y1) and rows.max() < ceil(y2)
    assert columns.min() <= x1 + 1 and columns.max() + 1 >= x2 - 1
    assert rows.min() <= y1 + 1 and rows.max() + 1 >= y2 - 1
    # The trimming to the box only takes the faint pixels that a sharp corner throws beyond its tip.
    assert np.count_nonzero(alone != canvas[0]) <= 8


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        (Ellipse(20, 20.3, 9, 6, 0.7), pi * 9 * 6),
        (Ellipse(20, 20.3, 9, 6, 0.7, half=True), pi * 9 * 6 / 2),
        (rectangle(20.2, 20, 9, 6, 0.3), 18 * 12),
        (triangle(20, 20, 12, 8, 1.1), 1.8 * 12 * 1.8 * 8 / 2),
        (HalfDisk(20, 20.3, 9, 6, 0.7), pi * 9 * 6 / 2),
        (Ring(20, 20.3, 12, 10, 0.7), pi * 12 * 10 * (1 - 0.55**2)),
        (Cross(20, 20.3, 15, 12, 0.4), (2 / 3 - 1 / 9) * 4 * 15 * 12),
    ],
)
def test_painted_area_is_the_area_of_the_shape(shape, area):
    assert coverage(shape, slice(0, 40), slice(0, 40)).sum() == pytest.approx(area, rel=0.02)


def test_coverage_is_exact_for_an_edge_along_the_grid():
    covered = coverage(rectangle(5, 5, 2.75, 1.5, 0), slice(0, 10), slice(0, 10))
    assert covered[5].tolist() == [0, 0, 0.75, 1, 1, 1, 1, 0.75, 0, 0]
    assert covered[:, 5].tolist() == [0, 0, 0, 0.5, 1, 1, 0.5, 0, 0, 0]


def test_boxes_of_rendered_scenes_against_the_picture(monkeypatch):
    grey = lambda rng, size: np.full((3, size, size), 0.5, np.float32)
    monkeypatch.setattr(scenes, "background", grey)
    bare = replace(SCENE_VARIANTS["shapes64"], objects=(1, 1), distractors=(0, 0), noise=0)
    for seed in range(100):
        pixels, boxes, _ = draw_scene(np.random.default_rng(seed), bare)
        rows, columns = np.nonzero((pixels != 128).any(0))
        painted = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.abs(boxes[0] - painted).max() <= 1
        x, y = ((boxes[0][:2] + boxes[0][2:]) / 2).astype(int)
        colour = pixels[:, y, x] / 255
        assert np.sqrt(((colour - 0.5) ** 2).mean()) >= 0.25 - 1 / 255


@given(st.integers(0, 10**6), st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_a_contrasting_colour_always_exists(seed, n):
    rng = np.random.default_rng(seed)
    others = rng.choice([0.0, 0.5, 1.0], (n, 3))
    colour = scenes.contrasting_colour(rng, others, 0.25)
    assert np.sqrt(((others - colour) ** 2).mean(1)).min() >= 0.25


def test_a_small_object_on_a_large_one_is_painted_last():
    for _, (boxes, _) in ShapeScenes(30, variant="crowded104"):
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        assert (np.diff(areas) <= 1e-2).all()


def test_zero_objects_are_legal():
    empty = replace(SCENE_VARIANTS["shapes64"], objects=(0, 0))
    _, (boxes, labels) = ShapeScenes(1, variant=empty)[0]
    assert boxes.shape == (0, 4) and labels.shape == (0,)
    assert boxes.dtype == np.float32 and labels.dtype == np.int64


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"split": "dev"}, ValueError, "no split 'dev'; there are train, val, test"),
        ({"variant": "shapes"}, ValueError, "no variant 'shapes'; there are shapes64, crowded104"),
        ({"seed": -1}, ValueError, "seed must be in"),
        ({"seed": 2**32}, ValueError, "seed must be in"),
        ({"seed": 0.5}, TypeError, "seed must be an integer"),
        ({"count": -1}, ValueError, "count must be in"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        ShapeScenes(**({"count": 3} | arguments))


def test_index_and_impossible_variant():
    with pytest.raises(IndexError, match="index 3 is out of range for 3 samples"):
        ShapeScenes(3)[3]
    assert np.array_equal(ShapeScenes(3)[-1][0], ShapeScenes(3)[2][0])
    full = replace(SCENE_VARIANTS["shapes64"], objects=(30, 30), side=(30, 32))
    with pytest.raises(ValueError, match=r"30 to 30 objects .* do not fit into 64 x 64"):
        draw_scene(np.random.default_rng(0), full)


def test_importing_the_data_floor_does_not_import_pillow():
    check = "import sys, pyconvnet.data; sys.exit('PIL' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", check], env=environment).returncode == 0
