"""coco_summary against pycocotools (skipped where that is not installed) and against hand-made fixtures."""

import contextlib
import io

import numpy as np
import pytest

from pyconvnet.metrics import coco_summary

KEYS = ("AP", "AP50", "AP75", "APs", "APm", "APl")


def pycocotools_summary(detections, ground_truths, area_ranges=None):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def xywh(box):
        x1, y1, x2, y2 = (float(v) for v in box)
        return [x1, y1, x2 - x1, y2 - y1]

    annotations, results = [], []
    for image, (boxes, labels, *crowd) in enumerate(ground_truths):
        for i, (box, label) in enumerate(zip(boxes, labels)):
            bbox = xywh(box)
            annotations.append(
                {
                    "id": len(annotations) + 1,  # an id of 0 would count as "not matched"
                    "image_id": image,
                    "category_id": int(label),
                    "bbox": bbox,
                    "area": bbox[2] * bbox[3],
                    "iscrowd": int(crowd[0][i]) if crowd else 0,
                }
            )
    for image, (boxes, scores, labels) in enumerate(detections):
        for box, score, label in zip(boxes, scores, labels):
            results.append(
                {"image_id": image, "category_id": int(label), "bbox": xywh(box), "score": float(score)}
            )
    if not annotations:
        return dict.fromkeys(KEYS, np.nan)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": i} for i in range(len(ground_truths))],
            "annotations": annotations,
            "categories": [{"id": int(c)} for c in {a["category_id"] for a in annotations}],
        }
        truth.createIndex()
        if results:
            found = truth.loadRes(results)
        else:  # loadRes does not take an empty list
            found = COCO()
            found.dataset = {**truth.dataset, "annotations": []}
            found.createIndex()
        evaluation = COCOeval(truth, found, "bbox")
        if area_ranges is not None:
            evaluation.params.areaRng = [[0, 1e10], *map(list, area_ranges)]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {key: np.nan if value == -1 else float(value) for key, value in zip(KEYS, evaluation.stats)}


def random_case(rng):
    """Boxes of all COCO sizes: crowds, duplicates, ties in score and IoU, no area, over 100 detections."""
    grid = rng.choice([0.0, 0.1, 1.0, 16.0])
    snap = lambda v: np.round(v / grid) * grid if grid else v
    dtype = rng.choice([np.float32, np.float64])
    classes = int(rng.integers(1, 4))
    levels = rng.choice([1, 4, 100000])
    many = rng.random() < 0.1

    def boxes(n):
        low = snap(rng.uniform(0, 200, (n, 2)))
        size = snap(rng.choice([10.0, 40.0, 150.0], (n, 1)) * rng.uniform(0.3, 1.3, (n, 2)))
        size[rng.random(n) < 0.05] = 0
        return np.concatenate([low, low + size], axis=1).astype(dtype)

    detections, ground_truths = [], []
    for _ in range(rng.integers(1, 5)):
        m = int(rng.choice([0, 1, 3, 8]))
        b, l = boxes(m), rng.integers(0, classes, m)
        if m and rng.random() < 0.3:
            b[-1], l[-1] = b[0], l[0]
        ground_truths.append((b, l, rng.random(m) < 0.25) if rng.random() < 0.6 else (b, l))
        n = 130 if many else int(rng.choice([0, 1, 5, 12]))
        found = boxes(n)
        for i in range(n):
            if m and rng.random() < 0.8:
                target = b[rng.integers(m)]
                shift = rng.choice([0.0, 0.05, 0.2]) * (target[2] - target[0])
                found[i] = target + np.array([1, 0, 1, 0]) * snap(rng.choice([-1, 1]) * shift)
        if n > 1 and rng.random() < 0.3:
            found[-1] = found[0]
        detections.append((found, rng.integers(0, levels, n) / levels, rng.integers(0, classes + 1, n)))
    own = None if rng.random() < 0.6 else [(0, 600.0), (600.0, 3000.0), (3000.0, 1e9)]
    return detections, ground_truths, own


def difference_from_pycocotools(seed):
    case = random_case(np.random.default_rng(seed))
    ours, theirs = coco_summary(*case), pycocotools_summary(*case)
    assert list(ours) == list(KEYS)
    worst = 0.0
    for key in KEYS:
        assert np.isnan(ours[key]) == np.isnan(theirs[key]), (seed, key, ours, theirs)
        if not np.isnan(ours[key]):
            worst = max(worst, abs(ours[key] - theirs[key]))
    return worst


def test_equals_pycocotools_in_1000_cases(capsys):
    pytest.importorskip("pycocotools")
    worst = max(difference_from_pycocotools(seed) for seed in range(1000))
    with capsys.disabled():
        print(f"\ncoco_summary and pycocotools, 1000 random and adversarial cases: largest difference {worst:.2g}")
    assert worst <= 1e-9


SQUARE = [0.0, 0, 10, 10]


def test_perfect():
    summary = coco_summary([([SQUARE], [0.9], [0])], [([SQUARE], [0])])
    assert summary["AP"] == summary["AP50"] == summary["AP75"] == summary["APs"] == 1.0
    assert np.isnan(summary["APm"])
    assert np.isnan(summary["APl"])


