"""One cycle: up, and down to almost nothing, the momentum the other way."""

import math
from bisect import bisect_left

from .schedule import LRScheduler, number, per_group, whole


class OneCycleLR(LRScheduler):
    """From max_lr / div_factor up to max_lr in pct_start of the steps, then down to the first / final_div_factor;
    the momentum (or beta1) goes the other way, max_momentum - base_momentum - max_momentum. Smith & Topin (2019).

    total_steps, or epochs * steps_per_epoch; anneal_strategy "cos" or "linear" between the corners. three_phase comes
    down to the first rate as it went up, and then ends. A step beyond the total is a ValueError.
    """

    def __init__(
        self, optimizer, max_lr, total_steps=None, epochs=None, steps_per_epoch=None, pct_start=0.3,
        anneal_strategy="cos", cycle_momentum=True, base_momentum=0.85, max_momentum=0.95, div_factor=25.0,
        final_div_factor=1e4, three_phase=False, last_epoch=-1,
    ):  # fmt: skip
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ValueError("OneCycleLR: needs total_steps, or epochs and steps_per_epoch")
        if total_steps is None:
            total_steps = whole(self, "epochs", epochs, 1) * whole(self, "steps_per_epoch", steps_per_epoch, 1)
        self.total_steps = whole(self, "total_steps", total_steps, 1)
        if not 0 <= number(self, "pct_start", pct_start) <= 1:
            raise ValueError(f"OneCycleLR: pct_start must lie in [0, 1], got {pct_start}")
        if not isinstance(anneal_strategy, str) or anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        for name, factor in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
            if not number(self, name, factor) > 0:
                raise ValueError(f"OneCycleLR: {name} must be positive, got {factor}")
        self.anneal_strategy, self.cycle_momentum = anneal_strategy, cycle_momentum
        top = pct_start * self.total_steps - 1
        # Each phase: its last step, the keys of the rates and of the momenta it leads from and to.
        up, down = ("initial_lr", "max_lr"), ("max_lr", "min_lr")
        light, heavy = ("max_momentum", "base_momentum"), ("base_momentum", "max_momentum")
        self.phases = [(top, up, light), (self.total_steps - 1, down, heavy)]
        if three_phase:
            back = (2 * pct_start * self.total_steps - 2, up[::-1], heavy)
            rest = (self.total_steps - 1, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum"))
            self.phases = [(top, up, light), back, rest]
        rates, low, high = (
            [number(self, name, v) for v in per_group(self, name, optimizer, given)]
            for name, given in (
                ("max_lr", max_lr), ("base_momentum", base_momentum), ("max_momentum", max_momentum),
            )
        )  # fmt: skip
        self.use_beta1 = "betas" in optimizer.defaults
        if cycle_momentum and not self.use_beta1 and "momentum" not in optimizer.defaults:
            raise ValueError(
                f"OneCycleLR: {type(optimizer).__name__} has neither momentum nor betas: pass cycle_momentum=False"
            )
        if last_epoch == -1:
            for group, rate, base, most in zip(optimizer.param_groups, rates, low, high):
                first = rate / div_factor
                group.update(initial_lr=first, max_lr=rate, min_lr=first / final_div_factor)
                if cycle_momentum:
                    group.update(base_momentum=base, max_momentum=most)
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        if self.last_epoch > self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch} of a schedule of {self.total_steps}")
        ends = [end for end, _, _ in self.phases[:-1]]
        phase = bisect_left(ends, self.last_epoch)
        end, rates, momenta = self.phases[phase]
        start = ends[phase - 1] if phase else 0.0
        share = (self.last_epoch - start) / (end - start) if end != start else 1.0
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                momentum = self._anneal(group[momenta[0]], group[momenta[1]], share)
                if self.use_beta1:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum
        return [self._anneal(g[rates[0]], g[rates[1]], share) for g in self.optimizer.param_groups]

    def _anneal(self, start, end, share):
        if self.anneal_strategy == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
