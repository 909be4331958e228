"""The tape and the walk: graphs of every form, freeing, higher orders, threads, errors in words."""

import copy
import pickle
import threading
import weakref

import numpy as np
import pytest

import pyconvnet as pcn
from pyconvnet.autograd import Tensor, primitive, registry
from pyconvnet.primitives.composed import composed_rule
from pyconvnet.testing import check_grads


def leaf(x):
    return pcn.tensor(x, requires_grad=True)


def test_a_diamond_adds_both_ways():
    x = leaf(3.0)
    a, b = x * 2, x * x
    (a * b).backward()  # 2 x^3
    assert x.grad.item() == 54


def test_a_tensor_used_twice_in_one_operation():
    x = leaf(3.0)
    (x * x).backward()
    assert x.grad.item() == 6


def test_gradients_accumulate_in_storage_of_their_own():
    x = leaf([1.0, 2.0])
    seed = np.array([1.0, 1.0], np.float32)
    (x + 0).backward(seed)
    seed[:] = 7
    assert x.grad.tolist() == [1, 1]
    (x * 3).sum().backward()
    assert x.grad.tolist() == [4, 4]


def test_a_broadcast_argument_gets_the_sum():
    x, row = leaf(np.ones((3, 4))), leaf(np.ones(4))
    (x * row).sum().backward()
    assert row.grad.tolist() == [3, 3, 3, 3] and row.grad.dtype == np.float64


def test_backward_frees_the_tape_and_says_so():
    x = leaf(2.0)
    y = x * x
    y.backward()
    with pytest.raises(RuntimeError, match=r"second time.*retain_graph=True"):
        y.backward()
    z = x * x
    z.backward(retain_graph=True)
    z.backward()
    assert x.grad.item() == 12


def test_a_part_of_a_freed_graph_cannot_be_walked_again():
    x = leaf(2.0)
    shared = x * x
    (shared + 1).backward()
    with pytest.raises(RuntimeError, match="second time"):
        (shared * 2).backward()


def test_grad_past_a_freed_tape_says_so():
    x, w = leaf(2.0), leaf(3.0)
    h = x * x
    k = h * 5
    k.backward()
    for allow_unused in (False, True):
        for past in (k, k * w, h * x, [h, x * x]):  # in h * x one of two ways is live: half a gradient would be wrong
            with pytest.raises(RuntimeError, match=r"grad: the tape was freed.*retain_graph=True"):
                pcn.grad(past, x, [1.0] * len(past) if isinstance(past, list) else None, allow_unused=allow_unused)
        with pytest.raises(RuntimeError, match="grad: the tape was freed"):
            pcn.grad(k * w, h, allow_unused=allow_unused)
    assert pcn.grad(h * w, w)[0].item() == 4  # nothing freed leads to w
    assert [g.item() for g in pcn.grad(h * w, [h, w])] == [3, 4] and pcn.grad(k, k)[0].item() == 1
    with pytest.raises(RuntimeError, match="do not depend on input 0"):
        pcn.grad(k, w)
    assert pcn.grad(k, w, allow_unused=True) == (None,)


def test_grad_keeps_the_tape_unless_told_to_free_it():
    x, w = leaf(2.0), leaf(3.0)
    y = x * x * w
    assert pcn.grad(y, x)[0].item() == pcn.grad(y, x, retain_graph=True)[0].item() == 12
    (first,) = pcn.grad(y, x, create_graph=True)  # whose tape holds on to y's
    assert pcn.grad(first, x)[0].item() == 6
    assert pcn.grad(y * 1, w, retain_graph=False)[0].item() == 4
    for inputs in (x, w):
        with pytest.raises(RuntimeError, match="grad: the tape was freed"):
            pcn.grad(y, inputs)
    z = x * x
    (g,) = pcn.grad(z * 5, z, retain_graph=False)  # the tape behind an input was not walked: it goes on from there
    z.backward(g)
    assert x.grad.item() == 20
    y = x * x
    pcn.grad(y, x, create_graph=True, retain_graph=False)
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_third_derivative():
    x = leaf(2.0)
    y = x**4
    for expected in (32, 48, 48, 24):
        (y,) = pcn.grad(y, x, create_graph=True)
        assert y.item() == expected


def test_backward_with_create_graph_can_be_differentiated():
    x = leaf(3.0)
    (x**3).backward(create_graph=True)
    (second,) = pcn.grad(x.grad, x)
    assert x.grad.item() == 27 and second.item() == 18


def test_grad_of_several_outputs_and_inputs():
    a, b = leaf(2.0), leaf(5.0)
    ga, gb = pcn.grad([a * b, a + b], [a, b], [pcn.tensor(1.0), pcn.tensor(10.0)])
    assert (ga.item(), gb.item()) == (15, 12)
    assert a.grad is None


