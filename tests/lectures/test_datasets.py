"""What --data makes of a COCO file, and detection data from arrays; --data voc:DIR is in test_yolo.py."""

import json
from argparse import Namespace

import numpy as np
import pytest

from lectures.detection.foundation import datasets
from lectures.detection.foundation.datasets import DetectionData, detection_data, without_difficult
from pyconvnet.data import COCODetection, seeded_splits


def options(data, skip_bad=False):
    return Namespace(data=data, seed=0, quick=True, skip_bad=skip_bad)


def write_coco(folder, count=10, images=".", name="block"):
    """`count` pictures of 64 x 48 with one box each; their folder is `images`."""
    image_module = pytest.importorskip("PIL.Image")
    (folder / images).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    content = {"images": [], "annotations": [], "categories": [{"id": 1, "name": name}]}
    for i in range(count):
        pixels = rng.integers(0, 60, (48, 64, 3), dtype=np.uint8)
        pixels[10:30, 20:44] = 200
        image_module.fromarray(pixels).save(folder / images / f"p{i}.png")
        content["images"].append({"id": i, "file_name": f"p{i}.png", "width": 64, "height": 48})
        content["annotations"].append({"id": i, "image_id": i, "category_id": 1, "bbox": [20, 10, 24, 20]})
    return write(folder / "instances.json", content), content


def write(file, content):
    file.write_text(json.dumps(content))
    return file


def test_a_coco_file_is_judged_on_unseen_pictures(tmp_path):
    file, _ = write_coco(tmp_path)
    data = detection_data(options(f"coco:{file}"))
    splits = seeded_splits(range(10))
    assert data.train.ids == splits["trainval"] and data.test.ids == splits["test"]
    assert data.classes == ("block",) and data.size == (160, 208) and data.augment is datasets.vary_photographs
    image, (boxes, labels, crowd) = data.test[0]
    assert image.shape == (3, 160, 208) and np.allclose(boxes, [[65, 100 / 3, 143, 100]], atol=1e-3)
    assert labels.tolist() == [0] and crowd.tolist() == [False]


def test_the_folder_of_the_pictures_follows_a_comma(tmp_path):
    file, content = write_coco(tmp_path, images="elsewhere")
    with pytest.raises(ValueError, match="its picture is missing"):
        detection_data(options(f"coco:{file}"))
    assert len(detection_data(options(f"coco:{file},{tmp_path / 'elsewhere'}")).train) == 8
    with pytest.raises(FileNotFoundError, match="no folder nowhere with the pictures"):
        detection_data(options(f"coco:{file},nowhere"))
    odd = write(tmp_path / "elsewhere" / "a,b.json", content)
    assert len(detection_data(options(f"coco:{odd}")).train) == 8


@pytest.mark.parametrize("data", ["coco", "coco:", "voc:", "faces:x", "", "COCO:x"])
def test_what_data_may_be_is_said(data):
    with pytest.raises(ValueError, match=rf"--data {data}: detectors take voc:DIR.*coco:FILE\[,IMAGES\]"):
        detection_data(options(data))


def test_a_coco_file_that_is_not_there():
    with pytest.raises(FileNotFoundError, match=r"the annotation file nothing\.json is not there"):
        detection_data(options("coco:nothing.json"))


@pytest.mark.parametrize(("part", "split"), [("training", "trainval"), ("test", "test")])
@pytest.mark.parametrize("crowd", [False, True])
def test_a_part_without_objects_is_refused(tmp_path, part, split, crowd):
    file, content = write_coco(tmp_path)
    there = seeded_splits(range(10))[split]
    if crowd:
        for entry in content["annotations"]:
            entry["iscrowd"] = int(entry["image_id"] in there)
    else:
        content["annotations"] = [entry for entry in content["annotations"] if entry["image_id"] not in there]
    write(file, content)
    with pytest.raises(ValueError, match=rf"the {part} part \(split '{split}', .* has no object.*image_id"):
        detection_data(options(f"coco:{file}"))


def test_defects_stop_or_are_skipped(tmp_path, capsys):
    file, content = write_coco(tmp_path)
    content["annotations"][0]["bbox"] = [20, 10, 60, 20]
    content["annotations"].append({"id": 99, "image_id": 99})
    write(file, content)
    with pytest.raises(ValueError, match="annotation 99: image_id 99 is unknown"):
        detection_data(options(f"coco:{file}"))
    data = detection_data(options(f"coco:{file}", skip_bad=True))
    assert len(data.train) + len(data.test) == 10
    assert "annotation 0 ('block'): bbox" in capsys.readouterr().out


