# %% [markdown]
r"""
Arithmetic in embedding space, step by step
===========================================

The deck "Computer Vision - Lecture 16: Deep Learning Applications", slide "Vector Arithmetics in Embedding Space":
"Learned embeddings often preserve linear regularities between concepts. Analogy questions can be
answered through simple algebraic operations with the vector representation of words", e.g.
vec("King") - vec("Man") + vec("Woman") = nearly vec("Queen").

First with words, from nothing but a text; then with faces. Step through it cell by cell, change a
number, look again. As a script, from the root of the checkout:
``python lectures/walkthroughs/embedding_arithmetic.py``.

The code it explains, and calls: ``lectures/faces/embedding_arithmetic.py``.
"""

# %%
import inspect
import os
import sys
from argparse import Namespace
from tempfile import mkdtemp

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

import pyconvnet as pcn
from lectures.faces import embedding_arithmetic as arithmetic
from lectures.faces.drawing import arithmetic_figures
from lectures.faces.foundation import face_questions, grammar, word_vectors
from lectures.faces.foundation.embedding import EmbeddingNet
from lectures.faces.foundation.face_reader import FaceReader, Settings, learn_to_read
from lectures.faces.triplet import trained
from lectures.finished import finished
from lectures.report import Report
from pyconvnet.viz import montage

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # shorter texts and trainings, for a test of this file
pcn.manual_seed(0)

# %% [markdown]
# A text in which every meaning is known
# --------------------------------------
# To check answers one must know what words mean. So a small grammar writes the text. A noun has a
# house, a sex and an age, and each of the three has words of its own that stand beside it; one word in
# eight is a mistake. Nobody tells the machine any of this: it gets the sentences.

# %%
text = grammar.text(1000 if QUICK else arithmetic.SENTENCES)
for sentence in text[:6]:
    print(" ".join(sentence))
print(f"\n{len(text)} sentences, {len(grammar.ALL_NOUNS)} nouns")

# %% [markdown]
# Slide "Vector Arithmetics in Embedding Space": the vector representation of words
# ---------------------------------------------------------------------------------
# "You shall know a word by the company it keeps": count how often word j stands within four words of
# word i; compare with what chance would give; keep what is more than that (PPMI).

# %%
words, counts = word_vectors.cooccurrences(text)
table = word_vectors.ppmi(counts)
row = {word: i for i, word in enumerate(words)}
print(inspect.getsource(word_vectors.ppmi))
for noun in ("king", "queen", "mare"):
    near = np.argsort(-table[row[noun]])[:8]
    print(f"{noun:6}", ", ".join(f"{words[j]} {table[row[noun], j]:.1f}" for j in near))

# %% [markdown]
# That is a vector of as many numbers as there are words, most of them chance. A singular value
# decomposition keeps the 24 directions in which words differ most. (word2vec, which is a network, comes
# out at nearly the same vectors: Levy and Goldberg, 2014.)

# %%
words, vectors = word_vectors.word_vectors(text)
singular = np.linalg.svd(table, compute_uv=False)
figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
nouns = [row[noun.word] for noun in grammar.ALL_NOUNS]
shown = axes[0].imshow(table[nouns], aspect="auto", cmap="magma")
axes[0].set(xlabel="neighbours (all words)", ylabel="nouns, house by house", title="PPMI")
figure.colorbar(shown, ax=axes[0])
axes[1].plot(singular, ".-")
axes[1].axvline(word_vectors.NUMBERS, color="0.6")
axes[1].set(xlabel="k", title="singular values: those before the line are kept")
plt.show()

# %% [markdown]
# King - man + woman
# ------------------
# The answer is the word whose vector has the smallest angle with the sum. The three words of the
# question do not count: the sum is always near king.

# %%
print(inspect.getsource(arithmetic.answers))
for plus, minus in (["king", "woman"], "man"), (["prince", "mare"], "stallion"), (["colt", "queen"], "filly"):
    print(f"{plus[0]} - {minus} + {plus[1]} = {arithmetic.solve(words, vectors, plus, [minus])}")

# %% [markdown]
# Why does it work? What woman has more than man, queen has more than king: the company of "she". So the way
# from male to female is the same in every house, and king - man + woman arrives at queen. (Upwards in the
# picture is that way as the *young* nouns have it, which are not drawn.)

# %%
figure, ax = plt.subplots(figsize=(6.5, 5.5), layout="constrained")
arithmetic_figures.word_map(ax, words, vectors)
plt.show()

