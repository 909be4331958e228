"""The one training loop: progress, checkpoints from which a run resumes to the identical result, and a diagnosis."""

import json
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

import pyconvnet as pcn
from lectures.pathologies import diagnose, refuse_not_finite
from pyconvnet.io import load_with_metadata, save


class OtherSettings(ValueError):
    """A checkpoint that another kind of run wrote: other steps, seed or data."""


class Interrupted(Exception):
    """Ctrl-C: the checkpoint is written, `--resume` goes on from it."""


@dataclass
class Training:
    """Everything that changes while a model learns; `save` and `load` it whole.

    `settings` (JSON-able) tells runs apart: a checkpoint of other settings is refused.
    """

    model: object
    optimizer: object
    scheduler: object
    steps: int
    settings: dict
    losses: list = field(default_factory=list)
    parts: dict = field(default_factory=dict)  # {name: numbers, one a step} where the loss has several terms
    seconds: float = 0.0

    @property
    def step(self):
        """Steps done."""
        return len(self.losses)

    def save(self, path):
        """Write a checkpoint, whole or not at all."""
        state = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        for i, entries in self.optimizer.state_dict()["state"].items():
            state.update({f"optimizer.{i}.{k}": v for k, v in entries.items()})
        state["lr"] = np.array([group["lr"] for group in self.optimizer.param_groups])
        state["losses"] = np.array(self.losses, np.float64)
        state.update({f"part.{name}": np.array(values, np.float64) for name, values in self.parts.items()})
        save(state, path, {"settings": json.dumps(self.settings, sort_keys=True), "seconds": repr(self.seconds)})

    def load(self, path):
        """Take up a checkpoint; OtherSettings if it belongs to another run, ValueError if damaged."""
        state, metadata = load_with_metadata(path)
        mine, theirs = json.dumps(self.settings, sort_keys=True), metadata.get("settings")
        if mine != theirs:
            raise OtherSettings(f"{path} was made with other settings: {theirs}, now {mine}; leave --resume out")
        load_weights(self.model, path)
        entries = {}
        for key, v in state.items():
            if key.startswith("optimizer."):
                _, i, name = key.split(".")
                entries.setdefault(int(i), {})[name] = v.data
        groups = self.optimizer.state_dict()["param_groups"]
        rates = state["lr"].tolist() if "lr" in state else []
        if len(rates) != len(groups):
            raise ValueError(f"{path} holds {len(rates)} learning rates for {len(groups)} groups; leave --resume out")
        groups = [{**group, "lr": lr} for group, lr in zip(groups, rates)]
        self.optimizer.load_state_dict({"state": entries, "param_groups": groups})
        self.losses = state["losses"].tolist()
        self.parts = {k.removeprefix("part."): v.tolist() for k, v in state.items() if k.startswith("part.")}
        self.seconds = float(metadata["seconds"])
        self.scheduler.load_state_dict({**self.scheduler.state_dict(), "last_epoch": self.step})


def load_weights(model, checkpoint):
    """Give `model` the weights of a checkpoint; (settings of the run that wrote it, steps it had done)."""
    state, metadata = load_with_metadata(checkpoint)
    model.load_state_dict({k.removeprefix("model."): v for k, v in state.items() if k.startswith("model.")})
    return json.loads(metadata.get("settings", "{}")), len(state["losses"])


def train(training, batches, loss_of, checkpoint=None, resume=False, every=100):
    """Do the steps that are left. `batches(k)` iterates batches k, k + 1, ...; `loss_of(model, batch)` is a Tensor,
    or a dict by name of Tensors, whose sum is minimised, and of numbers, which are only noted (`Training.parts`).

    A checkpoint is written every `every` steps, at the end, and on Ctrl-C (then Interrupted is raised).
    RuntimeError if the loss stops being finite, warnings where it is ill otherwise: `lectures.pathologies`.
    """
    checkpoint = None if checkpoint is None else Path(checkpoint)
    if resume and checkpoint is not None and checkpoint.is_file():
        training.load(checkpoint)
        print(f"resumed {checkpoint} at step {training.step} of {training.steps}")
    training.model.train()
    bar = tqdm(total=training.steps, initial=training.step, desc="training", unit="step", mininterval=0.5)
    with bar, _interrupt_at_the_end_of_a_step() as interrupted:
        clock = time.perf_counter()
        for batch in islice(batches(training.step), training.steps - training.step):
            loss, parts = _sum(loss_of(training.model, batch))
            training.optimizer.zero_grad()
            loss.backward()
            training.losses.append(loss.item())
            refuse_not_finite(training, loss_of, batch)
            training.optimizer.step()
            training.scheduler.step()
            for name, v in parts.items():
                training.parts.setdefault(name, []).append(v)
            clock, before = time.perf_counter(), clock
            training.seconds += clock - before  # with the time that the batch took
            bar.update()
            if training.step % 10 == 0:
                bar.set_postfix_str(f"loss {np.mean(training.losses[-50:]):.3f}", refresh=False)
            due = training.step % every == 0 or training.step == training.steps or interrupted.is_set()
            if checkpoint is not None and due:
                training.save(checkpoint)
            if interrupted.is_set():
                where = f"; {checkpoint} is whole, go on with --resume" if checkpoint else ""
                raise Interrupted(f"interrupted after step {training.step} of {training.steps}{where}")
    training.model.eval()
    diagnose(training)


def _sum(loss):
    """(the Tensor to minimise, {name: value}) of what a `loss_of` returned."""
    if not isinstance(loss, dict):
        return loss, {}
    terms = [v for v in loss.values() if isinstance(v, pcn.Tensor)]
    return sum(terms[1:], terms[0]), {k: v.item() if isinstance(v, pcn.Tensor) else float(v) for k, v in loss.items()}


@contextmanager
def _interrupt_at_the_end_of_a_step():
    """Ctrl-C only sets an event, so that no checkpoint is taken in the middle of an update; twice means at once."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def note(signum, frame):
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    before = signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
