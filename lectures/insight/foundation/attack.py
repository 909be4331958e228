"""The slide's descent on r: r <- r - gamma (dNN(I)/dI + 2 lambda r), in all its readings, and what it leaves.

Deck "Deep Convolutional Neural Networks II", slide "Deep Network Can Easily Be Fooled" (1).
"""

from dataclasses import dataclass

import numpy as np

import pyconvnet as pcn
from lectures.insight.foundation.equal_norm import GREY_LEVELS, eight_bits, rms
from pyconvnet import functional as F

AT_ONCE = 2**20  # numbers of the pictures of which one graph is made
HARDEN_AT, HARDEN_STEPS = 30.0, 3  # of the attacks to learn from: grey levels (of 20, 30 better on seed 0) and steps
OUTPUTS = {
    "logits": lambda z: z,
    "softmax": lambda z: F.softmax(z, 1),
    "cross-entropy": lambda z: F.log_softmax(z, 1),
}


@dataclass(frozen=True)
class Form:
    """A reading of the slide: what NN is (one of OUTPUTS), the gradient of what and where, and whether S is chosen."""

    output: str
    exact: bool = True
    targeted: bool = False
    lam: float = 0.0

    @property
    def name(self):
        """As in the tables."""
        shrunk = f", lambda {self.lam:g}" if self.lam else ""
        kind = "exact" if self.exact else "literal"
        return f"{kind}, {self.output}{', targeted' if self.targeted else ''}{shrunk}"


def cost(z, S, form):
    """What the descent lowers, [n], from logits z [n, K] and S [n, K]: literally a score, exactly ||NN - S||^2."""
    y = OUTPUTS[form.output](z)
    if not form.exact:
        return (y * S).sum(1)
    return -(y * S).sum(1) if form.output == "cross-entropy" else ((y - S) ** 2).sum(1)


def wanted(z, labels, targets, form):
    """S [n, K] of pictures with logits z: which score shall fall (literal), or what NN shall say (exact).

    One-hot; for exact logits, which do not add up to 1, as high as the highest of these pictures usually is.
    """
    z, rows = np.asarray(z), np.arange(len(z))
    S = np.zeros(z.shape, np.float32)
    if not form.exact:
        S[rows, targets if form.targeted else labels] = -1 if form.targeted else 1
        return S
    others = np.where(np.arange(z.shape[1]) == np.asarray(labels)[:, None], -np.inf, z)
    S[rows, targets if form.targeted else others.argmax(1)] = z.max(1).mean() if form.output == "logits" else 1
    return S


