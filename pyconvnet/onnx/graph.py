"""The graph: inputs, outputs, initializers and nodes of a ModelProto, every name and attribute checked."""

from typing import NamedTuple

import numpy as np

from .model_file import library, opset_of
from .node import Node, Unsupported
from .operators import TABLE
from .tensors import array_of, dtype_of


class Input(NamedTuple):
    """What the graph asks for: shape is None, or a size, a symbol's name or "?" per axis."""

    name: str
    dtype: np.dtype
    shape: tuple | None

    def __str__(self):
        sizes = "of any shape" if self.shape is None else f"[{', '.join(map(str, self.shape))}]"
        return f"{self.name}: {self.dtype} {sizes}"


class Graph(NamedTuple):
    """A graph ready for its operators' builders."""

    inputs: list
    outputs: list
    initializers: dict
    nodes: list  # of functions (known, ranks) -> Node, in the order of the file


def read_graph(model):
    """The Graph of a ModelProto. ValueError where it is damaged, Unsupported where it asks for more than is offered."""
    opset, proto = opset_of(model), model.graph
    _names_are_text(proto)
    _operators_known(proto.node, opset)
    if any(f.domain in ("", "ai.onnx") for f in getattr(model, "functions", ())):
        raise Unsupported("onnx.load: the model defines operators of ONNX anew (functions); supported are ONNX's own")
    if proto.sparse_initializer:
        raise Unsupported("onnx.load: the graph has sparse initializers; supported are dense ones")
    initializers = {}
    for tensor in proto.initializer:
        _new_name(tensor.name, initializers, "initializer")
        initializers[tensor.name] = array_of(tensor, f"onnx: initializer {tensor.name!r}")
    inputs = _inputs(proto, initializers)
    nodes = [_node(n, opset) for n in proto.node]
    outputs = [o.name for o in proto.output]
    _names_defined(proto.node, {*initializers, *(i.name for i in inputs)}, outputs)
    return Graph(inputs, outputs, initializers, nodes)


def _names_are_text(proto):
    """ValueError for a name of damaged bytes, which protobuf hands out as bytes."""
    names = [o.name for part in (proto.input, proto.output, proto.initializer) for o in part]
    names += [d.dim_param for i in proto.input for d in i.type.tensor_type.shape.dim]
    for n in proto.node:
        names += [n.op_type, n.domain, n.name, *n.input, *n.output, *(a.name for a in n.attribute)]
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        raise ValueError(f"onnx: the file is damaged: the name {wrong[0]!r} is no text")


def _operators_known(nodes, opset):
    """Unsupported, with a list of all operators that are not in the table."""
    missing = {}
    for n in nodes:
        if n.domain not in ("", "ai.onnx"):
            missing.setdefault(f"{n.op_type} of domain {n.domain!r}")
        elif n.op_type not in TABLE:
            missing.setdefault(n.op_type)
    if missing:
        raise Unsupported(f"onnx.load: operators that are not supported (opset {opset}): {', '.join(missing)}; "
                          f"supported: {', '.join(sorted(TABLE))}")  # fmt: skip


def _inputs(proto, initializers):
    """The inputs that are asked for: initializers listed among them only have their shapes compared."""
    inputs, seen = [], set()
    for info in proto.input:
        _new_name(info.name, seen, "input")
        seen.add(info.name)
        where = f"onnx: graph input {info.name!r}"
        if not info.type.HasField("tensor_type"):
            raise Unsupported(f"{where} is no tensor; supported are tensors")
        kind = info.type.tensor_type
        shape = tuple(_size(d, where) for d in kind.shape.dim) if kind.HasField("shape") else None
        entry = Input(info.name, dtype_of(kind.elem_type, where), shape)
        if info.name not in initializers:
            inputs.append(entry)
        elif not agrees(initializers[info.name], entry):
            x = initializers[info.name]
            raise ValueError(f"onnx: initializer {info.name!r} is {x.dtype} {x.shape}, declared was {entry}")
    return inputs


def _size(dim, where):
    if dim.HasField("dim_value"):
        if dim.dim_value < 0:
            raise ValueError(f"{where} declares a size of {dim.dim_value}")
        return dim.dim_value
    return dim.dim_param or "?"


def agrees(x, entry):
    """Whether an array or Tensor is what the entry says; symbols and "?" stand for any size."""
    sizes = entry.shape is None or (
        len(entry.shape) == x.ndim and all(isinstance(n, str) or n == m for n, m in zip(entry.shape, x.shape))
    )
    return x.dtype == entry.dtype and sizes


def _new_name(name, taken, what):
    if not name or name in taken:
        raise ValueError(f"onnx: {what} {name!r} {'is there twice' if name else 'has no name'}")


