"""What all tests share: quick deterministic Hypothesis settings, and the count of gradient checks at the end."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "tests", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")

_checks = Counter()
_peers = {}


@pytest.fixture(scope="session")
def checks():
    """Counter of comparisons made: tests add to it, the summary prints it."""
    return _checks


@pytest.fixture(scope="session")
def peers():
    """{name: Counter of cases compared with PyTorch}; the summary prints it as a table."""
    return _peers


def pytest_terminal_summary(terminalreporter):
    if _peers:
        terminalreporter.section("equal to PyTorch")
        terminalreporter.write_line(f"{'name':40} {'cases':>7} {'forward':>8} {'first':>7} {'second':>7}")
        for name, n in sorted(_peers.items()):
            counts = f"{n['cases']:7} {n['forward']:8} {n['first']:7} {n['second']:7}"
            terminalreporter.write_line(f"{name:40} {counts}")
        total = sum(n["cases"] for n in _peers.values())
        terminalreporter.write_line(f"{len(_peers)} names, {total} cases")
    if _checks:
        terminalreporter.section("gradient checks")
        for what, count in sorted(_checks.items()):
            terminalreporter.write_line(f"{what}: {count}")
