"""What style and style_naive draw: pictures beside the two they are made of, sweeps, layers, curves."""

import numpy as np

from lectures.fixed_network.drawing.picture import SMALL, show

COLUMNS = 8  # painted pairs in a figure


def rows(axes, pictures, titles=(), size=10):
    """A row of pictures for each {name: list of pictures CHW}, its name to the left; titles above the columns."""
    for row, (name, images) in zip(axes, pictures.items()):
        for ax, image in zip(row, images):
            show(ax, image)
        row[0].set_ylabel(name, fontsize=size)
    for ax, title in zip(axes[0], titles):
        ax.set_title(title, fontsize=size)


def inches(image):
    """(width, height) of a picture in a figure."""
    height, width = image.shape[1:]
    wide = 1.6 if max(height, width) <= SMALL else 4.4
    return wide, wide * height / width


def transferred(report, pairs, painted):
    """Figure: painted pairs in rows; of photographs every content in every style."""
    if pairs.textures is not None:
        pictures = {"content": pairs.contents, "style": pairs.styles, "painted": painted}
        pictures = {name: images[:COLUMNS] for name, images in pictures.items()}
        with report.figure("style", 3, len(pictures["style"]), size=(1.6, 1.65)) as axes:
            rows(axes, pictures, [name.replace(" in ", "\nin ") for name in pairs.names], 10)
        return
    for n, name in enumerate(pairs.names):
        wide, high = inches(painted[n])
        with report.figure(f"style_{n + 1}", size=(2 * wide, 2 * high + 0.3)) as axes:
            show(axes[0, 0], painted[n], name, size=13)
    contents = list(dict.fromkeys(name.partition(" in ")[0] for name in pairs.names))
    many = len(pairs) // len(contents)
    wide, high = inches(painted[0])
    with report.figure("style", len(contents) + 1, many + 1, size=(wide, high)) as axes:
        axes[0, 0].set_axis_off()
        for ax, n in zip(axes[0, 1:], range(many)):
            show(ax, pairs.styles[n])
        for k, row in enumerate(axes[1:]):
            show(row[0], pairs.contents[k * many])
            for n, ax in enumerate(row[1:]):
                show(ax, painted[k * many + n])


def copied(report, pairs, painted, thrown_away):
    """Figure: what matching positions gives for every alpha, and under it what Gram matrices give."""
    columns = min(6, len(pairs))
    pictures = {"content": pairs.contents, "style": pairs.styles}
    pictures |= {f"positions\n$\\alpha$ = {alpha:g}": images for alpha, images in painted.items()}
    pictures |= {"Gram\n$\\alpha$ = 0": thrown_away}
    wide, high = inches(pairs.contents[0])
    with report.figure("copied", len(pictures), columns, size=(min(wide, 3.2), min(high, 2.6) + 0.05)) as axes:
        rows(axes, pictures)


def layouts(report, pairs, copy, early, texture):
    """Figure: alpha 0 from noise. Positions give the style picture back, one layer grains, several its texture."""
    pictures = {"style": pairs.styles, "positions\n(naive)": copy}
    pictures |= {"Gram,\nfirst layer": early, "Gram,\nall layers": texture}
    with report.figure("layouts", 4, min(COLUMNS, len(pairs)), size=(1.6, 1.65)) as axes:
        rows(axes, pictures)


def sweep(report, pairs, painted, style, content):
    """Figures: the pictures of an alpha sweep, and both distances along the slide's axis."""
    wide, high = inches(pairs.contents[0])
    if len(pairs) == 1:  # a photograph: large, in two lines
        columns = (len(painted) + 3) // 2
        with report.figure("alpha", 2, columns, size=(wide, high + 0.3)) as axes:
            for ax in axes.ravel()[len(painted) + 2 :]:
                ax.set_axis_off()
            alphas_in_a_row(axes.reshape(1, -1)[:, : len(painted) + 2], pairs, painted, 14)
    else:
        with report.figure("alpha", min(3, len(pairs)), len(painted) + 2, size=(wide, high + 0.25)) as axes:
            alphas_in_a_row(axes, pairs, painted)
    with report.figure("alpha_distances", size=(6, 4)) as axes:
        distances(axes[0, 0], list(painted), style, content)


def alphas_in_a_row(axes, pairs, painted, size=9):
    """A row for each pair: style, the pictures from small to large alpha, content."""
    for n, row in enumerate(axes):
        show(row[0], pairs.styles[n], "style" if n == 0 else "", size=size)
        for ax, (alpha, images) in zip(row[1:-1], painted.items()):
            show(ax, images[n], f"$\\alpha/(1-\\alpha)$ = {alpha / (1 - alpha):.2g}" if n == 0 else "", size=size)
        show(row[-1], pairs.contents[n], "content" if n == 0 else "", size=size)


def distances(ax, alphas, style, content):
    """J_style and J_content of the results against alpha / (1 - alpha)."""
    axis = np.asarray(alphas) / (1 - np.asarray(alphas))
    for values, name, colour in ((style, "style", "#D55E00"), (content, "content", "#0072B2")):
        ax.loglog(axis, values, "o-", color=colour, linewidth=2, label=f"$J_{{{name}}}$: distance to the {name}")
    ax.set(xlabel="$\\alpha / (1 - \\alpha)$: weight of the content", ylabel="relative squared distance")
    ax.grid(alpha=0.3, which="both")
    ax.legend()


def more_and_more_layers(report, styles, textures):
    """Figure: from noise, the Gram matrices of the first layer, of the first two ..."""
    wide, high = inches(styles[0])
    wide, high = (wide, high) if wide < 2 else (0.75 * wide, 0.75 * high)
    with report.figure("layers", len(styles), len(textures) + 1, size=(wide, high + 0.2)) as axes:
        layers_in_a_row(axes, styles, textures)


def layers_in_a_row(axes, styles, textures):
    """A row for each style: the picture, then {what was matched: textures} from early to late."""
    for n, row in enumerate(axes):
        show(row[0], styles[n], "style" if n == 0 else "")
        for ax, (matched, images) in zip(row[1:], textures.items()):
            show(ax, images[n], matched if n == 0 else "")


def ways_down(report, pairs, painted, curves):
    """Figure: J against the steps for every way, and what each painted of the first pairs."""
    with report.figure("curves", size=(7, 4.5)) as axes:
        loss_curves(axes[0, 0], curves)
    wide, high = inches(pairs.contents[0])
    one = len(pairs) == 1  # a photograph: large, in two lines
    shape = (2, 2) if one else (min(3, len(pairs)), len(painted))
    with report.figure("ways", *shape, size=(max(wide, 2), high + 0.35)) as axes:
        for n, row in enumerate(axes.reshape(1, -1) if one else axes):
            for ax, (name, images) in zip(row, painted.items()):
                show(ax, images[n], name if n == 0 else "", size=10)


def loss_curves(ax, curves):
    """J at every step, {name of the way: numbers}."""
    for name, curve in curves.items():
        ax.semilogy(curve, label=f"{name}: {curve[-1]:.3g}", linewidth=2)
    ax.set(xlabel="steps", ylabel="J, mean of the pictures")
    ax.grid(alpha=0.3, which="both")
    ax.legend(title="way down: last J")
