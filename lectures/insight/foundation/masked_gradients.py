"""An attack that fails may be a weak attack: signs that gradients do not come through, in words."""

import numpy as np

from lectures.insight.foundation.attack import Form, gradient, pushed, scores, wanted
from lectures.insight.foundation.equal_norm import rms

FAR = 128.0  # grey levels: no network can stand this, for pictures of every class are as near
MANY = 1000.0  # times: the softmax is all but flat


def gradient_lengths(network, images, labels):
    """{"logits", "softmax"}: {"median", "smallest" RMS of d own score / d picture, a grey level; "none": share of 0}.

    A sure softmax is flat: y (1 - y) is its slope, and 0 in float32 as soon as y rounds to 1. Print it before you
    believe that a network withstands an attack.
    """
    found, z = {}, scores(network, images)
    for output in ("logits", "softmax"):
        form = Form(output, exact=False)
        lengths = rms(gradient(network, images, wanted(z, labels, None, form), form)) / 255**2  # d / d grey level
        found[output] = {"median": float(np.median(lengths)), "smallest": float(lengths.min()),
                         "none": float((lengths == 0).mean())}  # fmt: skip
    return found


def saturated(lengths):
    """What `gradient_lengths` means, a sentence."""
    logits, softmax = lengths["logits"], lengths["softmax"]
    times = logits["median"] / max(softmax["median"], 1e-30)
    said = (
        f"the gradient of the softmax is {times:.3g} times smaller than that"
        f" of the logits (median of pictures), the smallest {softmax['smallest']:.1e} a grey level"
    )
    if softmax["none"]:
        return f"masked: {said}, and exactly 0 for {softmax['none']:.0%}: attack the logits"
    if times > MANY:
        return f"nearly masked: {said}: attack the logits"
    return f"ok: {said}; it needs its own step length, or attack the logits"


def signs_of_masking(network, images, labels, curve, at, steps):
    """The checks of Athalye et al. (2018) on a network that seems to withstand, a sentence each: "ok: " or "masked: ".

    curve: accuracies {"attacked", "transferred", "noise"} by RMS, `at` the index of one that is not 0.
    """
    lengths = gradient_lengths(network, images, labels)
    far = accuracy(network, pushed(network, images, labels, FAR, steps), labels)
    attacked, transferred, noise = (curve[name][at] for name in ("attacked", "transferred", "noise"))
    checks = (
        (far <= 0.05, f"attacked with {FAR:.0f} grey levels, which nothing can stand, {far:.0%} are named rightly"),
        (attacked <= transferred, f"its own gradient leaves {attacked:.0%}, pictures made for another network "
                                  f"{transferred:.0%}: who sees the gradient should do better"),
        (attacked <= noise, f"its own gradient leaves {attacked:.0%}, equally long noise {noise:.0%}"),
    )  # fmt: skip
    return [saturated(lengths), *(f"{'ok' if fine else 'masked'}: {words}" for fine, words in checks)]


def accuracy(network, images, labels):
    """Share of pictures that are named `labels`."""
    return float((scores(network, images).argmax(1) == labels).mean())
