"""Fast R-CNN: its face, learning one batch by heart, feature sharing, the quick run."""

import json
from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from voc_folder import write_voc

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import fast_rcnn
from lectures.detection.drawing.region_figures import answers, bin_extents
from lectures.detection.fast_rcnn import FastRCNN, unmoved
from lectures.detection.foundation.datasets import detection_data
from lectures.detection.proposing.carried_proposals import ConstantProposals, carry
from lectures.detection.regions.feature_sharing import share_against_recompute
from lectures.kept_network import keep_network, load_kept_network
from lectures.report import Report

CLASSES = ("circle", "square", "triangle")
NONE = np.zeros((0, 4), np.float32)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))


def some_boxes(seed=0, n=30, side=64):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, side - 4, (n, 2))
    return np.concatenate([corner, np.minimum(corner + rng.uniform(3, 40, (n, 2)), side)], 1).astype(np.float32)


def detector(propose=None, **options):
    pcn.manual_seed(0)
    return FastRCNN(CLASSES, propose or ConstantProposals(some_boxes()), **options)


def pictures(n, height=64, width=64, seed=0):
    return np.random.default_rng(seed).random((n, 3, height, width), dtype=np.float32)


@pytest.mark.parametrize("align", [False, True])
def test_one_batch_is_learned_by_heart(align):
    scenes = pcn.data.ShapeScenes(4, "train", 1)
    model = detector(fast_rcnn.selective_search, align=align)
    images = np.stack([image for image, _ in scenes])
    targets = [carry(target, model.propose(image)) for image, target in scenes]
    optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.99))
    for step in range(100):
        parts = model.loss(pcn.tensor(images), targets, np.random.default_rng(step))
        loss = parts["class"] + parts["box"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert parts["class"].item() < 0.05 and parts["box"].item() < 0.1
    found = model.predict(images, 0.5)
    precision = pcn.metrics.detection_average_precision(found, [target for _, target in scenes])
    assert precision["map"] > 0.95


def test_predict_answers_for_pictures_of_any_sizes():
    model = detector(fast_rcnn.selective_search)
    images = [picture[0] for picture in (pictures(1, 64, 64), pictures(1, 33, 70), pictures(1, 64, 64, 1))]
    found = model.predict(images, confidence_threshold=0.0)
    assert len(found) == 3
    for image, (boxes, scores, labels) in zip(images, found):
        assert len(boxes) == len(scores) == len(labels) > 0
        assert (boxes >= 0).all() and (boxes[:, 2] <= image.shape[2]).all() and (boxes[:, 3] <= image.shape[1]).all()
        assert (np.diff(scores) <= 0).all() and set(labels) <= {0, 1, 2}


def test_what_is_said_of_a_region_does_not_depend_on_other_pictures():
    model, images = detector().eval(), pcn.tensor(pictures(3))
    regions = [some_boxes(seed, n) for seed, n in enumerate((4, 0, 9))]
    with pcn.no_grad():
        together = [part.data for part in model(images, regions)]
        for k, rows in ((0, slice(0, 4)), (1, slice(4, 4)), (2, slice(4, 13))):
            alone = [part.data for part in model(images[k : k + 1], [regions[k]])]
            for one, every in zip(alone, together):
                np.testing.assert_allclose(one, every[rows], rtol=1e-4, atol=1e-5)


def test_a_picture_without_any_proposal_has_no_detection():
    model = detector(lambda image: some_boxes() if image.mean() > 0.6 else NONE)
    images = np.stack([np.full((3, 64, 64), v, np.float32) for v in (0.1, 0.9, 0.2)])
    counts = [len(boxes) for boxes, _, _ in model.predict(images, 0.0)]
    assert counts[0] == counts[2] == 0 < counts[1]
    model.propose = ConstantProposals(NONE)
    for boxes, scores, labels in model.predict(images, 0.0):
        assert boxes.shape == (0, 4) and scores.shape == labels.shape == (0,)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8)])
def test_pictures_smaller_than_the_receptive_field_and_boxes_smaller_than_a_cell(size):
    model = detector(ConstantProposals([[0, 0, 1, 1], [0.2, 0.1, 0.4, 0.9]]))
    ((boxes, scores, _),) = model.predict(pictures(1, *size), 0.0, nms_threshold=1.0)
    assert len(boxes) == 6 and np.isfinite(boxes).all() and np.isfinite(scores).all()


def test_a_class_never_seen_in_training_is_learned_as_absent():
    pcn.manual_seed(0)
    model = FastRCNN((*CLASSES, "hexagon"), ConstantProposals(some_boxes()))
    scenes = pcn.data.ShapeScenes(4, "train", 0)
    images = np.stack([image for image, _ in scenes])
    targets = [carry(target, some_boxes()) for _, target in scenes]
    before = model.head.offset.weight.data.copy()
    optimizer = pcn.optim.Adam(model.parameters(), lr=2e-3)
    for step in range(25):
        parts = model.loss(pcn.tensor(images), targets, np.random.default_rng(step))
        optimizer.zero_grad()
        (parts["class"] + parts["box"]).backward()
        optimizer.step()
    changed = (model.head.offset.weight.data != before).reshape(4, -1).any(1)
    assert changed.tolist() == [True, True, True, False], "nobody told the offsets of hexagons anything"
    found = np.concatenate([labels for _, _, labels in model.predict(images, 0.2)])
    assert len(found) and (found < 3).all()


