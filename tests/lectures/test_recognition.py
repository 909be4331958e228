"""Recognition: strangers are turned away, newcomers need no training, folders of photographs, defects in words."""

import json
import os
from argparse import Namespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from face_folder import write_people

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.faces import recognition
from lectures.faces.foundation.classifier import FaceClassifier, classification_loss
from lectures.faces.foundation.embedding import EmbeddingNet, unit
from lectures.faces.foundation.learning import Settings
from lectures.faces.foundation.portraits import FaceData, Portraits, face_data
from lectures.report import Report
from pyconvnet.testing import check_grads

OPTIONS = Namespace(seed=0, quick=False, data=None, resume=False, skip_bad=False)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))


def run(tmp_path, *more):
    return main(["recognition", "--quick", "--out", str(tmp_path), *more])


def result(tmp_path):
    return json.loads((tmp_path / "recognition" / "result.json").read_text())


def test_a_quick_run_writes_its_numbers(tmp_path):
    assert run(tmp_path) == 0
    found = result(tmp_path)
    assert set(found["metrics"]) == {"auc", "accuracy", "rank1", "eer"} == set(found["baselines"])
    assert {"triplet embedding", "softmax embedding", "pixel distance", "Fisherfaces"} <= set(found["variants"])
    extra = found["extra"]
    assert extra["newcomers_named_by_classifier"] <= 0.2 and extra["newcomers"] == 10
    assert {"known_and_named", "nobody_I_know", "ten_fold_accuracy", "enrolling_ms_each"} <= set(extra)
    assert not extra["folds_share_people"]


def test_people_with_two_pictures_only(tmp_path):
    assert run(tmp_path, "--data", f"faces:{write_people(tmp_path / 'people', pictures=2)}") == 0
    assert "newcomers" not in result(tmp_path)["extra"]


def test_a_defective_folder_stops_the_run_or_is_skipped(tmp_path, capsys):
    people = write_people(tmp_path / "people", people=9)
    (people / "s1" / "2.png").write_bytes(b"no picture")
    for picture in ("2.png", "3.png", "4.png"):
        (people / "s2" / picture).unlink()
    assert run(tmp_path, "--data", f"faces:{people}") == 2
    assert "2.png: unreadable" in capsys.readouterr().err
    assert run(tmp_path, "--data", f"faces:{people}", "--skip-bad") == 0
    said = capsys.readouterr().out
    assert "2.png" in said and "s2 holds 1 picture(s)" in said


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "nowhere", "there is no folder"),
        (lambda folder: write_people(folder, people=3), "3 people are too few"),
        (lambda folder: write_people(folder, pictures=1), "a pair of one person needs two"),
        (lambda folder: write_people(folder) / "s1", "one for each person"),
    ],
)
def test_folders_that_hold_no_people_get_one_line(tmp_path, capsys, make, words):
    assert run(tmp_path, "--data", f"faces:{make(tmp_path / 'people')}") == 2
    said = capsys.readouterr().err
    assert words in said and len(said.strip().splitlines()) == 1


def test_strangers_are_turned_away_where_embeddings_are_good():
    people = np.repeat(np.arange(12), 4)
    rng = np.random.default_rng(0)
    vectors = unit(np.eye(12)[people] + 0.02 * rng.normal(size=(48, 12)))
    gallery, outcome = recognition.open_set(vectors, Portraits(np.zeros((48, 1, 8, 8)), people))
    assert len(gallery) == 3 and outcome["known_and_named"] == 1 and outcome["nobody_I_know"] == 1
    gallery, outcome = recognition.open_set(unit(rng.normal(size=(48, 12))), Portraits(np.zeros((48, 1, 8, 8)), people))
    assert outcome["known_and_named"] < 0.6


def test_the_rehearsal_is_with_people_who_are_not_judged(monkeypatch):
    people, asked, questions = np.repeat(np.arange(12), 4), recognition._asked, []
    monkeypatch.setattr(recognition, "_asked", lambda *given: questions.append(given[2:]) or asked(*given))
    vectors = unit(np.random.default_rng(0).normal(size=(48, 12)))
    gallery, _ = recognition.open_set(vectors, Portraits(np.zeros((48, 1, 8, 8)), people))
    (known_before, strangers_before), (known, strangers) = questions
    quarters = np.concatenate([known_before, strangers_before, known, strangers])
    assert sorted(quarters) == list(range(12))
    assert sorted(gallery.names) == sorted(f"person {person}" for person in known)


def test_newcomers_are_asked_about_other_pictures_than_they_enrolled_with(tmp_path, monkeypatch):
    pictures = np.random.default_rng(0).random((24, 1, 8, 8)).astype(np.float32)
    train = Portraits(pictures[:9], np.repeat(np.arange(3), 3))
    test = Portraits(pictures[9:], np.repeat(np.arange(3), 5))
    classifier, seen = FaceClassifier(EmbeddingNet((8, 8), (4,), 3), 3), []

    class Spy:
        def embed(self, images, mirrored=False):
            seen.append({image.tobytes() for image in images})
            return classifier.embedding.embed(images, mirrored=mirrored)

    monkeypatch.setattr(recognition, "retrain", lambda *given: None)
    found = recognition.newcomers(OPTIONS, Report("recognition", tmp_path), FaceData(train, test), classifier, Spy())
    old, enrolled, asked = seen
    assert found["newcomers"] == 3 and (len(old), len(enrolled), len(asked)) == (9, 9, 6)
    assert not old & enrolled and not old & asked and not enrolled & asked


