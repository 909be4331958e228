"""Localisation: its cost against naive loops, its face, its runs (scenes, a VOC and a COCO source)."""

import json

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.detection import localization as lecture
from lectures.detection.foundation import one_object
from lectures.detection.localization import TwoHeads
from pyconvnet.testing import check_grads

CLASSES = ("circle", "square", "triangle")
NOTHING = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)


def random_case(seed, n=5, size=(40, 64)):
    """(z, b) and targets of one object, some of none, in pictures that are not square."""
    rng = np.random.default_rng(seed)
    targets = []
    for _ in range(n):
        corner, side = rng.uniform(0, 30, 2), rng.uniform(2, 10, 2)
        box = np.concatenate([corner, corner + side])[None].astype(np.float32)
        targets.append((box, rng.integers(0, 3, 1)) if rng.random() < 0.7 else NOTHING)
    return (rng.normal(size=(n, 3)), rng.normal(0.4, 0.2, (n, 4))), targets, size


def naive_cost(z, b, targets, size, alpha):
    """The slide, one picture, one number at a time."""
    height, width = size
    J_class = J_box = 0.0
    for i, (boxes, labels) in enumerate(targets):
        for k in range(z.shape[1]):
            sign = 1 if len(labels) and labels[0] == k else -1
            J_class += np.log1p(np.exp(-sign * z[i, k]))
        for x1, y1, x2, y2 in boxes.astype(float):
            truth = (x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (y2 - y1) / height, (x2 - x1) / width
            J_box += sum((t - v) ** 2 for t, v in zip(truth, b[i]))
    return J_class / len(targets), alpha * J_box / len(targets)


def tensors(output):
    return tuple(pcn.tensor(part) for part in output)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("alpha", [0.0, 3.0, 50.0])
def test_the_cost_is_the_slide_in_loops(seed, alpha):
    (z, b), targets, size = random_case(seed)
    cost = lecture.localization_cost(tensors((z, b)), targets, size, alpha)
    expected = naive_cost(z, b, targets, size, alpha)
    assert (cost["class"].item(), cost["box"].item()) == pytest.approx(expected, rel=1e-5)


def test_the_cost_has_right_gradients():
    (z, b), targets, size = random_case(1)
    check_grads(lambda z, b: sum(lecture.localization_cost((z, b), targets, size).values()), z, b)


def test_pictures_without_an_object_cost_nothing_for_a_box():
    (z, b), _, size = random_case(2)
    z, b = pcn.tensor(z, requires_grad=True), pcn.tensor(b, requires_grad=True)
    cost = lecture.localization_cost((z, b), [NOTHING] * 5, size)
    assert cost["box"].item() == 0 and cost["class"].item() > 0
    sum(cost.values()).backward()
    assert not b.grad.data.any() and (z.grad.data > 0).all()  # every class score is pushed down


@pytest.mark.parametrize("seed", range(4))
def test_boxes_survive_the_code(seed):
    _, targets, size = random_case(seed)
    boxes = np.concatenate([target[0] for target in targets])
    decoded = lecture.boxes_in_pixels(lecture.boxes_as_fractions(boxes, size), size)
    np.testing.assert_allclose(decoded, boxes, atol=1e-4)


def test_a_negative_side_is_none():
    assert lecture.boxes_in_pixels(np.array([[0.5, 0.5, -1, 0.5]]), (10, 20)).tolist() == [[5, 5, 15, 5]]


@pytest.mark.parametrize(
    ("boxes", "labels", "words"),
    [
        ([[0, 0, 5, 5], [1, 1, 4, 4]], [0, 1], "picture 1 has 2 objects, but this network answers for 1.*yolo"),
        ([[0, 0, 5, 5]], [3], r"picture 1, object 0: label 3 is not in 0 \.\.\. 2"),
        ([[0, 0, 5, 5]], [-1], "picture 1, object 0: label -1"),
        ([[0, 0, np.nan, 5]], [0], r"picture 1, object 0: its box \(0, 0, nan, 5\) is not finite"),
        ([[5, 0, 5, 5]], [0], r"picture 1, object 0: its box \(5, 0, 5, 5\) is not finite with x1 < x2.*x, y, w, h"),
        ([[60, 0, 80, 5]], [0], r"the centre of its box \(60, 0, 80, 5\) is outside of 64 x 40 pixels"),
        ([[0, -20, 8, 5]], [0], r"the centre of its box \(0, -20, 8, 5\) is outside"),
    ],
)
def test_impossible_objects_are_refused(boxes, labels, words):
    output, targets, size = random_case(0)
    targets[1] = np.array(boxes, np.float32), np.array(labels)
    with pytest.raises(ValueError, match=words):
        lecture.localization_cost(tensors(output), targets, size)


@pytest.mark.parametrize("size", [47, 24, 50, 0])
def test_a_size_that_the_layers_cannot_halve_is_refused(size):
    with pytest.raises(ValueError, match="size must be 48 times a power of two"):
        lecture.Localizer(CLASSES, size)


def test_an_unknown_head_is_refused():
    with pytest.raises(ValueError, match="'flatten' or 'average', got 'max'"):
        lecture.Localizer(CLASSES, head="max")


@pytest.mark.parametrize("size", [48, 96])
def test_predict_answers_in_the_pixels_of_each_picture(size):
    model = lecture.Localizer(CLASSES, size)
    rng = np.random.default_rng(0)
    pictures = [rng.random((3, *side), np.float32) for side in ((48, 48), (31, 200), (1, 1), (300, 170))]
    found = model.predict(pictures)
    for picture, (boxes, scores, labels) in zip(pictures, found, strict=True):
        height, width = picture.shape[1:]
        assert boxes.shape == (1, 4) and scores.shape == labels.shape == (1,) and 0 < scores[0] < 1
        assert (boxes >= 0).all() and (boxes <= [width, height, width, height]).all()
    assert all(len(boxes) == 0 for boxes, _, _ in model.predict(pictures, confidence_threshold=1.0))
    assert model.predict([]) == []


def test_resizing_keeps_what_is_constant_and_the_mean():
    picture = np.random.default_rng(0).random((1, 3, 96, 144), np.float32)
    small = lecture.resized(pcn.tensor(picture), 48).data
    assert small.shape == (1, 3, 48, 48) and small.mean() == pytest.approx(picture.mean(), abs=1e-4)
    assert (lecture.resized(pcn.ones((1, 3, 31, 200)), 48).data == 1).all()


def test_without_a_border_an_average_cannot_know_the_place():
    """Circular padding: the same answer wherever the object is (moved by whole cells); with a border it differs."""
    picture = np.random.default_rng(0).random((1, 3, 48, 48), np.float32)
    moved = np.roll(picture, (8, 16), axis=(2, 3))
    difference = {}
    for border in (True, False):
        pcn.manual_seed(0)
        model = lecture.Localizer(CLASSES, head="average", border=border).eval()
        a, b = (model(pcn.tensor(p))[1].data for p in (picture, moved))
        difference[border] = np.abs(a - b).max()
    assert difference[False] < 1e-5 < 1e-3 < difference[True]


def learn_by_heart(model, cost_of, pictures, steps, lr=3e-3):
    images, targets = pcn.data.default_collate([pictures[i] for i in range(len(pictures))])
    optimizer, losses = pcn.optim.Adam(model.parameters(), lr=lr), []
    for _ in range(steps):
        loss = sum(cost_of(model(pcn.tensor(images)), targets).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_the_model_overfits_one_batch():
    pcn.manual_seed(0)
    scenes = pcn.data.ShapeScenes(8, "train", variant="single48")
    model = lecture.Localizer(scenes.classes)
    losses = learn_by_heart(model, lambda out, t: lecture.localization_cost(out, t, (48, 48)), scenes, 60)
    assert losses[-1] < 0.05 * losses[0]
    found = one_object.accuracy_and_iou(model, scenes)
    assert found["accuracy"] == 1 and found["iou"] > 0.6


def test_the_head_alone_leaves_the_classifier_as_it_is():
    classifier = lecture.Localizer(CLASSES).eval()
    two = TwoHeads(classifier).eval()
    picture = pcn.tensor(np.random.default_rng(0).random((2, 3, 48, 48), np.float32))
    np.testing.assert_array_equal(two(picture)[0].data, classifier(picture)[0].data)
    assert np.abs(two(picture)[1].data - classifier(picture)[1].data).max() > 1e-3


def test_scenes_of_one_object():
    scenes = pcn.data.ShapeScenes(20, "train", variant="single48")
    assert {len(boxes) for _, (boxes, _) in scenes} == {1} and scenes[0][0].shape == (3, 48, 48)


def test_the_baseline_is_the_best_constant_answer():
    boxes = [[0, 0, 10, 10], [0, 0, 10, 9], [30, 30, 40, 40], [0, 0, 9, 10]]
    train = [(None, (np.array([box], np.float32), np.array([label]))) for box, label in zip(boxes, (1, 1, 0, 2))]
    test = [(None, (np.array([[0, 0, 10, 5]], np.float32), np.array([1]))), (None, NOTHING)]
    found = one_object.baselines(train, test)
    assert found == {"accuracy": 1.0, "iou": pytest.approx(0.5)}


def quick(tmp_path, *more):
    return main(["localization", "--quick", "--out", str(tmp_path), *more])


def result(tmp_path):
    return json.loads((tmp_path / "localization" / "result.json").read_text())


def test_a_quick_run_leaves_result_variants_and_pictures(tmp_path, capsys):
    assert quick(tmp_path) == 0
    found = result(tmp_path)
    assert {"accuracy", "iou", "map50"} <= set(found["metrics"]) and {"accuracy", "iou"} <= set(found["baselines"])
    assert "alpha 0" in found["variants"] and "head alone on the classifier" in found["variants"]
    assert found["train_seconds"] > 0 and found["extra"]["variants_train_seconds"] > 0
    for name in ("alpha", "cost", "detections"):
        assert (tmp_path / "localization" / f"{name}.png").stat().st_size > 5000
    assert "then both tasks end to end" in capsys.readouterr().out


def write_pictures(folder, counts):
    """PNG pictures with a bright block for each object; {name: boxes}."""
    image_module = pytest.importorskip("PIL.Image")
    folder.mkdir(parents=True)
    rng, written = np.random.default_rng(0), {}
    for i, count in enumerate(counts):
        pixels, boxes = rng.integers(0, 60, (48, 64, 3), dtype=np.uint8), []
        for k in range(count):
            x, y = int(rng.integers(0, 15)) + 32 * k, int(rng.integers(0, 25))
            pixels[y : y + 20, x : x + 16] = 200
            boxes.append((x, y, x + 16, y + 20))
        image_module.fromarray(pixels).save(folder / f"p{i}.png")
        written[f"p{i}"] = boxes
    return written


def write_voc(folder, counts):
    written = write_pictures(folder / "images", counts)
    (folder / "annotations").mkdir()
    for name, boxes in written.items():
        objects = "".join(
            f"<object><name>block</name><bndbox><xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin><xmax>{x2}</xmax>"
            f"<ymax>{y2}</ymax></bndbox></object>"
            for x1, y1, x2, y2 in boxes
        )
        (folder / "annotations" / f"{name}.xml").write_text(
            f"<annotation><filename>{name}.png</filename><size><width>64</width><height>48</height><depth>3</depth>"
            f"</size>{objects}</annotation>"
        )


def test_a_voc_folder_is_judged_by_iou_on_pictures_with_one_object(tmp_path, capsys):
    write_voc(tmp_path / "voc", [1] * 12 + [2, 0])
    assert quick(tmp_path, "--data", f"voc:{tmp_path / 'voc'}") == 0
    found, said = result(tmp_path), capsys.readouterr().out
    assert "accuracy" not in found["metrics"] and 0 <= found["metrics"]["iou"] <= 1 and "iou" in found["baselines"]
    assert "accuracy is left out: block is the only class" in said and "pictures have exactly one object" in said


def test_a_coco_file_runs_through_the_same_code(tmp_path):
    written = write_pictures(tmp_path / "images", [1] * 10)
    images = [{"id": i, "file_name": f"{name}.png", "width": 64, "height": 48} for i, name in enumerate(written)]
    annotations = [
        {"id": i, "image_id": i, "category_id": 1 + i % 2, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        for i, ((x1, y1, x2, y2),) in enumerate(written.values())
    ]
    categories = [{"id": 1, "name": "block"}, {"id": 2, "name": "brick"}]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "boxes.json").write_text(json.dumps(coco))
    assert quick(tmp_path, "--data", f"coco:{tmp_path / 'boxes.json'}") == 0
    assert {"accuracy", "iou"} <= set(result(tmp_path)["metrics"])


def test_a_folder_without_a_picture_of_one_object_is_refused(tmp_path, capsys):
    write_voc(tmp_path / "voc", [2] * 8)
    assert quick(tmp_path, "--data", f"voc:{tmp_path / 'voc'}") == 2
    assert "no training picture has exactly one object" in capsys.readouterr().err
