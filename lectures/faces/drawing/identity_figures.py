"""Pictures of several people with the names that were found, and how they were found."""

import numpy as np

import pyconvnet as pcn
from lectures.detection.foundation.matching import overlaps
from lectures.faces.drawing.alignment_figures import show

KNOWN, NOBODY = "#009E73", "#E69F00"


def draw_answers(ax, image, answers):
    """A picture with a box around each face, green with a name, orange for nobody I know."""
    pcn.viz.draw_boxes(image, np.zeros((0, 4)), ax=ax)
    for face, match in answers:
        colour = NOBODY if match.name is None else KNOWN
        pcn.viz.draw_boxes(None, face.box[None], color=colour, linewidth=2, ax=ax)
        x1, y1, x2, y2 = face.box
        low, right = y1 < 9, x1 > 0.6 * image.shape[2]  # no room above, or to the right
        ax.text(x2 if right else x1, y2 + 1 if low else y1 - 1, match.name or "nobody I know", fontsize=8,
                va="top" if low else "bottom", ha="right" if right else "left", clip_on=True,
                bbox={"facecolor": colour, "edgecolor": "none", "pad": 1, "alpha": 0.9})  # fmt: skip


def who_is_who(report, recogniser, image, known, most=6):
    """Figure: the picture with names; below, face by face: cut out, aligned, and the nearest person enrolled."""
    answers = recogniser.identify(image)[:most]
    columns = max(len(answers), 3)
    with report.figure("who_is_who", 1, 1, size=(2 * columns, 11)) as axes:
        figure = axes[0, 0].figure
        axes[0, 0].remove()
        draw_steps(figure, image, answers, known, columns)


def draw_steps(figure, image, answers, known, columns):
    """The picture on top, below it a column for each face: cut out with landmarks, aligned, nearest enrolled."""
    grid = figure.add_gridspec(4, columns, height_ratios=(3, 1, 1, 1))
    draw_answers(figure.add_subplot(grid[0, :]), image, answers)
    for k, (face, match) in enumerate(answers):
        cut, straight, nearest = (figure.add_subplot(grid[row, k]) for row in (1, 2, 3))
        show(cut, face.cut)
        show(straight, face.aligned)
        show(nearest, known[match.nearest])
        cut.set_title(f"found, {face.score:.2f}", fontsize=8)
        straight.set_title("aligned", fontsize=8)
        nearest.set_title(f"nearest: {match.nearest}, {match.distance:.2f}", fontsize=8)
        nearest.set_xlabel(match.name or "nobody I know", fontsize=9, color=NOBODY if match.name is None else KNOWN)


def several(report, recogniser, scenes, count=8):
    """Figure: unseen scenes with all answers."""
    with report.figure("parties", 2, count // 2, size=(3.6, 3.7)) as axes:
        for ax, i in zip(axes.flat, range(min(count, len(scenes)))):
            draw_answers(ax, scenes[i][0], recogniser.identify(scenes[i][0]))


def thresholds(report, recogniser, scenes, name_of, most=100):
    """Figure: how the answers to enrolled people and to strangers change with the threshold."""
    own, others, strangers = [], [], []
    known = set(recogniser.gallery.names)
    for i in range(min(most, len(scenes))):
        image, (boxes, _) = scenes[i]
        answers, people = recogniser.identify(image), scenes.people(i)
        if not (len(answers) and len(boxes)):
            continue
        table = overlaps(np.array([face.box for face, _ in answers]), boxes)
        for (_, match), row in zip(answers, table):
            if row.max() >= 0.5:
                name = name_of(people[row.argmax()])
                kind = strangers if name not in known else own if match.nearest == name else others
                kind.append(match.distance)
    with report.figure("threshold", size=(7, 4)) as axes:
        draw_thresholds(axes[0, 0], own, others, strangers, recogniser.gallery.threshold)


def draw_thresholds(ax, own, others, strangers, threshold):
    """Share of enrolled people called by their name, by another, and of strangers called by a name."""
    at = np.linspace(0, 2, 201)
    enrolled = max(len(own) + len(others), 1)

    def up_to(distances):
        return np.searchsorted(np.sort(distances), at, side="right")

    ax.plot(at, up_to(own) / enrolled, color=KNOWN, label="enrolled, right name")
    ax.plot(at, up_to(others) / enrolled, color="#D55E00", label="enrolled, wrong name")
    ax.plot(at, up_to(strangers) / max(len(strangers), 1), color=NOBODY, label="stranger, some name")
    ax.axvline(threshold, color="0.4", linestyle="--", label=f"threshold {threshold:.2f}, chosen on other people")
    ax.set(xlabel="squared distance up to which a face is somebody's", ylabel="share of faces", ylim=(0, 1.02))
    ax.legend(fontsize=8)
