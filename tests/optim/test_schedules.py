"""Schedules against their closed forms; alone, chained, one after the other, saved and loaded; mistakes."""

import copy
import json
import math

import numpy as np
import pytest

import pyconvnet as pcn
from pyconvnet import optim

S = optim.lr_scheduler


def optimiser_of_two_groups(kind=optim.SGD, **options):
    a, b = (pcn.tensor([1.0], requires_grad=True) for _ in range(2))
    return kind([{"params": [a]}, {"params": [b], "lr": 0.4}], lr=0.1, **options)


def rates(make, steps=8, optimiser=None):
    optimiser = optimiser or optimiser_of_two_groups()
    schedule = make(optimiser)
    written = [[g["lr"] for g in optimiser.param_groups]]
    for _ in range(steps):
        schedule.step()
        written.append([g["lr"] for g in optimiser.param_groups])
        assert schedule.get_last_lr() == written[-1]
    return np.array(written), schedule


FORMULAS = {
    "LambdaLR": (lambda o: S.LambdaLR(o, lambda step: 1 / (step + 1)), lambda lr, step: lr / (step + 1)),
    "StepLR": (lambda o: S.StepLR(o, 3, gamma=0.5), lambda lr, step: lr * 0.5 ** (step // 3)),
    "MultiStepLR": (
        lambda o: S.MultiStepLR(o, [6, 2]),
        lambda lr, step: lr * (1 if step < 2 else 0.1 if step < 6 else 0.01),
    ),
    "ExponentialLR": (lambda o: S.ExponentialLR(o, 0.9), lambda lr, step: lr * 0.9**step),
    "LinearLR": (
        lambda o: S.LinearLR(o, 0.25, 0.75, 4),
        lambda lr, step: lr * (0.25 + 0.5 * min(step / 4, 1)),
    ),
    "CosineAnnealingLR": (
        lambda o: S.CosineAnnealingLR(o, 5, 0.02),
        lambda lr, step: 0.02 + (lr - 0.02) * (1 + math.cos(math.pi * step / 5)) / 2,
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_closed_form(name):
    make, formula = FORMULAS[name]
    written, _ = rates(make)
    expected = [[formula(lr, step) for lr in (0.1, 0.4)] for step in range(9)]
    np.testing.assert_allclose(written, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "first"),
    [(make, first) for make, _ in FORMULAS.values() for first in (2, 5)]
    + [
        (lambda o: S.OneCycleLR(o, 0.5, 12), 3),
        (lambda o: S.SequentialLR(o, [S.LinearLR(o, 0.1, total_iters=3), S.CosineAnnealingLR(o, 4)], [3]), 2),
        (lambda o: S.SequentialLR(o, [S.LinearLR(o, 0.1, total_iters=3), S.CosineAnnealingLR(o, 4)], [3]), 6),
        (lambda o: S.LambdaLR(o, Halving()), 3),
    ],
)
def test_saved_and_loaded_it_goes_on(make, first):
    straight, _ = rates(make, 8, optimiser_of_two_groups(momentum=0.5))
    optimiser = optimiser_of_two_groups(momentum=0.5)
    _, schedule = rates(make, first, optimiser)
    saved = copy.deepcopy((optimiser.state_dict(), schedule.state_dict()))
    json.dumps(saved[1])  # plain numbers, lists and dicts
    again = optimiser_of_two_groups(momentum=0.5)
    resumed = make(again)
    again.load_state_dict(saved[0])
    resumed.load_state_dict(json.loads(json.dumps(saved[1])))
    assert resumed.last_epoch == first and resumed.get_last_lr() == straight[first].tolist()
    for step in range(first + 1, 9):
        resumed.step()
        assert [g["lr"] for g in again.param_groups] == straight[step].tolist()


class Halving:
    """An lr_lambda with something to remember."""

    def __init__(self):
        self.base = 2.0

    def __call__(self, step):
        return self.base**-step


def test_an_object_as_lambda_is_saved_with_what_it_holds():
    _, schedule = rates(lambda o: S.LambdaLR(o, [Halving(), lambda step: 1]), 1)
    schedule.lr_lambdas[0].base = 4.0
    state = schedule.state_dict()
    assert state["lr_lambdas"] == [{"base": 4.0}, None]
    _, other = rates(lambda o: S.LambdaLR(o, [Halving(), lambda step: 1]), 1)
    other.load_state_dict(state)
    other.step()
    assert other.get_last_lr()[0] == pytest.approx(0.1 / 16)


def test_two_schedules_on_one_optimiser_multiply():
    optimiser = optimiser_of_two_groups()
    first, second = S.ExponentialLR(optimiser, 0.9), S.StepLR(optimiser, 2, 0.5)
    warm = S.LinearLR(optimiser, 0.5, total_iters=4)
    for step in range(1, 8):
        for schedule in (first, second, warm):
            schedule.step()
        factor = 0.9**step * 0.5 ** (step // 2) * (0.5 + 0.5 * min(step / 4, 1))
        np.testing.assert_allclose([g["lr"] for g in optimiser.param_groups], [0.1 * factor, 0.4 * factor])


def test_one_schedule_after_the_other_counts_its_own_steps():
    def make(o):
        parts = [S.LinearLR(o, 0.1, total_iters=2), S.ExponentialLR(o, 0.5), S.LambdaLR(o, lambda step: step + 1)]
        return S.SequentialLR(o, parts, [2, 5])

    written, schedule = rates(make, 7)
    np.testing.assert_allclose(written[:, 0], [0.01, 0.055, 0.1, 0.05, 0.025, 0.1, 0.2, 0.3])
    assert schedule.last_epoch == 7

    def nested(o):
        inner = S.SequentialLR(o, [S.ExponentialLR(o, 0.5), S.LambdaLR(o, lambda step: 7)], [2])
        return S.SequentialLR(o, [S.LambdaLR(o, lambda step: 3), inner], [1])

    np.testing.assert_allclose(rates(nested, 4)[0][:, 0], [0.3, 0.1, 0.05, 0.7, 0.7])


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_one_cycle_goes_up_and_down_and_the_momentum_down_and_up(kind):
    optimiser = optimiser_of_two_groups(kind)
    schedule = S.OneCycleLR(optimiser, [1.0, 2.0], total_steps=10, pct_start=0.4)
    read = lambda g: g["momentum"] if kind is optim.SGD else g["betas"][0]
    lr, momentum = [], []
    for step in range(10):
        lr.append([g["lr"] for g in optimiser.param_groups])
        momentum.append([read(g) for g in optimiser.param_groups])
        if step < 9:
            schedule.step()
    lr, momentum = np.array(lr), np.array(momentum)
    np.testing.assert_allclose(lr[0], [1 / 25, 2 / 25])
    np.testing.assert_allclose(lr[-1], [1 / 25e4, 2 / 25e4])
    assert lr[:, 0].argmax() == 3 and (np.diff(lr[:4, 0]) > 0).all() and (np.diff(lr[4:, 0]) < 0).all()
    np.testing.assert_allclose(momentum[[0, -1]], 0.95)
    assert momentum[:, 0].argmin() == 3 and momentum.min() == pytest.approx(0.85, abs=0.01)
    schedule.step()
    with pytest.raises(ValueError, match="OneCycleLR: step 11 of a schedule of 10"):
        schedule.step()


def test_one_cycle_whose_warm_up_is_one_step_begins_at_the_top():
    optimiser = optimiser_of_two_groups()
    S.OneCycleLR(optimiser, 1.0, epochs=5, steps_per_epoch=2, pct_start=0.1, cycle_momentum=False)
    assert [g["lr"] for g in optimiser.param_groups] == [1.0, 1.0]


def test_schedules_go_on_after_a_step_and_take_a_function_per_group():
    a = pcn.tensor([1.0], requires_grad=True)
    optimiser = optim.SGD([a], lr=0.4)
    with pytest.raises(ValueError, match="initial_lr"):
        S.StepLR(optimiser, 2, 0.5, last_epoch=3)
    optimiser.param_groups[0]["initial_lr"] = 0.8
    assert S.StepLR(optimiser, 2, 0.5, last_epoch=3).get_last_lr() == [0.2]
    assert S.LambdaLR(optimiser, lambda step: step, last_epoch=3).get_last_lr() == [3.2]
    own = rates(lambda o: S.LambdaLR(o, [lambda step: 2, lambda step: 3]))[0][1]
    assert own.tolist() == pytest.approx([0.2, 1.2])


def other():
    return S.StepLR(optimiser_of_two_groups(), 2)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda o: S.StepLR(None, 2), TypeError, "optimizer must be one, got NoneType"),
        (lambda o: S.OneCycleLR(None, 2), ValueError, "needs total_steps, or epochs and steps_per_epoch"),
        (lambda o: S.OneCycleLR(None, 2, 5), TypeError, "optimizer must be one, got NoneType"),
        (lambda o: S.StepLR(o, 0), ValueError, "step_size must be at least 1, got 0"),
        (lambda o: S.StepLR(o, 1.5), TypeError, "step_size must be a whole number"),
        (lambda o: S.StepLR(o, 2, None), TypeError, "gamma must be a number, got None"),
        (lambda o: S.MultiStepLR(o, [1.5]), TypeError, "milestones must be a whole number"),
        (lambda o: S.LambdaLR(o, [lambda step: 2]), ValueError, "lr_lambda has 1 entries for 2 groups"),
        (lambda o: S.LambdaLR(o, 3), TypeError, "must be a function of the step"),
        (lambda o: S.LinearLR(o, 0), ValueError, r"start_factor must lie in \(0, 1\]"),
        (lambda o: S.LinearLR(o, end_factor=2), ValueError, r"end_factor must lie in \[0, 1\]"),
        (lambda o: S.CosineAnnealingLR(o, 0), ValueError, "T_max must be positive"),
        (lambda o: S.OneCycleLR(o, 1.0, 0), ValueError, "total_steps must be at least 1"),
        (lambda o: S.OneCycleLR(o, 1.0, 9, pct_start=2), ValueError, "pct_start must lie in"),
        (lambda o: S.OneCycleLR(o, 1.0, 9, anneal_strategy="exp"), ValueError, "'cos' or 'linear', got 'exp'"),
        (lambda o: S.OneCycleLR(o, 1.0, 9, div_factor=0), ValueError, "div_factor must be positive"),
        (lambda o: S.OneCycleLR(o, [1.0], 9), ValueError, "max_lr has 1 entries for 2 groups"),
        (lambda o: S.OneCycleLR(optim.LBFGS([pcn.tensor([1.0])]), 1.0, 9), ValueError, "neither momentum nor betas"),
        (lambda o: S.SequentialLR(o, [], []), ValueError, "0 schedulers need one milestone less"),
        (lambda o: S.SequentialLR(o, [S.StepLR(o, 1)], [1]), ValueError, "1 schedulers need one milestone less, got 1"),
        (lambda o: S.SequentialLR(o, [3], []), TypeError, r"schedulers\[0\] is no schedule but int"),
        (lambda o: S.SequentialLR(o, [other()], []), ValueError, "belongs to another optimizer"),
        (lambda o: S.SequentialLR(o, [S.StepLR(o, 1)] * 3, [4, 1]), ValueError, "milestones must rise"),
        (lambda o: S.StepLR(o, 1).load_state_dict({}), ValueError, "a state dict has 'last_epoch'"),
        (lambda o: S.SequentialLR(o, [S.StepLR(o, 1)], []).load_state_dict({}), ValueError, "state of 1 schedulers"),
    ],
)
def test_mistakes_get_words(make, error, words):
    with pytest.raises(error, match=words):
        make(optimiser_of_two_groups())
