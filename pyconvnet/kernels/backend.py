"""The switch: which backend answers, with which instruction set, on how many threads. Process-wide.

PYCONVNET_KERNELS, PYCONVNET_ISA, PYCONVNET_NUM_THREADS and PYCONVNET_WINOGRAD (0, 1 or always) set the defaults.
"""

import os
import sys

from pyconvnet.kernels import naive, numpy

try:
    from pyconvnet.kernels import cpp
except ImportError as error:
    cpp, _why_no_cpp = None, str(error)

_backends = {"naive": naive, "numpy": numpy} | ({"cpp": cpp} if cpp else {})
current = None  # the module that answers; read afresh by every call
_threads = 1


class use:
    """Switch to backend "naive", "numpy" or "cpp", at once; as a context manager, until the block ends.

    `isa` picks one of supported_isas() for cpp (default: leave as is). ValueError for a name that does not
    exist, RuntimeError for a backend that this installation does not have.
    """

    def __init__(self, name, isa=None):
        self._before = active(), active_isa()
        _switch(name, isa)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        name, isa = self._before
        _switch(name, isa if cpp else None, force_isa=True)


def _switch(name, isa=None, force_isa=False):
    global current
    if name not in ("naive", "numpy", "cpp"):
        raise ValueError(f"use: backend must be one of naive, numpy, cpp, got {name!r}")
    if name not in _backends:
        raise RuntimeError(f"use: the compiled backend is not available ({_why_no_cpp})")
    if isa is not None:
        if name != "cpp" and not force_isa:
            raise ValueError(f"use: isa={isa!r} belongs to the cpp backend, not to {name}")
        if isa not in supported_isas():
            raise ValueError(
                f"use: isa must be one of {', '.join(supported_isas())} on this machine, got {isa!r}"
            )
        cpp.use_isa(isa)
    current = _backends[name]


class use_winograd:
    """Whether the compiled backend may convolve by Winograd, at once; as a context manager, until the block ends.

    "chosen" (True, the default): 3x3, stride 1, float32, where it is the faster way; "never" (False); "always":
    wherever it is possible, for tests. Its rms error is below 5e-6 (direct: 5e-7), and where a result is not
    finite the direct kernel repeats the convolution.
    """

    def __init__(self, when):
        when = {True: "chosen", False: "never"}.get(when, when) if isinstance(when, bool) else when
        if when not in ("never", "chosen", "always"):
            raise ValueError(f"use_winograd: expected True, False, never, chosen or always, got {when!r}")
        self._before = winograd()
        if cpp:
            cpp.use_winograd(when)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if cpp:
            cpp.use_winograd(self._before)


def winograd():
    """When the compiled backend convolves by Winograd: "never", "chosen" or "always"; None without it."""
    return cpp.winograd() if cpp else None


def active():
    """Name of the backend that answers now."""
    return next((name for name, module in _backends.items() if module is current), None)


def available():
    """Names of the backends of this installation."""
    return tuple(_backends)


def supported_isas():
    """Instruction sets the compiled backend was built for and this machine has, best last; () without it."""
    return tuple(cpp.supported_isas()) if cpp else ()


def active_isa():
    """The instruction set the compiled backend uses; None without it."""
    return cpp.active_isa() if cpp else None


def set_num_threads(n):
    """Threads of the compiled backend (results do not depend on it, bit for bit)."""
    global _threads
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"set_num_threads: the number of threads must be an int, got {n!r}")
    n = n.__index__()
    if not 1 <= n <= 1024:
        raise ValueError(f"set_num_threads: the number of threads must be from 1 to 1024, got {n}")
    if cpp:
        cpp.set_num_threads(n)
    _threads = n


def get_num_threads():
    """Threads of the compiled backend; by default the cores this process may run on."""
    return _threads


def _cores():
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def _defaults():
    """Read the environment; a bad value is an error that names the variable."""
    threads, isa = os.environ.get("PYCONVNET_NUM_THREADS"), os.environ.get("PYCONVNET_ISA")
    name = os.environ.get("PYCONVNET_KERNELS") or ("cpp" if cpp else "numpy")
    try:
        set_num_threads(int(threads) if threads else min(_cores(), 1024))
    except ValueError:
        raise ValueError(
            f"PYCONVNET_NUM_THREADS={threads}: expected a number of threads from 1 to 1024"
        ) from None
    if name not in ("naive", "numpy", "cpp"):
        raise ValueError(f"PYCONVNET_KERNELS={name}: expected one of naive, numpy, cpp")
    if isa and cpp and isa not in supported_isas():
        raise ValueError(f"PYCONVNET_ISA={isa}: this machine supports {', '.join(supported_isas())}")
    if cpp is None and name == "cpp":
        raise RuntimeError(f"PYCONVNET_KERNELS=cpp: the compiled backend is not available ({_why_no_cpp})")
    if cpp is None and not os.environ.get("PYCONVNET_KERNELS"):
        print(
            "pyconvnet: no compiled kernels in this installation, using NumPy (slower, same results)",
            file=sys.stderr,
        )
    if isa and cpp:
        cpp.use_isa(isa)
    when = os.environ.get("PYCONVNET_WINOGRAD") or "1"
    if when not in ("0", "1", "always"):
        raise ValueError(f"PYCONVNET_WINOGRAD={when}: expected 0, 1 or always")
    use_winograd({"0": "never", "1": "chosen"}.get(when, when))
    _switch(name)


_defaults()
