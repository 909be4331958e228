"""Arithmetic in embedding space: king - man + woman is nearly queen, and glasses can be added to a face.

Deck "Computer Vision - Lecture 16: Deep Learning Applications", slide "Vector Arithmetics in Embedding Space": learned
embeddings often preserve linear regularities between concepts; analogy questions are answered by simple algebraic
operations. Mikolov et al., "Linguistic Regularities in Continuous Space Word Representations" (2013); the vectors by
Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization" (2014); faces as Radford et al., DCGAN (2016).

Words: a vector says beside which words a word stands: PPMI of the co-occurrences, cut down by an SVD. Ours is smaller:
a text of 4000 sentences that a grammar writes (`foundation/grammar.py`), so that every right answer is known. With the
same words shuffled, nothing is left. As in the literature the three words of a question are no answers; what happens
when they are stands under "variants".
Faces: the features of a network that learned the attributes smile, mouth, hat, glasses; face with glasses - face
without + another face without = a face with glasses that otherwise looks like the other one: its mouth, its hat. Whose
face it is nobody asks, and these features hardly tell. A network that learned *who* it is (triplet loss) was taught
to erase exactly these, so that the same sums fail on its vectors.
"""

import numpy as np

import pyconvnet as pcn
from lectures.faces import triplet
from lectures.faces.drawing import arithmetic_figures
from lectures.faces.foundation import face_questions, grammar
from lectures.faces.foundation.embedding import unit
from lectures.faces.foundation.face_reader import FaceReader, Settings, learn_to_read
from lectures.faces.foundation.portraits import FaceData, Portraits
from lectures.faces.foundation.word_vectors import word_vectors


def nearest(vectors, target, without=()):
    """The row of `vectors` [n, d] whose angle with `target` [d] is least, leaving out the rows `without`."""
    cosine = unit(vectors) @ target
    cosine[list(without)] = -np.inf
    return int(np.argmax(cosine))


def answers(vectors, questions, leave_out=True):
    """What a is to b, c is to: rows nearest to b - a + c, of vectors of length 1.

    Slide "Vector Arithmetics in Embedding Space". vectors [n, d], questions [m, 3] rows (a, b, c),
    which are no answers if `leave_out`. Returns rows [m].
    """
    v, (a, b, c) = unit(vectors), _columns(vectors, questions)
    return _best((v[b] - v[a] + v[c]) @ v.T, questions, leave_out)


def without_arithmetic(vectors, questions):
    """What the sum must beat: the neighbour of c alone, or of b alone. Rows [m] of each."""
    v, (_, b, c) = unit(vectors), _columns(vectors, questions)
    return _best(v[c] @ v.T, questions, True), _best(v[b] @ v.T, questions, True)


def _columns(vectors, questions):
    questions = np.asarray(questions)
    if questions.ndim != 2 or questions.shape[1] != 3 or not len(questions):
        raise ValueError(f"answers: questions must be rows (a, b, c), at least one, got shape {questions.shape}")
    if questions.min() < 0 or questions.max() >= len(vectors):
        raise ValueError(f"answers: questions name rows {questions.min()} to {questions.max()} of {len(vectors)}")
    return questions.T


def _best(cosine, questions, leave_out):
    if leave_out:
        cosine[np.arange(len(cosine))[:, None], questions] = -np.inf
    return cosine.argmax(1)


def solve(words, vectors, plus, minus):
    """The word nearest to the sum of `plus` less the sum of `minus`: solve(w, v, ["king", "woman"], ["man"]).

    ValueError names a word that the text does not hold.
    """
    rows = [[_row(words, word) for word in side] for side in (plus, minus)]
    v = unit(vectors)
    return words[nearest(v, v[rows[0]].sum(0) - v[rows[1]].sum(0), rows[0] + rows[1])]


def _row(words, word):
    if word not in words:
        raise ValueError(f"the text has no word {word!r}; it has {len(words)} others, such as {', '.join(words[:5])}")
    return words.index(word)


SENTENCES = 4000
LENGTHS = (100, 250, 500, 1000, 2000, SENTENCES)


def judge_words(sentences, leave_out=True):
    """Top-1 accuracy of all analogies of the grammar: {"accuracy": of the sum, "alone": of b's or c's neighbour}.

    The better of the two neighbours. A question with a word that the text does not hold counts as wrong.
    """
    words, vectors = word_vectors(sentences)
    row, asked = {word: i for i, word in enumerate(words)}, grammar.questions()
    known = np.array([[row[word] for word in q] for q in asked if all(word in row for word in q)]).reshape(-1, 4)
    if not len(known):
        return {"accuracy": 0.0, "alone": 0.0}
    questions, right = known[:, :3], known[:, 3]
    alone = max((found == right).sum() for found in without_arithmetic(vectors, questions))
    found = answers(vectors, questions, leave_out)
    return {"accuracy": float((found == right).sum() / len(asked)), "alone": float(alone / len(asked))}


