"""A lecture once for each seed: `python -m lectures NAME --seeds 0 1 2`. What is skill, what luck?

Every number of the tables is set beside those of the other seeds: metrics, baselines, and the metrics of other
settings. Each run is whole in out/NAME/seed-N/, all of them together in out/NAME/seeds.json.
"""

from argparse import Namespace
from pathlib import Path

import numpy as np

from .report import Report, columns_of, show, write_json


def run_all(lecture, options):
    """Run a lecture with all of options.seeds, print the table, and write seeds.json. ValueError for an odd seed."""
    chosen = options.seeds
    if min(chosen) < 0 or len(set(chosen)) < len(chosen):
        raise ValueError(f"--seeds must be different numbers, none negative, got {' '.join(map(str, chosen))}")
    runs = [one_run(lecture, options, seed) for seed in chosen]
    found = summary(runs)
    print(f"\n{lecture.name}, seeds {' '.join(map(str, chosen))}\n{table(found, chosen)}")
    path = Path(options.out) / lecture.name / "seeds.json"
    told = {"lecture": lecture.name, "seeds": chosen, "data": options.data, "quick": options.quick}
    write_json(path, told | {"numbers": found})
    print(path)


def one_run(lecture, options, seed):
    """A run with one seed, in a folder of its own; what its result.json holds."""
    print(f"\n{lecture.name}, seed {seed}")
    report = Report(lecture.name, options.out, seed, options.data, options.quick, f"seed-{seed}")
    lecture.load().run(Namespace(**{**vars(options), "seed": seed}), report)
    report.finish()
    return report.result()


def summary(runs):
    """{name of a number: {"seeds": of each run (None where it has none), "mean", "lowest", "highest"}}.

    The mean of what is finite; None where nothing is.
    """
    named = [dict(numbers_of(run)) for run in runs]
    found = {}
    for name in dict.fromkeys(name for numbers in named for name in numbers):
        values = [numbers.get(name) for numbers in named]
        known = [v for v in values if v is not None and np.isfinite(v)]
        mean, ends = (float(np.mean(known)), (min(known), max(known))) if known else (None, (None, None))
        found[name] = {"seeds": values, "mean": mean, "lowest": ends[0], "highest": ends[1]}
    return found


def numbers_of(run):
    """(name, number) of a result: every metric and after it its baseline, then extra, then the variants."""
    baselines = dict(flat(run["baselines"]))
    for name, value in flat(run["metrics"]):
        yield name, value
        if name in baselines:
            yield f"{name}, baseline", baselines[name]
    yield from flat(run["extra"])
    yield from flat(run["variants"], ": ")


def flat(numbers, between=" "):
    """(name, number) of a dict of numbers, or of dicts of them, whose names are joined; whatever else it holds, not."""
    for name, value in numbers.items():
        if isinstance(value, dict):
            yield from ((f"{name}{between}{inner}", v) for inner, v in flat(value))
        elif isinstance(value, int | float | np.number):
            yield name.replace("_", " "), value


def table(found, chosen):
    """A line for every number: each seed, the mean, the lowest and the highest."""
    rows = [("", *(f"seed {seed}" for seed in chosen), "mean", "lowest", "highest")]
    rows += [(name, *map(show, (*v["seeds"], v["mean"], v["lowest"], v["highest"]))) for name, v in found.items()]
    return columns_of(rows)
