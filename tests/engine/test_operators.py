"""What Python's own syntax does with tensors: formats, indices, mixed operands, and what it says when it cannot."""

import numpy as np
import pytest

import pyconvnet as pcn


def test_format():
    assert f"{pcn.tensor(1.25):.1f}" == "1.2" and f"{pcn.tensor(7):03d}" == "007"
    assert f"{pcn.tensor([1, 2])}" == "tensor([1, 2])"
    with pytest.raises(TypeError, match="format"):
        f"{pcn.tensor([1.0, 2.0]):.3f}"


def test_a_whole_number_serves_as_an_index_and_as_a_size():
    n = pcn.tensor([1, 5, 2]).argmax()
    assert ["a", "b", "c"][n] == "b" and list(range(n)) == [0] and pcn.zeros(n, 2).shape == (1, 2)
    assert pcn.arange(5)[: pcn.tensor(2)].tolist() == [0, 1]
    with pytest.raises(TypeError, match="whole number"):
        [1, 2][pcn.tensor(1.0)]


def test_tensors_as_keys():
    x = pcn.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    assert x[pcn.tensor([1, 1]), pcn.tensor([0, -1])].tolist() == [3, 5]
    assert x[x > 3].tolist() == [4, 5] and x[:, pcn.tensor([True, False, True])].shape == (2, 2)
    x[pcn.tensor([0, 0, 1])].sum().backward()
    assert x.grad.tolist() == [[2, 2, 2], [1, 1, 1]]
    assert x[x > 9].shape == (0,) and x[None, ..., 0].shape == (1, 2)


def test_masks_combine_bit_by_bit():
    a, b = pcn.tensor([True, True, False, False]), np.array([True, False, True, False])
    assert (a & b).tolist() == [True, False, False, False] and (b | a).tolist() == [True, True, True, False]
    assert (a ^ b).tolist() == [False, True, True, False] and (~a).tolist() == [False, False, True, True]
    n = pcn.tensor([5, -2])
    assert (~n).tolist() == [-6, 1] and (n & 3).tolist() == [1, 2] and (8 | n).tolist() == [13, -2]
    assert (n ^ True).tolist() == [4, -1] and (a & 1).dtype == np.int64 and (a & True).dtype == bool
    x = pcn.tensor([0.5, 2.0], requires_grad=True)
    assert x[(x > 0) & ~(x > 1)].tolist() == [0.5]


def test_whole_number_division_rounds_down_and_the_rest_has_the_sign_of_the_divisor():
    for n in (pcn.tensor([7, -7]), pcn.tensor([7.0, -7.0])):
        assert (n // 2).tolist() == [3, -4] and (n % 2).tolist() == [1, 1] and (n % -2).tolist() == [-1, -1]
        assert (n // 2).dtype == (n % 2).dtype == n.dtype
        assert (100 // n).tolist() == [14, -15] and (n // 2 * 2 + n % 2).tolist() == n.tolist()
    assert (pcn.tensor([1.0]) // 0).tolist() == [np.inf] and np.isnan((pcn.tensor([1.0]) % 0).item())
    assert (pcn.tensor([1]) // 0.5).dtype == (0.5 // pcn.tensor([1])).dtype == np.float32
    x = pcn.tensor([3.0], requires_grad=True)
    with pcn.no_grad():
        assert (x % 2).tolist() == [1]


def test_other_dtypes_by_name():
    x = pcn.tensor([1.9, -1.9, 0.0], requires_grad=True)
    assert x.long().tolist() == x.int().tolist() == [1, -1, 0] and x.bool().tolist() == [True, True, False]
    assert [y.dtype for y in (x.long(), x.int(), x.bool())] == [np.int64, np.int32, np.bool_]
    assert not x.long().requires_grad


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda x: x + pcn.ones(4), ValueError, r"add: shapes \(2, 3\) and \(4,\) do not broadcast"),
        (lambda x: x * 10**400, ValueError, "mul of float32 and the number 1000.* too large"),
        (lambda x: pcn.tensor([1]) + 2**70, ValueError, "add of int64 and the number .* too large"),
        (lambda x: x > pcn.ones(4), ValueError, r"gt: shapes"),
        (lambda x: x + np.ones(3, complex), TypeError, "complex128 is not supported"),
        (lambda x: x + np.ones(3, np.float16), TypeError, "float16 is not supported"),
        (lambda x: x + "a", TypeError, "unsupported operand"),
        (lambda x: (x > 0) & x, TypeError, r"&: takes masks and whole numbers.*\(x > 0\) & \(x < 1\)"),
        (lambda x: ~x, TypeError, r"~: takes masks.*~\(x > 0\)"),
        (lambda x: (x > 0) | "a", TypeError, "unsupported operand"),
        (lambda x: (x > 0) ^ pcn.ones(4).bool(), ValueError, r"\^: shapes \(2, 3\) and \(4,\) do not broadcast"),
        (lambda x: x.long() // 0, RuntimeError, "//: a whole number cannot be divided by zero"),
        (lambda x: 1 % (x.long() - 1), RuntimeError, "%: a whole number cannot be divided by zero"),
        (lambda x: x.bool() % x.bool(), TypeError, "%: is not for two masks"),
        (lambda x: x.requires_grad_() // 2, NotImplementedError, r"//: has no gradient.*detach"),
        (lambda x: 2 % x.requires_grad_(), NotImplementedError, r"%: has no gradient.*floor"),
        (lambda x: x @ 2, TypeError, "unsupported operand"),
        (lambda x: x @ pcn.tensor(2.0), ValueError, "single number is no matrix"),
        (lambda x: pcn.ones(2, 2, 3) @ pcn.ones(3, 3, 2), ValueError, "before the last two do not broadcast"),
        (lambda x: x[0, 0, 0], IndexError, r"shape \(2, 3\).*too many"),
        (lambda x: x["a"], IndexError, "indexing a tensor"),
        (lambda x: x[2**70], IndexError, "indexing a tensor"),
        (lambda x: x[x], IndexError, "integer"),
        (lambda x: float(x), ValueError, "one value"),
        (lambda x: len(x.sum()), TypeError, "rank 0"),
        (lambda x: list(x.sum()), TypeError, "rank 0"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake(pcn.ones(2, 3))
