"""What all tests share: quick deterministic Hypothesis settings, and the count of gradient checks at the end."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "tests", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tests")

_checks = Counter()


@pytest.fixture(scope="session")
def checks():
    """Counter of comparisons made: tests add to it, the summary prints it."""
    return _checks


def pytest_terminal_summary(terminalreporter):
    if _checks:
        terminalreporter.section("gradient checks")
        for what, count in sorted(_checks.items()):
            terminalreporter.write_line(f"{what}: {count}")
