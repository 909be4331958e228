"""The table of speeds in the README: measure everything against PyTorch (a quarter of an hour), store it, write it."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from lectures.measured_page import README, between, table
from pyconvnet.io import write_whole

STORED = Path(__file__).with_name("measured")
BEGIN, END = "<!-- from benchmarks/measured, by benchmarks/table.py -->", "<!-- end of benchmarks/measured -->"
AVX2 = {"PYCONVNET_ISA": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}  # on both sides
SETTINGS = {  # of a process: threads and instruction set
    "1 thread": {"PYCONVNET_NUM_THREADS": "1"},
    "2 threads": {"PYCONVNET_NUM_THREADS": "2"},
    "AVX2, 1 thread": {"PYCONVNET_NUM_THREADS": "1"} | AVX2,
    "AVX2, 2 threads": {"PYCONVNET_NUM_THREADS": "2"} | AVX2,
}
IN_TURN = ("conv", "step", "matmul")  # with PyTorch, in each setting; nms has no threads and another opponent


def file_of(benchmark, setting):
    """benchmarks/measured/conv_avx2_1_thread.json and so on."""
    words = [benchmark, *setting.lower().replace(",", "").split()]
    return STORED / f"{'_'.join(words)}.json"


def measure(settings):
    """Every benchmark in those settings, each in a process of its own."""
    STORED.mkdir(exist_ok=True)
    for setting in settings:
        for benchmark in IN_TURN:
            print(f"\n{benchmark}, {setting}", flush=True)
            _run(SETTINGS[setting], benchmark, "--against", "torch", "--json", str(file_of(benchmark, setting)))
    print("\nnms", flush=True)
    _run({}, "nms", "--json", str(file_of("nms", "")))


def _run(environment, *arguments):
    subprocess.run([sys.executable, "-m", "benchmarks", *arguments], env=os.environ | environment, check=True)


def stored(benchmark, setting=""):
    return json.loads(file_of(benchmark, setting).read_text(encoding="utf-8"))


def lines():
    """The lines of the README between BEGIN and END."""
    conv, step, matmul = ([stored(name, s)["results"] for s in SETTINGS] for name in IN_TURN)
    rows = []
    for operation in conv[0]["summary"]:
        means = [c["summary"][operation] for c in conv]
        rows.append([f"convolution, {operation}", *(f"{m['nchw']:.2f} ({m['better layout']:.2f})" for m in means)])
    worst = [min(r["against_nchw"] for r in c["layers"]) for c in conv]
    rows.append(["the slowest of those layers and operations", *(f"{w:.2f}" for w in worst)])
    rows.append(["matrix products, median", *(f"{m['summary']['torch']['median']:.2f}" for m in matmul)])
    for what, title in (("tiny yolo", "training step, small detector"), ("loop of yolo", "training loop of `yolo`")):
        ratios = [s[what]["ratios"] for s in step]
        rows.append([title, *(f"{r['torch']:.2f} ({r['torch channels_last']:.2f})" for r in ratios)])
    memory = [s["memory_mb"] for s in step]
    rows.append(["memory of that step, MB, ours / PyTorch", *(f"{m['ours']:.0f} / {m['torch']:.0f}" for m in memory)])
    machine = stored("conv", "2 threads")["machine"]
    told = f"{machine['cpu']}, {machine['cores']} cores, {machine['isa']} unless said; PyTorch {machine['torch']}"
    faster = {(r["boxes"], r["scene"]): f"{r['ratio']:,.0f} times" for r in stored("nms")["results"]}
    return [
        *table(["times as fast as PyTorch (channels_last or the better layout)", *SETTINGS], rows),
        "",
        "Geometric means over 25 layers (42 products: the median), float32, each in turn with PyTorch. Non-maximum",
        f"suppression is {faster[9000, 'spread']} as fast as the textbook's loop in C++ on 9,000 boxes,",
        f"{faster[100_000, 'spread']} on 100,000, {faster[100_000, 'crowded']} where those crowd one picture.",
        f"{told}; {machine['date']}.",
    ]


def readme(text):
    """The README's text with the table in its place."""
    return between(text, BEGIN, END, lines())


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks table", description=__doc__)
    parser.add_argument("--stored", action="store_true", help="measure nothing, write the table from what is stored")
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=SETTINGS, help="measure only these again")
    options = parser.parse_args(arguments)
    if not options.stored:
        measure(options.settings)
    write_whole(README, readme(README.read_text(encoding="utf-8")))
    print(f"the table in {README.name} is written")
