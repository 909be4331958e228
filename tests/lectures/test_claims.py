"""The claims of the decks: laws of the verdict, planted effects, resuming, and every claim's quick run."""

import inspect
import json
import math
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

import pyconvnet as pcn
from lectures import claims, course, decks
from lectures.__main__ import main
from lectures.cache import fingerprint
from lectures.evidence import box_counts, parameter_arithmetic, suppressing
from lectures.report import Report
from lectures.training import Interrupted
from lectures.verdict import DOES_NOT_HOLD, HOLDS, TOO_NOISY, Claim, student_t, verdict
from pyconvnet import nn

ALL = claims.all_claims()
OF_THE_ISSUE = {1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 33}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PYCONVNET_CACHE", str(tmp_path / "cache"))


# The verdict


@pytest.mark.parametrize(("degrees", "t"), [(1, 12.7062), (2, 4.3027), (9, 2.2622), (30, 2.0423), (60, 2.0003)])
def test_students_t(degrees, t):
    assert student_t(degrees) == pytest.approx(t, abs=1e-3)


def test_interval_of_a_textbook_sample():
    said, low, high = verdict([1.0, 2.0, 3.0], 0)  # s = 1: 2 ± 4.3027 / sqrt(3)
    assert said == TOO_NOISY and (low, high) == pytest.approx((2 - 2.4842, 2 + 2.4842), abs=1e-3)


@pytest.mark.parametrize(("above", "said"), [(0.9, HOLDS), (1.1, DOES_NOT_HOLD), (1.0, TOO_NOISY)])
def test_all_three_outcomes(above, said):
    assert verdict([0.99, 1.0, 1.01], above)[0] == said


def test_an_interval_covers_the_mean_in_95_of_100_samples():
    rng = np.random.default_rng(0)
    intervals = [verdict(rng.normal(3, 2, size=3))[1:] for _ in range(4000)]
    assert np.mean([low < 3 < high for low, high in intervals]) == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize(("above", "said"), [(0.99, HOLDS), (1.0, DOES_NOT_HOLD), (1.01, DOES_NOT_HOLD)])
def test_exact_has_no_interval(above, said):
    assert verdict([1.0], above, exact=True) == (said, 1.0, 1.0)


def test_equal_effects_have_an_interval_of_length_zero():
    assert verdict([0.5, 0.5], 0.4) == (HOLDS, 0.5, 0.5)
    assert verdict([0.5, 0.5], 0.5)[0] == TOO_NOISY, "neither above nor below"


def test_one_seed_says_nothing():
    assert verdict([5.0], 0) == (TOO_NOISY, -math.inf, math.inf)


def test_scaling_and_mirroring_change_nothing_else():
    effects = [0.1, 0.3, 0.25, 0.4]
    said, low, high = verdict(effects, 0.05)
    assert verdict([1000 * e for e in effects], 50)[0] == said == HOLDS
    assert verdict([-e for e in effects], -0.05)[0] == DOES_NOT_HOLD
    assert verdict([-e for e in effects], -0.05)[1:] == pytest.approx((-high, -low))


def test_words_for_what_is_no_number():
    with pytest.raises(ValueError, match="no effect was measured"):
        verdict([])
    with pytest.raises(ValueError, match="must be finite"):
        verdict([0.1, float("nan")])
    with pytest.raises(ValueError, match="above must be finite"):
        verdict([0.1], float("inf"))
    with pytest.raises(ValueError, match="must not differ"):
        verdict([0.1, 0.2], exact=True)


# The list of claims


def planted(effect, **changes):
    """A Claim whose measurement is known."""
    claim = Claim(
        number="99", title="planted", says="so", deck=course.FUN_WAYS, slide="Summary", effect="what was planted",
        measure=lambda options, report: {"effect": effect(options.seed)}, draw=lambda ax, runs: ax.plot([1, 2]),
    )  # fmt: skip
    return replace(claim, **changes)


def run_planted(monkeypatch, tmp_path, *planted_claims, **options):
    monkeypatch.setattr(claims, "all_claims", lambda: list(planted_claims))
    report = Report("claims", tmp_path)
    defaults = {"seed": 0, "quick": False, "data": None, "only": None, "resume": False, "out": tmp_path}
    claims.run(Namespace(**defaults | options), report)
    return report


