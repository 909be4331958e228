"""Module: parameters, buffers and submodules under names, as in torch.nn."""

import numpy as np

from ..autograd import Tensor, value


class Parameter(Tensor):
    """A Tensor that a Module trains: it requires a gradient, and `parameters()` finds it."""

    __slots__ = ()

    def __init__(self, data, requires_grad=True):
        super().__init__(value(data), requires_grad=requires_grad)


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
        if room is None and "_buffers" in self.__dict__ and name in self._buffers:
            room = "_buffers"
        if room is None:
            return object.__setattr__(self, name, x)
        if room not in self.__dict__:
            raise AttributeError(f"{type(self).__name__}: call super().__init__() before assigning {name}")
        for other in ("_parameters", "_buffers", "_modules"):
            self.__dict__[other].pop(name, None) if other != room else None
        self.__dict__.pop(name, None)
        self.__dict__[room][name] = x

    def __getattr__(self, name):
        for room in ("_parameters", "_buffers", "_modules"):
            found = self.__dict__.get(room, {})
            if name in found:
                return found[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def register_buffer(self, name, tensor):
        """State that is saved but not trained, such as running statistics."""
        self._buffers[name] = tensor

    def register_parameter(self, name, parameter):
        """A Parameter under `name`, or None for one that is left out."""
        self._parameters[name] = parameter

    def register_forward_hook(self, hook):
        """Call hook(module, args, output) after forward; what it returns replaces the output. `.remove()` ends it."""
        handle = _Hook(self._forward_hooks)
        self._forward_hooks[handle] = hook
        return handle

    def children(self):
        """The submodules one level down."""
        return (m for m in self._modules.values() if m is not None)

    def named_modules(self, prefix=""):
        """(path, module) of this module and all below it."""
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                yield from child.named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self):
        """This module and all below it, each once."""
        return iter({id(m): m for _, m in self.named_modules()}.values())

    def named_parameters(self):
        """(path, parameter), each parameter once even if shared."""
        seen = set()
        for path, tensor in self._named("_parameters"):
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield path, tensor

    def parameters(self):
        """All parameters, each once."""
        return (p for _, p in self.named_parameters())

    def _named(self, room):
        for path, module in self.named_modules():
            for name, tensor in getattr(module, room).items():
                if tensor is not None:
                    yield (f"{path}.{name}" if path else name), tensor

    def state_dict(self):
        """{path: Tensor} of all parameters and buffers; the tensors share memory with the module."""
        state = {}
        for path, module in self.named_modules():
            for room in (module._parameters, module._buffers):
                state.update({(f"{path}.{n}" if path else n): t.detach() for n, t in room.items() if t is not None})
        return state

    def load_state_dict(self, state, strict=True):
        """Copy values in by path. One RuntimeError lists missing, unexpected and mis-shaped keys; nothing is changed."""
        own = self.state_dict()
        problems = [f"missing: {k}" for k in own if k not in state] if strict else []
        problems += [f"unexpected: {k}" for k in state if k not in own] if strict else []
        arrays = {k: np.asarray(value(v)) for k, v in state.items() if k in own}
        problems += [
            f"shape of {k}: given {v.shape}, expected {own[k].shape}" for k, v in arrays.items() if v.shape != own[k].shape
        ]
        if problems:
            raise RuntimeError(f"load_state_dict of {type(self).__name__}: " + "; ".join(problems))
        for k, v in arrays.items():
            own[k].data[...] = v

    def train(self, mode=True):
        """Training behaviour (batch statistics, dropout) on or off for this module and all below it."""
        for m in self.modules():
            m.training = mode
        return self

    def eval(self):
        """Same as train(False)."""
        return self.train(False)

    def zero_grad(self):
        """Forget all gradients."""
        for p in self.parameters():
            p.grad = None

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


class _Hook:
    def __init__(self, hooks):
        self._hooks = hooks

    def remove(self):
        self._hooks.pop(self, None)


class Sequential(Module):
    """Modules applied one after the other, named 0, 1, 2, ..."""

    def __init__(self, *modules):
        super().__init__()
        for i, m in enumerate(modules):
            setattr(self, str(i), m)

    def forward(self, x):
        for m in self._modules.values():
            x = m(x)
        return x

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __getitem__(self, i):
        found = list(self._modules.values())[i]
        return Sequential(*found) if isinstance(i, slice) else found


class ModuleList(Module):
    """A list of modules whose parameters are found; it has no forward."""

    def __init__(self, modules=()):
        super().__init__()
        for m in modules:
            self.append(m)

    def append(self, module):
        """Add one at the end."""
        setattr(self, str(len(self._modules)), module)
        return self

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __getitem__(self, i):
        found = list(self._modules.values())[i]
        return ModuleList(found) if isinstance(i, slice) else found
