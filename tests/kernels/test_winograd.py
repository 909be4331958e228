"""Winograd against float64 with a stated bound, and against the direct kernels where a number is not finite."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconvnet import kernels
from pyconvnet.testing import strategies as cases

pytestmark = [
    pytest.mark.skipif("cpp" not in kernels.available(), reason="no compiled kernels"),
    pytest.mark.parametrize("isa", kernels.supported_isas()),
]

#    n, in, out, (height, width), padding, groups
LAYERS = [
    (1, 1, 1, (3, 3), 0, 1),
    (2, 3, 5, (7, 9), 1, 1),
    (1, 16, 32, (32, 32), 1, 1),
    (20, 5, 7, (7, 7), 0, 1),
    (17, 8, 9, (8, 5), 2, 1),
    (3, 64, 64, (13, 13), 1, 1),
    (1, 64, 70, (40, 37), (3, 0), 1),
    (33, 32, 64, (4, 4), 1, 1),
    (1, 512, 512, (14, 14), 1, 1),
    (8, 100, 72, (13, 13), 1, 1),
    (2, 24, 36, (30, 30), (0, 4), 2),
    (1, 4, 4, (5, 200), 1, 1),
    (128, 16, 16, (16, 16), 1, 1),
]


def arrays(layer):
    n, c, f, size, padding, groups = layer
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, c, *size), dtype=np.float32)
    w = rng.standard_normal((f, c // groups, 3, 3), dtype=np.float32)
    ph, pw = padding if isinstance(padding, tuple) else (padding, padding)
    g = rng.standard_normal((n, f, size[0] + 2 * ph - 2, size[1] + 2 * pw - 2), dtype=np.float32)
    return x, w, g


def triple(layer, x, w, g, when, isa="avx2"):
    *_, size, padding, groups = layer
    options = (1, padding, 1, groups)
    with kernels.use("cpp", isa=isa), kernels.use_winograd(when):
        return (
            kernels.conv(x, w, *options),
            kernels.conv_input(g, w, size, *options),
            kernels.conv_weight(g, x, 3, *options),
        )


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_error_and_threads(layer, isa):
    """rms error over rms value: at most 5e-6 by Winograd, 5e-7 direct; the same bits for any number of threads."""
    given = arrays(layer)
    exact = triple(layer, *(a.astype(np.float64) for a in given), "never", isa)
    before = kernels.get_num_threads()
    try:
        for when, bound in (("always", 5e-6), ("never", 5e-7)):
            results = []
            for threads in (1, 2, 3, 5, 8):
                kernels.set_num_threads(threads)
                results.append(triple(layer, *given, when, isa))
            for one, *others in zip(*results):
                assert all(one.tobytes() == other.tobytes() for other in others)
            for got, want in zip(results[0], exact):
                assert np.sqrt(np.mean((got - want) ** 2) / np.mean(want**2)) <= bound
    finally:
        kernels.set_num_threads(before)


@pytest.mark.parametrize("c", [512, 600, 1100])
def test_the_rule_keeps_the_bound_with_many_channels(c, isa):
    """The error of Winograd's sums grows with their length: there the rule stays with the direct kernel."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, c, 24, 24), dtype=np.float32)
    w = rng.standard_normal((64, c, 3, 3), dtype=np.float32)
    with kernels.use("cpp", isa=isa):
        for operation, taps, more in ((kernels.conv, w, ()), (kernels.conv_input, w.swapaxes(0, 1), (24,))):
            got = operation(x, taps, *more, 1, 1)
            want = operation(x.astype(np.float64), taps.astype(np.float64), *more, 1, 1)
            assert np.sqrt(np.mean((got - want) ** 2) / np.mean(want**2)) <= 5e-6


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whole_numbers_up_to_rounding(isa, data):
    """Small whole numbers: the nearest whole number of the result is exact; padding beyond the kernel too."""
    sizes = st.integers(1, 12)
    n, groups, c, f = data.draw(st.tuples(st.integers(1, 20), st.integers(1, 2), sizes, sizes))
    padding = data.draw(st.tuples(st.integers(0, 4), st.integers(0, 4)))
    size = tuple(data.draw(st.integers(max(1, 3 - 2 * p), 13)) for p in padding)
    layer = (n, c * groups, f * groups, size, padding, groups)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    given = [rng.integers(-2, 3, a.shape).astype(np.float32) for a in arrays(layer)]
    for exact, got in zip(triple(layer, *given, "never", isa), triple(layer, *given, "always", isa)):
        np.testing.assert_array_equal(np.rint(got), exact)


SPECIAL = [np.inf, -np.inf, np.nan, np.float32(3e38)]  # the last: finite, but its transforms are not


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_what_is_not_finite_goes_the_direct_way(isa, data):
    layer = data.draw(st.sampled_from([(2, 3, 5, (7, 9), 1, 1), (17, 4, 8, (6, 6), 0, 2), (1, 16, 20, (10, 11), 2, 1)]))
    given = arrays(layer)
    for a in given:
        spoilt = data.draw(st.integers(0, 2))
        for _ in range(spoilt):
            a.flat[data.draw(st.integers(0, a.size - 1))] = data.draw(st.sampled_from(SPECIAL))
    for direct, got in zip(triple(layer, *given, "never", isa), triple(layer, *given, "always", isa)):
        np.testing.assert_array_equal(np.isfinite(got), np.isfinite(direct))
        if not np.isfinite(direct).all():
            assert got.tobytes() == direct.tobytes()


def test_doubles_are_direct(isa):
    layer = (2, 8, 8, (12, 12), 1, 1)
    given = [a.astype(np.float64) for a in arrays(layer)]
    for direct, got in zip(triple(layer, *given, "never", isa), triple(layer, *given, "always", isa)):
        assert got.tobytes() == direct.tobytes()


def test_the_rule_chooses_either_way(isa):
    """A wide layer goes by Winograd, a first layer does not."""
    for layer, way in (((4, 64, 64, (28, 28), 1, 1), "always"), ((4, 2, 8, (28, 28), 1, 1), "never")):
        given = arrays(layer)
        for chosen, forced in zip(triple(layer, *given, "chosen", isa), triple(layer, *given, way, isa)):
            assert chosen.tobytes() == forced.tobytes()


@settings(max_examples=20, deadline=None)
@given(case=cases.conv_cases(dtype=np.float32))
def test_always_leaves_other_convolutions_alone(isa, case):
    if case.w.shape[2:] == (3, 3) and case.stride == (1, 1) and case.dilation == (1, 1):
        return
    with kernels.use("cpp", isa=isa):
        with kernels.use_winograd("never"):
            expected = kernels.conv(case.x, case.w, *case.options)
        with kernels.use_winograd("always"):
            assert kernels.conv(case.x, case.w, *case.options).tobytes() == expected.tobytes()
