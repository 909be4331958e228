"""A graph as a Module: its initializers are the parameters and buffers, its nodes are run one after the other."""

from typing import NamedTuple

import numpy as np

from ..autograd import Tensor, value
from ..creation import tensor
from ..nn.module import Module, Parameter
from .graph import agrees, read_graph
from .model_file import read_model
from .operators import TABLE

# Operator -> inputs that are trained: a float initializer there, also by way of a change of shape, is a Parameter.
WEIGHTS = {
    "Conv": (1, 2), "ConvTranspose": (1, 2), "Gemm": (0, 1, 2), "MatMul": (0, 1), "Add": (0, 1),
    "BatchNormalization": (1, 2), "InstanceNormalization": (1, 2), "PRelu": (1,),
}  # fmt: skip
RESHAPING = ("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast")
# Shape arithmetic of constants is computed while loading: of few numbers, so that no file makes many out of them.
FOLDED = ("Add", "Cast", "Concat", "Constant", "Div", "Gather", "Max", "Min", "Mul", "Neg", "Reshape", "Shape", "Slice",
          "Squeeze", "Sub", "Transpose", "Unsqueeze")  # fmt: skip
FOLDED_AT_MOST = 64


def load(path_or_bytes):
    """An ONNX model (opset 9 and later) as a Module: positional tensors in the graph's input order, one tensor or a
    tuple back. Gradients flow through it, to the inputs and to the weights; it always computes as in inference.

    `onnx.load` supports the operators of ConvNets, `pcn.onnx.operators.TABLE`; what it does not support is an
    `Unsupported` (a NotImplementedError) here, never when called. ValueError: no ONNX model, or a damaged one.
    """
    model = read_model(path_or_bytes)
    try:
        return GraphModule(read_graph(model))
    except (RecursionError, UnicodeDecodeError, OverflowError) as error:
        raise ValueError(f"onnx.load: the model is damaged ({error})") from None


class Step(NamedTuple):
    """One node to run: what it computes, and the names that nobody needs after it."""

    node: object
    compute: object
    last_use: tuple


class GraphModule(Module):
    """The Module that `load` makes. state_dict() has the initializers under their ONNX names."""

    def __init__(self, graph):
        super().__init__()
        self.inputs, self.outputs = graph.inputs, graph.outputs
        self._float = None  # the dtype that to() chose
        constants = {}  # what does not depend on inputs or initializers, computed now

        def known(name, default):
            x = constants.get(name, graph.initializers.get(name, default))
            return value(x) if isinstance(x, Tensor) else x

        ranks = {entry.name: len(entry.shape) for entry in graph.inputs if entry.shape is not None}
        steps = []
        for make in graph.nodes:
            node = make(known, ranks)
            compute = TABLE[node.operator].build(node)
            node.all_read()
            arguments = [constants.get(name) if name else None for name in node.inputs]
            if _folds(node, arguments):
                constants.update(zip(node.outputs, _run(node, compute, arguments)))
            else:
                steps.append((node, compute))
        self.steps = _with_last_uses(steps, {*graph.outputs, *graph.initializers, *constants})
        read = {*graph.outputs, *(name for node, _ in steps for name in node.inputs)}
        constants = {name: x for name, x in constants.items() if name in read}
        nodes = [node for node, _ in steps]
        written = _trained([node for node in nodes if node.operator != "Add"])  # a number that is added is just that
        self._place(graph.initializers, _trained(nodes), constants, written)
        self.eval()

    def _place(self, initializers, trained, constants, written):
        """Initializers among the parameters and buffers, dots in their names and all. Constants, too, where they are
        weights, as older exporters write them; the others are unsaved buffers.
        """
        for name, array in initializers.items():
            if array.dtype.kind == "f" and name in trained:
                self._parameters[name] = Parameter(array)
            else:
                self._buffers[name] = Tensor(array)
        for name, x in constants.items():
            if x.dtype.kind == "f" and name in written:
                self._parameters[name] = Parameter(value(x))
            else:
                self._buffers[name] = x
                self._unsaved.add(name)

    def __setattr__(self, name, x):
        """A tensor of the graph may bear the name of an attribute ("training", "steps"): this keeps them apart."""
        if name in self.__dict__:
            object.__setattr__(self, name, x)
        else:
            super().__setattr__(name, x)

    def forward(self, *inputs):
        values = {**self._parameters, **self._buffers, **self._checked(inputs)}
        for step in self.steps:
            arguments = [values[name] if name else None for name in step.node.inputs]
            values.update(zip(step.node.outputs, _run(step.node, step.compute, arguments)))
            for name in step.last_use:
                values.pop(name, None)
        results = tuple(values[name] for name in self.outputs)
        return results[0] if len(results) == 1 else results

    def _checked(self, inputs):
        asked = ", ".join(map(str, self.inputs)) or "none"
        if len(inputs) != len(self.inputs):
            raise TypeError(f"onnx: the graph has {len(self.inputs)} inputs ({asked}), got {len(inputs)}")
        values = {}
        for entry, x in zip(self.inputs, inputs):
            if not isinstance(x, (Tensor, np.ndarray)):
                raise TypeError(f"onnx: graph input {entry.name!r} must be a Tensor or array, got {type(x).__name__}")
            if self._float is not None and entry.dtype.kind == "f":
                entry = entry._replace(dtype=self._float)
            x = x if isinstance(x, Tensor) else tensor(x)
            if not agrees(x, entry):
                raise (TypeError if x.dtype != entry.dtype else ValueError)(
                    f"onnx: graph input {entry.name!r} is {x.dtype} {list(x.shape)}, expected {entry}"
                )
            values[entry.name] = x
        return values

    def to(self, dtype):
        """All floating-point tensors, and what it expects of its float inputs, in another floating dtype."""
        super().to(dtype)
        self._float = np.dtype(dtype)
        return self

    def extra_repr(self):
        """Inputs, outputs and the number of nodes."""
        asked = ", ".join(map(str, self.inputs))
        return f"{asked} -> {', '.join(self.outputs)}; {len(self.steps)} nodes"


def _folds(node, arguments):
    """Whether a node can be computed while loading: constants only, and few of them."""
    given = [x for name, x in zip(node.inputs, arguments) if name]
    few = sum(value(x).size for x in given if x is not None) <= FOLDED_AT_MOST
    return node.operator in FOLDED and all(x is not None for x in given) and few


def _run(node, compute, arguments):
    """The results of a node, as a tuple. Errors name the node, and are of the kinds that this package raises."""
    try:
        with np.errstate(all="ignore"):
            y = compute(*arguments)
    except (MemoryError, Warning):
        raise
    except Exception as error:
        kinds = (ValueError, TypeError, IndexError, NotImplementedError, RuntimeError)
        kind = next((k for k in kinds if isinstance(error, k)), ValueError)
        raise kind(f"{node}: {error}") from error
    return y if isinstance(y, tuple) else (y,)


def _trained(nodes):
    """The names at weight positions, and those that reach one through a change of shape."""
    trained = {n.inputs[i] for n in nodes for i in WEIGHTS.get(n.operator, ()) if i < len(n.inputs)}
    for n in reversed(nodes):
        if n.operator in RESHAPING and n.outputs[0] in trained:
            trained.add(n.inputs[0])
    return trained


def _with_last_uses(steps, kept):
    """The Steps; results are let go after the last node that reads them, so that memory stays small."""
    found, seen = [], set(kept)
    for node, compute in reversed(steps):
        names = {*filter(None, node.inputs), *filter(None, node.outputs)} - seen
        seen |= names
        found.append(Step(node, compute, tuple(names)))
    return found[::-1]
