"""Fooling pictures: the two encodings, MAP-Elites, what is natural, the run."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.insight import fooling as lecture
from lectures.insight.foundation.encodings import CPPN, FUNCTIONS, INPUTS, Direct
from lectures.insight.foundation.map_elites import Elites, evolve, offer, square_cost
from lectures.insight.foundation.natural import nearest, unnatural


class Quarters:
    """Four classes: the logit of each is 8 times the mean of its quarter of the picture."""

    classes, channels, name, size = ("nw", "ne", "sw", "se"), 1, "quarters", 8

    def logits(self, images):
        x = images if isinstance(images, pcn.Tensor) else pcn.tensor(images)
        return pcn.functional.avg_pool2d(x.mean(1, keepdim=True), 4).flatten(1) * 8.0

    def predict(self, images):
        with pcn.no_grad():
            y = self.logits(images).softmax(1).data
        return y.argmax(1), y


def evolved(encoding, seed=0, generations=60):
    return evolve(Quarters(), encoding, np.arange(4), generations, 20, np.random.default_rng(seed))


# Encodings


def test_direct_starts_at_noise_and_changes_a_tenth_of_the_pixels():
    rng, encoding = np.random.default_rng(0), Direct((1, 20, 20), halve=10)
    genomes = encoding.random(rng, 50)
    assert genomes.shape == (50, 400) and genomes.min() >= 0 and genomes.max() <= 1 and abs(genomes.mean() - 0.5) < 0.01
    for generation, rate in ((0, 0.1), (9, 0.1), (10, 0.05), (25, 0.025)):
        changed = encoding.mutated(rng, genomes, generation) != genomes
        assert changed.mean() == pytest.approx(rate, rel=0.1)
    np.testing.assert_array_equal(Direct((1, 20, 20), rate=0).mutated(rng, genomes), genomes)
    child = Direct((1, 20, 20), rate=1).mutated(rng, genomes)
    assert child.min() >= 0 and child.max() <= 1 and np.abs(child - genomes).mean() < 0.1
    np.testing.assert_array_equal(encoding.pictures(genomes)[3].ravel(), genomes[3])


@pytest.mark.parametrize("shape", [(1, 12, 12), (3, 8, 11)])
def test_cppn_paints_pictures_of_any_size(shape):
    rng, encoding = np.random.default_rng(0), CPPN(shape)
    pictures = encoding.pictures(encoding.random(rng, 30))
    assert pictures.shape == (30, *shape) and pictures.dtype == np.float32
    assert np.isfinite(pictures).all() and pictures.min() >= 0 and pictures.max() <= 1
    assert np.ptp(pictures, axis=(1, 2, 3)).max() > 0.5


def test_cppn_is_symmetric_where_x_enters_by_its_absolute_value_or_not_at_all():
    rng = np.random.default_rng(0)
    mirrored = CPPN((1, 9, 10), symmetric=True)
    pictures = mirrored.pictures(mirrored.random(rng, 20))
    np.testing.assert_allclose(pictures, pictures[..., ::-1], atol=1e-6)
    encoding = CPPN((1, 9, 10))
    genomes = encoding.random(rng, 20)
    pictures = encoding.pictures(genomes)
    assert np.abs(pictures - pictures[..., ::-1]).max() > 0.1
    encoding.parts(genomes)[0][:, :, INPUTS.index("x")] = 0
    pictures = encoding.pictures(genomes)
    np.testing.assert_allclose(pictures, pictures[..., ::-1], atol=1e-6)


def test_cppn_is_what_its_graph_says():
    """A node with two sources, by a loop over pixels."""
    encoding = CPPN((1, 4, 5), hidden=2)
    weights, kinds = np.zeros((1, 3, 7), np.float32), np.array([[0, 3, 1]])
    weights[0, 0, 0], weights[0, 0, 3] = 2.0, 0.5  # hidden 0 = sin(2 x + 0.5)
    weights[0, 2, 4], weights[0, 2, 1] = 1.5, -1.0  # out = Gauss(1.5 hidden 0 - y)
    picture = encoding.pictures(encoding._genomes(weights, kinds))[0, 0]
    for i, y in enumerate(np.linspace(-1, 1, 4)):
        for j, x in enumerate(np.linspace(-1, 1, 5)):
            out = np.exp(-((1.5 * np.sin(2 * x + 0.5) - y) ** 2))
            assert picture[i, j] == pytest.approx(1 / (1 + np.exp(-out)), abs=1e-5)


def test_mutations_keep_the_graph_in_order():
    rng, encoding = np.random.default_rng(0), CPPN((3, 4, 4), hidden=6)
    genomes = first = encoding.random(rng, 20)
    for generation in range(40):
        genomes = encoding.mutated(rng, genomes, generation)
        weights, kinds = encoding.parts(genomes)
        assert not weights[:, ~encoding.allowed].any(), "a node takes from nodes before it only, an output is no source"
        assert kinds.min() >= 0 and kinds.max() < len(FUNCTIONS)
    assert (genomes != first).any(1).all() and (encoding.parts(genomes)[0][:, :6].any(2).sum(1) > 1).any()


def test_mutation_leaves_the_parents_alone():
    rng = np.random.default_rng(0)
    for encoding in (Direct((1, 6, 6)), CPPN((1, 6, 6))):
        genomes = encoding.random(rng, 5)
        before = genomes.copy()
        encoding.mutated(rng, genomes)
        np.testing.assert_array_equal(genomes, before)


# MAP-Elites


def test_the_best_of_every_class_is_kept():
    elites = Elites(np.array([0, 2]), np.zeros((2, 1)), np.full(2, -1.0))
    assert offer(elites, np.array([[1.0], [2.0]]), np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])) == 2
    np.testing.assert_array_equal(elites.genomes.ravel(), [1, 2])
    assert offer(elites, np.array([[3.0]]), np.array([[0.6, 0.0, 0.4]])) == 0, "neither is better"
    assert offer(elites, np.array([[4.0], [5.0]]), np.array([[0.1, 0.0, 0.9], [0.0, 0.5, 0.5]])) == 1
    np.testing.assert_array_equal(elites.genomes.ravel(), [1, 4])
    np.testing.assert_allclose(elites.confidence, [0.7, 0.9])
    assert elites.pictures_seen == 5 and [h["changed"] for h in elites.history] == [2, 0, 1]


@pytest.mark.parametrize("encoding", [Direct((1, 8, 8)), CPPN((1, 8, 8))], ids=lambda e: e.name)
def test_evolution_gets_better_never_worse_and_repeats_itself(encoding):
    found = evolved(encoding)
    curve = [generation["confidence"] for generation in found.history]
    assert len(curve) == 61 and found.pictures_seen == 61 * 20
    assert (np.diff(curve) >= 0).all() and curve[-1] > curve[0] + 0.2
    sure = Quarters().predict(encoding.pictures(found.genomes))[1][np.arange(4), np.arange(4)]
    np.testing.assert_allclose(sure, found.confidence, atol=1e-6)
    np.testing.assert_array_equal(evolved(encoding).genomes, found.genomes)
    assert (evolved(encoding, seed=1).genomes != found.genomes).any()


def test_square_cost_is_the_slides():
    y = np.random.default_rng(0).dirichlet(np.ones(5), 7)
    costs = square_cost(y, np.array([3, 0]))
    for i in range(7):
        for k, c in enumerate((3, 0)):
            assert costs[i, k] == pytest.approx(((y[i] - np.eye(5)[c]) ** 2).sum())


# By gradient, and what is natural


def test_descent_from_noise_makes_the_network_sure():
    pictures = lecture.by_gradient(Quarters(), np.arange(4), (1, 8, 8), 40, np.random.default_rng(0))
    assert pictures.shape == (4, 1, 8, 8) and pictures.min() >= 0 and pictures.max() <= 1
    assert (lecture.confidence(Quarters(), pictures, np.arange(4)) > 0.95).all()


def test_nearest_and_natural_by_a_loop():
    rng = np.random.default_rng(0)
    training, images = rng.random((9, 1, 3, 3)), rng.random((4, 1, 3, 3))
    found = nearest(images, training)
    for i in range(4):
        assert found[i] == pytest.approx(min(np.sqrt(((images[i] - t) ** 2).mean()) for t in training))
    assert (nearest(training, training) > 0).all(), "a picture is not its own neighbour"
    natural = {"roughness": np.linspace(0, 1, 101), "distance": np.linspace(2, 3, 101)}
    of = {"roughness": np.array([0.5, 0.5, 0.99, 0.01]), "distance": np.array([2.5, 3.5, 2.5, 2.0])}
    assert unnatural(of, natural) == 0.75


def test_classes_of_the_slide_where_the_network_knows_them():
    np.testing.assert_array_equal(lecture.named_on_the_slide(tuple("0123456789")), np.arange(10))
    names = [f"class {k}" for k in range(100)]
    np.testing.assert_array_equal(lecture.named_on_the_slide(names), np.arange(12))
    names[40], names[7] = "king penguin", "Robin"
    np.testing.assert_array_equal(lecture.named_on_the_slide(names), [7, 40])


def test_the_baseline_looks_at_as_many_pictures_and_selects_nothing():
    network, seen = Quarters(), []
    plain = network.predict
    network.predict = lambda images: seen.append(images) or plain(images)
    encoding = Direct((1, 8, 8))
    best = lecture.unselected(network, encoding, 450, np.random.default_rng(0))
    pictures = encoding.pictures(encoding.random(np.random.default_rng(0), 450))
    assert sum(map(len, seen)) == 450
    np.testing.assert_allclose(best, plain(pictures)[1].max(0), atol=1e-6)
    elites = {"direct": evolved(encoding), "indirect": evolved(CPPN((1, 8, 8)))}
    seen.clear()
    found = lecture.without_selection(network, (1, 8, 8), elites, 0)
    assert sum(map(len, seen)) == 2 * 61 * 20 and found["direct"] < np.median(elites["direct"].confidence)


def test_the_second_network_is_of_another_seed(monkeypatch):
    asked = []
    monkeypatch.setattr(lecture, "digit_network", lambda options, report, seed: asked.append((options.seed, seed)))
    options = SimpleNamespace(seed=3, quick=True, data=None, weights=None)
    network = SimpleNamespace(classes=pcn.data.Digits.classes, channels=1, size=28, name="digits")
    lecture.yardstick(options, None, network)
    assert asked == [(3 + lecture.JUDGE, 3 + lecture.JUDGE)] and lecture.JUDGE > 0


def test_the_second_network_judges(monkeypatch):
    """Two networks whose answers are known: who says what is not mixed up."""

    class Says:
        def __init__(self, label):
            self.label = label

        def predict(self, images):
            y = np.full((len(images), 3), 0.1)
            y[:, self.label] = 0.8
            return y.argmax(1), y

    images = np.random.default_rng(0).random((3, 1, 4, 4))
    natural = lecture.statistics(images, images)
    classes = np.array([1, 1, 2])
    row = lecture.judged(Says(1), Says(2), {"w": classes}, {"w": images}, natural, images)["w"]
    assert row["confidence"] == pytest.approx(0.8) and row["second_confidence"] == pytest.approx(0.1)
    assert row["second_agrees"] == pytest.approx(1 / 3) and row["sure"] == 0
    assert "second_agrees" not in lecture.judged(Says(1), None, {"w": classes}, {"w": images}, natural, images)["w"]


# The run


def test_a_quick_run_leaves_result_and_pictures_and_repeats_itself(tmp_path, capsys):
    found = []
    for folder in ("a", "b"):
        assert main(["fooling", "--quick", "--out", str(tmp_path / folder)]) == 0
        found.append(json.loads((tmp_path / folder / "fooling" / "result.json").read_text()))
    ways = {"direct", "indirect", "gradient"}
    for metric in ("confidence", "unnatural", "second_agrees"):
        assert set(found[0]["metrics"][metric]) == set(found[0]["baselines"][metric]) == ways
    assert ways | {"test pictures", "unseen fonts"} == set(found[0]["variants"])
    assert found[0]["metrics"] == found[1]["metrics"] and found[0]["variants"] == found[1]["variants"]
    for name in ("elites", "evolution", "statistics"):
        assert (tmp_path / "a" / "fooling" / f"{name}.png").stat().st_size > 5000
    assert "confidence indirect" in capsys.readouterr().out


def test_other_data_are_refused(tmp_path, capsys):
    assert main(["fooling", "--quick", "--data", "faces:x", "--out", str(tmp_path)]) == 2
    assert "images:DIR" in capsys.readouterr().err
