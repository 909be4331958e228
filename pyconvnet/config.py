"""What runs here: kernel backend, instruction set, threads, versions."""

import platform
from importlib.metadata import PackageNotFoundError, version

from . import kernels


def show_config():
    """A dict for the report of a run: backend, isa, threads, versions of Python and the packages."""
    versions = {"python": platform.python_version()}
    for name in ("pyconvnet", "numpy", "safetensors", "matplotlib"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "backend": kernels.active(),
        "backends": list(kernels.available()),
        "isa": kernels.active_isa(),
        "isas": list(kernels.supported_isas()),
        "winograd": kernels.winograd(),
        "threads": kernels.get_num_threads(),
        "machine": platform.machine(),
        "versions": versions,
    }
