"""conv1d, conv_transpose2d, unfold and fold against each other and against loops; their gradients; their errors."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconvnet as pcn
import pyconvnet.functional as F
from pyconvnet.testing import check_grads
from pyconvnet.testing.strategies import conv_cases, integer_arrays

t = pcn.zeros


@settings(max_examples=30)
@given(conv_cases(dtype=np.float64))
def test_conv1d_is_conv2d_of_one_row(case):
    x, w, bias = case.x[:, :, 0], case.w[:, :, 0], np.arange(len(case.w), dtype=np.float64)
    s, p, d = case.stride[1], case.padding[1], case.dilation[1]
    y = F.conv1d(*map(pcn.tensor, (x, w, bias)), s, (p,), d, case.groups)
    rows = F.conv2d(*map(pcn.tensor, (x[:, :, None], w[:, :, None], bias)), (1, s), (0, p), (1, d), case.groups)
    np.testing.assert_array_equal(y.data, rows.data[:, :, 0])
    check_grads(lambda x, w, b: F.conv1d(x, w, b, s, p, d, case.groups), x, w, bias)


def test_conv1d_keeps_the_length_and_takes_one_row_without_a_batch():
    x, w = pcn.randn(2, 7), pcn.randn(3, 2, 4)
    assert F.conv1d(x, w, padding="same").shape == (3, 7)
    np.testing.assert_array_equal(F.conv1d(x, w).data, F.conv1d(x.unsqueeze(0), w).data[0])


def painted(x, w, stride, padding, output_padding, groups, dilation):
    """Every input pixel paints its kernel onto the output; then the padding is cut off."""
    (n, c, h, wd), (_, per, kh, kw) = x.shape, w.shape
    size = [(k - 1) * s + d * (m - 1) + 1 for k, s, d, m in zip((h, wd), stride, dilation, (kh, kw))]
    full = np.zeros((n, per * groups, *(a + o for a, o in zip(size, output_padding))))
    for i, j, u, v, k in itertools.product(range(h), range(wd), range(kh), range(kw), range(c)):
        group = k // (c // groups)
        at = i * stride[0] + u * dilation[0], j * stride[1] + v * dilation[1]
        full[:, group * per : (group + 1) * per, at[0], at[1]] += x[:, k, i, j][:, None] * w[k, :, u, v]
    return full[:, :, padding[0] : full.shape[2] - padding[0], padding[1] : full.shape[3] - padding[1]]


@st.composite
def transposed_cases(draw):
    kernel, stride, dilation = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in range(3))
    output_padding = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation))
    size = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    reach = [(n - 1) * s + d * (k - 1) + 1 + o for n, s, d, k, o in zip(size, stride, dilation, kernel, output_padding)]
    padding = tuple(draw(st.integers(0, (r - 1) // 2)) for r in reach)
    groups, inner, outer = (draw(st.integers(1, 2)) for _ in range(3))
    x, w = draw(integer_arrays((2, inner * groups, *size))), draw(integer_arrays((inner * groups, outer, *kernel)))
    return x, w, (stride, padding, output_padding, groups, dilation)


@settings(max_examples=60)
@given(transposed_cases())
def test_conv_transpose2d_paints_kernels(case):
    x, w, options = case
    bias = np.arange(w.shape[1] * options[3], dtype=np.float64)
    y = F.conv_transpose2d(pcn.tensor(x), pcn.tensor(w), pcn.tensor(bias), *options)
    np.testing.assert_array_equal(y.data, painted(x, w, *options) + bias[:, None, None])
    check_grads(lambda x, w, b: F.conv_transpose2d(x, w, b, *options), x, w, bias)


@settings(max_examples=40)
@given(conv_cases(dtype=np.float32))
def test_conv_transpose2d_is_the_adjoint_of_conv2d(case):
    """<conv2d(x), g> == <x, conv_transpose2d(g)>, exactly, in float32 of small whole numbers."""
    y = F.conv2d(pcn.tensor(case.x), pcn.tensor(case.w), None, *case.options)
    g = np.random.default_rng(0).integers(-3, 4, y.shape).astype(np.float32)
    settings = zip(case.x.shape[2:], g.shape[2:], case.w.shape[2:], case.stride, case.padding, case.dilation)
    left_over = tuple(n - ((m - 1) * s - 2 * p + d * (k - 1) + 1) for n, m, k, s, p, d in settings)
    back = F.conv_transpose2d(pcn.tensor(g), pcn.tensor(case.w), None, case.stride, case.padding, left_over,
                              case.groups, case.dilation)  # fmt: skip
    assert (y.data.astype(float) * g).sum() == (case.x.astype(float) * back.data).sum()


@settings(max_examples=40)
@given(conv_cases(dtype=np.float64))
def test_convolution_is_a_matrix_product_with_columns_and_fold_their_adjoint(case):
    options = dict(kernel_size=case.w.shape[2:], dilation=case.dilation, padding=case.padding, stride=case.stride)
    x = pcn.tensor(case.x)
    columns = F.unfold(x, **options)
    if case.groups == 1:
        product = case.w.reshape(len(case.w), -1) @ columns.data
        np.testing.assert_array_equal(product.reshape(case.output_shape), F.conv2d(x, pcn.tensor(case.w), None,
                                                                                  *case.options).data)  # fmt: skip
    g = np.random.default_rng(0).integers(-3, 4, columns.shape).astype(float)
    folded = F.fold(pcn.tensor(g), case.x.shape[2:], **options)
    assert (columns.data * g).sum() == (case.x * folded.data).sum()
    np.testing.assert_array_equal(F.unfold(x[0], **options).data, columns.data[0])
    np.testing.assert_array_equal(F.fold(pcn.tensor(g[0]), case.x.shape[2:], **options).data, folded.data[0])
    check_grads(lambda x: F.unfold(x * x, **options), case.x)
    check_grads(lambda c: F.fold(c * c, case.x.shape[2:], **options), g)


def test_an_empty_batch_stays_one():
    x = t(0, 2, 5, 5)
    assert F.conv2d(x, t(3, 2, 3, 3)).shape == (0, 3, 3, 3) and F.conv1d(t(0, 2, 5), t(3, 2, 3)).shape == (0, 3, 3)
    assert F.conv_transpose2d(x, t(2, 3, 3, 3)).shape == (0, 3, 7, 7) and F.unfold(x, 2).shape == (0, 8, 16)
    assert F.fold(t(0, 8, 16), (5, 5), 2).shape == (0, 2, 5, 5)


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: F.conv1d(t(2, 3, 4, 4), t(2, 3, 3)), ValueError, r"conv1d: input must be \[batch, channels, length\]"),
        (lambda: F.conv1d(t(2, 3, 4), t(2, 3, 3, 3)), ValueError, r"conv1d: weight must be \[out channels.*length\]"),
        (lambda: F.conv1d(t(2, 3, 4), t(2, 2, 3)), ValueError, "conv1d: input has 3 channels"),
        (lambda: F.conv1d(t(2, 3, 4), t(2, 3, 3), stride=(1, 2)), ValueError, "stride must be one number, got 2"),
        (lambda: F.conv1d(t(2, 3, 4), t(2, 3, 3), padding="big"), ValueError, "'valid' or 'same', got 'big'"),
        (lambda: F.conv2d([[1.0]], t(2, 3, 3, 3)), TypeError, "conv2d: input must be a Tensor, got list"),
        (lambda: F.conv2d(t(1, 3, 4, 4, dtype="int64"), t(2, 3, 3, 3)), TypeError, "input is int64, expected float32"),
        (lambda: F.conv_transpose2d(t(1, 3, 4, 4), t(2, 3, 3, 3)), ValueError,
         r"input has 3 channels \(axis 1 of .*expects 2"),
        (lambda: F.conv_transpose2d(t(1, 4, 4, 3), t(3, 2, 3, 3)), ValueError, "is the input NHWC"),
        (lambda: F.conv_transpose2d(t(1, 3, 4, 4), t(3, 3, 3)), ValueError, "weight must be .in channels, out"),
        (lambda: F.conv_transpose2d(t(1, 3, 4, 4), t(3, 2, 3, 3), t(3)), ValueError, r"bias has shape \(3,\).*\(2,\)"),
        (lambda: F.conv_transpose2d(t(1, 3, 4, 4), t(3, 2, 3, 3), stride=2, output_padding=2), ValueError,
         r"output_padding \(2, 2\) must be smaller than stride \(2, 2\) or dilation"),
        (lambda: F.conv_transpose2d(t(1, 3, 1, 1), t(3, 2, 3, 3), padding=2), ValueError, "nothing of the 3 x 3"),
        (lambda: F.conv_transpose2d(t(1, 3, 4, 4), t(3, 2, 3, 3), groups=2), ValueError, "groups=2 does not divide"),
        (lambda: F.unfold(t(1, 3, 4, 4), 5), ValueError, "unfold: kernel of height 5 is larger"),
        (lambda: F.unfold(t(4, 4), 2), ValueError, "unfold: input must be .batch, channels, height, width"),
        (lambda: F.fold(t(1, 8, 9), (5, 4), 2), ValueError, "fold: .*4 x 3 = 12 window positions.*has 9"),
        (lambda: F.fold(t(1, 7, 9), (4, 4), 2), ValueError, "must be a multiple of the kernel area 2 x 2 = 4, got 7"),
    ],
)  # fmt: skip
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()
