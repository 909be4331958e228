"""Evidence on fooled networks: what each effect is made of, with networks whose answers are known."""

from types import SimpleNamespace

import numpy as np
import pytest
from quick_claim import measured_and_drawn, quick_options

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")
pytest.importorskip("PIL")

from lectures.evidence import fooled_networks as evidence


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))
    return quick_options(tmp_path)


@pytest.mark.parametrize("claim", evidence.CLAIMS, ids=lambda claim: claim.number)
def test_a_quick_measurement_is_finite_and_can_be_drawn(claim, options):
    measured_and_drawn(claim, options)


def rows(monkeypatch, **numbers):
    """Let `attacked` find these numbers, one dict a form."""
    table = {form.name: numbers[name] for form, name in (
        (evidence.EXACT, "exact"), (evidence.WANTED["literal"], "literal"), (evidence.WANTED["exact"], "wanted"),
    ) if name in numbers}  # fmt: skip
    monkeypatch.setattr(evidence, "attacked", lambda *_: (None, None, None, table, None, None))


def test_the_stronger_of_both_controls_counts(monkeypatch):
    rows(monkeypatch, exact={"flip_rate": 0.9, "noise_flip_rate": 0.1, "permuted": 0.3})
    found = evidence.measure_not_random(None, None)
    assert found["effect"] == pytest.approx(0.6) and found["arms"]["r, shuffled"]["flips"] == 0.3


def test_the_slides_update_is_compared_with_the_exact_one(monkeypatch):
    rows(monkeypatch, literal={"flip_rate": 0.2}, wanted={"flip_rate": 0.9})
    assert evidence.measure_update(None, None)["effect"] == pytest.approx(-0.7)


def test_what_nobody_sees_is_compared_with_the_smallest_r(monkeypatch):
    found = {
        "a": SimpleNamespace(flipped=np.array([True, True, False]), rms=np.array([5.1, 9.0, 0.1])),
        "b": SimpleNamespace(flipped=np.array([True, False, False]), rms=np.array([6.0, 1.0, 0.2])),
    }
    monkeypatch.setattr(evidence, "attacked", lambda *_: (None, None, found, None, None, None))
    found = evidence.measure_seen(None, None)
    assert found["arms"]["r"]["rms"] == 9.0 and found["effect"] == pytest.approx(2.55 / 9)
