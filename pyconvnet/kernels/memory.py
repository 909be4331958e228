"""Memory of results, pooled: what a training step frees, the next one takes again, without touching fresh pages.

NumPy asks a handler for memory (NEP 49); `pooled` puts ours in force for the length of a block, in this thread. An
array made there is like any other, wherever it goes. PYCONVNET_POOL=MB sets how much is kept at most; 0: nothing.
"""

import os

try:
    from pyconvnet.kernels import _cpp
except ImportError:  # backend.py tells
    _cpp = None


class pooled:
    """with pooled(): arrays are made in pooled memory (without compiled kernels: as ever)."""

    def __enter__(self):
        self._before = _cpp.use_array_memory(None) if _cpp else None

    def __exit__(self, *_):
        if _cpp:
            _cpp.use_array_memory(self._before)


def pool_arrays():
    """From now on, in this context (contextvars), arrays are made in pooled memory."""
    if _cpp:
        _cpp.use_array_memory(None)


def set_pool_limit(megabytes):
    """Keep at most so much freed memory, in all threads together, for later results; 0 switches the pool off."""
    if isinstance(megabytes, bool) or not isinstance(megabytes, (int, float)):
        raise TypeError(f"set_pool_limit: megabytes must be a number, got {megabytes!r}")
    if not 0 <= megabytes <= 2**20:
        raise ValueError(f"set_pool_limit: megabytes must be from 0 to {2**20}, got {megabytes}")
    if _cpp:
        _cpp.set_pool_limit(int(megabytes * 2**20))


def pool_usage():
    """{"limit": ..., "held": ...} in megabytes: how much may be kept, and how much lies free now."""
    limit, held = _cpp.pool_usage() if _cpp else (0, 0)
    return {"limit": limit / 2**20, "held": held / 2**20}


def _default():
    setting = os.environ.get("PYCONVNET_POOL")
    if setting:
        try:
            set_pool_limit(float(setting))
        except ValueError:
            raise ValueError(f"PYCONVNET_POOL={setting}: expected megabytes, 0 to switch the pool off") from None


_default()
