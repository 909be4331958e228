"""RetinaNet: its pyramid, its loss against loops over single numbers, its prior; its face and its runs."""

import json

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import retinanet
from lectures.detection.foundation.matching import match
from lectures.detection.foundation.pyramid import FeaturePyramid, ScaledFeatures
from lectures.detection.proposing.anchors import WEIGHTS, anchors_on_maps, of_sizes
from pyconvnet.testing import check_grads

CLASSES = ("circle", "square", "triangle")
NONE = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)


def random_targets(seed, n=3, most=3, side=32):
    rng = np.random.default_rng(seed)
    targets = []
    for _ in range(n):
        count = rng.integers(0, most + 1)
        size = rng.uniform(4, side / 2, (count, 2))
        corner = rng.uniform(0, side - size)
        targets.append((np.concatenate([corner, corner + size], 1).astype(np.float32), rng.integers(0, 3, count)))
    return targets


def naive_loss(logits, offsets, anchors, targets, alpha, gamma):
    """The focal loss of every class of every anchor that is not ignored, smooth L1 of the positive anchors."""
    focal = smooth = 0.0
    positives = 0
    for picture, (truth, labels) in enumerate(targets):
        best, label = match(anchors, truth, 0.5, 0.4, best_of_each=True)
        for a in range(len(anchors)):
            if label[a] < 0:
                continue
            for k, z in enumerate(logits[picture, a]):
                p = 1 / (1 + np.exp(-z))
                if label[a] == 1 and labels[best[a]] == k:
                    focal -= alpha * (1 - p) ** gamma * np.log(p)
                else:
                    focal -= (1 - alpha) * p**gamma * np.log(1 - p)
            if label[a] == 1:
                positives += 1
                goal = pcn.ops.encode_boxes(truth[best[a]], anchors[a], WEIGHTS)
                for distance in np.abs(offsets[picture, a] - goal):
                    smooth += 0.5 * distance**2 if distance < 1 else distance - 0.5
    return focal / max(positives, 1), smooth / max(positives, 1)


def anchors_of(side=32):
    return retinanet.RetinaNet(CLASSES).anchors(side, side)


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_that_of_loops(seed):
    targets, anchors, rng = random_targets(seed), anchors_of(), np.random.default_rng(seed)
    logits, offsets = rng.normal(-1, 2, size=(3, len(anchors), 3)), rng.normal(size=(3, len(anchors), 4))
    found = retinanet.retinanet_loss(pcn.tensor(logits), pcn.tensor(offsets), anchors, targets)
    expected = naive_loss(logits, offsets, anchors, targets, 0.25, 2)
    assert (found["class"].item(), found["box"].item()) == pytest.approx(expected, rel=1e-4)
    assert found["objects"] == sum(len(truth) for truth, _ in targets)
    assert found["objects without positive anchor"] == 0


def test_without_gamma_and_alpha_the_focal_loss_is_cross_entropy():
    rng = np.random.default_rng(0)
    logits, truth = rng.normal(0, 9, (50, 3)), (rng.random((50, 3)) < 0.3).astype(float)
    plain = pcn.ops.sigmoid_focal_loss(logits, truth, alpha=-1, gamma=0)
    np.testing.assert_allclose(plain, retinanet.cross_entropy(logits, truth), rtol=1e-12)


def test_pictures_without_objects_have_exactly_no_box_loss():
    anchors = anchors_of()
    logits = pcn.tensor(np.zeros((2, len(anchors), 3), np.float32), requires_grad=True)
    offsets = pcn.tensor(np.ones((2, len(anchors), 4), np.float32), requires_grad=True)
    losses = retinanet.retinanet_loss(logits, offsets, anchors, [NONE, NONE])
    assert losses["box"].item() == 0 and losses["objects"] == 0
    assert losses["class"].item() == pytest.approx(2 * 3 * len(anchors) * 0.75 * 0.25 * np.log(2), rel=1e-4)
    (losses["class"] + losses["box"]).backward()
    assert not offsets.grad.data.any() and (logits.grad.data > 0).all()


