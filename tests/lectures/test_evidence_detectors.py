"""Evidence on detectors: cells and anchors, scales, imbalance, weak supervision, depth, context, artworks."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.course import DECKS
from lectures.evidence import (
    artworks,
    cells_and_anchors,
    context,
    depth,
    imbalance,
    scales,
    weak_supervision,
)
from lectures.evidence.arms import fewer, kept_arm
from lectures.report import Report
from pyconvnet import nn

THEMES = (artworks, cells_and_anchors, context, depth, imbalance, scales, weak_supervision)
CLAIMS = [claim for theme in THEMES for claim in theme.CLAIMS]


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))
    return SimpleNamespace(seed=0, quick=True, data=None, resume=False, skip_bad=False, out=tmp_path)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.number)
def test_a_quick_measurement_is_finite_and_can_be_drawn(claim, options):
    report = Report(f"claim-{claim.number}", options.out)
    found = claim.measure(options, report)
    assert np.isfinite(found["effect"])
    found = json.loads(json.dumps(found))
    with report.figure("claim", size=(6, 4)) as axes:
        claim.draw(axes[0, 0], [found, found])
    assert (report.folder / "claim.png").stat().st_size > 2000


def test_claims_quote_a_deck_and_say_what_is_measured():
    assert {claim.number for claim in CLAIMS} == {"9a", "9b", "9c", "10", "11", "12a", "12b", "12c", "13", "14", "35b"}
    for claim in CLAIMS:
        assert claim.deck in DECKS and claim.slide and claim.says and claim.effect and claim.seeds == 3


def test_an_arm_is_trained_once_and_anew_for_another_identity(options):
    trained = []

    def train():
        trained.append(nn.Linear(2, 2))
        return trained[-1]

    first = kept_arm(nn.Linear(2, 2), train, "arm", 0)
    again = kept_arm(nn.Linear(2, 2), train, "arm", 0)
    assert len(trained) == 1 and np.array_equal(first.weight.data, again.weight.data)
    kept_arm(nn.Linear(2, 2), train, "arm", 1)
    assert len(trained) == 2


def test_fewer_pictures_only_where_quick():
    data = context.ground_scenes(5, True)
    assert fewer(data, False) is data
    few = fewer(data, True, train=3, test=2)
    assert len(few.train) == 3 and len(few.test) == 2 and np.array_equal(few.test[1][0], data.test[1][0])


def test_collisions_count_every_object_after_the_first_of_a_cell():
    boxes = np.array([[0, 0, 6, 6], [4, 4, 8, 8], [2, 2, 4, 4], [20, 20, 24, 24]], np.float32)  # centres 3 6 3 22
    pictures = [(None, (boxes, np.zeros(4))), (None, (boxes[:1], np.zeros(1))), (None, (boxes[:0], np.zeros(0)))]
    assert cells_and_anchors.collisions(pictures, 8) == pytest.approx(2 / 5)
    assert cells_and_anchors.collisions(pictures, 4) == pytest.approx(1 / 5)
    assert cells_and_anchors.collisions(pictures, 32) == pytest.approx(3 / 5)
    assert cells_and_anchors.collisions([], 8) == 0


def naive_false_alarms(detections, truths, recall):
    """Every threshold from the strictest on; for each, one picture and detection at a time."""
    objects = sum(len(truth[0]) for truth in truths)
    for threshold in sorted({float(s) for _, scores, _ in detections for s in scores}, reverse=True):
        found, wrong = 0, []
        for (boxes, scores, _), (truth, _) in zip(detections, truths):
            free, mine = list(range(len(truth))), []
            for k in np.argsort(-scores, kind="stable"):
                if scores[k] < threshold:
                    continue
                overlap = [naive_iou(boxes[k], box) for box in truth]
                best = int(np.argmax(overlap)) if overlap else -1
                if overlap and overlap[best] >= 0.5 and best in free:
                    free.remove(best)
                    found += 1
                else:
                    mine.append(boxes[k])
            wrong.append(mine)
        if found >= recall * objects - 1e-9:
            return wrong, threshold
    return None


def naive_iou(p, q):
    width, height = min(p[2], q[2]) - max(p[0], q[0]), min(p[3], q[3]) - max(p[1], q[1])
    both = max(width, 0) * max(height, 0)
    return both / ((p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - both)


@pytest.mark.parametrize("seed", range(20))
def test_false_alarms_are_those_of_a_naive_count(seed):
    rng = np.random.default_rng(seed)
    detections, truths = [], []
    for _ in range(4):
        truth = rng.uniform(0, 40, (rng.integers(0, 4), 2))
        truth = np.concatenate([truth, truth + rng.uniform(6, 14, truth.shape)], 1).astype(np.float32)
        near = truth[rng.integers(0, len(truth), 5)] + rng.normal(0, 1.5, (5, 4)) if len(truth) else np.zeros((0, 4))
        far = rng.uniform(0, 40, (3, 2))
        boxes = np.concatenate([near, np.concatenate([far, far + 8], 1)]).astype(np.float32)
        scores = rng.permutation(100)[: len(boxes)] / 100 + rng.uniform(0, 1e-4)
        detections.append((boxes, scores, np.zeros(len(boxes))))
        truths.append((truth, np.zeros(len(truth), np.int64)))
    reach = context.reached(detections, truths)
    objects = max(sum(len(truth[0]) for truth in truths), 1)
    for recall in (reach, reach / 2, 1 / objects):
        if not 0 < recall <= reach:
            continue
        wrong, threshold = context.false_alarms(detections, truths, recall)
        naive, naive_threshold = naive_false_alarms(detections, truths, recall)
        assert threshold == naive_threshold
        for mine, theirs in zip(wrong, naive):
            assert sorted(mine.tolist()) == sorted(box.tolist() for box in theirs)


def test_false_alarms_of_a_detector_that_finds_nothing():
    nothing = np.zeros((0, 4), np.float32), np.zeros(0), np.zeros(0, np.int64)
    truth = np.array([[0, 0, 9, 9]], np.float32), np.zeros(1, np.int64)
    assert context.reached([nothing], [truth]) == 0
    wrong, threshold = context.false_alarms([nothing], [truth], 0.0)
    assert wrong[0].shape == (0, 4) and threshold == np.inf


def test_backbones_of_all_depths_have_one_stride_and_the_lectures_is_among_them():
    counts = []
    for per_stage in depth.PER_STAGE:
        layers = depth.backbone(per_stage)
        assert layers(pcn.zeros((1, 3, 64, 64))).shape == (1, 64, 8, 8)
        counts.append(sum(isinstance(layer, nn.Conv2d) for layer in layers))
    assert counts == [4, 6, 8]


def test_artworks_are_the_test_scenes_with_the_same_objects(options):
    photographs = pcn.data.ShapeScenes(5, "test", 0, "shaded64")
    drawn = pcn.data.ShapeScenes(5, "test", 0, "outline64")
    for (image, (boxes, labels)), (other, (again, names)) in zip(photographs, drawn):
        assert np.array_equal(boxes, again) and np.array_equal(labels, names) and not np.array_equal(image, other)
