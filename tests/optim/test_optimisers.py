"""Optimisers against their update rules written out here; groups, saved state, clipping, mistakes."""

import numpy as np
import pytest

import pyconvnet as pcn
from pyconvnet import optim

START = np.array([[1.0, -2.0], [3.0, 0.5]])
GRADIENTS = np.random.default_rng(0).standard_normal((6, 2, 2))


def run(make, gradients=GRADIENTS, p=None, optimiser=None):
    p = pcn.tensor(START, requires_grad=True) if p is None else p
    optimiser = make([p]) if optimiser is None else optimiser
    for g in gradients:
        p.grad = pcn.tensor(g)
        optimiser.step()
    return p.data, optimiser


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize(
    ("momentum", "dampening", "nesterov"), [(0, 0, False), (0.9, 0, False), (0.9, 0.3, False), (0.9, 0, True)]
)
def test_sgd(momentum, dampening, nesterov, weight_decay, maximize):
    p, v = START.copy(), None
    for g in GRADIENTS:
        g = (-g if maximize else g) + weight_decay * p
        v = g if v is None else momentum * v + (1 - dampening) * g
        p = p - 0.1 * (g + momentum * v if nesterov else v if momentum else g)
    options = dict(
        lr=0.1,
        momentum=momentum,
        dampening=dampening,
        weight_decay=weight_decay,
        nesterov=nesterov,
        maximize=maximize,
    )
    np.testing.assert_allclose(run(lambda params: optim.SGD(params, **options))[0], p, rtol=1e-12)


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
def test_adam(kind, weight_decay, amsgrad, maximize):
    lr, b1, b2, eps = 0.1, 0.8, 0.9, 1e-3
    p, m, v, largest = START.copy(), 0, 0, 0
    for t, g in enumerate(GRADIENTS, 1):
        g = -g if maximize else g
        if kind == "AdamW":
            p = p - lr * weight_decay * p
        else:
            g = g + weight_decay * p
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        largest = np.maximum(largest, v)
        m_hat, v_hat = m / (1 - b1**t), (largest if amsgrad else v) / (1 - b2**t)
        p = p - lr * m_hat / (np.sqrt(v_hat) + eps)
    options = dict(
        lr=lr, betas=(b1, b2), eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize
    )
    np.testing.assert_allclose(run(lambda params: getattr(optim, kind)(params, **options))[0], p, rtol=1e-12)


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize("momentum", [0, 0.9])
def test_rmsprop(momentum, weight_decay, centered, maximize):
    lr, alpha, eps = 0.1, 0.8, 1e-3
    p, v, mean, b = START.copy(), 0, 0, 0
    for g in GRADIENTS:
        g = (-g if maximize else g) + weight_decay * p
        v, mean = alpha * v + (1 - alpha) * g**2, alpha * mean + (1 - alpha) * g
        b = momentum * b + g / (np.sqrt(v - mean**2 if centered else v) + eps)
        p = p - lr * b
    options = dict(alpha=alpha, eps=eps, momentum=momentum, weight_decay=weight_decay, centered=centered)
    made = run(lambda params: optim.RMSprop(params, lr, **options, maximize=maximize))[0]
    np.testing.assert_allclose(made, p, rtol=1e-12)


def test_the_first_step_of_adam_has_the_length_of_the_learning_rate():
    for scale in (1e-3, 1.0, 1e3):
        moved = run(lambda params: optim.Adam(params, lr=0.01), GRADIENTS[:1] * scale)[0] - START
        np.testing.assert_allclose(moved, -0.01 * np.sign(GRADIENTS[0]), rtol=1e-3)


def test_defaults_are_pytorchs():
    p = [pcn.tensor([1.0], requires_grad=True)]
    sgd, adam, adamw = (kind(p).param_groups[0] for kind in (optim.SGD, optim.Adam, optim.AdamW))
    assert (sgd["lr"], sgd["momentum"], adam["lr"], adam["betas"], adam["eps"], adam["weight_decay"]) == (
        1e-3,
        0,
        1e-3,
        (0.9, 0.999),
        1e-8,
        0,
    )
    assert adamw["weight_decay"] == 0.01


MAKERS = [
    lambda params: optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True),
    lambda params: optim.Adam(params, lr=0.1, amsgrad=True),
    lambda params: optim.AdamW(params, lr=0.1),
    lambda params: optim.RMSprop(params, lr=0.1, momentum=0.5, centered=True),
]


