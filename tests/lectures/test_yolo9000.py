"""YOLO9000: pictures with names only, the loss against naive loops, what it tells, its runs."""

import json
from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import yolo9000
from lectures.detection.drawing import tree_figures
from lectures.detection.foundation import threshold_demo
from lectures.detection.foundation.cell_anchors import BOX, yolo_loss
from lectures.detection.foundation.weak_labels import BoxesOrNames, is_name_only
from lectures.detection.yolo9000 import TREE, WITHOUT_BOXES, YOLO9000, hierarchical_loss
from lectures.report import Report
from pyconvnet.testing import check_grads

OPTIONS = Namespace(data=None, seed=0, quick=True, resume=False, skip_bad=False)
CELLS = YOLO9000(TREE).cells((24, 32))
M, K = len(CELLS.anchor), len(TREE)
BOXED = (np.array([[2, 2, 16, 18], [10, 4, 30, 22]], np.float32), np.array([TREE.index("ring"), TREE.index("round")]))
NAMED = (np.full((1, 4), np.nan, np.float32), np.array([TREE.index("cross")]))
EMPTY = (np.zeros((0, 4), np.float32), np.zeros(0, np.int64))


def random_output(seed, pictures):
    return np.random.default_rng(seed).normal(0, 1, (pictures, M, BOX + K))


def naive_name_loss(said, label):
    """-log P(label) at the box with the highest P(object) P(label), by loops over boxes, path and siblings."""
    best, loss = -1.0, None
    for t in said:
        product, node = 1.0, label
        while node >= 0:
            siblings = [k for k in range(K) if TREE.parent[k] == TREE.parent[node]]
            product *= np.exp(t[BOX + node]) / sum(np.exp(t[BOX + k]) for k in siblings)
            node = TREE.parent[node]
        confidence = product / (1 + np.exp(-t[4]))
        if confidence > best:
            best, loss = confidence, -np.log(product)
    return loss


@pytest.mark.parametrize("seed", range(5))
def test_the_loss_equals_naive_loops(seed):
    output, targets = random_output(seed, 4), [BOXED, NAMED, EMPTY, NAMED]
    losses = hierarchical_loss(pcn.tensor(output), CELLS, targets, TREE)
    names = sum(naive_name_loss(output[i], targets[i][1][0]) for i in (1, 3))
    assert losses["name"].item() == pytest.approx(names / 4)
    alone = yolo_loss(pcn.tensor(output[[0, 2]]), CELLS, [BOXED, EMPTY], TREE.cross_entropy)
    for name in ("box", "objectness", "class"):
        assert losses[name].item() == pytest.approx(alone[name].item() / 2), name
    assert (losses["objects"], losses["objects without positive anchor"]) == (2, 0)


def test_a_name_alone_punishes_no_box_for_being_an_object():
    output = pcn.tensor(random_output(0, 2), requires_grad=True)
    losses = hierarchical_loss(output, CELLS, [NAMED, NAMED], TREE)
    assert losses["box"].item() == losses["objectness"].item() == losses["class"].item() == 0
    sum(v for v in losses.values() if isinstance(v, pcn.Tensor)).backward()
    gradient = output.grad.data
    assert not gradient[..., :BOX].any()
    assert np.flatnonzero(gradient[0].any(-1)).size == 1  # one box is told its class
    round_kinds = [TREE.index(name) for name in ("circle", "ellipse", "ring", "half-disk")]
    assert not gradient[..., BOX:][..., round_kinds].any()  # a cross is not round: nothing is said about circles


def test_without_an_object_there_is_no_box_loss():
    output = pcn.tensor(random_output(0, 2), requires_grad=True)
    losses = hierarchical_loss(output, CELLS, [EMPTY, EMPTY], TREE)
    assert losses["box"].item() == losses["class"].item() == losses["name"].item() == 0
    assert losses["objectness"].item() > 0
    assert not any(np.signbit(losses[name].item()) for name in ("box", "class", "name"))  # 0, not -0


def test_several_names_of_one_picture_may_choose_several_boxes():
    output = np.zeros((1, M, BOX + K))
    ring, cross = TREE.index("ring"), TREE.index("cross")
    output[0, 7, [4, BOX + 0, BOX + ring]] = 9
    output[0, 9, [4, BOX + 1, BOX + cross]] = 9
    both = (np.full((2, 4), np.nan), np.array([cross, ring]))
    picture, index, label = yolo9000.surest_boxes(output, [both], np.array([0]), TREE)
    assert picture.tolist() == [0, 0] and index.tolist() == [9, 7] and label.tolist() == [cross, ring]


def test_gradients_of_the_loss():
    def total(z):
        losses = hierarchical_loss(z, CELLS, [BOXED, NAMED, EMPTY], TREE)
        return losses["box"] + losses["objectness"] + losses["class"] + losses["name"]

    check_grads(total, random_output(3, 3), order=2)


