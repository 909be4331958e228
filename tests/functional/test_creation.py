"""Making tensors: dtypes, copies, odd arrays, seeds; errors; and the report of what runs here."""

import json

import numpy as np
import pytest

import pyconvnet as pcn


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, "float32"),
        ([1, 2], "int64"),
        ([1, 2.5], "float32"),
        (True, "bool"),
        ([], "float32"),
        (np.float64(1), "float64"),
        (np.ones(2), "float64"),
        (np.ones(2, np.float32), "float32"),
        (np.ones(2, np.uint8), "uint8"),
        (np.ones(2, ">f8"), "float64"),
    ],
)
def test_arrays_keep_their_dtype_and_python_numbers_get_the_default(data, dtype):
    t = pcn.tensor(data)
    assert t.dtype == np.dtype(dtype) and t.dtype.isnative
    assert pcn.tensor(data, dtype="float64").dtype == np.float64


def test_tensor_copies_any_kind_of_array():
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    read_only = base.copy()
    read_only.flags.writeable = False
    unaligned = np.frombuffer(b"x" + base.tobytes(), np.uint8)[1:].view(np.float32).reshape(4, 6)
    for a in (base, base[::2, ::-1], base.T, read_only, unaligned, base.astype(">f4")):
        t = pcn.tensor(a)
        np.testing.assert_array_equal(t.data, a)
        t.data[...] = 0  # writable, and not the caller's
    assert base.sum() == 276
    assert pcn.tensor(pcn.ones(2, requires_grad=True)).requires_grad is False


def test_constants():
    assert pcn.zeros(2, 3).tolist() == [[0] * 3] * 2 and pcn.ones((2,)).dtype == np.float32
    assert (
        pcn.zeros(3, dtype=None).dtype == np.float32
        and pcn.zeros(()).shape == ()
        and pcn.ones(2, 0).shape == (2, 0)
    )
    for fill, dtype in ((1, "int64"), (1.5, "float32"), (True, "bool")):
        assert pcn.full((2, 2), fill).dtype == np.dtype(dtype)
    like = pcn.zeros_like(pcn.ones(2, 2, dtype="int64"))
    assert like.dtype == np.int64 and pcn.ones_like(like, dtype="float32", requires_grad=True).requires_grad


def test_arange():
    assert pcn.arange(3).tolist() == [0, 1, 2] and pcn.arange(np.int64(3)).dtype == np.int64
    assert pcn.arange(2, 8, 3).tolist() == [2, 5] and pcn.arange(3, 0, -1).tolist() == [3, 2, 1]
    assert pcn.arange(0, 1, 0.25).dtype == np.float32 and pcn.arange(2, 2).shape == (0,)


def test_eye_and_linspace():
    assert pcn.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]] and pcn.eye(0).shape == (0, 0)
    assert pcn.linspace(0, 1, 5).tolist() == [0, 0.25, 0.5, 0.75, 1] and pcn.linspace(3, 9, 1).tolist() == [3]
    x = pcn.linspace(-0.1, 0.7, 100, dtype="float64").data
    assert x[0] == -0.1 and x[-1] == 0.7 and np.ptp(np.diff(x)) < 1e-15
    assert pcn.linspace(3, -3, 4, dtype="int64").tolist() == [3, 1, -1, -3]
    assert pcn.eye(2, requires_grad=True).requires_grad


def test_likes_and_sizes_by_name():
    like = pcn.full_like(pcn.tensor([[1, 2]]), 3.7)
    assert like.tolist() == [[3, 3]] and like.dtype == np.int64
    assert pcn.full_like(pcn.ones(2), 1, dtype="bool").tolist() == [True, True]
    assert pcn.zeros(size=(2, 3)).shape == pcn.randn(size=[2, 3]).shape == (2, 3) and pcn.ones([]).shape == ()
    assert pcn.full((2,), pcn.tensor(5)).tolist() == [5, 5]


def test_lists_of_arrays_keep_their_dtype():
    assert pcn.tensor([np.float64(1), np.float64(2)]).dtype == np.float64
    assert pcn.tensor([pcn.tensor(1.0), pcn.tensor(2.0)]).tolist() == [1, 2]


def test_the_same_seed_gives_the_same_numbers():
    draws = []
    for _ in range(2):
        pcn.manual_seed(3)
        draws.append((pcn.randn(2, 3).tolist(), pcn.rand(1000).data, pcn.nn.Linear(3, 2).weight.tolist()))
    (a, u, w), (b, v, z) = draws
    assert a == b and (u == v).all() and w == z
    assert u.dtype == np.float32 and u.min() >= 0 and u.max() < 1 and abs(u.mean() - 0.5) < 0.05
    assert pcn.randn(2, dtype=None).dtype == np.float32 and pcn.randn(2, dtype="float64").dtype == np.float64


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (
            lambda: pcn.tensor([1, 2], requires_grad=True),
            TypeError,
            "only floating-point tensors can require gradients, this one is int64: convert it first",
        ),
        (lambda: pcn.zeros(2, dtype="int64", requires_grad=True), TypeError, "floating-point"),
        (lambda: pcn.tensor([None]), TypeError, "object is not supported"),
        (lambda: pcn.tensor([1 + 2j]), TypeError, "complex128 is not supported"),
        (lambda: pcn.tensor([[1], [2, 3]]), ValueError, "regular"),
        (lambda: pcn.zeros(-1), ValueError, "negative"),
        (lambda: pcn.arange(0, 5, 0), ValueError, "no steps of 0"),
        (lambda: pcn.arange(0, float("inf")), ValueError, "finite"),
        (lambda: pcn.arange("a"), TypeError, "needs numbers"),
        (lambda: pcn.arange(2**64), ValueError, "int64"),
        (lambda: pcn.eye(-1), ValueError, "negative"),
        (lambda: pcn.linspace(0, 1, -1), ValueError, "negative"),
        (lambda: pcn.full((2,), [1, 2]), ValueError, "single number"),
        (lambda: pcn.full_like([1], 2), TypeError, "must be a Tensor"),
        (lambda: pcn.zeros(2, device="cpu"), NotImplementedError, "device"),
        (lambda: pcn.zeros(2.5), TypeError, "whole numbers"),
        (lambda: pcn.zeros(2**40, 2**40), ValueError, "more values than can be counted"),
        (lambda: pcn.ones(2, dtype="float16"), TypeError, "float16"),
        (lambda: pcn.ones(2, dtype="flaot32"), TypeError, "does not name a dtype"),
        (lambda: pcn.randn(2, dtype="int64"), TypeError, "floating-point"),
        (lambda: pcn.arange(5, 0), ValueError, "lead from 5 to 0"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()


def test_show_config_is_json_and_names_what_runs():
    config = json.loads(json.dumps(pcn.show_config()))
    assert config["backend"] == pcn.kernels.active() and config["threads"] == pcn.get_num_threads()
    assert {"isa", "versions", "backends"} <= set(config) and config["versions"]["numpy"] == np.__version__
