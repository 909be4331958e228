"""Convolution forward, input gradient and weight gradient in each backend: interleaved medians and ratios."""

import argparse
import os

import numpy as np

from benchmarks.interleave import medians
from pyconvnet import kernels

#   name:                  n, in, out, size, kernel, stride, padding
SHAPES = {
    "3->16 3x3 @64 n32": (32, 3, 16, 64, 3, 1, 1),
    "16->32 3x3 @32 n32": (32, 16, 32, 32, 3, 1, 1),
    "64->128 3x3 @8 n32": (32, 64, 128, 8, 3, 1, 1),
    "3->16 5x5/2 @64 n32": (32, 3, 16, 64, 5, 2, 2),
    "64->128 1x1 @16 n32": (32, 64, 128, 16, 1, 1, 0),
    "64->64 3x3 @56 n4": (4, 64, 64, 56, 3, 1, 1),
}


def candidates(function, args, backends):
    """{backend: a call of the function in that backend}."""

    def call(name, isa):
        def run():
            with kernels.use(name, isa=isa):
                function(*args)

        return run

    return {isa or name: call(name, isa) for name, isa in backends}


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks conv", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three shapes, less patience")
    parser.add_argument("--threads", type=int, help="threads of the compiled backend")
    parser.add_argument("--naive", action="store_true", help="the loops too, on one image with few channels")
    options = parser.parse_args(arguments)
    if options.threads:
        kernels.set_num_threads(options.threads)
    backends = [("numpy", None)] + [("cpp", isa) for isa in kernels.supported_isas()]
    if options.naive:
        backends.insert(0, ("naive", None))
    names = [isa or name for name, isa in backends]
    print("float32; milliseconds (speed relative to numpy), GFLOP/s of the last backend")
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(
        f"cpp: {kernels.get_num_threads()} threads; {load} (numpy: as BLAS is set)"
    )
    print(f"{'layer':20s} {'':16s}" + "".join(f"{name:>20s}" for name in names) + f"{'GFLOP/s':>10s}")
    shapes = {"3->4 3x3 @16 n1": (1, 3, 4, 16, 3, 1, 1)} if options.naive else SHAPES
    for title, (n, c, f, size, k, stride, padding) in list(shapes.items())[: 3 if options.quick else None]:
        rng = np.random.default_rng(0)
        x = rng.standard_normal((n, c, size, size), dtype=np.float32)
        w = rng.standard_normal((f, c, k, k), dtype=np.float32)
        y = kernels.conv(x, w, stride, padding)
        g = rng.standard_normal(y.shape, dtype=np.float32)
        flops = 2 * n * f * c * k * k * y.shape[2] * y.shape[3]
        for what, function, args in (
            ("forward", kernels.conv, (x, w, stride, padding)),
            ("input gradient", kernels.conv_input, (g, w, (size, size), stride, padding)),
            ("weight gradient", kernels.conv_weight, (g, x, (k, k), stride, padding)),
        ):
            times = medians(candidates(function, args, backends), seconds=0.1 if options.quick else 0.3)
            cells = "".join(f"{times[m] * 1e3:12.3f} ({times['numpy'] / times[m]:4.1f}x)" for m in names)
            print(f"{title:20s} {what:16s}{cells}{flops / times[names[-1]] / 1e9:10.0f}", flush=True)