def test_boxes_of_no_size_give_numbers():
    output = random_output(0, 2)
    output[..., 2:4] = -300
    losses = hierarchical_loss(pcn.tensor(output), CELLS, [BOXED, NAMED], TREE)
    assert all(np.isfinite(v.item()) for v in losses.values() if isinstance(v, pcn.Tensor))


def test_training_pictures_hold_no_box_with_the_name_of_a_kind_without_boxes():
    data = yolo9000.weakly_labelled(OPTIONS)
    without, leaves = {TREE.index(name) for name in WITHOUT_BOXES}, set(TREE.leaves.tolist())
    with_box, by_name = set(), set()
    for i in range(len(data.train)):
        _, target = data.train[i]
        (by_name if is_name_only(target) else with_box).update(target[1].tolist())
    assert not with_box & without and by_name == without
    assert with_box == {0, 1} | (leaves - without)
    assert len(data.train) == 64 and len(yolo9000.weakly_labelled(OPTIONS, names=False).train) == 48
    assert data.test.classes == YOLO9000(TREE).classes == tuple(TREE.names[k] for k in TREE.leaves)
    with pytest.raises(IndexError, match="64 is out of range"):
        data.train[64]


def test_flips_keep_names_names():
    data = yolo9000.weakly_labelled(OPTIONS)
    images, targets = pcn.data.default_collate([data.train[i] for i in (0, 60)])
    _, targets = data.augment(images, targets, np.random.default_rng(0))
    assert [is_name_only(target) for target in targets] == [False, True]
    assert not is_name_only(EMPTY)


def test_coarse_names_need_a_parent():
    scenes = pcn.data.ShapeScenes(1)
    from lectures.detection.foundation.label_tree import LabelTree

    with pytest.raises(ValueError, match="children of the root"):
        BoxesOrNames(LabelTree(scenes.classes), scenes, scenes.classes)


def test_it_tells_leaves_or_what_it_is_asked_for():
    model = YOLO9000(TREE).eval()
    said = np.full((M, BOX + K), -5.0)
    said[4, 4], said[4, BOX + 1], said[4, BOX + TREE.index("cross")] = 30, 30, 30
    _, scores, labels = yolo9000.decode(said, CELLS, TREE, model.told, 0.5)
    assert [model.classes[k] for k in labels] == ["cross"] and scores[0] > 0.99
    coarse = model.telling([0, 1])
    _, _, labels = yolo9000.decode(said, CELLS, TREE, coarse.told, 0.5)
    assert [coarse.classes[k] for k in labels] == ["angular"]
    assert len(model.classes) == 8 and coarse.head is model.head
    assert coarse.predict(np.zeros((1, 3, 32, 32), np.float32), 0.001)[0][2].max() <= 1


def test_scores_are_probabilities_of_the_whole_path():
    """Of an object that is angular by .5 and, if so, a cross by .75, not more than .375 is said for the cross."""
    said = np.full((M, BOX + K), -30.0)
    said[4, 4:] = 0
    said[4, BOX + TREE.index("cross")] = np.log(9)
    _, scores, labels = yolo9000.decode(said, CELLS, TREE, np.arange(K), 1e-6)
    expected = {"round": 1 / 2, "angular": 1 / 2, "cross": 3 / 8, "square": 1 / 24, "ring": 1 / 8}
    for name, probability in expected.items():
        assert scores[labels == TREE.index(name)] == pytest.approx(probability / 2), name  # times sigmoid(0)


def test_boxes_only_is_trained_on_as_many_boxes(tmp_path, monkeypatch):
    """Both runs have as many steps and, in each step, as many pictures with boxes; that is fair."""
    batches = {}

    def note(model, loss, data, settings, options, report, stage):
        boxed = len(data.train.boxed) / len(data.train)
        batches[stage] = settings.batch, settings.steps, settings.batch * boxed

    monkeypatch.setattr(yolo9000, "learn", note)
    for stage, names in (("", True), ("without-names", False)):
        yolo9000.trained(OPTIONS, Report("yolo9000", tmp_path), yolo9000.weakly_labelled(OPTIONS, names), stage)
    assert batches[""] == (32, 1500, 24) and batches["without-names"] == (24, 1500, 24)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ([NAMED, BOXED, BOXED], r"got 3 target\(s\) for 2"),
        ([NAMED], r"got 1 target\(s\) for 2"),
        ([NAMED, (BOXED[0], np.array([1, K]))], f"picture 1, object 1: label {K} is not in 0"),
        ([BOXED, (NAMED[0], np.array([-1]))], "picture 1, object 0: label -1"),
        ([NAMED, (BOXED[0] * [[1], [np.nan]], np.array([0, 1]))], "picture 1, object 1: its box .* is not finite"),
        ([NAMED, (np.array([[30, 1, 45, 5]]), np.array([0]))], "picture 1, object 0: the centre"),
    ],
)
def test_impossible_targets_are_refused_by_the_numbers_of_the_batch(targets, words):
    with pytest.raises(ValueError, match=words):
        hierarchical_loss(pcn.tensor(random_output(0, 2)), CELLS, targets, TREE)


