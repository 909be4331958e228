"""What adversarial draws: picture + r = another class, robustness, all forms beside their controls, the defence."""

import numpy as np

from lectures.fixed_network.drawing.picture import show
from lectures.insight.foundation.attack import scores
from lectures.insight.foundation.equal_norm import gaussian, rms

ATTACK, NOISE, PERMUTED = "#D55E00", "#0072B2", "#999999"


def results(report, network, shown, found, table, curve, rounding, rng, columns=6):
    """Figures: `fooled`, `forms`, `robustness`, and `rounding` where r is so small that 8 bits matter."""
    main = next(form for form in found if form.output == "cross-entropy")
    chosen = different(shown.labels, columns)
    with report.figure("fooled", 4, len(chosen), size=(1.9, 2.15)) as axes:
        a = found[main]
        noisy = gaussian(shown.images, a.rms, rng)
        fooled(axes, network, shown.classes, shown.images[chosen], a.images[chosen], noisy[chosen])
    with report.figure("forms", size=(9, 0.5 * len(table) + 1.5)) as axes:
        forms(axes[0, 0], table)
    with report.figure("robustness", size=(6.5, 4.5)) as axes:
        robustness(axes[0, 0], curve)
    if rounding is not None:
        with report.figure("rounding", size=(5.5, 4)) as axes:
            rounded(axes[0, 0], rounding)


def defended(report, levels, curves):
    """Figure `defence`: accuracy of every network against the RMS."""
    with report.figure("defence", size=(9.5, 4.5)) as axes:
        withstands(axes[0, 0], levels, curves)


def different(labels, count):
    """Indices of up to `count` pictures, of as many classes as there are."""
    labels = np.asarray(labels)
    first = [int(np.flatnonzero(labels == c)[0]) for c in np.unique(labels)]
    return (first + [k for k in range(len(labels)) if k not in first])[:count]


def said(network, images, classes):
    """What a network says of each picture, and how sure it is, as text."""
    z = scores(network, images).astype(np.float64)
    y = np.exp(z - z.max(1, keepdims=True))
    y /= y.sum(1, keepdims=True)
    names = [str(classes[k]).replace("_", " ") for k in y.argmax(1)]
    return [f"{name[:24]}\n{sure:.2f}" for name, sure in zip(names, y.max(1))]


def fooled(axes, network, classes, images, attacked, noisy):
    """Rows: I, r (as bright as fits), I + r, I + noise of the same length; a column a picture, under each the label."""
    def says(pictures):
        return said(network, pictures, classes)

    r = attacked - images
    bright = 0.5 + r * (0.5 / np.maximum(np.quantile(np.abs(r), 0.995, (1, 2, 3), keepdims=True), 1e-9))
    rows = (("I", images, says(images)), ("r, amplified", np.clip(bright, 0, 1), None),
            ("I + r", attacked, says(attacked)), ("I + noise", noisy, says(noisy)))  # fmt: skip
    right = [words.split("\n")[0] for words in rows[0][2]]
    for row, (title, pictures, words) in zip(axes, rows):
        row[0].set_ylabel(title, fontsize=11)
        for k, (ax, picture) in enumerate(zip(row, pictures)):
            show(ax, picture)
            text = words[k] if words else f"RMS {rms(r[k : k + 1])[0]:.1f} of 255"
            wrong = words is not None and text.split("\n")[0] != right[k]
            ax.set_xlabel(text, fontsize=9, color=ATTACK if wrong else "k", fontweight="bold" if wrong else "normal")


def forms(ax, table):
    """A group of bars for each form: labels that change by it, by noise of the same length, by r in random order.

    For targeted forms the full colour counts the wanted label, the pale one any other, as the controls' bars do.
    """
    names = list(table)
    at = np.arange(len(names))[::-1]
    other = [table[name]["any_flip"] for name in names]
    ax.barh(at + 0.27, other, 0.27, color=ATTACK, alpha=0.3, label="any label")
    bars = ((0.27, "flip_rate", ATTACK, "attack"), (0, "noise_flip_rate", NOISE, "Gaussian noise, same RMS"),
            (-0.27, "permuted", PERMUTED, "r, pixels in random order"))  # fmt: skip
    for up, number, colour, label in bars:
        ax.barh(at + up, [table[name][number] for name in names], 0.27, color=colour, label=label)
    for y, name in zip(at, names):
        median, rate = table[name]["median_rms"], table[name]["flip_rate"]
        words = f"{rate:.0%}" + (f", RMS {median:.2g}" if np.isfinite(median) else "")
        end = table[name]["any_flip"], y + 0.27
        ax.annotate(words, end, (4, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(at, names)
    ax.set(xlim=(0, 1.3), xlabel="share of pictures whose label changes (targeted, full colour: to the wanted one)")
    ax.set_xticks(np.linspace(0, 1, 6))
    ax.legend(loc="lower right", fontsize=9, bbox_to_anchor=(1, 1), ncols=4, frameon=False)
    ax.spines[["top", "right"]].set_visible(False)


def robustness(ax, curve):
    """Share of labels that change against the RMS, attacked and with noise."""
    for of, colour, label in (("attack", ATTACK, "r of the attack"), ("noise", NOISE, "Gaussian noise")):
        ax.plot(curve["levels"], curve[of], "o-", color=colour, label=label, markersize=5)
    ax.axhline(0.5, color="0.7", linewidth=1)
    ax.set(xscale="log", ylim=(-0.03, 1.05), ylabel="share of labels that change",
           xlabel="RMS of what is added, grey levels of 255")  # fmt: skip
    ticks = [v for v in curve["levels"] if v not in (60, 80)]  # their labels would touch
    ax.set_xticks(ticks, [f"{v:g}" for v in ticks])
    ax.minorticks_off()
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    ax.grid(alpha=0.3)


def rounded(ax, rounding):
    """One literal step of each RMS: does its label survive a file of 8 bits?"""
    at, width = np.arange(len(rounding["levels"])), 0.38
    for k, (number, colour, label) in enumerate((("floats", "#E69F00", "floats"), ("rounded", ATTACK, "8 bits"))):
        ax.bar(at + (k - 0.5) * width, rounding[number], width, color=colour, label=label)
    ax.set_xticks(at, [f"{v:g}" for v in rounding["levels"]])
    ax.set(xlabel="RMS of one literal step, grey levels of 255", ylabel="share of labels that change", ylim=(0, 1.15))
    ax.legend(loc="upper left", frameon=False, ncols=2)
    ax.spines[["top", "right"]].set_visible(False)


def withstands(ax, levels, curves):
    """Accuracy against the RMS, for each network: attacked by its own gradient, dotted: with noise."""
    for (name, curve), colour in zip(curves.items(), (ATTACK, "#009E73", "#CC79A7")):
        if name != "another seed":
            ax.plot(levels, curve["attacked"], "o-", color=colour, label=f"{name}: attacked")
            ax.plot(levels, curve["noise"], ":", color=colour, label=f"{name}: noise")
        if name != next(iter(curves)):
            ax.plot(levels, curve["transferred"], "x--", color=colour, label=f"{name}: pictures made for the first")
    ax.set(xlabel="RMS of what is added, grey levels of 255", ylabel="accuracy", ylim=(-0.03, 1.03))
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    ax.grid(alpha=0.3)