def test_pictures_without_objects_can_be_learned_from():
    model = detector()
    nothing = carry((NONE, np.zeros(0, np.int64)), some_boxes())
    parts = model.loss(pcn.tensor(pictures(2)), [nothing, nothing], np.random.default_rng(0))
    assert parts["box"].item() == 0.0 and np.isfinite(parts["class"].item())


def test_without_regression_every_box_is_a_proposal():
    model, images = detector(), pictures(2)
    model.head.offset.bias.data[:] = 1
    moved, (unmoved_boxes, *_) = model.predict(images, 0.0)[0][0], unmoved(model, images)[0]
    proposed = {tuple(box) for box in some_boxes().round(3).tolist()}
    assert {tuple(box) for box in unmoved_boxes.round(3).tolist()} <= proposed
    assert not {tuple(box) for box in moved.round(3).tolist()} <= proposed
    assert model.regress


def test_answers_name_the_region_of_every_box():
    model, image = detector(), pictures(1)[0]
    model.confidence = 0.0
    found, origin, regions = answers(model, image)
    assert len(found[0]) == len(origin) == 3 * len(regions)
    np.testing.assert_allclose(origin[::3], regions, atol=1e-4)


def test_the_bins_in_the_figure_are_those_of_roi_pooling():
    """Rounded corners 2 ... 8 along x are 7 cells; bins of 7 / 4: 2-3, 3-5, 5-7, 7-8 (inclusive)."""
    cells = bin_extents([8, 8, 32, 23], (16, 16), 4, 4)
    assert cells[0, :, 0].tolist() == [2, 3, 5, 7] and cells[0, :, 2].tolist() == [3, 5, 7, 8]
    assert cells[:, 0, 1].tolist() == [2, 3, 4, 5] and cells[:, 0, 3].tolist() == [3, 4, 5, 6]


def test_sharing_features_saves_multiply_accumulates():
    image = pcn.data.ShapeScenes(1, "test", 0)[0][0]
    model = detector()
    measured = share_against_recompute(model.features, image, some_boxes(0, 200))
    assert measured["regions"] == 200 and measured["times_fewer_macs"] == pytest.approx(200 * 32**2 / 64**2)
    assert measured["times_faster"] > 0
    assert model.features.training


def test_a_kept_network_is_found_again_and_only_under_its_own_name(tmp_path):
    model, other = detector(), detector()
    model.head.score.bias.data[:] = 7
    assert not load_kept_network(other, "fast_rcnn", 0)
    keep_network(model, "fast_rcnn", 0)
    assert not load_kept_network(other, "fast_rcnn", 1)
    assert load_kept_network(other, "fast_rcnn", 0) and (other.head.score.bias.data == 7).all()
    assert not load_kept_network(FastRCNN(("one",), ConstantProposals(NONE)), "fast_rcnn", 0)
    next((tmp_path / "cache" / "networks").iterdir()).write_bytes(b"damaged")
    assert not load_kept_network(other, "fast_rcnn", 0)


def test_quick_run_leaves_result_and_figures_and_a_network_for_others(tmp_path, capsys):
    assert main(["fast_rcnn", "--quick", "--out", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "fast_rcnn" / "result.json").read_text())
    assert set(result["metrics"]) >= {"map50", "ap50", "recall"} and result["baselines"]["map50"] >= 0
    assert set(result["variants"]) == {"roi_pool", "roi_align", "without_regression"}
    assert all({"map50", "map75"} <= set(v) for v in result["variants"].values())
    extra = result["extra"]
    assert extra["recall_of_proposals"] > 0.9 and 0 < extra["share_of_proposals"] < 1
    assert extra["sharing"]["times_fewer_macs"] == 50 and extra["mmacs_per_image"] > 20
    assert set(extra["ms_by_part"]) == {"proposals", "convnet", "regions", "suppression"}
    for name in ("detections", "loss", "precision_recall", "regions_pooled", "labels", "suppression"):
        assert (tmp_path / "fast_rcnn" / f"{name}.png").stat().st_size > 5000
    options = Namespace(data=None, quick=True, seed=0, skip_bad=False, resume=False)
    report = Report("other", tmp_path)
    model = fast_rcnn.reference(options, report, detection_data(options))
    assert report.train_seconds == 0 and not model.training, "the kept network was not used"


def test_a_voc_folder_runs_through_the_same_code(tmp_path, capsys):
    write_voc(tmp_path / "voc", 12)
    arguments = ["--quick", "--data", f"voc:{tmp_path / 'voc'}", "--out", str(tmp_path)]
    for lecture in ("fast_rcnn", "rcnn_minus_r"):
        assert main([lecture, *arguments]) == 0, capsys.readouterr().err
        result = json.loads((tmp_path / lecture / "result.json").read_text())
        assert list(result["metrics"]["ap50"]) == ["block"]
