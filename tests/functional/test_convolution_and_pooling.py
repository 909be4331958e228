"""conv2d, linear and max_pool2d against loops from the definition; their gradients; what they say about bad
shapes."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet.testing import check_grads
from pyconvnet.testing.strategies import conv_cases, pool_cases


def windows(size, kernel, stride, padding, dilation, count):
    """For each output position the input positions under the taps, None in the padding."""
    for o in range(count):
        taps = [o * stride - padding + k * dilation for k in range(kernel)]
        yield [t if 0 <= t < size else None for t in taps]


def loops(x, w, b, stride, padding, dilation, groups):
    (n, _, h, wd), (f, per, kh, kw) = x.shape, w.shape
    ho = (h + 2 * padding[0] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    wo = (wd + 2 * padding[1] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    y = np.zeros((n, f, ho, wo))
    rows = list(windows(h, kh, stride[0], padding[0], dilation[0], ho))
    columns = list(windows(wd, kw, stride[1], padding[1], dilation[1], wo))
    for i, o, r, s in itertools.product(range(n), range(f), range(ho), range(wo)):
        first = o // (f // groups) * per
        for u, v in itertools.product(range(kh), range(kw)):
            if rows[r][u] is not None and columns[s][v] is not None:
                y[i, o, r, s] += x[i, first : first + per, rows[r][u], columns[s][v]] @ w[o, :, u, v]
    return y + b[:, None, None]


@pytest.mark.parametrize("backend", ["naive", "numpy"])
@settings(max_examples=40)
@given(case=conv_cases(dtype=np.float64))
def test_conv2d_is_the_sum_over_the_window(backend, case):
    bias = np.arange(len(case.w), dtype=np.float64)
    with pcn.kernels.use(backend):
        y = F.conv2d(pcn.tensor(case.x), pcn.tensor(case.w), pcn.tensor(bias), *case.options)
    np.testing.assert_array_equal(y.data, loops(case.x, case.w, bias, *case.options))


@settings(max_examples=30)
@given(conv_cases(dtype=np.float64, max_side=4))
def test_gradients_of_conv2d(case):
    check_grads(lambda x, w, b: F.conv2d(x, w, b, *case.options), case.x, case.w, np.ones(len(case.w)))


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 4), (4, 3)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_padding_same_keeps_the_size_and_puts_the_odd_row_last(kernel, dilation):
    rng = np.random.default_rng(0)
    x, w = rng.integers(-3, 4, (1, 2, 7, 9)).astype(float), rng.integers(-3, 4, (2, 2, *kernel)).astype(float)
    total = [dilation * (k - 1) for k in kernel]
    padded = np.pad(x, [(0, 0), (0, 0), *[(t // 2, t - t // 2) for t in total]])
    y = F.conv2d(pcn.tensor(x), pcn.tensor(w), padding="same", dilation=dilation)
    assert y.shape == (1, 2, 7, 9)
    np.testing.assert_array_equal(y.data, F.conv2d(pcn.tensor(padded), pcn.tensor(w), dilation=dilation).data)
    np.testing.assert_array_equal(
        F.conv2d(pcn.tensor(x), pcn.tensor(w), padding="valid").data,
        F.conv2d(pcn.tensor(x), pcn.tensor(w)).data,
    )


def test_one_picture_without_a_batch_axis():
    x, w = pcn.randn(3, 5, 6), pcn.randn(2, 3, 3, 3)
    np.testing.assert_array_equal(F.conv2d(x, w).data, F.conv2d(x.unsqueeze(0), w).data[0])
    np.testing.assert_array_equal(F.max_pool2d(x, 2).data, F.max_pool2d(x.unsqueeze(0), 2).data[0])


def test_linear_is_the_product_with_the_transposed_weight():
    x, w, b = (np.arange(12.0).reshape(2, 2, 3), np.arange(6.0).reshape(2, 3), np.array([1.0, -1.0]))
    y = F.linear(pcn.tensor(x), pcn.tensor(w), pcn.tensor(b))
    np.testing.assert_array_equal(y.data, np.einsum("abi,oi->abo", x, w) + b)
    assert F.linear(pcn.zeros(0, 3), pcn.zeros(2, 3)).shape == (0, 2)
    assert F.linear(pcn.zeros(4, 3), pcn.zeros(3)).shape == (4,)
    check_grads(F.linear, x, w, b)


def naive_pool(plane, case):
    """Values and positions, the first of equal maxima, the last NaN; (-inf, -1) where all is padding."""
    h, w = plane.shape
    rows = windows(
        h, case.kernel_size[0], case.stride[0], case.padding[0], case.dilation[0], case.output_shape[2]
    )
    for r in list(rows):
        columns = windows(
            w, case.kernel_size[1], case.stride[1], case.padding[1], case.dilation[1], case.output_shape[3]
        )
        for s in columns:
            best, at = -np.inf, -1
            for i, j in itertools.product(r, s):
                if (
                    i is not None
                    and j is not None
                    and (at < 0 or plane[i, j] > best or np.isnan(plane[i, j]))
                ):
                    best, at = plane[i, j], i * w + j
            yield best, at


@given(pool_cases())
def test_max_pool2d_takes_the_largest_of_each_window_and_its_gradient_goes_there(case):
    x = pcn.tensor(case.x, requires_grad=True)
    y = F.max_pool2d(x, *case.options)
    y.backward(np.ones(y.shape))
    for n, c in np.ndindex(case.x.shape[:2]):
        expected = list(naive_pool(case.x[n, c], case))
        np.testing.assert_array_equal(y.data[n, c].ravel(), [v for v, _ in expected])
        counts = np.bincount([at for _, at in expected if at >= 0], minlength=case.x[n, c].size)
        np.testing.assert_array_equal(x.grad.data[n, c].ravel(), counts)


def test_the_first_of_equal_maxima_and_the_last_nan_get_the_gradient():
    for values, winner in (([1, 2, 2, 2], 1), ([np.nan, 5, np.nan, 7], 2), ([-np.inf] * 4, 0)):
        x = pcn.tensor(np.array(values, np.float32).reshape(1, 1, 2, 2), requires_grad=True)
        F.max_pool2d(x, 2).backward(np.ones((1, 1, 1, 1)))
        assert x.grad.data.ravel().argmax() == winner and x.grad.data.sum() == 1


def test_a_window_wholly_in_the_padding_is_minus_infinity_without_a_gradient():
    x = pcn.tensor(np.ones((1, 1, 3, 1)), requires_grad=True)
    y = F.max_pool2d(x, 2, stride=1, padding=(0, 1), dilation=2)
    assert y.tolist() == [[[[-np.inf]]]]
    y.backward(np.ones(y.shape))
    assert x.grad.data.sum() == 0


def test_gradients_of_max_pool2d_of_order_two():
    x = np.random.default_rng(0).permutation(48).astype(float).reshape(1, 2, 4, 6)
    check_grads(lambda x: F.max_pool2d(x * x, 3, 2, 1), x)


def test_max_pool2d_also_returns_positions():
    y, positions = F.max_pool2d(pcn.tensor([[[1.0, 5.0, 2.0], [3.0, 4.0, 9.0]]]), (2, 1), return_indices=True)
    assert y.tolist() == [[[3, 5, 9]]] and positions.tolist() == [[[3, 1, 5]]] and positions.dtype == np.int64


t = pcn.zeros


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (
            lambda: F.conv2d(t(8, 4, 32, 32), t(16, 3, 3, 3)),
            ValueError,
            r"conv2d: input has 4 channels \(axis 1 of \(8, 4, 32, 32\)\) "
            r"but weight \(16, 3, 3, 3\) expects 3$",
        ),
        (
            lambda: F.conv2d(t(8, 32, 32, 3), t(16, 3, 3, 3)),
            ValueError,
            r"32 channels.*expects 3: is the input NHWC\?",
        ),
        (
            lambda: F.conv2d(t(1, 3, 4, 9), t(2, 3, 5, 5)),
            ValueError,
            r"kernel of height 5 is larger than the input of height 4.*axis 2 of \(1, 3, 4, 9\)",
        ),
        (
            lambda: F.conv2d(t(1, 3, 9, 4), t(2, 3, 3, 3), dilation=2),
            ValueError,
            "width 3.*extent 5.*width 4",
        ),
        (
            lambda: F.conv2d(t(1, 3, 4, 4), t(2, 3, 3, 3), t(3)),
            ValueError,
            r"bias has shape \(3,\), expected \(2,\)",
        ),
        (lambda: F.conv2d(t(1, 3, 4, 4), t(2, 3, 3, 3, dtype="float64")), TypeError, "float32.*float64"),
        (lambda: F.conv2d(t(1, 3, 4, 4), t(2, 3, 3, 3), padding="full"), ValueError, "'valid' or 'same'"),
        (lambda: F.conv2d(t(1, 3, 4, 4), t(2, 3, 3, 3), padding="same", stride=2), ValueError, "stride 1"),
        (lambda: F.conv2d(t(1, 3, 4, 4), t(2, 3, 3, 3), stride=0), ValueError, "stride must be positive"),
        (
            lambda: F.conv2d(t(1, 4, 4, 4), t(3, 2, 3, 3), groups=2),
            ValueError,
            "groups=2 does not divide the 3 out",
        ),
        (
            lambda: F.linear(t(2, 3, 4), t(5, 12)),
            ValueError,
            "4 features.*expects 12: was the input flattened",
        ),
        (
            lambda: F.linear(t(2, 3), t(5, 3, dtype="float64")),
            TypeError,
            "linear: input is float32 but weight is float64",
        ),
        (
            lambda: F.max_pool2d(t(1, 1, 2, 2), 3),
            ValueError,
            "kernel of height 3 is larger than the input of height 2",
        ),
        (lambda: F.max_pool2d(t(1, 1, 4, 4), 2, padding=2), ValueError, "padding 2 is more than half"),
        (lambda: F.max_pool2d(t(4, 4), 2), ValueError, "batch, channels, height, width"),
    ],
)
def test_bad_shapes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()


@settings(max_examples=25)
@given(st.sampled_from([0, 1, 2, 3]), st.integers(1, 3), st.integers(1, 6))
def test_a_kernel_that_does_not_fit_is_always_refused(padding, stride, kernel):
    x, w = t(1, 1, 3, 3), t(1, 1, kernel, kernel)
    if kernel > 3 + 2 * padding:
        with pytest.raises(ValueError, match="larger than the input"):
            F.conv2d(x, w, stride=stride, padding=padding)
    else:
        side = (3 + 2 * padding - kernel) // stride + 1
        assert F.conv2d(x, w, stride=stride, padding=padding).shape == (1, 1, side, side)
