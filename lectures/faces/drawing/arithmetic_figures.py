"""What embedding_arithmetic draws: a map of words, the worth of more text, sums of faces, what encoders keep."""

import numpy as np

from lectures.faces.foundation import grammar
from lectures.faces.foundation.embedding import unit

COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red")


def word_map(ax, words, vectors):
    """Arrows from grown males to females, a column per house: up is "female less male" of the young, not drawn."""
    v, row = unit(vectors), {word: i for i, word in enumerate(words)}
    man, woman, boy, girl = (np.stack([v[row[nouns[k]]] for nouns in grammar.NOUNS.values()]) for k in range(4))
    up = (girl - boy).mean(0)
    up /= np.linalg.norm(up)
    for x, ((male, female, *_), low, high) in enumerate(zip(grammar.NOUNS.values(), man @ up, woman @ up)):
        ax.annotate("", (x, high), (x, low), arrowprops={"arrowstyle": "->", "color": f"C{x}"})
        for word, y, away in ((male, low, -11), (female, high, 4)):
            ax.annotate(word, (x, y), xytext=(0, away if high > low else -7 - away), textcoords="offset points",
                        color=f"C{x}", ha="center", fontsize=8)  # fmt: skip
    both, room = np.r_[man, woman] @ up, 0.25 * np.ptp(np.r_[man, woman] @ up)
    ax.set(xlim=(-0.8, 7.8), ylim=(both.min() - room, both.max() + room), ylabel='"female less male" of the young')
    ax.set_xticks(range(8), [house.replace(" and ", "\nand ") for house in grammar.NOUNS], fontsize=7, rotation=30)


def more_text(ax, lengths, real, random, chance):
    """Accuracy of the analogies against the sentences of the text, as it is and shuffled."""
    ax.plot(lengths, real, "o-", label="b - a + c, text of the grammar")
    ax.plot(lengths, random, "s--", color="tab:red", label="the same words shuffled")
    ax.axhline(chance, color="0.5", linewidth=1, label="guessing a word")
    ax.set(xscale="log", xlabel="sentences", ylabel="right answers", ylim=(-0.03, 1.03))
    ax.legend(loc="upper left", fontsize=8)


def words(report, vocabulary, vectors, lengths, real, random):
    """Figure: the map of words and what more text is worth."""
    with report.figure("words", 1, 2, size=(5.4, 4.6)) as axes:
        word_map(axes[0, 0], vocabulary, vectors)
        axes[0, 0].set_title("from male to female is always the same way")
        more_text(axes[0, 1], lengths, real, random, 1 / (len(vocabulary) - 3))
        axes[0, 1].set_title(f"{len(grammar.questions())} analogies")


def sums_of_faces(axes, images, questions, found, expected):
    """A row per question: a, b, c, and whom each encoder answers with. `found` is {encoder: rows of the gallery}."""
    for k, (row, question) in enumerate(zip(axes, questions)):
        for ax, i, title in zip(row, question[[1, 0, 2]], ("b", "$-$ a", "$+$ c")):
            show(ax, images[i])
            ax.set_title(title, fontsize=10)
        for ax, (name, rows) in zip(row[3:], found.items()):
            right = rows[k] % 8 == expected[k]
            show(ax, images[rows[k]])
            ax.set_title(("= " if ax is row[3] else "") + name, fontsize=9)
            ax.set_xlabel("right" if right else "wrong", color="tab:green" if right else "tab:red", fontsize=9)


def show(ax, image):
    """A face without ticks."""
    ax.imshow(np.clip(image, 0, 1).transpose(1, 2, 0))
    ax.set(xticks=[], yticks=[])


def faces(report, images, questions, found, expected, rows=5):
    """Figure: some sums of faces."""
    with report.figure("faces", rows, 3 + len(found), size=(1.6, 1.75)) as axes:
        sums_of_faces(axes, images, questions[:rows], found, expected)


def kept(report, variants):
    """Figure: of each encoder, what its vectors are good for."""
    with report.figure("kept", size=(7, 4)) as axes:
        draw_kept(axes[0, 0], variants)


def draw_kept(ax, variants):
    """Bars {encoder: {"accuracy", "linear", "auc"}}, each measure with what chance gives."""
    measures = {"accuracy": ("sums of faces", 1 / 8), "linear": ("mouth, hat, glasses\nread by a plane", 1 / 2),
                "auc": ("the same person?\n(AUC)", 1 / 2)}  # fmt: skip
    for k, (name, values) in enumerate(variants.items()):
        heights = [values[m] for m in measures]
        bars = ax.bar(np.arange(3) + 0.26 * (k - 1), heights, 0.25, label=name, color=COLOURS[k])
        ax.bar_label(bars, [f"{h:.2f}" for h in heights], fontsize=8)
    for x, (_, chance) in enumerate(measures.values()):
        ax.plot([x - 0.42, x + 0.42], [chance, chance], "k--", linewidth=1, label="chance" if x == 0 else None)
    ax.set_xticks(range(3), [title for title, _ in measures.values()])
    ax.set(ylim=(0, 1.3), title="what the vectors of unseen people are good for")
    ax.legend(loc="upper center", ncols=4, fontsize=8)
