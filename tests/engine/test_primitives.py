"""The sweep over the registry: every primitive has a case, and every case passes."""

import numpy as np
import pytest
from cases_of_primitives import CASES
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn
from pyconvnet.autograd import Tensor, registry
from pyconvnet.testing import check_grads


def test_every_primitive_has_a_case(checks):
    checks["primitives"] = len(registry)
    assert set(registry) == set(CASES), "a primitive without a gradient check (or a check without a primitive)"


@pytest.mark.parametrize("name", sorted(registry))
@settings(max_examples=20)
@given(data=st.data())
def test_directional_derivatives(name, data, checks):
    case = data.draw(CASES[name])
    checks["directional derivatives of order 1 and 2"] += check_grads(case.f, *case.arrays, order=2)


@pytest.mark.parametrize("name", sorted(registry))
@settings(max_examples=20)
@given(data=st.data())
def test_adjoints_are_exact(name, data, checks):
    """<A x, g> == <x, A^T g> without tolerance, in float32 whose values are small whole numbers."""
    case = data.draw(CASES[name])
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    arrays = [rng.integers(-3, 4, np.shape(a)).astype(np.float32) for a in case.arrays]
    for i in case.linear:
        args = [Tensor(a, requires_grad=j == i) for j, a in enumerate(arrays)]
        y = case.f(*args)
        g = rng.integers(-3, 4, y.shape).astype(y.dtype)
        (x_bar,) = pcn.grad(y, args[i], g)
        assert (y.data.astype(np.float64) * g).sum() == (arrays[i].astype(np.float64) * x_bar.data).sum()
        checks["exact adjoints"] += 1


@pytest.mark.parametrize("name", sorted(registry))
@settings(max_examples=10)
@given(data=st.data())
def test_arrays_in_array_out_tensor_in_same_values_out(name, data):
    case = data.draw(CASES[name])
    plain, recorded = case.f(*case.arrays), case.f(*[Tensor(a, requires_grad=True) for a in case.arrays])
    assert not isinstance(plain, Tensor) and isinstance(recorded, Tensor) and recorded.requires_grad
    np.testing.assert_array_equal(plain, recorded.data)
