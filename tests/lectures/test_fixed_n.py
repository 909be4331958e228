"""Exactly N objects: its cost against naive loops, the order of the slots, its face and its runs."""

import json

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import fixed_n as lecture
from pyconvnet.data.scenes import SceneVariant
from pyconvnet.testing import check_grads

CLASSES = ("circle", "square", "triangle")
NOTHING = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)


def random_case(seed, n=4, slots=3, size=(40, 64)):
    """(z, b) and targets of 0 to `slots` objects, in pictures that are not square."""
    rng = np.random.default_rng(seed)
    targets = []
    for k in rng.integers(0, slots + 1, n):
        corner, side = rng.uniform(0, 30, (k, 2)), rng.uniform(2, 10, (k, 2))
        targets.append((np.concatenate([corner, corner + side], 1).astype(np.float32), rng.integers(0, 3, k)))
    return (rng.normal(size=(n, slots, 3)), rng.normal(0.4, 0.2, (n, slots, 4))), targets, size


def naive_cost(z, b, targets, size, alpha):
    """One picture, one slot, one number at a time: the objects from left to right."""
    height, width = size
    J_class = J_box = 0.0
    for i, (boxes, labels) in enumerate(targets):
        objects = sorted(zip(boxes.astype(float).tolist(), labels), key=lambda o: o[0][0] + o[0][2])
        for slot in range(z.shape[1]):
            label = objects[slot][1] if slot < len(objects) else None
            for k in range(z.shape[2]):
                J_class += np.log1p(np.exp(-(1 if k == label else -1) * z[i, slot, k]))
            if slot < len(objects):
                x1, y1, x2, y2 = objects[slot][0]
                truth = (x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (y2 - y1) / height, (x2 - x1) / width
                J_box += sum((t - v) ** 2 for t, v in zip(truth, b[i, slot]))
    return J_class / len(targets), alpha * J_box / len(targets)


def tensors(output):
    return tuple(pcn.tensor(part) for part in output)


@pytest.mark.parametrize("seed", range(8))
def test_the_cost_is_the_slide_in_loops(seed):
    (z, b), targets, size = random_case(seed)
    cost = lecture.fixed_n_cost(tensors((z, b)), targets, size, 5.0)
    expected = naive_cost(z, b, targets, size, 5.0)
    assert (cost["class"].item(), cost["box"].item()) == pytest.approx(expected, rel=1e-5)


def test_the_cost_has_right_gradients():
    (z, b), targets, size = random_case(1, n=2)
    check_grads(lambda z, b: sum(lecture.fixed_n_cost((z, b), targets, size).values()), z, b)


def test_pictures_without_an_object_cost_nothing_for_a_box():
    (z, b), _, size = random_case(2)
    z, b = pcn.tensor(z, requires_grad=True), pcn.tensor(b, requires_grad=True)
    cost = lecture.fixed_n_cost((z, b), [NOTHING] * 4, size)
    assert cost["box"].item() == 0
    sum(cost.values()).backward()
    assert not b.grad.data.any() and (z.grad.data > 0).all()


def test_slots_are_sorted_whatever_the_order_of_the_annotations():
    _, targets, size = random_case(3)
    turned = [(boxes[::-1].copy(), labels[::-1].copy()) for boxes, labels in targets]
    sign, index, truth = lecture.assign(targets, 3, 3, size)
    same_sign, same_index, same_truth = lecture.assign(turned, 3, 3, size)
    for mine, other in zip((sign, *index, truth), (same_sign, *same_index, same_truth)):
        np.testing.assert_array_equal(mine, other)
    for i in range(len(targets)):
        x = truth[index[0] == i, 0]
        assert (np.diff(x) >= 0).all() and index[1][index[0] == i].tolist() == list(range(len(x)))


def test_arbitrary_slots_hold_the_same_objects():
    _, targets, size = random_case(3)
    sign, _, truth = lecture.assign(targets, 3, 3, size)
    seen = set()
    for seed in range(20):
        other_sign, other, same = lecture.assign(targets, 3, 3, size, np.random.default_rng(seed))
        np.testing.assert_array_equal(same, truth)
        assert len(set(zip(*map(np.ndarray.tolist, other)))) == len(truth)  # no slot twice
        np.testing.assert_array_equal(other_sign.max(2).sum(1), sign.max(2).sum(1))
        seen.add(tuple(other[1].tolist()))
    assert len(seen) > 5


@pytest.mark.parametrize(
    ("boxes", "labels", "words"),
    [
        ([[0, 0, 5, 5]] * 4, [0] * 4, "picture 1 has 4 objects, but this network answers for 3"),
        ([[0, 0, 5, 5], [1, 1, 4, 4]], [0, 3], r"picture 1, object 1: label 3 is not in 0 \.\.\. 2"),
        ([[0, 0, np.nan, 5]], [0], r"picture 1, object 0: its box \(0, 0, nan, 5\) is not finite"),
    ],
)
def test_impossible_objects_are_refused(boxes, labels, words):
    output, targets, size = random_case(0)
    targets[1] = np.array(boxes, np.float32), np.array(labels)
    with pytest.raises(ValueError, match=words):
        lecture.fixed_n_cost(tensors(output), targets, size)


@pytest.mark.parametrize("slots", [0, -1, 2.0])
def test_a_network_for_no_object_is_refused(slots):
    with pytest.raises(ValueError, match="slots, the number of objects"):
        lecture.FixedN(CLASSES, slots)


def test_predict_says_n_objects_whatever_it_is_shown():
    model = lecture.FixedN(CLASSES, 3)
    rng = np.random.default_rng(0)
    pictures = [rng.random((3, *side), np.float32) for side in ((64, 64), (31, 200), (1, 1), (300, 170))]
    for picture, (boxes, scores, labels) in zip(pictures, model.predict(pictures), strict=True):
        height, width = picture.shape[1:]
        assert boxes.shape == (3, 4) and scores.shape == labels.shape == (3,) and (np.diff(scores) <= 0).all()
        assert (boxes >= 0).all() and (boxes <= [width, height, width, height]).all()
    assert all(len(boxes) == 0 for boxes, _, _ in model.predict(pictures, confidence_threshold=1.0))


def test_the_model_overfits_one_batch():
    pcn.manual_seed(0)
    scenes = pcn.data.ShapeScenes(4, "train", variant=SceneVariant(objects=(2, 2)))
    images, targets = pcn.data.default_collate([scenes[i] for i in range(4)])
    model, losses = lecture.FixedN(scenes.classes, 2), []
    optimizer = pcn.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(40):
        loss = sum(lecture.fixed_n_cost(model(pcn.tensor(images)), targets, (64, 64)).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]


def test_pictures_with_too_many_objects_keep_the_largest():
    boxes = np.array([[0, 0, 2, 2], [0, 0, 9, 9], [0, 0, 5, 5]], np.float32)
    pictures = pcn.data.Subset([("picture", (boxes, np.array([0, 1, 2]), np.array([True, False, False])))], [0])
    image, (kept, labels) = lecture.Largest(pictures, 2)[0]  # the difficult one does not count
    assert image == "picture" and kept.tolist() == boxes[[1, 2]].tolist() and labels.tolist() == [1, 2]
    assert lecture.usual_number(pictures) == 2


def quick(tmp_path, *more):
    return main(["fixed_n", "--quick", "--out", str(tmp_path), *more])


def result(tmp_path):
    return json.loads((tmp_path / "fixed_n" / "result.json").read_text())


def test_a_quick_run_leaves_result_variants_and_pictures(tmp_path):
    assert quick(tmp_path) == 0
    found = result(tmp_path)
    assert {"map50", "ap50", "recall"} <= set(found["metrics"]) and "map50" in found["baselines"]
    assert "map50_exactly_n" in found["extra"] and "map50_gap" in found["extra"]
    assert all(set(v) == {"map50", "map50_exactly_n"} for v in found["variants"].values()) and found["variants"]
    for name in ("by_number", "how_many", "loss"):
        assert (tmp_path / "fixed_n" / f"{name}.png").stat().st_size > 5000


def test_a_voc_folder_runs_through_the_same_code(tmp_path, capsys):
    image_module = pytest.importorskip("PIL.Image")
    for part in ("annotations", "images"):
        (tmp_path / "voc" / part).mkdir(parents=True)
    for i in range(10):
        image_module.fromarray(np.full((48, 64, 3), 40 + 10 * i, np.uint8)).save(tmp_path / f"voc/images/p{i}.png")
        objects = "".join(
            f"<object><name>block</name><bndbox><xmin>{1 + 16 * k}</xmin><ymin>5</ymin><xmax>{14 + 16 * k}</xmax>"
            "<ymax>30</ymax></bndbox></object>" for k in range(i % 4)
        )  # fmt: skip
        (tmp_path / f"voc/annotations/p{i}.xml").write_text(
            f"<annotation><size><width>64</width><height>48</height><depth>3</depth></size>{objects}</annotation>"
        )
    assert quick(tmp_path, "--data", f"voc:{tmp_path / 'voc'}") == 0
    assert result(tmp_path)["extra"]["slots"] >= 1 and list(result(tmp_path)["metrics"]["ap50"]) == ["block"]
    assert "the median number of objects" in capsys.readouterr().out