def noise(seed):
    return float(np.random.default_rng(seed).normal())


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        (lambda seed: 1 + 0.01 * noise(seed), HOLDS),
        (lambda seed: -1 + 0.01 * noise(seed), DOES_NOT_HOLD),
        (lambda seed: 0.01 * (-1) ** seed, TOO_NOISY),
    ],
)
def test_a_planted_effect_gets_its_verdict(effect, said, tmp_path, monkeypatch, capsys):
    report = run_planted(monkeypatch, tmp_path, planted(effect, because="it was planted so", seeds=4))
    found = report.extra["claims"]["99"]
    assert found["verdict"] == said and len(found["runs"]) == 4 and found["low"] < found["effect"] < found["high"]
    assert report.metrics[said.replace(" ", "_")] == 1 and sum(report.metrics.values()) == 1
    shown = capsys.readouterr().out
    assert said in shown and ("because it was planted so" in shown) == (said != HOLDS)
    assert [path.name for path in report.figures] == ["claim_99.png"]


def test_only_some_claims_are_measured_if_asked_for(tmp_path, monkeypatch, capsys):
    one, other = planted(noise), planted(noise, number="98")
    report = run_planted(monkeypatch, tmp_path, other, one, only=["99"])
    assert list(report.extra["claims"]) == ["99"]
    with pytest.raises(ValueError, match="--only 97: no such claim; there is: 98, 99"):
        run_planted(monkeypatch, tmp_path, other, one, only=["97", "98"])
    assert main(["yolo", "--only", "9a", "--out", str(tmp_path)]) == 2
    assert "--only picks claims" in capsys.readouterr().err


def test_an_effect_that_is_no_number_names_the_claim(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"claim 99, planted: .* finite"):
        run_planted(monkeypatch, tmp_path, planted(lambda seed: float("nan")))


