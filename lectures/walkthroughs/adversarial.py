# %% [markdown]
r"""
A network that is easily fooled, step by step
=============================================

The deck "Deep Convolutional Neural Networks II", slide "Deep Network Can Easily Be Fooled" (1): "small perturbation of
the input image changes the output of the trained network; the perturbation is a non-random image, imperceptible for
human"; min over r of ||NN(I + r) - S||^2 + lambda ||r||^2, by r <- r - gamma (dNN(I)/dI + 2 lambda r).

The network stays as it is, and gradient descent changes the picture. Step through it cell by cell, change a number,
look again. As a script, from the root of the checkout: ``python lectures/walkthroughs/adversarial.py``.

The code it explains, and calls: ``lectures/insight/adversarial.py``.
"""

# %%
import inspect
import os
import sys
from argparse import Namespace
from tempfile import mkdtemp

sys.path.extend([".", "../.."])  # the checkout, seen from its root (script) or from here (notebook)

import matplotlib.pyplot as plt
import numpy as np

from lectures.fixed_network.pictures import photographs
from lectures.fixed_network.procedural import digit_network
from lectures.insight import adversarial
from lectures.insight.drawing import adversarial_figures
from lectures.insight.foundation import attack, equal_norm, masked_gradients
from lectures.report import Report, columns_of, show
from pyconvnet.viz import montage

QUICK = os.environ.get("PYCONVNET_QUICK") == "1"  # a shorter training, for a test of this file
options = Namespace(seed=0, quick=QUICK, data=None, weights=None, resume=False)
report = Report("walkthrough", mkdtemp())
rng = np.random.default_rng(0)

# %% [markdown]
# Pictures that the network names rightly
# ---------------------------------------
# A small network for digits, trained in seconds (and kept). It has seen none of these pictures. They have 8 bits, as
# files have. What is wrong already cannot be fooled; the others are.

# %%
network = digit_network(options, report)
pictures = photographs(options, network)
shown = adversarial.rightly_named(network, pictures, 8 if QUICK else 100)
print(f"{network.name}: {report.extra['accuracy']}")
figure, ax = plt.subplots(figsize=(12, 3), layout="constrained")
montage(shown.images[:20], columns=10, titles=[network.classes[k] for k in shown.labels[:20]], ax=ax)
plt.show()

# %% [markdown]
# Slide "Deep Network Can Easily Be Fooled" (1): the update as it stands there
# ----------------------------------------------------------------------------
# dNN(I)/dI is taken at I, once. NN(I) is a vector, so of which score? Of that of the picture's own class, which shall
# fall. `cost` is what falls, `wanted` says S; the *literal* cost is that score itself.

# %%
print(inspect.getsource(attack.cost))
print(inspect.getsource(attack.wanted))
literal = attack.Form("logits", exact=False)
S = attack.wanted(attack.scores(network, shown.images), shown.labels, None, literal)
slope = attack.gradient(network, shown.images, S, literal)
print("RMS of the gradient, a grey level:", np.round(equal_norm.rms(slope[:6]) / 255**2, 5))

# %% [markdown]
# The gradients are small and differ, so that a gamma that is good for one picture is bad for the next. So the bracket
# is divided by its RMS: gamma is in grey levels. Then it is descent, and a stop where the label changes.

# %%
print(inspect.getsource(attack.update))
found = attack.attack(network, shown.images, shown.labels, literal, gamma=1.0, steps=60)
print(f"{found.flipped.mean():.0%} have another label, after {np.median(found.steps):.0f} steps (median)")
print(f"RMS of r in grey levels of 255: median {np.median(found.rms):.1f}, smallest {found.rms.min():.1f}")

# %% [markdown]
# "The perturbation is a non-random image"
# ----------------------------------------
# Is the network just easily disturbed? Then noise of the same length would do, too. It must be *exactly* as long, after
# the clip to [0, 1]: noise on a black ground loses half of itself.

# %%
noisy = equal_norm.gaussian(shown.images, found.rms, rng)
mixed = equal_norm.permuted(shown.images, found.r, rng)
for name, images in {"r": found.images, "noise": noisy, "r with shuffled pixels": mixed}.items():
    length = np.median(equal_norm.rms(images - shown.images))
    print(f"{name:>22}: RMS {length:.2f}, changes {adversarial.flips(network, images, shown.labels):.0%} of the labels")