def test_new_labels_do_not_depend_on_what_was_drawn_before(tmp_path, monkeypatch):
    faces = pcn.data.Faces(4, 6, "val")
    data = FaceData(Portraits(faces, faces.labels), Portraits(faces, faces.labels))
    monkeypatch.setattr(recognition, "RETRAINING", Settings(steps=2, people=4, pictures=2))
    rows, settings = [], Settings(steps=1, people=4)
    for before in (0, 7):  # numbers
        classifier, _ = recognition.trained_classifier(OPTIONS, Report("a", tmp_path), data, settings)
        pcn.randn(before)
        larger = {}
        keep = lambda options, report, data, it, enrolled, larger=larger: larger.update(it.state_dict())
        monkeypatch.setattr(recognition, "retrain", keep)
        recognition.newcomers(OPTIONS, Report("a", tmp_path), data, classifier, classifier.embedding)
        rows.append(larger["directions"].data.copy())
    np.testing.assert_array_equal(*rows)


def test_too_few_unseen_people_for_a_threshold_are_named(tmp_path, capsys):
    assert run(tmp_path, "--data", f"faces:{write_people(tmp_path / 'people')}") == 0
    assert result(tmp_path)["data"].startswith("faces:") and result(tmp_path)["metrics"]["accuracy"] is None
    assert "no accuracy: the threshold is chosen on half of the unseen people" in capsys.readouterr().out


def test_the_classifier_is_a_scaled_cosine():
    model = FaceClassifier(EmbeddingNet((8, 8), (4,), 3), 5)
    images = np.random.default_rng(0).random((2, 1, 8, 8), np.float32)
    logits = model(pcn.tensor(images)).data
    y, w = model.embedding.embed(images), model.directions.data
    for n in range(2):
        for k in range(5):
            cosine = sum(float(a) * float(b) for a, b in zip(y[n], w[k])) / np.linalg.norm(w[k])
            assert logits[n, k] == pytest.approx(12 * cosine, abs=1e-4)
    assert model.predict(images).tolist() == logits.argmax(1).tolist()
    expected = (model.embedding.embed(images, mirrored=True) @ unit(w).T).argmax(1)
    assert model.predict(images, mirrored=True).tolist() == expected.tolist()
    model.directions.data = w.astype(np.float64)
    check_grads(lambda e: model.logits(e), y.astype(np.float64))


def test_more_labels_leave_the_old_ones_and_the_old_network_alone():
    model = FaceClassifier(EmbeddingNet((8, 8), (4,), 3), 5)
    images = np.random.default_rng(0).random((4, 1, 8, 8), np.float32)
    before = model(pcn.tensor(images)).data
    larger = model.with_more(2)
    assert larger.people == 7
    np.testing.assert_allclose(larger(pcn.tensor(images)).data[:, :5], before, rtol=1e-5)
    larger.embedding.last.weight.data[:] = 0
    np.testing.assert_array_equal(model(pcn.tensor(images)).data, before)


def test_newcomers_need_no_training_and_the_classifier_does(tmp_path, monkeypatch):
    train, test = pcn.data.Faces(30, 6, "train", upright=True), pcn.data.Faces(4, 6, "test", upright=True)
    data = FaceData(Portraits(train, train.labels), Portraits(test, test.labels))
    monkeypatch.setattr(recognition, "RETRAINING", Settings(steps=120, lr=2e-3))
    report = Report("recognition", tmp_path)
    classifier, _ = recognition.trained_classifier(OPTIONS, report, data, Settings(steps=150, lr=2e-3))
    assert (classifier.predict(data.train.images()) == data.train.people).mean() > 0.9
    weights = {name: v.data.copy() for name, v in classifier.state_dict().items()}
    found = recognition.newcomers(OPTIONS, report, data, classifier, classifier.embedding)
    assert found["newcomers_named_by_gallery"] > 0.4  # of 34
    assert found["newcomers_named_by_classifier"] <= 0.3 < found["newcomers_named_after_retraining"]
    assert found["enrolling_ms_each"] < 1000 * found["retraining_seconds"]
    for name, v in classifier.state_dict().items():
        np.testing.assert_array_equal(v.data, weights[name])


def test_one_batch_is_learned_by_heart():
    faces = pcn.data.Faces(4, 2, "val", upright=True)
    model = FaceClassifier(EmbeddingNet(), 4)
    optimizer = pcn.optim.Adam(model.parameters(), lr=2e-3)
    images, labels = np.stack([image for image, _ in faces]), faces.labels
    for _ in range(60):
        loss = classification_loss(model, pcn.tensor(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.02 and (model.predict(images) == labels).all()


def test_real_faces_load_and_train(tmp_path):
    root = os.environ.get("PYCONVNET_DATA")
    if not root:
        pytest.skip("PYCONVNET_DATA is not set: no real pictures here")
    options = Namespace(**{**vars(OPTIONS), "data": f"faces:{root}/faces/orl"})
    data = face_data(options)
    assert data.train.count == 30 and data.test.count == 10 and data.size == (56, 48) and data.among == 10
    model, training = recognition.trained_classifier(options, Report("recognition", tmp_path), data, Settings(steps=4))
    assert np.isfinite(training.losses).all() and model.people == 30
