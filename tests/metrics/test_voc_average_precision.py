"""detection_average_precision against a brute force written from the definition, and hand-made fixtures."""

import numpy as np
import pytest

from pyconvnet.metrics import detection_average_precision


def brute_force_iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height)


def brute_force_ap(detections, ground_truths, label, threshold, method):
    """One class; plain loops over one ranked list of all detections, as in the challenge's own program."""
    ranked = []
    for image, (boxes, scores, labels) in enumerate(detections):
        for box, score, l in zip(boxes, scores, labels):
            if l == label:
                ranked.append((score, image, box))
    ranked.sort(key=lambda entry: -entry[0])  # stable
    objects = {}
    for image, (boxes, labels, *difficult) in enumerate(ground_truths):
        flags = difficult[0] if difficult else [False] * len(boxes)
        objects[image] = [
            {"box": b, "difficult": bool(d), "used": False}
            for b, l, d in zip(boxes, labels, flags)
            if l == label
        ]
    positives = sum(not o["difficult"] for image in objects.values() for o in image)
    if positives == 0:
        return None
    points, tp, fp = [], 0, 0
    for _, image, box in ranked:
        best, best_iou = None, -1.0
        for o in objects[image]:
            iou = brute_force_iou(box, o["box"])
            if iou > best_iou:
                best, best_iou = o, iou
        if best is not None and best_iou >= threshold:
            if best["difficult"]:
                continue
            if not best["used"]:
                best["used"] = True
                tp += 1
            else:
                fp += 1
        else:
            fp += 1
        points.append((tp / positives, tp / (tp + fp)))
    if method == "11point":
        return sum(max([p for r, p in points if r >= k / 10], default=0.0) for k in range(11)) / 11
    # Each recall step is weighted with the best precision from there on.
    area, last = 0.0, 0.0
    for i, (recall, _) in enumerate(points):
        if recall > last:
            area += (recall - last) * max(p for _, p in points[i:])
            last = recall
    return area


def random_case(rng):
    """Few classes, few distinct scores and coordinates: ties, duplicates, exact thresholds, empty images."""
    step = rng.choice([1.0, 4.0, 8.0])
    scores = rng.choice(np.linspace(0, 1, rng.choice([1, 4, 1000])), size=64)

    def boxes(n):
        low = np.round(rng.uniform(0, 40, (n, 2)) / step) * step
        size = np.round(rng.uniform(0, 30, (n, 2)) / step) * step
        return np.concatenate([low, low + size], axis=1).astype(np.float32)

    classes = int(rng.integers(1, 4))
    detections, ground_truths = [], []
    for _ in range(rng.integers(1, 6)):
        m = int(rng.choice([0, 1, 3, 6]))
        b, l = boxes(m), rng.integers(0, classes, m)
        if m and rng.random() < 0.3:
            b[-1], l[-1] = b[0], l[0]
        if rng.random() < 0.5:
            ground_truths.append((b, l, rng.random(m) < 0.3))
        else:
            ground_truths.append((b, l))
        n = int(rng.choice([0, 1, 4, 10]))
        found = boxes(n)
        for i in range(n):
            if m and rng.random() < 0.7:
                found[i] = b[rng.integers(m)] + np.float32(rng.choice([0, 0, step])) * np.array([0, 0, 1, 0])
        detections.append((found, rng.choice(scores, n), rng.integers(0, classes + 1, n)))
    return detections, ground_truths


def check_against_brute_force(seed):
    """Largest difference over both methods, all classes and the mean."""
    rng = np.random.default_rng(seed)
    detections, ground_truths = random_case(rng)
    threshold = float(rng.choice([0.3, 0.5, 0.75, 1.0]))
    worst = 0.0
    for method in ("area", "11point"):
        result = detection_average_precision(detections, ground_truths, threshold, method)
        expected = {l: brute_force_ap(detections, ground_truths, l, threshold, method) for l in result["ap"]}
        seen = {int(l) for _, _, ls in detections for l in ls} | {int(l) for g in ground_truths for l in g[1]}
        assert set(result["ap"]) == set(result["precision"]) == set(result["recall"]) == seen
        for label, ap in result["ap"].items():
            if expected[label] is None:
                assert np.isnan(ap)
            else:
                worst = max(worst, abs(ap - expected[label]))
        known = [ap for ap in expected.values() if ap is not None]
        assert np.isnan(result["map"]) == (not known)
        if known:
            worst = max(worst, abs(result["map"] - sum(known) / len(known)))
    return worst


def test_equals_brute_force_in_1000_cases(capsys):
    worst = max(check_against_brute_force(seed) for seed in range(1000))
    with capsys.disabled():
        print(f"\ndetection_average_precision and brute force, 1000 cases: largest difference {worst:.2g}")
    assert worst <= 1e-12


SQUARE, ELSEWHERE = [0.0, 0, 10, 10], [50.0, 50, 60, 60]


def ranked(hits, objects):
    """One image of `objects` squares; detections of falling score hit the next square (1) or nothing (0)."""
    squares = np.array([[20.0 * i, 0, 20 * i + 10, 10] for i in range(objects)])
    nxt = iter(squares)
    boxes = np.array([next(nxt) if hit else [0.0, 500, 10, 510] for hit in hits]).reshape(-1, 4)
    scores = np.linspace(0.9, 0.1, len(hits))
    zeros = lambda n: np.zeros(n, int)
    return [(boxes, scores, zeros(len(hits)))], [(squares, zeros(objects))]


