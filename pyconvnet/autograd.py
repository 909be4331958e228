"""The engine: tensors, primitives with a gradient rule per argument, and the walk over the tape.

A primitive is a plain array function.  Called with arrays it *is* that function; called with a Tensor it
also records (primitive, args, their arrays, params) in the result's `node`: those records are the tape.  Its gradient
rules, one per argument, are `rule(g, y, *args, **params) -> cotangent of that argument`, where g is the
cotangent of the result y.  They are written with primitives only, so the same line serves first-order
gradients (called with arrays, nothing is recorded) and every higher order (called with Tensors).  A rule
that writes _ for y does not look at the result, so its memory may be used again meanwhile.
"""

import itertools
import threading
from heapq import heapify, heappop, heappush
from operator import attrgetter

import numpy as np

from .grad_mode import mode, recording, walking
from .kernels.memory import pooled

registry = {}  # name -> Primitive: what the tests sweep and the table of rules prints
_creation = itertools.count()  # a result is younger than its arguments: creation order is a topological order
_accumulation = threading.Lock()  # several threads may add to the .grad of one parameter
_ndarray = np.ndarray


class Tensor:
    """A NumPy array (`data`) that remembers how it was made (`node`), so that gradients can flow back.

    Make one with `pcn.tensor`. `requires_grad` asks for `.grad` after `backward()`. Arithmetic and methods
    are those of PyTorch; they are attached to this class by the table in `methods.py`.
    """

    # The engine reads _data and _requires_grad, which is fast; `data` and `requires_grad` check what is assigned.
    __slots__ = ("__weakref__", "_data", "_requires_grad", "grad", "node", "order")
    __array_ufunc__ = None  # so that ndarray * Tensor asks Tensor.__rmul__, and keeps the gradient

    def __init__(self, data, requires_grad=False, node=None):
        if type(data) is not _ndarray:
            data = np.asarray(data)
        if requires_grad and node is None and data.dtype.kind != "f":
            raise _not_floating(data)
        self._data = data
        self.grad = None
        self._requires_grad = requires_grad
        self.node = node
        self.order = next(_creation)

    def _set_data(self, data):
        data = value(data)
        if not isinstance(data, (_ndarray, np.generic)):
            raise TypeError(f"the data of a tensor is a NumPy array (or another Tensor), not a {type(data).__name__}")
        if self._requires_grad and data.dtype.kind != "f":
            raise _not_floating(data)
        self._data = np.asarray(data)

    def _set_requires_grad(self, on):
        if not isinstance(on, (bool, np.bool_)):
            raise TypeError(f"requires_grad is True or False, not {on!r}")
        if self.node is not None and not on:
            raise RuntimeError("only a leaf can stop requiring a gradient, this is a result: detach() it instead")
        if on and self._data.dtype.kind != "f":
            raise _not_floating(self._data)
        self._requires_grad = bool(on)

    data = property(attrgetter("_data"), _set_data)
    requires_grad = property(attrgetter("_requires_grad"), _set_requires_grad)
    shape = property(lambda self: self._data.shape)
    dtype = property(lambda self: self._data.dtype)
    ndim = property(lambda self: self._data.ndim)

    def detach(self):
        """The same values without the history (the array is shared)."""
        return Tensor(self.data)

    def backward(self, gradient=None, retain_graph=False, create_graph=False):
        """Add d(self . gradient)/d(leaf) to the `.grad` of every leaf that requires a gradient.

        `gradient` (shape of self) may be left out for a single number. The tape is freed on the way, unless
        `retain_graph` or `create_graph`; with `create_graph` the gradients can be differentiated again.
        """
        if not self.requires_grad:
            raise RuntimeError("backward: this tensor was not computed from anything that requires a gradient")
        seed = _seed("backward", self, gradient, create_graph)
        for leaf, g in _walk([(self, seed)], create_graph, not (retain_graph or create_graph), set()):
            g = g.clone() if create_graph else Tensor(np.array(g))  # a copy: storage of its own
            with _accumulation:
                if leaf.grad is not None:
                    g = leaf.grad + g if create_graph else Tensor(leaf.grad.data + g.data)
                leaf.grad = g

    def __reduce__(self):
        if self.node is not None:
            raise RuntimeError("only leaf tensors can be copied or pickled; detach() this one first")
        return type(self), (self.data, self.requires_grad)


