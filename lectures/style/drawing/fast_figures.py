"""What fast_style draws: one pass beside descent, what it learned, and photographs painted by a published network."""

from lectures.style.drawing.style_figures import COLUMNS, rows, show


def painted(report, pairs, fast, slow):
    """Figure: unseen pictures, painted in one pass and by descent."""
    pictures = {"content": pairs.contents, "one pass": fast, "descent": slow}
    with report.figure("fast_style", 3, min(COLUMNS, len(pairs)) + 1, size=(1.6, 1.65)) as axes:
        for ax in axes[:, 0]:
            ax.set_axis_off()
        axes[1, 0].set_axis_on()
        show(axes[1, 0], pairs.styles[0], "the style")
        rows(axes[:, 1:], pictures)


def curves(report, losses, descent, fast, unchanged):
    """Figure: J while the network learns, and J while descent goes down, with what one pass reaches."""
    with report.figure("curves", 1, 2, size=(5.5, 4)) as axes:
        learned(axes[0, 0], losses)
        compared(axes[0, 1], descent, fast, unchanged)


def learned(ax, losses):
    """J of the batches while the network learns the style."""
    ax.semilogy(losses, color="#0072B2")
    ax.set(xlabel="training steps", ylabel="J of a batch", title="once for each style")
    ax.grid(alpha=0.3, which="both")


def compared(ax, descent, fast, unchanged):
    """J of unseen pictures: descent step by step, one pass, and the picture as it is."""
    ax.semilogy(descent, color="#D55E00", linewidth=2, label=f"descent: {descent[-1]:.3g}")
    ax.axhline(fast, color="#0072B2", linewidth=2, label=f"one pass of the network: {fast:.3g}")
    ax.axhline(unchanged, color="0.5", linestyle=":", label=f"unchanged: {unchanged:.3g}")
    ax.set(xlabel="steps of descent", ylabel="J of unseen pictures", title="for each picture")
    ax.grid(alpha=0.3, which="both")
    ax.legend()


def photographs(report, names, before, after):
    """Figures: each photograph as it is and painted; all of them in one."""
    for k, (name, image, painted) in enumerate(zip(names, before, after)):
        height, width = image.shape[1:]
        with report.figure(f"painted_{k + 1}", 1, 2, size=(6, 6 * height / width + 0.5)) as axes:
            show(axes[0, 0], image, name, size=13)
            show(axes[0, 1], painted, "painted", size=13)
