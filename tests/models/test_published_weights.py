"""Published weights with known answers: the scores that others computed, to 1e-4 of the largest."""

import os
from pathlib import Path

import numpy as np
import pytest

import pyconvnet as pcn
from pyconvnet import models
from pyconvnet.data import Cifar10

MEAN, STD = np.float32([0.485, 0.456, 0.406]).reshape(3, 1, 1), np.float32([0.229, 0.224, 0.225]).reshape(3, 1, 1)


def real(part):
    if "PYCONVNET_DATA" not in os.environ:
        pytest.skip("PYCONVNET_DATA is not set: the folder that holds the real data sets and weights")
    path = Path(os.environ["PYCONVNET_DATA"]) / part
    if not path.exists():
        pytest.skip(f"PYCONVNET_DATA is set, but {path} is not there")
    return path


def expected(part):
    with np.load(real(part), allow_pickle=False) as arrays:
        return dict(arrays)


def scores(net, x):
    with pcn.no_grad():
        return net.eval()(pcn.tensor(np.ascontiguousarray(x, np.float32))).data


def error(ours, theirs):
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


def test_resnet20():
    pytest.importorskip("PIL.Image", reason="reading picture files needs Pillow")
    net = models.resnet20(weights=real("weights/resnet20_cifar10/resnet20-12fca82f.th"))
    known = expected("expected/cifar_resnet20.npz")
    pictures = Cifar10(real("classify/cifar10_jpg_test500"))
    assert len(pictures) == 500 and (np.bincount(pictures.labels) == 50).all()
    ours = scores(net, (pictures.pixels / np.float32(255) - MEAN) / STD)
    # the 100 known are the first 10 of each class
    first = np.concatenate([np.flatnonzero(pictures.labels == c)[:10] for c in range(10)])
    np.testing.assert_array_equal(pictures.labels[first], known["labels"])
    assert error(ours[first], known["logits"]) < 1e-4
    accuracy = (ours.argmax(1) == pictures.labels).mean()
    assert abs(accuracy - known["full_test_acc"]) < 3 * np.sqrt(0.81 * 0.19 / 500)  # of 10,000: 81.03 %


def test_resnet20_on_pictures_without_loss():
    net = models.resnet20(weights=real("weights/resnet20_cifar10/resnet20-12fca82f.th"))
    pictures = Cifar10(real("classify/cifar10_lossless3000.npz"))
    ours = scores(net, (pictures.pixels[:500] / np.float32(255) - MEAN) / STD)
    assert (ours.argmax(1) == pictures.labels[:500]).mean() >= 0.99  # it was trained on them


def test_caffe_squeezenet():
    net = models.caffe_squeezenet(real("weights/squeezenet/squeezenet_v1.0_decoded.npz"))
    known = expected("expected/squeezenet_input0.npz")
    x = known["x"][:, :, ::-1] - np.float32([104, 117, 123])  # blue, green, red
    ours = scores(net, x.transpose(2, 0, 1)[None])
    assert error(ours[0], known["out"]) < 1e-4


def test_caffe_squeezenet_on_photographs():
    Image = pytest.importorskip("PIL.Image", reason="reading picture files needs Pillow")
    net = models.caffe_squeezenet(real("weights/squeezenet/squeezenet_v1.0_decoded.npz"))
    known, folder = expected("expected/squeezenet_deepcompression.npz"), real("imagenet40")
    there = [i for i, name in enumerate(known["files"]) if (folder / name).is_file()][:4]
    if not there:
        pytest.skip(f"none of the known pictures is in {folder}")
    for i in there:
        with Image.open(folder / known["files"][i]) as picture:
            scale = 256 / min(picture.size)
            size = [round(side * scale) for side in picture.size]
            pixels = np.asarray(picture.convert("RGB").resize(size, Image.BILINEAR), np.float32)
        top, left = (pixels.shape[0] - 227) // 2, (pixels.shape[1] - 227) // 2
        x = pixels[top : top + 227, left : left + 227, ::-1] - np.float32([104, 117, 123])
        ours = scores(net, x.transpose(2, 0, 1)[None])
        assert error(ours[0], known["logits_prepooled_mean"][i]) < 1e-4, known["files"][i]


def test_the_same_tensors_in_pytorchs_format_and_in_onnx():
    state = pcn.io.load_torch(real("weights/ultraface/version-RFB-320.pth"))
    assert len(state) == 244 and all(isinstance(t, pcn.Tensor) for t in state.values())
    content = real("weights/ultraface/version-RFB-320.onnx").read_bytes()
    for name, t in state.items():  # a tensor's numbers stand in an ONNX file as they are
        if not name.endswith("num_batches_tracked"):
            assert t.data.tobytes() in content, name