def value(x):
    """The array behind a Tensor; anything else as it is. For choices that carry no gradient (indices, masks)."""
    return x._data if isinstance(x, Tensor) else x


def _not_floating(data):
    told = "convert it first, e.g. tensor(x, dtype='float32', requires_grad=True)"
    return TypeError(f"only floating-point tensors can require gradients, this one is {data.dtype}: {told}")


class Primitive:
    """An array function with a gradient rule for each argument; see the top of this file.

    Array and scalar *arguments* are positional and may carry gradients; settings that never do are keyword-only
    *params*. An argument without a rule (None) gets no gradient.
    """

    def __init__(self, function):
        self.function = function
        self.rules = ()
        self.reads_result = True
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__

    def __call__(self, *args, **params):
        values = []
        tensors = record = False
        for a in args:
            if isinstance(a, Tensor):
                tensors = True
                record = record or a._requires_grad
                a = a._data
            values.append(a)
        y = self.function(*values, **params)
        if not tensors:
            return y
        if record and mode.recording:
            return Tensor(y, True, (self, args, values, params))
        return Tensor(y)

    def gradients(self, *rules):
        """State the rules, one per argument in order; None where no gradient flows."""
        self.rules = rules
        self.reads_result = any(rule is not None and _second_name(rule) != "_" for rule in rules)

    def __repr__(self):
        return f"<primitive {self.__name__}>"


def _second_name(function):
    code = getattr(function, "__code__", None)
    return code.co_varnames[1] if code is not None and code.co_argcount > 1 else None


def primitive(function):
    """Decorator: make an array function a Primitive and enter it in the registry."""
    if function.__name__ in registry:
        raise ValueError(f"a primitive named {function.__name__!r} exists already")
    registry[function.__name__] = p = Primitive(function)
    return p


def adjoint(a, a_t):
    """Declare two primitives linear in their first argument to be each other's transpose: <a(x), g> = <x, a_t(g)>.

    Both take the same params; each one's gradient rule is the other.
    """
    a.gradients(lambda g, _, x, **params: a_t(g, **params))
    a_t.gradients(lambda g, _, x, **params: a(g, **params))


def grad(outputs, inputs, grad_outputs=None, create_graph=False, allow_unused=False, retain_graph=None):
    """Gradients of sum(outputs . grad_outputs) with respect to `inputs`, as a tuple; `.grad` stays untouched.

    Each of the first three arguments is one Tensor or a sequence. An input that does not require a gradient, or that
    the outputs do not depend on, is a RuntimeError (None with `allow_unused`). The tape is kept for further calls;
    retain_graph=False frees what was walked of it (PyTorch's default, unless create_graph).
    """
    outputs, inputs = _sequence(outputs), _sequence(inputs)
    cotangents = _sequence(grad_outputs) if grad_outputs is not None else [None] * len(outputs)
    if len(cotangents) != len(outputs):
        raise ValueError(f"grad: {len(outputs)} outputs but {len(cotangents)} grad_outputs")
    for i, t in enumerate(inputs):
        if not (isinstance(t, Tensor) and t.requires_grad):
            raise RuntimeError(f"grad: input {i} is not a Tensor that requires a gradient")
    for i, t in enumerate(outputs):
        if not isinstance(t, Tensor):
            raise TypeError(f"grad: output {i} is a {type(t).__name__}, not a Tensor")
    seeds = [(t, _seed("grad", t, g, create_graph)) for t, g in zip(outputs, cotangents) if t.requires_grad]
    wanted, free = {t.order for t in inputs}, retain_graph is not None and not retain_graph
    through, behind = _leading_to(wanted, [t for t, _ in seeds])
    found = {t.order: g for t, g in _walk(seeds, create_graph, free, behind, wanted, through)}
    result = []
    for i, t in enumerate(inputs):
        g = found.get(t.order)
        if g is None and not allow_unused:
            raise RuntimeError(f"grad: the outputs do not depend on input {i}")
        result.append(g if g is None or create_graph else Tensor(np.array(g)))
    return tuple(result)


