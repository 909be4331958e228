"""PyTorch as the witness: dtypes of mixed operands, names and shapes of layers, optimisers, schedules."""

import itertools

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
}
OPTIMISERS["AdamW"] = OPTIMISERS["Adam"]


@pytest.mark.parametrize("name", OPTIMISERS)
@settings(max_examples=30)
@given(data=st.data())
def test_optimisers_take_the_same_steps(name, data):
    options = data.draw(OPTIMISERS[name]) | {
        "lr": data.draw(st.sampled_from([0.1, 1e-3])),
        "maximize": data.draw(st.booleans()),
    }
    if data.draw(st.booleans()):
        options["weight_decay"] = 0.1
    if name != "SGD":
        options["amsgrad"] = data.draw(st.booleans())
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    starts, steps = [rng.standard_normal((2, 3)), rng.standard_normal(4)], rng.standard_normal((6, 10))
    results = []
    for m in (pcn, torch):
        a, b = (m.tensor(s, requires_grad=True) for s in starts)
        optimiser = getattr(m.optim, name)([{"params": [a]}, {"params": b, "lr": 0.05}], **options)
        for g in steps:
            a.grad, b.grad = m.tensor(g[:6].reshape(2, 3)), m.tensor(g[6:])
            optimiser.step()
        results.append([np.asarray(p.detach()) for p in (a, b)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


SCHEDULES = {
    "LambdaLR": {"lr_lambda": lambda step: 0.9**step},
    "StepLR": {"step_size": 3, "gamma": 0.5},
    "MultiStepLR": {"milestones": [5, 2, 2], "gamma": 0.5},
    "CosineAnnealingLR": {"T_max": 6, "eta_min": 0.01},
}


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.filterwarnings("ignore")
def test_schedules_write_the_same_rates(name):
    rates = []
    for m in (pcn, torch):
        p, q = (m.tensor([1.0], requires_grad=True) for _ in range(2))
        optimiser = m.optim.SGD([{"params": [p]}, {"params": [q], "lr": 0.3}], lr=0.1)
        schedule = getattr(m.optim.lr_scheduler, name)(optimiser, **SCHEDULES[name])
        rates.append([schedule.get_last_lr()])
        for _ in range(20):
            schedule.step()
            rates[-1].append([g["lr"] for g in optimiser.param_groups])
    np.testing.assert_allclose(*rates, rtol=1e-9, atol=1e-15)
