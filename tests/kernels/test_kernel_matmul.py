"""Matrix products: three backends, every instruction set, any strides, any number of threads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconvnet import kernels
from pyconvnet.testing import strategies as cases

BACKENDS = [("numpy", None)] + [("cpp", isa) for isa in kernels.supported_isas()]
DTYPES = np.float32, np.float64


def viewed(data, matrix):
    """The same numbers in another order of memory: as they are, transposed, every other one, backwards, or each row the
    same row."""
    kind = data.draw(st.sampled_from(["rows", "columns", "gaps", "backwards", "unaligned"]))
    if kind == "columns":
        return np.ascontiguousarray(matrix.swapaxes(-1, -2)).swapaxes(-1, -2)
    if kind == "gaps":
        return np.repeat(np.repeat(matrix, 3, -1), 2, -2)[..., ::2, ::3]
    if kind == "backwards":
        return matrix[..., ::-1, ::-1].copy()[..., ::-1, ::-1]
    if kind == "unaligned":
        raw = np.zeros(matrix.nbytes + 1, np.uint8)
        raw[1:] = np.frombuffer(matrix.tobytes(), np.uint8)
        return raw[1:].view(matrix.dtype).reshape(matrix.shape)
    return matrix


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b[1] or b[0])
@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from([((), ()), ((2,), ()), ((), (3,)), ((2,), (2,)), ((2, 1), (3,)), ((0,), (1,)), ((1, 2), (3, 1))]),
    st.tuples(*[st.integers(0, 9)] * 3),
    st.sampled_from(DTYPES),
    st.data(),
)
def test_equals_the_loops(backend, batch, shape, dtype, data):
    m, k, n = shape
    a, b = (
        viewed(data, data.draw(cases.integer_arrays((*lead, *matrix), dtype)))
        for lead, matrix in zip(batch, ((m, k), (k, n)))
    )
    with kernels.use("naive"):
        expected = kernels.matmul(a, b)
    with kernels.use(backend[0], isa=backend[1]):
        np.testing.assert_array_equal(kernels.matmul(a, b), expected, strict=True)


#                m, k, n: in one tile and over its edges, deep, few rows, few columns, one of each
SIZES = [
    (8, 5, 48), (9, 640, 49), (12, 641, 47), (100, 1300, 200), (3, 700, 500), (17, 64, 96), (500, 70, 3), (300, 900, 1),
    (1, 900, 300), (257, 1, 129), (1, 5000, 1), (513, 33, 65), (4, 256, 16), (3, 100, 37), (70, 64, 2),
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("isa", kernels.supported_isas())
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_sizes_layouts_and_threads(size, isa, dtype):
    """Whole numbers: exactly those of NumPy. Fractions: the same bits for any number of threads, near float64's."""
    m, k, n = size
    rng = np.random.default_rng(0)
    before = kernels.get_num_threads()
    with kernels.use("cpp", isa=isa):
        for a_order, b_order in ("CC", "FC", "CF", "FF"):
            a, b = (np.asarray(rng.integers(-3, 4, s).astype(dtype), order=o)
                    for s, o in (((m, k), a_order), ((k, n), b_order)))  # fmt: skip
            np.testing.assert_array_equal(kernels.matmul(a, b), a @ b)
        a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
        try:
            results = []
            for threads in (1, 2, 3, 5, 8):
                kernels.set_num_threads(threads)
                results.append(kernels.matmul(a, b))
        finally:
            kernels.set_num_threads(before)
    assert all(r.tobytes() == results[0].tobytes() for r in results)
    wide = a.astype(np.float64), b.astype(np.float64)
    bound = 4 * np.sqrt(k) * np.finfo(dtype).eps * (np.abs(wide[0]) @ np.abs(wide[1]))
    assert (np.abs(results[0] - wide[0] @ wide[1]) <= bound).all()


@pytest.mark.parametrize("isa", kernels.supported_isas())
def test_a_stack_of_products_is_each_of_them(isa):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((70, 20, 30), np.float32), rng.standard_normal((70, 30, 50), np.float32)
    before = kernels.get_num_threads()
    with kernels.use("cpp", isa=isa):
        each = np.stack([kernels.matmul(p, q) for p, q in zip(a, b)])
        shared = np.stack([kernels.matmul(p, b[0]) for p in a])
        try:
            for threads in (1, 3):
                kernels.set_num_threads(threads)
                np.testing.assert_array_equal(kernels.matmul(a, b), each)
                np.testing.assert_array_equal(kernels.matmul(a[::-1], b), kernels.matmul(a[::-1].copy(), b))
                np.testing.assert_array_equal(kernels.matmul(a, b[0]), shared)
                np.testing.assert_array_equal(kernels.matmul(a[None], b[:, None][0]), shared[None])
        finally:
            kernels.set_num_threads(before)


@pytest.mark.parametrize("isa", kernels.supported_isas())
def test_what_is_not_finite_stays_in_its_row_and_column(isa):
    a, b = np.ones((9, 6), np.float32), np.ones((6, 50), np.float32)
    a[8, 0], b[1, 49] = np.nan, np.inf
    with kernels.use("cpp", isa=isa):
        c = kernels.matmul(a, b)
    expected = np.full((9, 50), 6, np.float32)
    expected[:, 49], expected[8] = np.inf, np.nan
    np.testing.assert_array_equal(c, expected)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((3,), (3, 2)), "matmul: a and b must be matrices, or stacks of them, got shapes (3,) and (3, 2)"),
        (((2, 3), (2, 3)), "matmul: the last axis of a (2, 3) must equal the last but one of b (2, 3)"),
        (((4, 2, 3), (5, 3, 2)), "matmul: the axes before the last two of (4, 2, 3) and (5, 3, 2) do not broadcast"),
    ],
)
def test_errors(shapes, message):
    with pytest.raises(ValueError) as error:
        kernels.matmul(*map(np.zeros, shapes))
    assert str(error.value) == message
