"""What activation_maximization draws: a picture for every class and what a judge says of it, and for neurons."""

import numpy as np

from lectures.fixed_network.drawing.picture import show

ROWS = "no prior", "TV prior", "TV prior, jitter", "other goal, TV prior"


def classes(report, shown, judge, questions):
    """Figure `classes`: {arm: [(class, picture)]}, one column a class; green where the judge sees it, too."""
    columns = len(shown[ROWS[0]])
    with report.figure("classes", len(ROWS), columns, size=(1.5, 1.75)) as axes:
        for row, arm in zip(axes, ROWS):
            class_row(row, shown[arm], judge, questions, named=arm == ROWS[0])
            row[0].set_ylabel(arm.replace(", ", ",\n"), fontsize=10)


def class_row(row, pictures, judge, questions, named=True):
    """One arm: above each picture its class, if `named`; under it what the judge takes it for."""
    for ax, (wanted, image) in zip(row, pictures):
        show(ax, image)
        ax.set_title(str(wanted).replace("_", " ")[:16] if named else "", fontsize=10)
        if judge is not None:
            names, logits_of = next(q for q in questions.values() if wanted in q[0])
            seen = names[int(np.argmax(logits_of(judge, image[None]).data))]
            ax.set_xlabel(str(seen), fontsize=9, color="tab:green" if seen == wanted else "tab:red")


def neurons(report, fired):
    """Figure `neurons`: for each layer what makes its neurons fire, above the real pictures that do so most."""
    columns = max(len(f.images) for f in fired.values())
    with report.figure("neurons", 2 * len(fired), columns, size=(1.5, 1.6)) as axes:
        for k, (layer, found) in enumerate(fired.items()):
            neuron_rows(axes[2 * k : 2 * k + 2], layer, found)


def neuron_rows(axes, layer, found):
    """Two rows: made for a neuron, and the patch of a real picture that fires it most; below how much it fires."""
    for ax, image, value in zip(axes[0], found.images, found.made):
        show(ax, image, "", f"{value:.1f}")
    for ax, image, value in zip(axes[1], found.crops, found.largest):
        show(ax, image, "", f"{value:.1f}")
    axes[0][0].set_ylabel(f"{layer}: made", fontsize=9)
    axes[1][0].set_ylabel("most in\nreal pictures", fontsize=9)


