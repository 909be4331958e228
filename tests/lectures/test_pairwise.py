"""The pairwise and the contrastive loss against loops, the pair network, and the lecture's runs."""

import json
from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.faces import pairwise
from lectures.faces.foundation.learning import Settings
from lectures.faces.foundation.portraits import FaceData, Portraits
from lectures.faces.foundation.verification import judge
from lectures.report import Report
from pyconvnet.testing import check_grads

OPTIONS = Namespace(seed=0, quick=False, data=None, resume=False, skip_bad=False)


def case(seed, n=7, length=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, length)), rng.normal(size=(n, length)), (rng.random(n) < 0.5).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_the_pairwise_loss_is_the_slide_in_loops(seed):
    y1, y2, same = case(seed)
    model = pairwise.PairNet()
    weight = np.random.default_rng(seed).normal(size=5).astype(np.float32)
    model.weight.data, model.bias.data[:] = weight, 0.3
    expected = 0.0
    for a, b, t in zip(y1, y2, same):
        z = 0.3
        for k in range(5):
            z += float(weight[k]) * abs(a[k] - b[k])
        expected += np.log1p(np.exp(-z if t else z)) / len(same)
    got = pairwise.pairwise_loss(model.logits(pcn.tensor(y1), pcn.tensor(y2)), same)
    assert got.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_the_contrastive_loss_is_hadsells_in_loops(seed):
    y1, y2, same = case(seed)
    y2 = y1 + 0.3 * y2
    expected = 0.0
    for a, b, t in zip(y1, y2, same):
        d = sum((p - q) ** 2 for p, q in zip(a, b)) ** 0.5
        expected += (d**2 if t else max(1.0 - d, 0.0) ** 2) / len(same)
    assert pairwise.contrastive_loss(pcn.tensor(y1), pcn.tensor(y2), same).item() == pytest.approx(expected, rel=1e-6)


def test_gradients():
    y1, y2, same = case(5)
    check_grads(lambda a, b: pairwise.contrastive_loss(a, a + 0.3 * b, same), y1, y2)
    model = pairwise.PairNet()
    model.weight.data = np.linspace(-1, 1, 5)
    check_grads(lambda a, b: pairwise.pairwise_loss(model.logits(a, b), same), y1, y2)


def test_at_identical_points_the_gradient_is_finite():
    for same in (0, 1):
        y = pcn.tensor(np.ones((3, 4)), requires_grad=True)
        pairwise.contrastive_loss(y[[0, 1]], y[[1, 2]], np.full(2, same)).backward()
        assert np.isfinite(y.grad.data).all()
    model, y = pairwise.PairNet(), pcn.tensor(np.ones((2, 64), np.float32), requires_grad=True)
    pairwise.pairwise_loss(model.logits(y, y + 0), np.ones(2, np.float32)).backward()
    assert np.isfinite(y.grad.data).all() and np.isfinite(model.weight.grad.data).all()


def test_pairs_are_balanced_and_right():
    people = np.array([0, 0, 1, 1, 1, 2])
    i, j, same = pairwise.draw_pairs(people, np.random.default_rng(0))
    assert same.sum() == 4 and len(same) == 8 and ((people[i] == people[j]) == same.astype(bool)).all()
    assert (i < j).all() and len(set(zip(i, j))) == 8
    for people in (np.arange(4), np.zeros(4, int)):
        with pytest.raises(ValueError, match="two pictures of a person, and one of another"):
            pairwise.draw_pairs(people, np.random.default_rng(0))


def test_scores_do_not_depend_on_the_order_of_the_pair():
    images = np.random.default_rng(0).random((4, 3, 32, 32), np.float32)
    model = pairwise.PairNet()
    scores = model.scores(images)
    np.testing.assert_array_equal(scores, scores.T)
    np.testing.assert_allclose(np.diag(scores), 2.0)
    with pcn.no_grad():
        logits = model(pcn.tensor(images[:2]), pcn.tensor(images[2:])).data
    np.testing.assert_allclose(logits, scores[[0, 1], [2, 3]], rtol=1e-4)


def test_a_linear_function_of_both_features_cannot_compare_them():
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(12), 5)
    y = (rng.normal(size=(12, 8))[people] + 0.1 * rng.normal(size=(60, 8))).astype(np.float32)
    scores = pairwise.on_concatenation(y, people, rng, steps=60)
    np.testing.assert_allclose(scores - scores[:, :1], (scores - scores[:, :1])[[0] * 60], atol=1e-9)
    found = judge(scores, people, 12)  # whoever stands first, all second faces come in one order
    assert abs(found["auc"] - 0.5) < 0.15 and found["rank1"] < 0.25


def test_one_batch_is_learned_by_heart(tmp_path):
    faces = pcn.data.Faces(6, 4, "val")
    portraits = Portraits(faces, faces.labels)
    data = FaceData(portraits, portraits)
    model, training = pairwise.trained(OPTIONS, Report("pairwise", tmp_path), data, Settings(steps=120, people=6))
    assert np.mean(training.losses[-10:]) < 0.1 < training.losses[0]
    assert judge(model.scores(portraits.images()), portraits.people, 6)["auc"] > 0.97


def test_a_quick_run_writes_its_numbers(tmp_path):
    assert main(["pairwise", "--quick", "--out", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "pairwise" / "result.json").read_text())
    assert set(result["metrics"]) == {"auc", "accuracy", "rank1", "eer"} == set(result["baselines"])
    assert {"contrastive", "logistic regression on [y1, y2]", "Fisherfaces"} <= set(result["variants"])
