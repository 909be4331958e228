"""The printed table of derivatives is complete and tells the truth about the code."""

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
    assert table["conv"].rules == {"x": "conv_input(g, w)", "w": "conv_weight(g, x)"}
    assert table["index"].rules == {"x": "embed(g)"} and table["embed"].rules == {"g": "index(g)"}
    assert "unbroadcast" not in rules.text() and "value(" not in rules.text()


def test_the_command_prints_it():
    command = [sys.executable, "-m", "pyconvnet.rules"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == rules.text().strip() and f"{len(registry)} primitives" in printed
