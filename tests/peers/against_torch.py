"""PyTorch as the witness: the same call in both libraries gives the same values, first and second gradients.

A trial is written once: `f(m, F, *tensors)` runs with m = pyconvnet and with m = torch, which is also the promise that
changing the import is enough. To cover a name, enter a strategy of trials under it, in one of the files beside.
"""

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pyconvnet as pcn

torch = pytest.importorskip("torch")

__all__ = ["Entries", "Trial", "compare", "dims", "seeds", "shapes", "shapes_1", "smooth", "tied", "torch"]


@dataclass
class Trial:
    """f(m, F, *tensors) on both sides; `says` is what a failure prints. With grad=False only values are compared.

    `order` is the highest order of gradients to compare, `tolerance` relative and absolute.
    """

    f: object
    arrays: list
    says: object = None
    grad: bool = True
    order: int = 2
    tolerance: float = 1e-9

    def __repr__(self):
        return f"Trial({self.says}, shapes {[np.shape(a) for a in self.arrays]})"


class Entries(dict):
    """name -> strategy of Trial; as a decorator it enters a function `f(draw, name) -> Trial` under its names."""

    def __call__(self, *names):
        def enter(draw_trial):
            for name in names:
                self[name] = st.composite(draw_trial)(name)
            return draw_trial

        return enter


shapes = hnp.array_shapes(min_dims=0, max_dims=3, max_side=4)
shapes_1 = hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)
seeds = st.integers(0, 2**16)


def smooth(draw, shape, low=-3.0, high=3.0):
    """Values without ties."""
    return np.random.default_rng(draw(seeds)).uniform(low, high, shape)


def tied(draw, shape):
    """Few different values: many ties, many zeros."""
    return np.random.default_rng(draw(seeds)).integers(-2, 3, shape) / 2


def dims(draw, ndim):
    """None, an axis (also from behind), or several."""
    if not ndim:
        return draw(st.sampled_from([None, 0, -1]))
    axis = st.integers(-ndim, ndim - 1)
    several = st.lists(st.integers(0, ndim - 1), min_size=1, max_size=ndim, unique=True).map(tuple)
    return draw(st.one_of(st.none(), axis, several))


def run(m, F, trial, tensors, weights):
    """Value, first gradients, second gradients, as arrays; None where there is none."""
    y = trial.f(m, F, *tensors)
    results = [y]
    if trial.grad:
        directions = [m.tensor(w) for w in weights]
        gradient = pcn.grad if m is pcn else torch.autograd.grad
        loss = (y * m.tensor(np.cos(np.arange(math.prod(y.shape)).reshape(tuple(y.shape))))).sum()
        for order in range(1, trial.order + 1):
            g = []
            if loss.requires_grad:
                g = gradient(loss, tensors, create_graph=order < trial.order, allow_unused=True)
            results += [*g, *[None] * (len(tensors) - len(g))]
            connected = [(a * d).sum() for a, d in zip(g, directions) if a is not None and a.requires_grad]
            loss = sum(connected, m.tensor(np.zeros(())))
    return [r if r is None else np.asarray(r.detach() + 0) for r in results]


def compare(name, trial, tally):
    """Run a trial on both sides, compare, and count it in `tally[name]`."""
    weights = [np.random.default_rng(7).standard_normal(np.shape(a)) for a in trial.arrays]
    with np.errstate(all="ignore"):
        ours, theirs = (
            run(m, m.nn.functional, trial, [m.tensor(a, requires_grad=trial.grad) for a in trial.arrays], weights)
            for m in (pcn, torch)
        )
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        a, b = (np.zeros(()) if r is None else r for r in (a, b))  # no gradient and a zero gradient are the same
        what = f"{'value' if i == 0 else 'gradient'} {i} of {trial!r}"
        if a.shape != b.shape:
            assert not a.any() and not b.any() and i, f"{what}: shape {a.shape}, in PyTorch {b.shape}"
        else:
            np.testing.assert_allclose(a, b, rtol=trial.tolerance, atol=trial.tolerance, err_msg=what)
            assert a.dtype == b.dtype or i, what
    orders = trial.order if trial.grad else 0
    tally.setdefault(name, Counter()).update(cases=1, forward=1, first=orders > 0, second=orders > 1)
