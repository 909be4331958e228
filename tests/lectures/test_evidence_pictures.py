"""Evidence on classifiers and tasks: contamination, translation, semantic against detection against instance."""


import numpy as np
import pytest
from quick_claim import measured_and_drawn, quick_options

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.evidence import contamination, tasks, translation

CLAIMS = [claim for theme in (contamination, tasks, translation) for claim in theme.CLAIMS]


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))
    return quick_options(tmp_path)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.number)
def test_a_quick_measurement_is_finite_and_can_be_drawn(claim, options):
    measured_and_drawn(claim, options)


def test_near_duplicates_are_nearly_the_picture():
    found = contamination.pictures(0, 12, 12)
    for (image, (boxes, labels)), (copy, (again, names)) in zip(found.test, found.copies):
        assert copy.shape == image.shape and copy.dtype == np.float32 and 0 <= copy.min() <= copy.max() <= 1
        assert np.array_equal(labels, names) and np.array_equal(boxes, again)
        assert not np.array_equal(copy, image)
        likeness = [np.corrcoef(copy.ravel(), other.ravel())[0, 1] for other, _ in found.test]
        assert image is found.test[int(np.argmax(likeness))][0]  # it is more like its original than any other is


def test_training_and_test_pictures_of_the_contamination_claim_are_apart():
    found = contamination.pictures(1, 20, 20)
    shown = [image.tobytes() for image, _ in found.train + found.test + found.copies]
    assert len(set(shown)) == 60


def test_both_networks_have_as_many_weights_and_one_shape_of_map():
    strided, pooled = (translation.Network(("a", "b"), flag) for flag in (False, True))
    assert [p.shape for p in strided.parameters()] == [p.shape for p in pooled.parameters()]
    assert pooled(pcn.zeros((2, 3, 32, 32))).shape == strided(pcn.zeros((2, 3, 32, 32))).shape == (2, 2)


def test_an_object_is_moved_by_exactly_the_shift():
    rng = np.random.default_rng(0)
    images = rng.random((3, 3, 96, 96), np.float32)
    pictures = translation.Middle(images, np.array([[48, 48], [40.2, 50.7], [55.5, 41]]), np.zeros(3, int))
    middle, right, down = pictures.shifted(0, 0), pictures.shifted(5, 0), pictures.shifted(0, -3)
    assert middle.shape == (3, 3, 32, 32)
    assert np.array_equal(right[..., 5:], middle[..., :-5])
    assert np.array_equal(down[:, :, :-3], middle[:, :, 3:])
    assert np.array_equal(middle[0], images[0, :, 32:64, 32:64])


def test_half_gone_is_where_the_line_crosses_halfway_to_guessing():
    half = translation.half_gone
    assert half((0, 1, 2, 4), (1.0, 0.9, 0.7, 0.5), 0.2) == pytest.approx(3)  # half is .6, between .7 and .5
    assert half((0, 1, 2), (0.8, 0.4, 0.4), 0.2) == pytest.approx(0.75)
    assert half((0, 1, 8), (0.9, 0.9, 0.8), 1 / 3) == 8
    assert half((0, 1, 8), (0.3, 0.2, 0.3), 1 / 3) == 0
    fine = np.linspace(0, 4, 4001)  # naive: walk along the line
    line = np.interp(fine, (0, 1, 2, 4), (1.0, 0.9, 0.7, 0.5))
    assert half((0, 1, 2, 4), (1.0, 0.9, 0.7, 0.5), 0.1) == pytest.approx(fine[np.argmax(line <= 0.55)], abs=2e-3)


def test_objects_stay_inside_at_every_shift():
    pictures = translation.with_room("test", 0, 6)
    least = pictures.centres.min(), pictures.centres.max()
    assert least[0] - 16 - max(translation.SHIFTS) >= 0 and least[1] + 16 + max(translation.SHIFTS) <= 96
    for shift in translation.SHIFTS:
        assert pictures.shifted(shift, 0).shape == pictures.shifted(0, -shift).shape == (6, 3, 32, 32)


def test_each_perfect_answer_is_perfect_in_its_own_task_and_in_no_other_but_the_last():
    table = tasks.measure_tasks(None, None)["table"]
    measures = ["semantic: mIoU", "detection: box AP", "instance: mask AP"]
    for k, row in enumerate(table.values()):
        scores = [row[name] for name in measures]
        assert scores[k] == pytest.approx(1)
        assert k == 2 or all(score < 0.9 for i, score in enumerate(scores) if i != k)
    assert min(table["every object's mask"].values()) == pytest.approx(1)


def test_the_scene_touches_and_does_not_overlap():
    masks, labels = tasks.scene()
    assert masks.sum(0).max() == 1 and labels.tolist() == [1, 1, 1, 2]
    parts, classes = tasks.components(tasks.semantic_map(masks, labels))
    assert sorted(classes.tolist()) == [1, 2]  # the three discs are one part
    assert parts.sum() == masks.sum()


def test_parts_are_those_of_scikit_image():
    label = pytest.importorskip("skimage.measure").label
    rng = np.random.default_rng(0)
    for _ in range(10):
        classes = rng.integers(0, 3, (9, 11))
        masks, labels = tasks.components(classes)
        theirs = [label(classes == k, connectivity=1) == i
                  for k in (1, 2) for i in range(1, label(classes == k, connectivity=1).max() + 1)]
        assert sorted(m.tobytes() for m in masks) == sorted(m.tobytes() for m in theirs)
        assert all((classes[m] == k).all() for m, k in zip(masks, labels))


def test_boxes_are_tight_and_filled_boxes_give_them_back():
    masks, _ = tasks.scene()
    boxes = tasks.boxes_of(masks)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes):
        rows, columns = np.nonzero(mask)
        assert (x1, y1, x2, y2) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert np.array_equal(tasks.boxes_of(tasks.filled(boxes)), boxes)


def test_mask_precision_of_boxes_filled_is_that_of_boxes():
    """Masks that are whole boxes have the IoU of the boxes: COCO's summary of equally sure boxes says the same."""
    rng = np.random.default_rng(1)
    for _ in range(10):
        corner = rng.integers(0, 30, (6, 2))
        boxes = np.concatenate([corner, corner + rng.integers(6, 16, (6, 2))], 1).astype(np.float32)
        found = np.clip(boxes[:5] + rng.integers(-2, 3, (5, 4)), 0, 48).astype(np.float32)
        labels, said = rng.integers(1, 3, 6), rng.integers(1, 3, 5)
        mine = tasks.mask_average_precision(tasks.filled(found), said, tasks.filled(boxes), labels)
        naive = naive_average_precision(found, said, boxes, labels)
        assert mine == pytest.approx(naive)


def naive_average_precision(found, said, boxes, labels):
    """The definition, by class, threshold and answer; precision made monotone from the right."""
    total = []
    for label in sorted(set(labels.tolist())):
        for threshold in np.arange(0.5, 1, 0.05):
            free, outcome = [j for j in range(len(boxes)) if labels[j] == label], []
            count = len(free)
            for k in range(len(found)):
                if said[k] != label:
                    continue
                overlaps = [(float(pcn.ops.box_iou(found[k : k + 1], boxes[j : j + 1])[0, 0]), -j) for j in free]
                best = max(overlaps, default=(0, 0))
                outcome.append(best[0] >= threshold - 1e-9)
                if outcome[-1]:
                    free.remove(-best[1])
            precision = [sum(outcome[: i + 1]) / (i + 1) for i in range(len(outcome))]
            total.append(sum(max(precision[i:]) for i, hit in enumerate(outcome) if hit) / count)
    return float(np.mean(total))
