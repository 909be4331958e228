"""Total variation: its laws, its gradients of both orders, and the slide's form; rolling is exact."""

import numpy as np
import pytest

pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.fixed_network.prior import jitter, roughness, total_variation
from pyconvnet.testing import check_grads

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("form", ["exact", "literal"])
@pytest.mark.parametrize("beta", [1.0, 1.5, 2.0, 3.0])
def test_a_constant_has_none_of_it_and_everything_else_some(form, beta):
    constant = np.full((2, 3, 5, 6), 0.7)
    assert total_variation(constant, beta, form).data.tolist() == [0.0, 0.0]
    picture = RNG.random((2, 3, 5, 6))
    assert (total_variation(picture, beta, form).data > 0).all()


@pytest.mark.parametrize("beta", [1.0, 2.0, 3.0])
def test_it_is_the_sum_of_the_formula(beta):
    x = RNG.random((2, 3, 4, 5))
    expected = np.zeros(2)
    for n, c, i, j in np.ndindex(x.shape):
        across = x[n, c, i, j + 1] - x[n, c, i, j] if j < 4 else 0
        down = x[n, c, i + 1, j] - x[n, c, i, j] if i < 3 else 0
        expected[n] += (across**2 + down**2) ** (beta / 2)
    np.testing.assert_allclose(total_variation(x, beta).data, expected, rtol=1e-2 if beta == 1 else 1e-4)


def test_the_slide_and_the_paper_agree_where_beta_is_2_only():
    x = RNG.random((1, 1, 6, 6))
    assert total_variation(x, 2, "literal").item() == pytest.approx(total_variation(x, 2).item(), rel=1e-12)
    assert total_variation(x, 1.5, "literal").item() != pytest.approx(total_variation(x, 1.5).item(), rel=1e-3)


def test_the_paper_treats_rows_as_columns_and_the_slide_does_not():
    stripes = np.tile([0.0, 0.4], (1, 1, 8, 4))
    turned = np.swapaxes(stripes, 2, 3)
    assert total_variation(stripes, 1).item() == pytest.approx(total_variation(turned, 1).item())
    assert total_variation(stripes, 1, "literal").item() < total_variation(turned, 1, "literal").item()


@pytest.mark.parametrize("form", ["exact", "literal"])
@pytest.mark.parametrize("beta", [1.0, 1.5, 2.0, 3.0])
def test_gradients_of_order_one_and_two(form, beta):
    x = np.arange(24.0).reshape(1, 2, 3, 4) % 5 * 0.3 + RNG.random((1, 2, 3, 4)) * 0.1
    check_grads(lambda x: total_variation(x, beta, form), pcn.tensor(x, requires_grad=True), order=2)


def test_where_beta_is_2_it_is_a_square_with_an_exact_gradient():
    """R(I) = <I, A I>: its gradient 2 A I is linear and symmetric, exactly so in whole numbers."""

    def gradient(x):
        x = pcn.tensor(x, requires_grad=True)
        return pcn.grad(total_variation(x).sum(), x)[0].data

    x, y = RNG.integers(-9, 10, (2, 1, 2, 5, 6)).astype(np.float32)
    assert (gradient(x + y) == gradient(x) + gradient(y)).all()
    assert (gradient(x) * y).sum() == (x * gradient(y)).sum()
    assert (gradient(x) * x).sum() == 2 * total_variation(x).item()


def test_it_is_finite_for_a_constant_where_a_root_has_no_slope():
    x = pcn.tensor(np.full((1, 1, 3, 3), 0.5), requires_grad=True)
    total_variation(x, 1).sum().backward()
    assert (x.grad.data == 0).all()


def test_roughness_is_the_same_for_a_picture_of_any_size():
    checks = np.indices((8, 8)).sum(0) % 2
    assert roughness(checks[None, None]) == pytest.approx([1.0]) == roughness(np.tile(checks, (3, 3))[None, None])
    assert roughness(np.ones((2, 3, 4, 4))).tolist() == [0, 0]


def test_jitter_rolls_and_rolls_back_and_its_adjoint_is_the_way_back():
    x = RNG.integers(-9, 10, (2, 3, 5, 6)).astype(np.float32)
    rolled = jitter(x, 2, -1)
    assert (rolled[:, :, 0, 2] == x[:, :, 1, 0]).all()
    assert (jitter(rolled, -2, 1) == x).all() and (jitter(pcn.tensor(x), 2, -1).data == rolled).all()
    picture, g = pcn.tensor(x, requires_grad=True), RNG.integers(-9, 10, x.shape).astype(np.float32)
    (jitter(picture, 2, -1) * pcn.tensor(g)).sum().backward()
    assert (picture.grad.data == jitter(g, -2, 1)).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [(((1, 2, 3, 4), 2, "exactly"), "form must be"), (((1, 2, 3, 4), 0), "beta must be above 0"),
     (((2, 3, 4),), "must be")],
)  # fmt: skip
def test_what_makes_no_sense_is_said_in_words(given, words):
    with pytest.raises(ValueError, match=f"total_variation: .*{words}"):
        total_variation(np.zeros(given[0]), *given[1:])
