"""What a PyTorch file may name, and what we build for it: arrays, dicts and text, never the thing that is named.

A name is looked up in BUILDERS and the dtypes, nowhere else, so no module is imported and no function of the file's
choice is called. All arguments are checked: they come from the file.
"""

from dataclasses import dataclass

from .numpy_names import NUMPY_BUILDERS
from .torch_tensors import LARGEST, Storage, StoredTensor, shown

DTYPES = {
    "float64": "f8", "double": "f8", "float32": "f4", "float": "f4", "float16": "f2", "half": "f2",
    "bfloat16": "bfloat16", "int64": "i8", "long": "i8", "int32": "i4", "int": "i4", "int16": "i2", "short": "i2",
    "int8": "i1", "uint8": "u1", "uint16": "u2", "uint32": "u4", "uint64": "u8", "bool": "bool",
}  # fmt: skip
STORAGES = {  # class of a storage: the dtype of its numbers
    "DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": "bfloat16",
    "LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1",
    "BoolStorage": "bool", "UntypedStorage": "u1",
}  # fmt: skip
AXES = 32


@dataclass(frozen=True, eq=False)
class Named:
    """A name that the file says: `build(*args)` makes what a call of it stands for; `dtype` where it means numbers."""

    name: str
    build: object = None
    dtype: str = None


def tensor(storage, offset, size, stride, requires_grad=False, hooks=None, metadata=None):
    """_rebuild_tensor and _v2; whether it wants gradients, and its hooks, are left out."""
    return _stored(storage, offset, size, stride, getattr(storage, "dtype", None), metadata)


def tensor_of_dtype(storage, offset, size, stride, requires_grad, hooks, dtype, metadata=None):
    """_rebuild_tensor_v3: the dtype stands beside, the storage is bytes."""
    if not isinstance(dtype, Named) or dtype.dtype is None:
        raise ValueError("a tensor with a dtype that is none")
    return _stored(storage, offset, size, stride, dtype.dtype, metadata)


def parameter(data, requires_grad=True, hooks=None, state=None):
    """_rebuild_parameter: the tensor itself; whether it is trained is up to the model that it goes into."""
    if not isinstance(data, StoredTensor):
        raise ValueError(f"a Parameter of a {type(data).__name__}")
    return data


def of_type(build, kind, arguments, state):
    """_rebuild_from_type_v2: a tensor that was given attributes, which are left out."""
    plain = isinstance(kind, Named) and kind.name in ("torch.Tensor", "torch.nn.parameter.Parameter")
    if not plain or not isinstance(build, Named) or build.build not in (tensor, tensor_of_dtype, parameter):
        raise ValueError("a tensor of a class of its own")
    if not isinstance(arguments, tuple):
        raise ValueError("a tensor whose arguments are none")
    return build.build(*arguments)


def mapping(items=()):
    """OrderedDict and Counter: a dict."""
    if isinstance(items, dict):
        return items
    if not isinstance(items, (list, tuple)) or not all(isinstance(x, (list, tuple)) and len(x) == 2 for x in items):
        raise ValueError("a dict of something else than pairs")
    built = {}
    for key, x in items:
        put(built, key, x)
    return built


def default_mapping(factory=None, items=()):
    """defaultdict: a dict; its factory is not asked for anything."""
    return mapping(items)


def members(items=()):
    """set: of text and numbers."""
    if not isinstance(items, (list, tuple)):
        raise ValueError(f"a set of {shown(items)}")
    return set(mapping([(x, None) for x in items]))


def complex_number(real=0.0, imaginary=0.0):
    """complex: Python's own number."""
    if not isinstance(real, float) or not isinstance(imaginary, float):
        raise ValueError("a complex number of something else than two numbers")
    return complex(real, imaginary)


def sizes(numbers=()):
    """torch.Size: a tuple."""
    return _wholes("size", numbers)


def device(kind="cpu", index=None):
    """torch.device: its text."""
    if not isinstance(kind, str) or not (index is None or isinstance(index, int)):
        raise ValueError("a device that is none")
    return kind if index is None else f"{kind}:{index}"


def octets(text="", encoding="latin1"):
    """_codecs.encode and bytearray, the ways in which old pickles write bytes."""
    if isinstance(text, (bytes, bytearray)):
        return bytes(text)
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise ValueError("bytes in an unknown encoding")
    return text.encode("latin1")


