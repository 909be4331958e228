"""The operators and methods of Tensor, attached by one table: each is the function it names, with x for `self`."""

import numpy as np

from . import primitives as P
from .autograd import Primitive, Tensor
from .functional import activations, elementwise, indexing, reductions, scans, shapes, sorting, values
from .functional.matmul import matmul
from .functional.promotion import misfit, promoted, to
from .functional.values import OPERANDS

_numbers = (int, float)


def _binary(p):
    """An operator and its reflection; left to the other operand where that is no number, array or Tensor."""

    def forward(a, b):
        # the common case, without the cost of looking further: a float tensor, and its own dtype or a number
        dtype = a._data.dtype
        if (b._data.dtype is dtype if isinstance(b, Tensor) else type(b) in _numbers) and dtype.kind == "f":
            try:
                return p(a, b)
            except (ValueError, OverflowError) as error:
                raise misfit(p.__name__, a, b) from error
        if not isinstance(b, OPERANDS):
            return NotImplemented
        return _mixed(p, a, b)

    def reflected(a, b):
        return _mixed(p, b, a) if isinstance(b, OPERANDS) else NotImplemented

    return forward, reflected


def _mixed(p, a, b):
    try:
        return p(*promoted(a, b, floating=p is P.div))
    except (ValueError, OverflowError) as error:
        raise misfit(p.__name__, a, b) from error


def _bound(p):
    """A primitive as a method: unlike a function, a Primitive does not bind to the tensor it is found on."""

    def method(x):
        return p(x)

    method.__name__, method.__doc__ = p.__name__, p.__doc__
    return method


def _unary(p):
    """The same for one with values between the whole numbers: those become float32 first."""

    def method(x):
        return p(x if x._data.dtype.kind == "f" else promoted(x, floating=True)[0])

    method.__name__, method.__doc__ = p.__name__, p.__doc__
    return method


def _relu(x):
    """max(x, 0); the gradient at 0 is 0, relu(NaN) is NaN."""
    return P.leaky_relu(x, slope=0.0) if x._data.dtype.kind == "f" else activations.relu(x)


def _requires_grad_(x, requires_grad=True):
    """Set `requires_grad`; returns the tensor itself."""
    x.requires_grad = requires_grad
    return x


def _reflected_matmul(x, y):
    return matmul(y, x)


def _item(x):
    if x.data.size != 1:
        raise ValueError(
            f"item: only a tensor with one value becomes a Python number, this one has shape {x.shape}"
        )
    return x.data.item()


def _size(x, dim=None):
    return x.shape if dim is None else x.shape[reductions.axes("size", x.ndim, dim)[0]]


def _len(x):
    if x.ndim == 0:
        raise TypeError(
            "len() of and iteration over a tensor of rank 0 are not possible: it is a single number"
        )
    return x.shape[0]


def _iter(x):
    return iter([x[i] for i in range(_len(x))])


def _bool(x):
    if x.data.size != 1:
        raise ValueError(f"the truth of a tensor of shape {x.shape} is ambiguous: use .any() or .all()")
    return bool(x.data.item())


def _repr(x):
    body = np.array2string(x.data, separator=", ", prefix="tensor(", precision=4)
    notes = "" if x.dtype in (np.float32, np.int64, np.bool_) else f", dtype={x.dtype}"
    notes += f", made_by={x.node[0].__name__}" if x.node and x.node[0] else ""
    return f"tensor({body}{notes}{', requires_grad=True' if x.requires_grad and not x.node else ''})"


def _format(x, spec):
    return format(x.data.item(), spec) if spec and x.ndim == 0 else object.__format__(x, spec)


def _index(x):
    if x.data.size != 1 or x.data.dtype.kind not in "iub":
        raise TypeError(
            f"only a tensor of one whole number serves as an index or a size, this one is {x.dtype} of shape {x.shape}"
        )
    return int(x.data.item())


def _array(x, dtype=None, copy=None):
    return np.array(x.data, dtype=dtype, copy=copy)


def _no_assignment(x, key, v):
    raise TypeError(
        "a tensor cannot be written into (t[i] = v): its history would be wrong; "
        "use where, masked_fill or scatter_add, or write into t.data outside the graph"
    )


add, radd = _binary(P.add)
sub, rsub = _binary(P.sub)
mul, rmul = _binary(P.mul)
div, rdiv = _binary(P.div)
power, rpower = _binary(P.power)


def _pow(x, exponent):
    """x ** exponent, a number or a tensor."""
    y = power(x, exponent)
    if y is NotImplemented:
        raise TypeError(f"pow: the exponent must be a number or a tensor, got {type(exponent).__name__}")
    return y


