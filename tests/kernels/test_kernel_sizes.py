"""Sizes of real networks against numpy in float64, and the same bits for any number of threads.

Bound: the error of a sum of K products behaves like a random walk of roundings, so
|error| <= 4 sqrt(K) eps sum |a b|  (the guaranteed bound has K in place of 4 sqrt(K)).
"""

import numpy as np
import pytest

from pyconvnet import kernels

#    n, in, out, size, kernel, stride, padding, dilation, groups
LAYERS = [
    (2, 3, 16, (64, 64), (3, 3), 1, 1, 1, 1),
    (1, 64, 64, (56, 56), (3, 3), 1, 1, 1, 1),
    (2, 3, 16, (64, 64), (5, 5), 2, 2, 1, 1),
    (2, 64, 128, (16, 16), (1, 1), 1, 0, 1, 1),
    (1, 256, 512, (13, 13), (3, 3), 1, 1, 1, 1),
    (5, 64, 40, (8, 8), (3, 3), 1, 1, 1, 1),
    (2, 16, 24, (33, 20), (3, 2), (2, 1), (1, 5), (6, 4), 2),
    (2, 32, 64, (17, 31), (5, 3), (3, 2), 2, 2, 32),
    (2, 24, 24, (32, 32), (3, 3), 1, 1, 1, 24),
    (1, 3, 8, (112, 96), (7, 7), (4, 2), 3, 1, 1),
    (1, 4, 4, (3, 300), (1, 1), (1, 7), (0, 2), 1, 1),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("isa", kernels.supported_isas())
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_layer(layer, isa, dtype):
    n, c, f, size, kernel, *options, groups = layer
    options = (*options, groups)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, c, *size)).astype(dtype)
    w = rng.standard_normal((f, c // groups, *kernel)).astype(dtype)
    with kernels.use("numpy"):
        y_shape = kernels.conv(x, w, *options).shape
    g = rng.standard_normal(y_shape).astype(dtype)

    def triple(x, w, g):
        return (
            kernels.conv(x, w, *options),
            kernels.conv_input(g, w, size, *options),
            kernels.conv_weight(g, x, kernel, *options),
        )

    wide = [a.astype(np.float64) for a in (x, w, g)]
    with kernels.use("numpy"):
        exact, size_of_terms = triple(*wide), triple(*map(np.abs, wide))
    before, results = kernels.get_num_threads(), []
    try:
        with kernels.use("cpp", isa=isa):
            for threads in (1, 2, 3):
                kernels.set_num_threads(threads)
                results.append(triple(x, w, g))
    finally:
        kernels.set_num_threads(before)
    for one, *others in zip(*results):
        assert all(one.tobytes() == other.tobytes() for other in others)
    area = kernel[0] * kernel[1]
    for got, want, terms, count in zip(
        results[0],
        exact,
        size_of_terms,
        (c // groups * area, f // groups * area, n * y_shape[2] * y_shape[3]),
    ):
        assert (np.abs(got - want) <= 4 * np.sqrt(count) * np.finfo(dtype).eps * terms).all()


@pytest.mark.parametrize("isa", kernels.supported_isas())
def test_other_kernels_do_not_depend_on_the_number_of_threads(isa):
    rng = np.random.default_rng(0)
    g, x = rng.standard_normal((2, 4, 8, 61, 67)).astype(np.float32)
    rows = rng.standard_normal((6, 8)).astype(np.float32)

    def everything():
        return [
            kernels.im2col(x, 3, 1, 1),
            kernels.col2im(kernels.im2col(x, 3, 2), x.shape[2:], 3, 2),
            kernels.max_pool_indices(x, 2),
            kernels.max_pool_indices(x, 3, 2, 1),
            *kernels.batch_norm_statistics(x),
            kernels.batch_norm(x, *rows[:4]),
            *kernels.batch_norm_sums(g, x, *rows[:2]),
            kernels.batch_norm_input(g, x, *rows[:5]),
            kernels.leaky_relu(x, 0.1),
            kernels.leaky_relu_grad(g, x, 0.1),
        ]

    before = kernels.get_num_threads()
    with kernels.use("cpp", isa=isa):
        try:
            kernels.set_num_threads(1)
            alone = everything()
            for threads in (2, 3, 5):
                kernels.set_num_threads(threads)
                assert all(a.tobytes() == b.tobytes() for a, b in zip(alone, everything()))
        finally:
            kernels.set_num_threads(before)
