"""The cache folder: what took long to compute and can be computed again. Deleting it is always safe."""

import ast
import hashlib
import os
import sys
from pathlib import Path

import numpy as np


def cache_folder():
    """PYCONVNET_CACHE where it is set, else the platform's folder for caches; it may not exist yet."""
    if chosen := os.environ.get("PYCONVNET_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "pyconvnet"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "pyconvnet" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pyconvnet"


def fingerprint(*things):
    """A name for what was computed from `things`: 32 hexadecimal digits of a hash.

    Arrays count by shape, type and content, a Path by the content of its file, and a Path of Python code by what it
    does: comments and docstrings do not count. All else counts by its repr.
    """
    digest = hashlib.blake2b(digest_size=16)
    for thing in things:
        if isinstance(thing, np.ndarray):
            digest.update(repr((thing.shape, thing.dtype.str)).encode())
            digest.update(np.ascontiguousarray(thing).data)
        elif isinstance(thing, Path):
            digest.update(_code(thing) if thing.suffix == ".py" else thing.read_bytes())
        else:
            digest.update(repr(thing).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _code(file):
    """The syntax tree of a Python file without its docstrings, as bytes."""
    tree = ast.parse(file.read_bytes())
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree).encode()
