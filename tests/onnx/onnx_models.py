"""Small ONNX models for the tests, written with onnx.helper at any opset."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

KINDS = {np.dtype(k): v for k, v in {
    "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "int64": TensorProto.INT64,
    "int32": TensorProto.INT32, "int8": TensorProto.INT8, "uint8": TensorProto.UINT8, "bool": TensorProto.BOOL,
}.items()}  # fmt: skip


def model(nodes, inputs, outputs, weights=(), opset=13, as_inputs=False):
    """ModelProto: inputs {name: array or (dtype, shape)}, outputs names, weights {name: array} as initializers, which
    are inputs too if `as_inputs`, as the older files have them.
    """
    weights = dict(weights)
    declared = {**inputs, **(weights if as_inputs else {})}
    return helper.make_model(
        helper.make_graph(
            nodes, "test", [_declared(name, x) for name, x in declared.items()],
            [helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None) for name in outputs],
            [numpy_helper.from_array(np.asarray(x), name) for name, x in weights.items()],
        ),
        opset_imports=[helper.make_opsetid("", opset)], ir_version=8,
    )  # fmt: skip


def one_node(operator, inputs, opset, outputs=1, **attributes):
    """A model of one node: inputs are arrays (graph inputs, named x0, x1, ..), or None for those left out."""
    names = ["" if x is None else f"x{i}" for i, x in enumerate(inputs)]
    made = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(operator, names, made, name="the_node", **attributes)
    return model([node], {n: x for n, x in zip(names, inputs) if n}, made, opset=opset)


def _declared(name, x):
    dtype, shape = (x.dtype, x.shape) if isinstance(x, np.ndarray) else x
    return helper.make_tensor_value_info(name, KINDS[np.dtype(dtype)], shape)
