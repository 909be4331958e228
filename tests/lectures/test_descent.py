"""The one loop on pictures: each optimizer finds a known minimum, within bounds, and says what went wrong."""

import numpy as np
import pytest

pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.fixed_network.descent import descend
from lectures.training import Interrupted

TARGET = np.linspace(-0.5, 1.5, 24).reshape(2, 3, 2, 2).astype(np.float32)
WEIGHTS = pcn.tensor(np.geomspace(1, 30, 24).reshape(2, 3, 2, 2).astype(np.float32))
STEPS = {"adam": 300, "sgd": 300, "lbfgs": 30}
RATES = {"adam": 0.05, "sgd": 0.02, "lbfgs": None}


def bowl(x):
    """Its minimum within [0, 1] is TARGET, clipped."""
    return ((x - pcn.tensor(TARGET)) ** 2 * WEIGHTS).sum()


@pytest.mark.parametrize("optimizer", STEPS)
def test_it_reaches_the_minimum_within_the_bounds(optimizer):
    start = np.full(TARGET.shape, 0.5, np.float32)
    picture, losses = descend(start, bowl, STEPS[optimizer], optimizer, RATES[optimizer], bar=None)
    assert picture.dtype == np.float32 and picture.shape == TARGET.shape and (start == 0.5).all()
    assert len(losses) == STEPS[optimizer] + 1 and losses[0] == pytest.approx(bowl(pcn.tensor(start)).item())
    np.testing.assert_allclose(picture, TARGET.clip(0, 1), atol=2e-3)
    assert losses[-1] == pytest.approx(bowl(pcn.tensor(picture)).item())


@pytest.mark.parametrize("optimizer", STEPS)
def test_without_bounds_it_goes_where_the_loss_wants(optimizer):
    picture, _ = descend(np.zeros(TARGET.shape), bowl, STEPS[optimizer], optimizer, RATES[optimizer], None, None)
    np.testing.assert_allclose(picture, TARGET, atol=2e-3)


@pytest.mark.parametrize("optimizer", STEPS)
def test_every_picture_on_the_way_is_within_the_bounds(optimizer):
    seen = []

    def loss(x):
        seen.append(x.data.copy())
        return bowl(x)

    picture, _ = descend(np.full(TARGET.shape, 3.0), loss, 5, optimizer, clip=(-0.1, 1.2), bar=None)
    assert all(p.min() >= -0.1 - 1e-6 and p.max() <= 1.2 + 1e-6 for p in [*seen, picture])


def test_lbfgs_never_goes_up_and_asks_no_picture_twice():
    asked = []

    def valley(x):  # Rosenbrock's
        asked.append(x.data.tobytes())
        a, b = x[:, 0], x[:, 1]
        return ((1 - a) ** 2 + 100 * (b - a**2) ** 2).sum()

    picture, losses = descend(np.array([[-1.2, 1.0]]), valley, 60, "lbfgs", clip=None, bar=None)
    np.testing.assert_allclose(picture, 1, atol=1e-2)
    assert (np.diff(losses) <= 1e-6).all() and len(set(asked[:-1])) == len(asked) - 1


def test_pictures_of_a_batch_do_not_influence_each_other():
    together, _ = descend(np.zeros(TARGET.shape), bowl, 20, bar=None)

    def first(x):
        return ((x - pcn.tensor(TARGET[:1])) ** 2 * WEIGHTS[:1]).sum()

    alone, _ = descend(np.zeros((1, 3, 2, 2)), first, 20, bar=None)
    np.testing.assert_array_equal(together[:1], alone)


def test_the_rate_falls_at_the_end_or_is_what_a_function_says():
    """Of sgd on a slope of 1 every step shows the rate."""
    path = []

    def slope(x):
        path.append(x.data.item())
        return x.sum()

    descend(np.zeros((1, 1, 1, 1)), slope, 10, "sgd", 0.1, clip=None, bar=None)
    np.testing.assert_allclose(np.diff(path), [-0.1] * 7 + [-0.03] * 3, rtol=1e-5)
    path.clear()
    descend(np.zeros((1, 1, 1, 1)), slope, 3, "sgd", lambda step: 1 / (1 + step), clip=None, bar=None)
    np.testing.assert_allclose(np.diff(path), [-1, -1 / 2, -1 / 3], rtol=1e-5)


def test_no_steps_leave_the_picture_within_the_bounds():
    picture, losses = descend(np.full((1, 1, 2, 2), 2.0), lambda x: x.sum(), 0, bar=None)
    assert (picture == 1).all() and losses == [4.0]


@pytest.mark.parametrize("optimizer", STEPS)
def test_a_loss_that_is_not_finite_is_an_error_in_words(optimizer):
    def falls_apart(x):
        return (x - 0.5).log().sum()

    said = r"not a finite number at step \d+ \(last losses: .*lower lr"
    with np.errstate(all="ignore"), pytest.raises(RuntimeError, match=said):
        descend(np.full((1, 1, 2, 2), 0.9), falls_apart, 50, optimizer, 0.3, clip=None, bar=None)
    said = r"its gradient is not a finite number at step 0 \(last losses: none\): the start itself is to blame"
    with np.errstate(all="ignore"), pytest.raises(RuntimeError, match=said):
        descend(np.zeros((1, 1, 2, 2)), lambda x: x.sqrt().sum(), 5, optimizer, clip=None, bar=None)


@pytest.mark.parametrize("optimizer", STEPS)
def test_ctrl_c_says_where_it_was(optimizer):
    asked = []

    def slow(x):
        asked.append(1)
        if len(asked) == 4:
            raise KeyboardInterrupt
        return (x**2).sum()

    with pytest.raises(Interrupted, match=r"interrupted at step \d+ of 9 of dream"):
        descend(np.ones((1, 1, 2, 2)), slow, 9, optimizer, 0.01, clip=None, bar="dream")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"optimizer": "newton"}, "optimizer must be one of adam, lbfgs, sgd"),
        ({"steps": -1}, "steps must not be negative"),
        ({"loss_of": lambda x: x}, "one number, got shape"),
        ({"loss_of": lambda x: 3.0}, "one number, got float"),
        ({"loss_of": lambda x: pcn.tensor(x.data).sum()}, "does not depend on the picture"),
    ],
)
def test_what_makes_no_sense_is_said_in_words(change, words):
    with pytest.raises(ValueError, match=f"descend: .*{words}"):
        descend(**{"start": np.zeros((1, 1, 2, 2)), "loss_of": bowl, "steps": 2, "bar": None} | change)
