"""Losses of distances and scores that only compare: this one closer, that one further away by a margin.

`reduction` is "mean", "sum" or "none"; size_average and reduce are PyTorch's former way to say it.
"""

from .. import primitives as P
from ..autograd import value
from .arguments import broadcast, flag, floats, number, tensors
from .loss_reduction import reduced
from .promotion import promoted
from .similarity import pairwise_distance


def triplet_margin_loss(
    anchor, positive, negative, margin=1.0, p=2, eps=1e-6, swap=False,
    size_average=None, reduce=None, reduction="mean",
):  # fmt: skip
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), d = pairwise_distance(., ., p, eps).

    [N, D] or [D] each. swap: where the negative is closer to the positive, that distance counts (Balntas et al. 2016).
    Schroff et al., "FaceNet" (2015). Slides "Face Recognition/Verification" (3, in part) and "Discriminative Face
    Embeddings" (in part).
    """
    op = "triplet_margin_loss"
    tensors(op, anchor=anchor, positive=positive, negative=negative)
    number(op, margin=margin, p=p, eps=eps)
    flag(op, swap=swap)
    if margin <= 0:
        raise ValueError(f"{op}: margin must be positive, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise ValueError(f"{op}: anchor {anchor.shape}, positive {positive.shape} and negative {negative.shape} "
                         "should have the same rank")  # fmt: skip
    broadcast(op, anchor=anchor, positive=positive, negative=negative)
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = P.minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced(op, _hinge(near - far + margin), reduction, size_average, reduce)


def margin_ranking_loss(input1, input2, target, margin=0.0, size_average=None, reduce=None, reduction="mean"):
    """max(0, margin - y (x1 - x2)): y = target 1 wants x1 the larger, -1 the smaller."""
    op = "margin_ranking_loss"
    tensors(op, input1=input1, input2=input2, target=target)
    number(op, margin=margin)
    x1, x2, y = promoted(input1, input2, target, floating=True)
    if not x1.ndim == x2.ndim == y.ndim:
        raise ValueError(f"{op}: input1 {x1.shape}, input2 {x2.shape} and target {y.shape} should have the same rank")
    broadcast(op, input1=x1, input2=x2, target=y)
    return reduced(op, _hinge(-y * (x1 - x2) + margin), reduction, size_average, reduce)


def hinge_embedding_loss(input, target, margin=1.0, size_average=None, reduce=None, reduction="mean"):
    """x where target is 1 (a pair that belongs together), max(0, margin - x) where it is -1; x a distance."""
    op = "hinge_embedding_loss"
    tensors(op, input=input, target=target)
    floats(op, input=input)
    number(op, margin=margin)
    broadcast(op, input=input, target=target)
    y = value(target)
    loss = P.where(y == -1, 0.0, input) + P.where(y == 1, 0.0, _hinge(margin - input))
    return reduced(op, loss, reduction, size_average, reduce)


def _hinge(x):
    """max(0, x), whose gradient at 0 is 1: in PyTorch these losses clamp, and clamp passes it at its bounds."""
    return P.where(value(x) < 0, 0.0, x)
