"""The README keeps its promises: two commands first, code that runs, files that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_first_block_is_two_commands():
    lines = BLOCKS[0][1].splitlines()
    assert len(lines) == 2 and all(line.startswith("python3 -m venv .venv && ") for line in lines)


def test_its_python_runs():
    blocks = [code for language, code in BLOCKS if language == "python"]
    assert blocks
    for code in blocks:
        exec(compile(code, "README.md", "exec"), {})


def test_the_files_it_names_exist():
    named = re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r"`(lectures/[\w/]+\.py)`", README)
    assert named and not [path for path in named if not (ROOT / path).exists()]