def test_a_piece_belongs_to_its_claim_seed_haste_and_code(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(claims, "piece", lambda folder, name, identity, resume, compute: seen.append(identity) or {})
    one, other = planted(noise), planted(noise, number="98")
    report = Report("claims", tmp_path)
    for claim, seed, hasty in ((one, 0, False), (other, 0, False), (one, 1, False), (one, 0, True)):
        options = Namespace(quick=hasty, resume=True, out=tmp_path)
        claims.measured(claim, options, report, seed)
    assert len({fingerprint(*identity) for identity in seen}) == 4
    files = {path.name for path in seen[0] if isinstance(path, Path)}
    assert {"test_claims.py", "short_trainings.py", "arms.py", "macs.py", "training.py", "rpn.py", "ssd.py"} <= files


def test_resume_skips_what_is_kept(tmp_path, monkeypatch):
    asked = []

    def effect(seed):
        asked.append(seed)
        if seed == 2 and len(asked) < 4:
            raise KeyboardInterrupt
        return float(seed)

    claim = planted(effect)
    with pytest.raises(Interrupted, match="interrupted at claim 99, seed 2; what is done is kept"):
        run_planted(monkeypatch, tmp_path, claim)
    report = run_planted(monkeypatch, tmp_path, claim, resume=True)
    assert asked == [0, 1, 2, 2], "the first two were kept"
    assert [run["effect"] for run in report.extra["claims"]["99"]["runs"]] == [0.0, 1.0, 2.0]
    run_planted(monkeypatch, tmp_path, claim)
    assert asked[4:] == [0, 1, 2], "without --resume all is measured again"


def test_two_claims_of_one_number_are_refused(monkeypatch):
    from lectures.evidence import speed

    monkeypatch.setattr(speed, "CLAIMS", (*speed.CLAIMS, speed.CLAIMS[0]))
    with pytest.raises(ValueError, match="more than one claim has number 1a"):
        claims.all_claims()


def test_numbers_are_in_the_order_of_a_reader():
    shuffled = [planted(noise, number=number) for number in ("10", "9b", "9a")]
    assert [claim.number for claim in sorted(shuffled, key=claims.by_number)] == ["9a", "9b", "10"]


def test_every_claim_says_where_it_stands_and_what_would_show_it():
    assert {claims.by_number(claim)[0] for claim in ALL} >= OF_THE_ISSUE
    for claim in ALL:
        assert claim.slide in decks.TITLES[claim.deck], f"claim {claim.number}: no slide {claim.slide!r}"
        assert claim.says and claim.effect and (claim.exact or claim.seeds >= 3), claim.number


def test_quick_run_of_all_claims(tmp_path):
    assert main(["claims", "--quick", "--out", str(tmp_path)]) == 0
    written = json.loads((tmp_path / "claims" / "result.json").read_text())
    assert set(written["extra"]["claims"]) == {claim.number for claim in ALL}
    assert sum(written["metrics"].values()) == len(ALL)
    for claim in ALL:
        assert (tmp_path / "claims" / f"claim_{claim.number}.png").stat().st_size > 5000
        said = written["extra"]["claims"][claim.number]["verdict"]
        assert claim.exact or said == TOO_NOISY, "one seed proves nothing"


def test_other_peoples_pictures_are_refused_in_words(tmp_path, capsys):
    assert main(["claims", "--quick", "--data", "voc:nowhere", "--out", str(tmp_path)]) == 2
    assert "leave it out" in capsys.readouterr().err


# The arithmetic


@pytest.mark.parametrize(("inputs", "outputs", "kernel", "groups"), [(3, 8, 3, 1), (4, 6, 5, 2), (10, 7, 1, 1)])
def test_parameters_are_those_of_real_layers(inputs, outputs, kernel, groups):
    conv = nn.Conv2d(inputs, outputs, kernel, groups=groups)
    counted = parameter_arithmetic.number_of_parameters(conv)
    assert counted == parameter_arithmetic.conv_parameters(inputs, outputs, kernel, groups)


def test_vgg_has_the_parameters_of_its_paper():
    """Table 2 of Simonyan & Zisserman (2015): 133, 133, 134, 138, 144 million."""
    counted = [sum(parameter_arithmetic.vgg_parameters(column)[1:]) for column in parameter_arithmetic.VGG.values()]
    assert [round(n / 1e6) for n in counted] == [133, 133, 133, 134, 138, 144]
    assert counted[4] == 138_357_544 and counted[5] == 143_667_240


def test_boxes_of_the_papers():
    counted = box_counts.papers()
    assert counted["YOLO v1"] == [98] and counted["YOLO v2"] == [845] and counted["SSD"] == [8732, 24564]


def test_our_boxes_are_those_of_the_networks():
    classes = box_counts.CLASSES
    said = box_counts.ours()
    from lectures.detection.retinanet import RetinaNet
    from lectures.detection.ssd import SSD

    picture = pcn.zeros((1, 3, *box_counts.SCENE))
    assert said["SSD"] == SSD(classes).eval()(picture)[0].shape[1]
    assert said["RetinaNet"] == RetinaNet(classes).eval()(picture)[0].shape[1]


# The measurements


def boxes(*corners):
    return np.array(corners, np.float32).reshape(-1, 4)


def test_account_of_repeated_answers():
    """Two objects, one found three times, one missed; one box finds nothing, one has the wrong label."""
    truth = boxes((0, 0, 10, 10), (30, 30, 40, 40)), np.array([0, 1])
    said = boxes((0, 0, 10, 10), (1, 0, 11, 10), (0, 1, 10, 11), (50, 50, 60, 60), (30, 30, 40, 40))
    found = said, np.linspace(0.9, 0.5, 5), np.array([0, 0, 0, 0, 0])
    assert suppressing.account([found], [truth]) == {"precision": 1 / 5, "recall": 1 / 2, "answers": 3.0}
    nothing = boxes(), np.zeros(0), np.zeros(0, np.int64)
    assert suppressing.account([nothing], [truth]) == {"precision": 0.0, "recall": 0.0, "answers": 0.0}


def test_mosaics_keep_objects_where_they_are():
    class Data:
        size, test = (64, 64), pcn.data.ShapeScenes(32, "test")

    pictures, objects = suppressing.mosaics(Data, 2)
    assert pictures.shape == (2, 3, 256, 256)
    image, (truth, _) = Data.test[16 + 5]  # second picture, second row, second column
    np.testing.assert_array_equal(pictures[1, :, 64:128, 64:128], image)
    assert len(objects[1]) == sum(len(Data.test[i][1][0]) for i in range(16, 32))
    assert (objects[1][:, None] == truth + 64).all(-1).any(0).all()


def test_measurements_stand_in_evidence():
    for claim in ALL:
        assert inspect.getmodule(claim.measure).__name__.startswith("lectures.evidence."), claim.number
