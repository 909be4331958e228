"""Evidence on the TV prior and on reconstructions that are not unique: quick measurements, drawings, what they mean."""


import pytest
from quick_claim import measured_and_drawn, quick_options

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from lectures.evidence import natural_prior, not_unique
from lectures.report import Report

CLAIMS = (*natural_prior.CLAIMS, *not_unique.CLAIMS)


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))
    return quick_options(tmp_path)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.number)
def test_a_quick_measurement_is_finite_and_can_be_drawn(claim, options):
    measured_and_drawn(claim, options)


@pytest.mark.parametrize("measure, number", [("second_network", 0.25), ("roughness", 3.0)])
def test_the_effect_is_that_of_the_last_layer(measure, number, monkeypatch):
    def arm(second, rough):
        return {"feature_error": 0.0, "second_network": second, "roughness": rough}

    layers = {"conv2": {arm_: arm(9, 9) for arm_ in natural_prior.SHOWN},
              "conv4": {"TV prior": arm(0.5, 0.1), "no prior": arm(0.75, 0.3)}}  # fmt: skip
    monkeypatch.setattr(natural_prior, "measure_inversion", lambda *_: {"layers": layers})
    found = getattr(natural_prior, f"measure_{measure}")(None, None)
    assert found["effect"] == pytest.approx(number)


def test_two_starts_are_two(options):
    found = not_unique.measure_starts(options, Report("x", options.out))["layers"]["conv4"]
    assert all(found[arm]["between"] > 0 for arm in not_unique.ARMS)


def test_pictures_that_were_not_found_prove_nothing(options, monkeypatch):
    """Random starts differ, but are not alike for the network."""
    monkeypatch.setattr(not_unique.inversion, "invert", lambda network, layer, target, start, *_, **__: start)
    found = not_unique.measure_starts(options, Report("x", options.out))
    assert found["effect"] == 0 and found["layers"]["conv4"]["TV prior"]["feature_error"] > not_unique.SAME
