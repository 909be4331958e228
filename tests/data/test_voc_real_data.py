"""The Pascal-VOC loader on real folders: BCCD (official split) and Raccoon (no split files)."""

import os
from pathlib import Path

import numpy as np
import pytest

from pyconvnet.data import VOCDetection

pytest.importorskip("PIL.Image", reason="reading picture files needs Pillow")


def real_folder(part):
    if "PYCONVNET_DATA" not in os.environ:
        pytest.skip("PYCONVNET_DATA is not set: the folder that holds the real data sets")
    folder = Path(os.environ["PYCONVNET_DATA"]) / part
    if not folder.is_dir():
        pytest.skip(f"PYCONVNET_DATA is set, but {folder} is not there")
    return folder


def count(dataset):
    labels = np.concatenate([dataset[i][1][1] for i in range(len(dataset))])
    numbers = np.bincount(labels, minlength=len(dataset.classes)).tolist()
    return dict(zip(dataset.classes, numbers, strict=True))


def test_bccd():
    root = real_folder("detect/bccd")
    with pytest.warns(UserWarning, match=r"2 box\(es\) of zero area left out"):
        train = VOCDetection(root, "trainval", size=(160, 208))
    test = VOCDetection(root, "test", size=(160, 208))
    assert len(train) == 292 and count(train) == {"Platelets": 292, "RBC": 3348, "WBC": 301}
    assert len(test) == 72 and count(test) == {"Platelets": 69, "RBC": 805, "WBC": 71}
    assert not set(train.ids) & set(test.ids) and not train.skipped and not test.skipped
    image, (boxes, _, difficult) = test[0]
    assert image.shape == (3, 160, 208) and not difficult.any()
    assert boxes.min() >= 0 and (boxes <= [208, 160, 208, 160]).all()


def test_raccoon(capsys):
    root = real_folder("localise/raccoon")
    train, test = (VOCDetection(root, split, size=(96, 96)) for split in ("trainval", "test"))
    assert "no split files; split by seed 0 (train 48, val 16, test 16)" in capsys.readouterr().out
    assert len(train) == 64 and len(test) == 16 and not set(train.ids) & set(test.ids)
    assert count(train)["raccoon"] + count(test)["raccoon"] == 89
