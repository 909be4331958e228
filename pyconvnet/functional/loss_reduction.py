"""The last step of every loss, and how it takes its target."""

from .. import primitives as P
from ..autograd import Tensor
from .arguments import array, flag, floats, given
from .promotion import promoted
from .reductions import mean, sum


def chosen(reduction, size_average=None, reduce=None):
    """The reduction, which PyTorch's former arguments size_average and reduce overrule where one of them is given."""
    if size_average is None and reduce is None:
        return reduction
    return "none" if not (reduce is None or reduce) else "mean" if size_average is None or size_average else "sum"


def reduced(op, loss, reduction, size_average=None, reduce=None, total=None):
    """Mean, sum or all ("none") of the losses; the mean is sum / total where a total weight is given."""
    flag(op, **given(size_average=size_average, reduce=reduce))
    reduction = chosen(reduction, size_average, reduce)
    if not isinstance(reduction, str) or reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{op}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    if reduction == "none":
        return loss
    if reduction == "sum":
        return sum(loss)
    return mean(loss) if total is None else P.div(sum(loss), total)


def pair(op, input, target, name="target"):
    """Input and target of one shape in their common dtype; boolean and integer targets become floats.

    Shapes that broadcast are refused too: [n, 1] against [n] would compare every entry with every other.
    """
    floats(op, input=input)
    values = array(op, name, target)
    target = target if isinstance(target, Tensor) else values
    if target.shape != input.shape:
        raise ValueError(f"{op}: input has shape {input.shape} but {name} has {target.shape}")
    if values.dtype.kind != "f":
        return input, values.astype(input.dtype)
    floats(op, **{name: target})
    return tuple(promoted(input, target))
