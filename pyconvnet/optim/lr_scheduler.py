"""Learning-rate schedules: each writes `lr` of the optimiser's groups as a function of the number of steps."""

import math


class LambdaLR:
    """lr = initial lr * lr_lambda(step)"""

    def __init__(self, optimizer, lr_lambda):
        self.optimizer, self.lr_lambda = optimizer, lr_lambda
        self.base_lrs = [g.setdefault("initial_lr", g["lr"]) for g in optimizer.param_groups]
        self.last_epoch = 0
        self._write()

    def factor(self, step):
        """What the initial learning rate is multiplied with at `step`."""
        return self.lr_lambda(step)

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
        for group, base in zip(self.optimizer.param_groups, self.base_lrs):
            group["lr"] = base * self.factor(self.last_epoch)


class StepLR(LambdaLR):
    """lr = initial lr * gamma ^ (step // step_size)"""

    def __init__(self, optimizer, step_size, gamma=0.1):
        super().__init__(optimizer, lambda step: gamma ** (step // step_size))


class MultiStepLR(LambdaLR):
    """lr = initial lr * gamma ^ (number of milestones passed)"""

    def __init__(self, optimizer, milestones, gamma=0.1):
        super().__init__(optimizer, lambda step: gamma ** sum(step >= m for m in milestones))


class CosineAnnealingLR(LambdaLR):
    """lr = eta_min + (initial lr - eta_min)(1 + cos(pi step / T_max)) / 2. Loshchilov & Hutter (2017)."""

    def __init__(self, optimizer, T_max, eta_min=0.0):
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, lambda step: (1 + math.cos(math.pi * step / T_max)) / 2)

    def _write(self):
        for group, base in zip(self.optimizer.param_groups, self.base_lrs):
            group["lr"] = self.eta_min + (base - self.eta_min) * self.factor(self.last_epoch)
