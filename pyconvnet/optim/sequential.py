"""Several schedules in a row."""

from bisect import bisect_right
from collections.abc import Mapping

from .schedule import LRScheduler, listed, whole


class SequentialLR(LRScheduler):
    """One schedule after the other: schedulers[i] from step milestones[i - 1] on, each counting its own steps."""

    def __init__(self, optimizer, schedulers, milestones, last_epoch=-1):
        schedulers = listed(self, "schedulers", schedulers)
        milestones = [whole(self, "milestones", m) for m in listed(self, "milestones", milestones)]
        if not schedulers or len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedulers need one milestone less, got {len(milestones)}"
            )
        if milestones != sorted(milestones):
            raise ValueError(f"SequentialLR: milestones must rise, got {milestones}")
        for i, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(f"SequentialLR: schedulers[{i}] is no schedule but {type(scheduler).__name__}")
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"SequentialLR: schedulers[{i}] belongs to another optimizer")
        self._schedulers, self._milestones, self.optimizer = schedulers, milestones, optimizer
        self.last_epoch = whole(self, "last_epoch", last_epoch, -1) + 1
        # All of them wrote their first rates when they were made: begin again, with the first alone.
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self._undo_first_step()
        self._start()

    def step(self):
        """Count one step and write the rates of the schedule whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn and self._milestones[turn - 1] == self.last_epoch:
            scheduler._restart()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def state_dict(self):
        """Where this and each of its schedules stand."""
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict):
        """Go on from there."""
        saved = state_dict.get("_schedulers") if isinstance(state_dict, Mapping) else None
        if not isinstance(saved, (list, tuple)) or len(saved) != len(self._schedulers):
            raise ValueError(f"SequentialLR: a state dict has the state of {len(self._schedulers)} schedulers")
        super().load_state_dict(state_dict)
        for scheduler, state in zip(self._schedulers, saved):
            scheduler.load_state_dict(state)

    def _undo_first_step(self):
        for scheduler in self._schedulers:
            if isinstance(scheduler, SequentialLR):
                scheduler._undo_first_step()
            else:
                scheduler.last_epoch -= 1

    def _start(self):
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._start()
        self._last_lr = first.get_last_lr()

    def _restart(self):
        self.last_epoch = 0
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._restart()
        self._last_lr = first.get_last_lr()
