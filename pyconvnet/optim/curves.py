"""Schedules that are one curve of the step count."""

import copy
import math
from collections import Counter
from types import FunctionType

from .schedule import LRScheduler, listed, number, per_group, whole


class LambdaLR(LRScheduler):
    """lr = initial lr * lr_lambda(step), lr_lambda one function or one per group."""

    def __init__(self, optimizer, lr_lambda, last_epoch=-1):
        self.lr_lambdas = per_group(self, "lr_lambda", optimizer, lr_lambda)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"LambdaLR: lr_lambda must be a function of the step, got {function!r}")
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return [base * f(self.last_epoch) for base, f in zip(self.base_lrs, self.lr_lambdas)]

    def state_dict(self):
        """Where the schedule stands; of lr_lambda what callable objects hold, and None for functions."""
        held = [None if isinstance(f, FunctionType) else getattr(f, "__dict__", None) for f in self.lr_lambdas]
        return {**super().state_dict(), "lr_lambdas": copy.deepcopy(held)}

    def load_state_dict(self, state_dict):
        """Go on from there."""
        super().load_state_dict(state_dict)
        for function, held in zip(self.lr_lambdas, state_dict.get("lr_lambdas", ())):
            if held is not None:
                vars(function).update(copy.deepcopy(held))


class StepLR(LRScheduler):
    """lr = initial lr * gamma ^ (step // step_size)"""

    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        self.step_size, self.gamma = whole(self, "step_size", step_size, 1), number(self, "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        falls = self.last_epoch and self.last_epoch % self.step_size == 0
        return [lr * self.gamma if falls else lr for lr in self._current()]


class MultiStepLR(LRScheduler):
    """lr = initial lr * gamma ^ (number of milestones passed)"""

    def __init__(self, optimizer, milestones, gamma=0.1, last_epoch=-1):
        self.milestones = Counter(whole(self, "milestones", m) for m in listed(self, "milestones", milestones))
        self.gamma = number(self, "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return [lr * self.gamma ** self.milestones[self.last_epoch] for lr in self._current()]

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.milestones = Counter({int(m): n for m, n in self.milestones.items()})


class ExponentialLR(LRScheduler):
    """lr = initial lr * gamma ^ step"""

    def __init__(self, optimizer, gamma, last_epoch=-1):
        self.gamma = number(self, "gamma", gamma)
        super().__init__(optimizer, last_epoch)

    def get_first_lr(self):
        return self._current()

    def get_lr(self):
        return [lr * self.gamma for lr in self._current()]


class LinearLR(LRScheduler):
    """lr = initial lr * (start_factor + (end_factor - start_factor) * min(step / total_iters, 1)): a warm-up."""

    def __init__(self, optimizer, start_factor=1.0 / 3, end_factor=1.0, total_iters=5, last_epoch=-1):
        self.start_factor = number(self, "start_factor", start_factor)
        self.end_factor = number(self, "end_factor", end_factor)
        self.total_iters = whole(self, "total_iters", total_iters, 0)
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: start_factor must lie in (0, 1], got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor must lie in [0, 1], got {end_factor}")
        super().__init__(optimizer, last_epoch)

    def get_first_lr(self):
        return [lr * self.start_factor if self.last_epoch == 0 else lr for lr in self._current()]

    def get_lr(self):
        if not 0 < self.last_epoch <= self.total_iters:
            return self._current()
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return [lr * (1 + rise / before) for lr in self._current()]


class CosineAnnealingLR(LRScheduler):
    """lr = eta_min + (initial lr - eta_min)(1 + cos(pi step / T_max)) / 2. Loshchilov & Hutter (2017)."""

    def __init__(self, optimizer, T_max, eta_min=0.0, last_epoch=-1):
        self.T_max, self.eta_min = number(self, "T_max", T_max), number(self, "eta_min", eta_min)
        if T_max <= 0:
            raise ValueError(f"CosineAnnealingLR: T_max must be positive, got {T_max}")
        super().__init__(optimizer, last_epoch)

    def get_first_lr(self):
        return self._current()

    def get_lr(self):
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # the step before stood at eta_min: 0 / 0
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [lr + (base - self.eta_min) * rise for base, lr in zip(self.base_lrs, self._current())]
        now, before = (1 + math.cos(math.pi * step / self.T_max) for step in (self.last_epoch, self.last_epoch - 1))
        return [now / before * (lr - self.eta_min) + self.eta_min for lr in self._current()]
