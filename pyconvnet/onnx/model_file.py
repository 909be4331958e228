"""The file: bytes to a ModelProto of the `onnx` package, or an error in words. Nothing in a file is executed."""

from os import PathLike

from ..io.file_kinds import regular_file
from .node import Unsupported

OLDEST_OPSET, NEWEST_OPSET = 9, 28  # the operator pages of these versions were read for operators/


def library():
    """The `onnx` package, imported only when a model is read."""
    try:
        import onnx
    except ImportError:
        raise RuntimeError("pcn.onnx.load needs the onnx package: pip install 'pyconvnet[onnx]'") from None
    return onnx


def read_model(path_or_bytes):
    """The ModelProto in a file or in bytes. OSError, ValueError (no ONNX model), Unsupported (its version)."""
    onnx = library()
    if isinstance(path_or_bytes, (bytes, bytearray, memoryview)):
        content, name = bytes(path_or_bytes), "the bytes given"
    else:
        if not isinstance(path_or_bytes, (str, PathLike)):
            raise TypeError(f"onnx.load: expected a path or bytes, got {type(path_or_bytes).__name__}")
        path = regular_file("onnx.load", path_or_bytes)
        content, name = path.read_bytes(), str(path)
    try:
        model = onnx.ModelProto.FromString(content)
        whole = model.HasField("graph") and bool(model.graph.node or model.graph.output)
    except Exception as error:  # protobuf's own errors, and those of damaged text inside
        raise ValueError(f"onnx.load: {name} is not an ONNX model, or damaged or cut short ({error})") from None
    if not whole:
        raise ValueError(f"onnx.load: {name} holds no ONNX graph: empty, cut short or of another kind")
    return model


def opset_of(model):
    """The operator set of the model's nodes, checked."""
    onnx = library()
    if model.ir_version < 3:
        raise Unsupported(f"onnx.load: IR version {model.ir_version} is not supported, versions from 3 on are")
    if model.ir_version > onnx.IR_VERSION:
        raise Unsupported(f"onnx.load: IR version {model.ir_version} is newer than the onnx package installed "
                          f"({onnx.__version__}) knows: up to {onnx.IR_VERSION}")  # fmt: skip
    versions = {entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")}
    if len(versions) != 1:
        raise ValueError(f"onnx.load: the model must name one version of ONNX's operators, it names {sorted(versions)}")
    (opset,) = versions
    known = min(NEWEST_OPSET, onnx.defs.onnx_opset_version())
    if not OLDEST_OPSET <= opset <= known:
        raise Unsupported(f"onnx.load: the model uses opset {opset}, supported are {OLDEST_OPSET} to {known}")
    return opset
