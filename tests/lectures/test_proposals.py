"""The comparison of region proposals: recall@N against naive loops, the run, real folders, corner cases."""

import json
import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import proposals
from lectures.detection.drawing import proposal_figures
from lectures.detection.foundation.datasets import without_difficult
from lectures.detection.proposals import barred, best_overlap, compare, first_hits, recall_at, search, table
from lectures.detection.proposing.rpn import ProposalNetwork
from lectures.report import Report

METHODS = {
    "random boxes", "k-means boxes", "graph segmentation", "EdgeBoxes, simplified", "Selective Search, 1 colour space",
    "Selective Search", "Selective Search, 5 colour spaces", "RPN, trained",
}  # fmt: skip


def some_boxes(rng, n):
    corner = rng.uniform(0, 40, (n, 2))
    return np.concatenate([corner, corner + rng.uniform(3, 30, (n, 2))], axis=1).astype(np.float32)


def naive_iou(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(w, 0) * max(h, 0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


@pytest.mark.parametrize("seed", range(5))
def test_recall_is_that_of_the_naive_loops(seed):
    rng = np.random.default_rng(seed)
    found = [some_boxes(rng, n) for n in (0, 3, 60, 25)]
    truths = [some_boxes(rng, n) for n in (2, 0, 3, 4)]
    counts, threshold = (1, 10, 30, 100), 0.3
    expected = {}
    for n in counts:
        hits = [
            any(naive_iou(box.astype(float), one.astype(float)) >= threshold for box in boxes[:n])
            for boxes, truth in zip(found, truths)
            for one in truth
        ]
        expected[n] = sum(hits) / len(hits)
    assert recall_at(found, truths, counts, threshold) == pytest.approx(expected)
    assert list(expected.values()) == sorted(expected.values())


def test_first_hits_by_hand():
    truth = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32)
    boxes = np.array([[0, 0, 5, 5], [1, 0, 11, 10], [0, 0, 10, 10]], np.float32)
    assert first_hits(boxes, truth).tolist() == [1, np.inf]
    assert first_hits(boxes[:0], truth).tolist() == [np.inf, np.inf]
    assert first_hits(boxes, truth[:0]).tolist() == []
    assert best_overlap([boxes], [truth], 2) == pytest.approx((9 / 11) / 2)


def test_no_object_at_all_is_undefined_not_a_crash():
    nothing = [np.zeros((0, 4), np.float32)] * 2
    assert np.isnan(list(recall_at(nothing, nothing).values())).all() and np.isnan(best_overlap(nothing, nothing))
    with pytest.raises(ValueError, match="proposals for 2 pictures, objects of 1"):
        recall_at(nothing, nothing[:1])


def test_a_method_without_any_box_has_recall_zero():
    images = [np.zeros((3, 8, 8), np.float32)] * 2
    found, ms = search(lambda image, most: (), images)
    assert [own.shape for own in found] == [(0, 4), (0, 4)] and ms >= 0
    assert recall_at(found, [np.array([[0, 0, 4, 4]])] * 2, (5,)) == {5: 0.0}


def test_bars_hide_the_middle_of_every_object():
    image = np.full((3, 40, 50), 0.5, np.float32)
    boxes = np.array([[4, 5, 24, 21], [30, 0, 50, 40]], np.float32)  # the second touches the border
    seen = barred(image, boxes, np.random.default_rng(0))
    assert seen.shape == image.shape and seen.dtype == np.float32 and (image == 0.5).all()
    changed = np.abs(seen - 0.5).max(0) > 0.2
    for x1, y1, x2, y2 in boxes.astype(int):
        share = changed[y1:y2, x1:x2].mean()
        assert 0.1 < share < 0.5 and changed[(y1 + y2) // 2, (x1 + x2) // 2]
    assert barred(image, boxes[:0], np.random.default_rng(0)).shape == image.shape


def test_all_methods_are_compared_on_pictures_of_any_size():
    rng = np.random.default_rng(0)
    images = [rng.random((3, *size)).astype(np.float32) for size in ((20, 31), (1, 1))]
    truths = [some_boxes(rng, 2), np.zeros((0, 4), np.float32)]
    results = compare(images, truths, some_boxes(rng, 30), ProposalNetwork().eval())
    assert set(results) == METHODS
    lines = table(results).splitlines()
    assert len(lines) == 2 + len(METHODS) and all(len(line) == len(lines[0]) for line in lines[2:])


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    start = time.perf_counter()
    assert main(["proposals", "--quick", "--out", str(out)]) == 0
    return out / "proposals", time.perf_counter() - start


def test_quick_run(quick):
    folder, seconds = quick
    assert seconds < 30  # 10 on a free machine
    result = json.loads((folder / "result.json").read_text())
    recall, baseline = result["metrics"]["recall"], result["baselines"]["recall"]
    assert set(recall) == set(baseline) == {f"{name} @100" for name in METHODS}
    assert set(result["extra"]["recall_at"]["RPN, trained"]) == {"10", "25", "50", "100", "200", "400", "800"}
    assert set(result["variants"]["behind bars"]["recall"]) == set(recall)
    assert recall["Selective Search @100"] >= baseline["Selective Search @100"] + 0.2
    bars = result["variants"]["behind bars"]["recall"]
    assert bars["Selective Search @100"] >= bars["graph segmentation @100"] + 0.2  # one colour is not one object
    pictures = {path.name for path in folder.glob("*.png")}
    assert {"recall.png", "segmentation.png", "hierarchy.png", "similarities.png", "hits.png"} <= pictures


def test_real_pictures_by_a_voc_folder(tmp_path):
    image = pytest.importorskip("PIL.Image")
    voc = tmp_path / "voc"
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (voc / name).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(8):
        pixels = rng.integers(105, 115, (60, 80, 3), np.uint8)
        x, y = rng.integers(2, 40), rng.integers(2, 30)
        pixels[y : y + 24, x : x + 30] = (200, 40, 30)
        image.fromarray(pixels).save(voc / "JPEGImages" / f"{i}.jpg")
        (voc / "Annotations" / f"{i}.xml").write_text(
            f"<annotation><filename>{i}.jpg</filename><size><width>80</width><height>60</height><depth>3</depth></size>"
            f"<object><name>block</name><difficult>0</difficult><bndbox><xmin>{x + 1}</xmin><ymin>{y + 1}</ymin>"
            f"<xmax>{x + 30}</xmax><ymax>{y + 24}</ymax></bndbox></object></annotation>"
        )
    assert main(["proposals", "--quick", "--out", str(tmp_path), "--data", f"voc:{voc}"]) == 0
    recall = json.loads((tmp_path / "proposals" / "result.json").read_text())["metrics"]["recall"]
    assert recall["Selective Search @100"] == 1


def test_bad_data_in_words(tmp_path, capsys):
    assert main(["proposals", "--quick", "--out", str(tmp_path), "--data", "voc:/nowhere"]) == 2
    assert "/nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("shade", [0.0, 0.4])
def test_figures_of_a_picture_without_anything_in_it(tmp_path, shade):
    """One region, no pair, no edge, no box, no object: every figure still has something to say."""
    image, nothing = np.full((3, 16, 24), shade, np.float32), np.zeros((0, 4), np.float32)
    report = Report("proposals", tmp_path)
    for name, columns, draw in (
        ("segmentation", 4, proposal_figures.segmentations), ("hierarchy", 8, proposal_figures.hierarchy),
        ("similarities", 4, proposal_figures.similarities), ("edges", 3, proposal_figures.edge_boxes_steps),
    ):  # fmt: skip
        with report.figure(name, 1, columns) as axes:
            draw(axes[0], image)
    with report.figure("hits") as axes:
        proposal_figures.hits(axes[0, 0], image, nothing, nothing, "nothing")
    assert len(report.figures) == 5


@pytest.mark.skipif("PYCONVNET_DATA" not in os.environ, reason="PYCONVNET_DATA is not set")
def test_photographs_selective_search_beats_random_and_segmentation():
    folder = Path(os.environ["PYCONVNET_DATA"]) / "detect" / "bccd"
    cells = pcn.data.VOCDetection(folder, "test", size=(160, 208), seed=0)
    images, targets = zip(*(cells[i] for i in range(10)))
    truths = [without_difficult(target)[0] for target in targets]
    recalls = {}
    for name in ("graph segmentation", "Selective Search"):
        recalls[name] = recall_at(search(proposals.FROM_PIXELS[name], images)[0], truths)[800]
    draw = partial(proposals.random_boxes, images[0].shape[1:], 800)
    recalls["random"] = recall_at([draw(seed=i) for i in range(10)], truths)[800]
    assert recalls["Selective Search"] > recalls["graph segmentation"] > recalls["random"] + 0.2
