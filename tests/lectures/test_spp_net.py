"""SPP-net: pyramids of equal length, bins in loops, frozen convolutions, its cost beside R-CNN's, its runs."""

import json

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from voc_folder import write_voc

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import spp_net
from lectures.detection.proposing.carried_proposals import carry
from lectures.detection.regions import post_hoc, spatial_pyramid

CLASSES = ("circle", "square", "triangle")


def naive_pyramid(maps, boxes):
    """Level by level, channel by channel, bin by bin: every cell that a bin touches."""
    rows = []
    height, width = maps.shape[1:]
    for x1, y1, x2, y2 in boxes:
        first_x, first_y = min(int(x1 // 4), width - 1), min(int(y1 // 4), height - 1)
        last_x = max(min(int(np.ceil(x2 / 4)), width), first_x + 1)
        last_y = max(min(int(np.ceil(y2 / 4)), height), first_y + 1)
        row = []
        for n in (4, 2, 1):
            for channel in maps:
                for i in range(n):
                    for j in range(n):
                        h, w = last_y - first_y, last_x - first_x
                        top, bottom = first_y + i * h // n, first_y + -(-(i + 1) * h // n)
                        left, right = first_x + j * w // n, first_x + -(-(j + 1) * w // n)
                        row.append(channel[top:bottom, left:right].max())
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("seed", range(4))
def test_the_pyramid_is_the_loop_over_bins(seed):
    rng = np.random.default_rng(seed)
    maps = rng.normal(size=(2, 3, 9, 12)).astype(np.float32)
    regions = []
    for _ in range(2):
        corner = rng.uniform(0, (44, 32), (8, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(0.1, 30, (8, 2))], 1)
        regions.append(np.minimum(boxes, (48, 36, 48, 36)).astype(np.float32))
    found = spatial_pyramid.region_pyramid(pcn.tensor(maps), regions).data
    expected = np.concatenate([naive_pyramid(m, b) for m, b in zip(maps, regions)])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("size", [(40, 40), (64, 64), (128, 128), (56, 92), (8, 128)])
def test_pictures_of_any_size_become_equally_long(size):
    model = spp_net.SPPNet(CLASSES).eval()
    maps = model.maps(pcn.zeros((1, 3, *size)))
    assert spatial_pyramid.spatial_pyramid(maps).shape == (1, 1344)
    region = [np.array([[1, 1, 7, 5]], np.float32)]
    assert spatial_pyramid.region_pyramid(maps, region).shape == (1, 1344)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (16, 16), (7, 10)])
def test_a_region_that_is_the_picture_has_the_pyramid_of_the_picture(size):
    maps = pcn.tensor(np.random.default_rng(0).normal(size=(1, 5, *size)).astype(np.float32))
    whole = [np.array([[0, 0, 4 * size[1], 4 * size[0]]], np.float32)]
    of_region = spatial_pyramid.region_pyramid(maps, whole).data
    np.testing.assert_array_equal(of_region, spatial_pyramid.spatial_pyramid(maps).data)


def test_no_bin_is_empty_however_small_the_region():
    maps = pcn.tensor(np.full((1, 2, 8, 8), 3.0, np.float32))
    boxes = np.array([[9, 9, 9.5, 9.1], [31.9, 31.9, 32, 32], [32, 32, 32, 32], [0, 0, 1, 32]], np.float32)
    assert (spatial_pyramid.region_pyramid(maps, [boxes]).data == 3).all()


def test_no_proposal_at_all_and_pictures_of_any_size():
    model = spp_net.SPPNet(CLASSES, lambda image: np.zeros((0, 4), np.float32))
    found = model.predict([np.zeros((3, 2, 3), np.float32), np.zeros((3, 70, 41), np.float32)], 0.0)
    assert [boxes.shape for boxes, _, _ in found] == [(0, 4), (0, 4)]


def batch(count=6):
    scenes = pcn.data.ShapeScenes(count, "train")
    known = {image.tobytes(): spp_net.search(image) for image, _ in scenes}
    images = pcn.tensor(np.stack([image for image, _ in scenes]))
    return scenes, known, images, [carry(target, known[image.tobytes()]) for image, target in scenes]


