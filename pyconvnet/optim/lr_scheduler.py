"""Learning-rate schedules: each writes `lr` of the optimiser's groups as a function of the step count."""

import math


class LambdaLR:
    """lr = initial lr * lr_lambda(step), lr_lambda one function or one per group; goes on after step
    `last_epoch`."""

    def __init__(self, optimizer, lr_lambda, last_epoch=-1):
        groups = optimizer.param_groups
        self.lr_lambdas = (
            list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * len(groups)
        )
        if len(self.lr_lambdas) != len(groups):
            raise ValueError(
                f"{type(self).__name__}: {len(self.lr_lambdas)} functions for {len(groups)} groups"
            )
        if last_epoch != -1 and not all("initial_lr" in g for g in groups):
            raise ValueError(
                f"{type(self).__name__}: to go on after step {last_epoch} every group needs its initial_lr"
            )
        self.optimizer = optimizer
        self.base_lrs = [g.setdefault("initial_lr", g["lr"]) for g in groups]
        self.last_epoch = last_epoch + 1
        self._write()

    def step(self):
        """Count one step and write the new learning rates; call it after optimizer.step()."""
        self.last_epoch += 1
        self._write()

    def get_last_lr(self):
        """The learning rates now, one per group."""
        return [g["lr"] for g in self.optimizer.param_groups]

    def state_dict(self):
        """Where the schedule stands."""
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state):
        """Go on from there."""
        self.last_epoch, self.base_lrs = int(state["last_epoch"]), list(state["base_lrs"])
        self._write()

    def _write(self):
        for group, base, factor in zip(self.optimizer.param_groups, self.base_lrs, self.lr_lambdas):
            group["lr"] = self.rate(base, factor(self.last_epoch))

    def rate(self, base, factor):
        """The learning rate for an initial one and what its function says at this step."""
        return base * factor


class StepLR(LambdaLR):
    """lr = initial lr * gamma ^ (step // step_size)"""

    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        if step_size < 1:
            raise ValueError(f"StepLR: step_size must be at least 1, got {step_size}")
        super().__init__(optimizer, lambda step: gamma ** (step // step_size), last_epoch)


class MultiStepLR(LambdaLR):
    """lr = initial lr * gamma ^ (number of milestones passed)"""

    def __init__(self, optimizer, milestones, gamma=0.1, last_epoch=-1):
        super().__init__(optimizer, lambda step: gamma ** sum(step >= m for m in milestones), last_epoch)


class CosineAnnealingLR(LambdaLR):
    """lr = eta_min + (initial lr - eta_min)(1 + cos(pi step / T_max)) / 2. Loshchilov & Hutter (2017)."""

    def __init__(self, optimizer, T_max, eta_min=0.0, last_epoch=-1):
        if T_max <= 0:
            raise ValueError(f"CosineAnnealingLR: T_max must be positive, got {T_max}")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, lambda step: (1 + math.cos(math.pi * step / T_max)) / 2, last_epoch)

    def rate(self, base, factor):
        return self.eta_min + (base - self.eta_min) * factor