def test_the_yolo_lecture_runs_on_a_coco_file(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("tqdm")
    from lectures.__main__ import main

    file, _ = write_coco(tmp_path / "coco")
    assert main(["yolo", "--quick", "--out", str(tmp_path), "--data", f"coco:{file}"]) == 0
    result = json.loads((tmp_path / "yolo" / "result.json").read_text())
    assert result["data"] == f"coco:{file}" and list(result["metrics"]["ap50"]) == ["block"]


def arrays(count=10):
    images = np.random.default_rng(0).random((count, 3, 16, 32), dtype=np.float32)
    return images, [np.array([[2.0, 3, 10, 12]])] * count, [np.array([k % 2]) for k in range(count)]


def test_data_from_arrays():
    images, boxes, labels = arrays()
    data = DetectionData.from_arrays(images, boxes, labels, ["a", "b"])
    splits = seeded_splits(range(10))
    assert data.classes == ("a", "b") and data.size == (16, 32) and len(data.train) == 8 and len(data.test) == 2
    for part, split in ((data.train, "trainval"), (data.test, "test")):
        for (image, (box, label)), i in zip(part, splits[split], strict=True):
            assert np.array_equal(image, images[i]) and box.tolist() == [[2, 3, 10, 12]] and label.tolist() == [i % 2]
    varied, targets = data.augment(images[:2], [data.train[0][1], data.train[1][1]], np.random.default_rng(0))
    assert varied.shape == (2, 3, 16, 32) and len(targets) == 2
    other = DetectionData.from_arrays(list(images), boxes, labels, ["a", "b"], seed=1, augment=datasets.vary_scenes)
    assert not np.array_equal(other.test[0][0], data.test[0][0]) and other.augment is datasets.vary_scenes


def test_pictures_of_different_sizes_need_a_size():
    pytest.importorskip("PIL.Image")
    images, boxes, labels = arrays()
    images = [*images[:9], images[9][:, :, :16]]
    with pytest.raises(ValueError, match=r"different sizes \(16, 16\), \(16, 32\) .*: give size=\(H, W\)"):
        DetectionData.from_arrays(images, boxes, labels, ["a", "b"])
    data = DetectionData.from_arrays(images, boxes, labels, ["a", "b"], size=(32, 32))
    assert {image.shape for image, _ in [*data.train, *data.test]} == {(3, 32, 32)}


def test_mistakes_in_arrays_are_named():
    images, boxes, labels = arrays()
    with pytest.raises(ValueError, match=r"label 1 of image 1 is none of 0\.\.0"):
        DetectionData.from_arrays(images, boxes, labels, ["a"])
    with pytest.raises(ValueError, match="from_arrays: one picture cannot be split"):
        DetectionData.from_arrays(images[:1], boxes[:1], labels[:1], ["a", "b"])
    nothing = [[]] * 10
    with pytest.raises(ValueError, match=r"from_arrays: the training part \(8 picture\(s\)\) has no object"):
        DetectionData.from_arrays(images, nothing, nothing, ["a", "b"])


def test_a_coco_data_set_keeps_the_face_of_the_voc_one(tmp_path):
    file, _ = write_coco(tmp_path)
    dataset = COCODetection(file, split="all", progress=lambda names: list(names)[:2])
    assert dataset.ids == [0, 1] and dataset.split == "all" and dataset.original_sizes == [(48, 64)] * 2


def test_what_does_not_count_is_left_out_of_the_training_boxes():
    boxes = np.array([[0, 0, 4, 4], [2, 2, 8, 8], [1, 0, 9, 5]], np.float32)
    marked = (boxes, np.array([0, 1, 1]), np.array([False, True, False]))
    plain = (boxes[:1], np.array([2]))
    data = DetectionData([(None, marked), (None, plain)], [], None)
    np.testing.assert_array_equal(data.training_boxes(), boxes[[0, 2, 0]])
    np.testing.assert_array_equal(data.training_boxes(1), boxes[[0, 2]])
    kept, labels = without_difficult(marked)
    assert kept.tolist() == boxes[[0, 2]].tolist() and labels.tolist() == [0, 1] and without_difficult(plain) == plain
