"""What the optimisers share: parameter groups, state per parameter, saving and loading it."""

import numpy as np

from ..autograd import Tensor, no_grad, value


class Optimizer:
    """Base of the optimisers. `params`: Tensors, or dicts {"params": Tensors, "lr": ...} for groups of their
    own.

    A subclass gives `update(p, g, state, group)`: change the array p in place, from the gradient g (arrays)
    and the state of this parameter (a dict of arrays and numbers, empty at first).
    """

    def __init__(self, params, defaults):
        params = [params] if isinstance(params, Tensor) else list(params)
        if not params:
            raise ValueError(f"{type(self).__name__}: no parameters given")
        for name in ("lr", "weight_decay", "eps", "momentum"):
            if value(defaults.get(name, 0)) < 0:
                raise ValueError(f"{type(self).__name__}: {name} must not be negative, got {defaults[name]}")
        groups = params if isinstance(params[0], dict) else [{"params": params}]
        self.param_groups, seen = [], set()
        for group in groups:
            if not isinstance(group, dict) or "params" not in group:
                raise ValueError(
                    f"{type(self).__name__}: every group must be a dict with 'params', got {group!r}"
                )
            members = group["params"]
            members = [members] if isinstance(members, Tensor) else list(members)
            for p in members:
                if not isinstance(p, Tensor) or p.node is not None:
                    what = "a result of a computation" if isinstance(p, Tensor) else type(p).__name__
                    raise TypeError(f"{type(self).__name__}: can optimise leaf Tensors only, got {what}")
                if id(p) in seen:
                    raise ValueError(f"{type(self).__name__}: a parameter of shape {p.shape} was given twice")
                seen.add(id(p))
            self.param_groups.append({**defaults, **group, "params": members})
        self.state = {}

    def step(self, closure=None):
        """One update of every parameter that has a gradient; `closure`, if any, recomputes the loss."""
        loss = closure() if closure is not None else None
        with no_grad():
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        if p.grad.shape != p.shape:
                            raise ValueError(
                                f"{type(self).__name__}: a parameter of shape {p.shape} has "
                                f"a gradient of shape {p.grad.shape}"
                            )
                        g = -p.grad.data if group.get("maximize") else p.grad.data
                        self.update(p.data, g, self.state.setdefault(p, {}), group)
        return loss

    def zero_grad(self, set_to_none=True):
        """Forget the gradients (or set them to zero)."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None if set_to_none or p.grad is None else Tensor(np.zeros_like(p.grad.data))

    def state_dict(self):
        """{"state": {number of the parameter: {...}}, "param_groups": [...]} as in PyTorch."""
        numbers = {p: i for i, p in enumerate(self._all())}
        groups = [{**g, "params": [numbers[p] for p in g["params"]]} for g in self.param_groups]
        copies = {numbers[p]: {k: np.copy(v) for k, v in s.items()} for p, s in self.state.items()}
        return {"state": copies, "param_groups": groups}

    def load_state_dict(self, state_dict):
        """Take up the state of an optimiser of the same kind over parameters of the same shapes; ValueError
        otherwise."""
        if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= set(state_dict):
            raise ValueError(f"{type(self).__name__}: a state dict has 'state' and 'param_groups'")
        params, groups = self._all(), state_dict["param_groups"]
        sizes = [len(g["params"]) for g in self.param_groups]
        if [len(g["params"]) for g in groups] != sizes:
            raise ValueError(f"{type(self).__name__}: the saved groups do not have {sizes} parameters")
        for i, entries in state_dict["state"].items():
            if not 0 <= int(i) < len(params):
                raise ValueError(
                    f"{type(self).__name__}: there is saved state for parameter {i} of {len(params)}"
                )
            for name, v in entries.items():
                if np.shape(v) not in ((), params[int(i)].shape):
                    raise ValueError(
                        f"{type(self).__name__}: the saved {name} of parameter {i} has shape {np.shape(v)}, "
                        f"the parameter has {params[int(i)].shape}"
                    )
        for own, saved in zip(self.param_groups, groups):
            own.update({k: v for k, v in saved.items() if k != "params"})
        self.state = {
            params[int(i)]: {k: np.copy(v) for k, v in s.items()} for i, s in state_dict["state"].items()
        }

    def _all(self):
        return [p for group in self.param_groups for p in group["params"]]
