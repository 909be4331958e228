"""What the benchmarks have in common: the options that name files, and the files: numbers as JSON, bars as a figure."""

import json
import os
import platform
import sys
import time
from pathlib import Path

from pyconvnet import kernels
from pyconvnet.io import write_whole


def add_options(parser):
    """--json FILE and --figure FILE."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the ratios (needs matplotlib)")


def machine():
    """Where and when: processor, cores, instruction set, threads, PyTorch where it took part, load, date."""
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
        "torch": sys.modules["torch"].__version__ if "torch" in sys.modules else None,
        "load": round(os.getloadavg()[0], 2),
        "date": time.strftime("%Y-%m-%d"),
    }


def write(options, name, results, draw):
    """`results` to --json; to --figure what draw(figure) draws."""
    if options.json:
        told = {"benchmark": name, "machine": machine(), "results": results}
        write_whole(options.json, json.dumps(told, indent=1) + "\n")
    if options.figure:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        figure.savefig(options.figure, dpi=110)


def bars(ratios, label):
    """What draws {label: number} as bars, with `label` at the axis."""

    def draw(figure):
        figure.set_size_inches(7, 1 + 0.3 * len(ratios))
        axes = figure.subplots()
        axes.barh(list(ratios), list(ratios.values()))
        axes.invert_yaxis()
        axes.axvline(1, color="k", linewidth=0.8)
        axes.set(xlabel=label, xscale="log" if max(ratios.values()) > 20 else "linear")

    return draw
