"""Module: parameters, buffers and submodules under names, as in torch.nn."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..autograd import Tensor, value
from ..functional.promotion import supported


class Parameter(Tensor):
    """A Tensor that a Module trains: it requires a gradient, and `parameters()` finds it."""

    __slots__ = ()

    def __init__(self, data, requires_grad=True):
        super().__init__(value(data), requires_grad=requires_grad)


def new_dtype(op, device, dtype):
    """The dtype of a new layer's parameters: float32 unless it says otherwise. There is no device but the CPU."""
    if device is not None and str(device) != "cpu":
        raise NotImplementedError(f"{op}: device {device!r} is not offered, only the CPU: leave it out")
    dtype = supported(op, np.float32 if dtype is None else dtype)
    if dtype.kind != "f":
        raise TypeError(f"{op}: dtype {dtype} cannot be trained, only float32 and float64 can")
    return dtype


_ROOMS = {"_parameters": "Parameter", "_buffers": "Tensor", "_modules": "Module"}  # where a Module keeps what


class Module:
    """Base of every layer and model: define `forward`, assign Parameters and Modules as attributes, call it.

    The names of state_dict() are the attribute paths, as in PyTorch.
    """

    def __init__(self):
        self._parameters, self._buffers, self._modules = {}, {}, {}
        self._unsaved = set()  # names of buffers that state_dict leaves out
        self._forward_hooks = {}
        self.training = True

    def forward(self, *args, **kwargs):
        raise NotImplementedError(f"{type(self).__name__} defines no forward()")

    def __call__(self, *args, **kwargs):
        y = self.forward(*args, **kwargs)
        for hook, with_kwargs in tuple(self._forward_hooks.values()):
            replaced = hook(self, args, kwargs, y) if with_kwargs else hook(self, args, y)
            y = y if replaced is None else replaced
        return y

    def __setattr__(self, name, x):
        rooms = {Parameter: "_parameters", Module: "_modules"}
        room = next((r for kind, r in rooms.items() if isinstance(x, kind)), None)
        if room is None:
            room = next((r for r in _ROOMS if name in self.__dict__.get(r, ())), None)
            if room is None:
                return object.__setattr__(self, name, x)
            if x is not None and not (room == "_buffers" and isinstance(x, Tensor)):
                raise TypeError(
                    f"{type(self).__name__}.{name} is one of its {room[1:]}, a {type(x).__name__} "
                    f"cannot take its place "
                    f"(None or a {_ROOMS[room]} can; del it first to use the name for something else)"
                )
        if room not in self.__dict__:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before assigning {name}")
        for other in _ROOMS:
            self.__dict__[other].pop(name, None) if other != room else None
        self.__dict__.pop(name, None)
        self.__dict__[room][name] = x

    def __getattr__(self, name):
        for room in _ROOMS:
            found = self.__dict__.get(room, {})
            if name in found:
                return found[name]
        if name in _ROOMS or name == "_forward_hooks":
            raise AttributeError(f"{type(self).__name__}: call super().__init__() first in its __init__()")
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __delattr__(self, name):
        room = next((r for r in _ROOMS if name in self.__dict__.get(r, ())), None)
        self.__dict__[room].pop(name) if room else object.__delattr__(self, name)

    def register_buffer(self, name, tensor, persistent=True):
        """State that is not trained, such as running statistics; None for one that is left out.

        state_dict holds it unless persistent=False.
        """
        self._register("_buffers", Tensor, name, tensor)
        (self._unsaved.discard if persistent else self._unsaved.add)(name)

    def register_parameter(self, name, param):
        """A Parameter under `name`, or None for one that is left out."""
        self._register("_parameters", Parameter, name, param)

    def _register(self, room, kind, name, x):
        if not isinstance(name, str) or not name or "." in name:
            raise ValueError(f"{type(self).__name__}: a name must be a string without dots, got {name!r}")
        if hasattr(self, name) and name not in getattr(self, room):
            raise ValueError(f"{type(self).__name__} has an attribute {name!r} already")
        if x is not None and not isinstance(x, kind):
            raise TypeError(f"{type(self).__name__}.{name} must be a {_ROOMS[room]} or None, got {type(x).__name__}")
        getattr(self, room)[name] = x

    def add_module(self, name, module):
        """A submodule under `name`, or None for one that is left out."""
        self._register("_modules", Module, name, module)

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
        """Call hook(module, args, output) after forward; what it returns replaces the output. `.remove()` ends it.

        prepend: before the other hooks. with_kwargs: hook(module, args, kwargs, output).
        """
        if always_call:
            raise NotImplementedError("register_forward_hook: always_call (after errors too) is not offered")
        handle, others = _Hook(self._forward_hooks), dict(self._forward_hooks) if prepend else {}
        if prepend:
            self._forward_hooks.clear()
        self._forward_hooks[handle] = (hook, with_kwargs)
        self._forward_hooks.update(others)
        return handle

    def named_children(self):
        """(name, submodule) one level down, each submodule once."""
        return _once(((n, m) for n, m in self._modules.items() if m is not None), _second)

    def children(self):
        """The submodules one level down, each once."""
        return (m for _, m in self.named_children())

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """(path, module) of this module and all below it, each once even if shared (unless remove_duplicate=False).

        `memo`: a set of modules to leave out.
        """
        found = ((path, m) for path, m in self._walk(prefix) if memo is None or m not in memo)
        return _once(found, _second) if remove_duplicate else found

    def _walk(self, prefix):
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                yield from child._walk(_path(prefix, name))

    def modules(self):
        """This module and all below it, each once."""
        return (m for _, m in self.named_modules())

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        """(path, parameter), each parameter once even if shared; with recurse=False of this module alone."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        """(path, buffer), each buffer once even if shared; with recurse=False of this module alone."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def _named(self, room, prefix, recurse, remove_duplicate):
        modules = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        found = (
            (_path(path, name), t)
            for path, module in modules
            for name, t in getattr(module, room).items()
            if t is not None
        )
        return _once(found, _second) if remove_duplicate else found

    def parameters(self, recurse=True):
        """All parameters, each once."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def buffers(self, recurse=True):
        """All buffers, each once."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    def apply(self, fn):
        """Call fn(module) for all modules below, then for this one: how initial weights are drawn."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def to(self, dtype):
        """All floating-point parameters and buffers in another floating dtype; the tensors stay the same objects."""
        dtype = new_dtype("to", None, dtype)
        for t in (*self.parameters(), *self.buffers()):
            if t.dtype.kind == "f":
                t.data = t.data.astype(dtype, copy=False)
                t.grad = None if t.grad is None else t.grad.detach().to(dtype)
        return self

    def float(self):
        """Same as to("float32")."""
        return self.to(np.float32)

    def double(self):
        """Same as to("float64")."""
        return self.to(np.float64)

    def state_dict(self, *, destination=None, prefix="", keep_vars=False):
        """{path: Tensor} of all parameters and buffers; the tensors share memory with the module.

        keep_vars: the parameters themselves. `destination`: a dict to write into.
        """
        state = {} if destination is None else destination
        for path, module in self._walk(""):
            for room in (module._parameters, module._buffers):
                for name, t in room.items():
                    if t is not None and not (room is module._buffers and name in module._unsaved):
                        state[prefix + _path(path, name)] = t if keep_vars else t.detach()
        return state

    def load_state_dict(self, state_dict, strict=True, assign=False):
        """Copy values in by path. One RuntimeError lists missing, unexpected and mis-shaped keys; nothing changes then.

        With strict=False missing and unexpected keys are no error. Returns (missing_keys, unexpected_keys).
        """
        if assign:
            raise NotImplementedError("load_state_dict: assign=True is not offered, values are copied: leave it out")
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict: expected {{name: Tensor or array}}, got {type(state_dict).__name__}")
        state = state_dict
        own = self.state_dict()
        keys = _Keys([k for k in own if k not in state], [k for k in state if k not in own])
        problems = [f"missing: {k}" for k in keys.missing_keys] if strict else []
        problems += [f"unexpected: {k}" for k in keys.unexpected_keys] if strict else []
        arrays = {k: np.asarray(value(v)) for k, v in state.items() if k in own}
        problems += [
            f"shape of {k}: given {v.shape}, expected {own[k].shape}"
            for k, v in arrays.items()
            if v.shape != own[k].shape
        ]
        problems += [f"not numbers: {k}, dtype {v.dtype}" for k, v in arrays.items() if v.dtype.kind not in "fiub"]
        if problems:
            raise RuntimeError(f"load_state_dict of {type(self).__name__}: " + "; ".join(problems))
        for k, v in arrays.items():
            own[k].data[...] = v
        return keys

    def train(self, mode=True):
        """Training behaviour (batch statistics, dropout) on or off for this module and all below it."""
        if not isinstance(mode, bool):
            raise ValueError(f"train: mode must be True or False, got {mode!r}")
        for m in self.modules():
            m.training = mode
        return self

    def eval(self):
        """Same as train(False)."""
        return self.train(False)

    def zero_grad(self, set_to_none=True):
        """Forget all gradients (or set them to zero)."""
        for p in self.parameters():
            p.grad = None if set_to_none or p.grad is None else Tensor(np.zeros_like(p.grad.data))

    def requires_grad_(self, requires_grad=True):
        """Freeze (False) or unfreeze (True) all parameters."""
        for p in self.parameters():
            p.requires_grad = requires_grad
        return self

    def extra_repr(self):
        """The settings that repr() shows between the parentheses."""
        return ""

    def __repr__(self):
        lines = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self._modules.items()]
        inside = "".join(f"\n  {line}" for line in lines) + "\n" if lines else self.extra_repr()
        return f"{type(self).__name__}({inside})"


class _Keys(NamedTuple):
    missing_keys: list
    unexpected_keys: list


def _path(prefix, name):
    return f"{prefix}.{name}" if prefix else name


def _second(pair):
    return id(pair[1])


def _once(items, identity):
    seen = set()
    for item in items:
        if identity(item) not in seen:
            seen.add(identity(item))
            yield item


class _Hook:
    def __init__(self, hooks):
        self._hooks = hooks

    def remove(self):
        self._hooks.pop(self, None)
