"""What all schedules share: counting steps, writing rates, saving and loading."""

import copy
import math
from collections.abc import Mapping
from numbers import Integral, Real

from .optimizer import Optimizer

_NOT_STATE = ("optimizer", "lr_lambdas", "_schedulers")


class LRScheduler:
    """Base of the schedules. A subclass gives `get_lr()`: the rates, one per group, at step `last_epoch`.

    Making one writes the rates of step last_epoch + 1 (0); to go on after a step, groups need their `initial_lr`.
    """

    def __init__(self, optimizer, last_epoch=-1):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: optimizer must be one, got {type(optimizer).__name__}")
        self.optimizer, self.last_epoch = optimizer, whole(self, "last_epoch", last_epoch, -1)
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise ValueError(
                    f"{type(self).__name__}: to go on after step {last_epoch} every group needs its initial_lr"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self._start()

    def step(self):
        """Count one step and write the new learning rates; call it after optimizer.step()."""
        self.last_epoch += 1
        self._write(self.get_lr())

    def get_last_lr(self):
        """The learning rates that this schedule wrote last, one per group."""
        return list(self._last_lr)

    def state_dict(self):
        """Where the schedule stands: everything but the optimiser, whose own state_dict holds the rates."""
        return copy.deepcopy({k: v for k, v in self.__dict__.items() if k not in _NOT_STATE})

    def load_state_dict(self, state_dict):
        """Go on from there; the rates come with the optimiser's state."""
        if not isinstance(state_dict, Mapping) or "last_epoch" not in state_dict:
            raise ValueError(f"{type(self).__name__}: a state dict has 'last_epoch'")
        self.__dict__.update(copy.deepcopy({k: v for k, v in state_dict.items() if k not in _NOT_STATE}))

    def __repr__(self):
        return f"{type(self).__name__}(last_epoch={self.last_epoch}, lr={self.get_last_lr()})"

    def _start(self):
        """The first step: a schedule relative to the step before leaves the rate as it is."""
        self.last_epoch += 1
        self._write(self.get_first_lr())

    def _restart(self):
        """Begin at step 0 with the initial rates, when another schedule has run before."""
        self._write(self.base_lrs)
        self.last_epoch = -1
        self._start()

    def get_first_lr(self):
        return self.get_lr()

    def _current(self):
        return [group["lr"] for group in self.optimizer.param_groups]

    def _write(self, rates):
        for group, lr in zip(self.optimizer.param_groups, rates):
            group["lr"] = lr
        self._last_lr = self._current()


def per_group(schedule, name, optimizer, given):
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(schedule).__name__}: optimizer must be one, got {type(optimizer).__name__}")
    count = len(optimizer.param_groups)
    given = list(given) if isinstance(given, (list, tuple)) else [given] * count
    if len(given) != count:
        raise ValueError(f"{type(schedule).__name__}: {name} has {len(given)} entries for {count} groups")
    return given


def listed(schedule, name, given):
    try:
        return list(given)
    except TypeError:
        got = type(given).__name__
        raise TypeError(f"{type(schedule).__name__}: {name} must be a list, got {got}") from None


def number(schedule, name, given):
    if not isinstance(given, Real) or math.isnan(given):
        raise TypeError(f"{type(schedule).__name__}: {name} must be a number, got {given!r}")
    return given


def whole(schedule, name, given, least=None):
    if not isinstance(given, Integral):
        raise TypeError(f"{type(schedule).__name__}: {name} must be a whole number, got {given!r}")
    if least is not None and given < least:
        raise ValueError(f"{type(schedule).__name__}: {name} must be at least {least}, got {given}")
    return int(given)
