"""A lecture once for each seed, and the table of all of them."""

import json
import math
from types import SimpleNamespace

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

from lectures import course, seeds
from lectures.__main__ import main


class Toy:
    """A lecture whose metric is ten times its seed."""

    name = "toy"

    @staticmethod
    def load():
        def run(options, report):
            assert options.seed == report.seed
            report.metrics |= {"auc": 10.0 * options.seed, "mae": {"and_back": 1.0 + options.seed}, "eer": math.nan}
            report.baselines |= {"auc": 5.0, "mae": {"and_back": 4.0}}
            report.extra |= {"ovals_taken": options.seed, "names": ["a"]}
            report.variants |= {"other way": {"auc": 7.0}} if options.seed else {}

        return SimpleNamespace(run=run)


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setattr(course, "find", lambda name: Toy)


def test_every_number_is_there_with_each_seed_mean_and_ends(toy, tmp_path, capsys):
    assert main(["toy", "--seeds", "3", "0", "1", "--out", str(tmp_path)]) == 0
    written = json.loads((tmp_path / "toy" / "seeds.json").read_text())
    assert written["seeds"] == [3, 0, 1] and written["lecture"] == "toy" and written["quick"] is False
    numbers = written["numbers"]
    assert list(numbers) == ["auc", "auc, baseline", "mae and back", "mae and back, baseline", "eer", "ovals taken",
                             "other way: auc"]  # fmt: skip
    assert numbers["auc"] == {"seeds": [30, 0, 10], "mean": pytest.approx(40 / 3), "lowest": 0, "highest": 30}
    assert numbers["mae and back, baseline"]["seeds"] == [4, 4, 4]
    assert numbers["eer"] == {"seeds": [None] * 3, "mean": None, "lowest": None, "highest": None}
    assert numbers["other way: auc"] == {"seeds": [7, None, 7], "mean": 7, "lowest": 7, "highest": 7}
    shown = capsys.readouterr().out.split("toy, seeds 3 0 1")[1].splitlines()
    assert shown[1].split() == ["seed", "3", "seed", "0", "seed", "1", "mean", "lowest", "highest"]
    assert shown[3].split() == ["auc", "30.000", "0.000", "10.000", "13.333", "0.000", "30.000"]


def test_every_run_is_whole_in_a_folder_of_its_own(toy, tmp_path):
    assert main(["toy", "--quick", "--seeds", "0", "2", "--out", str(tmp_path)]) == 0
    for seed in (0, 2):
        found = json.loads((tmp_path / "toy" / f"seed-{seed}" / "result.json").read_text())
        assert found["seed"] == seed and found["metrics"]["auc"] == 10 * seed and found["quick"] is True
    assert not (tmp_path / "toy" / "result.json").exists()


@pytest.mark.parametrize("chosen", [["0", "-1"], ["1", "1"]])
def test_odd_seeds_are_refused_before_anything_runs(chosen, toy, tmp_path, capsys):
    assert main(["toy", "--seeds", *chosen, "--out", str(tmp_path)]) == 2
    assert f"different numbers, none negative, got {' '.join(chosen)}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_demo_has_one_seed(tmp_path, capsys):
    assert main(["aging", "--demo", "--seeds", "0", "1", "--out", str(tmp_path)]) == 2
    assert "--demo shows one run" in capsys.readouterr().err


def test_a_baseline_alone_and_texts_are_left_out():
    run = {"metrics": {"auc": 1.0}, "baselines": {"eer": 2.0}, "extra": {"word": "x"}, "variants": {"a": {"b": "c"}}}
    assert dict(seeds.numbers_of(run)) == {"auc": 1.0}