@pytest.mark.parametrize("make", MAKERS)
def test_saved_and_loaded_it_goes_on_bit_for_bit(make):
    straight, _ = run(make)
    half, first = run(make, GRADIENTS[:3])
    p = pcn.tensor(half.copy(), requires_grad=True)
    second = make([p])
    second.param_groups[0]["lr"] = 99
    saved = first.state_dict()
    second.load_state_dict(saved)
    resumed, _ = run(make, GRADIENTS[3:], p, second)
    np.testing.assert_array_equal(resumed, straight)
    assert saved["param_groups"][0]["params"] == [0]


@pytest.mark.parametrize("make", MAKERS)
def test_saved_state_is_a_copy(make):
    _, optimiser = run(make, GRADIENTS[:2])
    before = {k: np.copy(v) for k, v in optimiser.state_dict()["state"][0].items()}
    for v in optimiser.state_dict()["state"][0].values():
        v[...] = 7
    assert all((before[k] == v).all() for k, v in optimiser.state_dict()["state"][0].items())


def test_groups_have_settings_of_their_own():
    a, b, c = (pcn.tensor([1.0], requires_grad=True) for _ in range(3))
    optimiser = optim.SGD(
        [{"params": [a]}, {"params": b, "lr": 1.0}, {"params": [c], "maximize": True}], lr=0.5
    )
    for p in (a, b, c):
        p.grad = pcn.tensor([1.0])
    optimiser.step()
    assert [p.item() for p in (a, b, c)] == [0.5, 0, 1.5]
    optimiser.param_groups[0]["lr"] = 0.25
    a.grad, b.grad, c.grad = pcn.tensor([1.0]), None, None
    optimiser.step()
    assert [p.item() for p in (a, b, c)] == [0.25, 0, 1.5]  # without a gradient nothing moves


def test_a_step_keeps_dtype_and_storage_and_records_nothing():
    p = pcn.tensor([1.0, 2.0], requires_grad=True)
    array = p.data
    for make in MAKERS:
        optimiser = make([p])
        loss = optimiser.step(lambda: [optimiser.zero_grad(), (y := (p * p).sum()), y.backward()][1])  # noqa: B023
        assert loss.shape == () and p.data is array and p.dtype == np.float32 and p.node is None
    optimiser.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0, 0]
    optimiser.zero_grad()
    assert p.grad is None


def test_every_optimiser_finds_the_minimum():
    for make in MAKERS[:2]:
        p = pcn.tensor([3.0, -2.0], requires_grad=True)
        optimiser = make([p])
        for _ in range(300):
            optimiser.zero_grad()
            ((p - 1) ** 2).sum().backward()
            optimiser.step()
        np.testing.assert_allclose(p.data, 1, atol=0.02)


p0 = pcn.tensor([1.0], requires_grad=True)


def load(state):
    optimiser = optim.Adam([p0])
    optimiser.load_state_dict({"param_groups": optimiser.state_dict()["param_groups"], **state})


def bad_rate():
    state = optim.Adam([p0]).state_dict()
    state["param_groups"][0]["lr"] = -1.0
    return state


