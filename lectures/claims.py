"""What the decks claim, each sentence measured: `python -m lectures claims`.

For every claim of lectures/evidence/ and every seed one number, the effect, is measured on unseen pictures; Student's
interval of its mean over the seeds says whether the claim holds, does not hold here, or whether three seeds are too
few to say (lectures/verdict.py). Thresholds are part of the claim and older than the measurement. "Here" means small
networks, pictures of 64 pixels and minutes of training: what does not hold here may hold elsewhere, and the other way
round. Each measurement is a piece that is kept when it is done; `--resume` measures only what is missing.
"""

import inspect
import re
import tempfile
from argparse import Namespace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from textwrap import wrap

import numpy as np

from lectures import evidence
from lectures.pieces import piece
from lectures.report import Report
from lectures.training import Interrupted
from lectures.verdict import DOES_NOT_HOLD, HOLDS, TOO_NOISY, verdict

HERE = Path(__file__).parent
SHARED = "arms", "short_trainings"  # files of evidence/ that others use
COUNTED = (HOLDS, "holds"), (DOES_NOT_HOLD, "does_not_hold_here"), (TOO_NOISY, "too_noisy_to_say")  # the metrics
COLOURS = {HOLDS: "tab:green", DOES_NOT_HOLD: "tab:red", TOO_NOISY: "tab:gray"}


def all_claims():
    """The CLAIMS of every file of lectures/evidence/, by number. ValueError where two have the same number."""
    modules = (import_module(f"{evidence.__name__}.{module.name}") for module in iter_modules(evidence.__path__))
    claims = sorted((c for module in modules for c in getattr(module, "CLAIMS", ())), key=by_number)
    numbers = [claim.number for claim in claims]
    twice = {number for number in numbers if numbers.count(number) > 1}
    if twice:
        raise ValueError(f"claims: more than one claim has number {', '.join(sorted(twice))}")
    return claims


def chosen(numbers):
    """The claims of these numbers, or all of them. ValueError lists the numbers that there are."""
    claims = all_claims()
    if unknown := set(numbers or ()) - {claim.number for claim in claims}:
        there = ", ".join(claim.number for claim in claims)
        raise ValueError(f"--only {' '.join(sorted(unknown))}: no such claim; there is: {there}")
    return [claim for claim in claims if numbers is None or claim.number in numbers]


def by_number(claim):
    """"9a" comes after "9" and before "10"."""
    digits, letters = re.fullmatch(r"(\d+)(\w*)", claim.number).groups()
    return int(digits), letters


def run(options, report):
    """The lecture: measure every claim over its seeds, say what follows, draw."""
    if options.data is not None:
        raise ValueError(f"--data {options.data}: the claims are measured on the lectures' own pictures; leave it out")
    results = {}
    for claim in chosen(options.only):
        runs = [measured(claim, options, report, seed) for seed in seeds_of(claim, options)]
        results[claim] = result = judged(claim, runs)
        report.train_seconds += sum(run["train_seconds"] for run in runs)
        report.extra.setdefault("claims", {})[claim.number] = {**described(claim), **result, "runs": runs}
        draw(report, claim, runs, result)
    reached = [result["verdict"] for result in results.values()]
    report.metrics.update({name: reached.count(said) for said, name in COUNTED})
    print(table(results))


def seeds_of(claim, options):
    """options.seed and the next; one is enough for arithmetic, and for a quick look."""
    return range(options.seed, options.seed + (1 if claim.exact or options.quick else claim.seeds))


def measured(claim, options, report, seed):
    """What `claim.measure` returned for one seed: computed now, or by an earlier run that `--resume` goes on from."""
    own = Namespace(seed=seed, quick=options.quick, data=None, weights=None, resume=False, skip_bad=False)

    def compute():
        print(f"claim {claim.number}, seed {seed}: {claim.title}", flush=True)
        with tempfile.TemporaryDirectory() as folder:  # for the checkpoints of its trainings
            scratch = Report(f"claim-{claim.number}", folder, seed)
            own.out = Path(folder)
            return {**claim.measure(own, scratch), "train_seconds": scratch.train_seconds}

    name = f"{claim.number}-seed{seed}" + "-quick" * options.quick
    identity = claim.number, seed, options.quick, *code_of(claim)
    try:
        return {"seed": seed, **piece(report.folder, name, identity, options.resume, compute)}
    except (KeyboardInterrupt, Interrupted):  # a training's own checkpoint is gone with the folder
        where = f"interrupted at claim {claim.number}, seed {seed}"
        raise Interrupted(f"{where}; what is done is kept, go on with --resume") from None


