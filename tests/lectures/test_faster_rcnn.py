"""Faster R-CNN: what flows where, pictures with nothing in them, the four steps, runs (quick, interrupted, VOC)."""

import json
from argparse import Namespace
from itertools import count

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from voc_folder import write_voc

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import faster_rcnn
from lectures.detection.foundation.backbone import residual_backbone
from lectures.detection.foundation.datasets import DetectionData
from lectures.detection.foundation.learning import Settings, learn
from lectures.detection.proposing import rpn
from lectures.report import Report
from pyconvnet.io import load_with_metadata

CLASSES = ("circle", "square", "triangle")
NONE = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
FOUR = "rpn objectness", "rpn box", "head class", "head box"


@pytest.fixture
def model():
    pcn.manual_seed(0)
    return faster_rcnn.FasterRCNN(CLASSES)


def scenes(n):
    some = pcn.data.ShapeScenes(n, "train", 0)
    images, targets = pcn.data.default_collate([some[i] for i in range(n)])
    return pcn.tensor(images), targets


def losses_of(model, images, targets):
    return faster_rcnn.joint_loss(model, images, targets, np.random.default_rng(0))


def total(losses):
    return sum((losses[name] for name in FOUR[1:]), losses[FOUR[0]])


def test_one_network_four_losses(model):
    losses = losses_of(model, *scenes(2))
    assert [name for name, loss in losses.items() if isinstance(loss, pcn.Tensor)] == list(FOUR)
    total(losses).backward()
    assert all(p.grad is not None and p.grad.data.any() for p in model.features.parameters() if p.ndim == 4)


def test_pictures_without_object_have_exactly_no_box_loss(model):
    losses = losses_of(model, pcn.rand(2, 3, 64, 64), [NONE, NONE])
    assert losses["rpn box"].item() == losses["head box"].item() == 0
    assert losses["rpn objectness"].item() > 0 and losses["head class"].item() > 0
    total(losses).backward()
    for offsets in (model.rpn.offsets, model.head.offset):
        assert all(p.grad is None or not p.grad.data.any() for p in offsets.parameters())


def test_no_gradient_flows_through_the_proposals(model):
    """The head's two losses change neither what is proposed nor how: only the features that it looks at."""
    losses = losses_of(model, *scenes(2))
    (losses["head class"] + losses["head box"]).backward()
    assert all(p.grad is None or not p.grad.data.any() for p in model.rpn.parameters())
    assert any(p.grad.data.any() for p in model.features.parameters())


def test_the_stages_of_the_time_are_those_of_the_detection(model):
    """What `milliseconds` runs part by part is what `detect` runs."""
    images = scenes(2)[0]
    model.eval()
    with pcn.no_grad():
        features = model(images)
        objectness, offsets = model.rpn(features)
        proposed = rpn.proposals(objectness.data, offsets.data, model.rpn.anchors(16, 16), (64, 64))
        found = model.classify(features, [boxes for boxes, _ in proposed], 0.1, 0.45)
        expected = model.detect(images.data, 0.1, 0.45)
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    spent = faster_rcnn.milliseconds(model, pcn.data.ShapeScenes(2, "test", 0), rounds=1)
    assert list(spent) == ["convnet", "rpn", "nms", "regions"] and min(spent.values()) > 0


