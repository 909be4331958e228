"""Non-maximum suppression against the textbook's loop: the same boxes kept, how many times as fast."""

import argparse
import ctypes
import itertools
import shutil
import statistics
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import record
from pyconvnet import kernels

SIZES = 1000, 9000, 100_000
THRESHOLD = 0.5


def spread(rng, n):
    """Boxes of 8 to 72 pixels, as many in every place whatever n: about forty on each point, as anchors lie."""
    return rng.uniform(0, 6.4 * np.sqrt(n), (n, 2)), rng.uniform(8, 72, (n, 2))


def crowded(rng, n):
    """All in one picture of 1000 x 1000, of 10 to 320 pixels, small ones more often."""
    size = 10 * 32 ** rng.random((n, 1)) * 2 ** rng.uniform(-0.5, 0.5, (n, 2))
    return rng.uniform(0, 1000, (n, 2)), size


def boxes_and_scores(scene, n):
    """float32 [n, 4] and [n], from the scene's centres and sizes."""
    rng = np.random.default_rng(0)
    centre, size = scene(rng, n)
    return np.concatenate([centre - size / 2, centre + size / 2], axis=1).astype(np.float32), rng.random(n, np.float32)


def plain_nms(folder):
    """plain_nms.cpp, built by the system's compiler without any -m flag, as a function of arrays."""
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise SystemExit("benchmarks nms: no C++ compiler was found to build plain_nms.cpp with")
    library = Path(folder) / "plain_nms.so"
    source = Path(__file__).with_name("plain_nms.cpp")
    subprocess.run([compiler, "-O3", "-std=c++17", "-fPIC", "-shared", str(source), "-o", str(library)], check=True)
    function = ctypes.CDLL(str(library)).plain_nms
    pointer = np.ctypeslib.ndpointer
    floats, whole = pointer(np.float32, flags="C"), pointer(np.int64, flags="C")
    function.argtypes = [ctypes.c_int64, floats, floats, ctypes.c_float, whole]
    function.restype = ctypes.c_int64

    def run(boxes, scores, iou_threshold):
        keep = np.empty(len(boxes), np.int64)
        return keep[: function(len(boxes), boxes, scores, iou_threshold, keep)]

    return run


def in_turn(plain, cpp, rounds=3):
    """Median seconds of each. A call of the loop may take ten seconds: no round of it is wasted on warming up."""
    times = {"plain": [], "cpp": []}
    for _ in range(rounds):
        for name, call, most in (("plain", plain, 0.2), ("cpp", cpp, 0.1)):
            start, calls = time.perf_counter(), 0
            while not calls or time.perf_counter() - start < most:
                call()
                calls += 1
            times[name].append((time.perf_counter() - start) / calls)
    return {name: statistics.median(values) for name, values in times.items()}


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks nms", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="how many boxes")
    record.add_options(parser)
    options = parser.parse_args(arguments)
    if "cpp" not in kernels.available():
        raise SystemExit("benchmarks nms: this installation has no compiled kernels to measure")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        plain = plain_nms(folder)
        print(f"{'boxes':>17s} {'kept':>7s} {'plain ms':>10s} {'cpp ms':>9s} {'ratio':>7s}")
        for n, scene in itertools.product(options.sizes, (spread, crowded)):
            boxes, scores = boxes_and_scores(scene, n)
            kept = plain(boxes, scores, THRESHOLD)
            with kernels.use("cpp"):
                np.testing.assert_array_equal(kernels.nms(boxes, scores, THRESHOLD), kept)
                seconds = in_turn(
                    partial(plain, boxes, scores, THRESHOLD), partial(kernels.nms, boxes, scores, THRESHOLD)
                )
            ms, ratio = {k: 1e3 * v for k, v in seconds.items()}, seconds["plain"] / seconds["cpp"]
            row = f"{n:8d} {scene.__name__:8s} {len(kept):7d} {ms['plain']:10.3f} {ms['cpp']:9.3f} {ratio:7.1f}"
            print(row, flush=True)
            entry = {"boxes": n, "scene": scene.__name__, "kept": len(kept)}
            results.append(entry | {"plain_ms": ms["plain"], "cpp_ms": ms["cpp"], "ratio": ratio})
    ratios = {f"{r['boxes']:,} {r['scene']}": r["ratio"] for r in results}
    record.write(options, "nms", results, record.bars(ratios, "times as fast as the plain loop"))
