"""The judge of CIFAR pictures: keeps some for its own exam, is kept by what it depends on, and refuses other data."""

from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("tqdm")

from lectures.fixed_network import cifar_judge as lecture
from lectures.fixed_network.cifar_judge import augmented, cifar_judge
from lectures.report import Report

RNG = np.random.default_rng(0)


def options(data, quick=True):
    return Namespace(seed=0, quick=quick, data=data, weights=None, resume=False)


def a_file(folder, count=100):
    x, y = RNG.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8), np.arange(count) % 10
    np.savez(folder / "cifar.npz", x=x, y=y)
    return f"cifar:{folder / 'cifar.npz'}"


def test_it_is_examined_on_pictures_that_it_has_not_learned(tmp_path, monkeypatch):
    learned, asked, predict = [], [], lecture.FixedNetwork.predict
    monkeypatch.setattr(lecture.FixedNetwork, "predict", lambda net, x: asked.append(x) or predict(net, x))
    monkeypatch.setattr(lecture, "learn_to_judge", lambda net, images, labels, *_: learned.append((images, labels)))
    report = Report("activation_maximization", tmp_path)
    judge = cifar_judge(options(a_file(tmp_path)), report)
    ((images, labels),), (exam,) = learned, asked
    assert len(exam) == 20 and not {x.tobytes() for x in exam} & {x.tobytes() for x in images}
    assert len(images) == len(labels) == 80 and len(np.unique(images.reshape(80, -1), axis=0)) == 80
    assert 0 <= report.extra["judge_accuracy"] <= 1 and judge.classes[:2] == ("airplane", "automobile")
    assert judge.layers == tuple(f"conv{i}" for i in range(1, 7)) and judge.strides["conv6"] == 4
    assert judge.logits(images[:2]).shape == (2, 10) and not any(m.training for m in judge.modules())


def test_it_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(lecture, "STEPS", 2)
    data, report = a_file(tmp_path), Report("activation_maximization", tmp_path)
    first, picture = cifar_judge(options(data, quick=False), report), RNG.random((1, 3, 32, 32)).astype(np.float32)

    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(lecture, "learn_stage", refuse)
    again = cifar_judge(options(data, quick=False), report)
    np.testing.assert_array_equal(first.logits(picture).data, again.logits(picture).data)
    with pytest.raises(AssertionError, match="trained again"):
        cifar_judge(options(a_file(tmp_path), quick=False), report)  # other pictures


def test_augmentation_keeps_size_and_range_and_moves_what_is_there():
    images = np.zeros((40, 3, 32, 32), np.float32)
    images[:, :, 16, 10] = 1
    varied = augmented(images, np.random.default_rng(0))
    assert varied.shape == images.shape and varied.dtype == np.float32 and varied.min() >= 0 and varied.max() <= 1
    places = {np.unravel_index(int(v[0].argmax()), (32, 32)) for v in varied}
    assert all(abs(y - 16) <= 4 and min(abs(x - 10), abs(x - 21)) <= 4 for y, x in places) and len(places) > 20


@pytest.mark.parametrize("data", [None, "images:somewhere", "cifar:"])
def test_other_data_is_refused_in_words(tmp_path, data):
    with pytest.raises(ValueError, match="the judge learns from CIFAR-10 pictures: --data cifar:FILE"):
        cifar_judge(options(data), Report("activation_maximization", tmp_path))


def test_too_few_pictures_are_refused_in_words(tmp_path):
    with pytest.raises(ValueError, match=r"at least 50 pictures.*got 30"):
        cifar_judge(options(a_file(tmp_path, 30)), Report("activation_maximization", tmp_path))