def test_frozen_layers_do_not_change_and_the_rest_does():
    _, _, images, targets = batch(2)
    model = spp_net.SPPNet(CLASSES).freeze()
    model.train()
    assert model.training and not model.features.training
    before = {name: v.data.copy() for name, v in model.state_dict().items()}
    optimizer = pcn.optim.SGD(model.parameters(), lr=0.1)
    post_hoc.log_loss(model, images, targets, np.random.default_rng(0))["log loss"].backward()
    optimizer.step()
    changed = {name for name, v in model.state_dict().items() if not np.array_equal(v.data, before[name])}
    assert changed == {"fc.0.weight", "fc.0.bias", "score.weight", "score.bias"}


@pytest.mark.parametrize("seed", range(5))
def test_patch_labels_are_the_rule_in_loops(seed):
    rng = np.random.default_rng(seed)
    targets = []
    for _ in range(2):
        m = int(rng.integers(0, 4))
        corner = rng.uniform(0, 30, (m, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(3, 25, (m, 2))], 1).astype(np.float32)
        targets.append((boxes, rng.integers(0, 3, m)))
    found = spp_net.patch_labels(targets, (10, 12), 3)
    for of_picture, (boxes, labels) in zip(found, targets):
        for i in range(10):
            for j in range(12):
                x, y, expected, smallest = 4 * j + 2, 4 * i + 2, 27, np.inf
                for (x1, y1, x2, y2), label in zip(boxes.astype(float), labels):
                    area = (x2 - x1) * (y2 - y1)
                    if x1 <= x < x2 and y1 <= y < y2 and area < smallest:
                        row, column = int(3 * (y - y1) / (y2 - y1)), int(3 * (x - x1) / (x2 - x1))
                        expected, smallest = 9 * label + 3 * row + column, area
                assert of_picture[i, j] == expected


def test_a_picture_without_objects_is_background_and_flat_boxes_say_nothing():
    nothing, flat = (np.zeros((0, 4)), np.zeros(0, int)), (np.array([[8, 8, 8, 20.0]]), np.array([1]))
    assert (spp_net.patch_labels([nothing, flat], (8, 8), 3) == 27).all()


def test_learns_six_pictures_by_heart():
    """Convolutions by classification of crops, frozen; then the three objectives on whole pictures."""
    scenes, known, images, targets = batch()
    pcn.manual_seed(0)
    rng = np.random.default_rng(0)
    model = spp_net.SPPNet(CLASSES, lambda image: known[image.tobytes()])
    for loss_of, name, steps in ((spp_net.patch_loss, "patch loss", 60), (post_hoc.log_loss, "log loss", 60)):
        optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(steps):
            loss = loss_of(model, images, targets, rng)[name]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.freeze()
    assert loss.item() < 0.15
    features = post_hoc.region_features(model, scenes, list(known.values()))
    post_hoc.fit_svms(model, features, rng)
    post_hoc.fit_regressors(model, features)
    detections = model.predict(images.data, 0.1)
    assert pcn.metrics.detection_average_precision(detections, [target for _, target in scenes])["map"] > 0.85


def test_a_tenth_of_the_work_of_rcnn_for_the_same_regions():
    costs = spp_net.against_rcnn(spp_net.SPPNet(CLASSES), np.zeros((3, 64, 64), np.float32), repeats=5)
    assert costs["regions"] == 200 and costs["times_fewer_macs"] > 10
    assert costs["spp_net"]["macs"] == 45907968  # the picture once: 20 million; then 200 times 1344 x 96 and 96 x 4
    assert costs["times_faster"] > 3  # 11 alone on a machine; others may be at work where tests run


def test_a_quick_run_leaves_result_and_pictures(tmp_path, capsys):
    assert main(["spp_net", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "spp_net" / "result.json").read_text())
    assert set(found["metrics"]) == {"map50", "ap50", "recall", "map50_95"} and "map50" in found["baselines"]
    assert found["extra"]["times_fewer_macs"] > 10 and "softmax" in found["variants"]
    assert found["extra"]["seconds_classification"] > 0
    for name in ("detections", "pyramid", "hard_negatives", "box_regression"):
        assert (tmp_path / "spp_net" / f"{name}.png").stat().st_size > 5000
    assert "times faster" in capsys.readouterr().out


def test_a_voc_folder_runs_through_the_same_code(tmp_path):
    write_voc(tmp_path / "voc", 8)
    assert main(["spp_net", "--quick", "--out", str(tmp_path), "--data", f"voc:{tmp_path / 'voc'}"]) == 0
    found = json.loads((tmp_path / "spp_net" / "result.json").read_text())
    assert list(found["metrics"]["ap50"]) == ["block"]
