"""Convolution and its gradients, between the backends or against PyTorch: interleaved medians.

Without --against: numpy and every instruction set (naive on request). With --against torch: the compiled kernels
against PyTorch in both of its memory layouts; the ratios are PyTorch's time over ours, so more than 1 is faster.
"""

import argparse
from dataclasses import dataclass
from statistics import geometric_mean

import numpy as np

from benchmarks import record
from benchmarks.interleave import medians
from pyconvnet import kernels


@dataclass(frozen=True)
class Layer:
    """A convolution of the benchmark: x [n, c, size, size], w [f, c / groups, k, k]."""

    n: int
    c: int
    f: int
    size: int
    k: int = 3
    stride: int = 1
    padding: int = 1
    groups: int = 1

    @property
    def options(self):
        return self.stride, self.padding, 1, self.groups

    @property
    def out(self):
        return (self.size + 2 * self.padding - self.k) // self.stride + 1

    @property
    def macs(self):
        return self.n * self.f * self.out**2 * self.c // self.groups * self.k**2


# in-out@size_nBatch: first layers, a small network, VGG and ResNet stages, region heads, strides, 1x1, one odd.
LAYERS = {
    "first_3-16@64_n32": Layer(32, 3, 16, 64),
    "c16-32@32_n32": Layer(32, 16, 32, 32),
    "c32-64@16_n32": Layer(32, 32, 64, 16),
    "c64-128@8_n32": Layer(32, 64, 128, 8),
    "c16-16@32_n128": Layer(128, 16, 16, 32),
    "c16-32@104_n8": Layer(8, 16, 32, 104),
    "c256-512@13_n8": Layer(8, 256, 512, 13),
    "lenet_1-8_5x5@28_n128": Layer(128, 1, 8, 28, 5, 1, 2),
    "s2_16-32@32_n128": Layer(128, 16, 32, 32, 3, 2),
    "s2_64-128@28_n8": Layer(8, 64, 128, 28, 3, 2),
    "1x1_64-128@16_n32": Layer(32, 64, 128, 16, 1, 1, 0),
    "1x1_256-35@13_n16": Layer(16, 256, 35, 13, 1, 1, 0),
    "1x1s2_64-128@56_n4": Layer(4, 64, 128, 56, 1, 2, 0),
    "vgg_3-64@128_n1": Layer(1, 3, 64, 128),
    "vgg_64-64@128_n1": Layer(1, 64, 64, 128),
    "vgg_128-128@64_n1": Layer(1, 128, 128, 64),
    "vgg_256-256@32_n1": Layer(1, 256, 256, 32),
    "vgg_512-512@16_n1": Layer(1, 512, 512, 16),
    "stem7x7s2_3-64@224_n4": Layer(4, 3, 64, 224, 7, 2, 3),
    "res_64-64@56_n4": Layer(4, 64, 64, 56),
    "roi_128-128@7_n128": Layer(128, 128, 128, 7),
    "small_32-64@4_n256": Layer(256, 32, 64, 4),
    "tiny_16-32@32_n1": Layer(1, 16, 32, 32),
    "deconv4x4s2_32<-64@16_n16": Layer(16, 32, 64, 32, 4, 2, 1),
    "depthwise_64@32_n16": Layer(16, 64, 64, 32, groups=64),
}
QUICK = ("c16-32@32_n32", "s2_64-128@28_n8", "1x1_64-128@16_n32")
NAIVE = {"c3-4@16_n1": Layer(1, 3, 4, 16)}
OPERATIONS = ("forward", "input gradient", "weight gradient")


