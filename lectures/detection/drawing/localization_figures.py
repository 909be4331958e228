"""What localization draws: the two terms of its cost, and what alpha does to both tasks."""

import numpy as np


def cost_curves(report, parts, alpha, window=50):
    """Both terms of J at every step: running means over `window` steps."""
    with report.figure("cost", size=(6, 4)) as axes:
        ax = axes[0, 0]
        labels = {"class": "J_class", "box": f"alpha J_box, alpha = {alpha:g}"}
        for (name, values), colour in zip(parts.items(), ("tab:blue", "tab:orange")):
            ax.plot(np.arange(1, len(values) + 1), values, color=colour, alpha=0.2, linewidth=0.7)
            if len(values) >= window:
                mean = np.convolve(values, np.ones(window) / window, mode="valid")
                ax.plot(np.arange(window, len(values) + 1), mean, color=colour, label=labels[name])
        ax.set(xlabel="step", ylabel="cost per picture", yscale="log")
        ax.legend()


def alpha_sweep(report, alphas):
    """Accuracy and IoU against alpha, with what the best constant answer reaches."""
    with report.figure("alpha", 1, 2, size=(4.6, 3.6)) as axes:
        places = np.arange(len(alphas))
        for ax, metric, title in zip(axes[0], ("accuracy", "iou"), ("right classes", "mean IoU of the box")):
            values = [report.variants[f"alpha {alpha:g}"][metric] for alpha in alphas]
            ax.plot(places, values, "o-", color="tab:blue")
            for x, v in zip(places, values):
                ax.annotate(f"{v:.2f}", (x, v), xytext=(0, 7), textcoords="offset points", ha="center", fontsize=9)
            ax.axhline(report.baselines[metric], color="0.5", linestyle="--", label="best constant answer")
            ax.set_xticks(places, [f"{alpha:g}" for alpha in alphas])
            ax.set(xlabel="alpha in J = J_class + alpha J_box", ylabel=title, ylim=(0, 1.3))
            ax.legend(loc="upper right", fontsize=8)
