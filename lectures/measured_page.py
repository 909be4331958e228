"""The page of what was measured: `python -m lectures.measured_page [OUT]` stores whole runs and writes it.

Stored are the result.json of the ladder and of the claims (lectures/measured/); the page and the table in the README
are made from them alone, and a test makes them again.
"""

import json
import shutil
import sys
from pathlib import Path

from lectures.claims import COUNTED, all_claims
from lectures.verdict import HOLDS
from pyconvnet.io import write_whole

ROOT = Path(__file__).resolve().parents[1]
STORED = ROOT / "lectures" / "measured"
PAGE, README = ROOT / "lectures" / "measured.md", ROOT / "README.md"
LECTURES = ("detection_ladder", "claims")
FIGURE = "detection_ladder/accuracy_and_speed.png"
COMMAND = "python -m lectures.measured_page"
BEGIN, END = "<!-- from lectures/measured, by lectures/measured_page.py -->", "<!-- end of lectures/measured -->"


def take(out):
    """Store the results that `python -m lectures NAME` left in the folder `out`; the names of those there were.

    Of a run of some claims (`--only`) these take the place of what was stored. ValueError for a run that was quick,
    with another seed than 0, or on other data.
    """
    taken = []
    for name in LECTURES:
        file = Path(out) / name / "result.json"
        if not file.is_file():
            continue
        result = json.loads(file.read_text(encoding="utf-8"))
        if result["quick"] or result["seed"] or result["data"]:
            raise ValueError(f"{file} is not of a whole run with seed 0 on the lecture's own data")
        if name == "claims":  # what every run returned is for the figures
            for claim in result["extra"]["claims"].values():
                claim["effects"] = [run["effect"] for run in claim.pop("runs")]
            result = among_the_others(result)
        STORED.mkdir(exist_ok=True)
        write_whole(STORED / f"{name}.json", json.dumps(result, indent=1) + "\n")
        taken.append(name)
    if "detection_ladder" in taken:
        shutil.copyfile(Path(out) / FIGURE, STORED / Path(FIGURE).name)
    return taken


def among_the_others(result):
    """The result of a run of some claims with those added that are stored already, and still claimed."""
    known = stored("claims")["extra"]["claims"] if (STORED / "claims.json").is_file() else {}
    known |= result["extra"]["claims"]
    claims = {claim.number: known[claim.number] for claim in all_claims() if claim.number in known}
    verdicts = [claim["verdict"] for claim in claims.values()]
    counts = {name: verdicts.count(said) for said, name in COUNTED}
    return {**result, "metrics": counts, "extra": {**result["extra"], "claims": claims}}


def stored(name):
    """The stored result of a lecture."""
    return json.loads((STORED / f"{name}.json").read_text(encoding="utf-8"))


def page():
    """The page as Markdown."""
    ladder, claims = stored("detection_ladder"), stored("claims")
    numbered = claims["extra"]["claims"]
    held, no, noisy = (claims["metrics"][n] for n in ("holds", "does_not_hold_here", "too_noisy_to_say"))
    lines = [
        "# What was measured",
        "",
        f"Written by `{COMMAND}` from the result.json of two runs (`lectures/measured/`); do not edit it by",
        "hand. Precisions depend on the kernels in their last digits, times on the machine and on what else it does.",
        "",
        "## The ladder: `python -m lectures detection_ladder`",
        "",
        f"{ladder['extra']['pictures_per_stage']:,} training pictures in each stage of gradient descent, seed 0,",
        f"unseen scenes; {_machine(ladder)}. What the decks report comes from other pictures and other machines.",
        "",
        *table(*ladder_table(ladder["variants"])),
        "",
        *(f"- {line}" for line in ladder["extra"]["order"].values()),
        "",
        f"![Average precision against milliseconds, and where the milliseconds go](measured/{Path(FIGURE).name})",
        "",
        "## The claims: `python -m lectures claims`",
        "",
        f"{held} hold, {no} do not hold here, {noisy} are too noisy to say.",
        "*Effect* is the mean over the seeds with its 95 % Student-t interval; a computed one has none.",
        "",
        *table(
            ("claim", "", "measured", "effect", "must exceed", "verdict"),
            [claim_row(number, claim) for number, claim in numbered.items()],
            left=(0, 1, 2, 5),
        ),
        "",
    ]
    return "\n".join(lines)


def ladder_table(variants):
    """(head, rows) of the ladder."""
    head = list(dict.fromkeys(column for row in variants.values() for column in row))
    return ("", *head), [(name, *(_cell(row.get(column)) for column in head)) for name, row in variants.items()]


def claim_row(number, claim):
    """One claim: number, title, what is measured, its mean and interval, the threshold, the verdict and why."""
    effect, verdict = _number(claim["effect"]), claim["verdict"]
    if claim["low"] is not None and claim["low"] < claim["high"]:
        effect += f" [{_number(claim['low'])}, {_number(claim['high'])}]"
    if claim["because"] and verdict != HOLDS:
        verdict += f": {claim['because']}"
    return number, claim["title"], claim["measures"], effect, f"{claim['above']:g}", verdict


def readme_table():
    """The lines of the README between BEGIN and END: what each system reaches and costs, and the verdicts' count."""
    ladder, claims = stored("detection_ladder"), stored("claims")
    rows = [
        (f"`{name}`", f"{row['map50']:.2f}", f"{row['boxes']:,}", f"{row['MMACs']:,.0f}", f"{row['ms']:.1f}")
        for name, row in ladder["variants"].items()
    ]
    held, no, noisy = (claims["metrics"][n] for n in ("holds", "does_not_hold_here", "too_noisy_to_say"))
    return [
        *table(("system", "mAP at IoU .5", "boxes looked at", "million MACs", "ms a picture"), rows),
        "",
        f"Of {held + no + noisy} claims of the slides that `python -m lectures claims` tests, {held} hold here,",
        f"{no} do not, and {noisy} are too noisy to say: [what was measured](lectures/measured.md).",
    ]


def between(text, begin, end, lines):
    """The README's text with those lines between two marks; ValueError where they do not each stand there once."""
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"README.md: the lines {begin!r} and {end!r} must each stand there once")
    before, _, rest = text.partition(begin)
    return "\n".join([before + begin, *lines, end + rest.partition(end)[2]])


def readme(text):
    """The README's text with that table in its place."""
    return between(text, BEGIN, END, readme_table())


def table(head, rows, left=(0,)):
    """The lines of a Markdown table; columns `left` are words, the others numbers."""
    line = lambda cells: f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"
    return [line(head), line("---" if i in left else "---:" for i in range(len(head))), *map(line, rows)]


def _machine(result):
    config = result["config"]
    return f"{config['threads']} thread(s) of {config['machine']} with {config['isa']}"


def _number(x):
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.3g}"


def _cell(value):
    if value is None:
        return ""
    return f"{value:.{3 if abs(value) < 10 else 1}f}" if isinstance(value, float) else value


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print("stored:", ", ".join(take(sys.argv[1])) or "nothing was there")
    write_whole(PAGE, page())
    write_whole(README, readme(README.read_text(encoding="utf-8")))
    print(f"{PAGE} and the table in {README.name} are written")
