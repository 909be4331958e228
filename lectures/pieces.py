"""Pieces of a long run, each kept when it is done: an interrupted run goes on at the first one that is missing."""

import json
from pathlib import Path

from lectures.cache import fingerprint
from pyconvnet.io import write_whole


def piece(folder, name, identity, resume, compute):
    """What `compute()` returns, a dict that JSON can hold, kept whole or not at all as folder/pieces/NAME.json.

    With `resume` a piece that was kept under the same `identity` (see `fingerprint`: a Path counts by its file's
    content, so give the code, too) is returned instead, and nothing is computed. A file that is damaged, or of another
    identity, is computed anew. What `compute` raises passes through; the pieces done before stay.
    """
    path, mark = Path(folder) / "pieces" / f"{name}.json", fingerprint(*identity)
    if resume:
        kept = _read(path)
        if kept is not None and kept["identity"] == mark:
            return kept["result"]
    result = compute()
    try:
        text = json.dumps({"identity": mark, "result": result}, indent=1)
    except (TypeError, ValueError) as error:
        raise TypeError(f"piece {name!r}: its result is nothing that JSON can hold: {error}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text + "\n")
    return json.loads(text)["result"]  # as a resumed run reads it: lists for tuples, names for keys


def _read(path):
    """What the file holds, or None where there is none, or one that was not written here."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and {"identity", "result"} <= kept.keys() else None