def test_grad_of_an_intermediate_result_and_of_itself():
    x = leaf(2.0)
    y = x * x
    z = y * 3
    assert [g.item() for g in pcn.grad(z, [y, x])] == [3, 12]
    assert pcn.grad(y, y)[0].item() == 1


def test_gradients_that_nobody_needs_are_not_computed():
    @primitive
    def refuses(x):
        return x * 1

    refuses.gradients(lambda g, y, x: 1 / 0)
    try:
        x, w = leaf(1.0), leaf(1.0)
        y = refuses(x) * w
        assert pcn.grad(y, w)[0].item() == 1  # the way to x is not walked
    finally:
        del registry["refuses"]


def test_a_rule_that_returns_the_wrong_shape_is_named():
    @primitive
    def careless(x):
        return x * 1

    careless.gradients(lambda g, y, x: g.sum())
    try:
        with pytest.raises(RuntimeError, match=r"rule 0 of careless returned a gradient of shape \(\).*\(2,\)"):
            careless(leaf([1.0, 2.0])).sum().backward()
    finally:
        del registry["careless"]


def test_composed_rule_agrees_with_the_rule_by_hand():
    def product(x, y):
        return x * y

    rule = composed_rule(product, 0)
    assert rule(np.array(5.0), None, np.array(2.0), np.array(3.0)) == 15
    check_grads(lambda x, y: rule(x * y, None, x, y), np.array(2.0), np.array(3.0))


def test_no_grad_records_nothing_and_nests():
    x = leaf(1.0)
    with pcn.no_grad():
        assert not (x * 2).requires_grad
        with pcn.no_grad():
            pass
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad

    @pcn.no_grad()
    def evaluate():
        return x * 2

    assert not evaluate().requires_grad


def test_no_grad_decorates_without_parentheses_too():
    x = leaf(2.0)

    @pcn.no_grad
    def evaluate():
        return x * 2

    assert not evaluate().requires_grad and (x * 2).requires_grad


def test_gradients_come_in_the_dtype_of_their_tensor_even_from_mixed_graphs():
    x = leaf(np.ones((1, 1, 3, 3), np.float32))
    w = leaf(np.ones((1, 1, 2, 2), np.float32))
    wide = leaf(np.zeros((1, 1, 2, 2)))
    (pcn.nn.functional.conv2d(x, w) * wide).sum().backward()
    assert (x.grad.dtype, w.grad.dtype, wide.grad.dtype) == (np.float32, np.float32, np.float64)


def test_leaves_do_not_share_a_gradient_tensor():
    a, b = leaf(1.0), leaf(2.0)
    (a + b).backward(create_graph=True)
    assert a.grad is not b.grad and a.grad.data is not b.grad.data


def test_detach_cuts():
    x = leaf(2.0)
    (x * x.detach()).backward()
    assert x.grad.item() == 2


def test_a_graph_20000_operations_deep():
    x = y = leaf(1.0)
    for _ in range(20_000):
        y = y + x
    y.backward()
    assert x.grad.item() == 20_001
    for _ in range(20_000):
        y = y.detach() + x  # and a long history that is dropped without a backward
    del y


def test_four_threads_walk_and_accumulate_without_touching_each_other():
    shared = leaf(1.0)
    errors = []

    def work(k):
        try:
            w = leaf(np.full(5, float(k)))
            for _ in range(50):
                with pcn.no_grad():
                    assert not (w * 2).requires_grad
                loss = (w * w * shared).sum()
                loss.backward()
            np.testing.assert_allclose(w.grad.data, 100.0 * k)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not errors
    assert shared.grad.item() == 50 * 5 * (0 + 1 + 4 + 9)


