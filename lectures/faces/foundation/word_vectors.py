"""Vectors of words, from nothing but which words stand together: PPMI of the co-occurrences, cut down by an SVD.

Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization" (2014): word2vec does nearly this.
"""

import numpy as np

WINDOW = 4  # words to the left and to the right that count as beside
SMOOTHING = 0.75  # of the frequencies of neighbours: rare ones would look too telling
NUMBERS = 24  # in a word's vector


def cooccurrences(sentences, window=WINDOW):
    """(words in alphabetical order, counts [n, n]): how often word j stands at most `window` words from word i."""
    words = sorted({word for sentence in sentences for word in sentence})
    if not words:
        raise ValueError("cooccurrences: the text has no words")
    if window < 1:
        raise ValueError(f"cooccurrences: window must be at least 1 word, got {window}")
    row = {word: i for i, word in enumerate(words)}
    counts = np.zeros((len(words), len(words)))
    for sentence in sentences:
        rows = np.array([row[word] for word in sentence], np.int64)
        for distance in range(1, min(window, len(rows) - 1) + 1):
            np.add.at(counts, (rows[distance:], rows[:-distance]), 1)
    return words, counts + counts.T


def ppmi(counts, smoothing=SMOOTHING):
    """max(0, log P(i, j) / (P(i) P(j))): how much oftener than by chance i and j stand together; 0 where never.

    P(j) is in proportion to (its count) ** smoothing. Levy, Goldberg & Dagan (2015).
    """
    total = counts.sum()
    if not total:
        return np.zeros_like(counts)  # no two words ever stand together
    word, neighbour = counts.sum(1) / total, counts.sum(0) ** smoothing
    expected = word[:, None] * (neighbour / neighbour.sum())
    ratio = np.divide(counts / total, expected, out=np.zeros_like(counts), where=counts > 0)
    return np.log(np.maximum(ratio, 1))


def word_vectors(sentences, numbers=NUMBERS, window=WINDOW):
    """(words, vectors [n, numbers]): U sqrt(S) of the SVD U S V^T of the PPMI matrix, its largest part.

    ValueError if there are fewer words than `numbers`.
    """
    words, counts = cooccurrences(sentences, window)
    if not 1 <= numbers <= len(words):
        raise ValueError(f"word_vectors: numbers must be 1 to {len(words)}, the words of the text, got {numbers}")
    U, S, _ = np.linalg.svd(ppmi(counts))
    return words, U[:, :numbers] * np.sqrt(S[:numbers])
