"""Fair timing on a shared machine: the candidates take turns, so that a slow moment hits all of them."""

import statistics
import time

SETTLE = 0.03  # seconds: so long may threads of the candidate before (BLAS) spin on a core


def medians(candidates, seconds=0.3, rounds=9):
    """{name: median seconds of one call} for {name: function}; about `seconds` each, 3 to 9 rounds."""
    calls = {}
    for name, function in candidates.items():
        function()  # warm caches
        start = time.perf_counter()
        function()
        once = time.perf_counter() - start
        calls[name] = max(1, int(seconds / rounds / max(once, 1e-9))), once
    slowest = max(once for _, once in calls.values())
    rounds = max(3, min(rounds, int(rounds * seconds / max(slowest, 1e-9))))
    times = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, function in candidates.items():
            repeats = calls[name][0]
            time.sleep(SETTLE)
            function()
            start = time.perf_counter()
            for _ in range(repeats):
                function()
            times[name].append((time.perf_counter() - start) / repeats)
    return {name: statistics.median(values) for name, values in times.items()}
