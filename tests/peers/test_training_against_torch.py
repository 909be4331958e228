"""PyTorch as the witness: dtypes of mixed operands, names and shapes of layers, optimisers, schedules."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn

torch = pytest.importorskip("torch")

DTYPES = ("bool", "uint8", "int32", "int64", "float32", "float64")


@pytest.mark.parametrize(("a", "b"), list(itertools.product(DTYPES, repeat=2)))
def test_mixed_operands_have_the_same_dtype(a, b):
    for one, other in (([1, 2], [2, 1]), ([1, 2], 2), (1, [2, 1]), (1, 1)):
        x, y = np.array(one).astype(a), np.array(other).astype(b)
        for f in (lambda x, y: x + y, lambda x, y: x * y, lambda x, y: x / y, lambda x, y: x < y):
            ours, theirs = f(pcn.tensor(x), pcn.tensor(y)), f(torch.tensor(x), torch.tensor(y))
            assert ours.dtype == theirs.numpy().dtype, (a, b, np.shape(one), np.shape(other))
            np.testing.assert_allclose(ours.data, theirs.numpy(), rtol=1e-6)
    ours, theirs = (m.cat([m.tensor(np.ones(1, a)), m.tensor(np.ones(1, b))]) for m in (pcn, torch))
    assert ours.dtype == theirs.numpy().dtype


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_tensor_and_a_number_have_the_same_dtype(dtype):
    x = np.array([1, 2]).astype(dtype)
    for f in (
        lambda x: x + 1,
        lambda x: 1.5 * x,
        lambda x: x + True,
        lambda x: x / 2,
        lambda x: 2 / x,
        lambda x: x**2,
        lambda x: x**0.5,
        lambda x: x.exp(),
        lambda x: x.sqrt(),
        lambda x: x.sum(),
        lambda x: x.sum(dtype="float64"),
        lambda x: x.clamp(0.5),
        lambda x: x.clamp(0, 1),
        lambda x: x.float(),
        lambda x: x.any(),
        lambda x: x.argmax(),
    ):
        try:
            theirs = f(torch.tensor(x))
        except (RuntimeError, TypeError):
            continue  # not defined there, or our way to name a dtype is not theirs
        ours = f(pcn.tensor(x))
        assert ours.dtype == theirs.numpy().dtype or dtype == "uint8"  # there any() of uint8 is uint8
        np.testing.assert_allclose(ours.data, theirs.numpy(), rtol=1e-6)


LAYERS = {
    "conv": lambda nn: nn.Conv2d(4, 6, (3, 2), stride=2, padding=1, groups=2),
    "conv without bias": lambda nn: nn.Conv2d(3, 8, 3, bias=False, dilation=2, padding="same"),
    "linear": lambda nn: nn.Linear(5, 2),
    "norm": lambda nn: nn.BatchNorm2d(4),
    "norm without statistics": lambda nn: nn.BatchNorm2d(4, affine=False, track_running_stats=False),
    "pool": lambda nn: nn.MaxPool2d(2, 2, 1, 1, False, True),
    "net": lambda nn: nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.LeakyReLU(0.1),
        nn.Sequential(nn.Flatten(), nn.Linear(16, 2)),
        nn.ModuleList([nn.Sigmoid(), nn.Tanh(), nn.ReLU()]),
    )[1:],
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_have_the_same_repr_state_and_spread_of_weights(name):
    ours, theirs = LAYERS[name](pcn.nn), LAYERS[name](torch.nn)
    state = theirs.state_dict()
    assert [(k, v.shape, v.dtype) for k, v in ours.state_dict().items()] == [
        (k, tuple(v.shape), v.numpy().dtype) for k, v in state.items()
    ]
    assert [k for k, _ in ours.named_parameters()] == [k for k, _ in theirs.named_parameters()]
    assert [k for k, _ in ours.named_modules()] == [k for k, _ in theirs.named_modules()]
    assert repr(ours).replace(" ", "") == repr(theirs).replace(" ", "")
    for k, v in ours.state_dict().items():
        if v.numel() > 30:
            assert abs(v.data.std() / state[k].numpy().std() - 1) < 0.5 and abs(v.data.mean()) < 0.2


OPTIMISERS = {
    "SGD": st.fixed_dictionaries({"momentum": st.sampled_from([0.9, 0.5]), "nesterov": st.booleans()})
    | st.fixed_dictionaries({"momentum": st.sampled_from([0, 0.9]), "dampening": st.sampled_from([0, 0.3])}),
    "Adam": st.fixed_dictionaries(
        {"betas": st.sampled_from([(0.9, 0.999), (0.0, 0.5)]), "eps": st.sampled_from([1e-8, 0.1])}
    ),
    "RMSprop": st.fixed_dictionaries(
        {"alpha": st.sampled_from([0.99, 0.5]), "momentum": st.sampled_from([0, 0.9])}
        | {"centered": st.booleans(), "eps": st.sampled_from([1e-3, 0.1])}
    ),
}
OPTIMISERS["AdamW"] = OPTIMISERS["Adam"]


@pytest.mark.parametrize("name", OPTIMISERS)
@settings(max_examples=30)
@given(data=st.data())
def test_optimisers_take_the_same_steps(name, data, peers):
    options = data.draw(OPTIMISERS[name]) | {
        "lr": data.draw(st.sampled_from([0.1, 1e-3])),
        "maximize": data.draw(st.booleans()),
    }
    if data.draw(st.booleans()):
        options["weight_decay"] = 0.1
    if name.startswith("Adam"):
        options["amsgrad"] = data.draw(st.booleans())
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    starts, steps = [rng.standard_normal((2, 3)), rng.standard_normal(4)], rng.standard_normal((6, 10))
    if data.draw(st.booleans()):
        starts[1] = starts[1].astype(np.float32)
    states, results = [], []
    for m in (pcn, torch):
        a, b = (m.tensor(s, requires_grad=True) for s in starts)
        optimiser = getattr(m.optim, name)([{"params": [a]}, {"params": b, "lr": 0.05}], **options)
        for g in steps:
            a.grad, b.grad = m.tensor(g[:6].reshape(2, 3)), m.tensor(g[6:].astype(starts[1].dtype))
            optimiser.step()
        results.append([np.asarray(p.detach()) for p in (a, b)])
        states.append(optimiser.state_dict())
    for ours, theirs in zip(*results, strict=True):
        single = ours.dtype == np.float32
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-4 if single else 1e-10, atol=1e-5 if single else 1e-12)
    ours, theirs = states
    assert [g["params"] for g in ours["param_groups"]] == [g["params"] for g in theirs["param_groups"]]
    assert all(ours["param_groups"][0][k] == theirs["param_groups"][0][k] for k in ours["param_groups"][0])
    for i in ours["state"].keys() | theirs["state"].keys():
        for k in ours["state"][i].keys() | theirs["state"][i].keys():
            mine, other = ours["state"][i][k], theirs["state"][i][k].numpy()
            assert mine.dtype == other.dtype and mine.shape == other.shape, (i, k)
            np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    count(peers, f"optim.{name}")


def count(peers, name):
    peers.setdefault(name, Counter()).update(cases=1, forward=1)


def rosenbrock(x, y):
    return ((1 - x) ** 2).sum() + 100 * ((y - x * x) ** 2).sum()


def bowl(x, y):
    return ((x - 1) ** 2).sum() + ((x + 2 * y - 3) ** 4).sum()


@settings(max_examples=40)
@given(data=st.data())
def test_lbfgs_walks_the_same_way(data, peers):
    options = {
        "line_search_fn": data.draw(st.sampled_from([None, "strong_wolfe"])),
        "lr": data.draw(st.sampled_from([1, 0.5, 1e-3])),
        "max_iter": data.draw(st.sampled_from([20, 1, 3])),
        "max_eval": data.draw(st.sampled_from([None, 1, 4, 40])),
        "history_size": data.draw(st.sampled_from([100, 1, 2])),
        "tolerance_grad": data.draw(st.sampled_from([1e-7, 0.1])),
        "tolerance_change": data.draw(st.sampled_from([1e-9, 1e-2])),
    }
    loss = data.draw(st.sampled_from([rosenbrock, bowl]))
    if options["line_search_fn"] is None:
        options["lr"] = min(options["lr"], 1e-3 if loss is rosenbrock else 0.5)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    starts = [rng.uniform(-1, 1, 2), rng.uniform(-1, 1, (2, 1))]
    results = []
    for m in (pcn, torch):
        x, y = (m.tensor(s, requires_grad=True) for s in starts)
        optimiser, seen = m.optim.LBFGS([x, y], **options), []

        def closure(optimiser=optimiser, x=x, y=y, seen=seen):
            optimiser.zero_grad()
            value = loss(x, y[:, 0])
            value.backward()
            seen.append(value.item())
            return value

        losses = [optimiser.step(closure).item() for _ in range(3)]
        state = optimiser.state_dict()["state"][0]
        results.append((losses, x.tolist(), y.tolist(), state["func_evals"], state["n_iter"], seen))
        results[-1] += (set(state) - {"al"},)  # a scratch list there
    ours, theirs = results
    assert ours[3:5] == theirs[3:5] and len(ours[5]) == len(theirs[5])
    assert ours[6] == theirs[6]
    for a, b in zip(ours[:3] + (ours[5],), theirs[:3] + (theirs[5],)):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    count(peers, "optim.LBFGS")


@settings(max_examples=30)
@given(data=st.data())
def test_gradients_are_clipped_alike(data, peers):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    grads = [rng.standard_normal(s) for s in ((2, 3), (4,))]
    grads[1] = grads[1].astype(data.draw(st.sampled_from(["float32", "float64"])))
    if data.draw(st.booleans()):
        grads[0][0, 0] = data.draw(st.sampled_from([np.inf, np.nan, 1e300, 0]))
    options = {"max_norm": data.draw(st.sampled_from([0.1, 1.0, 100, 0]))}
    options["norm_type"] = data.draw(st.sampled_from([2.0, 1.0, float("inf"), 3]))
    results = []
    for m, clip in ((pcn, pcn.optim.clip_grad_norm_), (torch, torch.nn.utils.clip_grad_norm_)):
        params = [m.tensor(np.zeros_like(g), requires_grad=True) for g in [*grads, np.zeros(1)]]
        for p, g in zip(params, grads):
            p.grad = m.tensor(g)
        with np.errstate(all="ignore"):
            results.append([clip(params, **options), *(p.grad for p in params[:2])])
    for ours, theirs in zip(*results):
        if np.abs(grads[0]).max() < 1e200:  # there the square of 1e300 is infinite
            np.testing.assert_allclose(ours.data, theirs.numpy(), rtol=1e-6)
    count(peers, "optim.clip_grad_norm_")


def one_cycle(**options):
    return lambda S, o: S.OneCycleLR(o, **options)


SCHEDULES = {
    "LambdaLR": lambda S, o: S.LambdaLR(o, lambda step: 0.9**step),
    "LambdaLR per group": lambda S, o: S.LambdaLR(o, [lambda step: 0.9**step, lambda step: 1 / (step + 1)]),
    "StepLR": lambda S, o: S.StepLR(o, 3, gamma=0.5),
    "MultiStepLR": lambda S, o: S.MultiStepLR(o, [5, 2, 2], gamma=0.5),
    "ExponentialLR": lambda S, o: S.ExponentialLR(o, 0.9),
    "LinearLR": lambda S, o: S.LinearLR(o),
    "LinearLR down": lambda S, o: S.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=7),
    "LinearLR at once": lambda S, o: S.LinearLR(o, start_factor=0.5, total_iters=0),
    "CosineAnnealingLR": lambda S, o: S.CosineAnnealingLR(o, 6, eta_min=0.01),
    "CosineAnnealingLR of one": lambda S, o: S.CosineAnnealingLR(o, 1),
    "OneCycleLR": one_cycle(max_lr=0.5, total_steps=20),
    "OneCycleLR linear": one_cycle(max_lr=[0.5, 1.0], epochs=4, steps_per_epoch=5, anneal_strategy="linear"),
    "OneCycleLR three phases": one_cycle(max_lr=0.5, total_steps=20, three_phase=True, pct_start=0.35, div_factor=5.0),
    "OneCycleLR without momentum": one_cycle(max_lr=0.5, total_steps=25, cycle_momentum=False, final_div_factor=10),
    "OneCycleLR per group": one_cycle(max_lr=1.0, total_steps=21, base_momentum=[0.5, 0.6], max_momentum=[0.8, 0.9]),
    "SequentialLR": lambda S, o: S.SequentialLR(
        o, [S.LinearLR(o, 0.1, total_iters=4), S.CosineAnnealingLR(o, 8), S.StepLR(o, 2, 0.5)], [4, 12]
    ),
    "SequentialLR of others": lambda S, o: S.SequentialLR(
        o, [S.LambdaLR(o, lambda step: step + 1), S.ExponentialLR(o, 0.8), S.MultiStepLR(o, [1, 3])], [3, 9]
    ),
    "SequentialLR into one cycle": lambda S, o: S.SequentialLR(
        o, [S.ExponentialLR(o, 0.8), S.OneCycleLR(o, 1.0, 30)], [5]
    ),
}


def written(make, kind, options):
    """Rates and momenta of both libraries at every step; `make` gives the schedules of one optimiser."""
    results = []
    for m in (pcn, torch):
        p, q = (m.tensor([1.0], requires_grad=True) for _ in range(2))
        optimiser = getattr(m.optim, kind)([{"params": [p]}, {"params": [q], "lr": 0.3}], lr=0.1, **options)
        schedules = make(m.optim.lr_scheduler, optimiser)
        results.append([])
        for step in range(21):
            if step:
                for schedule in schedules:
                    schedule.step()
            groups = optimiser.param_groups
            momenta = [g["betas"][0] if "betas" in g else g["momentum"] for g in groups]
            results[-1].append([g["lr"] for g in groups] + momenta + [s.get_last_lr() for s in schedules][-1])
    np.testing.assert_allclose(*results, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.filterwarnings("ignore")
def test_schedules_write_the_same_rates(name, kind, peers):
    written(lambda S, o: [SCHEDULES[name](S, o)], kind, {"momentum": 0.9} if kind == "SGD" else {})
    count(peers, f"optim.{name.split()[0]}")


CHAINABLE = [name for name in SCHEDULES if not name.startswith(("OneCycle", "Sequential"))]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(CHAINABLE), min_size=2, max_size=3))
@pytest.mark.filterwarnings("ignore")
def test_schedules_on_one_optimiser_write_the_same_rates(peers, names):
    written(lambda S, o: [SCHEDULES[name](S, o) for name in names], "SGD", {})
    count(peers, "optim.chained schedules")


RESUMED = {
    "LambdaLR": {"lr_lambda": lambda step: 0.9**step},
    "StepLR": {"step_size": 3},
    "MultiStepLR": {"milestones": [6, 8]},
    "ExponentialLR": {"gamma": 0.9},
    "LinearLR": {"total_iters": 8},
    "CosineAnnealingLR": {"T_max": 9},
}


@pytest.mark.parametrize("name", RESUMED)
@pytest.mark.filterwarnings("ignore")
def test_schedules_go_on_after_a_step_alike(name):
    results = []
    for m in (pcn, torch):
        groups = [{"params": [m.tensor([1.0], requires_grad=True)], "initial_lr": v} for v in (0.2, 0.4)]
        optimiser = m.optim.SGD(groups, lr=0.05)
        schedule = getattr(m.optim.lr_scheduler, name)(optimiser, **RESUMED[name], last_epoch=5)
        results.append([schedule.get_last_lr()])
        for _ in range(9):
            schedule.step()
            results[-1].append(schedule.get_last_lr())
    np.testing.assert_allclose(*results, rtol=1e-9, atol=1e-15)
