"""The protocols of verification and recognition against scikit-learn and loops, and eigenfaces."""

import numpy as np
import pytest

from lectures.faces.foundation import eigenfaces, verification
from lectures.faces.foundation.eigenfaces import Eigenfaces, Fisherfaces, baselines, classical_scores
from lectures.faces.foundation.embedding import unit
from lectures.faces.foundation.portraits import FaceData, Portraits
from lectures.faces.foundation.variation import vary_photographs
from lectures.report import Report

PEOPLE = np.repeat(np.arange(8), 5)


def embeddings(noise=0.6, seed=0):
    rng = np.random.default_rng(seed)
    return unit(rng.normal(size=(8, 6))[PEOPLE] + noise * rng.normal(size=(40, 6)))


def test_the_curve_and_its_area_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    scores = verification.scores_of(embeddings())
    i, j, same = verification.all_pairs(PEOPLE)
    found = verification.judge(scores, PEOPLE, among=8)
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(same, scores[i, j]), abs=1e-12)
    fpr, tpr, _ = metrics.roc_curve(same, scores[i, j], drop_intermediate=False)
    crossing = np.interp(0, fpr - (1 - tpr), fpr)
    assert found["eer"] == pytest.approx(crossing, abs=1e-9)
    for rate, share in found["true_accepts"].items():
        assert share == tpr[fpr <= rate].max()


def test_ten_folds_are_those_of_scikit_learn():
    model_selection = pytest.importorskip("sklearn.model_selection")
    rng = np.random.default_rng(0)
    same = rng.random(200) < 0.5
    scores = same + rng.normal(size=200)
    folds = np.zeros(200, np.int64)
    expected = []
    for k, (learn, ask) in enumerate(model_selection.KFold(10, shuffle=True, random_state=0).split(scores)):
        folds[ask] = k
        right = [((scores[learn] >= t) == same[learn]).mean() for t in scores[learn]]
        best = scores[learn][np.flatnonzero(np.isclose(right, max(right)))].max()  # of equally good ones the first met
        expected.append(((scores[ask] >= best) == same[ask]).mean())
    found, thresholds = verification.ten_fold_accuracy(scores, same, folds)
    np.testing.assert_allclose(found, expected)
    assert len(thresholds) == 10
    with pytest.raises(ValueError, match="one fold"):
        verification.ten_fold_accuracy(scores, same, np.zeros(200))


def test_folds_are_balanced():
    _, _, same = verification.all_pairs(PEOPLE)
    pairs, folds = verification.balanced_folds(same, np.random.default_rng(0))
    assert same[pairs].sum() == (~same[pairs]).sum() == same.sum() and len(set(pairs)) == len(pairs)
    assert all(same[pairs][folds == k].mean() == 0.5 for k in range(10))


def test_every_person_is_in_one_fold_where_there_are_enough():
    people = np.repeat(np.arange(23), 3)
    i, j, same = verification.all_pairs(people)
    pairs, folds, shared = verification.ten_folds(people, np.random.default_rng(0))
    in_fold = [set(people[i[pairs[folds == k]]]) | set(people[j[pairs[folds == k]]]) for k in range(10)]
    assert not shared and set().union(*in_fold) == set(range(23)) and sum(map(len, in_fold)) == 23
    assert len(set(pairs)) == len(pairs) and all(same[pairs][folds == k].mean() == 0.5 for k in range(10))
    assert verification.ten_folds(PEOPLE, np.random.default_rng(0))[2]  # eight people: said, not hidden


def test_the_threshold_comes_from_other_people_than_it_judges(monkeypatch):
    scores, seen, judged = verification.scores_of(embeddings()), [], []
    chosen, accuracy = verification.balanced_threshold, verification.balanced_accuracy
    monkeypatch.setattr(verification, "balanced_threshold", lambda s, same: seen.append(set(s)) or chosen(s, same))
    monkeypatch.setattr(verification, "balanced_accuracy", lambda s, *more: judged.append(set(s)) or accuracy(s, *more))
    verification.accuracy_on_other_people(scores, PEOPLE, np.random.default_rng(0))
    assert len(seen) == len(judged) == 20 and not any(a & b for a, b in zip(seen, judged))


def test_thresholds_maximise_what_they_say():
    rng = np.random.default_rng(1)
    same = rng.random(300) < 0.2
    scores = 1.5 * same + rng.normal(size=300)
    balanced = [verification.balanced_accuracy(scores, same, t) for t in scores]
    best = verification.balanced_threshold(scores, same)
    assert verification.balanced_accuracy(scores, same, best) == pytest.approx(max(balanced))
    right = [((scores >= t) == same).mean() for t in (*scores, np.inf)]
    assert ((scores >= verification.best_threshold(scores, same)) == same).mean() == pytest.approx(max(right))


def naive_rank1(scores, people, known, gallery):
    right = total = 0
    for asked in range(len(people)):
        if people[asked] in known and asked not in gallery:
            nearest = max(gallery, key=lambda g: scores[asked, g])
            right += people[nearest] == people[asked]
            total += 1
    return right / total


def test_rank_one_is_counted_in_loops():
    scores = verification.scores_of(embeddings(1.2))
    rng, again, expected = np.random.default_rng(3), np.random.default_rng(3), []
    for _ in range(5):
        known = again.choice(np.arange(8), 4, replace=False)
        gallery = [int(again.choice(np.flatnonzero(person == PEOPLE))) for person in known]
        expected.append(naive_rank1(scores, PEOPLE, set(known.tolist()), gallery))
    assert verification.rank1(scores, PEOPLE, 4, rng, repeats=5) == pytest.approx(np.mean(expected))


