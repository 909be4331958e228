"""The operators and methods of Tensor, attached by one table. Most are one-liners over the functions they
name."""

import operator

import numpy as np

from . import primitives as P
from .autograd import Primitive, Tensor, value
from .functional import activations, reductions, shapes
from .functional.promotion import promoted

_operands = (int, float, Tensor, np.ndarray, np.generic)


def _operand(x):
    """A NumPy scalar counts as a Python number: x * np.sqrt(2) must not turn float32 into float64."""
    return x.item() if isinstance(x, np.generic) else x


def _alike(a, b):
    """The common case, without the cost of looking further: a float tensor, and a number or its own dtype."""
    dtype = a.data.dtype
    same = b.data.dtype is dtype if isinstance(b, Tensor) else type(b) in (int, float)
    return same and dtype.kind == "f"


def _binary(p):
    """An operator and its reflection; left to the other operand where that is no number, array or Tensor."""

    def forward(a, b):
        if _alike(a, b):
            return p(a, b)
        if not isinstance(b, _operands):
            return NotImplemented
        return p(*promoted(a, _operand(b), floating=p is P.div))

    def reflected(a, b):
        if _alike(a, b):
            return p(b, a)
        if not isinstance(b, _operands):
            return NotImplemented
        return p(*promoted(_operand(b), a, floating=p is P.div))

    return forward, reflected


def _bound(p):
    """A primitive as a method: unlike a function, a Primitive does not bind to the tensor it is found on."""

    def method(x):
        return p(x)

    method.__name__, method.__doc__ = p.__name__, p.__doc__
    return method


def _unary(p):
    """The same for one with values between the whole numbers: those become float32 first."""

    def method(x):
        return p(x if x.data.dtype.kind == "f" else promoted(x, floating=True)[0])

    method.__name__, method.__doc__ = p.__name__, p.__doc__
    return method


def _comparison(compare):
    def method(a, b):
        return (
            Tensor(compare(*map(value, promoted(a, _operand(b)))))
            if isinstance(b, _operands)
            else NotImplemented
        )

    return method


def _matmul(x, y):
    """Matrix product of the last two axes; a vector counts as one row (left) or one column (right)."""
    if not (isinstance(x, (Tensor, np.ndarray)) and isinstance(y, (Tensor, np.ndarray))):
        return NotImplemented
    if x.dtype != y.dtype:
        raise TypeError(f"matmul: the first is {x.dtype} but the second is {y.dtype}: convert one of them")
    a, b = x if x.ndim > 1 else shapes.unsqueeze(x, 0), y if y.ndim > 1 else shapes.unsqueeze(y, 1)
    if a.ndim == 0 or b.ndim == 0 or a.shape[-1] != b.shape[-2]:
        raise ValueError(
            f"matmul: {x.shape} @ {y.shape}: the last axis of the first must equal "
            "the last but one of the second"
        )
    z = P.matmul(a, b)
    z = z if y.ndim > 1 else shapes.squeeze(z, -1)
    return z if x.ndim > 1 else shapes.squeeze(z, -2 if y.ndim > 1 else -1)


def _clamp(x, min=None, max=None):
    """min where x < min, max where x > max; the gradient passes at the bounds."""
    if min is None and max is None:
        raise ValueError("clamp: needs min, max or both")
    x, *bounds = promoted(x, *(b for b in (min, max) if b is not None))
    min, max = bounds if len(bounds) == 2 else (bounds[0], None) if max is None else (None, bounds[0])
    x = x if min is None else P.where(value(x) < value(min), min, x)
    return x if max is None else P.where(value(x) > value(max), max, x)


def _to(x, dtype):
    """Another dtype; the gradient comes back in this one."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "fiub" or dtype.itemsize > 8 or dtype == np.float16:
        raise TypeError(f"to: dtype {dtype} is not supported: use float32, float64, an integer type or bool")
    if dtype.kind != "f":
        return x if dtype == x.dtype else Tensor(x.data.astype(dtype))
    return x if dtype == x.dtype else P.cast(x, dtype=dtype)


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
    notes += f", made_by={x.node[0].__name__}" if x.node and len(x.node) > 1 else ""
    return f"tensor({body}{notes}{', requires_grad=True' if x.requires_grad and not x.node else ''})"


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

operators = {
    "__add__": add, "__radd__": radd, "__sub__": sub, "__rsub__": rsub, "__mul__": mul, "__rmul__": rmul,
    "__truediv__": div, "__rtruediv__": rdiv, "__pow__": power, "__rpow__": rpower,
    "__matmul__": _matmul, "__rmatmul__": lambda x, y: _matmul(y, x),
    "__neg__": P.neg, "__abs__": P.abs,
    "__lt__": _comparison(operator.lt), "__le__": _comparison(operator.le),
    "__gt__": _comparison(operator.gt), "__ge__": _comparison(operator.ge),
    "__eq__": _comparison(operator.eq), "__ne__": _comparison(operator.ne),
    "__hash__": object.__hash__,
    "__getitem__": shapes.getitem, "__setitem__": _no_assignment,
    "__len__": _len, "__iter__": _iter,
    "__float__": lambda x: float(_item(x)), "__int__": lambda x: int(_item(x)), "__bool__": _bool,
    "__array__": _array, "__repr__": _repr,
}  # fmt: skip

methods = {
    # values
    "size": _size,
    "numel": lambda x: x.data.size, "dim": lambda x: x.ndim,
    "item": _item, "numpy": lambda x: x.data, "tolist": lambda x: x.data.tolist(),
    "clone": shapes.clone, "to": _to,
    "float": lambda x: _to(x, np.float32), "double": lambda x: _to(x, np.float64),
    # shape
    "reshape": shapes.reshape, "view": shapes.reshape, "flatten": shapes.flatten, "permute": shapes.permute,
    "transpose": shapes.transpose, "squeeze": shapes.squeeze, "unsqueeze": shapes.unsqueeze,
    "expand": shapes.expand,
    # reductions
    "sum": reductions.sum, "mean": reductions.mean, "var": reductions.var, "amax": reductions.amax,
    "amin": reductions.amin, "argmax": reductions.argmax, "argmin": reductions.argmin,
    "logsumexp": reductions.logsumexp,
    "any": reductions.any, "all": reductions.all,
    "isnan": lambda x: Tensor(np.isnan(x.data)), "isfinite": lambda x: Tensor(np.isfinite(x.data)),
    # elementwise
    "exp": _unary(P.exp), "log": _unary(P.log), "sqrt": _unary(P.sqrt), "tanh": _unary(P.tanh),
    "sigmoid": _unary(P.sigmoid), "abs": P.abs,
    "square": lambda x: power(x, 2), "pow": power, "clamp": _clamp,
    "relu": activations.relu, "softmax": activations.softmax, "log_softmax": activations.log_softmax,
    "matmul": _matmul,
}  # fmt: skip


for name, method in {**operators, **methods}.items():
    setattr(Tensor, name, _bound(method) if isinstance(method, Primitive) else method)
Tensor.T = property(lambda x: shapes.permute(x, *reversed(range(x.ndim))))
