"""Evidence on style: the quick measurements, what is planted comes out, the thresholds."""

from types import SimpleNamespace

import numpy as np
import pytest
from quick_claim import measured_and_drawn, quick_options

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from lectures.evidence import neural_style


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """One folder for all: the two quick networks have the same checkpoints."""
    folder = tmp_path_factory.mktemp("claims")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYCONVNET_CACHE", str(folder / "cache"))
        yield quick_options(folder)


@pytest.mark.parametrize("claim", neural_style.CLAIMS, ids=lambda claim: claim.number)
def test_a_quick_measurement_is_finite_and_can_be_drawn(claim, options):
    measured_and_drawn(claim, options)


def test_a_negative_is_a_copy_too(options, monkeypatch):
    """The effect is 1 minus |correlation| where positions give the style back; noise is none."""

    def stub(options, report, settings, describe, *_):
        pairs = neural_style.painted_pairs(3)
        return pairs, None, pairs.styles if describe is neural_style.positions else 1 - pairs.styles

    monkeypatch.setattr(neural_style, "painted", stub)
    assert neural_style.measure_layout(options, None)["effect"] == pytest.approx(0, abs=1e-6)


def test_a_sweep_that_always_falls_has_effect_one(options, monkeypatch):
    falling = [(np.array([1.0, 5.0]) / (k + 1), 0.1 * k) for k in range(len(neural_style.ALPHAS))]
    monkeypatch.setattr(neural_style, "swept", lambda options, report, **_: falling)
    assert neural_style.measure_sweep(options, None)["effect"] == pytest.approx(1)
    assert neural_style.measure_objects(options, None)["effect"] == pytest.approx(0.5)
    monkeypatch.setattr(neural_style, "swept", lambda options, report, **_: falling[::-1])
    assert neural_style.measure_sweep(options, None)["effect"] == pytest.approx(-1)


def test_positions_are_compared_with_gram_matrices_and_a_second_network_is_asked(options, monkeypatch):
    ways, seeds = [], []
    pairs = neural_style.painted_pairs(2)

    def painted(options, report, settings, describe=neural_style.gram, *_, **__):
        ways.append((describe, settings.alpha, settings.start))
        return pairs, SimpleNamespace(), pairs.contents

    def network(options, report, seed, noise):
        seeds.append(seed)
        return SimpleNamespace(textures=range(6))

    monkeypatch.setattr(neural_style, "painted", painted)
    monkeypatch.setattr(neural_style, "texture_network", network)
    monkeypatch.setattr(neural_style, "judged", lambda judge, images, pairs: {"texture": 0.5, "shape": 0.5})
    monkeypatch.setattr(neural_style, "measured", lambda *_: (np.ones(2), np.ones(2)))
    neural_style.measure_texture(options, None)
    assert ways == [(neural_style.gram, 0, "noise"), (neural_style.positions, 0, "noise")]
    neural_style.measure_objects(options, None)
    assert seeds == [options.seed + neural_style.JUDGE] * 2 and neural_style.JUDGE > 100
