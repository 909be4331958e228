"""What a walk-through takes over from a lecture's run, and what it does not."""

import numpy as np
import pytest

from lectures import finished as room
from lectures.finished import finished
from lectures.training import Training, train
from pyconvnet import nn, optim, tensor


def linear(width=2):
    return nn.Linear(width, 1)


def leave(folder, done=3, **settings):
    """A checkpoint in folder/line/ of a run of 3 steps, `done` of which were done; its model."""
    model = linear()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    settings = {"steps": 3, "data": None, "seed": 0, **settings}
    training = Training(model, optimizer, optim.lr_scheduler.CosineAnnealingLR(optimizer, 3), done, settings)
    (folder / "line").mkdir(parents=True, exist_ok=True)
    rows = (tensor(np.array([[1.0, k]], np.float32)) for k in range(3))
    train(training, lambda start: rows, lambda net, x: (net(x) ** 2).sum(), folder / "line" / "checkpoint.safetensors")
    return model


@pytest.fixture
def out(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "OUT", tmp_path)
    return tmp_path


def test_the_network_of_a_whole_run_is_taken_over(out):
    left, mine = leave(out), linear()
    assert finished(mine, "line") is mine and not mine.training
    np.testing.assert_array_equal(mine.weight.data, left.weight.data)


@pytest.mark.parametrize("settings", [{"data": "voc:pictures"}, {"seed": 1}, {"done": 2}])
def test_another_run_or_a_part_of_one_is_not(out, settings):
    leave(out, **settings)
    mine = linear()
    before = mine.weight.data.copy()
    assert finished(mine, "line") is None and finished(linear(), "line", "stage") is None
    np.testing.assert_array_equal(mine.weight.data, before)


def test_a_changed_model_goes_on_with_its_own_weights(out, capsys):
    leave(out)
    mine = linear(5)
    before = mine.weight.data.copy()
    assert finished(mine, "line") is None
    assert "is not used" in capsys.readouterr().out and (mine.weight.data == before).all()


def test_a_broken_file_is_no_obstacle(out, capsys):
    leave(out)
    (out / "line" / "checkpoint.safetensors").write_bytes(b"broken")
    assert finished(linear(), "line") is None and "is not used" in capsys.readouterr().out