def code_of(claim):
    """The files that a measurement depends on: its own, and those of the topics whose systems it looks at."""
    own = Path(inspect.getsourcefile(claim.measure))
    rooms = [HERE / topic for topic in sorted(topics_of([own]))]
    systems = [file for room in rooms for file in sorted(room.rglob("*.py")) if file.parent.name != "drawing"]
    shared = [HERE / "evidence" / f"{name}.py" for name in SHARED]
    shared += [HERE / f"{name}.py" for name in ("macs", "stage", "training")]
    return [own, *shared, *systems]


def topics_of(files):
    """The folders of lectures/ whose code these files import, and those that code imports in turn, by name."""
    found, waiting = set(), list(files)
    while waiting:
        imported = set(re.findall(r"^\s*(?:from|import) lectures\.(\w+)", waiting.pop().read_text("utf-8"), re.M))
        for topic in imported - found - {"evidence"}:
            if (HERE / topic).is_dir():
                found.add(topic)
                waiting += (HERE / topic).rglob("*.py")
    return found


def judged(claim, runs):
    """{"verdict", "effect" (the mean), "low", "high"}. ValueError, naming the claim, where an effect is no number."""
    effects = [run["effect"] for run in runs]
    try:
        said, low, high = verdict(effects, claim.above, claim.exact)
    except ValueError as error:
        raise ValueError(f"claim {claim.number}, {claim.title}: {error}") from None
    return {"verdict": said, "effect": float(np.mean(effects)), "low": low, "high": high}


def described(claim):
    """The words of a claim."""
    words = ("title", "says", "deck", "slide", "effect", "above", "because")
    return {("measures" if word == "effect" else word): getattr(claim, word) for word in words}


def draw(report, claim, runs, result):
    """Figure: the claim's own drawing; unless it is exact the effect of every seed, its interval and the threshold."""
    size = (7.5, 4.2) if claim.exact else (5.5, 4.2)
    with report.figure(f"claim_{claim.number}", 1, 2 - claim.exact, size=size) as axes:
        claim.draw(axes[0, 0], runs)
        if not claim.exact:
            draw_interval(axes[0, 1], claim, runs, result)
        axes[0, 0].figure.suptitle(f"{claim.number}. {claim.title}: {result['verdict']}", fontsize=12)


def draw_interval(ax, claim, runs, result):
    """One dot a seed, the 95 % interval of their mean, the threshold; on its green side the claim holds."""
    effects = [run["effect"] for run in runs]
    colour, bounded = COLOURS[result["verdict"]], np.isfinite(result["low"])
    shown = [*effects, claim.above, *((result["low"], result["high"]) if bounded else ())]
    margin = 0.15 * (max(shown) - min(shown)) or 0.1 * abs(claim.above) or 1
    bottom, top = min(shown) - margin, max(shown) + margin
    ax.axhspan(claim.above, top, color="tab:green", alpha=0.12)
    ax.axhline(claim.above, color="k", linestyle="--", linewidth=1)
    ax.annotate(f"must exceed {claim.above:g}", (0.02, claim.above), xycoords=("axes fraction", "data"),
                xytext=(0, 3), textcoords="offset points", fontsize=9)  # fmt: skip
    places = np.arange(len(effects))
    ax.plot(places, effects, "o", color="k")
    ax.set_xticks([*places, len(effects)], [*(f"seed {run['seed']}" for run in runs), "mean, 95 %"])
    if bounded:
        half = (result["high"] - result["low"]) / 2
        ax.errorbar(len(effects), result["effect"], half, fmt="s", color=colour, capsize=8, linewidth=2)
    ax.set(xlim=(-0.6, len(effects) + 0.6), ylim=(bottom, top))
    ax.set_title(claim.effect, fontsize=9, wrap=True)
    ax.grid(axis="y", alpha=0.3)


def table(results):
    """The verdicts {Claim: {"verdict", "effect", "low", "high"}} as text; under what does not hold, why."""
    rows = [("claim", "", "effect", "95 % interval", "must exceed", "verdict")]
    for claim, result in results.items():
        number = (lambda x: f"{x:.0f}") if abs(result["effect"]) >= 1000 else (lambda x: f"{x:.3f}")
        interval = f"[{number(result['low'])}, {number(result['high'])}]" if np.isfinite(result["low"]) else "one seed"
        interval = "computed" if claim.exact else interval
        row = claim.number, claim.title, number(result["effect"]), interval, f"{claim.above:g}", result["verdict"]
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows)]
    reasons = ["", *(c.because if r["verdict"] != HOLDS else "" for c, r in results.items())]
    lines, indent = [], " " * (widths[0] + 2)
    for row, because in zip(rows, reasons):
        left, right = zip(row[:2], widths[:2]), zip(row[2:5], widths[2:5])
        lines.append("  ".join([*(f"{v:<{w}}" for v, w in left), *(f"{v:>{w}}" for v, w in right), row[5]]))
        lines += wrap(f"because {because}", 110, initial_indent=indent, subsequent_indent=indent) if because else []
    lines.insert(1, "-" * max(map(len, lines[:1])))
    return "\n".join(lines)
