"""CIFAR-10 from its binary version, from arrays and from class folders; other versions and damage are told."""

import pickle

import numpy as np
import pytest

from pyconvnet.data import Cifar10

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def pixels_of(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 3, 32, 32), np.uint8)


def batch(file, n, seed=0):
    labels = np.arange(n, dtype=np.uint8) % 10
    x = pixels_of(n, seed)
    file.write_bytes(np.concatenate([labels[:, None], x.reshape(n, -1)], 1).tobytes())
    return x, labels


@pytest.mark.parametrize("inside", ["", "cifar-10-batches-bin"])
def test_the_binary_version(tmp_path, inside):
    folder = tmp_path / inside
    folder.mkdir(exist_ok=True)
    first, labels = batch(folder / "data_batch_1.bin", 12)
    second, _ = batch(folder / "data_batch_2.bin", 3, 1)
    third, _ = batch(folder / "test_batch.bin", 5, 2)
    train, test, both = (Cifar10(tmp_path, split) for split in ("train", "test", "all"))
    assert train.classes == CLASSES and (len(train), len(test), len(both)) == (15, 5, 20)
    image, label = train[11]
    assert image.shape == (3, 32, 32) and image.dtype == np.float32 and label == labels[11] == 1
    np.testing.assert_array_equal(image, first[11] / np.float32(255))
    np.testing.assert_array_equal(train.pixels[12:], second)
    np.testing.assert_array_equal(test.pixels, third)
    assert train.labels.dtype == np.int64 and len(Cifar10(folder / "test_batch.bin")) == 5
    with pytest.raises(ValueError, match="none of the split 'val'; it has train and test"):
        Cifar10(tmp_path, "val")


@pytest.mark.parametrize("channels_last", [True, False])
def test_arrays_and_their_seeded_split(tmp_path, capsys, channels_last):
    x, y = pixels_of(20), np.arange(20) % 10
    np.savez(tmp_path / "c.npz", x=x.transpose(0, 2, 3, 1) if channels_last else x, y=y.astype(np.uint8))
    for path in (tmp_path / "c.npz", tmp_path):
        whole = Cifar10(path)
        np.testing.assert_array_equal(whole.pixels, x)
        np.testing.assert_array_equal(whole.labels, y)
    assert not capsys.readouterr().out
    parts = [Cifar10(tmp_path / "c.npz", split) for split in ("train", "val", "test")]
    assert "has no split; split by seed 0 (train 12, val 4, test 4)" in capsys.readouterr().out
    assert sorted(p.tobytes() for part in parts for p in part.pixels) == sorted(p.tobytes() for p in x)
    assert Cifar10(tmp_path, "test", seed=1).pixels.tobytes() != parts[2].pixels.tobytes()


def test_class_folders(tmp_path):
    Image = pytest.importorskip("PIL.Image", reason="reading picture files needs Pillow")
    for name, level in (("truck", 200), ("bird", 100)):
        (tmp_path / name).mkdir()
        Image.new("RGB", (32, 32), (level, 0, 7)).save(tmp_path / name / "0.png")
    data = Cifar10(tmp_path)
    assert data.classes == CLASSES and data.labels.tolist() == [2, 9]
    assert data.pixels[1, :, 0, 0].tolist() == [200, 0, 7]
    Image.new("RGB", (31, 32)).save(tmp_path / "bird" / "1.png")
    with pytest.raises(ValueError, match=r"1\.png has 31 x 32 pixels, expected 32 x 32"):
        Cifar10(tmp_path)
    (tmp_path / "fish").mkdir()
    with pytest.raises(ValueError, match="fish is none of the classes airplane"):
        Cifar10(tmp_path)


def write(folder, **arrays):
    np.savez(folder / "c.npz", **arrays)
    return folder / "c.npz"


def python_version(folder):
    (folder / "data_batch_1").write_bytes(pickle.dumps({b"data": 1}))
    return folder


def archive(folder):
    (folder / "cifar-10-binary.tar.gz").write_bytes(b"\x1f\x8b")
    return folder / "cifar-10-binary.tar.gz"


def cut_off(folder):
    batch(folder / "data_batch_1.bin", 2)
    (folder / "data_batch_1.bin").write_bytes((folder / "data_batch_1.bin").read_bytes()[:-1])
    return folder


def hundred(folder):
    (folder / "train.bin").write_bytes(bytes(3074))
    return folder


def labelled(folder, label):
    (folder / "test_batch.bin").write_bytes(bytes([label]) + bytes(3072))
    return folder


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (python_version, r"Python version: pickles, which could run code.*cifar-10-binary\.tar\.gz"),
        (archive, "unpack the archive"),
        (cut_off, r"data_batch_1\.bin has 6145 bytes.*cut off"),
        (hundred, "CIFAR-100"),
        (lambda d: labelled(d, 10), r"label 10, none of 0\.\.9"),
        (lambda d: write(d, x=pixels_of(2)), "must hold x .* it holds x"),
        (lambda d: write(d, x=pixels_of(2) / 255, y=np.zeros(2, int)), "uint8 .* got float64"),
        (lambda d: write(d, x=pixels_of(2)[:, :, :16], y=np.zeros(2, int)), r"got uint8 \(2, 3, 16, 32\)"),
        (lambda d: write(d, x=pixels_of(0), y=np.zeros(0, int)), r"got uint8 \(0, 3, 32, 32\)"),
        (lambda d: write(d, x=pixels_of(2), y=np.zeros(3, int)), "2 whole numbers, got int64"),
        (lambda d: write(d, x=pixels_of(2), y=np.array([0, -1])), "label -1"),
        (lambda d: write(d, x=pixels_of(2), y=np.array([print, 1], object)), "could run code"),
        (lambda d: d, "holds no folder"),
    ],
)
def test_what_is_wrong_stands_in_the_error(tmp_path, make, words):
    with pytest.raises(ValueError, match=words):
        Cifar10(make(tmp_path))


def test_no_file_no_split_no_index(tmp_path):
    with pytest.raises(FileNotFoundError, match="Cifar10: there is no folder or file"):
        Cifar10(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="split must be one of all, train"):
        Cifar10(tmp_path, split="testing")
    batch(tmp_path / "test_batch.bin", 2)
    with pytest.raises(IndexError, match="out of range for 2 samples"):
        Cifar10(tmp_path)[2]
    image = Cifar10(tmp_path)[0][0]
    image[...] = 0  # a sample is the caller's
    assert Cifar10(tmp_path)[0][0].any()
