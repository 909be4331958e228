"""What a run leaves behind: the table on the screen, out/NAME/result.json and the figures."""

import json
import math
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pyconvnet as pcn
from pyconvnet.io import write_whole


class Report:
    """Collects a run's metrics, each beside the baseline it must beat, and writes everything whole or not at all.

    `metrics` and `baselines` hold numbers or {label: number} under the metric's name; `extra` whatever else was
    measured (times, counts); `variants` the metrics of other settings by name. `room`: a folder within out/NAME.
    """

    def __init__(self, lecture, out, seed=0, data=None, quick=False, room=""):
        self.lecture, self.seed, self.data, self.quick = lecture, seed, data, quick
        self.folder = Path(out) / lecture / room
        self.folder.mkdir(parents=True, exist_ok=True)  # a folder that cannot be made is better known now than later
        self.metrics, self.baselines, self.extra, self.variants = {}, {}, {}, {}
        self.train_seconds = 0.0
        self.figures = []

    @contextmanager
    def figure(self, name, rows=1, columns=1, size=(4, 4)):
        """A matplotlib figure with rows x columns axes of `size` inches each, saved as NAME.png at the end."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure.subplots(rows, columns, squeeze=False)
        picture = BytesIO()
        figure.savefig(picture, format="png", dpi=110)
        write_whole(self.folder / f"{name}.png", picture.getvalue())
        self.figures.append(self.folder / f"{name}.png")

    def finish(self):
        """Print the table and write result.json."""
        print(self.table())
        write_json(self.folder / "result.json", self.result())
        for path in (*self.figures, self.folder / "result.json"):
            print(path)

    def result(self):
        """What result.json holds."""
        return {
            "lecture": self.lecture,
            "seed": self.seed,
            "data": self.data,
            "quick": self.quick,
            "metrics": self.metrics,
            "baselines": self.baselines,
            "train_seconds": round(self.train_seconds, 2),
            "config": pcn.show_config(),
            "variants": self.variants,
            "extra": self.extra,
        }

    def table(self):
        """The metrics beside their baselines, time, what else was measured, and the variants, as text."""
        rows = [("metric", "value", "baseline")]
        for name, value in self.metrics.items():
            baseline = self.baselines.get(name)
            if isinstance(value, dict):
                rows += [(f"{name} {k}", show(v), show((baseline or {}).get(k))) for k, v in value.items()]
            else:
                rows.append((name, show(value), show(baseline)))
        rows.append(("train seconds", f"{self.train_seconds:.1f}", ""))
        rows += [(name.replace("_", " "), show(v), "") for name, v in self.extra.items() if isinstance(v, int | float)]
        columns = [k for v in self.variants.values() for k, n in v.items() if isinstance(n, int | float | str)]
        names = list(dict.fromkeys(columns))
        variants = [("variant", *names), *((k, *(show(v.get(n)) for n in names)) for k, v in self.variants.items())]
        return columns_of(rows) + ("\n\n" + columns_of(variants) if names else "")


def write_json(path, content):
    """Write a dict whole or not at all; a number that is not finite as null."""
    write_whole(path, json.dumps(_finite(content), indent=2) + "\n")


def columns_of(rows):
    """Rows of words under their titles: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [
        "  ".join([f"{first:<{widths[0]}}", *(f"{v:>{w}}" for v, w in zip(rest, widths[1:]))]).rstrip()
        for first, *rest in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def show(value):
    """A number as the tables have it."""
    if value is None:
        return ""
    return f"{value:.{3 if abs(value) < 100 else 1}f}" if isinstance(value, float) else str(value)


def _finite(x):
    """JSON has no NaN: undefined numbers become null."""
    if isinstance(x, dict):
        return {str(k): _finite(v) for k, v in x.items()}
    if isinstance(x, list | tuple):
        return [_finite(v) for v in x]
    return None if isinstance(x, float) and not math.isfinite(x) else x
