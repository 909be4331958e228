"""Engine overhead: microseconds per operation, forward and backward, on arrays too small for arithmetic to matter."""

import argparse

import numpy as np

import pyconvnet as pcn
from benchmarks.interleave import medians

LENGTH = 1000


def chain(operation):
    """A call that records LENGTH operations and walks them back."""
    x = pcn.tensor(np.ones((8, 8), np.float32), requires_grad=True)

    def run():
        x.grad = None
        y = x
        for _ in range(LENGTH):
            y = operation(y, x)
        y.sum().backward()

    return run


def candidates(against_torch):
    """{name: a call}; torch's twin beside ours where it is installed and asked for."""
    operations = {"add": lambda y, x: y + x, "mul": lambda y, x: y * x, "relu": lambda y, x: y.relu()}
    calls = {name: chain(operation) for name, operation in operations.items()}
    if against_torch:
        import torch

        torch.set_num_threads(1)
        leaf = torch.ones(8, 8, requires_grad=True)

        def twin(operation):
            def run():
                leaf.grad = None
                y = leaf
                for _ in range(LENGTH):
                    y = operation(y, leaf)
                y.sum().backward()

            return run

        calls.update({f"{name} (torch)": twin(operation) for name, operation in operations.items()})
    return calls


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks overhead", description=__doc__)
    parser.add_argument("--against", choices=["torch"], help="the same chains in PyTorch eager, in turn with ours")
    options = parser.parse_args(arguments)
    print(f"chains of {LENGTH} operations on 8 x 8 float32, forward + backward, microseconds per operation")
    for name, seconds in medians(candidates(options.against == "torch"), seconds=0.5).items():
        print(f"{name:16s} {seconds / LENGTH * 1e6:6.2f}")
