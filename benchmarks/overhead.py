"""Engine overhead: microseconds per operation, forward and backward, on arrays too small for arithmetic to matter."""

import argparse

import numpy as np

import pyconvnet as pcn
from benchmarks import record
from benchmarks.interleave import medians

LENGTH = 1000
OPERATIONS = {"add": lambda y, x: y + x, "mul": lambda y, x: y * x, "relu": lambda y, x: y.relu()}


def chain(operation, x):
    """A call that records LENGTH operations and walks them back; x is a leaf of either library."""

    def run():
        x.grad = None
        y = x
        for _ in range(LENGTH):
            y = OPERATIONS[operation](y, x)
        y.sum().backward()

    return run


def candidates(operation, against_torch):
    """{library: a call}."""
    calls = {"ours": chain(operation, pcn.tensor(np.ones((8, 8), np.float32), requires_grad=True))}
    if against_torch:
        import torch

        torch.set_num_threads(1)
        calls["torch"] = chain(operation, torch.ones(8, 8, requires_grad=True))
    return calls


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks overhead", description=__doc__)
    parser.add_argument("--against", choices=["torch"], help="the same chains in PyTorch eager, in turn with ours")
    record.add_options(parser)
    options = parser.parse_args(arguments)
    print(f"chains of {LENGTH} operations on 8 x 8 float32, forward + backward, microseconds per operation")
    results = {}
    for operation in OPERATIONS:
        seconds = medians(candidates(operation, options.against == "torch"), seconds=0.5)
        us = {name: s / LENGTH * 1e6 for name, s in seconds.items()}
        results[operation] = us
        told = [f"{k} {v:.2f}" + f" ({v / us['ours']:.2f}x)" * (k != "ours") for k, v in us.items()]
        print(f"{operation:8s}" + "   ".join(told), flush=True)
    shown = {f"{o}: {name}": v for o, us in results.items() for name, v in us.items()}
    record.write(options, "overhead", results, record.bars(shown, "microseconds per operation"))