@pytest.mark.parametrize("class_loss", [retinanet.focal, retinanet.cross_entropy])
def test_the_loss_has_right_gradients_and_stays_finite(class_loss):
    anchors = anchors_on_maps([of_sizes([12], [1, 2])], (8,), (16, 16))
    rng = np.random.default_rng(0)
    logits, offsets = rng.normal(size=(2, len(anchors), 2)), rng.normal(size=(2, len(anchors), 4))
    targets = [(np.array([[1, 2, 12, 14]], np.float32), np.array([1])), NONE]

    def loss(logits, offsets):
        losses = retinanet.retinanet_loss(logits, offsets, anchors, targets, class_loss)
        return losses["class"] + losses["box"]

    check_grads(loss, logits, offsets)
    for size in (1e3, -1e3, 1e30, -1e30):
        extreme = [pcn.tensor(np.full_like(x, size, np.float32), requires_grad=True) for x in (logits, offsets)]
        value = loss(*extreme)
        value.backward()
        assert np.isfinite(value.item()) and all(np.isfinite(x.grad.data).all() for x in extreme)


def test_every_anchor_starts_at_the_prior():
    pcn.manual_seed(0)
    model = retinanet.RetinaNet(CLASSES)
    logits, offsets = model(pcn.tensor(np.random.default_rng(0).random((2, 3, 32, 48), np.float32)))
    assert logits.shape == (2, len(model.anchors(32, 48)), 3) and offsets.shape == (*logits.shape[:2], 4)
    assert np.median(1 / (1 + np.exp(-logits.data))) == pytest.approx(0.01, rel=0.3)
    zero = retinanet.RetinaNet(CLASSES, prior=retinanet.ZERO_BIAS)
    assert not zero.class_subnet[-1].bias.data.any()


def test_answers_come_in_the_order_of_the_anchors():
    model = retinanet.RetinaNet(CLASSES).eval()
    for net, last in ((model.class_subnet, 3), (model.box_subnet, 4)):
        net[-1].weight.data[:] = 0
        net[-1].bias.data[:] = np.arange(6 * last)
    logits, offsets = model(pcn.zeros((1, 3, 32, 32)))
    np.testing.assert_array_equal(logits.data[0].reshape(-1, 18), np.tile(np.arange(18), (84, 1)))
    np.testing.assert_array_equal(offsets.data[0].reshape(-1, 24), np.tile(np.arange(24), (84, 1)))
    sides = np.diff(model.anchors(32, 32).reshape(-1, 2, 2), axis=1)[:, 0]
    np.testing.assert_allclose(sides[:6], of_sizes([8, 8 * 2**0.5], [1 / 2, 1, 2]), rtol=1e-5)
    np.testing.assert_allclose(sides[-6:], of_sizes([32, 32 * 2**0.5], [1 / 2, 1, 2]), rtol=1e-5)


def test_the_pyramid_hands_coarse_knowledge_down_and_none_up():
    pcn.manual_seed(0)
    pyramid = FeaturePyramid(channels=4, width=5)
    rng = np.random.default_rng(0)
    maps = [rng.normal(size=(1, 4, side, side)).astype(np.float32) for side in (8, 4, 2)]
    before = [level.data for level in pyramid([pcn.tensor(m) for m in maps])]
    assert [level.shape for level in before] == [(1, 5, 8, 8), (1, 5, 4, 4), (1, 5, 2, 2)]
    for changed in range(3):
        other = [m + (i == changed) for i, m in enumerate(maps)]
        after = pyramid([pcn.tensor(m) for m in other])
        assert [bool((a.data != b).any()) for a, b in zip(after, before)] == [i <= changed for i in range(3)]


def test_the_features_have_the_strides_they_name():
    maps = ScaledFeatures().eval()(pcn.zeros((1, 3, 32, 48)))
    assert [m.shape for m in maps] == [(1, 64, 8, 12), (1, 64, 4, 6), (1, 64, 2, 3)]


