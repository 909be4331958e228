"""The pictures of verification and recognition: curves, distances, who looks like whom."""

import numpy as np

import pyconvnet as pcn
from lectures.detection.drawing.figures import draw_losses
from lectures.faces.foundation.verification import all_pairs, balanced_threshold


def show(ax, image, title="", colour=None):
    """A face, with a title, in a frame of a colour."""
    image = np.asarray(image)
    ax.imshow(np.clip(image.transpose(1, 2, 0), 0, 1).squeeze(), cmap="gray")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title(title, fontsize=9)
    for spine in ax.spines.values():
        spine.set(edgecolor=colour or "0.7", linewidth=3 if colour else 0.8)


def loss_curve(report, training):
    """The loss at every step, and what the loss noted beside it."""
    noted = {k: v for k, v in training.parts.items() if np.ptp(v) and k not in ("triplet", "pairs")}
    with report.figure("loss", 1, 1 + bool(noted), size=(6, 4)) as axes:
        draw_losses(axes[0, 0], training.losses, per="batch")
        axes[0, 0].set_yscale("linear")
        for name, values in noted.items():
            axes[0, 1].plot(np.arange(1, len(values) + 1), smoothed(values), label=name)
        if noted:
            axes[0, 1].set(xlabel="step", ylim=(0, None), title="of each batch (mean of 25 steps)")
            axes[0, 1].legend()


def smoothed(values, window=25):
    """The mean of the last `window` values at each step."""
    total = np.cumsum(np.insert(np.asarray(values, np.float64), 0, 0))
    first = np.maximum(np.arange(1, len(values) + 1) - window, 0)
    return (total[1:] - total[first]) / (np.arange(1, len(values) + 1) - first)


def draw_roc(ax, scores, people):
    """Share of accepted pairs of one person against that of two, for each {name: scores (n, n)}."""
    i, j, same = all_pairs(people)
    for k, (name, s) in enumerate(scores.items()):
        false, true, _ = pcn.metrics.roc_curve(s[i, j], same)
        colour, line = pcn.viz.class_style(k)
        ax.plot(false, true, line, color=colour, lw=2, label=f"{name}: area {pcn.metrics.roc_auc(s[i, j], same):.3f}")
    ax.plot([0, 1], [1, 0], color="0.7", lw=0.8)
    ax.set(xlabel="false accepts: pairs of two people taken for one", ylabel="true accepts: pairs of one person")
    ax.legend(loc="lower right", fontsize=8)
    ax.grid(alpha=0.3)


def roc(report, scores, people):
    """The ROC curves; where they cross the thin line is the equal error rate."""
    with report.figure("roc", size=(6, 5.5)) as axes:
        draw_roc(axes[0, 0], scores, people)


def draw_distances(ax, distances, same, threshold=None):
    """Histograms of the squared distances of pairs of one person and of two."""
    bins = np.linspace(0, max(float(distances.max()), 1e-6), 60)
    for kind, name, colour in ((same, "one person", "tab:blue"), (~same, "two people", "tab:orange")):
        ax.hist(distances[kind], bins, density=True, alpha=0.6, color=colour, label=f"{kind.sum()} pairs of {name}")
    if threshold is not None:
        ax.axvline(threshold, color="k", lw=1, label=f"threshold {threshold:.2f}")
    ax.set(xlabel="squared distance of two faces", ylabel="density")
    ax.legend(fontsize=8)


def distances(report, vectors, people):
    """The distances of unseen people's faces: one threshold should part them."""
    i, j, same = all_pairs(people)
    d = ((vectors[i] - vectors[j]) ** 2).sum(1)
    with report.figure("distances", size=(7, 4)) as axes:
        draw_distances(axes[0, 0], d, same, -balanced_threshold(-d, same))
        axes[0, 0].set_title("people never seen in training")


def draw_neighbours(axes, portraits, vectors):
    """A face to the left of each row of axes, the faces nearest to it beside it: blue the same person, orange not."""
    for line, person in zip(axes, np.linspace(0, portraits.count - 1, len(axes)).astype(int)):
        asked = int(np.flatnonzero(portraits.people == person)[0])
        d = ((vectors - vectors[asked]) ** 2).sum(1)
        show(line[0], portraits.image(asked), "whose face?")
        for ax, i in zip(line[1:], [i for i in np.argsort(d, kind="stable") if i != asked]):
            same = portraits.people[i] == person
            show(ax, portraits.image(i), f"{d[i]:.2f}", "tab:blue" if same else "tab:orange")


