"""Every name of the contract exists and works; made wrong, every call answers in words."""

import importlib
import warnings

import numpy as np
import pytest
from contract_names import CALLS, METHODS, NAMES, OPTIMIZERS, SCHEDULERS, floats
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn

# NotImplementedError is a RuntimeError.
ALLOWED = (ValueError, TypeError, IndexError, RuntimeError, MemoryError, OSError)


@pytest.mark.parametrize("room", NAMES)
def test_every_name_exists(room):
    module = importlib.import_module(f"pyconvnet.{room}" if room else "pyconvnet")
    assert not [name for name in NAMES[room].split() if not hasattr(module, name)]


@pytest.mark.parametrize("name", CALLS)
def test_the_call_that_is_right_works(name):
    function, args, kwargs = CALLS[name]()
    function(*args, **kwargs)


@pytest.mark.parametrize("name", METHODS)
def test_the_method_called_right_works(name):
    t = floats(1) if name == "item" else floats(2, 3, 4)
    getattr(t, name)(*METHODS[name])


BAD = [
    None, "x", -1, 0, 7, 2**62, -(2**70), 1.5, float("nan"), float("inf"), True, [], (), (-1, 3), (0, 0),
    (2**31, 2**31), (1, 2, 3, 4, 5), [[1.0], [2.0, 3.0]], {}, object(), lambda: 0, slice(1), b"x",
    np.zeros(3, np.float16), np.zeros(3, complex), np.array([None, "a"], object), np.zeros((0,)),
    np.zeros((2, 3, 0, 6)), np.zeros((0, 4, 6, 6)), np.array(1.0), np.zeros((1, 1, 1, 1, 1)), np.array([1, 2]),
    np.array([True, False]),
    np.full((2, 4, 6, 6), np.nan), np.full((3, 4), np.inf), np.array([5, -9, 2]), np.array(["a", "b"]), "sum", "xyxy",
]  # fmt: skip
CHOICE = st.integers(0, len(BAD) - 1)


def wrong(i):
    """The i-th bad value; arrays now as they are, now as Tensors."""
    bad = BAD[i % len(BAD)]
    if isinstance(bad, np.ndarray) and bad.dtype.kind in "fib" and bad.dtype != np.float16 and i % 2:
        return pcn.tensor(bad)
    return bad


def answers(function, args, kwargs, what):
    """The call gives a result or one of the allowed errors, which says something."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            function(*args, **kwargs)
        except ALLOWED as error:
            assert len(str(error)) >= 12 or isinstance(error, MemoryError), f"{what}: {error!r} says nothing"
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
    pcn.set_num_threads(2)


def spoil(data, args, kwargs):
    """Replace one or two of the arguments; what was put where."""
    places = [*range(len(args)), *kwargs]
    said = {}
    for place in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=2, unique=True)):
        bad = wrong(data.draw(CHOICE))
        (args if isinstance(place, int) else kwargs)[place] = bad
        said[place] = bad
    return said


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=60)
@given(data=st.data())
def test_a_call_made_wrong_answers_in_words(name, data):
    function, args, kwargs = CALLS[name]()
    said = spoil(data, args, kwargs)
    answers(function, args, kwargs, f"{name} with {said}")


@pytest.mark.parametrize("name", [name for name, args in METHODS.items() if args])
@settings(max_examples=60)
@given(data=st.data())
def test_a_method_called_wrong_answers_in_words(name, data):
    args = list(METHODS[name])
    said = spoil(data, args, {})
    answers(getattr(floats(2, 3, 4), name), args, {}, f"{name} with {said}")


@pytest.mark.parametrize("name", [*METHODS, "__add__", "__matmul__", "__pow__"])
@pytest.mark.parametrize("shape", [(0,), (2, 0, 3), ()])
def test_methods_of_empty_and_rank_0_tensors_answer_in_words(name, shape):
    args = METHODS.get(name, (2.0,))
    answers(getattr(floats(*shape), name), args, {}, f"{name} of shape {shape}")


@pytest.mark.parametrize("name", OPTIMIZERS)
@settings(max_examples=40)
@given(data=st.data())
def test_an_optimizer_made_wrong_answers_in_words(name, data):
    kwargs = dict(OPTIMIZERS[name])
    args = [[floats(2, 3)]]
    said = spoil(data, args, kwargs)

    def use(params, **options):
        optimizer = getattr(pcn.optim, name)(params, **options)
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad = pcn.tensor(np.ones(p.shape))

        def closure():
            return 1.0

        optimizer.step(closure)

    answers(use, args, kwargs, f"{name} with {said}")


@pytest.mark.parametrize("name", SCHEDULERS)
@settings(max_examples=40)
@given(data=st.data())
def test_a_scheduler_made_wrong_answers_in_words(name, data):
    kwargs = dict(SCHEDULERS[name])
    optimizer = pcn.optim.SGD([floats(2)], lr=0.1)
    args = []
    said = spoil(data, args, kwargs)

    def use(**options):
        scheduler = getattr(pcn.optim.lr_scheduler, name)(optimizer, **options)
        for _ in range(4):
            scheduler.step()

    answers(use, args, kwargs, f"{name} with {said}")
