"""COCODetection reads what pycocotools reads: the same pictures, classes, boxes and crowds."""

import contextlib
import io
import json

import numpy as np
import pytest

from pyconvnet.data import COCODetection

coco = pytest.importorskip("pycocotools.coco")
Image = pytest.importorskip("PIL.Image")


@pytest.mark.parametrize("seed", range(5))
def test_reads_what_pycocotools_reads(tmp_path, seed):
    rng = np.random.default_rng(seed)
    images, annotations = [], []
    for image in rng.choice(100, 6, replace=False).tolist():
        height, width = rng.integers(4, 40, 2).tolist()
        Image.new("RGB", (width, height)).save(tmp_path / f"{image}.png")
        images.append({"id": image, "file_name": f"{image}.png", "width": width, "height": height})
        for _ in range(rng.integers(0, 5)):
            x, y = (rng.random(2) * [width - 2, height - 2]).round(2).tolist()
            w, h = (0.5 + rng.random(2) * [width - x - 0.5, height - y - 0.5]).round(2).tolist()
            annotations.append({
                "id": len(annotations), "image_id": image, "category_id": rng.choice([3, 17, 90]).item(),
                "bbox": [x, y, min(w, width - x), min(h, height - y)], "area": w * h,
                "iscrowd": int(rng.random() < 0.2),
            })  # fmt: skip
    rng.shuffle(annotations)
    categories = [{"id": 90, "name": "z"}, {"id": 3, "name": "y"}, {"id": 17, "name": "x"}]
    file = tmp_path / "instances.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))

    ours = COCODetection(file, split="all")
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = coco.COCO(file)
    assert ours.ids == sorted(theirs.getImgIds())
    assert ours.classes == tuple(theirs.cats[key]["name"] for key in sorted(theirs.getCatIds()))
    for key, (_, (boxes, labels, crowd)) in zip(ours.ids, ours):
        entries = theirs.loadAnns(theirs.getAnnIds(imgIds=[key]))
        xywh = np.array([entry["bbox"] for entry in entries]).reshape(-1, 4)
        assert np.allclose(boxes, np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], 1), atol=1e-5)
        assert [ours.classes[k] for k in labels] == [theirs.cats[entry["category_id"]]["name"] for entry in entries]
        assert crowd.tolist() == [bool(entry["iscrowd"]) for entry in entries]
