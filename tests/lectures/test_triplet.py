"""The triplet loss against three nested loops, its miners, collapse, and the lecture's runs."""

import json
from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from face_folder import write_people

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.faces import triplet
from lectures.faces.foundation.batches import PeopleBatches
from lectures.faces.foundation.collapse import collapsed, warn_if_collapsed
from lectures.faces.foundation.embedding import EmbeddingNet, squared_distances, standardised, unit
from lectures.faces.foundation.learning import Settings
from lectures.faces.foundation.portraits import FaceData, Portraits, face_data, split_people
from lectures.pathologies import stuck
from lectures.report import Report
from pyconvnet.testing import check_grads

OPTIONS = Namespace(seed=0, quick=True, data=None, resume=False, skip_bad=False)


def batch(seed, people=(0, 0, 1, 1, 1, 2), length=5):
    return unit(np.random.default_rng(seed).normal(size=(len(people), length))), np.array(people)


def naive_costs(f, people, margin):
    """{(x, y, z): max(||f(x) - f(y)||^2 - ||f(x) - f(z)||^2 + margin, 0)}, one number at a time."""
    costs = {}
    for x in range(len(f)):
        for y in range(len(f)):
            for z in range(len(f)):
                if x != y and people[x] == people[y] and people[z] != people[x]:
                    near = sum((a - b) ** 2 for a, b in zip(f[x], f[y]))
                    far = sum((a - b) ** 2 for a, b in zip(f[x], f[z]))
                    costs[x, y, z] = max(near - far + margin, 0.0)
    return costs


def naive_loss(f, people, margin, mining):
    """The mean over the triplets that each way to pick them picks, in loops."""
    costs = naive_costs(f, people, margin)
    distance = lambda i, j: sum((a - b) ** 2 for a, b in zip(f[i], f[j]))
    if mining == "slide":
        picked = list(costs)
    elif mining == "all":
        picked = [t for t in costs if costs[t] > 0] or list(costs)
    elif mining == "semi-hard":
        picked = []
        for x, y in {(x, y) for x, y, _ in costs}:
            behind = [t for t in costs if t[:2] == (x, y) and distance(x, t[2]) > distance(x, y)]
            if behind:
                picked.append(min(behind, key=lambda t: distance(t[0], t[2])))
            else:
                picked.append(max((t for t in costs if t[:2] == (x, y)), key=lambda t: distance(t[0], t[2])))
    else:
        picked = []
        for x in {x for x, _, _ in costs}:
            y = max((t[1] for t in costs if t[0] == x), key=lambda y: distance(x, y))
            z = min((t[2] for t in costs if t[0] == x), key=lambda z: distance(x, z))
            picked.append((x, y, z))
    return sum(costs[t] for t in picked) / len(picked)


@pytest.mark.parametrize("mining", triplet.MINING)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("margin", [0.2, 1.5])
def test_the_loss_is_the_slide_in_loops(mining, seed, margin):
    f, people = batch(seed)
    got = triplet.triplet_loss(pcn.tensor(f), people, margin, mining)
    assert got["triplet"].item() == pytest.approx(naive_loss(f.tolist(), people, margin, mining), rel=1e-9, abs=1e-12)
    costs = naive_costs(f.tolist(), people, margin)
    assert got["active triplets"] == pytest.approx(np.mean([c > 0 for c in costs.values()]))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("length", [1, 5])
def test_semi_hard_triplets_of_vectors_of_any_length(seed, length):
    rng = np.random.default_rng(seed)
    people = np.array([0, 0, 1, 1, 1, 2])
    f = length * rng.normal(size=(6, 4))
    got = triplet.triplet_loss(pcn.tensor(f), people, 0.2, "semi-hard")["triplet"].item()
    assert got == pytest.approx(naive_loss(f.tolist(), people, 0.2, "semi-hard"), rel=1e-9, abs=1e-12)


def test_all_triplets_are_found_once():
    _, people = batch(0)
    assert set(zip(*(i.tolist() for i in triplet.triplets(people)))) == set(naive_costs(batch(0)[0], people, 1))
    assert len(triplet.triplets(people)[0]) == len(naive_costs(batch(0)[0], people, 1))


