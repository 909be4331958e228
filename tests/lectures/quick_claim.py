"""What every claim of lectures/evidence/ must do in a quick run."""

import json
from types import SimpleNamespace

import numpy as np

from lectures.course import DECKS
from lectures.report import Report


def quick_options(folder):
    """Options of a quick run whose results go to `folder`."""
    return SimpleNamespace(seed=0, quick=True, data=None, weights=None, resume=False, skip_bad=False, out=folder)


def measured_and_drawn(claim, options):
    """Measure it: a finite effect, all of it JSON, and its runs can be drawn. What was measured."""
    report = Report(f"claim-{claim.number}", options.out)
    found = claim.measure(options, report)
    assert np.isfinite(found["effect"]) and claim.deck in DECKS
    found = json.loads(json.dumps(found))
    with report.figure("claim", size=(6, 4)) as axes:
        claim.draw(axes[0, 0], [found] * (1 if claim.exact else 2))
    assert (report.folder / "claim.png").stat().st_size > 2000
    return found