def _walk(seeds, create_graph, free, behind, wanted=None, through=None):
    """Carry cotangents from the seeds back along the tape; (tensor, cotangent) of the leaves, or of the `wanted`.

    A heap over creation numbers hands out the youngest pending tensor: all that was computed from it is younger
    and done, so its cotangent is complete. No recursion, no sort. `through` (None: all) leads to the wanted.
    """
    needed = None if through is None else through | wanted
    freed = (None, (), (), behind)  # what a freed node still tells: the creation numbers of all that lies behind it
    pending = _gathered(seeds)
    youngest = [-order for order in pending]
    heapify(youngest)
    found = []
    with recording(create_graph), np.errstate(all="ignore"), pooled(), walking():
        while youngest:
            t, g = pending.pop(-heappop(youngest))
            node = t.node
            behind.add(t.order)
            if t.order in wanted if wanted is not None else node is None:
                found.append((t, g))
            if node is None or (through is not None and t.order not in through):
                continue
            prim, args, values, params = node
            if prim is None:
                raise _freed("backward a second time")
            rules, y = prim.rules, t._data if prim.reads_result else None
            if create_graph:
                values, y = args, t  # the rules then record in their turn
            if free:
                t.node = freed  # and with it the arrays that only the tape kept alive
            del t
            for i, a in enumerate(args):
                if isinstance(a, Tensor) and a._requires_grad and (needed is None or a.order in needed):
                    rule = rules[i]
                    if rule is None:
                        continue
                    ga = rule(g, y, *values, **params)
                    if ga.shape != a._data.shape or ga.dtype is not a._data.dtype:
                        ga = _fitting(ga, a, i, prim)
                    order = a.order
                    if order in pending:
                        pending[order] = (a, pending[order][1] + ga)
                    else:
                        pending[order] = (a, ga)
                        heappush(youngest, -order)
            a = None  # the next tensor, perhaps: its array must be able to go
    return found


def _freed(op):
    told = "call that one with retain_graph=True, or compute the forward pass again"
    return RuntimeError(f"{op}: the tape was freed by an earlier backward or grad; {told}")


def _fitting(ga, a, i, prim):
    """A cotangent in the dtype of its argument; a wrong shape is a mistake in the rule."""
    if ga.shape != a._data.shape:
        raise RuntimeError(
            f"rule {i} of {prim.__name__} returned a gradient of shape {ga.shape} "
            f"for an argument of shape {a._data.shape}"
        )
    return ga.to(a._data.dtype) if isinstance(ga, Tensor) else np.asarray(ga, a._data.dtype)


def _gathered(seeds):
    """Several seeds, those of one tensor added."""
    pending = {}
    for t, g in seeds:
        pending[t.order] = (t, pending[t.order][1] + g if t.order in pending else g)
    return pending


def _leading_to(wanted, outputs):
    """Creation numbers of the tensors through which the outputs depend on the wanted, and of all behind the outputs."""
    seen, behind, stack = {}, set(), list(outputs)
    while stack:
        t = stack.pop()
        if t.order not in seen:
            seen[t.order] = t
            if t.node is not None:
                prim, args, _, older = t.node
                if prim is None:
                    if any(order < t.order and order in older for order in wanted):
                        raise _freed("grad")
                    behind |= older
                stack += [a for a in args if isinstance(a, Tensor) and a._requires_grad]
    through = set()
    for order in sorted(seen):
        arguments = seen[order].node[1] if seen[order].node is not None else ()
        if any(isinstance(a, Tensor) and (a.order in through or a.order in wanted) for a in arguments):
            through.add(order)
    return through, behind.union(seen)


def _seed(op, t, g, create_graph):
    """The cotangent the walk starts with, checked: an array, or for `create_graph` a Tensor."""
    if g is None:
        if t._data.size != 1:
            raise RuntimeError(
                f"{op}: a gradient can be left out only for a single number, this tensor has shape {t.shape}: "
                "reduce it first (e.g. .sum()) or pass the cotangent of that shape"
            )
        g = np.ones_like(t._data)
    if np.shape(value(g)) != t._data.shape:
        raise RuntimeError(f"{op}: the gradient given has shape {np.shape(value(g))}, the tensor has {t.shape}")
    if create_graph:
        return g if isinstance(g, Tensor) else Tensor(np.asarray(g, dtype=t._data.dtype))
    return np.asarray(value(g), dtype=t._data.dtype)


def _sequence(x):
    return list(x) if isinstance(x, (tuple, list)) else [x]