def test_curve_of_one_hit_between_two_false_alarms():
    result = detection_average_precision(*ranked([0, 1, 0], objects=2))
    np.testing.assert_allclose(result["precision"][0], [0, 1 / 2, 1 / 3])
    np.testing.assert_allclose(result["recall"][0], [0, 1 / 2, 1 / 2])
    assert result["ap"][0] == result["map"] == 0.25
    eleven = detection_average_precision(*ranked([0, 1, 0], objects=2), method="11point")
    assert eleven["map"] == pytest.approx(0.5 / 11 * 6)


def test_eleven_point_counts_a_recall_met_exactly():
    # Recall ends at 3 / 5: the recalls 0, .1, ..., .6 are reached, seven of eleven.
    result = detection_average_precision(*ranked([1, 1, 1], 5), method="11point")
    assert result["map"] == pytest.approx(7 / 11)


def test_perfect_and_empty():
    assert detection_average_precision(*ranked([1, 1, 1], 3))["map"] == 1.0
    detections, ground_truths = ranked([], 3)
    result = detection_average_precision(detections, ground_truths)
    assert result["map"] == 0.0
    assert result["precision"][0].shape == result["recall"][0].shape == (0,)
    result = detection_average_precision([], [])
    assert np.isnan(result["map"])
    assert result["ap"] == {}


def test_zero_boxes_in_every_spelling():
    for nothing in (np.zeros((0, 4), np.float32), np.zeros(0), []):
        result = detection_average_precision([(nothing, [], [])], [(nothing, [], [])])
        assert np.isnan(result["map"])


def test_a_class_without_objects_is_nan_and_left_out_of_the_mean():
    detections = [([SQUARE, SQUARE], [0.9, 0.8], [0, 7])]
    result = detection_average_precision(detections, [([SQUARE], [0])])
    assert result["map"] == result["ap"][0] == 1.0
    assert np.isnan(result["ap"][7])
    assert np.isnan(result["recall"][7]).all()
    np.testing.assert_array_equal(result["precision"][7], [0.0])


def test_second_detection_of_an_object_is_a_false_alarm():
    result = detection_average_precision([([SQUARE, SQUARE], [0.9, 0.8], [0, 0])], [([SQUARE], [0])])
    np.testing.assert_allclose(result["precision"][0], [1, 0.5])


def test_difficult_object_neither_counts_nor_punishes():
    ground_truths = [([SQUARE, ELSEWHERE], [0, 0], [True, False])]
    detections = [([SQUARE, SQUARE, ELSEWHERE], [0.9, 0.8, 0.7], [0, 0, 0])]
    result = detection_average_precision(detections, ground_truths)
    assert result["map"] == 1.0
    np.testing.assert_array_equal(result["precision"][0], [1.0])
    assert np.isnan(detection_average_precision(detections, [([SQUARE], [0], [True])])["map"])


def test_iou_equal_to_the_threshold_is_a_hit():
    half = [0.0, 0, 10, 5]
    assert detection_average_precision([([half], [0.9], [0])], [([SQUARE], [0])], 0.5)["map"] == 1.0
    assert detection_average_precision([([half], [0.9], [0])], [([SQUARE], [0])], 0.51)["map"] == 0.0


def test_boxes_are_continuous():
    # Two boxes that touch; with Pascal's +1 their IoU would be (1 * 2) / (2 * 2 + 2 * 2 - 1 * 2) = 1/3.
    result = detection_average_precision([([[1.0, 0, 2, 1]], [0.9], [0])], [([[0.0, 0, 1, 1]], [0])], 0.01)
    assert result["map"] == 0.0


def test_equal_scores_rank_by_image_then_by_detection():
    good, bad = ([SQUARE], [0.5], [0]), ([ELSEWHERE], [0.5], [0])
    there = ([SQUARE], [0])
    first = detection_average_precision([good, bad], [there, there])
    second = detection_average_precision([bad, good], [there, there])
    np.testing.assert_array_equal(first["precision"][0], [1.0, 0.5])
    np.testing.assert_array_equal(second["precision"][0], [0.0, 0.5])
    within = detection_average_precision([([ELSEWHERE, SQUARE], [0.5, 0.5], [0, 0])], [there])
    np.testing.assert_array_equal(within["precision"][0], [0.0, 0.5])


def test_box_without_area_finds_nothing_and_is_not_found():
    point = [5.0, 5, 5, 5]
    result = detection_average_precision([([point, point], [0.9, 0.8], [0, 0])], [([SQUARE, point], [0, 0])])
    assert result["map"] == 0.0


def test_inputs_are_not_changed():
    detections, ground_truths = random_case(np.random.default_rng(3))
    before = [[np.array(a) for a in image] for image in detections + ground_truths]
    detection_average_precision(detections, ground_truths)
    for image, old in zip(detections + ground_truths, before):
        for a, b in zip(image, old):
            np.testing.assert_array_equal(a, b)
