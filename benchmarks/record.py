"""What the benchmarks have in common: the options that name files, and the files: numbers as JSON, bars as a figure."""

import json
import os
import platform
import time
from pathlib import Path

from pyconvnet import kernels


def add_options(parser):
    """--json FILE and --figure FILE."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the ratios (needs matplotlib)")


def machine():
    """Where and when: processor, cores, instruction set, threads, load, date."""
    cpu = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    except OSError:
        pass  # not on every system
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "isa": kernels.active_isa(),
        "threads": kernels.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),
        "date": time.strftime("%Y-%m-%d"),
    }


def write(options, name, results, ratios, label):
    """`results` to --json; `ratios` {label: number} as bars to --figure, with `label` at the axis."""
    if options.json:
        told = {"benchmark": name, "machine": machine(), "results": results}
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    if options.figure:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 1 + 0.3 * len(ratios)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.barh(list(ratios), list(ratios.values()))
        axes.invert_yaxis()
        axes.axvline(1, color="k", linewidth=0.8)
        axes.set(xlabel=label, xscale="log" if max(ratios.values()) > 20 else "linear")
        figure.savefig(options.figure, dpi=110)
