"""Pooled memory: taken again, bounded, switched off, from any thread, and never seen from outside."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import pyconvnet as pcn
from pyconvnet import kernels

pytestmark = pytest.mark.skipif("cpp" not in kernels.available(), reason="no compiled kernels")
MB = 2**20


@pytest.fixture
def pool():
    """An empty pool of 16 MB; its limit as it was afterwards."""
    limit = kernels.pool_usage()["limit"]
    kernels.set_pool_limit(0)
    kernels.set_pool_limit(16)
    yield
    kernels.set_pool_limit(0)
    kernels.set_pool_limit(limit)


def test_a_freed_block_is_taken_again_for_about_its_size(pool):
    with kernels.pooled():
        x = np.empty(MB, np.uint8)
    at = x.ctypes.data
    assert at % 64 == 0
    del x
    assert kernels.pool_usage() == {"limit": 16, "held": 1}
    with kernels.pooled():
        assert np.empty(MB - 1000, np.uint8).ctypes.data == at
        small = np.empty(1000, np.uint8)  # malloc's own
    assert kernels.pool_usage()["held"] == 1
    assert np.empty(MB, np.uint8).ctypes.data != at  # outside of the block
    del small


def test_no_more_is_kept_than_the_limit(pool):
    with kernels.pooled():
        arrays = [np.zeros(3 * MB, np.uint8) for _ in range(20)] + [np.empty(20 * MB, np.uint8)]
    while arrays:
        arrays.pop()
        assert kernels.pool_usage()["held"] <= 16
    kernels.set_pool_limit(2)
    assert kernels.pool_usage() == {"limit": 2, "held": 0}


def test_zeros_and_resizing(pool):
    with kernels.pooled():
        np.full(MB, 7, np.uint8)
        assert not np.zeros(MB, np.uint8).any()
        x = np.arange(100_000)
        for n in (150_000, 10, 300_000, 0, 5):
            kept = min(n, len(x))
            x.resize(n, refcheck=False)
            np.testing.assert_array_equal(x[:kept], np.arange(100_000)[:kept] if kept <= 10 else np.arange(kept))
            x[:] = np.arange(n)


def test_results_outlive_the_pool(pool):
    x = pcn.tensor(np.ones((300, 400), np.float32), requires_grad=True)
    y = x * 2
    kernels.set_pool_limit(0)
    (y * y).sum().backward()
    np.testing.assert_array_equal(x.grad.data, np.full((300, 400), 8))
    del x, y
    assert kernels.pool_usage() == {"limit": 0, "held": 0}


@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="there kernels keep no work memory (memory.cpp)")
def test_a_training_step_takes_the_memory_of_the_step_before(pool):
    resource = pytest.importorskip("resource")
    net = pcn.nn.Sequential(pcn.nn.Conv2d(3, 16, 3, padding=1), pcn.nn.ReLU(), pcn.nn.MaxPool2d(2))
    x = pcn.tensor(np.ones((8, 3, 64, 64), np.float32))

    def faults(steps):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(steps):
            net.zero_grad()
            net(x).sum().backward()
        return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / steps

    faults(5)
    assert faults(10) < 600  # of 3000 pages that a step writes


@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="there kernels keep no work memory (memory.cpp)")
@pytest.mark.skipif("cpp" not in kernels.available(), reason="no compiled kernels")
def test_layers_in_turn_work_in_the_same_memory():
    resource = pytest.importorskip("resource")
    rng = np.random.default_rng(0)
    layers = []
    for c in range(8, 80, 4):  # each wants another amount of work memory, megabytes together
        x = rng.standard_normal((2, c, 32, 32), dtype=np.float32)
        w, y = rng.standard_normal((c, c, 3, 3), dtype=np.float32), np.empty_like(x)
        layers.append((x, w, y))

    def faults(rounds):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(rounds):
            for x, w, y in layers:
                y[:] = kernels.conv(x, w, padding=1)
        return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / rounds

    with kernels.use("cpp"), kernels.pooled():
        faults(3)
        assert faults(5) < 200  # of thousands of pages


def test_many_threads_allocate_and_free(pool):
    wrong, start = [], threading.Barrier(4)

    def work(seed):
        rng = np.random.default_rng(seed)
        start.wait()
        kept = []
        with kernels.pooled():
            for i in range(300):
                kept.append(np.full(int(rng.integers(1000, 300_000)), 100 * seed + i % 100))
                if len(kept) > 5:
                    x = kept.pop(int(rng.integers(5)))
                    if (x != x[0]).any():
                        wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert kernels.pool_usage()["held"] <= 16


@pytest.mark.parametrize(
    ("setting", "expected"), [("0", "0.0"), ("1.5", "1.5"), ("much", "PYCONVNET_POOL=much: expected megabytes")]
)
def test_the_environment_sets_the_limit(setting, expected):
    code = "from pyconvnet import kernels; print(kernels.pool_usage()['limit'])"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=os.environ | {"PYCONVNET_POOL": setting},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert expected in done.stdout + done.stderr


@pytest.mark.parametrize("bad", [-1, float("nan"), 2**30])
def test_a_limit_out_of_range_is_refused(bad):
    with pytest.raises(ValueError, match="set_pool_limit: megabytes must be from 0 to 1048576"):
        kernels.set_pool_limit(bad)


@pytest.mark.parametrize("bad", ["1", None, True])
def test_a_limit_that_is_no_number_is_refused(bad):
    with pytest.raises(TypeError, match="set_pool_limit: megabytes must be a number"):
        kernels.set_pool_limit(bad)
