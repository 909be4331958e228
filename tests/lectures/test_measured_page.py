"""The numbers in the README and on the page of measurements are those of the stored results."""

import json

import pytest

from lectures import measured_page as room


def test_the_page_and_the_readme_are_made_from_the_stored_results():
    again = f"stale: run {room.COMMAND}"
    assert room.PAGE.read_text(encoding="utf-8") == room.page(), again
    text = room.README.read_text(encoding="utf-8")
    assert room.readme(text) == text, again


def test_the_readme_quotes_every_system_of_the_ladder():
    lines = room.readme_table()
    for name, row in room.stored("detection_ladder")["variants"].items():
        (line,) = (line for line in lines if f"`{name}`" in line)
        assert f"{row['map50']:.2f}" in line and f"{row['ms']:.1f}" in line


def test_every_claim_is_on_the_page_with_its_verdict():
    claims = room.stored("claims")["extra"]["claims"]
    lines = room.page().splitlines()
    for number, claim in claims.items():
        (line,) = (line for line in lines if line.startswith(f"| {number} |"))
        assert claim["title"] in line and claim["verdict"] in line


@pytest.mark.parametrize("change", [{"quick": True}, {"seed": 1}, {"data": "voc:pictures"}])
def test_only_whole_runs_are_stored(tmp_path, monkeypatch, change):
    monkeypatch.setattr(room, "STORED", tmp_path / "stored")
    (tmp_path / "claims").mkdir()
    result = {"quick": False, "seed": 0, "data": None, "extra": {"claims": {}}} | change
    (tmp_path / "claims" / "result.json").write_text(json.dumps(result))
    with pytest.raises(ValueError, match="whole run"):
        room.take(tmp_path)
    assert not (tmp_path / "stored").exists()


def test_a_run_of_some_claims_takes_their_place_among_the_stored(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "STORED", tmp_path / "stored")
    first, second, *_ = (claim.number for claim in room.all_claims())
    claim = {"verdict": "holds", "runs": [{"effect": 1.0}]}
    result = {"quick": False, "seed": 0, "data": None, "metrics": {}, "extra": {"claims": {}}}
    for number, said in ((first, "holds"), (second, "holds"), ("0", "holds"), (first, "too noisy to say")):
        result["extra"]["claims"] = {number: claim | {"verdict": said}}
        (tmp_path / "claims").mkdir(exist_ok=True)
        (tmp_path / "claims" / "result.json").write_text(json.dumps(result))
        assert room.take(tmp_path) == ["claims"]
    kept = room.stored("claims")
    assert {k: v["verdict"] for k, v in kept["extra"]["claims"].items()} == {first: "too noisy to say", second: "holds"}
    assert kept["metrics"] == {"holds": 1, "does_not_hold_here": 0, "too_noisy_to_say": 1}


def test_every_claim_was_measured():
    measured, claimed = room.stored("claims")["extra"]["claims"], [claim.number for claim in room.all_claims()]
    assert list(measured) == claimed, f"python -m lectures claims --only NUMBER ..., then {room.COMMAND} out"


def test_a_readme_without_a_place_for_the_table_is_refused():
    with pytest.raises(ValueError, match="must each stand there once"):
        room.readme("no table here")
