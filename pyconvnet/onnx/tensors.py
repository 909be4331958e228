"""TensorProto to array: types, sizes and lengths checked before anything is made of them."""

import math

import numpy as np

from .model_file import library
from .node import Unsupported

# Code in TensorProto.DataType -> dtype, and the field that holds the numbers where they are not raw bytes.
DTYPES = {
    1: ("float32", "float_data"), 2: ("uint8", "int32_data"), 3: ("int8", "int32_data"), 4: ("uint16", "int32_data"),
    5: ("int16", "int32_data"), 6: ("int32", "int32_data"), 7: ("int64", "int64_data"), 9: ("bool", "int32_data"),
    11: ("float64", "double_data"), 12: ("uint32", "uint64_data"), 13: ("uint64", "uint64_data"),
}  # fmt: skip
SUPPORTED = "float32, float64, whole numbers of 8 to 64 bits, bool"


def dtype_of(code, where):
    """The NumPy dtype of a type code, Unsupported for those the engine leaves out."""
    if code not in DTYPES:
        kinds = library().TensorProto.DataType
        told = kinds.Name(code) if code in kinds.values() else f"of type number {code}"
        raise Unsupported(f"{where} is {told}; supported: {SUPPORTED}")
    return np.dtype(DTYPES[code][0])


def array_of(tensor, where):
    """The values of a TensorProto. ValueError where sizes and numbers do not agree."""
    if tensor.data_location or tensor.external_data:
        raise Unsupported(f"{where} keeps its numbers in another file, which is not read: save the model in one piece "
                          "(onnx.save_model without save_as_external_data)")  # fmt: skip
    dtype, shape = dtype_of(tensor.data_type, where), tuple(tensor.dims)
    if tensor.HasField("segment") or any(n < 0 for n in shape):
        raise ValueError(f"{where} is damaged: its sizes are {shape}")
    raw = tensor.HasField("raw_data")
    numbers = tensor.raw_data if raw else getattr(tensor, DTYPES[tensor.data_type][1])
    expected = math.prod(shape) * (dtype.itemsize if raw else 1)
    if len(numbers) != expected:
        raise ValueError(f"{where} of shape {shape} and {dtype} needs {expected} {'bytes' if raw else 'numbers'}, "
                         f"the file has {len(numbers)}")  # fmt: skip
    if raw:
        array = np.frombuffer(numbers, dtype.newbyteorder("<")).astype(dtype)  # ONNX is little-endian; a copy
    else:
        array = np.array(numbers, np.float64 if dtype.kind == "f" else None if numbers else dtype).astype(dtype)
    try:
        return array.reshape(shape)
    except ValueError as error:  # more axes than NumPy has
        raise ValueError(f"{where} of shape {shape}: {error}") from None
