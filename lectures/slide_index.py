"""Every slide of the decks, and what runs it: lectures, functions and classes, cells of the walk-throughs.

`python -m lectures --slides` prints the index; `python -m lectures.slide_page` writes the page made from it,
lectures/slides.md. Nothing is entered by hand. It is read from

- the docstrings of lectures/ and pyconvnet/ (by ast), whose quoted titles `mentions` finds; a module steps back where
  a function or class of its own speaks of the same slide;
- the table of lectures/course.py: titles of one deck. Of a title on several slides all count for the lecture, unless
  the docstring of its module says which;
- the text cells of lectures/walkthroughs/. A cell without a heading belongs to the heading above it. The first cell
  stands for the whole file: it counts where no other cell of the file speaks of the slide;
- the claims of lectures/evidence/: each measures one sentence of a slide, so a slide in part. A claim knows its title
  only: it stands at all slides of its deck with that title.

A slide *runs* if any of these speaks of it. It runs *in part* if all that do say so; it is *not yet* there if nothing
does; and a slide without content (decks.NOTHING_TO_RUN) holds *nothing to run*. One title in two decks is two slides:
a function runs the one whose deck it names. A text that names no deck means that of its file's first docstring, if
that speaks of one deck only.
"""

import ast
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from .claims import all_claims
from .course import COURSE
from .decks import DECKS, Slide, slides
from .slide_mentions import mentions

ROOT = Path(__file__).resolve().parents[1]
WALKTHROUGHS = ROOT / "lectures" / "walkthroughs"
ABOUT_TITLES = {"decks.py", "slide_index.py", "slide_mentions.py", "slide_page.py"}  # they quote, but run nothing
STATES = RUNS, IN_PART, NOT_YET, NOTHING = "runs", "in part", "not yet", "nothing to run"


@dataclass
class Entry:
    """One slide and what runs it; the values say whether wholly (True) or in part."""

    slide: Slide
    lectures: dict[str, bool] = field(default_factory=dict)
    code: dict[str, bool] = field(default_factory=dict)  # "module" or "module:qualified name"
    cells: dict[tuple[str, str], bool] = field(default_factory=dict)  # (file, heading)
    claims: list[str] = field(default_factory=list)  # numbers

    @property
    def state(self):
        """One of STATES."""
        how = [*self.lectures.values(), *self.code.values(), *self.cells.values()]
        if how:
            return RUNS if any(how) else IN_PART
        if self.claims:
            return IN_PART
        return NOT_YET if self.slide.runs else NOTHING