def neighbours(report, portraits, vectors, rows=5, columns=6):
    """Unseen faces, and the faces nearest to each."""
    rows, columns = min(rows, portraits.count), min(columns, len(portraits) - 1)
    with report.figure("neighbours", rows, columns + 1, size=(1.4, 1.6)) as axes:
        draw_neighbours(axes, portraits, vectors)


def mining(report, histories):
    """What each way to pick triplets does to the cost and to the distances within a batch."""
    with report.figure("mining", 1, 2, size=(6, 4)) as axes:
        for k, (name, training) in enumerate(histories.items()):
            colour, line = pcn.viz.class_style(k)
            steps = np.arange(1, training.step + 1)
            axes[0, 0].plot(steps, smoothed(training.losses), line, color=colour, lw=2, label=name)
            axes[0, 1].plot(steps, smoothed(training.parts["distance"]), line, color=colour, lw=2, label=name)
        axes[0, 0].axhline(training.parts["margin"][0], color="0.5", lw=0.8)
        axes[0, 0].set(xlabel="step", ylabel="cost of the triplets picked", ylim=(0, None))
        axes[0, 0].set_title("thin line: the margin")
        axes[0, 1].set(xlabel="step", ylabel="mean squared distance", ylim=(0, None), title="0: all faces at one point")
        axes[0, 0].legend()


def pairs(report, portraits, scores, columns=8):
    """Pairs that are sure and right, and the worst mistakes, with the probability of being one person."""
    i, j, same = all_pairs(portraits.people)
    s = scores[i, j]
    order = np.argsort(s, kind="stable")
    one, two = order[same[order]], order[~same[order]]
    lines = {"one person, sure": one[::-1], "one person, missed": one}
    lines |= {"two people, sure": two, "two people, mistaken": two[::-1]}
    columns = min(columns, len(one), len(two))
    with report.figure("pairs", 2 * len(lines), columns, size=(1.3, 1.45)) as axes:
        for k, (name, which) in enumerate(lines.items()):
            for column in range(columns):
                pair = which[column * max(1, len(which) // 50)] if k in (0, 2) else which[column]
                probability = 1 / (1 + np.exp(-s[pair]))
                show(axes[2 * k, column], portraits.image(i[pair]))
                show(axes[2 * k + 1, column], portraits.image(j[pair]), f"p = {probability:.3f}")
            axes[2 * k, 0].set_title(name, fontsize=9, loc="left")


def weights(report, model):
    """What each difference of the pair network counts: a negative weight says "not the same"."""
    with report.figure("weights", size=(7, 3)) as axes:
        axes[0, 0].bar(np.arange(len(model.weight.data)), np.sort(model.weight.data), color="tab:blue")
        axes[0, 0].axhline(0, color="k", lw=0.8)
        axes[0, 0].set(xlabel="feature, sorted", ylabel="weight of |y1 - y2|")
        axes[0, 0].set_title(f"logit = {model.bias.data[0]:.2f} + sum of weight x difference")


def draw_gallery(axes, known, portraits, vectors, seed=0):
    """Faces that a gallery is asked about, above enrolled people, below strangers; blue frames: it answered right."""
    names = portraits.names or tuple(f"person {person}" for person in range(portraits.count))
    rng, enrolled = np.random.default_rng(seed), np.array([name in known for name in names])[portraits.people]
    for line, which, who in zip(axes, (enrolled, ~enrolled), ("enrolled", "not enrolled")):
        for ax, i in zip(line, rng.permutation(np.flatnonzero(which))):
            match, name = known.identify(vectors[i]), names[portraits.people[i]]
            right = match.name == (name if name in known else None)
            title = f"{name}\n({who})\n-> {match.name or 'nobody I know'}"
            show(ax, portraits.image(i), title, "tab:blue" if right else "tab:orange")


def gallery(report, known, portraits, vectors, seed=0, columns=8):
    """What the gallery answered."""
    with report.figure("gallery", 2, columns, size=(1.6, 1.9)) as axes:
        draw_gallery(axes, known, portraits, vectors, seed)