def test_perfect_and_random_embeddings():
    perfect = verification.judge(verification.scores_of(embeddings(0)), PEOPLE, among=8)
    assert all(perfect[k] == 1 for k in ("auc", "accuracy", "rank1", "ten_fold")) and perfect["eer"] == 0
    chance = verification.judge(verification.scores_of(unit(np.random.default_rng(0).normal(size=(40, 6)))), PEOPLE, 8)
    assert abs(chance["auc"] - 0.5) < 0.12 and chance["rank1"] < 0.35 and abs(chance["accuracy"] - 0.5) < 0.12


def test_nobody_to_compare_with():
    for people in (np.arange(5), np.zeros(5, int)):
        with pytest.raises(ValueError, match="two people with two pictures"):
            verification.judge(np.zeros((5, 5)), people, 1)
    with pytest.raises(ValueError, match="two people with two pictures"):  # one pair has no other to learn from
        verification.judge(np.zeros((3, 3)), np.array([0, 0, 1]), 2)


def test_what_does_not_fit_is_named():
    scores = verification.scores_of(embeddings())
    with pytest.raises(ValueError, match="among 9 people, but there are 8"):
        verification.judge(scores, PEOPLE, 9)
    with pytest.raises(ValueError, match=r"a matrix of scores \(n, n\), got \(40, 39\)"):
        verification.judge(scores[:, 1:], PEOPLE, 8)
    assert verification.judge(scores, PEOPLE.tolist(), 8)["auc"] == verification.judge(scores, PEOPLE, 8)["auc"]


# Before ConvNets


def test_eigenfaces_are_the_principal_components():
    decomposition = pytest.importorskip("sklearn.decomposition")
    x = np.random.default_rng(0).normal(size=(30, 12)) @ np.random.default_rng(1).normal(size=(12, 12))
    ours, theirs = Eigenfaces(x, 5), decomposition.PCA(5).fit(x)
    np.testing.assert_allclose(np.abs(ours.coefficients(x)), np.abs(theirs.transform(x)), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.coefficients(x, whitened=True).std(0), 1, rtol=1e-6)
    np.testing.assert_allclose(Eigenfaces(x, 12).faces(Eigenfaces(x, 12).coefficients(x)), x, atol=1e-8)
    assert len(Eigenfaces(x[:3], 10).components) == 2


def test_fisherfaces_tell_people_apart_where_eigenfaces_do_not():
    rng = np.random.default_rng(0)
    who = rng.normal(size=(8, 30))[PEOPLE]
    x = who + rng.normal(size=(40, 3)) @ rng.normal(size=(3, 30)) * 6  # strong, but says nothing of who it is
    area = lambda y: verification.judge(verification.scores_of(unit(y)), PEOPLE, 8)["auc"]
    assert area(Fisherfaces(x, PEOPLE, 20).coefficients(x)) > area(Eigenfaces(x, 20).coefficients(x)) + 0.1


def toy(photographs=False):
    """Eight people to learn from and eight unseen, of whom the pixels tell more or less."""
    rng = np.random.default_rng(0)
    images = [rng.random((8, 1, 6, 5))[PEOPLE] + 0.5 * rng.random((40, 1, 6, 5)) for _ in range(2)]
    return FaceData(*(Portraits(part, PEOPLE) for part in images), photographs=photographs)


@pytest.mark.parametrize("pixels_win", [True, False])
def test_the_baseline_is_the_better_method_in_each_metric(tmp_path, monkeypatch, pixels_win):
    good, bad = (verification.scores_of(embeddings(noise)) for noise in (0.3, 1.5))
    scores = {"pixel distance": good if pixels_win else bad, "eigenfaces": bad if pixels_win else good}
    monkeypatch.setattr(eigenfaces, "classical_scores", lambda data: scores)
    report = Report("recognition", tmp_path)
    baselines(toy(), report, ("auc", "accuracy", "rank1", "eer"))
    assert report.baselines == report.variants["pixel distance" if pixels_win else "eigenfaces"]
    assert report.variants["pixel distance"] != report.variants["eigenfaces"]


def test_of_photographs_the_mirror_images_count_alike():
    data = toy(photographs=True)
    turned = Portraits(data.test.pictures[::-1, ..., ::-1], data.test.people[::-1])
    for name, scores in classical_scores(data).items():
        again = classical_scores(FaceData(data.train, turned, photographs=True))[name]
        np.testing.assert_allclose(again, scores[::-1, ::-1], atol=1e-9)
    plain, both = classical_scores(toy()), classical_scores(data)
    assert all(np.abs(plain[name] - both[name]).max() > 0.01 for name in plain)


def test_photographs_are_varied_within_bounds():
    rng = np.random.default_rng(0)
    images = rng.random((4, 3, 28, 24), np.float32)
    still = vary_photographs(images, np.random.default_rng(1), turn=0, scale=0, shift=0, contrast=0, brightness=0)
    for before, after in zip(images, still):
        assert np.allclose(after, before, atol=1e-5) or np.allclose(after, before[..., ::-1], atol=1e-5)
    varied = vary_photographs(images, np.random.default_rng(1))
    assert varied.shape == images.shape and varied.dtype == np.float32 and np.abs(varied - images).mean() > 0.01
    np.testing.assert_array_equal(varied, vary_photographs(images, np.random.default_rng(1)))