class Index:
    """`entries` of all slides in order; `wrong` says which texts misquote a title, and where."""

    def __init__(self):
        self.entries = [Entry(slide) for deck in DECKS for slide in slides(deck)]
        self.wrong = []
        self.of_modules = {}  # module: its own Mentions
        for path in source_files():
            self.read_module(path)
        for lecture in COURSE:
            self.read_lecture(lecture)
        for path in sorted(WALKTHROUGHS.glob("[!_]*.py")):
            self.read_walkthrough(path)
        for claim in all_claims():
            self.read_claim(claim)
        for entry in self.entries:
            entry.code = {target: whole for target, whole in entry.code.items() if not superseded(target, entry.code)}
            if entry.state != NOTHING and not entry.slide.runs:
                self.wrong.append(f'decks.NOTHING_TO_RUN has "{entry.slide.name}", but something runs it')

    @cached_property
    def by_slide(self):
        """{Slide: Entry}"""
        return {entry.slide: entry for entry in self.entries}

    def read(self, text, where, home=None):
        """The Mentions of a text; what it misquotes is noted."""
        found, wrong = mentions(text, home)
        self.wrong += [f"{where}: {complaint}" for complaint in wrong]
        return found

    def read_module(self, path):
        """Enter every docstring of a file."""
        module = module_of(path)
        texts = list(docstrings(ast.parse(path.read_text(encoding="utf-8"))))
        home = only_deck(texts[0][1]) if texts and not texts[0][0] else None
        for name, text in texts:
            target = f"{module}:{name}" if name else module
            found = self.read(text, target, home)
            if not name:
                self.of_modules[module] = found
            if name or module not in {lecture.module for lecture in COURSE}:
                for slide, whole in found:
                    enter(self.by_slide[slide].code, target, whole)

    def read_lecture(self, lecture):
        """Enter a lecture by its row of the table and the docstring of its module."""
        found = self.of_modules.get(lecture.module, [])
        for slide, whole in found:
            enter(self.by_slide[slide].lectures, lecture.name, whole)
        said = {(slide.deck, slide.title) for slide, _ in found}
        for slide in slides(lecture.deck):
            if slide.title in lecture.slides and (slide.deck, slide.title) not in said:
                enter(self.by_slide[slide].lectures, lecture.name, True)

    def read_walkthrough(self, path):
        """Enter the text cells of a walk-through."""
        (title, overview), *others = text_cells(path)
        name, home = path.relative_to(ROOT).as_posix(), only_deck(overview)
        spoken = set()
        for heading, text in others:
            for slide, whole in self.read(text, f"{name}, {heading!r}", home):
                enter(self.by_slide[slide].cells, (name, heading), whole)
                spoken.add(slide)
        for slide, whole in self.read(overview, name):
            if slide not in spoken:
                enter(self.by_slide[slide].cells, (name, title), whole)

    def read_claim(self, claim):
        """Enter a claim, which knows its deck and title, at the slides with that title that hold anything to run."""
        titled = [entry for entry in self.entries if entry.slide[:2] == (claim.deck, claim.slide)]
        if not titled:
            self.wrong.append(f'claim {claim.number}: no slide "{claim.slide}" in the deck "{claim.deck}"')
        for entry in titled:
            if entry.slide.runs:
                entry.claims.append(claim.number)

    def counts(self, deck=None):
        """{state: number of slides}, of one deck or of all."""
        states = [entry.state for entry in self.entries if deck in (None, entry.slide.deck)]
        return {state: states.count(state) for state in STATES}


def enter(table, key, whole):
    """Whole wins over in part."""
    table[key] = table.get(key, False) or whole


def superseded(target, code):
    """Whether `target` is a module of which `code` runs a slide wholly by something inside."""
    return any(whole and other.startswith(f"{target}:") for other, whole in code.items())


def source_files():
    """The files whose docstrings are read."""
    found = [path for folder in ("lectures", "pyconvnet") for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if path.name not in ABOUT_TITLES and WALKTHROUGHS not in path.parents]


def module_of(path):
    """The dotted name of a file below ROOT."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def docstrings(node, name=""):
    """(qualified name, docstring) of a module ("" first), its classes and functions, and what is in the classes."""
    if text := ast.get_docstring(node):
        yield name, text
    if not isinstance(node, ast.FunctionDef):
        for inner in node.body:
            if isinstance(inner, ast.ClassDef | ast.FunctionDef):
                yield from docstrings(inner, f"{name}.{inner.name}" if name else inner.name)


def text_cells(path):
    """[(heading, text)] of the text cells of a walk-through; the first is its docstring."""
    cells, heading = [], ""
    for cell in re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
        if cell.startswith(" [markdown]"):
            lines = [re.sub(r"^# ?", "", line) for line in cell.splitlines()[1:]]
            lines = [line for line in lines if line not in ('r"""', '"""')]
            if len(lines) > 1 and re.fullmatch("-+|=+", lines[1]):
                heading = lines.pop(0)
                lines[0] = ""
                lines.insert(0, heading)
            cells.append((heading, "\n".join(lines)))
    return cells


def only_deck(text):
    """The one deck that the slides in a text belong to, or None."""
    decks = {slide.deck for slide, _ in mentions(text)[0]}
    return decks.pop() if len(decks) == 1 else None