@pytest.mark.parametrize("mining", triplet.MINING)
def test_the_loss_has_right_gradients(mining):
    f, people = batch(3)
    check_grads(lambda z: triplet.triplet_loss(z, people, 0.7, mining)["triplet"], f)


@pytest.mark.parametrize("mining", triplet.MINING)
def test_at_identical_points_the_gradient_is_finite(mining):
    model = EmbeddingNet()
    model.last.weight.data[:] = 0  # every face at the same point
    images = np.random.default_rng(0).random((6, 3, 32, 32), np.float32)
    loss = triplet.triplet_loss(model(pcn.tensor(images)), batch(0)[1], mining=mining)
    loss["triplet"].backward()
    assert loss["triplet"].item() == pytest.approx(triplet.MARGIN)
    assert all(np.isfinite(p.grad.data).all() for p in model.parameters())
    same = pcn.tensor(np.ones((4, 3)), requires_grad=True)
    squared_distances(same).sum().backward()
    assert (same.grad.data == 0).all()


def test_equal_pictures_have_equal_points():
    images = np.repeat(np.random.default_rng(0).random((2, 3, 32, 32), np.float32), 2, 0)
    vectors = EmbeddingNet().embed(images)
    np.testing.assert_array_equal(vectors[0], vectors[1])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(squared_distances(vectors, vectors[:1])[:2], 0, atol=1e-12)


def test_a_face_and_its_mirror_image_have_one_point_where_mirrors_count():
    images = np.random.default_rng(0).random((3, 3, 32, 32), np.float32)
    model = EmbeddingNet()
    one, other = model.embed(images), model.embed(images[..., ::-1])
    np.testing.assert_allclose(model.embed(images, mirrored=True), unit(one + other), atol=1e-6)
    assert np.abs(one - other).max() > 0.01


def test_light_and_exposure_do_not_count():
    images = np.random.default_rng(0).random((3, 3, 32, 32), np.float32)
    model = EmbeddingNet()
    np.testing.assert_allclose(model.embed(images), model.embed(0.3 + 0.5 * images), atol=2e-3)
    flat = np.full((1, 3, 32, 32), 0.4, np.float32)
    assert np.abs(standardised(flat)).max() < 0.01 and np.isfinite(model.embed(flat)).all()


def test_an_untroubled_batch_costs_nothing_and_has_no_gradient():
    f = pcn.tensor(np.repeat(np.eye(3), 2, 0), requires_grad=True)
    loss = triplet.triplet_loss(f, np.array([0, 0, 1, 1, 2, 2]))["triplet"]
    loss.backward()
    assert loss.item() == 0 and (f.grad.data == 0).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: triplet.triplet_loss(pcn.tensor(np.eye(3)), np.array([0, 1, 2])), "no triplet in the batch"),
        (lambda: triplet.triplet_loss(pcn.tensor(np.eye(3)), np.array([0, 0, 0])), "no triplet in the batch"),
        (lambda: triplet.triplet_loss(pcn.tensor(np.eye(3)), np.array([0, 0, 1]), mining="harder"), "semi-hard"),
        (lambda: PeopleBatches([0, 1, 2, 2]), "only 1 of 3 people"),
        (lambda: PeopleBatches([0, 0, 1, 1], pictures_per_person=1), "at least 2 people"),
        (lambda: EmbeddingNet((4, 4)), "leave nothing"),
        (lambda: EmbeddingNet()(pcn.zeros(2, 3, 40, 32)), r"expected faces \(N, 1 or 3, 32, 32\)"),
        (lambda: Portraits(np.zeros((3, 1, 8, 8)), np.zeros(2, int)), "3 pictures"),
        (lambda: split_people(3, 0), "3 people are too few"),
    ],
)
def test_mistakes_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_batches_hold_people_with_several_pictures_each():
    people = np.array([0] * 5 + [1] + [2] * 2 + [3] * 9)
    which = PeopleBatches(people, 16, 4).draw(np.random.default_rng(0))
    assert len(which) == 12 and set(people[which]) == {0, 2, 3}
    assert (people[which].reshape(3, 4) == people[which].reshape(3, 4)[:, :1]).all()
    assert len(set(which[people[which] == 3])) == 4


