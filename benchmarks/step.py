"""Training steps through modules, tape and optimiser: a tiny YOLO, and the loop of the lecture `yolo`."""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks import record, twins
from benchmarks.interleave import medians
from pyconvnet import kernels

PROCESS = Path("/proc/self/status")
AGREE = 2e-3  # of losses that two libraries compute


def measure(candidates, seconds, per_call=1):
    """{name: milliseconds of a step}, in turn."""
    return {name: 1e3 * s / per_call for name, s in medians(candidates, seconds, rounds=7).items()}


def tiny(against_torch, seconds):
    """Milliseconds of a step of the tiny YOLO."""
    ours, net = twins.tiny_step()
    found = {"ours": ours}
    if against_torch:
        weights = {name: np.array(v) for name, v in net.state_dict().items()}
        found["torch"] = twins.torch_tiny_step(weights=weights)
        found["torch channels_last"] = twins.torch_tiny_step(True, weights)
    _check({name: [step() for _ in range(3)] for name, step in found.items()})
    return measure(found, seconds)


def loop(against_torch, seconds):
    """Milliseconds of a step of the lecture's loop."""
    classes, batches = twins.scenes()
    ours, weights = twins.yolo_loop(classes, batches)
    found = {"ours": ours}
    if against_torch:
        found["torch"] = twins.torch_yolo_loop(classes, batches, weights)
        found["torch channels_last"] = twins.torch_yolo_loop(classes, batches, weights, True)
    _check({name: step()[:3] for name, step in found.items()})
    return measure(found, seconds, len(batches))


def _check(losses):
    """All compute the same, or the comparison is of no use."""
    for name, values in losses.items():
        if not np.allclose(values, losses["ours"], rtol=AGREE):
            raise SystemExit(f"benchmarks step: {name} has losses {values}, ours are {losses['ours']}")


def memory(library):
    """MB that steps of the tiny YOLO take at most, above a process that has done one with a single picture."""
    if library == "torch":
        import torch

        torch.set_num_threads(kernels.get_num_threads())
        make = twins.torch_tiny_step
    else:
        def make(batch=twins.BATCH):
            return twins.tiny_step(batch)[0]

    make(batch=1)()
    step = make()
    before = _status("VmRSS")
    for _ in range(10):
        step()
    return _status("VmHWM") - before


def _status(name):
    """A number of /proc/self/status, in MB. (getrusage's maximum is that of the process that started this one, too.)"""
    lines = PROCESS.read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name))) / 1024


def memories(libraries):
    """{library: MB}, each in a process of its own."""
    found = {}
    for library in libraries:
        command = [sys.executable, "-m", "benchmarks", "step", "--memory-of", library]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found[library] = float(told)
    return found


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks step", description=__doc__)
    parser.add_argument("--against", choices=["torch"], help="the same steps in PyTorch, in turn with ours")
    parser.add_argument("--threads", type=int, help="threads of the kernels, and of PyTorch")
    parser.add_argument("--seconds", type=float, default=1.5, help="of each candidate")
    parser.add_argument("--no-memory", action="store_true", help="leave out the peak of memory")
    parser.add_argument("--memory-of", choices=["ours", "torch"], help=argparse.SUPPRESS)
    record.add_options(parser)
    options = parser.parse_args(arguments)
    if options.threads:
        kernels.set_num_threads(options.threads)
    if options.memory_of:
        print(memory(options.memory_of))
        return
    against = options.against == "torch"
    if against:
        import torch

        torch.set_num_threads(kernels.get_num_threads())
    results, bars = {}, {}
    print(f"{kernels.get_num_threads()} thread(s), {twins.BATCH} pictures of 64 x 64; milliseconds of a step")
    for name, run in (("tiny yolo", tiny), ("loop of yolo", loop)):
        ms = run(against, options.seconds)
        results[name] = {"ms": ms, "ratios": {k: v / ms["ours"] for k, v in ms.items() if k != "ours"}}
        told = [f"{k} {v:.1f}" + f" ({v / ms['ours']:.2f}x)" * (k != "ours") for k, v in ms.items()]
        print(f"{name:14s}" + "   ".join(told), flush=True)
        bars |= {f"{name}: {k}": r for k, r in results[name]["ratios"].items()}
    if not options.no_memory and PROCESS.exists():
        results["memory_mb"] = memories(["ours", "torch"][: 1 + against])
        print("peak memory of the tiny YOLO, MB: " + ", ".join(f"{k} {v:.0f}" for k, v in results["memory_mb"].items()))
    record.write(options, "step", results, record.bars(bars or {"ours": 1.0}, "times as fast"))
