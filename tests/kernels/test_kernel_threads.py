"""The thread pool: after fork, under several Python threads, and its number of threads."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from pyconvnet import kernels

pytestmark = pytest.mark.skipif("cpp" not in kernels.available(), reason="no compiled kernels")


def layer(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((4, 8, 40, 40), dtype=np.float32)
    return x, rng.standard_normal((16, 8, 3, 3), dtype=np.float32)


FORK = """
import os, sys, numpy as np
from pyconvnet import kernels
kernels.use("cpp")
kernels.set_num_threads(3)
x, w = np.ones((4, 8, 40, 40), np.float32), np.ones((16, 8, 3, 3), np.float32)
kernels.pooled().__enter__()
y = kernels.conv(x, w)
square = np.ones((200, 200), np.float32)
for generation in range(2):                      # a child, and a child of the child
    child = os.fork()
    if child:
        ok = os.waitpid(child, 0)[1] == 0 and np.array_equal(kernels.conv(x, w), y)
        sys.stdout.flush()
        os._exit(0 if ok else 1)
    if not np.array_equal(kernels.conv(x, w), y) or (kernels.matmul(square, square) != 200).any():
        os._exit(1)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork here")
def test_fork():
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", FORK], timeout=60, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_four_python_threads_at_once():
    with kernels.use("cpp"):
        layers = [layer(seed) for seed in range(4)]
        expected = [kernels.conv(x, w) for x, w in layers]
        wrong, start = [], threading.Barrier(4)

        def work(i):
            x, w = layers[i]
            start.wait()
            for _ in range(30):
                if kernels.conv(x, w).tobytes() != expected[i].tobytes():
                    wrong.append(i)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert not wrong


def test_more_threads_than_tasks_and_an_idle_pool():
    """A worker without a share of its own, and workers that have gone to sleep in between."""
    before, (x, w) = kernels.get_num_threads(), layer(1)
    small, tap = x[:1, :1, :3, :3], w[:1, :1]
    try:
        with kernels.use("cpp"):
            kernels.set_num_threads(1)
            expected = kernels.conv(x, w).tobytes(), kernels.conv(small, tap).tobytes()
            for n in (2, 8, 100):
                kernels.set_num_threads(n)
                for pause in (0, 0.001, 0):
                    time.sleep(pause)
                    assert (kernels.conv(x, w).tobytes(), kernels.conv(small, tap).tobytes()) == expected
    finally:
        kernels.set_num_threads(before)


def test_the_number_of_threads_may_change_while_others_compute():
    before, (x, w) = kernels.get_num_threads(), layer(0)
    with kernels.use("cpp"):
        expected = kernels.conv(x, w).tobytes()
        stop, wrong = threading.Event(), []

        def work():
            while not stop.is_set():
                if kernels.conv(x, w).tobytes() != expected:
                    wrong.append(1)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            for n in [1, 4, 2, 3] * 10:
                kernels.set_num_threads(n)
                assert kernels.get_num_threads() == n
                assert kernels.conv(x, w).tobytes() == expected
        finally:
            stop.set()
            thread.join()
            kernels.set_num_threads(before)
    assert not wrong
