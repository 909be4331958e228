"""Matrix products as lectures have them, forward and both gradients, against NumPy's BLAS and PyTorch."""

import argparse
from statistics import geometric_mean, median

import numpy as np

from benchmarks import record
from benchmarks.interleave import medians
from pyconvnet import kernels

#   name:                     batch, m, k, n: x [m, k] w [n, k]^T, or for a batch x [m, k] y [k, n]
LAYERS = {
    "roi head 512: 1024-128": (0, 512, 1024, 128),
    "roi head 512: 128-24": (0, 512, 128, 24),
    "dense 32: 3136-512": (0, 32, 3136, 512),
    "dense 128: 784-100": (0, 128, 784, 100),
    "dense 32: 512-10": (0, 32, 512, 10),
    "vgg head 16: 4096-1000": (0, 16, 4096, 1000),
    "square 512": (0, 512, 512, 512),
    "roi align 16: 1024x16x128": (16, 1024, 16, 128),
    "roi align 512: 4x16x256": (512, 4, 16, 256),
    "attention 64: 64x32x64": (64, 64, 32, 64),
    "attention 64: 64x64x32": (64, 64, 64, 32),
    "recurrent 16: 128-256": (0, 16, 128, 256),
    "small 8: 8-8": (0, 8, 8, 8),
    "vector 256: 512-1": (0, 256, 512, 1),
}


def products(batch, m, k, n):
    """{"forward", "to x", "to w"}: the two factors of each product, as views that share memory as a layer's do."""
    rng = np.random.default_rng(0)
    lead = (batch,) * bool(batch)
    x, g = (rng.standard_normal((*lead, *shape), np.float32) for shape in ((m, k), (m, n)))
    w = rng.standard_normal((*lead, k, n), np.float32) if batch else rng.standard_normal((n, k), np.float32).T
    return {"forward": (x, w), "to x": (g, w.swapaxes(-1, -2)), "to w": (x.swapaxes(-1, -2), g)}


def calls(a, b, against_torch):
    """{name: a call} of the product in every library."""
    found = {"numpy": lambda: np.matmul(a, b), "cpp": lambda: kernels.backend.current.matmul(a, b)}
    if against_torch:
        import torch

        torch.set_num_threads(kernels.get_num_threads())
        p, q = torch.from_numpy(a), torch.from_numpy(b)
        found["torch"] = lambda: torch.matmul(p, q)
    return found


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks matmul", description=__doc__)
    parser.add_argument("--against", choices=["torch"], help="PyTorch too, with as many threads")
    parser.add_argument("--seconds", type=float, default=0.08, help="of each product and library")
    record.add_options(parser)
    options = parser.parse_args(arguments)
    results, names = [], ["numpy"] + ["torch"] * (options.against == "torch")
    print(f"float32, microseconds; {kernels.get_num_threads()} thread(s) (NumPy: as BLAS is set); times as fast as ...")
    print(f"{'':28s}{'':9s}{'cpp':>9s}" + "".join(f"{'of ' + name:>10s}" for name in names))
    for title, shape in LAYERS.items():
        for what, (a, b) in products(*shape).items():
            seconds = medians(calls(a, b, "torch" in names), options.seconds, rounds=5)
            ratios = {name: seconds[name] / seconds["cpp"] for name in names}
            cells = "".join(f"{ratio:9.2f}x" for ratio in ratios.values())
            print(f"{title:28s}{what:9s}{seconds['cpp'] * 1e6:9.1f}{cells}", flush=True)
            results.append({"layer": title, "product": what, "us": seconds["cpp"] * 1e6, "ratios": ratios})
    ratios = {name: [r["ratios"][name] for r in results] for name in names}
    summary = {n: {"geometric mean": geometric_mean(r), "median": median(r)} for n, r in ratios.items()}
    for name, means in summary.items():
        print(f"of {name}: " + ", ".join(f"{what} {mean:.2f}x" for what, mean in means.items()))
    bars = {f"{r['layer']} {r['product']}": r["ratios"][names[-1]] for r in results}
    draw = record.bars(bars, f"times as fast as {names[-1]}")
    record.write(options, "matmul", {"products": results, "summary": summary}, draw)
