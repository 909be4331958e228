"""The protocols of verification and recognition against scikit-learn and loops, the gallery, eigenfaces."""

import numpy as np
import pytest

from lectures.faces.foundation import verification
from lectures.faces.foundation.eigenfaces import Eigenfaces, Fisherfaces
from lectures.faces.foundation.embedding import unit
from lectures.faces.foundation.gallery import Gallery
from lectures.faces.foundation.variation import vary_photographs
from pyconvnet.io import save

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
            verification.judge(np.zeros((5, 5)), people)


# The gallery


def test_a_gallery_enrols_identifies_and_forgets():
    v, gallery = embeddings(0.2), Gallery(threshold=0.8)
    for person, name in enumerate(("Ada", "Bo", "Cy")):
        gallery.enrol(name, v[5 * person])
    assert [gallery.identify(v[5 * p + 3]).name for p in range(3)] == ["Ada", "Bo", "Cy"]
    stranger = -unit(v[:15].sum(0)[None])[0]
    match = gallery.identify(stranger)
    assert match.name is None and match.nearest in gallery.names and match.distance > 0.8
    assert gallery.verify("Bo", v[6]) and not gallery.verify("Bo", v[1])
    gallery.forget("Bo")
    assert gallery.names == ("Ada", "Cy") and "Bo" not in gallery and gallery.identify(v[6]).nearest != "Bo"
    gallery.enrol("Bo", v[5:8])
    gallery.enrol("Bo", v[8], more=True)
    np.testing.assert_allclose(gallery.distances(v[9])[0, 2], ((v[9] - unit(v[5:9].sum(0)[None])[0]) ** 2).sum())


def test_a_gallery_is_saved_and_read_back(tmp_path):
    v, gallery = embeddings(), Gallery(0.7)
    gallery.enrol("Zoë ☂", v[0])
    gallery.enrol("Bo", v[5:7])
    gallery.save(tmp_path / "known.safetensors")
    again = Gallery.load(tmp_path / "known.safetensors")
    assert again.names == gallery.names and again.threshold == 0.7
    np.testing.assert_array_equal(again.distances(v), gallery.distances(v))
    again.enrol("Bo", v[7], more=True)
    Gallery().save(tmp_path / "nobody.safetensors")
    assert len(Gallery.load(tmp_path / "nobody.safetensors")) == 0


@pytest.mark.parametrize(
    ("do", "words"),
    [
        (lambda g, v: Gallery().identify(v[0]), "the gallery is empty: enrol somebody first"),
        (lambda g, v: g.enrol("Ada", v[1]), "'Ada' is enrolled already"),
        (lambda g, v: g.enrol("Bo", v[1], more=True), "nobody to add pictures to"),
        (lambda g, v: g.enrol(" ", v[1]), "needs a name"),
        (lambda g, v: g.enrol(7, v[1]), "needs a name"),
        (lambda g, v: g.enrol("Bo", v[:0]), "no face"),
        (lambda g, v: g.enrol("Bo", np.zeros(6)), "points nowhere"),
        (lambda g, v: g.enrol("Bo", v[0] * np.nan), "points nowhere"),
        (lambda g, v: g.enrol("Bo", v[0, :4]), "4 numbers, those enrolled 6"),
        (lambda g, v: g.identify(v[:2]), "one face at a time"),
        (lambda g, v: g.forget("Bo"), "nobody is enrolled as 'Bo'; there is Ada"),
        (lambda g, v: g.verify("Bo", v[0]), "nobody is enrolled as 'Bo'"),
        (lambda g, v: Gallery(float("nan")), "threshold"),
    ],
)
def test_mistakes_with_a_gallery_are_named(do, words):
    v, gallery = embeddings(), Gallery()
    gallery.enrol("Ada", v[0])
    with pytest.raises(ValueError, match=words):
        do(gallery, v)


@pytest.mark.parametrize(
    ("vectors", "metadata"),
    [
        (np.ones((2, 3)), {"kind": "gallery of faces", "names": '["a"]', "threshold": "1"}),
        (np.ones((2, 3)), {"kind": "gallery of faces", "names": '["a", "a"]', "threshold": "1"}),
        (np.ones((1, 3)), {"kind": "gallery of faces", "names": "[1]", "threshold": "1"}),
        (np.ones((1, 3)), {"kind": "gallery of faces", "names": "{", "threshold": "1"}),
        (np.ones((1, 3)), {"kind": "gallery of faces", "names": '["a"]', "threshold": "wide"}),
        (np.full((1, 3), np.nan), {"kind": "gallery of faces", "names": '["a"]', "threshold": "1"}),
        (np.ones((1, 3)), {"kind": "weights", "names": '["a"]', "threshold": "1"}),
        (np.ones((1, 3)), {}),
    ],
)
def test_a_file_that_holds_no_gallery_is_refused(tmp_path, vectors, metadata):
    save({"embeddings": vectors}, tmp_path / "x.safetensors", metadata)
    with pytest.raises(ValueError, match="holds no gallery"):
        Gallery.load(tmp_path / "x.safetensors")


def test_a_damaged_or_missing_gallery(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"cut off")
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        Gallery.load(tmp_path / "x.safetensors")
    with pytest.raises(FileNotFoundError):
        Gallery.load(tmp_path / "nowhere.safetensors")


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


def test_photographs_are_varied_within_bounds():
    rng = np.random.default_rng(0)
    images = rng.random((4, 3, 28, 24), np.float32)
    still = vary_photographs(images, np.random.default_rng(1), turn=0, scale=0, shift=0, contrast=0, brightness=0)
    for before, after in zip(images, still):
        assert np.allclose(after, before, atol=1e-5) or np.allclose(after, before[..., ::-1], atol=1e-5)
    varied = vary_photographs(images, np.random.default_rng(1))
    assert varied.shape == images.shape and varied.dtype == np.float32 and np.abs(varied - images).mean() > 0.01
    np.testing.assert_array_equal(varied, vary_photographs(images, np.random.default_rng(1)))
