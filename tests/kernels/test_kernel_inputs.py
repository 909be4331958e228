"""Arrays of any memory layout are accepted, and none is written to."""

import numpy as np
import pytest

from pyconvnet import kernels

BACKENDS = [("naive", None), ("numpy", None)] + [("cpp", isa) for isa in kernels.supported_isas()]


def unaligned(a):
    raw = np.zeros(a.nbytes + 1, np.uint8)
    view = raw[1:].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


def read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


LAYOUTS = {
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "reversed": lambda a: a[::-1].copy()[::-1],
    "fortran": np.asfortranarray,
    "unaligned": unaligned,
    "read_only": read_only,
    "byte_swapped": lambda a: a.astype(a.dtype.newbyteorder()),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b[1] or b[0])
def test_layout(backend, dtype, layout):
    rng = np.random.default_rng(0)

    def whole(*shape):
        return rng.integers(-3, 4, shape).astype(dtype)

    x, w, g = whole(2, 4, 5, 6), whole(4, 2, 3, 3), whole(2, 4, 5, 6)
    rows = whole(5, 4)
    boxes, scores = np.sort(whole(9, 2, 2), axis=1).reshape(9, 4), whole(9)
    calls = [
        (kernels.conv, (x, w), (1, 1, 1, 2)),
        (kernels.conv_input, (g, w), ((5, 6), 1, 1, 1, 2)),
        (kernels.conv_weight, (g, x), (3, 1, 1, 1, 2)),
        (kernels.matmul, (x, whole(6, 3)), ()),
        (kernels.im2col, (x,), (3,)),
        (kernels.col2im, (whole(2, 36, 12),), ((5, 6), 3)),
        (kernels.max_pool_indices, (x,), (2,)),
        (kernels.nms, (boxes, scores), (0.5,)),
        (kernels.batch_norm_statistics, (x,), ()),
        (kernels.batch_norm, (x, *rows[:4]), ()),
        (kernels.batch_norm_sums, (g, x, *rows[:2]), ()),
        (kernels.batch_norm_input, (g, x, *rows), ()),
        (kernels.leaky_relu, (x,), (0.5,)),
        (kernels.leaky_relu_grad, (g, x), (0.5,)),
    ]
    with kernels.use(backend[0], isa=backend[1]):
        for function, arrays, options in calls:
            expected = function(*arrays, *options)
            given = [layout(a) for a in arrays]
            copies = [a.copy() for a in given]
            got = function(*given, *options)
            np.testing.assert_array_equal(got, expected, err_msg=function.__name__)
            for result in got if isinstance(got, tuple) else (got,):
                assert result.dtype.isnative and not any(np.shares_memory(result, a) for a in given)
            for a, copy in zip(given, copies):
                np.testing.assert_array_equal(a, copy)


def test_lists_are_accepted():
    np.testing.assert_array_equal(kernels.leaky_relu([-1.0, 2.0]), [0.0, 2.0])


def test_nms_order_and_threshold():
    boxes = np.array(
        [[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 6], [20, 20, 20, 30], [20, 20, 20, 30]], np.float32
    )
    for name in kernels.available():
        with kernels.use(name):
            scores = np.array([1, 1, 2, 3, np.nan], np.float32)
            assert kernels.nms(boxes, scores, 0.5).tolist() == [4, 3, 2]
            # IoU is 0.6 in float32, a little above 0.6 itself: compared without rounding the threshold.
            assert kernels.nms(boxes, scores, 0.6).tolist() == [4, 3, 2]
            assert kernels.nms(boxes, scores, 0.61).tolist() == [4, 3, 2, 0]
            assert kernels.nms(boxes, scores, 1.0).tolist() == [4, 3, 2, 0, 1]
            assert kernels.nms(boxes.astype(float), scores.astype(float), 0.6).tolist() == [4, 3, 2, 0]
