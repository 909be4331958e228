"""What each idea of the kernel tour (cpp/README.md) brings on one layer, one thread unless said."""

import argparse

from benchmarks.conv import Layer, arrays
from benchmarks.interleave import medians
from pyconvnet import kernels

TOUR = Layer(4, 64, 64, 28)


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks tour", description=__doc__)
    parser.add_argument("--threads", type=int, default=kernels.get_num_threads(), help="of the last line")
    threads = parser.parse_args(arguments).threads
    x, w, _ = arrays(TOUR)
    best = kernels.supported_isas()[-1]
    rungs = {"im2col and a product of matrices (numpy)": ("numpy", None, False, 1)}
    for isa in kernels.supported_isas():
        rungs[f"offset tables and register tiles ({isa})"] = ("cpp", isa, False, 1)
    rungs[f"Winograd ({best})"] = ("cpp", best, True, 1)
    rungs[f"Winograd, {threads} threads"] = ("cpp", best, True, threads)

    def rung(name, isa, winograd, threads):
        def run():
            kernels.set_num_threads(threads)
            with kernels.use(name, isa=isa), kernels.use_winograd(winograd):
                kernels.conv(x, w, *TOUR.options)

        return run

    seconds = medians({title: rung(*how) for title, how in rungs.items()}, seconds=0.5)
    part = x[:1, :8]
    with kernels.use("naive"):  # on an eighth of the channels of one picture
        (naive,) = medians({"": lambda: kernels.conv(part, w[:, :8], *TOUR.options)}, seconds=0.5).values()
    seconds = {"the definition, in loops (naive)": naive * x.size / part.size} | seconds
    layer = f"{TOUR.c} -> {TOUR.f} channels, 3x3, {TOUR.size} x {TOUR.size}, {TOUR.n} pictures"
    print(f"forward, {layer}, float32 (numpy: threads as BLAS is set)")
    before = None
    for title, time in seconds.items():
        gain = f"{before / time:8.1f} times as fast as the line before" if before else ""
        print(f"{title:46s} {time * 1e3:11.2f} ms {2 * TOUR.macs / time / 1e9:8.1f} GFLOP/s {gain}")
        before = time
