"""L-BFGS: how it ends, what it remembers, and its line search."""

import numpy as np
import pytest

import pyconvnet as pcn
from pyconvnet import optim
from pyconvnet.optim.line_search import ARMIJO, CURVATURE, Point, cubic_minimum, strong_wolfe


def rosenbrock(x, y):
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def quadratic_bowl(n, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((n, n))
    a, b = a @ a.T + np.eye(n), rng.standard_normal(n)
    return a, b, np.linalg.solve(a, b)


def steps(loss, params, count, **options):
    optimiser = optim.LBFGS(params, **options)
    calls, losses = [0], []

    def closure():
        calls[0] += 1
        optimiser.zero_grad()
        value = loss(*params)
        value.backward()
        return value

    for _ in range(count):
        losses.append(optimiser.step(closure).item())
    return losses, calls[0], optimiser


def leaves(*values, dtype=np.float64):
    return [pcn.tensor(np.array(v, dtype), requires_grad=True) for v in values]


@pytest.mark.parametrize("line_search", [None, "strong_wolfe"])
def test_finds_the_bottom_of_a_bowl(line_search):
    a, b, bottom = quadratic_bowl(6)
    (p,) = leaves(np.zeros(6))
    a, b = pcn.tensor(a), pcn.tensor(b)
    steps(lambda p: 0.5 * (p @ a) @ p - p @ b, [p], 5, line_search_fn=line_search, tolerance_change=1e-18)
    np.testing.assert_allclose(p.data, bottom, rtol=1e-5, atol=1e-7)


def test_walks_through_rosenbrocks_valley():
    x, y = leaves(-1.2, [[1.0]])
    options = {"line_search_fn": "strong_wolfe", "tolerance_change": 1e-18}
    losses, calls, optimiser = steps(lambda x, y: rosenbrock(x, y).sum(), [x, y], 6, **options)
    np.testing.assert_allclose([x.item(), y.item()], [1, 1], atol=1e-6)
    assert optimiser.state[x]["func_evals"] == calls and losses[-1] <= losses[0]


def test_counts_and_limits():
    for options, most in (({"max_iter": 4}, 5), ({"max_iter": 30, "max_eval": 7}, 7), ({"max_iter": 1}, 1)):
        x, y = leaves(-1.2, 1.0)
        _, calls, optimiser = steps(rosenbrock, [x, y], 1, lr=1e-3, **options)
        assert calls <= most and optimiser.state[x]["n_iter"] <= options["max_iter"]
        assert len(optimiser.state[x]["old_dirs"]) < options["max_iter"] + 1
    x, y = leaves(-1.2, 1.0)
    optimiser = steps(rosenbrock, [x, y], 3, lr=1e-3, history_size=2)[2]
    assert len(optimiser.state[x]["old_dirs"]) == len(optimiser.state[x]["ro"]) == 2


def test_at_the_bottom_nothing_moves():
    x, y = leaves(1.0, 1.0)
    losses, calls, _ = steps(rosenbrock, [x, y], 2)
    assert losses == [0, 0] and calls == 2 and x.item() == y.item() == 1


def test_goes_on_after_loading_as_if_nothing_had_happened():
    straight = leaves(-1.2, 1.0)
    steps(rosenbrock, straight, 4, lr=1e-3, max_iter=3)
    half = leaves(-1.2, 1.0)
    saved = steps(rosenbrock, half, 2, lr=1e-3, max_iter=3)[2].state_dict()
    optimiser = optim.LBFGS(half, lr=7)
    optimiser.load_state_dict(saved)

    def closure():
        optimiser.zero_grad()
        loss = rosenbrock(*half)
        loss.backward()
        return loss

    for _ in range(2):
        optimiser.step(closure)
    assert [p.item() for p in half] == [p.item() for p in straight]


def test_dtypes_and_parameters_without_gradient():
    (p,), (q,) = leaves([3.0, -2.0], dtype=np.float32), leaves([5.0])
    optimiser = steps(lambda p, q: ((p - 1) ** 2).sum(), [p, q], 2)[2]
    np.testing.assert_allclose(p.data, 1, atol=1e-4)
    assert p.dtype == np.float32 and q.item() == 5
    (p,) = leaves([3.0], dtype=np.float32)
    optimiser = steps(lambda p: ((p - 1) ** 4).sum(), [p], 2, line_search_fn="strong_wolfe")[2]
    assert all(v.dtype == np.float32 for v in [optimiser.state[p]["d"], *optimiser.state[p]["old_stps"]])


def test_a_loss_that_is_nan_or_without_bound_ends():
    for loss in (lambda p: (p * np.nan).sum(), lambda p: (p**3).sum(), lambda p: (p * 1e300 * p).sum()):
        for line_search in (None, "strong_wolfe"):
            (p,) = leaves([-1.0])
            steps(loss, [p], 2, line_search_fn=line_search, lr=1.0)
    (p,) = leaves([1.0])
    steps(lambda p: (p * p).sum(), [p], 2, line_search_fn="strong_wolfe", lr=0)


def along(f, slope):
    return lambda t: Point(t, np.float64(f(t)), np.zeros(1), np.float64(slope(t)))


@pytest.mark.parametrize("first", [1e-4, 0.3, 1.0, 50.0])
@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda t: (t - 2) ** 2, lambda t: 2 * (t - 2)),
        (lambda t: np.cosh(t - 3), lambda t: np.sinh(t - 3)),
        (lambda t: -t / (t * t + 2), lambda t: (t * t - 2) / (t * t + 2) ** 2),
        (lambda t: t**4 - 3 * t * t - t, lambda t: 4 * t**3 - 6 * t - 1),
    ],
)
def test_a_step_meets_the_strong_wolfe_conditions(f, slope, first):
    start = along(f, slope)(0.0)
    found, evaluations = strong_wolfe(along(f, slope), start, first, 1.0, 1e-9, 25)
    assert evaluations <= 26
    assert found.loss <= start.loss + ARMIJO * found.t * start.slope
    assert abs(found.slope) <= -CURVATURE * start.slope


