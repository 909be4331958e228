"""What the optimisers share: parameter groups, state per parameter, saving and loading it."""

import copy
from collections.abc import Mapping
from numbers import Real

import numpy as np

from ..autograd import Tensor, value
from ..grad_mode import no_grad
from ..kernels import pooled

_SPEED = ("foreach", "fused", "capturable", "differentiable")  # settings of PyTorch's that change no result
_BY_SCHEDULES = ("initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum")


class Optimizer:
    """Base of the optimisers. `params`: Tensors, (name, Tensor) pairs, or dicts {"params": ..., "lr": ...} for
    groups of their own.

    A subclass gives `update(p, g, state, group)`: change the array p in place, from the gradient g (arrays)
    and the state of this parameter (a dict of arrays and numbers, empty at first).
    """

    def __init__(self, params, defaults, left_out=()):
        for option, setting in dict(left_out).items():
            self._check_left_out(option, setting)
        self.defaults, self.param_groups, self.state = defaults, [], {}
        self._check_settings(defaults)
        groups = [params] if isinstance(params, (Tensor, Mapping)) else self._list("params", params)
        if not groups:
            raise ValueError(f"{type(self).__name__}: no parameters given")
        for group in groups if isinstance(groups[0], Mapping) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group):
        """One more group {"params": Tensors, and what differs from the settings given to the optimiser}."""
        if not isinstance(param_group, Mapping) or "params" not in param_group:
            raise ValueError(
                f"{type(self).__name__}: every group must be a dict with 'params', got {param_group!r}"
            )
        members, names = param_group["params"], []
        members = [members] if isinstance(members, Tensor) else self._list("params", members)
        if all(isinstance(m, tuple) and len(m) == 2 for m in members):
            names, members = [name for name, _ in members], [p for _, p in members]
        seen = set(map(id, self._all()))
        for p in members:
            if not isinstance(p, Tensor) or p.node is not None:
                what = "a result of a computation" if isinstance(p, Tensor) else type(p).__name__
                raise TypeError(f"{type(self).__name__}: can optimise leaf Tensors only, got {what}")
            if p.dtype.kind != "f":
                raise TypeError(f"{type(self).__name__}: can optimise floating-point Tensors only, got {p.dtype}")
            if id(p) in seen:
                raise ValueError(f"{type(self).__name__}: a parameter of shape {p.shape} was given twice")
            seen.add(id(p))
        group = {**self.defaults, **param_group, "params": members}
        if names:
            group["param_names"] = names
        self._check_settings(group)
        group["lr"] = float(value(group["lr"]))
        self.param_groups.append(group)

    def step(self, closure=None):
        """One update of every parameter that has a gradient; `closure`, if any, recomputes the loss."""
        loss = closure() if closure is not None else None
        with no_grad(), pooled():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        g = -self._gradient(p) if group.get("maximize") else self._gradient(p)
                        state = self.state.get(p, {})
                        self.update(p.data, g, state, group)
                        if state:
                            self.state[p] = state
        return loss

    def zero_grad(self, set_to_none=True):
        """Forget the gradients (or set them to zero)."""
        for p in self._all():
            p.grad = None if set_to_none or p.grad is None else Tensor(np.zeros_like(p.grad.data))

    def state_dict(self):
        """{"state": {number of the parameter: {...}}, "param_groups": [...]} as in PyTorch; a copy, of NumPy arrays.

        `io.save` writes it; `io.load` gives Tensors in place of the arrays, `load_state_dict` takes both.
        """
        numbers = {p: i for i, p in enumerate(self._all())}
        groups = [{**g, "params": [numbers[p] for p in g["params"]]} for g in self.param_groups]
        state = {numbers[p]: s for p, s in self.state.items()}
        return {"state": copy.deepcopy(state), "param_groups": copy.deepcopy(groups)}

    def load_state_dict(self, state_dict):
        """Take up the state (arrays or Tensors) of an optimiser of the same kind over parameters of the same shapes;
        ValueError otherwise."""
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= set(state_dict):
            raise ValueError(f"{type(self).__name__}: a state dict has 'state' and 'param_groups'")
        params, saved_groups = self._all(), state_dict["param_groups"]
        self._check_groups(saved_groups)
        numbers = [n for g in saved_groups for n in g["params"]]
        places = {str(n): i for i, n in enumerate(numbers)}  # a file may have made strings of the numbers
        state = {}
        for number, entries in state_dict["state"].items():
            if str(number) not in places:
                raise ValueError(
                    f"{type(self).__name__}: there is saved state for parameter {number} of {len(params)}"
                )
            p = params[places[str(number)]]
            self._check_state(number, p, entries)
            state[p] = {name: _copied(v, p.dtype if name != "step" else None) for name, v in entries.items()}
        for own, saved in zip(self.param_groups, saved_groups):
            own.update(copy.deepcopy({k: v for k, v in saved.items() if k != "params"}), lr=float(value(saved["lr"])))
        self.state = state

    def __repr__(self):
        lines = []
        for i, group in enumerate(self.param_groups):
            shown = sorted(k for k in group if k not in ("params", "param_names"))
            lines += [f"Parameter Group {i}", *(f"    {k}: {group[k]}" for k in shown)]
        return "\n".join([f"{type(self).__name__} (", *lines, ")"])

    def _gradient(self, p):
        if p.grad.shape != p.shape:
            raise ValueError(
                f"{type(self).__name__}: a parameter of shape {p.shape} has a gradient of shape {p.grad.shape}"
            )
        return p.grad.data

    def _all(self):
        return [p for group in self.param_groups for p in group["params"]]

    def _list(self, name, given):
        try:
            return list(given)
        except TypeError:
            got = type(given).__name__
            raise TypeError(f"{type(self).__name__}: {name} must be Tensors or groups of them, got {got}") from None

    def _check_settings(self, settings):
        """Numbers that must not be negative, decay rates within [0, 1)."""
        for name in ("lr", "weight_decay", "eps", "momentum", "alpha"):
            setting = value(settings.get(name, 0))
            setting = setting.item() if isinstance(setting, np.ndarray) and setting.size == 1 else setting
            if not isinstance(setting, Real):
                raise TypeError(f"{type(self).__name__}: {name} must be a number, got {type(setting).__name__}")
            if not setting >= 0:
                raise ValueError(f"{type(self).__name__}: {name} must not be negative, got {setting}")
        betas = settings.get("betas", (0, 0))
        pair = isinstance(betas, (tuple, list)) and len(betas) == 2 and all(isinstance(b, Real) for b in betas)
        if not pair or not all(0 <= b < 1 for b in betas):
            raise ValueError(f"{type(self).__name__}: betas must lie in [0, 1), two of them, got {betas}")

    def _check_left_out(self, option, setting):
        if option not in _SPEED:
            raise TypeError(f"{type(self).__name__}: there is no setting {option!r}")
        if setting:
            raise NotImplementedError(f"{type(self).__name__}: {option}={setting!r} is not offered")

    def _check_groups(self, saved_groups):
        """The saved groups have as many parameters as these, and the settings that this kind of optimiser has."""
        kind = type(self).__name__
        if not isinstance(saved_groups, (list, tuple)) or not all(
            isinstance(g, Mapping) and isinstance(g.get("params"), (list, tuple)) for g in saved_groups
        ):
            raise ValueError(f"{kind}: the saved param_groups must be a list of dicts with a list of 'params'")
        sizes, own = ([len(g["params"]) for g in groups] for groups in (saved_groups, self.param_groups))
        if sizes != own:
            raise ValueError(f"{kind}: the saved groups have {sizes} parameters, those of this optimiser {own}")
        for group, saved in zip(self.param_groups, saved_groups):
            lacking = [k for k in self.defaults if k not in saved]
            foreign = [k for k in saved if k not in (*group, *_SPEED, *_BY_SCHEDULES, "param_names")]
            if lacking or foreign:
                raise ValueError(
                    f"{kind}: the saved state is that of another kind of optimiser: its settings are {_names(saved)}, "
                    f"those of {kind} are {_names(self.defaults)}"
                )
            self._check_settings({**group, **saved})

    def _check_state(self, number, p, entries):
        if not isinstance(entries, Mapping):
            raise ValueError(f"{type(self).__name__}: the saved state of parameter {number} must be a dict")
        for name, v in entries.items():
            if v is not None and np.shape(value(v)) not in ((), p.shape):
                raise ValueError(
                    f"{type(self).__name__}: the saved {name} of parameter {number} has shape {np.shape(value(v))}, "
                    f"the parameter has {p.shape}"
                )


def _names(settings):
    return " ".join(sorted(str(k) for k in settings if k not in ("params", "param_names", *_SPEED, *_BY_SCHEDULES)))


def _copied(saved, dtype):
    """A state entry of one's own; arrays in the dtype of the parameter, as PyTorch loads them."""
    saved = value(saved)
    if isinstance(saved, (list, tuple)):
        return [_copied(v, dtype) for v in saved]
    if isinstance(saved, np.ndarray) and saved.dtype.kind == "f":
        return np.array(saved, dtype=dtype)
    return copy.deepcopy(saved)
