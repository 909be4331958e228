"""Plant each bug in turn and require that its test notices: `python -m tests.planted [name ...]`.

Exit code 1 if a bug survives, if its test fails without it, or if the replacement no longer fits the source.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from bugs import BUGS  # noqa: E402


def pytest(tests, plant=""):
    """Exit code and output of these tests on the NumPy kernels, with the bug planted."""
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": path, "PYCONVNET_PLANT": plant, "PYCONVNET_KERNELS": "numpy"}
    command = [sys.executable, "-m", "pytest", "-p", "plant", "-p", "no:cacheprovider", "--tb=short", *tests]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def verdict(bug):
    """("caught", output) or what went wrong."""
    code, output = pytest([bug.caught_by], bug.name)
    if f"planted: {bug.name}" not in output:
        return "not planted", output
    if code == 0:
        return "SURVIVED", output
    found = re.search(r"^failures: (.*)$", output, re.MULTILINE)
    if code != 1 or found is None or bug.error not in found.group(1).split(","):
        return "failed otherwise", output
    return "caught", output


def main(names):
    chosen = [b for b in BUGS if not names or b.name in names]
    if len(chosen) < len(names):
        print(f"no such bug; known: {' '.join(b.name for b in BUGS)}")
        return 2
    code, output = pytest(sorted({b.caught_by for b in chosen}))
    if code:
        print(output, "without any bug the tests must pass", sep="\n")
        return 1
    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(verdict, chosen))
    rows = [
        (b.name, b.module, b.caught_by.partition("tests/")[2], v)
        for b, (v, _) in zip(chosen, verdicts, strict=True)
    ]
    rows.insert(0, ("bug", "module", "caught by", "verdict"))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        print(" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    missed = [(b, output) for b, (v, output) in zip(chosen, verdicts, strict=True) if v != "caught"]
    for bug, output in missed:
        print(f"\n{bug.name}: {bug.old!r} -> {bug.new!r}\n{output}")
    print(f"\n{len(chosen) - len(missed)} of {len(chosen)} planted bugs caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