def _names_defined(nodes, defined, outputs):
    """ValueError for a name that is made twice, never, or after it is needed (a cycle, or nodes out of order)."""
    maker = {}
    for i, n in enumerate(nodes):
        for name in filter(None, n.output):
            if name in defined or name in maker:
                raise ValueError(f"onnx: the name {name!r} is made twice, the second time by a {n.op_type} node")
            maker[name] = i
    for i, n in enumerate(nodes):
        for name in filter(None, n.input):
            if name not in defined and name not in maker:
                raise ValueError(f"onnx: a {n.op_type} node reads {name!r}, which nothing makes")
            if maker.get(name, -1) >= i:
                raise ValueError(f"onnx: a {n.op_type} node reads {name!r} before it is made: the nodes are out of "
                                 "order or form a cycle")  # fmt: skip
    if not outputs:
        raise ValueError("onnx: the graph has no output")
    for name in outputs:
        if name not in defined and name not in maker:
            raise ValueError(f"onnx: nothing makes the graph's output {name!r}")


def _node(proto, opset):
    """The Node, checked against the operator's page (its schema in the onnx package), still without constants."""
    onnx = library()
    if not onnx.defs.has(proto.op_type, opset, ""):
        raise Unsupported(f"onnx: the node {proto.name!r} is {proto.op_type}, which opset {opset} does not have yet")
    schema = onnx.defs.get_schema(proto.op_type, opset, "")
    attributes = {}

    def node(known=None, ranks=None):
        inputs, outputs = list(proto.input), list(proto.output)
        return Node(proto.name, proto.op_type, schema.since_version, attributes, inputs, outputs, known, ranks)

    where = node()
    for a in proto.attribute:
        if a.name in attributes:
            raise ValueError(f"{where}: attribute {a.name!r} is there twice")
        if a.name not in schema.attributes:
            raise ValueError(f"{where}: there is no attribute {a.name!r}, there are {sorted(schema.attributes)}")
        if a.ref_attr_name or a.type != schema.attributes[a.name].type.value:
            raise ValueError(f"{where}: attribute {a.name!r} is not of the type {schema.attributes[a.name].type.name}")
        attributes[a.name] = _attribute(onnx, a, where)
    lacking = [name for name, a in schema.attributes.items() if a.required and name not in attributes]
    if lacking:
        raise ValueError(f"{where}: attribute {lacking[0]!r} is missing")
    given = len(proto.input)
    absent = [i for i, name in enumerate(proto.input) if not name and not _optional(onnx, schema, i)]
    if not schema.min_input <= given <= schema.max_input or absent:
        raise ValueError(f"{where}: has {given} inputs{' of which some are left empty' if absent else ''}, "
                         f"it needs {schema.min_input} to {schema.max_input}")  # fmt: skip
    made, offered = len(proto.output), TABLE[proto.op_type].outputs
    if not schema.min_output <= made <= schema.max_output or not any(proto.output):
        raise ValueError(f"{where}: has {made} outputs, it needs {schema.min_output} to {schema.max_output}")
    if offered is not None and any(proto.output[offered:]):
        raise Unsupported(f"{where}: output {schema.outputs[offered].name!r} is not supported; supported: "
                          f"{', '.join(o.name for o in schema.outputs[:offered])}")  # fmt: skip
    return node


def _optional(onnx, schema, i):
    """Whether input i may be left empty; of Resize-11, too, where exporters do so although its page says otherwise."""
    optional = onnx.defs.OpSchema.FormalParameterOption.Optional
    return i < len(schema.inputs) and (schema.inputs[i].option == optional or (schema.name == "Resize" and i > 0))


def _attribute(onnx, a, where):
    """Numbers as they are, text as str, lists as tuples, a tensor as an array."""
    kinds = onnx.AttributeProto
    if a.type in (kinds.FLOAT, kinds.INT):
        return a.f if a.type == kinds.FLOAT else a.i
    if a.type in (kinds.FLOATS, kinds.INTS):
        return tuple(a.floats if a.type == kinds.FLOATS else a.ints)
    if a.type == kinds.TENSOR:
        return array_of(a.t, f"{where}: attribute {a.name!r}")
    if a.type in (kinds.STRING, kinds.STRINGS):
        text = [s.decode("utf-8", "replace") for s in ([a.s] if a.type == kinds.STRING else a.strings)]
        return text[0] if a.type == kinds.STRING else tuple(text)
    raise Unsupported(f"{where}: attribute {a.name!r} is {kinds.AttributeType.Name(a.type)}; supported are numbers, "
                      "text and tensors")  # fmt: skip