@pytest.mark.parametrize("anchors", [(), (3, 4), ((3, 0),), ((np.nan, 2),), ((3, 4, 5),)])
def test_impossible_anchors_are_refused(anchors):
    with pytest.raises(ValueError, match=r"YOLO9000: anchors are \(w, h\) > 0"):
        YOLO9000(TREE, anchors)


def test_pictures_of_parts_of_cells_are_refused():
    with pytest.raises(ValueError, match=r"YOLO9000: .* stride 8 .* got \(1, 3, 60, 64\)"):
        YOLO9000(TREE)(pcn.zeros((1, 3, 60, 64)))


def test_the_demo_opens_on_the_trained_detector(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(yolo9000, "SCENES", yolo9000.Settings(steps=1, batch=2, lr=1e-3, quick=1))
    monkeypatch.setattr(threshold_demo.ThresholdDemo, "show", lambda self: opened.append(self))
    assert main(["yolo9000", "--quick", "--demo", "--out", str(tmp_path)]) == 0
    assert isinstance(opened[0].model, YOLO9000) and len(opened[0].test) == 40


def test_names_are_a_tree_of_one_level():
    model = YOLO9000(("a", "b"))
    assert model.classes == ("a", "b") and len(model.tree) == 2
    boxes, scores, labels = model.predict([np.zeros((3, 17, 30), np.float32)], 0.001)[0]
    assert boxes.shape == (len(scores), 4) and labels.shape == scores.shape and len(boxes)
    assert boxes.min() >= 0 and (boxes.max(0) <= (30, 17, 30, 17)).all()
    with pytest.raises(ValueError, match="classes is empty"):
        YOLO9000(())
    with pytest.raises(TypeError, match="one name"):
        YOLO9000("abc")


def test_the_model_overfits_one_batch():
    pcn.manual_seed(0)
    data = yolo9000.weakly_labelled(OPTIONS)
    images, targets = pcn.data.default_collate([data.train[i] for i in (0, 1, 2, 50, 55)])
    model = YOLO9000(TREE)
    optimizer = pcn.optim.Adam(model.parameters(), lr=5e-3)
    losses = []
    for _ in range(100):
        parts = model.loss(pcn.tensor(images), targets)
        loss = sum(v for v in parts.values() if isinstance(v, pcn.Tensor))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.06 * losses[0]


def test_averages_are_over_the_kinds_they_name():
    ap = {name: 0.1 for name in TREE.names} | dict.fromkeys(WITHOUT_BOXES, 0.5) | {"round": 0.9, "angular": 0.7}
    means = yolo9000.averages(ap)
    expected = {"map50": 0.5, "map50 of kinds with boxes": 0.1, "map50 of coarse classes": 0.8}
    assert means == pytest.approx(expected)


def test_the_tree_is_drawn_with_parents_between_their_children():
    height = tree_figures.heights(TREE)
    assert np.unique(height[TREE.leaves]).size == len(TREE.leaves)
    assert height[0] == pytest.approx(height[2:6].mean()) and height[1] == pytest.approx(height[6:].mean())


def test_the_truth_stands_beside_the_answer(monkeypatch):
    left, right = pytest.importorskip("matplotlib.figure").Figure().subplots(1, 2)
    scores = np.zeros(K)
    scores[[0, TREE.index("ring")]] = 9
    model = YOLO9000(TREE)
    box = np.array([4, 4, 20, 20], np.float32)
    monkeypatch.setattr(tree_figures, "surest", lambda *_: (box, 0.875, scores))
    truth = np.array([[5, 4, 20, 20], [40, 40, 60, 60]], np.float32), np.array([3, 0])
    sample = np.zeros((3, 64, 64), np.float32), truth
    tree_figures.draw_answer(left, right, model, sample, model.classes)
    assert left.get_title() == "P(object) = 0.88; surer than 0.5: ring 1.00\nin truth: half-disk"


def test_a_quick_run_leaves_result_and_pictures(tmp_path):
    report = Report("yolo9000", tmp_path)
    yolo9000.run(OPTIONS, report)
    report.finish()
    result = json.loads((tmp_path / "yolo9000" / "result.json").read_text())
    assert set(result["metrics"]) == {"map50", "ap50", "recall", "map50_95"}
    assert set(result["metrics"]["ap50"]) == set(result["baselines"]["ap50"]) == set(TREE.names)
    assert set(result["variants"]) == {"with names", "boxes only"}
    for name in ("loss", "detections", "average_precision", "tree", "weakly_learned"):
        assert (tmp_path / "yolo9000" / f"{name}.png").stat().st_size > 5000


def test_the_command_line_knows_it(tmp_path, capsys):
    assert main(["yolo9000", "--quick", "--data", "voc:/nowhere", "--out", str(tmp_path)]) == 2
    assert "no folder" in capsys.readouterr().err