def about_words(options, report):
    """The first half: the analogies of the grammar, as it is and shuffled, for texts of all LENGTHS."""
    text = grammar.text(SENTENCES, options.seed)
    real = [judge_words(text[:n]) for n in LENGTHS]
    random = [judge_words(grammar.shuffled(text[:n], options.seed)) for n in LENGTHS]
    words, vectors = word_vectors(text)
    report.metrics["accuracy"] = {"words": real[-1]["accuracy"]}
    report.baselines["accuracy"] = {"words": max(real[-1]["alone"], random[-1]["accuracy"])}
    report.variants["words, shuffled"] = random[-1]
    report.variants["words, question's own words are answers, too"] = judge_words(text, leave_out=False)
    report.extra["words"], report.extra["sentences"] = len(words), SENTENCES
    report.extra["guessing_a_word"] = 1 / (len(words) - 3)
    print(f"king - man + woman = {solve(words, vectors, ['king', 'woman'], ['man'])}")
    curves = [[found["accuracy"] for found in judged] for judged in (real, random)]
    arithmetic_figures.words(report, words, vectors, LENGTHS, *curves)


PEOPLE, ROUNDS, UNSEEN = 300, 2, 60  # people to learn from, and how often in every combination; people to be judged on
QUESTIONS = 2000
ATTRIBUTES, IDENTITY = Settings(steps=700), triplet.Settings(steps=600, quick=12)


def pictures(options):
    """(people to learn from and people to be judged on, S of the former): each in all combinations of attributes."""
    known, rounds, strangers = (20, 1, 12) if options.quick else (PEOPLE, ROUNDS, UNSEEN)
    images, S = face_questions.gallery(known, options.seed, "train", rounds)
    unseen, _ = face_questions.gallery(strangers, options.seed)
    train = Portraits(images, np.repeat(np.arange(known), 8 * rounds))
    return FaceData(train, Portraits(unseen, np.repeat(np.arange(strangers), 8))), S


def attribute_encoder(options, report, images, S):
    """A network that has learned to tell mouth, hat and glasses: pictures to its last features."""
    pcn.manual_seed(options.seed)
    reader = FaceReader(("attributes",))
    learn_to_read(reader, images, S, ATTRIBUTES, options, report, "attributes")
    return reader.embeddings


def judge_faces(vectors, questions, expected):
    """Shares of answers that look right (chance 1/8): {"accuracy": of the sum, "alone": of b's or c's neighbour}.

    Mouth, hat and glasses are as they should be; it may be anybody.
    """
    alone = max((found % 8 == expected).mean() for found in without_arithmetic(vectors, questions))
    return {"accuracy": float((answers(vectors, questions) % 8 == expected).mean()), "alone": float(alone)}


def about_faces(options, report):
    """The second half: sums of faces in three spaces, of the attributes, of who it is, and of the pixels."""
    data, S = pictures(options)
    images, unseen = data.train.images(), data.test.images()
    encoders = {
        "attributes": attribute_encoder(options, report, images, S),
        "who it is": triplet.trained(options, report, data, IDENTITY, stage="who")[0].embed,
        "pixels": lambda images: images.reshape(len(images), -1),
    }
    count = 200 if options.quick else QUESTIONS
    questions, expected = face_questions.face_questions(data.test.count, count, options.seed)
    found = {}
    for name, encode in encoders.items():
        learned, vectors = encode(images), encode(unseen)
        learned, vectors = learned - learned.mean(0), vectors - learned.mean(0)
        found[name] = answers(vectors, questions)
        report.variants[name] = judge_faces(vectors, questions, expected)
        report.variants[name]["linear"] = face_questions.linear_reading(learned, S[:, [0, 2, 3]], vectors)
        report.variants[name]["auc"] = face_questions.same_person(vectors)
    kept = {name: report.variants[name] for name in encoders}
    report.metrics["accuracy"]["faces"] = kept["attributes"]["accuracy"]
    others = [kept["attributes"]["alone"], kept["pixels"]["accuracy"], kept["who it is"]["accuracy"]]
    report.baselines["accuracy"]["faces"] = max(others)
    arithmetic_figures.faces(report, unseen, questions, found, expected)
    arithmetic_figures.kept(report, kept)


def run(options, report):
    """The lecture: sums of words, sums of faces."""
    if options.data is not None:
        raise ValueError("embedding_arithmetic writes its own text and paints its own faces: leave --data out")
    about_words(options, report)
    about_faces(options, report)
