"""Labels that form a tree: its numbering, its laws, its loss."""

import numpy as np
import pytest

import pyconvnet as pcn
from lectures.detection.foundation.label_tree import LabelTree
from pyconvnet.testing import check_grads

DEEP = LabelTree({"animal": {"dog": ("terrier", "collie"), "cat": ()}, "thing": ("cup", "car", "pen"), "sky": ()})
FLAT = LabelTree(("a", "b", "c"))


def test_nodes_are_numbered_by_groups_of_siblings():
    assert DEEP.names == ["animal", "thing", "sky", "dog", "cat", "cup", "car", "pen", "terrier", "collie"]
    assert DEEP.parent.tolist() == [-1, -1, -1, 0, 0, 1, 1, 1, 3, 3]
    assert DEEP.groups == [slice(0, 3), slice(3, 5), slice(5, 8), slice(8, 10)]
    assert [DEEP.names[k] for k in DEEP.leaves] == ["sky", "cat", "cup", "car", "pen", "terrier", "collie"]
    assert DEEP.path[9].nonzero()[0].tolist() == [0, 3, 9] and DEEP.path[2].nonzero()[0].tolist() == [2]
    assert FLAT.leaves.tolist() == [0, 1, 2] and (FLAT.path == np.eye(3)).all()


@pytest.mark.parametrize("branches", [{"a": ("b", "b")}, {"a": ("a",)}, {}, ()])
def test_names_must_differ(branches):
    with pytest.raises(ValueError, match="must differ"):
        LabelTree(branches)


@pytest.mark.parametrize("tree", [DEEP, FLAT])
@pytest.mark.parametrize("seed", range(3))
def test_laws(tree, seed):
    scores = np.random.default_rng(seed).normal(0, 3, (4, 5, len(tree)))
    conditional, probability = tree.conditional(scores), tree.probabilities(scores)
    for group in tree.groups:  # siblings sum to 1, children to their parent
        np.testing.assert_allclose(conditional[..., group].sum(-1), 1)
        parent = tree.parent[group.start]
        whole = probability[..., parent] if parent >= 0 else 1.0
        np.testing.assert_allclose(probability[..., group].sum(-1), whole)
    np.testing.assert_allclose(probability[..., tree.leaves].sum(-1), 1)
    for k in range(len(tree)):  # the product along the path
        product, node = 1.0, k
        while node >= 0:
            product, node = product * conditional[..., node], tree.parent[node]
        np.testing.assert_allclose(probability[..., k], product)


def test_extreme_scores_stay_probabilities():
    scores = np.array([[1e4, -1e4] * 5], np.float32)
    assert np.isfinite(DEEP.probabilities(scores)).all()
    loss = DEEP.cross_entropy(pcn.tensor(scores), np.array([9]))
    assert np.isfinite(loss.item())


@pytest.mark.parametrize("label", range(len(DEEP)))
def test_cross_entropy_is_minus_the_log_of_the_probability(label):
    scores = np.random.default_rng(label).normal(0, 1, (1, len(DEEP)))
    loss = DEEP.cross_entropy(pcn.tensor(scores), np.array([label]))
    assert loss.item() == pytest.approx(-np.log(DEEP.probabilities(scores)[0, label]))


def test_a_coarse_label_says_nothing_about_its_children():
    scores = pcn.tensor(np.random.default_rng(0).normal(0, 1, (1, len(DEEP))), requires_grad=True)
    DEEP.cross_entropy(scores, np.array([DEEP.index("dog")])).backward()
    told = {DEEP.names[k] for k in np.flatnonzero(scores.grad.data[0])}
    assert told == {"animal", "thing", "sky", "dog", "cat"}


def test_gradients():
    scores = np.random.default_rng(0).normal(0, 1, (4, len(DEEP)))
    check_grads(lambda z: DEEP.cross_entropy(z, np.array([9, 3, 2, 6])), scores, order=2)
    nothing = DEEP.cross_entropy(pcn.tensor(scores[:0]), np.zeros(0, np.int64))
    assert nothing.item() == 0


def test_descending_stops_where_it_is_no_longer_sure():
    probability = {"animal": 0.9, "thing": 0.05, "sky": 0.05, "dog": 0.8, "cat": 0.2, "terrier": 0.55, "collie": 0.45}
    scores = np.log([probability.get(name, 1 / 3) for name in DEEP.names])
    names = {t: DEEP.descend(scores, t)[0] for t in (0.95, 0.85, 0.5, 0.3)}
    assert {t: DEEP.names[k] if k >= 0 else None for t, k in names.items()} == {
        0.95: None, 0.85: "animal", 0.5: "dog", 0.3: "terrier",
    }  # fmt: skip
    assert DEEP.descend(scores, 0.3)[1] == pytest.approx(0.9 * 0.8 * 0.55)


def test_scores_and_labels_that_are_not_the_trees_are_refused():
    scores = np.zeros((2, len(DEEP)))
    for wrong in (scores[:, :9], np.zeros((2, 11))):
        for ask in (DEEP.probabilities, DEEP.conditional, lambda z: DEEP.cross_entropy(pcn.tensor(z), [0, 1])):
            with pytest.raises(ValueError, match="one score for each of 10 nodes, got shape"):
                ask(wrong)
    for label in (-1, 10):
        with pytest.raises(ValueError, match=f"label {label} of object 1 is not in 0 ... 9, the nodes"):
            DEEP.cross_entropy(pcn.tensor(scores), np.array([3, label]))
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="NaN or infinity"):
            DEEP.descend(np.array([bad, *np.zeros(9)]))


def test_no_object_costs_zero_and_not_minus_zero():
    assert not np.signbit(DEEP.cross_entropy(pcn.tensor(np.zeros((0, len(DEEP)))), np.zeros(0, np.int64)).item())