# %% [markdown]
# How often is it right?
# ----------------------
# 960 questions, in which a and b differ in sex alone or in age alone. Beside it what the sum must beat:
# the word nearest to b, or to c, without any sum; and the same text with all words shuffled, in which
# words are as frequent, but nobody keeps company with anybody.

# %%
judged = arithmetic.judge_words(text)
print(f"b - a + c: {judged['accuracy']:.3f}, without a sum: {judged['alone']:.3f}")
print(f"shuffled text: {arithmetic.judge_words(grammar.shuffled(text))['accuracy']:.3f}")
print(f"if a, b and c may be answers, too: {arithmetic.judge_words(text, leave_out=False)['accuracy']:.3f}")

# %%
lengths = (100, 300, 1000) if QUICK else arithmetic.LENGTHS
real = [arithmetic.judge_words(text[:n])["accuracy"] for n in lengths]
random = [arithmetic.judge_words(grammar.shuffled(text[:n]))["accuracy"] for n in lengths]
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
arithmetic_figures.more_text(ax, lengths, real, random, 1 / (len(words) - 3))
plt.show()

# %% [markdown]
# The same with faces
# -------------------
# The features of a network are an embedding, too. Which regularities do they keep? Those of what the
# network has learned. One network learns attributes: is the mouth smiling, is there a hat, are there
# glasses?

# %%
options = Namespace(seed=0, quick=QUICK, data=None, resume=False)
report = Report("walkthrough", mkdtemp())
data, S = arithmetic.pictures(Namespace(**vars(options) | {"quick": True}))
images, unseen = data.train.images(), data.test.images()
reader = finished(FaceReader(("attributes",)), "embedding_arithmetic", "attributes")
if reader is None:
    reader = FaceReader(("attributes",))
    learn_to_read(reader, images, S, Settings(steps=150, quick=40), options, report)
figure, ax = plt.subplots(figsize=(9, 2.8), layout="constrained")
montage(images[:16], columns=8, ax=ax)
ax.set_title("two people, each with all combinations of mouth, hat and glasses")
plt.show()

# %% [markdown]
# Another network learns *who* it is, by the triplet loss (``python -m lectures triplet``): its vector is to
# be the same with and without glasses. It is taught to erase what the first one keeps.

# %%
who = finished(EmbeddingNet(), "embedding_arithmetic", "who")
if who is None:
    who, _ = trained(options, report, data, arithmetic.triplet.Settings(steps=120, quick=30))

# %% [markdown]
# The questions: a person without glasses (a), the same with glasses (b), somebody else without (c). Who
# is nearest to b - a + c? Right is everybody with glasses who otherwise looks like c: mouth up or down,
# hat or not. Guessing is right in one of eight.

# %%
questions, expected = face_questions.face_questions(data.test.count, 500)
encoders = {"attributes": reader.embeddings, "who it is": who.embed, "pixels": lambda x: x.reshape(len(x), -1)}
kept, found = {}, {}
for name, encode in encoders.items():
    learned, vectors = encode(images), encode(unseen)
    learned, vectors = learned - learned.mean(0), vectors - learned.mean(0)
    found[name] = arithmetic.answers(vectors, questions)
    kept[name] = arithmetic.judge_faces(vectors, questions, expected)
    kept[name]["linear"] = face_questions.linear_reading(learned, S[:, [0, 2, 3]], vectors)
    kept[name]["auc"] = face_questions.same_person(vectors)
    print(name, {measure: round(value, 2) for measure, value in kept[name].items()})

# %%
figure, axes = plt.subplots(5, 6, figsize=(9, 8.6), layout="constrained")
arithmetic_figures.sums_of_faces(axes, unseen, questions, found, expected)
plt.show()

# %% [markdown]
# What an embedding is good for
# -----------------------------
# The two networks have nearly the same layers and have seen the same faces. One can add glasses and hardly tells
# people apart, the other the other way round: an embedding keeps what its loss pays for. "Linear
# regularities between concepts" is thus a statement about a training, and not about networks.

# %%
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
arithmetic_figures.draw_kept(ax, kept)
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures embedding_arithmetic``: the full trainings, and the numbers beside their
#   baselines in ``out/embedding_arithmetic/``.
# - ``python -m lectures triplet``: the embedding that tells people apart.
# - Change ``MISTAKES`` in ``lectures/faces/foundation/grammar.py``: how much noise do analogies bear?