def test_pictures_of_parts_of_cells_are_refused_and_predict_pads_them():
    model = retinanet.RetinaNet(CLASSES)
    with pytest.raises(ValueError, match=r"multiples of its stride 16 .* got \(1, 3, 40, 64\)"):
        model(pcn.zeros((1, 3, 40, 64)))
    (boxes, scores, labels), = model.predict(np.random.default_rng(0).random((1, 3, 40, 70), np.float32), 0.005)
    assert boxes.shape == (len(scores), 4) and labels.shape == scores.shape
    assert len(scores) and (boxes <= (70, 40, 70, 40)).all() and (np.diff(scores) <= 0).all()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"sizes": (8, 16)}, r"sizes are 3 numbers of pixels > 0, one a level, got \(8, 16\)"),
        ({"sizes": (8, 16, 32, 64)}, "sizes are 3"),
        ({"sizes": (8, 0, 32)}, "sizes are 3"),
        ({"sizes": (8, np.nan, 32)}, "sizes are 3"),
        ({"prior": 0}, "probability between 0 and 1, got 0"),
        ({"prior": 1.0}, "probability between"),
        ({"prior": np.nan}, "probability between"),
    ],
)
def test_impossible_sizes_and_priors_are_refused(kind, words):
    with pytest.raises(ValueError, match="RetinaNet: .*" + words):
        retinanet.RetinaNet(CLASSES, **kind)


@pytest.mark.parametrize("label", [3, -1])
def test_impossible_targets_are_refused(label):
    anchors = anchors_of()
    logits, offsets = (pcn.tensor(np.zeros((2, len(anchors), k))) for k in (3, 4))
    box = np.array([[4, 4, 20, 20]], np.float32)
    with pytest.raises(ValueError, match=rf"picture 1, object 0: label {label} is not in 0 \.\.\. 2"):
        retinanet.retinanet_loss(logits, offsets, anchors, [NONE, (box, np.array([label]))])
    with pytest.raises(ValueError, match=r"picture 0, object 0: its box .* is not finite"):
        retinanet.retinanet_loss(logits, offsets, anchors, [(box * np.nan, np.array([0])), NONE])
    for wrong in ([], [NONE], [NONE] * 3):
        with pytest.raises(ValueError, match=rf"got {len(wrong)} target\(s\) for 2 picture\(s\)"):
            retinanet.retinanet_loss(logits, offsets, anchors, wrong)


def test_the_model_overfits_one_batch():
    pcn.manual_seed(0)
    scenes = pcn.data.ShapeScenes(4, "train", 0)
    images, targets = pcn.data.default_collate([scenes[i] for i in range(4)])
    model = retinanet.RetinaNet(scenes.classes)
    optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        parts = retinanet.retinanet_loss(*model(pcn.tensor(images)), model.anchors(64, 64), targets)
        loss = parts["class"] + parts["box"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.15 * losses[0]


def test_a_quick_run_leaves_result_and_pictures(tmp_path):
    assert main(["retinanet", "--quick", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "retinanet" / "result.json").read_text())
    assert 0 <= found["metrics"]["map50"] <= 1 and set(found["baselines"]["ap50"]) == set(CLASSES)
    assert len(found["variants"]) == 8
    # the prior's purpose: at the start the background does not drown the objects
    first = {name: v["first_loss"] for name, v in found["variants"].items()}
    assert first["shapes64, cross-entropy, prior"] < 0.2 * first["shapes64, cross-entropy, zero bias"]
    for case in ("shapes64", "tiny128"):  # each is trained with the loss that it is called by
        for start in ("prior", "zero bias"):
            assert first[f"{case}, focal, {start}"] < 0.5 * first[f"{case}, cross-entropy, {start}"]
    pictures = {path.stem for path in (tmp_path / "retinanet").glob("*.png")}
    assert pictures == {"loss", "detections", "precision_recall", "anchors", "pyramid", "focal"}