def test_iou_of_six_tenths_passes_three_thresholds_of_ten():
    # IoU 0.62: .50, .55, .60 are passed.
    summary = coco_summary([([[0.0, 0, 10, 6.2]], [0.9], [0])], [([SQUARE], [0])])
    assert summary["AP"] == pytest.approx(0.3)
    assert summary["AP50"] == pytest.approx(1.0)
    assert summary["AP75"] == 0.0


def test_hundred_and_one_points():
    # One of two objects found: recalls 0, .01, ..., .50 are reached.
    summary = coco_summary([([SQUARE], [0.9], [0])], [([SQUARE, [50.0, 50, 60, 60]], [0, 0])])
    assert summary["AP"] == pytest.approx(51 / 101)


def test_nothing_found_is_zero_and_nothing_to_find_is_nan():
    assert coco_summary([([], [], [])], [([SQUARE], [0])])["AP"] == 0.0
    for detections in ([([], [], [])], [([SQUARE], [0.9], [0])]):
        assert all(np.isnan(v) for v in coco_summary(detections, [([], [])]).values())
    assert all(np.isnan(v) for v in coco_summary([], []).values())
    assert np.isnan(coco_summary([([SQUARE], [0.9], [0])], [([SQUARE], [0], [True])])["AP"])


def test_crowd_takes_any_number_of_detections_and_none_is_punished():
    crowd, single = [100.0, 100, 200, 200], SQUARE
    inside = [[110.0, 110, 120, 120], [150.0, 150, 170, 180], [100.0, 100, 130, 150]]
    detections = [([*inside, single], [0.9, 0.8, 0.7, 0.6], [0, 0, 0, 0])]
    ground_truths = [([crowd, single], [0, 0], [True, False])]
    assert coco_summary(detections, ground_truths)["AP"] == pytest.approx(1.0)
    assert coco_summary(detections, [([crowd, single], [0, 0])])["AP"] < 0.5


def test_of_two_equal_overlaps_the_last_object_is_claimed():
    left, right, between = SQUARE, [4.0, 0, 14, 10], [2.0, 0, 12, 10]  # between overlaps both by 8/12
    detections = [([between, left], [0.9, 0.5], [0, 0])]
    assert coco_summary(detections, [([left, right], [0, 0])])["AP50"] == 1.0
    assert coco_summary(detections, [([right, left], [0, 0])])["AP50"] == pytest.approx(51 / 101)


def nearly_equal_overlaps(seed):
    """A detection midway between two objects, on tenths of a pixel: rounding decides which it claims."""
    rng = np.random.default_rng(seed)
    x, y, side = rng.integers(0, 600) / 10, rng.integers(0, 60) / 10, rng.integers(20, 90) / 10
    step = rng.integers(1, 5) / 5
    boxes = [np.round([x + k * step, y, x + side + k * step, y + side], 1) for k in (0, 1, 2)]
    return [([boxes[1], boxes[0]], [0.9, 0.5], [0, 0])], [([boxes[0], boxes[2]], [0, 0])]


def test_rounding_is_that_of_pycocotools():
    pytest.importorskip("pycocotools")
    for seed in range(200):
        case = nearly_equal_overlaps(seed)
        assert coco_summary(*case)["AP"] == pytest.approx(pycocotools_summary(*case)["AP"], abs=1e-9)


def test_only_the_hundred_best_of_an_image_count():
    wrong = np.tile([[300.0, 300, 310, 310]], (100, 1))
    boxes = np.concatenate([wrong, [SQUARE]])
    labels = np.zeros(101, int)
    last = coco_summary([(boxes, np.linspace(0.9, 0.1, 101), labels)], [([SQUARE], [0])])
    assert last["AP"] == 0.0
    last_but_one = coco_summary([(boxes[1:], np.linspace(0.9, 0.1, 100), labels[1:])], [([SQUARE], [0])])
    assert last_but_one["AP"] == pytest.approx(0.01)


def test_own_area_ranges_in_every_spelling():
    detections, ground_truths = [([SQUARE], [0.9], [0])], [([SQUARE], [0])]
    small, medium, large = (0, 50), (50, 200), (200, 1e9)
    spellings = [
        [small, medium, large],
        [(0, 1e10), small, medium, large],
        np.array([small, medium, large]),
        {"small": small, "medium": medium, "large": large},
        {"small": small, "medium": medium},
    ]
    for spelling in spellings:
        summary = coco_summary(detections, ground_truths, spelling)
        assert summary["APm"] == pytest.approx(1.0)
        assert np.isnan(summary["APs"])
        assert np.isnan(summary["APl"])


def test_bounds_of_an_area_range_belong_to_it():
    box = [0.0, 0, 32, 32]
    summary = coco_summary([([box], [0.9], [0])], [([box], [0])])
    assert summary["APs"] == summary["APm"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ([(0, 1), (1, 2)], "[small, medium, large]"),
        ({"tiny": (0, 1)}, "no 'tiny'"),
        ([(0, 1), (5, 2), (2, 3)], "'medium' must be a pair (low, high)"),
        ([(0, 1, 2), (1, 2), (2, 3)], "'small' must be a pair"),
    ],
)
def test_bad_area_ranges(ranges, message):
    with pytest.raises(ValueError) as error:
        coco_summary([], [], ranges)
    assert message in str(error.value)
