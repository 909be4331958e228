"""The arms of an experiment: networks that several claims need are trained once; a bar for each arm, dots for seeds."""

from dataclasses import replace

import numpy as np

from lectures.kept_network import keep_network, load_kept_network
from pyconvnet.data import Subset


def kept_arm(model, train, *identity):
    """`model` with the weights that an earlier claim or run left under `identity`; else what `train()` returns, kept.

    identity: all that the weights depend on, the code, too (`lectures.kept_network.code_of`).
    """
    if load_kept_network(model, *identity):
        return model.eval()
    model = train()
    keep_network(model, *identity)
    return model.eval()


def fewer(data, quick, train=20, test=20):
    """The data, with a few pictures only where `quick`."""
    if not quick:
        return data
    parts = (Subset(part, range(min(count, len(part)))) for part, count in ((data.train, train), (data.test, test)))
    return replace(data, **dict(zip(("train", "test"), parts)))


def grouped_bars(ax, runs, groups, label, colours=("#999999", "#0072B2")):
    """A group of bars for each of {number: its name}, a bar for each arm: the mean over the seeds, a dot for each.

    runs: as for `bars`, under "arms"; the numbers are shares.
    """
    at, width = np.arange(len(groups)), 0.38
    for k, (arm, colour) in enumerate(zip(runs[0]["arms"], colours)):
        values = np.array([[run["arms"][arm][number] for number in groups] for run in runs])
        ax.bar(at + (k - 0.5) * width, values.mean(0), width, color=colour, label=arm)
        for of_seed in values:
            ax.plot(at + (k - 0.5) * width, of_seed, "o", color="k", markersize=4, markerfacecolor="w")
    ax.set_xticks(at, groups.values())
    ax.set(ylabel=label, ylim=(0, 1))
    ax.legend(frameon=False, loc="upper left")
    ax.spines[["top", "right"]].set_visible(False)


def bars(ax, runs, label, number="map50", of="arms", colours=("#999999", "#0072B2"), rotate=0):
    """A bar for each arm, as high as the mean of `number` over the seeds, and a dot for each seed.

    runs: what `measure` returned, one per seed, each with {arm: {number: value}} under `of`. `colours` are repeated.
    """
    names = list(runs[0][of])
    values = np.array([[run[of][name][number] for name in names] for run in runs])
    ax.bar(range(len(names)), values.mean(0), color=[colours[i % len(colours)] for i in range(len(names))], width=0.6)
    for i, column in enumerate(values.T):
        spread = np.linspace(-0.12, 0.12, len(column)) if len(column) > 1 else [0]
        ax.plot(i + np.asarray(spread), column, "o", color="k", markersize=4, markerfacecolor="w")
        ax.annotate(f"{column.mean():.2f}", (i, column.max()), (0, 5), textcoords="offset points", ha="center")
    ax.set_xticks(range(len(names)), names, rotation=rotate, ha="right" if rotate else "center")
    ax.set(ylabel=label, ylim=(0, max(1.15 * float(values.max()), 0.05)))
    ax.spines[["top", "right"]].set_visible(False)
