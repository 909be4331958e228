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