def gradient(network, images, S, form):
    """d cost / d picture at each of the pictures, of the picture's own cost alone: array [n, C, H, W]."""
    found, many = [], max(1, AT_ONCE // images[0].size)
    for k in range(0, len(images), many):
        x = pcn.tensor(images[k : k + many], requires_grad=True)
        z = getattr(network, "logits", network)(x)
        found.append(pcn.grad(cost(z, S[k : k + many], form).sum(), x)[0].data)
    return np.concatenate(found)


def update(r, g, gamma, lam=0.0, normalised=True):
    """r - gamma (g + 2 lambda r), the slide's step; `normalised`: the bracket is divided by its RMS, and where that
    is 0, because no gradient comes through, r stays as it is.
    """
    direction = g + 2 * lam * r
    if normalised:
        length = np.sqrt((direction.astype(np.float64) ** 2).mean((1, 2, 3), keepdims=True))
        direction = np.divide(direction, length, out=np.zeros_like(direction), where=length > 0)
    return r - np.float32(gamma) * direction


@dataclass
class Attack:
    """What an attack left: pictures I + r [n, C, H, W], r, whether the label is as wished, and after how many steps.

    `other`: whether the label is another than it was; `blind`: whether no gradient at all came through at some step.
    """

    images: np.ndarray
    r: np.ndarray
    flipped: np.ndarray
    other: np.ndarray
    steps: np.ndarray
    blind: np.ndarray

    @property
    def rms(self):
        """Of r, in grey levels."""
        return rms(self.r)


def attack(network, images, labels, form, gamma, steps, targets=None, saved=False):
    """Descend from r = 0 until the label is another (or the target's), each picture on its own; an Attack.

    gamma: grey levels a step; I + r stays in [0, 1]. `saved`: a label counts only if the picture still has it after
    rounding to 8 bits. labels, targets: int [n].
    """
    I, labels = np.asarray(images, np.float32), np.asarray(labels)
    targets = _checked_targets(form, labels, targets)
    z = scores(network, I)
    S, I_r, r = wanted(z, labels, targets, form), I.copy(), np.zeros_like(I)
    said, done = z.argmax(1), np.full(len(I), steps)
    blind, fixed = np.zeros(len(I), bool), None
    left = np.flatnonzero(~_as_wished(said, labels, targets))
    done[np.setdiff1d(np.arange(len(I)), left)] = 0
    for step in range(1, steps + 1):
        if not len(left):
            break
        if form.exact or fixed is None:  # the literal gradient stays that at I
            fixed = np.zeros_like(I) if fixed is None else fixed
            fixed[left] = gradient(network, I_r[left], S[left], form)
            blind[left] |= ~fixed[left].any((1, 2, 3))
        I_r[left] = np.clip(I[left] + update(r[left], fixed[left], gamma / GREY_LEVELS, form.lam), 0, 1)
        r[left] = I_r[left] - I[left]
        said[left] = scores(network, eight_bits(I_r[left]) if saved else I_r[left]).argmax(1)
        there = _as_wished(said[left], labels[left], None if targets is None else targets[left])
        done[left[there]], left = step, left[~there]
    return Attack(I_r, r, _as_wished(said, labels, targets), said != labels, done, blind)


def pushed(network, images, labels, grey_levels, steps=10):
    """The pictures moved by at most this RMS to where the cross-entropy of their label is high, within [0, 1].

    Projected gradient ascent (Madry et al., 2018), with no stop at the flip: to compare networks at equal RMS, and to
    train on. `network`: what turns a Tensor into logits, or has `logits`.
    """
    I, labels = np.asarray(images, np.float32), np.asarray(labels)
    S = np.eye(scores(network, I[:1]).shape[1], dtype=np.float32)[labels]
    I_r, stride = I.copy(), 2.5 / steps * np.asarray(grey_levels, np.float32) / GREY_LEVELS
    for _ in range(steps):
        r = update(I_r - I, -gradient(network, I_r, S, Form("cross-entropy")), stride)
        longer = rms(r) / max(float(grey_levels), 1e-12)
        I_r = np.clip(I + r / np.maximum(longer, 1).astype(np.float32).reshape(-1, 1, 1, 1), 0, 1)
    return I_r


def hardening(model, images, labels):
    """Pictures to learn from instead (adversarial training): half of a batch is pushed up its own loss, by HARDEN_AT.

    With all of them the first third of the training learns nothing, for nothing is to be seen in them yet.
    """
    half = len(images) // 2
    return np.concatenate([pushed(model, images[:half], labels[:half], HARDEN_AT, HARDEN_STEPS), images[half:]])


def scores(network, images):
    """Logits [n, K] of pictures, an array; no graph."""
    many = max(1, AT_ONCE // max(1, images[0].size)) if len(images) else 1
    with pcn.no_grad():
        parts = [getattr(network, "logits", network)(pcn.tensor(images[k : k + many])).data
                 for k in range(0, len(images), many)]  # fmt: skip
    return np.concatenate(parts)


def _as_wished(said, labels, targets):
    return said != labels if targets is None else said == targets


def _checked_targets(form, labels, targets):
    if form.output not in OUTPUTS or (form.output == "cross-entropy" and not form.exact):
        raise ValueError(f"attack: output must be one of {', '.join(OUTPUTS)}, cross-entropy exact, got {form.name!r}")
    if not form.targeted:
        return None
    if targets is None or (np.asarray(targets) == labels).any():
        raise ValueError("attack: a targeted form needs targets, a class for each picture that is not its own")
    return np.asarray(targets)
