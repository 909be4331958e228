"""The slide index as text (`python -m lectures --slides`) and as a page: `python -m lectures.slide_page` writes it."""

import os
import re
import sys
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from .course import find
from .decks import DECKS
from .slide_index import ROOT, RUNS, STATES, Index

PAGE = ROOT / "lectures" / "slides.md"
COMMAND = "python -m lectures.slide_page"
HEAD = f"""# The slides, and what runs them

Every slide of the decks, with the lecture, the functions and classes, and the cells of the walk-throughs that run it.
Written by `{COMMAND}` from docstrings, `lectures/course.py`, the walk-throughs and the claims; do not
edit it by hand. `python -m lectures NAME` runs a lecture, `python -m lectures claims` measures the claims.

- *in part*: something on the slide runs, not all of it; what is marked so runs a part.
- *not yet*: nothing runs it.
- *nothing to run*: a title, a table of contents, a list of references.

A title on several slides is counted as often: TITLE (2) is the second with that title.
"""


def rows(index, deck):
    """[(name, Entry)] of a deck; neighbours of one title that the same things run share a row."""
    found = []
    entries = (entry for entry in index.entries if entry.slide.deck == deck)
    key = lambda e: (e.slide.title, e.state, e.lectures, e.code, e.cells, e.claims)
    for _, run in groupby(entries, key):
        first, *_, last = [*run] * 2
        same = first.slide == last.slide
        name = first.slide.name if same else f"{first.slide.title} ({first.slide.nth} to {last.slide.nth})"
        found.append((name, first))
    return found


def listing(index):
    """The index as text, with its counts."""
    lines = []
    for deck in DECKS:
        lines += [deck, f"  {counted(index.counts(deck))}"]
        for name, entry in rows(index, deck):
            lines.append(f"  {name}" if entry.state == RUNS else f"  {name}: {entry.state}")
            lines += [f"      lecture  {said(key, whole)}" for key, whole in entry.lectures.items()]
            lines += [f"      claim    {number}" for number in entry.claims]
            lines += [f"      code     {said(key, whole)}" for key, whole in entry.code.items()]
            lines += [f"      cell     {file}: {said(cell, whole)}" for (file, cell), whole in entry.cells.items()]
        lines.append("")
    return "\n".join([*lines, f"All decks: {counted(index.counts())}"])


def said(what, whole):
    """`what`, marked unless it runs the slide wholly."""
    return what if whole else f"{what} (in part)"


def counted(counts):
    """Counts of states in words."""
    return f"{sum(counts.values())} slides: " + ", ".join(f"{n} {state}" for state, n in counts.items())


def page(index):
    """The index as Markdown: a table of counts, and one table for each deck."""
    lines = [HEAD, _row("Deck", "slides", *STATES), _row("---", *["---:"] * (1 + len(STATES)))]
    for deck in (*DECKS, None):
        counts = index.counts(deck)
        lines.append(_row(deck or "All", sum(counts.values()), *counts.values()))
    for deck in DECKS:
        lines += ["", f"## {deck}", "", _row("Slide", "Lecture", "Function, class", "Walk-through"), _row(*["---"] * 4)]
        for name, entry in rows(index, deck):
            lectures = [said(_link(key, find(key).module), whole) for key, whole in entry.lectures.items()]
            claims = [f"claims {', '.join(entry.claims)}"] if entry.claims else []
            code = [said(_link(re.sub(r"^[\w.]*\.", "", key), key), whole) for key, whole in entry.code.items()]
            state = [] if entry.state == RUNS else [f"*{entry.state}*"]
            lines.append(_row(_text(name), *map("<br>".join, (state + lectures + claims, code, _cells(entry)))))
    return "\n".join([*lines, ""])


def _cells(entry):
    """One line per walk-through: a link to the file, and the headings without the slide's own title."""
    lines = []
    for file, cells in groupby(entry.cells.items(), lambda cell: cell[0][0]):
        titles = [_text(said(_after_title(heading), whole)) for (_, heading), whole in cells]
        lines.append(f"[{Path(file).stem}]({os.path.relpath(file, 'lectures')}): {'; '.join(titles)}")
    return lines


def _after_title(heading):
    return re.sub(r'^Slides? "[^"]+"(?: \([^()]*\))?(?:, continued)?[:,] ', "", heading)


def _link(text, target):
    """A link to the file of `target`, "module" or "module:qualified name"."""
    file = Path(find_spec(target.partition(":")[0]).origin)
    return f"[{text}]({Path(os.path.relpath(file, PAGE.parent)).as_posix()})"


def _text(text):
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")


def _row(*cells):
    return f"| {' | '.join(map(str, cells))} |"


def print_index():
    """What --slides does; the exit status is 1 where a title is misquoted."""
    index = Index()
    print(listing(index))
    for complaint in index.wrong:
        print(f"misquoted: {complaint}", file=sys.stderr)
    return 1 if index.wrong else 0


if __name__ == "__main__":
    PAGE.write_text(page(Index()), encoding="utf-8")
    print(f"{PAGE} is written")
