"""Sums of embeddings: against naive loops, on planted vectors, on words, on faces; the run."""

import json
from collections import Counter
from math import log

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures.__main__ import main
from lectures.faces import embedding_arithmetic as lecture
from lectures.faces.foundation import face_questions, grammar
from lectures.faces.foundation.word_vectors import cooccurrences, ppmi, word_vectors

SMALL = [["the", "king", "rules"], ["the", "queen", "rules", "the", "realm"], ["king"], []]


# Words


@pytest.mark.parametrize("window", [1, 2, 9])
def test_cooccurrences_are_counted_as_in_loops(window):
    words, counts = cooccurrences(SMALL, window)
    assert words == sorted(words) and set(words) == {"the", "king", "queen", "rules", "realm"}
    expected = Counter()
    for s in SMALL:
        for i in range(len(s)):
            for j in range(len(s)):
                if i != j and abs(i - j) <= window:
                    expected[s[i], s[j]] += 1
    for i, first in enumerate(words):
        for j, second in enumerate(words):
            assert counts[i, j] == expected[first, second]


def test_ppmi_is_its_formula_in_loops():
    counts = np.random.default_rng(0).poisson(1.0, (6, 6)).astype(float)
    counts += counts.T
    total, smooth = counts.sum(), [row.sum() ** 0.75 for row in counts]
    for i in range(6):
        for j in range(6):
            chance = counts[i].sum() / total * smooth[j] / sum(smooth)
            expected = max(0.0, log(counts[i, j] / total / chance)) if counts[i, j] else 0.0
            assert ppmi(counts)[i, j] == pytest.approx(expected)
    assert not ppmi(np.zeros((3, 3))).any()


def test_all_numbers_of_the_svd_give_the_table_back_up_to_signs():
    words, vectors = word_vectors(SMALL, 5, window=2)
    table = ppmi(cooccurrences(SMALL, 2)[1])
    np.testing.assert_allclose(vectors @ vectors.T @ vectors @ vectors.T, table @ table.T, atol=1e-9)
    assert len(words) == 5


@pytest.mark.parametrize("arguments, words", [
    (([],), "the text has no words"), (([[]],), "the text has no words"), ((SMALL, 0), "got 0"),
    ((SMALL, 6), "1 to 5, the words of the text, got 6"), ((SMALL, 2, 0), "window must be at least 1"),
])  # fmt: skip
def test_impossible_vectors_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        word_vectors(*arguments)


def test_the_grammar_writes_the_same_text_again_and_shuffling_keeps_the_words():
    text = grammar.text(200, seed=3)
    assert grammar.text(50, seed=3) == text[:50] and grammar.text(50, seed=4) != text[:50]
    mixed = grammar.shuffled(text)
    assert [len(s) for s in mixed] == [len(s) for s in text] and mixed != text
    assert Counter(w for s in mixed for w in s) == Counter(w for s in text for w in s)


def test_questions_change_one_thing():
    meaning = {n.word: (n.house, n.sex, n.age) for n in grammar.ALL_NOUNS}
    asked = grammar.questions()
    assert len(asked) == len(set(asked)) == 960 and ("man", "woman", "king", "queen") in asked
    for q in asked:
        a, b, c, d = (meaning[word] for word in q)
        changes = [k for k in range(3) if a[k] != b[k]]
        assert len(changes) == 1 and changes == [k for k in range(3) if c[k] != d[k]] and changes != [0]
        assert (a[changes[0]], b[changes[0]]) == (c[changes[0]], d[changes[0]])


@pytest.mark.parametrize("seed", range(2))
def test_king_less_man_and_woman_is_queen_and_shuffled_text_knows_nothing(seed):
    text = grammar.text(2000, seed)
    judged = lecture.judge_words(text)
    assert judged["accuracy"] >= 0.7 > judged["alone"]
    assert lecture.judge_words(grammar.shuffled(text, seed))["accuracy"] < 0.05
    assert lecture.solve(*word_vectors(text), ["king", "woman"], ["man"]) == "queen"


def test_a_text_without_the_nouns_knows_no_answer():
    text = [[f"word{i}" for i in range(30)]] * 3
    assert lecture.judge_words(text) == {"accuracy": 0, "alone": 0}


def test_unknown_words_are_named():
    words, vectors = word_vectors(SMALL, 3)
    with pytest.raises(ValueError, match="no word 'emperor'; it has 5 others, such as king"):
        lecture.solve(words, vectors, ["emperor"], ["king"])


# Sums


def naive_answer(vectors, a, b, c, leave_out):
    best, highest = None, -np.inf
    length = [max(np.sqrt((v**2).sum()), 1e-12) for v in vectors]
    target = vectors[b] / length[b] - vectors[a] / length[a] + vectors[c] / length[c]
    for i, v in enumerate(vectors):
        if leave_out and i in (a, b, c):
            continue
        if target @ v / length[i] > highest:
            best, highest = i, target @ v / length[i]
    return best


