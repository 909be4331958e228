"""Every layer of the benchmark above 20 million multiply-adds has work for many cores, one image included."""

import statistics

import numpy as np
import pytest

pytest.importorskip("pyconvnet.kernels._cpp", reason="no compiled kernels")

from benchmarks.conv import LAYERS, arrays, calls
from pyconvnet import kernels
from pyconvnet.kernels import _cpp

LARGE = [name for name, layer in LAYERS.items() if layer.macs > 20e6]


def tasks_of_longest(function):
    """Tasks of the loop that takes longest in a call; the usual one, as the machine may be busy elsewhere."""
    seen = []
    for _ in range(7):
        _cpp.tasks_of_longest()
        function()
        seen.append(_cpp.tasks_of_longest())
    return statistics.mode(seen[2:])


@pytest.mark.parametrize("winograd", ["never", "chosen"])
@pytest.mark.parametrize("name", LARGE)
def test_tasks_and_bits(name, winograd):
    """The longest loop has 64 tasks or more; the same bits for any number of threads."""
    functions, before = calls(LAYERS[name], *arrays(LAYERS[name])), kernels.get_num_threads()
    with kernels.use("cpp"), kernels.use_winograd(winograd):
        try:
            for function in functions.values():
                kernels.set_num_threads(1)
                assert any(tasks_of_longest(function) >= 64 for _ in range(3))
                alone = function()
                for threads in (2, 3, 5, 8):
                    kernels.set_num_threads(threads)
                    assert np.array_equal(function(), alone)
        finally:
            kernels.set_num_threads(before)