def test_the_cubic_through_two_points():
    f, slope = (lambda t: t**3 - 3 * t), (lambda t: 3 * t * t - 3)
    a, b = (along(f, slope)(np.float64(t)) for t in (0.0, 2.0))
    assert cubic_minimum(a, b, 0, 2) == pytest.approx(1) == cubic_minimum(b, a, 0, 2)
    assert cubic_minimum(a, b, 1.5, 2) == 1.5


p0 = pcn.tensor([1.0], requires_grad=True)
SAVED = {"state": {0: {"d": np.ones(3)}}, "param_groups": optim.LBFGS([p0]).state_dict()["param_groups"]}


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: optim.LBFGS([p0]).step(), TypeError, "step needs a closure"),
        (lambda: optim.LBFGS([p0]).step(lambda: pcn.ones(2)), ValueError, r"one number, the loss; .* shape \(2,\)"),
        (lambda: optim.LBFGS([{"params": [p0]}, {"params": []}]), ValueError, "one parameter group"),
        (lambda: optim.LBFGS([p0], max_iter=0), ValueError, "max_iter must be at least 1"),
        (lambda: optim.LBFGS([p0], max_eval=1.5), TypeError, "max_eval must be a whole number"),
        (lambda: optim.LBFGS([p0], tolerance_grad=None), TypeError, "tolerance_grad must be a number"),
        (lambda: optim.LBFGS([p0], line_search_fn="armijo"), ValueError, "None or 'strong_wolfe', got 'armijo'"),
        (lambda: optim.LBFGS([p0], lr=-1), ValueError, "lr must not be negative"),
        (lambda: optim.LBFGS([p0]).load_state_dict(SAVED), ValueError, r"saved d has shape \(3,\), expected \(1,\)"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()
