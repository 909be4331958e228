"""Module: parameters, buffers and submodules under names, as in torch.nn."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..autograd import Tensor, value


class Parameter(Tensor):
    """A Tensor that a Module trains: it requires a gradient, and `parameters()` finds it."""

    __slots__ = ()

    def __init__(self, data, requires_grad=True):
        super().__init__(value(data), requires_grad=requires_grad)


_ROOMS = {"_parameters": "Parameter", "_buffers": "Tensor", "_modules": "Module"}  # where a Module keeps what


class Module:
    """Base of every layer and model: define `forward`, assign Parameters and Modules as attributes, call it.

    The names of state_dict() are the attribute paths, as in PyTorch.
    """

    def __init__(self):
        self._parameters, self._buffers, self._modules = {}, {}, {}
        self._forward_hooks = {}
        self.training = True

    def forward(self, *args, **kwargs):
        raise NotImplementedError(f"{type(self).__name__} defines no forward()")

    def __call__(self, *args, **kwargs):
        y = self.forward(*args, **kwargs)
        for hook in tuple(self._forward_hooks.values()):
            replaced = hook(self, args, y)
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

    def register_buffer(self, name, tensor):
        """State that is saved but not trained, such as running statistics; None for one that is left out."""
        self._register("_buffers", Tensor, name, tensor)

    def register_parameter(self, name, param):
        """A Parameter under `name`, or None for one that is left out."""
        self._register("_parameters", Parameter, name, param)

    def _register(self, room, kind, name, x):
        if not isinstance(name, str) or not name or "." in name:
            raise ValueError(f"{type(self).__name__}: a name must be a string without dots, got {name!r}")
        if hasattr(self, name) and name not in getattr(self, room):
            raise ValueError(f"{type(self).__name__} has an attribute {name!r} already")
        if x is not None and not isinstance(x, kind):
            raise TypeError(
                f"{type(self).__name__}.{name} must be a {_ROOMS[room]} or None, got {type(x).__name__}"
            )
        getattr(self, room)[name] = x

    def register_forward_hook(self, hook):
        """Call hook(module, args, output) after forward; what it returns replaces the output. `.remove()`
        ends it."""
        handle = _Hook(self._forward_hooks)
        self._forward_hooks[handle] = hook
        return handle

    def children(self):
        """The submodules one level down, each once."""
        return _once((m for m in self._modules.values() if m is not None), id)

    def named_modules(self, prefix="", remove_duplicate=True):
        """(path, module) of this module and all below it, each once even if shared (unless
        remove_duplicate=False)."""
        found = self._walk(prefix)
        return _once(found, lambda pair: id(pair[1])) if remove_duplicate else found

    def _walk(self, prefix):
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                yield from child._walk(f"{prefix}.{name}" if prefix else name)

    def modules(self):
        """This module and all below it, each once."""
        return (m for _, m in self.named_modules())

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        """(path, parameter), each parameter once even if shared; with recurse=False of this module alone."""
        modules = self.named_modules(prefix, remove_duplicate) if recurse else [(prefix, self)]
        found = (
            (f"{path}.{name}" if path else name, p)
            for path, module in modules
            for name, p in module._parameters.items()
            if p is not None
        )
        return _once(found, lambda pair: id(pair[1])) if remove_duplicate else found

    def parameters(self, recurse=True):
        """All parameters, each once."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def state_dict(self, prefix=""):
        """{path: Tensor} of all parameters and buffers; the tensors share memory with the module."""
        state = {}
        for path, module in self._walk(""):
            for room in (module._parameters, module._buffers):
                state.update(
                    {
                        prefix + (f"{path}.{n}" if path else n): t.detach()
                        for n, t in room.items()
                        if t is not None
                    }
                )
        return state

    def load_state_dict(self, state, strict=True):
        """Copy values in by path. One RuntimeError lists missing, unexpected and mis-shaped keys; nothing is
        changed then.

        With strict=False missing and unexpected keys are no error. Returns (missing keys, unexpected keys).
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"load_state_dict: expected {{name: Tensor or array}}, got {type(state).__name__}"
            )
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
        problems += [
            f"not numbers: {k}, dtype {v.dtype}" for k, v in arrays.items() if v.dtype.kind not in "fiub"
        ]
        if problems:
            raise RuntimeError(f"load_state_dict of {type(self).__name__}: " + "; ".join(problems))
        for k, v in arrays.items():
            own[k].data[...] = v
        return keys

    def train(self, mode=True):
        """Training behaviour (batch statistics, dropout) on or off for this module and all below it."""
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


def _module(owner, m):
    if not isinstance(m, Module):
        raise TypeError(f"{type(owner).__name__} holds Modules, got {type(m).__name__}")
    return m


class Sequential(Module):
    """Modules applied one after the other, named 0, 1, 2, ... or by the keys of one dict given; a slice keeps
    names."""

    def __init__(self, *args):
        super().__init__()
        named = args[0].items() if len(args) == 1 and isinstance(args[0], dict) else enumerate(args)
        for name, m in named:
            setattr(self, str(name), _module(self, m))

    def forward(self, input):
        for m in self._modules.values():
            input = m(input)
        return input

    def append(self, module):
        """Add one at the end."""
        setattr(self, str(len(self._modules)), _module(self, module))
        return self

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __getitem__(self, i):
        found = list(self._modules.items())[i]
        return Sequential(dict(found)) if isinstance(i, slice) else found[1]


class ModuleList(Module):
    """A list of modules whose parameters are found; it has no forward."""

    def __init__(self, modules=None):
        super().__init__()
        self.extend(modules or ())

    def append(self, module):
        """Add one at the end."""
        setattr(self, str(len(self._modules)), _module(self, module))
        return self

    def extend(self, modules):
        """Add several at the end."""
        for m in modules:
            self.append(m)
        return self

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __getitem__(self, i):
        found = list(self._modules.values())[i]
        return ModuleList(found) if isinstance(i, slice) else found
