"""A pytest plugin (`-p plant`): loads one module with the bug named by PYCONVNET_PLANT in its source.

It sits first in sys.meta_path, before the finder of an editable install, and before the package is imported.
"""

import importlib.util
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import SourceFileLoader

import bugs


class _Planted(SourceFileLoader):
    """Compiles the changed source anew; neither reads nor writes a .pyc."""

    def __init__(self, bug, path):
        super().__init__(bug.module, path)
        self.bug = bug

    def get_code(self, fullname):
        source = self.get_data(self.path).decode()
        if source.count(self.bug.old) != 1:
            raise RuntimeError(
                f"{self.bug.name}: {self.bug.old!r} occurs {source.count(self.bug.old)} times in {self.path}"
            )
        planted.append(self.bug.name)
        return compile(source.replace(self.bug.old, self.bug.new), self.path, "exec", dont_inherit=True)


class Planter(MetaPathFinder):
    """Asks the other finders where the module is, and puts its own loader there."""

    def __init__(self, bug):
        self.bug = bug

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self.bug.module:
            return None
        specs = (
            f.find_spec(fullname, path, target)
            for f in sys.meta_path
            if f is not self and hasattr(f, "find_spec")
        )
        spec = next(s for s in specs if s is not None)
        return importlib.util.spec_from_file_location(
            fullname, spec.origin, loader=_Planted(self.bug, spec.origin),
            submodule_search_locations=spec.submodule_search_locations,
        )  # fmt: skip


planted, failures = [], set()

if name := os.environ.get("PYCONVNET_PLANT"):
    if "pyconvnet" in sys.modules:
        raise RuntimeError("the package was imported before the bug could be planted")
    sys.meta_path.insert(0, Planter({b.name: b for b in bugs.BUGS}[name]))


def _kinds(error):
    """Names of the classes of an exception; of a group (several counterexamples) those of its members."""
    if isinstance(error, BaseExceptionGroup):
        return {name for member in error.exceptions for name in _kinds(member)}
    return {kind.__name__ for kind in type(error).__mro__}


def pytest_runtest_makereport(item, call):
    if call.excinfo is not None:
        failures.update(_kinds(call.excinfo.value) if call.when == "call" else {"SetupError"})


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"planted: {','.join(planted)}")
    terminalreporter.write_line(f"failures: {','.join(sorted(failures))}")
