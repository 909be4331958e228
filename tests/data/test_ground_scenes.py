"""Scenes with a horizon, and renderings: labels exact, splits and seeds apart, the same scene in every rendering."""

from dataclasses import replace

import numpy as np
import pytest

from pyconvnet.data import SCENE_VARIANTS, GroundScenes, SceneVariant, ShapeScenes
from pyconvnet.data.ground_scenes import CLEAR, SIDE
from pyconvnet.data.painting import Ellipse, coverage, paint_outline, paint_shaded, rectangle
from pyconvnet.data.scenes import RENDERINGS, iou


def test_objects_are_the_discs_below_the_horizon_and_as_many_float_above():
    scenes, counts = GroundScenes(60), set()
    for i, (image, (boxes, labels)) in enumerate(scenes):
        sky, horizon = scenes.sky_boxes(i), scenes.horizon(i)
        assert image.shape == (3, 64, 64) and image.dtype == np.float32 and 0 <= image.min() <= image.max() <= 1
        assert boxes.dtype == np.float32 and labels.dtype == np.int64 and labels.tolist() == [0] * len(boxes)
        assert len(boxes) == len(sky) and 1 <= len(boxes) <= 3
        counts.add(len(boxes))
        assert boxes[:, 1].min() >= horizon + CLEAR - 1e-3 and sky[:, 3].max() <= horizon - CLEAR + 1e-3
        both = np.concatenate([boxes, sky])
        assert both.min() >= -1e-3 and both.max() <= 64 + 1e-3
        sides = both[:, 2:] - both[:, :2]
        assert sides.min() >= SIDE[0] - 1e-3 and sides.max() <= SIDE[1] + 1e-3
        assert np.allclose(sides[:, 0], sides[:, 1], atol=1e-3)
        assert all(iou(p, q) == 0 for k, p in enumerate(both.tolist()) for q in both[:k].tolist())
    assert counts == {1, 2, 3}


def test_a_disc_and_what_is_next_to_it_look_the_same_on_both_sides():
    """A window with its context sees one colour around a disc, and neither sizes nor contrasts tell the side."""
    scenes = GroundScenes(400)
    found = {"ground": [], "sky": []}
    for i, (image, (boxes, _)) in enumerate(scenes):
        for place, discs in (("ground", boxes), ("sky", scenes.sky_boxes(i))):
            for x1, y1, x2, y2 in discs:
                ring = image[:, max(int(y1) - 3, 0) : int(y2) + 3, max(int(x1) - 3, 0) : int(x2) + 3]
                inside = image[:, int((y1 + y2) / 2), int((x1 + x2) / 2)]
                found[place].append((x2 - x1, *inside, *np.median(ring, axis=(1, 2))))
    ground, sky = (np.array(found[place]) for place in ("ground", "sky"))
    error = np.sqrt(ground.var(0) / len(ground) + sky.var(0) / len(sky))
    assert (np.abs(ground.mean(0) - sky.mean(0)) < 4 * error).all()
    assert np.allclose(ground.std(0), sky.std(0), rtol=0.15)


def test_the_discs_are_painted_where_the_boxes_say():
    image, (boxes, _) = GroundScenes(1, seed=3)[0]
    for x1, y1, x2, y2 in boxes.astype(int):
        inside = image[:, y1 + 3 : y2 - 2, x1 + 3 : x2 - 2].mean((1, 2))
        corner = image[:, y1 - 2 : y1 + 1, max(x1 - 2, 0) : x1 + 1].mean((1, 2))
        assert np.abs(inside - corner).max() > 0.15


def test_splits_seeds_and_sizes_share_no_scene_and_order_does_not_matter():
    drawn = [GroundScenes(5, split, seed, size)[i][0].tobytes()
             for split in ("train", "val", "test") for seed in (0, 1) for size in (64, 80) for i in range(5)]
    assert len(set(drawn)) == len(drawn)
    alone, scenes = GroundScenes(9), GroundScenes(9)
    later = [scenes[i][0] for i in reversed(range(9))][::-1]
    assert all(np.array_equal(alone[i][0], later[i]) for i in range(9))
    image, (boxes, labels) = alone[0]
    image[:], boxes[:], labels[:] = 0, 0, 7
    alone.sky_boxes(0)[:] = 0
    assert alone[0][0].any() and alone[0][1][0].any() and alone.sky_boxes(0).any() and not alone[0][1][1].any()


def test_bad_arguments_in_words():
    with pytest.raises(ValueError, match="no split 'verify'"):
        GroundScenes(3, "verify")
    with pytest.raises(ValueError, match="at least 64 pixels"):
        GroundScenes(3, size=32)
    with pytest.raises(IndexError, match="GroundScenes"):
        GroundScenes(3)[3]


@pytest.mark.parametrize("rendering", ["shaded", "outline"])
def test_renderings_show_the_same_scene(rendering):
    plain, other = ShapeScenes(30), ShapeScenes(30, variant=replace(SceneVariant(), rendering=rendering))
    for (image, (boxes, labels)), (drawn, (again, names)) in zip(plain, other):
        assert np.array_equal(boxes, again) and np.array_equal(labels, names)
        far = np.full(image.shape[1:], True)
        for x1, y1, x2, y2 in boxes.astype(int):
            far[max(y1 - 1, 0) : y2 + 2, max(x1 - 1, 0) : x2 + 2] = False
        assert not np.array_equal(image, drawn)
        assert np.isclose(image, drawn).all(0)[far].mean() > 0.8  # the rest are distractors
    assert SCENE_VARIANTS[f"{rendering}64"] == replace(SceneVariant(), rendering=rendering)
    assert set(RENDERINGS) == {"flat", "shaded", "outline"}


def test_an_outline_is_the_shape_without_its_inside():
    for shape in (Ellipse(20, 20, 12, 9, 0.4), rectangle(20, 20, 10, 8, 0.3)):
        canvas = np.zeros((3, 40, 40), np.float32)
        paint_outline(canvas, shape, np.ones(3), width=2)
        y, x = np.mgrid[:40, :40].astype(np.float32) + np.float32(0.5)
        distance = shape.distance(x, y)
        assert (canvas[0][(distance > -1.4) & (distance < -0.6)] > 0.99).all()
        assert not canvas[0][distance < -2.6].any() and not canvas[0][distance > 0.6].any()
        whole = coverage(shape, slice(0, 40), slice(0, 40))
        assert (canvas[0] <= whole + 1e-6).all()


def test_shading_is_light_at_the_upper_left_and_the_colour_itself_in_the_middle():
    canvas = np.zeros((3, 40, 40), np.float32)
    paint_shaded(canvas, Ellipse(20, 20, 12, 12), np.array([0.5, 0.4, 0.3]))
    assert canvas[:, 19:21, 19:21].mean((1, 2)) == pytest.approx([0.5, 0.4, 0.3], abs=0.01)
    assert (canvas[:, 13, 13] > canvas[:, 20, 20]).all() and (canvas[:, 26, 26] < canvas[:, 20, 20]).all()
    assert not canvas[:, 5, 5].any()
