"""Which slides a text speaks of: their titles in double quotes, and of which deck each is. See `mentions`."""

import re
from typing import NamedTuple

from .decks import DECKS, TITLES, Slide, slides

QUOTED = re.compile(r'(?P<word>\b[Ss]lides? (?:titled )?)?"(?P<title>[^"]+)"(?: \((?P<note>[^()"]*)\))?')
CONTINUES = {", ", " and ", ", and ", " to "}  # what may stand between two quotes of one list
YEAR = re.compile(r"\b(19|20)\d\d\b")
WHICH = re.compile(r"(?P<numbers>\d\d?(?:(?:, | and | to )\d\d?)*)?(?:, )?(?P<part>in part\b.*)?")
# A deck goes by its whole title, or by what stands before the colon or the bracket.
BY_NAME = {name: deck for deck in DECKS for name in (deck, re.split(r": | \(", deck)[0])}


class Mention(NamedTuple):
    """One slide that a text speaks of; `whole` unless the text says "in part"."""

    slide: Slide
    whole: bool


def mentions(text, home=None):
    r"""(the Mentions in a text, what is misquoted in it). Only titles in double quotes count, white space apart:

    - slide(s) "A", "B" and "C": these titles, of the deck named last in the text; if it names none, of `home` (a
      deck); else of the only deck that has such a title;
    - "A" without the word slide: where the text has named a deck with such a title before it;
    - "A" to "B": both, and all slides between them; "A" (2) and "A" (2 to 4, in part: why): not all.

    "A" (2015), with a year, is a paper. A title after the word slide that no such deck has is misquoted.
    """
    text = " ".join(text.replace("\u2013", "-").split())
    found, wrong, deck, listed, before = [], [], None, False, None
    for quote in QUOTED.finditer(text):
        title, note = quote["title"], quote["note"] or ""
        joint = text[before.end() : quote.start()] if before else ""
        listed = bool(quote["word"]) or (listed and joint in CONTINUES)
        from_title = before["title"] if before and joint == " to " else None
        before = quote
        if title in BY_NAME:
            deck, listed = BY_NAME[title], False
            continue
        if YEAR.search(note) or not (listed or (deck and title in TITLES[deck])):
            continue
        owners = [deck] if deck else [home] if home and title in TITLES[home] else DECKS
        owners = [owner for owner in owners if title in TITLES[owner]]
        if len(owners) != 1:
            wrong.append(_complaint(title, deck, owners))
            continue
        titled = _of_title(owners[0], title, note, from_title)
        found += titled
        if not titled:
            wrong.append(f'there is no "{title}" ({note}) in the deck "{owners[0]}"')
    if text.count('"') % 2 and (deck or found or wrong):
        wrong.append("a quote is opened and not closed, so titles may be missed")
    return found, wrong


def _of_title(deck, title, note, from_title):
    """The Mentions of one quote."""
    all_slides = slides(deck)
    which = WHICH.fullmatch(note)
    whole = not (which and which["part"])
    if from_title in TITLES[deck]:
        first = TITLES[deck].index(from_title)
        last = max(i for i, slide in enumerate(all_slides) if slide.title == title)
        return [Mention(slide, whole) for slide in all_slides[first : last + 1]]
    numbers = _numbers(which["numbers"]) if which and which["numbers"] else None
    titled = [slide for slide in all_slides if slide.title == title]
    if (numbers and not numbers <= {slide.nth for slide in titled}) or (not which and note[:1].isdigit()):
        return []
    return [Mention(slide, whole) for slide in titled if not numbers or slide.nth in numbers]


def _numbers(text):
    """{2, 4, 5, 6} of "2 and 4 to 6"."""
    numbers = set()
    for part in re.split(", | and ", text):
        first, *last = map(int, part.split(" to "))
        numbers |= set(range(first, (last or [first])[0] + 1))
    return numbers


def _complaint(title, deck, owners):
    if owners:
        return f'"{title}" stands in several decks; name one before it: {"; ".join(owners)}'
    elsewhere = [other for other in DECKS if title in TITLES[other]]
    if deck and elsewhere:
        return f'"{title}" is no slide of the deck "{deck}", but of "{elsewhere[0]}"'
    return f'no deck has a slide "{title}"'