def test_leaves_copy_and_pickle():
    x = leaf([1.0, 2.0])
    for twin in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        (twin * 3).sum().backward()
        assert twin.grad.tolist() == [3, 3] and x.grad is None
    with pytest.raises(RuntimeError, match="leaf"):
        copy.deepcopy(x * 2)


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: pcn.tensor([1, 2], requires_grad=True), TypeError, "floating-point.*int64"),
        (lambda: leaf([1.0, 2.0]).backward(), RuntimeError, r"shape \(2,\).*sum"),
        (lambda: (leaf([1.0, 2.0]) * 2).backward(np.ones(3)), RuntimeError, r"\(3,\).*\(2,\)"),
        (lambda: pcn.tensor(1.0).backward(), RuntimeError, "requires a gradient"),
        (lambda: pcn.grad(leaf(1.0) * 2, pcn.tensor(1.0)), RuntimeError, "input 0"),
        (lambda: pcn.grad(leaf(1.0) * 2, leaf(1.0)), RuntimeError, "do not depend on input 0"),
        (lambda: pcn.grad([leaf(1.0) * 2], leaf(1.0), []), ValueError, "1 outputs but 0"),
        (lambda: leaf([1.0]).__setitem__(0, 2.0), TypeError, "where, masked_fill or scatter_add"),
        (lambda: bool(leaf([1.0, 2.0]) > 1), ValueError, "any.*all"),
        (lambda: leaf([1.0, 2.0]).item(), ValueError, r"one value.*\(2,\)"),
        (lambda: pcn.tensor(["a"]), TypeError, "not supported"),
        (lambda: pcn.tensor(np.ones(2, np.float16)), TypeError, "float16"),
        (lambda: pcn.tensor([[1.0], [1.0, 2.0]]), ValueError, "regular"),
        (lambda: leaf(np.ones((2, 3))) @ leaf(np.ones((2, 3))), ValueError, r"matmul.*\(2, 3\) @ \(2, 3\)"),
        (lambda: leaf([1.0])[3], IndexError, r"shape \(1,\)"),
    ],
)
def test_mistakes_get_words(mistake, error, words):
    with pytest.raises(error, match=words):
        mistake()


def test_what_is_assigned_to_data_is_an_array_or_is_made_one():
    p = leaf([1.0, 2.0])
    p.data = pcn.tensor([3.0, 4.0])
    assert type(p.data) is np.ndarray and (p * 2).tolist() == [6, 8]
    p.data -= 0.5 * p.data
    p.data = np.float32(3)
    assert p.shape == () and p.requires_grad
    for wrong, words in (([1.0], "not a list"), (None, "not a NoneType"), (np.array([1]), "int64")):
        with pytest.raises(TypeError, match=words):
            p.data = wrong
    assert p.data == 3
    whole = pcn.tensor([1, 2])
    whole.data = np.array([True])
    assert whole.dtype == bool


def test_requires_grad_can_be_set_on_floating_point_leaves():
    x, whole = pcn.tensor([1.0]), pcn.tensor([1])
    assert x.requires_grad_() is x and x.requires_grad and x.is_leaf and not (x * 2).is_leaf
    x.requires_grad = False
    assert not (x * 2).requires_grad and (x * 2).is_leaf
    assert x.requires_grad_(True).requires_grad
    for ask in (lambda: whole.requires_grad_(), lambda: setattr(whole, "requires_grad", True)):
        with pytest.raises(TypeError, match=r"only floating-point.*int64"):
            ask()
    y = x * 2
    y.requires_grad = True
    with pytest.raises(RuntimeError, match="detach"):
        y.requires_grad = False
    with pytest.raises(TypeError, match="True or False, not 1"):
        x.requires_grad = 1
    assert not whole.requires_grad_(False).requires_grad


def test_an_update_by_hand():
    p = leaf([1.0, 2.0])
    array = p.data
    (p * p).sum().backward()
    p.data -= 0.25 * p.grad.data
    assert p.data is array and p.tolist() == [0.5, 1] and p.is_leaf and p.requires_grad


def test_arrays_scalars_and_tensors_mix_and_keep_float32():
    x = leaf([1.0, 2.0])
    assert x.dtype == np.float32
    for y in (x * np.sqrt(2), 2 * x, x / 3, np.float64(2) * x, np.ones(2, np.float32) * x, 1 - x, 2**x):
        assert isinstance(y, Tensor) and y.requires_grad and y.dtype == np.float32, y
    assert pcn.tensor(np.ones(2)).dtype == np.float64 and pcn.tensor([1, 2]).dtype == np.int64
    (x.double() * 2).sum().backward()
    assert x.grad.dtype == np.float32


def test_memory_that_no_rule_looks_at_is_free_while_the_rule_runs():
    held = []

    @primitive
    def doubled_for_a_test(x):
        """y = 2 x"""
        return 2 * x

    @primitive
    def squared_for_a_test(x):
        """y = x^2"""
        return x * x

    def through_doubled(g, _, x):
        held.append(result() is not None)
        return 2 * g

    doubled_for_a_test.gradients(through_doubled)
    squared_for_a_test.gradients(lambda g, _, x: 2 * g * x)
    try:
        x = leaf(np.arange(3.0))
        y = doubled_for_a_test(x)
        result = weakref.ref(y.data)
        loss = squared_for_a_test(y).sum()
        del y
        loss.backward(retain_graph=True)
        loss.backward()
    finally:
        del registry["doubled_for_a_test"], registry["squared_for_a_test"]
    assert held == [True, False]
    assert x.grad.tolist() == [0, 16, 32]
