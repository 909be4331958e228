# %% [markdown]
r"""
What the slides claim, and what three seeds can say
===================================================

"Fast R-CNN is much faster than R-CNN", "constant region coverage works well": slides are full of sentences that can be
measured. A training, however, is an experiment with chance in it: other initial weights, another order of pictures,
another number. This page is about what follows from three such numbers, and then measures three sentences: one
that holds, one that does not, and one about which three seeds cannot tell. The systems they speak of are listed in
the deck "Deep Convolutional Neural Networks II", slide "Detection CNN - summary".

Step through it cell by cell (VS Code opens this file as cells; ``jupytext --to notebook`` makes a notebook of it),
change a number, look again. As a script, from the root of the checkout: ``python lectures/walkthroughs/claims.py``.

The code it explains, and calls: ``lectures/verdict.py``, ``lectures/claims.py`` and the measurements of
``lectures/evidence/``. All claims at once: ``python -m lectures claims``.
"""

# %%
import inspect
import os
import sys
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

from lectures import claims
from lectures.report import Report
from lectures.verdict import HOLDS, Claim, student_t, verdict

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # tiny measurements, for a test of this file

# %% [markdown]
# Three seeds, three numbers
# --------------------------
# Say a method gains .02 mAP in truth, and chance moves every training by about .015 up or down. Whoever measures once
# may find a loss. Here are twenty groups in twenty rooms; each trains three times.

# %%
truth, chance, groups = 0.02, 0.015, 20
measured = np.random.default_rng(1).normal(truth, chance, (groups, 3))
print(np.round(measured[:5], 3))
figure, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
ax.plot(np.arange(groups), measured, "o", color="0.4", markersize=4)
ax.axhline(truth, color="tab:blue", label="what the method gains in truth")
ax.axhline(0, color="k", linestyle="--", linewidth=1, label="nothing gained")
ax.set(xlabel="group", ylabel="mAP gained, by seed", xticks=range(groups))
ax.legend(fontsize=8)
print(f"{(measured < 0).mean():.0%} of the trainings, taken alone, say that the method loses")
plt.show()

# %% [markdown]
# An interval for the mean
# ------------------------
# The mean of n numbers is off by about s / sqrt(n), where s is their spread. From three numbers s itself is only
# guessed, so the interval has to be wider than the familiar two standard errors: Student's t for two degrees of freedom
# is 4.3. Of such intervals 95 in 100 contain the truth.

# %%
print(inspect.getsource(verdict))
for seeds in (2, 3, 5, 10, 30):
    print(f"{seeds:>2} seeds: t = {student_t(seeds - 1):6.3f}, the interval is the mean +- "
          f"{student_t(seeds - 1) / np.sqrt(seeds):5.2f} s")  # fmt: skip

# %%
said = [verdict(of_group) for of_group in measured]
figure, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
for group, (word, low, high) in enumerate(said):
    ax.plot([group, group], [low, high], color=claims.COLOURS[word], linewidth=3)
    ax.plot(group, measured[group].mean(), "o", color=claims.COLOURS[word])
ax.axhline(truth, color="tab:blue")
ax.axhline(0, color="k", linestyle="--", linewidth=1)
ax.set(xlabel="group", ylabel="mean of three, 95 % interval", xticks=range(groups))
inside = sum(low < truth < high for _, low, high in said)
ax.set_title(f"{inside} of {groups} intervals contain the truth; {sum(w == HOLDS for w, *_ in said)} groups may say "
             "'it holds' (green)", fontsize=9)  # fmt: skip
plt.show()

# %% [markdown]
# "Too noisy to say" is an answer
# -------------------------------
# The grey groups measured the same true gain as the green ones. They must not say "it does not hold": their interval
# has zero in it, and the gain, too. What helps is more seeds. How often do n of them decide, at the same chance?

# %%
rng, counts = np.random.default_rng(2), (2, 3, 4, 5, 7, 10, 15)
decided = []
for seeds in counts:
    samples = rng.normal(truth, chance, (200 if QUICK else 1000, seeds))
    decided.append(np.mean([verdict(sample)[0] == HOLDS for sample in samples]))
    print(f"{seeds:>2} seeds: {decided[-1]:.0%} of the groups can say that it holds")
figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.plot(counts, decided, "o-", color=claims.COLOURS[HOLDS])
ax.set(xlabel="seeds", ylabel="share of groups that can tell", ylim=(0, 1.03), xticks=counts)
ax.set_title(f"a true gain of {truth}, chance {chance}", fontsize=9)
plt.show()

# %% [markdown]
# A claim is a sentence, a number and a threshold
# -----------------------------------------------
# The threshold is written down before anything is measured: whoever chooses it afterwards can make any sentence true.

# %%
print(inspect.getsource(Claim))
every = {claim.number: claim for claim in claims.all_claims()}
for claim in every.values():
    print(f"{claim.number:>4}  {claim.title}  (must exceed {claim.above:g})")

# %%
options = Namespace(quick=QUICK, data=None, resume=False, out=Path("out"))


def judge(claim, seeds=3):
    """Measure a claim with some seeds, say what follows, draw it."""
    with TemporaryDirectory() as folder:
        report = Report("claims", folder)
        runs = [claims.measured(claim, options, report, seed) for seed in range(1 if claim.exact else seeds)]
    result = claims.judged(claim, runs)
    print(f'"{claim.says}"\n{claim.effect}: {[round(run["effect"], 3) for run in runs]}')
    print(claims.table({claim: result}))
    _, axes = plt.subplots(1, 1 if claim.exact else 2, figsize=(11, 4.2), layout="constrained", squeeze=False)
    claim.draw(axes[0, 0], runs)
    if not claim.exact:
        claims.draw_interval(axes[0, 1], claim, runs, result)
    plt.show()


# %% [markdown]
# One that holds
# --------------
# "Fast R-CNN is much faster than R-CNN": both look at the same regions of the same pictures with the same
# convolutions. Three seeds agree so well that the interval is far above the threshold of five.

# %%
judge(every["1b"])

# %% [markdown]
# One that does not
# -----------------
# Some sentences need no seed. YOLO's cost is a sum "over i = 0 ... S^2 and j = 0 ... B", and whoever counts finds one
# cell and one box too many. Where a claim does not hold, the table says why: here it is a slip of the pen, elsewhere
# our pictures are too small, or the slide compares with something that we do not have. "Does not hold here" is no more
# than that.

# %%
judge(every["33f"])

# %% [markdown]
# One about which two seeds cannot tell
# -------------------------------------
# "Instead of having a predefined set of box proposals, find them on the image": the recall of 100 boxes of Selective
# Search and of a trained region proposal network, less that of 100 random or k-means boxes. Two seeds first. Both say
# that it gains more than .1, but two numbers may be near each other by chance: t is 12.7, the interval has zero in it.

# %%
judge(every["5"], seeds=2)

# %% [markdown]
# The third seed agrees, and that is enough: t falls to 4.3. (The first two networks are kept from before.)

# %%
judge(every["5"], seeds=3)

# %% [markdown]
# What to take away
# -----------------
# * One training shows that something is possible, not that it is better.
# * The interval says what the seeds allow to say; overlapping zero means "measure again", not "there is no effect".
# * Threshold first, measurement second. And of forty claims judged at 95 %, expect one or two wrong verdicts.
#
# All of them, with their figures: ``python -m lectures claims`` (``--resume`` goes on after an interruption).