def arrays(layer):
    """x, w, g of a layer, float32."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((layer.n, layer.c, layer.size, layer.size), dtype=np.float32)
    w = rng.standard_normal((layer.f, layer.c // layer.groups, layer.k, layer.k), dtype=np.float32)
    g = rng.standard_normal((layer.n, layer.f, layer.out, layer.out), dtype=np.float32)
    return x, w, g


def calls(layer, x, w, g):
    """{operation: a call of our kernel}."""
    return {
        "forward": lambda: kernels.conv(x, w, *layer.options),
        "input gradient": lambda: kernels.conv_input(g, w, layer.size, *layer.options),
        "weight gradient": lambda: kernels.conv_weight(g, x, layer.k, *layer.options),
    }


def torch_calls(layer, x, w, g, layout):
    """{operation: a call of PyTorch}, arrays laid out beforehand."""
    import torch

    stride, padding, dilation, groups = layer.options
    memory = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    x, w, g = (torch.from_numpy(a).contiguous(memory_format=memory) for a in (x, w, g))

    def gradient(*wanted):
        return lambda: torch.ops.aten.convolution_backward(
            g, x, w, None, [stride] * 2, [padding] * 2, [dilation] * 2, False, [0, 0], groups, [*wanted, False]
        )

    return {
        "forward": lambda: torch.conv2d(x, w, None, stride, padding, dilation, groups),
        "input gradient": gradient(True, False),
        "weight gradient": gradient(False, True),
    }


def in_backend(call, name, isa):
    def run():
        with kernels.use(name, isa=isa):
            call()

    return run


def candidates(layer, options):
    """{operation: {candidate: call}}, the one to measure others against first."""
    given = arrays(layer)
    ours = calls(layer, *given)
    if options.against:
        layouts = {layout: torch_calls(layer, *given, layout) for layout in ("nchw", "channels_last")}
        return {o: {"ours": ours[o]} | {layout: layouts[layout][o] for layout in layouts} for o in OPERATIONS}
    backends = [("naive", None)] * options.naive + [("numpy", None)]
    backends += [("cpp", isa) for isa in kernels.supported_isas()]
    return {o: {isa or name: in_backend(ours[o], name, isa) for name, isa in backends} for o in OPERATIONS}


def summary(records):
    """{operation: {means and the worst layer}} of records against torch."""
    result = {}
    for operation in OPERATIONS:
        rows = [r for r in records if r["operation"] == operation]
        worst = min(rows, key=lambda r: r["against_nchw"])
        result[operation] = {
            "nchw": geometric_mean([r["against_nchw"] for r in rows]),
            "better layout": geometric_mean([r["against_better"] for r in rows]),
            "worst": worst["against_nchw"],
            "worst layer": worst["layer"],
        }
    return result


def draw(records):
    """One bar per layer and operation: speed relative to the better of PyTorch's layouts, a dot for NCHW."""

    def drawn(figure):
        names = list(dict.fromkeys(r["layer"] for r in records))
        figure.set_size_inches(11, 1.5 + 0.24 * len(names))
        panels = figure.subplots(1, 3, sharey=True)
        for axes, operation in zip(panels, OPERATIONS, strict=True):
            rows = [r for r in records if r["operation"] == operation]
            axes.barh(names, [r["against_better"] for r in rows], color="#4c78a8", label="PyTorch, better layout = 1")
            axes.plot([r["against_nchw"] for r in rows], names, ".", color="#e45756", label="PyTorch, NCHW = 1")
            axes.axvline(1, color="black", linewidth=0.8)
            axes.set_title(f"{operation}\n{geometric_mean([r['against_better'] for r in rows]):.2f} times as fast")
        panels[0].invert_yaxis()
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)

    return drawn


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks conv", description=__doc__)
    parser.add_argument("--against", choices=["torch"], help="compare with PyTorch instead of our own backends")
    parser.add_argument("--threads", type=int, help="threads of the compiled backend and of PyTorch")
    parser.add_argument("--quick", action="store_true", help="three layers, less patience")
    parser.add_argument("--shapes", nargs="+", metavar="NAME", help="only layers whose name holds one of these")
    parser.add_argument("--naive", action="store_true", help="the loops too, on one image with few channels")
    record.add_options(parser)
    options = parser.parse_args(arguments)
    if options.figure and not options.against:
        parser.error("--figure draws the ratios of --against torch")
    if options.threads:
        kernels.set_num_threads(options.threads)
    if options.against:
        import torch

        torch.set_num_threads(kernels.get_num_threads())
    chosen = QUICK if options.quick else LAYERS
    chosen = {name: LAYERS[name] for name in chosen if any(s in name for s in options.shapes or [""])}
    print("float32;", ", ".join(f"{name} {value}" for name, value in record.machine().items() if value))
    records = []
    for name, layer in (NAIVE if options.naive else chosen).items():
        for operation, functions in candidates(layer, options).items():
            times = medians(functions, seconds=0.1 if options.quick else 0.3)
            row = {"layer": name, "operation": operation, "mmac": layer.macs / 1e6, "seconds": times}
            records.append(row)
            if options.against:
                layout = min(("nchw", "channels_last"), key=times.get)
                row |= {
                    "against_nchw": times["nchw"] / times["ours"],
                    "against_better": times[layout] / times["ours"],
                    "better_layout": layout,
                }
                cells = f"{times['ours'] * 1e3:9.3f} ms  NCHW {row['against_nchw']:5.2f}x  "
                cells += f"better layout {row['against_better']:5.2f}x ({layout})"
                speed = times["ours"]
            else:
                cells = "".join(f"{m:>9s} {t * 1e3:8.3f} ({times['numpy'] / t:4.1f}x)" for m, t in times.items())
                speed = list(times.values())[-1]
            print(f"{name:26s} {operation:16s}{cells}{2 * layer.macs / speed / 1e9:7.0f} GFLOP/s", flush=True)
    results = {"layers": records}
    if options.against:
        results["summary"] = summary(records)
        for operation, s in results["summary"].items():
            print(
                f"{operation:16s} geometric mean {s['nchw']:.2f}x NCHW, {s['better layout']:.2f}x the better layout; "
                f"worst {s['worst']:.2f}x ({s['worst layer']})"
            )
    record.write(options, "conv", results, draw(records))