def wrong_gradient():
    p = pcn.tensor(np.ones((2, 3)), requires_grad=True)
    p.grad = pcn.ones(3)
    optim.SGD([p]).step()


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: optim.SGD([]), ValueError, "no parameters"),
        (lambda: optim.SGD([p0], lr=-1), ValueError, "lr must not be negative, got -1"),
        (lambda: optim.SGD([p0], momentum=-1), ValueError, "momentum"),
        (lambda: optim.SGD([p0], nesterov=True), ValueError, "nesterov needs a momentum"),
        (lambda: optim.Adam([p0], betas=(0.9, 1.0)), ValueError, r"betas must lie in \[0, 1\)"),
        (lambda: optim.Adam([np.ones(1)]), TypeError, "leaf Tensors only, got ndarray"),
        (lambda: optim.SGD([p0 * 2]), TypeError, "got a result of a computation"),
        (lambda: optim.SGD([p0, p0]), ValueError, "given twice"),
        (lambda: optim.SGD([{"lr": 1}]), ValueError, "a dict with 'params'"),
        (lambda: optim.SGD([{"params": [p0]}, p0]), ValueError, "a dict with 'params'"),
        (wrong_gradient, ValueError, r"shape \(2, 3\) has a gradient of shape \(3,\)"),
        (lambda: optim.SGD([p0]).load_state_dict({}), ValueError, "'state' and 'param_groups'"),
        (
            lambda: optim.SGD([p0]).load_state_dict({"state": {}, "param_groups": []}),
            ValueError,
            r"the saved groups have \[\] parameters, those of this optimiser \[1\]",
        ),
        (lambda: load({"state": {}, "param_groups": [{"params": [0, 1]}]}), ValueError, r"\[2\] parameters.* \[1\]"),
        (lambda: load({"state": {}, "param_groups": 3}), ValueError, "a list of dicts with a list of 'params'"),
        (
            lambda: load({"state": {0: {"exp_avg": np.zeros((2, 2))}}}),
            ValueError,
            r"exp_avg of parameter 0 has shape \(2, 2\)",
        ),
        (lambda: load({"state": {3: {}}}), ValueError, "parameter 3 of 1"),
        (lambda: load({"state": {"a": {}}}), ValueError, "parameter a of 1"),
        (lambda: load({"state": {0: 1}}), ValueError, "state of parameter 0 must be a dict"),
        (lambda: load({"state": {}, "param_groups": [{}]}), ValueError, "a list of dicts with a list of 'params'"),
        (lambda: load(optim.SGD([p0]).state_dict()), ValueError, "another kind.*are dampening lr.*of Adam are amsgrad"),
        (lambda: load(bad_rate()), ValueError, "lr must not be negative, got -1"),
        (lambda: optim.SGD(3), TypeError, "params must be Tensors or groups of them, got int"),
        (lambda: optim.SGD([p0], lr="a"), TypeError, "lr must be a number, got str"),
        (lambda: optim.SGD([p0], lr=float("nan")), ValueError, "lr must not be negative, got nan"),
        (lambda: optim.SGD([{"params": [p0], "lr": -1}]), ValueError, "lr must not be negative, got -1"),
        (lambda: optim.SGD([pcn.tensor([1])]), TypeError, "floating-point Tensors only, got int64"),
        (lambda: optim.Adam([p0], betas=0.9), ValueError, r"betas must lie in \[0, 1\), two of them"),
        (lambda: optim.RMSprop([p0], alpha=-1), ValueError, "alpha must not be negative"),
        (lambda: optim.Adam([p0], fused=True), NotImplementedError, "fused=True is not offered"),
        (lambda: optim.SGD([p0], differentiable=True), NotImplementedError, "differentiable=True"),
        (lambda: optim.SGD([p0], beta=1), TypeError, "there is no setting 'beta'"),
        (lambda: optim.clip_grad_norm_([np.ones(1)], 1), TypeError, "must be Tensors, got ndarray"),
        (lambda: optim.clip_grad_norm_([p0], None), TypeError, "max_norm must be a number, got None"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()


def test_settings_of_speed_are_taken_and_change_nothing():
    optim.Adam([p0], foreach=None, fused=False, capturable=False)
    assert optim.Adam([p0], weight_decay=0.1, decoupled_weight_decay=True).param_groups == (
        optim.AdamW([p0], weight_decay=0.1).param_groups
    )


def test_state_is_kept_for_moved_parameters_only_and_takes_the_dtype_of_the_parameter():
    a, b = pcn.tensor([1.0], requires_grad=True), pcn.tensor(np.ones(2), requires_grad=True)
    optimiser = optim.Adam([a, b])
    b.grad = pcn.tensor(np.ones(2))
    optimiser.step()
    assert list(optimiser.state_dict()["state"]) == [1]
    assert {k: v.dtype for k, v in optimiser.state[b].items()} == {
        "step": np.float32, "exp_avg": np.float64, "exp_avg_sq": np.float64,
    }  # fmt: skip
    single = optim.Adam([a, pcn.tensor([1.0, 1.0], requires_grad=True)])
    single.load_state_dict(optimiser.state_dict())
    assert next(iter(single.state.values()))["exp_avg"].dtype == np.float32
    plain = optim.SGD([a, b], lr=0.1)
    plain.step()
    assert plain.state_dict()["state"] == {}
    assert b.dtype == np.float64


KINDS = {kind: getattr(optim, kind) for kind in ("SGD", "Adam", "AdamW", "RMSprop", "LBFGS")}


@pytest.mark.parametrize("own", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_the_state_of_another_kind_of_optimiser_is_refused(own, other):
    optimiser, saved = KINDS[own]([p0], lr=0.25), KINDS[other]([p0], lr=0.5).state_dict()
    if own == other or {own, other} == {"Adam", "AdamW"}:  # the same averages
        optimiser.load_state_dict(saved)
        assert optimiser.param_groups[0]["lr"] == 0.5
        assert optimiser.param_groups[0].get("decoupled_weight_decay", False) == ("AdamW" in (own, other))
    else:
        with pytest.raises(ValueError, match=f"^{own}: the saved state is that of another kind of optimiser"):
            optimiser.load_state_dict(saved)
        assert optimiser.param_groups[0]["lr"] == 0.25  # nothing was changed


def test_settings_that_schedules_and_pytorch_add_are_taken():
    first, second = optim.SGD([p0], lr=0.1, momentum=0.9), optim.SGD([p0])
    optim.lr_scheduler.OneCycleLR(first, 1.0, 10)
    saved = first.state_dict()
    saved["param_groups"][0] |= {"foreach": None, "fused": None, "differentiable": False}
    second.load_state_dict(saved)
    assert second.param_groups[0]["initial_lr"] == 1 / 25 and second.param_groups[0]["momentum"] == 0.95


@pytest.mark.parametrize("make", MAKERS)
def test_saved_state_loads_as_arrays_and_as_tensors(make):
    _, optimiser = run(make, GRADIENTS[:3])
    saved = optimiser.state_dict()
    assert all(isinstance(v, np.ndarray) for v in saved["state"][0].values())
    tensors = {0: {name: pcn.tensor(v) for name, v in saved["state"][0].items()}}
    twins = []
    for state in (saved["state"], tensors):
        twin = make([pcn.tensor(START, requires_grad=True)])
        twin.load_state_dict({**saved, "state": state})
        twins.append(next(iter(twin.state.values())))
    for name, v in twins[0].items():
        assert type(twins[1][name]) is np.ndarray and twins[1][name].dtype == v.dtype
        np.testing.assert_array_equal(twins[1][name], v)
    for name, v in tensors[0].items():
        assert twins[1][name] is not v.data  # a copy


def test_repr_shows_the_settings_of_every_group():
    optimiser = optim.SGD([{"params": [p0]}, {"params": [], "lr": 0.5}], lr=0.1)
    settings = ["dampening: 0.0", "lr: 0.1", "maximize: False", "momentum: 0.0", "nesterov: False", "weight_decay: 0.0"]
    lines = repr(optimiser).split("\n")
    assert lines[:8] == ["SGD (", "Parameter Group 0", *(f"    {s}" for s in settings)]
    assert lines[8] == "Parameter Group 1" and lines[10] == "    lr: 0.5" and lines[-1] == ")"
    assert repr(optim.lr_scheduler.StepLR(optimiser, 2)) == "StepLR(last_epoch=0, lr=[0.1, 0.5])"


def test_named_parameters_and_groups_added_later():
    net = pcn.nn.Linear(2, 1)
    optimiser = optim.SGD(net.named_parameters(), lr=0.1)
    assert optimiser.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimiser.state_dict()["param_groups"][0]["params"] == [0, 1]
    more = pcn.tensor([1.0], requires_grad=True)
    optimiser.add_param_group({"params": more, "momentum": 0.9})
    assert optimiser.param_groups[1]["params"] == [more] and optimiser.param_groups[1]["lr"] == 0.1
    with pytest.raises(ValueError, match="given twice"):
        optimiser.add_param_group({"params": [more]})


@pytest.mark.parametrize("norm_type", [2.0, 1, float("inf"), "inf", 3.0])
def test_gradients_are_clipped_by_their_common_norm(norm_type):
    def leaves(scale):
        a, b, c = (pcn.tensor(np.zeros(n), requires_grad=True) for n in (2, 3, 1))
        a.grad, b.grad = pcn.tensor(scale * GRADIENTS[0, 0]), pcn.tensor(scale * np.ones(3))
        return [a, b, c]

    everything = np.concatenate([GRADIENTS[0, 0], np.ones(3)])
    norm = np.linalg.norm(everything, float(norm_type))
    params = leaves(10)
    arrays = [p.grad.data for p in params[:2]]
    before = optim.clip_grad_norm_(params, 1.5, norm_type)
    assert isinstance(before, pcn.Tensor) and before.item() == pytest.approx(10 * norm)
    clipped = np.concatenate([p.grad.data for p in params[:2]])
    np.testing.assert_allclose(clipped, everything * 1.5 / norm, rtol=1e-6)
    assert all(p.grad.data is array for p, array in zip(params, arrays)) and params[2].grad is None
    small = leaves(0.01)
    optim.clip_grad_norm_(small, 100.0, norm_type)
    np.testing.assert_array_equal(small[0].grad.data, 0.01 * GRADIENTS[0, 0])
    assert optim.clip_grad_norm_([params[2]], 1.0).item() == 0


def test_a_norm_that_is_not_finite_is_said_on_request():
    p = pcn.tensor([1.0], requires_grad=True)
    p.grad = pcn.tensor([float("inf")])
    with pytest.raises(RuntimeError, match="the norm of the gradients is inf"):
        optim.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert optim.clip_grad_norm_(p, 1.0).item() == float("inf")