def put(built, key, x):
    """built[key] = x; keys are text or numbers, as a state has them, and not what could hash as it likes."""
    if not isinstance(key, (str, int, float)) or (isinstance(key, int) and abs(key) >= 2**60):
        raise ValueError(f"a dict with a {type(key).__name__} for a key, where text or a number belongs")
    built[key] = x


def _stored(storage, offset, size, stride, dtype, metadata):
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without a storage")
    size, stride, (offset,) = _wholes("size", size), _wholes("stride", stride), _wholes("offset", (offset,))
    if len(size) != len(stride):
        raise ValueError(f"a tensor with {len(size)} axes and {len(stride)} strides")
    if not isinstance(metadata, dict | None) or any(metadata[k] for k in metadata or () if k != "neg"):
        raise ValueError("a tensor with metadata that change it in an unknown way")
    negative = bool((metadata or {}).get("neg"))
    if negative and dtype not in ("f8", "f4", "f2", "bfloat16"):
        raise ValueError(f"a tensor of {dtype} with a minus before it")
    return StoredTensor(storage, offset, size, stride, dtype, negative)


def _wholes(what, numbers):
    if not isinstance(numbers, (list, tuple)) or len(numbers) > AXES:
        raise ValueError(f"a {what} of a tensor that is {shown(numbers)}")
    for n in numbers:
        if type(n) is not int or not 0 <= n < LARGEST:
            raise ValueError(f"a {what} of a tensor with {shown(n)} in it")
    return tuple(numbers)


BUILDERS = {
    "torch._utils._rebuild_tensor": tensor,
    "torch._utils._rebuild_tensor_v2": tensor,
    "torch._utils._rebuild_tensor_v3": tensor_of_dtype,
    "torch._utils._rebuild_parameter": parameter,
    "torch._utils._rebuild_parameter_with_state": parameter,
    "torch._tensor._rebuild_from_type_v2": of_type,
    "torch.Tensor": None,
    "torch.nn.parameter.Parameter": None,
    "collections.OrderedDict": mapping,
    "collections.Counter": mapping,
    "collections.defaultdict": default_mapping,
    "torch.Size": sizes,
    "torch.device": device,
    "_codecs.encode": octets,
    **NUMPY_BUILDERS,
}
for _room in ("builtins", "__builtin__"):  # most of them only as the factory of a defaultdict
    BUILDERS |= {f"{_room}.{name}": None for name in ("bool", "dict", "float", "int", "list", "str", "tuple")}
    BUILDERS |= {f"{_room}.bytearray": octets, f"{_room}.complex": complex_number, f"{_room}.set": members}
DANGEROUS = {
    "__builtin__", "_operator", "_pickle", "builtins", "code", "codeop", "commands", "ctypes", "functools", "importlib",
    "nt", "operator", "os", "pickle", "platform", "posix", "pty", "runpy", "shutil", "socket", "subprocess", "sys",
    "timeit", "webbrowser",
}  # fmt: skip


def named(module, name):
    """What a name of the file stands for; ValueError, in words and without looking for the thing, for all others."""
    full = f"{module}.{name}"
    if full in BUILDERS:
        return Named(full, BUILDERS[full])
    if module == "torch" and name in DTYPES:
        return Named(full, dtype=DTYPES[name])
    if module in ("torch", "torch.cuda", "torch.storage") and name in STORAGES:
        return Named(full, dtype=STORAGES[name])
    raise ValueError(refusal(module, full))


def refusal(module, full):
    """Why a name is refused, with what is probably the matter."""
    said = f"it names {full!r:.120}, which is not among what weights are made of: refused, nothing of it was run"
    room, kind = module.split(".")[0], full.lower()
    if room in DANGEROUS:
        return f"{said}. Loaded with pickle this file would run code: do not trust where it came from"
    if room == "torch" and any(word in kind for word in ("sparse", "quant", "qtensor", "complex", "float8", "meta")):
        return f"{said}. Sparse, quantized, complex and meta tensors, and float8, are not offered"
    if room in ("numpy", "argparse", "pathlib", "datetime", "copyreg", "copy_reg"):
        return f"{said}. Save the tensors alone: torch.save(model.state_dict(), path)"
    return f"{said}. Is it a whole model? Save its state instead: torch.save(model.state_dict(), path)"