def test_collapse_is_noticed_and_named():
    rng = np.random.default_rng(0)
    with pytest.warns(RuntimeWarning, match=r"collapsed: all 20 faces lie at one point.*margin.*semi-hard"):
        warn_if_collapsed(unit(np.ones(64) + 1e-4 * rng.normal(size=(20, 64))))
    warn_if_collapsed(unit(rng.normal(size=(20, 64))))
    assert not collapsed(np.ones((1, 64)))
    flat = np.full(300, 0.2)
    assert "margin" in stuck(flat, {"margin": [0.2] * 300}, 1e-9)


def test_one_batch_is_learned_by_heart(tmp_path):
    faces = pcn.data.Faces(6, 4, "val")
    portraits = Portraits(faces, faces.labels)
    data, report = FaceData(portraits, portraits), Report("triplet", tmp_path)
    options = Namespace(**{**vars(OPTIONS), "quick": False})
    model, training = triplet.trained(options, report, data, Settings(steps=120, people=6))
    assert training.losses[-1] < 0.06 < training.losses[0]
    d = squared_distances(model.embed(portraits.images()))
    same = portraits.people[:, None] == portraits.people
    assert d[same].max() < d[~same].min()


def test_a_quick_run_writes_its_numbers(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))
    assert main(["triplet", "--quick", "--out", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "triplet" / "result.json").read_text())
    assert set(result["metrics"]) == {"auc", "accuracy", "rank1", "eer"} == set(result["baselines"])
    assert {"pixel distance", "eigenfaces", "Fisherfaces"} <= set(result["variants"])
    assert (tmp_path / "triplet" / "mining.png").is_file()


def test_the_network_is_kept_for_others(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))
    data = face_data(OPTIONS)
    learned_in = Report("triplet", tmp_path)
    first = triplet.kept(OPTIONS, learned_in, data)
    monkeypatch.setattr(triplet, "trained", None)
    report = Report("recognition", tmp_path)
    again = triplet.kept(OPTIONS, report, data)
    assert report.train_seconds == pytest.approx(learned_in.train_seconds, rel=1e-6)  # whether it was kept or not
    images = data.test.images(range(3))
    np.testing.assert_array_equal(first.embed(images), again.embed(images))


@pytest.mark.parametrize("quick", [True, False])
def test_nobody_is_both_learned_from_and_unseen(quick):
    data = face_data(Namespace(**{**vars(OPTIONS), "quick": quick}), people=70, pictures=6)
    first = [{part.image(i).tobytes() for i in np.unique(part.people, return_index=True)[1]}
             for part in (data.train, data.test)]  # fmt: skip
    assert len(first[0]) == data.train.count and len(first[1]) == data.test.count and not first[0] & first[1]


def test_people_of_a_folder_are_split(tmp_path):
    options = Namespace(**{**vars(OPTIONS), "data": f"faces:{write_people(tmp_path)}"})
    data = face_data(options)
    assert data.photographs and data.size == (56, 48)
    assert len(data.test.names) == 2 and len(data.train.names) == 6 and not set(data.test.names) & set(data.train.names)
    assert data.train.people.tolist() == np.repeat(np.arange(6), 4).tolist()
    assert {face_data(Namespace(**{**vars(options), "seed": s})).test.names for s in range(6)} != {data.test.names}
    with pytest.raises(ValueError, match="faces:DIR"):
        face_data(Namespace(**{**vars(OPTIONS), "data": "voc:x"}))


def test_portraits_are_chosen_and_joined():
    portraits = Portraits(np.arange(6.0).reshape(6, 1, 1, 1), np.array([0, 0, 1, 1, 2, 2]), ("a", "b", "c"))
    some = portraits.of([2, 0], 1)
    assert some.images().ravel().tolist() == [4, 0] and some.people.tolist() == [0, 1] and some.names == ("c", "a")
    both = some.and_also(portraits.of([1]))
    assert both.images().ravel().tolist() == [4, 0, 2, 3] and both.people.tolist() == [0, 1, 2, 2]
    assert both.count == 3 and both.names == ("c", "a", "b")