@pytest.mark.parametrize("leave_out", [True, False])
def test_answers_are_those_of_loops(leave_out):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(20, 5))
    vectors[3] = 0
    questions = rng.integers(20, size=(50, 3))
    found = lecture.answers(vectors, questions, leave_out)
    assert found.tolist() == [naive_answer(vectors, *q, leave_out) for q in questions]


@pytest.mark.parametrize("questions, words", [
    (np.zeros((0, 3), int), "at least one"), (np.zeros((4, 2), int), r"got shape \(4, 2\)"),
    ([[0, 1, 5]], "0 to 5 of 5"), ([[0, -1, 2]], "-1 to 2 of 5"),
])  # fmt: skip
def test_impossible_questions_are_refused(questions, words):
    with pytest.raises(ValueError, match=words):
        lecture.answers(np.ones((5, 2)), questions)


# Faces


def test_face_questions_change_one_thing_and_keep_the_rest():
    questions, expected = face_questions.face_questions(5, 400, seed=1)
    looks = np.array(face_questions.COMBINATIONS)
    for (a, b, c), right in zip(questions, expected):
        assert a // 8 == b // 8 != c // 8 and min(a, b, c) >= 0 and max(a, b, c) < 40
        change = looks[b % 8] - looks[a % 8]
        assert np.count_nonzero(change) == 1
        np.testing.assert_array_equal(looks[right] - looks[c % 8], change)
    assert len(set(expected.tolist())) == 8
    with pytest.raises(ValueError, match="two people, got 1"):
        face_questions.face_questions(1, 10)


def test_vectors_made_of_the_attributes_answer_everything_and_those_of_the_person_by_chance():
    looks = np.tile(face_questions.COMBINATIONS, (20, 1)).astype(float)
    person = np.repeat(np.random.default_rng(0).normal(size=(20, 8)), 8, axis=0)
    questions, expected = face_questions.face_questions(20, 400)
    noise = np.random.default_rng(1).normal(0, 0.01, person.shape)
    assert lecture.judge_faces(looks, questions, expected)["accuracy"] == 1
    assert lecture.judge_faces(person + noise, questions, expected)["accuracy"] < 0.3
    assert face_questions.linear_reading(looks, looks, looks) == 1
    assert face_questions.linear_reading(person, looks, person) < 0.7
    assert face_questions.same_person(person + noise) == 1
    assert face_questions.same_person(looks) < 0.5  # of one person no two pictures look alike


def test_the_gallery_shows_unseen_people_in_every_combination():
    images, S = face_questions.gallery(2)
    assert images.shape == (16, 3, 32, 32) and images.dtype == np.float32 and 0 <= images.min() <= images.max() <= 1
    np.testing.assert_array_equal(images[:8], face_questions.gallery(1)[0])
    np.testing.assert_array_equal(np.sign(S[:, [0, 2, 3]]), np.tile(face_questions.COMBINATIONS, (2, 1)))
    assert (np.abs(images - face_questions.gallery(2, split="train")[0]).mean((1, 2, 3)) > 0.01).all()
    assert len(face_questions.gallery(2, rounds=3)[0]) == 48
    test, train = pcn.data.Faces(2, 1, "test"), pcn.data.Faces(40, 1, "train")
    assert not {test.identity(i) for i in range(2)} & {train.identity(i) for i in range(40)}


@pytest.mark.parametrize("split, seed", [("train", 0), ("val", 1), ("test", 2), ("test", 0)])
def test_a_face_of_the_gallery_says_nothing_about_its_pose(split, seed, monkeypatch):
    """A generator that also draws the person would give the first picture's pose away, where seed = split."""
    states = []

    def draw_pose(rng):
        states.append(str(rng.bit_generator.state))
        return drawn(rng)

    drawn = pcn.data.draw_pose
    monkeypatch.setattr(pcn.data, "draw_pose", draw_pose)
    face_questions.gallery(2, seed, split)
    faces = pcn.data.Faces(2, 20, split, seed=seed)
    theirs = [faces._generator(p, *more) for p in range(2) for more in ((), *((k,) for k in range(1, 20)))]
    assert len(set(states)) == 16 and not set(states) & {str(rng.bit_generator.state) for rng in theirs}


def test_a_quick_run_leaves_result_and_pictures(tmp_path, capsys):
    assert main(["embedding_arithmetic", "--quick", "--out", str(tmp_path)]) == 0
    folder = tmp_path / "embedding_arithmetic"
    found = json.loads((folder / "result.json").read_text())
    assert set(found["metrics"]["accuracy"]) == set(found["baselines"]["accuracy"]) == {"words", "faces"}
    assert found["metrics"]["accuracy"]["words"] >= 0.7
    assert {"attributes", "who it is", "pixels"} <= set(found["variants"])
    for name in ("words", "faces", "kept"):
        assert (folder / f"{name}.png").stat().st_size > 5000
    assert "king - man + woman = queen" in capsys.readouterr().out


def test_other_data_are_refused(tmp_path, capsys):
    assert main(["embedding_arithmetic", "--quick", "--data", "faces:x", "--out", str(tmp_path)]) == 2
    assert "leave --data out" in capsys.readouterr().err
