"""The benchmarks run, write what they say they write, and the README's table is made from the stored ones."""

import importlib
import json

import pytest

from benchmarks import table
from pyconvnet import kernels

compiled = pytest.mark.skipif("cpp" not in kernels.available(), reason="no compiled kernels")


def test_the_table_of_the_readme_is_made_from_the_stored_results():
    text = table.README.read_text(encoding="utf-8")
    assert table.readme(text) == text, "stale: run python -m benchmarks table --stored"


def test_the_table_quotes_every_operation_in_every_setting():
    lines = table.lines()
    for column, setting in enumerate(table.SETTINGS):
        for operation, means in table.stored("conv", setting)["results"]["summary"].items():
            (line,) = (line for line in lines if f"convolution, {operation} " in line)
            assert f"{means['nchw']:.2f} ({means['better layout']:.2f})" == line.split("|")[2 + column].strip()


def test_what_is_stored_was_measured_as_it_says():
    for setting, environment in table.SETTINGS.items():
        for benchmark in table.IN_TURN:
            machine = table.stored(benchmark, setting)["machine"]
            assert str(machine["threads"]) == environment["PYCONVNET_NUM_THREADS"] and machine["torch"]
            assert (machine["isa"] == "avx2") == ("PYCONVNET_ISA" in environment)
        assert len(table.stored("conv", setting)["results"]["layers"]) == 75


@compiled
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("conv", ["--quick", "--shapes", "1x1"]),
        ("matmul", ["--seconds", "0.001"]),
        ("nms", ["--sizes", "300"]),
        ("step", ["--seconds", "0.01", "--no-memory"]),
        ("overhead", []),
    ],
)
def test_a_benchmark_prints_and_writes(name, arguments, tmp_path, capsys):
    module = importlib.import_module(f"benchmarks.{name}")
    module.main([*arguments, "--json", str(tmp_path / "told.json")])
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["benchmark"] == name and told["machine"]["cpu"] and told["results"]
    assert capsys.readouterr().out.count("\n") >= 2


def test_a_figure_is_drawn(tmp_path):
    from benchmarks import record

    class Options:
        json, figure = None, tmp_path / "bars.png"

    record.write(Options, "any", {}, record.bars({"a": 1.5, "b": 0.5}, "times as fast"))
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")
