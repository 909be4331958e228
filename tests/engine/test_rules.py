"""The printed table of derivatives is complete and tells the truth about the code."""

import re
import subprocess
import sys

from pyconvnet import rules
from pyconvnet.autograd import registry


def entries():
    return {entry.name: entry for _, chapter in rules.chapters() for entry in chapter}


def test_every_primitive_stands_in_the_table_once():
    names = [entry.name for _, chapter in rules.chapters() for entry in chapter]
    assert sorted(names) == sorted(registry)


def test_an_argument_stands_there_exactly_if_it_has_a_rule():
    for name, entry in entries().items():
        p = registry[name]
        expected = sum(r is not None for r in p.rules) if isinstance(p.rules, tuple) else 1
        assert len(entry.rules) == expected, name


def test_it_reads_like_a_table_of_derivatives():
    table = entries()
    assert table["mul"].rules == {"x": "g * y", "y": "g * x"}
    assert table["conv"].rules == {"x": "conv_input(g, w; ...)", "w": "conv_weight(g, x; ...)"}
    assert table["index"].rules == {"x": "embed(g; key, shape)"}
    assert table["scatter"].rules == {"g": "gather(u; positions, shape)"}
    assert table["permute"].rules == {"x": "permute(g; dims=inverse(dims))"}
    assert table["where"].rules == {"x": "where(condition, g, 0)", "y": "where(condition, 0, g)"}
    assert table["concatenate"].rules == {"x_i": "the slice of g along axis dim that x_i fills in y"}
    assert not re.search(r"unbroadcast|value\(|lambda|\b_", rules.text())
    assert max(map(len, rules.text().splitlines())) <= 120


def test_every_name_in_a_rule_is_defined():
    """An argument, a setting, a primitive, g, y or z, a function of NumPy, or explained in a note of its chapter."""
    for _, chapter in rules.chapters():
        explained = set()
        for entry in chapter:
            explained |= {name for note in entry.notes for name in re.findall(r"^with (\w+)", note)}
            known = {*registry, *explained, *re.findall(r"\w+", entry.call), *"gyz", "sign", "pi", "shape", "dtype"}
            for rule in entry.rules.values():
                if rule != rules.COMPOSED and entry.name != "concatenate":  # those speak in words
                    assert set(re.findall(r"[a-zA-Z_]\w*", rule)) <= known, entry


def test_a_fused_primitive_shows_the_formula_of_its_composed_twin():
    entry = entries()["batch_norm_input"]
    assert set(entry.rules.values()) == {rules.COMPOSED} and list(entry.rules) == ["g", "x", "weight"]
    assert entry.notes[0] == "xhat, deviation, m = standardised(x, eps)"
    assert entry.notes[1].startswith("y = per_channel(weight, x) / deviation * (g - ")
    assert any(note.startswith("with standardised(x, eps) = (x - E[x])") for note in entry.notes)


def test_the_legend_comes_first_and_says_what_g_and_y_are():
    assert rules.text().startswith(rules.LEGEND)
    assert "g        the cotangent of the result" in rules.LEGEND and "z where an argument is called y" in rules.LEGEND


def test_the_command_prints_it():
    command = [sys.executable, "-m", "pyconvnet.rules"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == rules.text().strip() and f"{len(registry)} primitives" in printed