def test_a_picture_does_not_depend_on_its_batch(model):
    images = scenes(3)[0].data
    together = model.predict(images, 0.1)
    for image, expected in zip(images, together, strict=True):
        for found, wanted in zip(model.predict([image], 0.1)[0], expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("size", [(4, 4), (3, 5), (1, 1), (10, 90)])
def test_pictures_smaller_than_the_receptive_field(model, size):
    boxes, scores, labels = model.predict([np.random.default_rng(0).random((3, *size), np.float32)], 0.0)[0]
    assert boxes.shape == (len(scores), 4) and labels.shape == scores.shape and len(boxes) > 0
    assert boxes.min() >= 0 and (boxes <= (size[1], size[0], size[1], size[0])).all()


def test_no_proposal_at_all(model, monkeypatch):
    monkeypatch.setattr(rpn, "MIN_SIZE", 1000)
    images, targets = scenes(2)
    for boxes, scores, labels in model.predict(images, 0.01):
        assert boxes.shape == (0, 4) and scores.shape == labels.shape == (0,)
    assert losses_of(model, images, targets)["head box"].item() > 0, "the objects' own boxes are looked at"
    losses = losses_of(model, images, [NONE, NONE])
    assert losses["head class"].item() == losses["head box"].item() == 0
    total(losses).backward()


def test_an_object_smaller_than_a_cell_is_learned_from(model):
    speck = np.array([[21, 9, 22.5, 10]], np.float32), np.array([1])
    losses = losses_of(model, pcn.rand(1, 3, 64, 64), [speck])
    assert losses["rpn box"].item() > 0 and losses["head box"].item() > 0
    assert losses["objects"] == 1 and losses["objects without positive anchor"] == 0
    total(losses).backward()
    assert all(p.grad is None or np.isfinite(p.grad.data).all() for p in model.parameters())


def test_a_class_never_seen_is_legal_and_an_unknown_one_is_not():
    pcn.manual_seed(0)
    images, targets = scenes(2)
    wider = faster_rcnn.FasterRCNN((*CLASSES, "never"))
    total(losses_of(wider, images, targets)).backward()
    told = wider.head.offset.weight.grad.data.reshape(4, -1).any(1)
    seen = np.isin(np.arange(4), np.concatenate([labels for _, labels in targets]))
    assert told.tolist() == seen.tolist(), "only the offsets of classes that were seen learn anything"
    assert all(set(labels) == {0, 1, 2, 3} for _, _, labels in wider.predict(images, 0.0)), "untrained: all four"
    with pytest.raises(ValueError, match=r"label 2, not in 0 \.\.\. 1"):
        losses_of(faster_rcnn.FasterRCNN(("a", "b")), images, [(boxes, labels * 0 + 2) for boxes, labels in targets])


@pytest.mark.parametrize("size", [(64, 61), (2, 64)])
def test_training_pictures_are_multiples_of_the_stride(model, size):
    with pytest.raises(ValueError, match=r"multiples of STRIDE = 4, got \(1, 3"):
        model(pcn.zeros((1, 3, *size)))


@pytest.mark.parametrize("backbone", [faster_rcnn.plain_backbone, residual_backbone])
def test_the_model_overfits_one_batch(backbone):
    pcn.manual_seed(0)
    images, targets = scenes(3)
    model = faster_rcnn.FasterRCNN(CLASSES, backbone=backbone)
    optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.99))
    sums = []
    for step in range(40):
        loss = total(faster_rcnn.joint_loss(model, images, targets, np.random.default_rng(step)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        sums.append(loss.item())
    assert np.mean(sums[-5:]) < 0.25 * sums[0]


def test_a_broken_picture_is_named(tmp_path):
    """The proposals must not fail on numbers that are not finite before the training loop can say where they are."""
    some = pcn.data.ShapeScenes(4, "train", 0)

    def broken(images, targets, rng):
        images[2, 0, 5, 5] = np.nan
        return images, targets

    options = Namespace(data=None, seed=0, quick=True, resume=False)
    model = faster_rcnn.FasterRCNN(CLASSES)
    with pytest.raises(RuntimeError, match="picture 2 of the batch holds NaN"), np.errstate(invalid="ignore"):
        learn(model, faster_rcnn.joint_loss, DetectionData(some, some, broken), Settings(2, 4, 1e-3, 2), options,
              Report("faster_rcnn", tmp_path))  # fmt: skip


def quick(folder, *more):
    return main(["faster_rcnn", "--quick", "--out", str(folder), *more])


def result(folder):
    return json.loads((folder / "faster_rcnn" / "result.json").read_text())


def weights(folder, stage):
    state = load_with_metadata(folder / "faster_rcnn" / f"checkpoint{stage}-quick.safetensors")[0]
    return {name.removeprefix("model."): v.data for name, v in state.items() if name.startswith("model.")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    assert quick(folder) == 0
    return folder


def test_a_quick_run_leaves_result_variants_and_pictures(whole):
    found = result(whole)
    assert set(found["metrics"]) == {"map50", "ap50", "recall", "map50_95"}
    assert set(found["variants"]) == {"alternating", "residual"}
    assert all(0 <= variant["map50"] <= 1 and variant["train_seconds"] > 0 for variant in found["variants"].values())
    extra = found["extra"]
    assert 0 <= extra["map75"] <= 1 and 0 <= extra["recall_of_50_proposals"] <= extra["recall_of_100_proposals"] <= 1
    assert set(extra["ms_by_part"]) == {"convnet", "rpn", "nms", "regions"}
    for name in ("loss", "detections", "precision_recall", "anchors", "objectness", "proposals"):
        assert (whole / "faster_rcnn" / f"{name}.png").stat().st_size > 5000


def same(one, other, part):
    names = [name for name in one if name.startswith(f"{part}.")]
    assert names
    return all(np.array_equal(one[name], other[name]) for name in names)


def test_four_steps_each_with_its_own_part(whole):
    """Steps 3 and 4 leave the shared features alone, running statistics and all; step 4 the proposals, too."""
    fast, shared_rpn, head = (weights(whole, f"-{stage}") for stage in ("2-fast", "3-shared-rpn", "4-shared-head"))
    assert same(fast, shared_rpn, "features") and same(fast, head, "features")
    assert same(fast, shared_rpn, "head") and not same(fast, head, "head")
    assert not same(fast, shared_rpn, "rpn") and same(shared_rpn, head, "rpn")
    assert not same(fast, weights(whole, "-1-rpn"), "features"), "steps 1 and 2 have backbones of their own"


def test_interrupted_again_and_again_is_the_same_as_uninterrupted(whole, tmp_path, monkeypatch, capsys):
    """The run breaks down in every one of its six trainings, and goes on with --resume to the identical result."""
    step, taken = pcn.optim.Adam.step, count(1)

    def breaks_down(optimizer, *arguments):
        if next(taken) % 5 == 0:
            raise RuntimeError("the lights went out")
        return step(optimizer, *arguments)

    monkeypatch.setattr(pcn.optim.Adam, "step", breaks_down)
    runs = 1
    while quick(tmp_path, *["--resume"] * (runs > 1)) != 0:
        assert "the lights went out" in capsys.readouterr().err
        runs += 1
    assert runs > 8
    for part in ("metrics", "baselines"):
        assert result(tmp_path)[part] == result(whole)[part]
    for name, variant in result(whole)["variants"].items():
        assert {**variant, "train_seconds": 0} == {**result(tmp_path)["variants"][name], "train_seconds": 0}
    for stage in ("", "-1-rpn", "-2-fast", "-3-shared-rpn", "-4-shared-head", "-residual"):
        one, other = weights(whole, stage), weights(tmp_path, stage)
        assert all(np.array_equal(one[name], other[name]) for name in one) and one.keys() == other.keys()


def test_a_voc_folder_runs_through_the_same_code(tmp_path):
    write_voc(tmp_path / "voc", 8)
    assert quick(tmp_path, "--data", f"voc:{tmp_path / 'voc'}") == 0
    assert list(result(tmp_path)["metrics"]["ap50"]) == ["block"] and not result(tmp_path)["variants"]