operators = {
    "__add__": add, "__radd__": radd, "__sub__": sub, "__rsub__": rsub, "__mul__": mul, "__rmul__": rmul,
    "__truediv__": div, "__rtruediv__": rdiv, "__pow__": power, "__rpow__": rpower,
    "__matmul__": matmul, "__rmatmul__": _reflected_matmul,
    "__neg__": P.neg, "__abs__": P.abs,
    "__floordiv__": values.floordiv, "__rfloordiv__": values.rfloordiv, "__mod__": values.mod, "__rmod__": values.rmod,
    "__invert__": values.invert, "__and__": values.and_, "__rand__": values.rand,
    "__or__": values.or_, "__ror__": values.ror, "__xor__": values.xor, "__rxor__": values.rxor,
    "__lt__": values.lt, "__le__": values.le,
    "__gt__": values.gt, "__ge__": values.ge,
    "__eq__": values.eq, "__ne__": values.ne,
    "__hash__": object.__hash__,
    "__getitem__": indexing.getitem, "__setitem__": _no_assignment,
    "__len__": _len, "__iter__": _iter,
    "__float__": lambda x: float(_item(x)), "__int__": lambda x: int(_item(x)), "__bool__": _bool,
    "__index__": _index, "__array__": _array, "__repr__": _repr, "__format__": _format,
}  # fmt: skip

methods = {
    # values
    "size": _size,
    "numel": lambda x: x.data.size, "dim": lambda x: x.ndim,
    "item": _item, "numpy": lambda x: x.data, "tolist": lambda x: x.data.tolist(),
    "clone": shapes.clone, "to": to,
    "float": lambda x: to(x, np.float32), "double": lambda x: to(x, np.float64),
    "int": lambda x: to(x, np.int32), "long": lambda x: to(x, np.int64), "bool": lambda x: to(x, np.bool_),
    "requires_grad_": _requires_grad_,
    # shape and parts
    "reshape": shapes.reshape, "view": shapes.view, "flatten": shapes.flatten, "permute": shapes.permute,
    "transpose": shapes.transpose, "squeeze": shapes.squeeze, "unsqueeze": shapes.unsqueeze,
    "expand": shapes.expand, "repeat": shapes.repeat, "split": shapes.split, "chunk": shapes.chunk,
    "unbind": shapes.unbind, "flip": shapes.flip, "roll": shapes.roll,
    # by position
    "masked_fill": indexing.masked_fill, "gather": indexing.gather, "scatter_add": indexing.scatter_add,
    "index_select": indexing.index_select, "take_along_dim": indexing.take_along_dim,
    "sort": sorting.sort, "argsort": sorting.argsort, "topk": sorting.topk,
    # reductions
    "sum": reductions.sum, "mean": reductions.mean, "var": reductions.var, "std": reductions.std,
    "max": reductions.max, "min": reductions.min, "amax": reductions.amax, "amin": reductions.amin,
    "argmax": reductions.argmax, "argmin": reductions.argmin, "logsumexp": reductions.logsumexp,
    "norm": reductions.norm, "any": reductions.any, "all": reductions.all,
    "prod": scans.prod, "cumsum": scans.cumsum,
    # elementwise
    "exp": _unary(P.exp), "expm1": _unary(P.expm1), "log": _unary(P.log), "log1p": _unary(P.log1p),
    "sqrt": _unary(P.sqrt), "rsqrt": elementwise.rsqrt, "sin": _unary(P.sin), "cos": _unary(P.cos),
    "tanh": _unary(P.tanh), "sigmoid": _unary(P.sigmoid), "abs": P.abs, "sign": elementwise.sign,
    "floor": elementwise.floor, "round": elementwise.round, "reciprocal": elementwise.reciprocal,
    "square": lambda x: power(x, 2), "pow": _pow, "clamp": elementwise.clamp,
    "isnan": lambda x: Tensor(np.isnan(x.data)), "isfinite": lambda x: Tensor(np.isfinite(x.data)),
    "relu": _relu, "softmax": activations.softmax, "log_softmax": activations.log_softmax,
    "matmul": matmul,
}  # fmt: skip


for name, method in {**operators, **methods}.items():
    setattr(Tensor, name, _bound(method) if isinstance(method, Primitive) else method)
Tensor.is_leaf = property(lambda x: x.node is None)
Tensor.T = property(lambda x: shapes.permute(x, *reversed(range(x.ndim))))
