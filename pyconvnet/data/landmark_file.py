"""Landmarks of pictures from a table of comma-separated values."""

import csv
from pathlib import Path

import numpy as np


def read_landmarks(file):
    """{picture: float32 (n, 2)}: the (x, y) in pixels of n landmarks of each picture of a CSV table.

    First line: names of the columns, the first one that of the picture's file. Then one line per picture: its name and
    x, y of each landmark. A picture with several faces has several lines; the later ones get the names "NAME#2" ...
    ValueError naming file and line for a damaged table, FileNotFoundError where there is none. Nothing is executed.
    """
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(f"read_landmarks: there is no file {path}")
    try:
        with open(path, newline="", encoding="utf-8-sig") as text:
            rows = [(k, row) for k, row in enumerate(csv.reader(text), start=1) if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as problem:
        raise ValueError(f"{path}: no table of comma-separated text ({problem})") from None
    if len(rows) < 2:
        raise ValueError(f"{path}: the table holds no landmarks: it has {len(rows)} line(s), one of them the titles")
    columns, found, seen = len(rows[0][1]), {}, {}
    if columns < 3 or columns % 2 == 0:
        raise ValueError(f"{path}, line 1: the columns must be the picture and x, y of each landmark, got {columns}")
    if _numbers(rows[0][1][1:]) is not None:
        raise ValueError(f"{path}, line 1: must name the columns, but holds numbers: is the line of titles missing?")
    for line, row in rows[1:]:
        if len(row) != columns:
            raise ValueError(f"{path}, line {line}: {len(row)} entries, but there are {columns} columns")
        points, name = _numbers(row[1:]), row[0].strip()
        if points is None:
            wrong = next(cell for cell in row[1:] if _numbers([cell]) is None)
            raise ValueError(f"{path}, line {line}: {wrong!r} is no coordinate in pixels")
        if not name:
            raise ValueError(f"{path}, line {line}: the name of the picture is missing")
        seen[name] = times = seen.get(name, 0) + 1
        found[name if times == 1 else f"{name}#{times}"] = points.reshape(-1, 2)
    return found


def _numbers(cells):
    """float32 (n,), or None where a cell holds no number that float32 can hold."""
    try:
        with np.errstate(over="ignore"):
            numbers = np.array([float(cell) for cell in cells]).astype(np.float32)
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None
