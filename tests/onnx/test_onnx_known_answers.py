"""Published networks with known answers; the folder of their files comes from PYCONVNET_DATA, skipped where unset."""

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the onnx package: pip install 'pyconvnet[onnx]'")

import pyconvnet as pcn


@pytest.fixture(scope="module")
def data():
    root = os.environ.get("PYCONVNET_DATA")
    if not root:
        pytest.skip("PYCONVNET_DATA is not set: no published weights here")
    return Path(root)


def picture(path, size):
    """uint8 RGB (H, W, 3), resized bilinearly to (width, height)."""
    image = pytest.importorskip("PIL.Image", reason="reading pictures needs Pillow")
    with image.open(path) as opened:
        return np.asarray(opened.convert("RGB").resize(size, image.Resampling.BILINEAR))


def largest_error(got, expected):
    """Relative to the largest reference value."""
    return np.abs(got.data - expected).max() / np.abs(expected).max()


@pytest.fixture(scope="module")
def ultraface(data):
    return pcn.onnx.load(data / "weights" / "ultraface" / "version-RFB-320.onnx")


def test_ultraface_gives_the_reference_outputs(data, ultraface):
    expected = np.load(data / "expected" / "ultraface_version-RFB-320.npz")
    with pcn.no_grad():
        scores, boxes = ultraface(expected["x"])
    assert largest_error(scores, expected["scores"]) < 1e-4
    assert largest_error(boxes, expected["boxes"]) < 1e-4


def test_ultraface_finds_47_faces_on_the_group_photograph(data, ultraface):
    """From the photograph itself, through pcn.ops.nms: IoU 0.3, score above 0.6."""
    expected = np.load(data / "expected" / "ultraface_version-RFB-320.npz")
    pixels = picture(data / "faces" / "ultraface_imgs" / "1.jpg", (320, 240))
    x = ((pixels.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None]
    with pcn.no_grad():
        scores, boxes = (t.data[0] for t in ultraface(np.ascontiguousarray(x)))
    sure = scores[:, 1] > 0.6
    kept = pcn.ops.nms(boxes[sure], scores[sure, 1], 0.3)
    assert len(kept) == len(expected["nms_scores"]) == 47
    order = np.argsort(-expected["nms_scores"])
    np.testing.assert_allclose(scores[sure, 1][kept], expected["nms_scores"][order], atol=1e-4)


def test_ultraface_holds_the_tensors_of_its_pth_file(data, ultraface):
    other = pcn.io.load_torch(data / "weights" / "ultraface" / "version-RFB-320.pth")
    own = ultraface.state_dict()
    assert len(own) == 244
    assert set(own) == set(other)
    for name, t in own.items():
        np.testing.assert_array_equal(t.data, np.asarray(other[name]), err_msg=name)


def test_gradients_reach_the_picture(data, ultraface):
    """The faces' scores as a function of the picture: the gradient predicts what a small step does."""
    x = np.load(data / "expected" / "ultraface_version-RFB-320.npz")["x"]
    given = pcn.tensor(x, requires_grad=True)
    ultraface(given)[0][..., 1].sum().backward()
    step = 1e-3 * given.grad.data / np.abs(given.grad.data).max()
    with pcn.no_grad():
        ahead, behind = (ultraface(x + s * step)[0].data[..., 1].astype(np.float64).sum() for s in (1, -1))
    assert (ahead - behind) / 2 == pytest.approx(float((given.grad.data * step).sum()), rel=0.05)


MEAN, DEVIATION = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


@pytest.fixture(scope="module")
def embed(data):
    """path -> its unit vector of 128 numbers. The graph says batch 1, so one picture at a time."""
    network = pcn.onnx.load(data / "weights" / "mobilefacenet" / "MobileFaceNet.onnx")

    def embedding(path):
        x = (picture(path, (112, 112)).astype(np.float32) / 255 - MEAN) / DEVIATION
        with pcn.no_grad():
            y = network(np.ascontiguousarray(x.transpose(2, 0, 1))[None]).data[0]
        return y / np.linalg.norm(y)

    return embedding


def test_mobilefacenet_gives_the_reference_embeddings(data, embed):
    expected = np.load(data / "expected" / "mobilefacenet.npz")
    names = [name.removeprefix("faces_orl/") for name in expected["files"]]
    found = pcn.tensor(np.stack([embed(data / "faces" / "orl" / name) for name in names]))
    assert largest_error(found, expected["emb"]) < 1e-4


def test_mobilefacenet_recognises_the_people_of_orl(data, embed):
    """Leave one out: the nearest of the 399 other pictures shows the same person, for 98.5 % of them."""
    files = sorted((data / "faces" / "orl").glob("s*/*.pgm"))
    people = np.array([f.parent.name for f in files])
    vectors = np.stack([embed(f) for f in files])
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -1)
    rank1 = (people[alike.argmax(1)] == people).mean()
    print(f"ORL rank-1, leave one out: {rank1:.4f} of {len(files)}")
    assert len(files) == 400
    assert rank1 == pytest.approx(0.985, abs=0.0026)
