"""<A x, g> == <x, A^T g> without tolerance: sums of small whole numbers are exact in float32."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconvnet import kernels
from pyconvnet.testing import strategies as cases

BACKENDS = [("naive", None), ("numpy", None)] + [("cpp", isa) for isa in kernels.supported_isas()]
pytestmark = pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b[1] or b[0])


def inner(a, b):
    return float(np.sum(a * b, dtype=np.float64))


@settings(max_examples=60, deadline=None)
@given(case=cases.conv_cases(dtype=np.float32), data=st.data())
def test_one_trilinear_form(backend, case, data):
    g = data.draw(cases.integer_arrays(case.output_shape, np.float32))
    x, w = case.x, case.w
    with kernels.use(backend[0], isa=backend[1]), kernels.use_winograd(False):
        form = inner(kernels.conv(x, w, *case.options), g)
        assert form == inner(x, kernels.conv_input(g, w, x.shape[2:], *case.options))
        assert form == inner(w, kernels.conv_weight(g, x, w.shape[2:], *case.options))


@settings(max_examples=60, deadline=None)
@given(case=cases.conv_cases(dtype=np.float32), data=st.data())
def test_im2col_and_col2im(backend, case, data):
    kernel, size, options = case.w.shape[2:], case.x.shape[2:], case.options[:3]
    with kernels.use(backend[0], isa=backend[1]):
        columns = kernels.im2col(case.x, kernel, *options)
        g = data.draw(cases.integer_arrays(columns.shape, np.float32))
        assert inner(columns, g) == inner(case.x, kernels.col2im(g, size, kernel, *options))