# %%
chosen = adversarial_figures.different(shown.labels, 6)
figure, axes = plt.subplots(4, len(chosen), figsize=(1.9 * len(chosen), 8.6), layout="constrained")
pictures_of = (images[chosen] for images in (shown.images, found.images, noisy))
adversarial_figures.fooled(axes, network, network.classes, *pictures_of)
plt.show()

# %% [markdown]
# What the slide's gradient leaves out
# ------------------------------------
# The gradient of ||NN(I + r) - S||^2 is 2 (NN(I + r) - S) dNN(I + r)/dI: with a factor, and at I + r. Where any other
# label will do, the literal update is good enough. Where a certain label is wanted ("targeted"), it is not: far from I
# its direction is wrong. A row for every reading; `no_gradient`: nothing comes through at all.

# %%
few = adversarial.Budget(2.0, 6, draws=1) if QUICK else adversarial.Budget(1.0, 60, draws=2)
attacks, table = adversarial.compare(network, shown, adversarial.FORMS, few, rng)
rows = [(name, *(show(row[number]) for number in ("flip_rate", "noise_flip_rate", "permuted", "median_rms")))
        for name, row in table.items()]  # fmt: skip
print(columns_of([("form", "flips", "noise", "shuffled", "median RMS"), *rows]))
figure, ax = plt.subplots(figsize=(9, 6.5), layout="constrained")
adversarial_figures.forms(ax, table)
plt.show()

# %% [markdown]
# The exact softmax form fails to reach a wanted label, for a reason worth knowing: a softmax that is sure is flat. An
# attack that fails may be a weak attack, not a strong network. Look at the gradients first.

# %%
lengths = masked_gradients.gradient_lengths(network, shown.images, shown.labels)
for output, numbers in lengths.items():
    print(f"{output:>8}: median {numbers['median']:.1e} a grey level, smallest {numbers['smallest']:.1e}")
print(masked_gradients.saturated(lengths))

# %% [markdown]
# How long must r be, and how long noise?
# ---------------------------------------
# The share of labels that change against the RMS. Noise must be nine times as long; for photographs and SqueezeNet two
# hundred times (0.07 and 15 of 255: ``python -m lectures adversarial --weights FILE --data images:DIR``).

# %%
levels = (1, 10, 40) if QUICK else adversarial.LEVELS
curve = adversarial.robustness(network, shown, adversarial.MAIN, few, rng, levels)
for of in ("attack", "noise"):
    print(f"half of the labels change at RMS {adversarial.half_at(levels, curve[of]):.1f}: {of}")
figure, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
adversarial_figures.robustness(ax, curve)
plt.show()

# %% [markdown]
# Not on the slide: does it survive a file, and what helps?
# ---------------------------------------------------------
# Saved with 8 bits, and read back. Then a network that has learned from attacked pictures (Madry et al., 2018), and
# one of another seed, which gets the pictures that were made for the first.

# %%
kept = adversarial.after_saving(network, shown, attacks[literal].r, few, mkdtemp(), (5, 20))
print(f"after saving and reading {kept['read_back']:.0%} have another label, RMS {kept['read_back_rms']:.1f}")
print(inspect.getsource(attack.hardening))

# %%
networks = {
    "plain": network,
    "trained on attacks": digit_network(options, report, adversarial=attack.hardening),
    "another seed": digit_network(options, report, adversarial.JUDGE),
}
many, at = (10, (0, 20)) if QUICK else (100, (0, 5, 10, 20, 40))
test = np.stack(pictures.images[:many]), np.asarray(pictures.labels[:many])
curves = adversarial.defence(networks, test, at, 2 if QUICK else 10, rng)
figure, ax = plt.subplots(figsize=(9.5, 4.5), layout="constrained")
adversarial_figures.withstands(ax, at, curves)
plt.show()

# %% [markdown]
# Where to go on
# --------------
# - ``python -m lectures adversarial --seeds 0 1 2``: everything beside its baseline, in ``out/adversarial/``.
# - ``python -m lectures adversarial --weights FILE --data images:DIR``: a network for ImageNet, and photographs.
# - Give `update` a lambda, or leave out the division: which pictures still change their label?
