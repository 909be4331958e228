"""Code compiled for a newer instruction set must not leak into functions that older machines run.

An inline function or template of a shared namespace (std::, say) is emitted by every object that uses it, and
the linker keeps any one copy. So objects of cpp/isa may define such symbols in their own namespace only.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "cpp" / "isa"


@pytest.mark.skipif(
    not FOLDER.exists() or not shutil.which("c++") or not shutil.which("nm"), reason="no compiler"
)
def test_no_shared_symbols(tmp_path):
    sources = sorted(FOLDER.glob("*.cpp"))
    assert len(sources) > 8
    # -O1 inlines less than the release does: what could leak, does.
    flags = ["-std=gnu++17", "-O1", "-fPIC", "-DPYCONVNET_ISA=isa_symbols", "-c"]
    half = len(sources) // 2
    jobs = [
        subprocess.Popen(["c++", *flags, *map(str, part)], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        for part in (sources[:half], sources[half:])
    ]
    for job in jobs:
        _, errors = job.communicate(timeout=300)
        assert job.returncode == 0, errors
    objects = sorted(tmp_path.glob("*.o"))
    assert len(objects) == len(sources)
    listing = subprocess.run(
        ["nm", "-C", *map(str, objects)], capture_output=True, text=True, check=True
    ).stdout
    defined = [
        line.split(maxsplit=2)[1:]
        for line in listing.splitlines()
        if len(line) > 19 and line[0] != " " and not line.endswith(":")
    ]
    assert any("micro<float" in name or "correlate<float>" in name for _, name in defined)
    leaks = [
        name
        for kind, name in defined
        if kind in "WVuBDRTi" and "pyconvnet::isa_symbols::" not in name and not name.startswith("DW.ref.")
    ]  # a pointer for exception handling, not code
    assert not leaks
